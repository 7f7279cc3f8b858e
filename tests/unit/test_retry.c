#include "downloader/retry.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>

static struct error make(enum error_code code)
{
	struct error err;

	(void)error_set(&err, code, "x");
	return err;
}

/* What is expected of each code; all others are a person's matter. */
static const struct {
	enum error_code code;
	enum retry_verdict file;
	enum retry_verdict job;
	enum error_code reason;
} passing[] = {
	{ ERR_NETWORK, RETRY_SOON, RETRY_LATER, ERR_NETWORK },
	{ ERR_TIMEOUT, RETRY_SOON, RETRY_LATER, ERR_NETWORK },
	{ ERR_HUB_UNAVAILABLE, RETRY_SOON, RETRY_LATER, ERR_HUB_UNAVAILABLE },
	{ ERR_RANGE_IGNORED, RETRY_SOON, RETRY_LATER, ERR_HUB_UNAVAILABLE },
	{ ERR_URL_EXPIRED, RETRY_SOON, RETRY_LATER, ERR_HUB_UNAVAILABLE },
	{ ERR_RATE_LIMITED, RETRY_LATER, RETRY_LATER, ERR_RATE_LIMITED },
	{ ERR_DISK_FULL, RETRY_LATER, RETRY_LATER, ERR_DISK_FULL },
	{ ERR_DISK_AWAY, RETRY_LATER, RETRY_LATER, ERR_DISK_AWAY },
	{ ERR_STORE, RETRY_SOON, RETRY_LATER, ERR_STORE },
	{ ERR_HUB_PROTOCOL, RETRY_SOON, RETRY_NEVER, ERR_HUB_PROTOCOL },
};

static void every_code_has_its_verdict(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ERR_COUNT; i++) {
		struct error err = make((enum error_code)i);
		enum retry_verdict file = RETRY_NEVER;
		enum retry_verdict job = RETRY_NEVER;
		enum error_code reason = (enum error_code)i;

		for (size_t n = 0; n < ARRAY_LEN(passing); n++) {
			if ((unsigned)passing[n].code != i)
				continue;
			file = passing[n].file;
			job = passing[n].job;
			reason = passing[n].reason;
		}
		assert_int_equal(retry_file(&err, 0, 0).verdict, file);
		assert_int_equal(retry_job(&err, 0, 0).verdict, job);
		assert_int_equal(retry_job(&err, 0, 0).reason, reason);
	}
}

static void a_file_is_tried_a_few_times_then_its_job_decides(void **state)
{
	struct error network = make(ERR_NETWORK);
	struct error protocol = make(ERR_HUB_PROTOCOL);

	(void)state;
	for (unsigned tries = 0; tries < RETRY_FILE_TRIES; tries++) {
		assert_int_equal(retry_file(&network, tries, 0).verdict, RETRY_SOON);
		assert_int_equal(retry_file(&protocol, tries, 0).verdict, RETRY_SOON);
	}
	assert_int_equal(retry_file(&network, RETRY_FILE_TRIES, 0).verdict, RETRY_LATER);
	assert_int_equal(retry_file(&network, 1000000, 0).verdict, RETRY_LATER);
	assert_int_equal(retry_file(&protocol, RETRY_FILE_TRIES, 0).verdict, RETRY_NEVER);
}

/* The least and the greatest delay that randomness may choose. */
static void assert_spread(struct retry (*ask)(const struct error *, unsigned, uint64_t),
			  const struct error *err, unsigned times, uint64_t middle)
{
	uint64_t least = UINT64_MAX;
	uint64_t most = 0;

	for (uint64_t random = 0; random <= middle; random++) {
		uint64_t delay = ask(err, times, random).delay_ms;

		least = delay < least ? delay : least;
		most = delay > most ? delay : most;
	}
	assert_int_equal(least, middle - middle / 4);
	assert_int_equal(most, middle + middle / 4);
	assert_in_range(ask(err, times, UINT64_MAX).delay_ms, least, most);
}

