#include "downloader/hook_helper.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

enum {
	VARIABLES = 4,
};

static void a_message_is_read_as_it_was_written(void **state)
{
	static const char *const environment[] = { "A=1", "B=two words", NULL };
	size_t n = 0;
	AUTO_CSTR message = hook_message(environment, "{\"x\":1}", &n);
	char *got[VARIABLES];
	const char *input;

	(void)state;
	assert_int_equal(hook_read_message(message, n, got, VARIABLES, &input), 0);
	assert_string_equal(got[0], "A=1");
	assert_string_equal(got[1], "B=two words");
	assert_null(got[2]);
	assert_string_equal(input, "{\"x\":1}");
}

static void what_is_no_message_is_refused(void **state)
{
	static const struct str rows[] = {
		{ "", 0 },         { "\0", 1 },     { "A=1\0", 4 },
		{ "A=1\0\0x", 6 }, { "a\0b\0", 4 }, { "1\0002\0003\0004\0\0\0", 10 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR message = str_dup(rows[i]);
		char *got[VARIABLES];
		const char *input;

		assert_int_equal(hook_read_message(message, rows[i].n, got, VARIABLES, &input),
				 -1);
	}
}

static void one_that_is_too_long_has_a_length_that_is_refused(void **state)
{
	static const char *const none[] = { NULL };
	AUTO_CSTR text = mem_alloc(8 * HOOK_MESSAGE_MAX);
	AUTO_CSTR message = NULL;
	size_t n = 0;

	(void)state;
	memset(text, 'x', 8 * HOOK_MESSAGE_MAX - 1);
	message = hook_message(none, text, &n);
	assert_true(n > HOOK_MESSAGE_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_message_is_read_as_it_was_written),
		cmocka_unit_test(what_is_no_message_is_refused),
		cmocka_unit_test(one_that_is_too_long_has_a_length_that_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
