/*
 * What a model should hold: each of its files with the digest that it ought to have, and each
 * that ought to be there and is not. What Larder or the official client has fetched is known by
 * its .metadata; for the rest the Hub is asked, if there is one to ask and the folder says of
 * which repository it is.
 *
 * Belongs to the loop's thread; notes are read on a file worker.
 */
#ifndef DOWNLOADER_INVENTORY_H
#define DOWNLOADER_INVENTORY_H

#include "common/error.h"
#include "downloader/hub_list.h"
#include "downloader/pool.h"
#include "downloader/model.h"
#include "downloader/plan.h"

struct inventory_call;

struct inventory {
	/* The model's files, those without a digest included; after them, with size 0 and
	 * without a digest, those that ought to be there too. All FILE_PENDING. */
	struct plan *plan;
	char commit[COMMIT_LEN + 1]; /* that the Hub was asked for; "": it was not */
	struct error trouble; /* why it was not, though something is unknown; or ERR_NONE */
};
void inventory_free(struct inventory **inventory);

/* What it works with; borrowed. Without a hub nobody is asked. */
struct inventory_env {
	struct pool *pool;
	struct hub *hub;
	int models_root;
};

/* `done` is called once, never before this returns, with an inventory to free. The model is
 * held. */
typedef void (*inventory_done_fn)(void *ctx, struct inventory *take_inventory);
struct inventory_call *inventory_start(const struct inventory_env *env, struct model *model,
				       inventory_done_fn done, void *ctx);

/* `done` will not be called. NULL is fine; leaves NULL. Not after `done`. */
void inventory_cancel(struct inventory_call **call);

#endif
