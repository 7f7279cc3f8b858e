/*
 * A disk that can fail. The program is linked with --wrap for each call below (the Makefile
 * knows which), so every write, sync, rename, link and new directory of ours comes through
 * here, and every opening, while SQLite and the C library do as always. The nth call can be
 * made to fail, to be cut short, or to be the last thing the process ever does.
 *
 * The disk also keeps books: for every byte of a file whether a sync that returned 0 covers it,
 * and for every name whether its folder was synced after. As on Linux, the bytes of a sync that
 * failed are lost: they are not on the disk, and a later sync that succeeds does not bring them
 * there, until they are written again. faulty_power_cut() leaves behind what such a disk would
 * hold when the machine comes back.
 *
 * The books are in memory that a child made by fork(2) shares. Every function may be called
 * from any thread. For one test program; include it once.
 */
#ifndef TESTS_UNIT_FAULTY_DISK_H
#define TESTS_UNIT_FAULTY_DISK_H

#include <errno.h>
#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common/base.h"

enum {
	FAULTY_NODES_MAX = 256,
	FAULTY_BYTES_MAX = 32 * 1024, /* of one file; those beyond are not in the books */
	FAULTY_NAMES_MAX = 64,
	FAULTY_PATH_MAX = 512,
	FAULTY_COMPLAINT_MAX = 1024,
};

enum faulty_call {
	FAULTY_PWRITE,
	FAULTY_FTRUNCATE,
	FAULTY_FSYNC,
	FAULTY_FDATASYNC,
	FAULTY_RENAME,
	FAULTY_MKDIR,
	FAULTY_LINK,
	FAULTY_OPEN,
	FAULTY_ANY, /* whichever call that changes something is the nth */
	FAULTY_CALLS = FAULTY_ANY,
};

static const char *const faulty_names[] = { "pwrite",    "ftruncate", "fsync",
					    "fdatasync", "rename",    "mkdir",
					    "link",      "open",      "any call" };

enum faulty_mode {
	FAULTY_NEVER,
	FAULTY_ONCE,  /* the nth call fails */
	FAULTY_ON,    /* and so do those after it, until faulty_stop() */
	FAULTY_SHORT, /* a write stores half of its bytes and says so */
	FAULTY_DIE,   /* the process is killed before the call does anything */
};

enum faulty_byte {
	FAULTY_HOLE, /* never written */
	FAULTY_DIRTY,
	FAULTY_SYNCING, /* dirty when the sync under way began */
	FAULTY_DURABLE,
	FAULTY_LOST,
};

/* A file's bytes. */
struct faulty_node {
	ino_t ino;
	bool was_synced; /* once at least */
	unsigned char bytes[FAULTY_BYTES_MAX];
};

/* A rename, a link or a new directory whose folder was not synced since. */
struct faulty_name {
	bool is_pending;
	bool has_replaced; /* it cannot be undone */
	bool is_directory;
	bool is_link;
	ino_t folder;
	char from[FAULTY_PATH_MAX];
	char to[FAULTY_PATH_MAX];
};

struct faulty_disk {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t written;
	enum faulty_call call;
	enum faulty_mode mode;
	unsigned nth;
	int error;
	unsigned n_failed;
	unsigned counts[FAULTY_CALLS + 1];
	struct faulty_node nodes[FAULTY_NODES_MAX];
	size_t n_nodes;
	struct faulty_name names[FAULTY_NAMES_MAX];
	/* Asked before each rename, on its thread. */
	void (*before_rename)(const char *from, const char *to);
	/* Called while a file or folder is being synced, on that thread. */
	void (*during_sync)(int fd);
	bool is_linkless; /* it knows no links; stays so until it is changed */
	char complaint[FAULTY_COMPLAINT_MAX]; /* the first; "": none */
};

static struct faulty_disk *faulty; /* the wrappers have no other way to it */

ssize_t __real_pwrite64(int fd, const void *from, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *from, size_t n, off_t at);
int __real_ftruncate64(int fd, off_t size);
int __wrap_ftruncate64(int fd, off_t size);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to,
		     unsigned flags);
