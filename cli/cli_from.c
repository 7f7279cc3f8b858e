#include "cli/cli_from.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_args.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/quote.h"
#include "common/schema.h"

static int read_all(FILE *file, const char *name, struct buf *b, struct error *err)
{
	char piece[4096];
	size_t n;

	while (!buf_is_overflown(b) && (n = fread(piece, 1, sizeof(piece), file)) > 0)
		buf_add(b, (struct str){ .p = piece, .n = n });
	if (ferror(file) != 0)
		return error_set_errno(err, ERR_INVALID, "%s", quote_text(str_from(name)).text);
	if (buf_is_overflown(b))
		return error_set(err, ERR_INVALID, "%s is longer than %d bytes",
				 quote_text(str_from(name)).text, SCHEMA_PASTE_MAX);
	return 0;
}

static int read_file(const char *name, struct buf *b, struct error *err)
{
	FILE *file;
	int result;

	if (strcmp(name, "-") == 0)
		return read_all(stdin, "standard input", b, err);
	file = fopen(name, "re");
	if (file == NULL)
		return error_set_errno(err, ERR_INVALID, "%s", quote_text(str_from(name)).text);
	result = read_all(file, name, b, err);
	(void)fclose(file);
	return result;
}

int cli_from_read(const struct cli_session *session, struct json_object **ret,
		  struct error *err)
{
	AUTO(buf) text = buf_new(SCHEMA_PASTE_MAX);
	AUTO_JSON params = json_object_new_object();

	if (read_file(cli_args_value(session->args, CLI_OPTION_FROM), text, err) < 0)
		return -1;
	json_add_str(params, "text", buf_str(text));
	return cli_session_call(session, "paste.read", params, RPC_TIMEOUT_MS, ret, NULL, err);
}

void cli_from_add_place(struct buf *b, struct json_object *entry)
{
	struct str name = json_get_str(entry, "name");
	struct str folder = json_get_str(entry, "folder");

	if (name.n == 0)
		return;
	if (folder.n > 0) {
		cli_text_add_escaped(b, folder);
		buf_add_char(b, '/');
	}
	cli_text_add_escaped(b, name);
	if (json_is_true(entry, "present")) {
		buf_add(b, S(": is here\n"));
		return;
	}
	buf_add(b, S(": from "));
	cli_text_add_escaped(b, json_get_str(entry, "repo"));
	buf_add_char(b, '\n');
}
