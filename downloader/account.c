#include "downloader/account.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "common/schema.h"
#include "downloader/hub_ask.h"
#include "downloader/hub_parse_account.h"
#include "downloader/hub_url.h"
#include "downloader/secret.h"

#define TOKEN_SETTING   "hub.token"
#define ACCOUNT_SETTING "hub.account"

enum {
	SETTING_DEPTH = 3,
};

static const char purpose[8] = { 'h', 'u', 'b', 't', 'o', 'k', 'e', 'n' };

struct account {
	struct store *store;
	struct hub *hub;
	char *env_token;
	unsigned char secret[SECRET_BYTES];
	unsigned generation; /* raised by each change that is asked for */
	bool is_stored;
	struct hub_account who; /* name "": not known */
	int64_t checked_ms;
};

/* A token that is looked at, set or forgotten. */
struct change {
	struct account *account;
	unsigned generation;    /* of the account, when it was asked for */
	char *token;            /* NULL: the one in use, or forgotten */
	struct hub_account who; /* the worker's while it parses */
	int64_t checked_ms;
	account_done_fn done;
	void *ctx;
};

static void wipe(char **text)
{
	if (*text != NULL)
		sodium_memzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}

static void end(struct change *change, const struct error *err)
{
	change->done(change->ctx, err);
	wipe(&change->token);
	free(change);
}

static struct change *change_new(struct account *account, struct str token,
				 account_done_fn done, void *ctx)
{
	struct change *change = mem_alloc(sizeof(*change));

	change->account = account;
	change->generation = account->generation;
	change->token = token.n > 0 ? str_dup(token) : NULL;
	change->done = done;
	change->ctx = ctx;
	return change;
}

/* --- what is kept --- */

static void load_account(struct account *account, const char *value)
{
	AUTO_JSON object = NULL;
	struct error unused;
	struct str name;
	struct str role;

	if (json_parse(str_from(value), SETTING_DEPTH, &object, &unused) < 0)
		return;
	name = str_sub(json_get_str(object, "name"), 0, sizeof(account->who.name) - 1);
	role = str_sub(json_get_str(object, "role"), 0, sizeof(account->who.role) - 1);
	memcpy(account->who.name, name.p != NULL ? name.p : "", name.n);
	memcpy(account->who.role, role.p != NULL ? role.p : "", role.n);
	account->checked_ms = json_get_int(object, "checked_ms", 0);
}

static void load_token(struct account *account, const char *value)
{
	AUTO_JSON object = NULL;
	struct error unused;
	char *token;

	if (json_parse(str_from(value), SETTING_DEPTH, &object, &unused) < 0)
		return;
	token = secret_open(account->secret, purpose, json_get_str(object, "sealed"));
	if (token == NULL) {
		log_warning("the Hub's token was sealed with another secret.key: set it again");
		return;
	}
	log_hide(str_from(token));
	hub_set_token(account->hub, token);
	account->is_stored = true;
	wipe(&token);
}

static void on_loaded(void *ctx, const char *name, const char *value)
{
	if (strcmp(name, TOKEN_SETTING) == 0)
		load_token(ctx, value);
	if (strcmp(name, ACCOUNT_SETTING) == 0)
		load_account(ctx, value);
}

struct account *account_new(struct store *store, struct hub *hub, const char *state_dir,
			    const char *env_token, struct error *err)
{
	AUTO(account) account = mem_alloc(sizeof(*account));

	account->store = store;
	account->hub = hub;
	account->env_token = mem_strdup(env_token);
	if (secret_load(state_dir, account->secret, err) < 0 ||
	    store_load_settings(store, on_loaded, account, err) < 0)
		return NULL;
	if (!account->is_stored) /* what was known was of the other */
		account->who = (struct hub_account){ .name = "" };
	return MOVE(account);
}

void account_free(struct account **account)
{
	if (*account == NULL)
		return;
	wipe(&(*account)->env_token);
	sodium_memzero((*account)->secret, sizeof((*account)->secret));
	free(*account);
	*account = NULL;
}

void account_set_env(struct account *account, const char *env_token)
{
	if (strcmp(env_token, account->env_token) == 0)
		return;
	wipe(&account->env_token);
	account->env_token = mem_strdup(env_token);
	if (account->is_stored)
		return;
	account->who = (struct hub_account){ .name = "" };
	hub_set_token(account->hub, env_token);
}

struct json_object *account_to_json(const struct account *account)
{
	struct json_object *object = json_object_new_object();
	bool has_env = account->env_token[0] != '\0';
	bool is_known = account->who.name[0] != '\0';

	json_add_bool(object, "set", account->is_stored || has_env);
	json_add_cstr(object, "source",
		      account->is_stored ? "stored"
		      : has_env          ? "environment"
					 : NULL);
	json_add_cstr(object, "account", is_known ? account->who.name : NULL);
	json_add_cstr(object, "role", account->who.role[0] != '\0' ? account->who.role : NULL);
	json_add_time(object, "checked_at", is_known ? account->checked_ms : 0);
	return object;
}

