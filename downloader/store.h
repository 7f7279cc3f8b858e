/*
 * What survives: jobs, their plans, where proven contents lie, the
 * models that were seen on the disk, and the settings, in
 * $LARDER_STATE_DIR/larder.db. A thread of its own owns the database; commands are run in the
 * order they are given, everything that waits is committed together, and each command's `done`
 * is called on the loop after the commit (DESIGN.md, invariant 2: commit, then answer).
 *
 * All functions belong to the loop's thread.
 */
#ifndef DOWNLOADER_STORE_H
#define DOWNLOADER_STORE_H

#include "downloader/job.h"
#include "downloader/loop.h"
#include "downloader/model.h"
#include "downloader/plan.h"

struct json_object;
struct store;

/* `err` is NULL when the command is on the disk. */
typedef void (*store_done_fn)(void *ctx, const struct error *err);

#define STORE_FILE "larder.db" /* in the state directory */

/* One larderd a state directory: a lock that goes with the process, however it ends, or with
 * the descriptor. */
int store_lock(const char *dir, struct error *err) MUST_USE;

/* Is the file a whole database that this Larder understands? Before there is a store. */
int store_inspect(const char *path, struct error *err) MUST_USE;

/* Opens the database in `dir` (made if absent, 0700), which nobody else may have open. */
struct store *store_new(struct loop *loop, const char *dir, struct error *err);

/* Blocks until all commands so far are on the disk; each `done` follows when the loop runs its
 * messages. For the end of the program. */
void store_wait(struct store *store);

/* Finishes all commands and ends the thread; each `done` follows when the loop runs its
 * messages. Commands given after fail. */
void store_stop(struct store *store);

/* Once store_stop() was called and the loop has run its messages. */
void store_free(struct store **store);

/* Every job, in no particular order, before the loop runs: `fn` takes each. */
int store_load(struct store *store, void (*fn)(void *ctx, struct job *take_job), void *ctx,
	       struct error *err) MUST_USE;

/* Writes the job as it is now (a copy is made). `done` may be NULL. */
void store_put_job(struct store *store, const struct job *job, store_done_fn done, void *ctx);

/* The same together with its whole plan, which replaces an earlier one. `plan` is copied. */
void store_put_plan(struct store *store, const struct job *job, const struct plan *plan,
		    store_done_fn done, void *ctx);

/* State and durable bytes of one file of the plan; its extents are forgotten. */
void store_put_file(struct store *store, const char *job_id, size_t index,
		    enum file_state state, uint64_t bytes_done, store_done_fn done, void *ctx);

/* A run of bytes of a file that is on the disk, with its checksum (checksum.h). */
struct extent {
	uint64_t first;
	uint64_t length;
	uint64_t sum;
};

/* Records extents of one file, each in the place of an earlier one with the same beginning, and
 * how many durable bytes there are in all. `extents` is copied. */
void store_put_extents(struct store *store, const char *job_id, size_t index,
		       const struct extent *extents, size_t n, uint64_t bytes_done,
		       store_done_fn done, void *ctx);

/* Forgets the one that begins at `first`. */
void store_drop_extent(struct store *store, const char *job_id, size_t index, uint64_t first,
		       uint64_t bytes_done, store_done_fn done, void *ctx);

/* Reads the extents of one file, in order: `extents` is borrowed for the call. */
typedef void (*store_extents_fn)(void *ctx, const struct extent *extents, size_t n,
				 const struct error *err);
void store_get_extents(struct store *store, const char *job_id, size_t index,
		       store_extents_fn done, void *ctx);

/* A file in which a content was proven once. It may have been changed since: a hint, to be
 * proven again. */
struct source {
	char *path;       /* beneath the models directory */
	int64_t mtime_ns; /* of the file, at that time; 0: not known */
};

enum {
	STORE_SOURCES_MAX = 8,
};

/* Remembers that `source` holds what `file` is to hold (its algorithm, digest and size count),
 * in the place of what was known of that path. Nothing forgets it when a job is forgotten.
 * Both are copied. */
