#include "downloader/variant.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

enum {
	FILES_MAX = 16
};

/* A file of a repository, and the variant that it is to belong to. */
struct row {
	const char *path;
	enum variant_kind kind;
	const char *name;
};

static void check(const struct row *rows, size_t n)
{
	struct str paths[FILES_MAX];
	struct variant variants[FILES_MAX];

	assert_true(n <= FILES_MAX);
	for (size_t i = 0; i < n; i++)
		paths[i] = str_from(rows[i].path);
	variant_name_all(paths, n, variants);
	for (size_t i = 0; i < n; i++) {
		if (strcmp(variants[i].name, rows[i].name) != 0 ||
		    variants[i].kind != rows[i].kind)
			fail_msg("%s is %s (%s)", rows[i].path, variants[i].name,
				 variant_kind_name(variants[i].kind));
	}
}

static void a_quant_is_one_over_its_shards_and_folders(void **state)
{
	static const struct row rows[] = {
		{ "README.md", VARIANT_OTHER, "" },
		{ "m-Q4_K_M.gguf", VARIANT_GGUF, "Q4_K_M" },
		{ "m-UD-Q4_K_XL.gguf", VARIANT_GGUF, "UD-Q4_K_XL" },
		{ "Q8_0/m-Q8_0-00001-of-00002.gguf", VARIANT_GGUF, "Q8_0" },
		{ "Q8_0/m-Q8_0-00002-of-00002.gguf", VARIANT_GGUF, "Q8_0" },
		{ "BF16/m-00001-of-00002.gguf", VARIANT_GGUF, "BF16" },
		{ "BF16/m-00002-of-00002.gguf", VARIANT_GGUF, "BF16" },
		{ "m-APEX-I-Mini.gguf", VARIANT_GGUF, "m-APEX-I-Mini" },
		{ "mmproj-BF16.gguf", VARIANT_PROJECTOR, "mmproj-BF16" },
		{ "mmproj-F16.gguf", VARIANT_PROJECTOR, "mmproj-F16" },
		{ "MTP/mtp-m-Q8_0.gguf", VARIANT_DRAFT, "MTP/mtp-m-Q8_0" },
		{ "imatrix_unsloth.gguf", VARIANT_COMPANION, "" },
		{ "config.json", VARIANT_COMPANION, "" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

/* Whoever wants one voice does not want all of them, nor the same model twice. */
static void a_quant_that_several_have_tells_nobody_apart(void **state)
{
	static const struct row rows[] = {
		{ "piper-bg-f16.gguf", VARIANT_GGUF, "piper-bg-f16" },
		{ "piper-eu-f16.gguf", VARIANT_GGUF, "piper-eu-f16" },
		{ "Q8_0/m-Q8_0-00001-of-00002.gguf", VARIANT_GGUF, "Q8_0/m-Q8_0" },
		{ "Q8_0/m-Q8_0-00002-of-00002.gguf", VARIANT_GGUF, "Q8_0/m-Q8_0" },
		{ "m-Q8_0.gguf", VARIANT_GGUF, "m-Q8_0" },
		{ "m-Q4_0.gguf", VARIANT_GGUF, "Q4_0" },
		{ "flux-fp16.safetensors", VARIANT_SAFETENSORS, "flux-fp16.safetensors" },
		{ "t5xxl_fp16.safetensors", VARIANT_SAFETENSORS, "t5xxl_fp16.safetensors" },
		{ "t5xxl_fp8_e4m3fn.safetensors", VARIANT_SAFETENSORS, "FP8.safetensors" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

static void safetensors_go_by_their_path(void **state)
{
	static const struct row rows[] = {
		{ "model-00001-of-00002.safetensors", VARIANT_SAFETENSORS,
		  "model.safetensors" },
		{ "model-00002-of-00002.safetensors", VARIANT_SAFETENSORS,
		  "model.safetensors" },
		{ "model.safetensors.index.json", VARIANT_COMPANION, "" },
		{ "consolidated.safetensors", VARIANT_SAFETENSORS, "consolidated.safetensors" },
		{ "4bit/model.safetensors", VARIANT_SAFETENSORS, "4bit/model.safetensors" },
		{ "mlx-4bit/model.safetensors", VARIANT_MLX, "mlx-4bit/model.safetensors" },
		{ "mlxa/model.safetensors", VARIANT_SAFETENSORS, "mlxa/model.safetensors" },
		{ "pytorch_model-00001-of-00002.bin", VARIANT_PICKLE, "pytorch_model.bin" },
		{ "pytorch_model-00002-of-00002.bin", VARIANT_PICKLE, "pytorch_model.bin" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

static void a_pipeline_is_one_over_its_folders(void **state)
{
	static const struct row rows[] = {
		{ "model_index.json", VARIANT_OTHER, "" },
		{ "text_encoder/model.fp16.safetensors", VARIANT_SAFETENSORS,
		  "FP16.safetensors" },
		{ "text_encoder/model.safetensors", VARIANT_SAFETENSORS, "safetensors" },
		{ "unet/diffusion_pytorch_model.fp16.safetensors", VARIANT_SAFETENSORS,
		  "FP16.safetensors" },
		{ "unet/diffusion_pytorch_model-00001-of-00002.safetensors",
		  VARIANT_SAFETENSORS, "safetensors" },
		{ "unet/diffusion_pytorch_model.bin", VARIANT_PICKLE, "bin" },
		{ "unet/config.json", VARIANT_COMPANION, "" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

static void onnx_goes_by_its_type(void **state)
{
	static const struct row rows[] = {
		{ "onnx/decoder_model_merged_q4f16.onnx", VARIANT_ONNX, "q4f16.onnx" },
		{ "onnx/encoder_model_q4f16.onnx", VARIANT_ONNX, "q4f16.onnx" },
		{ "onnx/encoder_model_q4f16.onnx_data", VARIANT_ONNX, "q4f16.onnx" },
		{ "onnx/encoder_model_quantized.onnx", VARIANT_ONNX, "quantized.onnx" },
		{ "onnx/encoder_model.onnx", VARIANT_ONNX, "fp32.onnx" },
		{ "onnx/encoder_model.onnx_data", VARIANT_ONNX, "fp32.onnx" },
		{ "onnx/encoder_model.onnx_data_1", VARIANT_ONNX, "fp32.onnx" },
		{ "cpu/cpu-int4/model.onnx", VARIANT_ONNX, "cpu/cpu-int4/model.onnx" },
		{ "cpu/cpu-int4/model.onnx.data", VARIANT_ONNX, "cpu/cpu-int4/model.onnx" },
	};

	(void)state;
	check(rows, ARRAY_LEN(rows));
}

static void a_long_name_is_cut_between_characters(void **state)
{
	char path[2 * VARIANT_NAME_MAX + sizeof(".gguf")];
	struct str paths[] = { { .p = path, .n = 2 * (VARIANT_NAME_MAX / 2) + 5 } };
	struct variant variant;

	(void)state;
	for (size_t i = 0; i < VARIANT_NAME_MAX / 2; i++)
		memcpy(path + 2 * i, "\xc3\xa4", 2);
	memcpy(path + 2 * (VARIANT_NAME_MAX / 2), ".gguf", 5);
	variant_name_all(paths, 1, &variant);
	assert_int_equal(strlen(variant.name), VARIANT_NAME_MAX - 2);
	assert_true(str_is_utf8(str_from(variant.name)));
}

static void companions_are_told_from_weights(void **state)
{
	static const struct {
		const char *path;
		bool is_companion;
		bool is_weights;
	} rows[] = {
		{ "config.json", true, false },
		{ "sub/Config.json", true, false },
		{ "my-config.json", false, false },
		{ "generation_config.json", true, false },
		{ "tokenizer.model", true, false },
		{ "tokenizer/weights.bin", false, true },
		{ "special_tokens_map.json", true, false },
		{ "vocab.txt", true, false },
		{ "merges.txt", true, false },
		{ "chat_template.jinja", true, false },
		{ "preprocessor_config.json", true, false },
		{ "model.safetensors.index.json", true, false },
		{ "mmproj-BF16.gguf", true, false },
		{ "m-mmproj-f16.gguf", true, false },
		{ "imatrix_unsloth.dat", true, false },
		{ "m-imatrix.gguf", true, false },
		{ "MTP/mtp-m.gguf", true, false },
		{ "eagle3-m.gguf", true, false },
		{ "dflash-m.gguf", true, false },
		{ "dspark-m.gguf", true, false },
		{ "m.gguf", false, true },
		{ "M.GGUF", false, true },
		{ "model.safetensors", false, true },
		{ "pytorch_model.bin", false, true },
		{ "a.pt", false, true },
		{ "a.pth", false, true },
		{ "a.onnx", false, true },
		{ "a.onnx_data", false, true },
		{ "a.ckpt", false, true },
		{ "README.md", false, false },
		{ "a.gguf.md", false, false },
		{ "", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		enum variant_kind kind = variant_kind_of(str_from(rows[i].path));

		assert_int_equal(variant_is_companion(kind), rows[i].is_companion);
		assert_int_equal(variant_is_weights(kind), rows[i].is_weights);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quant_is_one_over_its_shards_and_folders),
		cmocka_unit_test(a_quant_that_several_have_tells_nobody_apart),
		cmocka_unit_test(safetensors_go_by_their_path),
		cmocka_unit_test(a_pipeline_is_one_over_its_folders),
		cmocka_unit_test(onnx_goes_by_its_type),
		cmocka_unit_test(a_long_name_is_cut_between_characters),
		cmocka_unit_test(companions_are_told_from_weights),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
