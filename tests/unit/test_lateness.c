#include "downloader/lateness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/error.h"
#include "tests/unit/one_timer.h"

uint64_t __wrap_clock_steady_ms(void);

static uint64_t now_ms;

uint64_t __wrap_clock_steady_ms(void)
{
	return now_ms;
}

static void fire(uint64_t late_ms)
{
	now_ms += one_timer.delay_ms + late_ms;
	one_timer_fire();
}

static void fire_for_a_window(void)
{
	for (unsigned i = 0; i < LATENESS_WINDOW_MS / LATENESS_MS; i++)
		fire(0);
}

static void the_worst_is_kept_and_what_was_lately_goes(void **state)
{
	AUTO(lateness) l = NULL;

	(void)state;
	now_ms = 1000;
	l = lateness_new(NULL);
	assert_int_equal(lateness_worst_ms(l), 0);
	fire(0);
	fire(7);
	fire(3);
	assert_int_equal(lateness_worst_ms(l), 7);
	assert_int_equal(lateness_lately_ms(l), 7);
	/* The window after it still counts it, the next one does not. */
	fire_for_a_window();
	fire(2);
	assert_int_equal(lateness_lately_ms(l), 7);
	fire_for_a_window();
	fire(1);
	assert_int_equal(lateness_lately_ms(l), 2);
	assert_int_equal(lateness_worst_ms(l), 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worst_is_kept_and_what_was_lately_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
