#include "common/rpc.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/unixsock.h"
#include "tests/unit/tempdir.h"

enum {
	TIMEOUT_MS = 60 * 1000,
};

static void a_request_is_taken_apart(void **state)
{
	struct rpc_request request;
	struct error err;

	(void)state;
	assert_int_equal(rpc_request_parse(S("{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":"
					     "\"download.get\",\"params\":{\"id\":\"x\"}}"),
					   &request, &err),
			 0);
	assert_true(str_is_equal(request.method, S("download.get")));
	assert_true(str_is_equal(json_get_str(request.params, "id"), S("x")));
	assert_int_equal(json_object_get_int(request.id), 7);
	rpc_request_clear(&request);
	assert_null(request.object);
}

static void id_and_params_may_be_absent(void **state)
{
	static const char *const rows[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"m\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"id\":null,\"params\":null}",
	};
	struct rpc_request request;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(rpc_request_parse(str_from(rows[i]), &request, &err), 0);
		assert_null(request.id);
		assert_null(request.params);
		rpc_request_clear(&request);
	}
}

static void what_is_no_request_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"{",
		"null",
		"7",
		"[]",
		"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\"}]",
		"{}",
		"{\"id\":1,\"method\":\"m\"}",
		"{\"jsonrpc\":2.0,\"id\":1,\"method\":\"m\"}",
		"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"m\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}",
		"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"m\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"m\"}",
		"{\"jsonrpc\":\"2.0\",\"id\":true,\"method\":\"m\"}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"m\"} x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };
		struct rpc_request request;

		assert_int_equal(rpc_request_parse(str_from(rows[i]), &request, &err), -1);
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		rpc_request_clear(&request);
	}
}

static void the_id_of_a_refused_request_is_known(void **state)
{
	struct rpc_request request;
	struct error err;

	(void)state;
	assert_int_equal(rpc_request_parse(S("{\"id\":\"abc\"}"), &request, &err), -1);
	assert_non_null(request.id);
	assert_string_equal(json_object_get_string(request.id), "abc");
	rpc_request_clear(&request);
}

static void a_request_that_nests_too_deep_is_refused(void **state)
{
	struct rpc_request request;
	struct error err;

	(void)state;
	for (int depth = RPC_DEPTH_MAX / 2; depth <= RPC_DEPTH_MAX * 2;
	     depth += RPC_DEPTH_MAX) {
		AUTO(buf) line = buf_new(1000);

		buf_add(line, S("{\"jsonrpc\":\"2.0\",\"method\":\"m\",\"params\":{\"x\":"));
		for (int i = 0; i < depth; i++)
			buf_add_char(line, '[');
		for (int i = 0; i < depth; i++)
			buf_add_char(line, ']');
		buf_add(line, S("}}"));
		assert_int_equal(rpc_request_parse(buf_str(line), &request, &err),
				 depth < RPC_DEPTH_MAX ? 0 : -1);
		rpc_request_clear(&request);
	}
}

/* "[{},{},...]" in a line of the greatest length would take 260 MB. */
static void a_request_that_would_take_much_memory_is_refused_unread(void **state)
{
	AUTO(buf) line = buf_new(RPC_REQUEST_MAX);
	struct rpc_request request;
	struct error err = { .code = ERR_NONE };

	(void)state;
	buf_add(line,
		S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"x\":[{}"));
	while (buf_str(line).n < RPC_REQUEST_MAX - 8)
		buf_add(line, S(",{}"));
	buf_add(line, S("]}}"));
	assert_false(buf_is_overflown(line));
	assert_int_equal(rpc_request_parse(buf_str(line), &request, &err), -1);
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_null(request.object);
}

static void a_request_with_one_long_text_is_read(void **state)
{
	AUTO(buf) line = buf_new(RPC_REQUEST_MAX);
	struct rpc_request request;
	struct error err;

	(void)state;
	buf_add(line, S("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"m\",\"params\":{\"x\":\""));
	while (buf_str(line).n < RPC_REQUEST_MAX - 8)
		buf_add(line, S("[{,"));
	buf_add(line, S("\"}}"));
	assert_false(buf_is_overflown(line));
	assert_int_equal(rpc_request_parse(buf_str(line), &request, &err), 0);
	rpc_request_clear(&request);
}

static void a_result_is_one_line(void **state)
{
	AUTO_JSON id = json_object_new_int(3);
	AUTO_JSON result = json_object_new_string("a\nb");
	AUTO_CSTR line = rpc_result_line(id, result);
	AUTO_CSTR empty = rpc_result_line(NULL, NULL);

	(void)state;
	assert_string_equal(line, "{\"jsonrpc\":\"2.0\",\"id\":3,\"result\":\"a\\nb\"}\n");
	assert_string_equal(empty, "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":null}\n");
}

