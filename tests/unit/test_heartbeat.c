#include "downloader/heartbeat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/service.h"
#include "tests/unit/one_timer.h"

uint64_t __wrap_service_watchdog_ms(void);
void __wrap_service_alive(void);
void __wrap_service_ready(const char *status);
void __wrap_service_status(const char *status);

/* A service manager of the test's own. */
static struct {
	uint64_t watchdog_ms;
	unsigned n_ready;
	unsigned n_alive;
	unsigned n_status;
	char status[64];
	const char *line; /* what is going on */
} world;

static void hear(const char *status)
{
	(void)snprintf(world.status, sizeof(world.status), "%s", status);
}

uint64_t __wrap_service_watchdog_ms(void)
{
	return world.watchdog_ms;
}

void __wrap_service_alive(void)
{
	world.n_alive++;
}

void __wrap_service_ready(const char *status)
{
	world.n_ready++;
	hear(status);
}

void __wrap_service_status(const char *status)
{
	world.n_status++;
	hear(status);
}

static char *describe(void *ctx)
{
	(void)ctx;
	return mem_strdup(world.line);
}

static int begin(void **state)
{
	(void)state;
	memset(&world, 0, sizeof(world));
	world.line = "nothing";
	return 0;
}

static void it_beats_thrice_as_often_as_is_asked(void **state)
{
	AUTO(heartbeat) h = NULL;

	(void)state;
	world.watchdog_ms = 9000;
	h = heartbeat_new(NULL, describe, NULL);
	assert_int_equal(world.n_ready, 1);
	assert_int_equal(one_timer.delay_ms, 3000);
	for (unsigned i = 1; i <= 3; i++) {
		one_timer_fire();
		assert_int_equal(world.n_alive, i);
		assert_int_equal(one_timer.delay_ms, 3000);
	}
}

static void it_beats_as_well_where_nobody_asks_or_rarely(void **state)
{
	static const uint64_t asked[] = { 0, 3600 * 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
		AUTO(heartbeat) h = NULL;

		world.watchdog_ms = asked[i];
		h = heartbeat_new(NULL, describe, NULL);
		assert_int_equal(one_timer.delay_ms, HEARTBEAT_MS);
	}
}

static void a_line_is_told_when_it_is_another(void **state)
{
	AUTO(heartbeat) h = heartbeat_new(NULL, describe, NULL);

	(void)state;
	assert_string_equal(world.status, "nothing");
	one_timer_fire();
	assert_int_equal(world.n_status, 0);
	world.line = "one running";
	one_timer_fire();
	one_timer_fire();
	assert_int_equal(world.n_status, 1);
	assert_string_equal(world.status, "one running");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(it_beats_thrice_as_often_as_is_asked, begin),
		cmocka_unit_test_setup(it_beats_as_well_where_nobody_asks_or_rarely, begin),
		cmocka_unit_test_setup(a_line_is_told_when_it_is_another, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
