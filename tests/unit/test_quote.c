#include "common/quote.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static void harmless_text_stands_as_it_is_between_quotes(void **state)
{
	(void)state;
	assert_string_equal(quote_text(S("acme/tiny 7b")).text, "\"acme/tiny 7b\"");
	assert_string_equal(quote_text(S("\xc3\xa9t\xc3\xa9")).text, "\"\xc3\xa9t\xc3\xa9\"");
	assert_string_equal(quote_text(S("")).text, "\"\"");
	assert_string_equal(quote_plain(S("plain")).text, "plain");
}

static void bytes_that_break_a_line_are_escaped(void **state)
{
	static const struct {
		struct str raw;
		const char *escaped;
	} rows[] = {
		{ { "a\nb", 3 }, "a\\x0ab" },
		{ { "a\0b", 3 }, "a\\x00b" },
		{ { "\x1b[31m", 5 }, "\\x1b[31m" },
		{ { "say \"hi\"", 8 }, "say \\\"hi\\\"" },
		{ { "a\\b", 3 }, "a\\\\b" },
		{ { "\xff\xfe", 2 }, "\\xff\\xfe" },
		{ { "\xc3", 1 }, "\\xc3" },
		{ { "\xc2\x85", 2 }, "\\xc2\\x85" },
		{ { "\xe2\x80\xae", 3 }, "\\xe2\\x80\\xae" },
		{ { "\xe2\x81\xa6", 3 }, "\\xe2\\x81\\xa6" },
		{ { "\x7f", 1 }, "\\x7f" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_string_equal(quote_plain(rows[i].raw).text, rows[i].escaped);
}

static void long_text_is_cut_between_characters(void **state)
{
	char raw[400];
	struct quote quote;

	(void)state;
	memset(raw, 'x', sizeof(raw));
	quote = quote_text((struct str){ raw, QUOTE_BYTES_MAX });
	assert_int_equal(strlen(quote.text), QUOTE_BYTES_MAX + 2);
	quote = quote_text((struct str){ raw, QUOTE_BYTES_MAX + 1 });
	assert_string_equal(quote.text + QUOTE_BYTES_MAX + 1, "...\"");
	for (size_t i = 1; i + 1 < sizeof(raw); i += 2)
		memcpy(raw + i, "\xc3\xa9", 2);
	quote = quote_text((struct str){ raw, sizeof(raw) - 1 });
	assert_true(str_is_utf8(str_from(quote.text)));
	assert_true(str_has_suffix(str_from(quote.text), S("\xc3\xa9...\"")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(harmless_text_stands_as_it_is_between_quotes),
		cmocka_unit_test(bytes_that_break_a_line_are_escaped),
		cmocka_unit_test(long_text_is_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
