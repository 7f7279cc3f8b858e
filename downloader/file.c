#include "downloader/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.h"
#include "common/folder.h"
#include "common/relpath.h"

/* Held for writing while directories are made, and for reading while files are. A directory
 * that could not be synced is taken back, and who saw it before that would work in one that is
 * gone, or believe in one that is not durable. */
static pthread_rwlock_t making = PTHREAD_RWLOCK_INITIALIZER;

/* Opens `path` part by part, refusing links, where openat2(2) (Linux 5.6) is missing. */
static int open_by_walk(int root, const char *path, int flags, mode_t mode)
{
	struct str rest = str_from(path);
	struct str part;
	AUTO_FD dir = fcntl(root, F_DUPFD_CLOEXEC, 0);

	while (dir >= 0 && str_next(&rest, '/', &part)) {
		AUTO_CSTR name = str_dup(part);
		int next;

		if (part.n == 0 || str_is_equal(part, S(".."))) {
			errno = EXDEV;
			return -1;
		}
		if (rest.p == NULL)
			return openat(dir, name, flags | O_NOFOLLOW, mode);
		next = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		fd_close(&dir);
		dir = next;
	}
	return -1;
}

/* O_NOFOLLOW turns a link at the end into ELOOP, as RESOLVE_NO_SYMLINKS does. */
static int open_beneath(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = (flags & O_CREAT) != 0 ? mode : 0,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, root, path, &how, sizeof(how));

	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_walk(root, path, flags | O_CLOEXEC, mode);
	return (int)fd;
}

