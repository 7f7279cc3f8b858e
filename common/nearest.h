/*
 * What somebody may have meant.
 *
 * Pure. Any thread.
 */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include "common/base.h"

/* The one of `known` that begins with `word`, or takes the fewest typing mistakes to become it;
 * n > 0. */
const char *nearest_of(const char *word, const char *const *known, size_t n);

#endif
