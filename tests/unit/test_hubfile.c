#include "downloader/hubfile.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/rig.h"

#define DIGEST "3333333333333333333333333333333333333333333333333333333333333333"
#define TARGET "/" RIG_REPO "/resolve/" RIG_COMMIT "/a%20b/m.gguf"

/* What came of a file. */
struct got {
	bool is_done;
	unsigned calls;
	struct error error;
	char bytes[64];
	uint64_t at; /* the offset at which the next bytes must come */
	struct loop *loop;
	struct hubfile *get;
	struct loop_message message;
	bool cancels; /* at the first bytes */
};

static void cancel_now(struct loop_message *message)
{
	struct got *got =
		(struct got *)(void *)((char *)message - offsetof(struct got, message));

	hubfile_cancel(got->get);
}

static int take(void *ctx, struct str bytes, uint64_t offset, struct error *err)
{
	struct got *got = ctx;

	assert(offset == got->at && offset + bytes.n < sizeof(got->bytes));
	memcpy(got->bytes + offset, bytes.p, bytes.n);
	got->at += bytes.n;
	if (got->cancels) {
		got->message.fn = cancel_now;
		loop_post(got->loop, &got->message);
	}
	return str_find(bytes, S("!")) < bytes.n ? error_set(err, ERR_DISK_FULL, "full") : 0;
}

static void on_done(void *ctx, const struct error *err)
{
	struct got *got = ctx;

	got->is_done = true;
	got->calls++;
	got->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
}

/* Ten bytes are promised. */
static void get(struct rig *rig, uint64_t offset, struct got *got)
{
	struct hubfile_request request = {
		.type = REPO_MODEL,
		.repo = RIG_REPO,
		.commit = RIG_COMMIT,
		.path = "a b/m.gguf",
		.digest = DIGEST,
		.size = 10,
		.offset = offset,
		.write = take,
		.done = on_done,
		.ctx = got,
	};
	bool cancels = got->cancels;

	*got = (struct got){ .at = offset, .loop = rig->loop, .cancels = cancels };
	got->get = hubfile_get(rig->hub, &request);
	assert_false(got->is_done);
	loop_until(rig->loop, &got->is_done);
	assert_int_equal(got->calls, 1);
}

static void serve(struct rig *rig, struct answerer_rule rule)
{
	if (rule.target == NULL)
		rule.target = TARGET;
	if (rule.status == NULL)
		rule.status = "200 OK";
	answerer_add(rig->server, rule);
}

static void the_bytes_come_from_the_offset_on(void **state)
{
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){ .body = S("0123456789"), .is_ranged = true });
	for (uint64_t offset = 0; offset < 10; offset++) {
		AUTO_CSTR range = mem_printf("bytes=%llu-9", (unsigned long long)offset);
		struct answerer_seen seen;

		get(rig, offset, &got);
		assert_int_equal(got.error.code, ERR_NONE);
		assert_int_equal(got.at, 10);
		assert_string_equal(got.bytes + offset, &"0123456789"[offset]);
		(void)answerer_count(rig->server, TARGET, &seen);
		assert_string_equal(seen.range, range);
		assert_string_equal(seen.authorization, "Bearer " RIG_TOKEN);
		assert_string_equal(seen.encoding, "identity");
	}
}

static void the_token_stays_at_home_when_a_redirect_leaves(void **state)
{
	struct rig *rig = *state;
	struct answerer *cdn = answerer_start();
	AUTO_CSTR there = answerer_url(cdn, "/blob?X-Sig=1");
	struct answerer_seen seen;
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){ .status = "302 Found",
					   .headers = mem_printf("Location: %s\r\n", there) });
	answerer_add(cdn, (struct answerer_rule){ .target = "/blob?X-Sig=1",
						  .status = "200 OK",
						  .body = S("0123456789"),
						  .is_ranged = true });
	get(rig, 4, &got);
	assert_int_equal(got.error.code, ERR_NONE);
	assert_string_equal(got.bytes + 4, "456789");
	assert_int_equal(answerer_count(cdn, "/", &seen), 1);
	assert_string_equal(seen.authorization, "");
	assert_string_equal(seen.range, "bytes=4-9");
	assert_int_equal(answerer_count(rig->server, TARGET, &seen), 1);
	assert_string_equal(seen.authorization, "Bearer " RIG_TOKEN);
	answerer_stop(&cdn);
}

