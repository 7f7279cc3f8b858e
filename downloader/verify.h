/*
 * Is a model what it should be? Each file that is listed is read from the disk (direct.h) and
 * hashed, one after the other, and what is found is written into its .metadata: that vouches
 * for it anew, or for nothing any more (localdir.h), so that the official client, the next scan
 * and the next download all see the same.
 *
 *   proven   the bytes are the Hub's                    FILE_DONE
 *   changed  they are not, or the disk cannot read them FILE_CHANGED
 *   missing  it should be there                         FILE_MISSING
 *   unknown  nobody knows what it should be, it may not be opened, or somebody wrote to it
 *            meanwhile                                  FILE_UNKNOWN
 *
 * It never takes more than half of the disk's time: after each piece it rests for as long as
 * the piece took, so the busier the disk the longer it rests, and it stays below a limit. A
 * file worker is held for one piece at a time.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_VERIFY_H
#define DOWNLOADER_VERIFY_H

#include "downloader/plan.h"
#include "downloader/pool.h"

struct verify;

enum {
	VERIFY_PIECE = 8 * 1024 * 1024, /* bytes between two rests */
};

struct verify_hooks {
	/* The file is done with; its state is in the plan. `why`, borrowed, is not "" when
	 * there is more to say of it. */
	void (*found)(void *ctx, size_t index, const char *why);
	/* All are (`err` is NULL), or it was stopped (ERR_CANCELLED). Nothing is under way any
	 * more; the receiver frees it. */
	void (*over)(void *ctx, struct verify *take_verify, const struct error *err);
	void *ctx;
};

/* What it works with; borrowed. */
struct verify_env {
	struct loop *loop;
	struct pool *pool;
	int models_root;
	uint64_t limit_bps; /* bytes a second at most; 0: no such limit */
};

/* Begins with the first file of the plan that is pending. What a file should be, its .metadata
 * says by then, or else the plan; one of which neither knows is not read. In the .metadata of a
 * file that has none yet, `commit` is named ("": none is written). What is not the plan's is
 * copied. */
struct verify *verify_new(const struct verify_env *env, const char *folder, const char *commit,
			  struct plan *take_plan, const struct verify_hooks *hooks);

/* `over` follows soon, and no `found` before it. */
void verify_stop(struct verify *verify);
void verify_free(struct verify **verify); /* after `over` */

const struct plan *verify_plan(const struct verify *verify); /* borrowed */

/* Bytes a second that are hashed. */
uint64_t verify_speed(const struct verify *verify);

#endif
