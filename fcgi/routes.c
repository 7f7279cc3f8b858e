#include "fcgi/routes.h"

static const struct route routes[] = {
	{ METHOD_GET, "health", api_health, NEED_NOTHING, COST_LITTLE },
	{ METHOD_GET, "session", api_session_get, NEED_NOTHING, COST_LITTLE },
	{ METHOD_POST, "session", api_session_create, NEED_NOTHING, COST_SIGN_IN },
	{ METHOD_DELETE, "session", api_session_delete, NEED_NOTHING, COST_LITTLE },
	{ METHOD_GET, "changes", api_changes, NEED_VIEWER, COST_LITTLE },
	{ METHOD_GET, "settings", api_settings_get, NEED_VIEWER, COST_LITTLE },
	{ METHOD_PATCH, "settings", api_settings_patch, NEED_ADMIN, COST_LITTLE },
	{ METHOD_POST, "preview", api_preview, NEED_VIEWER, COST_HUB },
	{ METHOD_GET, "downloads", api_downloads_list, NEED_VIEWER, COST_LITTLE },
	{ METHOD_POST, "downloads", api_downloads_create, NEED_OPERATOR, COST_HUB },
	{ METHOD_GET, "downloads/{}", api_downloads_get, NEED_VIEWER, COST_LITTLE },
	{ METHOD_PATCH, "downloads/{}", api_downloads_patch, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_DELETE, "downloads/{}", api_downloads_forget, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_POST, "downloads/{}/pause", api_downloads_move, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_POST, "downloads/{}/resume", api_downloads_move, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_POST, "downloads/{}/cancel", api_downloads_move, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_POST, "downloads/{}/retry", api_downloads_move, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_GET, "hub/search", api_hub_search, NEED_VIEWER, COST_HUB },
	{ METHOD_GET, "models", api_models_list, NEED_VIEWER, COST_LITTLE },
	{ METHOD_GET, "models/{}", api_models_get, NEED_VIEWER, COST_LITTLE },
	{ METHOD_GET, "models/{}/{}", api_models_get, NEED_VIEWER, COST_LITTLE },
	{ METHOD_GET, "models/{}/{}/{}", api_models_get, NEED_VIEWER, COST_LITTLE },
	{ METHOD_DELETE, "models/{}", api_models_delete, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_DELETE, "models/{}/{}", api_models_delete, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_DELETE, "models/{}/{}/{}", api_models_delete, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_POST, "models/{}/verify", api_models_act, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_POST, "models/{}/{}/verify", api_models_act, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_POST, "models/{}/{}/{}/verify", api_models_act, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_POST, "models/{}/repair", api_models_act, NEED_OPERATOR, COST_HUB },
	{ METHOD_POST, "models/{}/{}/repair", api_models_act, NEED_OPERATOR, COST_HUB },
	{ METHOD_POST, "models/{}/{}/{}/repair", api_models_act, NEED_OPERATOR, COST_HUB },
	{ METHOD_POST, "models/{}/check", api_models_act, NEED_OPERATOR, COST_HUB },
	{ METHOD_POST, "models/{}/{}/check", api_models_act, NEED_OPERATOR, COST_HUB },
	{ METHOD_POST, "models/{}/{}/{}/check", api_models_act, NEED_OPERATOR, COST_HUB },
	{ METHOD_POST, "models/{}/update", api_models_act, NEED_OPERATOR, COST_HUB },
	{ METHOD_POST, "models/{}/{}/update", api_models_act, NEED_OPERATOR, COST_HUB },
	{ METHOD_POST, "models/{}/{}/{}/update", api_models_act, NEED_OPERATOR, COST_HUB },
	{ METHOD_GET, "trash", api_trash_list, NEED_VIEWER, COST_LITTLE },
	{ METHOD_POST, "trash/{}/restore", api_trash_restore, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_DELETE, "trash/{}", api_trash_empty, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_POST, "scan", api_scan, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_GET, "scrub", api_scrub, NEED_VIEWER, COST_LITTLE },
	{ METHOD_POST, "scrub", api_scrub, NEED_OPERATOR, COST_LITTLE },
	{ METHOD_DELETE, "scrub", api_scrub, NEED_OPERATOR, COST_LITTLE },
};

const struct route *routes_all(size_t *ret_n)
{
	*ret_n = ARRAY_LEN(routes);
	return routes;
}
