#include "downloader/lateness.h"

#include <stdlib.h>

struct lateness {
	struct loop_timer *timer;
	uint64_t due_ms;
	uint64_t worst_ms;
	/* Lately is this window and the one before it. */
	uint64_t window_began_ms;
	uint64_t window_ms;
	uint64_t before_ms;
};

static void arm(struct lateness *l, uint64_t now_ms)
{
	l->due_ms = now_ms + LATENESS_MS;
	loop_timer_arm(l->timer, LATENESS_MS);
}

static void on_time(void *ctx)
{
	struct lateness *l = ctx;
	uint64_t now_ms = clock_steady_ms();
	uint64_t late_ms = now_ms > l->due_ms ? now_ms - l->due_ms : 0;

	if (now_ms - l->window_began_ms >= LATENESS_WINDOW_MS) {
		l->before_ms = l->window_ms;
		l->window_ms = 0;
		l->window_began_ms = now_ms;
	}
	l->window_ms = late_ms > l->window_ms ? late_ms : l->window_ms;
	l->worst_ms = late_ms > l->worst_ms ? late_ms : l->worst_ms;
	arm(l, now_ms);
}

struct lateness *lateness_new(struct loop *loop)
{
	struct lateness *l = mem_alloc(sizeof(*l));

	l->timer = loop_timer_new(loop, on_time, l);
	l->window_began_ms = clock_steady_ms();
	arm(l, l->window_began_ms);
	return l;
}

void lateness_free(struct lateness **lateness)
{
	struct lateness *l = *lateness;

	*lateness = NULL;
	if (l == NULL)
		return;
	loop_timer_free(&l->timer);
	free(l);
}

uint64_t lateness_worst_ms(const struct lateness *l)
{
	return l->worst_ms;
}

uint64_t lateness_lately_ms(const struct lateness *l)
{
	return l->window_ms > l->before_ms ? l->window_ms : l->before_ms;
}
