#include "downloader/space.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/statvfs.h>

#include "common/error.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

struct place {
	struct tempdir dir;
	struct loop *loop;
	struct pool *pool;
	int root;
	bool has_changed;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	tempdir_make(&p->dir);
	p->root = open(p->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	p->loop = loop_new(&err);
	p->pool = pool_new(p->loop, 1, &err);
	*state = p;
	return p->pool == NULL || p->root < 0 ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	pool_stop(p->pool);
	loop_drain(p->loop);
	pool_free(&p->pool);
	loop_free(&p->loop);
	fd_close(&p->root);
	tempdir_remove(&p->dir);
	free(p);
	return 0;
}

static void on_changed(void *ctx)
{
	struct place *p = ctx;

	p->has_changed = true;
}

static void room_is_known_from_the_first_moment(void **state)
{
	struct place *p = *state;
	struct space *space = space_new(p->loop, p->pool, p->root, p->dir.path, on_changed, p);
	struct statvfs now;
	struct error err;

	assert_int_equal(fstatvfs(p->root, &now), 0);
	assert_int_equal(space_check(space, &err), 0);
	assert_int_equal(space_total_bytes(space), (uint64_t)now.f_blocks * now.f_frsize);
	assert_true(space_free_bytes(space) > 0);
	assert_true(space_free_bytes(space) <= space_total_bytes(space));
	space_stop(space);
	space_free(&space);
	assert_null(space);
}

static void it_looks_again_by_itself(void **state)
{
	struct place *p = *state;
	struct space *space = space_new(p->loop, p->pool, p->root, p->dir.path, on_changed, p);

	loop_until(p->loop, &p->has_changed);
	assert_true(space_free_bytes(space) > 0);
	space_stop(space);
	space_free(&space);
}

static void a_directory_that_cannot_be_looked_at_is_told(void **state)
{
	struct place *p = *state;
	struct space *space = space_new(p->loop, p->pool, -1, p->dir.path, on_changed, p);
	struct error err;

	assert_int_equal(space_check(space, &err), -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
	assert_int_equal(space_free_bytes(space), 0);
	space_stop(space);
	space_free(&space);
}

static void a_directory_that_was_replaced_is_told(void **state)
{
	struct place *p = *state;
	AUTO_CSTR there = tempdir_path(&p->dir, "models");
	AUTO_CSTR aside = tempdir_path(&p->dir, "aside");
	struct space *space;
	struct error err;

	assert_int_equal(mkdir(there, 0755), 0);
	fd_close(&p->root);
	p->root = open(there, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	space = space_new(p->loop, p->pool, p->root, there, on_changed, p);
	assert_int_equal(space_check(space, &err), 0);
	for (int i = 0; i < 2; i++) {
		if (i == 0)
			assert_int_equal(rename(there, aside), 0);
		else
			assert_int_equal(mkdir(there, 0755), 0);
		p->has_changed = false;
		loop_until(p->loop, &p->has_changed);
		assert_int_equal(space_check(space, &err), -1);
		assert_int_equal(err.code, ERR_DISK_ERROR);
	}
	space_stop(space);
	space_free(&space);
}

static void after_the_stop_nothing_is_told(void **state)
{
	struct place *p = *state;
	struct space *space = space_new(p->loop, p->pool, p->root, p->dir.path, on_changed, p);

	space_stop(space);
	loop_turn(p->loop);
	pool_stop(p->pool);
	loop_drain(p->loop);
	assert_false(p->has_changed);
	space_free(&space);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(room_is_known_from_the_first_moment),
		TEST(it_looks_again_by_itself),
		TEST(a_directory_that_cannot_be_looked_at_is_told),
		TEST(a_directory_that_was_replaced_is_told),
		TEST(after_the_stop_nothing_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