void store_put_source(struct store *store, const struct plan_file *file,
		      const struct source *source, store_done_fn done, void *ctx);

/* Forgets that the file at this path holds it. */
void store_drop_source(struct store *store, const struct plan_file *file,
		       const struct source *source, store_done_fn done, void *ctx);

/* Reads who holds what `file` is to hold, at most STORE_SOURCES_MAX, the newest first:
 * `sources` is borrowed for the call. */
typedef void (*store_sources_fn)(void *ctx, const struct source *sources, size_t n,
				 const struct error *err);
void store_get_sources(struct store *store, const struct plan_file *file, store_sources_fn done,
		       void *ctx);

/* Reads a plan: it belongs to whom `done` gives it; NULL with an error. */
typedef void (*store_plan_fn)(void *ctx, struct plan *take_plan, const struct error *err);
void store_get_plan(struct store *store, const char *job_id, store_plan_fn done, void *ctx);

/* Forgets a job and its plan. */
void store_delete_job(struct store *store, const char *job_id, store_done_fn done, void *ctx);

/* Writes each member of the object as a setting of that name, all of them or none; a member
 * that is null forgets the setting. The object is consumed: nobody else may hold a reference.
 */
void store_put_settings(struct store *store, struct json_object *take_settings,
			store_done_fn done, void *ctx);

/* Every setting that was written, before the loop runs: its value as JSON text. */
int store_load_settings(struct store *store,
			void (*fn)(void *ctx, const char *name, const char *value), void *ctx,
			struct error *err) MUST_USE;

/* Remembers a model as it was seen, in the place of what was known of its folder; forgets it.
 * The model is held until then. */
void store_put_model(struct store *store, struct model *model, store_done_fn done, void *ctx);
void store_drop_model(struct store *store, const char *folder, store_done_fn done, void *ctx);

/* Every model, finished, by folder, before the loop runs: `fn` takes each. */
int store_load_models(struct store *store, void (*fn)(void *ctx, struct model *take_model),
		      void *ctx, struct error *err) MUST_USE;

/* Somebody's deed. Views: borrowed for a call. */
struct audit_entry {
	int64_t seq; /* the database's; the larger the later */
	int64_t at_ms;
	const char *who;
	const char *address;
	const char *action;
	const char *what;
	const char *outcome;
	const char *request_id;
};

enum {
	STORE_AUDIT_KEPT = 100000, /* entries, the newest */
};

/* Adds an entry (its `seq` does not count). Nothing changes one, and only age takes one away.
 */
void store_put_audit(struct store *store, const struct audit_entry *entry, store_done_fn done,
		     void *ctx);

/* Reads at most `limit` entries before the one of `before`, the newest first: `entries` is
 * borrowed for the call. */
typedef void (*store_audit_fn)(void *ctx, const struct audit_entry *entries, size_t n,
			       const struct error *err);
void store_get_audit(struct store *store, int64_t before, size_t limit, store_audit_fn done,
		     void *ctx);

/* The end of a job that is not told yet to all who are to know. It is made with that end, in
 * one commit. */
struct store_notice {
	char job_id[DOWNLOAD_ID_LEN + 1];
	int64_t at_ms;    /* when the job ended */
	unsigned pending; /* bits: whom it is to be told; at first all */
};

enum {
	STORE_NOTICES_MAX = 256, /* that are read at a time */
};

/* Reads them, the oldest first: `notices` is borrowed for the call. */
typedef void (*store_notices_fn)(void *ctx, const struct store_notice *notices, size_t n,
				 const struct error *err);
void store_get_notices(struct store *store, store_notices_fn done, void *ctx);

/* Writes what of it is still pending; with 0 it is forgotten. */
void store_put_notice(struct store *store, const char *job_id, unsigned pending,
		      store_done_fn done, void *ctx);

/* Does the database answer, and can it write? */
void store_check(struct store *store, store_done_fn done, void *ctx);

#endif
