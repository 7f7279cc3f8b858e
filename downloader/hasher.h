/*
 * The hash frontier: a digest that follows the contiguous written prefix of a file, on the file
 * workers, while the bytes are still in memory: those that its feed has kept, or in the page
 * cache. When the last byte is written, little is left to hash.
 *
 * Belongs to the loop's thread; the hashing itself is done on a worker, one piece at a time.
 */
#ifndef DOWNLOADER_HASHER_H
#define DOWNLOADER_HASHER_H

#include "downloader/digest.h"
#include "downloader/feed.h"
#include "downloader/pool.h"

struct hasher;

struct hasher_hooks {
	/* More of the file has been hashed: up to `hashed`, without gaps from 0. */
	void (*progress)(void *ctx, uint64_t hashed);
	/* All of it: `hex` is the digest of exactly `size` bytes. Called once. */
	void (*finished)(void *ctx, const char *hex);
	/* The file cannot be read. Called once, instead of finished. */
	void (*failed)(void *ctx, const struct error *err);
	void *ctx;
};

/* Hashes the `size` bytes of `fd` (borrowed until hasher_stop's `released`). A size of 0
 * finishes with the first hasher_advance(). With a feed, which is held (NULL: none), it may be
 * ahead of what hasher_advance() was told, but tells nobody so, nor finishes. */
struct hasher *hasher_new(struct pool *pool, int fd, uint64_t size,
			  enum digest_algorithm algorithm, struct feed *feed,
			  const struct hasher_hooks *hooks);

/* From now on the page cache need not keep what is hashed: nobody else reads it here. */
void hasher_give_back(struct hasher *hasher);

/* Bytes 0..written are in the file now. Never less than before. */
void hasher_advance(struct hasher *hasher, uint64_t written);

/* The same for a small file that is whole, at once, on the worker that calls it: `ret` is the
 * digest of `size` bytes of `fd`. */
int hasher_whole(int fd, uint64_t size, enum digest_algorithm algorithm,
		 char ret[HUB_DIGEST_MAX + 1], struct error *err);

/* No hook is called any more. `released(ctx)` follows, at once or when the worker's piece is
 * done: only then may the descriptor be closed. NULL is fine: then `released` is called at
 * once. */
void hasher_stop(struct hasher **hasher, void (*released)(void *ctx), void *ctx);

#endif
