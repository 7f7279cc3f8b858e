#include "fcgi/router.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static void first(const struct app *app, const struct request *request,
		  struct response *response)
{
	(void)app;
	(void)request;
	(void)response;
}

static void second(const struct app *app, const struct request *request,
		   struct response *response)
{
	(void)app;
	(void)request;
	(void)response;
}

static const struct route table[] = {
	{ METHOD_GET, "downloads", first, NEED_VIEWER, COST_LITTLE },
	{ METHOD_POST, "downloads", second, NEED_VIEWER, COST_LITTLE },
	{ METHOD_GET, "downloads/{}", first, NEED_VIEWER, COST_LITTLE },
	{ METHOD_PATCH, "downloads/{}", second, NEED_VIEWER, COST_LITTLE },
	{ METHOD_POST, "downloads/{}/pause", second, NEED_VIEWER, COST_LITTLE },
	{ METHOD_GET, "models/{}/{}", first, NEED_VIEWER, COST_LITTLE },
};

static struct request make_request(enum method method, const char *path,
				   char room[REQUEST_PARTS_MAX][32])
{
	struct request request = { .method = method };
	struct str rest = str_from(path);
	struct str part;

	while (str_next(&rest, '/', &part)) {
		memcpy(room[request.n_parts], part.p, part.n);
		room[request.n_parts][part.n] = '\0';
		request.parts[request.n_parts] = room[request.n_parts];
		request.n_parts++;
	}
	return request;
}

static void an_address_and_method_have_one_handler(void **state)
{
	static const struct {
		enum method method;
		const char *path;
		route_fn wanted;
	} rows[] = {
		{ METHOD_GET, "downloads", first },
		{ METHOD_POST, "downloads", second },
		{ METHOD_GET, "downloads/x", first },
		{ METHOD_PATCH, "downloads/x", second },
		{ METHOD_POST, "downloads/{}/pause", second },
		{ METHOD_GET, "models/a/b", first },
	};
	char room[REQUEST_PARTS_MAX][32];
	char allow[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct request request = make_request(rows[i].method, rows[i].path, room);
		const struct route *found =
			router_find(table, ARRAY_LEN(table), &request, allow, sizeof(allow));

		assert_true(found != NULL && found->fn == rows[i].wanted);
	}
}

static void a_wrong_method_is_told_which_there_are(void **state)
{
	static const struct {
		enum method method;
		const char *path;
		const char *allow;
	} rows[] = {
		{ METHOD_DELETE, "downloads", "GET, POST" },
		{ METHOD_OTHER, "downloads", "GET, POST" },
		{ METHOD_POST, "downloads/x", "GET, PATCH" },
		{ METHOD_GET, "downloads/x/pause", "POST" },
	};
	char room[REQUEST_PARTS_MAX][32];
	char allow[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct request request = make_request(rows[i].method, rows[i].path, room);

		assert_true(router_find(table, ARRAY_LEN(table), &request, allow,
					sizeof(allow)) == NULL);
		assert_string_equal(allow, rows[i].allow);
	}
}

static void nothing_is_at_any_other_address(void **state)
{
	static const char *const rows[] = {
		"",
		"download",
		"downloads/x/y",
		"downloads/x/pause/y",
		"Downloads",
		"models/a",
		"models/a/b/c",
		"downloads/x/Pause",
		"x/downloads",
		"models/a/b/c/d/e/f",
	};
	char room[REQUEST_PARTS_MAX][32];
	char allow[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct request request = make_request(METHOD_GET, rows[i], room);

		memset(allow, 'x', sizeof(allow));
		assert_true(router_find(table, ARRAY_LEN(table), &request, allow,
					sizeof(allow)) == NULL);
		assert_string_equal(allow, "");
	}
}

static void the_list_of_methods_keeps_to_its_room(void **state)
{
	char room[REQUEST_PARTS_MAX][32];
	struct request request = make_request(METHOD_DELETE, "downloads", room);
	char allow[8] = "xxxxxxx";

	(void)state;
	assert_true(router_find(table, ARRAY_LEN(table), &request, allow, 6) == NULL);
	assert_int_equal(strnlen(allow, sizeof(allow)), 5);
	assert_int_equal(allow[6], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_and_method_have_one_handler),
		cmocka_unit_test(a_wrong_method_is_told_which_there_are),
		cmocka_unit_test(nothing_is_at_any_other_address),
		cmocka_unit_test(the_list_of_methods_keeps_to_its_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
