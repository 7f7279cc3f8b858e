#include "fcgi/measures.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static const struct route routes[] = {
	{ METHOD_GET, "downloads", NULL, NEED_VIEWER, COST_LITTLE },
	{ METHOD_POST, "downloads/{}/pause", NULL, NEED_OPERATOR, COST_LITTLE },
};

static char *printed(const struct measures *m)
{
	AUTO(buf) b = buf_new(1 << 20);

	measures_print(m, b);
	return buf_take(b);
}

static void assert_says(const char *text, const char *line)
{
	if (strstr(text, line) == NULL)
		fail_msg("not there: %s\n%s", line, text);
}

static void each_route_counts_its_answers_and_their_time(void **state)
{
	AUTO(measures) m = measures_new(routes, ARRAY_LEN(routes));
	AUTO_CSTR text = NULL;

	(void)state;
	measures_add(m, &routes[1], 200, 1000);
	measures_add(m, &routes[1], 204, 1001);
	measures_add(m, &routes[1], 409, 31 * 1000 * 1000);
	measures_add(m, NULL, 404, 10);
	text = printed(m);
	assert_says(text,
		    "larder_http_requests_total{method=\"POST\",route=\"downloads/{}/pause\","
		    "status=\"2xx\"} 2\n");
	assert_says(text, "route=\"downloads/{}/pause\",status=\"4xx\"} 1\n");
	assert_says(text,
		    "larder_http_requests_total{method=\"\",route=\"\",status=\"4xx\"} 1\n");
	assert_says(text, "route=\"downloads/{}/pause\",le=\"0.001\"} 1\n");
	assert_says(text, "route=\"downloads/{}/pause\",le=\"0.0025\"} 2\n");
	assert_says(text, "route=\"downloads/{}/pause\",le=\"30\"} 2\n");
	assert_says(text, "route=\"downloads/{}/pause\",le=\"+Inf\"} 3\n");
	assert_says(text, "_sum{method=\"POST\",route=\"downloads/{}/pause\"} 31.002001\n");
	assert_says(text, "_count{method=\"POST\",route=\"downloads/{}/pause\"} 3\n");
	assert_null(strstr(text, "route=\"downloads\""));
}

static void a_status_that_is_none_counts_too(void **state)
{
	AUTO(measures) m = measures_new(routes, ARRAY_LEN(routes));
	AUTO_CSTR text = NULL;

	(void)state;
	measures_add(m, &routes[0], 0, 5);
	measures_add(m, &routes[0], 999, 5);
	text = printed(m);
	assert_says(text, "route=\"downloads\",status=\"5xx\"} 2\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_route_counts_its_answers_and_their_time),
		cmocka_unit_test(a_status_that_is_none_counts_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
