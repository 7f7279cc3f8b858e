#include "fcgi/guard.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include <sodium.h>

#include "common/config.h"
#include "common/error.h"
#include "common/rpc.h"

enum {
	RULES_TIMEOUT_MS = 5000,
};

struct guard {
	const struct config *cfg;
	char *user_variable;
	pthread_mutex_t lock; /* guards all below */
	struct auth *auth;
	int64_t until_ms; /* what larderd said holds; 0: it has said nothing yet */
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
	guard = mem_alloc(sizeof(*guard));
	guard->cfg = cfg;
	guard->auth = auth;
	guard->user_variable = variable_of(cfg->user_header);
	(void)pthread_mutex_init(&guard->lock, NULL);
	return guard;
}

void guard_free(struct guard **guard)
{
	if (*guard == NULL)
		return;
	auth_free(&(*guard)->auth);
	(void)pthread_mutex_destroy(&(*guard)->lock);
	free((*guard)->user_variable);
	free(*guard);
	*guard = NULL;
}

const char *guard_user_variable(const struct guard *guard)
{
	return guard->user_variable;
}

static int64_t steady_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Under the lock, so that many requests at once ask once. */
static int ask(struct guard *guard, struct error *err)
{
	AUTO_JSON rules = NULL;
	unsigned char secret[TOKEN_KEY_BYTES];
	struct str hex;
	size_t n = 0;

	if (rpc_call(guard->cfg->control_socket, "session.rules", NULL, RULES_TIMEOUT_MS,
		     &rules, NULL, err) < 0)
		return -1;
	hex = json_get_str(rules, "secret");
	if (sodium_hex2bin(secret, sizeof(secret), hex.p, hex.n, NULL, &n, NULL) != 0 ||
	    n != sizeof(secret))
		return error_set(err, ERR_INTERNAL, "larderd names no secret");
	auth_set_secret(guard->auth, secret, (uint64_t)json_get_int(rules, "epoch", 0));
	sodium_memzero(secret, sizeof(secret));
	guard->until_ms = steady_ms() + GUARD_KEEP_MS;
	return 0;
}

int guard_identify(struct guard *guard, const struct auth_headers *headers,
		   struct identity *ret, struct error *err)
{
	bool needs_rules = guard->cfg->auth == AUTH_PASSWORD && headers->cookie != NULL;
	int result = 0;

	(void)pthread_mutex_lock(&guard->lock);
	if (needs_rules && steady_ms() >= guard->until_ms)
		result = ask(guard, err);
	if (result == 0)
		result = auth_identify(guard->auth, headers, (int64_t)time(NULL), ret, err);
	(void)pthread_mutex_unlock(&guard->lock);
	return result;
}
