#include "common/base.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define L(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static void memory_comes_zeroed_and_is_never_null(void **state)
{
	unsigned char *p = mem_array(1000, 3);
	unsigned char *none = mem_array(0, 0);

	(void)state;
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(p[i], 0);
	assert_non_null(none);
	free(p);
	free(none);
}

static void an_array_grows_and_keeps_what_it_holds(void **state)
{
	uint32_t *numbers = NULL;
	size_t cap = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++) {
		numbers = mem_grow(numbers, i, &cap, sizeof(*numbers));
		assert_true(cap > i);
		numbers[i] = i * 7;
	}
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(numbers[i], i * 7);
	free(numbers);
}

static void moving_leaves_null_behind(void **state)
{
	AUTO_CSTR from = mem_printf("%s-%d", "x", 7);
	AUTO_CSTR to = MOVE(from);

	(void)state;
	assert_null(from);
	assert_string_equal(to, "x-7");
}

static void a_copy_of_nothing_is_nothing(void **state)
{
	AUTO_CSTR copy = mem_strdup("abc");
	AUTO_CSTR empty = str_dup((struct str){ NULL, 0 });

	(void)state;
	assert_null(mem_strdup(NULL));
	assert_string_equal(copy, "abc");
	assert_string_equal(empty, "");
}

static void closing_a_descriptor_keeps_errno_and_leaves_minus_one(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int same = fd;

	(void)state;
	assert_true(fd >= 0);
	errno = ENOTTY;
	fd_close(&fd);
	assert_int_equal(errno, ENOTTY);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(same, F_GETFD), -1);
	fd_close(&fd);
}

