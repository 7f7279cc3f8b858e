#include "downloader/gguf.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/head.h"

enum { /* of values, as in the file */
	U8 = 0,
	I32 = 5,
	U32 = 4,
	F32 = 6,
	STRING = 8,
	ARRAY = 9,
	U64 = 10,
	Q4_K = 12, /* and of tensors */
	Q6_K = 14,
};

/* The number of keys and of tensors is put in at the end. */
enum {
	TENSORS_AT = 8,
	KEYS_AT = 16,
};

static void add_string(struct head *head, const char *text)
{
	head_number(head, 8, strlen(text));
	head_bytes(head, str_from(text));
}

static void count(struct head *head, size_t at)
{
	head->bytes[head->is_big_endian ? at + 7 : at]++;
}

static void add_key(struct head *head, const char *key, uint32_t type)
{
	count(head, KEYS_AT);
	add_string(head, key);
	head_number(head, 4, type);
}

static void add_text(struct head *head, const char *key, const char *text)
{
	add_key(head, key, STRING);
	add_string(head, text);
}

static void add_u32(struct head *head, const char *key, uint32_t value)
{
	add_key(head, key, U32);
	head_number(head, 4, value);
}

static void add_array(struct head *head, const char *key, uint32_t type, uint64_t n)
{
	add_key(head, key, ARRAY);
	head_number(head, 4, type);
	head_number(head, 8, n);
}

static void add_tensor(struct head *head, uint64_t rows, uint64_t columns, uint32_t type,
		       uint64_t offset)
{
	count(head, TENSORS_AT);
	add_string(head, "blk.0.w");
	head_number(head, 4, 2);
	head_number(head, 8, columns);
	head_number(head, 8, rows);
	head_number(head, 4, type);
	head_number(head, 8, offset);
}

static void begin(struct head *head, uint32_t version)
{
	head_bytes(head, S("GGUF"));
	head_number(head, 4, version);
	head_number(head, 8, 0);
	head_number(head, 8, 0);
}

static void begin_llama(struct head *head)
{
	begin(head, 3);
	add_text(head, "general.architecture", "llama");
}

static int read(struct head *head, struct gguf *ret, struct error *err)
{
	AUTO(window) w = head_window(head);

	*err = (struct error){ .code = ERR_NONE };
	return gguf_read(w, ret, err);
}