static void a_files_delay_doubles_and_spreads_by_a_quarter(void **state)
{
	struct error err = make(ERR_NETWORK);
	uint64_t middle = RETRY_FILE_FIRST_MS;

	(void)state;
	for (unsigned tries = 0; tries < RETRY_FILE_TRIES; tries++, middle *= 2)
		assert_spread(retry_file, &err, tries, middle);
}

static void a_jobs_delay_doubles_up_to_its_greatest(void **state)
{
	struct error err = make(ERR_HUB_UNAVAILABLE);
	uint64_t middle = RETRY_JOB_FIRST_MS;

	(void)state;
	for (unsigned waits = 0; waits < 8; waits++, middle *= 2)
		assert_spread(retry_job, &err, waits,
			      middle < RETRY_JOB_MAX_MS ? middle : RETRY_JOB_MAX_MS);
	assert_spread(retry_job, &err, 4000000000U, RETRY_JOB_MAX_MS);
}

static void the_other_sides_time_is_kept_and_a_second_more(void **state)
{
	struct error err = make(ERR_RATE_LIMITED);

	(void)state;
	err.retry_after_s = 55;
	assert_int_equal(retry_job(&err, 9, 12345).delay_ms, 56000);
	err.retry_after_s = 4000000000U;
	assert_int_equal(retry_job(&err, 0, 0).delay_ms, RETRY_STATED_MAX_MS);
	err.retry_after_s = 0;
	assert_spread(retry_job, &err, 0, RETRY_JOB_FIRST_MS);
}

static void a_hub_in_trouble_that_names_a_time_is_left_alone_until_then(void **state)
{
	struct error err = make(ERR_HUB_UNAVAILABLE);

	(void)state;
	err.retry_after_s = 120;
	assert_int_equal(retry_file(&err, 0, 0).verdict, RETRY_LATER);
	assert_int_equal(retry_job(&err, 0, 0).verdict, RETRY_LATER);
	assert_int_equal(retry_job(&err, 0, 0).delay_ms, 121000);
}

static void a_disk_that_refuses_bytes_is_tried_less_and_less_often(void **state)
{
	struct error err = make(ERR_DISK_FULL);

	(void)state;
	assert_spread(retry_job, &err, 0, RETRY_DISK_MS);
	assert_spread(retry_job, &err, 1, RETRY_DISK_MS * 2);
	assert_spread(retry_job, &err, 100, RETRY_JOB_MAX_MS);
}

static void a_disk_that_fails_is_waited_for_and_a_name_in_the_way_is_not(void **state)
{
	static const int passing_errors[] = { EIO, EROFS, ESTALE, ENODEV };
	static const int lasting_errors[] = { 0, ENOTDIR, EACCES, EISDIR };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(passing_errors); i++) {
		struct error err = make(ERR_DISK_ERROR);

		err.sys = passing_errors[i];
		assert_int_equal(retry_file(&err, 0, 0).verdict, RETRY_LATER);
		assert_int_equal(retry_job(&err, 0, 0).verdict, RETRY_LATER);
		assert_int_equal(retry_job(&err, 0, 0).reason, ERR_DISK_ERROR);
		err.sys = lasting_errors[i];
		assert_int_equal(retry_job(&err, 0, 0).verdict, RETRY_NEVER);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_its_verdict),
		cmocka_unit_test(a_file_is_tried_a_few_times_then_its_job_decides),
		cmocka_unit_test(a_files_delay_doubles_and_spreads_by_a_quarter),
		cmocka_unit_test(a_jobs_delay_doubles_up_to_its_greatest),
		cmocka_unit_test(the_other_sides_time_is_kept_and_a_second_more),
		cmocka_unit_test(a_hub_in_trouble_that_names_a_time_is_left_alone_until_then),
		cmocka_unit_test(a_disk_that_fails_is_waited_for_and_a_name_in_the_way_is_not),
		cmocka_unit_test(a_disk_that_refuses_bytes_is_tried_less_and_less_often),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
