#include "downloader/gguf.h"

#include <string.h>

#include "common/error.h"

enum {
	TYPES_END = 64,
	FILE_TYPE_GUESSED = 1024, /* a bit of general.file_type */
	KEY_MAX = 256,            /* a longer one is none that we read */
};

struct tensor_type {
	const char *name; /* NULL: there is none of this number */
	uint16_t elements;
	uint16_t bytes;
};

/* ggml_type, by number (HUB-API 11.2). */
static const struct tensor_type tensor_types[TYPES_END] = {
	[0] = { "F32", 1, 4 },         [1] = { "F16", 1, 2 },
	[2] = { "Q4_0", 32, 18 },      [3] = { "Q4_1", 32, 20 },
	[6] = { "Q5_0", 32, 22 },      [7] = { "Q5_1", 32, 24 },
	[8] = { "Q8_0", 32, 34 },      [9] = { "Q8_1", 32, 40 },
	[10] = { "Q2_K", 256, 84 },    [11] = { "Q3_K", 256, 110 },
	[12] = { "Q4_K", 256, 144 },   [13] = { "Q5_K", 256, 176 },
	[14] = { "Q6_K", 256, 210 },   [15] = { "Q8_K", 256, 292 },
	[16] = { "IQ2_XXS", 256, 66 }, [17] = { "IQ2_XS", 256, 74 },
	[18] = { "IQ3_XXS", 256, 98 }, [19] = { "IQ1_S", 256, 50 },
	[20] = { "IQ4_NL", 32, 18 },   [21] = { "IQ3_S", 256, 110 },
	[22] = { "IQ2_S", 256, 82 },   [23] = { "IQ4_XS", 256, 136 },
	[24] = { "I8", 1, 1 },         [25] = { "I16", 1, 2 },
	[26] = { "I32", 1, 4 },        [27] = { "I64", 1, 8 },
	[28] = { "F64", 1, 8 },        [29] = { "IQ1_M", 256, 56 },
	[30] = { "BF16", 1, 2 },       [34] = { "TQ1_0", 256, 54 },
	[35] = { "TQ2_0", 256, 66 },   [39] = { "MXFP4", 32, 17 },
	[40] = { "NVFP4", 64, 36 },    [41] = { "Q1_0", 128, 18 },
	[42] = { "Q2_0", 64, 18 },
};

/* general.file_type, by number (HUB-API 11.2). */
static const char *const file_types[TYPES_END] = {
	[0] = "F32",        [1] = "F16",     [2] = "Q4_0",    [3] = "Q4_1",
	[7] = "Q8_0",       [8] = "Q5_0",    [9] = "Q5_1",    [10] = "Q2_K",
	[11] = "Q3_K_S",    [12] = "Q3_K_M", [13] = "Q3_K_L", [14] = "Q4_K_S",
	[15] = "Q4_K_M",    [16] = "Q5_K_S", [17] = "Q5_K_M", [18] = "Q6_K",
	[19] = "IQ2_XXS",   [20] = "IQ2_XS", [21] = "Q2_K_S", [22] = "IQ3_XS",
	[23] = "IQ3_XXS",   [24] = "IQ1_S",  [25] = "IQ4_NL", [26] = "IQ3_S",
	[27] = "IQ3_M",     [28] = "IQ2_S",  [29] = "IQ2_M",  [30] = "IQ4_XS",
	[31] = "IQ1_M",     [32] = "BF16",   [36] = "TQ1_0",  [37] = "TQ2_0",
	[38] = "MXFP4_MOE", [39] = "NVFP4",  [40] = "Q1_0",   [41] = "Q2_0",
};

enum value_type {
	VALUE_U8,
	VALUE_I8,
	VALUE_U16,
	VALUE_I16,
	VALUE_U32,
	VALUE_I32,
	VALUE_F32,
	VALUE_BOOL,
	VALUE_STRING,
	VALUE_ARRAY,
	VALUE_U64,
	VALUE_I64,
	VALUE_F64,
	VALUE_TYPES,
};

/* Bytes of each; 0 where it has no fixed length. */
static const unsigned char value_bytes[VALUE_TYPES] = {
	[VALUE_U8] = 1,  [VALUE_I8] = 1,  [VALUE_U16] = 2, [VALUE_I16] = 2,
	[VALUE_U32] = 4, [VALUE_I32] = 4, [VALUE_F32] = 4, [VALUE_BOOL] = 1,
	[VALUE_U64] = 8, [VALUE_I64] = 8, [VALUE_F64] = 8,
};

