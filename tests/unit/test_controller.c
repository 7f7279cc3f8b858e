#include "downloader/controller.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>

/*
 * Connections as they are: each takes a moment until its first byte, brings one piece, and is
 * opened again while there are fewer than the target. One that is too many is not closed: it
 * ends with its piece. What all together bring is a function of how many flow.
 */

#define MB UINT64_C(1000000)

enum {
	TICK_MS = 50,
	PLACES = 32,
	SECOND_MS = 1000,
	MINUTE_MS = 60 * SECOND_MS,
	NOISE_MS = SECOND_MS, /* so long is the line a little faster or slower */
};

struct origin {
	uint64_t each_bps;  /* what one connection gets at most */
	uint64_t all_bps;   /* the line's; 0: no limit */
	uint64_t later_bps; /* the line's after `later_ms` */
	uint64_t later_ms;
	size_t refuses;            /* more connections than so many; 0: none */
	unsigned overhead_percent; /* what each connection past the third costs all */
	unsigned noise_percent;
	unsigned jitter_percent; /* of each tick's bytes */
	uint64_t rtt_ms;         /* a new connection begins slowly; 0: at once */
	uint64_t wait_ms;        /* for a new connection's first byte; 0: any time up to 225 */
	uint64_t piece_ms;
	size_t usable;         /* so many could have something to do; 0: any number */
	uint64_t idle_from_ms; /* nothing to fetch from then */
	uint64_t idle_to_ms;
};

struct world {
	struct origin origin;
	struct controller controller;
	uint64_t begun_ms; /* the controller's clock does not begin at 0 */
	uint64_t now_ms;
	struct connection {
		bool is_open;
		bool is_flowing;
		uint64_t until_ms; /* of the waiting or the piece */
		uint64_t begun_ms; /* its first byte */
	} places[PLACES];
	double noise;
	uint64_t bytes;
	uint64_t at_target_ms[PLACES + 1]; /* how long each target was set */
	unsigned n_refusals;
};

static uint64_t spread(uint64_t about)
{
	return about / 2 + (uint64_t)random() % (about + 1);
}

static uint64_t line(const struct world *w)
{
	const struct origin *o = &w->origin;

	return o->later_ms > 0 && w->now_ms >= o->later_ms ? o->later_bps : o->all_bps;
}

/* A window that begins at ten segments and doubles with each round trip, as TCP has it. */
static uint64_t rate_of(const struct world *w, const struct connection *c)
{
	uint64_t rtt_ms = w->origin.rtt_ms;
	uint64_t trips = rtt_ms > 0 ? (w->now_ms - c->begun_ms) / rtt_ms : 0;
	uint64_t bps;

	if (rtt_ms == 0 || trips > 20)
		return w->origin.each_bps;
	bps = (UINT64_C(14600) << trips) * SECOND_MS / rtt_ms;
	return bps < w->origin.each_bps ? bps : w->origin.each_bps;
}

static double rate(const struct world *w, size_t flowing)
{
	uint64_t most = line(w);
	size_t costly = flowing > 3 ? flowing - 3 : 0;
	uint64_t bps = 0;

	for (size_t i = 0; i < PLACES; i++) {
		if (w->places[i].is_open && w->places[i].is_flowing)
			bps += rate_of(w, &w->places[i]);
	}
	if (most > 0 && bps > most)
		bps = most;
	return (double)bps * w->noise *
	       (1.0 - (double)(costly * w->origin.overhead_percent) / 100.0);
}

static void begin(struct world *w, size_t most, unsigned seed)
{
	srandom(seed);
	controller_init(&w->controller, most);
	w->begun_ms = 1000;
	w->noise = 1.0;
}

static bool is_idle(const struct world *w)
{
	return w->now_ms >= w->origin.idle_from_ms && w->now_ms < w->origin.idle_to_ms;
}

static size_t count(const struct world *w, bool only_flowing)
{
	size_t n = 0;

	for (size_t i = 0; i < PLACES; i++)
		n += w->places[i].is_open && (w->places[i].is_flowing || !only_flowing);
	return n;
}

static void move_connections(struct world *w)
{
	for (size_t i = 0; i < PLACES; i++) {
		if (!w->places[i].is_open || w->now_ms < w->places[i].until_ms)
			continue;
		w->places[i].is_open = !w->places[i].is_flowing;
		w->places[i].is_flowing = true;
		if (w->places[i].begun_ms == 0)
			w->places[i].begun_ms = w->now_ms;
		w->places[i].until_ms = w->now_ms + spread(w->origin.piece_ms);
	}
}

