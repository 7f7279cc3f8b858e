#include "common/relpath.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/error.h"

#define L(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static void paths_that_stay_inside_pass(void **state)
{
	static const char *const rows[] = {
		"a",
		"config.json",
		".gitattributes",
		"UD-IQ1_M/m-00001-of-00002.gguf",
		"a b/c#d%20+e.txt",
		"caf\xc3\xa9/\xe6\xa8\xa1\xe5\x9e\x8b.gguf",
		"...x/y",
		"..a",
		"a..b",
		".cache/other/x",
		".cache/huggingfaces",
		"sub/.larder/x",
		".larders",
		"what?*<>|\"'.txt",
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(relpath_check(str_from(rows[i]), &err), 0);
}

static void paths_that_could_leave_or_confuse_are_refused(void **state)
{
	static const struct str rows[] = {
		L("../x"),
		L("/x"),
		L("//host/share/x"),
		L("C:x"),
		L("C:/x"),
		L("a/D:foo"),
		L("file:stream"),
		L("a\\..\\b"),
		L("\\\\host\\share"),
		L("a\\b"),
		L("a/../b"),
		L("a/.."),
		L(".."),
		L("."),
		L("./a"),
		L("a/./b"),
		L("a//b"),
		L("a/"),
		L("/"),
		{ "", 0 },
		{ "a\0b", 3 },
		{ "a\nb", 3 },
		{ "a\x7f", 2 },
		{ "a\xc2\x85", 3 },
		{ "\xff", 1 },
		{ "\xc0\xae\xc0\xae/x", 6 },
		{ "\xed\xa0\x80", 3 },
		L(".. /x"),
		L("a."),
		L("a. /b"),
		L("a /b"),
		L(".../x"),
		L(".cache"),
		L(".cache/huggingface"),
		L(".cache/huggingface/x"),
		L(".Cache/HuggingFace/x"),
		L(".larder"),
		L(".larder/x"),
		L(".LARDER/x"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };

		assert_int_equal(relpath_check(rows[i], &err), -1);
		assert_int_equal(err.code, ERR_UNSAFE_PATH);
		assert_true(str_is_utf8(str_from(err.text)));
		assert_null(strchr(err.text, '\n'));
		assert_true(str_has_prefix(str_from(err.text), S("path ")));
	}
}

static void the_sentence_quotes_hostile_bytes_escaped(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(relpath_check((struct str){ "a\x1b[2J", 5 }, &err), -1);
	assert_string_equal(err.text, "path \"a\\x1b[2J\" holds a control character");
}

static void a_part_has_a_greatest_length(void **state)
{
	char path[300];
	struct error err;

	(void)state;
	memset(path, 'x', sizeof(path));
	assert_int_equal(relpath_check((struct str){ path, RELPATH_PART_MAX }, &err), 0);
	assert_int_equal(relpath_check((struct str){ path, RELPATH_PART_MAX + 1 }, &err), -1);
	assert_int_equal(relpath_check((struct str){ path, sizeof(path) }, &err), -1);
}

static void length_and_depth_have_limits(void **state)
{
	char path[RELPATH_MAX + 1];
	struct error err;

	(void)state;
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 128 == 127 ? '/' : 'x';
	assert_int_equal(relpath_check((struct str){ path, RELPATH_MAX - 1 }, &err), 0);
	path[RELPATH_MAX - 1] = 'x';
	assert_int_equal(relpath_check((struct str){ path, RELPATH_MAX }, &err), 0);
	assert_int_equal(relpath_check((struct str){ path, RELPATH_MAX + 1 }, &err), -1);
	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = i % 2 == 1 ? '/' : 'x';
	assert_int_equal(relpath_check((struct str){ path, 2 * RELPATH_DEPTH_MAX - 1 }, &err),
			 0);
	assert_int_equal(relpath_check((struct str){ path, 2 * RELPATH_DEPTH_MAX + 1 }, &err),
			 -1);
}

static void the_last_part_is_told_from_what_stands_before(void **state)
{
	(void)state;
	assert_true(str_is_equal(relpath_basename(S("a/b/c.txt")), S("c.txt")));
	assert_true(str_is_equal(relpath_dirname(S("a/b/c.txt")), S("a/b")));
	assert_true(str_is_equal(relpath_basename(S("c.txt")), S("c.txt")));
	assert_true(str_is_equal(relpath_dirname(S("c.txt")), S("")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_that_stay_inside_pass),
		cmocka_unit_test(paths_that_could_leave_or_confuse_are_refused),
		cmocka_unit_test(the_sentence_quotes_hostile_bytes_escaped),
		cmocka_unit_test(a_part_has_a_greatest_length),
		cmocka_unit_test(length_and_depth_have_limits),
		cmocka_unit_test(the_last_part_is_told_from_what_stands_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
