#include "cli/cli_session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/cli_args.h"
#include "cli/cli_term.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/schema.h"

enum {
	PAGES_MAX = 1000, /* of a list: more than any queue has */
};

int cli_session_call(const struct cli_session *session, const char *method,
		     struct json_object *params, int timeout_ms,
		     struct json_object **ret_result, struct json_object **ret_extra,
		     struct error *err)
{
	return rpc_call(session->socket_path, method, params, NULL, timeout_ms, ret_result,
			ret_extra, err);
}

/* --- errors --- */

enum cli_exit cli_session_exit(const struct error *err)
{
	if (err->code == ERR_DAEMON_UNAVAILABLE)
		return CLI_EXIT_NO_DAEMON;
	if (err->code == ERR_INVALID || err->code == ERR_BAD_REQUEST)
		return CLI_EXIT_USAGE;
	return CLI_EXIT_FAILED;
}

enum cli_exit cli_session_worse(enum cli_exit a, enum cli_exit b)
{
	return a > b ? a : b;
}

/* The shared hint is for the web page, which recovers by itself. */
static const char *hint_for(const struct error *err)
{
	if (err->code == ERR_DAEMON_UNAVAILABLE && (err->sys == EACCES || err->sys == EPERM))
		return "become root, or a member of the group that owns it (usermod -aG), and "
		       "sign in again";
	if (err->code == ERR_DAEMON_UNAVAILABLE)
		return "start larderd, or name its control socket with --socket=PATH; its log "
		       "says"
		       " why it does not run";
	return error_code_hint(err->code);
}

void cli_session_warn(const struct cli_session *session, const char *subject,
		      const struct error *err)
{
	AUTO(buf) text = buf_new(16 * (size_t)1024);
	size_t columns = cli_term_columns(CLI_TERM_ERR);
	AUTO(buf) folded = NULL;
	const char *hint = hint_for(err);

	buf_add(text, S("larder: "));
	if (subject != NULL) {
		cli_text_add_escaped(text, str_from(subject));
		buf_add(text, S(": "));
	}
	cli_text_add_escaped(text, str_from(err->text));
	if (err->code == ERR_DAEMON_UNAVAILABLE && session != NULL) {
		buf_add(text, S(" ("));
		cli_text_add_escaped(text, str_from(session->socket_path));
		buf_add_char(text, ')');
	}
	buf_add_char(text, '\n');
	if (hint != NULL)
		buf_addf(text, "  hint: %s\n", hint);
	folded = buf_new(cli_text_folded_max(buf_str(text), columns));
	cli_text_add_folded(folded, buf_str(text), columns);
	(void)fflush(stdout);
	(void)fputs(buf_cstr(folded), stderr);
}

struct json_object *cli_session_error_json(const struct error *err)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, "code", error_code_name(err->code));
	json_add_cstr(object, "message", err->text);
	json_add_cstr(object, "field", err->field[0] != '\0' ? err->field : NULL);
	json_add_cstr(object, "hint", hint_for(err));
	return object;
}

enum cli_exit cli_session_fail(const struct cli_session *session, const struct error *err)
{
	struct json_object *object;

	if (session->is_json) {
		object = json_object_new_object();
		json_take(object, "error", cli_session_error_json(err));
		cli_session_print_json(object, NULL);
	} else {
		cli_session_warn(session, NULL, err);
	}
	return cli_session_exit(err);
}

void cli_session_note(struct json_object **errors, const char *name, const char *subject,
		      const struct error *err)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, name, subject);
	json_take(object, "error", cli_session_error_json(err));
	if (*errors == NULL)
		*errors = json_object_new_array();
	(void)json_object_array_add(*errors, object);
}

/* --- results --- */

void cli_session_print_json(struct json_object *take_object, struct json_object *take_errors)
{
	AUTO_JSON object = take_object;
	struct str text;

	if (take_errors != NULL)
		json_take(object, "errors", take_errors);
	text = json_text(object);
	(void)fwrite(text.p, 1, text.n, stdout);
	(void)fputc('\n', stdout);
}

