/*
 * One running job: its plan's files brought to the disk, a few at a time, until all are proven
 * or one cannot be. What it knows of speed and progress it tells when asked.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_TRANSFER_H
#define DOWNLOADER_TRANSFER_H

#include "downloader/job.h"
#include "downloader/landing.h"

struct transfer;

struct transfer_hooks {
	/* `bytes` of `path` that counted as done were thrown away. */
	void (*thrown_away)(void *ctx, const char *job_id, const char *path, uint64_t bytes,
			    const char *why);
	/* What had the name `path` is in the trash now, at `trash` beneath the models
	 * directory. */
	void (*replaced)(void *ctx, const char *job_id, const char *path, const char *trash);
	/* Another file under way brings the content of `path`: it is waited for. */
	void (*waits)(void *ctx, const char *job_id, const char *path);
	/* The content of `path` was taken from the file at `source` beneath the models
	 * directory. */
	void (*copied)(void *ctx, const char *job_id, const char *path, const char *source);
	/* All files are proven (`err` is NULL), or it ended: ERR_CANCELLED after
	 * transfer_stop(). Nothing is under way any more; the receiver frees the transfer. */
	void (*over)(void *ctx, struct transfer *take_transfer, const struct error *err);
	void *ctx;
};

/* What the modules below offer; borrowed. */
struct transfer_env {
	struct loop *loop;
	struct pool *pool;
	struct hub *hub;
	struct store *store;
	struct budget *budget;
	struct turns *turns;
	struct feed_allowance *feeds; /* see landing.h */
	uint64_t copy_least_bytes;    /* see landing.h */
	int models_root;
};

enum {
	/* Files that are worked on together: most of the time of a small one goes into what
	 * comes before and after its bytes. The budget has the say on connections. */
	TRANSFER_FILES_AT_ONCE = 16,
};

/* Begins. Of `job` what is needed is copied; the plan is consumed. At most `files_at_once`
 * files are worked on together. */
struct transfer *transfer_new(const struct transfer_env *env, const struct job *job,
			      struct plan *take_plan, size_t files_at_once,
			      const struct transfer_hooks *hooks);
void transfer_free(struct transfer **transfer); /* after `over` */

void transfer_stop(struct transfer *transfer);

/* Puts bytes_done, bytes_verified, files_done, speed_bps and connections into the job. True
 * when every byte is here and only proofs are missing. */
bool transfer_tell(const struct transfer *transfer, struct job *job);

const struct plan *transfer_plan(const struct transfer *transfer); /* borrowed */

#endif
