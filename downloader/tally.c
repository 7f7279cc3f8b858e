#include "downloader/tally.h"

#include <stdatomic.h>

static atomic_uint_least64_t counts[TALLY_COUNT];
static atomic_uint_least64_t ends[JOB_KIND_COUNT][JOB_STATE_COUNT];
static atomic_uint_least64_t retries[ERR_COUNT];

void tally_add(enum tally what, uint64_t n)
{
	(void)atomic_fetch_add_explicit(&counts[what], n, memory_order_relaxed);
}

uint64_t tally_of(enum tally what)
{
	return atomic_load_explicit(&counts[what], memory_order_relaxed);
}

void tally_end(enum job_kind kind, enum job_state state)
{
	assert(job_is_final(state));
	(void)atomic_fetch_add_explicit(&ends[kind][state], 1, memory_order_relaxed);
}

uint64_t tally_ends(enum job_kind kind, enum job_state state)
{
	return atomic_load_explicit(&ends[kind][state], memory_order_relaxed);
}

void tally_retry(enum error_code why)
{
	(void)atomic_fetch_add_explicit(&retries[why], 1, memory_order_relaxed);
}

uint64_t tally_retries(enum error_code why)
{
	return atomic_load_explicit(&retries[why], memory_order_relaxed);
}
