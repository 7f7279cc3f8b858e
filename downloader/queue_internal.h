/*
 * What the five files of the queue share: queue.c (who is next, what the world asks),
 * queue_work.c (plans, transfers, clean-ups), queue_verify.c (the work of a verification),
 * queue_room.c (will the disk hold it) and queue_entry.c (the list, saving, moves).
 * Nobody else includes this.
 *
 * An entry is a job with what is under way for it. Its state says what is wanted; `planning`,
 * `transfer`, `verify`, `is_loading` and `is_cleaning` say what is still going on. Work is
 * started only when none of them is there, so a resume right after a pause waits for the old
 * transfer's end.
 *
 * `job` is ahead of the database by what is on its way there; `told` is what the world may know
 * (DESIGN.md, invariant 2): the job as it was last committed, with the live numbers of its
 * transfer, which count durable bytes only.
 */
#ifndef DOWNLOADER_QUEUE_INTERNAL_H
#define DOWNLOADER_QUEUE_INTERNAL_H

#include "downloader/inventory.h"
#include "downloader/queue.h"
#include "downloader/verify.h"

/* A plan being made, by one of the two calls. */
struct planning {
	struct queue *queue;
	struct entry *entry;
	struct planner_call *call;
	struct inventory_call *inventory;
};

struct entry {
	struct job *job;
	struct job *told;
	struct planning *planning;
	struct transfer *transfer;
	struct verify *verify;
	bool is_loading;  /* the plan is on its way from the store, or the job on its way to it
			   */
	bool is_cleaning; /* partial files are being removed */
	bool is_unsaved;  /* the store refused the last save */
	uint64_t bytes_at_start;
	bool is_unwanted;   /* forgotten as soon as nothing is under way for it */
	bool is_forgetting; /* its deletion is on its way to the store */
	queue_done_fn forgotten;
	void *forgotten_ctx;
	struct space_watch *watch; /* of its folder, from its plan to its end */
	bool is_growth_awaited;    /* the disk was full: more room is worth a try */
	uint64_t least_free;       /* that was seen since then; UINT64_MAX: not looked yet */
};

struct queue {
	struct transfer_env env;
	struct planner *planner;
	struct space *space;
	struct queue_limits limits;
	struct queue_hooks hooks;
	struct entry **entries; /* by job_compare() */
	struct job **told;      /* theirs, in the same order, for queue_jobs() */
	size_t n;
	size_t cap;
	uint64_t last_order;
	bool is_library_known;
	bool is_disk_away; /* the models directory is */
	struct error hold; /* ERR_NONE: nothing is held */
	int64_t hold_until_ms;
	bool is_started;
	bool is_stopping;
	bool is_stopped; /* the hook is about to be called, or was */
	struct loop_timer *timer;
	uint64_t tick_due_ms; /* when it fires, by the steady clock; 0: it is not armed */
};

/* --- queue_entry.c: the list, saving, moves --- */

struct entry *queue_entry_new(struct job *take_job);
struct entry *queue_entry_find(const struct queue *q, struct str id); /* or NULL */
void queue_entry_insert(struct queue *q, struct entry *entry);
void queue_entry_take_out(struct queue *q, const struct entry *entry);
void queue_entry_free(struct entry *entry);

/* Is anything under way for it? */
bool queue_entry_is_busy(const struct entry *entry);

/* Writes the job as it is; after the commit it is told to the world, then `done` (or NULL) is
 * called. */
void queue_entry_save(struct queue *q, struct entry *entry, queue_done_fn done, void *ctx);

/* Forgets it for good: first what it has left half done, then the job. It is freed once the
 * store has forgotten it; if the store refuses, it stays. */
void queue_entry_unwant(struct queue *q, struct entry *entry, queue_done_fn done, void *ctx);
/* Goes on with that when nothing is under way any more. */
void queue_entry_forget_if_idle(struct queue *q, struct entry *entry);
/* Keeps the number of final jobs bounded. */
void queue_forget_oldest(struct queue *q);

/* Moves and logs; saving is the caller's next line. */
void queue_entry_move(struct entry *entry, enum job_state to);
/* The job cannot go on now: it waits or has failed, as retry.c says. Saves. */
void queue_entry_give_way(struct queue *q, struct entry *entry, const struct error *err);

/* The job waits for the end of what the error says, not for a time; `until_ms` is when that is
 * said to end, 0 for when it ends. Saves. */
void queue_entry_wait(struct queue *q, struct entry *entry, const struct error *why,
		      int64_t until_ms);

/* Downloading or verifying. */
bool queue_is_running(enum job_state state);

/* --- queue_work.c: plans, transfers, clean-ups; each ends with queue_kick() --- */

void queue_entry_plan(struct queue *q, struct entry *entry);
void queue_entry_cancel_planning(struct entry *entry); /* fine when there is none */
void queue_entry_run(struct queue *q, struct entry *entry);
/* Removes what a cancelled job has left half done; a retry then plans again. */
void queue_entry_clean(struct queue *q, struct entry *entry);

/* Keeps the plan that was made, and with it the commit; NULL: the repo stays. */
void queue_entry_save_plan(struct queue *q, struct entry *entry, const char *repo,
			   const char *commit, const struct plan *plan);
/* The model that the job is about; NULL, and the job has failed, when it is not there any more.
 */
struct model *queue_find_model(struct queue *q, struct entry *entry);
/* Its transfer or verification is over, and freed: all is done (ERR_NONE), or why not. */
void queue_work_over(struct queue *q, struct entry *entry, const struct error *why);
/* Work of the entry is over. */
void queue_work_ended(struct queue *q, struct entry *entry);

/* --- queue_verify.c --- */

void queue_entry_take_inventory(struct queue *q, struct entry *entry);
void queue_entry_verify(struct queue *q, struct entry *entry, struct plan *take_plan);
/* Puts what it has come to into the job. */
void queue_entry_tell_verify(const struct entry *entry, struct job *job);

/* --- queue_room.c --- */

/* Begins and ends the watching of its folder, as it should be now. */
void queue_room_watch(struct queue *q, struct entry *entry);
/* 1: there is room for it and those before it; 0: not known yet; -1: ERR_DISK_FULL or
 * ERR_DISK_AWAY. */
int queue_room_check(const struct queue *q, const struct entry *entry,
		     struct error *err) MUST_USE;
/* Does it wait for room, or for its disk? */
bool queue_room_is_awaited(const struct job *job);
/* Then: may it go on? `is_time`: the time has passed that it waits for besides. */
bool queue_room_may_wake(const struct queue *q, const struct entry *entry, bool is_time);
/* It broke off because of `err`. */
void queue_room_refused(struct entry *entry, const struct error *err);

/* --- queue.c --- */

/* Starts what may run now. */
void queue_kick(struct queue *q);
/* Calls the `stopped` hook when the queue is stopping and nothing is under way. */
void queue_check_stopped(struct queue *q);

#endif
