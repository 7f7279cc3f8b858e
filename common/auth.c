#include "common/auth.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/error.h"
#include "common/json.h"
#include "common/quote.h"

struct key {
	char name[TOKEN_USER_MAX + 1];
	enum role role;
	unsigned char hash[crypto_hash_sha256_BYTES];
};

struct auth {
	enum auth_mode mode;
	struct key keys[AUTH_KEYS_MAX];
	size_t n_keys;
	bool has_secret;
	unsigned char secret[TOKEN_KEY_BYTES];
	uint64_t epoch;
	uint64_t secrets; /* that were replaced by others */
	struct auth_ended *ended;
	size_t n_ended;
};

static const char *const mode_names[] = { "none", "password", "proxy" };

static_assert(ARRAY_LEN(mode_names) == AUTH_MODE_COUNT, "every mode has its name");

const char *auth_mode_name(enum auth_mode mode)
{
	return mode_names[mode];
}

static int read_hash(struct str hex, unsigned char ret[crypto_hash_sha256_BYTES])
{
	const char *end = NULL;
	size_t n = 0;

	return sodium_hex2bin(ret, crypto_hash_sha256_BYTES, hex.p, hex.n, NULL, &n, &end) ==
				       0 &&
			       n == crypto_hash_sha256_BYTES && end == hex.p + hex.n
		       ? 0
		       : -1;
}

/* Nothing of a bad one is repeated but its name: it may be the key itself. */
static int add_key(struct auth *auth, struct str text, struct error *err)
{
	struct key *key = &auth->keys[auth->n_keys];
	struct str name;
	struct str role;

	if (auth->n_keys == AUTH_KEYS_MAX)
		return error_set(err, ERR_INVALID, "there are more than %d keys",
				 AUTH_KEYS_MAX);
	if (!str_next(&text, ':', &name) || !token_is_user(name) || text.p == NULL)
		return error_set(err, ERR_INVALID, "key %zu is not of the form name:role:hash",
				 auth->n_keys + 1);
	if (!str_next(&text, ':', &role) || role_from_name(role, &key->role) < 0)
		return error_set(err, ERR_INVALID,
				 "the role of key %s is none of viewer, operator, admin",
				 quote_text(name).text);
	if (read_hash(text, key->hash) < 0)
		return error_set(err, ERR_INVALID,
				 "the hash of key %s is not a SHA-256 of 64 hex digits",
				 quote_text(name).text);
	memcpy(key->name, name.p, name.n);
	auth->n_keys++;
	return 0;
}

struct auth *auth_new(enum auth_mode mode, struct str keys, struct error *err)
{
	AUTO(auth) auth = mem_alloc(sizeof(*auth));
	struct str part;

	auth->mode = mode;
	while (keys.n > 0 && str_next(&keys, ',', &part)) {
		if (add_key(auth, str_trim(part), err) < 0)
			return NULL;
	}
	return MOVE(auth);
}

int auth_set_keys(struct auth *auth, struct str keys, struct error *err)
{
	AUTO(auth) fresh = auth_new(auth->mode, keys, err);

	if (fresh == NULL)
		return -1;
	memcpy(auth->keys, fresh->keys, sizeof(auth->keys));
	auth->n_keys = fresh->n_keys;
	return 0;
}

void auth_free(struct auth **auth)
{
	if (*auth == NULL)
		return;
	free((*auth)->ended);
	sodium_memzero(*auth, sizeof(**auth));
	free(*auth);
	*auth = NULL;
}

void auth_set_secret(struct auth *auth, const unsigned char secret[TOKEN_KEY_BYTES],
		     uint64_t epoch)
{
	if (auth->has_secret && sodium_memcmp(auth->secret, secret, TOKEN_KEY_BYTES) != 0)
		auth->secrets++;
	memcpy(auth->secret, secret, TOKEN_KEY_BYTES);
	auth->epoch = epoch;
	auth->has_secret = true;
}

size_t auth_read_ended(struct json_object *list, struct auth_ended ret[AUTH_ENDED_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < json_object_array_length(list) && n < AUTH_ENDED_MAX; i++) {
		struct json_object *row = json_object_array_get_idx(list, i);
		struct str hex = json_get_str(row, "id");
		size_t n_bytes = 0;

		if (sodium_hex2bin(ret[n].id, TOKEN_ID_BYTES, hex.p, hex.n, NULL, &n_bytes,
				   NULL) != 0 ||
		    n_bytes != TOKEN_ID_BYTES)
			continue;
		ret[n++].expires_s = json_get_int(row, "expires", 0);
	}
	return n;
}

void auth_set_ended(struct auth *auth, const struct auth_ended *ended, size_t n)
{
	assert(n <= AUTH_ENDED_MAX);
	free(auth->ended);
	auth->ended = mem_array(n, sizeof(*auth->ended));
	if (n > 0)
		memcpy(auth->ended, ended, n * sizeof(*ended));
	auth->n_ended = n;
}

static bool has_ended(const struct auth *auth, const unsigned char id[TOKEN_ID_BYTES])
{
	for (size_t i = 0; i < auth->n_ended; i++) {
		if (memcmp(auth->ended[i].id, id, TOKEN_ID_BYTES) == 0)
			return true;
	}
	return false;
}

