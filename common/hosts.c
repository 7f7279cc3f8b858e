#include "common/hosts.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "common/error.h"
#include "common/quote.h"

static const char *const home_suffixes[] = { ".local", ".lan", ".home.arpa", ".internal",
					     ".localhost" };

struct str hosts_without_port(struct str host)
{
	size_t bracket = host.n > 0 && host.p[0] == '[' ? str_find_char(host, ']') : host.n;

	if (bracket < host.n) /* an IPv6 address */
		return str_sub(host, 0, bracket + 1);
	return str_sub(host, 0, str_find_char(host, ':'));
}

struct str hosts_name(struct str host)
{
	struct str name = hosts_without_port(host);

	if (name.n > 1 && name.p[0] == '[' && name.p[name.n - 1] == ']')
		return str_sub(name, 1, name.n - 1);
	if (name.n > 0 && name.p[name.n - 1] == '.')
		name.n--;
	return name;
}

/* An address as IPv6 has it: of IPv4, the mapped one. False when it is none. */
static bool read_address(struct str text, unsigned char ret[sizeof(struct in6_addr)])
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	char copy[INET6_ADDRSTRLEN + 1];

	if (text.n >= sizeof(copy))
		return false;
	(void)snprintf(copy, sizeof(copy), "%.*s", (int)text.n, text.p);
	memcpy(ret, mapped, sizeof(mapped));
	return inet_pton(AF_INET, copy, ret + sizeof(mapped)) == 1 ||
	       inet_pton(AF_INET6, copy, ret) == 1;
}

static bool is_address(struct str name)
{
	unsigned char ignored[sizeof(struct in6_addr)];

	return read_address(name, ignored);
}

/* 127.0.0.0/8 and ::1. */
static bool is_loopback(struct str text)
{
	static const unsigned char four[13] = { [10] = 0xff, [11] = 0xff, [12] = 127 };
	static const unsigned char six[16] = { [15] = 1 };
	unsigned char address[sizeof(struct in6_addr)];

	return read_address(text, address) && (memcmp(address, four, sizeof(four)) == 0 ||
					       memcmp(address, six, sizeof(six)) == 0);
}

static bool is_at_home(struct str name)
{
	if (is_address(name) || str_find_char(name, '.') == name.n)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(home_suffixes); i++) {
		if (str_has_suffix_nocase(name, str_from(home_suffixes[i])))
			return true;
	}
	return false;
}

static bool matches(struct str pattern, struct str name)
{
	if (str_is_equal(pattern, S("*")))
		return true;
	if (str_has_prefix(pattern, S("*.")))
		return str_has_suffix_nocase(name, str_sub(pattern, 1, pattern.n));
	return str_is_equal_nocase(hosts_name(pattern), name);
}

int hosts_check_client(struct str address, struct error *err)
{
	address = str_trim(address);
	if (address.n > 0 && address.p[0] == '[')
		address = hosts_name(address);
	if (address.n == 0 || str_has_prefix(address, S("unix")) || is_loopback(address))
		return 0;
	return error_set(err, ERR_NOT_THIS_MACHINE,
			 "nobody signs in here, so only this machine is served, not %s",
			 quote_text(address).text);
}

int hosts_check(struct str list, struct str host, struct error *err)
{
	struct str name = hosts_name(host);
	struct str pattern;

	if (name.n > 0 && is_at_home(name))
		return 0;
	while (name.n > 0 && list.n > 0 && str_next(&list, ',', &pattern)) {
		pattern = str_trim(pattern);
		if (pattern.n > 0 && matches(pattern, name))
			return 0;
	}
	return error_set(err, ERR_WRONG_HOST, "this server is not to be called %s",
			 quote_text(name).text);
}
