#include "downloader/hasher.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>

#include "common/error.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

#define HELLO_SHA256 "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
#define HELLO_GIT    "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"
#define EMPTY_GIT    "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"

/* What was given back, by a worker: it is looked at when the hook has told of it. */
static uint64_t given_to;
static unsigned n_gifts;

void __wrap_file_give_back(int fd, uint64_t first, uint64_t length);
void __wrap_file_give_back(int fd, uint64_t first, uint64_t length)
{
	assert(fd >= 0 && first == given_to);
	given_to = first + length;
	n_gifts++;
}

struct place {
	struct tempdir dir;
	struct loop *loop;
	struct pool *pool;
	int fd;
	uint64_t hashed;
	bool has_come; /* progress since it was last looked at */
	bool is_over;
	unsigned n_finished;
	unsigned n_failed;
	bool is_released;
	char hex[HUB_DIGEST_MAX + 1];
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	AUTO_CSTR path = NULL;
	struct error err;

	given_to = 0;
	n_gifts = 0;
	tempdir_make(&p->dir);
	tempdir_write(&p->dir, "x", S("hello"));
	path = tempdir_path(&p->dir, "x");
	p->fd = open(path, O_RDONLY | O_CLOEXEC);
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
	free(p);
	return 0;
}

static void on_progress(void *ctx, uint64_t hashed)
{
	struct place *p = ctx;

	assert_true(hashed >= p->hashed);
	assert_false(p->is_released);
	p->hashed = hashed;
	p->has_come = true;
}

static void on_finished(void *ctx, const char *hex)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	p->n_finished++;
	p->is_over = true;
	memcpy(p->hex, hex, strlen(hex) + 1);
}

static void on_failed(void *ctx, const struct error *err)
{
	struct place *p = ctx;

	assert_int_equal(err->code, ERR_DISK_ERROR);
	p->n_failed++;
	p->is_over = true;
}

static void on_released(void *ctx)
{
	struct place *p = ctx;

	p->is_released = true;
}

static struct hasher *make_fed(struct place *p, uint64_t size, enum digest_algorithm algorithm,
			       struct feed *feed)
{
	struct hasher_hooks hooks = {
		.progress = on_progress, .finished = on_finished, .failed = on_failed, .ctx = p
	};

	return hasher_new(p->pool, p->fd, size, algorithm, feed, &hooks);
}

static struct hasher *make(struct place *p, uint64_t size, enum digest_algorithm algorithm)
{
	return make_fed(p, size, algorithm, NULL);
}

static void drop(struct place *p, struct hasher **hasher)
{
	hasher_stop(hasher, on_released, p);
	assert_null(*hasher);
	loop_until(p->loop, &p->is_released);
}

static void the_digest_is_that_of_the_whole_file(void **state)
{
	struct place *p = *state;
	struct hasher *hasher = make(p, 5, DIGEST_SHA256);

	hasher_advance(hasher, 5);
	assert_false(p->is_over);
	loop_until(p->loop, &p->is_over);
	assert_string_equal(p->hex, HELLO_SHA256);
	assert_int_equal(p->hashed, 5);
	assert_int_equal(p->n_finished, 1);
	drop(p, &hasher);
}

static void it_follows_the_written_prefix_and_goes_no_further(void **state)
{
	struct place *p = *state;
	struct hasher *hasher = make(p, 5, DIGEST_GIT_SHA1);

	for (uint64_t written = 1; written <= 5; written++) {
		p->has_come = false;
		hasher_advance(hasher, written);
		while (p->hashed < written)
			loop_until(p->loop, &p->has_come);
		assert_int_equal(p->hashed, written);
		assert_int_equal(p->is_over, written == 5);
	}
	assert_string_equal(p->hex, HELLO_GIT);
	drop(p, &hasher);
}

static void what_is_hashed_is_given_back_if_so_asked(void **state)
{
	struct place *p = *state;

	for (int gives_back = 0; gives_back <= 1; gives_back++) {
		struct hasher *hasher = make(p, 5, DIGEST_SHA256);

		p->is_over = false;
		p->is_released = false;
		p->has_come = false;
		p->hashed = 0;
		if (gives_back)
			hasher_give_back(hasher);
		hasher_advance(hasher, 2);
		loop_until(p->loop, &p->has_come);
		assert_int_equal(given_to, gives_back ? 2 : 0);
		hasher_advance(hasher, 5);
		loop_until(p->loop, &p->is_over);
		assert_int_equal(given_to, gives_back ? 5 : 0);
		assert_int_equal(n_gifts, gives_back ? 2 : 0);
		assert_string_equal(p->hex, HELLO_SHA256);
		drop(p, &hasher);
	}
}

static void advancing_while_it_works_is_not_forgotten(void **state)
{
	struct place *p = *state;
	struct hasher *hasher = make(p, 5, DIGEST_GIT_SHA1);

	hasher_advance(hasher, 1);
	hasher_advance(hasher, 1);
	hasher_advance(hasher, 3);
	hasher_advance(hasher, 5);
	loop_until(p->loop, &p->is_over);
	assert_string_equal(p->hex, HELLO_GIT);
	hasher_advance(hasher, 5);
	loop_turn(p->loop);
	assert_int_equal(p->n_finished, 1);
	drop(p, &hasher);
}

