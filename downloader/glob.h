/*
 * Patterns over whole paths with the meaning of Python's fnmatch, which the official client
 * uses (HUB-API 8.4): `*` is any run of characters and `?` any one, both cross "/"; `[a-z]` one
 * of a set, `[!a-z]` one that is not in it; a `[` without its `]` is itself; there is no
 * escape. Letters A to Z match in either case. A plain substring is the pattern with `*` at
 * both ends.
 *
 * A match looks at each pair of a character and a piece of the pattern at most once, and counts
 * these looks against an allowance, so that no pattern and no path can take long.
 *
 * Pure. Immutable once made; any thread.
 */
#ifndef DOWNLOADER_GLOB_H
#define DOWNLOADER_GLOB_H

#include "common/base.h"

struct glob;

/* Never fails: every text is a pattern. */
struct glob *glob_new(struct str pattern) __attribute__((returns_nonnull));

/* Matches what has `text` somewhere in it; nothing in `text` is special. */
struct glob *glob_new_substring(struct str text) __attribute__((returns_nonnull));

void glob_free(struct glob **g);

/* 1 when the whole of `text` matches, 0 when not, -1 when `*work` looks were not enough. What
 * was used is taken off `*work`. */
int glob_match(const struct glob *g, struct str text, uint64_t *work) MUST_USE;

#endif
