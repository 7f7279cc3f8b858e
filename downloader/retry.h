/*
 * Is it worth another try, and when? The one place that decides. Two levels: a file is tried
 * again soon, a few times; then its job waits, longer each time, as long as it takes, unless a
 * person must act.
 *
 * Pure: randomness is a parameter.
 */
#ifndef DOWNLOADER_RETRY_H
#define DOWNLOADER_RETRY_H

#include "common/error.h"

enum {
	RETRY_FILE_TRIES = 5,           /* quick tries in a row without a new byte */
	RETRY_FILE_FIRST_MS = 500,      /* doubles */
	RETRY_JOB_FIRST_MS = 15 * 1000, /* doubles */
	RETRY_JOB_MAX_MS = 5 * 60 * 1000,
	RETRY_DISK_MS = 30 * 1000, /* how often free space is looked at again; a disk that
				      refuses bytes all the same is tried less and less often */
	RETRY_STATED_MAX_MS = 24 * 60 * 60 * 1000, /* no other side may make us wait longer */
};

enum retry_verdict {
	RETRY_SOON,  /* the same file again after delay_ms */
	RETRY_LATER, /* the job waits for delay_ms, or as long as the other side has named */
	RETRY_NEVER, /* the job has failed */
};

struct retry {
	enum retry_verdict verdict;
	uint64_t delay_ms;
	enum error_code reason; /* what a waiting or failed job says */
};

/* A file broke off with `err`; `tries` were made in a row without a new byte. `random` is any
 * number: it spreads the delay by a quarter. */
struct retry retry_file(const struct error *err, unsigned tries, uint64_t random);

/* A job cannot go on because of `err`; it has waited `waits` times in a row without progress.
 */
struct retry retry_job(const struct error *err, unsigned waits, uint64_t random);

#endif
