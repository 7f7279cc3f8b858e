#include "downloader/turns.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "tests/unit/looping.h"

enum {
	N_ASKERS = 6,
	STEPS = 20000, /* of the random walk */
};

#define X "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define Y "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static const struct plan_file x = { .algorithm = DIGEST_SHA256, .digest = X, .size = 9 };
static const struct plan_file y = { .algorithm = DIGEST_SHA256, .digest = Y, .size = 9 };

struct place;

/* One who asks. */
struct asker {
	struct place *place;
	struct turn *turn;
	const struct plan_file *file;
	unsigned n_told;
	struct turn **leaves; /* when it is told, or NULL */
};

struct place {
	struct loop *loop;
	struct turns *turns;
	struct asker askers[N_ASKERS];
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	p->loop = loop_new(&err);
	p->turns = turns_new(p->loop);
	for (size_t i = 0; i < N_ASKERS; i++)
		p->askers[i].place = p;
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < N_ASKERS; i++)
		turn_leave(&p->askers[i].turn);
	loop_drain(p->loop);
	turns_free(&p->turns);
	loop_free(&p->loop);
	free(p);
	return 0;
}

static void on_turn(void *ctx)
{
	struct asker *asker = ctx;

	assert_non_null(asker->turn);
	assert_false(turn_has_to_wait(asker->turn));
	asker->n_told++;
	if (asker->leaves != NULL)
		turn_leave(asker->leaves);
}

static void ask(struct place *p, size_t who, const struct plan_file *file)
{
	struct asker *asker = &p->askers[who];

	asker->file = file;
	asker->n_told = 0;
	asker->turn = turns_ask(p->turns, file, on_turn, asker);
	assert_int_equal(asker->n_told, 0); /* never before it returns */
}

static void leave(struct place *p, size_t who)
{
	turn_leave(&p->askers[who].turn);
	assert_null(p->askers[who].turn);
}

static void assert_told(struct place *p, const char *wanted)
{
	char told[N_ASKERS + 1] = "";

	loop_turn(p->loop);
	for (size_t i = 0; i < N_ASKERS; i++)
		told[i] = (char)('0' + p->askers[i].n_told);
	assert_string_equal(told, wanted);
}

static void the_first_has_its_turn_and_others_wait_in_line(void **state)
{
	struct place *p = *state;

	ask(p, 0, &x);
	assert_false(turn_has_to_wait(p->askers[0].turn));
	ask(p, 1, &x);
	ask(p, 2, &x);
	assert_true(turn_has_to_wait(p->askers[1].turn));
	assert_told(p, "100000");
	leave(p, 0);
	assert_int_equal(p->askers[1].n_told, 0); /* not from inside */
	assert_told(p, "110000");
	ask(p, 0, &x); /* at the end of the line again */
	assert_told(p, "010000");
	leave(p, 1);
	assert_told(p, "011000");
	leave(p, 2);
	assert_told(p, "111000");
}

static void other_contents_do_not_wait(void **state)
{
	struct place *p = *state;
	struct plan_file longer = x;
	struct plan_file git = x;

	longer.size++;
	git.algorithm = DIGEST_GIT_SHA1;
	ask(p, 0, &x);
	ask(p, 1, &y);
	ask(p, 2, &longer);
	ask(p, 3, &git);
	assert_told(p, "111100");
	for (size_t i = 0; i < 4; i++)
		leave(p, i);
}

static void one_who_leaves_the_line_is_not_called(void **state)
{
	struct place *p = *state;

	ask(p, 0, &x);
	ask(p, 1, &x);
	ask(p, 2, &x);
	leave(p, 1);
	leave(p, 0);
	assert_told(p, "001000"); /* the first left before it was told */
}

static void one_who_is_told_may_leave_and_make_another_leave(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < 4; i++)
		ask(p, i, i % 2 == 0 ? &x : &y);
	p->askers[0].leaves = &p->askers[0].turn;
	p->askers[2].leaves = &p->askers[3].turn;
	/* 0 leaves, so 2 has its turn, and takes 3 out of the line behind 1. */
	assert_told(p, "111000");
	leave(p, 1);
	assert_told(p, "111000");
}

static void leaving_without_a_turn_is_fine(void **state)
{
	struct turn *none = NULL;

	(void)state;
	turn_leave(&none);
	assert_null(none);
}

/* Whatever the order: never two of a content, and whoever is left is told in the end. */
static void at_most_one_of_a_content_has_its_turn(void **state)
{
	struct place *p = *state;
	unsigned short seed[3] = { 1, 2, 3 };

	for (size_t step = 0; step < STEPS; step++) {
		size_t who = (size_t)nrand48(seed) % N_ASKERS;
		unsigned has_turn[2] = { 0, 0 };
		unsigned is_asking[2] = { 0, 0 };

		if (p->askers[who].turn != NULL)
			leave(p, who);
		else
			ask(p, who, nrand48(seed) % 2 == 0 ? &x : &y);
		if (nrand48(seed) % 3 == 0)
			continue;
		loop_turn(p->loop);
		for (size_t i = 0; i < N_ASKERS; i++) {
			const struct asker *asker = &p->askers[i];

			if (asker->turn == NULL)
				continue;
			is_asking[asker->file == &y]++;
			has_turn[asker->file == &y] += asker->n_told;
		}
		for (size_t i = 0; i < 2; i++)
			assert_int_equal(has_turn[i], is_asking[i] > 0 ? 1 : 0);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_first_has_its_turn_and_others_wait_in_line),
		TEST(other_contents_do_not_wait),
		TEST(one_who_leaves_the_line_is_not_called),
		TEST(one_who_is_told_may_leave_and_make_another_leave),
		TEST(leaving_without_a_turn_is_fine),
		TEST(at_most_one_of_a_content_has_its_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
