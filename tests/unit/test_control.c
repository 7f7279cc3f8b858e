#include "downloader/control.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/log.h"
#include "common/unixsock.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

enum {
	CALLS_MAX = 64,
};

/* The far side is played by the test itself, from the loop's own thread: its sockets do not
 * block, and the loop is turned until they have what is waited for. */
struct place {
	struct tempdir dir;
	char *path;
	struct loop *loop;
	struct control *control;
	bool is_held;             /* calls are kept for later */
	size_t filler;            /* bytes of an answer to system.health, if not 0 */
	bool is_watched;          /* calls are */
	struct control_deed deed; /* the last that ended; its params are not kept */
	char method[32];
	char outcome[32];
	size_t n_deeds;
	bool is_slow; /* to be told */
	struct control_call *untold;
	struct control_call *held[CALLS_MAX];
	size_t n_held;
	size_t n_calls;
};

static void on_call(void *ctx, struct control_call *call, struct str method,
		    struct json_object *params)
{
	struct place *p = ctx;
	struct error err;

	p->n_calls++;
	assert_non_null(params);
	if (p->is_watched)
		control_watch(call, method, params);
	if (p->is_held) {
		assert_true(p->n_held < CALLS_MAX);
		p->held[p->n_held++] = call;
	} else if (str_is_equal(method, S("download.get"))) {
		(void)error_set(&err, ERR_UNKNOWN_DOWNLOAD, "none");
		control_fail(call, &err, NULL);
	} else if (p->filler > 0 && str_is_equal(method, S("system.health"))) {
		control_reply_text(call, mem_printf("\"%0*d\"", (int)p->filler, 0));
	} else if (str_is_equal(method, S("system.health"))) {
		control_reply_text(call, mem_strdup("{\"well\":true}"));
	} else {
		control_reply(call, json_object_new_string_len(method.p, (int)method.n));
	}
}

static void on_ended(void *ctx, struct control_call *call, const struct control_deed *deed,
		     const struct error *err)
{
	struct place *p = ctx;

	assert_non_null(deed->params);
	p->deed = *deed;
	(void)snprintf(p->method, sizeof(p->method), "%s", deed->method);
	(void)snprintf(p->outcome, sizeof(p->outcome), "%s",
		       err == NULL ? "ok" : error_code_name(err->code));
	p->n_deeds++;
	if (p->is_slow)
		p->untold = call;
	else
		control_told(call);
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	const struct control_hooks hooks = { .fn = on_call, .ended = on_ended, .ctx = p };
	struct error err;
	int fd;

	log_init("unit", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	tempdir_make(&p->dir);
	p->path = tempdir_path(&p->dir, "c.sock");
	p->loop = loop_new(&err);
	fd = unixsock_listen(p->path, 0600, &err);
	p->control = control_new(p->loop, fd, getgid(), &hooks, &err);
	*state = p;
	return p->control == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	control_free(&p->control);
	for (size_t i = 0; i < p->n_held; i++)
		control_reply(p->held[i], NULL);
	loop_drain(p->loop);
	loop_free(&p->loop);
	tempdir_remove(&p->dir);
	free(p->path);
	free(p);
	return 0;
}

static int dial(const struct place *p)
{
	struct error err;
	int fd = unixsock_connect(p->path, 1000, &err);

	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	return fd;
}

/* Sends all, turning the loop while the socket is full; false when the other side closed. */
static bool tell(const struct place *p, int fd, struct str text)
{
	while (text.n > 0) {
		ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);

		if (n < 0 && errno != EAGAIN)
			return false;
		text = str_sub(text, n > 0 ? (size_t)n : 0, text.n);
		(void)event_base_loop(loop_base(p->loop), EVLOOP_NONBLOCK);
	}
	return true;
}

