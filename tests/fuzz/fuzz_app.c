/* From what a web server hands over to the answer, through the whole of larder-fcgi but
 * libfcgi. The first byte chooses how one comes in, the second how the body comes; then
 * NAME=value lines up to an empty one, then the body. "@S" in a value is a session that is
 * good, "@C" its CSRF token, "@K" a key.
 *
 * larderd is played: it answers each call with what was asked, or refuses. Held: every answer
 * is well-formed and of a status that is ours, no header is broken into, nothing is answered to
 * whom nobody knows but that they must sign in, no change reaches larderd from another site or
 * without what its session must bring. */
#include "fcgi/app.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/log.h"
#include "common/schema.h"
#include "fcgi/routes.h"

#define KEY "a-key-for-a-script-of-somebody"

enum {
	VARIABLES_MAX = 24,
	VALUE_MAX = 64 * 1024,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct given {
	char *names[VARIABLES_MAX];
	char *values[VARIABLES_MAX];
	size_t n;
	struct str body;
	size_t piece;
};

static const unsigned char secret[TOKEN_KEY_BYTES] = "a key that is thirty-two bytes.";
static char *keys;
static char session[TOKEN_MAX];
static char csrf[AUTH_CSRF_MAX];
static bool was_changed; /* a deed has reached larderd */

static void require(bool condition)
{
	if (!condition)
		abort();
}

/* --- larderd --- */

int __wrap_rpc_call(const char *socket_path, const char *method, struct json_object *params,
		    const struct rpc_caller *caller, int timeout_ms,
		    struct json_object **ret_result, struct json_object **ret_extra,
		    struct error *err);
int __wrap_rpc_call(const char *socket_path, const char *method, struct json_object *params,
		    const struct rpc_caller *caller, int timeout_ms,
		    struct json_object **ret_result, struct json_object **ret_extra,
		    struct error *err)
{
	char hex[2 * TOKEN_KEY_BYTES + 1];

