#include "downloader/window.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/head.h"

static void numbers_are_read_in_either_order(void **state)
{
	struct head head = { .n = 0 };
	struct error err;
	uint8_t u8;
	uint16_t u16;
	uint32_t u32;
	uint64_t u64;
	AUTO(window) w = NULL;

	(void)state;
	head_number(&head, 1, 0xfe);
	head_number(&head, 2, 0x1234);
	head_number(&head, 4, 0x89abcdef);
	head_number(&head, 8, UINT64_MAX - 1);
	head.is_big_endian = true;
	head_number(&head, 4, 3);
	head.at_once = 1; /* no read needs to bring a number as a whole */
	w = head_window(&head);
	assert_int_equal(window_u8(w, &u8, &err), 0);
	assert_int_equal(u8, 0xfe);
	assert_int_equal(window_u16(w, &u16, &err), 0);
	assert_int_equal(u16, 0x1234);
	assert_int_equal(window_u32(w, &u32, &err), 0);
	assert_int_equal(u32, 0x89abcdef);
	assert_int_equal(window_u64(w, &u64, &err), 0);
	assert_true(u64 == UINT64_MAX - 1);
	window_set_big_endian(w, true);
	assert_int_equal(window_u32(w, &u32, &err), 0);
	assert_int_equal(u32, 3);
	assert_true(window_left(w) == 0);
}

static void nothing_is_read_or_skipped_past_the_end(void **state)
{
	struct head head = { .n = 10 };
	struct error err;
	char bytes[16];
	uint64_t u64;
	AUTO(window) w = head_window(&head);

	(void)state;
	assert_int_equal(window_skip(w, 4, &err), 0);
	assert_int_equal(window_u64(w, &u64, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(window_copy(w, bytes, 7, &err), -1);
	assert_int_equal(window_skip(w, 7, &err), -1);
	assert_int_equal(window_skip(w, UINT64_MAX, &err), -1);
	assert_true(window_at(w) == 4);
	assert_int_equal(window_copy(w, bytes, 6, &err), 0);
}

static void a_file_that_became_shorter_is_an_error(void **state)
{
	struct head head = { .n = 10, .size = 100 };
	struct error err;
	uint8_t u8;
	AUTO(window) w = head_window(&head);

	(void)state;
	assert_int_equal(window_skip(w, 50, &err), 0);
	assert_int_equal(window_u8(w, &u8, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
}

/* Zeros without an end. */
static ssize_t read_zeros(void *ctx, char *to, size_t room, uint64_t at, struct error *err)
{
	size_t *calls = ctx;

	(void)at;
	(void)err;
	memset(to, 0, room);
	(*calls)++;
	return (ssize_t)room;
}

static void a_head_is_not_read_for_ever(void **state)
{
	size_t calls = 0;
	struct error err;
	char bytes[1000];
	int result = 0;
	AUTO(window) w = window_new(UINT64_MAX, read_zeros, &calls);

	(void)state;
	/* What is skipped does not count. */
	assert_int_equal(window_skip(w, (uint64_t)1 << 50, &err), 0);
	for (size_t i = 0; i < WINDOW_READ_MAX / sizeof(bytes) + 100 && result == 0; i++)
		result = window_copy(w, bytes, sizeof(bytes), &err);
	assert_int_equal(result, -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_int_equal(calls, WINDOW_READ_MAX / WINDOW_BYTES);
}

static ssize_t read_nothing(void *ctx, char *to, size_t room, uint64_t at, struct error *err)
{
	(void)ctx;
	(void)to;
	(void)room;
	(void)at;
	return error_set(err, ERR_DISK_ERROR, "the disk is broken");
}

static void the_reason_of_the_reader_is_told(void **state)
{
	struct error err;
	uint8_t u8;
	AUTO(window) w = window_new(10, read_nothing, NULL);

	(void)state;
	assert_int_equal(window_u8(w, &u8, &err), -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_in_either_order),
		cmocka_unit_test(nothing_is_read_or_skipped_past_the_end),
		cmocka_unit_test(a_file_that_became_shorter_is_an_error),
		cmocka_unit_test(a_head_is_not_read_for_ever),
		cmocka_unit_test(the_reason_of_the_reader_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