void cli_session_print_as_is(const struct buf *text)
{
	(void)fwrite(buf_str(text).p, 1, buf_str(text).n, stdout);
}

void cli_session_print(const struct buf *text)
{
	size_t columns = cli_term_columns(CLI_TERM_OUT);
	AUTO(buf) folded = NULL;

	if (columns > 0) {
		folded = buf_new(cli_text_folded_max(buf_str(text), columns));
		cli_text_add_folded(folded, buf_str(text), columns);
		text = folded;
	}
	cli_session_print_as_is(text);
}

int cli_session_pages(const struct cli_session *session, const char *method,
		      struct json_object *params, const char *member, size_t limit,
		      size_t page_max, struct json_object **ret, struct error *err)
{
	AUTO_JSON all = json_object_new_array();
	AUTO_JSON page = NULL;

	for (unsigned i = 0; i < PAGES_MAX; i++) {
		size_t more = limit - json_object_array_length(all);
		struct json_object *rows;
		struct str cursor;
		size_t n;

		json_add_u64(params, "limit", more < page_max ? more : page_max);
		json_free(&page);
		if (cli_session_call(session, method, params, RPC_TIMEOUT_MS, &page, NULL,
				     err) < 0)
			return -1;
		rows = json_get(page, member);
		n = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows)
							       : 0;
		for (size_t j = 0; j < n; j++)
			(void)json_object_array_add(
				all, json_object_get(json_object_array_get_idx(rows, j)));
		cursor = json_get_str(page, "next_cursor");
		/* Pages without a row could go on for ever. */
		if (cursor.n == 0 || n == 0 || json_object_array_length(all) >= limit)
			break;
		json_add_str(params, "cursor", cursor);
	}
	json_take(page, member, MOVE(all));
	*ret = MOVE(page);
	return 0;
}

int cli_session_list(const struct cli_session *session, const char *state,
		     struct json_object **ret, struct error *err)
{
	AUTO_JSON params = json_object_new_object();
	AUTO_JSON list = NULL;

	json_add_cstr(params, "state", state);
	if (cli_session_pages(session, "download.list", params, "downloads", SIZE_MAX,
			      SCHEMA_PAGE_MAX, &list, err) < 0)
		return -1;
	*ret = json_object_new_object();
	json_take(*ret, "downloads", json_object_get(json_get(list, "downloads")));
	return 0;
}

static void add_texts(struct json_object *params, const char *name, const struct cli_args *args,
		      enum cli_option option)
{
	size_t n;
	const char *const *values = cli_args_values(args, option, &n);
	struct json_object *array;

	if (n == 0)
		return;
	array = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(array, json_object_new_string(values[i]));
	json_take(params, name, array);
}

struct json_object *cli_session_choice(const struct cli_session *session, const char *repo)
{
	struct json_object *params = json_object_new_object();
	const char *revision = cli_args_value(session->args, CLI_OPTION_REVISION);
	const char *type = cli_args_value(session->args, CLI_OPTION_TYPE);

	json_add_cstr(params, "repo", repo);
	if (revision != NULL)
		json_add_cstr(params, "revision", revision);
	if (type != NULL)
		json_add_cstr(params, "type", type);
	add_texts(params, "select", session->args, CLI_OPTION_SELECT);
	add_texts(params, "exclude", session->args, CLI_OPTION_EXCLUDE);
	return params;
}

int cli_session_read_secret(const char *prompt, char *ret, size_t size, struct error *err)
{
	struct termios before;
	bool is_terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	char *got;

	if (is_terminal) {
		struct termios silent = before;

		silent.c_lflag &= ~(tcflag_t)ECHO;
		(void)fputs(prompt, stderr);
		(void)fflush(stderr);
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
	}
	got = fgets(ret, (int)size, stdin);
	if (is_terminal) {
		(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
		(void)fputc('\n', stderr);
	}
	if (got == NULL)
		return error_set(err, ERR_INVALID, "there was nothing to read");
	ret[strcspn(ret, "\n")] = '\0';
	return 0;
}
