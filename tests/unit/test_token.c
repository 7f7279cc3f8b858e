#include "common/token.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "common/error.h"

static const unsigned char key[TOKEN_KEY_BYTES] = "a key that is thirty-two bytes.";
static const struct session ada = {
	.user = "ada", .role = ROLE_OPERATOR, .expires_s = 2000, .epoch = 7
};

static void what_was_signed_is_believed_until_it_is_over(void **state)
{
	char token[TOKEN_MAX];
	struct session got;
	struct error err;

	(void)state;
	token_make(key, &ada, token);
	assert_int_equal(token_read(key, str_from(token), 1999, &got, &err), 0);
	assert_string_equal(got.user, "ada");
	assert_int_equal(got.role, ROLE_OPERATOR);
	assert_int_equal(got.expires_s, 2000);
	assert_int_equal(got.epoch, 7);
	assert_int_equal(token_read(key, str_from(token), 2000, &got, &err), -1);
	assert_int_equal(err.code, ERR_SIGN_IN);
	assert_string_equal(err.text, "the session is over");
}

/* Each bit of it, and each length. */
static void what_was_changed_is_not_believed(void **state)
{
	char token[TOKEN_MAX];
	struct session got = { .user = "untouched" };
	struct error err;
	size_t n;

	(void)state;
	token_make(key, &ada, token);
	n = strlen(token);
	for (size_t i = 0; i < n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			char wrong[TOKEN_MAX];

			memcpy(wrong, token, sizeof(wrong));
			wrong[i] = (char)((unsigned char)wrong[i] ^ (1U << bit));
			assert_int_equal(
				token_read(key, (struct str){ wrong, n }, 0, &got, &err), -1);
			assert_int_equal(err.code, ERR_SIGN_IN);
		}
		assert_int_equal(token_read(key, str_sub(str_from(token), 0, i), 0, &got, &err),
				 -1);
	}
	assert_string_equal(got.user, "untouched");
}

static void another_key_signs_for_nobody(void **state)
{
	unsigned char other[TOKEN_KEY_BYTES];
	char token[TOKEN_MAX];
	struct session got;
	struct error err;

	(void)state;
	memcpy(other, key, sizeof(other));
	other[31] ^= 1;
	token_make(other, &ada, token);
	assert_int_equal(token_read(key, str_from(token), 0, &got, &err), -1);
}

/* Signed as it should be, and yet nothing that we would have made. */
static void nonsense_is_refused_whoever_signed_it(void **state)
{
	static const struct str texts[] = {
		{ "", 0 },
		{ "2000", 4 },
		{ "2000 7 operator", 15 },
		{ "2000 7 operator ", 16 },
		{ "2000 7 king ada", 15 },
		{ "-1 7 operator ada", 17 },
		{ "2000 -7 operator ada", 20 },
		{ "99999999999999999999 7 operator ada", 35 },
		{ "2000 7 operator a\nb", 19 },
		{ "2000 7 operator a\0b", 19 },
		{ "2000 7 operator \xff", 17 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		unsigned char mac[crypto_auth_BYTES];
		char token[TOKEN_MAX] = "s2.";
		struct session got;
		struct error err;
		size_t at;

		(void)sodium_bin2base64(token + 3, sizeof(token) - 3,
					(const unsigned char *)texts[i].p, texts[i].n,
					sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		at = strlen(token);
		(void)crypto_auth(mac, (const unsigned char *)token, at, key);
		token[at++] = '.';
		(void)sodium_bin2base64(token + at, sizeof(token) - at, mac, sizeof(mac),
					sodium_base64_VARIANT_URLSAFE_NO_PADDING);
		assert_int_equal(token_read(key, str_from(token), 0, &got, &err), -1);
	}
}

static void a_user_may_have_any_name_that_can_be_shown(void **state)
{
	static const char *const names[] = { "ada", "Ada Lovelace", "\xc3\xa4rger@example.org",
					     "0123456789012345678901234567890123456789"
					     "012345678901234567890123" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct session session = { .role = ROLE_ADMIN,
					   .expires_s = INT64_MAX,
					   .epoch = UINT64_MAX };
		char token[TOKEN_MAX];
		struct session got;
		struct error err;

		assert_true(token_is_user(str_from(names[i])));
		(void)snprintf(session.user, sizeof(session.user), "%s", names[i]);
		token_make(key, &session, token);
		assert_int_equal(token_read(key, str_from(token), 0, &got, &err), 0);
		assert_string_equal(got.user, names[i]);
		assert_int_equal(got.epoch, UINT64_MAX);
	}
	assert_false(token_is_user(S("")));
	assert_false(token_is_user(S("a\tb")));
	assert_false(token_is_user(S("a\x7f")));
	assert_false(token_is_user(S("\xc3")));
	assert_false(token_is_user(S("01234567890123456789012345678901234567890123456789"
				     "012345678901234")));
}

static void roles_have_names(void **state)
{
	enum role role = ROLE_ADMIN;

	(void)state;
	for (unsigned i = 0; i < ROLE_COUNT; i++) {
		assert_int_equal(role_from_name(str_from(role_name((enum role)i)), &role), 0);
		assert_int_equal(role, i);
	}
	assert_int_equal(role_from_name(S("root"), &role), -1);
	assert_int_equal(role_from_name(S("Admin"), &role), -1);
	assert_int_equal(role, ROLE_ADMIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_signed_is_believed_until_it_is_over),
		cmocka_unit_test(what_was_changed_is_not_believed),
		cmocka_unit_test(another_key_signs_for_nobody),
		cmocka_unit_test(nonsense_is_refused_whoever_signed_it),
		cmocka_unit_test(a_user_may_have_any_name_that_can_be_shown),
		cmocka_unit_test(roles_have_names),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
