#include "fcgi/routes.h"

static const struct route routes[] = {
	{ METHOD_GET, "health", api_health },
	{ METHOD_GET, "session", api_session_get },
	{ METHOD_GET, "changes", api_changes },
	{ METHOD_GET, "settings", api_settings_get },
	{ METHOD_PATCH, "settings", api_settings_patch },
	{ METHOD_POST, "preview", api_preview },
	{ METHOD_GET, "downloads", api_downloads_list },
	{ METHOD_POST, "downloads", api_downloads_create },
	{ METHOD_GET, "downloads/{}", api_downloads_get },
	{ METHOD_PATCH, "downloads/{}", api_downloads_patch },
	{ METHOD_DELETE, "downloads/{}", api_downloads_forget },
	{ METHOD_POST, "downloads/{}/pause", api_downloads_move },
	{ METHOD_POST, "downloads/{}/resume", api_downloads_move },
	{ METHOD_POST, "downloads/{}/cancel", api_downloads_move },
	{ METHOD_POST, "downloads/{}/retry", api_downloads_move },
};

const struct route *routes_all(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(routes);
	return routes;
}
