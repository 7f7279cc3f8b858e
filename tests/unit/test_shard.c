#include "downloader/shard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void parts_of_a_set_are_taken_apart(void **state)
{
	static const struct {
		const char *path;
		const char *prefix;
		const char *suffix;
		unsigned number;
		unsigned count;
	} rows[] = {
		{ "m-00001-of-00003.gguf", "m", ".gguf", 1, 3 },
		{ "UD-IQ1_M/m-UD-IQ1_M-00002-of-00002.gguf", "UD-IQ1_M/m-UD-IQ1_M", ".gguf", 2,
		  2 },
		{ "model-00010-of-00191.safetensors", "model", ".safetensors", 10, 191 },
		{ "pytorch_model-00001-of-00002.bin", "pytorch_model", ".bin", 1, 2 },
		{ "m-00001-of-00001.GGUF", "m", ".GGUF", 1, 1 },
		{ "m-99999-of-99999.gguf", "m", ".gguf", 99999, 99999 },
		{ "a/--00001-of-00002.bin", "a/-", ".bin", 1, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shard shard;

		assert_true(shard_from_path(str_from(rows[i].path), &shard));
		assert_true(str_is_equal(shard.prefix, str_from(rows[i].prefix)));
		assert_true(str_is_equal(shard.suffix, str_from(rows[i].suffix)));
		assert_int_equal(shard.number, rows[i].number);
		assert_int_equal(shard.count, rows[i].count);
	}
}

static void other_names_are_no_parts(void **state)
{
	static const char *const rows[] = {
		"",
		".gguf",
		"m.gguf",
		"m-00000-of-00003.gguf",
		"m-00004-of-00003.gguf",
		"m-00001-of-00000.gguf",
		"m-0001-of-0003.gguf",
		"m-000001-of-000003.gguf",
		"m_00001-of-00003.gguf",
		"m-00001-OF-00003.gguf",
		"m-00001-of-00003.txt",
		"m-00001-of-00003",
		"m-00001-of-00003.gguf.part",
		"m-0000a-of-00003.gguf",
		"m-+0001-of-00003.gguf",
		"-00001-of-00003.gguf",
		"a/-00001-of-00003.gguf",
		"00001-of-00003.gguf",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct shard shard = { .number = 77 };

		assert_false(shard_from_path(str_from(rows[i]), &shard));
		assert_int_equal(shard.number, 77);
	}
}

static bool is_same_set(const char *a, const char *b)
{
	struct shard x;
	struct shard y;

	assert_true(shard_from_path(str_from(a), &x));
	assert_true(shard_from_path(str_from(b), &y));
	return shard_is_same_set(&x, &y);
}

static void prefix_suffix_and_count_make_a_set(void **state)
{
	(void)state;
	assert_true(is_same_set("a/m-00001-of-00003.gguf", "a/m-00003-of-00003.gguf"));
	assert_false(is_same_set("a/m-00001-of-00003.gguf", "b/m-00002-of-00003.gguf"));
	assert_false(is_same_set("a/m-00001-of-00003.gguf", "a/m-00002-of-00004.gguf"));
	assert_false(is_same_set("m-00001-of-00003.bin", "m-00002-of-00003.safetensors"));
	assert_false(is_same_set("m-00001-of-00003.bin", "M-00002-of-00003.bin"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parts_of_a_set_are_taken_apart),
		cmocka_unit_test(other_names_are_no_parts),
		cmocka_unit_test(prefix_suffix_and_count_make_a_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
