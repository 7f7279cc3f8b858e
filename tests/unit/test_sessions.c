#include "downloader/sessions.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "common/error.h"
#include "common/json.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

struct place {
	struct tempdir dir;
	char *state;
	struct loop *loop;
	struct store *store;
	struct auth *auth;
	struct sessions *sessions;
	const char *password_hash;
	unsigned revoked;
};

static void on_revoked(void *ctx)
{
	struct place *p = ctx;

	p->revoked++;
}

static int begin(struct place *p, struct error *err)
{
	struct sessions_hooks hooks = { .revoked = on_revoked, .ctx = p };

	p->loop = loop_new(err);
	p->store = store_new(p->loop, p->state, err);
	p->auth = auth_new(AUTH_PASSWORD, S(""), err);
	assert_non_null(p->store);
	p->sessions = sessions_new(p->store, p->state, p->password_hash, p->auth, &hooks, err);
	return p->sessions == NULL ? -1 : 0;
}

static void end(struct place *p)
{
	store_stop(p->store);
	loop_drain(p->loop);
	sessions_free(&p->sessions);
	auth_free(&p->auth);
	store_free(&p->store);
	loop_free(&p->loop);
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	tempdir_make(&p->dir);
	p->state = tempdir_path(&p->dir, "state");
	p->password_hash = "";
	*state = p;
	return begin(p, &err);
}

static int place_remove(void **state)
{
	struct place *p = *state;

	end(p);
	tempdir_remove(&p->dir);
	free(p->state);
	free(p);
	return 0;
}

/* Signed with what larder-fcgi is told. */
static char *sign(const struct place *p)
{
	AUTO_JSON rules = sessions_to_json(p->sessions);
	struct str hex = json_get_str(rules, "secret");
	struct session session = { .user = "ada",
				   .expires_s = 1000,
				   .epoch = (uint64_t)json_get_int(rules, "epoch", -1) };
	unsigned char secret[TOKEN_KEY_BYTES];
	char token[TOKEN_MAX];
	size_t n = 0;

	assert_int_equal(sodium_hex2bin(secret, sizeof(secret), hex.p, hex.n, NULL, &n, NULL),
			 0);
	assert_int_equal(n, TOKEN_KEY_BYTES);
	token_make(secret, &session, token);
	return mem_printf(AUTH_COOKIE "=%s", token);
}

static bool is_believed(const struct place *p, const char *cookie)
{
	struct auth_headers headers = { .cookie = cookie };
	struct identity who;
	struct error err;

	return auth_identify(p->auth, &headers, 0, &who, &err) == 0;
}

static void on_done(void *ctx, const struct error *err)
{
	bool *is_done = ctx;

	assert_null(err);
	*is_done = true;
}

static void a_secret_is_made_once_and_is_nobody_elses_to_read(void **state)
{
	struct place *p = *state;
	AUTO_CSTR cookie = sign(p);
	AUTO_CSTR path = tempdir_path(&p->dir, "state/secret.key");
	struct error err;
	struct stat st;

	assert_true(is_believed(p, cookie));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_size, TOKEN_KEY_BYTES);
	assert_false(tempdir_has(&p->dir, "state/secret.key.new"));
	end(p);
	assert_int_equal(begin(p, &err), 0);
	assert_true(is_believed(p, cookie));
}

static void a_new_password_ends_what_the_old_one_began(void **state)
{
	static const char *const hashes[] = { "$argon2id$old", "$argon2id$new", "" };
	struct place *p = *state;
	AUTO_CSTR without = sign(p);
	AUTO_CSTR with_old = NULL;
	struct auth_headers headers = { .cookie = without };
	struct identity who;
	struct error err;

	for (size_t i = 0; i < ARRAY_LEN(hashes); i++) {
		end(p);
		p->password_hash = hashes[i];
		assert_int_equal(begin(p, &err), 0);
		if (i == 0)
			with_old = sign(p);
		assert_int_equal(is_believed(p, with_old), i == 0);
		assert_int_equal(is_believed(p, without), hashes[i][0] == '\0');
	}
	assert_int_equal(auth_identify(p->auth, &headers, 0, &who, &err), 0);
	assert_true(auth_holds(p->auth, &who, 0));
	sessions_set_password(p->sessions, hashes[0]);
	assert_false(auth_holds(p->auth, &who, 0));
	assert_true(is_believed(p, with_old));
	assert_false(is_believed(p, without));
	assert_int_equal(p->revoked, 1);
}

