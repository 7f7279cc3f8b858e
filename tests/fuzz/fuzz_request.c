/* What a web server hands over: a byte for the size of the body's pieces, then lines with the
 * method, the address, the content type and length, the request's id; the rest is the body. A
 * handler gets only what the header of request.h promises. */
#include "fcgi/request.h"
#include "fcgi/router.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "fcgi/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = { "REQUEST_METHOD", "REQUEST_URI", "CONTENT_TYPE",
				     "CONTENT_LENGTH", "HTTP_X_REQUEST_ID" };

struct given {
	char *values[ARRAY_LEN(names)]; /* NULL: not set */
	struct str body;
	size_t piece;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static const char *variable(void *ctx, const char *name)
{
	const struct given *given = ctx;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) == 0)
			return given->values[i];
	}
	return NULL;
}

static size_t read_body(void *ctx, char *to, size_t room)
{
	struct given *given = ctx;
	size_t n = given->piece < room ? given->piece : room;

	if (n > given->body.n)
		n = given->body.n;
	if (n > 0)
		memcpy(to, given->body.p, n);
	given->body = str_sub(given->body, n, given->body.n);
	return n;
}

static void check_text(const char *text)
{
	require(text != NULL && str_is_utf8(str_from(text)));
	for (; *text != '\0'; text++)
		require((unsigned char)*text >= 0x20 && *text != 0x7f);
}

/* What a handler may rely on. */
static void check_request(const struct request *request, const char *uri, struct str body)
{
	char allow[64];
	size_t n;
	const struct route *routes = routes_all(&n);
	const struct route *found = router_find(routes, n, request, allow, sizeof(allow));

	require(strlen(uri) <= REQUEST_URI_MAX && body.n <= REQUEST_BODY_MAX);
	require(request->n_parts > 0 && request->n_parts <= REQUEST_PARTS_MAX);
	require(request->n_query <= REQUEST_QUERY_MAX);
	for (size_t i = 0; i < request->n_parts; i++)
		check_text(request->parts[i]);
	for (size_t i = 0; i < request->n_query; i++) {
		check_text(request->query[i].name);
		check_text(request->query[i].value);
	}
	require(request->body == NULL || json_object_is_type(request->body, json_type_object));
	require(request->body == NULL || request->method != METHOD_GET);
	require(found != NULL || strlen(allow) < sizeof(allow));
}

static void check_id(const char *id)
{
	require(strlen(id) >= 8 && strlen(id) <= REQUEST_ID_MAX);
	for (; *id != '\0'; id++)
		require(char_is_alnum(*id) || *id == '-');
}

static void check(struct given given, const char *base)
{
	struct given used = given;
	struct request_input input = { .variable = variable, .read = read_body, .ctx = &used };
	struct request request;
	struct error err;

	if (request_read(&input, base, "HTTP_REMOTE_USER", &request, &err) == 0) {
		check_request(&request, given.values[1], given.body);
	} else {
		require(err.code == ERR_BAD_REQUEST || err.code == ERR_UNKNOWN_PATH ||
			err.code == ERR_TOO_LARGE || err.code == ERR_MEDIA_TYPE);
		require(str_is_utf8(str_from(err.text)));
	}
	check_id(request.id);
	request_clear(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data + 1, size - 1 };
	struct given given = { .piece = 0 };

	if (size == 0)
		return 0;
	given.piece = (size_t)data[0] * 37 + 1;
	for (size_t i = 0; i < ARRAY_LEN(names) && rest.p != NULL; i++) {
		struct str line;

		(void)str_next(&rest, '\n', &line);
		given.values[i] = line.n > 0 || i == 1 ? str_dup(line) : NULL;
	}
	given.body = rest;
	check(given, "");
	check(given, "/hf");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		free(given.values[i]);
	return 0;
}
