#include "fcgi/guard.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <sodium.h>

#include "common/clock.h"
#include "common/config.h"
#include "common/error.h"
#include "common/log.h"
#include "common/rpc.h"

enum {
	RULES_TIMEOUT_MS = 5000,
};

struct guard {
	const struct config *cfg;
	char *user_variable;
	pthread_mutex_t hashing;
	pthread_mutex_t lock; /* guards all below */
	struct auth *auth;
	uint64_t until_ms; /* what larderd said holds; 0: it has said nothing yet */
};

/* "Remote-User" comes as HTTP_REMOTE_USER (RFC 3875, 4.1.18). */
static char *variable_of(const char *header)
{
	char *name = mem_printf("HTTP_%s", header);

	for (char *c = name; *c != '\0'; c++) {
		if (*c == '-')
			*c = '_';
		else if (*c >= 'a' && *c <= 'z')
			*c = (char)(*c - 'a' + 'A');
	}
	return name;
}

struct guard *guard_new(const struct config *cfg, struct error *err)
{
	struct auth *auth = auth_new((enum auth_mode)cfg->auth, str_from(cfg->api_keys), err);
	struct guard *guard;

	if (auth == NULL) {
		(void)error_prefix(err, "LARDER_API_KEYS");
		return NULL;
	}
	if (auth_check_hash(str_from(cfg->password_hash), err) < 0) {
		auth_free(&auth);
		(void)error_prefix(err, "LARDER_PASSWORD_HASH");
		return NULL;
	}
	guard = mem_alloc(sizeof(*guard));
	guard->cfg = cfg;
	guard->auth = auth;
	guard->user_variable = variable_of(cfg->user_header);
	(void)pthread_mutex_init(&guard->hashing, NULL);
	(void)pthread_mutex_init(&guard->lock, NULL);
	return guard;
}

void guard_free(struct guard **guard)
{
	if (*guard == NULL)
		return;
	auth_free(&(*guard)->auth);
	(void)pthread_mutex_destroy(&(*guard)->hashing);
	(void)pthread_mutex_destroy(&(*guard)->lock);
	free((*guard)->user_variable);
	free(*guard);
	*guard = NULL;
}

const char *guard_user_variable(const struct guard *guard)
{
	return guard->user_variable;
}

static void set_ended(struct auth *auth, struct json_object *list)
{
	struct auth_ended *ended = mem_array(AUTH_ENDED_MAX, sizeof(*ended));

	if (json_object_is_type(list, json_type_array))
		auth_set_ended(auth, ended, auth_read_ended(list, ended));
	free(ended);
}

/* Under the lock, so that many requests at once ask once. */
static int ask(struct guard *guard, struct error *err)
{
	AUTO_JSON rules = NULL;
	unsigned char secret[TOKEN_KEY_BYTES];
	struct str hex;
	size_t n = 0;

	if (rpc_call(guard->cfg->control_socket, "session.rules", NULL, NULL, RULES_TIMEOUT_MS,
		     &rules, NULL, err) < 0)
		return -1;
	hex = json_get_str(rules, "secret");
	if (sodium_hex2bin(secret, sizeof(secret), hex.p, hex.n, NULL, &n, NULL) != 0 ||
	    n != sizeof(secret))
		return error_set(err, ERR_INTERNAL, "larderd names no secret");
	auth_set_secret(guard->auth, secret, (uint64_t)json_get_int(rules, "epoch", 0));
	set_ended(guard->auth, json_get(rules, "ended"));
	sodium_memzero(secret, sizeof(secret));
	guard->until_ms = clock_steady_ms() + GUARD_KEEP_MS;
	return 0;
}

int guard_identify(struct guard *guard, const struct auth_headers *headers,
		   struct identity *ret, struct error *err)
{
	bool needs_rules = guard->cfg->auth == AUTH_PASSWORD && headers->cookie != NULL;
	int result = 0;

	(void)pthread_mutex_lock(&guard->lock);
	if (needs_rules && clock_steady_ms() >= guard->until_ms)
		result = ask(guard, err);
	if (result == 0)
		result = auth_identify(guard->auth, headers, (int64_t)time(NULL), ret, err);
	(void)pthread_mutex_unlock(&guard->lock);
	return result;
}

/* --- signing in and out --- */

/* One at a time: each takes the memory that its hash names. */
static bool is_password(struct guard *guard, struct str password)
{
	int result;

	(void)pthread_mutex_lock(&guard->hashing);
	result = crypto_pwhash_str_verify(guard->cfg->password_hash, password.p, password.n);
	(void)pthread_mutex_unlock(&guard->hashing);
	return result == 0;
}

int guard_sign_in(struct guard *guard, struct str password, const char *address,
		  char ret_cookie[TOKEN_MAX], struct identity *ret, struct error *err)
{
	struct auth_headers headers = { .cookie = NULL };
	AUTO_CSTR cookie = NULL;
	int64_t now_s = (int64_t)time(NULL);
	int result = 0;

	if (guard->cfg->auth != AUTH_PASSWORD)
		return error_set(err, ERR_FORBIDDEN, "nobody signs in with a password here");
	if (guard->cfg->password_hash[0] == '\0')
		return error_set(err, ERR_FORBIDDEN,
				 "no password is set here: LARDER_PASSWORD_HASH is empty");
	if (!is_password(guard, password)) {
		log_warning("a wrong password from %s",
			    address[0] != '\0' ? address : "somewhere");
		return error_set(err, ERR_WRONG_PASSWORD, "the password is not right");
	}
	(void)pthread_mutex_lock(&guard->lock);
	if (clock_steady_ms() >= guard->until_ms)
		result = ask(guard, err);
	if (result == 0) {
		auth_make_session(guard->auth, GUARD_USER, ROLE_ADMIN,
				  now_s + (int64_t)guard->cfg->session_s, ret_cookie);
		cookie = mem_printf(AUTH_COOKIE "=%s", ret_cookie);
		headers.cookie = cookie;
		result = auth_identify(guard->auth, &headers, now_s, ret, err);
	}
	(void)pthread_mutex_unlock(&guard->lock);
	if (result == 0)
		log_info("%s signed in from %s", ret->name, address);
	return result;
}

int guard_sign_out(struct guard *guard, const struct identity *who,
		   const struct rpc_caller *caller, struct error *err)
{
	AUTO_JSON params = NULL;
	AUTO_JSON result = NULL;
	char hex[2 * TOKEN_ID_BYTES + 1];

	if (who->kind != AUTH_SESSION)
		return 0;
	params = json_object_new_object();
	json_add_cstr(params, "id", sodium_bin2hex(hex, sizeof(hex), who->id, sizeof(who->id)));
	json_add_int(params, "expires", who->expires_s);
	if (rpc_call(guard->cfg->control_socket, "session.end", params, caller,
		     RULES_TIMEOUT_MS, &result, NULL, err) < 0)
		return -1;
	(void)pthread_mutex_lock(&guard->lock);
	guard->until_ms = 0; /* asked anew by whoever comes next */
	(void)pthread_mutex_unlock(&guard->lock);
	log_info("%s signed out", who->name);
	return 0;
}

bool guard_csrf_token(struct guard *guard, const struct identity *who, char ret[AUTH_CSRF_MAX])
{
	if (who->kind != AUTH_SESSION)
		return false;
	(void)pthread_mutex_lock(&guard->lock);
	auth_csrf_token(guard->auth, who, ret);
	(void)pthread_mutex_unlock(&guard->lock);
	return true;
}
