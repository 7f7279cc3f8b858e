#include "downloader/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>

#include "common/error.h"
#include "downloader/file.h"

enum {
	ALIGNMENT = 4096, /* of address, offset and length; no disk asks for more (open(2)) */
};

struct direct {
	int root;
	char *path;
	int fd;
	bool is_direct;
	uint64_t at;
	char *room;
	char *block; /* the aligned part of it */
};

static int open_plain(int root, const char *path, bool *ret_is_direct, struct stat *ret,
		      struct error *err)
{
	static const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;
	AUTO_FD fd = file_open(root, path, flags | O_DIRECT, 0, err);
	int result;

	*ret_is_direct = fd >= 0;
	if (fd < 0 && (err->sys == EINVAL || err->sys == EOPNOTSUPP))
		fd = file_open(root, path, flags, 0, err);
	if (fd < 0)
		return -1;
	if (fstat(fd, ret) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
	if (!S_ISREG(ret->st_mode))
		return error_set(err, ERR_DISK_ERROR, "%s: not a plain file", path);
	result = fd;
	fd = -1;
	return result;
}

struct direct *direct_open(int root, const char *path, struct stat *ret, struct error *err)
{
	bool is_direct;
	int fd = open_plain(root, path, &is_direct, ret, err);
	struct direct *direct;

	if (fd < 0)
		return NULL;
	direct = mem_alloc(sizeof(*direct));
	direct->root = root;
	direct->path = mem_strdup(path);
	direct->fd = fd;
	direct->is_direct = is_direct;
	direct->room = mem_bytes(DIRECT_READ_MAX + ALIGNMENT);
	direct->block = direct->room + (ALIGNMENT - (uintptr_t)direct->room % ALIGNMENT);
	return direct;
}

void direct_close(struct direct **direct)
{
	struct direct *d = *direct;

	*direct = NULL;
	if (d == NULL)
		return;
	fd_close(&d->fd);
	free(d->path);
	free(d->room);
	free(d);
}

/* What a file system does not read past the cache, though it let the file be opened so. */
static bool step_down(struct direct *d, const struct error *err)
{
	if (!d->is_direct || err->sys != EINVAL)
		return false;
	d->is_direct = false;
	return fcntl(d->fd, F_SETFL, 0) == 0;
}

int direct_read(struct direct *d, struct str *ret, struct error *err)
{
	ssize_t n = file_read_at(d->fd, d->block, DIRECT_READ_MAX, d->at, err);

	if (n < 0 && step_down(d, err))
		n = file_read_at(d->fd, d->block, DIRECT_READ_MAX, d->at, err);
	if (n <= 0)
		return (int)n;
	if (!d->is_direct)
		file_give_back(d->fd, d->at, (uint64_t)n);
	*ret = (struct str){ .p = d->block, .n = (size_t)n };
	d->at += (uint64_t)n;
	/* The end of the file is not where a block ends: nothing is asked for past it. */
	if (d->is_direct && d->at % ALIGNMENT != 0)
		d->is_direct = fcntl(d->fd, F_SETFL, 0) != 0;
	return 1;
}

int direct_is_same(const struct direct *d, const struct stat *before, struct error *err)
{
	struct stat now;
	struct stat named;
	int found = file_stat(d->root, d->path, &named, err);

	if (found < 0)
		return -1;
	if (fstat(d->fd, &now) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", d->path);
	return found == 1 && named.st_ino == now.st_ino && named.st_dev == now.st_dev &&
	       now.st_size == before->st_size && file_mtime_ns(&now) == file_mtime_ns(before);
}
