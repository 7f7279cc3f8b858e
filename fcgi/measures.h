/*
 * What larder-fcgi measures of itself: how many requests each route has answered and how, and
 * how long that took. Kept since the program began, in memory that never grows.
 *
 * Any thread.
 */
#ifndef FCGI_MEASURES_H
#define FCGI_MEASURES_H

#include "common/buf.h"
#include "fcgi/router.h"

struct measures;

/* For these routes, which are borrowed. */
struct measures *measures_new(const struct route *routes, size_t n)
	__attribute__((returns_nonnull));
void measures_free(struct measures **measures);

/* A request was answered with `status` after `us` microseconds; `route` is NULL when it led
 * nowhere. */
void measures_add(struct measures *measures, const struct route *route, int status,
		  uint64_t us);

/* All of it, as metrics (common/metrics.h); routes that nobody has asked for are left out. */
void measures_print(const struct measures *measures, struct buf *b);

#endif
