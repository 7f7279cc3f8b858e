/*
 * larder-fcgi's own: from a request to its answer, with at most one call to larderd between. It
 * holds nothing that changes but how often somebody has asked, and what came of it, each safe
 * for itself, so any number of threads may share it.
 */
#ifndef FCGI_APP_H
#define FCGI_APP_H

#include "common/config.h"
#include "common/rpc.h"
#include "fcgi/guard.h"
#include "fcgi/measures.h"
#include "fcgi/ratelimit.h"
#include "fcgi/request.h"
#include "fcgi/response.h"

struct app {
	const struct config *cfg;
	struct guard *guard;
	struct ratelimit *ratelimit;
	struct measures *measures;
};

/* Reads, routes, answers, and logs one line for a refusal. */
void app_serve(const struct app *app, const struct request_input *input,
	       struct response *response, bool *ret_is_head);

/* On whose behalf larderd is called. Borrows from the request. */
struct rpc_caller app_caller(const struct request *request);

/* Who asks is known now. */
void app_name_caller(struct request *request, const struct identity *who);

/* Puts into the audit what larderd does not see: `action` and what came of it. */
void app_note(const struct app *app, const struct rpc_caller *caller, const char *action,
	      const char *outcome);

/* The same of a failure, not more than so many an hour: strangers shall not push out what
 * others have done. The log has them all. */
void app_note_failure(const struct app *app, const struct rpc_caller *caller,
		      const char *action, const struct error *failure);

/* What every handler does at the end: checks `params` against the method's table, calls
 * larderd, and turns the outcome into the response: `status` and the result, or a problem
 * document. `params` is consumed; NULL means none. */
void app_call(const struct app *app, const struct request *request, const char *method,
	      struct json_object *take_params, int status, struct response *response);

/* Answers with a problem document, and logs it. */
void app_refuse(const struct request *request, const struct error *err,
		struct response *response);

/* The body's members as parameters; none without a body. Belongs to the caller. */
struct json_object *app_body_params(const struct request *request);

/* The query as parameters; those that `integers` names ("limit min") are numbers. Belongs to
 * the caller. */
struct json_object *app_query_params(const struct request *request, const char *integers);

#endif