struct reader {
	struct window *window;
	struct gguf *gguf;
	uint64_t alignment;
	uint64_t n_keys;
	bool has_kv_heads;
	bool has_tokens;                   /* the model's own numbers have come before */
	bool is_kv_for_each;               /* kv_heads is the sum over all layers already */
	uint64_t end;                      /* of the tensors' data, from its beginning */
	uint64_t bytes_of_type[TYPES_END]; /* of the tensors of each type */
};

/* Lengths and counts, which had half the width in version 1. */
static int read_length(struct reader *r, uint64_t *ret, struct error *err)
{
	uint32_t narrow;

	if (r->gguf->version > 1)
		return window_u64(r->window, ret, err);
	if (window_u32(r->window, &narrow, err) < 0)
		return -1;
	*ret = narrow;
	return 0;
}

/* --- text --- */

/* As much of the string as fits; what is not text becomes "". */
static int read_text(struct reader *r, char *to, size_t room, struct error *err)
{
	uint64_t length;
	size_t kept;
	struct str text;

	if (read_length(r, &length, err) < 0)
		return -1;
	kept = length < room ? (size_t)length : room - 1;
	if (window_copy(r->window, to, kept, err) < 0 ||
	    window_skip(r->window, length - kept, err) < 0)
		return -1;
	text = str_utf8_whole((struct str){ .p = to, .n = kept });
	to[str_is_utf8(text) ? text.n : 0] = '\0';
	return 0;
}

static int skip_text(struct reader *r, struct error *err)
{
	uint64_t length;

	if (read_length(r, &length, err) < 0)
		return -1;
	return window_skip(r->window, length, err);
}

/* --- values --- */

static int read_type(struct reader *r, uint32_t *ret, struct error *err)
{
	if (window_u32(r->window, ret, err) < 0)
		return -1;
	if (*ret >= VALUE_TYPES)
		return error_set(err, ERR_INVALID, "a value of type %u", *ret);
	return 0;
}

static int skip_array(struct reader *r, unsigned depth, struct error *err);

static int skip_value(struct reader *r, uint32_t type, unsigned depth, struct error *err)
{
	if (type == VALUE_STRING)
		return skip_text(r, err);
	if (type == VALUE_ARRAY)
		return skip_array(r, depth + 1, err);
	return window_skip(r->window, value_bytes[type], err);
}

static int read_array_head(struct reader *r, uint32_t *ret_type, uint64_t *ret_n,
			   struct error *err)
{
	if (read_type(r, ret_type, err) < 0 || read_length(r, ret_n, err) < 0)
		return -1;
	/* Each element takes a byte at least. */
	if (*ret_n > window_left(r->window))
		return error_set(err, ERR_INVALID, "an array is longer than the file");
	return 0;
}

static int skip_elements(struct reader *r, uint32_t type, uint64_t n, unsigned depth,
			 struct error *err)
{
	if (value_bytes[type] > 0) /* no overflow: n is at most the file's size */
		return n > window_left(r->window) / value_bytes[type]
			       ? error_set(err, ERR_INVALID, "an array is longer than the file")
			       : window_skip(r->window, n * value_bytes[type], err);
	for (uint64_t i = 0; i < n; i++) {
		if (skip_value(r, type, depth, err) < 0)
			return -1;
	}
	return 0;
}

static int skip_array(struct reader *r, unsigned depth, struct error *err)
{
	uint32_t type;
	uint64_t n;

	if (depth > GGUF_DEPTH_MAX)
		return error_set(err, ERR_INVALID, "arrays in arrays, deeper than %d",
				 GGUF_DEPTH_MAX);
	if (read_array_head(r, &type, &n, err) < 0)
		return -1;
	return skip_elements(r, type, n, depth, err);
}

/* A number that is not negative; what else there is counts as 0. */
static int read_number(struct reader *r, uint32_t type, uint64_t *ret, struct error *err)
{
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;

	*ret = 0;
	switch (type) {
	case VALUE_U8:
	case VALUE_I8:
	case VALUE_BOOL:
		if (window_u8(r->window, &u8, err) < 0)
			return -1;
		*ret = type == VALUE_I8 && u8 > INT8_MAX ? 0 : u8;
		return 0;
	case VALUE_U16:
	case VALUE_I16:
		if (window_u16(r->window, &u16, err) < 0)
			return -1;
		*ret = type == VALUE_I16 && u16 > INT16_MAX ? 0 : u16;
		return 0;
	case VALUE_U32:
	case VALUE_I32:
		if (window_u32(r->window, &u32, err) < 0)
			return -1;
		*ret = type == VALUE_I32 && u32 > INT32_MAX ? 0 : u32;
		return 0;
	case VALUE_U64:
	case VALUE_I64:
		if (window_u64(r->window, &u64, err) < 0)
			return -1;
		*ret = type == VALUE_I64 && u64 > INT64_MAX ? 0 : u64;
		return 0;
	default:
		return skip_value(r, type, 0, err);
	}
}

