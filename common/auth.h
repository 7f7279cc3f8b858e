/*
 * Who asks, told from the headers of a request: the same answer from larder-fcgi for the API
 * and from larderd for the event stream, since both use this. Three ways (LARDER_AUTH):
 *
 *   none       everybody is the administrator
 *   password   a session (common/token.h) in the cookie AUTH_COOKIE
 *   proxy      the web server says who it is, in a header that it alone may set; it reaches us
 *              over a Unix socket only
 *
 * and in the last two a key for scripts, as "Authorization: Bearer ...". Of keys only hashes
 * are kept.
 *
 * An `auth` is constant but for its keys, and its secret and epoch, which larderd owns and may
 * tell anew; all of this is for one thread, or under the caller's lock.
 */
#ifndef COMMON_AUTH_H
#define COMMON_AUTH_H

#include "common/token.h"

struct auth;
struct json_object;

#define AUTH_COOKIE "larder_session"

enum auth_mode {
	AUTH_NONE,
	AUTH_PASSWORD,
	AUTH_PROXY,
	AUTH_MODE_COUNT,
};

enum {
	AUTH_KEYS_MAX = 64,
	AUTH_HEADER_MAX = 8192, /* bytes of a header that is looked at */
	AUTH_ENDED_MAX = 1000,  /* sessions that ended before their time */
	AUTH_CSRF_MAX = 33,     /* bytes of a CSRF token, its NUL counted */
};

/* How somebody is known. */
enum auth_kind {
	AUTH_ANYBODY,
	AUTH_SESSION,
	AUTH_KEY,
	AUTH_USER, /* the web server's word */
};

struct identity {
	enum auth_kind kind;
	char name[TOKEN_USER_MAX + 1]; /* of the user or the key; "" for anybody */
	enum role role;
	int64_t expires_s;                /* a session's; else 0 */
	uint64_t epoch;                   /* a session's */
	uint64_t secrets;                 /* a session's: replaced before it was believed */
	unsigned char id[TOKEN_ID_BYTES]; /* a session's; of a key, its hash begins so */
};

/* A session that somebody has signed out of. */
struct auth_ended {
	unsigned char id[TOKEN_ID_BYTES];
	int64_t expires_s; /* by then nobody believes it anyway */
};

/* What a request says; each may be NULL. */
struct auth_headers {
	const char *cookie;
	const char *authorization;
	const char *user; /* the header that the web server sets */
};

const char *auth_mode_name(enum auth_mode mode);

/* `keys` is "name:role:hash" with commas between, the hash being the key's SHA-256 in hex.
 * NULL and ERR_INVALID when it cannot be understood. */
struct auth *auth_new(enum auth_mode mode, struct str keys, struct error *err);
void auth_free(struct auth **auth);

/* Other keys from here on. -1 with ERR_INVALID when they cannot be understood: then the old
 * ones stay. */
int auth_set_keys(struct auth *auth, struct str keys, struct error *err) MUST_USE;

/* -1 with ERR_INVALID unless it is empty or what `larder hash-password` makes. */
int auth_check_hash(struct str hash, struct error *err) MUST_USE;

/* What sessions are signed with, and the epoch they must be of. Before the first of these no
 * session is believed. */
void auth_set_secret(struct auth *auth, const unsigned char secret[TOKEN_KEY_BYTES],
		     uint64_t epoch);

/* Reads a list of {"id": hex, "expires": unix seconds}: how many were understood. */
size_t auth_read_ended(struct json_object *list, struct auth_ended ret[AUTH_ENDED_MAX]);

/* These are not believed any more; copied, at most AUTH_ENDED_MAX. */
void auth_set_ended(struct auth *auth, const struct auth_ended *ended, size_t n);

/* A session of the present epoch: the value of the cookie. After auth_set_secret(). */
void auth_make_session(const struct auth *auth, const char *user, enum role role,
		       int64_t expires_s, char ret[TOKEN_MAX]);

/* What a page that has this session repeats in a header with every change: a page of another
 * site can make the browser send the cookie, but does not know this. */
void auth_csrf_token(const struct auth *auth, const struct identity *identity,
		     char ret[AUTH_CSRF_MAX]);

/* Who it is; -1 with ERR_SIGN_IN when nobody that may come in. */
int auth_identify(const struct auth *auth, const struct auth_headers *headers, int64_t now_s,
		  struct identity *ret, struct error *err) MUST_USE;

/* Is somebody who was identified earlier still welcome? */
bool auth_holds(const struct auth *auth, const struct identity *identity, int64_t now_s);

#endif
