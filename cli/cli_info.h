/*
 * larder info: what a repository at the Hub is, and its card, for whoever chooses in a
 * terminal.
 *
 * One thread.
 */
#ifndef CLI_CLI_INFO_H
#define CLI_CLI_INFO_H

#include "cli/cli_session.h"

enum cli_exit cli_info(const struct cli_session *session);

/* The facts of hub.model's answer, a line each. Pure. */
void cli_info_add_facts(struct buf *b, struct json_object *model);

/* The card's stream (downloader/card.h) as text in at most `width` columns (0: 80): headings,
 * lists, quotes and tables as far as letters can show them, addresses in brackets behind what
 * they are of, but those that begin with `page`, which are of the repository itself. Pure. */
void cli_info_add_text(struct buf *b, struct json_object *tokens, struct str page,
		       size_t width);

#endif
