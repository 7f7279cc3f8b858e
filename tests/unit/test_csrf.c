#include "fcgi/csrf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/error.h"

static void only_our_own_page_may_change_something(void **state)
{
	static const struct {
		struct csrf_headers headers;
		bool is_good;
	} rows[] = {
		{ { .host = "nas:8080" }, true }, /* curl */
		{ { .host = "nas:8080", .origin = "http://nas:8080" }, true },
		{ { .host = "NAS", .origin = "HTTPS://nas", .fetch_site = "same-origin" },
		  true },
		{ { .host = "nas", .fetch_site = "none" }, true },
		{ { .host = "nas", .fetch_site = "same-site" }, false },
		{ { .host = "nas", .fetch_site = "cross-site" }, false },
		{ { .host = "nas", .fetch_site = "" }, false },
		{ { .host = "nas", .fetch_site = "Same-Origin" }, false },
		{ { .host = "nas", .origin = "null" }, false },
		{ { .host = "nas", .origin = "" }, false },
		/* The web server keeps the port to itself: */
		{ { .host = "nas", .origin = "http://nas:81" }, true },
		{ { .host = "nas", .origin = "http://nas:81", .fetch_site = "same-site" },
		  false },
		{ { .host = "[::1]", .origin = "http://[::1]:81" }, true },
		{ { .host = "nas:80", .origin = "http://nas:81" }, false },
		{ { .host = "", .origin = "http://:81" }, false },
		{ { .host = "nas", .origin = "http://nas.evil.example" }, false },
		{ { .host = "nas",
		    .origin = "http://evil.example",
		    .fetch_site = "same-origin" },
		  false },
		{ { .host = "nas", .origin = "file://nas" }, false },
		{ { .host = "nas", .origin = "http://nas, http://nas" }, false },
		{ { .host = NULL, .origin = "http://nas" }, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };
		int result = csrf_check_origin(&rows[i].headers, &err);

		assert_int_equal(result, rows[i].is_good ? 0 : -1);
		assert_int_equal(err.code, rows[i].is_good ? ERR_NONE : ERR_CROSS_SITE);
	}
}

static void the_page_must_know_its_token(void **state)
{
	static const char *const bad[] = { NULL, "", "tok", "tokem", "token ", "TOKEN" };
	struct csrf_headers headers = { .token = "token" };
	struct error err;

	(void)state;
	assert_int_equal(csrf_check_token(&headers, "token", &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		headers.token = bad[i];
		assert_int_equal(csrf_check_token(&headers, "token", &err), -1);
		assert_int_equal(err.code, ERR_CSRF);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_our_own_page_may_change_something),
		cmocka_unit_test(the_page_must_know_its_token),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
