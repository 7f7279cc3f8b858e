#include "downloader/sse.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sodium.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/unixsock.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

#define PATH "/hf/api/v1/events"

enum {
	DESCRIPTORS = 32,
	STREAMS = DESCRIPTORS / 2,
};

/* Time goes on when a test says so, and so do ticks. */
static uint64_t steady_ms = 1000;
static int64_t unix_ms = 5000;
static struct loop_timer *tick;

uint64_t __wrap_clock_steady_ms(void);
uint64_t __wrap_clock_steady_ms(void)
{
	return steady_ms;
}

int64_t __wrap_clock_unix_ms(void);
int64_t __wrap_clock_unix_ms(void)
{
	return unix_ms;
}

void __real_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);
void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);
void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms)
{
	(void)delay_ms;
	tick = timer;
}

static const unsigned char secret[TOKEN_KEY_BYTES] = "a key that is thirty-two bytes.";

/* The far side is played by the test itself, from the loop's own thread. */
struct place {
	struct auth *auth;
	struct tempdir dir;
	char *path;
	struct loop *loop;
	struct events *events;
	struct sse *sse;
	int snapshots;
};

static struct json_object *snapshot(void *ctx)
{
	struct place *p = ctx;
	struct json_object *object = json_object_new_object();

	json_add_int(object, "snapshot", ++p->snapshots);
	return object;
}

static struct sse *serve(struct place *p)
{
	struct sse_plan plan = { .loop = p->loop,
				 .events = p->events,
				 .base_path = "/hf",
				 .auth = p->auth,
				 .user_header = "Remote-User",
				 .clients_each = DESCRIPTORS,
				 .snapshot = snapshot,
				 .ctx = p };
	struct error err;

	return sse_new(&plan, unixsock_listen(p->path, 0600, &err), &err);
}

/* Serves anew, to those who may come in. */
static void serve_to(struct place *p, enum auth_mode mode)
{
	/* SHA-256 of "sesame". */
	static const char keys[] =
		"graphs:viewer:"
		"d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272";
	struct error err;

	sse_free(&p->sse);
	auth_free(&p->auth);
	p->auth = auth_new(mode, str_from(keys), &err);
	assert_non_null(p->auth);
	auth_set_secret(p->auth, secret, 1);
	p->sse = serve(p);
	assert_non_null(p->sse);
}

/* Lets `ms` pass, and one tick. */
static void pass(struct place *p, uint64_t ms)
{
	steady_ms += ms;
	unix_ms += (int64_t)ms;
	__real_loop_timer_arm(tick, 0);
	tick = NULL;
	(void)alarm(LOOPING_ALARM_S);
	while (tick == NULL)
		loop_turn(p->loop);
	(void)alarm(0);
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	tempdir_make(&p->dir);
	p->path = tempdir_path(&p->dir, "e.sock");
	p->loop = loop_new(&err);
	p->events = events_new();
	p->auth = auth_new(AUTH_NONE, S(""), &err);
	p->sse = serve(p);
	*state = p;
	return p->sse == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	sse_free(&p->sse);
	events_free(&p->events);
	auth_free(&p->auth);
	loop_drain(p->loop);
	loop_free(&p->loop);
	tempdir_remove(&p->dir);
	free(p->path);
	free(p);
	return 0;
}

static void publish(struct place *p, int number)
{
	struct json_object *data = json_object_new_object();

	json_add_int(data, "n", number);
	events_publish(p->events, "download", data);
}

static int ask(const struct place *p, const char *method, const char *target,
	       const char *headers)
{
	AUTO_CSTR text =
		mem_printf("%s %s HTTP/1.1\r\nHost: x\r\n%s\r\n", method, target, headers);
	struct error err;
	int fd = unixsock_connect(p->path, 1000, &err);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
	return fd;
}

