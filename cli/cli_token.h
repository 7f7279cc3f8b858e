/*
 * larder token: the Hub's token.
 *
 * One thread.
 */
#ifndef CLI_CLI_TOKEN_H
#define CLI_CLI_TOKEN_H

#include "cli/cli_session.h"

enum cli_exit cli_token(const struct cli_session *session);

#endif
