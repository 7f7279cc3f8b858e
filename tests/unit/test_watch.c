#include "downloader/watch.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/looping.h"
#include "tests/unit/shelf.h"

struct place {
	struct shelf shelf;
	struct loop *loop;
	struct pool *pool;
	struct watch *watch;
	char *told; /* the last news; "*" for anything */
	bool has_news;
};

static void on_news(void *ctx, const char *folder)
{
	struct place *p = ctx;

	free(p->told);
	p->told = mem_strdup(folder != NULL ? folder : "*");
	p->has_news = true;
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct watch_hooks hooks = { .news = on_news, .ctx = p };
	struct error err;

	shelf_make(&p->shelf);
	p->loop = loop_new(&err);
	p->pool = pool_new(p->loop, 1, &err);
	p->watch = watch_new(p->loop, p->pool, p->shelf.root, &hooks, &err);
	*state = p;
	return p->watch == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	watch_stop(p->watch);
	pool_stop(p->pool);
	loop_drain(p->loop);
	watch_free(&p->watch);
	pool_free(&p->pool);
	loop_free(&p->loop);
	shelf_remove(&p->shelf);
	free(p->told);
	free(p);
	return 0;
}

static struct watch_folder *folders(const char *const *paths, const char *const *told, size_t n)
{
	struct watch_folder *v = mem_array(n, sizeof(*v));

	for (size_t i = 0; i < n; i++)
		v[i] = (struct watch_folder){ mem_strdup(paths[i]), mem_strdup(told[i]) };
	return v;
}

/* Watches these, and waits until the kernel does: a worker does one task after the other. */
static void set(struct place *p, const char *const *paths, const char *const *told, size_t n)
{
	watch_set(p->watch, folders(paths, told, n), n);
	pool_stop(p->pool);
	loop_drain(p->loop);
}

static void wait_for_news(struct place *p, const char *folder)
{
	p->has_news = false;
	loop_until(p->loop, &p->has_news);
	assert_string_equal(p->told, folder);
}

static void a_file_that_comes_is_told_with_its_model(void **state)
{
	static const char *const paths[] = { ".", "acme", "acme/tiny", "acme/tiny/sub" };
	static const char *const told[] = { NULL, NULL, "acme/tiny", "acme/tiny" };
	struct place *p = *state;

	shelf_put(&p->shelf, "acme/tiny/sub/a", S("x"));
	set(p, paths, told, 4);
	shelf_put(&p->shelf, "acme/tiny/sub/b", S("x"));
	wait_for_news(p, "acme/tiny");
	shelf_put(&p->shelf, "acme/tiny/c", S("x"));
	wait_for_news(p, "acme/tiny");
	shelf_put(&p->shelf, "acme/new/c", S("x"));
	wait_for_news(p, "*");
}

static void models_are_watched_though_they_are_let_go(void **state)
{
	struct place *p = *state;
	struct model *model = model_new("acme/tiny");

	shelf_put(&p->shelf, "acme/tiny/sub/a", S("x"));
	(void)model_add(model, S("sub/a"));
	model_finish(model);
	watch_models(p->watch, &model, 1);
	model_free(&model);
	pool_stop(p->pool);
	loop_drain(p->loop);
	shelf_put(&p->shelf, "acme/tiny/sub/b", S("x"));
	wait_for_news(p, "acme/tiny");
}

static void what_goes_or_is_renamed_is_told(void **state)
{
	static const char *const paths[] = { "acme/tiny" };
	static const char *const told[] = { "acme/tiny" };
	struct place *p = *state;
	AUTO_CSTR a = tempdir_path(&p->shelf.dir, "acme/tiny/a");
	AUTO_CSTR b = tempdir_path(&p->shelf.dir, "acme/tiny/b");

	shelf_put(&p->shelf, "acme/tiny/a", S("x"));
	set(p, paths, told, 1);
	assert_int_equal(rename(a, b), 0);
	wait_for_news(p, "acme/tiny");
	assert_int_equal(unlink(b), 0);
	wait_for_news(p, "acme/tiny");
}

