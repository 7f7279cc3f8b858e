#include "downloader/hubfile.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/origin.h"
#include "tests/unit/rig.h"

#define DIGEST "3333333333333333333333333333333333333333333333333333333333333333"
#define TARGET "/" RIG_REPO "/resolve/" RIG_COMMIT "/a%20b/m.gguf"

static const struct hubfile_identity identity = { .type = REPO_MODEL,
						  .repo = RIG_REPO,
						  .commit = RIG_COMMIT,
						  .path = "a b/m.gguf",
						  .digest = DIGEST,
						  .size = 10 };

/* What came of a range. */
struct got {
	bool is_done;
	unsigned calls;
	unsigned thread;
	struct error error;
	char bytes[64];
	uint64_t at; /* the offset at which the next bytes must come */
	struct loop *loop;
	struct hubfile_get *get;
	struct loop_message message;
	bool cancels;    /* at the first bytes */
	uint64_t enough; /* wants no more from here on; 0: all */
	unsigned flushes;
	bool flush_fails;
};

static void cancel_now(struct loop_message *message)
{
	struct got *got =
		(struct got *)(void *)((char *)message - offsetof(struct got, message));

	hubfile_cancel(got->get);
}

static int take(void *ctx, struct str bytes, struct error *err)
{
	struct got *got = ctx;

	assert(got->at + bytes.n < sizeof(got->bytes));
	memcpy(got->bytes + got->at, bytes.p, bytes.n);
	got->at += bytes.n;
	if (got->cancels) {
		got->message.fn = cancel_now;
		loop_post(got->loop, &got->message);
	}
	if (str_find(bytes, S("!")) < bytes.n)
		return error_set(err, ERR_DISK_FULL, "full");
	return got->enough > 0 && got->at >= got->enough ? 1 : 0;
}

static int flush(void *ctx, struct error *err)
{
	struct got *got = ctx;

	got->flushes++;
	return got->flush_fails ? error_set(err, ERR_DISK_ERROR, "flush") : 0;
}

static void on_done(void *ctx, unsigned thread, const struct error *err)
{
	struct got *got = ctx;

	got->is_done = true;
	got->calls++;
	got->thread = thread;
	got->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
}

/* A range of ten bytes that are promised. */
static void get_range(struct rig *rig, struct hubfile *from, uint64_t first, uint64_t end,
		      struct got *got)
{
	struct hubfile_range range = { .first = first,
				       .end = end,
				       .write = take,
				       .flush = flush,
				       .done = on_done,
				       .ctx = got };
	struct got wish = *got;

	*got = (struct got){ .at = first,
			     .loop = rig->loop,
			     .cancels = wish.cancels,
			     .enough = wish.enough,
			     .flush_fails = wish.flush_fails };
	got->get = hubfile_get(from, &range);
	assert_false(got->is_done);
	loop_until(rig->loop, &got->is_done);
	assert_int_equal(got->calls, 1);
	assert_int_not_equal(got->thread, 0);
}

/* From an offset to the end, of a file that nothing is known of. */
static void get(struct rig *rig, uint64_t first, struct got *got)
{
	struct hubfile *from = hubfile_new(rig->hub, &identity);

	get_range(rig, from, first, 10, got);
	hubfile_free(&from);
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

/* One walks; the others go where it ended, without asking the Hub. */
static void the_address_is_found_once_and_shared(void **state)
{
	struct rig *rig = *state;
	struct hubfile *from = hubfile_new(rig->hub, &identity);
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){ .status = "302 Found",
					   .headers = mem_strdup("Location: /cdn\r\n") });
	serve(rig, (struct answerer_rule){
			   .target = "/cdn", .body = S("0123456789"), .is_ranged = true });
	assert_false(hubfile_is_resolved(from));
	for (uint64_t i = 0; i < 5; i++) {
		get_range(rig, from, 2 * i, 2 * i + 2, &got);
		assert_int_equal(got.error.code, ERR_NONE);
		assert_int_equal(got.at, 2 * i + 2);
		assert_true(hubfile_is_resolved(from));
	}
	assert_int_equal(answerer_count(rig->server, TARGET, NULL), 1);
	assert_int_equal(answerer_count(rig->server, "/cdn", NULL), 5);
	hubfile_free(&from);
}

