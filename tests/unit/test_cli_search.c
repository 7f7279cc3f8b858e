#include "cli/cli_search.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/buf.h"

static void sizes_and_ranges_are_read(void **state)
{
	static const struct {
		const char *text;
		uint64_t min;
		uint64_t max;
	} rows[] = {
		{ "7B", 6300000000, 7700000000 },
		{ "7b..14B", 7000000000, 14000000000 },
		{ "..500M", 0, 500000000 },
		{ "1.5B..", 1500000000, 0 },
		{ "0.125B..0.3b", 125000000, 300000000 },
		{ "1T..", 1000000000000, 0 },
		{ "7", 6300000000, 7700000000 },
		{ "6..8", 6000000000, 8000000000 },
		{ "1.5..", 1500000000, 0 },
		{ "0.75..13.5", 750000000, 13500000000 },
	};
	uint64_t min;
	uint64_t max;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(cli_search_read_range(rows[i].text, &min, &max, &err), 0);
		assert_int_equal(min, rows[i].min);
		assert_int_equal(max, rows[i].max);
	}
}

static void what_is_no_range_is_refused(void **state)
{
	static const char *const rows[] = { "",        "..",     "B",   "7X",
					    "-7B",     "7B..3B", "7 B", "1.B..",
					    "1.2345B", "7B...9", "0",   "9999999B" };
	uint64_t min;
	uint64_t max;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(cli_search_read_range(rows[i], &min, &max, &err), -1);
		assert_string_equal(err.field, "--parameters");
	}
}

static void rows_fit_a_narrow_window(void **state)
{
	static const char text[] =
		"[{\"repo\":\"acme/tiny-7b-GGUF\",\"parameters\":7241732096,\"formats\":"
		"[\"gguf\"],\"downloads\":1234,\"likes\":56,\"modified_at\":"
		"\"2026-03-04T05:06:07Z\",\"licence\":\"apache-2.0\",\"gated\":null,"
		"\"present\":true},"
		"{\"repo\":\"acme/an-uncommonly-long-name-of-a-model\",\"parameters\":null,"
		"\"formats\":[],\"downloads\":0,\"likes\":0,\"modified_at\":null,\"licence\":"
		"\"\\u001b[31m\",\"gated\":\"manual\",\"present\":false}]";
	AUTO_JSON rows = NULL;
	AUTO(buf) wide = buf_new(4096);
	AUTO(buf) narrow = buf_new(4096);
	struct error err;
	struct str rest;
	struct str line;

	(void)state;
	assert_int_equal(json_parse(str_from(text), RPC_DEPTH_MAX, &rows, &err), 0);
	cli_search_render(wide, rows, 0, true);
	assert_string_equal(
		buf_cstr(wide),
		"MODEL                                    PARAMS  FORMAT  DOWNLOADS  LIKES  "
		"CHANGED     LICENCE     ACCESS  HERE\n"
		"acme/tiny-7b-GGUF                          7.2B  gguf        1,234     56  "
		"2026-03-04  apache-2.0          yes\n"
		"acme/an-uncommonly-long-name-of-a-model                          0      0  "
		"            \\x1b[31m    gated\n");
	cli_search_render(narrow, rows, 40, true);
	rest = buf_str(narrow);
	while (str_next(&rest, '\n', &line))
		assert_true(line.n <= 44); /* an ellipsis has three bytes */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_and_ranges_are_read),
		cmocka_unit_test(what_is_no_range_is_refused),
		cmocka_unit_test(rows_fit_a_narrow_window),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