/* Adds what comes to `text` until `wanted` is in it (NULL: until the other side closes). */
static void hear(const struct place *p, int fd, struct buf *text, const char *wanted)
{
	(void)alarm(LOOPING_ALARM_S);
	while (wanted == NULL || strstr(buf_cstr(text), wanted) == NULL) {
		char chunk[65536];
		ssize_t n;

		(void)event_base_loop(loop_base(p->loop), EVLOOP_NONBLOCK);
		n = recv(fd, chunk, sizeof(chunk), 0);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		buf_add(text, (struct str){ chunk, n > 0 ? (size_t)n : 0 });
	}
	(void)alarm(0);
	assert_false(buf_is_overflown(text));
	if (wanted != NULL)
		assert_non_null(strstr(buf_cstr(text), wanted));
}

static struct buf *text_new(void)
{
	return buf_new((size_t)16 * 1024 * 1024);
}

static void first_comes_a_snapshot_then_each_event(void **state)
{
	struct place *p = *state;
	AUTO(buf) text = text_new();
	char id[EVENT_ID_MAX];
	AUTO_CSTR frame = NULL;
	AUTO_FD fd = -1;

	publish(p, 1);
	events_last_id(p->events, id);
	fd = ask(p, "GET", PATH, "");
	hear(p, fd, text, "\"snapshot\":1}\n\n");
	frame = mem_printf("id: %s\nevent: snapshot\ndata: {\"snapshot\":1}\n\n", id);
	assert_non_null(strstr(buf_cstr(text), frame));
	assert_non_null(strstr(buf_cstr(text), "retry: 2000\n\n"));
	assert_null(strstr(buf_cstr(text), "\"n\":1"));
	publish(p, 2);
	publish(p, 3);
	hear(p, fd, text, "data: {\"n\":3}\n\n");
	assert_true(strstr(buf_cstr(text), "\"n\":2") < strstr(buf_cstr(text), "\"n\":3"));
	assert_true(strstr(buf_cstr(text), "snapshot") < strstr(buf_cstr(text), "\"n\":2"));
	assert_int_equal(p->snapshots, 1);
	assert_int_equal(sse_clients(p->sse), 1);
}

static void the_head_keeps_proxies_from_buffering(void **state)
{
	static const char *const lines[] = {
		"HTTP/1.1 200 OK\r\n",
		"Content-Type: text/event-stream; charset=utf-8\r\n",
		"Cache-Control: no-store\r\n",
		"X-Accel-Buffering: no\r\n",
	};
	struct place *p = *state;
	AUTO(buf) text = text_new();
	AUTO_FD fd = ask(p, "GET", PATH, "");

	hear(p, fd, text, "\r\n\r\n");
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		assert_non_null(strstr(buf_cstr(text), lines[i]));
}

static void what_was_missed_is_replayed_by_header_or_query(void **state)
{
	struct place *p = *state;
	char id[EVENT_ID_MAX];

	publish(p, 1);
	events_last_id(p->events, id);
	publish(p, 2);
	publish(p, 3);
	for (int way = 0; way < 2; way++) {
		AUTO(buf) text = text_new();
		AUTO_CSTR header = mem_printf("Last-Event-ID: %s\r\n", id);
		AUTO_CSTR target = mem_printf(PATH "?last_event_id=%s", id);
		AUTO_FD fd = way == 0 ? ask(p, "GET", PATH, header) : ask(p, "GET", target, "");

		hear(p, fd, text, "\"n\":3}\n\n");
		assert_non_null(strstr(buf_cstr(text), "\"n\":2}\n\n"));
		assert_null(strstr(buf_cstr(text), "\"n\":1}"));
		assert_null(strstr(buf_cstr(text), "event: snapshot"));
	}
	assert_int_equal(p->snapshots, 0);
}

static void who_has_everything_gets_the_next_event_only(void **state)
{
	struct place *p = *state;
	AUTO(buf) text = text_new();
	char id[EVENT_ID_MAX];
	AUTO_CSTR header = NULL;
	AUTO_FD fd = -1;

	publish(p, 1);
	events_last_id(p->events, id);
	header = mem_printf("Last-Event-ID: %s\r\n", id);
	fd = ask(p, "GET", PATH, header);
	hear(p, fd, text, "retry: ");
	publish(p, 2);
	hear(p, fd, text, "\"n\":2}\n\n");
	assert_null(strstr(buf_cstr(text), "\"n\":1}"));
	assert_null(strstr(buf_cstr(text), "event: snapshot"));
}

