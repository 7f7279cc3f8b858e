#include "downloader/memory_need.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Llama-3.1-8B: 32 layers of 8 heads for keys and values, each of 128: 128 KiB a token, as
 * llama.cpp itself tells ("KV self size = 1024.00 MiB" at 8192). */
static void a_known_model_takes_what_llama_cpp_tells(void **state)
{
	static const struct memory_shape shape = { 32 * 8, 128, 128 };

	(void)state;
	assert_true(memory_need_cache(&shape, 1, MEMORY_CACHE_F16) == 128 * 1024);
	assert_true(memory_need_cache(&shape, 8192, MEMORY_CACHE_F16) == UINT64_C(1) << 30);
	assert_true(memory_need_cache(&shape, 8192, MEMORY_CACHE_Q8_0) ==
		    (UINT64_C(1) << 30) * 34 / 64);
	assert_true(memory_need_cache(&shape, 8192, MEMORY_CACHE_Q4_0) ==
		    (UINT64_C(1) << 30) * 18 / 64);
}

static void keys_and_values_may_have_different_lengths(void **state)
{
	static const struct memory_shape shape = { 3, 5, 2 };

	(void)state;
	assert_true(memory_need_cache(&shape, 7, MEMORY_CACHE_F16) == 3 * 7 * 7 * 2);
}

static void what_is_not_known_is_nothing(void **state)
{
	static const struct memory_shape shape = { 0, 128, 128 };

	(void)state;
	assert_true(memory_need_cache(&shape, 8192, MEMORY_CACHE_F16) == 0);
}

static void nothing_overflows(void **state)
{
	static const struct memory_shape rows[] = {
		{ 1, UINT64_MAX, 1 },
		{ UINT64_MAX, 2, 0 },
		{ UINT64_C(1) << 62, 1, 1 },
		{ UINT64_C(1) << 60, 1, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(memory_need_cache(&rows[i], 8192, MEMORY_CACHE_F16) == UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_known_model_takes_what_llama_cpp_tells),
		cmocka_unit_test(keys_and_values_may_have_different_lengths),
		cmocka_unit_test(what_is_not_known_is_nothing),
		cmocka_unit_test(nothing_overflows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
