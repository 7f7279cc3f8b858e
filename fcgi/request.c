#include "fcgi/request.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/buf.h"
#include "common/error.h"

static const char *const method_names[] = {
	[METHOD_GET] = "GET", [METHOD_POST] = "POST",     [METHOD_PATCH] = "PATCH",
	[METHOD_PUT] = "PUT", [METHOD_DELETE] = "DELETE", [METHOD_OTHER] = "other",
};

static_assert(ARRAY_LEN(method_names) == METHOD_COUNT, "every method has its name");

const char *method_name(enum method method)
{
	return method_names[method];
}

static void read_method(struct request *request, const char *text)
{
	request->method = METHOD_OTHER;
	if (text == NULL)
		return;
	request->is_head = strcmp(text, "HEAD") == 0;
	if (request->is_head)
		request->method = METHOD_GET;
	for (unsigned i = 0; i < METHOD_OTHER; i++) {
		if (strcmp(text, method_names[i]) == 0)
			request->method = (enum method)i;
	}
}

static int hex_value(char c)
{
	if (char_is_digit(c))
		return c - '0';
	c = char_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Percent-decoded text, or NULL: bad escapes, control characters and what is not UTF-8 are
 * refused. */
static char *decode(struct str text, bool plus_is_space)
{
	AUTO_CSTR out = mem_alloc(text.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];
		int high;
		int low;

		if (c == '%') {
			if (text.n - i < 3)
				return NULL;
			high = hex_value(text.p[i + 1]);
			low = hex_value(text.p[i + 2]);
			if (high < 0 || low < 0)
				return NULL;
			c = (char)(high * 16 + low);
			i += 2;
		} else if (c == '+' && plus_is_space) {
			c = ' ';
		}
		if ((unsigned char)c < 0x20 || c == 0x7f)
			return NULL;
		out[n++] = c;
	}
	if (!str_is_utf8((struct str){ .p = out, .n = n }))
		return NULL;
	return MOVE(out);
}

static int read_parts(struct request *request, struct str path, struct error *err)
{
	struct str part;

	while (str_next(&path, '/', &part)) {
		if (request->n_parts == REQUEST_PARTS_MAX || part.n == 0)
			return error_set(err, ERR_UNKNOWN_PATH,
					 "there is nothing at this address");
		request->parts[request->n_parts] = decode(part, false);
		if (request->parts[request->n_parts] == NULL)
			return error_set(err, ERR_BAD_REQUEST,
					 "the address is not well-formed");
		request->n_parts++;
	}
	return 0;
}

static int read_query(struct request *request, struct str text, struct error *err)
{
	struct str pair;

	while (text.n > 0 && str_next(&text, '&', &pair)) {
		size_t equals = str_find_char(pair, '=');
		struct query *query = &request->query[request->n_query];

		if (pair.n == 0)
			continue;
		if (request->n_query == REQUEST_QUERY_MAX)
			return error_set(err, ERR_BAD_REQUEST, "too many query parameters");
		query->name = decode(str_sub(pair, 0, equals), true);
		query->value = decode(str_sub(pair, equals + 1, pair.n), true);
		request->n_query++;
		if (query->name == NULL || query->value == NULL)
			return error_set(err, ERR_BAD_REQUEST, "the query is not well-formed");
	}
	return 0;
}

static int read_uri(struct request *request, struct str uri, struct str base, struct error *err)
{
	size_t mark = str_find_char(uri, '?');
	struct str path = str_sub(uri, 0, mark);

	request->shown_path = str_dup(path);
	if (uri.n > REQUEST_URI_MAX)
		return error_set(err, ERR_BAD_REQUEST, "the address is too long");
	if (!str_has_prefix(path, base) ||
	    !str_has_prefix(str_sub(path, base.n, path.n), S("/api/v1/")))
		return error_set(err, ERR_UNKNOWN_PATH, "there is nothing at this address");
	if (read_parts(request, str_sub(path, base.n + S("/api/v1/").n, path.n), err) < 0)
		return -1;
	return read_query(request, str_sub(uri, mark + 1, uri.n), err);
}

