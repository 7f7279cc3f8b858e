#include "downloader/home.h"

#include <stdlib.h>

#include "downloader/address.h"

static bool is_set(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && value[0] != '\0';
}

/* As libcurl looks for one: HTTP_PROXY could come from a request's header, so it is not asked
 * for. */
const char *home_proxy_variable(bool is_https)
{
	static const struct {
		const char *name;
		bool is_for_http;
		bool is_for_https;
	} rows[] = {
		{ "http_proxy", true, false },  { "https_proxy", false, true },
		{ "HTTPS_PROXY", false, true }, { "all_proxy", true, true },
		{ "ALL_PROXY", true, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if ((is_https ? rows[i].is_for_https : rows[i].is_for_http) &&
		    is_set(rows[i].name))
			return rows[i].name;
	}
	return NULL;
}

void home_init(struct home *home)
{
	home->has_proxy =
		home_proxy_variable(false) != NULL || home_proxy_variable(true) != NULL;
	atomic_store(&home->is_private, false);
}

bool home_may_connect(struct home *home, const struct sockaddr *address, bool is_foreign)
{
	if (home->has_proxy || address_is_public(address))
		return true;
	if (!is_foreign)
		atomic_store(&home->is_private, true);
	return atomic_load(&home->is_private);
}
