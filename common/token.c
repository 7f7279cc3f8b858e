#include "common/token.h"

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "common/error.h"

#define VERSION "s2."

enum {
	VARIANT = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
	TEXT_MAX = 160, /* "<expires> <epoch> <role> <nonce> <user>" */
	NONCE_BYTES = 8,
};

static_assert(TOKEN_KEY_BYTES == crypto_auth_KEYBYTES, "the key is crypto_auth's");
static_assert(sizeof(VERSION) + sodium_base64_ENCODED_LEN(TEXT_MAX, VARIANT) +
			      sodium_base64_ENCODED_LEN(crypto_auth_BYTES, VARIANT) <=
		      TOKEN_MAX,
	      "every token has room");

static const char *const role_names[] = { "viewer", "operator", "admin" };

static_assert(ARRAY_LEN(role_names) == ROLE_COUNT, "every role has its name");

const char *role_name(enum role role)
{
	return role_names[role];
}

int role_from_name(struct str name, enum role *ret)
{
	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		if (str_is_equal(name, str_from(role_names[i]))) {
			*ret = (enum role)i;
			return 0;
		}
	}
	return -1;
}

bool token_is_user(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		if ((unsigned char)name.p[i] < 0x20 || name.p[i] == 0x7f)
			return false;
	}
	return name.n > 0 && name.n <= TOKEN_USER_MAX && str_is_utf8(name);
}

void token_make(const unsigned char key[TOKEN_KEY_BYTES], const struct session *session,
		char ret[TOKEN_MAX])
{
	unsigned char mac[crypto_auth_BYTES];
	unsigned char nonce[NONCE_BYTES];
	char hex[2 * NONCE_BYTES + 1];
	char text[TEXT_MAX];
	size_t at = strlen(VERSION);
	int n;

	randombytes_buf(nonce, sizeof(nonce));
	(void)sodium_bin2hex(hex, sizeof(hex), nonce, sizeof(nonce));
	n = snprintf(text, sizeof(text), "%lld %llu %s %s %s", (long long)session->expires_s,
		     (unsigned long long)session->epoch, role_names[session->role], hex,
		     session->user);
	assert(n > 0 && (size_t)n < sizeof(text) && session->expires_s >= 0);
	memcpy(ret, VERSION, at + 1);
	(void)sodium_bin2base64(ret + at, TOKEN_MAX - at, (const unsigned char *)text,
				(size_t)n, VARIANT);
	at = strlen(ret);
	(void)crypto_auth(mac, (const unsigned char *)ret, at, key);
	ret[at++] = '.';
	(void)sodium_bin2base64(ret + at, TOKEN_MAX - at, mac, sizeof(mac), VARIANT);
}

/* libsodium 1.0.18 takes the byte 0xdf for "_": one token would have two spellings. */
static bool is_ascii(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] > 0x7e)
			return false;
	}
	return true;
}

static int decode(struct str text, void *ret, size_t room, size_t *ret_n)
{
	const char *end = NULL;

	return sodium_base642bin(ret, room, text.p, text.n, NULL, ret_n, &end, VARIANT) == 0 &&
			       end == text.p + text.n
		       ? 0
		       : -1;
}

static int parse(struct str text, struct session *ret)
{
	struct str number;
	struct str word;
	uint64_t expires_s = 0;

	if (!str_next(&text, ' ', &number) ||
	    str_to_u64(number, 0, INT64_MAX, &expires_s) < 0 ||
	    !str_next(&text, ' ', &number) ||
	    str_to_u64(number, 0, UINT64_MAX, &ret->epoch) < 0 ||
	    !str_next(&text, ' ', &word) || role_from_name(word, &ret->role) < 0 ||
	    !str_next(&text, ' ', &word) || !token_is_user(text))
		return -1;
	ret->expires_s = (int64_t)expires_s;
	memcpy(ret->user, text.p, text.n);
	ret->user[text.n] = '\0';
	return 0;
}

int token_read(const unsigned char key[TOKEN_KEY_BYTES], struct str token, int64_t now_s,
	       struct session *ret, struct error *err)
{
	size_t dot = str_rfind_char(token, '.');
	struct str signed_part = str_sub(token, 0, dot);
	unsigned char mac[crypto_auth_BYTES];
	char text[TEXT_MAX];
	struct session session = { .epoch = 0 };
	size_t n = 0;

	if (token.n >= TOKEN_MAX || dot == token.n || !is_ascii(token) ||
	    !str_has_prefix(token, S(VERSION)) ||
	    decode(str_sub(token, dot + 1, token.n), mac, sizeof(mac), &n) < 0 ||
	    n != sizeof(mac) ||
	    crypto_auth_verify(mac, (const unsigned char *)signed_part.p, signed_part.n, key) !=
		    0 ||
	    decode(str_sub(signed_part, strlen(VERSION), signed_part.n), text, sizeof(text),
		   &n) < 0 ||
	    parse((struct str){ .p = text, .n = n }, &session) < 0)
		return error_set(err, ERR_SIGN_IN, "the session is not one of ours");
	if (now_s >= session.expires_s)
		return error_set(err, ERR_SIGN_IN, "the session is over");
	memcpy(session.id, mac, TOKEN_ID_BYTES);
	*ret = session;
	return 0;
}
