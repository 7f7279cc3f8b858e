#include "downloader/fetch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/answerer.h"
#include "tests/unit/looping.h"

struct place {
	struct loop *loop;
	struct fetch *fetch;
	struct answerer *server;
};

/* What came of a request, copied out of its answer. */
struct outcome {
	bool is_done;
	unsigned calls;
	struct error error;
	long status;
	int64_t length;
	char etag[64];
	char location[64];
	char *body;
	size_t body_n;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	p->server = answerer_start();
	p->loop = loop_new(&err);
	p->fetch = fetch_new(p->loop, 2, &err);
	*state = p;
	return p->fetch == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	fetch_stop(p->fetch);
	loop_drain(p->loop);
	fetch_free(&p->fetch);
	loop_free(&p->loop);
	answerer_stop(&p->server);
	free(p);
	return 0;
}

static void on_done(void *ctx, const struct fetch_answer *answer)
{
	struct outcome *outcome = ctx;
	char *const *headers = answer->head.headers;

	outcome->is_done = true;
	outcome->calls++;
	outcome->error = answer->error;
	outcome->status = answer->head.status;
	outcome->length = answer->head.content_length;
	outcome->body = str_dup(answer->body);
	outcome->body_n = answer->body.n;
	if (headers[FETCH_ETAG] != NULL)
		(void)snprintf(outcome->etag, sizeof(outcome->etag), "%s", headers[FETCH_ETAG]);
	if (headers[FETCH_LOCATION] != NULL)
		(void)snprintf(outcome->location, sizeof(outcome->location), "%s",
			       headers[FETCH_LOCATION]);
}

static void run(struct place *p, const char *target, struct fetch_request request,
		struct outcome *outcome)
{
	AUTO_CSTR url = answerer_url(p->server, target);

	*outcome = (struct outcome){ .is_done = false };
	request.url = url;
	if (request.body_max == 0)
		request.body_max = 1000;
	assert_int_not_equal(fetch_start(p->fetch, &request, on_done, outcome), 0);
	assert_false(outcome->is_done);
	loop_until(p->loop, &outcome->is_done);
	assert_int_equal(outcome->calls, 1);
}

static void a_body_is_collected_with_its_head(void **state)
{
	struct place *p = *state;
	struct outcome outcome;

	answerer_add(p->server,
		     (struct answerer_rule){ .target = "/a",
					     .status = "200 OK",
					     .headers = mem_strdup("ETag: \"x\"\r\n"),
					     .body = S("hello") });
	run(p, "/a", (struct fetch_request){ .url = NULL }, &outcome);
	assert_int_equal(outcome.error.code, ERR_NONE);
	assert_int_equal(outcome.status, 200);
	assert_int_equal(outcome.length, 5);
	assert_string_equal(outcome.body, "hello");
	assert_string_equal(outcome.etag, "\"x\"");
	free(outcome.body);
}

static void a_request_says_what_it_was_given_and_no_more(void **state)
{
	struct place *p = *state;
	struct answerer_seen seen;
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/", .status = "200 OK" });
	run(p, "/plain", (struct fetch_request){ .url = NULL }, &outcome);
	free(outcome.body);
	assert_int_equal(answerer_count(p->server, "/plain", &seen), 1);
	assert_string_equal(seen.authorization, "");
	assert_string_equal(seen.range, "");
	assert_string_equal(seen.encoding, "identity");
	run(p, "/full?q=1",
	    (struct fetch_request){
		    .bearer = "hf_x", .has_range = true, .range_first = 7, .range_last = 9 },
	    &outcome);
	free(outcome.body);
	assert_int_equal(answerer_count(p->server, "/full?q=1", &seen), 1);
	assert_string_equal(seen.authorization, "Bearer hf_x");
	assert_string_equal(seen.range, "bytes=7-9");
}

