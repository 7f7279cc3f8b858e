#include "common/auth.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/error.h"

static const unsigned char secret[TOKEN_KEY_BYTES] = "a key that is thirty-two bytes.";

enum {
	NOW_S = 1000,
	EPOCH = 3,
};

static char *hash_of(const char *key)
{
	unsigned char hash[crypto_hash_sha256_BYTES];
	char hex[2 * sizeof(hash) + 1];

	(void)crypto_hash_sha256(hash, (const unsigned char *)key, strlen(key));
	return mem_strdup(sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)));
}

static struct auth *make(enum auth_mode mode)
{
	AUTO_CSTR viewer = hash_of("watch-only-0001");
	AUTO_CSTR operator_ = hash_of("do-things-0002");
	AUTO_CSTR keys = mem_printf("graphs:viewer:%s, script:operator:%s", viewer, operator_);
	struct error err;
	struct auth *auth = auth_new(mode, str_from(keys), &err);

	assert_non_null(auth);
	auth_set_secret(auth, secret, EPOCH);
	return auth;
}

static char *cookie_of(const char *before, uint64_t epoch, const char *after)
{
	struct session session = {
		.user = "ada", .role = ROLE_OPERATOR, .expires_s = NOW_S + 10, .epoch = epoch
	};
	char token[TOKEN_MAX];

	token_make(secret, &session, token);
	return mem_printf("%s" AUTH_COOKIE "=%s%s", before, token, after);
}

static int ask(const struct auth *auth, struct auth_headers headers, struct identity *ret)
{
	struct error err;
	int result = auth_identify(auth, &headers, NOW_S, ret, &err);

	if (result < 0)
		assert_int_equal(err.code, ERR_SIGN_IN);
	return result;
}

static void without_sign_in_everybody_is_the_administrator(void **state)
{
	AUTO(auth) auth = make(AUTH_NONE);
	struct identity who;

	(void)state;
	assert_int_equal(ask(auth, (struct auth_headers){ NULL }, &who), 0);
	assert_int_equal(who.kind, AUTH_ANYBODY);
	assert_int_equal(who.role, ROLE_ADMIN);
	assert_string_equal(who.name, "");
	assert_true(auth_holds(auth, &who, INT64_MAX));
}

static void a_session_is_taken_from_the_cookies(void **state)
{
	static const struct {
		const char *before;
		const char *after;
	} rows[] = { { "", "" },
		     { "theme=dark; ", "" },
		     { "a=b;", "; c=d" },
		     { "x" AUTH_COOKIE "=no; ", "; " AUTH_COOKIE "=second" } };
	AUTO(auth) auth = make(AUTH_PASSWORD);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR cookie = cookie_of(rows[i].before, EPOCH, rows[i].after);
		struct identity who;

		assert_int_equal(ask(auth, (struct auth_headers){ .cookie = cookie }, &who), 0);
		assert_int_equal(who.kind, AUTH_SESSION);
		assert_string_equal(who.name, "ada");
		assert_int_equal(who.role, ROLE_OPERATOR);
		assert_int_equal(who.expires_s, NOW_S + 10);
	}
}

static void who_shows_nothing_or_something_else_stays_outside(void **state)
{
	AUTO_CSTR later = cookie_of("", EPOCH + 1, "");
	AUTO_CSTR hidden = cookie_of("x", EPOCH, "");
	AUTO_CSTR long_ = mem_printf("%s%09000d", AUTH_COOKIE "=", 1);
	const struct auth_headers rows[] = {
		{ NULL },
		{ .cookie = "" },
		{ .cookie = AUTH_COOKIE "=" },
		{ .cookie = AUTH_COOKIE "=s2.x.y" },
		{ .cookie = later },
		{ .cookie = hidden },
		{ .cookie = long_ },
		{ .authorization = "Bearer " },
		{ .authorization = "Bearer guess" },
		{ .authorization = "Basic YTpi" },
		{ .user = "ada" }, /* nobody asked the web server */
	};
	AUTO(auth) auth = make(AUTH_PASSWORD);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct identity who;

		assert_int_equal(ask(auth, rows[i], &who), -1);
	}
}

static void a_key_has_its_name_and_its_role(void **state)
{
	AUTO_CSTR cookie = cookie_of("", EPOCH, "");
	AUTO(auth) password = make(AUTH_PASSWORD);
	AUTO(auth) proxy = make(AUTH_PROXY);
	struct identity who;

	(void)state;
	assert_int_equal(ask(password,
			     (struct auth_headers){ .authorization = "Bearer watch-only-0001" },
			     &who),
			 0);
	assert_int_equal(who.kind, AUTH_KEY);
	assert_string_equal(who.name, "graphs");
	assert_int_equal(who.role, ROLE_VIEWER);
	assert_int_equal(
		ask(proxy, (struct auth_headers){ .authorization = "bearer  do-things-0002 " },
		    &who),
		0);
	assert_string_equal(who.name, "script");
	assert_int_equal(who.role, ROLE_OPERATOR);
	assert_true(auth_holds(proxy, &who, INT64_MAX));
	/* Whoever shows a key means it. */
	assert_int_equal(
		ask(password,
		    (struct auth_headers){ .authorization = "Bearer guess", .cookie = cookie },
		    &who),
		-1);
}

