#include "fcgi/app.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/hosts.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/schema.h"
#include "fcgi/routes.h"

enum {
	MINUTE_S = 60,
	HUB_PART = 50,    /* of the requests so many ask the Hub at most */
	GUESSES = 5,      /* at the password, a minute, from one address */
	GUESSES_ALL = 30, /* from all together */
	NOTE_TIMEOUT_MS = 5000,
	FAILURES_NOTED = 30, /* an hour */
};

static void refuse(const struct request *request, const struct error *err,
		   struct json_object *extra, struct response *response)
{
	response_problem(response, err, request->id, extra);
	log_info("%s %s: %d %s: %s", method_name(request->method),
		 request->shown_path != NULL ? request->shown_path : "?", response->status,
		 error_code_name(err->code), err->text);
}

void app_refuse(const struct request *request, const struct error *err,
		struct response *response)
{
	refuse(request, err, NULL, response);
}

struct rpc_caller app_caller(const struct request *request)
{
	return (struct rpc_caller){ .name = str_from(request->who),
				    .address = str_from(request->address),
				    .request_id = str_from(request->id) };
}

void app_name_caller(struct request *request, const struct identity *who)
{
	(void)snprintf(request->who, sizeof(request->who), "%s%s",
		       who->kind == AUTH_KEY ? "key " : "", who->name);
}

void app_note(const struct app *app, const struct rpc_caller *caller, const char *action,
	      const char *outcome)
{
	AUTO_JSON params = json_object_new_object();
	AUTO_JSON result = NULL;
	struct error err;

	json_add_cstr(params, "action", action);
	json_add_cstr(params, "outcome", outcome);
	if (rpc_call(app->cfg->control_socket, "audit.note", params, caller, NOTE_TIMEOUT_MS,
		     &result, NULL, &err) < 0)
		log_warning("audit: %s is not noted: %s", action, err.text);
}

void app_note_failure(const struct app *app, const struct rpc_caller *caller,
		      const char *action, const struct error *failure)
{
	static const struct ratelimit_rule rule = { .requests = FAILURES_NOTED,
						    .window_s = 60 * MINUTE_S };

	if (app->cfg->auth == AUTH_PASSWORD &&
	    ratelimit_take(app->ratelimit, S("failures"), COST_COUNT, rule, clock_steady_us())
		    .is_allowed)
		app_note(app, caller, action, error_code_name(failure->code));
}

/* larderd is being begun anew: whoever only asks may ask again, and waits at the socket that
 * the service manager keeps. */
static bool may_ask_again(const struct request *request, const struct error *err)
{
	return request->method == METHOD_GET && err->code == ERR_DAEMON_UNAVAILABLE &&
	       err->sys == ECONNRESET;
}

static int call(const struct app *app, const struct request *request, const char *method,
		struct json_object *params, struct json_object **ret_result,
		struct json_object **ret_extra, struct error *err)
{
	const struct rpc_caller caller = app_caller(request);
	const char *path = app->cfg->control_socket;
	int result = rpc_call(path, method, params, &caller, RPC_TIMEOUT_MS, ret_result,
			      ret_extra, err);

	if (result < 0 && may_ask_again(request, err))
		result = rpc_call(path, method, params, &caller, RPC_TIMEOUT_MS, ret_result,
				  ret_extra, err);
	return result;
}

void app_call(const struct app *app, const struct request *request, const char *method,
	      struct json_object *take_params, int status, struct response *response)
{
	AUTO_JSON params = take_params;
	AUTO_JSON result = NULL;
	AUTO_JSON extra = NULL;
	struct error err;

	if (schema_check(str_from(method), params, &err) < 0 ||
	    call(app, request, method, params, &result, &extra, &err) < 0)
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

static bool is_among(const char *name, const char *names)
{
	struct str rest = str_from(names);
	struct str one;

	while (str_next(&rest, ' ', &one)) {
		if (str_is_equal(one, str_from(name)))
			return true;
	}
	return false;
}

struct json_object *app_query_params(const struct request *request, const char *integers)
{
	struct json_object *params = json_object_new_object();

	for (size_t i = 0; i < request->n_query; i++) {
		const struct query *query = &request->query[i];
		uint64_t number = 0;

		/* What is not a number stays text, which the schema then refuses by name. */
		if (is_among(query->name, integers) &&
		    str_to_u64(str_from(query->value), 0, INT64_MAX, &number) == 0)
			json_add_u64(params, query->name, number);
		else
			json_add_cstr(params, query->name, query->value);
	}
	return params;
}

/* --- who may, and how often --- */

/* How often one may do that. */
static struct ratelimit_rule rule_of(const struct app *app, enum cost cost)
{
	unsigned requests = (unsigned)app->cfg->rate_limit;

	if (cost == COST_SIGN_IN)
		requests = GUESSES;
	else if (cost == COST_HUB && requests > 0)
		requests = requests > HUB_PART ? requests / HUB_PART : 1;
	return (struct ratelimit_rule){ .requests = requests, .window_s = MINUTE_S };
}

static int refuse_more(unsigned after_s, struct error *err)
{
	(void)error_set(err, ERR_TOO_MANY_REQUESTS, "that was too much; again in %u s",
			after_s);
	err->retry_after_s = after_s;
	return -1;
}

/* Who is known has a share of their own; all others share that of their address. */
static int check_rate(const struct app *app, const struct request *request,
		      const struct identity *who, enum cost cost, struct response *response,
		      struct error *err)
{
	static const struct ratelimit_rule all = { .requests = GUESSES_ALL,
						   .window_s = MINUTE_S };
	struct ratelimit_rule rule = rule_of(app, cost);
	uint64_t now_us = clock_steady_us();
	struct ratelimit_answer answer;
	char address[64];
	char name[TOKEN_USER_MAX + 8];

