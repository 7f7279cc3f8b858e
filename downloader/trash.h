/*
 * The trash: what was deleted or replaced, in `.larder/trash/<id>/` beneath the models
 * directory, under the path that it had. Going there and coming back are renames on the same
 * file system, so they cost nothing, and each can be undone; only emptying takes anything away
 * for good.
 *
 * An id is "<what>-<unix milliseconds>": a job's id for what its files replaced, a new one for
 * a deletion. Nothing here follows a link, and nothing outside the models directory is touched,
 * whatever happens to the folders meanwhile (file.h, dir.h).
 *
 * The functions block on the disk and belong on a file worker. They keep nothing.
 */
#ifndef DOWNLOADER_TRASH_H
#define DOWNLOADER_TRASH_H

#include "common/ids.h"

struct error;

enum {
	TRASH_ID_MAX = DOWNLOAD_ID_LEN + 24,
	TRASH_FILES_TOLD = 10,    /* paths that an entry names */
	TRASH_ENTRIES_MAX = 1000, /* that are listed */
	TRASH_DEPTH_MAX = 256,
	TRASH_ADDED_MAX =
		64 * 1024 * 1024, /* bytes of the names that an entry's change has added */
};

struct trash_entry {
	char id[TRASH_ID_MAX + 1];
	int64_t at_ms;  /* unix time */
	uint64_t files; /* without what the official client keeps beside them */
	uint64_t bytes;
	char **paths; /* of the first of these, as they were beneath the models directory */
	size_t n_paths;
};

struct trash_list {
	struct trash_entry *v; /* the newest first */
	size_t n;
	size_t cap;
};

void trash_list_free(struct trash_list **list);

/* A name that an entry may have: letters, digits and "-", with a time at its end. */
bool trash_id_is_valid(struct str id);

/* Moves files and folders there, all of them or none: each path that is absent is left out, and
 * *ret_n says how many were moved. */
int trash_put(int root, const char *id, const char *const *paths, size_t n, size_t *ret_n,
	      struct error *err) MUST_USE;

/* Is the folder, or would it be, on the file system that the trash is on? -1 with a sentence
 * when it is not: nothing in it can go there. */
int trash_can_take(int root, const char *folder, struct error *err) MUST_USE;

/* -1 with that sentence, for a move there that failed with EXDEV. */
int trash_refuse_disk(const char *path, struct error *err);

/* What is there; an absent trash is an empty one. NULL when it cannot be read. */
struct trash_list *trash_read(int root, struct error *err);

/* Does the entry hold something that was at `path`, or below it? */
bool trash_has(int root, const char *id, const char *path);

/* Moves all of an entry back to where it was. Files that have one of the names now go to the
 * trash under `swap_id`; if that is NULL, -1 with ERR_EXISTS, and nothing is moved. No
 * .metadata but its own vouches for what has come back. -1 with ERR_UNKNOWN_TRASH when there is
 * no such entry. One that broke off is finished by doing it again. */
int trash_restore(int root, const char *id, const char *swap_id, struct error *err) MUST_USE;

/* Notes what came to names that were free, in the change whose old files are in this entry:
 * when they are taken back with a swap, it goes in its turn. `paths` are beneath the models
 * directory, a line each; the first note of an entry counts. */
int trash_note_added(int root, const char *id, struct str paths, struct error *err) MUST_USE;

/* Removes an entry for good. */
int trash_empty(int root, const char *id, struct error *err) MUST_USE;

#endif
