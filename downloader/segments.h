/*
 * The map of one file while it is fetched: which bytes are here, which are on their way, and
 * which nobody has begun. Pieces are handed out in order, so that the bytes that are here stay
 * close to one run from the beginning, which a hash can follow.
 *
 *   FREE -> RUNNING  segments_take(): somebody brings it
 *        -> HERE     segments_end(): as far as it came; the rest is FREE again
 *   CLAIMED -> HERE or FREE  segments_settle(): what the journal said was true, or not
 *
 * Offsets are bytes from the beginning of the file; a piece is [first, end).
 *
 * Pure. One thread at a time.
 */
#ifndef DOWNLOADER_SEGMENTS_H
#define DOWNLOADER_SEGMENTS_H

#include "common/base.h"

struct segments;

enum {
	SEGMENT_LEAST = 1024 * 1024,     /* no piece is cut smaller */
	SEGMENT_SHORT = 4 * 1024 * 1024, /* what is handed out near the end */
	SEGMENT_USUAL = 16 * 1024 * 1024,
	SEGMENT_MOST = 64 * 1024 * 1024, /* for a connection that is fast */
};

struct segment {
	uint64_t first;
	uint64_t at; /* of one that runs: bytes before it are here */
	uint64_t end;
};

/* All FREE. `size` > 0. */
struct segments *segments_new(uint64_t size);
void segments_free(struct segments **segments);

/* The journal says that these bytes are here. False, and nothing is changed, when they are not
 * all FREE or not inside the file. */
bool segments_claim(struct segments *segments, uint64_t first, uint64_t end);

/* Bytes that were claimed have been looked at. */
void segments_settle(struct segments *segments, uint64_t first, uint64_t end, bool is_here);

/* The first FREE piece, of at most `length` bytes; it runs from now on. False when there is
 * none. A small rest is taken along. */
bool segments_take(struct segments *segments, uint64_t length, struct segment *ret);

/* The one that runs and has most to come, if that is at least twice SEGMENT_LEAST: where it may
 * be cut in two is ret->end, its middle. False when none is worth it. */
bool segments_longest(const struct segments *segments, struct segment *ret);

/* Cuts the running piece that begins at `first`: it ends at `middle`, and the rest, which runs
 * too, is *ret. */
void segments_cut(struct segments *segments, uint64_t first, uint64_t middle,
		  struct segment *ret);

/* The running piece that begins at `first` is here up to `at`. */
void segments_reach(struct segments *segments, uint64_t first, uint64_t at);

/* It runs no more. */
void segments_end(struct segments *segments, uint64_t first, uint64_t at);

/* Bytes that are here without a gap from the beginning. */
uint64_t segments_frontier(const struct segments *segments);

/* Bytes that are here, wherever. */
uint64_t segments_here(const struct segments *segments);

bool segments_has_free(const struct segments *segments);

/* Nothing of it runs, is claimed or free. */
bool segments_is_whole(const struct segments *segments);

/* How long the next piece should be: about what a connection of `rate_bps` brings in four
 * seconds, and near the end of the file what lets `lanes` connections end together. A file that
 * is no larger than a piece is one. */
uint64_t segments_length(const struct segments *segments, uint64_t rate_bps, size_t lanes);

#endif
