#include "downloader/model.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "common/json.h"

#define COMMIT "1111111111111111111111111111111111111111"

static struct model_file *add(struct model *model, const char *path, enum model_kind kind,
			      uint64_t size)
{
	struct model_file *file = model_add(model, str_from(path));

	file->kind = kind;
	file->size = size;
	file->mtime_ns = 1000000000;
	return file;
}

static const struct model_group *group(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->n_groups; i++) {
		if (strcmp(model->groups[i].variant.name, name) == 0)
			return &model->groups[i];
	}
	fail_msg("no group %s", name);
	return NULL;
}

static void a_folder_says_what_it_is(void **state)
{
	static const struct {
		const char *folder;
		const char *repo;
		const char *revision;
		enum repo_type type;
	} rows[] = {
		{ "acme/tiny", "acme/tiny", "main", REPO_MODEL },
		{ "acme/tiny@v1.0", "acme/tiny", "v1.0", REPO_MODEL },
		{ "acme/tiny@refs--pr--3", "acme/tiny", "refs/pr/3", REPO_MODEL },
		{ "acme/tiny@my--branch", "acme/tiny", "my--branch", REPO_MODEL },
		{ "datasets/acme/d", "acme/d", "main", REPO_DATASET },
		{ "datasets/acme/d@dev", "acme/d", "dev", REPO_DATASET },
		{ "gpt2", NULL, "main", REPO_MODEL },
		{ ".", NULL, "main", REPO_MODEL },
		{ "my models/x", NULL, "main", REPO_MODEL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(model) model = model_new(rows[i].folder);

		if (rows[i].repo == NULL)
			assert_null(model->repo);
		else
			assert_string_equal(model->repo, rows[i].repo);
		assert_string_equal(model->revision, rows[i].revision);
		assert_int_equal(model->type, rows[i].type);
	}
}

static void weights_are_grouped_by_quant_the_biggest_first(void **state)
{
	AUTO(model) model = model_new("acme/tiny");

	(void)state;
	add(model, "tiny-Q2_K.gguf", MODEL_WEIGHTS, 2);
	add(model, "tiny-Q8_0.gguf", MODEL_WEIGHTS, 8);
	add(model, "Q4_K_M/tiny-Q4_K_M-00001-of-00002.gguf", MODEL_WEIGHTS, 4);
	add(model, "Q4_K_M/tiny-Q4_K_M-00002-of-00002.gguf", MODEL_WEIGHTS, 4);
	add(model, "mmproj-F16.gguf", MODEL_COMPANION, 1);
	add(model, "README.md", MODEL_OTHER, 1);
	model_finish(model);
	assert_int_equal(model->n_groups, 3);
	assert_string_equal(model->groups[0].variant.name, "Q8_0");
	assert_string_equal(model->groups[1].variant.name, "Q4_K_M");
	assert_string_equal(model->groups[2].variant.name, "Q2_K");
	assert_int_equal(model->groups[1].files, 2);
	assert_int_equal(model->groups[1].bytes, 8);
	assert_int_equal(model->groups[1].parts_wanted, 2);
	assert_int_equal(model->groups[1].parts_missing, 0);
	assert_int_equal(model->groups[0].parts_wanted, 1);
	assert_int_equal(model->bytes, 20);
	assert_int_equal(model_find(model, S("mmproj-F16.gguf"))->group, SIZE_MAX);
	assert_null(model_find(model, S("mmproj")));
}

static void what_has_no_quant_is_a_set_or_a_file(void **state)
{
	AUTO(model) model = model_new("acme/tiny");

	(void)state;
	add(model, "model-00001-of-00003.safetensors", MODEL_WEIGHTS, 1);
	add(model, "model-00003-of-00003.safetensors", MODEL_WEIGHTS, 1);
	add(model, "model.safetensors.index.json", MODEL_COMPANION, 1);
	add(model, "unet/weights.safetensors", MODEL_WEIGHTS, 1);
	add(model, "pytorch_model.bin", MODEL_WEIGHTS, 1);
	model_finish(model);
	assert_int_equal(model->n_groups, 3);
	assert_int_equal(group(model, "model.safetensors")->parts_wanted, 3);
	assert_int_equal(group(model, "model.safetensors")->parts_missing, 1);
	assert_int_equal(group(model, "unet/weights.safetensors")->parts_missing, 0);
	assert_int_equal(group(model, "pytorch_model.bin")->files, 1);
	assert_int_equal(model->parts_missing, 1);
}

struct named {
	char text[1000];
	size_t n;
};

static void on_missing(void *ctx, const char *path)
{
	struct named *named = ctx;
	size_t used = strlen(named->text);

	if (named->n < 3)
		(void)snprintf(named->text + used, sizeof(named->text) - used, "%s ", path);
	named->n++;
}

static void parts_that_are_missing_are_named(void **state)
{
	AUTO(model) model = model_new("acme/tiny");
	struct named named = { .n = 0 };
	size_t left = MODEL_MISSING_MAX;

	(void)state;
	/* Two sets of one pipeline: each has its own holes. */
	add(model, "model_index.json", MODEL_OTHER, 1);
	add(model, "a/m-00002-of-00003.safetensors", MODEL_WEIGHTS, 1);
	add(model, "b/m-00001-of-00002.safetensors", MODEL_WEIGHTS, 1);
	add(model, "c/m.safetensors", MODEL_WEIGHTS, 1);
	model_finish(model);
	assert_int_equal(model->n_groups, 1);
	assert_int_equal(model->groups[0].parts_wanted, 6);
	assert_int_equal(model->groups[0].parts_missing, 3);
	model_missing(model, 0, &left, on_missing, &named);
	assert_string_equal(named.text, "a/m-00001-of-00003.safetensors "
					"a/m-00003-of-00003.safetensors "
					"b/m-00002-of-00002.safetensors ");
}

/* As in many repositories of diffusers and transformers. */
static void sets_of_two_formats_are_two_groups(void **state)
{
	AUTO(model) model = model_new("acme/tiny");

	(void)state;
	for (unsigned i = 1; i <= 2; i++) {
		AUTO_CSTR bin = mem_printf("m-0000%u-of-00002.bin", i);
		AUTO_CSTR tensors = mem_printf("m-0000%u-of-00002.safetensors", i);
		AUTO_CSTR quant = mem_printf("m-F16-0000%u-of-00002.safetensors", i);
		AUTO_CSTR gguf = mem_printf("m-F16-0000%u-of-00002.gguf", i);

		add(model, bin, MODEL_WEIGHTS, 1);
		add(model, tensors, MODEL_WEIGHTS, 1);
		add(model, quant, MODEL_WEIGHTS, 1);
		add(model, gguf, MODEL_WEIGHTS, 1);
	}
	model_finish(model);
	assert_int_equal(model->n_groups, 4);
	assert_int_equal(model->parts_missing, 0);
	assert_int_equal(group(model, "m.bin")->parts_wanted, 2);
	assert_int_equal(group(model, "m.safetensors")->parts_wanted, 2);
	assert_int_equal(group(model, "F16")->files, 2);
	assert_int_equal(group(model, "F16.safetensors")->files, 2);
}

/* Each is a group of its own, and what is told of all of them is bounded. */
static void many_files_and_many_holes_cost_little(void **state)
{
	enum {
		MANY = 50 * 1000
	};
	AUTO(model) model = model_new("acme/tiny");
	AUTO_JSON json = NULL;
	size_t named = 0;

	(void)state;
	for (unsigned i = 0; i < MANY; i++) {
		AUTO_CSTR path = mem_printf("a%05u-00001-of-99999.gguf", i);

		add(model, path, MODEL_WEIGHTS, 1);
	}
	(void)alarm(60);
	model_finish(model);
	json = model_to_json(model, 8192);
	(void)alarm(0);
	assert_int_equal(model->n_groups, MANY);
	assert_int_equal(json_object_array_length(json_get(json, "groups")), MODEL_GROUPS_TOLD);
	assert_true(json_is_true(json, "has_more_groups"));
	for (size_t i = 0; i < MODEL_GROUPS_TOLD; i++)
		named += json_object_array_length(json_get(
			json_object_array_get_idx(json_get(json, "groups"), i), "missing"));
	assert_int_equal(named, MODEL_MISSING_MAX);
}

/* A name may claim any number of parts. */
static void missing_parts_are_not_named_without_end(void **state)
{
	AUTO(model) model = model_new("acme/tiny");
	struct named named = { .n = 0 };
	size_t left = MODEL_MISSING_MAX;

	(void)state;
	add(model, "m-99999-of-99999.gguf", MODEL_WEIGHTS, 1);
	model_finish(model);
	assert_int_equal(model->parts_missing, 99998);
	model_missing(model, 0, &left, on_missing, &named);
	assert_int_equal(named.n, MODEL_MISSING_MAX);
}

static void set_header(struct model_file *file, uint64_t parameters, uint64_t kv_heads)
{
	file->header = mem_alloc(sizeof(*file->header));
	file->header->is_gguf = true;
	file->header->gguf.parameters = parameters;
	file->header->gguf.tensor_bytes = parameters / 2;
	file->header->gguf.kv_heads = kv_heads;
	file->header->gguf.key_length = kv_heads > 0 ? 128 : 0;
	file->header->gguf.value_length = kv_heads > 0 ? 128 : 0;
	memcpy(file->header->gguf.architecture, "llama", 6);
}

static void headers_of_all_parts_are_summed(void **state)
{
	AUTO(model) model = model_new("acme/tiny");
	AUTO_JSON json = NULL;
	struct json_object *memory;

	(void)state;
	set_header(add(model, "m-Q4_0-00001-of-00002.gguf", MODEL_WEIGHTS, 1), 1000, 256);
	set_header(add(model, "m-Q4_0-00002-of-00002.gguf", MODEL_WEIGHTS, 9), 3000, 0);
	model_finish(model);
	assert_int_equal(model->groups[0].parameters, 4000);
	json = model_to_json(model, 10);
	assert_true(str_is_equal(json_get_str(json, "architecture"), S("llama")));
	assert_int_equal(json_get_int(json, "parameters", 0), 4000);
	memory = json_get(json_object_array_get_idx(json_get(json, "groups"), 0), "memory");
	assert_int_equal(json_get_int(memory, "weights", 0), 2000);
	assert_int_equal(json_get_int(json_get(memory, "cache"), "f16", 0), 10 * 256 * 256 * 2);
}

/* Each is possible by itself. */
static void headers_that_claim_too_much_together_are_not_believed(void **state)
{
	AUTO(model) model = model_new("acme/tiny");

	(void)state;
	set_header(add(model, "m-Q4_0-00001-of-00002.gguf", MODEL_WEIGHTS, UINT64_MAX),
		   UINT64_MAX, 1);
	set_header(add(model, "m-Q4_0-00002-of-00002.gguf", MODEL_WEIGHTS, UINT64_MAX),
		   UINT64_MAX, 1);
	model_finish(model);
	assert_int_equal(model->groups[0].parameters, 0);
	assert_true(model->bytes == UINT64_MAX);
}

static void states_are_counted_and_a_common_commit_is_told(void **state)
{
	AUTO(model) model = model_new("acme/tiny");
	AUTO(model) mixed = model_new("acme/mixed");
	struct model_file *file;

	(void)state;
	file = add(model, "a", MODEL_OTHER, 1);
	file->state = MODEL_PROVEN;
	memcpy(file->commit, COMMIT, sizeof(COMMIT));
	file = add(model, "b", MODEL_OTHER, 1);
	file->state = MODEL_CHANGED;
	memcpy(file->commit, COMMIT, sizeof(COMMIT));
	add(model, "c.incomplete", MODEL_PARTIAL, 7)->state = MODEL_UNKNOWN;
	file = add(model, "d", MODEL_FOREIGN, 7);
	file->problem = mem_strdup("a symbolic link");
	model_finish(model);
	assert_int_equal(model->by_state[MODEL_PROVEN], 1);
	assert_int_equal(model->by_state[MODEL_CHANGED], 1);
	assert_int_equal(model->by_state[MODEL_UNKNOWN], 0);
	assert_int_equal(model->partial_bytes, 7);
	assert_int_equal(model->bytes, 2);
	assert_int_equal(model->problems, 1);
	assert_string_equal(model->commit, COMMIT);
	file = add(mixed, "a", MODEL_OTHER, 1);
	memcpy(file->commit, COMMIT, sizeof(COMMIT));
	(void)add(mixed, "b", MODEL_OTHER, 1);
	file = add(mixed, "c", MODEL_OTHER, 1);
	memcpy(file->commit, COMMIT, sizeof(COMMIT));
	model_finish(mixed);
	assert_string_equal(mixed->commit, "");
}

static struct model *make_one(uint64_t size)
{
	struct model *model = model_new("acme/tiny");

	add(model, "a.gguf", MODEL_WEIGHTS, size);
	model_finish(model);
	return model;
}

static void equal_ones_are_known(void **state)
{
	AUTO(model) a = make_one(1);
	AUTO(model) b = make_one(1);
	AUTO(model) other = make_one(2);
	AUTO(model) held = model_hold(a);

	(void)state;
	assert_true(model_is_equal(a, b));
	assert_false(model_is_equal(a, other));
	b->files[0].state = MODEL_PROVEN;
	assert_false(model_is_equal(a, b));
	assert_ptr_equal(held, a);
}

static void a_header_comes_back_as_it_was(void **state)
{
	struct model_header gguf = {
		.is_gguf = true,
		.gguf = { .version = 3,
			  .is_big_endian = true,
			  .architecture = "llama",
			  .name = "Tiny 7B",
			  .size_label = "7B",
			  .type = "model",
			  .file_type = "Q4_K_M",
			  .tensor_type = "Q4_K",
			  .n_tensors = 291,
			  .parameters = UINT64_MAX,
			  .tensor_bytes = 4,
			  .has_chat_template = true,
			  .has_unknown_type = true,
			  .context_length = 5,
			  .embedding_length = 6,
			  .block_count = 7,
			  .head_count = 8,
			  .kv_heads = 9,
			  .key_length = 10,
			  .value_length = 11,
			  .sliding_window = 12,
			  .expert_count = 13,
			  .expert_used_count = 14,
			  .vocabulary = 15,
			  .split_number = 16,
			  .split_count = 17 },
	};
	struct model_header safetensors = { .is_gguf = false };
	struct model_header config = { .is_config = true,
				       .config = { "llama", 1, 2, 3, 4, 5, 6, 7, 8, 9 } };
	const struct model_header *rows[] = { &gguf, &safetensors, &config };

	(void)state;
	safetensors.safetensors.n_tensors = 3;
	safetensors.safetensors.parameters = 1000;
	safetensors.safetensors.of_type[SAFETENSORS_BF16] = 900;
	safetensors.safetensors.bytes_of_type[SAFETENSORS_BF16] = 1800;
	safetensors.safetensors.of_type[SAFETENSORS_F4] = 100;
	safetensors.safetensors.bytes_of_type[SAFETENSORS_F4] = 50;
	safetensors.safetensors.tensor_bytes = 1850;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON object = model_header_to_json(rows[i]);
		struct model_header *back = model_header_from_json(object);

		assert_non_null(back);
		assert_memory_equal(back, rows[i], sizeof(*back));
		free(back);
	}
}

