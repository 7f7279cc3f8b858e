#include "downloader/pool.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>

#include "common/error.h"
#include "tests/unit/looping.h"

enum {
	N_TASKS = 200,
};

struct place {
	struct loop *loop;
	struct pool *pool;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	p->loop = loop_new(&err);
	p->pool = pool_new(p->loop, 3, &err);
	*state = p;
	return p->pool == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	pool_stop(p->pool);
	loop_drain(p->loop);
	pool_free(&p->pool);
	loop_free(&p->loop);
	free(p);
	return 0;
}

struct task {
	struct pool_task task; /* first */
	pthread_t ran_on;
	pthread_t done_on;
	unsigned runs;
	unsigned dones;
	bool is_done;
	pthread_barrier_t *meeting; /* NULL: none */
	struct place *place;
	struct task *next; /* submitted from `done` */
};

static void run(struct pool_task *pool_task)
{
	struct task *task = (struct task *)pool_task;

	task->ran_on = pthread_self();
	task->runs++;
	if (task->meeting != NULL)
		(void)pthread_barrier_wait(task->meeting);
}

static void done(struct pool_task *pool_task)
{
	struct task *task = (struct task *)pool_task;

	task->done_on = pthread_self();
	task->dones++;
	task->is_done = true;
	if (task->next != NULL)
		pool_submit(task->place->pool, &task->next->task);
}

static struct task make_task(struct place *p)
{
	return (struct task){ .task = { .run = run, .done = done }, .place = p };
}

static void a_task_runs_on_a_worker_and_is_done_on_the_loop(void **state)
{
	struct place *p = *state;
	struct task task = make_task(p);

	pool_submit(p->pool, &task.task);
	loop_until(p->loop, &task.is_done);
	assert_int_equal(task.runs, 1);
	assert_int_equal(task.dones, 1);
	assert_false(pthread_equal(task.ran_on, pthread_self()));
	assert_true(pthread_equal(task.done_on, pthread_self()));
}

static void every_task_is_run_and_done_once(void **state)
{
	struct place *p = *state;
	struct task *tasks = mem_array(N_TASKS, sizeof(*tasks));

	for (size_t i = 0; i < N_TASKS; i++) {
		tasks[i] = make_task(p);
		pool_submit(p->pool, &tasks[i].task);
	}
	for (size_t i = 0; i < N_TASKS; i++) {
		loop_until(p->loop, &tasks[i].is_done);
		assert_int_equal(tasks[i].runs, 1);
		assert_int_equal(tasks[i].dones, 1);
	}
	free(tasks);
}

static void workers_work_side_by_side(void **state)
{
	struct place *p = *state;
	pthread_barrier_t meeting;
	struct task tasks[3];

	assert_int_equal(pthread_barrier_init(&meeting, NULL, 3), 0);
	for (size_t i = 0; i < 3; i++) {
		tasks[i] = make_task(p);
		tasks[i].meeting = &meeting;
		pool_submit(p->pool, &tasks[i].task);
	}
	for (size_t i = 0; i < 3; i++)
		loop_until(p->loop, &tasks[i].is_done);
	assert_false(pthread_equal(tasks[0].ran_on, tasks[1].ran_on));
	assert_false(pthread_equal(tasks[1].ran_on, tasks[2].ran_on));
	assert_int_equal(pthread_barrier_destroy(&meeting), 0);
}

static void stopping_runs_what_is_queued(void **state)
{
	struct place *p = *state;
	struct task *tasks = mem_array(N_TASKS, sizeof(*tasks));

	for (size_t i = 0; i < N_TASKS; i++) {
		tasks[i] = make_task(p);
		pool_submit(p->pool, &tasks[i].task);
	}
	pool_stop(p->pool);
	for (size_t i = 0; i < N_TASKS; i++) {
		assert_int_equal(tasks[i].runs, 1);
		assert_int_equal(tasks[i].dones, 0);
	}
	loop_drain(p->loop);
	for (size_t i = 0; i < N_TASKS; i++)
		assert_int_equal(tasks[i].dones, 1);
	free(tasks);
}

static void after_the_stop_a_task_is_run_at_once(void **state)
{
	struct place *p = *state;
	struct task last = make_task(p);
	struct task first = make_task(p);

	first.next = &last;
	pool_submit(p->pool, &first.task);
	pool_stop(p->pool);
	loop_drain(p->loop);
	assert_int_equal(last.runs, 1);
	assert_int_equal(last.dones, 1);
	assert_true(pthread_equal(last.ran_on, pthread_self()));
}

static void a_task_may_be_submitted_again_once_it_is_done(void **state)
{
	struct place *p = *state;
	struct task task = make_task(p);

	for (unsigned i = 1; i <= 5; i++) {
		task.is_done = false;
		pool_submit(p->pool, &task.task);
		loop_until(p->loop, &task.is_done);
		assert_int_equal(task.dones, i);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_task_runs_on_a_worker_and_is_done_on_the_loop),
		TEST(every_task_is_run_and_done_once),
		TEST(workers_work_side_by_side),
		TEST(stopping_runs_what_is_queued),
		TEST(after_the_stop_a_task_is_run_at_once),
		TEST(a_task_may_be_submitted_again_once_it_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
