/*
 * A disk that fails, for a program that this library is preloaded into: the nth call of a kind
 * that has to do with a file beneath a folder fails, and so do some that follow.
 *
 *   LARDER_FAULTY_BENEATH  the folder
 *   LARDER_FAULTY_PLAN     a file that holds a struct plan, which both sides have in their
 *                          memory: the test may change its mind, and sees how many calls there
 *                          were
 *
 * The calls are those that SQLite makes; ours are made to fail one by one in
 * tests/unit/faulty_disk.h.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	PATH_ROOM = 4096,
};

enum call {
	CALL_PWRITE,
	CALL_FTRUNCATE,
	CALL_FDATASYNC, /* and fsync(2) */
	CALL_OPEN,
	CALL_UNLINK,
	CALL_COUNT,
};

struct plan {
	uint32_t call;
	uint32_t nth;   /* from 1; 0: none fails */
	uint32_t times; /* so many fail */
	uint32_t error;
	_Atomic uint32_t n_failed;
	_Atomic uint32_t counts[CALL_COUNT];
};

static struct plan *plan; /* NULL: all works */
static const char *folder;

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

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("LARDER_FAULTY_PLAN");
	int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at =
		fd < 0 ? MAP_FAILED
		       : mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	folder = getenv("LARDER_FAULTY_BENEATH");
	if (at == MAP_FAILED || folder == NULL)
		return;
	(void)close(fd);
	plan = at;
}

static bool is_beneath(const char *path)
{
	size_t n = plan != NULL ? strlen(folder) : 0;

	return n > 0 && strncmp(path, folder, n) == 0;
}

static bool is_fd_beneath(int fd)
{
	char link[64];
	char path[PATH_ROOM];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = plan != NULL ? readlink(link, path, sizeof(path) - 1) : -1;
	path[n > 0 ? n : 0] = '\0';
	return is_beneath(path);
}

/* Counts the call; when it is its turn to fail, errno is set. */
static bool is_due(enum call call)
{
	uint32_t n = atomic_fetch_add(&plan->counts[call], 1) + 1;

	if (plan->nth == 0 || plan->call != call || n < plan->nth ||
	    n >= plan->nth + plan->times)
		return false;
	atomic_fetch_add(&plan->n_failed, 1);
	errno = (int)plan->error;
	return true;
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t at)
{
	NEXT(ssize_t, "pwrite64", int, const void *, size_t, off_t);

	if (is_fd_beneath(fd) && is_due(CALL_PWRITE))
		return -1;
	return next(fd, from, n, at);
}

int ftruncate(int fd, off_t size)
{
	NEXT(int, "ftruncate64", int, off_t);

	if (is_fd_beneath(fd) && is_due(CALL_FTRUNCATE))
		return -1;
	return next(fd, size);
}

int fdatasync(int fd)
{
	NEXT(int, "fdatasync", int);

	if (is_fd_beneath(fd) && is_due(CALL_FDATASYNC))
		return -1;
	return next(fd);
}

int fsync(int fd)
{
	NEXT(int, "fsync", int);

	if (is_fd_beneath(fd) && is_due(CALL_FDATASYNC))
		return -1;
	return next(fd);
}

int open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list args;
	NEXT(int, "open64", const char *, int, ...);

	va_start(args, flags);
	mode = (flags & O_CREAT) != 0 ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (is_beneath(path) && is_due(CALL_OPEN))
		return -1;
	return next(path, flags, mode);
}

int unlink(const char *path)
{
	NEXT(int, "unlink", const char *);

	if (is_beneath(path) && is_due(CALL_UNLINK))
		return -1;
	return next(path);
}
