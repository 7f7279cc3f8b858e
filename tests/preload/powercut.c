/*
 * A disk that has not written yet what nobody has synced, for a program that this library is
 * preloaded into. Everything that the program changes beneath some folders is done as always,
 * and written down before, together with what it takes to undo it; so is each sync that has
 * succeeded. After a kill -9 whoever reads that (tests/e2e/powercut.py) can undo what no sync
 * covers: what is left then is what a machine would find that lost its power.
 *
 *   LARDER_POWERCUT_ROOTS  the folders, with ":" between them
 *   LARDER_POWERCUT_LOG    where it is written down; beside it, in <log>.kept/, are the files
 *                          that have lost their last name
 *
 * Only the calls that larderd and SQLite make are known (and write(2) to a file ends the
 * program, so that this is noticed should it change). Blocks cannot be shared on this disk.
 * Changes through mmap(2), which SQLite makes in its -shm file only, are not seen.
 *
 * One lock is held from a record to the end of what it tells of, so the records have the order
 * of the changes. A sync is under way without it, as on a real disk: its record says when it
 * began.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
	ROOTS_MAX = 4,
	PATH_ROOM = 4096,
	CALL_ARGUMENTS = 6, /* of syscall(2) */
};

enum kind {
	WRITE,
	TRUNCATE,
	SYNC_BEGUN,
	SYNCED,
	CREATE,
	MKDIR,
	RENAME,
	LINK,
	UNLINK,
};

/* What the log is made of, in this machine's byte order: a record, then its two texts. */
struct record {
	uint32_t kind;
	uint32_t thread;
	uint64_t ino; /* of what is changed */
	uint64_t dir; /* of the folder whose sync makes a name last */
	uint64_t at;  /* WRITE: the offset. TRUNCATE: the new size */
	uint64_t old_size;
	uint32_t n_old; /* WRITE, TRUNCATE: the bytes before. A name: the path */
	uint32_t n_new; /* WRITE: the bytes after. RENAME: the path after */
	uint64_t kept;  /* RENAME, UNLINK: what had the name is <log>.kept/<kept>; 0: nothing */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1; /* below 0: nothing is written down */
static char kept_dir[PATH_ROOM];
static uint64_t n_kept;
static char *roots[ROOTS_MAX];

/* --- the functions that do it ---------------------------------------------------------------
 */

/* Puts the next library's function into the pointer at `ret`. */
static void find_next(void *ret, const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);

	if (next == NULL)
		abort();
	memcpy(ret, &next, sizeof(next));
}

#define NEXT(type, name, ...)             \
	static type (*next)(__VA_ARGS__); \
	if (next == NULL)                 \
	find_next(&next, (name))

static ssize_t do_pwrite(int fd, const void *from, size_t n, off_t at)
{
	NEXT(ssize_t, "pwrite64", int, const void *, size_t, off_t);

	return next(fd, from, n, at);
}

static int do_ftruncate(int fd, off_t size)
{
	NEXT(int, "ftruncate64", int, off_t);

	return next(fd, size);
}

static int do_openat(int dir, const char *path, int flags, mode_t mode)
{
	NEXT(int, "openat64", int, const char *, int, ...);

	return next(dir, path, flags, mode);
}

static int do_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	NEXT(int, "renameat", int, const char *, int, const char *);

	return next(from_dir, from, to_dir, to);
}

static int do_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	NEXT(int, "linkat", int, const char *, int, const char *, int);

	return next(from_dir, from, to_dir, to, flags);
}

static int do_unlinkat(int dir, const char *name, int flags)
{
	NEXT(int, "unlinkat", int, const char *, int);

	return next(dir, name, flags);
}

static int do_mkdirat(int dir, const char *name, mode_t mode)
{
	NEXT(int, "mkdirat", int, const char *, mode_t);

	return next(dir, name, mode);
}

