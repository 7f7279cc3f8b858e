/*
 * Deleting from the library, and taking it back: the trash (trash.h) as the loop sees it. Each
 * request is one piece of work on a file worker, one after the other, so that no two of them
 * meet; what is older than its days is removed for good, by the hour.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_BIN_H
#define DOWNLOADER_BIN_H

#include "downloader/model.h"
#include "downloader/pool.h"
#include "downloader/trash.h"

struct bin;
struct error;

enum {
	BIN_WAITING_MAX = 100, /* requests that wait for their turn */
};

struct bin_hooks {
	/* May this folder be moved to the trash now? 0, or -1 with the reason. Asked once more
	 * when a request's turn comes. */
	int (*check)(void *ctx, const char *folder, struct error *err);
	/* The folders where jobs write: to free, each and the array. Nothing comes back there.
	 */
	char **(*busy)(void *ctx, size_t *ret_n);
	/* Something in this folder has gone, or may have; NULL: something has come back, nobody
	 * knows where. */
	void (*touched)(void *ctx, const char *folder);
	/* The trash has changed. */
	void (*changed)(void *ctx);
	void *ctx;
};

/* What has become of a request: `err` is NULL when it is done. `id` is the entry's; both are
 * borrowed for the call. */
typedef void (*bin_done_fn)(void *ctx, const char *id, const struct error *err);
typedef void (*bin_list_fn)(void *ctx, const struct trash_list *list, const struct error *err);

/* `days` after which an entry is removed for good; 0: never. */
struct bin *bin_new(struct loop *loop, struct pool *pool, int models_root, uint64_t days,
		    const struct bin_hooks *hooks);

/* Nothing more is begun, and no hook called. */
void bin_stop(struct bin *bin);
/* After bin_stop() and pool_stop(), when the loop has run its messages. What still waits is
 * answered with ERR_CANCELLED. */
void bin_free(struct bin **bin);

/* Moves a model to the trash: all of it, or the files of one group with what vouches for them.
 * -1 at once, and no `done`, with ERR_INVALID when it has no such group, or with ERR_QUEUE_FULL
 * when too much waits; so for all of these. */
int bin_put(struct bin *bin, const struct model *model, const char *group, bin_done_fn done,
	    void *ctx, struct error *err) MUST_USE;
/* With `is_swap`, what has the names now goes to the trash in its turn, under a new id, which
 * is told to `done`; "" when nothing had. */
int bin_restore(struct bin *bin, struct str id, bool is_swap, bin_done_fn done, void *ctx,
		struct error *err) MUST_USE;
int bin_empty(struct bin *bin, struct str id, bin_done_fn done, void *ctx,
	      struct error *err) MUST_USE;
int bin_list(struct bin *bin, bin_list_fn done, void *ctx, struct error *err) MUST_USE;

#endif