	(void)socket_path;
	(void)timeout_ms;
	if (ret_extra != NULL)
		*ret_extra = NULL;
	*ret_result = json_object_new_object();
	if (strcmp(method, "session.rules") == 0) {
		json_add_cstr(*ret_result, "secret",
			      sodium_bin2hex(hex, sizeof(hex), secret, sizeof(secret)));
		json_add_int(*ret_result, "epoch", 1);
		return 0;
	}
	require(schema_check(str_from(method), params, err) == 0);
	require(strcmp(method, "system.health") == 0 ||
		(caller != NULL && caller->request_id.n >= 8));
	was_changed = was_changed || strstr(method, ".create") != NULL ||
		      strstr(method, ".patch") != NULL || strstr(method, ".set") != NULL ||
		      strstr(method, ".delete") != NULL;
	if (params != NULL)
		json_take(*ret_result, "asked", json_object_get(params));
	if (strcmp(method, "download.get") != 0)
		return 0;
	json_free(ret_result);
	return error_set(err, ERR_UNKNOWN_DOWNLOAD, "there is no such download");
}

/* --- the web server --- */

static const char *variable(void *ctx, const char *name)
{
	const struct given *given = ctx;

	for (size_t i = 0; i < given->n; i++) {
		if (strcmp(given->names[i], name) == 0)
			return given->values[i];
	}
	return NULL;
}

static size_t read_body(void *ctx, char *to, size_t room)
{
	struct given *given = ctx;
	size_t n = given->piece < room ? given->piece : room;

	if (n > given->body.n)
		n = given->body.n;
	if (n > 0)
		memcpy(to, given->body.p, n);
	given->body = str_sub(given->body, n, given->body.n);
	return n;
}

/* The value with what stands for secrets put in. */
static char *expand(struct str value)
{
	AUTO(buf) b = buf_new(VALUE_MAX);

	for (size_t i = 0; i < value.n; i++) {
		char next = i + 1 < value.n ? value.p[i + 1] : '\0';
		const char *secret_text = next == 'S'   ? session
					  : next == 'C' ? csrf
					  : next == 'K' ? KEY
							: NULL;

		if (value.p[i] != '@' || secret_text == NULL) {
			buf_add_char(b, value.p[i]);
			continue;
		}
		buf_add(b, str_from(secret_text));
		i++;
	}
	return buf_take(b);
}

static void read_given(struct str rest, struct given *given)
{
	struct str line;

	while (given->n < VARIABLES_MAX && str_next(&rest, '\n', &line) && line.n > 0) {
		size_t equals = str_find_char(line, '=');

		given->names[given->n] = str_dup(str_sub(line, 0, equals));
		given->values[given->n] = expand(str_sub(line, equals + 1, line.n));
		given->n++;
	}
	given->body = rest;
}

/* --- what must hold --- */

static void check_response(const struct response *response)
{
	AUTO_JSON document = NULL;
	struct error err;

	require(strlen(response_reason(response->status)) > 0);
	require((response->status == 405) == (response->allow[0] != '\0'));
	require(strpbrk(response->allow, "\r\n") == NULL);
	require(response->cookie == NULL || strpbrk(response->cookie, "\r\n") == NULL);
	if (response->body == NULL)
		return;
	require(json_parse(str_from(response->body), 32, &document, &err) == 0);
	if (response->status < 400)
		return;
	require(strcmp(response->content_type, "application/problem+json") == 0);
	require(json_get_int(document, "status", 0) == response->status);
	require(json_get_str(document, "detail").n > 0);
	require(json_get_str(document, "request_id").n >= 8);
}

static bool says(const struct given *given, const char *name, const char *what)
{
	const char *value = variable((void *)(uintptr_t)given, name);

	return value != NULL && strstr(value, what) != NULL;
}

/* A change came about: by somebody who is known, and not from elsewhere. */
static void check_change(const struct given *given, enum auth_mode mode)
{
	bool has_key = says(given, "HTTP_AUTHORIZATION", KEY);
	bool has_session = says(given, "HTTP_COOKIE", session);

	require(!says(given, "HTTP_SEC_FETCH_SITE", "cross-site"));
	if (mode == AUTH_PASSWORD)
		require(has_key || (has_session && says(given, "HTTP_X_CSRF_TOKEN", csrf)));
	if (mode == AUTH_PROXY)
		require(has_key || says(given, "HTTP_REMOTE_USER", ""));
}

static void serve(struct given *given, enum auth_mode mode, const char *hosts)
{
	AUTO_CSTR hosts_copy = mem_strdup(hosts);
	struct config cfg = { .control_socket = (char[]){ "/nonexistent" },
			      .base_path = (char[]){ "/hf" },
			      .api_keys = keys,
			      .password_hash = (char[]){ "" },
			      .hosts = hosts_copy,
			      .session_s = 60,
			      .auth = mode,
			      .user_header = (char[]){ "Remote-User" } };
	struct error err;
	AUTO(guard) guard = guard_new(&cfg, &err);
	AUTO(ratelimit) ratelimit = ratelimit_new();
	size_t n_routes;
	const struct route *routes = routes_all(&n_routes);
	AUTO(measures) measures = measures_new(routes, n_routes);
	struct app app = {
		.cfg = &cfg, .guard = guard, .ratelimit = ratelimit, .measures = measures
	};
	struct request_input input = { .variable = variable, .read = read_body, .ctx = given };
	struct response response = { .status = 500 };
	bool is_head = false;

	was_changed = false;
	app_serve(&app, &input, &response, &is_head);
	check_response(&response);
	if (was_changed)
		check_change(given, mode);
	response_clear(&response);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	unsigned char digest[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(digest) + 1];
	struct auth *auth;
	struct auth_headers headers = { .cookie = NULL };
	struct identity who;
	AUTO_CSTR cookie = NULL;
	struct error err;

	(void)argc;
	(void)argv;
	require(sodium_init() >= 0);
	log_init("fuzz", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	(void)crypto_hash_sha256(digest, (const unsigned char *)KEY, strlen(KEY));
	keys = mem_printf("script:admin:%s",
			  sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest)));
	auth = auth_new(AUTH_PASSWORD, str_from(keys), &err);
	auth_set_secret(auth, secret, 1);
	auth_make_session(auth, "admin", ROLE_ADMIN, (int64_t)time(NULL) + 1000000, session);
	cookie = mem_printf(AUTH_COOKIE "=%s", session);
	headers.cookie = cookie;
	require(auth_identify(auth, &headers, (int64_t)time(NULL), &who, &err) == 0);
	auth_csrf_token(auth, &who, csrf);
	auth_free(&auth);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct given given = { .n = 0 };

	if (size < 2)
		return 0;
	given.piece = (size_t)data[1] * 37 + 1;
	read_given((struct str){ (const char *)data + 2, size - 2 }, &given);
	serve(&given, (enum auth_mode)(data[0] % AUTH_MODE_COUNT),
	      data[0] & 64 ? "larder.lan,*.home.arpa" : "");
	for (size_t i = 0; i < given.n; i++) {
		free(given.names[i]);
		free(given.values[i]);
	}
	return 0;
}
