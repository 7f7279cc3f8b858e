#include "downloader/selection.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"

enum {
	TERMS_MAX = 3,
};

/* A repository as publishers lay them out. The letters name the files in the rows below. */
static const char *const repo[] = {
	"config.json",                    /* a */
	"README.md",                      /* b */
	"m-Q4_K_M.gguf",                  /* c */
	"m-UD-Q4_K_M.gguf",               /* d */
	"m-Q6_K.gguf",                    /* e */
	"m-Q6_K_L.gguf",                  /* f */
	"mmproj-F16.gguf",                /* g */
	"m-F16.gguf",                     /* h */
	"UD-IQ1_M/m-00001-of-00002.gguf", /* i */
	"UD-IQ1_M/m-00002-of-00002.gguf", /* j */
	"m.imatrix",                      /* k */
	"tokenizer.json",                 /* l */
	"m-Q4_K.gguf",                    /* m */
	"q6_k",                           /* n */
};

struct row {
	const char *select[TERMS_MAX];
	const char *exclude[TERMS_MAX];
	const char *letters;
};

static size_t views(const char *const *texts, struct str *ret)
{
	size_t n = 0;

	while (n < TERMS_MAX && texts[n] != NULL) {
		ret[n] = str_from(texts[n]);
		n++;
	}
	return n;
}

static int apply(const struct row *row, bool *ret_selected, struct error *err)
{
	struct str select[TERMS_MAX];
	struct str exclude[TERMS_MAX];
	struct str paths[ARRAY_LEN(repo)];
	size_t n_select = views(row->select, select);
	size_t n_exclude = views(row->exclude, exclude);
	AUTO(selection) s = selection_new(select, n_select, exclude, n_exclude, err);

	if (s == NULL)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(repo); i++)
		paths[i] = str_from(repo[i]);
	return selection_apply(s, paths, ARRAY_LEN(repo), ret_selected, err);
}

