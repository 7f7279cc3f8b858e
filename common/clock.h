/*
 * The two clocks: one that only goes on, for spans, and the calendar's, for points in time.
 *
 * Any thread.
 */
#ifndef COMMON_CLOCK_H
#define COMMON_CLOCK_H

#include "common/base.h"

/* CLOCK_MONOTONIC. */
uint64_t clock_steady_us(void);
uint64_t clock_steady_ms(void);
/* Unix time. */
int64_t clock_unix_ms(void);

#endif