static void one_on_its_way_to_the_address_is_enough(void **state)
{
	struct rig *rig = *state;
	struct hubfile *from = hubfile_new(rig->hub, &identity);
	struct got got = { .loop = rig->loop };
	struct hubfile_range range = { .first = 0,
				       .end = 10,
				       .write = take,
				       .flush = flush,
				       .done = on_done,
				       .ctx = &got };

	serve(rig, (struct answerer_rule){ .status = "503 Busy", .times = 1 });
	assert_true(hubfile_has_room(from));
	got.get = hubfile_get(from, &range);
	assert_false(hubfile_has_room(from));
	loop_until(rig->loop, &got.is_done);
	assert_int_equal(got.error.code, ERR_HUB_UNAVAILABLE);
	assert_true(hubfile_has_room(from)); /* for another try */
	hubfile_free(&from);
}

static void a_server_that_answers_itself_is_resolved_by_its_answer(void **state)
{
	struct rig *rig = *state;
	struct hubfile *from = hubfile_new(rig->hub, &identity);
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){ .body = S("0123456789"), .is_ranged = true });
	get_range(rig, from, 0, 3, &got);
	assert_true(hubfile_is_resolved(from));
	hubfile_free(&from);
}

static void a_refused_address_is_forgotten_and_found_anew(void **state)
{
	struct rig *rig = *state;
	struct answerer *cdn = answerer_start();
	AUTO_CSTR old = answerer_url(cdn, "/old");
	AUTO_CSTR fresh = answerer_url(cdn, "/fresh");
	struct hubfile *from = hubfile_new(rig->hub, &identity);
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){ .status = "302 Found",
					   .headers = mem_printf("Location: %s\r\n", old),
					   .times = 1 });
	serve(rig, (struct answerer_rule){ .status = "302 Found",
					   .headers = mem_printf("Location: %s\r\n", fresh) });
	answerer_add(cdn, (struct answerer_rule){ .target = "/old",
						  .status = "200 OK",
						  .body = S("0123456789"),
						  .is_ranged = true,
						  .times = 1 });
	answerer_add(cdn,
		     (struct answerer_rule){ .target = "/old", .status = "403 Forbidden" });
	answerer_add(cdn, (struct answerer_rule){ .target = "/fresh",
						  .status = "200 OK",
						  .body = S("0123456789"),
						  .is_ranged = true });
	get_range(rig, from, 0, 5, &got);
	get_range(rig, from, 5, 10, &got);
	assert_int_equal(got.error.code, ERR_URL_EXPIRED);
	assert_false(hubfile_is_resolved(from));
	get_range(rig, from, 5, 10, &got);
	assert_int_equal(got.error.code, ERR_NONE);
	assert_string_equal(got.bytes + 5, "56789");
	hubfile_free(&from);
	answerer_stop(&cdn);
}

static void hold_the_first_and_refuse_others(void *ctx, const struct origin_request *request,
					     struct origin_answer *ret)
{
	(void)ctx;
	if (request->first == 0)
		*ret = (struct origin_answer){ .end = ORIGIN_HOLDS, .after = 3 };
	else
		ret->status = "403 Forbidden";
}

/* The one that found the address is where it wanted to be: its long body keeps nobody from
 * asking the Hub for another. */
static void who_has_found_the_address_is_on_its_way_no_more(void **state)
{
	struct rig *rig = *state;
	struct origin *cdn =
		origin_start(S("0123456789"), hold_the_first_and_refuse_others, NULL);
	AUTO_CSTR there = origin_url(cdn, "/blob");
	struct hubfile *from = hubfile_new(rig->hub, &identity);
	struct got finder = { .loop = rig->loop };
	struct got other = { .cancels = false };
	struct hubfile_range range = { .first = 0,
				       .end = 5,
				       .write = take,
				       .flush = flush,
				       .done = on_done,
				       .ctx = &finder };

	serve(rig, (struct answerer_rule){ .status = "302 Found",
					   .headers = mem_printf("Location: %s\r\n", there) });
	finder.get = hubfile_get(from, &range);
	while (!hubfile_is_resolved(from))
		(void)event_base_loop(loop_base(rig->loop), EVLOOP_ONCE);
	get_range(rig, from, 5, 10, &other);
	assert_int_equal(other.error.code, ERR_URL_EXPIRED);
	assert_false(finder.is_done);
	assert_false(hubfile_is_resolved(from));
	assert_true(hubfile_has_room(from));
	origin_release(cdn);
	loop_until(rig->loop, &finder.is_done);
	assert_int_equal(finder.error.code, ERR_NONE);
	assert_true(hubfile_has_room(from));
	hubfile_free(&from);
	origin_stop(&cdn);
}

