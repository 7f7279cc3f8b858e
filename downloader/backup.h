/*
 * Copies of the database: made while it is in use, kept in $LARDER_STATE_DIR/backups, and put
 * in its place while no larderd uses it. A copy has no secret in it that can be read: what is
 * sealed needs secret.key, which is not copied.
 *
 * backup_make() belongs to the loop's thread; backup_restore() comes before it.
 */
#ifndef DOWNLOADER_BACKUP_H
#define DOWNLOADER_BACKUP_H

#include "downloader/pool.h"

enum {
	BACKUPS_KEPT = 10, /* the newest */
};

/* Where it is and how large; borrowed for the call. `err` is NULL when it was made. */
typedef void (*backup_done_fn)(void *ctx, const char *path, uint64_t bytes,
			       const struct error *err);

/* Makes one on a file worker. `state_dir` is copied. */
void backup_make(struct pool *pool, const char *state_dir, backup_done_fn done, void *ctx);

/* Puts the copy at `path` in the place of the database in `state_dir`, which no larderd may
 * have open; what was there is larder.db.before-restore from then on. One that is damaged, or
 * from a newer Larder, is refused, and nothing is changed. `fd` is the copy as who called us
 * could open it, or -1: it is read where `path` is closed to whom we have become. */
int backup_restore(const char *path, int fd, const char *state_dir, struct error *err) MUST_USE;

#endif
