/*
 * What is in a repository at a revision. Answers are kept for a short while, since a preview is
 * asked for again with each change of mind and the Hub counts requests.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_HUB_LIST_H
#define DOWNLOADER_HUB_LIST_H

#include "downloader/hub_parse.h"

struct hub;
struct hub_call;

enum {
	HUB_PAGES_MAX = 1000,                   /* pages of one tree */
	HUB_KEEP_MS = 60 * 1000,                /* how long a branch's listing is believed */
	HUB_KEEP_COMMIT_MS = 10 * 60 * 1000,    /* a commit's listing cannot change */
	HUB_KEPT_MAX = 8,                       /* listings kept */
	HUB_KEPT_FILES_MAX = 2 * HUB_FILES_MAX, /* their files together */
};

/* What a repository holds at one commit. Immutable and shared: hold and release. A worker may
 * read it while the loop holds a reference for it. */
struct hub_listing {
	unsigned refs; /* the loop's own */
	struct hub_info info;
	struct hub_tree *tree;
};
struct hub_listing *hub_listing_hold(struct hub_listing *listing);
void hub_listing_free(struct hub_listing **listing);

/* Lists a repository: revision to commit, then all pages of the tree. `done` is called once,
 * never before this returns: with a listing that the receiver releases, or NULL and the error.
 */
typedef void (*hub_listing_fn)(void *ctx, struct hub_listing *take_listing,
			       const struct error *err);
struct hub_call *hub_list(struct hub *hub, enum repo_type type, const char *repo,
			  const char *revision, hub_listing_fn done, void *ctx);

/* What is kept of this repository's branches is not believed any more: the next hub_list()
 * asks. */
void hub_forget(struct hub *hub, enum repo_type type, const char *repo);

/* `done` will not be called. NULL is fine; leaves NULL. Not after `done`. */
void hub_call_cancel(struct hub_call **call);

#endif
