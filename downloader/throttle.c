#include "downloader/throttle.h"

static double most(const struct throttle *t)
{
	return (double)t->rate_bps * THROTTLE_HOLDS_MS / 1000.0;
}

static void fill(struct throttle *t, uint64_t now_ms)
{
	if (now_ms > t->filled_ms)
		t->tokens += (double)t->rate_bps * (double)(now_ms - t->filled_ms) / 1000.0;
	if (t->tokens > most(t))
		t->tokens = most(t);
	t->filled_ms = now_ms;
}

void throttle_set(struct throttle *t, uint64_t rate_bps, uint64_t now_ms)
{
	fill(t, now_ms);
	if (rate_bps > 0 && rate_bps < THROTTLE_RATE_LEAST)
		rate_bps = THROTTLE_RATE_LEAST;
	if (rate_bps == t->rate_bps)
		return;
	t->rate_bps = rate_bps;
	/* A debt made at a higher rate is not paid back at a lower one. */
	if (t->tokens > most(t))
		t->tokens = most(t);
	if (t->tokens < -most(t))
		t->tokens = -most(t);
}

bool throttle_take(struct throttle *t, uint64_t bytes, uint64_t now_ms)
{
	if (t->rate_bps == 0)
		return true;
	fill(t, now_ms);
	if (t->tokens <= 0)
		return false;
	t->tokens -= (double)bytes;
	return true;
}

bool throttle_is_on(const struct throttle *t)
{
	return t->rate_bps > 0;
}

/* Milliseconds until there are more than so many. */
static uint64_t until(struct throttle *t, double tokens, uint64_t now_ms)
{
	if (t->rate_bps == 0)
		return 0;
	fill(t, now_ms);
	if (t->tokens > tokens)
		return 0;
	return (uint64_t)((tokens - t->tokens) * 1000.0 / (double)t->rate_bps) + 1;
}

uint64_t throttle_wait_ms(struct throttle *t, uint64_t now_ms)
{
	return until(t, 0, now_ms);
}

uint64_t throttle_fill_ms(struct throttle *t, uint64_t now_ms)
{
	return until(t, most(t) - 1.0, now_ms);
}
