/*
 * The last step of an update: all that was fetched is proven and lies beside what it replaces
 * (FILE_STAGED). Now each takes its name, one right after the other, and what had it before
 * goes to the trash, together with what the repository has no more (FILE_GONE): all under one
 * id, so that one restore takes the whole update back. Until here the model is wholly the old
 * one.
 *
 * It is not to be stopped, for half a model of each commit is none; it takes a few renames and
 * syncs a file. When larderd is killed meanwhile, the job goes on where it was.
 *
 * Belongs to the loop's thread; the disk work is a file worker's.
 */
#ifndef DOWNLOADER_CHANGEOVER_H
#define DOWNLOADER_CHANGEOVER_H

#include "downloader/landing.h"

struct changeover;

struct changeover_hooks {
	/* What had the file's name is in the trash now, at `trash` beneath the models
	 * directory. */
	void (*replaced)(void *ctx, size_t index, const char *trash);
	/* All are in their places (`err` is NULL), or one could not take it. The receiver frees
	 * it.
	 */
	void (*over)(void *ctx, struct changeover *take_changeover, const struct error *err);
	void *ctx;
};

/* Begins. `env` and `plan` are borrowed until `over`; the plan's files become FILE_DONE. */
struct changeover *changeover_new(const struct landing_env *env, struct plan *plan,
				  const struct changeover_hooks *hooks);
void changeover_free(struct changeover **changeover); /* after `over` */

#endif
