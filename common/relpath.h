/*
 * The one validator of paths that come from a request or from the Hub. What passes is a
 * relative path with "/" between its parts that cannot leave the folder it is opened beneath,
 * on any system that may read the disk later: no empty part, no "." or "..", no "\", no drive
 * or UNC form, no NUL or other control character, well-formed UTF-8, no part longer than a file
 * system takes, and nothing at or beneath ".cache/huggingface" or ".larder", which are ours
 * (nor a file ".cache", where that folder must be; case is ignored). Spaces, "#", "%", "+" and
 * non-ASCII letters are fine and are kept as they are. Windows' rules count where they decide
 * what a name means: ":" (a drive, a stream) is refused, and so is a part that ends with a dot
 * or a space; the other characters Windows dislikes are allowed by the Hub and by Linux, and
 * pass.
 *
 * Opening is somebody else's: downloader/file.c adds the kernel's own guard. Any thread.
 */
#ifndef COMMON_RELPATH_H
#define COMMON_RELPATH_H

#include "common/base.h"

struct error;

enum {
	RELPATH_MAX = 1024,
	RELPATH_PART_MAX = 255 - 48, /* room for ".<digest>.incomplete" forms beside it */
	RELPATH_DEPTH_MAX = 32,
};

/* 0, or -1 with ERR_UNSAFE_PATH and a sentence that quotes the path with hostile bytes escaped.
 */
int relpath_check(struct str path, struct error *err) MUST_USE;

/* The last part, and what stands before its "/" (empty at top level). Views into `path`. */
struct str relpath_basename(struct str path);
struct str relpath_dirname(struct str path);

/* Is it that folder, or in it? */
bool relpath_is_below(const char *path, const char *folder);

#endif
