/*
 * A request as the handlers see it: method, path below the base path cut into decoded parts,
 * query parameters, JSON body. Everything is checked while it is made: what reaches a handler
 * is UTF-8, has no control characters, and keeps the limits below.
 *
 * One request, one thread.
 */
#ifndef FCGI_REQUEST_H
#define FCGI_REQUEST_H

#include "common/auth.h"
#include "common/json.h"
#include "common/problem.h"
#include "fcgi/csrf.h"

struct error;

enum {
	REQUEST_URI_MAX = 4096,               /* bytes of REQUEST_URI */
	REQUEST_BODY_MAX = 256 * 1024,        /* bytes of a body */
	REQUEST_WEIGHT_MAX = 2 * 1024 * 1024, /* of a body, parsed */
	REQUEST_DEPTH_MAX = 8,                /* levels of its JSON */
	REQUEST_PARTS_MAX = 8,                /* of the path, after /api/v1/ */
	REQUEST_QUERY_MAX = 16,               /* parameters */
	REQUEST_WHO_MAX = 95,
};

enum method {
	METHOD_GET,
	METHOD_POST,
	METHOD_PATCH,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_OTHER,
	METHOD_COUNT,
};

struct query {
	char *name;
	char *value;
};

struct request {
	char id[REQUEST_ID_MAX + 1]; /* the web server's, or made here */
	enum method method;
	bool is_head;     /* HEAD: a GET whose answer has no body */
	char *shown_path; /* for the log and problem documents; no query */
	char *parts[REQUEST_PARTS_MAX];
	size_t n_parts;
	struct query query[REQUEST_QUERY_MAX];
	size_t n_query;
	struct json_object *body; /* NULL when there is none */
	/* Borrowed from the input: */
	struct auth_headers auth;
	struct csrf_headers csrf;
	char who[REQUEST_WHO_MAX + 1]; /* asks, once that is known: for the audit */
	const char *address; /* of who asks, as the web server sees it; "" if it does not say */
	bool is_https;       /* between the browser and the web server */
};

/* What the web server hands over. */
struct request_input {
	const char *(*variable)(void *ctx, const char *name); /* NULL: not set */
	/* Up to `room` bytes of the body: how many, 0 at the end. */
	size_t (*read)(void *ctx, char *to, size_t room);
	void *ctx;
};

/* Reads a request. `user_header` is the variable of the header that names the user
 * ("HTTP_REMOTE_USER"). -1 with ERR_BAD_REQUEST, ERR_UNKNOWN_PATH (outside base_path/api/v1/),
 * ERR_TOO_LARGE or ERR_MEDIA_TYPE; `ret` is then filled as far as it is known, for the log, and
 * must be cleared too. */
int request_read(const struct request_input *input, const char *base_path,
		 const char *user_header, struct request *ret, struct error *err) MUST_USE;
void request_clear(struct request *request);

const char *method_name(enum method method);

#endif
