#include "downloader/throttle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Bytes that come in `ms` milliseconds when somebody always wants pieces of `piece` bytes. */
static uint64_t run(struct throttle *t, uint64_t *now_ms, uint64_t ms, uint64_t piece)
{
	uint64_t end_ms = *now_ms + ms;
	uint64_t bytes = 0;

	for (; *now_ms < end_ms; (*now_ms)++) {
		while (throttle_take(t, piece, *now_ms))
			bytes += piece;
	}
	return bytes;
}

static void without_a_limit_everything_may_come(void **state)
{
	struct throttle t = { .rate_bps = 0 };

	(void)state;
	assert_true(throttle_take(&t, UINT64_MAX, 0));
	assert_int_equal(throttle_wait_ms(&t, 0), 0);
}

static void the_mean_is_exact_whatever_the_pieces(void **state)
{
	static const uint64_t rates[] = { 50000, 1000000, 40000000 };
	static const uint64_t pieces[] = { 100, 16384, 524288 };

	(void)state;
	for (size_t r = 0; r < ARRAY_LEN(rates); r++) {
		for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
			struct throttle t = { .rate_bps = 0 };
			uint64_t now_ms = 1000;
			uint64_t wanted = rates[r] * 60;
			uint64_t got;

			throttle_set(&t, rates[r], now_ms);
			got = run(&t, &now_ms, 60000, pieces[p]);
			/* One piece may be on account. */
			assert_in_range(got, wanted - wanted / 100,
					wanted + wanted / 100 + pieces[p]);
		}
	}
}

static void idle_time_is_saved_up_for_a_moment_only(void **state)
{
	struct throttle t = { .rate_bps = 0 };
	uint64_t now_ms = 1000;

	(void)state;
	throttle_set(&t, 1000000, now_ms);
	now_ms += 3600 * 1000;
	assert_in_range(run(&t, &now_ms, 1, 1000), 1000000 / 4, 1000000 / 4 + 2000);
}

static void the_wait_is_as_long_as_the_debt(void **state)
{
	struct throttle t = { .rate_bps = 0 };
	uint64_t wait_ms;

	(void)state;
	throttle_set(&t, 1000000, 1000);
	assert_true(throttle_take(&t, 500000, 1001));
	assert_false(throttle_take(&t, 1, 1001));
	wait_ms = throttle_wait_ms(&t, 1001);
	assert_in_range(wait_ms, 499, 501);
	assert_true(throttle_take(&t, 1, 1001 + wait_ms));
}

static void it_is_full_when_nothing_more_is_saved_up(void **state)
{
	struct throttle t = { .rate_bps = 0 };
	uint64_t fill_ms;

	(void)state;
	assert_false(throttle_is_on(&t));
	assert_int_equal(throttle_fill_ms(&t, 1000), 0);
	throttle_set(&t, 1000000, 1000);
	assert_true(throttle_is_on(&t));
	assert_true(throttle_take(&t, 500000, 1001));
	fill_ms = throttle_fill_ms(&t, 1001);
	assert_in_range(fill_ms, 748, 751);
	assert_int_equal(throttle_fill_ms(&t, 1001 + fill_ms), 0);
	assert_true(throttle_take(&t, 250000, 1001 + fill_ms));
	assert_true(throttle_fill_ms(&t, 1001 + fill_ms) > 0);
}

static void a_new_limit_holds_at_once(void **state)
{
	struct throttle t = { .rate_bps = 0 };
	uint64_t now_ms = 1000;

	(void)state;
	throttle_set(&t, 100000000, now_ms);
	(void)run(&t, &now_ms, 1000, 524288);
	throttle_set(&t, 100000, now_ms);
	assert_in_range(run(&t, &now_ms, 10000, 10000), 900000, 1100000);
	throttle_set(&t, 0, now_ms);
	assert_true(throttle_take(&t, 1000000000, now_ms));
}

/* What is told again is not new: or who tells it often has no limit. */
static void the_same_limit_again_forgives_no_debt(void **state)
{
	struct throttle t = { .rate_bps = 0 };
	uint64_t now_ms = 1000;
	uint64_t bytes = 0;

	(void)state;
	for (; now_ms < 11000; now_ms += 10) {
		throttle_set(&t, 10000, now_ms);
		if (throttle_take(&t, 16384, now_ms))
			bytes += 16384;
	}
	assert_in_range(bytes, 100000 - 16384, 100000 + 16384);
}

static void a_limit_too_small_to_live_on_is_raised(void **state)
{
	struct throttle t = { .rate_bps = 0 };

	(void)state;
	throttle_set(&t, 1, 1000);
	assert_int_equal(t.rate_bps, THROTTLE_RATE_LEAST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_limit_everything_may_come),
		cmocka_unit_test(the_mean_is_exact_whatever_the_pieces),
		cmocka_unit_test(idle_time_is_saved_up_for_a_moment_only),
		cmocka_unit_test(the_wait_is_as_long_as_the_debt),
		cmocka_unit_test(it_is_full_when_nothing_more_is_saved_up),
		cmocka_unit_test(a_new_limit_holds_at_once),
		cmocka_unit_test(the_same_limit_again_forgives_no_debt),
		cmocka_unit_test(a_limit_too_small_to_live_on_is_raised),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