static void an_id_that_is_not_ours_gets_a_snapshot(void **state)
{
	static const char *const ids[] = { "0123456789abcdef-1", "nonsense", "-", "" };
	struct place *p = *state;

	publish(p, 1);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		AUTO(buf) text = text_new();
		AUTO_CSTR header = mem_printf("Last-Event-ID: %s\r\n", ids[i]);
		AUTO_FD fd = ask(p, "GET", PATH, header);

		hear(p, fd, text, "event: snapshot\n");
	}
}

static void a_snapshot_is_made_once_for_all_until_something_happens(void **state)
{
	static const int wanted[] = { 1, 1, 2, 2 };
	struct place *p = *state;

	for (int i = 0; i < (int)ARRAY_LEN(wanted); i++) {
		AUTO(buf) text = text_new();
		AUTO_CSTR part = mem_printf("\"snapshot\":%d}\n\n", wanted[i]);
		AUTO_FD fd = -1;

		if (i == 2)
			publish(p, 1);
		fd = ask(p, "GET", PATH, "");
		hear(p, fd, text, part);
		assert_int_equal(p->snapshots, wanted[i]);
	}
}

static void an_id_too_old_for_the_ring_gets_a_snapshot(void **state)
{
	struct place *p = *state;
	AUTO(buf) text = text_new();
	char id[EVENT_ID_MAX];
	AUTO_CSTR header = NULL;
	AUTO_FD fd = -1;

	publish(p, 0);
	events_last_id(p->events, id);
	for (int i = 1; i <= EVENTS_RING_MAX + 1; i++)
		publish(p, i);
	header = mem_printf("Last-Event-ID: %s\r\n", id);
	fd = ask(p, "GET", PATH, header);
	hear(p, fd, text, "event: snapshot\n");
}

static void other_addresses_and_methods_are_refused(void **state)
{
	static const struct {
		const char *method;
		const char *target;
		const char *wanted;
	} rows[] = {
		{ "GET", "/", "HTTP/1.1 404 " },
		{ "GET", "/api/v1/events", "HTTP/1.1 404 " },
		{ "GET", PATH "/", "HTTP/1.1 404 " },
		{ "GET", PATH "x", "HTTP/1.1 404 " },
		{ "POST", PATH, "HTTP/1.1 405 " },
		{ "DELETE", PATH, "HTTP/1.1 405 " },
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) text = text_new();
		AUTO_FD fd = ask(p, rows[i].method, rows[i].target,
				 "X-Request-Id: from-the-web-server\r\n");

		hear(p, fd, text, NULL);
		assert_true(str_has_prefix(buf_str(text), str_from(rows[i].wanted)));
		assert_non_null(strstr(buf_cstr(text), "application/problem+json"));
		assert_non_null(
			strstr(buf_cstr(text), "\"request_id\":\"from-the-web-server\""));
		assert_int_equal(sse_clients(p->sse), 0);
	}
	assert_int_equal(p->snapshots, 0);
}

/* The limit on descriptors becomes `wanted` for the process; the one before. */
static rlim_t set_descriptors(rlim_t wanted)
{
	struct rlimit limit;
	rlim_t before;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	before = limit.rlim_cur;
	limit.rlim_cur = wanted;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	return before;
}

/* Begins anew in a process that may have few descriptors. */
static void begin_with_few(struct place *p)
{
	rlim_t before;

	sse_free(&p->sse);
	before = set_descriptors(DESCRIPTORS);
	p->sse = serve(p);
	(void)set_descriptors(before);
	assert_non_null(p->sse);
}

