/*
 * Blocks on their way from those who have written them to a file to the one who hashes it, so
 * that the hash need not read them back, which has to be fought for while they are written: a
 * bare program that did so on two cores took a fifth less CPU time, larderd a seventh less
 * (make bench, row one-plain). Only blocks that the hash comes to soon are kept, and no more
 * than the allowance, which all files share, has room for; all others are read from the file,
 * as ever.
 *
 * Many writers and one reader, each on any thread. Held by counting.
 */
#ifndef DOWNLOADER_FEED_H
#define DOWNLOADER_FEED_H

#include "common/base.h"

enum {
	FEED_BLOCK = 256 * 1024, /* bytes of memory of each block */
	FEED_BLOCKS = 24,        /* that wait for the hash of one file */
	FEED_ALLOWANCE = 40,     /* blocks of all files together: 10 MiB */
};

struct feed;
struct feed_allowance;

struct feed_allowance *feed_allowance_new(size_t blocks) __attribute__((returns_nonnull));
void feed_allowance_free(struct feed_allowance **allowance); /* after every feed */

/* `allowance` is borrowed. */
struct feed *feed_new(struct feed_allowance *allowance) __attribute__((returns_nonnull));
struct feed *feed_hold(struct feed *feed) __attribute__((returns_nonnull));
void feed_free(struct feed **feed); /* the last to let go frees it; NULL inside is fine */

/* A writer has put the first `n` bytes of `*block`, memory of FEED_BLOCK bytes, into the file
 * at `at`. True when the hash will have a use for it: then the block is the feed's, and another
 * has taken its place. */
bool feed_offer(struct feed *feed, uint64_t at, size_t n, char **block);

/* The reader has come to `at`. The number of bytes that a block has there, and the block, which
 * is the reader's until feed_done(); 0 when there is none. */
size_t feed_take(struct feed *feed, uint64_t at, char **ret_block);
void feed_done(struct feed *feed, char *take_block);

/* How far the reader, at `at`, should read from the file at most: up to the next block. */
uint64_t feed_until(struct feed *feed, uint64_t at);

/* Waits a moment for a block at `at`: is there one? On a fast line it comes sooner than a task
 * could be given to a worker again. */
bool feed_wait(struct feed *feed, uint64_t at);

/* Is there a block at `at`? */
bool feed_has(struct feed *feed, uint64_t at);

#endif
