/*
 * A models directory of the test's own, with files that other programs may have put there.
 */
#ifndef TESTS_UNIT_SHELF_H
#define TESTS_UNIT_SHELF_H

#include <fcntl.h>
#include <time.h>

#include "common/error.h"
#include "downloader/file.h"
#include "tests/unit/tempdir.h"

#define SHELF_COMMIT "1111111111111111111111111111111111111111"
#define SHELF_DIGEST "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"

enum {
	SHELF_CHANGED_S = 1772600000, /* when each file was changed last */
};

struct shelf {
	struct tempdir dir;
	int root;
};

static inline void shelf_make(struct shelf *shelf)
{
	tempdir_make(&shelf->dir);
	shelf->root = open(shelf->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert(shelf->root >= 0);
}

static inline void shelf_remove(struct shelf *shelf)
{
	fd_close(&shelf->root);
	tempdir_remove(&shelf->dir);
}

static inline void shelf_date(const struct shelf *shelf, const char *path, time_t seconds)
{
	struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };

	if (utimensat(shelf->root, path, times, AT_SYMLINK_NOFOLLOW) < 0)
		abort();
}

/* A file, with the folders above it, all of them old. */
static inline void shelf_put(const struct shelf *shelf, const char *path, struct str text)
{
	struct error err;

	if (file_make_parents(shelf->root, path, &err) < 0)
		abort();
	tempdir_write(&shelf->dir, path, text);
	shelf_date(shelf, path, SHELF_CHANGED_S);
}

/* What `hf download --local-dir` leaves beside a file; `text` is its three lines. */
static inline void shelf_note(const struct shelf *shelf, const char *folder, const char *path,
			      const char *text)
{
	AUTO_CSTR note = mem_printf("%s/.cache/huggingface/download/%s.metadata", folder, path);
	AUTO_CSTR above = mem_strdup(note);

	shelf_put(shelf, note, str_from(text));
	*strrchr(above, '/') = '\0';
	shelf_date(shelf, above, SHELF_CHANGED_S);
}

#endif
