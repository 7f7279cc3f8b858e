#include "fcgi/request.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/buf.h"
#include "common/error.h"

/* What a web server would hand over. */
struct given {
	const char *method;
	const char *uri;
	const char *type;
	const char *length;
	const char *id;
	struct str body;
	size_t chunk;
};

static const char *variable(void *ctx, const char *name)
{
	const struct given *given = ctx;

	if (strcmp(name, "REQUEST_METHOD") == 0)
		return given->method;
	if (strcmp(name, "REQUEST_URI") == 0)
		return given->uri;
	if (strcmp(name, "CONTENT_TYPE") == 0)
		return given->type;
	if (strcmp(name, "CONTENT_LENGTH") == 0)
		return given->length;
	return strcmp(name, "HTTP_X_REQUEST_ID") == 0 ? given->id : NULL;
}

static size_t read_body(void *ctx, char *to, size_t room)
{
	struct given *given = ctx;
	size_t n = given->body.n < room ? given->body.n : room;

	if (given->chunk > 0 && n > given->chunk)
		n = given->chunk;
	if (n > 0)
		memcpy(to, given->body.p, n);
	given->body = str_sub(given->body, n, given->body.n);
	return n;
}

static int take(struct given given, const char *base, struct request *request,
		struct error *err)
{
	struct request_input input = { .variable = variable, .read = read_body, .ctx = &given };

	return request_read(&input, base, "HTTP_REMOTE_USER", request, err);
}

