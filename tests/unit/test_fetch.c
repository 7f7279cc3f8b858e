#include "downloader/fetch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <curl/curl.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include "tests/unit/looping.h"
#include "tests/unit/origin.h"

/* The clock of the limit, which goes on when a test says so. */
static _Atomic uint64_t clock_ms = 1000;

uint64_t __real_clock_steady_ms(void);
uint64_t __wrap_clock_steady_ms(void);
uint64_t __wrap_clock_steady_ms(void)
{
	return atomic_load(&clock_ms);
}

/* How long a transfer thread sleeps: for the limit no time at all, the clock goes on instead;
 * with nothing to do at all as long as it likes, and that is counted. */
static _Atomic bool is_sleep_fast;
static _Atomic unsigned n_naps;

/* How often each of a test's two threads has gone to sleep. */
static _Atomic(CURLM *) sleepers[2];
static _Atomic unsigned n_sleeps[2];

static void note_sleep(CURLM *multi)
{
	for (size_t i = 0; i < ARRAY_LEN(sleepers); i++) {
		CURLM *none = NULL;

		if (atomic_load(&sleepers[i]) == multi ||
		    atomic_compare_exchange_strong(&sleepers[i], &none, multi)) {
			(void)atomic_fetch_add(&n_sleeps[i], 1);
			return;
		}
	}
}

CURLMcode __real_curl_multi_poll(CURLM *multi, struct curl_waitfd *extra, unsigned n,
				 int timeout_ms, int *ret);
CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *extra, unsigned n,
				 int timeout_ms, int *ret);
CURLMcode __wrap_curl_multi_poll(CURLM *multi, struct curl_waitfd *extra, unsigned n,
				 int timeout_ms, int *ret)
{
	enum {
		NAP_MS = 1000
	};
	bool is_nap = timeout_ms >= NAP_MS;
	bool is_fast = atomic_load(&is_sleep_fast) && !is_nap;
	uint64_t begun_ms = __real_clock_steady_ms();
	int n_ready = 0;
	CURLMcode code;

	note_sleep(multi);
	code = __real_curl_multi_poll(multi, extra, n, is_fast ? 0 : timeout_ms, &n_ready);

	if (n_ready == 0 && is_fast)
		(void)atomic_fetch_add(&clock_ms, (uint64_t)timeout_ms);
	else if (is_nap && __real_clock_steady_ms() - begun_ms >= NAP_MS)
		(void)atomic_fetch_add(&n_naps, 1);
	if (ret != NULL)
		*ret = n_ready;
	return code;
}

/* curl's own clock, which is the real one and what a test has put on it. */
static _Atomic uint64_t curl_ahead_ms;

__attribute__((visibility("default"))) int clock_gettime(clockid_t which, struct timespec *ret)
{
	long result = syscall(SYS_clock_gettime, which, ret);
	uint64_t ahead_ms = atomic_load(&curl_ahead_ms);

	ret->tv_sec += (time_t)(ahead_ms / 1000);
	ret->tv_nsec += (long)(ahead_ms % 1000) * 1000000;
	if (ret->tv_nsec >= 1000000000) {
		ret->tv_nsec -= 1000000000;
		ret->tv_sec++;
	}
	return (int)result;
}

struct place {
	struct loop *loop;
	struct fetch *fetch;
	struct answerer *server;
};

/* What came of a request, copied out of its answer. */
struct outcome {
	bool is_done;
	unsigned calls;
	unsigned thread;
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

