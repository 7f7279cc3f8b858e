#include "fcgi/app.h"
#include "fcgi/routes.h"

#include <string.h>

#include "common/metrics.h"
#include "common/rpc.h"
#include "common/schema.h"

enum {
	METRICS_MAX = 1024 * 1024,
	HEALTH_TIMEOUT_MS = 5000, /* a daemon that takes longer is not well */
};

/* 200 when every part says "ok", else 503; no problem document, so that monitors see the parts.
 * /health is whether all can be done that is asked; /health/live only whether both programs
 * answer, so that nobody begins them anew because a disk is full. */
void api_health(const struct app *app, const struct request *request, struct response *response)
{
	const char *method = request->n_parts == 1 ? "system.health" : "system.live";
	struct json_object *health = json_object_new_object();
	struct json_object *parts = json_object_new_object();
	AUTO_JSON answer = NULL;
	bool is_well = true;
	struct error err;

	json_add_cstr(parts, "fcgi", "ok");
	if (rpc_call(app->cfg->control_socket, method, NULL, NULL, HEALTH_TIMEOUT_MS, &answer,
		     NULL, &err) < 0) {
		json_add_cstr(parts, "daemon", err.text);
		is_well = false;
	} else {
		json_add_cstr(parts, "daemon", "ok");
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

static bool add_larderds(const struct app *app, const struct request *request, struct buf *b)
{
	const struct rpc_caller caller = app_caller(request);
	AUTO_JSON answer = NULL;
	struct error ignored;

	if (rpc_call(app->cfg->control_socket, "system.metrics", NULL, &caller,
		     HEALTH_TIMEOUT_MS, &answer, NULL, &ignored) < 0)
		return false;
	buf_add(b, json_get_str(answer, "text"));
	return true;
}

/* larderd's metrics, and our own. Without larderd ours alone: that it is away is one of them.
 */
void api_metrics(const struct app *app, const struct request *request,
		 struct response *response)
{
	AUTO_JSON params = app_query_params(request, "");
	AUTO(buf) b = buf_new(METRICS_MAX);
	struct error err;

	if (schema_check(S("system.metrics"), params, &err) < 0) {
		app_refuse(request, &err, response);
		return;
	}
	metrics_one(b, "larder_up", "gauge", "1: larderd answers.",
		    add_larderds(app, request, b) ? 1 : 0);
	measures_print(app->measures, b);
	response_text(response, 200, METRICS_TYPE, buf_take(b));
}

void api_backup(const struct app *app, const struct request *request, struct response *response)
{
	app_call(app, request, "backup.make", app_body_params(request), 201, response);
}

void api_doctor(const struct app *app, const struct request *request, struct response *response)
{
	app_call(app, request, "doctor.examine", app_body_params(request), 200, response);
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
