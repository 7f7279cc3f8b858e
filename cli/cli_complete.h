/*
 * Completion: what may stand in the place of the word that is being typed. The shells' scripts
 * (etc/completion) hand all words to `larder complete` and show what it prints: a candidate a
 * line, with a tab and a few words about it where there are any.
 *
 * One thread.
 */
#ifndef CLI_CLI_COMPLETE_H
#define CLI_CLI_COMPLETE_H

#include "cli/cli_args.h"

/* What a place wants that larderd knows, or another module. */
enum cli_complete_kind {
	CLI_COMPLETE_MODELS,
	CLI_COMPLETE_DOWNLOADS,
	CLI_COMPLETE_TRASH,
	CLI_COMPLETE_SETTINGS,
};

/* Adds a line for each that there is. */
typedef void (*cli_complete_list_fn)(void *ctx, enum cli_complete_kind kind, struct buf *b);

/* `words` are those after "larder", of which the last is being typed ("" when it is not begun).
 * Candidates that do not begin with it are left out. Pure but for `list`. */
void cli_complete(struct buf *b, const struct cli_command *const *commands, size_t n_commands,
		  const char *const *words, size_t n_words, cli_complete_list_fn list,
		  void *ctx);

#endif