	for (size_t i = 0; i < ARRAY_LEN(sleepers); i++)
		atomic_store(&sleepers[i], NULL);
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
	outcome->thread = answer->thread;
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

/* The answerer is at 127.0.0.1, where nothing of a public Hub is. */
static void somebody_elses_word_leads_to_no_private_address(void **state)
{
	struct place *p = *state;
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "200 OK",
							.body = S("secret") });
	run(p, "/a", (struct fetch_request){ .is_foreign = true }, &outcome);
	assert_int_equal(outcome.error.code, ERR_HUB_PROTOCOL);
	assert_non_null(strstr(outcome.error.text, "private network"));
	assert_int_equal(answerer_count(p->server, "/a", NULL), 0);
	free(outcome.body);
	/* Once our own word has led there, so may another's: the Hub itself is at home. */
	run(p, "/a", (struct fetch_request){ .url = NULL }, &outcome);
	assert_string_equal(outcome.body, "secret");
	free(outcome.body);
	run(p, "/a", (struct fetch_request){ .is_foreign = true }, &outcome);
	assert_int_equal(outcome.error.code, ERR_NONE);
	assert_string_equal(outcome.body, "secret");
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
	size_t enough_after;    /* wants no more from so many bytes on; 0: all */
	bool flush_fails;
	unsigned begun;
	unsigned flushed;
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
	return sink->enough_after > 0 && sink->n >= sink->enough_after;
}

static int sink_flush(struct fetch_sink *fetch_sink, struct error *err)
{
	struct sink *sink = (struct sink *)fetch_sink;

	sink->flushed++;
	return sink->flush_fails ? error_set(err, ERR_DISK_ERROR, "flush") : 0;
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
		struct sink sink = { .sink = { sink_begin, sink_write, sink_flush },
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
		assert_true((sink.flushed > 0) == (rows[i].verdict == 1));
		free(outcome.body);
	}
}

static void what_a_sink_says_to_a_flush_counts(void **state)
{
	static const struct {
		size_t cut;   /* after so many bytes; 0: not */
		bool is_held; /* there */
		size_t fail_after;
		size_t enough_after;
		enum error_code code;
	} rows[] = {
		{ .code = ERR_DISK_ERROR },
		{ .cut = 4, .code = ERR_DISK_ERROR },
		{ .cut = 4, .is_held = true, .code = ERR_DISK_ERROR },
		{ .enough_after = 5, .code = ERR_DISK_ERROR },
		{ .fail_after = 5, .code = ERR_DISK_FULL }, /* the first one */
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct sink sink = { .sink = { sink_begin, sink_write, sink_flush },
				     .verdict = 1,
				     .fail_after = rows[i].fail_after,
				     .enough_after = rows[i].enough_after,
				     .flush_fails = true };
		struct outcome outcome;

		answerer_add(p->server, (struct answerer_rule){ .target = "/a",
								.status = "200 OK",
								.body = S("0123456789"),
								.cut = rows[i].cut,
								.is_held = rows[i].is_held,
								.times = 1 });
		run(p, "/a", (struct fetch_request){ .sink = &sink.sink }, &outcome);
		assert_int_equal(outcome.error.code, rows[i].code);
		assert_true(sink.flushed > 0);
		free(outcome.body);
	}
}

