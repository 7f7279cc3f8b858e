/*
 * The previews that were shown last, by an id that nobody can guess: who creates a download
 * with it gets what was shown (DESIGN.md, invariant 8). Kept in memory only; who comes with one
 * that is forgotten, looks again.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_PREVIEWS_H
#define DOWNLOADER_PREVIEWS_H

#include "downloader/planner.h"

enum {
	PREVIEWS_KEPT = 256, /* of all who look together, the newest; some megabytes at most */
};

struct previews;

struct previews *previews_new(void) __attribute__((returns_nonnull));
void previews_free(struct previews **previews);

/* Keeps a choice, which is copied: with the commit that it came to, and what was shown of it.
 */
void previews_keep(struct previews *previews, const char *id, const struct choice *choice);

/* What was kept under `id`, borrowed until the next is kept, or NULL. */
const struct choice *previews_find(const struct previews *previews, struct str id);

#endif
