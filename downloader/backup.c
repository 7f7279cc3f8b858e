#include "downloader/backup.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "common/folder.h"
#include "common/log.h"
#include "downloader/db.h"
#include "downloader/file.h"
#include "downloader/store.h"

#define PREFIX "larder-"
#define SUFFIX ".db"

struct making {
	struct pool_task task; /* first: the pool's */
	char *state_dir;
	char *path;
	uint64_t bytes;
	struct error error;
	backup_done_fn done;
	void *ctx;
};

static bool is_backup(const char *name)
{
	struct str s = str_from(name);

	return str_has_prefix(s, S(PREFIX)) && str_has_suffix(s, S(SUFFIX));
}

static int is_ours(const struct dirent *entry)
{
	return is_backup(entry->d_name) ? 1 : 0;
}

/* Their names say when they were made: the oldest come first. */
static void remove_oldest(const char *folder)
{
	struct dirent **entries = NULL;
	int n = scandir(folder, &entries, is_ours, alphasort);

	for (int i = 0; i < n; i++) {
		AUTO_CSTR path = mem_printf("%s/%s", folder, entries[i]->d_name);

		if (i < n - BACKUPS_KEPT && unlink(path) < 0)
			log_warning("%s: an old backup cannot be removed", path);
		free(entries[i]);
	}
	free(entries);
}

static char *name_of_now(void)
{
	char text[32] = "";
	struct timespec now;
	struct tm utc;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) != NULL)
		(void)strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &utc);
	return mem_printf(PREFIX "%s.%03ldZ" SUFFIX, text, now.tv_nsec / 1000000);
}

static int sync_folder(const char *folder, struct error *err)
{
	AUTO_FD fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? 0
					 : error_set_errno(err, ERR_DISK_ERROR, "%s", folder);
}

static int make(struct making *m, struct error *err)
{
	AUTO_CSTR folder = mem_printf("%s/backups", m->state_dir);
	AUTO_CSTR from = mem_printf("%s/" STORE_FILE, m->state_dir);
	AUTO_CSTR name = name_of_now();
	struct stat st;

	if (folder_make(folder, 0700, NULL, err) < 0)
		return -1;
	m->path = mem_printf("%s/%s", folder, name);
	if (db_copy(from, m->path, err) < 0 || sync_folder(folder, err) < 0)
		return -1;
	if (stat(m->path, &st) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", m->path);
	m->bytes = (uint64_t)st.st_size;
	remove_oldest(folder);
	return 0;
}

static void run(struct pool_task *task)
{
	struct making *m = (struct making *)task;

	m->error.code = ERR_NONE;
	(void)make(m, &m->error);
}

static void on_made(struct pool_task *task)
{
	struct making *m = (struct making *)task;
	bool is_made = m->error.code == ERR_NONE;

	m->done(m->ctx, m->path, m->bytes, is_made ? NULL : &m->error);
	free(m->state_dir);
	free(m->path);
	free(m);
}

void backup_make(struct pool *pool, const char *state_dir, backup_done_fn done, void *ctx)
{
	struct making *m = mem_alloc(sizeof(*m));

	m->task.run = run;
	m->task.done = on_made;
	m->state_dir = mem_strdup(state_dir);
	m->done = done;
	m->ctx = ctx;
	pool_submit(pool, &m->task);
}

/* --- putting one back --- */

static int move(const char *from, const char *to, struct error *err)
{
	return rename(from, to) == 0 ? 0 : error_set_errno(err, ERR_DISK_ERROR, "%s", from);
}

/* The log of the old one must not be taken for the new one's: it goes into the old one, which
 * is then whole by itself. */
static int put_aside(const char *present, struct error *err)
{
	AUTO_CSTR aside = mem_printf("%s.before-restore", present);
	AUTO_CSTR log = mem_printf("%s-wal", present);
	AUTO_CSTR index = mem_printf("%s-shm", present);

	if (access(present, F_OK) < 0)
		return 0;
	if (db_fold(present, err) < 0) {
		/* It may be damaged, which may be why it is replaced. */
		log_warning("%s; it is kept as it is, its log beside it", err->text);
		if (access(log, F_OK) == 0) {
			AUTO_CSTR aside_log = mem_printf("%s-wal", aside);

			if (move(log, aside_log, err) < 0)
				return -1;
		}
	}
	(void)unlink(log);
	(void)unlink(index);
	return move(present, aside, err);
}

static int restore(const char *path, const char *state_dir, struct error *err)
{
	AUTO_CSTR present = mem_printf("%s/" STORE_FILE, state_dir);
	AUTO_CSTR fresh = mem_printf("%s.new", present);
	AUTO_FD lock = -1;

	if (folder_make(state_dir, 0700, NULL, err) < 0)
		return -1;
	lock = store_lock(state_dir, err);
	if (lock < 0 || store_inspect(path, err) < 0)
		return -1;
	(void)unlink(fresh);
	if (db_copy(path, fresh, err) < 0 || put_aside(present, err) < 0 ||
	    move(fresh, present, err) < 0)
		return -1;
	return sync_folder(state_dir, err);
}

/* The bytes of `fd`, under a name of our own. */
static int fetch(int fd, const char *name, const char *to, struct error *err)
{
	AUTO_FD out = open(to, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	char piece[64 * 1024];
	uint64_t at = 0;
	ssize_t n = 0;

	if (out < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", to);
	while ((n = read(fd, piece, sizeof(piece))) > 0) {
		if (file_write_at(out, (struct str){ .p = piece, .n = (size_t)n }, at, err) < 0)
			return error_prefix(err, "%s", to);
		at += (uint64_t)n;
	}
	return n == 0 ? 0 : error_set_errno(err, ERR_DISK_ERROR, "%s", name);
}

int backup_restore(const char *path, int fd, const char *state_dir, struct error *err)
{
	AUTO_CSTR given = mem_printf("%s/" STORE_FILE ".given", state_dir);
	int result;

	if (fd < 0 || access(path, R_OK) == 0)
		return restore(path, state_dir, err);
	if (folder_make(state_dir, 0700, NULL, err) < 0)
		return -1;
	(void)unlink(given);
	result = fetch(fd, path, given, err);
	if (result == 0)
		result = restore(given, state_dir, err);
	(void)unlink(given);
	return result;
}
