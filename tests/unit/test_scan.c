#include "downloader/scan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/looping.h"
#include "tests/unit/shelf.h"

enum {
	KNOWN_MAX = 200,
};

struct place {
	struct shelf shelf;
	struct loop *loop;
	struct pool *pool;
	struct scan *scan;
	struct model *known[KNOWN_MAX];
	size_t n_known;
	size_t n_looked;
	size_t n_gone;
	size_t n_seen;
	size_t n_begun;
	size_t n_ended;
	bool has_ended;
	bool has_looked;
	bool has_failed;
};

static size_t find(const struct place *p, const char *folder)
{
	size_t i = 0;

	while (i < p->n_known && strcmp(p->known[i]->folder, folder) != 0)
		i++;
	return i;
}

static struct model *on_known(void *ctx, const char *folder)
{
	struct place *p = ctx;
	size_t i = find(p, folder);

	return i < p->n_known ? p->known[i] : NULL;
}

static void on_looked(void *ctx, const char *folder, struct model *take_model, bool is_news,
		      uint64_t order)
{
	struct place *p = ctx;
	size_t i = find(p, folder);

	assert_true(order > 0);
	p->has_looked = true;
	p->n_looked += is_news ? 1 : 0;
	p->n_gone += take_model == NULL ? 1 : 0;
	if (i < p->n_known) {
		model_free(&p->known[i]);
		p->known[i] = p->known[--p->n_known];
	}
	if (take_model != NULL) {
		assert_string_equal(take_model->folder, folder);
		assert_true(p->n_known < KNOWN_MAX);
		p->known[p->n_known++] = take_model;
	}
}

static void on_begun(void *ctx)
{
	struct place *p = ctx;

	p->n_begun++;
	p->n_seen = 0;
}

static void on_seen(void *ctx, const char *folder)
{
	struct place *p = ctx;

	(void)folder;
	assert_int_equal(p->n_begun, p->n_ended + 1);
	p->n_seen++;
}

static void on_unread(void *ctx, const char *folder)
{
	(void)ctx;
	fail_msg("%s is said not to be readable", folder);
}

static void on_ended(void *ctx, const struct error *err)
{
	struct place *p = ctx;

	p->n_ended++;
	p->has_ended = true;
	p->has_failed = err != NULL;
}

static void on_over(void *ctx, const char *folder)
{
	(void)ctx;
	assert_true(folder[0] != '\0');
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct scan_hooks hooks = { .known = on_known,
				    .looked = on_looked,
				    .begun = on_begun,
				    .seen = on_seen,
				    .unread = on_unread,
				    .ended = on_ended,
				    .over = on_over,
				    .ctx = p };
	struct error err;

	shelf_make(&p->shelf);
	p->loop = loop_new(&err);
	p->pool = pool_new(p->loop, 2, &err);
	p->scan = scan_new(p->pool, p->shelf.root, &hooks);
	*state = p;
	return p->pool == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	scan_stop(p->scan);
	pool_stop(p->pool);
	loop_drain(p->loop);
	scan_free(&p->scan);
	for (size_t i = 0; i < p->n_known; i++)
		model_free(&p->known[i]);
	pool_free(&p->pool);
	loop_free(&p->loop);
	shelf_remove(&p->shelf);
	free(p);
	return 0;
}

static void scan_and_wait(struct place *p)
{
	p->has_ended = false;
	scan_all(p->scan);
	assert_true(scan_is_busy(p->scan));
	loop_until(p->loop, &p->has_ended);
}

static void everything_is_looked_at_and_only_changes_are_told(void **state)
{
	struct place *p = *state;

	for (unsigned i = 0; i < 100; i++) {
		AUTO_CSTR path = mem_printf("acme/m%u/a.gguf", i);

		shelf_put(&p->shelf, path, S("x"));
	}
	scan_and_wait(p);
	assert_int_equal(p->n_looked, 100);
	assert_int_equal(p->n_seen, 100);
	assert_false(p->has_failed);
	p->n_looked = 0;
	scan_and_wait(p);
	assert_int_equal(p->n_looked, 0);
	assert_int_equal(p->n_seen, 100);
	shelf_put(&p->shelf, "acme/m7/b.gguf", S("x"));
	scan_and_wait(p);
	assert_int_equal(p->n_looked, 1);
	assert_false(scan_is_busy(p->scan));
}

static void a_folder_is_looked_at_when_asked(void **state)
{
	struct place *p = *state;

	shelf_put(&p->shelf, "acme/a/a.gguf", S("x"));
	shelf_put(&p->shelf, "acme/b/a.gguf", S("x"));
	scan_folder(p->scan, "acme/a");
	loop_until(p->loop, &p->has_looked);
	assert_int_equal(p->n_known, 1);
	assert_int_equal(p->n_begun, 0);
	/* It is gone. */
	assert_int_equal(unlinkat(p->shelf.root, "acme/a/a.gguf", 0), 0);
	p->has_looked = false;
	scan_folder(p->scan, "acme/a");
	loop_until(p->loop, &p->has_looked);
	assert_int_equal(p->n_gone, 1);
	assert_int_equal(p->n_known, 0);
}

static void what_is_asked_meanwhile_follows(void **state)
{
	struct place *p = *state;

	shelf_put(&p->shelf, "acme/a/a.gguf", S("x"));
	scan_all(p->scan);
	scan_all(p->scan);
	scan_all(p->scan);
	loop_until(p->loop, &p->has_ended);
	p->has_ended = false;
	loop_until(p->loop, &p->has_ended);
	assert_int_equal(p->n_ended, 2);
	assert_false(scan_is_busy(p->scan));
}

static void a_stop_ends_it_in_the_middle(void **state)
{
	struct place *p = *state;

	for (unsigned i = 0; i < 100; i++) {
		AUTO_CSTR path = mem_printf("acme/m%u/a.gguf", i);

		shelf_put(&p->shelf, path, S("x"));
	}
	scan_all(p->scan);
	loop_until(p->loop, &p->has_looked);
	scan_stop(p->scan);
	pool_stop(p->pool);
	loop_drain(p->loop);
	assert_int_equal(p->n_ended, 0);
	assert_true(p->n_looked < 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_is_looked_at_and_only_changes_are_told),
		TEST(a_folder_is_looked_at_when_asked),
		TEST(what_is_asked_meanwhile_follows),
		TEST(a_stop_ends_it_in_the_middle),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
