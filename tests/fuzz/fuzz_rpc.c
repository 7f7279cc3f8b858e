/* A line at the control socket: what is taken for a request is one, what the schema lets pass
 * keeps its limits, and every answer is one line that gives the id back. */
#include "common/rpc.h"

#include <stdlib.h>
#include <string.h>

#include "common/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_error(const struct error *err)
{
	require(err->code != ERR_NONE && err->code != ERR_INTERNAL && strlen(err->text) > 0);
	require(str_is_utf8(str_from(err->text)) && str_is_utf8(str_from(err->field)));
}

/* The id comes back as it was, on one line, in an answer of version 2.0. */
static struct json_object *check_line(const char *line, struct json_object *id)
{
	struct str text = str_from(line);
	struct json_object *object = NULL;
	struct json_object *back;
	struct error err;

	require(text.n > 1 && str_find_char(text, '\n') == text.n - 1);
	require(json_parse(str_trim(text), RPC_DEPTH_MAX + 4, &object, &err) == 0);
	require(str_is_equal(json_get_str(object, "jsonrpc"), S("2.0")));
	back = json_get(object, "id");
	require((id == NULL) == (back == NULL));
	require(id == NULL || json_object_equal(id, back));
	return object;
}

static void check_failure(struct json_object *id, const struct error *err)
{
	AUTO_CSTR line = rpc_error_line(id, err, NULL);
	AUTO_JSON object = check_line(line, id);
	struct json_object *error = json_get(object, "error");
	struct str name = json_get_str(json_get(error, "data"), "code");

	check_error(err);
	require(json_get(object, "result") == NULL && json_get_int(error, "code", 0) < 0);
	require(error_code_from_name(name) == err->code);
	require(str_is_equal(json_get_str(error, "message"), str_from(err->text)));
}

/* What any method may be given after the schema has looked. */
static void check_value(struct json_object *value)
{
	struct str text = { json_object_get_string(value), 0 };
	size_t n = 1;

	if (value == NULL)
		return;
	require(!json_object_is_type(value, json_type_object) &&
		!json_object_is_type(value, json_type_double) &&
		!json_object_is_type(value, json_type_boolean));
	if (json_object_is_type(value, json_type_int))
		require(json_object_get_int64(value) >= -SCHEMA_PRIORITY_MAX &&
			json_object_get_int64(value) <= SCHEMA_PRIORITY_MAX);
	if (json_object_is_type(value, json_type_string)) {
		text.n = (size_t)json_object_get_string_len(value);
		require(text.n > 0 && text.n <= SCHEMA_REPO_MAX && str_is_utf8(text));
	}
	if (!json_object_is_type(value, json_type_array))
		return;
	n = json_object_array_length(value);
	require(n <= SCHEMA_TERMS_MAX);
	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(value, i);

		require(json_object_is_type(item, json_type_string));
		require(json_object_get_string_len(item) <= SCHEMA_TERM_MAX);
		check_value(item);
	}
}

static void check_request(const struct rpc_request *request)
{
	struct error err = { .code = ERR_NONE };
	AUTO_CSTR line = NULL;
	AUTO_JSON object = NULL;

	require(json_object_is_type(request->object, json_type_object));
	require(request->method.n > 0);
	require(request->id == NULL || json_object_is_type(request->id, json_type_int) ||
		json_object_is_type(request->id, json_type_string));
	if (schema_check(request->method, request->params, &err) < 0) {
		require(err.code == ERR_UNKNOWN_METHOD || err.code == ERR_BAD_REQUEST ||
			err.code == ERR_INVALID);
		/* A member's name may be empty; it is the field then. */
		require((err.code == ERR_INVALID) == (err.field[0] != '\0') ||
			str_has_prefix(str_from(err.text), S("\"\"")));
		check_failure(request->id, &err);
		return;
	}
	require(str_is_utf8(request->method));
	if (request->params != NULL) {
		json_object_object_foreach(request->params, name, value)
		{
			require(str_is_utf8(str_from(name)));
			check_value(value);
		}
	}
	line = rpc_result_line(request->id, request->params);
	object = check_line(line, request->id);
	require(json_get(object, "error") == NULL);
	require((json_get(object, "result") == NULL) == (request->params == NULL));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = { (const char *)data, size };
	struct rpc_request request;
	struct error err = { .code = ERR_NONE };

	if (size > RPC_REQUEST_MAX)
		return 0;
	if (rpc_request_parse(line, &request, &err) == 0) {
		check_request(&request);
	} else {
		require(err.code == ERR_BAD_REQUEST || err.code == ERR_TOO_LARGE);
		check_failure(request.id, &err);
	}
	rpc_request_clear(&request);
	require(request.object == NULL && request.id == NULL);
	return 0;
}
