/*
 * larder get, and what else is a job in larderd's queue: makes jobs and waits until each has
 * ended.
 *
 * One thread; the signals that end the program are taken care of while it waits.
 */
#ifndef CLI_CLI_GET_H
#define CLI_CLI_GET_H

#include "cli/cli_session.h"

/* CLI_EXIT_OK only when every download is `completed` (with --no-wait: accepted). A download
 * that is in the queue already is waited for as if it were new. When larderd goes away it is
 * waited for, for a minute. Ctrl-C leaves the downloads to larderd. */
enum cli_exit cli_get(const struct cli_session *session);

/* The same for models that are here. A verification that finds something changed or missing
 * ends with CLI_EXIT_FAILED. */
enum cli_exit cli_repair(const struct cli_session *session);
enum cli_exit cli_update(const struct cli_session *session);
enum cli_exit cli_verify(const struct cli_session *session);

#endif