static void views_compare_by_their_bytes(void **state)
{
	static const struct {
		struct str a;
		struct str b;
		bool equal;
		bool equal_nocase;
	} rows[] = {
		{ L(""), L(""), true, true },           { L(""), { NULL, 0 }, true, true },
		{ L("a"), L("a"), true, true },         { L("a"), L("A"), false, true },
		{ L("a"), L("ab"), false, false },      { L("a\0b"), L("a\0c"), false, false },
		{ L("@"), L("`"), false, false },       { L("["), L("{"), false, false },
		{ L("\xc4"), L("\xe4"), false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(str_is_equal(rows[i].a, rows[i].b), rows[i].equal);
		assert_int_equal(str_is_equal_nocase(rows[i].a, rows[i].b),
				 rows[i].equal_nocase);
	}
}

static void prefixes_and_suffixes_are_found(void **state)
{
	(void)state;
	assert_true(str_has_prefix(S("abc"), S("ab")));
	assert_true(str_has_prefix(S("abc"), S("")));
	assert_false(str_has_prefix(S("ab"), S("abc")));
	assert_false(str_has_prefix(S("abc"), S("AB")));
	assert_true(str_has_prefix_nocase(S("abc"), S("AB")));
	assert_true(str_has_suffix(S("abc"), S("bc")));
	assert_true(str_has_suffix(S("abc"), S("abc")));
	assert_false(str_has_suffix(S("bc"), S("abc")));
	assert_false(str_has_suffix(S("abc"), S("BC")));
	assert_true(str_has_suffix_nocase(S("abc"), S("BC")));
	assert_false(str_has_suffix_nocase(S("abc"), S("ab")));
}

static void what_is_not_found_is_at_the_end(void **state)
{
	struct str text = S("abcABCabc");

	(void)state;
	assert_int_equal(str_find_char(text, 'c'), 2);
	assert_int_equal(str_rfind_char(text, 'c'), 8);
	assert_int_equal(str_find_char(text, 'x'), text.n);
	assert_int_equal(str_rfind_char(text, 'x'), text.n);
	assert_int_equal(str_find_char((struct str){ NULL, 0 }, 'x'), 0);
	assert_int_equal(str_find(text, S("ABC")), 3);
	assert_int_equal(str_find(text, S("abd")), text.n);
	assert_int_equal(str_find(text, S("")), 0);
	assert_int_equal(str_find(S("ab"), S("abc")), 2);
	assert_int_equal(str_find_nocase(text, S("CAb")), 2);
	assert_int_equal(str_find_nocase(text, S("abd")), text.n);
	assert_int_equal(str_find_nocase(S("ab"), S("abc")), 2);
}

static void a_part_is_clamped_to_its_whole(void **state)
{
	(void)state;
	assert_true(str_is_equal(str_sub(S("abc"), 1, 2), S("b")));
	assert_true(str_is_equal(str_sub(S("abc"), 1, 99), S("bc")));
	assert_true(str_is_equal(str_sub(S("abc"), 5, 99), S("")));
	assert_true(str_is_equal(str_sub(S("abc"), 2, 1), S("")));
	assert_null(str_sub((struct str){ NULL, 0 }, 1, 2).p);
}

static void white_space_is_trimmed_at_both_ends_only(void **state)
{
	(void)state;
	assert_true(str_is_equal(str_trim(S(" \t\r\n a b \n")), S("a b")));
	assert_true(str_is_equal(str_trim(S(" \t\r\n")), S("")));
	assert_true(str_is_equal(str_trim(S("\va\v")), S("\va\v")));
}

static void parts_are_taken_one_after_the_other(void **state)
{
	static const struct {
		const char *text;
		const char *parts[4];
		size_t n;
	} rows[] = {
		{ "", { "" }, 1 },
		{ "a", { "a" }, 1 },
		{ "a/b", { "a", "b" }, 2 },
		{ "a/", { "a", "" }, 2 },
		{ "/a", { "", "a" }, 2 },
		{ "/", { "", "" }, 2 },
		{ "a//b", { "a", "", "b" }, 3 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str rest = str_from(rows[i].text);
		struct str part;
		size_t n = 0;

		while (str_next(&rest, '/', &part)) {
			assert_true(n < rows[i].n);
			assert_true(str_is_equal(part, str_from(rows[i].parts[n])));
			n++;
		}
		assert_int_equal(n, rows[i].n);
		assert_null(rest.p);
	}
}

static void whole_numbers_are_digits_within_their_range(void **state)
{
	static const struct {
		const char *text;
		uint64_t min;
		uint64_t max;
		int result;
		uint64_t value;
	} rows[] = {
		{ "0", 0, 10, 0, 0 },
		{ "007", 0, 10, 0, 7 },
		{ "10", 0, 10, 0, 10 },
		{ "11", 0, 10, -1, 99 },
		{ "1", 2, 10, -1, 99 },
		{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
		{ "18446744073709551616", 0, UINT64_MAX, -1, 99 },
		{ "99999999999999999999999", 0, UINT64_MAX, -1, 99 },
		{ "", 0, 10, -1, 99 },
		{ "+1", 0, 10, -1, 99 },
		{ "-1", 0, UINT64_MAX, -1, 99 },
		{ " 1", 0, 10, -1, 99 },
		{ "1 ", 0, 10, -1, 99 },
		{ "0x1", 0, 10, -1, 99 },
		{ "1.0", 0, 10, -1, 99 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t value = 99;

		assert_int_equal(
			str_to_u64(str_from(rows[i].text), rows[i].min, rows[i].max, &value),
			rows[i].result);
		assert_int_equal(value, rows[i].value);
	}
}

static void only_well_formed_utf8_passes(void **state)
{
	static const struct {
		struct str text;
		bool is_utf8;
	} rows[] = {
		{ L(""), true },
		{ L("abc\x7f"), true },
		{ L("\xc2\x80"), true },
		{ L("\xdf\xbf"), true },
		{ L("\xe0\xa0\x80"), true },
		{ L("\xed\x9f\xbf"), true },
		{ L("\xee\x80\x80"), true },
		{ L("\xf0\x90\x80\x80"), true },
		{ L("\xf4\x8f\xbf\xbf"), true },
		{ L("a\0b"), false },
		{ L("\x80"), false },
		{ L("\xc1\xbf"), false },         /* overlong */
		{ L("\xe0\x9f\xbf"), false },     /* overlong */
		{ L("\xf0\x8f\xbf\xbf"), false }, /* overlong */
		{ L("\xed\xa0\x80"), false },     /* a surrogate */
		{ L("\xf4\x90\x80\x80"), false }, /* past U+10FFFF */
		{ L("\xf5\x80\x80\x80"), false },
		{ L("\xc3"), false },
		{ L("\xe2\x82"), false },
		{ L("\xe2\x82\x41"), false },
		{ L("\xf0\x9f\x98"), false },
		{ L("ok\xff"), false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(str_is_utf8(rows[i].text), rows[i].is_utf8);
}

static void a_sequence_that_was_cut_off_is_dropped(void **state)
{
	static const char text[] = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80";
	static const size_t whole[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10 };

	(void)state;
	assert_int_equal(ARRAY_LEN(whole), sizeof(text));
	for (size_t n = 0; n < sizeof(text); n++)
		assert_int_equal(str_utf8_whole((struct str){ text, n }).n, whole[n]);
}

static void letters_and_digits_are_those_of_ascii(void **state)
{
	(void)state;
	for (int c = 0; c < 256; c++) {
		bool digit = c >= 48 && c <= 57;
		bool upper = c >= 65 && c <= 90;
		bool lower = c >= 97 && c <= 122;

		assert_int_equal(char_is_digit((char)c), digit);
		assert_int_equal(char_is_alpha((char)c), upper || lower);
		assert_int_equal(char_is_alnum((char)c), digit || upper || lower);
		assert_int_equal((unsigned char)char_lower((char)c), upper ? c + 32 : c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_comes_zeroed_and_is_never_null),
		cmocka_unit_test(an_array_grows_and_keeps_what_it_holds),
		cmocka_unit_test(moving_leaves_null_behind),
		cmocka_unit_test(a_copy_of_nothing_is_nothing),
		cmocka_unit_test(closing_a_descriptor_keeps_errno_and_leaves_minus_one),
		cmocka_unit_test(views_compare_by_their_bytes),
		cmocka_unit_test(prefixes_and_suffixes_are_found),
		cmocka_unit_test(what_is_not_found_is_at_the_end),
		cmocka_unit_test(a_part_is_clamped_to_its_whole),
		cmocka_unit_test(white_space_is_trimmed_at_both_ends_only),
		cmocka_unit_test(parts_are_taken_one_after_the_other),
		cmocka_unit_test(whole_numbers_are_digits_within_their_range),
		cmocka_unit_test(only_well_formed_utf8_passes),
		cmocka_unit_test(a_sequence_that_was_cut_off_is_dropped),
		cmocka_unit_test(letters_and_digits_are_those_of_ascii),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