static void an_error_carries_code_field_wait_and_extra(void **state)
{
	AUTO_JSON id = json_object_new_string("x");
	AUTO_JSON extra = json_object_new_object();
	AUTO_CSTR line = NULL;
	struct error err;

	(void)state;
	json_add_cstr(extra, "state", "paused");
	(void)error_set_field(&err, "repo", "bad");
	err.retry_after_s = 5;
	line = rpc_error_line(id, &err, extra);
	assert_string_equal(line,
			    "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"error\":{\"code\":-32602,"
			    "\"message\":\"bad\",\"data\":{\"code\":\"invalid\",\"field\":"
			    "\"repo\",\"retry_after_s\":5,\"extra\":{\"state\":"
			    "\"paused\"}}}}\n");
}

static void codes_become_numbers_of_the_specification(void **state)
{
	static const struct {
		enum error_code code;
		const char *number;
	} rows[] = {
		{ ERR_BAD_REQUEST, "\"code\":-32600," },
		{ ERR_UNKNOWN_METHOD, "\"code\":-32601," },
		{ ERR_INVALID, "\"code\":-32602," },
		{ ERR_ILLEGAL_STATE, "\"code\":-32000," },
		{ ERR_INTERNAL, "\"code\":-32000," },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR line = NULL;
		struct error err;

		(void)error_set(&err, rows[i].code, "x");
		line = rpc_error_line(NULL, &err, NULL);
		assert_non_null(strstr(line, rows[i].number));
	}
}

static void a_refusal_has_the_number_that_the_specification_gives(void **state)
{
	static const struct {
		const char *line;
		const char *part;
	} rows[] = {
		{ "{", "\"id\":null,\"error\":{\"code\":-32700," },
		{ "", "\"code\":-32700," },
		{ "[]", "\"code\":-32600," },
		{ "{\"id\":4}", "\"id\":4,\"error\":{\"code\":-32600," },
		{ "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"m\",\"params\":[1]}",
		  "\"id\":5,\"error\":{\"code\":-32602," },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR line = NULL;
		struct rpc_request request;
		struct error err;

		assert_int_equal(rpc_request_parse(str_from(rows[i].line), &request, &err), -1);
		line = rpc_refusal_line(&request, &err);
		assert_non_null(strstr(line, rows[i].part));
		rpc_request_clear(&request);
	}
}

static void a_request_without_an_id_is_a_notification(void **state)
{
	static const struct {
		const char *id;
		bool is_notification;
	} rows[] = { { "", true }, { "\"id\":null,", false }, { "\"id\":0,", false } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR line =
			mem_printf("{%s\"jsonrpc\":\"2.0\",\"method\":\"m\"}", rows[i].id);
		struct rpc_request request;
		struct error err;

		assert_int_equal(rpc_request_parse(str_from(line), &request, &err), 0);
		assert_int_equal(request.is_notification, rows[i].is_notification);
		rpc_request_clear(&request);
	}
}

/* --- the caller's side, against a thread that answers one call --- */

struct answering {
	struct tempdir dir;
	char *path;
	int listener;
	pthread_t thread;
	bool is_joined;
	const char *answer; /* NULL: none at all */
	size_t chunk;       /* bytes written at a time */
	char *request;      /* what came */
};

static void *answer_once(void *arg)
{
	struct answering *a = arg;
	AUTO_FD fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);
	struct str rest = str_from(a->answer);
	size_t used = 0;

	while (used < 4095) {
		ssize_t n = recv(fd, a->request + used, 4095 - used, 0);

		used += n > 0 ? (size_t)n : 0;
		if (n <= 0 || a->request[used - 1] == '\n')
			break;
	}
	while (rest.n > 0) {
		size_t n = rest.n < a->chunk ? rest.n : a->chunk;
		ssize_t sent = send(fd, rest.p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			break;
		rest = str_sub(rest, (size_t)sent, rest.n);
	}
	return NULL;
}

static void answering_begin(struct answering *a, const char *answer, size_t chunk)
{
	struct error err;

	*a = (struct answering){ .answer = answer, .chunk = chunk };
	tempdir_make(&a->dir);
	a->path = tempdir_path(&a->dir, "s.sock");
	a->request = mem_alloc(4096);
	a->listener = unixsock_listen(a->path, 0600, &err);
	/* The thread waits in accept. */
	if (a->listener < 0 || fcntl(a->listener, F_SETFL, 0) < 0 ||
	    pthread_create(&a->thread, NULL, answer_once, a) != 0)
		abort();
}

static void answering_join(struct answering *a)
{
	if (!a->is_joined)
		(void)pthread_join(a->thread, NULL);
	a->is_joined = true;
}

static void answering_end(struct answering *a)
{
	answering_join(a);
	fd_close(&a->listener);
	tempdir_remove(&a->dir);
	free(a->path);
	free(a->request);
}

