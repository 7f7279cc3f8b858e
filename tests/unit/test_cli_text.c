#include "cli/cli_text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/buf.h"

static void sizes_have_three_digits_and_a_decimal_unit(void **state)
{
	static const struct {
		uint64_t bytes;
		const char *text;
	} rows[] = {
		{ 0, "0 B" },
		{ 999, "999 B" },
		{ 1000, "1.0 kB" },
		{ 1249, "1.2 kB" },
		{ 1250, "1.3 kB" },
		{ 99949, "99.9 kB" },
		{ 99950, "100 kB" },
		{ 999499, "999 kB" },
		{ 999500, "1.0 MB" },
		{ 4400000000, "4.4 GB" },
		{ 123456789012345, "123 TB" },
		{ UINT64_MAX, "18.4 EB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) b = buf_new(100);

		cli_text_add_size(b, rows[i].bytes);
		assert_string_equal(buf_cstr(b), rows[i].text);
	}
}

static void a_part_is_told_in_the_unit_of_the_whole(void **state)
{
	static const struct {
		uint64_t done, total;
		const char *text;
	} rows[] = {
		{ 0, 10, "0 of 10 B" },
		{ 1200000000, 4400000000, "1.2 of 4.4 GB" },
		{ 1000, 4400000000, "0.0 of 4.4 GB" },
		{ 12000000000, 45600000000, "12.0 of 45.6 GB" },
		{ 123000000, 456000000, "123 of 456 MB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) b = buf_new(100);

		cli_text_add_part(b, rows[i].done, rows[i].total);
		assert_string_equal(buf_cstr(b), rows[i].text);
		assert_true(buf_str(b).n <= 15);
	}
}

static void durations_have_two_units_at_most(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} rows[] = {
		{ 0, "0 s" },           { 59, "59 s" },          { 60, "1 m 0 s" },
		{ 200, "3 m 20 s" },    { 3599, "59 m 59 s" },   { 3600, "1 h 0 m" },
		{ 86399, "23 h 59 m" }, { 86400, "1 d 0 h" },    { 8639999, "99 d 23 h" },
		{ 8640000, ">99 d" },   { UINT64_MAX, ">99 d" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) b = buf_new(100);

		cli_text_add_duration(b, rows[i].seconds);
		assert_string_equal(buf_cstr(b), rows[i].text);
		assert_true(buf_str(b).n <= 9);
	}
}

static void counts_are_grouped_and_agree_with_their_noun(void **state)
{
	static const struct {
		uint64_t n;
		const char *text;
	} rows[] = {
		{ 0, "0 files" },
		{ 1, "1 file" },
		{ 999, "999 files" },
		{ 2500, "2,500 files" },
		{ 1002003, "1,002,003 files" },
		{ UINT64_MAX, "18,446,744,073,709,551,615 files" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) b = buf_new(100);

		cli_text_add_count(b, rows[i].n, "file");
		assert_string_equal(buf_cstr(b), rows[i].text);
	}
}

static void foreign_text_cannot_move_the_cursor(void **state)
{
	const struct {
		struct str in;
		const char *out;
	} rows[] = {
		{ S("plain \xc3\xa9 \xe6\x97\xa5"), "plain \xc3\xa9 \xe6\x97\xa5" },
		{ S("a\x1b[2Jb"), "a\\x1b[2Jb" },
		{ S("a\nb\r\tc"), "a\\x0ab\\x0d\\x09c" },
		{ S("\x7f"), "\\x7f" },
		{ S("\xc2\x9b"
		    "2J"),
		  "\\xc2\\x9b"
		  "2J" },
		{ S("a\xe2\x80\xae"
		    "b"),
		  "a\\xe2\\x80\\xae"
		  "b" },
		{ S("\xff\xc3"), "\\xff\\xc3" },
		{ { "a\0b", 3 }, "a\\x00b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) b = buf_new(100);

		cli_text_add_escaped(b, rows[i].in);
		assert_string_equal(buf_cstr(b), rows[i].out);
	}
}

static void width_counts_columns_not_bytes(void **state)
{
	const struct {
		struct str in;
		size_t width;
	} rows[] = {
		{ S(""), 0 },
		{ S("abc"), 3 },
		{ S("\xc3\xa9"), 1 },
		{ S("e\xcc\x81"), 1 },
		{ S("\xe6\x97\xa5\xe6\x9c\xac"), 4 },
		{ S("\xf0\x9f\x98\x80"), 2 },
		{ S("\xe2\x94\x81"), 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(cli_text_width(rows[i].in), rows[i].width);
}

static void what_is_too_long_is_cut_at_the_end_or_in_the_middle(void **state)
{
	static const struct {
		const char *in;
		size_t width;
		enum cli_cut cut;
		bool is_utf8;
		const char *out;
	} rows[] = {
		{ "abcdef", 6, CLI_CUT_END, true, "abcdef" },
		{ "abcdef", 5, CLI_CUT_END, true, "abcd\xe2\x80\xa6" },
		{ "abcdefgh", 6, CLI_CUT_END, false, "abc..." },
		{ "abcdefgh", 5, CLI_CUT_MIDDLE, true, "ab\xe2\x80\xa6gh" },
		{ "abcdefgh", 6, CLI_CUT_MIDDLE, false, "ab...h" },
		{ "abcdefgh", 1, CLI_CUT_MIDDLE, true, "a" },
		{ "abcdefgh", 2, CLI_CUT_END, false, "ab" },
		{ "abcdefgh", 0, CLI_CUT_END, true, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) b = buf_new(100);

		cli_text_add_fit(b, str_from(rows[i].in), rows[i].width, rows[i].cut,
				 rows[i].is_utf8);
		assert_string_equal(buf_cstr(b), rows[i].out);
	}
}

static void a_cut_is_never_too_wide_and_never_breaks_a_character(void **state)
{
	/* One, two and no columns, mixed. */
	const struct str text =
		S("a\xe6\x97\xa5"
		  "e\xcc\x81\xe6\x9c\xac\xe8\xaa\x9ez\xf0\x9f\x98\x80\xf0\x9f\x98\x80q");

	(void)state;
	for (size_t width = 0; width < 20; width++) {
		for (unsigned i = 0; i < 4; i++) {
			AUTO(buf) b = buf_new(200);
			AUTO(buf) column = buf_new(200);
			enum cli_cut cut = i % 2 == 0 ? CLI_CUT_END : CLI_CUT_MIDDLE;

			cli_text_add_fit(b, text, width, cut, i / 2 == 0);
			assert_true(cli_text_width(buf_str(b)) <= width);
			assert_true(str_is_utf8(buf_str(b)));
			cli_text_add_column(column, text, width, CLI_ALIGN_RIGHT, cut,
					    i / 2 == 0);
			assert_int_equal(cli_text_width(buf_str(column)), width);
		}
	}
}

static void times_are_read_as_larderd_writes_them(void **state)
{
	static const struct {
		const char *text;
		int64_t ms; /* -1: refused */
	} rows[] = {
		{ "1970-01-01T00:00:00.000Z", 0 },
		{ "1970-01-01T00:00:01Z", 1000 },
		{ "2000-02-29T12:00:00.500Z", 951825600500 },
		{ "2026-11-22T21:42:17.970Z", 1795383737970 },
		{ "2026-11-22T21:42:17.970", -1 },
		{ "2026-13-22T21:42:17.970Z", -1 },
		{ "2026-11-22 21:42:17.970Z", -1 },
		{ "2026-11-22T21:42:17.9Z", -1 },
		{ "", -1 },
		{ "Z", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int64_t ms = -1;
		int result = cli_text_to_time(str_from(rows[i].text), &ms);

		assert_int_equal(result, rows[i].ms < 0 ? -1 : 0);
		assert_int_equal(ms, rows[i].ms);
	}
}

static void sizes_are_read_with_their_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes; /* UINT64_MAX: refused */
	} rows[] = {
		{ "0", 0 },
		{ "1500", 1500 },
		{ "7B", 7 },
		{ "2MB", 2000000 },
		{ "2mb/s", 2000000 },
		{ "500 kB/s", 500000 },
		{ "500K", 512000 },
		{ "2M", 2 << 20 },
		{ "2MiB", 2 << 20 },
		{ "1.5MB", 1500000 },
		{ "1.5M", 3 << 19 },
		{ "0.125GB", 125000000 },
		{ "1.25", 1 },
		{ "1T", UINT64_C(1) << 40 },
		{ "16777214T", UINT64_C(16777214) << 40 },
		{ "16777216T", UINT64_MAX },
		{ "", UINT64_MAX },
		{ "/s", UINT64_MAX },
		{ "MB", UINT64_MAX },
		{ ".5MB", UINT64_MAX },
		{ "1.MB", UINT64_MAX },
		{ "1.2345MB", UINT64_MAX },
		{ "1.2.3MB", UINT64_MAX },
		{ "-1", UINT64_MAX },
		{ "1e3", UINT64_MAX },
		{ "2Mbit", UINT64_MAX },
		{ "2MB/h", UINT64_MAX },
		{ "2XB", UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t bytes = UINT64_MAX;
		int result = cli_text_to_size(str_from(rows[i].text), &bytes);

		assert_int_equal(result, rows[i].bytes == UINT64_MAX ? -1 : 0);
		assert_int_equal(bytes, rows[i].bytes);
	}
}

static void long_lines_are_folded_below_what_they_go_on_from(void **state)
{
	static const struct {
		const char *text;
		size_t width;
		const char *folded;
	} rows[] = {
		{ "", 10, "" },
		{ "short\n", 10, "short\n" },
		{ "as long as it is", 0, "as long as it is\n" },
		{ "one two three four\nfive\n", 10, "one two\n  three\n  four\nfive\n" },
		{ "  one two three\n", 10, "  one two\n    three\n" },
		{ "disk:   12 GB free of 20\n", 18, "disk:   12 GB free\n        of 20\n" },
		{ "disk:         12 GB free of 20\n", 20, "disk:\n  12 GB free of 20\n" },
		{ "at: /a/very/long/path/indeed\n", 12, "at:\n  /a/very/long/path/indeed\n" },
		{ "    $ https://hub.example/acme/a\n", 20,
		  "    $\n      https://hub.example/acme/a\n" },
		{ "  - a: https://hub.example/acme/a\n", 20,
		  "  - a:\n  https://hub.example/acme/a\n" },
		{ "            \n", 8, "            \n" },
		{ "a b c d e f\n", 1, "a\n  b\n  c\n  d\n  e\n  f\n" },
		{ "averylongwordindeed\n", 10, "averylongwordindeed\n" },
		{ "\xe6\xbc\xa2\xe5\xad\x97 \xe6\xbc\xa2\xe5\xad\x97\n", 8,
		  "\xe6\xbc\xa2\xe5\xad\x97\n  \xe6\xbc\xa2\xe5\xad\x97\n" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) b = buf_new(1024);

		cli_text_add_folded(b, str_from(rows[i].text), rows[i].width);
		assert_string_equal(buf_cstr(b), rows[i].folded);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes_have_three_digits_and_a_decimal_unit),
		cmocka_unit_test(a_part_is_told_in_the_unit_of_the_whole),
		cmocka_unit_test(durations_have_two_units_at_most),
		cmocka_unit_test(counts_are_grouped_and_agree_with_their_noun),
		cmocka_unit_test(foreign_text_cannot_move_the_cursor),
		cmocka_unit_test(width_counts_columns_not_bytes),
		cmocka_unit_test(what_is_too_long_is_cut_at_the_end_or_in_the_middle),
		cmocka_unit_test(a_cut_is_never_too_wide_and_never_breaks_a_character),
		cmocka_unit_test(long_lines_are_folded_below_what_they_go_on_from),
		cmocka_unit_test(times_are_read_as_larderd_writes_them),
		cmocka_unit_test(sizes_are_read_with_their_unit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