int __real_mkdirat(int dir, const char *name, mode_t mode);
int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __real_unlinkat(int dir, const char *name, int flags);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_mkdirat(int dir, const char *name, mode_t mode);
long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* --- the books ------------------------------------------------------------------------------
 */

static inline ino_t faulty_ino(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

/* With the lock held: the node, made when `may_make`, or NULL. */
static inline struct faulty_node *faulty_node(ino_t ino, bool may_make)
{
	struct faulty_node *node;

	for (size_t i = 0; i < faulty->n_nodes; i++) {
		if (faulty->nodes[i].ino == ino)
			return &faulty->nodes[i];
	}
	if (!may_make)
		return NULL;
	if (faulty->n_nodes == FAULTY_NODES_MAX)
		abort();
	node = &faulty->nodes[faulty->n_nodes++];
	memset(node, 0, sizeof(*node));
	node->ino = ino;
	return node;
}

static inline void faulty_mark(struct faulty_node *node, enum faulty_byte from,
			       enum faulty_byte to)
{
	for (size_t i = 0; i < FAULTY_BYTES_MAX; i++) {
		if (node->bytes[i] == from)
			node->bytes[i] = (unsigned char)to;
	}
}

static inline void faulty_note_write(int fd, size_t n, off_t at)
{
	struct faulty_node *node;

	(void)pthread_mutex_lock(&faulty->lock);
	node = faulty_node(faulty_ino(fd), true);
	for (size_t i = (size_t)at; i < (size_t)at + n && i < FAULTY_BYTES_MAX; i++)
		node->bytes[i] = FAULTY_DIRTY;
	(void)pthread_cond_broadcast(&faulty->written);
	(void)pthread_mutex_unlock(&faulty->lock);
}

static inline void faulty_note_names(ino_t folder)
{
	for (size_t i = 0; i < FAULTY_NAMES_MAX; i++) {
		if (faulty->names[i].folder == folder)
			faulty->names[i].is_pending = false;
	}
}

static inline void faulty_path(int dir, const char *name, char ret[FAULTY_PATH_MAX])
{
	char link[64];
	char folder[FAULTY_PATH_MAX];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", dir);
	n = readlink(link, folder, sizeof(folder) - 1);
	if (n < 0)
		abort();
	folder[n] = '\0';
	if (snprintf(ret, FAULTY_PATH_MAX, "%s/%s", folder, name) >= FAULTY_PATH_MAX)
		abort();
}

static inline void faulty_note_name(const struct faulty_name *name)
{
	(void)pthread_mutex_lock(&faulty->lock);
	for (size_t i = 0; i < FAULTY_NAMES_MAX; i++) {
		if (strcmp(faulty->names[i].to, name->from) == 0)
			faulty->names[i].is_pending = false; /* it has left that name */
	}
	for (size_t i = 0; i < FAULTY_NAMES_MAX; i++) {
		if (!faulty->names[i].is_pending) {
			faulty->names[i] = *name;
			faulty->names[i].is_pending = true;
			(void)pthread_mutex_unlock(&faulty->lock);
			return;
		}
	}
	abort();
}

/* --- what happens to the next call ----------------------------------------------------------
 */

enum faulty_fate {
	FAULTY_WORKS,
	FAULTY_FAILS, /* errno is set */
	FAULTY_HALVES,
};

/* Counts the call, and says what becomes of it. */
static inline enum faulty_fate faulty_fate(enum faulty_call call)
{
	enum faulty_fate fate = FAULTY_WORKS;
	bool is_due = false;
	int error;

	(void)pthread_mutex_lock(&faulty->lock);
	faulty->counts[call]++;
	faulty->counts[FAULTY_ANY] += call != FAULTY_OPEN ? 1 : 0;
	if (faulty->mode != FAULTY_NEVER &&
	    (faulty->call == call || (faulty->call == FAULTY_ANY && call != FAULTY_OPEN)))
		is_due = faulty->counts[faulty->call] == faulty->nth ||
			 (faulty->mode == FAULTY_ON && faulty->n_failed > 0);
	if (is_due && faulty->mode == FAULTY_DIE)
		(void)raise(SIGKILL);
	if (is_due) {
		/* A disk that fills up takes the first half. */
		bool is_halved = faulty->mode == FAULTY_SHORT ||
				 (faulty->error == ENOSPC && faulty->n_failed == 0);

		fate = call == FAULTY_PWRITE && is_halved ? FAULTY_HALVES : FAULTY_FAILS;
		faulty->n_failed++;
	}
	error = faulty->error;
	(void)pthread_mutex_unlock(&faulty->lock);
	if (fate == FAULTY_FAILS)
		errno = error;
	return fate;
}

ssize_t __wrap_pwrite64(int fd, const void *from, size_t n, off_t at)
{
	enum faulty_fate fate = faulty_fate(FAULTY_PWRITE);
	ssize_t result;

	if (fate == FAULTY_FAILS)
		return -1;
	result = __real_pwrite64(fd, from, fate == FAULTY_HALVES && n > 1 ? n / 2 : n, at);
	if (result > 0)
		faulty_note_write(fd, (size_t)result, at);
	return result;
}

int __wrap_ftruncate64(int fd, off_t size)
{
	struct faulty_node *node;

	if (faulty_fate(FAULTY_FTRUNCATE) == FAULTY_FAILS)
		return -1;
	(void)pthread_mutex_lock(&faulty->lock);
	node = faulty_node(faulty_ino(fd), true);
	if (size < FAULTY_BYTES_MAX)
		memset(node->bytes + size, FAULTY_HOLE, FAULTY_BYTES_MAX - (size_t)size);
	node->was_synced = node->was_synced && size > 0;
	(void)pthread_mutex_unlock(&faulty->lock);
	return __real_ftruncate64(fd, size);
}

static inline int faulty_sync(int fd, enum faulty_call call, int (*real)(int fd))
{
	ino_t ino = faulty_ino(fd);
	struct faulty_node *node;
	void (*during_sync)(int fd);
	int result;

	(void)pthread_mutex_lock(&faulty->lock);
	faulty_mark(faulty_node(ino, true), FAULTY_DIRTY, FAULTY_SYNCING);
	during_sync = faulty->during_sync;
	(void)pthread_mutex_unlock(&faulty->lock);
	if (during_sync != NULL)
		during_sync(fd);
	result = faulty_fate(call) == FAULTY_FAILS ? -1 : real(fd);
	(void)pthread_mutex_lock(&faulty->lock);
	node = faulty_node(ino, true);
	faulty_mark(node, FAULTY_SYNCING, result == 0 ? FAULTY_DURABLE : FAULTY_LOST);
	if (result == 0) {
		node->was_synced = true;
		faulty_note_names(ino);
	}
	(void)pthread_mutex_unlock(&faulty->lock);
	return result;
}

int __wrap_fsync(int fd)
{
	return faulty_sync(fd, FAULTY_FSYNC, __real_fsync);
}

int __wrap_fdatasync(int fd)
{
	return faulty_sync(fd, FAULTY_FDATASYNC, __real_fdatasync);
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	struct faulty_name name = { .folder = faulty_ino(to_dir) };

	faulty_path(from_dir, from, name.from);
	faulty_path(to_dir, to, name.to);
	name.has_replaced = access(name.to, F_OK) == 0;
	if (faulty->before_rename != NULL)
		faulty->before_rename(name.from, name.to);
	if (faulty_fate(FAULTY_RENAME) == FAULTY_FAILS ||
	    __real_renameat(from_dir, from, to_dir, to) < 0)
		return -1;
	faulty_note_name(&name);
	return 0;
}

/* Only a name that is free is taken: no other flag is used. */
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	struct stat st;

	(void)flags;
	if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		errno = EEXIST;
		return -1;
	}
	return __wrap_renameat(from_dir, from, to_dir, to);
}

