/*
 * larder hash-password: what LARDER_PASSWORD_HASH takes, made of a password that is asked for
 * twice on a terminal, without showing it, or read as one line from elsewhere. Nobody is asked
 * over the control socket; larderd need not run.
 *
 * One thread.
 */
#ifndef CLI_CLI_PASSWORD_H
#define CLI_CLI_PASSWORD_H

#include "cli/cli_session.h"

enum cli_exit cli_hash_password(const struct cli_session *session);

#endif
