#include "downloader/new_id.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static void it_is_an_id_and_never_the_same(void **state)
{
	char a[DOWNLOAD_ID_LEN + 1];
	char b[DOWNLOAD_ID_LEN + 1];

	(void)state;
	new_id(a);
	new_id(b);
	assert_true(download_id_is_valid(str_from(a)));
	assert_true(download_id_is_valid(str_from(b)));
	assert_string_not_equal(a, b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_an_id_and_never_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
