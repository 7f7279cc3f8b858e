#include "cli/cli_args.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/buf.h"
#include "common/error.h"

enum {
	ARGS_MAX = 10
};

static const struct cli_command command = {
	.name = "get",
	.words = "REPO...",
	.words_min = 1,
	.words_max = 2,
	.options = CLI_TAKES(SELECT) | CLI_TAKES(PRIORITY) | CLI_TAKES(NO_WAIT),
	.summary = "s",
	.details = "Some details.",
};

/* argv of words separated by "|", the first being the program. */
static size_t cut(char *line, char **argv)
{
	size_t n = 0;

	for (char *at = line; at != NULL && n < ARGS_MAX; n++) {
		char *end = strchr(at, '|');

		argv[n] = at;
		if (end != NULL)
			*end++ = '\0';
		at = end;
	}
	return n;
}

/* The command is the word "get". */
static struct cli_args *parse(const char *line, char **ret_text, struct error *err)
{
	char *argv[ARGS_MAX];
	size_t argc;

	*ret_text = mem_strdup(line);
	argc = cut(*ret_text, argv);
	return cli_args_new(&command, argc, argv, cli_args_find_command(argc, argv), err);
}

static void options_may_stand_anywhere(void **state)
{
	static const char *const rows[] = {
		"larder|get|a|b|--select=x|--select|y|--no-wait",
		"larder|get|--select|x|--no-wait|a|--select=y|b",
		"larder|--select=x|--no-wait|get|--select|y|a|b",
		"larder|--select|x|get|--select=y|--no-wait|--|a|b",
		"larder|--no-wait|--select|x|get|a|--select|y|--|b",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR text = NULL;
		struct error err;
		AUTO(cli_args) args = parse(rows[i], &text, &err);
		const char *const *values;
		size_t n;

		assert_non_null(args);
		values = cli_args_words(args, &n);
		assert_int_equal(n, 2);
		assert_string_equal(values[0], "a");
		assert_string_equal(values[1], "b");
		values = cli_args_values(args, CLI_OPTION_SELECT, &n);
		assert_int_equal(n, 2);
		assert_string_equal(values[0], "x");
		assert_string_equal(values[1], "y");
		assert_string_equal(cli_args_value(args, CLI_OPTION_SELECT), "y");
		assert_true(cli_args_has(args, CLI_OPTION_NO_WAIT));
		assert_false(cli_args_has(args, CLI_OPTION_JSON));
		assert_null(cli_args_value(args, CLI_OPTION_SOCKET));
	}
}

static void after_two_dashes_all_are_words(void **state)
{
	AUTO_CSTR text = NULL;
	struct error err;
	AUTO(cli_args) args = parse("larder|get|--|--select|-x", &text, &err);
	const char *const *words;
	size_t n;

	(void)state;
	assert_non_null(args);
	words = cli_args_words(args, &n);
	assert_int_equal(n, 2);
	assert_string_equal(words[0], "--select");
	assert_string_equal(words[1], "-x");
}

static void mistakes_are_named_in_one_line(void **state)
{
	static const struct {
		const char *line, *text, *field;
	} rows[] = {
		{ "larder|get|a|--selct=x", "unknown option --selct; the nearest is --select",
		  "--selct" },
		{ "larder|get|a|--prio|5", "unknown option --prio; the nearest is --priority",
		  "--prio" },
		{ "larder|get|a|--no-wiat",
		  "unknown option --no-wiat; the nearest is --no-wait", "--no-wiat" },
		{ "larder|get|a|--files", "unknown option --files; --help lists all",
		  "--files" },
		{ "larder|get|a|-\x1b[2J", "unknown option -\\x1b[2J; --help lists all", NULL },
		{ "larder|get|a|--select", "--select needs a value: --select=TERM",
		  "--select" },
		{ "larder|get|a|--select|--json", "--select needs a value: --select=TERM",
		  "--select" },
		{ "larder|get|a|--select=", "--select needs a value: --select=TERM",
		  "--select" },
		{ "larder|get|a|--json=1", "--json takes no value", "--json" },
		{ "larder|get", "get needs REPO...; see larder get --help", "" },
		{ "larder|get|a|b|c", "get takes no \"c\"; see larder get --help", "" },
		{ "larder|get|", "get: an empty word is no REPO...", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR text = NULL;
		struct error err = { .code = ERR_NONE };
		AUTO(cli_args) args = parse(rows[i].line, &text, &err);

		assert_null(args);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.text, rows[i].text);
		if (rows[i].field != NULL)
			assert_string_equal(err.field, rows[i].field);
	}
}

static void help_misses_no_word(void **state)
{
	AUTO_CSTR text = NULL;
	AUTO_CSTR short_text = NULL;
	struct error err;
	AUTO(cli_args) args = parse("larder|get|--help", &text, &err);
	AUTO(cli_args) short_args = parse("larder|-h|get", &short_text, &err);
	AUTO(buf) help = buf_new(10000);

	(void)state;
	assert_true(cli_args_has(args, CLI_OPTION_HELP));
	assert_true(cli_args_has(short_args, CLI_OPTION_HELP));
	cli_args_add_help(help, &command);
	assert_non_null(strstr(buf_cstr(help), "usage: larder get REPO... [OPTION]..."));
	assert_non_null(strstr(buf_cstr(help), "--select=TERM"));
	assert_non_null(strstr(buf_cstr(help), "--json"));
	assert_null(strstr(buf_cstr(help), "--files"));
}

static void numbers_are_whole_and_within_their_bounds(void **state)
{
	static const struct {
		const char *line;
		int result;
		int64_t number;
	} rows[] = {
		{ "larder|get|a", 0, 77 },
		{ "larder|get|a|--priority=5", 0, 5 },
		{ "larder|get|a|--priority|-10", 0, -10 },
		{ "larder|get|a|--priority=11", -1, 99 },
		{ "larder|get|a|--priority=-11", -1, 99 },
		{ "larder|get|a|--priority=1x", -1, 99 },
		{ "larder|get|a|--priority=-", -1, 99 },
		{ "larder|get|a|--priority=99999999999999999999", -1, 99 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR text = NULL;
		struct error err;
		AUTO(cli_args) args = parse(rows[i].line, &text, &err);
		int64_t number = 99;

		assert_non_null(args);
		assert_int_equal(
			cli_args_number(args, CLI_OPTION_PRIORITY, -10, 10, 77, &number, &err),
			rows[i].result);
		assert_int_equal(number, rows[i].number);
		if (rows[i].result < 0)
			assert_string_equal(err.field, "--priority");
	}
}

static void some_options_are_seen_before_the_command_is_known(void **state)
{
	char *argv[] = { (char[]){ "larder" }, (char[]){ "--json" }, (char[]){ "--socket" },
			 (char[]){ "x" },      (char[]){ "nope" },   (char[]){ "--" },
			 (char[]){ "--help" } };

	(void)state;
	assert_int_equal(cli_args_find_command(ARRAY_LEN(argv), argv), 4);
	assert_true(cli_args_is_given(ARRAY_LEN(argv), argv, CLI_OPTION_JSON));
	assert_false(cli_args_is_given(ARRAY_LEN(argv), argv, CLI_OPTION_HELP));
	assert_int_equal(cli_args_find_command(2, argv), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_may_stand_anywhere),
		cmocka_unit_test(after_two_dashes_all_are_words),
		cmocka_unit_test(mistakes_are_named_in_one_line),
		cmocka_unit_test(help_misses_no_word),
		cmocka_unit_test(numbers_are_whole_and_within_their_bounds),
		cmocka_unit_test(some_options_are_seen_before_the_command_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