/* --- asking --- */

static int parse(void *ctx, struct str body, bool is_last, struct error *err)
{
	struct change *change = ctx;

	(void)is_last;
	return hub_parse_account(body, &change->who, err);
}

static bool is_refusal(const struct error *err)
{
	return err->code == ERR_UNAUTHORIZED || err->code == ERR_GATED;
}

static void ask(struct change *change,
		void (*done)(void *ctx, const char *next_page, const struct error *err))
{
	struct hub *hub = change->account->hub;
	const struct hub_ask_hooks hooks = { .parse = parse,
					     .done = done,
					     .bearer = change->token };

	(void)hub_ask(hub, hub_url_whoami(hub_endpoint(hub)), "the token", NULL, &hooks,
		      change);
}

static void on_looked(void *ctx, const char *next_page, const struct error *err)
{
	struct change *change = ctx;

	(void)next_page;
	if (err == NULL && change->generation == change->account->generation) {
		change->account->who = change->who;
		change->account->checked_ms = clock_unix_ms();
	}
	end(change, err);
}

static void look_at_nothing(void *ctx)
{
	end(ctx, NULL);
}

void account_look(struct account *account, account_done_fn done, void *ctx)
{
	struct change *change = change_new(account, (struct str){ .n = 0 }, done, ctx);
	struct error unused;

	if (account->who.name[0] != '\0' || !hub_has_token(account->hub) ||
	    hub_check_online(account->hub, &unused) < 0)
		loop_defer(hub_loop(account->hub), look_at_nothing, change);
	else
		ask(change, on_looked);
}

/* --- setting and forgetting --- */

/* It is committed: from here on it counts. */
static void on_saved(void *ctx, const struct error *err)
{
	struct change *change = ctx;
	struct account *account = change->account;

	if (err == NULL) {
		account->is_stored = change->token != NULL;
		account->who = change->who;
		account->checked_ms = change->checked_ms;
		hub_set_token(account->hub,
			      account->is_stored ? change->token : account->env_token);
	}
	end(change, err);
}

static void save(struct change *change)
{
	struct json_object *settings = json_object_new_object();
	struct json_object *token = NULL;
	struct json_object *who = NULL;

	if (change->token != NULL) {
		AUTO_CSTR sealed =
			secret_seal(change->account->secret, purpose, str_from(change->token));

		token = json_object_new_object();
		json_add_cstr(token, "sealed", sealed);
		who = json_object_new_object();
		json_add_cstr(who, "name", change->who.name);
		json_add_cstr(who, "role", change->who.role);
		json_add_int(who, "checked_ms", change->checked_ms);
	}
	json_take(settings, TOKEN_SETTING, token);
	json_take(settings, ACCOUNT_SETTING, who);
	store_put_settings(change->account->store, settings, on_saved, change);
}

static void on_asked(void *ctx, const char *next_page, const struct error *err)
{
	struct change *change = ctx;
	struct error refusal;

	(void)next_page;
	if (change->generation != change->account->generation) {
		(void)error_set(&refusal, ERR_EXISTS, "the token was changed meanwhile");
		end(change, &refusal);
		return;
	}
	/* A mirror may not know the question: then the token is kept unasked. */
	if (err == NULL || err->code == ERR_NOT_FOUND) {
		change->checked_ms = err == NULL ? clock_unix_ms() : 0;
		save(change);
		return;
	}
	if (is_refusal(err)) {
		(void)error_set_field(&refusal, "token", "the Hub does not know this token");
		err = &refusal;
	}
	end(change, err);
}

static void refuse(void *ctx)
{
	struct error err;

	(void)error_set_field(&err, "token",
			      "token is not 1 to %d letters, digits and signs of ASCII",
			      SCHEMA_TOKEN_MAX);
	end(ctx, &err);
}

static bool is_token(struct str token)
{
	for (size_t i = 0; i < token.n; i++) {
		if (token.p[i] < 0x21 || token.p[i] > 0x7e)
			return false;
	}
	return token.n > 0 && token.n <= SCHEMA_TOKEN_MAX;
}

void account_set(struct account *account, struct str token, account_done_fn done, void *ctx)
{
	struct change *change;
	struct error unused;

	account->generation++;
	change = change_new(account, token, done, ctx);
	if (!is_token(token)) {
		loop_defer(hub_loop(account->hub), refuse, change);
		return;
	}
	log_hide(token);
	if (hub_check_online(account->hub, &unused) < 0)
		save(change);
	else
		ask(change, on_asked);
}

void account_forget(struct account *account, account_done_fn done, void *ctx)
{
	account->generation++;
	save(change_new(account, (struct str){ .n = 0 }, done, ctx));
}
