/*
 * The commands about keeping the library current and whole that are no jobs: check, scrub.
 *
 * One thread.
 */
#ifndef CLI_CLI_CARE_H
#define CLI_CLI_CARE_H

#include "cli/cli_session.h"

enum cli_exit cli_check(const struct cli_session *session);

/* CLI_EXIT_FAILED when the last scrub, or the one under way, has found something changed or
 * missing. */
enum cli_exit cli_scrub(const struct cli_session *session);

/* The result of scrub.get for people. Pure. */
void cli_scrub_render(struct buf *b, struct json_object *scrub);

#endif
