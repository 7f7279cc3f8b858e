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
	if (rpc_call(app->cfg->control_socket, "system.health", NULL, HEALTH_TIMEOUT_MS,
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

void api_session_get(const struct app *app, const struct request *request,
		     struct response *response)
{
	struct json_object *session = json_object_new_object();
	struct identity who = { .kind = AUTH_ANYBODY };
	struct error err;
	bool is_in = guard_identify(app->guard, &request->auth, &who, &err) == 0;

	json_add_cstr(session, "auth", auth_mode_name((enum auth_mode)app->cfg->auth));
	json_add_cstr(session, "user", who.name[0] != '\0' ? who.name : NULL);
	json_add_cstr(session, "role", is_in ? role_name(who.role) : NULL);
	json_add_cstr(session, "csrf_token", NULL);
	json_add_cstr(session, "version", LARDER_VERSION);
	response_json(response, 200, session);
}

void api_changes(const struct app *app, const struct request *request,
		 struct response *response)
{
	app_call(app, request, "event.changes", app_query_params(request, ""), 200, response);
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
