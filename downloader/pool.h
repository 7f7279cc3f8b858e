/*
 * The file workers: a few threads for work that may block on the disk (hash, sync, rename,
 * walk). They own nothing. A task's `run` touches only the task, cannot fail (the outcome is
 * stored in the task) and is followed by `done` on the loop, which owns the task again.
 *
 * All functions belong to the loop's thread; `run` is called on a worker.
 */
#ifndef DOWNLOADER_POOL_H
#define DOWNLOADER_POOL_H

#include "downloader/loop.h"

struct error;
struct pool;

struct pool_task {
	struct loop_message message; /* first: the pool's own */
	void (*run)(struct pool_task *task);
	void (*done)(struct pool_task *task);
};

struct pool *pool_new(struct loop *loop, size_t n_threads, struct error *err);

/* Waits for the tasks under way and queued and ends the threads; each `done` follows when the
 * loop runs its messages. A task submitted after is run at once, on the loop's thread. */
void pool_stop(struct pool *pool);

/* Once pool_stop() was called and the loop has run its messages. */
void pool_free(struct pool **pool);

void pool_submit(struct pool *pool, struct pool_task *task);

#endif
