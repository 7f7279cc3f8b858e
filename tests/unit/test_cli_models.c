#include "cli/cli_models.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/buf.h"

enum {
	OUT_MAX = 10000,
};

static struct json_object *parse(const char *text)
{
	struct json_object *object = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(text), RPC_DEPTH_MAX, &object, &err), 0);
	return object;
}

static const char models[] =
	"[{\"folder\":\"acme/tiny-7b-GGUF\",\"bytes\":4700000000,\"parameters\":7241732096,"
	"\"quants\":[\"Q6_K\",\"Q4_K_M\"],\"formats\":[\"gguf\"],\"files_total\":3,"
	"\"files_unknown\":0,\"files_changed\":0,\"parts_missing\":0,\"problems\":0,"
	"\"partial_bytes\":0},"
	"{\"folder\":\"by-hand\",\"bytes\":100,\"parameters\":null,\"quants\":[],"
	"\"formats\":[\"safetensors\",\"bin\"],\"files_total\":2500,\"files_unknown\":1,"
	"\"files_changed\":2,\"parts_missing\":1,\"problems\":1,\"partial_bytes\":1500}]";

static void models_are_rows(void **state)
{
	AUTO_JSON list = parse(models);
	AUTO(buf) out = buf_new(OUT_MAX);

	(void)state;
	cli_models_render(out, list, 0, true);
	assert_string_equal(
		buf_cstr(out),
		"MODEL                SIZE  PARAMS  QUANTS            FILES  STATE\n"
		"acme/tiny-7b-GGUF  4.7 GB    7.2B  Q6_K, Q4_K_M          3  proven\n"
		"by-hand             100 B          safetensors, bin  2,500  1 part missing, "
		"1 problem seen, 2 files changed, 1 file unverified, 1.5 kB half done\n");
}

static void a_narrow_window_keeps_what_matters(void **state)
{
	AUTO_JSON list = parse(models);
	AUTO(buf) out = buf_new(OUT_MAX);
	struct str rest;
	struct str line;

	(void)state;
	cli_models_render(out, list, 40, false);
	rest = buf_str(out);
	while (str_next(&rest, '\n', &line))
		assert_true(line.n <= 40);
	assert_non_null(strstr(buf_cstr(out), "MODEL"));
	assert_non_null(strstr(buf_cstr(out), "STATE"));
}

/* As a download leaves it that has failed before it had anything. */
static void a_model_without_a_whole_file_is_not_called_proven(void **state)
{
	AUTO_JSON model = parse("{\"folder\":\"acme/x\",\"bytes\":0,\"files_total\":0,"
				"\"partial_bytes\":0,\"groups\":[],\"files\":[]}");
	AUTO(buf) out = buf_new(OUT_MAX);

	(void)state;
	cli_model_render(out, model, 0, true);
	assert_non_null(strstr(buf_cstr(out), "nothing whole yet"));
}

static void a_model_is_told_with_its_groups_and_what_is_wrong(void **state)
{
	AUTO_JSON model =
		parse("{\"folder\":\"acme/x\",\"commit\":\"abc\",\"architecture\":\"llama\","
		      "\"parameters\":1500000,\"context_length\":32768,\"bytes\":3000,"
		      "\"files_total\":2,\"files_unknown\":0,\"files_changed\":0,"
		      "\"parts_missing\":1,\"problems\":1,\"partial_bytes\":0,\"problem\":null,"
		      "\"groups\":[{\"name\":\"Q4_0\",\"format\":\"gguf\",\"bytes\":3000,"
		      "\"parts\":1,\"parts_wanted\":2,\"parameters\":1500000,"
		      "\"missing\":[\"m-00002-of-00002.gguf\"],"
		      "\"memory\":{\"weights\":2000,\"cache\":{\"f16\":1000}}}],"
		      "\"files\":[{\"path\":\"m\\u001b.gguf\",\"problem\":\"it is short\"},"
		      "{\"path\":\"b\",\"problem\":null}]}");
	AUTO(buf) out = buf_new(OUT_MAX);

	(void)state;
	cli_model_render(out, model, 0, true);
	assert_string_equal(buf_cstr(out), "folder:       acme/x\n"
					   "commit:       abc\n"
					   "architecture: llama\n"
					   "parameters:   1.5M\n"
					   "context:      32,768\n"
					   "size:         3.0 kB in 2 files\n"
					   "state:        1 part missing, 1 problem seen\n"
					   "\n"
					   "GROUP  FORMAT    SIZE  PARAMS  MEMORY  PARTS\n"
					   "Q4_0   gguf    3.0 kB    1.5M  3.0 kB  1 of 2\n"
					   "m-00002-of-00002.gguf: missing\n"
					   "m\\x1b.gguf: it is short\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(models_are_rows),
		cmocka_unit_test(a_narrow_window_keeps_what_matters),
		cmocka_unit_test(a_model_without_a_whole_file_is_not_called_proven),
		cmocka_unit_test(a_model_is_told_with_its_groups_and_what_is_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
