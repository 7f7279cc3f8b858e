#include "common/problem.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include <sodium.h>

#include "common/error.h"
#include "common/ids.h"
#include "common/json.h"

static void a_decent_id_is_kept_and_any_other_replaced(void **state)
{
	static const struct {
		const char *given;
		bool is_kept;
	} rows[] = {
		{ "abcdefgh", true },
		{ "5f2c-4D1b", true },
		{ "0123456789012345678901234567890123456789012345678901234567890123", true },
		{ "01234567890123456789012345678901234567890123456789012345678901234", false },
		{ "abcdefg", false },
		{ "0123abc\n", false },
		{ "0123 abcd", false },
		{ "<script>", false },
		{ "abcdefg\"", false },
		{ "", false },
		{ NULL, false },
	};
	char id[REQUEST_ID_MAX + 1];
	char last[REQUEST_ID_MAX + 1] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		request_id_take(id, rows[i].given);
		if (rows[i].is_kept) {
			assert_string_equal(id, rows[i].given);
			continue;
		}
		assert_true(hex_is_valid(str_from(id), 16));
		assert_string_not_equal(id, last);
		memcpy(last, id, sizeof(last));
	}
}

static void what_there_is_to_say_is_said(void **state)
{
	struct error err;
	AUTO_JSON plain = NULL;
	AUTO_JSON full = NULL;

	(void)state;
	(void)error_set(&err, ERR_TOO_LARGE, "a \"big\" one");
	plain = problem_document(&err, 413, "abcdefgh");
	assert_string_equal(json_text(plain).p,
			    "{\"type\":\"urn:larder:problem:too_large\",\"title\":"
			    "\"The request is too large\",\"status\":413,\"detail\":"
			    "\"a \\\"big\\\" one\",\"code\":\"too_large\",\"request_id\":"
			    "\"abcdefgh\"}");
	(void)error_set_field(&err, "limit", "why");
	err.code = ERR_CSRF;
	full = problem_document(&err, 403, "abcdefgh");
	assert_true(str_is_equal(json_get_str(full, "field"), S("limit")));
	assert_true(str_is_equal(json_get_str(full, "hint"), S("load the page again")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_decent_id_is_kept_and_any_other_replaced),
		cmocka_unit_test(what_there_is_to_say_is_said),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
