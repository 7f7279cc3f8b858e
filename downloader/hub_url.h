/*
 * The Hub's addresses: building them with the right quoting (HUB-API 1.4, 1.5), taking URLs
 * apart, joining a redirect, and the question on which the token's safety rests: is this the
 * very origin of the configured endpoint?
 *
 * Pure. Any thread. Returned strings are freed with free(3).
 */
#ifndef DOWNLOADER_HUB_URL_H
#define DOWNLOADER_HUB_URL_H

#include "common/ids.h"

struct error;

enum {
	HUB_URL_MAX = 16384, /* signed URLs run to a few KiB */
};

/* Checks an endpoint: http or https, a host, optional port and path, no userinfo, query or
 * fragment. Returns it canonical (lower-case scheme and host, default port dropped, no "/" at
 * the end), or NULL with ERR_INVALID and the field "endpoint". An address with "@" is never
 * quoted. */
char *hub_url_endpoint(struct str text, struct error *err);

/* {endpoint}/api/{type}s/{repo}/revision/{rev} */
char *hub_url_revision(const char *endpoint, enum repo_type type, const char *repo,
		       const char *revision);
/* {endpoint}/api/{type}s/{repo}/tree/{rev}?recursive=true&expand=false&limit=1000 */
char *hub_url_tree(const char *endpoint, enum repo_type type, const char *repo,
		   const char *revision);
/* {endpoint}/api/{type}s/{repo}?securityStatus=true */
char *hub_url_facts(const char *endpoint, enum repo_type type, const char *repo);
/* {endpoint}/{prefix}{repo}/blob/{rev}/{path}: the page of a file. */
char *hub_url_blob(const char *endpoint, enum repo_type type, const char *repo,
		   const char *revision, const char *path);
/* {endpoint}/api/{type}s?{name}={value}&...: a search. */
struct hub_url_param {
	const char *name; /* needs no quoting */
	struct str value;
	bool is_quoted; /* it came out of an address like that */
};
char *hub_url_search(const char *endpoint, enum repo_type type,
		     const struct hub_url_param *params, size_t n);
/* {endpoint}/api/whoami-v2 */
char *hub_url_whoami(const char *endpoint);
/* {endpoint}/{prefix}{repo}/resolve/{rev}/{path}, each path segment quoted */
char *hub_url_resolve(const char *endpoint, enum repo_type type, const char *repo,
		      const char *revision, const char *path);
/* {endpoint}/{prefix}{repo}: the page a person visits to accept a licence. */
char *hub_url_page(const char *endpoint, enum repo_type type, const char *repo);

/* `location` of a redirect, absolute or relative (RFC 3986 section 5.2), against the URL that
 * gave it. Fragment dropped. Refused with ERR_HUB_PROTOCOL: another scheme than http(s), a
 * downgrade from https to http, userinfo, control characters, spaces or backslashes, more than
 * HUB_URL_MAX bytes. */
char *hub_url_join(const char *base, struct str location, struct error *err);

/* Exactly the same scheme, host (ignoring case) and port: only then may the token go along. A
 * URL with userinfo is never of the same origin. */
bool hub_url_is_same_origin(const char *url, const char *endpoint);

/* The URL without userinfo, query and fragment, for logs; unusual bytes percent-encoded. */
char *hub_url_for_log(const char *url);

/* "name" or "name:port", as the URL has it, or "" when it is no http(s) address. To free. */
char *hub_url_host(const char *url);

/* A parameter of the query, still quoted; a view into `url`, empty when it is not there. */
struct str hub_url_quoted(const char *url, struct str name);

/* The `Expires= (or AWS `X-Amz-Date` + `X-Amz-Expires`) unix time of a signed URL, or 0 when
 * it names none. */
uint64_t hub_url_expires(const char *url);

#endif