static void a_redirect_is_told_and_not_followed(void **state)
{
	struct place *p = *state;
	struct outcome outcome;

	answerer_add(p->server,
		     (struct answerer_rule){ .target = "/a",
					     .status = "302 Found",
					     .headers = mem_strdup("Location: /b\r\n"),
					     .body = S("moved") });
	run(p, "/a", (struct fetch_request){ .bearer = "hf_x" }, &outcome);
	assert_int_equal(outcome.status, 302);
	assert_string_equal(outcome.location, "/b");
	assert_string_equal(outcome.body, "moved");
	assert_int_equal(answerer_count(p->server, "/b", NULL), 0);
	free(outcome.body);
}

static void an_error_status_is_an_answer_all_the_same(void **state)
{
	struct place *p = *state;
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "503 Busy",
							.body = S("later") });
	run(p, "/a", (struct fetch_request){ .url = NULL }, &outcome);
	assert_int_equal(outcome.error.code, ERR_NONE);
	assert_int_equal(outcome.status, 503);
	assert_string_equal(outcome.body, "later");
	free(outcome.body);
}

static void an_answer_larger_than_the_cap_fails(void **state)
{
	struct place *p = *state;
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "200 OK",
							.body = S("0123456789") });
	run(p, "/a", (struct fetch_request){ .body_max = 10 }, &outcome);
	assert_int_equal(outcome.error.code, ERR_NONE);
	assert_string_equal(outcome.body, "0123456789");
	free(outcome.body);
	run(p, "/a", (struct fetch_request){ .body_max = 9 }, &outcome);
	assert_int_equal(outcome.error.code, ERR_HUB_PROTOCOL);
	free(outcome.body);
}

static void an_error_page_larger_than_the_cap_does_not_fail(void **state)
{
	struct place *p = *state;
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "404 Not Found",
							.body = S("0123456789") });
	run(p, "/a", (struct fetch_request){ .body_max = 9 }, &outcome);
	assert_int_equal(outcome.error.code, ERR_NONE);
	assert_int_equal(outcome.status, 404);
	assert_int_equal(outcome.body_n, 9);
	assert_memory_equal(outcome.body, "012345678", 9);
	free(outcome.body);
}

static void a_connection_that_breaks_off_is_a_matter_of_the_network(void **state)
{
	struct place *p = *state;
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "200 OK",
							.body = S("0123456789"),
							.cut = 4 });
	run(p, "/a", (struct fetch_request){ .url = NULL }, &outcome);
	assert_int_equal(outcome.error.code, ERR_NETWORK);
	assert_true(strlen(outcome.error.text) > 0);
	free(outcome.body);
}

static void nobody_at_the_address_is_a_matter_of_the_network(void **state)
{
	struct place *p = *state;
	struct answerer *gone = answerer_start();
	AUTO_CSTR url = answerer_url(gone, "/");
	struct fetch_request request = { .url = url, .body_max = 10 };
	struct outcome outcome = { .is_done = false };

	answerer_stop(&gone);
	(void)fetch_start(p->fetch, &request, on_done, &outcome);
	loop_until(p->loop, &outcome.is_done);
	assert_int_equal(outcome.error.code, ERR_NETWORK);
	free(outcome.body);
}

static void other_schemes_are_refused(void **state)
{
	static const char *const urls[] = { "file:///etc/passwd", "ftp://127.0.0.1/x",
					    "gopher://127.0.0.1/x" };
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
		struct fetch_request request = { .url = urls[i], .body_max = 1000 };
		struct outcome outcome = { .is_done = false };

		(void)fetch_start(p->fetch, &request, on_done, &outcome);
		loop_until(p->loop, &outcome.is_done);
		assert_int_not_equal(outcome.error.code, ERR_NONE);
		assert_int_equal(outcome.body_n, 0);
		free(outcome.body);
	}
}

static void a_whole_request_may_have_a_time_limit(void **state)
{
	struct place *p = *state;
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "200 OK",
							.body = S("0123456789"),
							.cut = 4,
							.is_held = true });
	run(p, "/a", (struct fetch_request){ .total_timeout_ms = 100 }, &outcome);
	assert_int_equal(outcome.error.code, ERR_TIMEOUT);
	free(outcome.body);
}

/* --- sinks ----------------------------------------------------------------------------------
 */

