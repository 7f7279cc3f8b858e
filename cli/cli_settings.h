/*
 * larder settings: what can be changed while larderd runs. Alone it shows the settings; `set`
 * and words like limit=2MB change them and show what has come of it.
 *
 * One thread.
 */
#ifndef CLI_CLI_SETTINGS_H
#define CLI_CLI_SETTINGS_H

#include "cli/cli_session.h"

enum cli_exit cli_settings(const struct cli_session *session);

/* Adds KEY=VALUE to the parameters of settings.patch, in which null is the default. -1 with
 * ERR_INVALID and the key as field. Pure. */
int cli_settings_add(struct json_object *patch, const char *word, struct error *err) MUST_USE;

/* settings.get as text; times are counted from `now_ms`. Pure. */
void cli_settings_render(struct buf *b, struct json_object *settings, int64_t now_ms);

/* What may stand after `settings set`, a word a line: "paused=on", "limit=". Pure. */
void cli_settings_add_words(struct buf *b);

#endif
