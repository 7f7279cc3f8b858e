#include "downloader/dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "downloader/file.h"

struct dir {
	DIR *stream;
	char *path; /* for errors */
};

static int fail(const struct dir *dir, struct error *err)
{
	return error_set_errno(err, ERR_DISK_ERROR, "%s", dir->path);
}

struct dir *dir_open(int root, const char *path, struct error *err)
{
	struct dir *dir;
	DIR *stream;
	int fd = file_open(root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, err);

	if (fd < 0)
		return NULL;
	stream = fdopendir(fd);
	if (stream == NULL) {
		(void)error_set_errno(err, ERR_DISK_ERROR, "%s", path);
		fd_close(&fd);
		return NULL;
	}
	dir = mem_alloc(sizeof(*dir));
	dir->stream = stream;
	dir->path = mem_strdup(path);
	return dir;
}

void dir_free(struct dir **dir)
{
	struct dir *d = *dir;

	*dir = NULL;
	if (d == NULL)
		return;
	(void)closedir(d->stream);
	free(d->path);
	free(d);
}

int dir_next(struct dir *dir, const char **ret_name, bool *ret_is_dir, struct error *err)
{
	struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(dir->stream);
	} while (entry != NULL &&
		 (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	if (entry == NULL)
		return errno == 0 ? 0 : fail(dir, err);
	*ret_name = entry->d_name;
	*ret_is_dir = entry->d_type == DT_DIR;
	return 1;
}

int dir_stat_self(const struct dir *dir, struct stat *ret, struct error *err)
{
	return fstat(dirfd(dir->stream), ret) < 0 ? fail(dir, err) : 0;
}

int dir_stat(const struct dir *dir, const char *name, struct stat *ret, struct error *err)
{
	if (fstatat(dirfd(dir->stream), name, ret, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT ? 0 : fail(dir, err);
}

int dir_open_file(const struct dir *dir, const char *name, struct error *err)
{
	int fd = openat(dirfd(dir->stream), name,
			O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd < 0 ? fail(dir, err) : fd;
}