static void the_path_below_the_base_is_cut_into_decoded_parts(void **state)
{
	static const struct {
		const char *base;
		const char *uri;
		const char *parts[3];
		size_t n;
	} rows[] = {
		{ "", "/api/v1/health", { "health" }, 1 },
		{ "/hf", "/hf/api/v1/downloads/x", { "downloads", "x" }, 2 },
		{ "", "/api/v1/models/a%2Fb/c+d", { "models", "a/b", "c+d" }, 3 },
		{ "", "/api/v1/m/caf%C3%a9?x=1", { "m", "caf\xc3\xa9" }, 2 },
		{ "", "/api/v1/m/..", { "m", ".." }, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct given given = { .method = "GET", .uri = rows[i].uri };
		struct request request;
		struct error err;

		assert_int_equal(take(given, rows[i].base, &request, &err), 0);
		assert_int_equal(request.n_parts, rows[i].n);
		for (size_t n = 0; n < rows[i].n; n++)
			assert_string_equal(request.parts[n], rows[i].parts[n]);
		assert_null(strchr(request.shown_path, '?'));
		request_clear(&request);
		assert_null(request.shown_path);
	}
}

static void a_bad_address_is_refused(void **state)
{
	static const struct {
		const char *base;
		const char *uri;
		enum error_code code;
	} rows[] = {
		{ "", NULL, ERR_UNKNOWN_PATH },
		{ "", "", ERR_UNKNOWN_PATH },
		{ "", "/", ERR_UNKNOWN_PATH },
		{ "", "/api/v1", ERR_UNKNOWN_PATH },
		{ "", "/api/v1/", ERR_UNKNOWN_PATH },
		{ "", "/api/v1//x", ERR_UNKNOWN_PATH },
		{ "", "/api/v1/x/", ERR_UNKNOWN_PATH },
		{ "", "/api/v2/x", ERR_UNKNOWN_PATH },
		{ "", "/hf/api/v1/x", ERR_UNKNOWN_PATH },
		{ "/hf", "/api/v1/x", ERR_UNKNOWN_PATH },
		{ "/hf", "/hfx/api/v1/x", ERR_UNKNOWN_PATH },
		{ "", "/api/v1/1/2/3/4/5/6/7/8/9", ERR_UNKNOWN_PATH },
		{ "", "/api/v1/a%", ERR_BAD_REQUEST },
		{ "", "/api/v1/a%2", ERR_BAD_REQUEST },
		{ "", "/api/v1/a%zz", ERR_BAD_REQUEST },
		{ "", "/api/v1/a%00", ERR_BAD_REQUEST },
		{ "", "/api/v1/a%0a", ERR_BAD_REQUEST },
		{ "", "/api/v1/a%7f", ERR_BAD_REQUEST },
		{ "", "/api/v1/a\x01", ERR_BAD_REQUEST },
		{ "", "/api/v1/%ff", ERR_BAD_REQUEST },
		{ "", "/api/v1/%c3", ERR_BAD_REQUEST },
		{ "", "/api/v1/x?a=%0d", ERR_BAD_REQUEST },
		{ "", "/api/v1/x?a=%", ERR_BAD_REQUEST },
		{ "", "/api/v1/x?%ff=a", ERR_BAD_REQUEST },
		{ "", "/api/v1/x?1&2&3&4&5&6&7&8&9&a&b&c&d&e&f&g&h", ERR_BAD_REQUEST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct given given = { .method = "GET", .uri = rows[i].uri };
		struct error err = { .code = ERR_NONE };
		struct request request;

		assert_int_equal(take(given, rows[i].base, &request, &err), -1);
		assert_int_equal(err.code, rows[i].code);
		request_clear(&request);
	}
}

static void an_address_has_a_greatest_length(void **state)
{
	char uri[REQUEST_URI_MAX + 2] = "/api/v1/";

	(void)state;
	memset(uri + 8, 'x', sizeof(uri) - 8);
	for (size_t n = REQUEST_URI_MAX + 1; n >= REQUEST_URI_MAX; n--) {
		struct given given = { .method = "GET", .uri = uri };
		struct request request;
		struct error err;

		uri[n] = '\0';
		assert_int_equal(take(given, "", &request, &err), n > REQUEST_URI_MAX ? -1 : 0);
		request_clear(&request);
	}
}

static void query_parameters_are_decoded_in_order(void **state)
{
	struct given given = { .method = "GET",
			       .uri = "/api/v1/x?a=1&b=c+d%2B&&flag&e==&a=2?" };
	static const char *const wanted[][2] = {
		{ "a", "1" }, { "b", "c d+" }, { "flag", "" }, { "e", "=" }, { "a", "2?" },
	};
	struct request request;
	struct error err;

	(void)state;
	assert_int_equal(take(given, "", &request, &err), 0);
	assert_int_equal(request.n_query, ARRAY_LEN(wanted));
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		assert_string_equal(request.query[i].name, wanted[i][0]);
		assert_string_equal(request.query[i].value, wanted[i][1]);
	}
	request_clear(&request);
}

static void methods_are_known_by_their_exact_names(void **state)
{
	static const struct {
		const char *name;
		enum method method;
		bool is_head;
	} rows[] = {
		{ "GET", METHOD_GET, false },     { "HEAD", METHOD_GET, true },
		{ "POST", METHOD_POST, false },   { "PATCH", METHOD_PATCH, false },
		{ "PUT", METHOD_PUT, false },     { "DELETE", METHOD_DELETE, false },
		{ "get", METHOD_OTHER, false },   { "OPTIONS", METHOD_OTHER, false },
		{ "other", METHOD_OTHER, false }, { NULL, METHOD_OTHER, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct given given = { .method = rows[i].name,
				       .uri = "/api/v1/x",
				       .type = "application/json" };
		struct request request;
		struct error err;

		assert_int_equal(take(given, "", &request, &err), 0);
		assert_int_equal(request.method, rows[i].method);
		assert_int_equal(request.is_head, rows[i].is_head);
		request_clear(&request);
	}
}

static void it_has_the_web_servers_id_or_one_of_its_own(void **state)
{
	struct given given = { .method = "GET", .uri = "/api/v1/x", .id = "0123abcd" };
	struct request request;
	struct error err;

	(void)state;
	assert_int_equal(take(given, "", &request, &err), 0);
	assert_string_equal(request.id, "0123abcd");
	request_clear(&request);
	given.id = NULL;
	assert_int_equal(take(given, "", &request, &err), 0);
	assert_int_equal(strlen(request.id), 16);
	request_clear(&request);
}

static void a_json_body_is_read_whatever_the_chunks(void **state)
{
	static const char *const types[] = { "application/json",
					     "Application/JSON ; charset=utf-8" };

	(void)state;
	for (size_t chunk = 1; chunk < 30; chunk += 3) {
		struct given given = { .method = "POST",
				       .uri = "/api/v1/x",
				       .type = types[chunk % 2],
				       .body = S("{\"repo\":\"acme/tiny\"}"),
				       .chunk = chunk };
		struct request request;
		struct error err;

		assert_int_equal(take(given, "", &request, &err), 0);
		assert_true(str_is_equal(json_get_str(request.body, "repo"), S("acme/tiny")));
		request_clear(&request);
	}
}

static void a_body_that_is_no_json_object_is_refused(void **state)
{
	static const struct {
		const char *type;
		const char *body;
		enum error_code code;
	} rows[] = {
		{ NULL, "{}", ERR_MEDIA_TYPE },
		{ "text/plain", "{}", ERR_MEDIA_TYPE },
		{ "application/jsonx", "{}", ERR_MEDIA_TYPE },
		{ "application/x-www-form-urlencoded", "a=b", ERR_MEDIA_TYPE },
		{ "application/json", "{", ERR_BAD_REQUEST },
		{ "application/json", "[]", ERR_BAD_REQUEST },
		{ "application/json", "null", ERR_BAD_REQUEST },
		{ "application/json", "7", ERR_BAD_REQUEST },
		{ "application/json", "{} {}", ERR_BAD_REQUEST },
		{ "application/json", "{\"a\":\"\xff\"}", ERR_BAD_REQUEST },
		{ "application/json", "[[[[[[[[[[1]]]]]]]]]]", ERR_BAD_REQUEST },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct given given = { .method = "POST",
				       .uri = "/api/v1/x",
				       .type = rows[i].type,
				       .body = str_from(rows[i].body) };
		struct error err = { .code = ERR_NONE };
		struct request request;

		assert_int_equal(take(given, "", &request, &err), -1);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(request.method, METHOD_POST);
		assert_string_equal(request.shown_path, "/api/v1/x");
		request_clear(&request);
	}
}

static void a_body_has_a_greatest_size(void **state)
{
	static const char *const lengths[] = { NULL, "",   "262145", "99999999999999999999",
					       "-1", "abc" };
	AUTO_CSTR body = mem_alloc(REQUEST_BODY_MAX + 2);

	(void)state;
	memset(body, ' ', REQUEST_BODY_MAX + 1);
	memcpy(body, "{}", 2);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct given given = { .method = "POST",
				       .uri = "/api/v1/x",
				       .type = "application/json",
				       .length = lengths[i],
				       .body = { body, REQUEST_BODY_MAX + 1 } };
		struct error err = { .code = ERR_NONE };
		struct request request;

		assert_int_equal(take(given, "", &request, &err), -1);
		assert_int_equal(err.code, ERR_TOO_LARGE);
		request_clear(&request);
		given.length = "262144";
		given.body.n = REQUEST_BODY_MAX;
		assert_int_equal(take(given, "", &request, &err), 0);
		request_clear(&request);
	}
}

static void a_body_that_would_take_much_memory_is_refused_unread(void **state)
{
	AUTO(buf) body = buf_new(REQUEST_BODY_MAX);
	struct given given = { .method = "POST",
			       .uri = "/api/v1/x",
			       .type = "application/json" };
	struct error err = { .code = ERR_NONE };
	struct request request;

	(void)state;
	buf_add(body, S("{\"select\":[{}"));
	while (buf_str(body).n < REQUEST_BODY_MAX - 8)
		buf_add(body, S(",{}"));
	buf_add(body, S("]}"));
	assert_false(buf_is_overflown(body));
	given.body = buf_str(body);
	assert_int_equal(take(given, "", &request, &err), -1);
	assert_int_equal(err.code, ERR_TOO_LARGE);
	assert_null(request.body);
	request_clear(&request);
}

static void an_empty_body_is_none(void **state)
{
	static const struct {
		const char *method;
		const char *type;
		int result;
	} rows[] = {
		{ "POST", "application/json", 0 },
		{ "POST", NULL, -1 }, /* a form of another site could send that */
		{ "DELETE", NULL, 0 },
		{ "GET", NULL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct given given = { .method = rows[i].method,
				       .uri = "/api/v1/x",
				       .type = rows[i].type };
		struct request request;
		struct error err;

		assert_int_equal(take(given, "", &request, &err), rows[i].result);
		assert_null(request.body);
		request_clear(&request);
	}
}

static void the_body_of_a_get_is_left_unread(void **state)
{
	struct given given = { .method = "GET", .uri = "/api/v1/x", .body = S("junk") };
	struct request request;
	struct error err;

	(void)state;
	assert_int_equal(take(given, "", &request, &err), 0);
	assert_null(request.body);
	request_clear(&request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_path_below_the_base_is_cut_into_decoded_parts),
		cmocka_unit_test(a_bad_address_is_refused),
		cmocka_unit_test(an_address_has_a_greatest_length),
		cmocka_unit_test(query_parameters_are_decoded_in_order),
		cmocka_unit_test(methods_are_known_by_their_exact_names),
		cmocka_unit_test(it_has_the_web_servers_id_or_one_of_its_own),
		cmocka_unit_test(a_json_body_is_read_whatever_the_chunks),
		cmocka_unit_test(a_body_that_is_no_json_object_is_refused),
		cmocka_unit_test(a_body_has_a_greatest_size),
		cmocka_unit_test(a_body_that_would_take_much_memory_is_refused_unread),
		cmocka_unit_test(an_empty_body_is_none),
		cmocka_unit_test(the_body_of_a_get_is_left_unread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
