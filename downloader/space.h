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

/* `changed` is called after each look, from the first one on, made at once. */
struct space *space_new(struct loop *loop, struct pool *pool, int root,
			void (*changed)(void *ctx), void *ctx);
void space_free(struct space **space); /* after the pool's messages were run */

/* No look is begun any more. */
void space_stop(struct space *space);

uint64_t space_free_bytes(const struct space *space);
uint64_t space_total_bytes(const struct space *space);

/* Could the last look be made, and is the directory writable? 0, or -1 with the reason. */
int space_check(const struct space *space, struct error *err) MUST_USE;

#endif
