/*
 * What is durable of one file: bytes that were written are synced, and only then recorded, with
 * a checksum of each piece (DESIGN.md, invariant 1: write, sync, record). A bounded time or
 * number of bytes lies between two syncs, so that a crash costs little; and one sync serves all
 * pieces.
 *
 * A sync that failed is not believed in the next one (the kernel may have dropped the pages and
 * forgotten about it): nothing is recorded any more.
 *
 *   journal_new() -> journal_claimed() ... -> journal_add(), journal_tick() ... ->
 * journal_stop()
 *
 * Belongs to the loop's thread; syncs run on a file worker.
 */
#ifndef DOWNLOADER_JOURNAL_H
#define DOWNLOADER_JOURNAL_H

#include "downloader/pool.h"
#include "downloader/store.h"

struct journal;

enum {
	JOURNAL_SYNC_MS = 500,                  /* new bytes are made durable this often, */
	JOURNAL_SYNC_BYTES = 128 * 1024 * 1024, /* or after so many */
};

struct journal_hooks {
	/* So many bytes of the file are durable and recorded. */
	void (*recorded)(void *ctx, uint64_t bytes_done);
	/* A sync failed. Called once. */
	void (*failed)(void *ctx, const struct error *err);
	void *ctx;
};

/* For the file `index` of a job's plan, through its descriptor `fd`; all borrowed until the
 * journal is released. */
struct journal *journal_new(struct pool *pool, struct store *store, const char *job_id,
			    size_t index, int fd, const struct journal_hooks *hooks);

/* So many bytes are recorded already. */
void journal_claimed(struct journal *journal, uint64_t bytes);

/* The piece that is recorded as beginning at `first` is not good after all: it is forgotten.
 * `recorded` follows. */
void journal_drop(struct journal *journal, uint64_t first, uint64_t length);

/* [first, first + length) is written, with this checksum; in the place of an earlier, shorter
 * piece with the same beginning. `is_over` says that it grows no more. */
void journal_add(struct journal *journal, const struct extent *extent, bool is_over);

/* Bytes before `end` are read by nobody any more: once they are synced, the page cache need not
 * keep them from the models that somebody serves. */
void journal_give_back(struct journal *journal, uint64_t end);

/* To be called a few times a second: syncs when it is time and there is something new. */
void journal_tick(struct journal *journal, uint64_t now_ms);

/* Ends it: with `is_flush`, what was added is synced and recorded first. The hooks may be
 * called until `released(ctx)` follows, at once or later: then nothing is under way. A sync
 * that fails meanwhile is told too: bytes that it lost must not count, whatever a later sync
 * says. NULL is fine. */
void journal_stop(struct journal **journal, bool is_flush, void (*released)(void *ctx),
		  void *ctx);

#endif
