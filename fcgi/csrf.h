/*
 * What a page of another site must not make a browser do here. A browser says where a request
 * comes from (Sec-Fetch-Site, and Origin with every change); one that says neither is no
 * browser of these years, or no browser. With a session in a cookie, which is sent whoever
 * asks, the page's own token must come too (auth_csrf_token()).
 *
 * Pure. Any thread.
 */
#ifndef FCGI_CSRF_H
#define FCGI_CSRF_H

#include "common/base.h"

struct error;

/* Each may be NULL: not sent. */
struct csrf_headers {
	const char *host;
	const char *origin;
	const char *fetch_site;
	const char *token; /* X-CSRF-Token */
};

/* For a request that changes something: -1 with ERR_CROSS_SITE unless it comes from a page of
 * this server, or from no page. */
int csrf_check_origin(const struct csrf_headers *headers, struct error *err) MUST_USE;

/* -1 with ERR_CSRF unless the token is the one that is wanted. */
int csrf_check_token(const struct csrf_headers *headers, const char *wanted,
		     struct error *err) MUST_USE;

#endif
