/*
 * Who else writes to the models directory: inotify, as a hint. Folders are watched, and when
 * somebody makes, finishes, renames or removes something in one, that is told once it has been
 * quiet for a moment. It may miss things (a queue that overflows, a file system that tells
 * nothing, more folders than the kernel watches for one user): who must know looks at the disk
 * from time to time all the same.
 *
 * Belongs to the loop's thread; folders are added on a file worker.
 */
#ifndef DOWNLOADER_WATCH_H
#define DOWNLOADER_WATCH_H

#include "downloader/model.h"
#include "downloader/pool.h"

struct error;
struct watch;

enum {
	WATCH_QUIET_MS = 1000,    /* after the last news of a folder it is told, */
	WATCH_LONGEST_MS = 10000, /* but so long after the first */
	WATCH_TOLD_MAX = 64,      /* folders told one by one; of more, that all may be new */
	WATCH_EACH_MAX = 64,      /* folders of one model */
};

/* Folders to be watched, beneath the models directory. */
struct watch_folder {
	char *path;
	char *told; /* what is told of news in it: the model's folder; NULL: anything */
};

struct watch_hooks {
	/* Something is new in this folder; NULL: somewhere. Borrowed. */
	void (*news)(void *ctx, const char *folder);
	void *ctx;
};

/* NULL when the kernel has no inotify for us. */
struct watch *watch_new(struct loop *loop, struct pool *pool, int models_root,
			const struct watch_hooks *hooks, struct error *err);

/* The folders of these models, and those above them. To free with watch_set(). Any thread. */
struct watch_folder *watch_folders_of(struct model *const *models, size_t n, size_t *ret_n);

/* From now on these are watched; those that are already go on being. A folder that is new here,
 * unless it is one of the first list, is told once when it is watched: what came before may
 * have been missed. The list is consumed. */
void watch_set(struct watch *watch, struct watch_folder *take_folders, size_t n);

/* The same for the folders of these models, by folder, which a file worker finds out: of a big
 * library it is no work for the loop. */
void watch_models(struct watch *watch, struct model *const *models, size_t n);

/* No hook is called any more. */
void watch_stop(struct watch *watch);
/* After watch_stop() and pool_stop(), when the loop has run its messages. NULL inside is fine.
 */
void watch_free(struct watch **watch);

#endif
