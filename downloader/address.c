#include "downloader/address.h"

#include <netinet/in.h>
#include <string.h>

struct net4 {
	uint32_t net;
	unsigned bits;
};

/* IANA's special-purpose registry, all that is not globally reachable; and multicast. */
static const struct net4 nets4[] = {
	{ 0x00000000, 8 },  { 0x0a000000, 8 },  { 0x64400000, 10 }, { 0x7f000000, 8 },
	{ 0xa9fe0000, 16 }, { 0xac100000, 12 }, { 0xc0000000, 24 }, { 0xc0000200, 24 },
	{ 0xc0a80000, 16 }, { 0xc6120000, 15 }, { 0xc6336400, 24 }, { 0xcb007100, 24 },
	{ 0xe0000000, 3 },
};

struct net6 {
	unsigned char net[4];
	unsigned bits;
};

static const struct net6 nets6[] = {
	{ { 0xfc }, 7 },                    /* unique local */
	{ { 0xfe, 0x80 }, 10 },             /* link-local */
	{ { 0xfe, 0xc0 }, 10 },             /* site-local, of old */
	{ { 0xff }, 8 },                    /* multicast */
	{ { 0x20, 0x01, 0x0d, 0xb8 }, 32 }, /* documentation */
	{ { 0x01 }, 8 },                    /* discard */
};

static bool is_public4(uint32_t address)
{
	for (size_t i = 0; i < ARRAY_LEN(nets4); i++) {
		uint32_t mask = UINT32_MAX << (32 - nets4[i].bits);

		if ((address & mask) == nets4[i].net)
			return false;
	}
	return true;
}

static uint32_t read4(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

static bool is_in(const unsigned char *bytes, const struct net6 *net)
{
	uint32_t mask = UINT32_MAX << (32 - net->bits);

	return (read4(bytes) & mask) == (read4(net->net) & mask);
}

static bool is_public6(const unsigned char bytes[16])
{
	static const unsigned char zeros[10] = { 0 };
	static const unsigned char nat64[12] = { 0x00, 0x64, 0xff, 0x9b };

	/* ::, ::1, IPv4-compatible and IPv4-mapped */
	if (memcmp(bytes, zeros, 10) == 0)
		return bytes[10] == 0xff && bytes[11] == 0xff && is_public4(read4(bytes + 12));
	if (memcmp(bytes, nat64, 12) == 0)
		return is_public4(read4(bytes + 12));
	if (bytes[0] == 0x20 && bytes[1] == 0x02) /* 6to4 */
		return is_public4(read4(bytes + 2));
	for (size_t i = 0; i < ARRAY_LEN(nets6); i++) {
		if (is_in(bytes, &nets6[i]))
			return false;
	}
	return true;
}

bool address_is_public(const struct sockaddr *address)
{
	if (address->sa_family == AF_INET) {
		struct sockaddr_in v4;

		memcpy(&v4, address, sizeof(v4));
		return is_public4(ntohl(v4.sin_addr.s_addr));
	}
	if (address->sa_family == AF_INET6) {
		struct sockaddr_in6 v6;

		memcpy(&v6, address, sizeof(v6));
		return is_public6(v6.sin6_addr.s6_addr);
	}
	return false;
}
