#include "downloader/hub_parse_search.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/error.h"

/* The first row of a page that must have `n`. */
static struct hub_row row_of(const char *body, size_t n)
{
	struct hub_row *rows = NULL;
	struct hub_row first = { .downloads = 0 };
	struct error err;
	size_t found;

	assert_int_equal(hub_parse_search(str_from(body), &rows, &found, &err), 0);
	assert_int_equal(found, n);
	if (n > 0)
		first = rows[0];
	free(rows);
	return first;
}

static void a_row_is_read(void **state)
{
	struct hub_row row = row_of(
		"[{\"_id\":\"6\",\"id\":\"acme/tiny-7b-GGUF\",\"likes\":56,\"private\":true,"
		"\"downloads\":1234,\"gated\":\"auto\",\"lastModified\":"
		"\"2026-03-04T05:06:07.000Z\",\"pipeline_tag\":\"text-generation\","
		"\"library_name\":\"gguf\",\"tags\":[\"gguf\",7,\"license:apache-2.0\","
		"\"base_model:quantized:acme/tiny-7b\",\"base_model:acme/tiny-7b\",\"mlx\"],"
		"\"gguf\":{\"total\":7241732096,\"architecture\":\"llama\","
		"\"context_length\":32768,\"chat_template\":\"{% x %}\"}}]",
		1);

	(void)state;
	assert_string_equal(row.repo, "acme/tiny-7b-GGUF");
	assert_string_equal(row.gated, "auto");
	assert_true(row.is_private);
	assert_string_equal(row.task, "text-generation");
	assert_string_equal(row.library, "gguf");
	assert_string_equal(row.licence, "apache-2.0");
	assert_string_equal(row.base_model, "acme/tiny-7b");
	assert_string_equal(row.architecture, "llama");
	assert_string_equal(row.modified_at, "2026-03-04T05:06:07Z");
	assert_int_equal(row.downloads, 1234);
	assert_int_equal(row.likes, 56);
	assert_int_equal(row.parameters, 7241732096);
	assert_int_equal(row.context_length, 32768);
	assert_true(row.has_format[HUB_GGUF] && row.has_format[HUB_MLX]);
	assert_false(row.has_format[HUB_SAFETENSORS] || row.has_format[HUB_ONNX]);
}

static void what_is_absent_is_empty(void **state)
{
	struct hub_row row = row_of("[{\"id\":\"gpt2\"}]", 1);

	(void)state;
	assert_string_equal(row.repo, "gpt2");
	assert_string_equal(row.gated, "");
	assert_string_equal(row.modified_at, "");
	assert_string_equal(row.licence, "");
	assert_int_equal(row.parameters, 0);
	assert_false(row.is_private);
}

static void parameters_come_from_safetensors_too(void **state)
{
	struct hub_row row = row_of("[{\"id\":\"a/b\",\"gguf\":{\"total\":-5},\"safetensors\":"
				    "{\"parameters\":{\"BF16\":100},\"total\":100}}]",
				    1);

	(void)state;
	assert_int_equal(row.parameters, 100);
}

static void rows_without_a_name_are_left_out(void **state)
{
	static const char *const hostile[] = {
		"[{\"id\":\"../../etc/passwd\"}]",
		"[{\"id\":\"a/b/c\"}]",
		"[{\"id\":7},{},null,[],\"x\"]",
		"[{\"id\":\"<img src=x onerror=alert(1)>\"}]",
		"[{\"id\":\"a\\u0000b\"}]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(hostile); i++)
		(void)row_of(hostile[i], 0);
	assert_string_equal(row_of("[{\"id\":\"..\"},{\"id\":\"acme/good\"}]", 1).repo,
			    "acme/good");
}

static void odd_values_are_not_taken(void **state)
{
	static const char *const times[] = {
		"\"2026-03-04\"",
		"\"2026-03-04T05:06:07+01:00\"",
		"\"2026-03-04 05:06:07.000Z\"",
		"\"20x6-03-04T05:06:07.000Z\"",
		"\"2026-03-04T05:06:07\\u0000Z\"",
		"1772600767",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		AUTO_CSTR body = mem_printf("[{\"id\":\"a/b\",\"lastModified\":%s}]", times[i]);

		assert_string_equal(row_of(body, 1).modified_at, "");
	}
	assert_int_equal(row_of("[{\"id\":\"a/b\",\"likes\":-1,\"downloads\":\"9\"}]", 1).likes,
			 0);
	assert_string_equal(
		row_of("[{\"id\":\"a/b\",\"pipeline_tag\":\"a\\u001bb\\nc\"}]", 1).task,
		"a b c");
}

static void long_words_are_cut_between_characters(void **state)
{
	AUTO(buf) body = buf_new(4096);
	struct hub_row row;

	(void)state;
	buf_add(body, S("[{\"id\":\"a/b\",\"library_name\":\"x"));
	for (size_t i = 0; i < HUB_WORD_MAX; i++)
		buf_add(body, S("\xc3\xa9"));
	buf_add(body, S("\"}]"));
	row = row_of(buf_cstr(body), 1);
	assert_int_equal(strlen(row.library), HUB_WORD_MAX - 1);
	assert_true(str_is_utf8(str_from(row.library)));
}

static void no_more_than_a_page_is_read(void **state)
{
	AUTO(buf) body = buf_new(64 * 1024);

	(void)state;
	buf_add_char(body, '[');
	for (size_t i = 0; i < HUB_ROWS_MAX + 20; i++)
		buf_addf(body, "%s{\"id\":\"a/m%zu\"}", i > 0 ? "," : "", i);
	buf_add_char(body, ']');
	(void)row_of(buf_cstr(body), HUB_ROWS_MAX);
}

static void what_is_no_list_is_refused(void **state)
{
	static const char *const bodies[] = {
		"", "{}", "[", "null", "<html>", "\"x\"", "[] []"
	};
	struct hub_row *rows = NULL;
	struct error err;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		assert_int_equal(hub_parse_search(str_from(bodies[i]), &rows, &n, &err), -1);
		assert_int_equal(err.code, ERR_HUB_PROTOCOL);
		assert_null(rows);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_is_read),
		cmocka_unit_test(what_is_absent_is_empty),
		cmocka_unit_test(parameters_come_from_safetensors_too),
		cmocka_unit_test(rows_without_a_name_are_left_out),
		cmocka_unit_test(odd_values_are_not_taken),
		cmocka_unit_test(long_words_are_cut_between_characters),
		cmocka_unit_test(no_more_than_a_page_is_read),
		cmocka_unit_test(what_is_no_list_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