static uint64_t wait_for(const struct world *w, const struct connection *c)
{
	if (c->is_flowing)
		return 20;
	return w->origin.wait_ms > 0 ? w->origin.wait_ms : spread(150);
}

static void open_connections(struct world *w)
{
	size_t open = count(w, false);

	for (size_t i = 0; i < PLACES && open < controller_target(&w->controller); i++) {
		if (w->places[i].is_open)
			continue;
		if (w->origin.refuses > 0 && open >= w->origin.refuses) {
			w->n_refusals++;
			controller_refused(&w->controller, w->begun_ms + w->now_ms, open);
			return;
		}
		/* A place that was used has its connection still. */
		w->places[i].until_ms = w->now_ms + wait_for(w, &w->places[i]);
		w->places[i].is_flowing = false;
		w->places[i].is_open = true;
		open++;
	}
}

static double jitter(const struct world *w)
{
	return 1.0 + (double)w->origin.jitter_percent / 100.0 *
			     ((double)(random() % 2001) / 1000.0 - 1.0);
}

static size_t usable(const struct world *w)
{
	if (is_idle(w))
		return 0;
	return w->origin.usable > 0 ? w->origin.usable : PLACES;
}

static void tick(struct world *w)
{
	size_t flowing;
	uint64_t bytes;

	move_connections(w);
	if (usable(w) > 0)
		open_connections(w);
	if (w->now_ms % NOISE_MS == 0 && w->origin.noise_percent > 0)
		w->noise = 1.0 + (double)w->origin.noise_percent / 100.0 *
					 ((double)(random() % 2001) / 1000.0 - 1.0);
	flowing = count(w, true);
	bytes = (uint64_t)(rate(w, flowing) * TICK_MS / 1000.0 * jitter(w));
	w->bytes += bytes;
	controller_tick(&w->controller, w->begun_ms + w->now_ms, bytes, flowing, usable(w));
	w->at_target_ms[controller_target(&w->controller)] += TICK_MS;
	w->now_ms += TICK_MS;
}

static void run(struct world *w, uint64_t until_ms)
{
	while (w->now_ms < until_ms)
		tick(w);
}

/* Percent of the time so far with a target from `least` to `most`. */
static uint64_t share(const struct world *w, size_t least, size_t most)
{
	uint64_t ms = 0;

	for (size_t i = least; i <= most; i++)
		ms += w->at_target_ms[i];
	return ms * 100 / w->now_ms;
}

/* Percent of what the line could have brought. */
static uint64_t yield(const struct world *w, uint64_t best_bps)
{
	return w->bytes * 100 / (best_bps * w->now_ms / 1000);
}

static void where_each_connection_brings_more_there_are_soon_the_most(void **state)
{
	struct world w = { .origin = { .each_bps = 20 * MB, .piece_ms = 4000 } };

	(void)state;
	begin(&w, 16, 1);
	run(&w, 4 * SECOND_MS);
	assert_int_equal(controller_target(&w.controller), 16);
	run(&w, 10 * MINUTE_MS);
	assert_int_equal(w.controller.kept, 16);
	assert_true(share(&w, 16, 16) >= 90); /* it looks now and then whether fewer do */
	assert_true(yield(&w, 320 * MB) >= 98);
}

/* Where the first byte comes at once, what a connection brings is seen at once too. */
static void a_server_that_is_near_is_measured_in_no_time(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct world w = { .origin = { .each_bps = 20 * MB,
					       .usable = 8,
					       .wait_ms = 5,
					       .jitter_percent = seed % 2 == 0 ? 10 : 0,
					       .piece_ms = 4000 } };

		begin(&w, 16, seed);
		run(&w, 600);
		assert_int_equal(controller_target(&w.controller), 8);
		run(&w, 13 * SECOND_MS);
		assert_int_equal(w.controller.kept, 8);
		assert_true(yield(&w, 160 * MB) >= 96);
	}
}

