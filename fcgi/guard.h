/*
 * Who may come in: asks common/auth.h, and larderd for what sessions are believed by, at most
 * every GUARD_KEEP_MS. So a session that was revoked is over here within that time, and
 * larder-fcgi keeps nothing that it could not ask for again.
 *
 * Any thread.
 */
#ifndef FCGI_GUARD_H
#define FCGI_GUARD_H

#include "common/auth.h"

struct config;
struct guard;

enum {
	GUARD_KEEP_MS = 5 * 1000,
};

/* NULL with ERR_INVALID and the variable's name when the configuration makes no sense. */
struct guard *guard_new(const struct config *cfg, struct error *err);
void guard_free(struct guard **guard);

/* Who it is. -1 with ERR_SIGN_IN, or with ERR_DAEMON_UNAVAILABLE when that hangs on a session
 * and larderd cannot be asked. */
int guard_identify(struct guard *guard, const struct auth_headers *headers,
		   struct identity *ret, struct error *err) MUST_USE;

/* The FastCGI variable of the header in which the web server names the user. */
const char *guard_user_variable(const struct guard *guard);

#endif