/* Of a number for all layers, or an array with one for each: the largest and their sum, and how
 * many there are (1 for a number by itself). */
struct layers {
	uint64_t most;
	uint64_t sum;
	uint64_t n;
	bool is_array;
};

static int read_layers(struct reader *r, uint32_t type, struct layers *ret, struct error *err)
{
	*ret = (struct layers){ .n = 1, .is_array = type == VALUE_ARRAY };
	if (ret->is_array && read_array_head(r, &type, &ret->n, err) < 0)
		return -1;
	for (uint64_t i = 0; i < ret->n; i++) {
		uint64_t value = 0;

		/* An array in the array, or one of text, has no numbers. */
		if (value_bytes[type] == 0 || type == VALUE_F32 || type == VALUE_F64)
			return skip_elements(r, type, ret->n - i, 1, err);
		if (read_number(r, type, &value, err) < 0)
			return -1;
		if (value > UINT32_MAX)
			return error_set(err, ERR_INVALID, "a layer has %llu heads",
					 (unsigned long long)value);
		ret->most = value > ret->most ? value : ret->most;
		ret->sum += value; /* no overflow: the file has not 2^32 bytes for each */
	}
	return 0;
}

/* --- keys and values --- */

static int read_general(struct reader *r, struct str key, uint32_t type, struct error *err)
{
	struct gguf *g = r->gguf;
	uint64_t number;

	if (type == VALUE_STRING && str_is_equal(key, S("architecture")))
		return read_text(r, g->architecture, sizeof(g->architecture), err);
	if (type == VALUE_STRING && str_is_equal(key, S("name")))
		return read_text(r, g->name, sizeof(g->name), err);
	if (type == VALUE_STRING && str_is_equal(key, S("size_label")))
		return read_text(r, g->size_label, sizeof(g->size_label), err);
	if (type == VALUE_STRING && str_is_equal(key, S("type")))
		return read_text(r, g->type, sizeof(g->type), err);
	if (!str_is_equal(key, S("file_type")) && !str_is_equal(key, S("alignment")))
		return skip_value(r, type, 0, err);
	if (read_number(r, type, &number, err) < 0)
		return -1;
	if (str_is_equal(key, S("alignment"))) {
		if (number == 0 || number > UINT32_MAX || (number & (number - 1)) != 0)
			return error_set(err, ERR_INVALID, "an alignment of %llu",
					 (unsigned long long)number);
		r->alignment = number;
		return 0;
	}
	number &= ~(uint64_t)FILE_TYPE_GUESSED;
	if (number < TYPES_END && file_types[number] != NULL)
		memcpy(g->file_type, file_types[number], strlen(file_types[number]) + 1);
	return 0;
}

/* Numbers of the model itself: the key without its architecture. */
static int read_model(struct reader *r, struct str key, uint32_t type, struct error *err)
{
	struct gguf *g = r->gguf;
	const struct {
		struct str key;
		uint64_t *to;
	} numbers[] = {
		{ S("context_length"), &g->context_length },
		{ S("embedding_length"), &g->embedding_length },
		{ S("block_count"), &g->block_count },
		{ S("attention.key_length"), &g->key_length },
		{ S("attention.value_length"), &g->value_length },
		{ S("attention.sliding_window"), &g->sliding_window },
		{ S("expert_count"), &g->expert_count },
		{ S("expert_used_count"), &g->expert_used_count },
		{ S("vocab_size"), &g->vocabulary },
	};
	struct layers layers;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if (str_is_equal(key, numbers[i].key))
			return type == VALUE_ARRAY ? skip_value(r, type, 0, err)
						   : read_number(r, type, numbers[i].to, err);
	}
	if (!str_is_equal(key, S("attention.head_count")) &&
	    !str_is_equal(key, S("attention.head_count_kv")))
		return skip_value(r, type, 0, err);
	if (read_layers(r, type, &layers, err) < 0)
		return -1;
	if (str_is_equal(key, S("attention.head_count"))) {
		g->head_count = layers.most;
		return 0;
	}
	r->has_kv_heads = true;
	r->is_kv_for_each = layers.is_array;
	g->kv_heads = layers.is_array ? layers.sum : layers.most;
	return 0;
}

