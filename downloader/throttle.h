/*
 * How many bytes may come now: a bucket into which a set number of tokens, one a byte, flows
 * each second, and which holds a quarter of a second's. Bytes that came with one piece may take
 * more than there is; the debt is waited for. So the mean is exact, whatever the pieces.
 *
 * Pure: the time is a parameter. A value; one thread at a time.
 */
#ifndef DOWNLOADER_THROTTLE_H
#define DOWNLOADER_THROTTLE_H

#include "common/base.h"

enum {
	THROTTLE_HOLDS_MS = 250,
	THROTTLE_RATE_LEAST = 1024, /* bytes a second; a lower limit counts as this */
};

struct throttle {
	uint64_t rate_bps; /* 0: no limit */
	double tokens;
	uint64_t filled_ms;
};

/* 0 takes the limit away. */
void throttle_set(struct throttle *throttle, uint64_t rate_bps, uint64_t now_ms);

/* True, and they are taken, when `bytes` may come now. */
bool throttle_take(struct throttle *throttle, uint64_t bytes, uint64_t now_ms);

/* Is there a limit? */
bool throttle_is_on(const struct throttle *throttle);

/* Milliseconds until throttle_take() says yes, 0 when it would now. */
uint64_t throttle_wait_ms(struct throttle *throttle, uint64_t now_ms);

/* Milliseconds until nothing more is saved up, if nobody takes any; 0 when it is so now. */
uint64_t throttle_fill_ms(struct throttle *throttle, uint64_t now_ms);

#endif
