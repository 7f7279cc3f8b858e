#include "downloader/loop.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "common/error.h"
#include "tests/unit/looping.h"

enum {
	N_THREADS = 4,
	N_MESSAGES = 500,
};

static int loop_make(void **state)
{
	struct error err;

	*state = loop_new(&err);
	return *state == NULL ? -1 : 0;
}

static int loop_remove(void **state)
{
	struct loop *loop = *state;

	loop_drain(loop);
	loop_free(&loop);
	assert_null(loop);
	return 0;
}

struct sender {
	struct loop *loop;
	pthread_t thread;
	size_t n_sent;
	size_t n_seen; /* on the loop */
	bool is_all_here;
};

struct numbered {
	struct loop_message message; /* first */
	struct sender *sender;
	size_t number;
};

static void take(struct loop_message *message)
{
	struct numbered *numbered = (struct numbered *)message;
	struct sender *sender = numbered->sender;

	assert_int_equal(numbered->number, sender->n_seen);
	sender->is_all_here = ++sender->n_seen == N_MESSAGES;
	free(numbered);
}

static void *send_all(void *arg)
{
	struct sender *sender = arg;

	for (size_t i = 0; i < N_MESSAGES; i++) {
		struct numbered *numbered = mem_alloc(sizeof(*numbered));

		numbered->message.fn = take;
		numbered->sender = sender;
		numbered->number = i;
		loop_post(sender->loop, &numbered->message);
	}
	return NULL;
}

static void messages_of_every_thread_arrive_once_and_in_order(void **state)
{
	struct sender senders[N_THREADS];

	for (size_t i = 0; i < N_THREADS; i++) {
		senders[i] = (struct sender){ .loop = *state };
		assert_int_equal(
			pthread_create(&senders[i].thread, NULL, send_all, &senders[i]), 0);
	}
	for (size_t i = 0; i < N_THREADS; i++) {
		loop_until(*state, &senders[i].is_all_here);
		assert_int_equal(pthread_join(senders[i].thread, NULL), 0);
		assert_int_equal(senders[i].n_seen, N_MESSAGES);
	}
}

struct counting {
	struct loop *loop;
	unsigned n;
	unsigned until;
	bool is_inside;
	bool is_done;
};

static void count(void *ctx)
{
	struct counting *counting = ctx;

	assert_false(counting->is_inside);
	counting->is_inside = true;
	if (++counting->n < counting->until)
		loop_defer(counting->loop, count, counting);
	else
		counting->is_done = true;
	counting->is_inside = false;
}

static void a_deferred_call_comes_after_the_present_one(void **state)
{
	struct counting counting = { .loop = *state, .until = 10 };

	loop_defer(*state, count, &counting);
	assert_int_equal(counting.n, 0);
	loop_until(*state, &counting.is_done);
	assert_int_equal(counting.n, 10);
}

static void draining_runs_what_is_posted_and_what_that_posts(void **state)
{
	struct counting counting = { .loop = *state, .until = 10 };

	loop_defer(*state, count, &counting);
	loop_drain(*state);
	assert_int_equal(counting.n, 10);
	loop_drain(*state);
	assert_int_equal(counting.n, 10);
}

/* As at the end: others still post while the loop drains. */
static void draining_may_meet_others_that_post(void **state)
{
	struct sender sender = { .loop = *state };

	assert_int_equal(pthread_create(&sender.thread, NULL, send_all, &sender), 0);
	while (!sender.is_all_here)
		loop_drain(*state);
	assert_int_equal(pthread_join(sender.thread, NULL), 0);
}

static void stop(void *ctx)
{
	loop_stop(ctx);
}

static void a_loop_runs_until_it_is_stopped_and_may_run_again(void **state)
{
	(void)alarm(LOOPING_ALARM_S);
	for (int i = 0; i < 3; i++) {
		loop_defer(*state, stop, *state);
		loop_run(*state);
	}
	(void)alarm(0);
}

/* --- timers: their order is certain, their times are not -------------------------------------
 */

struct ticking {
	struct loop_timer *timer;
	unsigned n;
	unsigned until;
	bool is_done;
};

static void tick(void *ctx)
{
	struct ticking *ticking = ctx;

	if (++ticking->n == ticking->until)
		ticking->is_done = true;
	else
		loop_timer_arm(ticking->timer, 1);
}

static void a_timer_fires_once_for_each_arming(void **state)
{
	struct ticking ticking = { .until = 3 };
	uint64_t before = clock_steady_ms();

	ticking.timer = loop_timer_new(*state, tick, &ticking);
	assert_int_equal(ticking.n, 0);
	loop_timer_arm(ticking.timer, 20);
	loop_until(*state, &ticking.is_done);
	assert_int_equal(ticking.n, 3);
	assert_true(clock_steady_ms() >= before + 20); /* never early */
	loop_timer_free(&ticking.timer);
	assert_null(ticking.timer);
	loop_timer_free(&ticking.timer);
}

static void a_stopped_or_freed_timer_does_not_fire(void **state)
{
	struct ticking stopped = { .until = 1 };
	struct ticking freed = { .until = 1 };
	struct ticking later = { .until = 1 };

	stopped.timer = loop_timer_new(*state, tick, &stopped);
	freed.timer = loop_timer_new(*state, tick, &freed);
	later.timer = loop_timer_new(*state, tick, &later);
	loop_timer_arm(stopped.timer, 1);
	loop_timer_arm(freed.timer, 1);
	loop_timer_arm(later.timer, 5);
	loop_timer_stop(stopped.timer);
	loop_timer_stop(stopped.timer);
	loop_timer_free(&freed.timer);
	loop_until(*state, &later.is_done);
	assert_int_equal(stopped.n, 0);
	assert_int_equal(freed.n, 0);
	loop_timer_free(&stopped.timer);
	loop_timer_free(&later.timer);
}

static void arming_again_replaces_the_earlier_arming(void **state)
{
	struct ticking ticking = { .until = 1 };

	ticking.timer = loop_timer_new(*state, tick, &ticking);
	loop_timer_arm(ticking.timer, 1000UL * 60 * 60);
	loop_timer_arm(ticking.timer, 1);
	loop_until(*state, &ticking.is_done);
	assert_int_equal(ticking.n, 1);
	loop_timer_free(&ticking.timer);
}

static void the_clocks_go_forward(void **state)
{
	uint64_t steady = clock_steady_ms();
	int64_t unix_ms = clock_unix_ms();

	(void)state;
	assert_true(clock_steady_ms() >= steady);
	assert_true(unix_ms > INT64_C(1700000000000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, loop_make, loop_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(messages_of_every_thread_arrive_once_and_in_order),
		TEST(a_deferred_call_comes_after_the_present_one),
		TEST(draining_runs_what_is_posted_and_what_that_posts),
		TEST(draining_may_meet_others_that_post),
		TEST(a_loop_runs_until_it_is_stopped_and_may_run_again),
		TEST(a_timer_fires_once_for_each_arming),
		TEST(a_stopped_or_freed_timer_does_not_fire),
		TEST(arming_again_replaces_the_earlier_arming),
		TEST(the_clocks_go_forward),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
