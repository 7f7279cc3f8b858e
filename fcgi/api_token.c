#include "fcgi/app.h"
#include "fcgi/routes.h"

void api_token(const struct app *app, const struct request *request, struct response *response)
{
	const char *method = "token.get";

	if (request->method == METHOD_PUT)
		method = "token.set";
	else if (request->method == METHOD_DELETE)
		method = "token.forget";
	app_call(app, request, method, app_body_params(request), 200, response);
}
