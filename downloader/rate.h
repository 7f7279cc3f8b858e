/*
 * How fast bytes come: a mean that forgets, so that the figure people see is steady but true.
 *
 * Pure: the time is a parameter.
 */
#ifndef DOWNLOADER_RATE_H
#define DOWNLOADER_RATE_H

#include "common/base.h"

enum {
	RATE_MEMORY_MS = 3000, /* what is older hardly counts */
	RATE_STEP_MS = 200,    /* shorter intervals are gathered first */
};

/* Zero is a meter that has seen nothing. */
struct rate {
	uint64_t last_ms;
	uint64_t pending_bytes;
	double bps;
	bool has_begun;
};

/* `bytes` came since the last call. */
void rate_add(struct rate *rate, uint64_t bytes, uint64_t now_ms);

/* Bytes a second. */
uint64_t rate_bps(const struct rate *rate);

#endif
