#include "downloader/tally.h"

#include <stdatomic.h>

static atomic_uint_least64_t counts[TALLY_COUNT];
static atomic_uint_least64_t retries[ERR_COUNT];

void tally_add(enum tally what, uint64_t n)
{
	(void)atomic_fetch_add_explicit(&counts[what], n, memory_order_relaxed);
}

uint64_t tally_of(enum tally what)
{
	return atomic_load_explicit(&counts[what], memory_order_relaxed);
}

void tally_retry(enum error_code why)
{
	(void)atomic_fetch_add_explicit(&retries[why], 1, memory_order_relaxed);
}

uint64_t tally_retries(enum error_code why)
{
	return atomic_load_explicit(&retries[why], memory_order_relaxed);
}
