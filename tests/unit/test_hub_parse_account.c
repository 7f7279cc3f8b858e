#include "downloader/hub_parse_account.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/error.h"

static void name_and_role_are_read(void **state)
{
	static const struct {
		const char *body;
		const char *name;
		const char *role;
	} rows[] = {
		{ "{\"type\":\"user\",\"name\":\"jane\",\"auth\":{\"type\":\"access_token\","
		  "\"accessToken\":{\"displayName\":\"x\",\"role\":\"fineGrained\"}}}",
		  "jane", "fineGrained" },
		{ "{\"name\":\"jane\"}", "jane", "" },
		{ "{\"name\":\"jane\",\"auth\":7}", "jane", "" },
		{ "{\"name\":\"a\\nb\",\"auth\":{\"accessToken\":{\"role\":\"\\u001b[31m\"}}}",
		  "a b", " [31m" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hub_account account;
		struct error err;

		assert_int_equal(hub_parse_account(str_from(rows[i].body), &account, &err), 0);
		assert_string_equal(account.name, rows[i].name);
		assert_string_equal(account.role, rows[i].role);
	}
}

static void nobody_is_refused(void **state)
{
	static const char *const rows[] = { "",
					    "[]",
					    "{}",
					    "{\"name\":7}",
					    "{\"name\":\"\"}",
					    "{\"name\":\"a\\u0000b\"}",
					    "null",
					    "<html>" };
	struct hub_account account = { .name = "before" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(hub_parse_account(str_from(rows[i]), &account, &err), -1);
		assert_int_equal(err.code, ERR_HUB_PROTOCOL);
		assert_string_equal(account.name, "before");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name_and_role_are_read),
		cmocka_unit_test(nobody_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