static void a_secret_that_cannot_be_right_is_refused(void **state)
{
	static const struct {
		mode_t mode;
		size_t size;
	} rows[] = { { 0640, 32 }, { 0604, 32 }, { 0600, 31 }, { 0600, 33 }, { 0600, 0 } };
	struct place *p = *state;
	AUTO_CSTR path = tempdir_path(&p->dir, "state/secret.key");

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char bytes[33] = "0123456789012345678901234567890";
		struct error err;

		end(p);
		tempdir_write(&p->dir, "state/secret.key", (struct str){ bytes, rows[i].size });
		assert_int_equal(chmod(path, rows[i].mode), 0);
		assert_int_equal(begin(p, &err), -1);
		assert_true(str_has_prefix(str_from(err.text), S("secret.key: ")));
	}
}

static void revoking_ends_all_sessions_for_good(void **state)
{
	struct place *p = *state;
	AUTO_CSTR before = sign(p);
	AUTO_CSTR after = NULL;
	struct error err;

	for (unsigned i = 1; i <= 2; i++) {
		bool is_done = false;

		sessions_revoke(p->sessions, on_done, &is_done);
		assert_int_equal(p->revoked, i - 1); /* not before it is committed */
		loop_until(p->loop, &is_done);
		assert_int_equal(p->revoked, i);
	}
	assert_false(is_believed(p, before));
	after = sign(p);
	assert_true(is_believed(p, after));
	end(p);
	assert_int_equal(begin(p, &err), 0);
	assert_false(is_believed(p, before));
	assert_true(is_believed(p, after));
}

static void one_that_is_signed_out_of_is_over_for_good(void **state)
{
	struct place *p = *state;
	AUTO_CSTR mine = sign(p);
	struct auth_headers headers = { .cookie = mine };
	struct auth_ended ended = { .expires_s = INT64_MAX };
	struct identity who;
	struct error err;
	bool is_done = false;

	assert_int_equal(auth_identify(p->auth, &headers, 0, &who, &err), 0);
	memcpy(ended.id, who.id, sizeof(ended.id));
	sessions_end(p->sessions, &ended, on_done, &is_done);
	assert_false(is_believed(p, mine)); /* at once */
	assert_false(auth_holds(p->auth, &who, 0));
	loop_until(p->loop, &is_done);
	assert_int_equal(p->revoked, 1);
	end(p);
	assert_int_equal(begin(p, &err), 0);
	assert_false(is_believed(p, mine));
}

static void too_many_of_them_revoke_all(void **state)
{
	struct place *p = *state;
	AUTO_CSTR other = sign(p);
	bool is_done = false;

	for (unsigned i = 0; i <= AUTH_ENDED_MAX; i++) {
		struct auth_ended ended = { .expires_s = INT64_MAX };

		memcpy(ended.id, &i, sizeof(i));
		is_done = false;
		assert_true(is_believed(p, other));
		sessions_end(p->sessions, &ended, on_done, &is_done);
		loop_until(p->loop, &is_done);
	}
	assert_false(is_believed(p, other));
}

static void what_is_over_anyway_is_not_kept(void **state)
{
	struct place *p = *state;
	struct auth_ended ended = { .expires_s = 1 };
	AUTO_JSON rules = NULL;
	bool is_done = false;

	sessions_end(p->sessions, &ended, on_done, &is_done);
	loop_until(p->loop, &is_done);
	rules = sessions_to_json(p->sessions);
	assert_int_equal(json_object_array_length(json_get(rules, "ended")), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(a_secret_is_made_once_and_is_nobody_elses_to_read),
		TEST(a_new_password_ends_what_the_old_one_began),
		TEST(a_secret_that_cannot_be_right_is_refused),
		TEST(revoking_ends_all_sessions_for_good),
		TEST(one_that_is_signed_out_of_is_over_for_good),
		TEST(too_many_of_them_revoke_all),
		TEST(what_is_over_anyway_is_not_kept),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
