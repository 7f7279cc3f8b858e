#include "downloader/gather.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static char content[3 * GATHER_BLOCK];

static struct str bytes(uint64_t first, uint64_t end)
{
	return (struct str){ content + first, (size_t)(end - first) };
}

static void assert_has(const struct gather *gather, uint64_t first, uint64_t end)
{
	struct str has = gather_bytes(gather);

	assert_true(gather->at == first);
	assert_int_equal(has.n, end - first);
	assert_memory_equal(has.p, content + first, has.n);
}

static void blocks_end_at_their_multiples_in_the_file(void **state)
{
	static const uint64_t first = GATHER_BLOCK - 1000;
	struct gather gather;

	(void)state;
	gather_init(&gather, first, sizeof(content));
	assert_int_equal(gather_add(&gather, bytes(first, first + 600)), 600);
	assert_false(gather_is_full(&gather));
	assert_int_equal(gather_add(&gather, bytes(first + 600, sizeof(content))), 400);
	assert_true(gather_is_full(&gather));
	assert_int_equal(gather_add(&gather, bytes(first, sizeof(content))), 0);
	assert_has(&gather, first, GATHER_BLOCK);
	gather_clear(&gather, NULL);
	assert_int_equal(gather_add(&gather, bytes(GATHER_BLOCK, sizeof(content))),
			 GATHER_BLOCK);
	assert_true(gather_is_full(&gather));
	assert_has(&gather, GATHER_BLOCK, UINT64_C(2) * GATHER_BLOCK);
	gather_fini(&gather);
}

static void what_is_smaller_than_a_block_takes_no_more_memory(void **state)
{
	struct gather gather;

	(void)state;
	gather_init(&gather, 100, 110);
	assert_int_equal(gather.size, 10);
	assert_int_equal(gather_add(&gather, bytes(100, 200)), 10);
	assert_true(gather_is_full(&gather));
	assert_has(&gather, 100, 110);
	gather_clear(&gather, NULL);
	gather_fini(&gather);
	/* It may lie across the border of two blocks. */
	gather_init(&gather, GATHER_BLOCK - 5, GATHER_BLOCK + 5);
	assert_int_equal(gather_add(&gather, bytes(GATHER_BLOCK - 5, GATHER_BLOCK + 5)), 5);
	assert_true(gather_is_full(&gather));
	gather_clear(&gather, NULL);
	assert_int_equal(gather_add(&gather, bytes(GATHER_BLOCK, GATHER_BLOCK + 5)), 5);
	gather_fini(&gather);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_end_at_their_multiples_in_the_file),
		cmocka_unit_test(what_is_smaller_than_a_block_takes_no_more_memory),
	};

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (char)(i * 31 + i / 977);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
