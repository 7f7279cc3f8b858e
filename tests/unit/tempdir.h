/*
 * A directory of the test's own beneath /tmp, removed with all that is in it.
 */
#ifndef TESTS_UNIT_TEMPDIR_H
#define TESTS_UNIT_TEMPDIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/base.h"

enum {
	TEMPDIR_MAX = 64,
	TEMPDIR_WALK_FDS = 16,
};

struct tempdir {
	char path[TEMPDIR_MAX];
};

static inline void tempdir_make(struct tempdir *dir)
{
	static const char pattern[] = "/tmp/larder-unit-XXXXXX";

	memcpy(dir->path, pattern, sizeof(pattern));
	if (mkdtemp(dir->path) == NULL)
		abort();
}

static inline int tempdir_drop_one(const char *path, const struct stat *st, int kind,
				   struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void tempdir_remove(struct tempdir *dir)
{
	if (dir->path[0] == '\0')
		return;
	if (nftw(dir->path, tempdir_drop_one, TEMPDIR_WALK_FDS, FTW_DEPTH | FTW_PHYS) != 0)
		abort();
	dir->path[0] = '\0';
}

/* A path in it, to free. */
static inline char *tempdir_path(const struct tempdir *dir, const char *name)
{
	return mem_printf("%s/%s", dir->path, name);
}

/* Writes a file whose folder is there. */
static inline void tempdir_write(const struct tempdir *dir, const char *name, struct str text)
{
	AUTO_CSTR path = tempdir_path(dir, name);
	FILE *file = fopen(path, "we");

	if (file == NULL || fwrite(text.p, 1, text.n, file) != text.n || fclose(file) != 0)
		abort();
}

/* A file's content, to free; NULL when there is none. */
static inline char *tempdir_read(const struct tempdir *dir, const char *name)
{
	enum {
		READ_MAX = 4 * 1024 * 1024
	};
	AUTO_CSTR path = tempdir_path(dir, name);
	FILE *file = fopen(path, "re");
	char *text;

	if (file == NULL)
		return NULL;
	text = mem_alloc(READ_MAX);
	(void)fread(text, 1, READ_MAX - 1, file);
	(void)fclose(file);
	return text;
}

static inline bool tempdir_has(const struct tempdir *dir, const char *name)
{
	AUTO_CSTR path = tempdir_path(dir, name);
	struct stat st;

	return lstat(path, &st) == 0;
}

/* For cmocka: the state is a folder of its own. */
static inline int tempdir_setup(void **state)
{
	struct tempdir *dir = mem_alloc(sizeof(*dir));

	tempdir_make(dir);
	*state = dir;
	return 0;
}

static inline int tempdir_teardown(void **state)
{
	struct tempdir *dir = *state;

	tempdir_remove(dir);
	free(dir);
	return 0;
}

#endif
