#include "fcgi/app.h"
#include "fcgi/routes.h"

void api_hub_search(const struct app *app, const struct request *request,
		    struct response *response)
{
	app_call(app, request, "hub.search",
		 app_query_params(request, "limit min_parameters max_parameters"), 200,
		 response);
}