/* Reads until so many lines are there, or the other side closes. Text to free. */
static char *hear(const struct place *p, int fd, size_t n_lines)
{
	AUTO(buf) text = buf_new((size_t)4 * 1024 * 1024);
	size_t lines = 0;

	(void)alarm(LOOPING_ALARM_S);
	while (lines < n_lines) {
		char chunk[4096];
		ssize_t n = recv(fd, chunk, sizeof(chunk), 0);

		(void)event_base_loop(loop_base(p->loop), EVLOOP_NONBLOCK);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		for (ssize_t i = 0; i < n; i++)
			lines += chunk[i] == '\n' ? 1 : 0;
		buf_add(text, (struct str){ chunk, n > 0 ? (size_t)n : 0 });
	}
	(void)alarm(0);
	return buf_take(text);
}

#define CALL(id, method) "{\"jsonrpc\":\"2.0\",\"id\":" #id ",\"method\":\"" method "\"}\n"

static void a_notification_is_carried_out_and_not_answered(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR heard = NULL;

	(void)tell(
		p, fd,
		S("{\"jsonrpc\":\"2.0\",\"method\":\"system.status\"}\n"
		  "{\"jsonrpc\":\"2.0\",\"method\":\"no.such\"}\n" CALL(9, "system.status")));
	heard = hear(p, fd, 1);
	assert_string_equal(heard, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":"
				   "\"system.status\"}\n");
	assert_int_equal(p->n_calls, 2);
}

static void the_end_of_a_watched_call_is_told(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR heard = NULL;
	AUTO_CSTR self = mem_printf("user %u", (unsigned)geteuid());

	(void)tell(p, fd, S(CALL(1, "system.status")));
	heard = hear(p, fd, 1);
	assert_int_equal(p->n_deeds, 0);
	p->is_watched = true;
	/* Who is connected speaks for themselves, */
	(void)tell(p, fd, S(CALL(2, "system.status")));
	free(heard);
	heard = hear(p, fd, 1);
	assert_int_equal(p->n_deeds, 1);
	assert_string_equal(p->method, "system.status");
	assert_string_equal(p->outcome, "ok");
	assert_string_equal(p->deed.who, self);
	assert_string_equal(p->deed.address, "");
	/* the web side for whom it names. */
	(void)tell(p, fd,
		   S("{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"download.get\",\"params\":"
		     "{\"id\":\"x\"},\"caller\":{\"name\":\"key backup\",\"address\":"
		     "\"192.0.2.7\",\"request_id\":\"abc\"}}\n"));
	free(heard);
	heard = hear(p, fd, 1);
	assert_string_equal(p->outcome, "unknown_download");
	assert_string_equal(p->deed.who, "key backup");
	assert_string_equal(p->deed.address, "192.0.2.7");
	assert_string_equal(p->deed.request_id, "abc");
}

