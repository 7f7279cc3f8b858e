#include "downloader/glob.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

static int match(struct glob *take_glob, const char *text)
{
	AUTO(glob) g = take_glob;
	uint64_t work = 1000 * 1000;

	return glob_match(g, str_from(text), &work);
}

static void patterns_mean_what_fnmatch_means(void **state)
{
	static const struct {
		const char *pattern;
		const char *text;
		int result;
	} rows[] = {
		{ "*.gguf", "sub/a.gguf", 1 },
		{ "*.gguf", "a.gguf.md", 0 },
		{ "Q4*", "sub/Q4.gguf", 0 },
		{ "*q4*", "x-Q4_K.gguf", 1 },
		{ "", "", 1 },
		{ "", "a", 0 },
		{ "*", "", 1 },
		{ "**", "a/b", 1 },
		{ "**/*.md", "a/b.md", 1 },
		{ "?", "a", 1 },
		{ "?", "/", 1 },
		{ "?", "\xc3\xa9", 1 },
		{ "?", "", 0 },
		{ "??", "\xc3\xa9", 0 },
		{ "a*b*c", "aXbYc", 1 },
		{ "a*b*c", "abcb", 0 },
		{ "a*bc", "abbbc", 1 },
		{ "[abc]x", "Bx", 1 },
		{ "[A-C]x", "bx", 1 },
		{ "[a-c]x", "dx", 0 },
		{ "[!a-c]x", "dx", 1 },
		{ "[!a-c]x", "Ax", 0 },
		{ "[]]", "]", 1 },
		{ "[!]]", "]", 0 },
		{ "[!]]", "a", 1 },
		{ "[a-]", "-", 1 },
		{ "[-a]", "-", 1 },
		{ "[--0]", ".", 1 },
		{ "[c-a]", "b", 0 },
		{ "[!c-a]", "b", 1 },
		{ "[a-c-e]", "-", 1 },
		{ "[a-c-e]", "d", 0 },
		{ "[^a]", "^", 1 },
		{ "[^a]", "b", 0 },
		{ "[", "[", 1 },
		{ "[abc", "[ABC", 1 },
		{ "[!", "[!", 1 },
		{ "[]", "[]", 1 },
		{ "a[[]b", "a[b", 1 },
		{ "[*]", "*", 1 },
		{ "[*]", "x", 0 },
		{ "[?]", "x", 0 },
		{ "[\xc3\xa0-\xc3\xaf]", "\xc3\xa9", 1 },
		{ "[\xc3\xa0-\xc3\xaf]", "\xc3\xb9", 0 },
		{ "\\*", "\\x", 1 },
		{ "{a,b}", "a", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(match(glob_new(str_from(rows[i].pattern)), rows[i].text),
				 rows[i].result);
}

static void nothing_in_a_substring_is_special(void **state)
{
	(void)state;
	assert_int_equal(match(glob_new_substring(S("q4")), "x-Q4_K"), 1);
	assert_int_equal(match(glob_new_substring(S("a*c")), "abc"), 0);
	assert_int_equal(match(glob_new_substring(S("a*c")), "xa*cx"), 1);
	assert_int_equal(match(glob_new_substring(S("[a]")), "[a]"), 1);
	assert_int_equal(match(glob_new_substring(S("aab")), "aaab"), 1);
	assert_int_equal(match(glob_new_substring(S("abc")), "ab"), 0);
}

static void bytes_that_are_no_text_are_characters_of_their_own(void **state)
{
	(void)state;
	assert_int_equal(match(glob_new(S("a?b")), "a\xff"
						   "b"),
			 1);
	assert_int_equal(match(glob_new(S("a\xff")), "a\xff"), 1);
	assert_int_equal(match(glob_new(S("[a-z]")), "\xff"), 0);
	assert_int_equal(match(glob_new(S("??")), "\xe2\x82"), 1);
}

static void the_work_of_a_hostile_pattern_is_bounded(void **state)
{
	char pattern[1001];
	char text[1001];
	AUTO(glob) g = NULL;
	uint64_t work = UINT64_C(2) * 1000 * 1000;

	(void)state;
	for (size_t i = 0; i + 1 < sizeof(pattern); i++)
		pattern[i] = i % 2 == 0 ? '*' : 'a';
	pattern[999] = 'b';
	pattern[1000] = '\0';
	memset(text, 'a', sizeof(text) - 1);
	text[1000] = '\0';
	g = glob_new(str_from(pattern));
	assert_int_equal(glob_match(g, str_from(text), &work), 0);
	work = 100;
	assert_int_equal(glob_match(g, str_from(text), &work), -1);
	assert_true(work < 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(patterns_mean_what_fnmatch_means),
		cmocka_unit_test(nothing_in_a_substring_is_special),
		cmocka_unit_test(bytes_that_are_no_text_are_characters_of_their_own),
		cmocka_unit_test(the_work_of_a_hostile_pattern_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