/* Waits until the hooks have told of `hashed`. */
static void wait_for(struct place *p, uint64_t hashed)
{
	while (p->hashed < hashed) {
		p->has_come = false;
		loop_until(p->loop, &p->has_come);
	}
	assert_int_equal(p->hashed, hashed);
}

/* On the disk are other bytes, so that it shows from where they are taken. */
static void what_it_is_fed_is_not_read(void **state)
{
	static const struct {
		uint64_t at;
		const char *text;
		const char *disk;
	} rows[] = { { 0, "hel", "xxxlo" },
		     { 2, "ll", "hexxo" },
		     { 2, "llo", "hexxx" },
		     { 4, "o", "hellx" } };
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct feed_allowance *allowance = feed_allowance_new(FEED_ALLOWANCE);
		struct feed *feed = feed_new(allowance);
		struct hasher *h = make_fed(p, 5, DIGEST_SHA256, feed);
		char *block = mem_bytes(FEED_BLOCK);

		p->is_over = p->is_released = false;
		p->hashed = 0;
		tempdir_write(&p->dir, "x", str_from(rows[i].disk));
		memcpy(block, rows[i].text, strlen(rows[i].text));
		assert_true(feed_offer(feed, rows[i].at, strlen(rows[i].text), &block));
		hasher_advance(h, 5);
		loop_until(p->loop, &p->is_over);
		assert_string_equal(p->hex, HELLO_SHA256);
		drop(p, &h);
		feed_free(&feed);
		free(block);
		feed_allowance_free(&allowance);
	}
}

/* Who has not been told that bytes are written is not told that they are hashed. */
static void what_is_hashed_before_it_is_known_is_told_after(void **state)
{
	struct place *p = *state;
	struct feed_allowance *allowance = feed_allowance_new(FEED_ALLOWANCE);
	struct feed *feed = feed_new(allowance);
	struct hasher *h = make_fed(p, 5, DIGEST_SHA256, feed);
	char *block = mem_bytes(FEED_BLOCK);

	tempdir_write(&p->dir, "x", S("xxxxx"));
	memcpy(block, "hello", 5);
	assert_true(feed_offer(feed, 0, 5, &block));
	for (uint64_t written = 1; written < 5; written++) {
		hasher_advance(h, written);
		wait_for(p, written);
		assert_int_equal(p->n_finished, 0);
	}
	hasher_advance(h, 5);
	loop_until(p->loop, &p->is_over);
	assert_int_equal(p->n_finished, 1);
	assert_string_equal(p->hex, HELLO_SHA256);
	hasher_advance(h, 5);
	drop(p, &h);
	assert_int_equal(p->n_finished, 1);
	feed_free(&feed);
	free(block);
	feed_allowance_free(&allowance);
}

static void an_empty_file_finishes_with_the_first_advance(void **state)
{
	struct place *p = *state;
	struct hasher *hasher = make(p, 0, DIGEST_GIT_SHA1);

	hasher_advance(hasher, 0);
	loop_until(p->loop, &p->is_over);
	assert_string_equal(p->hex, EMPTY_GIT);
	drop(p, &hasher);
}

static void a_file_that_became_shorter_fails_once(void **state)
{
	struct place *p = *state;
	struct hasher *hasher = make(p, 9, DIGEST_SHA256);

	hasher_advance(hasher, 9);
	loop_until(p->loop, &p->is_over);
	hasher_advance(hasher, 9);
	loop_turn(p->loop);
	assert_int_equal(p->n_failed, 1);
	assert_int_equal(p->n_finished, 0);
	drop(p, &hasher);
}

static void a_stop_in_the_middle_releases_and_calls_no_hook(void **state)
{
	struct place *p = *state;
	struct hasher *hasher = make(p, 5, DIGEST_SHA256);

	hasher_advance(hasher, 5);
	hasher_stop(&hasher, on_released, p);
	assert_null(hasher);
	assert_false(p->is_released); /* a worker may still read */
	loop_until(p->loop, &p->is_released);
	loop_turn(p->loop);
	assert_int_equal(p->n_finished + p->n_failed, 0);
	assert_int_equal(p->hashed, 0);
}

static void stopping_what_is_idle_or_nothing_releases_at_once(void **state)
{
	struct place *p = *state;
	struct hasher *hasher = make(p, 5, DIGEST_SHA256);

	hasher_stop(&hasher, on_released, p);
	assert_true(p->is_released);
	p->is_released = false;
	hasher_stop(&hasher, on_released, p);
	assert_true(p->is_released);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_digest_is_that_of_the_whole_file),
		TEST(it_follows_the_written_prefix_and_goes_no_further),
		TEST(what_is_hashed_is_given_back_if_so_asked),
		TEST(advancing_while_it_works_is_not_forgotten),
		TEST(what_it_is_fed_is_not_read),
		TEST(what_is_hashed_before_it_is_known_is_told_after),
		TEST(an_empty_file_finishes_with_the_first_advance),
		TEST(a_file_that_became_shorter_fails_once),
		TEST(a_stop_in_the_middle_releases_and_calls_no_hook),
		TEST(stopping_what_is_idle_or_nothing_releases_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
