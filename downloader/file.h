/*
 * Files beneath one root directory. Every path is relative, has passed relpath_check() or was
 * made by us from one that has, and is opened with openat2(RESOLVE_BENEATH |
 * RESOLVE_NO_SYMLINKS), or with an equivalent walk of its parts where the kernel lacks it. No
 * symbolic link is ever followed.
 *
 * All functions may block on the disk: they belong on a file worker (or before the loop runs).
 * They share nothing; any number of threads may use one root.
 */
#ifndef DOWNLOADER_FILE_H
#define DOWNLOADER_FILE_H

#include <sys/stat.h>
#include <sys/types.h>

#include "common/base.h"

struct error;

/* Opens a root directory, made if absent (0755 less the umask, parents too): its descriptor, or
 * -1. */
int file_open_root(const char *path, struct error *err) MUST_USE;

/* Locks the root directory against every other process that asks for the same, until this one
 * ends: 0, or -1 when another has it. A file system that knows no locks counts as locked. */
int file_lock_root(int root, struct error *err) MUST_USE;

/* Opens `path` beneath `root`: a descriptor, or -1. `flags` as in open(2); O_CLOEXEC is added,
 * and with O_CREAT parents that are absent are made. err->sys tells ENOENT and the like. */
int file_open(int root, const char *path, int flags, mode_t mode, struct error *err) MUST_USE;

/* The directory that `path` needs above it is there: with many files in a folder, nearly
 * always. */
bool file_has_parents(int root, const char *path);

/* Makes the directories that `path` needs above it, and syncs each one's parent when it was
 * made. */
int file_make_parents(int root, const char *path, struct error *err) MUST_USE;

/* lstat beneath the root: 1 found, 0 absent, -1 failed. */
int file_stat(int root, const char *path, struct stat *ret, struct error *err) MUST_USE;

/* When the content was changed last, to be compared with the same of another time. */
int64_t file_mtime_ns(const struct stat *st);

/* Renames within the root; both directories are synced, so that the name survives a power cut.
 */
int file_rename(int root, const char *from, const char *to, struct error *err) MUST_USE;

/* The same for a file or a folder whose new name must be free, with the parents of that made:
 * -1 with err->sys EEXIST when it is taken. */
int file_move(int root, const char *from, const char *to, struct error *err) MUST_USE;

/* Gives a file the further name `to`, which must be free. False when that does not go, for
 * whatever reason: another file system, or one without links; not our file. The name is not
 * synced. */
bool file_link(int root, const char *from, const char *to) MUST_USE;

/* Makes the empty file `to` share all blocks of `from` until one of them is written. False when
 * that does not go. */
bool file_clone(int to, int from) MUST_USE;

/* Removes a file; absent is fine. */
int file_remove(int root, const char *path, struct error *err) MUST_USE;

/* Removes an empty folder; absent is fine. */
int file_remove_folder(int root, const char *path, struct error *err) MUST_USE;

/* Gives a new file its size, as a hole where the file system allows. */
int file_set_size(int fd, uint64_t size, struct error *err) MUST_USE;

int file_write_at(int fd, struct str bytes, uint64_t offset, struct error *err) MUST_USE;
/* Up to `room` bytes into `to`: how many, 0 at the end, -1 on failure. */
ssize_t file_read_at(int fd, char *to, size_t room, uint64_t offset,
		     struct error *err) MUST_USE;

/* Asks the kernel to begin writing these bytes out, so that a later sync finds little to do. A
 * hint: nothing is promised. */
void file_start_writing(int fd, uint64_t first, uint64_t length);

/* These bytes are not needed in the page cache any more. A hint; bytes that are not synced
 * stay. */
void file_give_back(int fd, uint64_t first, uint64_t length);

/* The data is on the disk when this returns 0. */
int file_sync_data(int fd, struct error *err) MUST_USE;

/* Data and name of a file that is there are on the disk when this returns 0. */
int file_sync(int root, const char *path, struct error *err) MUST_USE;

/* Writes a whole small file by way of a temporary name and a rename; synced. Parents are made.
 */
int file_replace(int root, const char *path, struct str content, struct error *err) MUST_USE;

/* Reads a whole small file of at most `max` bytes: 1 and a C string to free, 0 absent, -1
 * failed. */
int file_read_small(int root, const char *path, size_t max, char **ret,
		    struct error *err) MUST_USE;

/* A file system, as it is now. */
struct file_space {
	uint64_t device;     /* tells it from others */
	uint64_t free_bytes; /* for an unprivileged user */
	uint64_t total_bytes;
	bool is_read_only;
};

/* That on which `path` beneath the root is, or would be: that of the nearest directory above it
 * that is there. "" is the root itself. */
int file_space(int root, const char *path, struct file_space *ret, struct error *err) MUST_USE;

#endif