static void assert_refused(const struct place *p)
{
	AUTO(buf) text = text_new();
	AUTO_FD fd = ask(p, "GET", PATH, "");

	hear(p, fd, text, "\r\n\r\n");
	assert_true(str_has_prefix(buf_str(text), S("HTTP/1.1 503 ")));
	hear(p, fd, text, NULL);
	assert_non_null(strstr(buf_cstr(text), "\"code\":\"too_many_clients\""));
}

static void streams_leave_half_of_the_descriptors_to_others(void **state)
{
	struct place *p = *state;
	AUTO(buf) text = text_new();
	int fds[STREAMS];

	begin_with_few(p);
	for (size_t i = 0; i < STREAMS; i++) {
		fds[i] = ask(p, "GET", PATH, "");
		hear(p, fds[i], text, "event: snapshot");
		buf_reset(text);
	}
	for (size_t i = 0; i < DESCRIPTORS; i++)
		assert_refused(p);
	assert_int_equal(sse_clients(p->sse), STREAMS);
	/* When one leaves, another may come. */
	fd_close(&fds[0]);
	(void)alarm(LOOPING_ALARM_S);
	while (sse_clients(p->sse) == STREAMS)
		(void)event_base_loop(loop_base(p->loop), EVLOOP_ONCE);
	(void)alarm(0);
	fds[0] = ask(p, "GET", PATH, "");
	hear(p, fds[0], text, "event: snapshot");
	for (size_t i = 0; i < STREAMS; i++)
		fd_close(&fds[i]);
}

static int count_events(const struct place *p)
{
	return event_base_get_num_events(loop_base(p->loop), EVENT_BASE_COUNT_ADDED);
}

