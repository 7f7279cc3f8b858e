/*
 * larder status: what larderd is doing, and whether it is well.
 *
 * One thread.
 */
#ifndef CLI_CLI_STATUS_H
#define CLI_CLI_STATUS_H

#include "cli/cli_session.h"

/* CLI_EXIT_FAILED when a part is not well. */
enum cli_exit cli_status(const struct cli_session *session);

/* system.status and system.health as text. Pure. */
void cli_status_render(struct buf *b, struct json_object *status, struct json_object *health);

/* Every part of system.health says "ok", and there is one. Pure. */
bool cli_status_is_well(struct json_object *health);

#endif
