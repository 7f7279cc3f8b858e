/*
 * An answer: a status, a few headers, a body, mostly of JSON. Errors become RFC 9457 problem
 * documents, and this is the one place that knows which HTTP status an error code has.
 *
 * One response, one thread.
 */
#ifndef FCGI_RESPONSE_H
#define FCGI_RESPONSE_H

#include "common/error.h"
#include "common/json.h"

struct response {
	int status;
	const char *content_type; /* a literal; NULL: no body */
	char *body;               /* text */
	unsigned retry_after_s;   /* 0: no such header */
	char allow[64];           /* methods, for 405; "": no such header */
	char *cookie;             /* a value of Set-Cookie, or NULL */
	/* Of the limit that the request counts against; 0 requests: none. */
	unsigned limit_requests;
	unsigned limit_window_s;
	unsigned limit_remaining;
};

/* All four leave `response` filled; its limit stays. */
void response_json(struct response *response, int status, struct json_object *take_body);
/* `extra`'s members join the document (the present state, the other download); borrowed, may be
 * NULL. */
void response_problem(struct response *response, const struct error *err,
		      const char *request_id, struct json_object *extra);
/* `content_type` is a literal, without a charset: it is UTF-8. */
void response_text(struct response *response, int status, const char *content_type,
		   char *take_body);
void response_empty(struct response *response, int status);
void response_clear(struct response *response);

/* 422 for ERR_INVALID and so on. */
int response_status(enum error_code code);

/* "Not Found" */
const char *response_reason(int status);

#endif
