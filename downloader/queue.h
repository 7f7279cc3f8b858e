/*
 * The queue: every job there is, who runs next, and each move a job makes. It owns the jobs;
 * the store keeps them; planner and transfer do the work, inventory and verify that of a
 * verification, of which one runs at a time, beside the downloads: it uses no line, and no hold
 * stops it.
 *
 * Invariants: a job runs at most once at a time; two jobs of one folder never run together
 * (they would write the same files); a move is told to the world (`changed`) and answered
 * (`done`) only after it is committed.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_QUEUE_H
#define DOWNLOADER_QUEUE_H

#include "downloader/model.h"
#include "downloader/planner.h"
#include "downloader/space.h"
#include "downloader/transfer.h"

struct queue;

enum {
	QUEUE_ACTIVE_MAX = 1000, /* jobs that are not final */
	QUEUE_FINISHED_MAX =
		1000,            /* final ones that are remembered; the oldest are forgotten */
	QUEUE_RESOLVING_MAX = 2, /* plans made at the same time */
	QUEUE_TICK_MS = 250,     /* progress is told this often while something runs */
};

struct queue_hooks {
	/* A job is new or has changed, and that is committed. */
	void (*changed)(void *ctx, const struct job *job);
	/* A job is forgotten. */
	void (*removed)(void *ctx, const char *id);
	/* Jobs that run have come further; `jobs` is borrowed for the call. */
	void (*progress)(void *ctx, struct job *const *jobs, size_t n);
	/* Something a person may want to know; `id` is the job's. */
	void (*notice)(void *ctx, const char *level, const char *code, const char *message,
		       const char *id);
	/* The model in this folder as the library has it, borrowed, or NULL. */
	struct model *(*model)(void *ctx, const char *folder);
	/* After queue_stop(): nothing runs any more. */
	void (*stopped)(void *ctx);
	void *ctx;
};

struct queue_limits {
	size_t downloads;        /* jobs that run together */
	size_t files_at_once;    /* of one job; TRANSFER_FILES_AT_ONCE is good */
	uint64_t min_free_bytes; /* that must stay free on each file system */
	uint64_t verify_bps;     /* that a verification reads at most; 0: see verify.h */
};

/* Loads what the store has. Jobs that were running when the last larderd ended are queued
 * again. */
struct queue *queue_new(const struct transfer_env *env, struct planner *planner,
			struct space *space, const struct queue_limits *limits,
			const struct queue_hooks *hooks, struct error *err);
void queue_free(struct queue **queue); /* after `stopped` */

/* Starts what may run. Call once after the hooks' targets are ready. */
void queue_start(struct queue *queue);

/* Ends all transfers, with what they have made durable; `stopped` follows. */
void queue_stop(struct queue *queue);

/* To be called whenever the space has looked at the disk. A job runs where there is room for it
 * and for those before it, on the file system of its own folder. Where less is free than must
 * stay free, and while a disk cannot be written to, what runs waits, and goes on by itself at
 * the first look that finds otherwise. */
void queue_disk_changed(struct queue *queue);

/* The library has looked at the disk: from now on jobs about its models are planned. */
void queue_library_known(struct queue *queue);

/* A job that works in this folder, in one below it or above it, or is about to: borrowed; NULL:
 * none does. */
const struct job *queue_find_writer(const struct queue *queue, const char *folder);

/* The folders of all such jobs: to free, each and the array. */
char **queue_busy_folders(const struct queue *queue, size_t *ret_n);

/* How many may run at the same time (at least 1), from now on. What runs already goes on. */
void queue_set_downloads(struct queue *queue, size_t downloads);

/* While held, nothing is planned and nothing runs: what is under way waits with this reason,
 * ERR_SCHEDULE or ERR_PAUSED_ALL, what is queued stays so. NULL lets all of it go on.
 * `until_ms` is the unix time that the waiting jobs name, 0 for none; they go on when the hold
 * ends, not by that time. */
void queue_hold(struct queue *queue, const struct error *why, int64_t until_ms);

/* Bytes that all jobs that are not final will still write to the file system `device`
 * (file.h). */
uint64_t queue_reserved(const struct queue *queue, uint64_t device);

/* The job as it was last committed, borrowed, or NULL. */
const struct job *queue_find(const struct queue *queue, struct str id);

/* The state that decides which moves are legal: a change may be on its way to the store. -1
 * when there is no such job. */
int queue_get_state(const struct queue *queue, struct str id, enum job_state *ret) MUST_USE;

/* All jobs as they were last committed, borrowed, in the order of service, until the queue
 * changes. */
struct job *const *queue_jobs(const struct queue *queue, size_t *ret_n);

/* The plan of a job that runs, or NULL: then the store has it. */
const struct plan *queue_plan(const struct queue *queue, struct str id);

/* A change is answered through this, once, when it is committed: `job` is borrowed, or NULL
 * with the error. ERR_STORE: the change is in effect but could not be saved yet. */
typedef void (*queue_done_fn)(void *ctx, const struct job *job, const struct error *err);

/* Adds a job. ERR_DUPLICATE (then *ret_duplicate is the other job's, borrowed) and
 * ERR_QUEUE_FULL are told at once by -1, and `done` is not called. */
int queue_create(struct queue *queue, const struct choice *choice, int priority,
		 queue_done_fn done, void *ctx, const struct job **ret_duplicate,
		 struct error *err) MUST_USE;

/* Works with a model that is here: JOB_UPDATE, JOB_VERIFY or JOB_REPAIR. What it is about is
 * the model's folder; whether there is anything to do is found out when its turn comes. Errors
 * as of queue_create(). */
int queue_create_for(struct queue *queue, enum job_kind kind, const struct model *model,
		     int priority, queue_done_fn done, void *ctx,
		     const struct job **ret_duplicate, struct error *err) MUST_USE;

/* The moves of a person. -1 at once, and no `done`, with ERR_UNKNOWN_DOWNLOAD or
 * ERR_ILLEGAL_STATE. Cancelling removes the job's partial files, never a proven one. */
enum queue_move {
	QUEUE_PAUSE,
	QUEUE_RESUME,
	QUEUE_CANCEL,
	QUEUE_RETRY,
};
int queue_move(struct queue *queue, struct str id, enum queue_move move, queue_done_fn done,
	       void *ctx, struct error *err) MUST_USE;

int queue_set_priority(struct queue *queue, struct str id, int priority, queue_done_fn done,
		       void *ctx, struct error *err) MUST_USE;

/* Forgets a final job, and removes what it has left half done; `done` gets no job. */
int queue_forget(struct queue *queue, struct str id, queue_done_fn done, void *ctx,
		 struct error *err) MUST_USE;

#endif
