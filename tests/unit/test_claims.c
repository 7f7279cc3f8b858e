#include "downloader/claims.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "downloader/checksum.h"
#include "downloader/file.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

enum {
	SIZE = 1000 * 1000, /* more than one read of the module's */
	EXTENTS_MAX = 8,
};

struct place {
	struct tempdir dir;
	struct loop *loop;
	struct pool *pool;
	char *bytes;
	int fd;
	struct claims *claims;
	struct extent settled[EXTENTS_MAX];
	bool is_good[EXTENTS_MAX];
	size_t n;
	size_t stops_after; /* calls of the hook; 0: never */
	bool is_last;
	bool is_released;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	AUTO_CSTR path = NULL;
	struct error err;

	log_init("unit", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	tempdir_make(&p->dir);
	p->bytes = mem_alloc(SIZE);
	for (size_t i = 0; i < SIZE; i++)
		p->bytes[i] = (char)(i % 251 + i / 1000);
	tempdir_write(&p->dir, "x", (struct str){ p->bytes, SIZE });
	path = tempdir_path(&p->dir, "x");
	p->fd = open(path, O_RDWR | O_CLOEXEC);
	p->loop = loop_new(&err);
	p->pool = pool_new(p->loop, 2, &err);
	*state = p;
	return p->pool == NULL || p->fd < 0 ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	pool_stop(p->pool);
	loop_drain(p->loop);
	pool_free(&p->pool);
	loop_free(&p->loop);
	fd_close(&p->fd);
	tempdir_remove(&p->dir);
	free(p->bytes);
	free(p);
	return 0;
}

static void on_released(void *ctx)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	p->is_released = true;
}

static void on_settled(void *ctx, const struct extent *extent, bool is_good, bool is_last)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	assert_false(p->is_last);
	p->settled[p->n] = *extent;
	p->is_good[p->n++] = is_good;
	p->is_last = is_last;
	if (p->n == p->stops_after)
		claims_stop(&p->claims, on_released, p);
}

/* As it is in the file's first version. */
static struct extent extent(const struct place *p, uint64_t first, uint64_t length)
{
	AUTO(checksum) sum = checksum_new();

	checksum_update(sum, (struct str){ p->bytes + first, (size_t)length });
	return (struct extent){ .first = first, .length = length, .sum = checksum_value(sum) };
}

static void begin(struct place *p, const struct extent *extents, size_t n)
{
	struct claims_hooks hooks = { .settled = on_settled, .ctx = p };

	p->claims = claims_new(p->pool, p->fd, extents, n, &hooks);
	assert_int_equal(p->n, 0);
}

static void finish(struct place *p)
{
	loop_until(p->loop, &p->is_last);
	claims_stop(&p->claims, on_released, p);
	assert_null(p->claims);
	assert_true(p->is_released); /* at once: nobody reads any more */
}

static void spoil(const struct place *p, uint64_t at, struct str bytes)
{
	struct error err;

	assert_int_equal(file_write_at(p->fd, bytes, at, &err), 0);
}

static void what_is_as_recorded_is_good(void **state)
{
	struct place *p = *state;
	struct extent extents[] = { extent(p, 0, SIZE) };

	begin(p, extents, 1);
	memset(extents, 0, sizeof(extents)); /* they were copied */
	finish(p);
	assert_int_equal(p->n, 1);
	assert_true(p->is_good[0]);
	assert_int_equal(p->settled[0].length, SIZE);
}

static void one_torn_piece_does_not_cost_the_others(void **state)
{
	struct place *p = *state;
	struct extent extents[] = { extent(p, 0, 300000), extent(p, 300000, 1),
				    extent(p, 300001, 500000), extent(p, 900000, 100000) };

	spoil(p, 700000, S("\xff"));
	begin(p, extents, ARRAY_LEN(extents));
	finish(p);
	assert_int_equal(p->n, ARRAY_LEN(extents));
	for (size_t i = 0; i < p->n; i++) {
		assert_memory_equal(&p->settled[i], &extents[i], sizeof(extents[i]));
		assert_int_equal(p->is_good[i], i != 2);
	}
}

