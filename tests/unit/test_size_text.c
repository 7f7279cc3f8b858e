#include "downloader/size_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void sizes_are_told_in_thousands(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 999, "999 B" },
		{ 1000, "1.0 kB" },
		{ 999949, "999.9 kB" },
		{ 999950, "1.0 MB" },
		{ UINT64_C(4368439584), "4.4 GB" },
		{ UINT64_C(1500000000000), "1.5 TB" },
		{ UINT64_MAX, "18446744.1 TB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *text = size_text(rows[i].bytes);

		assert_string_equal(text, rows[i].text);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_are_told_in_thousands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
