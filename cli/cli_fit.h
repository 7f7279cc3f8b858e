/*
 * What of a model fits the machine that larderd runs on: asked for a preview, or to choose by.
 *
 * One thread.
 */
#ifndef CLI_CLI_FIT_H
#define CLI_CLI_FIT_H

#include "cli/cli_session.h"

/* --context, or 0: as many tokens as larderd takes for granted. */
int cli_fit_context(const struct cli_session *session, int64_t *ret,
		    struct error *err) MUST_USE;

/* preview.fit's answer for a preview with `context` tokens (0: as above), to free; NULL where
 * the preview has nothing to judge, or larderd does not say. */
struct json_object *cli_fit_ask(const struct cli_session *session, struct json_object *preview,
				int64_t context);

/* A line that says so where the answer was made without a graphics card, since none is known.
 */
void cli_fit_add_no_card(struct buf *b, struct json_object *fit);

/* --fit: adds to the parameters of a download, which name a repository, the variant that is
 * recommended for this machine, at the commit that was looked at; `said` gets lines about it.
 * Parameters that name what to take are left as they are. -1 with `err` when none fits, or
 * there is none to recommend. */
int cli_fit_choose(const struct cli_session *session, struct json_object *params,
		   struct buf *said, struct error *err) MUST_USE;

#endif