static long do_syscall(long number, const long a[CALL_ARGUMENTS])
{
	NEXT(long, "syscall", long, ...);

	return next(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* --- what is beneath the folders ------------------------------------------------------------
 */

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("LARDER_POWERCUT_LOG");
	const char *list = getenv("LARDER_POWERCUT_ROOTS");
	char *rest = list != NULL ? strdup(list) : NULL;

	if (path == NULL || rest == NULL)
		return;
	for (size_t i = 0; i < ROOTS_MAX; i++)
		roots[i] = strsep(&rest, ":");
	(void)snprintf(kept_dir, sizeof(kept_dir), "%s.kept", path);
	(void)do_mkdirat(AT_FDCWD, kept_dir, 0700);
	(void)chmod(kept_dir, 0777); /* root may have begun, and goes on as another */
	log_fd = do_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd < 0)
		abort();
}

static bool is_beneath(const char *path)
{
	for (size_t i = 0; i < ROOTS_MAX && roots[i] != NULL; i++) {
		size_t n = strlen(roots[i]);

		if (strncmp(path, roots[i], n) == 0 && (path[n] == '/' || path[n] == '\0'))
			return log_fd >= 0;
	}
	return false;
}

static bool path_of_fd(int fd, char ret[PATH_ROOM])
{
	char link[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, ret, PATH_ROOM - 1);
	ret[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Where `name` is, and whether that is our business. */
static bool find_path(int dir, const char *name, char ret[PATH_ROOM])
{
	char folder[PATH_ROOM] = "";

	if (name[0] != '/' && dir != AT_FDCWD && !path_of_fd(dir, folder))
		return false;
	if (snprintf(ret, PATH_ROOM, "%s%s%s", name[0] == '/' ? "" : folder,
		     name[0] == '/' ? "" : "/", name) >= PATH_ROOM)
		abort();
	return is_beneath(ret);
}

/* A file that is our business. */
static bool is_ours(int fd, struct stat *ret)
{
	char path[PATH_ROOM];
	int error = errno;
	bool is = log_fd >= 0 && fstat(fd, ret) == 0 &&
		  (S_ISREG(ret->st_mode) || S_ISDIR(ret->st_mode)) && path_of_fd(fd, path) &&
		  is_beneath(path);

	errno = error;
	return is;
}

static uint64_t ino_of(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 ? st.st_ino : 0;
}

static uint64_t ino_of_folder(const char *path)
{
	char folder[PATH_ROOM];

	(void)snprintf(folder, sizeof(folder), "%.*s", (int)(strrchr(path, '/') - path), path);
	return ino_of(folder);
}

/* --- writing it down, with the lock held ----------------------------------------------------
 */

static void note(struct record record, const void *old_text, const void *new_text)
{
	struct iovec parts[] = {
		{ &record, sizeof(record) },
		{ (void *)(uintptr_t)old_text, record.n_old },
		{ (void *)(uintptr_t)new_text, record.n_new },
	};
	size_t n = sizeof(record) + record.n_old + record.n_new;

	record.thread = (uint32_t)gettid();
	if (writev(log_fd, parts, 3) != (ssize_t)n)
		abort();
}

/* The bytes [at, at + n) of the file as they are, as far as there are some: to free. */
static void *read_old(int fd, size_t n, off_t at, uint32_t *ret_n)
{
	char path[64];
	char *bytes = malloc(n + 1);
	ssize_t got = pread(fd, bytes, n, at);

	if (got < 0) { /* open for writing only */
		int other;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		other = do_openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
		got = pread(other, bytes, n, at);
		(void)close(other);
	}
	if (bytes == NULL || got < 0)
		abort();
	*ret_n = (uint32_t)got;
	return bytes;
}

static void note_truncate(int fd, off_t size)
{
	struct record record = { .kind = TRUNCATE, .at = (uint64_t)size };
	struct stat st;
	void *old;

	if (fstat(fd, &st) < 0)
		abort();
	record.ino = st.st_ino;
	record.old_size = (uint64_t)st.st_size;
	old = read_old(fd, st.st_size > size ? (size_t)(st.st_size - size) : 0, size,
		       &record.n_old);
	note(record, old, NULL);
	free(old);
}

/* Gives what has this name another one, out of the way. */
static uint64_t keep(const char *path)
{
	char other[PATH_ROOM + 32];

	(void)snprintf(other, sizeof(other), "%s/%llu", kept_dir,
		       (unsigned long long)n_kept + 1);
	if (do_linkat(AT_FDCWD, path, AT_FDCWD, other, 0) < 0) {
		if (ino_of(path) != 0) /* seen once, and not understood: so it says why */
			(void)dprintf(STDERR_FILENO, "powercut: %s is not kept: %s\n", path,
				      strerror(errno));
		return 0;
	}
	return ++n_kept;
}

static void note_name(enum kind kind, const char *path, const char *to, uint64_t kept)
{
	const char *last = to != NULL ? to : path;
	struct record record = {
		.kind = kind,
		.ino = ino_of(path),
		.dir = ino_of_folder(last),
		.n_old = (uint32_t)strlen(path),
		.n_new = to != NULL ? (uint32_t)strlen(to) : 0,
		.kept = kept,
	};

	note(record, path, to);
}

/* --- the calls ------------------------------------------------------------------------------
 */

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	struct record record = { .kind = WRITE, .at = (uint64_t)at, .n_new = (uint32_t)n };
	struct stat st;
	ssize_t result;
	void *old;

	if (!is_ours(fd, &st))
		return do_pwrite(fd, from, n, at);
	(void)pthread_mutex_lock(&lock);
	if (fstat(fd, &st) < 0)
		abort();
	record.ino = st.st_ino;
	record.old_size = (uint64_t)st.st_size;
	old = read_old(fd, n, at, &record.n_old);
	note(record, old, from);
	free(old);
	result = do_pwrite(fd, from, n, at);
	(void)pthread_mutex_unlock(&lock);
	return result;
}

ssize_t write(int fd, const void *from, size_t n)
{
	struct stat st;
	NEXT(ssize_t, "write", int, const void *, size_t);

	if (is_ours(fd, &st))
		abort();
	return next(fd, from, n);
}

int ioctl(int fd, unsigned long request, ...)
{
	struct stat st;
	void *argument;
	va_list args;
	NEXT(int, "ioctl", int, unsigned long, ...);

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	if (request == FICLONE && is_ours(fd, &st)) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return next(fd, request, argument);
}

int ftruncate(int fd, off_t size)
{
	struct stat st;
	int result;

	if (!is_ours(fd, &st))
		return do_ftruncate(fd, size);
	(void)pthread_mutex_lock(&lock);
	note_truncate(fd, size);
	result = do_ftruncate(fd, size);
	(void)pthread_mutex_unlock(&lock);
	return result;
}

static void note_sync(enum kind kind, uint64_t ino)
{
	(void)pthread_mutex_lock(&lock);
	note((struct record){ .kind = kind, .ino = ino }, NULL, NULL);
	(void)pthread_mutex_unlock(&lock);
}

int fsync(int fd)
{
	struct stat st;
	bool is = is_ours(fd, &st);
	int result;
	NEXT(int, "fsync", int);

	if (is)
		note_sync(SYNC_BEGUN, st.st_ino);
	result = next(fd);
	if (is && result == 0)
		note_sync(SYNCED, st.st_ino);
	return result;
}

int fdatasync(int fd)
{
	struct stat st;
	bool is = is_ours(fd, &st);
	int result;
	NEXT(int, "fdatasync", int);

	if (is)
		note_sync(SYNC_BEGUN, st.st_ino);
	result = next(fd);
	if (is && result == 0)
		note_sync(SYNCED, st.st_ino);
	return result;
}

/* --- opening --- */

/* How a file is opened, whichever call does it. */
struct opening {
	int dir;
	const char *path;
	int flags;
	mode_t mode;
	const long *call; /* of syscall(2), or NULL */
};

static int do_open(const struct opening *opening)
{
	if (opening->call != NULL)
		return (int)do_syscall(SYS_openat2, opening->call);
	return do_openat(opening->dir, opening->path, opening->flags, opening->mode);
}

static void note_emptying(const char *path)
{
	int fd = do_openat(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0);

	if (fd < 0)
		return;
	note_truncate(fd, 0);
	(void)close(fd);
}

static int open_noted(const struct opening *opening)
{
	char path[PATH_ROOM];
	bool is_new;
	int fd;

	if ((opening->flags & O_CREAT) == 0 || !find_path(opening->dir, opening->path, path))
		return do_open(opening);
	(void)pthread_mutex_lock(&lock);
	is_new = ino_of(path) == 0;
	if ((opening->flags & O_TRUNC) != 0 && !is_new)
		note_emptying(path);
	fd = do_open(opening);
	if (fd >= 0 && is_new)
		note_name(CREATE, path, NULL, 0);
	(void)pthread_mutex_unlock(&lock);
	return fd;
}

int open(const char *path, int flags, ...)
{
	struct opening opening = { .dir = AT_FDCWD, .path = path, .flags = flags };
	va_list args;

	va_start(args, flags);
	opening.mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_noted(&opening);
}

int openat(int dir, const char *path, int flags, ...)
{
	struct opening opening = { .dir = dir, .path = path, .flags = flags };
	va_list args;

	va_start(args, flags);
	opening.mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	return open_noted(&opening);
}

long syscall(long number, ...)
{
	struct opening opening = { .dir = AT_FDCWD };
	long a[CALL_ARGUMENTS];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < CALL_ARGUMENTS; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number != SYS_openat2)
		return do_syscall(number, a);
	opening.dir = (int)a[0];
	opening.path = (const char *)a[1];
	opening.flags = (int)((const struct open_how *)a[2])->flags;
	opening.call = a;
	return open_noted(&opening);
}