static void a_folder_that_goes_and_comes_again_is_watched_again(void **state)
{
	static const char *const paths[] = { "acme", "acme/tiny" };
	static const char *const told[] = { NULL, "acme/tiny" };
	struct place *p = *state;
	AUTO_CSTR folder = tempdir_path(&p->shelf.dir, "acme/tiny");
	AUTO_CSTR file = tempdir_path(&p->shelf.dir, "acme/tiny/a");

	shelf_put(&p->shelf, "acme/tiny/a", S("x"));
	set(p, paths, told, 2);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(rmdir(folder), 0);
	wait_for_news(p, "*");
	shelf_put(&p->shelf, "acme/tiny/a", S("x"));
	set(p, paths, told, 2);
	/* It is new here: what came before it was watched may have been missed. */
	wait_for_news(p, "*");
	shelf_put(&p->shelf, "acme/tiny/b", S("x"));
	wait_for_news(p, "acme/tiny");
}

static void of_many_only_that_there_are_is_told(void **state)
{
	enum {
		MANY = WATCH_TOLD_MAX + 1
	};
	struct place *p = *state;
	struct watch_folder *v = mem_array(MANY, sizeof(*v));

	for (size_t i = 0; i < MANY; i++) {
		AUTO_CSTR file = mem_printf("acme/%zu/a", i);

		shelf_put(&p->shelf, file, S("x"));
		v[i] = (struct watch_folder){ mem_printf("acme/%zu", i),
					      mem_printf("acme/%zu", i) };
	}
	watch_set(p->watch, v, MANY);
	pool_stop(p->pool);
	loop_drain(p->loop);
	for (size_t i = 0; i < MANY; i++) {
		AUTO_CSTR file = mem_printf("acme/%zu/b", i);

		shelf_put(&p->shelf, file, S("x"));
	}
	wait_for_news(p, "*");
}

static void what_is_not_there_or_a_link_is_not_watched(void **state)
{
	static const char *const paths[] = { "absent", "link", "acme" };
	static const char *const told[] = { "absent", "link", "acme" };
	struct place *p = *state;
	AUTO_CSTR link = tempdir_path(&p->shelf.dir, "link");

	shelf_put(&p->shelf, "acme/a", S("x"));
	shelf_put(&p->shelf, "elsewhere/a", S("x"));
	assert_int_equal(symlink("elsewhere", link), 0);
	set(p, paths, told, 3);
	shelf_put(&p->shelf, "elsewhere/b", S("x"));
	shelf_put(&p->shelf, "acme/b", S("x"));
	wait_for_news(p, "acme");
}

static void the_folders_of_models_are_theirs_and_those_above(void **state)
{
	static const char *const wanted[][2] = {
		{ ".", "*" },
		{ "acme", "*" },
		{ "acme/a", "acme/a" },
		{ "acme/a/deep/er", "acme/a" },
		{ "acme/a/sub", "acme/a" },
		{ "acme/b", "acme/b" },
		{ "datasets", "*" },
		{ "datasets/x", "*" },
		{ "datasets/x/y", "datasets/x/y" },
	};
	static const char *const folders[] = { "acme/a", "acme/b", "datasets/x/y" };
	static const char *const files[] = { "a", "deep/er/x", "sub/a", "sub/b", ".hidden/x" };
	struct model *models[ARRAY_LEN(folders)];
	struct watch_folder *list;
	size_t n;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		models[i] = model_new(folders[i]);
		for (size_t k = 0; i == 0 && k < ARRAY_LEN(files); k++)
			(void)model_add(models[i], str_from(files[k]));
		model_finish(models[i]);
	}
	list = watch_folders_of(models, ARRAY_LEN(folders), &n);
	assert_int_equal(n, ARRAY_LEN(wanted));
	for (size_t i = 0; i < n; i++) {
		assert_string_equal(list[i].path, wanted[i][0]);
		assert_string_equal(list[i].told != NULL ? list[i].told : "*", wanted[i][1]);
		free(list[i].path);
		free(list[i].told);
	}
	free(list);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		model_free(&models[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
		TEST(a_file_that_comes_is_told_with_its_model),
		TEST(models_are_watched_though_they_are_let_go),
		TEST(what_goes_or_is_renamed_is_told),
		TEST(a_folder_that_goes_and_comes_again_is_watched_again),
		TEST(of_many_only_that_there_are_is_told),
		TEST(what_is_not_there_or_a_link_is_not_watched),
		TEST(the_folders_of_models_are_theirs_and_those_above),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
