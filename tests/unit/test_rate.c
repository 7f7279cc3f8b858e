#include "downloader/rate.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_meter_that_has_seen_nothing_says_nothing(void **state)
{
	struct rate rate = { 0 };

	(void)state;
	assert_int_equal(rate_bps(&rate), 0);
	rate_add(&rate, 1000, 5000);
	assert_int_equal(rate_bps(&rate), 0);
}

static void short_intervals_are_gathered_first(void **state)
{
	struct rate rate = { 0 };

	(void)state;
	rate_add(&rate, 0, 5000);
	for (uint64_t i = 1; i < RATE_STEP_MS; i++) {
		rate_add(&rate, 10, 5000 + i);
		assert_int_equal(rate_bps(&rate), 0);
	}
	rate_add(&rate, 10, 5000 + RATE_STEP_MS);
	assert_int_equal(rate_bps(&rate), 10000);
}

static void a_steady_stream_has_its_own_speed_from_the_first_figure_on(void **state)
{
	static const uint64_t steps[] = { 200, 250, 1000, 7000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct rate rate = { 0 };
		uint64_t now = 1;

		rate_add(&rate, 0, now);
		for (int n = 0; n < 50; n++) {
			now += steps[i];
			rate_add(&rate, steps[i] * 5000, now);
			assert_in_range(rate_bps(&rate), 4999999, 5000001);
		}
	}
}

static void an_hour_of_silence_is_forgotten_speed(void **state)
{
	struct rate rate = { 0 };

	(void)state;
	rate_add(&rate, 0, 1000);
	rate_add(&rate, 1000000, 2000);
	assert_int_equal(rate_bps(&rate), 1000000);
	for (uint64_t now = 2200; now < 3600000; now += 200)
		rate_add(&rate, 0, now);
	assert_int_equal(rate_bps(&rate), 0);
}

static void one_odd_interval_moves_the_figure_only_a_little(void **state)
{
	struct rate rate = { 0 };
	uint64_t now = 1000;
	uint64_t before;

	(void)state;
	rate_add(&rate, 0, now);
	for (int n = 0; n < 20; n++)
		rate_add(&rate, 200000, now += 200);
	before = rate_bps(&rate);
	rate_add(&rate, 0, now += 200);
	assert_in_range(rate_bps(&rate), before * 9 / 10, before - 1);
	rate_add(&rate, 400000, now += 200);
	assert_in_range(rate_bps(&rate), before * 9 / 10, before * 11 / 10);
}

static void a_lasting_change_is_followed(void **state)
{
	struct rate rate = { 0 };
	uint64_t now = 1000;

	(void)state;
	rate_add(&rate, 0, now);
	rate_add(&rate, 200000, now += 200);
	for (int n = 0; n < 200; n++)
		rate_add(&rate, 20000, now += 200);
	assert_in_range(rate_bps(&rate), 99000, 101000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_meter_that_has_seen_nothing_says_nothing),
		cmocka_unit_test(short_intervals_are_gathered_first),
		cmocka_unit_test(a_steady_stream_has_its_own_speed_from_the_first_figure_on),
		cmocka_unit_test(an_hour_of_silence_is_forgotten_speed),
		cmocka_unit_test(one_odd_interval_moves_the_figure_only_a_little),
		cmocka_unit_test(a_lasting_change_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
