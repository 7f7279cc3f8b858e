#include "common/hosts.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "common/error.h"

static bool may(const char *list, const char *host)
{
	struct error err;
	int result = hosts_check(str_from(list), str_from(host), &err);

	if (result < 0)
		assert_int_equal(err.code, ERR_WRONG_HOST);
	return result == 0;
}

static void without_a_list_names_of_home_are_good(void **state)
{
	static const char *const good[] = { "localhost",
					    "localhost:8080",
					    "127.0.0.1:8080",
					    "[::1]:8080",
					    "[fe80::1]",
					    "192.168.1.20",
					    "nas",
					    "NAS.local",
					    "box.lan.",
					    "models.home.arpa:443",
					    "x.internal" };
	static const char *const bad[] = { "evil.example",
					   "evil.example:8080",
					   "127.0.0.1.nip.io",
					   "localhost.evil.example",
					   "xlocal.example",
					   "",
					   ":8080",
					   "nas.local.evil.example",
					   "1.2.3",
					   "0x7f.0.0.1" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(may("", good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(may("", bad[i]));
}

static void a_list_adds_to_these(void **state)
{
	(void)state;
	assert_true(may("models.example.org", "MODELS.example.org:8443"));
	assert_true(may("a.example, b.example:8080", "b.example"));
	assert_true(may("*.example.org", "x.y.example.org"));
	assert_false(may("*.example.org", "example.org"));
	assert_false(may("*.example.org", "badexample.org"));
	assert_true(may("models.example.org", "localhost"));
	assert_true(may("models.example.org", "192.168.1.20:8080"));
	assert_false(may("models.example.org", "evil.example"));
	assert_true(may("*", "anything.at.all"));
	assert_false(may("*", ""));
	assert_false(may(",", "x.example"));
}

static void only_this_machine_is_here(void **state)
{
	static const char *const here[] = {
		"",      "127.0.0.1",   "127.9.9.9", "::1", "::ffff:127.0.0.1",
		"unix:", " 127.0.0.1 ", "[::1]"
	};
	static const char *const elsewhere[] = {
		"192.0.2.7", "10.0.0.1",   "172.17.0.1",
		"::2",       "fe80::1",    "::ffff:10.0.0.1",
		"1.127.0.0", "127.0.0.1x", "localhost.evil.example"
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(here); i++)
		assert_int_equal(hosts_check_client(str_from(here[i]), &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(elsewhere); i++) {
		assert_int_equal(hosts_check_client(str_from(elsewhere[i]), &err), -1);
		assert_int_equal(err.code, ERR_NOT_THIS_MACHINE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_this_machine_is_here),
		cmocka_unit_test(without_a_list_names_of_home_are_good),
		cmocka_unit_test(a_list_adds_to_these),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