int __wrap_mkdirat(int dir, const char *name, mode_t mode)
{
	struct faulty_name made = { .folder = faulty_ino(dir), .is_directory = true };

	faulty_path(dir, name, made.to);
	if (access(made.to, F_OK) == 0) /* nothing is written */
		return __real_mkdirat(dir, name, mode);
	if (faulty_fate(FAULTY_MKDIR) == FAULTY_FAILS || __real_mkdirat(dir, name, mode) < 0)
		return -1;
	faulty_note_name(&made);
	return 0;
}

int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	struct faulty_name made = { .folder = faulty_ino(to_dir), .is_link = true };

	if (faulty->is_linkless) {
		errno = EPERM;
		return -1;
	}
	faulty_path(to_dir, to, made.to);
	if (faulty_fate(FAULTY_LINK) == FAULTY_FAILS ||
	    __real_linkat(from_dir, from, to_dir, to, flags) < 0)
		return -1;
	faulty_note_name(&made);
	return 0;
}

/* openat2(2), which the C library has no function for, is all that we call this way. */
long __wrap_syscall(long number, ...)
{
	long arguments[4];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < ARRAY_LEN(arguments); i++)
		arguments[i] = va_arg(args, long);
	va_end(args);
	if (number != SYS_openat2)
		abort();
	if (faulty_fate(FAULTY_OPEN) == FAULTY_FAILS)
		return -1;
	return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3]);
}

