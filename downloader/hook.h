/*
 * The command that is run when something has arrived (LARDER_HOOK_COMMAND). larderd itself may
 * begin no program (common/sandbox.h), so a helper does, a process that is made before larderd
 * gives its powers up: it knows one command, and runs it when larderd asks, one run at a time,
 * with a document on its standard input, an environment of a few variables, and a time limit,
 * at whose end the command and all it has begun are killed.
 *
 * The command has no powers: no new ones, none of root's, no file of larderd's state; it reads
 * the system, its own folder and the models, and writes to /tmp only. What it prints goes where
 * larderd's log goes.
 *
 * hook_new() comes before the first thread and before the sandbox; the rest belongs to the
 * loop's thread.
 */
#ifndef DOWNLOADER_HOOK_H
#define DOWNLOADER_HOOK_H

#include "downloader/loop.h"

struct error;
struct hook;

struct hook_plan {
	const char *command; /* an absolute path */
	const char *models_dir;
	uint64_t limit_s;
};

enum {
	HOOK_MESSAGE_MAX = 64 * 1024, /* bytes of environment and document */
	HOOK_VARIABLES_MAX = 32,
	HOOK_LATE = -1, /* a status: it was killed at its time limit */
	HOOK_LOST = -2, /* a status: the helper is gone, or could not run it */
};

/* -1 when the command is not there or cannot be run. */
int hook_check(const char *command, struct error *err) MUST_USE;

/* Makes the helper. NULL on failure. */
struct hook *hook_new(const struct hook_plan *plan, struct error *err);

/* Begins to listen to the helper. */
int hook_start(struct hook *hook, struct loop *loop, struct error *err) MUST_USE;

/* The command's exit status (128 and its number when a signal ended it), HOOK_LATE or
 * HOOK_LOST.
 */
typedef void (*hook_done_fn)(void *ctx, int status);

/* Runs it with these variables ("NAME=value", ended by NULL) and this standard input; both are
 * copied. Runs that are asked for meanwhile wait their turn. */
void hook_run(struct hook *hook, const char *const *environment, const char *input,
	      hook_done_fn done, void *ctx);

/* Ends the helper and what it runs; `done` is not called any more. */
void hook_free(struct hook **hook);

#endif
