/*
 * larder audit: who has done what.
 *
 * One thread.
 */
#ifndef CLI_CLI_AUDIT_H
#define CLI_CLI_AUDIT_H

#include "cli/cli_session.h"

enum cli_exit cli_audit(const struct cli_session *session);

#endif