static int read_tokenizer(struct reader *r, struct str key, uint32_t type, struct error *err)
{
	struct gguf *g = r->gguf;
	uint32_t of;
	uint64_t n;

	if (type == VALUE_STRING && str_has_prefix(key, S("chat_template"))) {
		if (read_length(r, &n, err) < 0)
			return -1;
		g->has_chat_template = g->has_chat_template || n > 0;
		return window_skip(r->window, n, err);
	}
	if (type != VALUE_ARRAY || !str_is_equal(key, S("ggml.tokens")))
		return skip_value(r, type, 0, err);
	if (read_array_head(r, &of, &n, err) < 0)
		return -1;
	g->vocabulary = g->vocabulary > 0 ? g->vocabulary : n;
	return skip_elements(r, of, n, 1, err);
}

static int read_split(struct reader *r, struct str key, uint32_t type, struct error *err)
{
	if (str_is_equal(key, S("no")))
		return read_number(r, type, &r->gguf->split_number, err);
	if (str_is_equal(key, S("count")))
		return read_number(r, type, &r->gguf->split_count, err);
	return skip_value(r, type, 0, err);
}

/* A key that is longer than any that is read here has no name. */
static int read_key(struct reader *r, char *to, size_t room, struct str *ret, struct error *err)
{
	uint64_t length;
	size_t kept;

	if (read_length(r, &length, err) < 0)
		return -1;
	kept = length <= room ? (size_t)length : 0;
	if (window_copy(r->window, to, kept, err) < 0)
		return -1;
	*ret = (struct str){ .p = to, .n = kept };
	return window_skip(r->window, length - kept, err);
}

static int read_pair(struct reader *r, struct error *err)
{
	char bytes[KEY_MAX];
	struct str key;
	struct str family;
	uint32_t type;
	size_t dot;

	if (read_key(r, bytes, sizeof(bytes), &key, err) < 0 || read_type(r, &type, err) < 0)
		return -1;
	dot = str_find_char(key, '.');
	family = str_sub(key, 0, dot);
	key = str_sub(key, dot + 1, key.n);
	if (str_is_equal(family, S("general")))
		return read_general(r, key, type, err);
	r->has_tokens = r->has_tokens || str_is_equal(family, S("tokenizer"));
	if (str_is_equal(family, S("tokenizer")))
		return read_tokenizer(r, key, type, err);
	if (str_is_equal(family, S("split")))
		return read_split(r, key, type, err);
	if (str_is_equal(family, str_from(r->gguf->architecture)))
		return read_model(r, key, type, err);
	return skip_value(r, type, 0, err);
}

/* --- tensors --- */

static int multiply(uint64_t *product, uint64_t by, struct error *err)
{
	if (__builtin_mul_overflow(*product, by, product))
		return error_set(err, ERR_INVALID, "a tensor has more elements than can be");
	return 0;
}

static int read_elements(struct reader *r, uint64_t *ret, struct error *err)
{
	uint32_t n;
	uint64_t length;

	*ret = 1;
	if (window_u32(r->window, &n, err) < 0)
		return -1;
	if (n > GGUF_DIMENSIONS_MAX)
		return error_set(err, ERR_INVALID, "a tensor of %u dimensions", n);
	for (uint32_t i = 0; i < n; i++) {
		if (read_length(r, &length, err) < 0 || multiply(ret, length, err) < 0)
			return -1;
	}
	return 0;
}

/* The tensor's data: where it ends, and what it adds to. */
static int add_tensor(struct reader *r, uint64_t elements, uint32_t type, uint64_t offset,
		      struct error *err)
{
	const struct tensor_type *t = type < TYPES_END && tensor_types[type].name != NULL
					      ? &tensor_types[type]
					      : NULL;
	struct gguf *g = r->gguf;
	uint64_t bytes;
	uint64_t end;

	if (t == NULL) {
		g->has_unknown_type = true;
		return 0;
	}
	if (elements % t->elements != 0)
		return error_set(err, ERR_INVALID, "a tensor of %llu elements in blocks of %u",
				 (unsigned long long)elements, t->elements);
	bytes = elements / t->elements;
	if (multiply(&bytes, t->bytes, err) < 0)
		return -1;
	if (__builtin_add_overflow(offset, bytes, &end) ||
	    __builtin_add_overflow(g->parameters, elements, &g->parameters) ||
	    __builtin_add_overflow(g->tensor_bytes, bytes, &g->tensor_bytes))
		return error_set(err, ERR_INVALID, "the tensors are larger than can be");
	r->bytes_of_type[type] += bytes; /* no more than tensor_bytes */
	r->end = end > r->end ? end : r->end;
	return 0;
}

