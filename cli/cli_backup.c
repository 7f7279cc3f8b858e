#include "cli/cli_backup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_text.h"
#include "common/buf.h"

enum {
	PIECE = 1024 * 1024,
	BACKUP_TIMEOUT_MS = 10 * 60 * 1000, /* a large database on a slow disk */
};

/* What is made anew is nobody else's to read; what is there already is not overwritten. */
static int copy_file(const char *from, const char *to, struct error *err)
{
	AUTO_FD source = open(from, O_RDONLY | O_CLOEXEC);
	AUTO_FD target = -1;
	ssize_t n;

	if (source < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", from);
	target = open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (target < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", to);
	do {
		n = sendfile(target, source, NULL, PIECE);
	} while (n > 0 || (n < 0 && errno == EINTR));
	if (n < 0 || fsync(target) < 0) {
		(void)error_set_errno(err, ERR_DISK_ERROR, "%s", to);
		(void)unlink(to);
		return -1;
	}
	return 0;
}

enum cli_exit cli_backup(const struct cli_session *session)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);
	AUTO_JSON made = NULL;
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);
	const char *path;
	struct error err;

	if (cli_session_call(session, "backup.make", NULL, BACKUP_TIMEOUT_MS, &made, NULL,
			     &err) < 0)
		return cli_session_fail(session, &err);
	path = json_get_str(made, "path").p;
	if (n > 0 && (path == NULL || copy_file(path, words[0], &err) < 0))
		return cli_session_fail(session, &err);
	if (n > 0)
		json_add_cstr(made, "path", words[0]);
	if (session->is_json) {
		cli_session_print_json(MOVE(made), NULL);
		return CLI_EXIT_OK;
	}
	cli_text_add_escaped(text, json_get_str(made, "path"));
	buf_add(text, S(": "));
	cli_text_add_size(text, (uint64_t)json_get_int(made, "bytes", 0));
	buf_add(text, S("\n"));
	cli_session_print(text);
	return CLI_EXIT_OK;
}