static void an_answer_waits_until_the_deed_is_told(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR heard = NULL;
	char byte;

	p->is_watched = true;
	p->is_slow = true;
	(void)tell(p, fd, S(CALL(1, "system.status")));
	(void)alarm(LOOPING_ALARM_S);
	while (p->untold == NULL)
		(void)event_base_loop(loop_base(p->loop), EVLOOP_NONBLOCK);
	(void)alarm(0);
	for (int i = 0; i < 10; i++)
		(void)event_base_loop(loop_base(p->loop), EVLOOP_NONBLOCK);
	assert_int_equal(recv(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
	control_told(p->untold);
	heard = hear(p, fd, 1);
	assert_non_null(strstr(heard, "\"result\""));
}

static void a_caller_is_cut_and_may_be_nobody(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR heard = NULL;
	AUTO_CSTR line =
		mem_printf("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"system.status\","
			   "\"caller\":{\"name\":\"%0200d\",\"address\":7}}\n",
			   0);

	p->is_watched = true;
	(void)tell(p, fd, str_from(line));
	heard = hear(p, fd, 1);
	assert_int_equal(strlen(p->deed.who), CONTROL_WHO_MAX - 1);
	assert_string_equal(p->deed.address, "");
	(void)tell(p, fd,
		   S("{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"system.status\",\"caller\":"
		     "{}}\n"));
	free(heard);
	heard = hear(p, fd, 1);
	assert_string_equal(p->deed.who, "anybody");
}

static void an_answer_too_long_becomes_an_error(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR heard = NULL;
	char *text = mem_alloc((size_t)RPC_ANSWER_MAX + 3);

	p->is_held = true;
	(void)tell(p, fd, S(CALL(1, "system.status")));
	while (p->n_held == 0)
		(void)event_base_loop(loop_base(p->loop), EVLOOP_NONBLOCK);
	memset(text, 'x', (size_t)RPC_ANSWER_MAX + 2);
	text[0] = '"';
	text[RPC_ANSWER_MAX + 1] = '"';
	p->n_held = 0;
	control_reply_text(p->held[0], text);
	heard = hear(p, fd, 1);
	assert_non_null(strstr(heard, "\"code\":\"too_large\""));
}

static void a_call_is_answered_on_one_line(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *line;
		const char *wanted;
	} rows[] = {
		{ CALL(1, "system.status"),
		  "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"system.status\"}\n" },
		{ CALL("x", "system.health"),
		  "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":{\"well\":true}}\n" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"system.health\"}\n",
		  "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":{\"well\":true}}\n" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"download.get\",\"params\":{"
		  "\"id\":\"x\"}}\n",
		  "{\"jsonrpc\":\"2.0\",\"id\":2,\"error\":{\"code\":-32000,\"message\":"
		  "\"none\",\"data\":{\"code\":\"unknown_download\"}}}\n" },
	};
	AUTO_FD fd = dial(p);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR answer = NULL;

		assert_true(tell(p, fd, str_from(rows[i].line)));
		answer = hear(p, fd, 1);
		assert_string_equal(answer, rows[i].wanted);
	}
}

static void a_request_may_come_in_any_pieces(void **state)
{
	struct place *p = *state;
	struct str line = S(CALL(1, "system.status"));
	AUTO_FD fd = dial(p);
	AUTO_CSTR answer = NULL;

	for (size_t i = 0; i < line.n; i++) {
		assert_true(tell(p, fd, str_sub(line, i, i + 1)));
		loop_turn(p->loop);
	}
	answer = hear(p, fd, 1);
	assert_non_null(strstr(answer, "\"result\":\"system.status\""));
}

static void a_bad_line_is_refused_and_the_next_one_answered(void **state)
{
	struct place *p = *state;
	static const struct {
		const char *line;
		const char *wanted;
	} rows[] = {
		{ "not json\n", "\"code\":-32700" },
		{ "\n", "\"code\":-32700" },
		{ "[]\n", "\"code\":-32600" },
		{ "{\"id\":7}\n", "\"id\":7,\"error\":{\"code\":-32600" },
		{ CALL(8, "download.destroy"), "\"id\":8,\"error\":{\"code\":-32601" },
		{ CALL(9, "download.get"), "\"id\":9,\"error\":{\"code\":-32602" },
		{ "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"system.status\",\"params\":"
		  "{\"x\":1}}\n",
		  "\"field\":\"x\"" },
	};
	AUTO_FD fd = dial(p);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR refusal = NULL;
		AUTO_CSTR answer = NULL;

		assert_true(tell(p, fd, str_from(rows[i].line)));
		refusal = hear(p, fd, 1);
		assert_non_null(strstr(refusal, rows[i].wanted));
		assert_true(tell(p, fd, S(CALL(1, "system.status"))));
		answer = hear(p, fd, 1);
		assert_non_null(strstr(answer, "\"result\""));
	}
	assert_int_equal(p->n_calls, ARRAY_LEN(rows));
}

static void a_line_that_never_ends_is_refused_and_the_connection_closed(void **state)
{
	struct place *p = *state;
	AUTO_CSTR line = mem_alloc(RPC_REQUEST_MAX + 8192);
	AUTO_FD fd = dial(p);
	AUTO_CSTR answer = NULL;

	memset(line, 'x', RPC_REQUEST_MAX + 8191);
	(void)tell(p, fd, str_from(line));
	answer = hear(p, fd, 2); /* one line, then the end */
	assert_non_null(strstr(answer, "\"code\":\"too_large\""));
	assert_int_equal(p->n_calls, 0);
}

static void a_line_of_the_greatest_length_is_read(void **state)
{
	struct place *p = *state;
	AUTO_CSTR line = mem_alloc(RPC_REQUEST_MAX + 1);
	struct str call = S(CALL(1, "system.status"));
	AUTO_FD fd = dial(p);
	AUTO_CSTR answer = NULL;

	memset(line, ' ', RPC_REQUEST_MAX);
	memcpy(line + RPC_REQUEST_MAX - call.n, call.p, call.n);
	assert_true(tell(p, fd, str_from(line)));
	answer = hear(p, fd, 1);
	assert_non_null(strstr(answer, "\"result\":\"system.status\""));
}

static void pipelined_calls_are_all_answered_in_order(void **state)
{
	struct place *p = *state;
	AUTO(buf) lines = buf_new((size_t)1024 * 1024);
	AUTO(buf) wanted = buf_new((size_t)1024 * 1024);
	AUTO_FD fd = dial(p);
	AUTO_CSTR answers = NULL;

	for (int i = 0; i < 500; i++) {
		buf_addf(lines,
			 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"system.status\"}\n", i);
		buf_addf(wanted,
			 "{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":\"system.status\"}\n", i);
	}
	assert_true(tell(p, fd, buf_str(lines)));
	answers = hear(p, fd, 500);
	assert_string_equal(answers, buf_cstr(wanted));
}

static void more_unanswered_calls_than_allowed_wait_to_be_read(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR answers = NULL;

	p->is_held = true;
	for (int i = 0; i < CONTROL_CALLS_MAX + 5; i++)
		assert_true(tell(p, fd, S(CALL(1, "system.status"))));
	loop_turn(p->loop);
	assert_int_equal(p->n_held, CONTROL_CALLS_MAX);
	/* Each answer makes room for one. */
	for (size_t i = 0; i < 5; i++) {
		control_reply(p->held[i], NULL);
		assert_int_equal(p->n_held, CONTROL_CALLS_MAX + i + 1);
	}
	for (size_t i = 5; i < p->n_held; i++)
		control_reply(p->held[i], NULL);
	answers = hear(p, fd, p->n_held);
	assert_int_equal(strlen(answers),
			 (CONTROL_CALLS_MAX + 5) * strlen("{\"jsonrpc\":\"2.0\",\"id\":1,"
							  "\"result\":null}\n"));
	p->n_held = 0;
}

/* Each answer is a thousand times as long as its call. */
static void a_client_that_does_not_read_is_not_listened_to(void **state)
{
	enum {
		N = 1000,
		FILLER = 64 * 1024,
		ANSWERS_MAX = 100, /* what waits here and in the sockets, generously */
	};
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_FD other = dial(p);
	AUTO_CSTR answer = NULL;
	size_t n_lines = 0;

	p->filler = FILLER;
	for (int i = 0; i < N; i++)
		assert_true(tell(p, fd, S(CALL(1, "system.health"))));
	for (int i = 0; i < 5; i++)
		loop_turn(p->loop);
	assert_in_range(p->n_calls, 1, ANSWERS_MAX);
	/* Another is served meanwhile. */
	assert_true(tell(p, other, S(CALL(2, "system.status"))));
	answer = hear(p, other, 1);
	assert_non_null(strstr(answer, "\"result\":\"system.status\""));
	/* It reads on, and gets all. */
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	while (n_lines < N) {
		AUTO_CSTR answers = hear(p, fd, 10);
		size_t n = n_lines;

		for (const char *c = strchr(answers, '\n'); c != NULL; c = strchr(c + 1, '\n'))
			n_lines++;
		assert_true(n_lines > n);
	}
	assert_int_equal(n_lines, N);
	assert_int_equal(p->n_calls, N + 1);
}

static void a_client_that_leaves_before_its_answer_does_no_harm(void **state)
{
	struct place *p = *state;
	int fd = dial(p);
	AUTO_FD other = dial(p);
	AUTO_CSTR answer = NULL;

	p->is_held = true;
	assert_true(tell(p, fd, S(CALL(1, "system.status") CALL(2, "system.status"))));
	while (p->n_held < 2)
		loop_turn(p->loop);
	fd_close(&fd);
	loop_turn(p->loop);
	loop_turn(p->loop);
	control_reply(p->held[0], json_object_new_object());
	loop_turn(p->loop);
	control_reply_text(p->held[1], mem_strdup("{}"));
	p->n_held = 0;
	p->is_held = false;
	assert_true(tell(p, other, S(CALL(1, "system.status"))));
	answer = hear(p, other, 1);
	assert_non_null(strstr(answer, "\"result\""));
}

static void a_client_that_sends_no_more_still_gets_its_answers(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR answers = NULL;

	p->is_held = true;
	assert_true(tell(p, fd, S(CALL(1, "system.status") CALL(2, "system.status"))));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	while (p->n_held < 2)
		loop_turn(p->loop);
	loop_turn(p->loop);
	for (size_t i = 0; i < 2; i++)
		control_reply(p->held[i], NULL);
	p->n_held = 0;
	answers = hear(p, fd, 3); /* two lines, then the end */
	assert_string_equal(answers, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n"
				     "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":null}\n");
}

static void more_calls_than_allowed_are_answered_also_after_the_last_line(void **state)
{
	enum {
		N = CONTROL_CALLS_MAX + 8
	};
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR answers = NULL;
	size_t lines = 0;

	p->is_held = true;
	for (int i = 0; i < N; i++)
		assert_true(tell(p, fd, S(CALL(1, "system.status"))));
	assert_int_equal(shutdown(fd, SHUT_WR), 0);
	while (p->n_held < CONTROL_CALLS_MAX)
		loop_turn(p->loop);
	loop_turn(p->loop);
	for (size_t i = 0; i < N; i++)
		control_reply(p->held[i], NULL);
	p->n_held = 0;
	answers = hear(p, fd, N + 1);
	for (const char *c = answers; *c != '\0'; c++)
		lines += *c == '\n' ? 1 : 0;
	assert_int_equal(lines, N);
}

static void a_backlog_of_whole_lines_is_not_a_long_line(void **state)
{
	enum {
		N = 2 * RPC_REQUEST_MAX / 64
	};
	struct place *p = *state;
	AUTO(buf) lines = buf_new((size_t)4 * RPC_REQUEST_MAX);
	AUTO_FD fd = dial(p);
	AUTO_CSTR answers = NULL;

	for (int i = 0; i < N; i++)
		buf_add(lines, S(CALL(1, "system.status")));
	p->is_held = true;
	/* More than a line may be long waits behind as many calls as may be unanswered. */
	assert_true(tell(p, fd, str_sub(buf_str(lines), 0, RPC_REQUEST_MAX + 1024)));
	loop_turn(p->loop);
	p->is_held = false;
	for (size_t i = 0; i < CONTROL_CALLS_MAX; i++)
		control_reply(p->held[i], NULL);
	p->n_held = 0;
	answers = hear(p, fd, 1000);
	assert_null(strstr(answers, "too_large"));
}

static void several_clients_are_served_side_by_side(void **state)
{
	enum {
		N = 40
	};
	struct place *p = *state;
	int fds[N];

	for (int i = 0; i < N; i++)
		fds[i] = dial(p);
	for (int i = 0; i < N; i++) {
		AUTO_CSTR line = mem_printf(
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"system.status\"}\n", i);

		assert_true(tell(p, fds[i], str_from(line)));
	}
	for (int i = N - 1; i >= 0; i--) {
		AUTO_CSTR answer = hear(p, fds[i], 1);
		AUTO_CSTR wanted = mem_printf(
			"{\"jsonrpc\":\"2.0\",\"id\":%d,\"result\":\"system.status\"}\n", i);

		assert_string_equal(answer, wanted);
		fd_close(&fds[i]);
	}
}

static void calls_may_be_answered_after_the_end_into_the_void(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR answer = NULL;

	p->is_held = true;
	assert_true(tell(p, fd, S(CALL(1, "system.status") CALL(2, "system.status"))));
	while (p->n_held < 2)
		loop_turn(p->loop);
	control_free(&p->control);
	control_reply(p->held[0], NULL);
	control_reply(p->held[1], NULL);
	p->n_held = 0;
	answer = hear(p, fd, 1);
	assert_string_equal(answer, "");
}

static void at_a_stop_what_was_asked_is_answered_and_no_more_is_taken(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_FD idle = dial(p);
	AUTO_CSTR answer = NULL;
	AUTO_CSTR nothing = NULL;
	struct error err;

	p->is_held = true;
	assert_true(tell(p, fd, S(CALL(1, "system.status"))));
	while (p->n_held < 1)
		loop_turn(p->loop);
	control_stop(p->control);
	assert_int_equal(unixsock_connect(p->path, 1000, &err), -1);
	(void)tell(p, fd, S(CALL(2, "system.status")));
	nothing = hear(p, idle, 1); /* its end */
	assert_string_equal(nothing, "");
	control_reply(p->held[0], NULL);
	p->n_held = 0;
	answer = hear(p, fd, 2); /* a line, then the end */
	assert_string_equal(answer, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}\n");
	assert_int_equal(p->n_calls, 1);
}

static void ending_with_clients_that_do_nothing_frees_them(void **state)
{
	struct place *p = *state;
	AUTO_FD fd = dial(p);
	AUTO_CSTR answer = NULL;

	assert_true(tell(p, fd, S("{\"half\":")));
	loop_turn(p->loop);
	control_free(&p->control);
	answer = hear(p, fd, 1);
	assert_string_equal(answer, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_notification_is_carried_out_and_not_answered),
		TEST(the_end_of_a_watched_call_is_told),
		TEST(an_answer_waits_until_the_deed_is_told),
		TEST(a_caller_is_cut_and_may_be_nobody),
		TEST(an_answer_too_long_becomes_an_error),
		TEST(a_call_is_answered_on_one_line),
		TEST(a_request_may_come_in_any_pieces),
		TEST(a_bad_line_is_refused_and_the_next_one_answered),
		TEST(a_line_that_never_ends_is_refused_and_the_connection_closed),
		TEST(a_line_of_the_greatest_length_is_read),
		TEST(pipelined_calls_are_all_answered_in_order),
		TEST(more_unanswered_calls_than_allowed_wait_to_be_read),
		TEST(a_client_that_does_not_read_is_not_listened_to),
		TEST(a_client_that_leaves_before_its_answer_does_no_harm),
		TEST(a_client_that_sends_no_more_still_gets_its_answers),
		TEST(more_calls_than_allowed_are_answered_also_after_the_last_line),
		TEST(a_backlog_of_whole_lines_is_not_a_long_line),
		TEST(several_clients_are_served_side_by_side),
		TEST(calls_may_be_answered_after_the_end_into_the_void),
		TEST(at_a_stop_what_was_asked_is_answered_and_no_more_is_taken),
		TEST(ending_with_clients_that_do_nothing_frees_them),
	};

	/* As main.c does. */
	(void)signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
