/*
 * How long the loop is held up: a timer that ought to fire every LATENESS_MS, and by how much
 * it is late. Whoever blocks the loop shows here.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_LATENESS_H
#define DOWNLOADER_LATENESS_H

#include "downloader/loop.h"

struct lateness;

enum {
	LATENESS_MS = 20,               /* between two looks */
	LATENESS_WINDOW_MS = 60 * 1000, /* what "lately" means */
};

struct lateness *lateness_new(struct loop *loop) __attribute__((returns_nonnull));
void lateness_free(struct lateness **lateness);

/* Milliseconds, of the worst delay since the start, and lately. */
uint64_t lateness_worst_ms(const struct lateness *lateness);
uint64_t lateness_lately_ms(const struct lateness *lateness);

#endif