static void the_web_server_may_say_who_it_is(void **state)
{
	AUTO_CSTR cookie = cookie_of("", EPOCH, "");
	AUTO(auth) auth = make(AUTH_PROXY);
	struct identity who;

	(void)state;
	assert_int_equal(ask(auth, (struct auth_headers){ .user = "ada@example.org" }, &who),
			 0);
	assert_int_equal(who.kind, AUTH_USER);
	assert_string_equal(who.name, "ada@example.org");
	assert_int_equal(ask(auth, (struct auth_headers){ .user = "" }, &who), -1);
	assert_int_equal(ask(auth, (struct auth_headers){ .user = "a\nb" }, &who), -1);
	assert_int_equal(ask(auth, (struct auth_headers){ .cookie = cookie }, &who), -1);
}

static void a_session_ends_with_its_time_or_its_epoch(void **state)
{
	AUTO_CSTR cookie = cookie_of("", EPOCH, "");
	AUTO(auth) auth = make(AUTH_PASSWORD);
	struct identity who;

	(void)state;
	assert_int_equal(ask(auth, (struct auth_headers){ .cookie = cookie }, &who), 0);
	assert_true(auth_holds(auth, &who, NOW_S + 9));
	assert_false(auth_holds(auth, &who, NOW_S + 10));
	auth_set_secret(auth, secret, EPOCH + 1);
	assert_false(auth_holds(auth, &who, NOW_S));
	assert_int_equal(ask(auth, (struct auth_headers){ .cookie = cookie }, &who), -1);
}

static void before_the_secret_is_known_no_session_is_believed(void **state)
{
	/* Not even one that is signed with zeros. */
	static const unsigned char zeros[TOKEN_KEY_BYTES];
	struct session session = { .user = "eve", .role = ROLE_ADMIN, .expires_s = INT64_MAX };
	char token[TOKEN_MAX];
	AUTO_CSTR cookie = NULL;
	struct error err;
	AUTO(auth) auth = auth_new(AUTH_PASSWORD, S(""), &err);
	struct identity who;

	(void)state;
	token_make(zeros, &session, token);
	cookie = mem_printf(AUTH_COOKIE "=%s", token);
	assert_int_equal(ask(auth, (struct auth_headers){ .cookie = cookie }, &who), -1);
}

static void keys_that_make_no_sense_are_refused_without_being_told(void **state)
{
	AUTO_CSTR hash = hash_of("x");
	AUTO_CSTR many = mem_printf("k:viewer:%s", hash);
	char *rows[] = { mem_printf("sesame-open"),     mem_printf("a:viewer"),
			 mem_printf("a:king:%s", hash), mem_printf("a:viewer:%s0", hash),
			 mem_printf("a:viewer:sesame"), mem_printf(":viewer:%s", hash) };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_null(auth_new(AUTH_PASSWORD, str_from(rows[i]), &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_null(strstr(err.text, "sesame"));
		free(rows[i]);
	}
	for (size_t i = 0; i < AUTH_KEYS_MAX; i++) {
		char *longer = mem_printf("%s,k:viewer:%s", many, hash);

		free(many);
		many = longer;
	}
	assert_null(auth_new(AUTH_PASSWORD, str_from(many), &err));
}

static void other_keys_take_the_place_of_the_old_ones_or_nothing_does(void **state)
{
	static const struct auth_headers old = { .authorization = "Bearer watch-only-0001" };
	static const struct auth_headers fresh = { .authorization = "Bearer fresh-key-0003" };
	AUTO(auth) auth = make(AUTH_PASSWORD);
	AUTO_CSTR hash = hash_of("fresh-key-0003");
	AUTO_CSTR keys = mem_printf("graphs:admin:%s", hash);
	struct identity was;
	struct identity who;
	struct error err;

	(void)state;
	assert_int_equal(ask(auth, old, &was), 0);
	assert_int_equal(auth_set_keys(auth, S("graphs:king:00"), &err), -1);
	assert_int_equal(ask(auth, old, &who), 0);
	assert_true(auth_holds(auth, &was, NOW_S));
	assert_int_equal(auth_set_keys(auth, str_from(keys), &err), 0);
	assert_int_equal(ask(auth, old, &who), -1);
	assert_int_equal(ask(auth, fresh, &who), 0);
	assert_int_equal(who.role, ROLE_ADMIN);
	assert_int_equal(auth_set_keys(auth, S(""), &err), 0);
	assert_int_equal(ask(auth, fresh, &who), -1);
	assert_false(auth_holds(auth, &was, NOW_S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_sign_in_everybody_is_the_administrator),
		cmocka_unit_test(a_session_is_taken_from_the_cookies),
		cmocka_unit_test(who_shows_nothing_or_something_else_stays_outside),
		cmocka_unit_test(a_key_has_its_name_and_its_role),
		cmocka_unit_test(the_web_server_may_say_who_it_is),
		cmocka_unit_test(a_session_ends_with_its_time_or_its_epoch),
		cmocka_unit_test(before_the_secret_is_known_no_session_is_believed),
		cmocka_unit_test(other_keys_take_the_place_of_the_old_ones_or_nothing_does),
		cmocka_unit_test(keys_that_make_no_sense_are_refused_without_being_told),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
