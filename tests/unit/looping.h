/*
 * Running the loop until something has happened, without a look at the clock: the wait is for
 * the event itself. What never happens is ended by the alarm.
 */
#ifndef TESTS_UNIT_LOOPING_H
#define TESTS_UNIT_LOOPING_H

#include <event2/event.h>
#include <unistd.h>

#include "downloader/loop.h"

enum {
	LOOPING_ALARM_S = 120, /* a hanging test ends the program */
};

static inline void loop_while_not(struct loop *loop, const bool *has_happened)
{
	while (!*has_happened)
		(void)event_base_loop(loop_base(loop), EVLOOP_ONCE);
}

static inline void loop_until(struct loop *loop, const bool *has_happened)
{
	(void)alarm(LOOPING_ALARM_S);
	loop_while_not(loop, has_happened);
	(void)alarm(0);
}

static inline void looping_mark(void *ctx)
{
	bool *mark = ctx;

	*mark = true;
}

/* Runs what is posted and active now, and what that posts at once. The alarm stays as it is:
 * who turns the loop until something happens has set it. */
static inline void loop_turn(struct loop *loop)
{
	bool mark = false;

	loop_defer(loop, looping_mark, &mark);
	loop_while_not(loop, &mark);
}

#endif
