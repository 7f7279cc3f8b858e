#include "common/schema.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/error.h"

static int check(const char *method, const char *params, struct error *err)
{
	AUTO_JSON object = NULL;

	if (params != NULL)
		assert_int_equal(json_parse(str_from(params), 8, &object, err), 0);
	return schema_check(str_from(method), object, err);
}

static void every_method_takes_what_it_is_for(void **state)
{
	static const struct {
		const char *method;
		const char *params;
	} rows[] = {
		{ "preview.make", "{\"repo\":\"a/b\"}" },
		{ "preview.make", "{\"repo\":\"a/b\",\"type\":\"model\",\"revision\":\"main\","
				  "\"commit\":\"0123456789012345678901234567890123456789\","
				  "\"select\":[\"Q4_K_M\"],\"exclude\":[]}" },
		{ "download.create", "{\"repo\":\"a/b\",\"priority\":-1000}" },
		{ "download.list", NULL },
		{ "download.list", "{\"state\":\"active\",\"limit\":500,\"cursor\":\"x\"}" },
		{ "download.get", "{\"id\":\"x\"}" },
		{ "download.patch", "{\"id\":\"x\",\"priority\":1000}" },
		{ "download.pause", "{\"id\":\"x\"}" },
		{ "download.resume", "{\"id\":\"x\"}" },
		{ "download.cancel", "{\"id\":\"x\"}" },
		{ "download.retry", "{\"id\":\"x\"}" },
		{ "download.forget", "{\"id\":\"x\"}" },
		{ "event.changes", "{\"since\":\"e-1\"}" },
		{ "event.changes", NULL },
		{ "settings.get", NULL },
		{ "settings.patch", NULL },
		{ "settings.patch", "{\"paused\":true,\"bandwidth_limit\":0,\"slow\":false,"
				    "\"slow_limit\":1,\"max_downloads\":32,"
				    "\"max_connections\":128,\"schedule\":[]}" },
		{ "settings.patch", "{\"paused\":null,\"schedule\":null}" },
		{ "settings.patch", "{\"schedule\":[{\"days\":[\"mon\"],\"from\":\"08:00\","
				    "\"to\":\"18:00\",\"action\":\"limit\","
				    "\"bandwidth_limit\":1}]}" },
		{ "system.health", NULL },
		{ "system.status", "{}" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(check(rows[i].method, rows[i].params, &err), 0);
}

static void what_does_not_belong_is_refused_with_its_field(void **state)
{
	static const struct {
		const char *method;
		const char *params;
		const char *field;
	} rows[] = {
		{ "preview.make", NULL, "repo" },
		{ "preview.make", "{\"repo\":\"\"}", "repo" },
		{ "preview.make", "{\"repo\":\"a/b\",\"priority\":1}", "priority" },
		{ "preview.make", "{\"repo\":\"a/b\",\"commit\":\"abc\"}", "commit" },
		{ "preview.make", "{\"repo\":\"a/b\",\"select\":[\"\"]}", "select[0]" },
		{ "preview.make", "{\"repo\":\"a/b\",\"exclude\":\"x\"}", "exclude" },
		{ "download.create", "{\"repo\":\"a/b\",\"priority\":1001}", "priority" },
		{ "download.create", "{\"repo\":\"a/b\",\"path\":\"../x\"}", "path" },
		{ "download.list", "{\"limit\":0}", "limit" },
		{ "download.list", "{\"limit\":501}", "limit" },
		{ "download.get", NULL, "id" },
		{ "download.get", "{\"id\":7}", "id" },
		{ "download.patch", "{\"id\":\"x\"}", "priority" },
		{ "download.pause", "{\"id\":\"x\",\"force\":true}", "force" },
		{ "system.health", "{\"x\":1}", "x" },
		{ "settings.get", "{\"x\":1}", "x" },
		{ "settings.patch", "{\"effect\":{}}", "effect" },
		{ "settings.patch", "{\"paused\":1}", "paused" },
		{ "settings.patch", "{\"bandwidth_limit\":-1}", "bandwidth_limit" },
		{ "settings.patch", "{\"bandwidth_limit\":1000000000001}", "bandwidth_limit" },
		{ "settings.patch", "{\"slow\":\"on\"}", "slow" },
		{ "settings.patch", "{\"slow_limit\":0}", "slow_limit" },
		{ "settings.patch", "{\"max_downloads\":33}", "max_downloads" },
		{ "settings.patch", "{\"max_connections\":0}", "max_connections" },
		{ "settings.patch", "{\"schedule\":\"never\"}", "schedule" },
		{ "settings.patch", "{\"schedule\":[{}]}", "schedule[0].days" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(check(rows[i].method, rows[i].params, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, rows[i].field);
	}
}

static void a_field_that_is_too_long_is_refused(void **state)
{
	static const struct {
		const char *before;
		size_t n;
		const char *after;
		int result;
	} rows[] = {
		{ "{\"repo\":\"", SCHEMA_REPO_MAX, "\"}", 0 },
		{ "{\"repo\":\"", SCHEMA_REPO_MAX + 1, "\"}", -1 },
		{ "{\"repo\":\"a\",\"select\":[\"", SCHEMA_TERM_MAX, "\"]}", 0 },
		{ "{\"repo\":\"a\",\"select\":[\"", SCHEMA_TERM_MAX + 1, "\"]}", -1 },
		{ "{\"repo\":\"a\",\"revision\":\"", 255, "\"}", 0 },
		{ "{\"repo\":\"a\",\"revision\":\"", 256, "\"}", -1 },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR middle = mem_alloc(rows[i].n + 1);
		AUTO_CSTR text = NULL;

		memset(middle, 'x', rows[i].n);
		text = mem_printf("%s%s%s", rows[i].before, middle, rows[i].after);
		assert_int_equal(check("preview.make", text, &err), rows[i].result);
	}
}

static void terms_are_counted(void **state)
{
	struct error err;

	(void)state;
	for (size_t extra = 0; extra < 2; extra++) {
		AUTO_JSON params = json_object_new_object();
		struct json_object *terms = json_object_new_array();

		json_add_cstr(params, "repo", "a");
		for (size_t i = 0; i < SCHEMA_TERMS_MAX + extra; i++)
			(void)json_object_array_add(terms, json_object_new_string("x"));
		json_take(params, "select", terms);
		assert_int_equal(schema_check(S("download.create"), params, &err),
				 extra == 0 ? 0 : -1);
	}
	assert_string_equal(err.field, "select");
}

static void unknown_methods_are_told_apart_from_bad_fields(void **state)
{
	static const char *const rows[] = {
		"", "download", "download.", "download.delete", "Download.get", "download.get "
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(check(rows[i], "{\"id\":\"x\"}", &err), -1);
		assert_int_equal(err.code, ERR_UNKNOWN_METHOD);
	}
}

static void parameters_that_are_a_list_are_refused(void **state)
{
	struct error err;

	(void)state;
	assert_int_equal(check("system.status", "[]", &err), -1);
	assert_int_equal(err.code, ERR_BAD_REQUEST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_takes_what_it_is_for),
		cmocka_unit_test(what_does_not_belong_is_refused_with_its_field),
		cmocka_unit_test(a_field_that_is_too_long_is_refused),
		cmocka_unit_test(terms_are_counted),
		cmocka_unit_test(unknown_methods_are_told_apart_from_bad_fields),
		cmocka_unit_test(parameters_that_are_a_list_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