static void check(const struct row *row)
{
	bool selected[ARRAY_LEN(repo)] = { false };
	char letters[ARRAY_LEN(repo) + 1] = "";
	size_t n = 0;
	struct error err = { .text = "" };

	assert_int_equal(apply(row, selected, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(repo); i++) {
		if (selected[i])
			letters[n++] = (char)('a' + (int)i);
	}
	assert_string_equal(letters, row->letters);
}

static void no_term_selects_all(void **state)
{
	(void)state;
	check(&(struct row){ .letters = "abcdefghijklmn" });
}

static void a_label_selects_exactly_its_weights(void **state)
{
	static const struct row rows[] = {
		{ .select = { "Q4_K_M" }, .letters = "c" },
		{ .select = { "q4_k_m" }, .letters = "c" },
		{ .select = { "UD-Q4_K_M" }, .letters = "d" },
		{ .select = { "Q4_K" }, .letters = "m" },
		{ .select = { "Q6_K" }, .letters = "e" },
		{ .select = { "Q6_K_L" }, .letters = "f" },
		{ .select = { "F16" }, .letters = "h" },
		{ .select = { "UD-IQ1_M" }, .letters = "ij" },
		{ .select = { "Q4_K_M", "Q6_K" }, .letters = "ce" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

static void a_whole_path_comes_before_other_readings(void **state)
{
	static const struct row rows[] = {
		{ .select = { "q6_k" }, .letters = "n" },
		{ .select = { "config.json" }, .letters = "a" },
		{ .select = { "m-Q6_K.gguf" }, .letters = "e" },
		{ .select = { "UD-IQ1_M/m-00002-of-00002.gguf" }, .letters = "ij" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

static void globs_cross_folders_and_ignore_case(void **state)
{
	static const struct row rows[] = {
		{ .select = { "*.GGUF" }, .letters = "cdefghijm" },
		{ .select = { "m-q6*" }, .letters = "ef" },
		{ .select = { "UD-IQ1_M/" }, .letters = "ij" },
		{ .select = { "?onfig.json" }, .letters = "a" },
		{ .select = { "m-*" }, .exclude = { "m-?[46]*" }, .letters = "dh" },
	};

	(void)state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

static void regular_expressions_are_searched_for_anywhere(void **state)
{
	static const struct row rows[] = {
		{ .select = { "/q6_k(_l)?\\.gguf$/" }, .letters = "ef" },
		{ .select = { "/^m-(?!UD)/" }, .letters = "cefhm" },
		{ .select = { "/00002-of/" }, .letters = "ij" },
		{ .select = { "/D-IQ1_M/" }, .letters = "ij" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

static void other_terms_are_substrings(void **state)
{
	static const struct row rows[] = {
		{ .select = { "MMPROJ" }, .letters = "g" },
		{ .select = { "Q4" }, .letters = "cdm" },
		{ .select = { "/m-0" }, .letters = "ij" },
		{ .select = { ".json" }, .letters = "al" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

static void exclude_wins_and_may_match_nothing(void **state)
{
	static const struct row rows[] = {
		{ .select = { "*.gguf" },
		  .exclude = { "Q4_K_M", "mmproj" },
		  .letters = "defhijm" },
		{ .exclude = { "nothing at all" }, .letters = "abcdefghijklmn" },
		{ .exclude = { "*.gguf" }, .letters = "abkln" },
		{ .select = { "Q4_K_M" }, .exclude = { "*" }, .letters = "" },
		{ .exclude = { "F16" }, .letters = "abcdefgijklmn" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

static void parts_of_a_set_go_together(void **state)
{
	static const struct row rows[] = {
		{ .select = { "00001-of-00002" }, .letters = "ij" },
		{ .exclude = { "00002-of-00002" }, .letters = "abcdefghklmn" },
		{ .select = { "00001-of-00002" },
		  .exclude = { "*m-00002-of-00002.gguf" },
		  .letters = "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i]);
}

static void a_select_term_that_matches_nothing_is_an_error(void **state)
{
	static const struct {
		struct row row;
		const char *field;
		const char *text;
	} rows[] = {
		{ { .select = { "Q5_K_M" } },
		  "select[0]",
		  "term \"Q5_K_M\" matches no file; there are F16, Q6_K, UD-Q4_K_M, Q4_K_M, "
		  "UD-IQ1_M" },
		{ { .select = { "Q4_K_M", "*.bin" } },
		  "select[1]",
		  "term \"*.bin\" matches no file" },
		{ { .select = { "/nope$/" } },
		  "select[0]",
		  "term \"/nope$/\" matches no file" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool selected[ARRAY_LEN(repo)] = { true };
		struct error err = { .code = ERR_NONE };

		assert_int_equal(apply(&rows[i].row, selected, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, rows[i].field);
		assert_string_equal(err.text, rows[i].text);
		assert_true(selected[0]);
	}
}

static void a_bad_term_is_named_with_the_position(void **state)
{
	static const struct {
		struct row row;
		const char *field;
		const char *text;
	} rows[] = {
		{ { .select = { "a", "/(/" } },
		  "select[1]",
		  "term \"/(/\" is not a regular expression: missing closing parenthesis, at "
		  "character 2" },
		{ { .exclude = { "/a\\C/" } },
		  "exclude[0]",
		  "term \"/a\\\\C/\" is not a regular expression: using \\C is disabled by "
		  "the "
		  "application, at character 4" },
		{ { .exclude = { "a", "b", "" } }, "exclude[2]", "term \"\" is empty" },
		{ { .select = { "//" } },
		  "select[0]",
		  "term \"//\" is an empty regular expression" },
		{ { .select = { "a\nb" } },
		  "select[0]",
		  "term \"a\\x0ab\" holds a control character, at character 2" },
		{ { .select = { "\xff" } }, "select[0]", "term \"\\xff\" is not UTF-8" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool selected[ARRAY_LEN(repo)];
		struct error err = { .code = ERR_NONE };

		assert_int_equal(apply(&rows[i].row, selected, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, rows[i].field);
		assert_string_equal(err.text, rows[i].text);
	}
}

static void terms_have_limits(void **state)
{
	struct str terms[SELECTION_TERMS_MAX + 1];
	char *text = mem_alloc(SELECTION_TERM_MAX + 1);
	struct str one = { text, SELECTION_TERM_MAX };
	struct selection *s;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(terms); i++)
		terms[i] = S("x");
	s = selection_new(terms, SELECTION_TERMS_MAX, NULL, 0, &err);
	assert_non_null(s);
	selection_free(&s);
	assert_null(selection_new(terms, SELECTION_TERMS_MAX, terms, 1, &err));
	assert_null(selection_new(NULL, 0, terms, SELECTION_TERMS_MAX + 1, &err));
	memset(text, 'x', SELECTION_TERM_MAX + 1);
	s = selection_new(&one, 1, NULL, 0, &err);
	assert_non_null(s);
	selection_free(&s);
	one.n++;
	assert_null(selection_new(&one, 1, NULL, 0, &err));
	assert_string_equal(err.field, "select[0]");
	one.n--;
	for (size_t i = 0; i <= SELECTION_BYTES_MAX / SELECTION_TERM_MAX; i++)
		terms[i] = one;
	s = selection_new(terms, 8, terms, SELECTION_BYTES_MAX / SELECTION_TERM_MAX - 8, &err);
	assert_non_null(s);
	selection_free(&s);
	assert_null(selection_new(terms, 8, terms, SELECTION_BYTES_MAX / SELECTION_TERM_MAX - 7,
				  &err));
	assert_string_equal(err.field, "select");
	free(text);
}

static void a_hostile_regular_expression_runs_into_its_limits(void **state)
{
	static const char *const patterns[] = { "/(a+)+$/", "/^(a|a?)+$/", "/(?:(?:a*)*)*b/",
						"/^(?:(a)|(?R))+$/" };
	char path[129];
	struct str paths[1] = { { path, 128 } };

	(void)state;
	memset(path, 'a', sizeof(path));
	path[127] = '!';
	for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
		struct str term = str_from(patterns[i]);
		struct error err = { .code = ERR_NONE };
		bool selected;
		AUTO(selection) s = selection_new(&term, 1, NULL, 0, &err);

		assert_non_null(s);
		assert_int_equal(selection_apply(s, paths, 1, &selected, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, "select[0]");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_term_selects_all),
		cmocka_unit_test(a_label_selects_exactly_its_weights),
		cmocka_unit_test(a_whole_path_comes_before_other_readings),
		cmocka_unit_test(globs_cross_folders_and_ignore_case),
		cmocka_unit_test(regular_expressions_are_searched_for_anywhere),
		cmocka_unit_test(other_terms_are_substrings),
		cmocka_unit_test(exclude_wins_and_may_match_nothing),
		cmocka_unit_test(parts_of_a_set_go_together),
		cmocka_unit_test(a_select_term_that_matches_nothing_is_an_error),
		cmocka_unit_test(a_bad_term_is_named_with_the_position),
		cmocka_unit_test(terms_have_limits),
		cmocka_unit_test(a_hostile_regular_expression_runs_into_its_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
