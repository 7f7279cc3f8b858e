#include "common/nearest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void the_nearest_word_is_the_one_with_the_fewest_mistakes(void **state)
{
	static const char *const known[] = { "get",    "preview", "ps",     "pause", "resume",
					     "cancel", "retry",   "forget", "status" };
	static const char *const rows[][2] = {
		{ "gte", "get" },       { "Get", "get" },      { "rsume", "resume" },
		{ "cancle", "cancel" }, { "prev", "preview" }, { "staus", "status" },
		{ "forgte", "forget" }, { "ls", "ps" },        { "sttuas", "status" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(nearest_of(rows[i][0], known, ARRAY_LEN(known)),
				    rows[i][1]);
	/* As long as a mistake may be, and others that are near nothing. */
	assert_null(nearest_of("------------------------------------------------"
			       "------------------------------------------------",
			       known, ARRAY_LEN(known)));
	assert_null(nearest_of("xyzzy", known, ARRAY_LEN(known)));
	assert_null(nearest_of("x", known, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_nearest_word_is_the_one_with_the_fewest_mistakes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
