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

struct route {
	enum method method;
	const char *pattern; /* "downloads/{}/pause" */
	route_fn fn;
};

/* The handler, or NULL: then *ret_allow lists the methods that the address takes ("GET, POST"),
 * or is empty when there is nothing at the address. */
route_fn router_find(const struct route *routes, size_t n, const struct request *request,
		     char *ret_allow, size_t allow_size);

#endif
