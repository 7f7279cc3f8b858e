/*
 * What the two files of the landing share: landing.c (from the first byte to the file's name)
 * and landing_begin.c (what comes before the first byte). Nobody else includes this.
 *
 * Everything that is under way is counted in `pending`: work on a worker, a command of the
 * store, and each of the parts that run together until it is released. Whatever ends calls
 * landing_release(); when the count is zero, what was to come after all of it (`then`) is done:
 * begin again, or tell that it is over.
 */
#ifndef DOWNLOADER_LANDING_INTERNAL_H
#define DOWNLOADER_LANDING_INTERNAL_H

#include "common/error.h"
#include "downloader/claims.h"
#include "downloader/copy.h"
#include "downloader/hasher.h"
#include "downloader/journal.h"
#include "downloader/landing.h"
#include "downloader/lanes.h"
#include "downloader/localdir.h"

/* A piece of disk work. The members below `landing` are the worker's until `done`. */
struct work {
	struct pool_task task; /* first */
	struct landing *landing;
	void (*act)(struct work *work);
	void (*then)(struct landing *landing, struct work *work);
	bool has_failed;
	struct error error; /* when it has */
	enum localdir_presence presence;
	char hex[HUB_DIGEST_MAX + 1]; /* of a proof's file */
	bool is_new;
	int64_t mtime_ns; /* of the file that is proven; 0: not known */
	int fd;
	char trash_id[DOWNLOAD_ID_LEN + 24];
	char *trash; /* a publish's: what it moved there, or NULL */
};

struct landing {
	const struct landing_env *env;
	struct plan_file *file;
	size_t index;
	struct landing_hooks hooks;
	struct localdir_names names;

	unsigned pending;
	void (*then)(struct landing *landing); /* when nothing is pending; or NULL */
	bool is_flush;                         /* the journal's last sync is wanted */
	bool is_stopping;
	struct error why; /* of the stop; ERR_NONE: it is proven */

	struct turn *turn; /* from the time it is asked for until the landing is over */
	struct copy *copy;
	char *source;      /* what the copy was taken from */
	int64_t looked_ms; /* unix time when it was begun */
	int fd;            /* the partial, the copy, or the existing file while it is checked */
	struct segments *segments;
	struct claims *claims;
	struct lanes *lanes;
	struct journal *journal;
	struct hasher *hasher;
	struct feed *feed;    /* while the two that hold it are made; else NULL */
	uint64_t claimed_end; /* the last claimed byte's: until it is hashed, nothing waits for
				 the hash */
	uint64_t hashed;
	char hex[HUB_DIGEST_MAX + 1];

	bool is_single;    /* the server gives whole files only */
	bool is_refetched; /* after a digest that did not match */
	unsigned ranges_ignored;
};

/* --- landing.c --- */

/* Runs `act` on a worker, then `then` on the loop. */
void landing_start_work(struct landing *l, void (*act)(struct work *),
			void (*then)(struct landing *, struct work *));
/* Something that was under way has ended; `ctx` is the landing. */
void landing_release(void *ctx);
/* Ends the parts that run together; `then` follows when all have. With `is_flush`, what was
 * written is made durable and recorded first. */
void landing_end_parts(struct landing *l, bool is_flush, void (*then)(struct landing *));
/* Ends it because of `why`; the first reason counts. */
void landing_end(struct landing *l, const struct error *why);

void landing_start_hasher(struct landing *l, void (*progress)(void *ctx, uint64_t hashed),
			  void (*finished)(void *ctx, const char *hex));
/* Nothing of what is there counts any more. */
void landing_begin_again(struct landing *l, const char *why);
/* Fetches what the extents do not claim, into the partial that is open. */
void landing_fetch(struct landing *l, const struct extent *extents, size_t n);

/* On a worker: what was fetched of it before is not needed any more, or of no use. */
void landing_drop_partial(const struct landing *l);
/* On a worker: gives what is at `path`, open as l->fd and proven, the file's name. */
void landing_act_publish(struct work *work, const char *path);
/* On a worker: notes what is to be recorded of the file that is proven and in its place. */
void landing_act_note(struct work *work);
/* Goes on after what was done to give the file its name, or to vouch for it. */
void landing_then_published(struct landing *l, struct work *work);
/* The file is proven and in its place, as `work` has noted it: records that, and ends it. */
void landing_conclude(struct landing *l, const struct work *work);
/* Proven, and kept under the name that it has. */
void landing_stage(struct landing *l);
/* Not worth looking for in the library. */
bool landing_is_small(const struct landing *l);

/* --- landing_begin.c --- */

/* Looks what is there; all else follows. */
void landing_look(struct landing *l);

#endif
