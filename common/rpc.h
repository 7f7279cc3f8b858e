/*
 * The control protocol: JSON-RPC 2.0, one object a line, over control.sock. This module forms
 * and reads the lines, and is the caller's side of a call; the server's side is
 * downloader/control.c.
 *
 * A request: {"jsonrpc":"2.0","id":1,"method":"download.get","params":{"id":"..."}}, and where
 *            it is made for somebody else, "caller":{"name":"...","address":"...","request_id":
 *            "..."}
 * An error:  {"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"...","data":{"code":
 *            "illegal_state","field":"...","retry_after_s":0,"extra":{...}}}}
 *
 * As the specification says, a request without an id is a notification: it is carried out and
 * not answered, whatever becomes of it. Parameters are given by name. There are no batches: a
 * connection may have many calls under way, one a line.
 *
 * Any thread.
 */
#ifndef COMMON_RPC_H
#define COMMON_RPC_H

#include "common/error.h"
#include "common/json.h"

enum {
	RPC_REQUEST_MAX = 1024 * 1024, /* bytes of one request line */
	RPC_ANSWER_MAX =
		96 * 1024 * 1024, /* of one answer: a preview of HUB_FILES_MAX files fits */
	RPC_REQUEST_WEIGHT_MAX = 4 * 1024 * 1024, /* of one request, parsed */
	RPC_DEPTH_MAX = 16,
	RPC_TIMEOUT_MS = 60 * 1000, /* the slowest call asks the Hub */
};

/* On whose behalf a call is made: what the web side knows of a request. Views; empty where
 * nothing is known. */
struct rpc_caller {
	struct str name; /* "larder", "key backup"; empty: anybody */
	struct str address;
	struct str request_id;
};

struct rpc_request {
	struct json_object *object; /* the whole request; the members below borrow from it */
	struct str method;
	struct json_object *params; /* NULL when absent */
	struct json_object *id;     /* NULL when absent or null */
	bool has_caller;            /* else it is whoever is connected */
	struct rpc_caller caller;
	bool is_notification; /* well formed, and has no id */
};

/* Reads a request line. On failure `ret->object` is NULL, or holds what could be parsed (for
 * its id). ERR_BAD_REQUEST, ERR_TOO_LARGE, and ERR_INVALID for parameters by position. */
int rpc_request_parse(struct str line, struct rpc_request *ret, struct error *err) MUST_USE;
void rpc_request_clear(struct rpc_request *request);

/* One line with its "\n", to free with free(3). `result` and `extra` are borrowed, may be NULL.
 */
char *rpc_result_line(struct json_object *id, struct json_object *result);
char *rpc_error_line(struct json_object *id, const struct error *what,
		     struct json_object *extra);
/* The answer to what rpc_request_parse() refused with `what`. */
char *rpc_refusal_line(const struct rpc_request *request, const struct error *what);

/* Calls `method` at the socket and waits for the answer. `params` is borrowed and may be NULL;
 * so may be `caller`, who then is this process's user.
 * On success *ret_result belongs to the caller (it may be NULL: null). On failure *ret_extra,
 * if the pointer is not NULL, holds what the error carried or NULL; it belongs to the caller.
 * ERR_DAEMON_UNAVAILABLE when nobody listens, or when the answer breaks off (then err->sys is
 * ECONNRESET, and nobody knows what was done), ERR_TIMEOUT. */
int rpc_call(const char *socket_path, const char *method, struct json_object *params,
	     const struct rpc_caller *caller, int timeout_ms, struct json_object **ret_result,
	     struct json_object **ret_extra, struct error *err) MUST_USE;

#endif
