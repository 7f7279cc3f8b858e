#include "common/metrics.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_family_is_named_before_its_values(void **state)
{
	AUTO(buf) b = buf_new(4096);

	(void)state;
	metrics_family(b, "larder_x", "gauge", "What it is.");
	metrics_value(b, "larder_x", "state=\"paused\"", UINT64_MAX);
	metrics_seconds(b, "larder_x", NULL, 1000001);
	metrics_one(b, "larder_y_total", "counter", "Another.", 0);
	assert_string_equal(buf_cstr(b), "# HELP larder_x What it is.\n"
					 "# TYPE larder_x gauge\n"
					 "larder_x{state=\"paused\"} 18446744073709551615\n"
					 "larder_x 1.000001\n"
					 "# HELP larder_y_total Another.\n"
					 "# TYPE larder_y_total counter\n"
					 "larder_y_total 0\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_family_is_named_before_its_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
