/*
 * larder ps: the downloads there are; and what can be done with one: pause, resume, cancel,
 * retry, forget.
 *
 * One thread.
 */
#ifndef CLI_CLI_PS_H
#define CLI_CLI_PS_H

#include "cli/cli_session.h"

enum cli_exit cli_ps(const struct cli_session *session);

/* The rows of an array of downloads as a table for `columns` (0: unlimited), ids with `id_len`
 * characters, waits counted from `now_ms`. Pure. */
void cli_ps_render(struct buf *b, struct json_object *downloads, size_t id_len, size_t columns,
		   bool is_utf8, int64_t now_ms);

/* Each takes ids, or the beginnings of ids. Nothing is done when one of them is not clear. */
enum cli_exit cli_pause(const struct cli_session *session);
enum cli_exit cli_resume(const struct cli_session *session);
enum cli_exit cli_cancel(const struct cli_session *session);
enum cli_exit cli_retry(const struct cli_session *session);
enum cli_exit cli_forget(const struct cli_session *session);

#endif
