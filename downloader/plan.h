/*
 * A plan: exactly the files a job fetches, at one commit, with what is known of each. It is
 * made once (planner.c), kept in the database, and held in memory only while the job runs.
 *
 * A value without a thread of its own: it belongs to whoever holds it.
 */
#ifndef DOWNLOADER_PLAN_H
#define DOWNLOADER_PLAN_H

#include "downloader/hub_parse.h"

enum file_state {
	FILE_PENDING,  /* not begun, or to be begun again */
	FILE_CHECKING, /* something is there already: is it this? */
	FILE_WAITING,  /* another file under way brings the same content */
	FILE_COPYING,  /* the library has the content: it is taken from there */
	FILE_DOWNLOADING,
	FILE_VERIFYING, /* every byte is here; hash, sync, rename */
	FILE_DONE,      /* proven, under its final name */
	FILE_FAILED,
	/* Of a verification. */
	FILE_CHANGED, /* its content is not what the Hub has */
	FILE_MISSING, /* it should be here */
	FILE_UNKNOWN, /* nobody knows what its content should be */
	/* Of an update. */
	FILE_STAGED, /* proven, and kept beside what it is to replace */
	FILE_GONE,   /* the repository has it no more: to be moved to the trash */
	FILE_STATE_COUNT,
};

struct plan_file {
	char *path; /* as in the repository */
	uint64_t size;
	enum digest_algorithm algorithm;
	char digest[HUB_DIGEST_MAX + 1];
	enum file_state state;
	uint64_t bytes_done;     /* durable: synced, then recorded */
	uint64_t bytes_verified; /* hashed; not kept on disk */
	bool is_copy; /* staged under the copy's name (localdir.h); not kept on disk */
};

struct plan {
	struct plan_file *files;
	size_t n;
};

struct plan *plan_new(size_t n);
struct plan *plan_copy(const struct plan *plan); /* deep */
void plan_free(struct plan **plan);

/* Takes over state and bytes of each file, if `from` is of the same files. */
void plan_take_progress(struct plan *to, const struct plan *from);

const char *file_state_name(enum file_state state);
int file_state_from_name(struct str name, enum file_state *ret) MUST_USE;

#endif
