/*
 * A plan as a person is shown it: every file with its label, the groups to choose from, the
 * sums, and what it would do to the disk. JSON of DESIGN.md 4.1, made on a file worker, since a
 * repository may have a hundred thousand files.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_PREVIEW_H
#define DOWNLOADER_PREVIEW_H

#include "downloader/planner.h"

enum {
	PREVIEW_GROUPS_MAX = 1000, /* that are told; has_more_groups says that there are more */
};

/* What room there is: of the file system that the folder is on, or would be, and in memory. */
struct preview_room {
	uint64_t free_bytes;
	uint64_t reserved_bytes; /* of jobs in the queue */
	uint64_t min_free_bytes; /* to be left alone */
	uint64_t memory_bytes;   /* of this host; 0: not known */
};

/* The files of one variant. */
struct preview_group {
	const struct planned_file *first;
	size_t n;
	size_t n_selected;
	size_t n_present;
	uint64_t bytes;
};

/* What there is to choose from: the biggest quant first, what helps a model last. An array to
 * free, which borrows from `planned`. */
struct preview_group *preview_groups(const struct planned *planned, size_t *ret_n);

/* JSON text to free. `form` says what the input was taken for; with `id` a download of exactly
 * this can be created. */
char *preview_text(const struct planned *planned, const struct choice *choice, const char *form,
		   const char *id, const struct preview_room *room);

#endif