/* --- names --- */

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	char from_path[PATH_ROOM];
	char to_path[PATH_ROOM];
	int result;

	if (!find_path(from_dir, from, from_path) || !find_path(to_dir, to, to_path))
		return do_renameat(from_dir, from, to_dir, to);
	(void)pthread_mutex_lock(&lock);
	note_name(RENAME, from_path, to_path, keep(to_path));
	result = do_renameat(from_dir, from, to_dir, to);
	(void)pthread_mutex_unlock(&lock);
	return result;
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	char path[PATH_ROOM];
	int result;

	if (!find_path(to_dir, to, path))
		return do_linkat(from_dir, from, to_dir, to, flags);
	(void)pthread_mutex_lock(&lock);
	result = do_linkat(from_dir, from, to_dir, to, flags);
	if (result == 0)
		note_name(LINK, path, NULL, 0);
	(void)pthread_mutex_unlock(&lock);
	return result;
}

int unlinkat(int dir, const char *name, int flags)
{
	char path[PATH_ROOM];
	int result;

	if ((flags & AT_REMOVEDIR) != 0 || !find_path(dir, name, path))
		return do_unlinkat(dir, name, flags);
	(void)pthread_mutex_lock(&lock);
	if (ino_of(path) != 0)
		note_name(UNLINK, path, NULL, keep(path));
	result = do_unlinkat(dir, name, flags);
	(void)pthread_mutex_unlock(&lock);
	return result;
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int mkdirat(int dir, const char *name, mode_t mode)
{
	char path[PATH_ROOM];
	int result;

	if (!find_path(dir, name, path))
		return do_mkdirat(dir, name, mode);
	(void)pthread_mutex_lock(&lock);
	result = do_mkdirat(dir, name, mode);
	if (result == 0)
		note_name(MKDIR, path, NULL, 0);
	(void)pthread_mutex_unlock(&lock);
	return result;
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}
