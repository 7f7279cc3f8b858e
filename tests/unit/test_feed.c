#include "downloader/feed.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct place {
	struct feed_allowance *allowance;
	struct feed *feed;
	char *block;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));

	p->allowance = feed_allowance_new(FEED_ALLOWANCE);
	p->feed = feed_new(p->allowance);
	p->block = mem_bytes(FEED_BLOCK);
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	feed_free(&p->feed);
	feed_allowance_free(&p->allowance);
	free(p->block);
	free(p);
	return 0;
}

static bool offer(struct place *p, uint64_t at, const char *text)
{
	memcpy(p->block, text, strlen(text));
	return feed_offer(p->feed, at, strlen(text), &p->block);
}

static void expect(struct place *p, uint64_t at, const char *text)
{
	char *block = NULL;

	assert_int_equal(feed_take(p->feed, at, &block), strlen(text));
	if (text[0] == '\0')
		return;
	assert_memory_equal(block, text, strlen(text));
	feed_done(p->feed, block);
}

static void blocks_are_taken_where_they_belong(void **state)
{
	struct place *p = *state;

	assert_true(offer(p, 5, "second"));
	assert_true(offer(p, 0, "first"));
	assert_true(feed_has(p->feed, 0));
	assert_int_equal(feed_until(p->feed, 0), 5);
	expect(p, 0, "first");
	expect(p, 5, "second");
	assert_false(feed_has(p->feed, 11));
	expect(p, 11, "");
	assert_int_equal(feed_until(p->feed, 11), UINT64_MAX);
}

static void what_the_reader_has_passed_or_will_not_come_to_soon_is_not_kept(void **state)
{
	struct place *p = *state;
	uint64_t far = (uint64_t)FEED_BLOCKS * FEED_BLOCK;

	expect(p, 100, "");
	assert_false(offer(p, 99, "x"));
	assert_true(offer(p, 100, "x"));
	assert_false(offer(p, 100 + far, "x"));
	assert_true(offer(p, 100 + far - 1, "y"));
	assert_false(offer(p, 200, ""));
	/* Read from the file meanwhile: no use any more. */
	expect(p, 101, "");
	assert_false(feed_has(p->feed, 100));
	expect(p, 100 + far - 1, "y");
}

static void memory_is_bounded_for_one_and_for_all(void **state)
{
	struct place *p = *state;
	struct feed *other = feed_new(p->allowance);
	char *block = mem_bytes(FEED_BLOCK);
	size_t kept = 0;
	uint64_t at = 0;

	while (offer(p, at, "x"))
		at++;
	assert_int_equal(at, FEED_BLOCKS);
	while (feed_offer(other, kept, 1, &block))
		kept++;
	assert_int_equal(kept, FEED_ALLOWANCE - FEED_BLOCKS);
	/* What one gives back, the other has. */
	for (uint64_t i = 0; i < FEED_BLOCKS; i++)
		expect(p, i, "x");
	assert_true(feed_offer(other, kept, 1, &block));
	feed_free(&other);
	free(block);
	at = FEED_BLOCKS;
	while (offer(p, at, "x"))
		at++;
	assert_int_equal(at, 2 * FEED_BLOCKS);
}

static void without_an_allowance_nothing_is_kept(void **state)
{
	struct feed_allowance *none = feed_allowance_new(0);
	struct feed *feed = feed_new(none);
	struct place *p = *state;

	assert_false(feed_offer(feed, 0, 1, &p->block));
	assert_false(feed_wait(feed, 0));
	feed_free(&feed);
	feed_allowance_free(&none);
}

enum {
	N = 2000,
	WRITERS = 2,
};

struct writer {
	struct place *p;
	size_t first;
	_Atomic uint64_t *reader;
};

/* Every second block each, never so far ahead that there is no room for what the reader needs.
 */
static void *write_blocks(void *arg)
{
	struct writer *w = arg;
	char *block = mem_bytes(FEED_BLOCK);

	for (uint64_t i = w->first; i < N; i += WRITERS) {
		memcpy(block, &i, sizeof(i));
		while (atomic_load(w->reader) / sizeof(i) + FEED_BLOCKS / 2 < i)
			(void)sched_yield();
		while (!feed_offer(w->p->feed, i * sizeof(i), sizeof(i), &block))
			(void)sched_yield();
	}
	free(block);
	return NULL;
}

static void many_write_and_one_reads_every_byte_in_order(void **state)
{
	struct place *p = *state;
	_Atomic uint64_t reader = 0;
	struct writer writers[WRITERS];
	pthread_t threads[WRITERS];
	uint64_t at = 0;

	for (size_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ .p = p, .first = i, .reader = &reader };
		assert_int_equal(pthread_create(&threads[i], NULL, write_blocks, &writers[i]),
				 0);
	}
	while (at < N * sizeof(at)) {
		char *block = NULL;
		uint64_t value;

		if (!feed_wait(p->feed, at))
			continue;
		assert_int_equal(feed_take(p->feed, at, &block), sizeof(value));
		memcpy(&value, block, sizeof(value));
		assert_int_equal(value, at / sizeof(value));
		feed_done(p->feed, block);
		at += sizeof(value);
		atomic_store(&reader, at);
	}
	for (size_t i = 0; i < WRITERS; i++)
		(void)pthread_join(threads[i], NULL);
}

static void the_last_holder_frees_it(void **state)
{
	struct place *p = *state;
	struct feed *other = feed_hold(p->feed);

	assert_true(offer(p, 0, "x"));
	feed_free(&other);
	assert_null(other);
	feed_free(&other);
	expect(p, 0, "x");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
	const struct CMUnitTest tests[] = {
		TEST(blocks_are_taken_where_they_belong),
		TEST(what_the_reader_has_passed_or_will_not_come_to_soon_is_not_kept),
		TEST(memory_is_bounded_for_one_and_for_all),
		TEST(without_an_allowance_nothing_is_kept),
		TEST(many_write_and_one_reads_every_byte_in_order),
		TEST(the_last_holder_frees_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
