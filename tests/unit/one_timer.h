/*
 * The one timer of a module under test, in the test's hands: it goes when one_timer_fire()
 * says. Link with --wrap for loop_timer_new, loop_timer_arm and loop_timer_free; include it
 * once.
 */
#ifndef TESTS_UNIT_ONE_TIMER_H
#define TESTS_UNIT_ONE_TIMER_H

#include "downloader/loop.h"

static struct {
	uint64_t delay_ms; /* that it was armed with */
	void (*fn)(void *ctx);
	void *ctx;
} one_timer;

void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);
struct loop_timer *__wrap_loop_timer_new(struct loop *loop, void (*fn)(void *ctx), void *ctx);
void __wrap_loop_timer_free(struct loop_timer **timer);

void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms)
{
	(void)timer;
	one_timer.delay_ms = delay_ms;
}

struct loop_timer *__wrap_loop_timer_new(struct loop *loop, void (*fn)(void *ctx), void *ctx)
{
	(void)loop;
	one_timer.fn = fn;
	one_timer.ctx = ctx;
	return NULL;
}

void __wrap_loop_timer_free(struct loop_timer **timer)
{
	(void)timer;
	one_timer.fn = NULL;
}

static inline void one_timer_fire(void)
{
	one_timer.delay_ms = 0;
	one_timer.fn(one_timer.ctx);
}

#endif
