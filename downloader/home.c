#include "downloader/home.h"

#include <stdlib.h>

#include "downloader/address.h"

/* As libcurl looks for one. */
static bool has_proxy(void)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY",
					     "all_proxy", "ALL_PROXY" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *value = getenv(names[i]);

		if (value != NULL && value[0] != '\0')
			return true;
	}
	return false;
}

void home_init(struct home *home)
{
	home->has_proxy = has_proxy();
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
