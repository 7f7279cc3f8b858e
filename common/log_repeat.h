/*
 * Which lines of the log are held back, so that a fault that repeats itself, or somebody who
 * knocks all day, does not fill the disk: the same line comes LOG_REPEAT_MAX times within
 * LOG_REPEAT_MS, lines that requests cause at one place of the code LOG_FLOOD_MAX times. How
 * many were held back is told once that time is over.
 *
 * Pure: the time is a parameter. One thread at a time.
 */
#ifndef COMMON_LOG_REPEAT_H
#define COMMON_LOG_REPEAT_H

#include "common/base.h"

enum {
	LOG_REPEAT_MS = 60 * 1000,
	LOG_REPEAT_MAX = 5,
	LOG_FLOOD_MAX = 600,
	LOG_REPEAT_TEXT_MAX = 200, /* bytes of a line that are told again */
	LOG_REPEAT_SLOTS = 64,     /* kinds of lines that are counted at a time */
};

struct log_repeat_slot {
	uint64_t key; /* 0: free */
	uint64_t began_ms;
	unsigned n;      /* that came */
	unsigned n_held; /* that were held back */
	char text[LOG_REPEAT_TEXT_MAX];
};

struct log_repeat {
	struct log_repeat_slot slots[LOG_REPEAT_SLOTS];
};

/* What a line is counted as: the same text, or the same place (its format). */
uint64_t log_repeat_key(struct str text);

/* Counts a line of this key, of which `max` may come: false when it is held back. */
bool log_repeat_may(struct log_repeat *repeat, uint64_t key, unsigned max, struct str text,
		    uint64_t now_ms);

/* Takes what is to be told now: how many lines were held back, and in ret_text how the first of
 * them read; 0 when there is nothing (more). */
unsigned log_repeat_take(struct log_repeat *repeat, uint64_t now_ms,
			 char ret_text[LOG_REPEAT_TEXT_MAX]);

#endif
