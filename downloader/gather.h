/*
 * Bytes that arrive in order, a few at a time, on their way to their place in a file: gathered
 * until a block of the file is full. libcurl hands out 16 KiB at a time, beginning anywhere in
 * a page; written like that, the kernel looks up, clears and locks most pages twice. On tmpfs,
 * blocks took a quarter less CPU for the whole download (make bench, row one-plain).
 *
 *   gather_init() -> (gather_add() -> when full: gather_bytes(), write them, gather_clear())
 *                 -> ... -> gather_fini()
 *
 * Belongs to whoever holds it; any thread, one at a time.
 */
#ifndef DOWNLOADER_GATHER_H
#define DOWNLOADER_GATHER_H

#include "downloader/feed.h"

enum {
	GATHER_BLOCK = FEED_BLOCK, /* a block begins at a multiple of it in the file */
};

struct gather {
	char *block;
	size_t n;    /* bytes in it */
	size_t size; /* of the memory */
	uint64_t at; /* the place of its first byte in the file */
};

/* For the bytes [first, end) of a file: fewer than a block take less memory. */
void gather_init(struct gather *gather, uint64_t first, uint64_t end);
void gather_fini(struct gather *gather);

/* Takes as many of the bytes as belong to this block, none when it is full: how many. */
size_t gather_add(struct gather *gather, struct str bytes);

bool gather_is_full(const struct gather *gather);

/* What there is; gather->at says where it belongs. Borrowed until the next gather_add(). */
struct str gather_bytes(const struct gather *gather);

/* They have been written: the next block begins after them. With a feed (or NULL) they are
 * offered to it, unless the memory is smaller than a block. */
void gather_clear(struct gather *gather, struct feed *feed);

#endif
