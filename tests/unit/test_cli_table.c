#include "cli/cli_table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/buf.h"

static const struct cli_table_column columns[] = {
	{ .title = "ID" },
	{ .title = "REPO", .width_min = 7, .cut = CLI_CUT_MIDDLE },
	{ .title = "SIZE", .align = CLI_ALIGN_RIGHT, .spare = 1 },
	{ .title = "NOTE", .width_min = 4, .spare = 2 },
};

static const char *const cells[] = {
	"ab12", "acme/tiny-7b", "4.7 MB", "",
	"cd34", "acme/x",       "123 B",  "a note of some length",
};

static void assert_renders(const char *const *with, size_t n, size_t width, bool is_utf8,
			   const char *expected)
{
	AUTO(cli_table) table = cli_table_new(columns, ARRAY_LEN(columns));
	AUTO(buf) out = buf_new(10000);

	for (size_t i = 0; i < n; i++)
		cli_table_add(table, str_from(with[i]));
	cli_table_render(table, width, is_utf8, out);
	assert_string_equal(buf_cstr(out), expected);
}

static void without_a_width_columns_are_as_wide_as_their_cells(void **state)
{
	(void)state;
	assert_renders(cells, ARRAY_LEN(cells), 0, true,
		       "ID    REPO            SIZE  NOTE\n"
		       "ab12  acme/tiny-7b  4.7 MB\n"
		       "cd34  acme/x         123 B  a note of some length\n");
}

static void the_widest_columns_are_cut_first(void **state)
{
	(void)state;
	assert_renders(cells, ARRAY_LEN(cells), 36, true,
		       "ID    REPO          SIZE  NOTE\n"
		       "ab12  acme/\xe2\x80\xa6y-7b  4.7 MB\n"
		       "cd34  acme/x       123 B  a note of\xe2\x80\xa6\n");
}

static void then_columns_are_left_out(void **state)
{
	(void)state;
	assert_renders(cells, ARRAY_LEN(cells), 24, true,
		       "ID    REPO          SIZE\n"
		       "ab12  acme/\xe2\x80\xa6y-7b  4.7 MB\n"
		       "cd34  acme/x       123 B\n");
}

static void a_line_is_cut_when_nothing_else_helps(void **state)
{
	(void)state;
	assert_renders(cells, ARRAY_LEN(cells), 8, false,
		       "ID   ...\n"
		       "ab12 ...\n"
		       "cd34 ...\n");
}

static void a_column_without_cells_is_not_shown(void **state)
{
	(void)state;
	assert_renders(cells, 4, 0, true,
		       "ID    REPO            SIZE\n"
		       "ab12  acme/tiny-7b  4.7 MB\n");
}

static void cells_are_escaped(void **state)
{
	static const char *const hostile[] = { "a\nb", "\x1b[31mred", "1 B", "" };

	(void)state;
	assert_renders(hostile, ARRAY_LEN(hostile), 0, true,
		       "ID      REPO         SIZE\n"
		       "a\\x0ab  \\x1b[31mred   1 B\n");
}

static void no_line_is_wider_than_asked_for(void **state)
{
	(void)state;
	for (size_t width = 1; width < 60; width++) {
		AUTO(cli_table) table = cli_table_new(columns, ARRAY_LEN(columns));
		AUTO(buf) out = buf_new(10000);
		struct str rest;
		struct str line;

		for (size_t i = 0; i < ARRAY_LEN(cells); i++)
			cli_table_add(table, str_from(cells[i]));
		cli_table_render(table, width, width % 2 == 0, out);
		rest = buf_str(out);
		while (str_next(&rest, '\n', &line))
			assert_true(cli_text_width(line) <= width);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_width_columns_are_as_wide_as_their_cells),
		cmocka_unit_test(the_widest_columns_are_cut_first),
		cmocka_unit_test(then_columns_are_left_out),
		cmocka_unit_test(a_line_is_cut_when_nothing_else_helps),
		cmocka_unit_test(a_column_without_cells_is_not_shown),
		cmocka_unit_test(cells_are_escaped),
		cmocka_unit_test(no_line_is_wider_than_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
