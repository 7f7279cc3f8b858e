#include "downloader/tally.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>

enum {
	N_THREADS = 4,
	N_EACH = 10000,
};

static void *count(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < N_EACH; i++) {
		tally_add(TALLY_FETCHED, 3);
		tally_retry(ERR_NETWORK);
	}
	return NULL;
}

static void threads_count_together(void **state)
{
	pthread_t threads[N_THREADS];

	(void)state;
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, count, NULL), 0);
	for (size_t i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(tally_of(TALLY_FETCHED), 3 * N_THREADS * N_EACH);
	assert_int_equal(tally_retries(ERR_NETWORK), N_THREADS * N_EACH);
	assert_int_equal(tally_of(TALLY_HASHED), 0);
	assert_int_equal(tally_retries(ERR_TIMEOUT), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(threads_count_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
