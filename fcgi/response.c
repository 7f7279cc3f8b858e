#include "fcgi/response.h"

#include <stdlib.h>

#include "common/problem.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{ 200, "OK" },
	{ 202, "Accepted" },
	{ 204, "No Content" },
	{ 400, "Bad Request" },
	{ 401, "Unauthorized" },
	{ 403, "Forbidden" },
	{ 404, "Not Found" },
	{ 405, "Method Not Allowed" },
	{ 409, "Conflict" },
	{ 413, "Content Too Large" },
	{ 415, "Unsupported Media Type" },
	{ 422, "Unprocessable Content" },
	{ 429, "Too Many Requests" },
	{ 500, "Internal Server Error" },
	{ 502, "Bad Gateway" },
	{ 503, "Service Unavailable" },
	{ 504, "Gateway Timeout" },
	{ 507, "Insufficient Storage" },
};

/* A refusal by the Hub is 403, never 401, which would mean that the caller must sign in here.
 */
static const int statuses[ERR_COUNT] = {
	[ERR_NONE] = 200,
	[ERR_INTERNAL] = 500,
	[ERR_BAD_REQUEST] = 400,
	[ERR_INVALID] = 422,
	[ERR_SIGN_IN] = 401,
	[ERR_FORBIDDEN] = 403,
	[ERR_WRONG_PASSWORD] = 403,
	[ERR_CROSS_SITE] = 403,
	[ERR_CSRF] = 403,
	[ERR_WRONG_HOST] = 403,
	[ERR_NOT_THIS_MACHINE] = 403,
	[ERR_TOO_MANY_REQUESTS] = 429,
	[ERR_TOO_MANY_CLIENTS] = 503,
	[ERR_UNKNOWN_PATH] = 404,
	[ERR_UNKNOWN_METHOD] = 500,
	[ERR_METHOD_NOT_ALLOWED] = 405,
	[ERR_TOO_LARGE] = 413,
	[ERR_MEDIA_TYPE] = 415,
	[ERR_UNKNOWN_DOWNLOAD] = 404,
	[ERR_UNKNOWN_MODEL] = 404,
	[ERR_UNKNOWN_PREVIEW] = 404,
	[ERR_UNKNOWN_TRASH] = 404,
	[ERR_EXISTS] = 409,
	[ERR_IN_USE] = 409,
	[ERR_ILLEGAL_STATE] = 409,
	[ERR_DUPLICATE] = 409,
	[ERR_QUEUE_FULL] = 503,
	[ERR_NOT_FOUND] = 404,
	[ERR_GATED] = 403,
	[ERR_UNAUTHORIZED] = 403,
	[ERR_RATE_LIMITED] = 429,
	[ERR_NETWORK] = 502,
	[ERR_HUB_UNAVAILABLE] = 502,
	[ERR_HUB_PROTOCOL] = 502,
	[ERR_OFFLINE] = 503,
	[ERR_UNSAFE_PATH] = 422,
	[ERR_TOO_MANY_FILES] = 422,
	[ERR_DISK_FULL] = 507,
	[ERR_DISK_ERROR] = 500,
	[ERR_DISK_AWAY] = 503,
	[ERR_SCHEDULE] = 503,
	[ERR_PAUSED_ALL] = 503,
	[ERR_HASH_MISMATCH] = 502,
	[ERR_RANGE_IGNORED] = 502,
	[ERR_URL_EXPIRED] = 502,
	[ERR_CANCELLED] = 503,
	[ERR_CHANGED] = 409,
	[ERR_TIMEOUT] = 504,
	[ERR_STORE] = 503,
	[ERR_DAEMON_UNAVAILABLE] = 503,
};

enum {
	RETRY_UNAVAILABLE_S = 3, /* what a 503 suggests when nobody knows better */
};

int response_status(enum error_code code)
{
	return code < ERR_COUNT && statuses[code] != 0 ? statuses[code] : 500;
}

const char *response_reason(int status)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "Other";
}

void response_clear(struct response *response)
{
	free(response->body);
	free(response->cookie);
	*response = (struct response){ .status = 500 };
}

/* What it says of the request itself stays. */
static void empty(struct response *response)
{
	struct response kept = *response;

	response_clear(response);
	response->limit_requests = kept.limit_requests;
	response->limit_window_s = kept.limit_window_s;
	response->limit_remaining = kept.limit_remaining;
}

void response_empty(struct response *response, int status)
{
	empty(response);
	response->status = status;
}

void response_text(struct response *response, int status, const char *content_type,
		   char *take_body)
{
	empty(response);
	response->status = status;
	response->content_type = content_type;
	response->body = take_body;
}

void response_json(struct response *response, int status, struct json_object *take_body)
{
	AUTO_JSON body = take_body;

	response_text(response, status, "application/json", str_dup(json_text(body)));
}

static void add_extra(struct json_object *problem, struct json_object *extra)
{
	if (extra == NULL)
		return;
	json_object_object_foreach(extra, name, value)
	{
		json_take(problem, name, json_object_get(value));
	}
}

void response_problem(struct response *response, const struct error *err,
		      const char *request_id, struct json_object *extra)
{
	int status = response_status(err->code);
	struct json_object *problem = problem_document(err, status, request_id);

	add_extra(problem, extra);
	response_json(response, status, problem);
	response->content_type = "application/problem+json";
	response->retry_after_s = err->retry_after_s;
	if (status == 503 && response->retry_after_s == 0)
		response->retry_after_s = RETRY_UNAVAILABLE_S;
}
