/*
 * What all settings come to now, in words: "paused, by the schedule, for another 3 h".
 *
 * One thread.
 */
#ifndef CLI_CLI_EFFECT_H
#define CLI_CLI_EFFECT_H

#include "cli/cli_session.h"

/* The member `effect` of settings.get; times are counted from `now_ms`. Pure. */
void cli_effect_add(struct buf *b, struct json_object *effect, int64_t now_ms);

/* Asks larderd, and adds a line that says why nothing is begun now and for how long, or
 * nothing: also when it does not answer. */
void cli_effect_add_pause(const struct cli_session *session, struct buf *b, int64_t now_ms);

#endif
