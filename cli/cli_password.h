/*
 * larder sign-out: every session ends. larder hash-password: what LARDER_PASSWORD_HASH takes,
 * made of a password that is asked for twice on a terminal, without showing it, or read as one
 * line from elsewhere; larderd need not run for it.
 *
 * One thread.
 */
#ifndef CLI_CLI_PASSWORD_H
#define CLI_CLI_PASSWORD_H

#include "cli/cli_session.h"

enum cli_exit cli_sign_out(const struct cli_session *session);
enum cli_exit cli_hash_password(const struct cli_session *session);

#endif
