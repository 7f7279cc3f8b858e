/*
 * How much room the models directory has, looked at every few seconds on a file worker, since a
 * network file system may take its time to answer.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_SPACE_H
#define DOWNLOADER_SPACE_H

#include "downloader/pool.h"

struct space;

enum {
	SPACE_LOOK_MS = 3000,
};

/* The first look is made at once; `changed` is called after each later one. `path` is copied.
 */
struct space *space_new(struct loop *loop, struct pool *pool, int root, const char *path,
			void (*changed)(void *ctx), void *ctx);
void space_free(struct space **space); /* after the pool's messages were run */

/* No look is begun any more. */
void space_stop(struct space *space);

uint64_t space_free_bytes(const struct space *space);
uint64_t space_total_bytes(const struct space *space);

/* Could the last look be made, is the directory writable, and is it still what `path` names
 * (not moved away, no disk mounted over it)? 0, or -1 with the reason. */
int space_check(const struct space *space, struct error *err) MUST_USE;

#endif
