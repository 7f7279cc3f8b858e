/*
 * One file on its way to the disk: look what is there, open the partial, check what is claimed
 * of it, fetch the rest over several connections with the hash right behind, and give the
 * proven file its name.
 *
 *   LOOK -> (proven: done) -> CHECK an existing file by its hash -> (equal: vouch, done)
 *        -> TURN -> COPY -> (the library has it: PUBLISH the copy, done)
 *        -> OPEN -> claims, lanes, journal and hasher run together -> PUBLISH -> done
 *
 * No byte twice: for its TURN it waits while another file under way brings the same content
 * (turns.h), and keeps it until it is over; COPY takes the content from another file of the
 * library (copy.h). Both are left out for a small file, which OPEN follows in the same go; and
 * one that is no more than a block is hashed in one go with PUBLISH. What is done is remembered
 * as a source for others.
 *
 * What is staged ends before PUBLISH: changeover.h gives all files of an update their names
 * together.
 *
 * Who does what: claims.h reads again what the journal says is there; lanes.h brings the rest;
 * journal.h makes it durable and records it (invariant 1); hasher.h follows the run of bytes
 * that are here from the beginning. PUBLISH is reached only with an equal digest (invariant 3).
 *
 * Belongs to the loop's thread; its disk work runs on file workers, its writes on transfer
 * threads.
 */
#ifndef DOWNLOADER_LANDING_H
#define DOWNLOADER_LANDING_H

#include "downloader/budget.h"
#include "downloader/hub.h"
#include "downloader/plan.h"
#include "downloader/pool.h"
#include "downloader/store.h"
#include "downloader/turns.h"

struct landing;

enum {
	/* So many bytes may wait for the hash before no more are begun: what is left to hash at
	 * the end is done in a blink, and read from the page cache. */
	LANDING_BEHIND_MAX = 48 * 1024 * 1024,
};

/* What a landing works with; borrowed, the same for all files of a job. */
struct landing_env {
	struct loop *loop;
	struct pool *pool;
	struct hub *hub;
	struct store *store;
	struct budget *budget;
	struct turns *turns;
	struct feed_allowance *feeds; /* NULL: the hash reads all from the file */
	uint64_t copy_least_bytes;    /* a smaller file is small; COPY_LEAST_BYTES is good */
	int models_root;
	const char *job_id;
	int64_t created_ms; /* unix time of the job */
	enum repo_type type;
	const char *repo;
	const char *commit;
	const char *folder;
	bool is_staged; /* what is proven keeps its partial's or copy's name: FILE_STAGED */
};

struct landing_hooks {
	/* `bytes` that were here were thrown away, and why ("the server ignored the
	 * range"). */
	void (*thrown_away)(void *ctx, size_t index, uint64_t bytes, const char *why);
	/* What had the file's name is in the trash now, at `trash` beneath the models
	 * directory.
	 */
	void (*replaced)(void *ctx, size_t index, const char *trash);
	/* Another file under way brings the same content: it is waited for. */
	void (*waits)(void *ctx, size_t index);
	/* The content was taken from the file at `source` beneath the models directory. */
	void (*copied)(void *ctx, size_t index, const char *source);
	/* The landing is over and must be freed by the receiver: `err` is NULL when the file is
	 * proven and that is recorded; ERR_CANCELLED after landing_stop(). Nothing of it is
	 * under way any more. */
	void (*over)(void *ctx, struct landing *take_landing, const struct error *err);
	void *ctx;
};

/* Begins. `file` is the plan's own and is kept up to date (state, bytes_done, bytes_verified);
 * it and `env` are borrowed until `over`. */
struct landing *landing_new(const struct landing_env *env, struct plan_file *file, size_t index,
			    const struct landing_hooks *hooks);
void landing_free(struct landing **landing); /* after `over` */

size_t landing_index(const struct landing *landing);

/* To be called a few times a second: moves the hash frontier on, starts syncs. Returns the
 * bytes that came from the network since the last call. */
uint64_t landing_tick(struct landing *landing, uint64_t now_ms);

/* Connections that are open for it. */
size_t landing_connections(const struct landing *landing);

/* Ends it soon, with what is written made durable: `over` follows, with ERR_CANCELLED unless it
 * was over already. */
void landing_stop(struct landing *landing);

#endif
