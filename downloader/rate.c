#include "downloader/rate.h"

void rate_add(struct rate *rate, uint64_t bytes, uint64_t now_ms)
{
	uint64_t elapsed_ms;
	double weight;
	double present;

	if (!rate->has_begun) {
		*rate = (struct rate){ .last_ms = now_ms, .has_begun = true };
		rate->pending_bytes = bytes;
		return;
	}
	rate->pending_bytes += bytes;
	elapsed_ms = now_ms - rate->last_ms;
	if (elapsed_ms < RATE_STEP_MS)
		return;
	present = (double)rate->pending_bytes * 1000.0 / (double)elapsed_ms;
	/* The first figure is taken as it is; later ones move the mean by their share of the
	 * memory. */
	weight = rate->bps > 0 ? (double)elapsed_ms / (double)(elapsed_ms + RATE_MEMORY_MS)
			       : 1.0;
	rate->bps += (present - rate->bps) * weight;
	rate->last_ms = now_ms;
	rate->pending_bytes = 0;
}

uint64_t rate_bps(const struct rate *rate)
{
	return rate->bps >= 1.0 ? (uint64_t)rate->bps : 0;
}
