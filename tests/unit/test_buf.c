#include "common/buf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static void bytes_are_gathered_and_followed_by_a_nul(void **state)
{
	AUTO(buf) b = buf_new(100);

	(void)state;
	assert_string_equal(buf_cstr(b), "");
	buf_add(b, S("ab"));
	buf_add_char(b, 'c');
	buf_addf(b, "%d-%s", 7, "x");
	buf_add(b, (struct str){ NULL, 0 });
	assert_true(str_is_equal(buf_str(b), S("abc7-x")));
	assert_string_equal(buf_cstr(b), "abc7-x");
	assert_false(buf_is_overflown(b));
}

static void a_buffer_holds_exactly_its_cap(void **state)
{
	static const size_t caps[] = { 0, 1, 5, 63, 64, 65, 1000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(caps); i++) {
		AUTO(buf) b = buf_new(caps[i]);

		for (size_t n = 0; n < caps[i]; n++)
			buf_add_char(b, 'x');
		assert_false(buf_is_overflown(b));
		assert_int_equal(buf_str(b).n, caps[i]);
		buf_add_char(b, 'y');
		assert_true(buf_is_overflown(b));
		assert_int_equal(buf_str(b).n, caps[i]);
		assert_int_equal(strlen(buf_cstr(b)), caps[i]);
	}
}

static void a_write_past_the_cap_is_not_done_and_is_remembered(void **state)
{
	AUTO(buf) b = buf_new(5);

	(void)state;
	buf_add(b, S("abc"));
	buf_add(b, S("def"));
	assert_true(buf_is_overflown(b));
	assert_string_equal(buf_cstr(b), "abc");
	buf_add_char(b, 'g'); /* would fit, but something is missing before it */
	assert_string_equal(buf_cstr(b), "abc");
	assert_true(buf_is_overflown(b));
}

static void formatted_text_keeps_the_cap_too(void **state)
{
	AUTO(buf) b = buf_new(5);

	(void)state;
	buf_addf(b, "%s", "");
	buf_addf(b, "%05d", 7);
	assert_string_equal(buf_cstr(b), "00007");
	assert_false(buf_is_overflown(b));
	buf_reset(b);
	buf_addf(b, "%06d", 7);
	assert_true(buf_is_overflown(b));
	assert_string_equal(buf_cstr(b), "");
}

static void resetting_forgets_the_overflow(void **state)
{
	AUTO(buf) b = buf_new(3);

	(void)state;
	buf_add(b, S("abcd"));
	buf_reset(b);
	assert_false(buf_is_overflown(b));
	buf_add(b, S("xyz"));
	assert_string_equal(buf_cstr(b), "xyz");
}

static void consuming_drops_the_first_bytes(void **state)
{
	AUTO(buf) b = buf_new(10);

	(void)state;
	buf_add(b, S("abcdef"));
	buf_consume(b, 0);
	buf_consume(b, 2);
	assert_string_equal(buf_cstr(b), "cdef");
	buf_add(b, S("ghijkl")); /* the room of what was consumed is there again */
	assert_string_equal(buf_cstr(b), "cdefghijkl");
	buf_consume(b, 99);
	assert_string_equal(buf_cstr(b), "");
}

static void taking_leaves_it_empty(void **state)
{
	AUTO(buf) b = buf_new(10);
	AUTO_CSTR text = NULL;

	(void)state;
	buf_add(b, S("abc"));
	text = buf_take(b);
	assert_string_equal(text, "abc");
	assert_int_equal(buf_str(b).n, 0);
	buf_add(b, S("0123456789"));
	assert_false(buf_is_overflown(b));
	assert_string_equal(text, "abc");
}

static void percent_encoding_keeps_only_what_it_may(void **state)
{
	static const struct {
		struct str text;
		const char *keep;
		const char *wanted;
	} rows[] = {
		{ { "aZ09-._~", 8 }, "", "aZ09-._~" },
		{ { "a b", 3 }, "", "a%20b" },
		{ { "a/b", 3 }, "", "a%2Fb" },
		{ { "a/b", 3 }, "/", "a/b" },
		{ { "%+#?&", 5 }, "/", "%25%2B%23%3F%26" },
		{ { "\xc3\xa9", 2 }, "/", "%C3%A9" },
		{ { "\0", 1 }, "/", "%00" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) b = buf_new(100);

		buf_add_percent(b, rows[i].text, rows[i].keep);
		assert_string_equal(buf_cstr(b), rows[i].wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bytes_are_gathered_and_followed_by_a_nul),
		cmocka_unit_test(a_buffer_holds_exactly_its_cap),
		cmocka_unit_test(a_write_past_the_cap_is_not_done_and_is_remembered),
		cmocka_unit_test(formatted_text_keeps_the_cap_too),
		cmocka_unit_test(resetting_forgets_the_overflow),
		cmocka_unit_test(consuming_drops_the_first_bytes),
		cmocka_unit_test(taking_leaves_it_empty),
		cmocka_unit_test(percent_encoding_keeps_only_what_it_may),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