void auth_make_session(const struct auth *auth, const char *user, enum role role,
		       int64_t expires_s, char ret[TOKEN_MAX])
{
	struct session session = { .role = role, .expires_s = expires_s, .epoch = auth->epoch };

	assert(auth->has_secret && token_is_user(str_from(user)));
	memcpy(session.user, user, strlen(user) + 1);
	token_make(auth->secret, &session, ret);
}

void auth_csrf_token(const struct auth *auth, const struct identity *identity,
		     char ret[AUTH_CSRF_MAX])
{
	unsigned char text[TOKEN_ID_BYTES + 4] = "csrf";
	unsigned char mac[crypto_auth_BYTES];

	memcpy(text + 4, identity->id, TOKEN_ID_BYTES);
	(void)crypto_auth(mac, text, sizeof(text), auth->secret);
	(void)sodium_bin2hex(ret, AUTH_CSRF_MAX, mac, (AUTH_CSRF_MAX - 1) / 2);
}

/* Every key is compared, so that the time tells nothing. */
static int identify_key(const struct auth *auth, struct str text, struct identity *ret,
			struct error *err)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	const struct key *found = NULL;

	(void)crypto_hash_sha256(hash, (const unsigned char *)text.p, text.n);
	for (size_t i = 0; i < auth->n_keys; i++) {
		if (sodium_memcmp(hash, auth->keys[i].hash, sizeof(hash)) == 0)
			found = &auth->keys[i];
	}
	if (found == NULL)
		return error_set(err, ERR_SIGN_IN, "there is no such key");
	*ret = (struct identity){ .kind = AUTH_KEY, .role = found->role };
	memcpy(ret->name, found->name, sizeof(ret->name));
	memcpy(ret->id, found->hash, TOKEN_ID_BYTES);
	return 0;
}

/* Of two cookies of that name the first counts: it is the one for the longer path (RFC 6265,
 * 5.4). */
static struct str find_cookie(struct str header)
{
	struct str part;

	while (str_next(&header, ';', &part)) {
		part = str_trim(part);
		if (str_has_prefix(part, S(AUTH_COOKIE "=")))
			return str_sub(part, strlen(AUTH_COOKIE "="), part.n);
	}
	return S("");
}

static int identify_session(const struct auth *auth, struct str header, int64_t now_s,
			    struct identity *ret, struct error *err)
{
	struct str token = find_cookie(header);
	struct session session;

	if (token.n == 0 || !auth->has_secret)
		return error_set(err, ERR_SIGN_IN, "nobody is signed in");
	if (token_read(auth->secret, token, now_s, &session, err) < 0)
		return -1;
	if (session.epoch != auth->epoch)
		return error_set(err, ERR_SIGN_IN, "the session was revoked");
	if (has_ended(auth, session.id))
		return error_set(err, ERR_SIGN_IN, "the session was signed out of");
	*ret = (struct identity){ .kind = AUTH_SESSION,
				  .role = session.role,
				  .expires_s = session.expires_s,
				  .epoch = session.epoch,
				  .secrets = auth->secrets };
	memcpy(ret->name, session.user, sizeof(ret->name));
	memcpy(ret->id, session.id, TOKEN_ID_BYTES);
	return 0;
}

static int identify_user(struct str name, struct identity *ret, struct error *err)
{
	if (!token_is_user(name))
		return error_set(err, ERR_SIGN_IN, "the web server names no user");
	*ret = (struct identity){ .kind = AUTH_USER, .role = ROLE_ADMIN };
	memcpy(ret->name, name.p, name.n);
	return 0;
}

int auth_identify(const struct auth *auth, const struct auth_headers *headers, int64_t now_s,
		  struct identity *ret, struct error *err)
{
	struct str bearer = str_from(headers->authorization);
	struct str cookie = str_from(headers->cookie);

	if (auth->mode == AUTH_NONE) {
		*ret = (struct identity){ .kind = AUTH_ANYBODY, .role = ROLE_ADMIN };
		return 0;
	}
	if (bearer.n > AUTH_HEADER_MAX || cookie.n > AUTH_HEADER_MAX)
		return error_set(err, ERR_SIGN_IN, "the header is too long");
	if (str_has_prefix_nocase(bearer, S("Bearer ")))
		return identify_key(auth, str_trim(str_sub(bearer, 7, bearer.n)), ret, err);
	if (auth->mode == AUTH_PROXY)
		return identify_user(str_from(headers->user), ret, err);
	return identify_session(auth, cookie, now_s, ret, err);
}

static bool has_key(const struct auth *auth, const struct identity *identity)
{
	for (size_t i = 0; i < auth->n_keys; i++) {
		if (memcmp(auth->keys[i].hash, identity->id, TOKEN_ID_BYTES) == 0)
			return auth->keys[i].role == identity->role;
	}
	return false;
}

bool auth_holds(const struct auth *auth, const struct identity *identity, int64_t now_s)
{
	if (identity->kind == AUTH_KEY)
		return has_key(auth, identity);
	return identity->kind != AUTH_SESSION ||
	       (now_s < identity->expires_s && identity->epoch == auth->epoch &&
		identity->secrets == auth->secrets && !has_ended(auth, identity->id));
}

int auth_check_hash(struct str hash, struct error *err)
{
	if (hash.n == 0 || str_has_prefix(hash, S(crypto_pwhash_STRPREFIX)))
		return 0;
	return error_set(err, ERR_INVALID, "not what `larder hash-password` makes");
}
