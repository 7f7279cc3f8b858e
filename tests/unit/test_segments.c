#include "downloader/segments.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define MIB UINT64_C(1048576)

static void pieces_are_handed_out_in_order_until_none_is_left(void **state)
{
	AUTO(segments) s = segments_new(40 * MIB);
	struct segment piece;
	uint64_t at = 0;

	(void)state;
	while (segments_take(s, 16 * MIB, &piece)) {
		assert_int_equal(piece.first, at);
		assert_int_equal(piece.at, at);
		at = piece.end;
	}
	assert_int_equal(at, 40 * MIB);
	assert_false(segments_has_free(s));
	assert_false(segments_is_whole(s));
}

static void a_small_rest_goes_with_the_last_piece(void **state)
{
	AUTO(segments) s = segments_new(19 * MIB);
	struct segment piece;

	(void)state;
	assert_true(segments_take(s, 16 * MIB, &piece));
	assert_int_equal(piece.end, 19 * MIB);
}

static void what_a_lane_did_not_bring_is_free_again(void **state)
{
	AUTO(segments) s = segments_new(32 * MIB);
	struct segment piece;

	(void)state;
	assert_true(segments_take(s, 16 * MIB, &piece));
	segments_reach(s, 0, 3 * MIB);
	assert_int_equal(segments_frontier(s), 3 * MIB);
	segments_end(s, 0, 5 * MIB);
	assert_int_equal(segments_frontier(s), 5 * MIB);
	assert_int_equal(segments_here(s), 5 * MIB);
	assert_true(segments_take(s, 16 * MIB, &piece));
	assert_int_equal(piece.first, 5 * MIB);
	segments_end(s, piece.first, piece.first);
	assert_int_equal(segments_here(s), 5 * MIB);
}

static void the_frontier_is_the_end_of_the_first_run(void **state)
{
	AUTO(segments) s = segments_new(48 * MIB);
	struct segment a;
	struct segment b;

	(void)state;
	assert_true(segments_take(s, 16 * MIB, &a));
	assert_true(segments_take(s, 16 * MIB, &b));
	segments_end(s, b.first, b.end);
	assert_int_equal(segments_frontier(s), 0);
	assert_int_equal(segments_here(s), 16 * MIB);
	segments_reach(s, a.first, a.end);
	assert_int_equal(segments_frontier(s), 32 * MIB);
	segments_end(s, a.first, a.end);
	assert_int_equal(segments_frontier(s), 32 * MIB);
}

static void the_longest_running_piece_is_cut_in_its_middle(void **state)
{
	AUTO(segments) s = segments_new(48 * MIB);
	struct segment piece;
	struct segment rest;

	(void)state;
	assert_true(segments_take(s, 16 * MIB, &piece));
	assert_true(segments_take(s, 32 * MIB, &piece));
	segments_reach(s, 16 * MIB, 20 * MIB);
	assert_true(segments_longest(s, &piece));
	assert_int_equal(piece.first, 16 * MIB);
	assert_int_equal(piece.end, 34 * MIB);
	segments_cut(s, piece.first, piece.end, &rest);
	assert_int_equal(rest.first, 34 * MIB);
	assert_int_equal(rest.end, 48 * MIB);
	segments_end(s, 16 * MIB, 34 * MIB);
	segments_end(s, 34 * MIB, 48 * MIB);
	segments_end(s, 0, 16 * MIB);
	assert_true(segments_is_whole(s));
}

static void what_is_nearly_through_is_not_cut(void **state)
{
	AUTO(segments) s = segments_new(16 * MIB);
	struct segment piece;

	(void)state;
	assert_false(segments_longest(s, &piece));
	assert_true(segments_take(s, 16 * MIB, &piece));
	segments_reach(s, 0, 14 * MIB + 1);
	assert_false(segments_longest(s, &piece));
}

static void claims_are_neither_here_nor_free_until_they_are_settled(void **state)
{
	AUTO(segments) s = segments_new(48 * MIB);
	struct segment piece;

	(void)state;
	assert_true(segments_claim(s, 0, 8 * MIB));
	assert_true(segments_claim(s, 8 * MIB, 16 * MIB));
	assert_true(segments_claim(s, 32 * MIB, 48 * MIB));
	assert_int_equal(segments_frontier(s), 0);
	assert_int_equal(segments_here(s), 0);
	assert_true(segments_take(s, 64 * MIB, &piece));
	assert_int_equal(piece.first, 16 * MIB);
	assert_int_equal(piece.end, 32 * MIB);
	assert_false(segments_has_free(s));
	segments_settle(s, 0, 8 * MIB, true);
	segments_settle(s, 8 * MIB, 16 * MIB, false);
	assert_int_equal(segments_frontier(s), 8 * MIB);
	assert_true(segments_take(s, 64 * MIB, &piece));
	assert_int_equal(piece.first, 8 * MIB);
	assert_int_equal(piece.end, 16 * MIB);
}

static void a_claim_that_cannot_be_is_refused(void **state)
{
	AUTO(segments) s = segments_new(16 * MIB);

	(void)state;
	assert_false(segments_claim(s, 0, 16 * MIB + 1));
	assert_false(segments_claim(s, 4, 4));
	assert_false(segments_claim(s, 9, 4));
	assert_true(segments_claim(s, 4 * MIB, 8 * MIB));
	assert_false(segments_claim(s, 0, 4 * MIB + 1));
	assert_false(segments_claim(s, 4 * MIB, 5 * MIB));
	assert_true(segments_claim(s, 0, 4 * MIB));
}

