#include "downloader/hf_config.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/error.h"

static struct hf_config read_config(const char *text)
{
	struct hf_config config;
	struct error err;

	if (hf_config_read(str_from(text), &config, &err) < 0)
		fail_msg("%s", err.text);
	return config;
}

/* The figures are those of published models. */
static void published_models_have_the_cache_that_they_have(void **state)
{
	static const struct {
		const char *text;
		struct hf_config wanted;
	} rows[] = {
		{ "{\"model_type\":\"llama\",\"hidden_size\":4096,\"num_hidden_layers\":32,"
		  "\"num_attention_heads\":32,\"num_key_value_heads\":8,"
		  "\"max_position_embeddings\":131072,\"vocab_size\":128256}",
		  { "llama", 131072, 4096, 32, 32, 256, 128, 128, 0, 128256 } },
		{ "{\"model_type\":\"gpt2\",\"n_embd\":768,\"n_layer\":12,\"n_head\":12,"
		  "\"n_positions\":1024,\"vocab_size\":50257}",
		  { "gpt2", 1024, 768, 12, 12, 144, 64, 64, 0, 50257 } },
		{ "{\"model_type\":\"qwen2\",\"hidden_size\":3584,\"num_hidden_layers\":28,"
		  "\"num_attention_heads\":28,\"num_key_value_heads\":4,\"sliding_window\":"
		  "131072,"
		  "\"use_sliding_window\":false}",
		  { "qwen2", 0, 3584, 28, 28, 112, 128, 128, 0, 0 } },
		{ "{\"model_type\":\"gemma3\",\"text_config\":{\"hidden_size\":2560,"
		  "\"num_hidden_layers\":34,\"num_attention_heads\":8,\"num_key_value_heads\":"
		  "4,"
		  "\"head_dim\":256,\"sliding_window\":1024}}",
		  { "gemma3", 0, 2560, 34, 8, 136, 256, 256, 1024, 0 } },
		{ "{\"model_type\":\"deepseek_v3\",\"hidden_size\":7168,\"num_hidden_layers\":"
		  "61,"
		  "\"num_attention_heads\":128,\"num_key_value_heads\":128,\"kv_lora_rank\":"
		  "512,"
		  "\"qk_rope_head_dim\":64}",
		  { "deepseek_v3", 0, 7168, 61, 128, 61, 512, 64, 0, 0 } },
		{ "{\"model_type\":\"falcon\",\"hidden_size\":4544,\"num_hidden_layers\":32,"
		  "\"num_attention_heads\":71,\"multi_query\":true}",
		  { "falcon", 0, 4544, 32, 71, 32, 64, 64, 0, 0 } },
		{ "{\"model_type\":\"qwen3_next\",\"hidden_size\":8,\"num_hidden_layers\":4,"
		  "\"num_attention_heads\":2,\"layer_types\":[\"linear_attention\","
		  "\"linear_attention\",\"linear_attention\",\"full_attention\"]}",
		  { "qwen3_next", 0, 8, 4, 2, 2, 4, 4, 0, 0 } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hf_config config = read_config(rows[i].text);

		assert_memory_equal(&config, &rows[i].wanted, sizeof(config));
	}
}

static void hostile_numbers_are_not_known(void **state)
{
	struct hf_config config;

	(void)state;
	config = read_config("{\"model_type\":\"x\",\"num_hidden_layers\":9223372036854775807,"
			     "\"num_attention_heads\":9223372036854775807}");
	assert_int_equal(config.kv_heads, 0);
	config = read_config("{\"model_type\":\"x\",\"num_hidden_layers\":-1,"
			     "\"num_attention_heads\":\"12\",\"hidden_size\":1.5,"
			     "\"layer_types\":[\"mamba\",\"mamba\",7,null]}");
	assert_int_equal(config.block_count, 0);
	assert_int_equal(config.head_count, 0);
	assert_int_equal(config.kv_heads, 0);
	config = read_config("{\"model_type\":\"x\",\"text_config\":[],\"layer_types\":{}}");
	assert_string_equal(config.architecture, "x");
}

static void what_is_no_config_is_refused(void **state)
{
	static const char *const texts[] = { "",   "{",     "[]",        "null",
					     "{}", "\"x\"", "{\"a\":1}", "{\"model_type\":7}" };
	struct hf_config config;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		assert_int_equal(hf_config_read(str_from(texts[i]), &config, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void long_words_are_cut_between_letters(void **state)
{
	AUTO_CSTR text = mem_printf("{\"model_type\":\"%062d\xc3\xa9xx\"}", 0);
	struct hf_config config = read_config(text);

	(void)state;
	assert_int_equal(strlen(config.architecture), 62);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_models_have_the_cache_that_they_have),
		cmocka_unit_test(hostile_numbers_are_not_known),
		cmocka_unit_test(what_is_no_config_is_refused),
		cmocka_unit_test(long_words_are_cut_between_letters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