/* It must not be taken in by what makes the measuring short. */
static void a_server_that_is_near_and_gives_all_to_one_has_few(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		struct world w = { .origin = { .each_bps = 50 * MB,
					       .all_bps = 50 * MB,
					       .usable = 8,
					       .wait_ms = 5,
					       .jitter_percent = seed % 2 == 0 ? 10 : 0,
					       .piece_ms = 4000 } };

		begin(&w, 16, seed);
		run(&w, 25 * SECOND_MS);
		assert_in_range(w.controller.kept, 1, 2);
		run(&w, 5 * MINUTE_MS);
		assert_true(share(&w, 1, 4) >= 98);
		assert_int_equal(share(&w, 8, 16), 0);
	}
}

/* A connection to a server far away gathers speed for long. On a line that one can fill, that
 * may be taken for the worth of more, at the first look and no longer. */
static void what_only_gathers_speed_is_no_reason_to_stay(void **state)
{
	static const uint64_t trips_ms[] = { 20, 50, 100, 200 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(trips_ms); i++) {
		struct world w = { .origin = { .each_bps = 30 * MB,
					       .all_bps = 20 * MB,
					       .usable = 8,
					       .rtt_ms = trips_ms[i],
					       .wait_ms = 2 * trips_ms[i],
					       .piece_ms = 2000 } };

		begin(&w, 16, 1);
		run(&w, 25 * SECOND_MS);
		if (trips_ms[i] <= 50)
			assert_in_range(w.controller.kept, 1, 2);
		run(&w, MINUTE_MS);
		assert_in_range(w.controller.kept, 1, 2);
		assert_true(yield(&w, 20 * MB) >= 90);
	}
}

/* 150 ms: as near as may be, and with TCP's slow start going on for a second after. */
static void a_server_that_is_far_is_not_judged_at_a_glance(void **state)
{
	struct world w = { .origin = { .each_bps = 30 * MB,
				       .all_bps = 5 * MB,
				       .usable = 8,
				       .rtt_ms = 150,
				       .wait_ms = 300,
				       .piece_ms = 2000 } };

	(void)state;
	begin(&w, 16, 1);
	run(&w, 10 * SECOND_MS);
	assert_in_range(w.controller.kept, 1, 4);
}

static void far_connections_that_each_bring_more_become_the_most(void **state)
{
	struct world w = { .origin = { .each_bps = 30 * MB,
				       .usable = 8,
				       .rtt_ms = 100,
				       .wait_ms = 200,
				       .piece_ms = 2000 } };

	(void)state;
	begin(&w, 16, 1);
	run(&w, 5 * SECOND_MS);
	assert_int_equal(w.controller.kept, 8);
}

/* The most there may be is not known to be good: it may have been reached in a lucky moment. */
static void from_the_most_it_looks_down_too(void **state)
{
	static const struct {
		size_t most;
		size_t usable;
	} rows[] = { { 8, 0 }, { 16, 8 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct world w = { .origin = { .each_bps = 20 * MB,
					       .all_bps = 160 * MB,
					       .later_bps = 20 * MB,
					       .later_ms = 10 * SECOND_MS,
					       .usable = rows[i].usable,
					       .piece_ms = 4000 } };

		begin(&w, rows[i].most, 1);
		run(&w, 10 * SECOND_MS);
		assert_int_equal(w.controller.kept, 8);
		run(&w, 2 * MINUTE_MS);
		assert_in_range(w.controller.kept, 1, 2);
	}
}

static void when_more_can_be_used_it_looks_up_at_once(void **state)
{
	struct world w = { .origin = { .each_bps = 20 * MB, .usable = 8, .piece_ms = 4000 } };

	(void)state;
	begin(&w, 16, 1);
	run(&w, 10 * SECOND_MS);
	assert_int_equal(w.controller.kept, 8);
	w.origin.usable = 16;
	run(&w, 15 * SECOND_MS);
	assert_int_equal(w.controller.kept, 16);
}

static void where_one_brings_all_there_are_few_and_more_are_tried_seldom(void **state)
{
	struct world w = {
		.origin = { .each_bps = 50 * MB, .all_bps = 50 * MB, .piece_ms = 4000 }
	};

	(void)state;
	begin(&w, 16, 1);
	run(&w, 10 * MINUTE_MS);
	assert_true(share(&w, 1, 2) >= 95);
	assert_int_equal(share(&w, 5, 16), 0);
	assert_true(yield(&w, 50 * MB) >= 98);
}

/* What noise has let it keep, it must not keep for good, and it must cost next to nothing. */
static void noise_does_not_make_it_climb_and_stay(void **state)
{
	static const unsigned noises[] = { 2, 4 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(noises); i++) {
		for (unsigned seed = 1; seed <= 20; seed++) {
			struct world w = { .origin = { .each_bps = 50 * MB,
						       .all_bps = 50 * MB,
						       .noise_percent = noises[i],
						       .piece_ms = 4000 } };

			begin(&w, 16, seed);
			run(&w, 10 * MINUTE_MS);
			assert_true(share(&w, 1, 4) >= 90);
			assert_true(yield(&w, 50 * MB) >= 97);
		}
	}
}

static void it_settles_a_little_above_a_knee(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 10; seed++) {
		struct world w = { .origin = { .each_bps = 10 * MB,
					       .all_bps = 50 * MB,
					       .noise_percent = seed % 2 == 0 ? 4 : 0,
					       .piece_ms = 4000 } };

		begin(&w, 16, seed);
		run(&w, 10 * MINUTE_MS);
		assert_true(share(&w, 5, 9) >= 75);
		assert_true(yield(&w, 50 * MB) >= 97);
	}
}