static void assert_refused(struct head *head, const char *why)
{
	struct gguf gguf;
	struct error err;

	assert_int_equal(read(head, &gguf, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	if (strstr(err.text, why) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", err.text, why);
}

static void fill(struct head *head)
{
	begin_llama(head);
	add_text(head, "general.name", "Tiny 7B");
	add_text(head, "general.size_label", "7B");
	add_text(head, "general.type", "model");
	add_u32(head, "general.file_type", 1024 + 15);
	add_u32(head, "llama.context_length", 32768);
	add_u32(head, "llama.embedding_length", 4096);
	add_u32(head, "llama.block_count", 32);
	add_u32(head, "llama.attention.head_count", 32);
	add_u32(head, "llama.attention.head_count_kv", 8);
	add_u32(head, "llama.expert_count", 16);
	add_u32(head, "other.block_count", 7);
	add_key(head, "llama.rope.freq_base", F32);
	head_number(head, 4, 0);
	add_array(head, "tokenizer.ggml.tokens", STRING, 3);
	add_string(head, "a");
	add_string(head, "");
	add_string(head, "ccc");
	add_array(head, "tokenizer.ggml.scores", F32, 2);
	head_number(head, 8, 0);
	add_text(head, "tokenizer.chat_template", "{{ x }}");
	add_u32(head, "split.no", 1);
	add_u32(head, "split.count", 3);
	add_tensor(head, 2, 256, Q4_K, 0);
	add_tensor(head, 1, 256, Q6_K, 288);
}

static void assert_filled(struct head *head)
{
	uint64_t begin = (head->n + 31) / 32 * 32;
	struct gguf gguf;
	struct error err;

	assert_int_equal(read(head, &gguf, &err), 0);
	assert_int_equal(gguf.version, 3);
	assert_string_equal(gguf.architecture, "llama");
	assert_string_equal(gguf.name, "Tiny 7B");
	assert_string_equal(gguf.size_label, "7B");
	assert_string_equal(gguf.type, "model");
	assert_string_equal(gguf.file_type, "Q4_K_M");
	assert_string_equal(gguf.tensor_type, "Q4_K");
	assert_int_equal(gguf.n_tensors, 2);
	assert_int_equal(gguf.parameters, 3 * 256);
	assert_int_equal(gguf.tensor_bytes, 2 * 144 + 210);
	assert_int_equal(gguf.size_needed, begin + 288 + 210);
	assert_false(gguf.has_unknown_type);
	assert_true(gguf.has_chat_template);
	assert_int_equal(gguf.context_length, 32768);
	assert_int_equal(gguf.embedding_length, 4096);
	assert_int_equal(gguf.block_count, 32);
	assert_int_equal(gguf.head_count, 32);
	assert_int_equal(gguf.kv_heads, 8 * 32);
	assert_int_equal(gguf.key_length, 128);
	assert_int_equal(gguf.value_length, 128);
	assert_int_equal(gguf.expert_count, 16);
	assert_int_equal(gguf.vocabulary, 3);
	assert_int_equal(gguf.split_number, 1);
	assert_int_equal(gguf.split_count, 3);
}

static void a_header_says_what_the_model_is(void **state)
{
	struct head head = { .n = 0 };

	(void)state;
	fill(&head);
	assert_filled(&head);
	head.at_once = 3;
	assert_filled(&head);
}

static void the_other_byte_order_is_found_out(void **state)
{
	struct head head = { .is_big_endian = true };

	(void)state;
	fill(&head);
	assert_filled(&head);
}

static void lengths_were_shorter_in_the_first_version(void **state)
{
	struct head head = { .n = 0 };
	struct gguf gguf;
	struct error err;

	(void)state;
	head_bytes(&head, S("GGUF"));
	head_number(&head, 4, 1);
	head_number(&head, 4, 1); /* tensors */
	head_number(&head, 4, 1); /* keys */
	head_number(&head, 4, 20);
	head_bytes(&head, S("general.architecture"));
	head_number(&head, 4, STRING);
	head_number(&head, 4, 4);
	head_bytes(&head, S("gptj"));
	head_number(&head, 4, 1);
	head_bytes(&head, S("w"));
	head_number(&head, 4, 1);
	head_number(&head, 4, 10);
	head_number(&head, 4, 0);
	head_number(&head, 8, 0);
	assert_int_equal(read(&head, &gguf, &err), 0);
	assert_string_equal(gguf.architecture, "gptj");
	assert_int_equal(gguf.tensor_bytes, 40);
}

static void a_number_for_each_layer_is_summed(void **state)
{
	struct head head = { .n = 0 };
	struct gguf gguf;
	struct error err;

	(void)state;
	begin_llama(&head);
	add_u32(&head, "llama.block_count", 4);
	add_array(&head, "llama.attention.head_count", I32, 4);
	for (uint32_t i = 1; i <= 4; i++)
		head_number(&head, 4, i);
	add_array(&head, "llama.attention.head_count_kv", I32, 4);
	for (uint32_t i = 0; i < 4; i++)
		head_number(&head, 4, i == 2 ? (uint32_t)-1 : i); /* a negative one is none */
	add_key(&head, "llama.attention.key_length", U64);
	head_number(&head, 8, 192);
	assert_int_equal(read(&head, &gguf, &err), 0);
	assert_int_equal(gguf.head_count, 4);
	assert_int_equal(gguf.kv_heads, 0 + 1 + 3);
	assert_int_equal(gguf.key_length, 192);
	assert_int_equal(gguf.value_length, 192);
}

static void without_kv_heads_there_are_as_many_as_heads(void **state)
{
	struct head head = { .n = 0 };
	struct gguf gguf;
	struct error err;

	(void)state;
	begin_llama(&head);
	add_u32(&head, "llama.block_count", 2);
	add_u32(&head, "llama.attention.head_count", 12);
	assert_int_equal(read(&head, &gguf, &err), 0);
	assert_int_equal(gguf.kv_heads, 24);
}

static void text_is_cut_and_must_be_text(void **state)
{
	struct head head = { .n = 0 };
	struct gguf gguf;
	struct error err;
	char name[300];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	memcpy(name + GGUF_TEXT_MAX - 2, "\xc3\xa9", 2); /* on the edge */
	begin_llama(&head);
	add_text(&head, "general.name", name);
	add_text(&head, "general.size_label",
		 "7\xff"
		 "B");
	assert_int_equal(read(&head, &gguf, &err), 0);
	assert_int_equal(strlen(gguf.name), GGUF_TEXT_MAX - 2);
	assert_string_equal(gguf.size_label, "");
	assert_string_equal(gguf.architecture, "llama");
}

static void an_unknown_tensor_type_is_said(void **state)
{
	struct head head = { .n = 0 };
	struct gguf gguf;
	struct error err;

	(void)state;
	begin_llama(&head);
	add_tensor(&head, 2, 256, 4, 0);
	add_tensor(&head, 2, 256, 1000, 0);
	add_tensor(&head, 2, 256, 0, 0);
	assert_int_equal(read(&head, &gguf, &err), 0);
	assert_true(gguf.has_unknown_type);
	assert_string_equal(gguf.tensor_type, "F32");
}

static void a_tensor_may_be_empty(void **state)
{
	struct head head = { .n = 0 };
	struct gguf gguf;
	struct error err;

	(void)state;
	begin_llama(&head);
	add_tensor(&head, 0, 256, Q4_K, 0);
	assert_int_equal(read(&head, &gguf, &err), 0);
	assert_int_equal(gguf.parameters, 0);
	assert_int_equal(gguf.size_needed, head.n);
}

static void what_is_no_gguf_is_refused(void **state)
{
	static const char *const rows[] = { "", "GGU", "GGML\3\0\0\0",
					    "PK\3\4aaaaaaaaaaaaaaaaaa" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct head head = { .n = 0 };

		head_bytes(&head, str_from(rows[i]));
		assert_refused(&head, "");
	}
	for (uint32_t version = 0; version < 9; version += 4) {
		struct head head = { .n = 0 };

		begin(&head, version);
		assert_refused(&head, "version");
	}
}

static int read_shape(struct head *head, struct gguf *ret)
{
	AUTO(window) w = head_window(head);
	struct error err;

	return gguf_read_shape(w, ret, &err);
}

/* Of a large file the first bytes are here: enough, once its tokens begin. */
static void the_shape_takes_what_stands_before_the_tokens(void **state)
{
	struct head head = { .n = 0 };
	size_t whole;
	size_t enough = 0;
	struct gguf gguf;

	(void)state;
	fill(&head);
	whole = head.n;
	head.size = UINT64_C(5) << 30;
	for (head.n = 0; head.n <= whole; head.n++) {
		int result = read_shape(&head, &gguf);

		enough = result == 0 && enough == 0 ? head.n : enough;
		assert_int_equal(result, enough > 0 ? 0 : -1);
	}
	assert_true(enough > 0 && enough < whole);
	head.n = enough;
	assert_int_equal(read_shape(&head, &gguf), 0);
	assert_string_equal(gguf.architecture, "llama");
	assert_string_equal(gguf.file_type, "Q4_K_M");
	assert_int_equal(gguf.context_length, 32768);
	assert_int_equal(gguf.kv_heads, 8 * 32);
	assert_int_equal(gguf.key_length, 128);
	assert_int_equal(gguf.value_length, 128);
	assert_int_equal(gguf.parameters, 0);
}

static void a_shape_without_tokens_takes_all_keys(void **state)
{
	struct head head = { .n = 0 };
	struct gguf gguf;

	(void)state;
	begin_llama(&head);
	add_u32(&head, "llama.block_count", 2);
	add_u32(&head, "llama.embedding_length", 64);
	add_u32(&head, "llama.attention.head_count", 4);
	assert_int_equal(read_shape(&head, &gguf), 0);
	assert_int_equal(gguf.kv_heads, 8);
	assert_int_equal(gguf.key_length, 16);
	head.n--;
	head.size = head.n + 1;
	assert_int_equal(read_shape(&head, &gguf), -1);
}

/* Each length of the good header, one after the other, cut off anywhere. */
static void a_header_that_is_cut_off_is_refused(void **state)
{
	struct head head = { .n = 0 };
	size_t whole;

	(void)state;
	fill(&head);
	whole = head.n;
	for (head.n = 0; head.n < whole; head.n++) {
		struct gguf gguf;
		struct error err;

		assert_int_equal(read(&head, &gguf, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void counts_and_lengths_that_cannot_be_are_refused(void **state)
{
	static const uint64_t lengths[] = { (uint64_t)1 << 63, UINT64_MAX, 1000000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		struct head key = { .n = 0 };
		struct head text = { .n = 0 };
		struct head array = { .n = 0 };
		struct head strings = { .n = 0 };
		struct head tensor = { .n = 0 };

		begin(&key, 3);
		key.bytes[KEYS_AT] = 1;
		head_number(&key, 8, lengths[i]);
		assert_refused(&key, "ends inside");
		begin_llama(&text);
		add_key(&text, "general.name", STRING);
		head_number(&text, 8, lengths[i]);
		assert_refused(&text, "ends inside");
		begin_llama(&array);
		add_array(&array, "llama.attention.head_count_kv", U64, lengths[i]);
		assert_refused(&array, "longer than the file");
		begin_llama(&strings);
		add_array(&strings, "tokenizer.ggml.tokens", STRING, lengths[i]);
		assert_refused(&strings, "longer than the file");
		begin(&tensor, 3);
		tensor.bytes[TENSORS_AT] = 1;
		head_number(&tensor, 8, lengths[i]);
		assert_refused(&tensor, "ends inside");
	}
}

static void too_many_keys_or_tensors_are_refused(void **state)
{
	struct head keys = { .n = 0 };
	struct head tensors = { .n = 0 };

	(void)state;
	begin(&keys, 3);
	keys.bytes[KEYS_AT + 7] = 0x80;
	assert_refused(&keys, "keys");
	begin(&tensors, 3);
	tensors.bytes[TENSORS_AT + 7] = 0x80;
	assert_refused(&tensors, "tensors");
}

static void tensors_that_cannot_be_are_refused(void **state)
{
	static const struct {
		uint64_t rows;
		uint64_t columns;
		uint64_t offset;
		uint32_t type;
	} rows[] = {
		{ (uint64_t)1 << 40, (uint64_t)1 << 40, 0, 0 }, /* elements */
		{ (uint64_t)1 << 62, 1, 0, 0 },                 /* bytes */
		{ 1, 256, UINT64_MAX - 10, Q4_K },              /* its end */
		{ 1, 255, 0, Q4_K },                            /* half a block */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct head head = { .n = 0 };

		begin_llama(&head);
		add_tensor(&head, rows[i].rows, rows[i].columns, rows[i].type, rows[i].offset);
		assert_refused(&head, "");
	}
	/* All together. */
	for (size_t n = 1; n < 3; n++) {
		struct head head = { .n = 0 };
		struct gguf gguf;
		struct error err;

		begin_llama(&head);
		for (size_t i = 0; i < n; i++)
			add_tensor(&head, (uint64_t)1 << 61, 1, 0, 0);
		assert_int_equal(read(&head, &gguf, &err), n < 2 ? 0 : -1);
	}
}

static void other_nonsense_is_refused(void **state)
{
	struct head dimensions = { .n = 0 };
	struct head alignment = { .n = 0 };
	struct head type = { .n = 0 };
	struct head deep = { .n = 0 };

	(void)state;
	begin(&dimensions, 3);
	dimensions.bytes[TENSORS_AT] = 1;
	add_string(&dimensions, "w");
	head_number(&dimensions, 4, GGUF_DIMENSIONS_MAX + 1);
	assert_refused(&dimensions, "dimensions");
	begin_llama(&alignment);
	add_u32(&alignment, "general.alignment", 0);
	assert_refused(&alignment, "alignment");
	begin_llama(&type);
	add_key(&type, "a.b", 13);
	assert_refused(&type, "type");
	begin_llama(&deep);
	add_array(&deep, "a.b", ARRAY, 1);
	for (unsigned i = 0; i < GGUF_DEPTH_MAX; i++) {
		head_number(&deep, 4, ARRAY);
		head_number(&deep, 8, 1);
	}
	head_number(&deep, 4, U8);
	head_number(&deep, 8, 0);
	assert_refused(&deep, "deeper");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_says_what_the_model_is),
		cmocka_unit_test(the_other_byte_order_is_found_out),
		cmocka_unit_test(lengths_were_shorter_in_the_first_version),
		cmocka_unit_test(a_number_for_each_layer_is_summed),
		cmocka_unit_test(without_kv_heads_there_are_as_many_as_heads),
		cmocka_unit_test(text_is_cut_and_must_be_text),
		cmocka_unit_test(an_unknown_tensor_type_is_said),
		cmocka_unit_test(a_tensor_may_be_empty),
		cmocka_unit_test(what_is_no_gguf_is_refused),
		cmocka_unit_test(the_shape_takes_what_stands_before_the_tokens),
		cmocka_unit_test(a_shape_without_tokens_takes_all_keys),
		cmocka_unit_test(a_header_that_is_cut_off_is_refused),
		cmocka_unit_test(counts_and_lengths_that_cannot_be_are_refused),
		cmocka_unit_test(too_many_keys_or_tensors_are_refused),
		cmocka_unit_test(tensors_that_cannot_be_are_refused),
		cmocka_unit_test(other_nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
