/*
 * The library: every model on the disk, as it was when it was looked at last. It looks when it
 * starts, when asked, from time to time, and at a folder in which a download has ended. What it
 * saw is kept in the database: after a start all is there at once, and only what has changed is
 * read again.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_LIBRARY_H
#define DOWNLOADER_LIBRARY_H

#include "common/error.h"
#include "downloader/model.h"
#include "downloader/pool.h"
#include "downloader/store.h"

struct library;

enum {
	/* So many models are told one by one while everything is looked at; of more, only that
	 * there are: whoever watches asks for the list again. */
	LIBRARY_TOLD_MAX = 100,
};

struct library_hooks {
	/* A model is new or has changed; it is borrowed. */
	void (*changed)(void *ctx, const struct model *model);
	void (*removed)(void *ctx, const char *folder);
	/* A look at everything begins or has ended. */
	void (*state)(void *ctx);
	/* A look at this folder has ended, whatever came of it. */
	void (*looked)(void *ctx, const char *folder);
	void *ctx;
};

struct library_state {
	bool is_scanning;
	size_t models;
	size_t files;
	uint64_t bytes;
	size_t changes; /* models that the last look at everything found changed or gone */
	int64_t scanned_at_ms;        /* unix time when it ended; 0: not yet */
	char problem[ERROR_TEXT_MAX]; /* why it was not complete, or "" */
};

/* What it works with; borrowed. */
struct library_env {
	struct loop *loop;
	struct pool *pool;
	struct store *store;
	int models_root;
	uint64_t every_s; /* after the end of a look at everything the next begins; 0: never */
};

/* Loads what the store has. */
struct library *library_new(const struct library_env *env, const struct library_hooks *hooks,
			    struct error *err);

/* Looks at everything: now, or once more when that is under way. */
void library_scan(struct library *library);

/* Looks at one folder soon. */
void library_look(struct library *library, const char *folder);

/* Is a look at this folder asked for, or under way? What is not known of it may be soon. */
bool library_is_looking(const struct library *library, struct str folder);

/* Nothing more is begun, and no hook called. */
void library_stop(struct library *library);

/* After library_stop(), pool_stop() and store_stop(), when the loop has run its messages. */
void library_free(struct library **library);

/* Borrowed until the library changes: the model of a folder, or NULL; the one that comes after
 * a folder ("": the first), or NULL; all of them, by folder; what is known of them together. */
struct model *library_find(const struct library *library, struct str folder);
struct model *library_after(const struct library *library, struct str folder);
struct model *const *library_models(const struct library *library, size_t *ret_n);
void library_tell(const struct library *library, struct library_state *ret);

#endif
