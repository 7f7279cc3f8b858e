#include "fcgi/response.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static void every_code_has_its_status(void **state)
{
	static const struct {
		enum error_code code;
		int status;
	} rows[] = {
		{ ERR_NONE, 200 },
		{ ERR_INTERNAL, 500 },
		{ ERR_BAD_REQUEST, 400 },
		{ ERR_INVALID, 422 },
		{ ERR_SIGN_IN, 401 },
		{ ERR_FORBIDDEN, 403 },
		{ ERR_WRONG_PASSWORD, 403 },
		{ ERR_CROSS_SITE, 403 },
		{ ERR_CSRF, 403 },
		{ ERR_WRONG_HOST, 403 },
		{ ERR_NOT_THIS_MACHINE, 403 },
		{ ERR_TOO_MANY_REQUESTS, 429 },
		{ ERR_TOO_MANY_CLIENTS, 503 },
		{ ERR_UNKNOWN_PATH, 404 },
		{ ERR_UNKNOWN_METHOD, 500 },
		{ ERR_METHOD_NOT_ALLOWED, 405 },
		{ ERR_TOO_LARGE, 413 },
		{ ERR_MEDIA_TYPE, 415 },
		{ ERR_UNKNOWN_DOWNLOAD, 404 },
		{ ERR_UNKNOWN_MODEL, 404 },
		{ ERR_UNKNOWN_TRASH, 404 },
		{ ERR_EXISTS, 409 },
		{ ERR_IN_USE, 409 },
		{ ERR_ILLEGAL_STATE, 409 },
		{ ERR_DUPLICATE, 409 },
		{ ERR_QUEUE_FULL, 503 },
		{ ERR_NOT_FOUND, 404 },
		{ ERR_GATED, 403 },
		{ ERR_UNAUTHORIZED, 403 },
		{ ERR_RATE_LIMITED, 429 },
		{ ERR_NETWORK, 502 },
		{ ERR_HUB_UNAVAILABLE, 502 },
		{ ERR_HUB_PROTOCOL, 502 },
		{ ERR_OFFLINE, 503 },
		{ ERR_UNSAFE_PATH, 422 },
		{ ERR_TOO_MANY_FILES, 422 },
		{ ERR_DISK_FULL, 507 },
		{ ERR_DISK_ERROR, 500 },
		{ ERR_DISK_AWAY, 503 },
		{ ERR_SCHEDULE, 503 },
		{ ERR_PAUSED_ALL, 503 },
		{ ERR_HASH_MISMATCH, 502 },
		{ ERR_RANGE_IGNORED, 502 },
		{ ERR_URL_EXPIRED, 502 },
		{ ERR_CHANGED, 409 },
		{ ERR_UNKNOWN_PREVIEW, 404 },
		{ ERR_CANCELLED, 503 },
		{ ERR_TIMEOUT, 504 },
		{ ERR_STORE, 503 },
		{ ERR_DAEMON_UNAVAILABLE, 503 },
	};
	enum error_code beyond = ERR_COUNT;

	(void)state;
	assert_int_equal(ARRAY_LEN(rows), ERR_COUNT);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(rows[i].code, i);
		assert_int_equal(response_status(rows[i].code), rows[i].status);
		assert_string_not_equal(response_reason(rows[i].status), "Other");
	}
	assert_int_equal(response_status(beyond), 500);
	assert_string_equal(response_reason(404), "Not Found");
	assert_string_equal(response_reason(299), "Other");
}

static void a_problem_is_a_document_of_rfc_9457(void **state)
{
	struct response response = { .status = 0 };
	AUTO_JSON extra = json_object_new_object();
	struct error err;

	(void)state;
	json_add_cstr(extra, "state", "paused");
	(void)error_set_field(&err, "repo", "no \"repo\"");
	response_problem(&response, &err, "id-12345", extra);
	assert_int_equal(response.status, 422);
	assert_string_equal(response.content_type, "application/problem+json");
	assert_int_equal(response.retry_after_s, 0);
	assert_string_equal(
		response.body,
		"{\"type\":\"urn:larder:problem:invalid\",\"title\":\"A field is not valid\","
		"\"status\":422,\"detail\":\"no \\\"repo\\\"\",\"code\":\"invalid\","
		"\"request_id\":\"id-12345\",\"field\":\"repo\",\"state\":\"paused\"}");
	response_clear(&response);
	assert_null(response.body);
}

static void a_hint_is_given_where_a_person_can_act(void **state)
{
	struct response response = { .status = 0 };
	AUTO_JSON problem = NULL;
	struct error err;

	(void)state;
	(void)error_set(&err, ERR_GATED, "x");
	response_problem(&response, &err, "id", NULL);
	assert_int_equal(json_parse(str_from(response.body), 4, &problem, &err), 0);
	assert_true(str_is_equal(json_get_str(problem, "hint"),
				 str_from(error_code_hint(ERR_GATED))));
	assert_null(json_get(problem, "field"));
	response_clear(&response);
}

static void who_is_told_to_come_back_is_told_when(void **state)
{
	static const struct {
		enum error_code code;
		unsigned given_s;
		bool is_told;
	} rows[] = {
		{ ERR_DAEMON_UNAVAILABLE, 0, true }, { ERR_DAEMON_UNAVAILABLE, 9, true },
		{ ERR_RATE_LIMITED, 55, true },      { ERR_RATE_LIMITED, 0, false },
		{ ERR_NOT_FOUND, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct response response = { .status = 0 };
		struct error err;

		(void)error_set(&err, rows[i].code, "x");
		err.retry_after_s = rows[i].given_s;
		response_problem(&response, &err, "id", NULL);
		assert_int_equal(response.retry_after_s > 0, rows[i].is_told);
		if (rows[i].given_s > 0)
			assert_int_equal(response.retry_after_s, rows[i].given_s);
		response_clear(&response);
	}
}

static void a_response_may_be_filled_again(void **state)
{
	struct response response = { .status = 0 };
	struct error err;

	(void)state;
	(void)error_set(&err, ERR_DAEMON_UNAVAILABLE, "x");
	response_problem(&response, &err, "id", NULL);
	memcpy(response.allow, "GET", 4);
	response_json(&response, 202, json_object_new_object());
	assert_int_equal(response.status, 202);
	assert_string_equal(response.content_type, "application/json");
	assert_string_equal(response.body, "{}");
	assert_int_equal(response.retry_after_s, 0);
	assert_string_equal(response.allow, "");
	response_text(&response, 200, "text/plain", mem_strdup("words"));
	assert_int_equal(response.status, 200);
	assert_string_equal(response.content_type, "text/plain");
	assert_string_equal(response.body, "words");
	response_empty(&response, 204);
	assert_int_equal(response.status, 204);
	assert_null(response.body);
	assert_null(response.content_type);
	response_clear(&response);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_code_has_its_status),
		cmocka_unit_test(a_problem_is_a_document_of_rfc_9457),
		cmocka_unit_test(a_hint_is_given_where_a_person_can_act),
		cmocka_unit_test(who_is_told_to_come_back_is_told_when),
		cmocka_unit_test(a_response_may_be_filled_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
