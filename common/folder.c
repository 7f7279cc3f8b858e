#include "common/folder.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"

static int make_one(const char *path, mode_t mode, const struct folder_owner *owner,
		    struct error *err)
{
	if (mkdir(path, mode) < 0)
		return errno == EEXIST
			       ? 0
			       : error_set_errno(err, ERR_DISK_ERROR,
						 "%s is not there and cannot be made", path);
	if (owner != NULL && lchown(path, owner->uid, owner->gid) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
	return 0;
}

int folder_make(const char *path, mode_t mode, const struct folder_owner *owner,
		struct error *err)
{
	AUTO_CSTR copy = mem_strdup(path);

	for (char *at = copy + 1;; at++) {
		char c = *at;

		if (c != '/' && c != '\0')
			continue;
		*at = '\0';
		if (make_one(copy, c == '\0' ? mode : 0755, owner, err) < 0)
			return -1;
		*at = c;
		if (c == '\0')
			return 0;
	}
}

char *folder_above(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return mem_strdup(".");
	return str_dup(
		(struct str){ .p = path, .n = slash == path ? 1 : (size_t)(slash - path) });
}