/* Connections that are too many end with their pieces. Until they have, what comes is not what
 * fewer bring. */
static void fewer_are_measured_when_the_others_have_ended(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 10; seed++) {
		struct world w = { .origin = { .each_bps = 20 * MB,
					       .all_bps = 60 * MB,
					       .overhead_percent = 2,
					       .piece_ms = 8000 } };

		begin(&w, 16, seed);
		run(&w, 10 * MINUTE_MS);
		assert_int_equal(share(&w, 1, 1), 0);
		assert_true(yield(&w, 60 * MB) >= 94);
	}
}

/* When the line breaks down before it looks for the first time whether fewer do, one is enough
 * at the end of that look. */
static void from_a_single_connection_it_looks_up_again(void **state)
{
	struct world w = { .origin = { .each_bps = 40 * MB,
				       .all_bps = 160 * MB,
				       .later_bps = 5 * MB,
				       .later_ms = 20 * SECOND_MS,
				       .piece_ms = 4000 } };

	(void)state;
	begin(&w, 16, 1);
	run(&w, 20 * SECOND_MS);
	assert_in_range(w.controller.kept, 4, 8);
	run(&w, 2 * MINUTE_MS);
	assert_int_equal(w.controller.kept, 1);
	w.origin.later_bps = 160 * MB;
	run(&w, 4 * MINUTE_MS);
	assert_in_range(w.controller.kept, 4, 8);
}

static void a_line_that_becomes_faster_is_noticed(void **state)
{
	struct world w = { .origin = { .each_bps = 20 * MB,
				       .all_bps = 30 * MB,
				       .later_bps = 160 * MB,
				       .later_ms = 2 * MINUTE_MS,
				       .piece_ms = 4000 } };

	(void)state;
	begin(&w, 16, 1);
	run(&w, 2 * MINUTE_MS);
	assert_in_range(w.controller.kept, 1, 4);
	run(&w, 3 * MINUTE_MS);
	assert_in_range(w.controller.kept, 8, 16);
}

static void a_line_that_becomes_slower_gets_fewer(void **state)
{
	struct world w = { .origin = { .each_bps = 20 * MB,
				       .all_bps = 100 * MB,
				       .later_bps = 20 * MB,
				       .later_ms = 2 * MINUTE_MS,
				       .piece_ms = 4000 } };

	(void)state;
	begin(&w, 16, 1);
	run(&w, 2 * MINUTE_MS);
	assert_in_range(w.controller.kept, 5, 8);
	run(&w, 8 * MINUTE_MS);
	assert_in_range(w.controller.kept, 1, 4);
}

static void a_refusal_is_kept_to_and_tried_again_after_a_while(void **state)
{
	struct world w = { .origin = { .each_bps = 20 * MB, .refuses = 4, .piece_ms = 4000 } };

	(void)state;
	begin(&w, 16, 1);
	run(&w, 10 * MINUTE_MS);
	assert_int_equal(w.controller.kept, 4);
	assert_true(share(&w, 4, 4) >= 97);
	assert_in_range(w.n_refusals, 2, 10);
	w.origin.refuses = 0;
	run(&w, 13 * MINUTE_MS);
	assert_int_equal(controller_target(&w.controller), 16);
}

