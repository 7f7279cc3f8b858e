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

#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/unixsock.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

#define PATH "/hf/api/v1/events"

/* The far side is played by the test itself, from the loop's own thread. */
struct place {
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

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;
	int fd;

	tempdir_make(&p->dir);
	p->path = tempdir_path(&p->dir, "e.sock");
	p->loop = loop_new(&err);
	p->events = events_new();
	fd = unixsock_listen(p->path, 0600, &err);
	p->sse = sse_new(p->loop, p->events, fd, "/hf", snapshot, p, &err);
	*state = p;
	return p->sse == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	sse_free(&p->sse);
	events_free(&p->events);
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
		AUTO_FD fd = ask(p, rows[i].method, rows[i].target, "");

		hear(p, fd, text, NULL);
		assert_true(str_has_prefix(buf_str(text), str_from(rows[i].wanted)));
		assert_non_null(strstr(buf_cstr(text), "application/problem+json"));
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

enum {
	DESCRIPTORS = 32,
	STREAMS = DESCRIPTORS / 2,
};

/* Begins anew in a process that may have few descriptors. */
static void begin_with_few(struct place *p)
{
	struct error err;
	rlim_t before;

	sse_free(&p->sse);
	before = set_descriptors(DESCRIPTORS);
	p->sse = sse_new(p->loop, p->events, unixsock_listen(p->path, 0600, &err), "/hf",
			 snapshot, p, &err);
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
		TEST(ending_closes_every_stream),
		TEST(a_slow_client_costs_a_bounded_buffer_and_gets_a_snapshot),
	};

	/* As main.c does. */
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
