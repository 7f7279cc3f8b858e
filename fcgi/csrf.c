#include "fcgi/csrf.h"

#include <string.h>

#include <sodium.h>

#include "common/error.h"
#include "common/hosts.h"

/* "https://host:port" is of that host. Which scheme it is the web server knows, not we: whoever
 * holds http of this very host and port holds this server. Some web servers hand on the host
 * without its port (Debian's nginx, by its fastcgi_params): then the names are compared, and
 * that another port is another origin is left to Sec-Fetch-Site. */
static bool is_ours(struct str origin, struct str host)
{
	static const char *const schemes[] = { "https://", "http://" };

	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		struct str scheme = str_from(schemes[i]);

		if (str_has_prefix_nocase(origin, scheme)) {
			origin = str_sub(origin, scheme.n, origin.n);
			return str_is_equal_nocase(origin, host) ||
			       (host.n > 0 &&
				str_is_equal_nocase(hosts_without_port(origin), host));
		}
	}
	return false;
}

int csrf_check_origin(const struct csrf_headers *headers, struct error *err)
{
	struct str site = str_from(headers->fetch_site);
	struct str origin = str_from(headers->origin);

	if (headers->fetch_site != NULL && !str_is_equal(site, S("same-origin")) &&
	    !str_is_equal(site, S("none")))
		return error_set(err, ERR_CROSS_SITE, "a page of another site asks for this");
	if (headers->origin != NULL && !is_ours(origin, str_from(headers->host)))
		return error_set(err, ERR_CROSS_SITE, "a page of another site asks for this");
	return 0;
}

int csrf_check_token(const struct csrf_headers *headers, const char *wanted, struct error *err)
{
	struct str token = str_from(headers->token);
	struct str right = str_from(wanted);

	if (token.n != right.n || sodium_memcmp(token.p, right.p, right.n) != 0)
		return error_set(err, ERR_CSRF,
				 "X-CSRF-Token is not the one that GET /session tells");
	return 0;
}
