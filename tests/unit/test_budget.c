#include "downloader/budget.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>

#include "common/error.h"
#include "downloader/controller.h"
#include "tests/unit/looping.h"

enum {
	FILES_MAX = 8,
	OPENED_MAX = 64,
};

/* The clock, and what a test has put on it. */
static uint64_t clock_ahead_ms;

uint64_t __real_clock_steady_ms(void);
uint64_t __wrap_clock_steady_ms(void);
uint64_t __wrap_clock_steady_ms(void)
{
	return __real_clock_steady_ms() + clock_ahead_ms;
}

struct place;

struct file {
	struct place *place;
	struct budget_member *member;
	char name;
	size_t wants;  /* connections that it could still use */
	bool refuses;  /* there was no work for it after all */
	size_t n_open; /* as it knows itself */
};

struct place {
	struct loop *loop;
	struct budget *budget;
	struct file files[FILES_MAX];
	size_t n_files;
	char opened[OPENED_MAX]; /* the names, in order */
	size_t n_opened;
	unsigned n_asked; /* can_open() */
	unsigned n_tried; /* open() */
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	p->loop = loop_new(&err);
	*state = p;
	return p->loop == NULL ? -1 : 0;
}

static void close_one(struct file *file, bool was_flowing)
{
	assert_true(file->n_open > 0);
	file->n_open--;
	budget_closed(file->member, was_flowing);
}

static void leave(struct file *file)
{
	while (file->n_open > 0)
		close_one(file, false);
	budget_leave(&file->member);
	assert_null(file->member);
}

static int place_remove(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < p->n_files; i++) {
		p->files[i].wants = 0;
		leave(&p->files[i]);
	}
	loop_drain(p->loop);
	budget_free(&p->budget);
	loop_free(&p->loop);
	free(p);
	return 0;
}

static bool can_open(void *ctx)
{
	struct file *file = ctx;

	file->place->n_asked++;
	return file->wants > 0;
}

static bool open_one(void *ctx)
{
	struct file *file = ctx;
	struct place *p = file->place;

	p->n_tried++;
	if (file->refuses)
		return false;
	assert_true(file->wants > 0);
	assert_true(p->n_opened + 1 < OPENED_MAX);
	file->wants--;
	file->n_open++;
	p->opened[p->n_opened++] = file->name;
	return true;
}

/* Files are called a, b, c in the order of joining; a job is any pointer. */
static struct file *join(struct place *p, const void *job, bool is_small, size_t wants)
{
	struct file *file = &p->files[p->n_files];
	struct budget_hooks hooks = { .can_open = can_open, .open = open_one, .ctx = file };

	assert_true(p->n_files < FILES_MAX);
	file->place = p;
	file->name = (char)('a' + p->n_files++);
	file->wants = wants;
	file->member = budget_join(p->budget, job, is_small, &hooks);
	return file;
}

static void begin(struct place *p, size_t total, size_t per_file)
{
	p->budget = budget_new(p->loop, total, per_file);
}

static const int job_1 = 1;
static const int job_2 = 2;

static void a_file_that_joins_is_given_connections_soon_but_not_at_once(void **state)
{
	struct place *p = *state;

	begin(p, 16, 8);
	(void)join(p, &job_1, false, 9);
	assert_string_equal(p->opened, "");
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aa"); /* what is measured first */
	assert_int_equal(CONTROLLER_FIRST, 2);
}

static void jobs_take_turns(void **state)
{
	struct place *p = *state;

	begin(p, 16, 3);
	(void)join(p, &job_1, true, 9);
	(void)join(p, &job_2, true, 9);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "ababab");
}

static void a_job_that_comes_later_need_not_wait_for_its_first(void **state)
{
	struct place *p = *state;

	begin(p, 3, 8);
	(void)join(p, &job_1, false, 9);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aa");
	(void)join(p, &job_2, false, 9);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aab"); /* more than is measured to be good, for now */
	close_one(&p->files[0], false);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aab");
}

static void a_job_with_many_files_gets_no_more_than_one_with_one(void **state)
{
	struct place *p = *state;

	begin(p, 4, 8);
	(void)join(p, &job_1, true, 1);
	(void)join(p, &job_1, true, 1);
	(void)join(p, &job_1, true, 1);
	(void)join(p, &job_2, true, 9);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "adbd");
}

static void in_a_job_the_file_that_came_first_is_served_first(void **state)
{
	struct place *p = *state;

	begin(p, 5, 3);
	(void)join(p, &job_1, true, 9);
	(void)join(p, &job_1, true, 9);
	(void)join(p, &job_1, true, 9);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aaabb");
}

