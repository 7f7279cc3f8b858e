/*
 * One run of the program: where larderd is, whether a person or a program reads the answer, and
 * the two ways out: a result and an error. Commands print nothing but through here, a table, or
 * the terminal.
 *
 * One thread.
 */
#ifndef CLI_CLI_SESSION_H
#define CLI_CLI_SESSION_H

#include "common/error.h"
#include "common/json.h"
#include "common/rpc.h"

struct buf;
struct cli_args;

/* How the program ends. */
enum cli_exit {
	CLI_EXIT_OK = 0,
	CLI_EXIT_FAILED = 1,    /* what was asked for did not come about */
	CLI_EXIT_USAGE = 2,     /* it was asked for in a way that cannot be */
	CLI_EXIT_NO_DAEMON = 3, /* nobody was there to ask */
	CLI_EXIT_SIGNAL = 128,  /* plus the signal: 130 for Ctrl-C */
};

/* Borrowed from main(). */
struct cli_session {
	const char *socket_path;
	bool is_json;
	const struct cli_args *args;
};

/* rpc_call() at the session's socket. */
int cli_session_call(const struct cli_session *session, const char *method,
		     struct json_object *params, int timeout_ms,
		     struct json_object **ret_result, struct json_object **ret_extra,
		     struct error *err) MUST_USE;

/* How the program ends after this error. */
enum cli_exit cli_session_exit(const struct error *err);

/* The graver of two. */
enum cli_exit cli_session_worse(enum cli_exit a, enum cli_exit b);

/* "larder: text" and "  hint: ..." on stderr. `subject` ("owner/name") may be NULL. */
void cli_session_warn(const struct cli_session *session, const char *subject,
		      const struct error *err);

/* Ends a command that came to nothing: the error on stderr, or as {"error":{...}} on stdout.
 * Returns cli_session_exit(). */
enum cli_exit cli_session_fail(const struct cli_session *session, const struct error *err);

/* {"code","message","field","hint"}, the last two null when there is nothing to say. */
struct json_object *cli_session_error_json(const struct error *err);

/* {"repo": subject, "error": {...}} added to the array *errors, which is made when NULL. */
void cli_session_note(struct json_object **errors, const char *name, const char *subject,
		      const struct error *err);

/* The document of a command, on stdout; `errors` becomes its member "errors" unless NULL. Both
 * are consumed. */
void cli_session_print_json(struct json_object *take_object, struct json_object *take_errors);

/* Text on stdout; on a terminal, lines that are too wide for it are folded. */
void cli_session_print(const struct buf *text);
/* The same, of text that is made for the width already. */
void cli_session_print_as_is(const struct buf *text);

/* Asks for the rows of a list, page by page of at most `page_max`, until there are `limit`
 * (SIZE_MAX: all): the last page's answer, to free, with all of them in its `member`. `params`
 * gets limit and cursor. */
int cli_session_pages(const struct cli_session *session, const char *method,
		      struct json_object *params, const char *member, size_t limit,
		      size_t page_max, struct json_object **ret, struct error *err) MUST_USE;

/* Asks for the rows of download.list in `state`, all pages: {"downloads":[...]} to free. */
int cli_session_list(const struct cli_session *session, const char *state,
		     struct json_object **ret, struct error *err) MUST_USE;

/* One line of standard input without its end, at most `size` - 1 bytes; on a terminal `prompt`
 * is shown and what is typed is not. */
int cli_session_read_secret(const char *prompt, char *ret, size_t size,
			    struct error *err) MUST_USE;

/* The parameters of preview.make and download.create that stand in the options: to free. */
struct json_object *cli_session_choice(const struct cli_session *session, const char *repo);

#endif
