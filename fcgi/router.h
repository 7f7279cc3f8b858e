/*
 * Which handler an address has: a table of rows, each a method, a pattern and a function.
 * Pattern parts are literal, or "{}" for any one part.
 *
 * Pure. Any thread.
 */
#ifndef FCGI_ROUTER_H
#define FCGI_ROUTER_H

#include "fcgi/request.h"
#include "fcgi/response.h"

struct app;

/* Answers a request. Nothing but `response` is changed. */
typedef void (*route_fn)(const struct app *app, const struct request *request,
			 struct response *response);

/* What one must be to come in here. */
enum need {
	NEED_NOTHING, /* not even to have signed in */
	NEED_VIEWER,  /* these three are roles (common/token.h) */
	NEED_OPERATOR,
	NEED_ADMIN,
};

/* What a request takes of what one may ask for in a minute (ratelimit.h). */
enum cost {
	COST_LITTLE,
	COST_HUB,     /* the Hub is asked, whose patience is everybody's here */
	COST_SIGN_IN, /* a guess at the password */
	COST_COUNT,
};

struct route {
	enum method method;
	const char *pattern; /* "downloads/{}/pause" */
	route_fn fn;
	enum need need;
	enum cost cost;
};

/* The row, or NULL: then *ret_allow lists the methods that the address takes ("GET, POST"),
 * or is empty when there is nothing at the address. */
const struct route *router_find(const struct route *routes, size_t n,
				const struct request *request, char *ret_allow,
				size_t allow_size);

#endif
