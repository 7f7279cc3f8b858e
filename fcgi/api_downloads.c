#include "fcgi/app.h"
#include "fcgi/routes.h"

#include <stdio.h>

/* The id of the path as a parameter, beside what is in `take_params`. */
static struct json_object *with_id(const struct request *request,
				   struct json_object *take_params)
{
	json_add_cstr(take_params, "id", request->parts[1]);
	return take_params;
}

void api_preview(const struct app *app, const struct request *request,
		 struct response *response)
{
	app_call(app, request, "preview.make", app_body_params(request), 200, response);
}

void api_paste(const struct app *app, const struct request *request, struct response *response)
{
	app_call(app, request, "paste.read", app_body_params(request), 200, response);
}

void api_downloads_create(const struct app *app, const struct request *request,
			  struct response *response)
{
	app_call(app, request, "download.create", app_body_params(request), 202, response);
}

void api_preview_fit(const struct app *app, const struct request *request,
		     struct response *response)
{
	app_call(app, request, "preview.fit",
		 with_id(request, app_query_params(request, "context")), 200, response);
}

void api_downloads_list(const struct app *app, const struct request *request,
			struct response *response)
{
	app_call(app, request, "download.list", app_query_params(request, "limit"), 200,
		 response);
}

void api_downloads_get(const struct app *app, const struct request *request,
		       struct response *response)
{
	app_call(app, request, "download.get", with_id(request, app_query_params(request, "")),
		 200, response);
}

void api_downloads_patch(const struct app *app, const struct request *request,
			 struct response *response)
{
	app_call(app, request, "download.patch", with_id(request, app_body_params(request)),
		 200, response);
}

void api_downloads_forget(const struct app *app, const struct request *request,
			  struct response *response)
{
	app_call(app, request, "download.forget", with_id(request, app_body_params(request)),
		 204, response);
}

/* "downloads/{}/pause" calls download.pause; the router has checked the last part. */
void api_downloads_move(const struct app *app, const struct request *request,
			struct response *response)
{
	char method[64];

	(void)snprintf(method, sizeof(method), "download.%s", request->parts[2]);
	app_call(app, request, method, with_id(request, app_body_params(request)), 200,
		 response);
}
