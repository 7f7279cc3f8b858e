#include "downloader/space.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
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
	assert_int_equal(space_root(space)->total_bytes, (uint64_t)now.f_blocks * now.f_frsize);
	assert_true(space_root(space)->free_bytes > 0);
	assert_true(space_root(space)->free_bytes <= space_root(space)->total_bytes);
	space_stop(space);
	space_free(&space);
	assert_null(space);
}

static void it_looks_again_by_itself(void **state)
{
	struct place *p = *state;
	struct space *space = space_new(p->loop, p->pool, p->root, p->dir.path, on_changed, p);

	loop_until(p->loop, &p->has_changed);
	assert_true(space_root(space)->free_bytes > 0);
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
	assert_int_equal(space_root(space)->free_bytes, 0);
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

static void a_folder_is_known_after_the_next_look(void **state)
{
	struct place *p = *state;
	struct space *space = space_new(p->loop, p->pool, p->root, p->dir.path, on_changed, p);
	struct space_watch *watch = space_watch(space, "acme/not/there/yet");
	struct file_space seen;
	struct stat st;
	struct error err;

	assert_int_equal(space_of(watch, &seen, &err), 0);
	loop_until(p->loop, &p->has_changed);
	assert_int_equal(space_of(watch, &seen, &err), 1);
	assert_int_equal(fstat(p->root, &st), 0);
	assert_int_equal(seen.device, (uint64_t)st.st_dev);
	assert_int_equal(seen.total_bytes, space_root(space)->total_bytes);
	assert_false(seen.is_read_only);
	space_unwatch(&watch);
	assert_null(watch);
	space_unwatch(&watch);
	space_free(&space);
}

/* The pool's one thread is busy until the test has done what it wants to do during a look. */
struct hindrance {
	struct pool_task task; /* first */
	pthread_mutex_t lock;
};

static void hinder(struct pool_task *task)
{
	struct hindrance *h = (struct hindrance *)task;

	(void)pthread_mutex_lock(&h->lock);
	(void)pthread_mutex_unlock(&h->lock);
}

static void on_hindered(struct pool_task *task)
{
	(void)task;
}

static void what_is_asked_for_during_a_look_is_looked_at_after_it(void **state)
{
	struct place *p = *state;
	struct space *space = space_new(p->loop, p->pool, p->root, p->dir.path, on_changed, p);
	struct hindrance h = { .task = { .run = hinder, .done = on_hindered },
			       .lock = PTHREAD_MUTEX_INITIALIZER };
	struct space_watch *watches[2];
	struct file_space seen;
	struct error err;

	(void)pthread_mutex_lock(&h.lock);
	pool_submit(p->pool, &h.task);
	watches[0] = space_watch(space, "a");
	watches[1] = space_watch(space, "b");
	(void)pthread_mutex_unlock(&h.lock);
	loop_until(p->loop, &p->has_changed);
	assert_int_equal(space_of(watches[0], &seen, &err), 1);
	assert_int_equal(space_of(watches[1], &seen, &err), 0);
	p->has_changed = false;
	loop_until(p->loop, &p->has_changed);
	assert_int_equal(space_of(watches[1], &seen, &err), 1);
	for (size_t i = 0; i < ARRAY_LEN(watches); i++)
		space_unwatch(&watches[i]);
	space_free(&space);
}

static void watches_and_all_may_end_during_a_look(void **state)
{
	struct place *p = *state;
	struct space *space = space_new(p->loop, p->pool, p->root, p->dir.path, on_changed, p);
	struct hindrance h = { .task = { .run = hinder, .done = on_hindered },
			       .lock = PTHREAD_MUTEX_INITIALIZER };
	struct space_watch *watches[3];

	(void)pthread_mutex_lock(&h.lock);
	pool_submit(p->pool, &h.task);
	watches[0] = space_watch(space, "a");
	watches[1] = space_watch(space, "b"); /* not in this look */
	space_unwatch(&watches[0]);
	watches[2] = space_watch(space, "c");
	space_unwatch(&watches[2]);
	space_unwatch(&watches[1]);
	space_free(&space);
	assert_null(space);
	(void)pthread_mutex_unlock(&h.lock);
	pool_stop(p->pool);
	loop_drain(p->loop);
	assert_false(p->has_changed);
}

static void a_folder_that_cannot_be_looked_at_is_told(void **state)
{
	struct place *p = *state;
	struct space *space = space_new(p->loop, p->pool, -1, p->dir.path, on_changed, p);
	struct space_watch *watch = space_watch(space, "acme/tiny");
	struct file_space seen;
	struct error err;

	loop_until(p->loop, &p->has_changed);
	assert_int_equal(space_of(watch, &seen, &err), -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
	assert_non_null(strstr(err.text, "acme/tiny"));
	space_unwatch(&watch);
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
		TEST(a_folder_is_known_after_the_next_look),
		TEST(what_is_asked_for_during_a_look_is_looked_at_after_it),
		TEST(watches_and_all_may_end_during_a_look),
		TEST(a_folder_that_cannot_be_looked_at_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