static int read_tensor(struct reader *r, struct error *err)
{
	uint64_t elements;
	uint32_t type;
	uint64_t offset;

	if (skip_text(r, err) < 0 || read_elements(r, &elements, err) < 0 ||
	    window_u32(r->window, &type, err) < 0 || window_u64(r->window, &offset, err) < 0)
		return -1;
	return add_tensor(r, elements, type, offset, err);
}

/* --- the whole --- */

/* The byte order has no mark: but no version is so large. */
static int read_version(struct reader *r, struct error *err)
{
	char magic[4];
	uint32_t version;

	if (window_copy(r->window, magic, sizeof(magic), err) < 0 ||
	    window_u32(r->window, &version, err) < 0)
		return -1;
	if (memcmp(magic, "GGUF", sizeof(magic)) != 0)
		return error_set(err, ERR_INVALID, "it is not a GGUF file");
	if (version > UINT16_MAX) {
		r->gguf->is_big_endian = true;
		window_set_big_endian(r->window, true);
		version = __builtin_bswap32(version);
	}
	if (version < 1 || version > 3)
		return error_set(err, ERR_INVALID, "version %u of GGUF is not known", version);
	r->gguf->version = version;
	return 0;
}

static int read_counts(struct reader *r, struct error *err)
{
	if (read_length(r, &r->gguf->n_tensors, err) < 0 || read_length(r, &r->n_keys, err) < 0)
		return -1;
	if (r->gguf->n_tensors > GGUF_TENSORS_MAX)
		return error_set(err, ERR_INVALID, "%llu tensors",
				 (unsigned long long)r->gguf->n_tensors);
	if (r->n_keys > GGUF_KEYS_MAX)
		return error_set(err, ERR_INVALID, "%llu keys", (unsigned long long)r->n_keys);
	return 0;
}

/* What follows from the numbers together. A model without head_count_kv has as many of these as
 * heads, and a head is by default as long as is its share of the embedding (docs/gguf.md). */
static int conclude(struct reader *r, struct error *err)
{
	struct gguf *g = r->gguf;
	uint64_t most = 0;
	uint64_t begin = window_at(r->window);

	if (!r->has_kv_heads)
		g->kv_heads = g->head_count;
	if (!r->is_kv_for_each &&
	    __builtin_mul_overflow(g->kv_heads, g->block_count, &g->kv_heads))
		return error_set(err, ERR_INVALID, "more layers than can be");
	if (g->key_length == 0 && g->head_count > 0)
		g->key_length = g->embedding_length / g->head_count;
	if (g->value_length == 0)
		g->value_length = g->key_length;
	for (size_t i = 0; i < TYPES_END; i++) {
		if (r->bytes_of_type[i] <= most)
			continue;
		most = r->bytes_of_type[i];
		memcpy(g->tensor_type, tensor_types[i].name, strlen(tensor_types[i].name) + 1);
	}
	/* The file's size is far from an overflow, and so is the alignment. */
	if (r->end > 0)
		begin += (r->alignment - begin % r->alignment) % r->alignment;
	if (__builtin_add_overflow(begin, r->end, &g->size_needed))
		return error_set(err, ERR_INVALID, "the tensors are larger than can be");
	return 0;
}

static int begin(struct reader *r, struct window *window, struct gguf *ret, struct error *err)
{
	*r = (struct reader){ .window = window,
			      .gguf = ret,
			      .alignment = GGUF_ALIGNMENT_DEFAULT };
	*ret = (struct gguf){ .version = 0 };
	return read_version(r, err) < 0 ? -1 : read_counts(r, err);
}

int gguf_read_shape(struct window *window, struct gguf *ret, struct error *err)
{
	struct reader r;

	if (begin(&r, window, ret, err) < 0)
		return -1;
	for (uint64_t i = 0; i < r.n_keys && !r.has_tokens; i++) {
		if (read_pair(&r, err) < 0 && !r.has_tokens)
			return -1;
	}
	return conclude(&r, err);
}

int gguf_read(struct window *window, struct gguf *ret, struct error *err)
{
	struct reader r;

	if (begin(&r, window, ret, err) < 0)
		return -1;
	for (uint64_t i = 0; i < r.n_keys; i++) {
		if (read_pair(&r, err) < 0)
			return -1;
	}
	for (uint64_t i = 0; i < ret->n_tensors; i++) {
		if (read_tensor(&r, err) < 0)
			return -1;
	}
	return conclude(&r, err);
}
