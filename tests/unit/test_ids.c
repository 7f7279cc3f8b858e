#include "common/ids.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/error.h"

#define PART_96                                                                                \
	"a123456789b123456789c123456789d123456789e123456789f123456789g123456789h123456789i123" \
	"45678"                                                                                \
	"9j12345"

static_assert(sizeof(PART_96) - 1 == REPO_PART_MAX, "the longest part");

static void repository_names_of_the_hub_pass(void **state)
{
	static const char *const rows[] = {
		"acme/tiny-7b-GGUF",
		"gpt2",
		"a/b",
		"A_1/b.c-d_e",
		"_a/b_",
		"acme/x.gitignore",
		"acme.git/x",
		PART_96 "/" PART_96,
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(repo_id_check(str_from(rows[i]), &err), 0);
}

static void other_repository_names_are_refused_with_the_field(void **state)
{
	static const struct str rows[] = {
		{ "", 0 },
		{ "/", 1 },
		{ "a/", 2 },
		{ "/a", 2 },
		{ "a/b/c", 5 },
		{ "a--b/c", 6 },
		{ "a/b--c", 6 },
		{ "a..b/c", 6 },
		{ "--", 2 },
		{ "../", 3 },
		{ "../x", 4 },
		{ ".", 1 },
		{ "-a/b", 4 },
		{ "a-/b", 4 },
		{ "a/.b", 4 },
		{ "a/b.", 4 },
		{ "a/b.git", 7 },
		{ "a b/c", 5 },
		{ "a/b\0", 4 },
		{ "a\n/b", 4 },
		{ "a:b/c", 5 },
		{ "\xc3\xa9/b", 4 },
		{ "\xff/b", 3 },
		{ PART_96 "x/b", sizeof(PART_96 "x/b") - 1 },
		{ "a/x" PART_96, sizeof("a/x" PART_96) - 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };

		assert_int_equal(repo_id_check(rows[i], &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, "repo");
		assert_true(str_has_prefix(str_from(err.text), S("repo ")));
		assert_true(str_is_utf8(str_from(err.text)));
	}
}

static void revisions_that_git_allows_pass(void **state)
{
	static const char *const rows[] = {
		"main",
		"v1.0",
		"refs/pr/1",
		"refs/convert/parquet",
		"1111111111111111111111111111111111111111",
		"feature/a-b",
		"a@b",
		"x.locked",
		"br\xc3\xa4nch",
		"-x",
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(revision_check(str_from(rows[i]), &err), 0);
}

static void revisions_that_git_refuses_are_refused(void **state)
{
	static const struct str rows[] = {
		{ "", 0 },     { "a b", 3 },  { "a\0b", 3 }, { "a\nb", 3 },   { "a~1", 3 },
		{ "a^", 2 },   { "a:b", 3 },  { "a?", 2 },   { "a*", 2 },     { "a[b", 3 },
		{ "a\\b", 3 }, { "a..b", 4 }, { "..", 2 },   { "../x", 4 },   { "a@{1}", 5 },
		{ "@", 1 },    { ".a", 2 },   { "a/.b", 4 }, { "a.lock", 6 }, { "a.lock/b", 8 },
		{ "a//b", 4 }, { "/a", 2 },   { "a/", 2 },   { "a.", 2 },     { "a\x7f", 2 },
		{ "\xff", 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };

		assert_int_equal(revision_check(rows[i], &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, "revision");
	}
}

static void a_revision_may_have_255_bytes_and_no_more(void **state)
{
	char text[REVISION_MAX + 1];
	struct error err;

	(void)state;
	memset(text, 'r', sizeof(text));
	assert_int_equal(revision_check((struct str){ text, REVISION_MAX }, &err), 0);
	assert_int_equal(revision_check((struct str){ text, REVISION_MAX + 1 }, &err), -1);
}

static void types_have_names_and_names_have_types(void **state)
{
	enum repo_type type = REPO_MODEL;
	struct error err;

	(void)state;
	assert_string_equal(repo_type_name(REPO_MODEL), "model");
	assert_string_equal(repo_type_name(REPO_DATASET), "dataset");
	assert_int_equal(repo_type_from_name(S("dataset"), &type, &err), 0);
	assert_int_equal(type, REPO_DATASET);
	assert_int_equal(repo_type_from_name(S("space"), &type, &err), -1);
	assert_string_equal(err.field, "type");
	assert_int_equal(type, REPO_DATASET);
	assert_int_equal(repo_type_from_name(S("Model"), &type, &err), -1);
}

static void commits_are_forty_lower_case_hex_digits(void **state)
{
	(void)state;
	assert_true(commit_is_valid(S("0123456789abcdef0123456789abcdef01234567")));
	assert_false(commit_is_valid(S("0123456789ABCDEF0123456789abcdef01234567")));
	assert_false(commit_is_valid(S("0123456789abcdef0123456789abcdef0123456")));
	assert_false(commit_is_valid(S("0123456789abcdef0123456789abcdef012345678")));
	assert_false(commit_is_valid(S("0123456789abcdef0123456789abcdef0123456g")));
	assert_true(hex_is_valid(S("00ff"), 4));
	assert_false(hex_is_valid(S("00ff"), 64));
}

static void download_ids_are_twenty_base32_digits(void **state)
{
	(void)state;
	assert_true(download_id_is_valid(S("abcdefghijklmnop2347")));
	assert_false(download_id_is_valid(S("abcdefghijklmnop234")));
	assert_false(download_id_is_valid(S("abcdefghijklmnop23478")));
	assert_false(download_id_is_valid(S("abcdefghijklmnop2348")));
	assert_false(download_id_is_valid(S("ABCDEFGHIJKLMNOP2347")));
	assert_false(download_id_is_valid(S("../../../../../../..")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(repository_names_of_the_hub_pass),
		cmocka_unit_test(other_repository_names_are_refused_with_the_field),
		cmocka_unit_test(revisions_that_git_allows_pass),
		cmocka_unit_test(revisions_that_git_refuses_are_refused),
		cmocka_unit_test(a_revision_may_have_255_bytes_and_no_more),
		cmocka_unit_test(types_have_names_and_names_have_types),
		cmocka_unit_test(commits_are_forty_lower_case_hex_digits),
		cmocka_unit_test(download_ids_are_twenty_base32_digits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
