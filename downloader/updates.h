/*
 * Is there something newer? Asks the Hub what a model's revision holds now and compares
 * (diff.h); what was found is kept, also over a restart, until the model is looked at again.
 * When asked, and if it is wanted for the whole library from time to time, one model after the
 * other.
 *
 * Belongs to the loop's thread; comparing is a file worker's.
 */
#ifndef DOWNLOADER_UPDATES_H
#define DOWNLOADER_UPDATES_H

#include "downloader/hub_list.h"
#include "downloader/pool.h"
#include "downloader/model.h"
#include "downloader/store.h"

struct updates;

enum {
	UPDATES_WAITING_MAX = 100,        /* questions under way together */
	UPDATES_PAUSE_MS = 1000,          /* between two models of a round */
	UPDATES_AGAIN_MS = 5 * 60 * 1000, /* after the Hub could not be asked */
	UPDATES_FIRST_MS = 60 * 1000,     /* after the start, a round begins */
};

/* What a question has brought. */
struct update {
	char commit[COMMIT_LEN + 1]; /* of the Hub */
	int64_t checked_ms;          /* unix time */
	size_t files;                /* that would be fetched */
	uint64_t bytes;              /* of those */
	size_t files_gone;           /* that the Hub has no more */
	size_t files_elsewhere;      /* that it has, and the model never had */
	char *words;                 /* for people */
};

/* Is there anything to fetch or to let go? */
bool update_is_available(const struct update *update);

/* The object belongs to the caller. */
struct json_object *update_to_json(const struct update *update);

struct updates_hooks {
	/* What is known of this folder is new, or gone. */
	void (*changed)(void *ctx, const char *folder);
	/* The model whose folder comes after this one ("": the first) and is of a repository,
	 * borrowed; NULL: there is none. */
	struct model *(*next)(void *ctx, const char *folder);
	void *ctx;
};

/* What it works with; borrowed. */
struct updates_env {
	struct loop *loop;
	struct pool *pool;
	struct hub *hub;
	struct store *store;
	uint64_t every_s; /* rounds over all models begin so far apart; 0: never */
};

/* Loads what the store has. */
struct updates *updates_new(const struct updates_env *env, const struct updates_hooks *hooks,
			    struct error *err);

/* Nothing more is asked. Who waits is answered with ERR_CANCELLED. */
void updates_stop(struct updates *updates);
/* After updates_stop() and pool_stop(), when the loop has run its messages. */
void updates_free(struct updates **updates);

/* Asks now. `done` is called once, never before this returns; `update` is borrowed for the
 * call, or NULL with the error. -1 at once, and no `done`: ERR_INVALID, the model is of no
 * repository that its folder names; ERR_QUEUE_FULL. */
typedef void (*updates_done_fn)(void *ctx, const struct update *update,
				const struct error *err);
int updates_check(struct updates *updates, struct model *model, updates_done_fn done, void *ctx,
		  struct error *err) MUST_USE;

/* What was found of this folder last, borrowed, or NULL. */
const struct update *updates_find(const struct updates *updates, struct str folder);

/* What is known of this folder is not true any more. */
void updates_forget(struct updates *updates, const char *folder);

#endif