static void a_connection_that_ends_is_opened_for_whose_turn_it_is(void **state)
{
	struct place *p = *state;
	struct file *a;
	struct file *b;

	begin(p, 2, 8);
	a = join(p, &job_1, true, 9);
	b = join(p, &job_2, true, 9);
	loop_turn(p->loop);
	close_one(b, false);
	close_one(a, false);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "abab");
	a->wants = 0;
	close_one(a, false);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "ababb");
	assert_int_equal(b->n_open, 2);
}

static void there_are_never_more_than_the_total(void **state)
{
	struct place *p = *state;

	begin(p, 3, 8);
	(void)join(p, &job_1, true, 9);
	(void)join(p, &job_2, true, 9);
	(void)join(p, &job_2, false, 9);
	for (int i = 0; i < 3; i++) {
		budget_kick(p->budget);
		loop_turn(p->loop);
	}
	assert_int_equal(p->n_opened, 3);
}

static void small_files_are_held_back_by_the_total_alone(void **state)
{
	struct place *p = *state;

	begin(p, 7, 8);
	(void)join(p, &job_1, false, 9);
	(void)join(p, &job_1, true, 4);
	(void)join(p, &job_1, true, 4);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aabbbbc");
}

/* They would make room for others that do not bring more. */
static void small_files_do_not_count_as_measured(void **state)
{
	struct place *p = *state;

	begin(p, 16, 8);
	(void)join(p, &job_1, true, 4);
	(void)join(p, &job_1, false, 9);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aaaabb");
}

static void work_that_was_not_there_after_all_is_not_asked_for_for_ever(void **state)
{
	struct place *p = *state;
	struct file *a;

	begin(p, 16, 8);
	a = join(p, &job_1, false, 9);
	a->refuses = true;
	loop_turn(p->loop);
	assert_int_equal(p->n_tried, 1);
	a->refuses = false;
	budget_kick(p->budget);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aa");
}

static void who_has_no_work_after_all_does_not_end_the_round_for_others(void **state)
{
	struct place *p = *state;

	begin(p, 16, 8);
	join(p, &job_1, false, 9)->refuses = true;
	(void)join(p, &job_1, false, 1);
	(void)join(p, &job_2, true, 1);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "bc");
	assert_int_equal(p->n_tried, 3);
}

/* A member's leaving kicks, and the budget's end may follow at once. */
static void a_kick_under_way_does_no_harm_to_the_end(void **state)
{
	struct place *p = *state;

	begin(p, 16, 8);
	leave(join(p, &job_1, false, 9));
	budget_free(&p->budget);
	assert_null(p->budget);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "");
}

static void of_many_kicks_one_is_left(void **state)
{
	struct place *p = *state;
	unsigned asked;

	begin(p, 16, 8);
	(void)join(p, &job_1, false, 0);
	loop_turn(p->loop);
	asked = p->n_asked;
	budget_kick(p->budget);
	loop_turn(p->loop);
	asked = p->n_asked - asked;
	assert_true(asked > 0);
	p->n_asked = 0;
	for (int i = 0; i < 100; i++)
		budget_kick(p->budget);
	assert_int_equal(p->n_asked, 0); /* never before it returns */
	loop_turn(p->loop);
	assert_int_equal(p->n_asked, asked);
}

static void one_that_leaves_makes_room(void **state)
{
	struct place *p = *state;
	struct file *a;

	begin(p, 2, 8);
	a = join(p, &job_1, true, 2);
	(void)join(p, &job_1, true, 1);
	(void)join(p, &job_1, true, 9);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aa");
	leave(a);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aabc");
	leave(&p->files[1]);
	loop_turn(p->loop);
	assert_string_equal(p->opened, "aabcc");
	budget_leave(&a->member); /* it has left already */
}

static void a_lower_total_opens_no_more_until_enough_have_ended(void **state)
{
	struct place *p = *state;
	struct file *a;

	begin(p, 4, 8);
	a = join(p, &job_1, true, 9);
	loop_turn(p->loop);
	assert_int_equal(a->n_open, 4);
	budget_set_total(p->budget, 2);
	for (size_t left = 3; left >= 2; left--) {
		close_one(a, false);
		loop_turn(p->loop);
		assert_int_equal(a->n_open, left);
	}
	close_one(a, false);
	loop_turn(p->loop);
	assert_int_equal(a->n_open, 2);
	budget_set_total(p->budget, 5);
	loop_turn(p->loop);
	assert_int_equal(a->n_open, 5);
}

static void a_refusal_holds_the_others_back(void **state)
{
	struct place *p = *state;
	struct file *a;

	begin(p, 16, 8);
	a = join(p, &job_1, false, 9);
	loop_turn(p->loop);
	assert_int_equal(a->n_open, 2);
	close_one(a, false);
	assert_true(budget_refused(a->member));
	loop_turn(p->loop);
	assert_int_equal(a->n_open, 1);
	close_one(a, false);
	loop_turn(p->loop);
	assert_int_equal(a->n_open, 1); /* the one that there may be */
	close_one(a, false);
	assert_false(budget_refused(a->member)); /* there was no other */
}

