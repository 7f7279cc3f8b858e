/*
 * How much room there is: in the models directory, and in the folders that somebody watches,
 * each of which may be a mount of its own. Looked at every few seconds on a file worker, since
 * a network file system may take its time to answer.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_SPACE_H
#define DOWNLOADER_SPACE_H

#include "downloader/file.h"
#include "downloader/pool.h"

struct space;
struct space_watch;

enum {
	SPACE_LOOK_MS = 3000,
};

/* The first look is made at once; `changed` is called after each later one. `path` is copied.
 */
struct space *space_new(struct loop *loop, struct pool *pool, int root, const char *path,
			void (*changed)(void *ctx), void *ctx);
void space_free(struct space **space); /* when nobody watches any more */

/* No look is begun any more. */
void space_stop(struct space *space);

/* Looks now. */
void space_look(struct space *space);

/* The file system of the models directory itself, borrowed. */
const struct file_space *space_root(const struct space *space);

/* Could the last look be made, is the directory writable, and is it still what `path` names
 * (not moved away, no disk mounted over it)? 0, or -1 with the reason. */
int space_check(const struct space *space, struct error *err) MUST_USE;

/* From now on the folder beneath the models directory, which need not be there yet, is looked
 * at too, soon for the first time. `folder` is copied. */
struct space_watch *space_watch(struct space *space, const char *folder);
void space_unwatch(struct space_watch **watch);

/* The file system that the folder is on, or would be, as it was last seen: 1, or 0 when there
 * was no look yet, -1 when the last one failed. */
int space_of(const struct space_watch *watch, struct file_space *ret,
	     struct error *err) MUST_USE;

#endif
