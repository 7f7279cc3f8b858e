/*
 * A file taken from another one of the library, instead of being fetched. The store knows where
 * its content was proven once; each of these files is tried: made a copy of (localdir.h), and
 * the copy's bytes hashed, once, whichever way they came there. What is in the library may have
 * been changed since, by anybody: only the hash is believed. A source that does not give the
 * content is forgotten, and the next one is tried.
 *
 *   copy_new() -> one of taken, absent, failed -> copy_stop()
 *
 * Belongs to the loop's thread; its disk work runs on file workers, a piece at a time, so that
 * others' is not held up and a stop need not wait.
 */
#ifndef DOWNLOADER_COPY_H
#define DOWNLOADER_COPY_H

#include "downloader/localdir.h"
#include "downloader/pool.h"
#include "downloader/store.h"

struct copy;

enum {
	/* Smaller files come over a connection that is open in about the time that looking for
	 * a copy takes; and there are many of them. */
	COPY_LEAST_BYTES = 1024 * 1024,
	COPY_PIECE_BYTES = 16 * 1024 * 1024, /* copied before the loop hears of it */
};

struct copy_hooks {
	/* So many bytes of a copy are hashed. Begins again with each source. */
	void (*hashed)(void *ctx, uint64_t hashed);

	/* The last call is one of these three, with nothing under way any more: the copy may be
	 * stopped from there. */

	/* The copy (names->copy) holds the content, which is proven; `take_fd` is open on it.
	 * `source` is borrowed for the call. */
	void (*taken)(void *ctx, int take_fd, const char *source);
	/* Nothing in the library has it. */
	void (*absent)(void *ctx);
	/* The disk does not take the copy. */
	void (*failed)(void *ctx, const struct error *err);
	void *ctx;
};

/* What a copy works with; borrowed until it is released. */
struct copy_plan {
	struct pool *pool;
	struct store *store;
	int root;
	const struct localdir_names *names;
	const struct plan_file *file;
};

struct copy *copy_new(const struct copy_plan *plan, const struct copy_hooks *hooks);

/* Ends it, before or after the last call: no hook is called any more, and a copy that was not
 * taken is removed. released(ctx) follows, at once or when the worker is done. NULL is fine. */
void copy_stop(struct copy **copy, void (*released)(void *ctx), void *ctx);

#endif
