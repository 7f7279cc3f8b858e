/*
 * Reading a directory beneath the root: names in the disk's own order, and what each is. No
 * link is followed, on the way or at the end (file.h).
 *
 * One thread at a time; in larderd a file worker.
 */
#ifndef DOWNLOADER_DIR_H
#define DOWNLOADER_DIR_H

#include <sys/stat.h>

#include "common/base.h"

struct dir;
struct error;

/* `path` as in file.h; "." is the root itself. NULL with the error: err->sys tells. */
struct dir *dir_open(int root, const char *path, struct error *err);
void dir_free(struct dir **dir);

/* The next name, borrowed until the next call; "." and ".." are left out. 1, 0 at the end, or
 * -1. *ret_is_dir is a hint: false also where the file system does not tell. */
int dir_next(struct dir *dir, const char **ret_name, bool *ret_is_dir,
	     struct error *err) MUST_USE;

/* What the directory itself is. */
int dir_stat_self(const struct dir *dir, struct stat *ret, struct error *err) MUST_USE;

/* What a name in it is, a link being a link: 1, 0 when it has vanished, -1. */
int dir_stat(const struct dir *dir, const char *name, struct stat *ret,
	     struct error *err) MUST_USE;

/* Opens a file in it for reading: a descriptor, or -1. */
int dir_open_file(const struct dir *dir, const char *name, struct error *err) MUST_USE;

#endif