/* `Expires=` of long ago: either it is over, or our clock is wrong. A refusal would tell. */
static void an_address_that_is_over_by_our_clock_is_tried_all_the_same(void **state)
{
	struct rig *rig = *state;
	struct hubfile *from = hubfile_new(rig->hub, &identity);
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){
			   .status = "302 Found",
			   .headers = mem_strdup("Location: /cdn?Expires=1000\r\n") });
	serve(rig, (struct answerer_rule){
			   .target = "/cdn", .body = S("0123456789"), .is_ranged = true });
	get_range(rig, from, 0, 5, &got);
	assert_true(hubfile_is_resolved(from));
	get_range(rig, from, 5, 10, &got);
	assert_int_equal(answerer_count(rig->server, TARGET, NULL), 1);
	hubfile_free(&from);
}

static void the_rest_is_left_when_no_more_is_wanted(void **state)
{
	struct rig *rig = *state;
	struct got got = { .enough = 4 };

	serve(rig,
	      (struct answerer_rule){
		      .body = S("0123456789"), .is_ranged = true, .cut = 6, .is_held = true });
	get(rig, 0, &got);
	assert_int_equal(got.error.code, ERR_NONE);
	assert_in_range(got.at, 4, 6);
}

static void of_a_whole_answer_only_the_range_is_taken(void **state)
{
	struct rig *rig = *state;
	struct hubfile *from = hubfile_new(rig->hub, &identity);
	struct got got = { .cancels = false };

	serve(rig, (struct answerer_rule){ .body = S("0123456789") });
	get_range(rig, from, 0, 4, &got);
	assert_int_equal(got.error.code, ERR_NONE);
	assert_int_equal(got.at, 4);
	assert_string_equal(got.bytes, "0123");
	get_range(rig, from, 4, 8, &got);
	assert_int_equal(got.error.code, ERR_RANGE_IGNORED);
	hubfile_free(&from);
}

static void a_receiver_is_told_to_flush_whatever_the_end(void **state)
{
	const struct {
		struct str body;
		size_t cut;
		uint64_t enough;
		bool flush_fails;
		enum error_code code;
	} rows[] = {
		{ .body = S("0123456789"), .code = ERR_NONE },
		{ .body = S("0123456789"), .cut = 6, .code = ERR_NETWORK },
		{ .body = S("0123456789"), .enough = 4, .code = ERR_NONE },
		{ .body = S("01!3456789"), .code = ERR_DISK_FULL },
		{ .body = S("0123456789"), .flush_fails = true, .code = ERR_DISK_ERROR },
		{ .body = S("0123456789"),
		  .cut = 6,
		  .flush_fails = true,
		  .code = ERR_DISK_ERROR },
	};
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct got got = { .enough = rows[i].enough,
				   .flush_fails = rows[i].flush_fails };

		serve(rig, (struct answerer_rule){ .body = rows[i].body,
						   .is_ranged = true,
						   .cut = rows[i].cut,
						   .times = 1 });
		get(rig, 0, &got);
		assert_int_equal(got.error.code, rows[i].code);
		assert_true(got.flushes > 0);
	}
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
		TEST(the_address_is_found_once_and_shared),
		TEST(one_on_its_way_to_the_address_is_enough),
		TEST(a_receiver_is_told_to_flush_whatever_the_end),
		TEST(a_server_that_answers_itself_is_resolved_by_its_answer),
		TEST(a_refused_address_is_forgotten_and_found_anew),
		TEST(who_has_found_the_address_is_on_its_way_no_more),
		TEST(an_address_that_is_over_by_our_clock_is_tried_all_the_same),
		TEST(the_rest_is_left_when_no_more_is_wanted),
		TEST(of_a_whole_answer_only_the_range_is_taken),
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
