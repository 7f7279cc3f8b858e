#include "common/json.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/buf.h"
#include "common/error.h"

/* Of the sanitizers' allocator, whose header gcc does not install. */
size_t __sanitizer_get_current_allocated_bytes(void);

#define L(text)                        \
	{                              \
		text, sizeof(text) - 1 \
	}

static struct json_object *parse(const char *text)
{
	struct json_object *object = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(text), 8, &object, &err), 0);
	return object;
}

static void whole_values_are_read(void **state)
{
	static const char *const rows[] = {
		"{}",   "[]",      "{\"a\":[1,2,{\"b\":null}]}",
		" {} ", "\n[1]\n", "\"x\"",
		"true", "-12",     "1.5e3",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON object = parse(rows[i]);

		assert_non_null(object);
	}
}

/* Overlong, surrogates, beyond Unicode: json-c would take some of them. */
static void what_is_not_utf8_is_refused(void **state)
{
	static const struct str rows[] = {
		L("\"\xc0\xa3\""),
		L("{\"\xe0\x80\xaf\":1}"),
		L("\"\xed\xa0\x80\""),
		L("[\"\xf4\x90\x80\x80\"]"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_object *object = NULL;
		struct error err;

		assert_int_equal(json_parse(rows[i], 8, &object, &err), -1);
		assert_int_equal(err.code, ERR_BAD_REQUEST);
	}
}

static void what_is_not_one_whole_value_is_refused(void **state)
{
	static const struct str rows[] = {
		L(""),           L(" "),
		L("{"),          L("{}{}"),
		L("{} x"),       L("[1,]"),
		L("{\"a\":1,}"), L("{a:1}"),
		L("\"a"),        L("01"),
		L("+1"),         L("[1 2]"),
		L("/* c */ {}"), L("tru"),
		L("nul"),        L("{\"a\"}"),
		L("{}\0"),       L("{\"a\":1\0}"),
		L("\"\xff\""),   L("[\"\xc3\"]"),
		L("TRUE"),       L("\xef\xbb\xbf{}"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_object *object = NULL;
		struct error err = { .code = ERR_NONE };

		assert_int_equal(json_parse(rows[i], 8, &object, &err), -1);
		assert_int_equal(err.code, ERR_BAD_REQUEST);
		assert_null(object);
		assert_true(strlen(err.text) > 0);
	}
}

static void nesting_has_a_limit(void **state)
{
	struct json_object *object = NULL;
	struct error err;

	(void)state;
	assert_int_equal(json_parse(S("[[[1]]]"), 4, &object, &err), 0);
	json_free(&object);
	assert_int_equal(json_parse(S("[[[[[1]]]]]"), 4, &object, &err), -1);
	assert_int_equal(err.code, ERR_BAD_REQUEST);
	assert_null(object);
}

static void a_value_has_a_weight(void **state)
{
	static const struct {
		const char *text;
		size_t weight;
	} rows[] = {
		{ "", 0 },
		{ "null", 0 },
		{ "{}", 1000 },
		{ "[]", 400 },
		{ "[1,2,3]", 600 },
		{ "{\"a\":1,\"b\":{}}", 2100 },
		{ "\"{},[]\"", 0 },
		{ "\"\\\"{},[]\"", 0 },
		{ "\"\\\\\",{", 1100 },
		{ "{\"{\":\"[,\"}", 1000 },
		{ "[\"unfinished,,,,", 400 },
		{ "\"\\", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };

		assert_int_equal(
			json_check_weight(str_from(rows[i].text), rows[i].weight, &err), 0);
		if (rows[i].weight == 0)
			continue;
		assert_int_equal(
			json_check_weight(str_from(rows[i].text), rows[i].weight - 1, &err),
			-1);
		assert_int_equal(err.code, ERR_TOO_LARGE);
		assert_true(strlen(err.text) > 0);
	}
}

enum {
	PIECES = 20000,
};

/* "begin", then the piece so many times, each with a comma and "%" as its number, then "end".
 */
static struct buf *repeat(const char *begin, const char *piece, const char *end)
{
	struct buf *text = buf_new((size_t)16 * 1024 * 1024);
	size_t mark = strcspn(piece, "%");

	buf_add(text, str_from(begin));
	for (int i = 0; i < PIECES; i++) {
		buf_add(text, i > 0 ? S(",") : S(""));
		buf_add(text, (struct str){ piece, mark });
		if (piece[mark] == '%')
			buf_addf(text, "%d%s", i, piece + mark + 1);
	}
	buf_add(text, str_from(end));
	assert_false(buf_is_overflown(text));
	return text;
}

static void no_value_takes_much_more_than_its_weight(void **state)
{
	static const char *const rows[][3] = {
		{ "[", "{}", "]" },
		{ "[", "[]", "]" },
		{ "[", "[[[]]]", "]" },
		{ "[", "1", "]" },
		{ "[", "\"\"", "]" },
		{ "[", "{\"a\":{}}", "]" },
		{ "[", "{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6}", "]" },
		{ "{", "\"%\":1", "}" },
		{ "{", "\"%\":{}", "}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(buf) text = repeat(rows[i][0], rows[i][1], rows[i][2]);
		size_t before = __sanitizer_get_current_allocated_bytes();
		AUTO_JSON object = parse(buf_cstr(text));
		size_t taken = __sanitizer_get_current_allocated_bytes() - before;
		struct error err;

		assert_int_equal(json_check_weight(buf_str(text), taken / 2, &err), -1);
	}
}

static void text_comes_back_compact_on_one_line(void **state)
{
	AUTO_JSON object = parse("{ \"a\": [ 1, \"x/y\\n\" ] }");

	(void)state;
	assert_true(str_is_equal(json_text(object), S("{\"a\":[1,\"x/y\\n\"]}")));
}

static void absent_members_have_the_value_of_absence(void **state)
{
	AUTO_JSON object = parse("{\"s\":\"x\",\"i\":7,\"t\":true,\"f\":false,\"n\":null}");

	(void)state;
	assert_true(str_is_equal(json_get_str(object, "s"), S("x")));
	assert_int_equal(json_get_str(object, "i").n, 0);
	assert_int_equal(json_get_str(object, "none").n, 0);
	assert_int_equal(json_get_int(object, "i", -1), 7);
	assert_int_equal(json_get_int(object, "s", -1), -1);
	assert_int_equal(json_get_int(object, "none", -1), -1);
	assert_true(json_is_true(object, "t"));
	assert_false(json_is_true(object, "f"));
	assert_false(json_is_true(object, "i"));
	assert_false(json_is_true(object, "none"));
	assert_null(json_get(object, "n"));
	assert_null(json_get(object, "none"));
	assert_null(json_get(NULL, "none"));
}

static void a_member_of_a_list_is_not_there(void **state)
{
	AUTO_JSON list = parse("[1]");

	(void)state;
	assert_null(json_get(list, "0"));
	assert_int_equal(json_get_int(list, "a", 3), 3);
}

static void members_are_written_as_what_they_are(void **state)
{
	AUTO_JSON object = json_object_new_object();

	(void)state;
	json_add_str(object, "s", (struct str){ "a\0b", 3 });
	json_add_str(object, "e", (struct str){ NULL, 0 });
	json_add_cstr(object, "c", "\"");
	json_add_cstr(object, "n", NULL);
	json_add_u64(object, "u", UINT64_MAX);
	json_add_int(object, "i", INT64_MIN);
	json_add_bool(object, "b", true);
	assert_true(str_is_equal(json_text(object),
				 S("{\"s\":\"a\\u0000b\",\"e\":\"\",\"c\":\"\\\"\","
				   "\"n\":null,\"u\":18446744073709551615,"
				   "\"i\":-9223372036854775808,\"b\":true}")));
}

static void times_are_utc_with_milliseconds(void **state)
{
	static const struct {
		int64_t unix_ms;
		const char *wanted;
	} rows[] = {
		{ 0, "{\"t\":null}" },
		{ -5, "{\"t\":null}" },
		{ 1, "{\"t\":\"1970-01-01T00:00:00.001Z\"}" },
		{ 951782400123, "{\"t\":\"2000-02-29T00:00:00.123Z\"}" },
		{ 1772600767007, "{\"t\":\"2026-03-04T05:06:07.007Z\"}" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON object = json_object_new_object();

		json_add_time(object, "t", rows[i].unix_ms);
		assert_true(str_is_equal(json_text(object), str_from(rows[i].wanted)));
	}
}

static const struct json_field members[] = {
	{ .name = "from", .kind = JSON_KIND_TEXT, .is_required = true, .min = 1, .max = 5 },
	{ .name = "days", .kind = JSON_KIND_TEXTS, .min = 1, .max = 3, .items_max = 2 },
	{ .name = "is_on", .kind = JSON_KIND_BOOL },
};

static const struct json_field fields[] = {
	{ .name = "repo", .kind = JSON_KIND_TEXT, .is_required = true, .min = 1, .max = 5 },
	{ .name = "n", .kind = JSON_KIND_INT, .min = -3, .max = 3 },
	{ .name = "list", .kind = JSON_KIND_TEXTS, .min = 1, .max = 2, .items_max = 2 },
	{ .name = "yes", .kind = JSON_KIND_BOOL },
	{ .name = "rows",
	  .kind = JSON_KIND_OBJECTS,
	  .items_max = 2,
	  .members = members,
	  .n_members = ARRAY_LEN(members) },
};

static void an_object_with_what_is_wanted_passes(void **state)
{
	static const char *const rows[] = {
		"{\"repo\":\"a\"}",
		"{\"repo\":\"abcde\"}",
		"{\"repo\":\"\\u00e9\\u00e9\"}",
		"{\"repo\":\"a\",\"n\":-3,\"list\":[]}",
		"{\"n\":3,\"list\":[\"ab\",\"c\"],\"repo\":\"a\"}",
		"{\"repo\":\"a\",\"n\":null,\"list\":null,\"yes\":null,\"rows\":null}",
		"{\"repo\":\"a\",\"yes\":true}",
		"{\"repo\":\"a\",\"yes\":false,\"rows\":[]}",
		"{\"repo\":\"a\",\"rows\":[{\"from\":\"x\"},{\"is_on\":false,"
		"\"days\":[\"a\",\"b\"],\"from\":\"y\"}]}",
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON object = parse(rows[i]);

		assert_int_equal(json_check(object, fields, ARRAY_LEN(fields), &err), 0);
	}
}

static void an_object_is_refused_with_the_field_at_fault(void **state)
{
	static const struct {
		const char *text;
		enum error_code code;
		const char *field;
	} rows[] = {
		{ "[]", ERR_BAD_REQUEST, "" },
		{ "\"x\"", ERR_BAD_REQUEST, "" },
		{ "{}", ERR_INVALID, "repo" },
		{ "{\"repo\":null}", ERR_INVALID, "repo" },
		{ "{\"repo\":7}", ERR_INVALID, "repo" },
		{ "{\"repo\":\"\"}", ERR_INVALID, "repo" },
		{ "{\"repo\":\"abcdef\"}", ERR_INVALID, "repo" },
		{ "{\"repo\":\"a\\u0000b\"}", ERR_INVALID, "repo" },
		{ "{\"repo\":\"a\",\"Repo\":\"a\"}", ERR_INVALID, "Repo" },
		{ "{\"repo\":\"a\",\"x\":null}", ERR_INVALID, "x" },
		{ "{\"repo\":\"a\",\"n\":4}", ERR_INVALID, "n" },
		{ "{\"repo\":\"a\",\"n\":-4}", ERR_INVALID, "n" },
		{ "{\"repo\":\"a\",\"n\":1.0}", ERR_INVALID, "n" },
		{ "{\"repo\":\"a\",\"n\":\"1\"}", ERR_INVALID, "n" },
		{ "{\"repo\":\"a\",\"n\":true}", ERR_INVALID, "n" },
		{ "{\"repo\":\"a\",\"n\":99999999999999999999999}", ERR_INVALID, "n" },
		{ "{\"repo\":\"a\",\"n\":-99999999999999999999999}", ERR_INVALID, "n" },
		{ "{\"repo\":\"a\",\"list\":\"a\"}", ERR_INVALID, "list" },
		{ "{\"repo\":\"a\",\"list\":{}}", ERR_INVALID, "list" },
		{ "{\"repo\":\"a\",\"list\":[\"a\",\"b\",\"c\"]}", ERR_INVALID, "list" },
		{ "{\"repo\":\"a\",\"list\":[\"a\",\"\"]}", ERR_INVALID, "list[1]" },
		{ "{\"repo\":\"a\",\"list\":[\"abc\"]}", ERR_INVALID, "list[0]" },
		{ "{\"repo\":\"a\",\"list\":[null]}", ERR_INVALID, "list[0]" },
		{ "{\"repo\":\"a\",\"list\":[\"a\",[]]}", ERR_INVALID, "list[1]" },
		{ "{\"repo\":\"a\",\"yes\":1}", ERR_INVALID, "yes" },
		{ "{\"repo\":\"a\",\"yes\":\"true\"}", ERR_INVALID, "yes" },
		{ "{\"repo\":\"a\",\"rows\":{}}", ERR_INVALID, "rows" },
		{ "{\"repo\":\"a\",\"rows\":[1]}", ERR_INVALID, "rows[0]" },
		{ "{\"repo\":\"a\",\"rows\":[null]}", ERR_INVALID, "rows[0]" },
		{ "{\"repo\":\"a\",\"rows\":[{}]}", ERR_INVALID, "rows[0].from" },
		{ "{\"repo\":\"a\",\"rows\":[{\"from\":null}]}", ERR_INVALID, "rows[0].from" },
		{ "{\"repo\":\"a\",\"rows\":[{\"from\":\"x\"},{\"from\":7}]}", ERR_INVALID,
		  "rows[1].from" },
		{ "{\"repo\":\"a\",\"rows\":[{\"from\":\"x\",\"to\":1}]}", ERR_INVALID,
		  "rows[0].to" },
		{ "{\"repo\":\"a\",\"rows\":[{\"from\":\"x\",\"is_on\":[]}]}", ERR_INVALID,
		  "rows[0].is_on" },
		{ "{\"repo\":\"a\",\"rows\":[{\"from\":\"x\",\"days\":[\"a\",\"long\"]}]}",
		  ERR_INVALID, "rows[0].days[1]" },
		{ "{\"repo\":\"a\",\"rows\":[{\"from\":\"x\"},{\"from\":\"x\"},"
		  "{\"from\":\"x\"}]}",
		  ERR_INVALID, "rows" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON object = parse(rows[i].text);
		struct error err = { .code = ERR_NONE };

		assert_int_equal(json_check(object, fields, ARRAY_LEN(fields), &err), -1);
		assert_int_equal(err.code, rows[i].code);
		assert_string_equal(err.field, rows[i].field);
		assert_true(strlen(err.text) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_values_are_read),
		cmocka_unit_test(what_is_not_one_whole_value_is_refused),
		cmocka_unit_test(what_is_not_utf8_is_refused),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(a_value_has_a_weight),
		cmocka_unit_test(no_value_takes_much_more_than_its_weight),
		cmocka_unit_test(text_comes_back_compact_on_one_line),
		cmocka_unit_test(absent_members_have_the_value_of_absence),
		cmocka_unit_test(a_member_of_a_list_is_not_there),
		cmocka_unit_test(members_are_written_as_what_they_are),
		cmocka_unit_test(times_are_utc_with_milliseconds),
		cmocka_unit_test(an_object_with_what_is_wanted_passes),
		cmocka_unit_test(an_object_is_refused_with_the_field_at_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