struct sink {
	struct fetch_sink sink; /* first */
	int verdict;            /* of begin */
	size_t fail_after;      /* write fails past so many bytes; 0: never */
	unsigned begun;
	long status;
	size_t n;
	char bytes[64];
};

static int sink_begin(struct fetch_sink *fetch_sink, const struct fetch_head *head,
		      struct error *err)
{
	struct sink *sink = (struct sink *)fetch_sink;

	sink->begun++;
	sink->status = head->status;
	return sink->verdict >= 0 ? sink->verdict : error_set(err, ERR_RANGE_IGNORED, "no");
}

static int sink_write(struct fetch_sink *fetch_sink, struct str bytes, struct error *err)
{
	struct sink *sink = (struct sink *)fetch_sink;

	assert(sink->n + bytes.n < sizeof(sink->bytes));
	memcpy(sink->bytes + sink->n, bytes.p, bytes.n);
	sink->n += bytes.n;
	if (sink->fail_after > 0 && sink->n > sink->fail_after)
		return error_set(err, ERR_DISK_FULL, "full");
	return 0;
}

static void a_sink_takes_refuses_or_fails_a_body(void **state)
{
	static const struct {
		int verdict;
		size_t fail_after;
		const char *sunk;
		const char *collected;
		enum error_code code;
	} rows[] = {
		{ 1, 0, "0123456789", "", ERR_NONE },
		{ 0, 0, "", "0123456789", ERR_NONE },
		{ -1, 0, "", "", ERR_RANGE_IGNORED },
		{ 1, 5, "0123456789", "", ERR_DISK_FULL },
	};
	struct place *p = *state;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "200 OK",
							.body = S("0123456789") });
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sink sink = { .sink = { sink_begin, sink_write },
				     .verdict = rows[i].verdict,
				     .fail_after = rows[i].fail_after };
		struct outcome outcome;

		run(p, "/a", (struct fetch_request){ .sink = &sink.sink, .body_max = 100 },
		    &outcome);
		assert_int_equal(sink.begun, 1);
		assert_int_equal(sink.status, 200);
		assert_string_equal(sink.bytes, rows[i].sunk);
		assert_string_equal(outcome.body, rows[i].collected);
		assert_int_equal(outcome.error.code, rows[i].code);
		free(outcome.body);
	}
}

static void a_sink_is_asked_about_an_empty_body_too(void **state)
{
	struct place *p = *state;
	struct sink sink = { .sink = { sink_begin, sink_write }, .verdict = -1 };
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a", .status = "200 OK" });
	run(p, "/a", (struct fetch_request){ .sink = &sink.sink }, &outcome);
	assert_int_equal(sink.begun, 1);
	assert_int_equal(outcome.error.code, ERR_RANGE_IGNORED);
	free(outcome.body);
}

/* --- cancelling ------------------------------------------------------------------------------
 */

/* Cancels from the transfer thread's first bytes on, by way of the loop. */
struct canceller {
	struct sink sink; /* first */
	struct loop_message message;
	struct loop *loop;
	struct fetch *fetch;
	uint64_t id;
};

static void cancel_now(struct loop_message *message)
{
	struct canceller *c = (struct canceller *)(void *)((char *)message -
							   offsetof(struct canceller, message));

	fetch_cancel(c->fetch, c->id);
}

static int write_and_cancel(struct fetch_sink *fetch_sink, struct str bytes, struct error *err)
{
	struct canceller *c = (struct canceller *)(void *)fetch_sink;

	(void)bytes;
	(void)err;
	c->message.fn = cancel_now;
	loop_post(c->loop, &c->message);
	return 0;
}

