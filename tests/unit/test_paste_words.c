#include "downloader/paste_words.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/buf.h"

/* Words are joined with "|", commands with "||". */
static void words_are_cut_as_a_shell_cuts_them(void **state)
{
	static const char *const rows[][2] = {
		{ "a b\tc", "a|b|c" },
		{ "a 'b c' \"d e\"", "a|b c|d e" },
		{ "a''b\"c\"d", "abcd" },
		{ "'' \"\"", "|" },
		{ "a\\ b \\'c", "a b|'c" },
		{ "'a\\b' \"a\\b\" \"a\\\"b\" \"a\\$b\"", "a\\b|a\\b|a\"b|a$b" },
		{ "a \\\n b", "a|b" },
		{ "a \\\r\n b", "a|b" },
		{ "a ^\n b `\n c", "a|b|c" },
		{ "a\\\nb", "ab" },
		{ "\"a\\\nb\"", "ab" },
		{ "a\nb", "a||b" },
		{ "a\r\nb", "a||b" },
		{ "a; b && c | d & e", "a||b||c||d||e" },
		{ "(a) b", "a||b" },
		{ "a # b\nc", "a||c" },
		{ "a#b", "a#b" },
		{ "# only a comment", "" },
		{ "'a;b' \"c&d\"", "a;b|c&d" },
		{ "'never closed", "never closed" },
		{ "--include \u201c*Q4 K*\u201d \u2018b c\u2019 \u201ed\u201c",
		  "--include|*Q4 K*|b c|d" },
		{ "--x=\u201ca b\u201d c", "--x=a b|c" },
		{ "it\u2019s one", "it\u2019s|one" },
		{ "\u201cnever closed", "never closed" },
		{ "\u201c", "" },
		{ "a\\", "a\\" },
		{ "$HOME `x` *", "$HOME|`x`|*" },
		{ " ;; \n\n ", "" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str rest = str_from(rows[i][0]);
		AUTO(buf) got = buf_new(1000);
		struct paste_words *words;

		for (size_t n = 0; (words = paste_words_next(&rest)) != NULL; n++) {
			for (size_t w = 0; w < words->n; w++) {
				if (w > 0 || n > 0)
					buf_add(got, w > 0 ? S("|") : S("||"));
				buf_add(got, paste_words_at(words, w));
			}
			paste_words_free(&words);
		}
		assert_string_equal(buf_cstr(got), rows[i][1]);
	}
}

static void a_word_behind_the_last_is_empty(void **state)
{
	struct str rest = S("a");
	AUTO(paste_words) words = paste_words_next(&rest);

	(void)state;
	assert_non_null(words);
	assert_int_equal(paste_words_at(words, 0).n, 1);
	assert_int_equal(paste_words_at(words, 1).n, 0);
	assert_int_equal(paste_words_at(words, 99).n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_cut_as_a_shell_cuts_them),
		cmocka_unit_test(a_word_behind_the_last_is_empty),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