static void pieces_are_longer_for_the_fast_and_shorter_near_the_end(void **state)
{
	AUTO(segments) s = segments_new(4096 * MIB);
	AUTO(segments) small = segments_new(9 * MIB);
	AUTO(segments) middle = segments_new(48 * MIB);

	(void)state;
	assert_int_equal(segments_length(s, 0, 4), SEGMENT_USUAL);
	assert_int_equal(segments_length(s, 10 * MIB, 4), 40 * MIB);
	assert_int_equal(segments_length(s, 900 * MIB, 4), SEGMENT_MOST);
	assert_int_equal(segments_length(small, 0, 8), 9 * MIB);
	assert_int_equal(segments_length(middle, 0, 2), 12 * MIB);
	assert_int_equal(segments_length(middle, 0, 64), SEGMENT_SHORT);
}

/* --- against a model that has one letter for each block --- */

enum {
	BLOCKS = 64,
	LANES = 5,
};

struct model {
	char blocks[BLOCKS + 1]; /* f free, c claimed, r running, h here */
	struct segment running[LANES];
	size_t n;
};

static void paint(struct model *m, uint64_t first, uint64_t end, char letter)
{
	for (uint64_t i = first / MIB; i < end / MIB; i++)
		m->blocks[i] = letter;
}

static void assert_same(const struct segments *s, const struct model *m)
{
	uint64_t here = 0;
	uint64_t frontier = 0;
	bool is_run = true;
	bool has_free = strchr(m->blocks, 'f') != NULL;

	for (size_t i = 0; i < BLOCKS; i++) {
		bool is_here = m->blocks[i] == 'h';

		for (size_t j = 0; j < m->n; j++)
			is_here = is_here || (i * MIB >= m->running[j].first &&
					      i * MIB < m->running[j].at);
		here += is_here ? MIB : 0;
		is_run = is_run && is_here;
		frontier += is_run ? MIB : 0;
	}
	assert_int_equal(segments_here(s), here);
	assert_int_equal(segments_frontier(s), frontier);
	assert_int_equal(segments_has_free(s), has_free);
	assert_int_equal(segments_is_whole(s), here == BLOCKS * MIB && m->n == 0);
}

static void start_one(struct segments *s, struct model *m)
{
	struct segment piece;

	if (m->n == LANES)
		return;
	if (segments_take(s, (1 + (uint64_t)random() % 8) * MIB, &piece)) {
		paint(m, piece.first, piece.end, 'r');
		m->running[m->n++] = piece;
		return;
	}
	if (!segments_longest(s, &piece))
		return;
	for (size_t i = 0; i < m->n; i++) {
		uint64_t middle = piece.end - piece.end % MIB;

		if (m->running[i].first != piece.first || middle <= m->running[i].at)
			continue;
		segments_cut(s, piece.first, middle, &m->running[m->n]);
		m->running[i].end = middle;
		m->n++;
		return;
	}
}

static void move_one(struct segments *s, struct model *m)
{
	struct segment *lane;
	uint64_t left;

	if (m->n == 0)
		return;
	lane = &m->running[(uint64_t)random() % m->n];
	left = (lane->end - lane->at) / MIB;
	lane->at += (uint64_t)random() % (left + 1) * MIB;
	segments_reach(s, lane->first, lane->at);
	if (random() % 2 == 0)
		return;
	segments_end(s, lane->first, lane->at);
	paint(m, lane->first, lane->at, 'h');
	paint(m, lane->at, lane->end, 'f');
	*lane = m->running[--m->n];
}

static void the_map_is_as_a_plain_list_of_blocks_would_be(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 50; seed++) {
		AUTO(segments) s = segments_new(BLOCKS * MIB);
		struct model m = { .n = 0 };

		srandom(seed);
		memset(m.blocks, 'f', BLOCKS);
		for (int i = 0; i < 4; i++) {
			uint64_t first = (uint64_t)random() % BLOCKS * MIB;

			if (segments_claim(s, first, first + MIB))
				paint(&m, first, first + MIB, 'c');
		}
		for (int step = 0; step < 400 && !segments_is_whole(s); step++) {
			const char *claim = strchr(m.blocks, 'c');

			if (claim != NULL && random() % 20 == 0) {
				uint64_t first = (uint64_t)(claim - m.blocks) * MIB;
				bool is_good = random() % 2 == 0;

				segments_settle(s, first, first + MIB, is_good);
				paint(&m, first, first + MIB, is_good ? 'h' : 'f');
			}
			if (random() % 2 == 0)
				start_one(s, &m);
			move_one(s, &m);
			assert_same(s, &m);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_handed_out_in_order_until_none_is_left),
		cmocka_unit_test(a_small_rest_goes_with_the_last_piece),
		cmocka_unit_test(what_a_lane_did_not_bring_is_free_again),
		cmocka_unit_test(the_frontier_is_the_end_of_the_first_run),
		cmocka_unit_test(the_longest_running_piece_is_cut_in_its_middle),
		cmocka_unit_test(what_is_nearly_through_is_not_cut),
		cmocka_unit_test(claims_are_neither_here_nor_free_until_they_are_settled),
		cmocka_unit_test(a_claim_that_cannot_be_is_refused),
		cmocka_unit_test(pieces_are_longer_for_the_fast_and_shorter_near_the_end),
		cmocka_unit_test(the_map_is_as_a_plain_list_of_blocks_would_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
