#include "downloader/checksum.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* XXH3 with 64 bits and no seed, as its authors publish it. */
#define OF_NOTHING UINT64_C(0x2d06800538d394c2)

static struct str text(char *room, size_t n)
{
	for (size_t i = 0; i < n; i++)
		room[i] = (char)(i * 7 + i / 251);
	return (struct str){ .p = room, .n = n };
}

static uint64_t sum_of(struct str bytes)
{
	AUTO(checksum) checksum = checksum_new();

	checksum_update(checksum, bytes);
	return checksum_value(checksum);
}

static void no_bytes_have_the_published_sum(void **state)
{
	AUTO(checksum) checksum = checksum_new();

	(void)state;
	assert_int_equal(checksum_value(checksum), OF_NOTHING);
	checksum_update(checksum, S(""));
	assert_int_equal(checksum_value(checksum), OF_NOTHING);
}

static void it_does_not_matter_how_the_bytes_are_cut(void **state)
{
	static const size_t pieces[] = { 1, 3, 64, 239, 256, 1023, 1024, 4096 };
	static char room[10000];
	struct str bytes = text(room, sizeof(room));

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		AUTO(checksum) checksum = checksum_new();

		for (size_t at = 0; at < bytes.n; at += pieces[i])
			checksum_update(checksum, str_sub(bytes, at, at + pieces[i]));
		assert_int_equal(checksum_value(checksum), sum_of(bytes));
	}
}

static void a_value_may_be_asked_for_on_the_way(void **state)
{
	static char room[3000];
	struct str bytes = text(room, sizeof(room));
	AUTO(checksum) checksum = checksum_new();

	(void)state;
	for (size_t at = 0; at < bytes.n; at += 100) {
		checksum_update(checksum, str_sub(bytes, at, at + 100));
		assert_int_equal(checksum_value(checksum), sum_of(str_sub(bytes, 0, at + 100)));
	}
}

static void one_bit_makes_another_sum(void **state)
{
	static char room[2000];
	struct str bytes = text(room, sizeof(room));
	uint64_t whole = sum_of(bytes);

	(void)state;
	for (size_t i = 0; i < sizeof(room); i += 7) {
		room[i] = (char)(room[i] ^ 1);
		assert_int_not_equal(sum_of(bytes), whole);
		room[i] = (char)(room[i] ^ 1);
	}
	assert_int_not_equal(sum_of(str_sub(bytes, 0, 1999)), whole);
}

static void after_a_reset_it_is_as_new(void **state)
{
	AUTO(checksum) checksum = checksum_new();

	(void)state;
	checksum_update(checksum, S("something"));
	checksum_reset(checksum);
	assert_int_equal(checksum_value(checksum), OF_NOTHING);
	checksum_update(checksum, S("else"));
	assert_int_equal(checksum_value(checksum), sum_of(S("else")));
}

static void freeing_leaves_nothing_and_takes_nothing(void **state)
{
	struct checksum *checksum = checksum_new();

	(void)state;
	checksum_free(&checksum);
	assert_null(checksum);
	checksum_free(&checksum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_bytes_have_the_published_sum),
		cmocka_unit_test(it_does_not_matter_how_the_bytes_are_cut),
		cmocka_unit_test(a_value_may_be_asked_for_on_the_way),
		cmocka_unit_test(one_bit_makes_another_sum),
		cmocka_unit_test(after_a_reset_it_is_as_new),
		cmocka_unit_test(freeing_leaves_nothing_and_takes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
