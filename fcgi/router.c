#include "fcgi/router.h"

#include <stdio.h>
#include <string.h>

static bool is_match(const char *pattern, const struct request *request)
{
	struct str rest = str_from(pattern);
	struct str part;
	size_t i = 0;

	while (str_next(&rest, '/', &part)) {
		if (i == request->n_parts)
			return false;
		if (!str_is_equal(part, S("{}")) &&
		    !str_is_equal(part, str_from(request->parts[i])))
			return false;
		i++;
	}
	return i == request->n_parts;
}

const struct route *router_find(const struct route *routes, size_t n,
				const struct request *request, char *ret_allow,
				size_t allow_size)
{
	size_t used = 0;

	ret_allow[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		if (!is_match(routes[i].pattern, request))
			continue;
		if (routes[i].method == request->method)
			return &routes[i];
		used += (size_t)snprintf(ret_allow + used, allow_size - used, "%s%s",
					 used > 0 ? ", " : "", method_name(routes[i].method));
		if (used >= allow_size)
			break;
	}
	return NULL;
}
