#include "common/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/unixsock.h"

/* Codes of the JSON-RPC 2.0 specification, section 5.1. */
enum {
	CODE_PARSE = -32700,
	CODE_REQUEST = -32600,
	CODE_METHOD = -32601,
	CODE_PARAMS = -32602,
	CODE_SERVER = -32000,
};

static const char version[] = "2.0";

static void read_caller(struct json_object *caller, struct rpc_request *request)
{
	request->has_caller = json_object_is_type(caller, json_type_object);
	if (!request->has_caller)
		return;
	request->caller.name = json_get_str(caller, "name");
	request->caller.address = json_get_str(caller, "address");
	request->caller.request_id = json_get_str(caller, "request_id");
}

int rpc_request_parse(struct str line, struct rpc_request *ret, struct error *err)
{
	struct rpc_request request = { 0 };
	struct json_object *id;

	*ret = request;
	if (json_check_weight(line, RPC_REQUEST_WEIGHT_MAX, err) < 0 ||
	    json_parse(line, RPC_DEPTH_MAX, &request.object, err) < 0)
		return -1;
	id = json_get(request.object, "id");
	request.id = id;
	request.method = json_get_str(request.object, "method");
	request.params = json_get(request.object, "params");
	read_caller(json_get(request.object, "caller"), &request);
	*ret = request;
	if (!str_is_equal(json_get_str(request.object, "jsonrpc"), S("2.0")))
		return error_set(err, ERR_BAD_REQUEST, "not a JSON-RPC 2.0 request");
	if (request.method.n == 0)
		return error_set(err, ERR_BAD_REQUEST, "the request names no method");
	if (id != NULL && !json_object_is_type(id, json_type_int) &&
	    !json_object_is_type(id, json_type_string))
		return error_set(err, ERR_BAD_REQUEST,
				 "the request's id is no number and no string");
	ret->is_notification = !json_object_object_get_ex(request.object, "id", NULL);
	if (json_object_is_type(request.params, json_type_array))
		return error_set(err, ERR_INVALID, "parameters are given by name");
	return 0;
}

void rpc_request_clear(struct rpc_request *request)
{
	json_free(&request->object);
	*request = (struct rpc_request){ 0 };
}

static struct json_object *envelope(struct json_object *id)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, "jsonrpc", version);
	json_take(object, "id", json_object_get(id));
	return object;
}

static char *line_of(struct json_object *object)
{
	struct str text = json_text(object);
	char *line = mem_alloc(text.n + 2);

	memcpy(line, text.p, text.n);
	line[text.n] = '\n';
	return line;
}

char *rpc_result_line(struct json_object *id, struct json_object *result)
{
	AUTO_JSON object = envelope(id);

	json_take(object, "result", json_object_get(result));
	return line_of(object);
}

static int number_of(enum error_code code)
{
	if (code == ERR_BAD_REQUEST)
		return CODE_REQUEST;
	if (code == ERR_UNKNOWN_METHOD)
		return CODE_METHOD;
	if (code == ERR_INVALID)
		return CODE_PARAMS;
	return CODE_SERVER;
}

static char *error_line(int number, struct json_object *id, const struct error *what,
			struct json_object *extra)
{
	AUTO_JSON object = envelope(id);
	struct json_object *error = json_object_new_object();
	struct json_object *data = json_object_new_object();

	json_add_int(error, "code", number);
	json_add_cstr(error, "message", what->text);
	json_add_cstr(data, "code", error_code_name(what->code));
	if (what->field[0] != '\0')
		json_add_cstr(data, "field", what->field);
	if (what->retry_after_s > 0)
		json_add_u64(data, "retry_after_s", what->retry_after_s);
	if (extra != NULL)
		json_take(data, "extra", json_object_get(extra));
	json_take(error, "data", data);
	json_take(object, "error", error);
	return line_of(object);
}

char *rpc_error_line(struct json_object *id, const struct error *what,
		     struct json_object *extra)
{
	return error_line(number_of(what->code), id, what, extra);
}

