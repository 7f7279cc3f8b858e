#include "fcgi/app.h"

#include <string.h>

#include "common/log.h"
#include "common/rpc.h"
#include "common/schema.h"
#include "fcgi/routes.h"

static void refuse(const struct request *request, const struct error *err,
		   struct json_object *extra, struct response *response)
{
	response_problem(response, err, request->id, extra);
	log_info("%s %s: %d %s: %s [%s]", method_name(request->method),
		 request->shown_path != NULL ? request->shown_path : "?", response->status,
		 error_code_name(err->code), err->text, request->id);
}

void app_call(const struct app *app, const struct request *request, const char *method,
	      struct json_object *take_params, int status, struct response *response)
{
	AUTO_JSON params = take_params;
	AUTO_JSON result = NULL;
	AUTO_JSON extra = NULL;
	struct error err;

	if (schema_check(str_from(method), params, &err) < 0 ||
	    rpc_call(app->cfg->control_socket, method, params, RPC_TIMEOUT_MS, &result, &extra,
		     &err) < 0)
		refuse(request, &err, extra, response);
	else if (status == 204)
		response_empty(response, status);
	else
		response_json(response, status, MOVE(result));
}

struct json_object *app_body_params(const struct request *request)
{
	return request->body != NULL ? json_object_get(request->body)
				     : json_object_new_object();
}

struct json_object *app_query_params(const struct request *request, const char *integer)
{
	struct json_object *params = json_object_new_object();

	for (size_t i = 0; i < request->n_query; i++) {
		const struct query *query = &request->query[i];
		uint64_t number = 0;

		/* What is not a number stays text, which the schema then refuses by name. */
		if (strcmp(query->name, integer) == 0 &&
		    str_to_u64(str_from(query->value), 0, INT64_MAX, &number) == 0)
			json_add_u64(params, query->name, number);
		else
			json_add_cstr(params, query->name, query->value);
	}
	return params;
}

static int check_need(const struct app *app, const struct request *request, enum need need,
		      struct error *err)
{
	static const enum role roles[] = { [NEED_VIEWER] = ROLE_VIEWER,
					   [NEED_OPERATOR] = ROLE_OPERATOR,
					   [NEED_ADMIN] = ROLE_ADMIN };
	struct identity who;

	if (need == NEED_NOTHING)
		return 0;
	if (guard_identify(app->guard, &request->auth, &who, err) < 0)
		return -1;
	if (who.role < roles[need])
		return error_set(err, ERR_FORBIDDEN, "a %s may not do this, it takes %s",
				 role_name(who.role), role_name(roles[need]));
	return 0;
}

static void route(const struct app *app, const struct request *request,
		  struct response *response)
{
	char allow[sizeof(response->allow)];
	struct error err;
	size_t n;
	const struct route *routes = routes_all(&n);
	const struct route *found = router_find(routes, n, request, allow, sizeof(allow));

	if (found != NULL && check_need(app, request, found->need, &err) < 0) {
		refuse(request, &err, NULL, response);
		return;
	}
	if (found != NULL) {
		found->fn(app, request, response);
		return;
	}
	if (allow[0] == '\0')
		(void)error_set(&err, ERR_UNKNOWN_PATH, "there is nothing at this address");
	else
		(void)error_set(&err, ERR_METHOD_NOT_ALLOWED, "this address takes %s", allow);
	refuse(request, &err, NULL, response);
	memcpy(response->allow, allow, sizeof(allow));
}

void app_serve(const struct app *app, const struct request_input *input,
	       struct response *response, bool *ret_is_head)
{
	struct request request;
	struct error err;

	if (request_read(input, app->cfg->base_path, guard_user_variable(app->guard), &request,
			 &err) < 0)
		refuse(&request, &err, NULL, response);
	else
		route(app, &request, response);
	*ret_is_head = request.is_head;
	request_clear(&request);
}
