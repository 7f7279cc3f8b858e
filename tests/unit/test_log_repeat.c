#include "common/log_repeat.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

enum {
	NOW_MS = 5000,
};

static const struct str line = { "disk full", sizeof("disk full") - 1 };

static bool may(struct log_repeat *r, uint64_t now_ms)
{
	return log_repeat_may(r, log_repeat_key(line), LOG_REPEAT_MAX, line, now_ms);
}

static void what_is_too_much_is_counted_and_told_afterwards(void **state)
{
	static struct log_repeat r;
	char text[LOG_REPEAT_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < LOG_REPEAT_MAX; i++)
		assert_true(may(&r, NOW_MS + i));
	for (unsigned i = 0; i < 30; i++)
		assert_false(may(&r, NOW_MS + 100 + i));
	assert_int_equal(log_repeat_take(&r, NOW_MS + LOG_REPEAT_MS - 1, text), 0);
	assert_int_equal(log_repeat_take(&r, NOW_MS + LOG_REPEAT_MS, text), 30);
	assert_string_equal(text, "disk full");
	assert_int_equal(log_repeat_take(&r, NOW_MS + LOG_REPEAT_MS, text), 0);
	assert_true(may(&r, NOW_MS + LOG_REPEAT_MS));
}

static void each_line_counts_for_itself(void **state)
{
	static struct log_repeat r;

	(void)state;
	for (unsigned i = 0; i < 10000; i++) {
		AUTO_CSTR text = mem_printf("line %u", i);

		assert_true(log_repeat_may(&r, log_repeat_key(str_from(text)), LOG_REPEAT_MAX,
					   str_from(text), NOW_MS + i));
	}
}

static void what_is_held_back_is_not_forgotten_for_others(void **state)
{
	static struct log_repeat r;
	char text[LOG_REPEAT_TEXT_MAX];

	(void)state;
	for (unsigned i = 0; i < LOG_REPEAT_MAX + 7; i++)
		(void)may(&r, NOW_MS);
	for (unsigned i = 0; i < 1000; i++) {
		AUTO_CSTR other = mem_printf("line %u", i);

		(void)log_repeat_may(&r, log_repeat_key(str_from(other)), LOG_REPEAT_MAX,
				     str_from(other), NOW_MS + 1 + i);
	}
	assert_int_equal(log_repeat_take(&r, NOW_MS + LOG_REPEAT_MS, text), 7);
}

static void a_long_line_is_told_in_part(void **state)
{
	static struct log_repeat r;
	char text[LOG_REPEAT_TEXT_MAX];
	char longer[2 * LOG_REPEAT_TEXT_MAX];

	(void)state;
	memset(longer, 'x', sizeof(longer));
	for (unsigned i = 0; i < 2; i++)
		(void)log_repeat_may(&r, 1, 1, (struct str){ longer, sizeof(longer) }, NOW_MS);
	assert_int_equal(log_repeat_take(&r, NOW_MS + LOG_REPEAT_MS, text), 1);
	assert_int_equal(strlen(text), LOG_REPEAT_TEXT_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_too_much_is_counted_and_told_afterwards),
		cmocka_unit_test(each_line_counts_for_itself),
		cmocka_unit_test(what_is_held_back_is_not_forgotten_for_others),
		cmocka_unit_test(a_long_line_is_told_in_part),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
