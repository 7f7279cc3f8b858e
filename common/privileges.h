/*
 * Neither program works as root: who starts one so gets it as another user. What is missing of
 * its folders is made before, since root may make them where the other may not, and is that
 * user's then. What is there already keeps its owner.
 *
 * Before the first thread.
 */
#ifndef COMMON_PRIVILEGES_H
#define COMMON_PRIVILEGES_H

#include <sys/types.h>

#include "common/base.h"

struct error;

/* A folder that is to be there. */
struct privileges_folder {
	const char *path;
	mode_t mode;
};

/* Is there a user of this name? */
bool privileges_is_user(const char *name);

/* Not root: does nothing. As root: becomes `user` with their groups, for good, and never root;
 * the first folder that had to be made for a path belongs to that user, with all beneath. Says
 * in the log whom it has become. */
int privileges_drop(const char *user, const struct privileges_folder *folders, size_t n,
		    struct error *err) MUST_USE;

#endif
