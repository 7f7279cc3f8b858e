#include "downloader/address.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

static bool is_public(const char *text)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };

	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
		return address_is_public((const struct sockaddr *)&v4);
	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return address_is_public((const struct sockaddr *)&v6);
}

static void what_everybody_can_reach_is_public(void **state)
{
	static const char *const rows[] = {
		"1.1.1.1",          "8.8.8.8",         "172.15.255.255", "172.32.0.0",
		"100.63.255.255",   "100.128.0.0",     "11.0.0.0",       "192.167.255.255",
		"223.255.255.255",  "2606:4700::1111", "2a00:1450::1",   "::ffff:8.8.8.8",
		"64:ff9b::808:808", "2002:808:808::1"
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(is_public(rows[i]));
}

static void what_is_somebodys_own_is_not(void **state)
{
	static const char *const rows[] = { "0.0.0.0",
					    "10.0.0.1",
					    "10.255.255.255",
					    "100.64.0.1",
					    "127.0.0.1",
					    "127.255.255.254",
					    "169.254.169.254",
					    "172.16.0.1",
					    "172.31.255.255",
					    "192.0.0.8",
					    "192.168.1.1",
					    "198.18.0.1",
					    "224.0.0.1",
					    "255.255.255.255",
					    "::",
					    "::1",
					    "::127.0.0.1",
					    "::ffff:127.0.0.1",
					    "::ffff:10.1.2.3",
					    "64:ff9b::a00:1",
					    "2002:a00:1::1",
					    "fe80::1",
					    "fec0::1",
					    "fc00::1",
					    "fd12:3456::1",
					    "ff02::1",
					    "2001:db8::1" };
	struct sockaddr_un local = { .sun_family = AF_UNIX };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_false(is_public(rows[i]));
	assert_false(address_is_public((const struct sockaddr *)&local));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_everybody_can_reach_is_public),
		cmocka_unit_test(what_is_somebodys_own_is_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
