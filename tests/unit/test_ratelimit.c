#include "fcgi/ratelimit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

#include <sodium.h>

#define SECOND UINT64_C(1000000)

static const struct ratelimit_rule five = { .requests = 5, .window_s = 60 };

static int place_make(void **state)
{
	*state = ratelimit_new();
	return 0;
}

static int place_remove(void **state)
{
	struct ratelimit *r = *state;

	ratelimit_free(&r);
	return 0;
}

static void a_bucket_is_emptied_and_fills_again(void **state)
{
	struct ratelimit *r = *state;
	uint64_t now = 1000 * SECOND;
	struct ratelimit_answer answer;

	for (unsigned i = 0; i < 5; i++) {
		answer = ratelimit_take(r, S("ada"), 0, five, now);
		assert_true(answer.is_allowed);
		assert_int_equal(answer.remaining, 4 - i);
	}
	answer = ratelimit_take(r, S("ada"), 0, five, now);
	assert_false(answer.is_allowed);
	assert_in_range(answer.retry_after_s, 12, 13);
	/* What was refused costs nothing. */
	answer = ratelimit_take(r, S("ada"), 0, five, now + 12 * SECOND);
	assert_true(answer.is_allowed);
	assert_false(ratelimit_take(r, S("ada"), 0, five, now + 12 * SECOND).is_allowed);
	/* After a long time there is one bucket full, not more. */
	now += 100000 * SECOND;
	for (unsigned i = 0; i < 5; i++)
		assert_true(ratelimit_take(r, S("ada"), 0, five, now).is_allowed);
	assert_false(ratelimit_take(r, S("ada"), 0, five, now).is_allowed);
}

static void each_and_each_kind_has_its_own(void **state)
{
	struct ratelimit *r = *state;

	for (unsigned i = 0; i < 6; i++)
		(void)ratelimit_take(r, S("ada"), 0, five, SECOND);
	assert_false(ratelimit_take(r, S("ada"), 0, five, SECOND).is_allowed);
	assert_true(ratelimit_take(r, S("ada"), 1, five, SECOND).is_allowed);
	assert_true(ratelimit_take(r, S("bob"), 0, five, SECOND).is_allowed);
	assert_true(ratelimit_take(r, S(""), 0, five, SECOND).is_allowed);
}

static void without_a_limit_there_is_none(void **state)
{
	static const struct ratelimit_rule none = { .requests = 0, .window_s = 60 };
	struct ratelimit *r = *state;

	for (unsigned i = 0; i < 1000; i++)
		assert_true(ratelimit_take(r, S("ada"), 0, none, SECOND).is_allowed);
}

/* A crowd of others does not empty the bucket of one who is limited right now, unless they fill
 * all of the table; and it grows no further. */
static void a_crowd_is_bounded(void **state)
{
	struct ratelimit *r = *state;
	unsigned allowed = 0;

	for (unsigned i = 0; i < 5; i++)
		(void)ratelimit_take(r, S("ada"), 0, five, SECOND);
	for (unsigned i = 0; i < 512; i++) {
		char who[32];

		(void)snprintf(who, sizeof(who), "10.0.%u.%u", i / 256, i % 256);
		allowed += ratelimit_take(r, str_from(who), 0, five, SECOND).is_allowed ? 1 : 0;
	}
	assert_int_equal(allowed, 512);
	assert_false(ratelimit_take(r, S("ada"), 0, five, SECOND).is_allowed);
}

static void one_person_is_one_address(void **state)
{
	static const char *const rows[][2] = {
		{ "192.0.2.7", "192.0.2.7" },
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64" },
		{ "2001:db8:1:2:ffff::1", "2001:db8:1:2::/64" },
		{ "2001:db8:1:3::1", "2001:db8:1:3::/64" },
		{ "::1", "::/64" },
		{ "::ffff:192.0.2.7", "192.0.2.7" },
		{ "nonsense", "nonsense" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char got[64];

		ratelimit_address(rows[i][0], got, sizeof(got));
		assert_string_equal(got, rows[i][1]);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(a_bucket_is_emptied_and_fills_again), TEST(each_and_each_kind_has_its_own),
		TEST(without_a_limit_there_is_none),       TEST(a_crowd_is_bounded),
		TEST(one_person_is_one_address),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
