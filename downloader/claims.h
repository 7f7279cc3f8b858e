/*
 * What the journal claims of a file, looked at before it is trusted: each extent is read and
 * its checksum compared, on a file worker, while the download of the rest goes on already. A
 * page that was torn or lost with the power costs its extent, not the file.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_CLAIMS_H
#define DOWNLOADER_CLAIMS_H

#include "downloader/pool.h"
#include "downloader/store.h"

struct claims;

struct claims_hooks {
	/* The extent was read: is it as it was recorded? In order, once for each; the claims
	 * may be stopped from here. */
	void (*settled)(void *ctx, const struct extent *extent, bool is_good, bool is_last);
	void *ctx;
};

/* Begins. `extents` (at least one) are copied; `fd` is borrowed until `released`. */
struct claims *claims_new(struct pool *pool, int fd, const struct extent *extents, size_t n,
			  const struct claims_hooks *hooks);

/* Ends it, before or after the last: no hook is called any more. `released(ctx)` follows, at
 * once or when the worker is done. NULL is fine. */
void claims_stop(struct claims **claims, void (*released)(void *ctx), void *ctx);

#endif
