/*
 * What somebody may have meant.
 *
 * Pure. Any thread.
 */
#ifndef COMMON_NEAREST_H
#define COMMON_NEAREST_H

#include "common/base.h"

/* The one of `known` that begins with `word`, or takes the fewest typing mistakes to become it;
 * NULL where even that takes more than a third of its letters, and more than one. */
const char *nearest_of(const char *word, const char *const *known, size_t n);

/* "; the nearest is NAME", or "; " and `otherwise` where nothing is near: what ends a sentence
 * that refuses `word`. To free. */
char *nearest_say(const char *word, const char *const *known, size_t n, const char *otherwise)
	__attribute__((returns_nonnull));

#endif
