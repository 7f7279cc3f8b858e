/*
 * The connections of one file. Each lane brings one piece of it at a time straight to its place
 * on the disk and computes the piece's checksum as it goes; when it is through, another is
 * opened for the next piece, over the same connection if possible. Near the end, when no piece
 * is free, what is left of a running one is cut in two for those who are idle, and a lane that
 * is far slower than its siblings is given up for a new one.
 *
 * A lane that fails costs its unfinished rest. What is worth another try is tried again; a
 * refusal while others go on means fewer lanes. What is worth none is told by `failed`.
 *
 * Belongs to the loop's thread; the bytes are written on transfer threads.
 */
#ifndef DOWNLOADER_LANES_H
#define DOWNLOADER_LANES_H

#include "downloader/budget.h"
#include "downloader/hubfile.h"
#include "downloader/segments.h"
#include "downloader/store.h"

struct lanes;

enum {
	LANES_SLOW_MS = 5000,    /* a lane is not called slow before this */
	LANES_SLOW_TIMES = 4,    /* slower than its fastest sibling: then it is replaced */
	LANES_CUT_MS = 1000,     /* what would take less is not cut in two */
	LANES_REFUSED_MS = 1000, /* rest after a refusal while others go on */
};

struct lanes_hooks {
	/* This is in the file now; a longer one with the same beginning may follow unless
	 * `is_over`. */
	void (*written)(void *ctx, const struct extent *extent, bool is_over);
	/* A lane has ended, so that the map may have changed. */
	void (*changed)(void *ctx);
	/* It does not go on. ERR_RANGE_IGNORED: only as a whole, from the beginning, by one
	 * lane. */
	void (*failed)(void *ctx, const struct error *err);
	void *ctx;
};

struct lanes_plan {
	struct loop *loop;
	struct hub *hub;
	struct budget *budget;
	const void *job; /* tells jobs apart for the budget */
	struct hubfile_identity identity;
	struct segments *segments;
	struct feed *feed; /* gets what was written, and is held; NULL: none */
	int fd;
	bool is_single; /* one lane, one piece: for a server without ranges */
};

/* Begins; everything in the plan is borrowed until the lanes are released. */
struct lanes *lanes_new(const struct lanes_plan *plan, const struct lanes_hooks *hooks);

/* While it is held, no new piece is begun: the hash is behind. */
void lanes_hold(struct lanes *lanes, bool is_held);

/* To be called a few times a second: puts into the map how far each lane is, and replaces those
 * that are slow. Returns the bytes that came since the last call. */
uint64_t lanes_tick(struct lanes *lanes);

size_t lanes_open(const struct lanes *lanes);

/* No `failed` and no `changed` any more; `written` still, for what was under way. released(ctx)
 * follows, never before this returns. NULL is fine: then it is called at once. */
void lanes_stop(struct lanes **lanes, void (*released)(void *ctx), void *ctx);

#endif