static void the_token_goes_along_within_the_origin(void **state)
{
	struct rig *rig = *state;
	struct answerer_seen seen;
	struct got got = { .cancels = false };

	serve(rig,
	      (struct answerer_rule){ .status = "307 Temporary Redirect",
				      .headers = mem_strdup("Location: /elsewhere?x=1\r\n") });
	serve(rig, (struct answerer_rule){ .target = "/elsewhere",
					   .body = S("0123456789"),
					   .is_ranged = true });
	get(rig, 0, &got);
	assert_int_equal(got.error.code, ERR_NONE);
	assert_int_equal(answerer_count(rig->server, "/elsewhere?x=1", &seen), 1);
	assert_string_equal(seen.authorization, "Bearer " RIG_TOKEN);
}

static void redirects_have_an_end(void **state)
{
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){ .status = "302 Found",
					   .headers = mem_strdup("Location: " TARGET "\r\n") });
	get(rig, 0, &got);
	assert_int_equal(got.error.code, ERR_HUB_PROTOCOL);
	assert_int_equal(answerer_count(rig->server, "/", NULL), HUB_HOPS_MAX + 1);
}

static void a_redirect_to_another_scheme_is_refused(void **state)
{
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){
			   .status = "302 Found",
			   .headers = mem_strdup("Location: file:///etc/passwd\r\n") });
	get(rig, 0, &got);
	assert_int_equal(got.error.code, ERR_HUB_PROTOCOL);
	assert_int_equal(got.at, 0);
}

/* Answers of the Hub, and what they must lead to, without a single byte let through. */
static void an_answer_that_does_not_fit_lets_no_byte_through(void **state)
{
	static const struct {
		uint64_t offset;
		const char *status;
		const char *headers;
		const char *body;
		enum error_code code;
	} rows[] = {
		/* a range that is another one, or none */
		{ 4, "206 Partial Content", "Content-Range: bytes 3-9/10\r\n", "456789",
		  ERR_HUB_PROTOCOL },
		{ 4, "206 Partial Content", "Content-Range: bytes 4-8/10\r\n", "45678",
		  ERR_HUB_PROTOCOL },
		{ 4, "206 Partial Content", "Content-Range: bytes 4-9/11\r\n", "456789",
		  ERR_HUB_PROTOCOL },
		{ 4, "206 Partial Content", "Content-Range: bytes 4-9/*\r\n", "456789",
		  ERR_HUB_PROTOCOL },
		{ 4, "206 Partial Content", "Content-Range: nonsense\r\n", "456789",
		  ERR_HUB_PROTOCOL },
		{ 4, "206 Partial Content", "", "456789", ERR_HUB_PROTOCOL },
		/* the whole instead of a range */
		{ 4, "200 OK", "", "0123456789", ERR_RANGE_IGNORED },
		/* another length than promised */
		{ 0, "200 OK", "", "012345678", ERR_HUB_PROTOCOL },
		{ 0, "200 OK", "", "0123456789a", ERR_HUB_PROTOCOL },
		{ 0, "200 OK", "", "", ERR_HUB_PROTOCOL },
		{ 0, "204 No Content", "", "", ERR_HUB_PROTOCOL },
		/* compressed */
		{ 0, "200 OK", "Content-Encoding: gzip\r\n", "0123456789", ERR_HUB_PROTOCOL },
		/* refusals */
		{ 0, "404 Not Found", "X-Error-Code: EntryNotFound\r\n", "x", ERR_NOT_FOUND },
		{ 0, "403 Forbidden", "X-Error-Code: GatedRepo\r\n", "x", ERR_GATED },
		{ 0, "429 Too Many Requests", "Retry-After: 7\r\n", "x", ERR_RATE_LIMITED },
		{ 0, "503 Busy", "", "x", ERR_HUB_UNAVAILABLE },
	};
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		serve(rig, (struct answerer_rule){ .status = rows[i].status,
						   .headers = mem_strdup(rows[i].headers),
						   .body = str_from(rows[i].body),
						   .times = 1 });
		get(rig, rows[i].offset, &got);
		assert_int_equal(got.error.code, rows[i].code);
		assert_int_equal(got.at, rows[i].offset);
	}
}

static void a_redirect_that_leads_nowhere_fails(void **state)
{
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){ .status = "302 Found" });
	get(rig, 0, &got);
	assert_int_equal(got.error.code, ERR_HUB_PROTOCOL);
}