/* The directory that holds `path`, and the last part in *ret_name. */
static int open_parent(int root, const char *path, const char **ret_name, struct error *err)
{
	const char *slash = strrchr(path, '/');
	AUTO_CSTR dir = NULL;
	int fd;

	if (slash == NULL) {
		*ret_name = path;
		fd = fcntl(root, F_DUPFD_CLOEXEC, 0);
	} else {
		*ret_name = slash + 1;
		dir = str_dup((struct str){ .p = path, .n = (size_t)(slash - path) });
		fd = open_beneath(root, dir, O_RDONLY | O_DIRECTORY, 0);
	}
	if (fd < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
	return fd;
}

int file_open_root(const char *path, struct error *err)
{
	int fd;

	if (folder_make(path, 0755, NULL, err) < 0)
		return -1;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
	return fd;
}

int file_lock_root(int root, struct error *err)
{
	/* On the directory itself, so that one that is only read gets no file from us. */
	if (flock(root, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return error_set(err, ERR_DISK_ERROR, "another larderd uses this directory");
	return 0;
}

/* What errno says of an opening that has failed. */
static int refuse(const char *path, struct error *err)
{
	if (errno == ELOOP || errno == EXDEV)
		return error_set(err, ERR_UNSAFE_PATH,
				 "%s: there is a symbolic link in the way", path);
	return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
}

/* Makes the directory `name` in `dir` if it is absent, durably, for whom the umask lets in: one
 * that could not be synced goes again, or the next try would find it and believe in it. */
static int make_directory(int dir, const char *name)
{
	int reason;

	if (mkdirat(dir, name, 0777) < 0)
		return errno == EEXIST ? 0 : -1;
	if (fsync(dir) == 0)
		return 0;
	reason = errno;
	(void)unlinkat(dir, name, AT_REMOVEDIR);
	errno = reason;
	return -1;
}

bool file_has_parents(int root, const char *path)
{
	struct error ignored;
	const char *name;
	AUTO_FD dir = open_parent(root, path, &name, &ignored);

	return dir >= 0;
}

/* With `making` held for writing. */
static int make_parents(int root, const char *path, struct error *err)
{
	struct str rest = str_from(path);
	struct str part;
	AUTO_FD dir = -1;

	if (file_has_parents(root, path))
		return 0;
	dir = fcntl(root, F_DUPFD_CLOEXEC, 0);
	while (dir >= 0 && str_next(&rest, '/', &part) && rest.p != NULL) {
		AUTO_CSTR name = str_dup(part);
		int next = -1;

		if (make_directory(dir, name) == 0)
			next = open_beneath(dir, name, O_RDONLY | O_DIRECTORY, 0);
		if (next < 0 && (errno == ELOOP || errno == ENOTDIR))
			return error_set(err, ERR_UNSAFE_PATH,
					 "%s: \"%s\" is in the way: not a directory", path,
					 name);
		if (next < 0)
			return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
		fd_close(&dir);
		dir = next;
	}
	return dir >= 0 ? 0 : error_set_errno(err, ERR_DISK_ERROR, "%s", path);
}

int file_make_parents(int root, const char *path, struct error *err)
{
	int result;

	(void)pthread_rwlock_wrlock(&making);
	result = make_parents(root, path, err);
	(void)pthread_rwlock_unlock(&making);
	return result;
}

/* A file that may be made, with the parents that it needs. */
static int open_or_make(int root, const char *path, int flags, mode_t mode, struct error *err)
{
	int fd;

	(void)pthread_rwlock_rdlock(&making);
	fd = open_beneath(root, path, flags, mode);
	if (fd < 0 && errno == ENOENT) {
		(void)pthread_rwlock_unlock(&making);
		(void)pthread_rwlock_wrlock(&making);
		if (make_parents(root, path, err) < 0) {
			(void)pthread_rwlock_unlock(&making);
			return -1;
		}
		fd = open_beneath(root, path, flags, mode);
	}
	if (fd < 0)
		(void)refuse(path, err);
	(void)pthread_rwlock_unlock(&making);
	return fd;
}

int file_open(int root, const char *path, int flags, mode_t mode, struct error *err)
{
	int fd;

	if ((flags & O_CREAT) != 0)
		return open_or_make(root, path, flags, mode, err);
	fd = open_beneath(root, path, flags, mode);
	return fd >= 0 ? fd : refuse(path, err);
}

int file_stat(int root, const char *path, struct stat *ret, struct error *err)
{
	AUTO_FD fd = open_beneath(root, path, O_PATH | O_NOFOLLOW, 0);

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return refuse(path, err);
	if (fstat(fd, ret) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
	return 1;
}

/* Without a sign: whoever made the file may have given it any time. */
int64_t file_mtime_ns(const struct stat *st)
{
	return (int64_t)((uint64_t)st->st_mtim.tv_sec * 1000000000U +
			 (uint64_t)st->st_mtim.tv_nsec);
}

/* In the same directory. */
static bool is_beside(const char *a, const char *b)
{
	struct str dir = relpath_dirname(str_from(a));

	return str_is_equal(dir, relpath_dirname(str_from(b)));
}

/* rename(2) that replaces nothing. Where the file system cannot promise that, it is asked
 * first: then somebody may be quicker. */
static int rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
	struct stat st;

	if (renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return renameat(from_dir, from, to_dir, to);
}

/* Both directories are synced, so that the name survives a power cut. */
static int rename_synced(int root, const char *from, const char *to,
			 int (*rename_fn)(int, const char *, int, const char *),
			 struct error *err)
{
	const char *from_name = NULL;
	const char *to_name = NULL;
	AUTO_FD to_dir = open_parent(root, to, &to_name, err);
	AUTO_FD other_dir = -1;
	int from_dir = to_dir;

	if (to_dir < 0)
		return -1;
	if (is_beside(from, to)) {
		from_name = from + (to_name - to);
	} else {
		other_dir = open_parent(root, from, &from_name, err);
		from_dir = other_dir;
	}
	if (from_dir < 0)
		return -1;
	if (rename_fn(from_dir, from_name, to_dir, to_name) < 0 || fsync(to_dir) < 0 ||
	    (from_dir != to_dir && fsync(from_dir) < 0))
		return error_set_errno(err, ERR_DISK_ERROR, "%s", to);
	return 0;
}

int file_rename(int root, const char *from, const char *to, struct error *err)
{
	return rename_synced(root, from, to, renameat, err);
}

int file_move(int root, const char *from, const char *to, struct error *err)
{
	if (file_make_parents(root, to, err) < 0)
		return -1;
	return rename_synced(root, from, to, rename_new, err);
}

bool file_link(int root, const char *from, const char *to)
{
	struct error ignored;
	const char *from_name = NULL;
	const char *to_name = NULL;
	AUTO_FD from_dir = open_parent(root, from, &from_name, &ignored);
	AUTO_FD to_dir = open_parent(root, to, &to_name, &ignored);

	return from_dir >= 0 && to_dir >= 0 &&
	       linkat(from_dir, from_name, to_dir, to_name, 0) == 0;
}

bool file_clone(int to, int from)
{
	return ioctl(to, FICLONE, from) == 0;
}

static int remove_name(int root, const char *path, int flags, struct error *err)
{
	const char *name;
	AUTO_FD dir = open_parent(root, path, &name, err);

	if (dir < 0)
		return err->sys == ENOENT ? 0 : -1;
	if (unlinkat(dir, name, flags) < 0 && errno != ENOENT)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
	return 0;
}

int file_remove(int root, const char *path, struct error *err)
{
	return remove_name(root, path, 0, err);
}

int file_remove_folder(int root, const char *path, struct error *err)
{
	return remove_name(root, path, AT_REMOVEDIR, err);
}

int file_set_size(int fd, uint64_t size, struct error *err)
{
	if (ftruncate(fd, (off_t)size) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%llu bytes",
				       (unsigned long long)size);
	return 0;
}

int file_write_at(int fd, struct str bytes, uint64_t offset, struct error *err)
{
	while (bytes.n > 0) {
		ssize_t n = pwrite(fd, bytes.p, bytes.n, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_set_errno(err, ERR_DISK_ERROR, "write");
		bytes = str_sub(bytes, (size_t)n, bytes.n);
		offset += (uint64_t)n;
	}
	return 0;
}

ssize_t file_read_at(int fd, char *to, size_t room, uint64_t offset, struct error *err)
{
	ssize_t n;

	do {
		n = pread(fd, to, room, (off_t)offset);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "read");
	return n;
}

void file_start_writing(int fd, uint64_t first, uint64_t length)
{
	(void)sync_file_range(fd, (off_t)first, (off_t)length, SYNC_FILE_RANGE_WRITE);
}

void file_give_back(int fd, uint64_t first, uint64_t length)
{
	(void)posix_fadvise(fd, (off_t)first, (off_t)length, POSIX_FADV_DONTNEED);
}

int file_sync_data(int fd, struct error *err)
{
	if (fdatasync(fd) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "sync");
	return 0;
}

int file_sync(int root, const char *path, struct error *err)
{
	const char *name;
	AUTO_FD fd = file_open(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
	AUTO_FD dir = fd < 0 ? -1 : open_parent(root, path, &name, err);

	if (fd < 0 || dir < 0)
		return -1;
	if (fsync(fd) < 0 || fsync(dir) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
	return 0;
}

int file_replace(int root, const char *path, struct str content, struct error *err)
{
	/* Two workers may replace the same file: each has a temporary of its own. */
	AUTO_CSTR tmp = mem_printf("%s.%d.tmp", path, (int)gettid());
	AUTO_FD fd = file_open(root, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_NONBLOCK, 0666, err);

	if (fd < 0 || file_write_at(fd, content, 0, err) < 0 || file_sync_data(fd, err) < 0)
		return -1;
	return file_rename(root, tmp, path, err);
}

int file_read_small(int root, const char *path, size_t max, char **ret, struct error *err)
{
	AUTO_FD fd = open_beneath(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0);
	AUTO_CSTR text = NULL;
	size_t used = 0;
	ssize_t n;

	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (fd < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
	text = mem_alloc(max + 2);
	while ((n = file_read_at(fd, text + used, max + 1 - used, used, err)) > 0)
		used += (size_t)n;
	if (n < 0)
		return error_prefix(err, "%s", path);
	if (used > max)
		return error_set(err, ERR_DISK_ERROR, "%s is larger than %zu bytes", path, max);
	*ret = MOVE(text);
	return 1;
}

/* The nearest directory to `path` that is there. What is in the way (a link, a file) is for who
 * opens the path to tell. */
static int open_nearest(int root, const char *path)
{
	struct str rest = str_from(path);
	struct str part;
	int dir = fcntl(root, F_DUPFD_CLOEXEC, 0);

	while (dir >= 0 && str_next(&rest, '/', &part)) {
		AUTO_CSTR name = str_dup(part);
		int next = -1;

		if (part.n > 0 && !str_is_equal(part, S("..")))
			next = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (next < 0)
			break;
		fd_close(&dir);
		dir = next;
	}
	return dir;
}

int file_space(int root, const char *path, struct file_space *ret, struct error *err)
{
	AUTO_FD dir = open_nearest(root, path);
	struct statvfs space;
	struct stat st;

	if (dir < 0 || fstat(dir, &st) < 0 || fstatvfs(dir, &space) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "free space");
	ret->device = (uint64_t)st.st_dev;
	ret->free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
	ret->total_bytes = (uint64_t)space.f_blocks * space.f_frsize;
	ret->is_read_only = (space.f_flag & ST_RDONLY) != 0;
	return 0;
}