static void they_are_told_in_the_order_given(void **state)
{
	struct place *p = *state;
	struct extent extents[] = { extent(p, 900000, 100000), extent(p, 0, 5),
				    extent(p, 400000, 300000) };

	begin(p, extents, ARRAY_LEN(extents));
	finish(p);
	for (size_t i = 0; i < p->n; i++) {
		assert_int_equal(p->settled[i].first, extents[i].first);
		assert_true(p->is_good[i]);
	}
}

/* Pages that were never written are zeros after a power cut. */
static void a_hole_is_not_what_was_written(void **state)
{
	struct place *p = *state;
	struct extent extents[] = { extent(p, 0, 500000), extent(p, 500000, 500000) };

	assert_int_equal(ftruncate(p->fd, 500000), 0);
	assert_int_equal(ftruncate(p->fd, SIZE), 0);
	begin(p, extents, ARRAY_LEN(extents));
	finish(p);
	assert_true(p->is_good[0]);
	assert_false(p->is_good[1]);
}

static void beyond_the_end_of_a_shorter_file_nothing_is_good(void **state)
{
	struct place *p = *state;
	struct extent extents[] = { extent(p, 0, 400000), extent(p, 400000, 400000),
				    extent(p, 800000, 200000) };

	assert_int_equal(ftruncate(p->fd, 799999), 0);
	begin(p, extents, ARRAY_LEN(extents));
	finish(p);
	assert_true(p->is_good[0]);
	assert_false(p->is_good[1]);
	assert_false(p->is_good[2]);
}

static void what_cannot_be_read_is_not_good(void **state)
{
	struct place *p = *state;
	struct extent extents[] = { extent(p, 0, 10) };
	AUTO_CSTR path = tempdir_path(&p->dir, "x");

	fd_close(&p->fd);
	p->fd = open(path, O_WRONLY | O_CLOEXEC);
	begin(p, extents, 1);
	finish(p);
	assert_false(p->is_good[0]);
}

static void a_stop_while_one_is_read_tells_no_more(void **state)
{
	struct place *p = *state;
	struct extent extents[] = { extent(p, 0, 500000), extent(p, 500000, 500000) };

	begin(p, extents, ARRAY_LEN(extents));
	claims_stop(&p->claims, on_released, p);
	assert_null(p->claims);
	assert_false(p->is_released); /* a worker reads */
	loop_until(p->loop, &p->is_released);
	loop_turn(p->loop);
	assert_int_equal(p->n, 0);
}

static void it_may_be_stopped_from_inside_the_hook(void **state)
{
	struct place *p = *state;

	for (size_t after = 1; after <= 3; after++) {
		struct extent extents[] = { extent(p, 0, 10), extent(p, 10, 10),
					    extent(p, 20, 10) };

		p->n = 0;
		p->is_last = false;
		p->is_released = false;
		p->stops_after = after;
		begin(p, extents, ARRAY_LEN(extents));
		loop_until(p->loop, &p->is_released);
		loop_turn(p->loop);
		assert_int_equal(p->n, after);
		assert_int_equal(p->is_last, after == 3);
	}
}

static void stopping_nothing_releases_at_once(void **state)
{
	struct place *p = *state;

	claims_stop(&p->claims, on_released, p);
	assert_true(p->is_released);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_is_as_recorded_is_good),
		TEST(one_torn_piece_does_not_cost_the_others),
		TEST(they_are_told_in_the_order_given),
		TEST(a_hole_is_not_what_was_written),
		TEST(beyond_the_end_of_a_shorter_file_nothing_is_good),
		TEST(what_cannot_be_read_is_not_good),
		TEST(a_stop_while_one_is_read_tells_no_more),
		TEST(it_may_be_stopped_from_inside_the_hook),
		TEST(stopping_nothing_releases_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
