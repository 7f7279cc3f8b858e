/*
 * The whole library proven, from time to time or when asked: every file that somebody vouches
 * for is hashed again, model after model, at verify.h's gentle pace. It asks nobody: what the
 * Hub would have to tell is left unknown. What it has come to is kept: after a restart it goes
 * on with the model that it was at.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_SCRUB_H
#define DOWNLOADER_SCRUB_H

#include "downloader/model.h"
#include "downloader/plan.h"
#include "downloader/pool.h"
#include "downloader/store.h"

struct scrub;

enum {
	SCRUB_TOLD_MAX = 100, /* files that are told by name */
};

struct scrub_hooks {
	/* The model whose folder comes after this one ("": the first) and that no job works on,
	 * borrowed; NULL: there is none. */
	struct model *(*next)(void *ctx, const char *folder);
	/* Is it still there, and does no job work on it? */
	bool (*is_idle)(void *ctx, const char *folder);
	/* A file was found changed or missing; `why`, borrowed, may be "". */
	void (*found)(void *ctx, const char *folder, const struct plan_file *file,
		      const char *why);
	/* This folder was looked through: what vouches for its files is written anew. */
	void (*passed)(void *ctx, const char *folder);
	/* It has begun, come further by a model, or ended. */
	void (*state)(void *ctx);
	void *ctx;
};

/* What it works with; borrowed. */
struct scrub_env {
	struct loop *loop;
	struct pool *pool;
	struct store *store;
	int models_root;
	uint64_t limit_bps; /* see verify.h */
	uint64_t every_s; /* from the end of one to the beginning of the next; 0: when asked */
};

/* Loads how far it was; goes on, or begins when it is time, with scrub_run(). */
struct scrub *scrub_new(const struct scrub_env *env, const struct scrub_hooks *hooks,
			struct error *err);
void scrub_run(struct scrub *scrub);

/* Begins now; where it was while it is under way. */
void scrub_start(struct scrub *scrub);

/* Ends it before it is through: what was found so far is its result. */
void scrub_break_off(struct scrub *scrub);

/* {"running","started_at","finished_at","is_whole","next_at","at","models","files","bytes",
 * "proven","changed","missing","unknown","findings":[{"folder","path","state"}]} of the one
 * under way, or the last. Belongs to the caller. */
struct json_object *scrub_to_json(const struct scrub *scrub);

/* When one last came to its end, unix time; 0: never. */
int64_t scrub_whole_ms(const struct scrub *scrub);

/* Nothing more is begun, and no hook called; stopped(ctx) follows, at once or later. */
void scrub_stop(struct scrub *scrub, void (*stopped)(void *ctx), void *ctx);
/* After `stopped`, or before the loop runs. */
void scrub_free(struct scrub **scrub);

#endif
