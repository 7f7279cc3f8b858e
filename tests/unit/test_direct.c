#include "downloader/direct.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/shelf.h"

static int make(void **state)
{
	static struct shelf shelf;

	shelf_make(&shelf);
	*state = &shelf;
	return 0;
}

static int unmake(void **state)
{
	shelf_remove(*state);
	return 0;
}

/* Sizes around what one read takes and where a block ends. */
static void every_byte_is_read_once(void **state)
{
	static const size_t sizes[] = { 0,
					1,
					4095,
					4096,
					4097,
					DIRECT_READ_MAX - 1,
					DIRECT_READ_MAX,
					DIRECT_READ_MAX + 1,
					2 * (size_t)DIRECT_READ_MAX + 5 };
	const struct shelf *shelf = *state;

	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		AUTO_CSTR content = mem_bytes(sizes[i] + 1);
		struct error err;
		struct stat st;
		struct direct *direct;
		struct str bytes;
		size_t at = 0;
		int more;

		for (size_t k = 0; k < sizes[i]; k++)
			content[k] = (char)(k * 7 + k / 251);
		shelf_put(shelf, "acme/a", (struct str){ content, sizes[i] });
		direct = direct_open(shelf->root, "acme/a", &st, &err);
		assert_non_null(direct);
		assert_int_equal(st.st_size, sizes[i]);
		while ((more = direct_read(direct, &bytes, &err)) == 1) {
			assert_true(at + bytes.n <= sizes[i]);
			assert_memory_equal(bytes.p, content + at, bytes.n);
			at += bytes.n;
		}
		assert_int_equal(more, 0);
		assert_int_equal(at, sizes[i]);
		assert_int_equal(direct_is_same(direct, &st, &err), 1);
		direct_close(&direct);
	}
}

static void what_is_no_file_is_refused(void **state)
{
	const struct shelf *shelf = *state;
	AUTO_CSTR link = tempdir_path(&shelf->dir, "acme/link");
	AUTO_CSTR fifo = tempdir_path(&shelf->dir, "acme/fifo");
	struct error err;
	struct stat st;

	shelf_put(shelf, "acme/a", S("x"));
	assert_int_equal(symlink("a", link), 0);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_null(direct_open(shelf->root, "acme/absent", &st, &err));
	assert_int_equal(err.sys, ENOENT);
	assert_null(direct_open(shelf->root, "acme/link", &st, &err));
	assert_null(direct_open(shelf->root, "acme/fifo", &st, &err));
	assert_null(direct_open(shelf->root, "acme", &st, &err));
}

static void another_file_in_its_place_is_seen(void **state)
{
	const struct shelf *shelf = *state;
	AUTO_CSTR from = tempdir_path(&shelf->dir, "acme/b");
	AUTO_CSTR to = tempdir_path(&shelf->dir, "acme/a");
	struct error err;
	struct stat st;
	struct direct *direct;

	shelf_put(shelf, "acme/a", S("x"));
	shelf_put(shelf, "acme/b", S("y"));
	direct = direct_open(shelf->root, "acme/a", &st, &err);
	assert_int_equal(direct_is_same(direct, &st, &err), 1);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(direct_is_same(direct, &st, &err), 0);
	assert_int_equal(unlink(to), 0);
	assert_int_equal(direct_is_same(direct, &st, &err), 0);
	direct_close(&direct);
	direct_close(&direct);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, make, unmake)
		TEST(every_byte_is_read_once),
		TEST(what_is_no_file_is_refused),
		TEST(another_file_in_its_place_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