static void a_request_is_cancelled_in_the_middle(void **state)
{
	struct place *p = *state;
	struct canceller c = { .sink = { .sink = { sink_begin, write_and_cancel },
					 .verdict = 1 },
			       .loop = p->loop,
			       .fetch = p->fetch };
	AUTO_CSTR url = answerer_url(p->server, "/a");
	struct fetch_request request = { .url = url, .sink = &c.sink.sink, .body_max = 10 };
	struct outcome outcome = { .is_done = false };

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "200 OK",
							.body = S("0123456789"),
							.cut = 4,
							.is_held = true });
	c.id = fetch_start(p->fetch, &request, on_done, &outcome);
	loop_until(p->loop, &outcome.is_done);
	assert_int_equal(outcome.error.code, ERR_CANCELLED);
	free(outcome.body);
	fetch_cancel(p->fetch, c.id); /* done already */
	loop_turn(p->loop);
	assert_int_equal(outcome.calls, 1);
}

static void a_request_is_cancelled_before_it_has_begun(void **state)
{
	struct place *p = *state;
	AUTO_CSTR url = answerer_url(p->server, "/a");
	struct fetch_request request = { .url = url, .body_max = 10 };
	struct outcome outcome = { .is_done = false };

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "200 OK",
							.body = S("0123456789"),
							.cut = 4,
							.is_held = true });
	fetch_cancel(p->fetch, fetch_start(p->fetch, &request, on_done, &outcome));
	loop_until(p->loop, &outcome.is_done);
	assert_int_equal(outcome.error.code, ERR_CANCELLED);
	free(outcome.body);
}

static void stopping_cancels_all_and_what_comes_after(void **state)
{
	struct place *p = *state;
	AUTO_CSTR url = answerer_url(p->server, "/a");
	struct fetch_request request = { .url = url, .body_max = 10 };
	struct outcome outcomes[4] = { { .is_done = false } };

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "200 OK",
							.body = S("0123456789"),
							.cut = 4,
							.is_held = true });
	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
		if (i == 3)
			fetch_stop(p->fetch);
		(void)fetch_start(p->fetch, &request, on_done, &outcomes[i]);
	}
	loop_drain(p->loop);
	for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
		assert_int_equal(outcomes[i].calls, 1);
		assert_int_equal(outcomes[i].error.code, ERR_CANCELLED);
		free(outcomes[i].body);
	}
}

static void many_requests_at_once_each_get_their_own_answer(void **state)
{
	enum {
		N = 20
	};
	static const char *const targets[] = { "/0", "/1", "/2", "/3" };
	struct place *p = *state;
	struct outcome outcomes[N] = { { .is_done = false } };

	for (size_t i = 0; i < ARRAY_LEN(targets); i++)
		answerer_add(p->server, (struct answerer_rule){ .target = targets[i],
								.status = "200 OK",
								.body = str_from(targets[i]) });
	for (size_t i = 0; i < N; i++) {
		AUTO_CSTR url = answerer_url(p->server, targets[i % ARRAY_LEN(targets)]);
		struct fetch_request request = { .url = url, .body_max = 10 };

		(void)fetch_start(p->fetch, &request, on_done, &outcomes[i]);
	}
	for (size_t i = 0; i < N; i++) {
		loop_until(p->loop, &outcomes[i].is_done);
		assert_string_equal(outcomes[i].body, targets[i % ARRAY_LEN(targets)]);
		free(outcomes[i].body);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_body_is_collected_with_its_head),
		TEST(a_request_says_what_it_was_given_and_no_more),
		TEST(a_redirect_is_told_and_not_followed),
		TEST(an_error_status_is_an_answer_all_the_same),
		TEST(an_answer_larger_than_the_cap_fails),
		TEST(an_error_page_larger_than_the_cap_does_not_fail),
		TEST(a_connection_that_breaks_off_is_a_matter_of_the_network),
		TEST(nobody_at_the_address_is_a_matter_of_the_network),
		TEST(other_schemes_are_refused),
		TEST(a_whole_request_may_have_a_time_limit),
		TEST(a_sink_takes_refuses_or_fails_a_body),
		TEST(a_sink_is_asked_about_an_empty_body_too),
		TEST(a_request_is_cancelled_in_the_middle),
		TEST(a_request_is_cancelled_before_it_has_begun),
		TEST(stopping_cancels_all_and_what_comes_after),
		TEST(many_requests_at_once_each_get_their_own_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
