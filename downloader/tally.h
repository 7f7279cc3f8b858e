/*
 * What larderd has done since it began, in numbers that only grow: for its metrics. A program
 * has one tally, as it has one log.
 *
 * Any thread.
 */
#ifndef DOWNLOADER_TALLY_H
#define DOWNLOADER_TALLY_H

#include "downloader/job.h"

enum tally {
	TALLY_FETCHED,  /* bytes of bodies that came over the line */
	TALLY_WRITTEN,  /* bytes of models written to the disk */
	TALLY_HASHED,   /* bytes hashed, of downloads and of verifications */
	TALLY_REQUESTS, /* to the Hub and to where it leads */
	TALLY_COUNT,
};

void tally_add(enum tally what, uint64_t n);
uint64_t tally_of(enum tally what);

/* A job has come to an end, in a final state. */
void tally_end(enum job_kind kind, enum job_state state);
uint64_t tally_ends(enum job_kind kind, enum job_state state);

/* A file or a job is tried again, for this reason. */
void tally_retry(enum error_code why);
uint64_t tally_retries(enum error_code why);

#endif