static void what_is_no_header_is_none(void **state)
{
	static const char *const rows[] = { "{}", "{\"format\":\"onnx\"}", "[]", "7" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON object = NULL;
		struct error err;

		assert_int_equal(json_parse(str_from(rows[i]), 4, &object, &err), 0);
		assert_null(model_header_from_json(object));
	}
}

static void an_empty_one_is_fine(void **state)
{
	AUTO(model) model = model_new(".");
	AUTO_JSON json = NULL;

	(void)state;
	model->problem = mem_strdup("it cannot be read");
	model_finish(model);
	assert_null(model_find(model, S("a")));
	json = model_to_json(model, 8192);
	assert_int_equal(json_object_array_length(json_get(json, "files")), 0);
	assert_true(str_is_equal(json_get_str(json, "problem"), S("it cannot be read")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_folder_says_what_it_is),
		cmocka_unit_test(weights_are_grouped_by_quant_the_biggest_first),
		cmocka_unit_test(what_has_no_quant_is_a_set_or_a_file),
		cmocka_unit_test(parts_that_are_missing_are_named),
		cmocka_unit_test(sets_of_two_formats_are_two_groups),
		cmocka_unit_test(many_files_and_many_holes_cost_little),
		cmocka_unit_test(missing_parts_are_not_named_without_end),
		cmocka_unit_test(headers_of_all_parts_are_summed),
		cmocka_unit_test(headers_that_claim_too_much_together_are_not_believed),
		cmocka_unit_test(states_are_counted_and_a_common_commit_is_told),
		cmocka_unit_test(equal_ones_are_known),
		cmocka_unit_test(a_header_comes_back_as_it_was),
		cmocka_unit_test(what_is_no_header_is_none),
		cmocka_unit_test(an_empty_one_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
