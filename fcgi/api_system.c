#include "fcgi/app.h"
#include "fcgi/routes.h"

#include <string.h>

#include "common/rpc.h"

enum {
	HEALTH_TIMEOUT_MS = 5000, /* a daemon that takes longer is not well */
};

/* 200 when every part says "ok", else 503; no problem document, so that monitors see the parts.
 */
void api_health(const struct app *app, const struct request *request, struct response *response)
{
	struct json_object *health = json_object_new_object();
	struct json_object *parts = json_object_new_object();
	AUTO_JSON answer = NULL;
	bool is_well = true;
	struct error err;

	(void)request;
	json_add_cstr(parts, "fcgi", "ok");
	if (rpc_call(app->cfg->control_socket, "system.health", NULL, NULL, HEALTH_TIMEOUT_MS,
		     &answer, NULL, &err) < 0) {
		json_add_cstr(parts, "daemon", err.text);
		is_well = false;
	} else {
		json_object_object_foreach(answer, name, value)
		{
			json_take(parts, name, json_object_get(value));
			is_well = is_well && strcmp(json_object_get_string(value), "ok") == 0;
		}
	}
	json_add_cstr(health, "status", is_well ? "ok" : "unwell");
	json_take(health, "parts", parts);
	response_json(response, is_well ? 200 : 503, health);
	if (!is_well)
		response->retry_after_s = HEALTH_TIMEOUT_MS / 1000;
}

void api_changes(const struct app *app, const struct request *request,
		 struct response *response)
{
	app_call(app, request, "event.changes", app_query_params(request, ""), 200, response);
}

void api_audit(const struct app *app, const struct request *request, struct response *response)
{
	app_call(app, request, "audit.list", app_query_params(request, "limit cursor"), 200,
		 response);
}

void api_settings_get(const struct app *app, const struct request *request,
		      struct response *response)
{
	app_call(app, request, "settings.get", app_query_params(request, ""), 200, response);
}

void api_settings_patch(const struct app *app, const struct request *request,
			struct response *response)
{
	app_call(app, request, "settings.patch", app_body_params(request), 200, response);
}
