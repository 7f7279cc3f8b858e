#include "downloader/sessions.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "downloader/secret.h"

#define EPOCH_SETTING "sessions.epoch"
#define ENDED_SETTING "sessions.ended"

enum {
	ENDED_DEPTH = 3,
};

struct sessions {
	struct store *store;
	struct auth *auth;
	struct sessions_hooks hooks;
	unsigned char file_secret[TOKEN_KEY_BYTES];
	unsigned char secret[TOKEN_KEY_BYTES]; /* of that and the password's hash */
	uint64_t epoch;
	struct auth_ended ended[AUTH_ENDED_MAX];
	size_t n_ended;
};

/* --- the epoch --- */

/* What is over by the calendar is left out. */
static struct json_object *ended_to_json(const struct sessions *s)
{
	struct json_object *list = json_object_new_array();
	int64_t now_s = clock_unix_ms() / 1000;

	for (size_t i = 0; i < s->n_ended; i++) {
		struct json_object *object = json_object_new_object();
		char hex[2 * TOKEN_ID_BYTES + 1];

		(void)sodium_bin2hex(hex, sizeof(hex), s->ended[i].id, TOKEN_ID_BYTES);
		json_add_cstr(object, "id", hex);
		json_add_int(object, "expires", s->ended[i].expires_s);
		if (s->ended[i].expires_s > now_s)
			(void)json_object_array_add(list, object);
		else
			json_free(&object);
	}
	return list;
}

static void load_ended(struct sessions *s, const char *value)
{
	AUTO_JSON list = NULL;
	struct error err;

	if (json_parse(str_from(value), ENDED_DEPTH, &list, &err) < 0 ||
	    !json_object_is_type(list, json_type_array)) {
		log_warning("setting " ENDED_SETTING ": not a list");
		return;
	}
	s->n_ended = auth_read_ended(list, s->ended);
}

static void on_loaded(void *ctx, const char *name, const char *value)
{
	struct sessions *s = ctx;

	if (strcmp(name, ENDED_SETTING) == 0)
		load_ended(s, value);
	if (strcmp(name, EPOCH_SETTING) == 0 &&
	    str_to_u64(str_from(value), 0, INT64_MAX, &s->epoch) < 0)
		log_warning("setting %s: not a number", name);
}

/* The file's bytes are the key, the hash what is signed. */
static void mix(struct sessions *s, const char *password_hash)
{
	static_assert(TOKEN_KEY_BYTES == crypto_generichash_KEYBYTES, "the whole of it is one");
	memcpy(s->secret, s->file_secret, sizeof(s->secret));
	if (password_hash[0] != '\0')
		(void)crypto_generichash(
			s->secret, sizeof(s->secret), (const unsigned char *)password_hash,
			strlen(password_hash), s->file_secret, sizeof(s->file_secret));
	auth_set_secret(s->auth, s->secret, s->epoch);
}

void sessions_set_password(struct sessions *s, const char *password_hash)
{
	mix(s, password_hash);
	s->hooks.revoked(s->hooks.ctx);
}

struct sessions *sessions_new(struct store *store, const char *state_dir,
			      const char *password_hash, struct auth *auth,
			      const struct sessions_hooks *hooks, struct error *err)
{
	AUTO(sessions) s = mem_alloc(sizeof(*s));

	s->store = store;
	s->auth = auth;
	s->hooks = *hooks;
	if (secret_load(state_dir, s->file_secret, err) < 0 ||
	    store_load_settings(store, on_loaded, s, err) < 0)
		return NULL;
	mix(s, password_hash);
	auth_set_ended(auth, s->ended, s->n_ended);
	return MOVE(s);
}

void sessions_free(struct sessions **sessions)
{
	if (*sessions == NULL)
		return;
	sodium_memzero(*sessions, sizeof(**sessions));
	free(*sessions);
	*sessions = NULL;
}

struct revocation {
	struct sessions *sessions;
	uint64_t epoch;
	store_done_fn done;
	void *ctx;
};

static void on_saved(void *ctx, const struct error *err)
{
	struct revocation *revocation = ctx;
	struct sessions *s = revocation->sessions;

	if (err == NULL && revocation->epoch > s->epoch) {
		s->epoch = revocation->epoch;
		auth_set_secret(s->auth, s->secret, s->epoch);
		log_info("every session was revoked");
		s->hooks.revoked(s->hooks.ctx);
	}
	revocation->done(revocation->ctx, err);
	free(revocation);
}

void sessions_revoke(struct sessions *s, store_done_fn done, void *ctx)
{
	struct revocation *revocation = mem_alloc(sizeof(*revocation));
	struct json_object *setting = json_object_new_object();

	*revocation = (struct revocation){
		.sessions = s, .epoch = s->epoch + 1, .done = done, .ctx = ctx
	};
	json_add_u64(setting, EPOCH_SETTING, revocation->epoch);
	store_put_settings(s->store, setting, on_saved, revocation);
}

/* --- one session --- */

static void forget_the_over(struct sessions *s)
{
	int64_t now_s = clock_unix_ms() / 1000;
	size_t n = 0;

	for (size_t i = 0; i < s->n_ended; i++) {
		if (s->ended[i].expires_s > now_s)
			s->ended[n++] = s->ended[i];
	}
	s->n_ended = n;
}

struct ending {
	struct sessions *sessions;
	store_done_fn done;
	void *ctx;
};

static void on_ended(void *ctx, const struct error *err)
{
	struct ending *ending = ctx;
	struct sessions *s = ending->sessions;

	if (err == NULL)
		s->hooks.revoked(s->hooks.ctx);
	ending->done(ending->ctx, err);
	free(ending);
}

/* Not believed from here on, also should the database fail: then the caller hears of it, and
 * only a restart would forget. */
void sessions_end(struct sessions *s, const struct auth_ended *session, store_done_fn done,
		  void *ctx)
{
	struct ending *ending;
	struct json_object *setting;

	forget_the_over(s);
	if (s->n_ended == AUTH_ENDED_MAX) {
		sessions_revoke(s, done, ctx);
		return;
	}
	s->ended[s->n_ended++] = *session;
	auth_set_ended(s->auth, s->ended, s->n_ended);
	ending = mem_alloc(sizeof(*ending));
	*ending = (struct ending){ .sessions = s, .done = done, .ctx = ctx };
	setting = json_object_new_object();
	json_take(setting, ENDED_SETTING, ended_to_json(s));
	store_put_settings(s->store, setting, on_ended, ending);
}

struct json_object *sessions_to_json(const struct sessions *s)
{
	struct json_object *object = json_object_new_object();
	char hex[2 * TOKEN_KEY_BYTES + 1];

	json_add_cstr(object, "secret",
		      sodium_bin2hex(hex, sizeof(hex), s->secret, sizeof(s->secret)));
	json_add_u64(object, "epoch", s->epoch);
	json_take(object, "ended", ended_to_json(s));
	return object;
}
