#include "fcgi/app.h"
#include "fcgi/routes.h"

void api_models_list(const struct app *app, const struct request *request,
		     struct response *response)
{
	app_call(app, request, "model.list", app_query_params(request, "limit"), 200, response);
}

/* What stands in the body, and in the query. */
static struct json_object *all_params(const struct request *request)
{
	struct json_object *params = app_body_params(request);
	AUTO_JSON query = app_query_params(request, "");

	json_object_object_foreach(query, name, value)
	{
		json_take(params, name, json_object_get(value));
	}
	return params;
}

/* "models/owner/name", its first `n_parts` parts: the folder beneath the models directory, of
 * one to three parts; "~" is its top. */
static struct json_object *with_folder(const struct request *request, size_t n_parts,
				       struct json_object *take_params)
{
	/* An address cannot end with "/.": clients take that away. */
	bool is_top = n_parts == 2 && str_is_equal(str_from(request->parts[1]), S("~"));
	AUTO_CSTR folder = mem_strdup(is_top ? "." : request->parts[1]);

	for (size_t i = 2; i < n_parts; i++) {
		AUTO_CSTR above = MOVE(folder);

		folder = mem_printf("%s/%s", above, request->parts[i]);
	}
	json_add_cstr(take_params, "folder", folder);
	return take_params;
}

void api_models_get(const struct app *app, const struct request *request,
		    struct response *response)
{
	app_call(app, request, "model.get",
		 with_folder(request, request->n_parts, app_query_params(request, "context")),
		 200, response);
}

void api_models_delete(const struct app *app, const struct request *request,
		       struct response *response)
{
	app_call(app, request, "model.delete",
		 with_folder(request, request->n_parts, all_params(request)), 200, response);
}

/* "models/owner/name/verify": the last part is the verb, which the router has checked. */
void api_models_act(const struct app *app, const struct request *request,
		    struct response *response)
{
	size_t n_parts = request->n_parts - 1;
	const char *verb = request->parts[n_parts];
	AUTO_CSTR method = mem_printf("model.%s", verb);
	bool is_job = !str_is_equal(str_from(verb), S("check"));

	app_call(app, request, method, with_folder(request, n_parts, all_params(request)),
		 is_job ? 202 : 200, response);
}

void api_scrub(const struct app *app, const struct request *request, struct response *response)
{
	if (request->method == METHOD_GET)
		app_call(app, request, "scrub.get", app_query_params(request, ""), 200,
			 response);
	else if (request->method == METHOD_POST)
		app_call(app, request, "scrub.start", app_body_params(request), 202, response);
	else
		app_call(app, request, "scrub.stop", all_params(request), 200, response);
}

static struct json_object *entry_params(const struct request *request)
{
	struct json_object *params = all_params(request);

	json_add_cstr(params, "id", request->parts[1]);
	return params;
}

void api_trash_list(const struct app *app, const struct request *request,
		    struct response *response)
{
	app_call(app, request, "trash.list", app_query_params(request, ""), 200, response);
}

void api_trash_restore(const struct app *app, const struct request *request,
		       struct response *response)
{
	app_call(app, request, "trash.restore", entry_params(request), 200, response);
}

void api_trash_empty(const struct app *app, const struct request *request,
		     struct response *response)
{
	app_call(app, request, "trash.empty", entry_params(request), 204, response);
}

void api_scan(const struct app *app, const struct request *request, struct response *response)
{
	app_call(app, request, "library.scan", app_body_params(request), 202, response);
}