static void a_refusal_of_all_others_leaves_one(void **state)
{
	struct controller c;

	(void)state;
	controller_init(&c, 16);
	controller_refused(&c, 1000, 0);
	assert_int_equal(controller_target(&c), 1);
}

static void nothing_is_learned_while_there_is_no_work(void **state)
{
	struct world w = { .origin = { .each_bps = 20 * MB,
				       .piece_ms = 500,
				       .idle_from_ms = SECOND_MS,
				       .idle_to_ms = 5 * MINUTE_MS } };

	(void)state;
	begin(&w, 16, 1);
	run(&w, SECOND_MS);
	assert_in_range(controller_target(&w.controller), 4, 8);
	run(&w, 5 * MINUTE_MS);
	assert_in_range(controller_target(&w.controller), 2, 4);
	assert_true(w.controller.kept_bps > 0);
	run(&w, 5 * MINUTE_MS + 4 * SECOND_MS);
	assert_int_equal(controller_target(&w.controller), 16);
}

/* Connections that take for ever do not hold up the measuring of those that came. */
static void a_connection_that_never_flows_is_not_waited_for(void **state)
{
	struct controller c;
	uint64_t now_ms = 1000;

	(void)state;
	controller_init(&c, 16);
	while (controller_target(&c) == 2 && now_ms < 10 * SECOND_MS)
		controller_tick(&c, now_ms += TICK_MS, 1000, 1, PLACES);
	assert_int_equal(controller_target(&c), 4);
	assert_true(now_ms >= 1000 + CONTROLLER_OPEN_MS);
}

static void one_is_the_least_and_may_be_the_most(void **state)
{
	(void)state;
	for (size_t most = 0; most <= 1; most++) {
		struct world w = { .origin = { .each_bps = 20 * MB, .piece_ms = 500 } };

		begin(&w, most, 1);
		run(&w, 3 * MINUTE_MS);
		assert_int_equal(share(&w, 1, 1), 100);
	}
}

static void there_are_never_fewer_than_the_least(void **state)
{
	struct controller c;
	uint64_t now_ms = 1000;

	(void)state;
	controller_init(&c, 4);
	controller_set_least(&c, 3);
	assert_int_equal(controller_target(&c), 3);
	for (int i = 0; i < 10000; i++) {
		controller_tick(&c, now_ms += TICK_MS, 1000, controller_target(&c), PLACES);
		assert_in_range(controller_target(&c), 3, 4);
	}
	controller_set_least(&c, 99);
	assert_int_equal(controller_target(&c), 4);
	controller_set_least(&c, 0);
	assert_in_range(controller_target(&c), 1, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_each_connection_brings_more_there_are_soon_the_most),
		cmocka_unit_test(a_server_that_is_near_is_measured_in_no_time),
		cmocka_unit_test(a_server_that_is_near_and_gives_all_to_one_has_few),
		cmocka_unit_test(what_only_gathers_speed_is_no_reason_to_stay),
		cmocka_unit_test(a_server_that_is_far_is_not_judged_at_a_glance),
		cmocka_unit_test(far_connections_that_each_bring_more_become_the_most),
		cmocka_unit_test(from_the_most_it_looks_down_too),
		cmocka_unit_test(when_more_can_be_used_it_looks_up_at_once),
		cmocka_unit_test(where_one_brings_all_there_are_few_and_more_are_tried_seldom),
		cmocka_unit_test(noise_does_not_make_it_climb_and_stay),
		cmocka_unit_test(it_settles_a_little_above_a_knee),
		cmocka_unit_test(fewer_are_measured_when_the_others_have_ended),
		cmocka_unit_test(from_a_single_connection_it_looks_up_again),
		cmocka_unit_test(a_line_that_becomes_faster_is_noticed),
		cmocka_unit_test(a_line_that_becomes_slower_gets_fewer),
		cmocka_unit_test(a_refusal_is_kept_to_and_tried_again_after_a_while),
		cmocka_unit_test(a_refusal_of_all_others_leaves_one),
		cmocka_unit_test(nothing_is_learned_while_there_is_no_work),
		cmocka_unit_test(a_connection_that_never_flows_is_not_waited_for),
		cmocka_unit_test(there_are_never_fewer_than_the_least),
		cmocka_unit_test(one_is_the_least_and_may_be_the_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
