/*
 * Making a folder and those above it.
 *
 * Any thread.
 */
#ifndef COMMON_FOLDER_H
#define COMMON_FOLDER_H

#include <sys/types.h>

#include "common/base.h"

struct error;

/* Whose a new folder is. */
struct folder_owner {
	uid_t uid;
	gid_t gid;
};

/* mkdir -p: makes `path` (absolute) with `mode` and its parents with 0755, less the umask; fine
 * when it is there. What is made is given to `owner`, unless that is NULL. */
int folder_make(const char *path, mode_t mode, const struct folder_owner *owner,
		struct error *err) MUST_USE;

/* The folder that `path` is in: "." for a mere name; to free. */
char *folder_above(const char *path) __attribute__((returns_nonnull));

#endif