static void a_sink_is_asked_about_an_empty_body_too(void **state)
{
	struct place *p = *state;
	struct sink refusing = { .sink = { sink_begin, sink_write, sink_flush },
				 .verdict = -1 };
	struct sink taking = { .sink = { sink_begin, sink_write, sink_flush },
			       .verdict = 1,
			       .flush_fails = true };
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a", .status = "200 OK" });
	run(p, "/a", (struct fetch_request){ .sink = &refusing.sink }, &outcome);
	assert_int_equal(refusing.begun, 1);
	assert_int_equal(outcome.error.code, ERR_RANGE_IGNORED);
	free(outcome.body);
	run(p, "/a", (struct fetch_request){ .sink = &taking.sink }, &outcome);
	assert_int_equal(taking.begun, 1);
	assert_true(taking.flushed > 0);
	assert_int_equal(outcome.error.code, ERR_DISK_ERROR);
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
	struct canceller c = { .sink = { .sink = { sink_begin, write_and_cancel, sink_flush },
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

/* --- threads, and the limit -----------------------------------------------------------------
 */

static void a_sink_that_has_enough_ends_its_request_well(void **state)
{
	struct place *p = *state;
	struct sink sink = { .sink = { sink_begin, sink_write, sink_flush },
			     .verdict = 1,
			     .enough_after = 4 };
	struct outcome outcome;

	answerer_add(p->server, (struct answerer_rule){ .target = "/a",
							.status = "200 OK",
							.body = S("0123456789"),
							.cut = 6,
							.is_held = true });
	run(p, "/a", (struct fetch_request){ .sink = &sink.sink }, &outcome);
	assert_int_equal(outcome.error.code, ERR_NONE);
	assert_int_equal(outcome.status, 200);
	assert_in_range(sink.n, 4, 6);
	free(outcome.body);
}

/* Keeps nothing, counts. Its members are the transfer thread's until `done`. */
struct counter {
	struct fetch_sink sink; /* first */
	struct place *place;
	_Atomic bool has_begun; /* an answer is there */
	_Atomic uint64_t n;
	uint64_t ends_at; /* the offset at which `verdict` is given; 0: never */
	int verdict;
	unsigned calls_after; /* the verdict */
	bool is_over;
};

static int counter_begin(struct fetch_sink *sink, const struct fetch_head *head,
			 struct error *err)
{
	struct counter *c = (struct counter *)(void *)sink;

	(void)err;
	atomic_store(&c->has_begun, true);
	return head->status / 100 == 2;
}

static int counter_write(struct fetch_sink *sink, struct str bytes, struct error *err)
{
	struct counter *c = (struct counter *)(void *)sink;
	uint64_t n = atomic_fetch_add(&c->n, bytes.n) + bytes.n;

	c->calls_after += c->is_over;
	if (c->ends_at == 0 || n < c->ends_at)
		return 0;
	c->is_over = true;
	return c->verdict < 0 ? error_set(err, ERR_DISK_FULL, "full") : c->verdict;
}

static int counter_flush(struct fetch_sink *sink, struct error *err)
{
	(void)sink;
	(void)err;
	return 0;
}

static uint64_t start_counting(struct place *p, struct origin *origin, struct counter *c,
			       unsigned thread, struct outcome *outcome)
{
	AUTO_CSTR url = origin_url(origin, "/");
	struct fetch_request request = {
		.url = url, .sink = &c->sink, .body_max = 100, .thread = thread
	};

	c->sink.begin = counter_begin;
	c->sink.write = counter_write;
	c->sink.flush = counter_flush;
	*outcome = (struct outcome){ .is_done = false };
	return fetch_start(p->fetch, &request, on_done, outcome);
}

static void a_request_on_an_earlier_ones_thread_uses_its_connection(void **state)
{
	struct place *p = *state;
	struct origin *origin = origin_start(S("0123456789"), NULL, NULL);
	struct counter c = { .n = 0 };
	struct outcome outcome;
	unsigned thread = 0;

	for (int i = 0; i < 6; i++) {
		(void)start_counting(p, origin, &c, thread, &outcome);
		loop_until(p->loop, &outcome.is_done);
		assert_int_equal(outcome.error.code, ERR_NONE);
		assert_true(thread == 0 || outcome.thread == thread);
		thread = outcome.thread;
		free(outcome.body);
	}
	assert_int_equal(origin_requests(origin), 6);
	assert_int_equal(origin_connections(origin), 1);
	/* The other thread knows nothing of it. */
	(void)start_counting(p, origin, &c, 3 - thread, &outcome);
	loop_until(p->loop, &outcome.is_done);
	assert_int_equal(outcome.thread, 3 - thread);
	assert_int_equal(origin_connections(origin), 2);
	free(outcome.body);
	/* A hint that names no thread is none. */
	(void)start_counting(p, origin, &c, 99, &outcome);
	loop_until(p->loop, &outcome.is_done);
	assert_int_equal(outcome.error.code, ERR_NONE);
	free(outcome.body);
	origin_stop(&origin);
}

enum {
	PLENTY = 4 * 1024 * 1024,
	AT_HAND = 60 * 1000,
	LIMIT_BPS = 1000 * 1000,
};

static struct str plenty(void)
{
	static char bytes[PLENTY];

	return (struct str){ bytes, sizeof(bytes) };
}

/* The clock goes on by a set step, until `mark`; what the limit lets through is counted. */
static void pass_time(struct place *p, const bool *mark)
{
	(void)alarm(LOOPING_ALARM_S);
	while (!*mark) {
		(void)atomic_fetch_add(&clock_ms, 10);
		fetch_set_limit(p->fetch, LIMIT_BPS); /* wakes the threads */
		(void)event_base_loop(loop_base(p->loop), EVLOOP_NONBLOCK);
		(void)sched_yield();
	}
	(void)alarm(0);
}

/* Over all `n_counters` of them. */
static void wait_for_bytes(const struct counter *counters, size_t n_counters, uint64_t n)
{
	uint64_t sum = 0;

	(void)alarm(LOOPING_ALARM_S);
	while (sum < n) {
		sum = 0;
		for (size_t i = 0; i < n_counters; i++)
			sum += atomic_load(&counters[i].n);
		(void)sched_yield();
	}
	(void)alarm(0);
}

/* With the credit of an idle moment. */
static void set_limit(struct place *p)
{
	fetch_set_limit(p->fetch, LIMIT_BPS);
	(void)atomic_fetch_add(&clock_ms, 1000);
}

/* The clock stands still: what has been saved up comes, and one piece on account. */
static void past_the_limit_nothing_comes_until_time_has_passed(void **state)
{
	struct place *p = *state;
	struct origin *origin = origin_start(plenty(), NULL, NULL);
	struct counter c = { .n = 0 };
	struct outcome outcome;
	uint64_t begun_ms;
	uint64_t first;

	set_limit(p);
	begun_ms = atomic_load(&clock_ms);
	(void)start_counting(p, origin, &c, 0, &outcome);
	wait_for_bytes(&c, 1, LIMIT_BPS / 4);
	for (int i = 0; i < 20; i++) {
		fetch_set_limit(p->fetch, LIMIT_BPS);
		loop_turn(p->loop);
	}
	first = atomic_load(&c.n);
	assert_in_range(first, LIMIT_BPS / 4, LIMIT_BPS / 4 + FETCH_BUFFER);
	assert_false(outcome.is_done);
	pass_time(p, &outcome.is_done);
	assert_int_equal(outcome.error.code, ERR_NONE);
	assert_int_equal(atomic_load(&c.n), PLENTY);
	/* By the clock it was given, as long as it should have been. */
	assert_in_range(atomic_load(&clock_ms) - begun_ms,
			(PLENTY - LIMIT_BPS / 4 - FETCH_BUFFER) / (LIMIT_BPS / 1000),
			UINT32_MAX);
	free(outcome.body);
	origin_stop(&origin);
}

/* Goes on in time by `ms`, for curl too; each thread has seen it when this returns. */
static void live_on(struct place *p, uint64_t limit_bps, uint64_t ms)
{
	(void)atomic_fetch_add(&clock_ms, ms);
	(void)atomic_fetch_add(&curl_ahead_ms, ms);
	for (size_t i = 0; i < ARRAY_LEN(n_sleeps); i++) {
		unsigned before = atomic_load(&n_sleeps[i]);

		/* One look may have begun before. */
		while (atomic_load(&n_sleeps[i]) - before < 3) {
			fetch_set_limit(p->fetch, limit_bps);
			loop_turn(p->loop);
		}
	}
}

/* All that an origin has sent is in the client's hands: no flow has to wait for the network
 * when time goes on. It must fit the window that a connection begins with, of 64 KiB. */
static void wait_until_at_hand(struct origin *origin, size_t n_requests)
{
	while (origin_requests(origin) < n_requests ||
	       origin_count(origin, &origin->n_active) > 0 || origin_unacknowledged(origin) > 0)
		(void)sched_yield();
}

/* Two flows of the threads `first` and `second`, some times over: neither is ever more than two
 * pieces ahead of the other. A piece is what curl gives at once, and some are small. */
static void share_the_limit(struct place *p, unsigned first, unsigned second)
{
	enum {
		SHARED_BPS = LIMIT_BPS / 10,
		ROUNDS = 3,
	};
	struct origin *origin = origin_start(str_sub(plenty(), 0, AT_HAND), NULL, NULL);

	for (size_t i = 1; i <= ROUNDS; i++) {
		struct counter counters[2] = { { .n = 0 } };
		struct outcome outcomes[2];

		fetch_set_limit(p->fetch, SHARED_BPS);
		(void)start_counting(p, origin, &counters[0], first, &outcomes[0]);
		(void)start_counting(p, origin, &counters[1], second, &outcomes[1]);
		(void)alarm(LOOPING_ALARM_S);
		wait_until_at_hand(origin, 2 * i);
		while (!outcomes[0].is_done || !outcomes[1].is_done) {
			uint64_t a = atomic_load(&counters[0].n);
			uint64_t b = atomic_load(&counters[1].n);

			assert_true(a <= b + 2 * CURL_MAX_WRITE_SIZE);
			assert_true(b <= a + 2 * CURL_MAX_WRITE_SIZE);
			live_on(p, SHARED_BPS, 50);
		}
		(void)alarm(0);
		for (size_t k = 0; k < 2; k++) {
			assert_int_equal(outcomes[k].error.code, ERR_NONE);
			assert_int_equal(atomic_load(&counters[k].n), AT_HAND);
			free(outcomes[k].body);
		}
	}
	origin_stop(&origin);
}

static void two_flows_of_one_thread_share_the_limit(void **state)
{
	share_the_limit(*state, 1, 1);
}

static void two_flows_of_two_threads_share_the_limit(void **state)
{
	share_the_limit(*state, 1, 2);
}

/* Nobody wakes the thread, and as it sleeps for the limit the clock goes on. */
static void a_flow_that_the_limit_has_stopped_is_not_slept_over(void **state)
{
	struct place *p = *state;
	struct origin *origin = origin_start(plenty(), NULL, NULL);
	struct counter c = { .n = 0 };
	struct outcome outcome;

	set_limit(p);
	atomic_store(&n_naps, 0);
	atomic_store(&is_sleep_fast, true);
	(void)start_counting(p, origin, &c, 1, &outcome);
	loop_until(p->loop, &outcome.is_done);
	atomic_store(&is_sleep_fast, false);
	assert_int_equal(atomic_load(&c.n), PLENTY);
	/* The other thread's, and one for a server that was slow. */
	assert_true(atomic_load(&n_naps) <= 2);
	free(outcome.body);
	origin_stop(&origin);
}

static void a_limit_that_is_taken_away_lets_all_go_on(void **state)
{
	struct place *p = *state;
	struct origin *origin = origin_start(plenty(), NULL, NULL);
	struct counter counters[3] = { { .n = 0 } };
	struct outcome outcomes[3];

	set_limit(p);
	for (size_t i = 0; i < 3; i++)
		(void)start_counting(p, origin, &counters[i], 0, &outcomes[i]);
	wait_for_bytes(counters, 3, 1);
	fetch_set_limit(p->fetch, 0);
	for (size_t i = 0; i < 3; i++) {
		loop_until(p->loop, &outcomes[i].is_done);
		assert_int_equal(outcomes[i].error.code, ERR_NONE);
		assert_int_equal(atomic_load(&counters[i].n), PLENTY);
		free(outcomes[i].body);
	}
	origin_stop(&origin);
}

static void a_flow_that_waits_for_the_limit_can_be_cancelled(void **state)
{
	struct place *p = *state;
	struct origin *origin = origin_start(plenty(), NULL, NULL);
	struct counter counters[3] = { { .n = 0 } };
	struct outcome outcomes[3];
	uint64_t ids[3];

	set_limit(p);
	for (size_t i = 0; i < 3; i++)
		ids[i] = start_counting(p, origin, &counters[i], 1, &outcomes[i]);
	wait_for_bytes(counters, 3, 1);
	fetch_cancel(p->fetch, ids[1]);
	loop_until(p->loop, &outcomes[1].is_done);
	assert_int_equal(outcomes[1].error.code, ERR_CANCELLED);
	pass_time(p, &outcomes[0].is_done);
	pass_time(p, &outcomes[2].is_done);
	assert_int_equal(outcomes[0].error.code, ERR_NONE);
	assert_int_equal(outcomes[2].error.code, ERR_NONE);
	assert_int_equal(atomic_load(&counters[2].n), PLENTY);
	for (size_t i = 0; i < 3; i++)
		free(outcomes[i].body);
	origin_stop(&origin);
}

static void stopping_ends_those_that_wait_for_the_limit(void **state)
{
	struct place *p = *state;
	struct origin *origin = origin_start(plenty(), NULL, NULL);
	struct counter counters[3] = { { .n = 0 } };
	struct outcome outcomes[3];

	set_limit(p);
	for (size_t i = 0; i < 3; i++)
		(void)start_counting(p, origin, &counters[i], 0, &outcomes[i]);
	wait_for_bytes(counters, 3, 1);
	fetch_stop(p->fetch);
	loop_drain(p->loop);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(outcomes[i].calls, 1);
		assert_int_equal(outcomes[i].error.code, ERR_CANCELLED);
		free(outcomes[i].body);
	}
	origin_stop(&origin);
}

/* What a sink says of bytes that had to wait counts as much as of others. */
enum {
	A_LITTLE = 1000,
};

static void stall_after_a_little(void *ctx, const struct origin_request *request,
				 struct origin_answer *ret)
{
	(void)ctx;
	(void)request;
	*ret = (struct origin_answer){ .end = ORIGIN_HOLDS, .after = A_LITTLE };
}

/* With many flows and a low limit, each one's turn comes later than a stalled connection is
 * given up. It is not stalled: it is not read. */
static void a_flow_that_waits_long_for_its_turn_is_not_given_up_for_stalled(void **state)
{
	enum {
		N = 16,
		LOW_BPS = 10 * 1000,
		LIFE_MS = 3 * FETCH_STALL_S * 1000,
		STEP_MS = 250,
	};
	struct place *p = *state;
	struct origin *origin = origin_start(str_sub(plenty(), 0, AT_HAND), NULL, NULL);
	struct counter counters[N] = { { .n = 0 } };
	struct outcome outcomes[N];
	uint64_t bytes = 0;

	fetch_set_limit(p->fetch, LOW_BPS);
	for (size_t i = 0; i < N; i++)
		(void)start_counting(p, origin, &counters[i], 0, &outcomes[i]);
	for (size_t i = 0; i < N; i++) {
		while (!atomic_load(&counters[i].has_begun))
			live_on(p, LOW_BPS, 1);
	}
	wait_until_at_hand(origin, N);
	for (uint64_t lived_ms = 0; lived_ms < LIFE_MS; lived_ms += STEP_MS)
		live_on(p, LOW_BPS, STEP_MS);
	for (size_t i = 0; i < N; i++) {
		assert_true(!outcomes[i].is_done || outcomes[i].error.code == ERR_NONE);
		bytes += atomic_load(&counters[i].n);
	}
	/* What they were given is about what the limit allowed. */
	assert_true(bytes > 0 && bytes < 2 * (uint64_t)LOW_BPS * LIFE_MS / 1000);
	fetch_set_limit(p->fetch, 0);
	for (size_t i = 0; i < N; i++) {
		loop_until(p->loop, &outcomes[i].is_done);
		assert_int_equal(outcomes[i].error.code, ERR_NONE);
		assert_int_equal(atomic_load(&counters[i].n), AT_HAND);
		free(outcomes[i].body);
	}
	origin_stop(&origin);
}

/* The limit must not count as a stall; nor must a stall hide behind the limit. */
static void a_flow_that_brings_nothing_is_given_up_with_a_limit_too(void **state)
{
	struct place *p = *state;
	struct origin *origin = origin_start(plenty(), stall_after_a_little, NULL);
	struct counter c = { .n = 0 };
	struct outcome outcome;

	fetch_set_limit(p->fetch, LIMIT_BPS);
	(void)start_counting(p, origin, &c, 0, &outcome);
	(void)alarm(LOOPING_ALARM_S);
	while (atomic_load(&c.n) < A_LITTLE)
		live_on(p, LIMIT_BPS, 1);
	while (!outcome.is_done)
		live_on(p, LIMIT_BPS, 1000);
	(void)alarm(0);
	assert_int_equal(outcome.error.code, ERR_TIMEOUT);
	assert_int_equal(atomic_load(&c.n), A_LITTLE);
	free(outcome.body);
	origin_stop(&origin);
}

static void a_sink_ends_its_request_when_the_bytes_have_waited_too(void **state)
{
	static const struct {
		int verdict;
		enum error_code code;
	} rows[] = { { 1, ERR_NONE }, { -1, ERR_DISK_FULL } };
	struct place *p = *state;
	struct origin *origin = origin_start(plenty(), NULL, NULL);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		for (uint64_t ends_at = 1; ends_at < PLENTY; ends_at += PLENTY / 7) {
			struct counter c = { .ends_at = ends_at, .verdict = rows[i].verdict };
			struct outcome outcome;

			set_limit(p);
			(void)start_counting(p, origin, &c, 0, &outcome);
			pass_time(p, &outcome.is_done);
			assert_int_equal(outcome.error.code, rows[i].code);
			assert_int_equal(c.calls_after, 0);
			assert_true(atomic_load(&c.n) < ends_at + FETCH_BUFFER);
			free(outcome.body);
		}
	}
	origin_stop(&origin);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_body_is_collected_with_its_head),
		TEST(a_request_says_what_it_was_given_and_no_more),
		TEST(a_redirect_is_told_and_not_followed),
		TEST(somebody_elses_word_leads_to_no_private_address),
		TEST(an_error_status_is_an_answer_all_the_same),
		TEST(an_answer_larger_than_the_cap_fails),
		TEST(an_error_page_larger_than_the_cap_does_not_fail),
		TEST(a_connection_that_breaks_off_is_a_matter_of_the_network),
		TEST(nobody_at_the_address_is_a_matter_of_the_network),
		TEST(other_schemes_are_refused),
		TEST(a_whole_request_may_have_a_time_limit),
		TEST(a_sink_takes_refuses_or_fails_a_body),
		TEST(a_sink_is_asked_about_an_empty_body_too),
		TEST(what_a_sink_says_to_a_flush_counts),
		TEST(a_request_is_cancelled_in_the_middle),
		TEST(a_request_is_cancelled_before_it_has_begun),
		TEST(stopping_cancels_all_and_what_comes_after),
		TEST(many_requests_at_once_each_get_their_own_answer),
		TEST(a_sink_that_has_enough_ends_its_request_well),
		TEST(a_request_on_an_earlier_ones_thread_uses_its_connection),
		TEST(past_the_limit_nothing_comes_until_time_has_passed),
		TEST(two_flows_of_one_thread_share_the_limit),
		TEST(two_flows_of_two_threads_share_the_limit),
		TEST(a_flow_that_the_limit_has_stopped_is_not_slept_over),
		TEST(a_limit_that_is_taken_away_lets_all_go_on),
		TEST(a_flow_that_waits_for_the_limit_can_be_cancelled),
		TEST(stopping_ends_those_that_wait_for_the_limit),
		TEST(a_flow_that_waits_long_for_its_turn_is_not_given_up_for_stalled),
		TEST(a_flow_that_brings_nothing_is_given_up_with_a_limit_too),
		TEST(a_sink_ends_its_request_when_the_bytes_have_waited_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
