#include "downloader/hf_config.h"

#include <string.h>

#include "common/error.h"
#include "common/json.h"

enum {
	DEPTH_MAX = 32,
};

/* The first of these members that is a whole number above 0. */
static uint64_t number(struct json_object *object, const char *const *names, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t value = json_get_int(object, names[i], 0);

		if (value > 0)
			return (uint64_t)value;
	}
	return 0;
}

#define NUMBER(object, ...)                                    \
	number((object), (const char *const[]){ __VA_ARGS__ }, \
	       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

/* Is a layer of this kind without keys and values that grow with the context? */
static bool is_without_cache(struct str kind)
{
	return str_find_nocase(kind, S("linear")) < kind.n ||
	       str_find_nocase(kind, S("mamba")) < kind.n ||
	       str_find_nocase(kind, S("recurrent")) < kind.n || str_is_equal(kind, S("conv"));
}

static uint64_t count_layers(struct json_object *object, uint64_t layers)
{
	struct json_object *kinds = json_get(object, "layer_types");
	size_t n = json_object_is_type(kinds, json_type_array) ? json_object_array_length(kinds)
							       : 0;

	for (size_t i = 0; i < n && layers > 0; i++) {
		struct json_object *kind = json_object_array_get_idx(kinds, i);

		if (json_object_is_type(kind, json_type_string) &&
		    is_without_cache(str_from(json_object_get_string(kind))))
			layers--;
	}
	return layers;
}

/* Grouped-query attention says how many; else each head has its own, or all have one. */
static uint64_t kv_heads_of_a_layer(struct json_object *object, const struct hf_config *c)
{
	uint64_t heads = NUMBER(object, "num_key_value_heads", "num_kv_heads", "n_head_kv",
				"multi_query_group_num");

	if (heads == 0 && json_is_true(object, "multi_query"))
		return 1;
	return heads > 0 ? heads : c->head_count;
}

static void read_cache(struct json_object *object, struct hf_config *c)
{
	uint64_t layers = count_layers(object, c->block_count);
	uint64_t each = kv_heads_of_a_layer(object, c);

	c->key_length = NUMBER(object, "head_dim", "kv_channels");
	if (c->key_length == 0 && c->head_count > 0)
		c->key_length = c->embedding_length / c->head_count;
	c->value_length = c->key_length;
	/* Latent attention (DeepSeek) keeps one compressed vector, and the part with positions.
	 */
	if (NUMBER(object, "kv_lora_rank") > 0) {
		each = 1;
		c->key_length = NUMBER(object, "kv_lora_rank");
		c->value_length = NUMBER(object, "qk_rope_head_dim");
	}
	if (__builtin_mul_overflow(layers, each, &c->kv_heads))
		c->kv_heads = 0;
}

static void read_word(struct json_object *object, const char *name, char *to)
{
	struct str word = str_sub(json_get_str(object, name), 0, HF_CONFIG_WORD_MAX - 1);

	word = str_utf8_whole(word);
	if (word.n > 0 && str_is_utf8(word))
		memcpy(to, word.p, word.n);
}

int hf_config_read(struct str text, struct hf_config *ret, struct error *err)
{
	AUTO_JSON object = NULL;
	struct json_object *part;
	struct error why;

	*ret = (struct hf_config){ .block_count = 0 };
	if (json_check_weight(text, HF_CONFIG_WEIGHT, &why) < 0 ||
	    json_parse(text, DEPTH_MAX, &object, &why) < 0)
		return error_set(err, ERR_INVALID, "config.json: %s", why.text);
	part = json_get(object, "text_config");
	if (!json_object_is_type(part, json_type_object))
		part = object;
	read_word(object, "model_type", ret->architecture);
	ret->embedding_length = NUMBER(part, "hidden_size", "n_embd", "d_model");
	ret->block_count =
		NUMBER(part, "num_hidden_layers", "n_layer", "num_layers", "n_layers");
	ret->head_count = NUMBER(part, "num_attention_heads", "n_head", "n_heads", "num_heads");
	ret->context_length = NUMBER(part, "max_position_embeddings", "n_positions", "n_ctx",
				     "seq_length", "max_seq_len");
	ret->vocabulary = NUMBER(part, "vocab_size", "padded_vocab_size");
	if (!json_object_is_type(json_get(part, "use_sliding_window"), json_type_boolean) ||
	    json_is_true(part, "use_sliding_window"))
		ret->sliding_window = NUMBER(part, "sliding_window");
	read_cache(part, ret);
	if (ret->block_count == 0 && ret->architecture[0] == '\0')
		return error_set(err, ERR_INVALID, "config.json says nothing of a model");
	return 0;
}