/* Never fails; but what is removed leaves the books. */
int __wrap_unlinkat(int dir, const char *name, int flags)
{
	char path[FAULTY_PATH_MAX];

	faulty_path(dir, name, path);
	(void)pthread_mutex_lock(&faulty->lock);
	for (size_t i = 0; i < FAULTY_NAMES_MAX; i++) {
		if (strcmp(faulty->names[i].to, path) == 0)
			faulty->names[i].is_pending = false;
	}
	(void)pthread_mutex_unlock(&faulty->lock);
	return __real_unlinkat(dir, name, flags);
}

/* --- for the test ---------------------------------------------------------------------------
 */

/* A lock that nobody holds; also after the death of a child that did. */
static inline void faulty_revive(void)
{
	pthread_mutexattr_t shared;

	(void)pthread_mutexattr_init(&shared);
	(void)pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
	(void)pthread_mutex_init(&faulty->lock, &shared);
	(void)pthread_mutexattr_destroy(&shared);
	(void)pthread_cond_init(&faulty->written, NULL); /* waited for in one process only */
	faulty->mode = FAULTY_NEVER;
}

static inline void faulty_setup(void)
{
	faulty = mmap(NULL, sizeof(*faulty), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		      -1, 0);
	if (faulty == MAP_FAILED)
		abort();
	faulty_revive();
}

static inline void faulty_teardown(void)
{
	(void)munmap(faulty, sizeof(*faulty));
	faulty = NULL;
}

/* Empty books: what is on the disk now is not in them. */
static inline void faulty_reset(void)
{
	(void)pthread_mutex_lock(&faulty->lock);
	faulty->mode = FAULTY_NEVER;
	faulty->during_sync = NULL;
	faulty->n_failed = 0;
	faulty->n_nodes = 0;
	memset(faulty->counts, 0, sizeof(faulty->counts));
	memset(faulty->names, 0, sizeof(faulty->names));
	faulty->complaint[0] = '\0';
	(void)pthread_mutex_unlock(&faulty->lock);
}

static inline void faulty_arm(enum faulty_call call, unsigned nth, enum faulty_mode mode,
			      int error)
{
	(void)pthread_mutex_lock(&faulty->lock);
	faulty->call = call;
	faulty->nth = nth;
	faulty->mode = mode;
	faulty->error = error;
	(void)pthread_mutex_unlock(&faulty->lock);
}

/* From now on everything works. Returns how many calls failed. */
static inline unsigned faulty_stop(void)
{
	unsigned n;

	(void)pthread_mutex_lock(&faulty->lock);
	faulty->mode = FAULTY_NEVER;
	n = faulty->n_failed;
	(void)pthread_mutex_unlock(&faulty->lock);
	return n;
}

/* Notes that something is not as promised. Any thread. */
static inline void faulty_complain(const char *what, const char *path)
{
	(void)pthread_mutex_lock(&faulty->lock);
	if (faulty->complaint[0] == '\0')
		(void)snprintf(faulty->complaint, sizeof(faulty->complaint), "%s: %s", path,
			       what);
	(void)pthread_mutex_unlock(&faulty->lock);
}