	ratelimit_address(request->address, address, sizeof(address));
	(void)snprintf(name, sizeof(name), "%u %s", who != NULL ? who->kind : 0U,
		       who != NULL ? who->name : "");
	answer = ratelimit_take(
		app->ratelimit,
		str_from(who != NULL && who->name[0] != '\0' && cost != COST_SIGN_IN ? name
										     : address),
		cost, rule, now_us);
	response->limit_requests = rule.requests;
	response->limit_window_s = rule.window_s;
	response->limit_remaining = answer.remaining;
	if (answer.is_allowed && cost == COST_SIGN_IN)
		answer = ratelimit_take(app->ratelimit, S("all"), COST_COUNT, all, now_us);
	return answer.is_allowed ? 0 : refuse_more(answer.retry_after_s, err);
}

static int check_need(const struct identity *who, enum need need, struct error *err)
{
	static const enum role roles[] = { [NEED_VIEWER] = ROLE_VIEWER,
					   [NEED_OPERATOR] = ROLE_OPERATOR,
					   [NEED_ADMIN] = ROLE_ADMIN };

	if (need != NEED_NOTHING && who->role < roles[need])
		return error_set(err, ERR_FORBIDDEN, "a %s may not do this, it takes %s",
				 role_name(who->role), role_name(roles[need]));
	return 0;
}

/* A change must come from our own page, or from no page at all. */
static int check_site(const struct app *app, const struct request *request, enum cost cost,
		      const struct identity *who, struct error *err)
{
	char token[AUTH_CSRF_MAX];

	/* What makes us ask the Hub takes from its quota. */
	if (request->method == METHOD_GET)
		return cost == COST_HUB ? csrf_check_origin(&request->csrf, err) : 0;
	if (csrf_check_origin(&request->csrf, err) < 0)
		return -1;
	if (who != NULL && guard_csrf_token(app->guard, who, token))
		return csrf_check_token(&request->csrf, token, err);
	return 0;
}

/* Of addresses that want nobody in particular too: what a session is good for is checked. */
static int let_in(const struct app *app, struct request *request, const struct route *route,
		  struct response *response, struct error *err)
{
	struct identity who;
	bool is_in = guard_identify(app->guard, &request->auth, &who, err) == 0;
	struct error rate;

	if (is_in)
		app_name_caller(request, &who);
	if (check_rate(app, request, is_in ? &who : NULL, route->cost, response, &rate) < 0) {
		*err = rate;
		return -1;
	}
	if (!is_in && route->need != NEED_NOTHING)
		return -1;
	if (is_in && check_need(&who, route->need, err) < 0)
		return -1;
	return check_site(app, request, route->cost, is_in ? &who : NULL, err);
}

/* Without a door, whoever is on this machine comes in, and nobody else unasked. */
static int check_client(const struct app *app, const struct request *request,
			const struct route *route, struct error *err)
{
	if (app->cfg->auth != AUTH_NONE || app->cfg->allows_anyone ||
	    route->need == NEED_NOTHING)
		return 0;
	return hosts_check_client(str_from(request->address), err);
}

/* A list that nobody wrote protects those who have no door: sessions are bound to a name. */
static int check_host(const struct app *app, const struct request *request, struct error *err)
{
	if (app->cfg->hosts[0] == '\0' && app->cfg->auth != AUTH_NONE)
		return 0;
	return hosts_check(str_from(app->cfg->hosts), str_from(request->csrf.host), err);
}

/* The row that it led to, or NULL. */
static const struct route *route(const struct app *app, struct request *request,
				 struct response *response)
{
	char allow[sizeof(response->allow)];
	struct error err;
	size_t n;
	const struct route *routes = routes_all(&n);
	const struct route *found = router_find(routes, n, request, allow, sizeof(allow));

	if (found != NULL && (check_client(app, request, found, &err) < 0 ||
			      let_in(app, request, found, response, &err) < 0)) {
		refuse(request, &err, NULL, response);
		return found;
	}
	if (found != NULL) {
		found->fn(app, request, response);
		return found;
	}
	if (allow[0] == '\0')
		(void)error_set(&err, ERR_UNKNOWN_PATH, "there is nothing at this address");
	else
		(void)error_set(&err, ERR_METHOD_NOT_ALLOWED, "this address takes %s", allow);
	refuse(request, &err, NULL, response);
	memcpy(response->allow, allow, sizeof(allow));
	return NULL;
}

void app_serve(const struct app *app, const struct request_input *input,
	       struct response *response, bool *ret_is_head)
{
	struct request request;
	struct error err;
	const struct route *found = NULL;
	uint64_t began_us;
	bool is_read = request_read(input, app->cfg->base_path, guard_user_variable(app->guard),
				    &request, &err) == 0;

	/* How fast a body comes is the client's affair. */
	began_us = clock_steady_us();
	log_set_request(str_from(request.id));
	if (!is_read || check_host(app, &request, &err) < 0)
		refuse(&request, &err, NULL, response);
	else
		found = route(app, &request, response);
	measures_add(app->measures, found, response->status, clock_steady_us() - began_us);
	log_set_request(S(""));
	*ret_is_head = request.is_head;
	request_clear(&request);
}
