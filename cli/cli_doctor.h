/*
 * larder doctor: which part of the way from here to the Hub's files fails, and what to do.
 *
 * One thread.
 */
#ifndef CLI_CLI_DOCTOR_H
#define CLI_CLI_DOCTOR_H

#include "cli/cli_session.h"

/* CLI_EXIT_FAILED when something failed. */
enum cli_exit cli_doctor(const struct cli_session *session);

/* doctor.examine's answer as text that takes at most `width` columns (0: as many as it takes).
 * Pure. */
void cli_doctor_render(struct buf *b, struct json_object *report, size_t width, bool is_utf8);

#endif
