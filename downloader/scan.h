/*
 * Looking at the whole disk, or at a few folders, without holding anything up: the work is done
 * on file workers, some folders at a time, and the loop hears of them as they come. What is
 * asked for while a scan is under way follows it.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_SCAN_H
#define DOWNLOADER_SCAN_H

#include "downloader/model.h"
#include "downloader/pool.h"

struct scan;

struct scan_hooks {
	/* What was known of the folder, borrowed, or NULL. */
	struct model *(*known)(void *ctx, const char *folder);
	/* What is in a folder now; NULL: it is gone, or holds nothing. `is_news` when it is not
	 * as it was known. Of two looks at a folder the one that was begun later, with the
	 * higher `order`, counts. */
	void (*looked)(void *ctx, const char *folder, struct model *take_model, bool is_news,
		       uint64_t order);
	/* A scan of everything begins / has ended. Until it ends, `seen` is called for every
	 * folder that there is, whether it has changed or not. `err` is NULL when all could be
	 * listed: else what was not seen may be there all the same. */
	void (*begun)(void *ctx);
	void (*seen)(void *ctx, const char *folder);
	/* What is in this folder, and below it, cannot be seen: it may be there all the same.
	 */
	void (*unread)(void *ctx, const char *folder);
	void (*ended)(void *ctx, const struct error *err);
	/* A look at a folder has ended, whatever came of it. */
	void (*over)(void *ctx, const char *folder);
	void *ctx;
};

struct scan *scan_new(struct pool *pool, int models_root, const struct scan_hooks *hooks);

/* Looks at everything. While that is under way already, once more after it. */
void scan_all(struct scan *scan);

/* Looks at one folder soon. */
void scan_folder(struct scan *scan, const char *folder);

/* Is a look at this folder asked for, or under way? */
bool scan_is_looking(const struct scan *scan, struct str folder);

bool scan_is_busy(const struct scan *scan);

/* Nothing more is begun, and no hook called. */
void scan_stop(struct scan *scan);

/* After scan_stop() and pool_stop(), when the loop has run its messages. NULL inside is fine.
 */
void scan_free(struct scan **scan);

#endif
