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
struct rpc_caller;

#define GUARD_USER "admin" /* whoever knows the password */

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

/* Signs in who knows the password: the cookie's value, and who it is. `address` is for the log.
 * -1 with ERR_WRONG_PASSWORD, or ERR_FORBIDDEN when nobody can sign in so; both take the same
 * time. */
int guard_sign_in(struct guard *guard, struct str password, const char *address,
		  char ret_cookie[TOKEN_MAX], struct identity *ret, struct error *err) MUST_USE;

/* Ends that session, here at once and for larderd when this returns. One that is no session is
 * left alone. */
int guard_sign_out(struct guard *guard, const struct identity *who,
		   const struct rpc_caller *caller, struct error *err) MUST_USE;

/* What changes with this session must bring (auth.h). False when it needs none: it is no
 * session. */
bool guard_csrf_token(struct guard *guard, const struct identity *who, char ret[AUTH_CSRF_MAX]);

/* The FastCGI variable of the header in which the web server names the user. */
const char *guard_user_variable(const struct guard *guard);

#endif
