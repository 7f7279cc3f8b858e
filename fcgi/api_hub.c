#include "fcgi/app.h"
#include "fcgi/routes.h"

/* "hub/models/owner/name", or "hub/models/name". */
void api_hub_model(const struct app *app, const struct request *request,
		   struct response *response)
{
	struct json_object *params = app_query_params(request, "");
	AUTO_CSTR repo = request->n_parts > 3
				 ? mem_printf("%s/%s", request->parts[2], request->parts[3])
				 : mem_strdup(request->parts[2]);

	json_add_cstr(params, "repo", repo);
	app_call(app, request, "hub.model", params, 200, response);
}

void api_hub_search(const struct app *app, const struct request *request,
		    struct response *response)
{
	app_call(app, request, "hub.search",
		 app_query_params(request, "limit min_parameters max_parameters"), 200,
		 response);
}
