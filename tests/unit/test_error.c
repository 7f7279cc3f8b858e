#include "common/error.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

static struct error dirty_error(void)
{
	struct error err;

	memset(&err, 'x', sizeof(err));
	return err;
}

static void setting_fills_the_code_and_text_and_clears_the_rest(void **state)
{
	struct error err = dirty_error();

	(void)state;
	assert_int_equal(error_set(&err, ERR_GATED, "%s: %d", "a", 7), -1);
	assert_int_equal(err.code, ERR_GATED);
	assert_string_equal(err.text, "a: 7");
	assert_string_equal(err.field, "");
	assert_int_equal(err.sys, 0);
	assert_int_equal(err.retry_after_s, 0);
}

static void an_errno_is_told_and_kept(void **state)
{
	struct error err = dirty_error();

	(void)state;
	errno = ENOENT;
	assert_int_equal(error_set_errno(&err, ERR_DISK_ERROR, "a.txt"), -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.text, "a.txt: No such file or directory");
	assert_string_equal(err.field, "");
}

static void a_full_disk_is_told_from_other_errors_of_the_disk(void **state)
{
	static const int full[] = { ENOSPC, EDQUOT };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(full); i++) {
		errno = full[i];
		(void)error_set_errno(&err, ERR_DISK_ERROR, "write");
		assert_int_equal(err.code, ERR_DISK_FULL);
		assert_int_equal(err.sys, full[i]);
	}
}

static void a_field_is_named_and_cut_to_its_room(void **state)
{
	char name[200];
	struct error err = dirty_error();

	(void)state;
	assert_int_equal(error_set_field(&err, "select[2]", "bad %s", "term"), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.field, "select[2]");
	assert_string_equal(err.text, "bad term");
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)error_set_field(&err, name, "x");
	assert_int_equal(strlen(err.field), ERROR_FIELD_MAX - 1);
}

static void long_texts_are_cut_between_characters(void **state)
{
	char text[3 * ERROR_TEXT_MAX + 3];
	struct error err;

	(void)state;
	for (size_t pad = 0; pad < 3; pad++) {
		memset(text, 'a', pad);
		for (size_t i = 0; i < ERROR_TEXT_MAX; i++)
			memcpy(text + pad + 3 * i, "\xe2\x82\xac", 3);
		text[pad + 3 * (size_t)ERROR_TEXT_MAX] = '\0';

		(void)error_set(&err, ERR_NETWORK, "%s", text);
		assert_true(str_is_utf8(str_from(err.text)));
		assert_in_range(strlen(err.text), ERROR_TEXT_MAX - 3, ERROR_TEXT_MAX - 1);
		(void)error_prefix(&err, "b%.*s", (int)pad, "cc");
		assert_true(str_is_utf8(str_from(err.text)));
		assert_in_range(strlen(err.text), ERROR_TEXT_MAX - 3, ERROR_TEXT_MAX - 1);
		errno = EIO;
		(void)error_set_errno(&err, ERR_DISK_ERROR, "%s", text);
		assert_true(str_is_utf8(str_from(err.text)));
		(void)error_set_field(&err, text, "x");
		assert_true(str_is_utf8(str_from(err.field)));
	}
}

static void a_prefix_keeps_everything_but_the_text(void **state)
{
	struct error err;

	(void)state;
	(void)error_set_field(&err, "repo", "too long");
	err.retry_after_s = 9;
	assert_int_equal(error_prefix(&err, "reading %s", "x"), -1);
	assert_string_equal(err.text, "reading x: too long");
	assert_string_equal(err.field, "repo");
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(err.retry_after_s, 9);
}

static void every_code_has_a_name_of_its_own_that_leads_back(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ERR_COUNT; i++) {
		enum error_code code = (enum error_code)i;
		const char *name = error_code_name(code);

		assert_int_equal(error_code_from_name(str_from(name)), code);
		assert_true(strlen(error_code_title(code)) > 0);
		for (const char *c = name; *c != '\0'; c++)
			assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
	}
}

static void unknown_names_and_codes_are_internal(void **state)
{
	enum error_code beyond = ERR_COUNT;

	(void)state;
	assert_int_equal(error_code_from_name(S("nonsense")), ERR_INTERNAL);
	assert_int_equal(error_code_from_name(S("")), ERR_INTERNAL);
	assert_int_equal(error_code_from_name(S("gate")), ERR_INTERNAL);
	assert_string_equal(error_code_name(beyond), "internal");
	assert_string_equal(error_code_title(beyond), error_code_title(ERR_INTERNAL));
	assert_null(error_code_hint(beyond));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(setting_fills_the_code_and_text_and_clears_the_rest),
		cmocka_unit_test(an_errno_is_told_and_kept),
		cmocka_unit_test(a_full_disk_is_told_from_other_errors_of_the_disk),
		cmocka_unit_test(a_field_is_named_and_cut_to_its_room),
		cmocka_unit_test(long_texts_are_cut_between_characters),
		cmocka_unit_test(a_prefix_keeps_everything_but_the_text),
		cmocka_unit_test(every_code_has_a_name_of_its_own_that_leads_back),
		cmocka_unit_test(unknown_names_and_codes_are_internal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