static void a_last_hop_for_another_commit_fails(void **state)
{
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	serve(rig,
	      (struct answerer_rule){
		      .headers = mem_strdup(
			      "X-Repo-Commit: 2222222222222222222222222222222222222222\r\n"),
		      .body = S("0123456789") });
	get(rig, 0, &got);
	assert_int_equal(got.error.code, ERR_HUB_PROTOCOL);
}

static void a_middle_hop_that_names_another_file_is_refused(void **state)
{
	static const char *const rows[] = {
		"X-Linked-ETag: "
		"\"2222222222222222222222222222222222222222222222222222222222222222\""
		"\r\n",
		"X-Linked-Size: 11\r\n",
		"X-Linked-Size: ten\r\n",
		"X-Repo-Commit: 2222222222222222222222222222222222222222\r\n",
	};
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		serve(rig, (struct answerer_rule){
				   .status = "302 Found",
				   .headers = mem_printf("Location: /cdn\r\n%s", rows[i]),
				   .times = 1 });
		get(rig, 0, &got);
		assert_int_equal(got.error.code, ERR_HUB_PROTOCOL);
	}
	assert_int_equal(answerer_count(rig->server, "/cdn", NULL), 0);
}

static void a_middle_hop_that_agrees_is_passed(void **state)
{
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){
			   .status = "302 Found",
			   .headers = mem_strdup(
				   "Location: /cdn\r\nX-Linked-ETag: \"" DIGEST
				   "\"\r\nX-Linked-Size: 10\r\nX-Repo-Commit: " RIG_COMMIT
				   "\r\n") });
	serve(rig, (struct answerer_rule){
			   .target = "/cdn", .body = S("0123456789"), .is_ranged = true });
	get(rig, 0, &got);
	assert_int_equal(got.error.code, ERR_NONE);
	assert_string_equal(got.bytes, "0123456789");
}

static void a_cut_connection_tells_how_far_it_came(void **state)
{
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	serve(rig,
	      (struct answerer_rule){ .body = S("0123456789"), .is_ranged = true, .cut = 3 });
	get(rig, 4, &got);
	assert_int_equal(got.error.code, ERR_NETWORK);
	assert_int_equal(got.at, 7);
	assert_string_equal(got.bytes + 4, "456");
}

static void an_answer_without_a_length_must_come_whole_and_no_more(void **state)
{
	static const struct {
		const char *body;
		enum error_code code;
	} rows[] = {
		{ "0123456789", ERR_NONE },
		{ "012345678", ERR_NETWORK },
		{ "0123456789a", ERR_HUB_PROTOCOL },
	};
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		serve(rig, (struct answerer_rule){ .body = str_from(rows[i].body),
						   .is_lengthless = true,
						   .times = 1 });
		get(rig, 0, &got);
		assert_int_equal(got.error.code, rows[i].code);
		assert_true(got.at <= 10);
	}
}

static void a_write_that_fails_ends_it_with_its_reason(void **state)
{
	struct rig *rig = *state;
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){ .body = S("01234567!9"), .is_ranged = true });
	get(rig, 0, &got);
	assert_int_equal(got.error.code, ERR_DISK_FULL);
}

static void cancelling_is_answered_once(void **state)
{
	struct rig *rig = *state;
	struct got got = { .cancels = true };

	serve(rig,
	      (struct answerer_rule){
		      .body = S("0123456789"), .is_ranged = true, .cut = 4, .is_held = true });
	get(rig, 0, &got);
	assert_int_equal(got.error.code, ERR_CANCELLED);
	assert_int_equal(got.at, 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_make, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_bytes_come_from_the_offset_on),
		TEST(the_token_stays_at_home_when_a_redirect_leaves),
		TEST(the_token_goes_along_within_the_origin),
		TEST(redirects_have_an_end),
		TEST(a_redirect_to_another_scheme_is_refused),
		TEST(an_answer_that_does_not_fit_lets_no_byte_through),
		TEST(a_redirect_that_leads_nowhere_fails),
		TEST(a_last_hop_for_another_commit_fails),
		TEST(a_middle_hop_that_names_another_file_is_refused),
		TEST(a_middle_hop_that_agrees_is_passed),
		TEST(a_cut_connection_tells_how_far_it_came),
		TEST(an_answer_without_a_length_must_come_whole_and_no_more),
		TEST(a_write_that_fails_ends_it_with_its_reason),
		TEST(cancelling_is_answered_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
