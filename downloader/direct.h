/*
 * A file read from the disk itself, past the page cache (O_DIRECT) where the file system
 * allows: what is proven then is what the disk holds, not what memory remembers of it, and
 * nothing that others have in the cache makes room for bytes that are looked at once. Elsewhere
 * the file is read as any other and its pages are given back behind.
 *
 * Blocks on the disk: a file worker's, one at a time.
 */
#ifndef DOWNLOADER_DIRECT_H
#define DOWNLOADER_DIRECT_H

#include <sys/stat.h>

#include "common/base.h"

struct direct;
struct error;

enum {
	DIRECT_READ_MAX = 1024 * 1024, /* bytes of one read */
};

/* Opens the plain file at `path` beneath `root`, from its beginning; what it is goes to `ret`.
 * NULL on failure: err->sys tells ENOENT and the like. */
struct direct *direct_open(int root, const char *path, struct stat *ret, struct error *err);
void direct_close(struct direct **direct);

/* The next bytes, borrowed until the next call: 1; 0 at the end; -1. */
int direct_read(struct direct *direct, struct str *ret, struct error *err) MUST_USE;

/* What the file is now, and whether that is still the one at its path: 1, 0 when it is not, -1.
 */
int direct_is_same(const struct direct *direct, const struct stat *before,
		   struct error *err) MUST_USE;

#endif