/* The server counts connections, not what they are for. */
static void a_refusal_of_a_small_file_holds_all_back_for_a_while(void **state)
{
	struct place *p = *state;
	struct file *bulk;
	struct file *small;

	begin(p, 16, 8);
	bulk = join(p, &job_1, false, 9);
	small = join(p, &job_2, true, 9);
	small->wants = 2;
	loop_turn(p->loop);
	assert_int_equal(bulk->n_open + small->n_open, 4);
	close_one(small, false);
	assert_true(budget_refused(small->member));
	small->wants = 5;
	loop_turn(p->loop);
	assert_int_equal(bulk->n_open + small->n_open, 3);
	/* One that ends makes room for the next of whomever. */
	close_one(bulk, false);
	bulk->wants = 0;
	loop_turn(p->loop);
	assert_int_equal(bulk->n_open, 1);
	assert_int_equal(small->n_open, 2);
	clock_ahead_ms += CONTROLLER_REFUSED_MS;
	budget_kick(p->budget);
	loop_turn(p->loop);
	assert_int_equal(small->n_open, 6);
}

/* Two small files of three are refused; before the last refusal is heard, the third has ended.
 */
static void a_refusal_that_is_heard_after_the_others_have_ended_is_one_too_many(void **state)
{
	struct place *p = *state;
	struct file *small;

	begin(p, 3, 3);
	small = join(p, &job_1, true, 3);
	loop_turn(p->loop);
	assert_int_equal(small->n_open, 3);
	budget_flowing(small->member);
	close_one(small, false);
	assert_true(budget_refused(small->member));
	close_one(small, true);
	close_one(small, false);
	assert_true(budget_refused(small->member));
	small->wants = 2;
	loop_turn(p->loop);
	assert_int_equal(small->n_open, 1);
	clock_ahead_ms += BUDGET_LINGER_MS;
	close_one(small, false);
	assert_false(budget_refused(small->member)); /* that one was alone */
}

/* A large file that was refused beside small ones has their number, not none. */
static void a_refusal_beside_small_files_leaves_as_many_as_went_on(void **state)
{
	struct place *p = *state;
	struct file *bulk;
	struct file *small;

	begin(p, 16, 8);
	bulk = join(p, &job_1, false, 1);
	small = join(p, &job_2, true, 3);
	loop_turn(p->loop);
	assert_int_equal(small->n_open, 3);
	close_one(bulk, false);
	assert_true(budget_refused(bulk->member));
	bulk->wants = 9;
	while (small->n_open > 0)
		close_one(small, false);
	loop_turn(p->loop);
	assert_int_equal(bulk->n_open, 2); /* what is measured first */
}

/* By the loop's own timer, and as fast as it comes: that there are more at the end is all. */
static void where_more_bring_more_there_are_more(void **state)
{
	struct place *p = *state;
	struct file *a;
	size_t flowing = 0;

	begin(p, 4, 8);
	a = join(p, &job_1, false, 9);
	(void)alarm(LOOPING_ALARM_S);
	while (a->n_open < 4) {
		while (flowing < a->n_open) {
			budget_flowing(a->member);
			flowing++;
		}
		(void)event_base_loop(loop_base(p->loop), EVLOOP_ONCE);
		budget_count(a->member, 1000 * flowing);
	}
	(void)alarm(0);
	while (flowing-- > 0)
		close_one(a, true);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_that_joins_is_given_connections_soon_but_not_at_once),
		TEST(jobs_take_turns),
		TEST(a_job_that_comes_later_need_not_wait_for_its_first),
		TEST(a_job_with_many_files_gets_no_more_than_one_with_one),
		TEST(in_a_job_the_file_that_came_first_is_served_first),
		TEST(a_connection_that_ends_is_opened_for_whose_turn_it_is),
		TEST(there_are_never_more_than_the_total),
		TEST(small_files_are_held_back_by_the_total_alone),
		TEST(small_files_do_not_count_as_measured),
		TEST(work_that_was_not_there_after_all_is_not_asked_for_for_ever),
		TEST(who_has_no_work_after_all_does_not_end_the_round_for_others),
		TEST(a_kick_under_way_does_no_harm_to_the_end),
		TEST(of_many_kicks_one_is_left),
		TEST(one_that_leaves_makes_room),
		TEST(a_lower_total_opens_no_more_until_enough_have_ended),
		TEST(a_refusal_holds_the_others_back),
		TEST(a_refusal_of_a_small_file_holds_all_back_for_a_while),
		TEST(a_refusal_that_is_heard_after_the_others_have_ended_is_one_too_many),
		TEST(a_refusal_beside_small_files_leaves_as_many_as_went_on),
		TEST(where_more_bring_more_there_are_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