static void a_call_gets_its_result_whatever_the_chunks(void **state)
{
	static const char answer[] =
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"state\":\"queued\"}}\n";

	(void)state;
	for (size_t chunk = 1; chunk < sizeof(answer); chunk += 7) {
		AUTO_JSON params = json_object_new_object();
		AUTO_JSON result = NULL;
		struct answering a;
		struct error err;

		json_add_cstr(params, "id", "x");
		answering_begin(&a, answer, chunk);
		assert_int_equal(rpc_call(a.path, "download.get", params, NULL, TIMEOUT_MS,
					  &result, NULL, &err),
				 0);
		assert_true(str_is_equal(json_get_str(result, "state"), S("queued")));
		answering_join(&a);
		assert_string_equal(a.request, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":"
					       "\"download.get\",\"params\":{\"id\":\"x\"}}\n");
		answering_end(&a);
	}
}

static void an_error_comes_back_whole(void **state)
{
	AUTO_JSON result = NULL;
	AUTO_JSON extra = NULL;
	struct answering a;
	struct error err;

	(void)state;
	answering_begin(&a,
			"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32000,\"message\":"
			"\"no\",\"data\":{\"code\":\"illegal_state\",\"field\":\"id\","
			"\"retry_after_s\":4,\"extra\":{\"state\":\"paused\"}}}}\n",
			4096);
	assert_int_equal(rpc_call(a.path, "download.pause", NULL, NULL, TIMEOUT_MS, &result,
				  &extra, &err),
			 -1);
	assert_int_equal(err.code, ERR_ILLEGAL_STATE);
	assert_string_equal(err.text, "no");
	assert_string_equal(err.field, "id");
	assert_int_equal(err.retry_after_s, 4);
	assert_true(str_is_equal(json_get_str(extra, "state"), S("paused")));
	assert_null(result);
	answering_end(&a);
}

static void an_answer_that_is_none_is_an_error(void **state)
{
	static const struct {
		const char *answer;
		enum error_code code;
	} rows[] = {
		{ NULL, ERR_DAEMON_UNAVAILABLE },
		{ "{\"jsonrpc\":\"2.0\",\"id\":1,\"resu", ERR_DAEMON_UNAVAILABLE },
		{ "not json\n", ERR_BAD_REQUEST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON result = NULL;
		AUTO_JSON extra = NULL;
		struct answering a;
		struct error err;

		answering_begin(&a, rows[i].answer, 4096);
		assert_int_equal(rpc_call(a.path, "system.health", NULL, NULL, TIMEOUT_MS,
					  &result, &extra, &err),
				 -1);
		assert_int_equal(err.code, rows[i].code);
		assert_null(result);
		assert_null(extra);
		answering_end(&a);
	}
}

static void nobody_listening_is_told_as_such(void **state)
{
	struct json_object *extra = (struct json_object *)(void *)&extra; /* not NULL */
	AUTO_JSON result = NULL;
	struct tempdir dir;
	AUTO_CSTR path = NULL;
	struct error err;

	(void)state;
	tempdir_make(&dir);
	path = tempdir_path(&dir, "none.sock");
	assert_int_equal(
		rpc_call(path, "system.health", NULL, NULL, TIMEOUT_MS, &result, &extra, &err),
		-1);
	assert_int_equal(err.code, ERR_DAEMON_UNAVAILABLE);
	assert_null(extra);
	tempdir_remove(&dir);
}

static void a_daemon_that_does_not_answer_times_out(void **state)
{
	AUTO_JSON result = NULL;
	struct tempdir dir;
	AUTO_CSTR path = NULL;
	struct error err;
	AUTO_FD listener = -1; /* accepted by nobody */

	(void)state;
	tempdir_make(&dir);
	path = tempdir_path(&dir, "s.sock");
	listener = unixsock_listen(path, 0600, &err);
	assert_true(listener >= 0);
	assert_int_equal(rpc_call(path, "system.health", NULL, NULL, 20, &result, NULL, &err),
			 -1);
	assert_int_equal(err.code, ERR_TIMEOUT);
	tempdir_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_taken_apart),
		cmocka_unit_test(id_and_params_may_be_absent),
		cmocka_unit_test(what_is_no_request_is_refused),
		cmocka_unit_test(the_id_of_a_refused_request_is_known),
		cmocka_unit_test(a_request_that_nests_too_deep_is_refused),
		cmocka_unit_test(a_request_that_would_take_much_memory_is_refused_unread),
		cmocka_unit_test(a_request_with_one_long_text_is_read),
		cmocka_unit_test(a_result_is_one_line),
		cmocka_unit_test(an_error_carries_code_field_wait_and_extra),
		cmocka_unit_test(codes_become_numbers_of_the_specification),
		cmocka_unit_test(a_refusal_has_the_number_that_the_specification_gives),
		cmocka_unit_test(a_request_without_an_id_is_a_notification),
		cmocka_unit_test(a_call_gets_its_result_whatever_the_chunks),
		cmocka_unit_test(an_error_comes_back_whole),
		cmocka_unit_test(an_answer_that_is_none_is_an_error),
		cmocka_unit_test(nobody_listening_is_told_as_such),
		cmocka_unit_test(a_daemon_that_does_not_answer_times_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