/* Puts a file that somebody else wrote and did not sync into the books. */
static inline void faulty_note_foreign(const char *path)
{
	struct stat st;
	FILE *file = fopen(path, "re");

	if (file == NULL || fstat(fileno(file), &st) < 0)
		abort();
	faulty_note_write(fileno(file), (size_t)st.st_size, 0);
	(void)fclose(file);
}

/* With the lock held: how many bytes from the file's first are on the disk for good (or, with
 * `is_any`, were written at all). */
static inline size_t faulty_count(ino_t ino, bool is_any)
{
	const struct faulty_node *node = faulty_node(ino, false);
	size_t n = 0;

	while (node != NULL && n < FAULTY_BYTES_MAX &&
	       (node->bytes[n] == FAULTY_DURABLE || (is_any && node->bytes[n] != FAULTY_HOLE)))
		n++;
	return n;
}

static inline size_t faulty_prefix(const char *path, bool is_any)
{
	struct stat st;
	size_t n;

	if (lstat(path, &st) < 0)
		return 0;
	(void)pthread_mutex_lock(&faulty->lock);
	n = faulty_count(st.st_ino, is_any);
	(void)pthread_mutex_unlock(&faulty->lock);
	return n;
}

/* Waits until the file's first `n` bytes were written. */
static inline void faulty_wait(int fd, size_t n)
{
	ino_t ino = faulty_ino(fd);

	(void)pthread_mutex_lock(&faulty->lock);
	while (faulty_count(ino, true) < n)
		(void)pthread_cond_wait(&faulty->written, &faulty->lock);
	(void)pthread_mutex_unlock(&faulty->lock);
}

/* Was the file synced since faulty_reset()? */
static inline bool faulty_was_synced(const char *path)
{
	const struct faulty_node *node;
	struct stat st;
	bool was_synced;

	if (lstat(path, &st) < 0)
		return false;
	(void)pthread_mutex_lock(&faulty->lock);
	node = faulty_node(st.st_ino, false);
	was_synced = node != NULL && node->was_synced;
	(void)pthread_mutex_unlock(&faulty->lock);
	return was_synced;
}

/* Is the name on the disk for good, and `with_folders` those above it that we made? */
static inline bool faulty_is_name_kept(const char *path, bool with_folders)
{
	bool is_kept = true;

	(void)pthread_mutex_lock(&faulty->lock);
	for (size_t i = 0; i < FAULTY_NAMES_MAX; i++) {
		const struct faulty_name *name = &faulty->names[i];

		if (name->is_pending && str_has_prefix(str_from(path), str_from(name->to)) &&
		    (path[strlen(name->to)] == '\0' ||
		     (with_folders && path[strlen(name->to)] == '/')))
			is_kept = false;
	}
	(void)pthread_mutex_unlock(&faulty->lock);
	return is_kept;
}

static inline int faulty_spoil(const char *path, const struct stat *st, int kind,
			       struct FTW *at)
{
	const struct faulty_node *node = faulty_node(st->st_ino, false);
	FILE *file;

	(void)at;
	if (kind != FTW_F || node == NULL)
		return 0;
	file = fopen(path, "r+e");
	if (file == NULL)
		abort();
	for (long i = 0; i < FAULTY_BYTES_MAX && i < st->st_size; i++) {
		if (node->bytes[i] == FAULTY_HOLE || node->bytes[i] == FAULTY_DURABLE)
			continue;
		if (fseek(file, i, SEEK_SET) != 0 || fputc('~', file) == EOF)
			abort();
	}
	return fclose(file);
}

/* Beneath `folder`: names that were not synced are taken back, newest first, then bytes that
 * are not durable become junk. */
static inline void faulty_power_cut(const char *folder)
{
	for (size_t i = FAULTY_NAMES_MAX; i-- > 0;) {
		struct faulty_name *name = &faulty->names[i];

		if (name->is_pending && name->is_link && unlink(name->to) < 0)
			abort();
		if (name->is_pending && !name->is_directory && !name->is_link &&
		    !name->has_replaced && rename(name->to, name->from) < 0)
			abort();
		name->is_pending = name->is_pending && name->is_directory;
	}
	if (nftw(folder, faulty_spoil, 16, FTW_PHYS) != 0)
		abort();
}

#endif