/* Connections that come all at once, and ask for nothing yet. */
static void connections_that_never_ask_leave_descriptors_too(void **state)
{
	enum {
		TAKEN_MAX = DESCRIPTORS / 4,
	};
	struct place *p = *state;
	int fds[DESCRIPTORS];
	int before;

	begin_with_few(p);
	before = count_events(p);
	for (size_t i = 0; i < DESCRIPTORS; i++) {
		struct error err;

		fds[i] = unixsock_connect(p->path, 1000, &err);
		assert_true(fds[i] >= 0);
		assert_int_equal(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
	}
	for (int i = 0; i < 5; i++)
		loop_turn(p->loop);
	assert_in_range(count_events(p), before, before + TAKEN_MAX);
	/* As soon as these ask, the others have their turn. */
	for (size_t i = 0; i < STREAMS; i++) {
		AUTO(buf) text = text_new();
		struct str request = S("GET " PATH " HTTP/1.1\r\nHost: x\r\n\r\n");

		assert_int_equal(send(fds[i], request.p, request.n, MSG_NOSIGNAL), request.n);
		hear(p, fds[i], text, "event: snapshot");
	}
	assert_int_equal(sse_clients(p->sse), STREAMS);
	for (size_t i = 0; i < DESCRIPTORS; i++)
		fd_close(&fds[i]);
}

static void without_descriptors_the_socket_rests(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = ask(p, "GET", PATH, "");
	int before = count_events(p);
	rlim_t limit = set_descriptors(3); /* all below are taken */

	loop_turn(p->loop);
	(void)set_descriptors(limit);
	assert_int_equal(count_events(p), before - 1);
	assert_int_equal(sse_clients(p->sse), 0);
}

static void a_client_that_leaves_is_forgotten(void **state)
{
	struct place *p = *state;
	AUTO(buf) gone = text_new();
	AUTO(buf) text = text_new();
	int leaving = ask(p, "GET", PATH, "");
	AUTO_FD staying = -1;

	hear(p, leaving, gone, "\"snapshot\":1");
	staying = ask(p, "GET", PATH, "");
	hear(p, staying, text, "\"snapshot\":1");
	assert_int_equal(sse_clients(p->sse), 2);
	fd_close(&leaving);
	(void)alarm(LOOPING_ALARM_S);
	while (sse_clients(p->sse) == 2)
		(void)event_base_loop(loop_base(p->loop), EVLOOP_ONCE);
	(void)alarm(0);
	publish(p, 1);
	hear(p, staying, text, "\"n\":1}\n\n");
	assert_int_equal(sse_clients(p->sse), 1);
}

/* For those that read, in good order. */
static void stopping_ends_every_stream(void **state)
{
	struct place *p = *state;
	AUTO(buf) text = text_new();
	AUTO_FD fd = ask(p, "GET", PATH, "");
	struct error err;

	hear(p, fd, text, "\"snapshot\":1}\n\n\r\n");
	sse_stop(p->sse);
	assert_int_equal(sse_clients(p->sse), 0);
	publish(p, 1); /* nobody listens any more */
	hear(p, fd, text, NULL);
	assert_true(str_has_suffix(buf_str(text), S("\"snapshot\":1}\n\n\r\n0\r\n\r\n")));
	/* Who comes now is not answered, until somebody else serves. */
	fd_close(&fd);
	fd = unixsock_connect(p->path, 1000, &err);
	pass(p, 1000);
	assert_int_equal(sse_clients(p->sse), 0);
}

static void http_1_0_gets_the_same_without_chunks(void **state)
{
	static const char request[] = "GET " PATH " HTTP/1.0\r\n\r\n";
	struct place *p = *state;
	AUTO(buf) text = text_new();
	struct error err;
	AUTO_FD fd = unixsock_connect(p->path, 1000, &err);
	const char *body;

	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	hear(p, fd, text, "\"snapshot\":1}\n\n");
	publish(p, 1);
	hear(p, fd, text, "\"n\":1}\n\n");
	body = strstr(buf_cstr(text), "\r\n\r\n") + 4;
	assert_true(str_has_prefix(str_from(body), S("retry: 2000\n\nid: ")));
	assert_null(strchr(body, '\r'));
}

/* --- who may watch, and how many --- */

static char *cookie(const char *user, int64_t expires_s, uint64_t epoch)
{
	struct session session = { .role = ROLE_VIEWER,
				   .expires_s = expires_s,
				   .epoch = epoch };
	char token[TOKEN_MAX];

	(void)snprintf(session.user, sizeof(session.user), "%s", user);
	token_make(secret, &session, token);
	return mem_printf("Cookie: a=b; " AUTH_COOKIE "=%s\r\n", token);
}

/* The status that `headers` bring; the connection stays open when that is 200. */
static int try(const struct place *p, const char *headers, int *ret_fd)
{
	AUTO(buf) text = text_new();
	int status = 0;

	*ret_fd = ask(p, "GET", PATH, headers);
	hear(p, *ret_fd, text, "\r\n\r\n");
	for (const char *c = buf_cstr(text) + strlen("HTTP/1.1 "); char_is_digit(*c); c++)
		status = status * 10 + *c - '0';
	if (status == 401)
		assert_non_null(strstr(buf_cstr(text), "WWW-Authenticate: Bearer\r\n"));
	if (status != 200)
		fd_close(ret_fd);
	return status;
}

static void only_who_may_come_in_watches(void **state)
{
	AUTO_CSTR good = cookie("ada", 100, 1);
	AUTO_CSTR over = cookie("ada", 5, 1);
	AUTO_CSTR revoked = cookie("ada", 100, 0);
	const struct {
		enum auth_mode mode;
		const char *headers;
		int status;
	} rows[] = {
		{ AUTH_NONE, "", 200 },
		{ AUTH_PASSWORD, "", 401 },
		{ AUTH_PASSWORD, good, 200 },
		{ AUTH_PASSWORD, over, 401 },
		{ AUTH_PASSWORD, revoked, 401 },
		{ AUTH_PASSWORD, "Cookie: " AUTH_COOKIE "=x\r\n", 401 },
		{ AUTH_PASSWORD, "Authorization: Bearer sesame\r\n", 200 },
		{ AUTH_PASSWORD, "Authorization: Bearer sesamE\r\n", 401 },
		{ AUTH_PASSWORD, "Remote-User: ada\r\n", 401 },
		{ AUTH_PROXY, "Remote-User: ada\r\n", 200 },
		{ AUTH_PROXY, "Remote-User: \r\n", 401 },
		{ AUTH_PROXY, good, 401 },
		{ AUTH_PROXY, "Authorization: Bearer sesame\r\n", 200 },
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_FD fd = -1;

		serve_to(p, rows[i].mode);
		assert_int_equal(try(p, rows[i].headers, &fd), rows[i].status);
		assert_int_equal(sse_clients(p->sse), rows[i].status == 200);
	}
}

static void a_session_that_is_over_ends_its_stream_and_no_other(void **state)
{
	struct place *p = *state;
	AUTO_CSTR soon = NULL;
	AUTO_CSTR later = NULL;
	AUTO(buf) text = text_new();
	AUTO_FD ending = -1;
	AUTO_FD staying = -1;

	serve_to(p, AUTH_PASSWORD);
	soon = cookie("ada", unix_ms / 1000 + 7, 1);
	later = cookie("eve", unix_ms / 1000 + 100, 1);
	assert_int_equal(try(p, soon, &ending), 200);
	assert_int_equal(try(p, later, &staying), 200);
	for (int i = 0; i < 6; i++)
		pass(p, 1000);
	assert_int_equal(sse_clients(p->sse), 2);
	for (int i = 0; i < SSE_RECHECK_MS / 1000; i++)
		pass(p, 1000);
	assert_int_equal(sse_clients(p->sse), 1);
	hear(p, ending, text, NULL);
	assert_true(str_has_suffix(buf_str(text), S("0\r\n\r\n")));
	/* Revoked, and so told at once. */
	auth_set_secret(p->auth, secret, 2);
	sse_recheck(p->sse);
	assert_int_equal(sse_clients(p->sse), 0);
	buf_reset(text);
	hear(p, staying, text, NULL);
}

/* Of each user, key or address; another has its own. */
static void one_identity_has_only_its_share(void **state)
{
	static const struct {
		enum auth_mode mode;
		const char *one;
		const char *same;
		const char *other;
	} rows[] = {
		{ AUTH_NONE, "X-Forwarded-For: 192.0.2.1\r\n",
		  "X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n",
		  "X-Forwarded-For: 192.0.2.1, 192.0.2.2\r\n" },
		{ AUTH_NONE, "", "", "X-Forwarded-For: 192.0.2.1\r\n" },
		{ AUTH_PROXY, "Remote-User: ada\r\nX-Forwarded-For: 192.0.2.1\r\n",
		  "Remote-User: ada\r\n", "Remote-User: eve\r\n" },
		{ AUTH_PROXY, "Authorization: Bearer sesame\r\n",
		  "Authorization: bearer sesame\r\n", "Remote-User: graphs\r\n" },
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		int fds[DESCRIPTORS + 1];
		AUTO_FD refused = -1;

		serve_to(p, rows[i].mode);
		for (size_t k = 0; k < DESCRIPTORS; k++)
			assert_int_equal(try(p, rows[i].one, &fds[k]), 200);
		assert_int_equal(try(p, rows[i].same, &refused), 503);
		assert_int_equal(try(p, rows[i].other, &fds[DESCRIPTORS]), 200);
		for (size_t k = 0; k < ARRAY_LEN(fds); k++)
			fd_close(&fds[k]);
	}
}

/* --- those who mean no good --- */

static void a_request_that_takes_too_long_is_given_up(void **state)
{
	struct place *p = *state;
	AUTO(buf) text = text_new();
	struct error err;
	AUTO_FD slow = unixsock_connect(p->path, 1000, &err);
	AUTO_FD silent = unixsock_connect(p->path, 1000, &err);
	AUTO_FD left = unixsock_connect(p->path, 1000, &err);
	AUTO_FD watching = ask(p, "GET", PATH, "");
	static const char request[] = "GET " PATH " HTTP/1.1\r\nX-Slow: ";

	assert_int_equal(fcntl(slow, F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(fcntl(silent, F_SETFL, O_NONBLOCK), 0);
	hear(p, watching, text, "event: snapshot");
	/* A byte a second keeps nobody's place. */
	for (int i = 0; i < SSE_REQUEST_MS / 1000 - 1; i++) {
		assert_int_equal(send(slow, request + i, 1, MSG_NOSIGNAL), 1);
		pass(p, 1000);
		if (i == 3)
			fd_close(&left);
	}
	assert_int_equal(send(slow, "x", 1, MSG_NOSIGNAL), 1);
	pass(p, 1000);
	buf_reset(text);
	hear(p, slow, text, NULL);
	assert_true(str_has_prefix(buf_str(text), S("HTTP/1.1 408 ")));
	buf_reset(text);
	hear(p, silent, text, NULL);
	assert_true(str_has_prefix(buf_str(text), S("HTTP/1.1 408 ")));
	/* Who has asked stays. */
	pass(p, 1000);
	assert_int_equal(sse_clients(p->sse), 1);
}

static void what_makes_no_sense_gets_a_status_and_is_closed(void **state)
{
	AUTO_CSTR long_header = mem_printf("GET " PATH " HTTP/1.1\r\nX: %020000d\r\n\r\n", 1);
	AUTO_CSTR long_line = mem_printf("GET /%020000d HTTP/1.1\r\n\r\n", 1);
	AUTO_CSTR many = mem_alloc(40001);
	const struct {
		const char *text;
		const char *wanted;
	} rows[] = {
		{ long_header, "HTTP/1.1 400 " },
		{ long_line, "HTTP/1.1 400 " },
		{ many, "HTTP/1.1 400 " },
		{ "nonsense\r\n\r\n", "HTTP/1.1 400 " },
		{ "GET " PATH " HTTP/1.1\r\nno colon\r\n\r\n", "HTTP/1.1 400 " },
		{ "POST " PATH " HTTP/1.1\r\nContent-Length: 99999\r\n\r\n", "HTTP/1.1 413 " },
	};
	struct place *p = *state;

	(void)snprintf(many, 40001, "GET " PATH " HTTP/1.1\r\n");
	for (size_t i = 0; i < 5000; i++)
		(void)strncat(many, "A: b\r\n", 7);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) text = text_new();
		struct error err;
		AUTO_FD fd = unixsock_connect(p->path, 1000, &err);

		assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
		assert_true(send(fd, rows[i].text, strlen(rows[i].text), MSG_NOSIGNAL) > 0);
		hear(p, fd, text, NULL);
		assert_true(str_has_prefix(buf_str(text), str_from(rows[i].wanted)));
		assert_int_equal(sse_clients(p->sse), 0);
	}
}

/* What a watcher says after its request is left in its socket. */
static void a_watcher_that_talks_costs_nothing(void **state)
{
	static const char chatter[65536];
	struct place *p = *state;
	AUTO(buf) text = text_new();
	AUTO_FD fd = ask(p, "GET", PATH, "");
	size_t sent = 0;
	ssize_t n;

	hear(p, fd, text, "event: snapshot");
	for (int idle = 0; idle < 20; idle++) {
		while ((n = send(fd, chatter, sizeof(chatter), MSG_NOSIGNAL)) > 0) {
			sent += (size_t)n;
			idle = 0;
		}
		loop_turn(p->loop);
		assert_true(sent < (size_t)4 * 1024 * 1024);
	}
	publish(p, 1);
	hear(p, fd, text, "\"n\":1}\n\n");
}

static void ending_closes_every_stream(void **state)
{
	struct place *p = *state;
	AUTO(buf) text = text_new();
	AUTO_FD fd = ask(p, "GET", PATH, "");

	hear(p, fd, text, "\"snapshot\":1");
	sse_free(&p->sse);
	hear(p, fd, text, NULL);
	publish(p, 1); /* nobody listens any more */
}

static void a_slow_client_costs_a_bounded_buffer_and_gets_a_snapshot(void **state)
{
	struct place *p = *state;
	AUTO(buf) text = text_new();
	AUTO(buf) other = text_new();
	AUTO_CSTR filler = mem_alloc(10001);
	AUTO_FD slow = ask(p, "GET", PATH, "");
	AUTO_FD quick = ask(p, "GET", PATH, "");

	memset(filler, 'x', 10000);
	hear(p, slow, text, "event: snapshot");
	hear(p, quick, other, "event: snapshot");
	/* Far more than the sockets and the buffer take. */
	for (int i = 1; i <= 500; i++) {
		AUTO_CSTR wanted = mem_printf("\"n\":%d,", i);
		struct json_object *data = json_object_new_object();

		json_add_int(data, "n", i);
		json_add_cstr(data, "filler", filler);
		events_publish(p->events, "notice", data);
		hear(p, quick, other, wanted); /* delays nobody */
		buf_reset(other);
	}
	assert_int_equal(p->snapshots, 1);
	/* It reads on, and the next event finds it drained. */
	(void)alarm(LOOPING_ALARM_S);
	for (int n = 1001; p->snapshots == 1; n++) {
		char chunk[65536];
		ssize_t got;

		while ((got = recv(slow, chunk, sizeof(chunk), 0)) > 0)
			buf_add(text, (struct str){ chunk, (size_t)got });
		loop_turn(p->loop);
		publish(p, n);
	}
	(void)alarm(0);
	hear(p, slow, text, "\"snapshot\":2");
	assert_in_range(buf_str(text).n, SSE_BUFFER_MAX, 500 * 10000 - 1);
	publish(p, 77777);
	hear(p, slow, text, "\"n\":77777}");
}

static void a_slow_client_that_never_reads_is_dropped(void **state)
{
	struct place *p = *state;
	AUTO(buf) text = text_new();
	AUTO_CSTR filler = mem_alloc(10001);
	AUTO_FD slow = ask(p, "GET", PATH, "");

	memset(filler, 'x', 10000);
	hear(p, slow, text, "event: snapshot");
	for (int i = 0; i < 100; i++) {
		events_publish(p->events, "notice", json_object_new_string(filler));
		loop_turn(p->loop);
	}
	pass(p, 1000);
	pass(p, SSE_SLOW_MS - 1000);
	assert_int_equal(sse_clients(p->sse), 1);
	pass(p, 2000);
	assert_int_equal(sse_clients(p->sse), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(first_comes_a_snapshot_then_each_event),
		TEST(the_head_keeps_proxies_from_buffering),
		TEST(what_was_missed_is_replayed_by_header_or_query),
		TEST(who_has_everything_gets_the_next_event_only),
		TEST(an_id_that_is_not_ours_gets_a_snapshot),
		TEST(a_snapshot_is_made_once_for_all_until_something_happens),
		TEST(an_id_too_old_for_the_ring_gets_a_snapshot),
		TEST(other_addresses_and_methods_are_refused),
		TEST(streams_leave_half_of_the_descriptors_to_others),
		TEST(connections_that_never_ask_leave_descriptors_too),
		TEST(without_descriptors_the_socket_rests),
		TEST(a_client_that_leaves_is_forgotten),
		TEST(stopping_ends_every_stream),
		TEST(ending_closes_every_stream),
		TEST(http_1_0_gets_the_same_without_chunks),
		TEST(only_who_may_come_in_watches),
		TEST(a_session_that_is_over_ends_its_stream_and_no_other),
		TEST(one_identity_has_only_its_share),
		TEST(a_request_that_takes_too_long_is_given_up),
		TEST(what_makes_no_sense_gets_a_status_and_is_closed),
		TEST(a_watcher_that_talks_costs_nothing),
		TEST(a_slow_client_that_never_reads_is_dropped),
		TEST(a_slow_client_costs_a_bounded_buffer_and_gets_a_snapshot),
	};

	/* As main.c does. */
	(void)signal(SIGPIPE, SIG_IGN);
	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