static int read_bytes(const struct request_input *input, struct buf *body, struct error *err)
{
	char chunk[8192];
	size_t n;

	while ((n = input->read(input->ctx, chunk, sizeof(chunk))) > 0) {
		buf_add(body, (struct str){ .p = chunk, .n = n });
		if (buf_is_overflown(body))
			return error_set(err, ERR_TOO_LARGE,
					 "the body is too large: %d bytes are allowed",
					 REQUEST_BODY_MAX);
	}
	return 0;
}

static bool is_json_type(const char *type)
{
	struct str name = str_from(type);

	name = str_trim(str_sub(name, 0, str_find_char(name, ';')));
	return str_is_equal_nocase(name, S("application/json"));
}

static int read_body(struct request *request, const struct request_input *input,
		     struct error *err)
{
	const char *length_text = input->variable(input->ctx, "CONTENT_LENGTH");
	AUTO(buf) body = NULL;
	uint64_t length = 0;

	if (length_text != NULL && length_text[0] != '\0' &&
	    (str_to_u64(str_from(length_text), 0, UINT64_MAX, &length) < 0 ||
	     length > REQUEST_BODY_MAX))
		return error_set(err, ERR_TOO_LARGE,
				 "the body is too large: %d bytes are allowed",
				 REQUEST_BODY_MAX);
	if (request->method == METHOD_GET)
		return 0;
	body = buf_new(REQUEST_BODY_MAX);
	if (read_bytes(input, body, err) < 0)
		return -1;
	if (buf_str(body).n < length)
		return error_set(err, ERR_BAD_REQUEST, "the body broke off");
	if (request->method == METHOD_DELETE && buf_str(body).n == 0)
		return 0;
	if (!is_json_type(input->variable(input->ctx, "CONTENT_TYPE")))
		return error_set(err, ERR_MEDIA_TYPE,
				 "the body's type must be application/json");
	if (buf_str(body).n == 0)
		return 0;
	if (json_check_weight(buf_str(body), REQUEST_WEIGHT_MAX, err) < 0 ||
	    json_parse(buf_str(body), REQUEST_DEPTH_MAX, &request->body, err) < 0)
		return error_prefix(err, "the body");
	if (!json_object_is_type(request->body, json_type_object))
		return error_set(err, ERR_BAD_REQUEST, "the body must be a JSON object");
	return 0;
}

static void read_origin(struct request *request, const struct request_input *input)
{
	const char *address = input->variable(input->ctx, "REMOTE_ADDR");
	const char *https = input->variable(input->ctx, "HTTPS");
	const char *scheme = input->variable(input->ctx, "REQUEST_SCHEME");

	request->csrf = (struct csrf_headers){
		.host = input->variable(input->ctx, "HTTP_HOST"),
		.origin = input->variable(input->ctx, "HTTP_ORIGIN"),
		.fetch_site = input->variable(input->ctx, "HTTP_SEC_FETCH_SITE"),
		.token = input->variable(input->ctx, "HTTP_X_CSRF_TOKEN"),
	};
	request->address = address != NULL ? address : "";
	request->is_https = (https != NULL && strcmp(https, "on") == 0) ||
			    (scheme != NULL && strcmp(scheme, "https") == 0);
}

int request_read(const struct request_input *input, const char *base_path,
		 const char *user_header, struct request *ret, struct error *err)
{
	*ret = (struct request){ .method = METHOD_OTHER };
	read_method(ret, input->variable(input->ctx, "REQUEST_METHOD"));
	request_id_take(ret->id, input->variable(input->ctx, "HTTP_X_REQUEST_ID"));
	ret->auth = (struct auth_headers){
		.cookie = input->variable(input->ctx, "HTTP_COOKIE"),
		.authorization = input->variable(input->ctx, "HTTP_AUTHORIZATION"),
		.user = input->variable(input->ctx, user_header),
	};
	read_origin(ret, input);
	if (read_uri(ret, str_from(input->variable(input->ctx, "REQUEST_URI")),
		     str_from(base_path), err) < 0)
		return -1;
	return read_body(ret, input, err);
}

void request_clear(struct request *request)
{
	free(request->shown_path);
	for (size_t i = 0; i < request->n_parts; i++)
		free(request->parts[i]);
	for (size_t i = 0; i < request->n_query; i++) {
		free(request->query[i].name);
		free(request->query[i].value);
	}
	json_free(&request->body);
	*request = (struct request){ .method = METHOD_OTHER };
}
