/*
 * larder backup: a copy of larderd's database.
 *
 * One thread.
 */
#ifndef CLI_CLI_BACKUP_H
#define CLI_CLI_BACKUP_H

#include "cli/cli_session.h"

enum cli_exit cli_backup(const struct cli_session *session);

#endif
