/*
 * How often somebody may ask: a bucket for each of them and each kind of request, that holds so
 * many requests and is filled again steadily (the generic cell rate algorithm). Memory is
 * bounded: of those who have not asked for the longest time some are forgotten, who then have
 * full buckets again.
 *
 * Any thread; the time is a parameter.
 */
#ifndef FCGI_RATELIMIT_H
#define FCGI_RATELIMIT_H

#include "common/base.h"

struct ratelimit;

enum {
	RATELIMIT_KEPT = 4096, /* buckets */
};

struct ratelimit_rule {
	unsigned requests; /* so many at once; 0: no limit */
	unsigned window_s; /* in which as many come back */
};

struct ratelimit_answer {
	bool is_allowed;
	unsigned remaining;     /* requests that are left now */
	unsigned retry_after_s; /* when it is not allowed: until one is */
};

struct ratelimit *ratelimit_new(void) __attribute__((returns_nonnull));
void ratelimit_free(struct ratelimit **ratelimit);

/* Takes one request of `kind` out of the bucket of `who`, if there is one left. `now_us` is
 * steady. */
struct ratelimit_answer ratelimit_take(struct ratelimit *ratelimit, struct str who,
				       unsigned kind, struct ratelimit_rule rule,
				       uint64_t now_us);

/* The same for all addresses that one person easily has: of IPv6 the first 64 bits (RFC 6177),
 * of an IPv4 address within IPv6 that. At most `room` bytes, its NUL counted. */
void ratelimit_address(const char *address, char *ret, size_t room);

#endif
