/*
 * Is an address one of the public network, or of somebody's own? What the Hub redirects to is
 * not asked at addresses of ours that nobody outside could reach by themselves (SSRF).
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_ADDRESS_H
#define DOWNLOADER_ADDRESS_H

#include "common/base.h"

struct sockaddr;

/* False for private, link-local, loopback, shared, reserved and multicast addresses (the
 * registries of RFC 6890), for IPv4 ones of these within IPv6, and for what is no IP address.
 */
bool address_is_public(const struct sockaddr *address);

#endif