char *rpc_refusal_line(const struct rpc_request *request, const struct error *what)
{
	bool is_json = request->object != NULL || what->code != ERR_BAD_REQUEST;

	return error_line(is_json ? number_of(what->code) : CODE_PARSE, request->id, what,
			  NULL);
}

/* --- the caller's side --- */

static int send_all(int fd, struct str bytes, struct error *err)
{
	while (bytes.n > 0) {
		ssize_t sent = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return error_set(err, ERR_DAEMON_UNAVAILABLE,
					 "the downloader does not take the request");
		bytes = str_sub(bytes, (size_t)sent, bytes.n);
	}
	return 0;
}

static int receive_line(int fd, struct buf *line, struct error *err)
{
	enum {
		CHUNK = 64 * 1024
	};
	AUTO_CSTR chunk = mem_alloc(CHUNK);

	for (;;) {
		ssize_t got = recv(fd, chunk, CHUNK, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return error_set(err, ERR_TIMEOUT,
					 "the downloader did not answer in time");
		if (got <= 0) {
			(void)error_set(err, ERR_DAEMON_UNAVAILABLE,
					"the downloader closed the connection");
			err->sys = ECONNRESET;
			return -1;
		}
		buf_add(line, (struct str){ .p = chunk, .n = (size_t)got });
		if (buf_is_overflown(line))
			return error_set(err, ERR_INTERNAL,
					 "the downloader's answer is too long");
		if (chunk[got - 1] == '\n')
			return 0;
	}
}

static int read_answer(struct str line, struct json_object **ret_result,
		       struct json_object **ret_extra, struct error *err)
{
	AUTO_JSON object = NULL;
	struct json_object *error;
	struct json_object *data;
	struct str message;

	if (json_parse(str_trim(line), RPC_DEPTH_MAX + 4, &object, err) < 0)
		return error_prefix(err, "the downloader's answer");
	error = json_get(object, "error");
	if (error == NULL) {
		*ret_result = json_object_get(json_get(object, "result"));
		return 0;
	}
	data = json_get(error, "data");
	message = json_get_str(error, "message");
	(void)error_set(err, error_code_from_name(json_get_str(data, "code")), "%.*s",
			(int)message.n, message.n > 0 ? message.p : "");
	err->retry_after_s = (unsigned)json_get_int(data, "retry_after_s", 0);
	if (json_get_str(data, "field").n > 0) {
		struct str field = str_sub(json_get_str(data, "field"), 0, ERROR_FIELD_MAX - 1);

		memcpy(err->field, field.p, field.n);
	}
	if (ret_extra != NULL)
		*ret_extra = json_object_get(json_get(data, "extra"));
	return -1;
}

static struct json_object *caller_to_json(const struct rpc_caller *caller)
{
	struct json_object *object = json_object_new_object();

	json_add_str(object, "name", caller->name);
	json_add_str(object, "address", caller->address);
	json_add_str(object, "request_id", caller->request_id);
	return object;
}

int rpc_call(const char *socket_path, const char *method, struct json_object *params,
	     const struct rpc_caller *caller, int timeout_ms, struct json_object **ret_result,
	     struct json_object **ret_extra, struct error *err)
{
	AUTO_JSON request = json_object_new_object();
	AUTO(buf) answer = buf_new(RPC_ANSWER_MAX);
	AUTO_CSTR line = NULL;
	AUTO_FD fd = -1;

	if (ret_extra != NULL)
		*ret_extra = NULL;
	json_add_cstr(request, "jsonrpc", version);
	json_add_int(request, "id", 1);
	json_add_cstr(request, "method", method);
	if (params != NULL)
		json_take(request, "params", json_object_get(params));
	if (caller != NULL)
		json_take(request, "caller", caller_to_json(caller));
	line = line_of(request);
	fd = unixsock_connect(socket_path, timeout_ms, err);
	if (fd < 0 || send_all(fd, str_from(line), err) < 0 ||
	    receive_line(fd, answer, err) < 0)
		return -1;
	return read_answer(buf_str(answer), ret_result, ret_extra, err);
}
