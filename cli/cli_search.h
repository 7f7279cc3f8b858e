/*
 * larder search: what there is at the Hub.
 *
 * One thread.
 */
#ifndef CLI_CLI_SEARCH_H
#define CLI_CLI_SEARCH_H

#include "cli/cli_session.h"

struct buf;

enum cli_exit cli_search(const struct cli_session *session);

/* "7B..14B", "..500M", "70B..", "7B" (that size, give or take a tenth): the least and the most
 * parameters, 0 where there is no bound. -1 with ERR_INVALID. Pure. */
int cli_search_read_range(const char *text, uint64_t *ret_min, uint64_t *ret_max,
			  struct error *err) MUST_USE;

/* The rows of hub.search as a table of at most `columns` (0: any). Pure. */
void cli_search_render(struct buf *b, struct json_object *results, size_t columns,
		       bool is_utf8);

#endif
