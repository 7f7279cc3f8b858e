/*
 * Whether somebody else's word (a redirect of the Hub, a link in its listing) may lead to a
 * private address: only where our own word, the configured endpoint, has led to one too. Behind
 * a proxy what is connected to is the proxy, and nobody can tell.
 *
 * Any thread.
 */
#ifndef DOWNLOADER_HOME_H
#define DOWNLOADER_HOME_H

#include <stdatomic.h>

#include "common/base.h"

struct sockaddr;

struct home {
	bool has_proxy;
	_Atomic bool is_private; /* the endpoint is at a private address */
};

void home_init(struct home *home);

/* May this address be connected to? `is_foreign`: it is somebody else's word. */
bool home_may_connect(struct home *home, const struct sockaddr *address, bool is_foreign);

/* The variable by which libcurl finds a proxy for http addresses, or for https ones, or NULL:
 * none is set. What NO_PROXY names is reached without. */
const char *home_proxy_variable(bool is_https);

#endif
