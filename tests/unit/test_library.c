#include "downloader/library.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/looping.h"
#include "tests/unit/shelf.h"

struct place {
	struct shelf shelf;
	struct loop *loop;
	struct pool *pool;
	struct store *store;
	struct library *library;
	size_t n_changed;
	size_t n_removed;
	size_t n_states;
	bool has_ended;
	bool has_news;
	bool has_looked;
	char looked[64]; /* the folder of the last look that has ended */
};

static void on_changed(void *ctx, const struct model *model)
{
	struct place *p = ctx;

	assert_non_null(model);
	p->n_changed++;
	p->has_news = true;
}

static void on_removed(void *ctx, const char *folder)
{
	struct place *p = ctx;

	assert_null(library_find(p->library, str_from(folder)));
	p->n_removed++;
	p->has_news = true;
}

static void on_state(void *ctx)
{
	struct place *p = ctx;
	struct library_state state;

	library_tell(p->library, &state);
	p->n_states++;
	p->has_ended = !state.is_scanning;
}

static void on_looked(void *ctx, const char *folder)
{
	struct place *p = ctx;

	assert_true(strlen(folder) < sizeof(p->looked));
	memcpy(p->looked, folder, strlen(folder) + 1);
	p->has_looked = true;
}

static void open_library(struct place *p)
{
	struct library_hooks hooks = { .changed = on_changed,
				       .removed = on_removed,
				       .state = on_state,
				       .looked = on_looked,
				       .ctx = p };
	AUTO_CSTR state_dir = mem_printf("%s-state", p->shelf.dir.path);
	struct library_env env;
	struct error err;

	p->loop = loop_new(&err);
	p->pool = pool_new(p->loop, 2, &err);
	p->store = store_new(p->loop, state_dir, &err);
	assert_non_null(p->store);
	env = (struct library_env){ .loop = p->loop,
				    .pool = p->pool,
				    .store = p->store,
				    .models_root = p->shelf.root };
	p->library = library_new(&env, &hooks, &err);
	assert_non_null(p->library);
}

static void close_library(struct place *p)
{
	library_stop(p->library);
	pool_stop(p->pool);
	store_stop(p->store);
	loop_drain(p->loop);
	library_free(&p->library);
	pool_free(&p->pool);
	store_free(&p->store);
	loop_free(&p->loop);
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));

	shelf_make(&p->shelf);
	open_library(p);
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;
	struct tempdir state_dir;

	close_library(p);
	(void)snprintf(state_dir.path, sizeof(state_dir.path), "%.50s-state",
		       p->shelf.dir.path);
	tempdir_remove(&state_dir);
	shelf_remove(&p->shelf);
	free(p);
	return 0;
}

static void scan(struct place *p)
{
	p->has_ended = false;
	library_scan(p->library);
	loop_until(p->loop, &p->has_ended);
}

static void models_come_and_go(void **state)
{
	struct place *p = *state;
	struct library_state told;
	struct model *const *models;
	size_t n;

	shelf_put(&p->shelf, "acme/b/a.gguf", S("xx"));
	shelf_put(&p->shelf, "acme/a/a.gguf", S("x"));
	shelf_put(&p->shelf, "acme/a/README.md", S("x"));
	shelf_put(&p->shelf, "acme-2/c/a.gguf", S("x"));
	scan(p);
	models = library_models(p->library, &n);
	assert_int_equal(n, 3);
	/* In the order of their bytes. */
	assert_string_equal(models[0]->folder, "acme-2/c");
	assert_string_equal(models[1]->folder, "acme/a");
	assert_string_equal(models[2]->folder, "acme/b");
	assert_int_equal(p->n_changed, 3);
	assert_ptr_equal(library_find(p->library, S("acme/a")), models[1]);
	assert_null(library_find(p->library, S("acme/")));
	assert_null(library_find(p->library, S("acme/aa")));
	library_tell(p->library, &told);
	assert_int_equal(told.models, 3);
	assert_int_equal(told.files, 4);
	assert_int_equal(told.bytes, 5);
	assert_int_equal(told.changes, 3);
	assert_true(told.scanned_at_ms > 0);
	/* One goes, one changes. */
	assert_int_equal(unlinkat(p->shelf.root, "acme/b/a.gguf", 0), 0);
	shelf_put(&p->shelf, "acme/a/c.gguf", S("xxx"));
	scan(p);
	assert_int_equal(p->n_removed, 1);
	assert_int_equal(p->n_changed, 4);
	library_tell(p->library, &told);
	assert_int_equal(told.models, 2);
	assert_int_equal(told.files, 4);
	assert_int_equal(told.bytes, 6);
	assert_int_equal(told.changes, 2);
}

static void a_folder_may_go_with_all_that_is_in_it(void **state)
{
	struct place *p = *state;

	shelf_put(&p->shelf, "acme/a/a.gguf", S("x"));
	scan(p);
	assert_int_equal(unlinkat(p->shelf.root, "acme/a/a.gguf", 0), 0);
	assert_int_equal(unlinkat(p->shelf.root, "acme/a", AT_REMOVEDIR), 0);
	scan(p);
	assert_int_equal(p->n_removed, 1);
}

static void a_single_folder_is_told_at_once(void **state)
{
	struct place *p = *state;

	shelf_put(&p->shelf, "acme/a/a.gguf", S("x"));
	assert_false(library_is_looking(p->library, S("acme/a")));
	library_look(p->library, "acme/a");
	assert_true(library_is_looking(p->library, S("acme/a")));
	assert_false(library_is_looking(p->library, S("acme")));
	loop_until(p->loop, &p->has_looked);
	assert_string_equal(p->looked, "acme/a");
	assert_false(library_is_looking(p->library, S("acme/a")));
	assert_int_equal(p->n_changed, 1);
	assert_int_equal(p->n_states, 0);
	assert_non_null(library_find(p->library, S("acme/a")));
}

static void a_look_that_finds_nothing_ends_too(void **state)
{
	struct place *p = *state;

	library_look(p->library, "acme/absent");
	loop_until(p->loop, &p->has_looked);
	assert_string_equal(p->looked, "acme/absent");
	assert_null(library_find(p->library, S("acme/absent")));
}

static void a_flood_of_changes_is_told_as_one(void **state)
{
	struct place *p = *state;
	struct library_state told;

	for (unsigned i = 0; i < LIBRARY_TOLD_MAX + 50; i++) {
		AUTO_CSTR path = mem_printf("acme/m%u/a.gguf", i);

		shelf_put(&p->shelf, path, S("x"));
	}
	scan(p);
	assert_int_equal(p->n_changed, LIBRARY_TOLD_MAX);
	library_tell(p->library, &told);
	assert_int_equal(told.changes, LIBRARY_TOLD_MAX + 50);
	assert_int_equal(told.models, LIBRARY_TOLD_MAX + 50);
}

/* The models directory is away, as when its disk is: nobody knows what is on it. */
static void what_cannot_be_seen_is_not_gone(void **state)
{
	struct place *p = *state;
	struct library_state told;
	int root = p->shelf.root;
	int nowhere = open("/dev/null", O_RDONLY | O_CLOEXEC);

	shelf_put(&p->shelf, "acme/a/a.gguf", S("x"));
	scan(p);
	/* The same descriptor leads elsewhere now. */
	root = fcntl(root, F_DUPFD_CLOEXEC, 0);
	assert_true(dup2(nowhere, p->shelf.root) >= 0);
	scan(p);
	assert_int_equal(p->n_removed, 0);
	library_tell(p->library, &told);
	assert_int_equal(told.models, 1);
	assert_true(strlen(told.problem) > 0);
	assert_true(dup2(root, p->shelf.root) >= 0);
	fd_close(&root);
	fd_close(&nowhere);
	scan(p);
	library_tell(p->library, &told);
	assert_string_equal(told.problem, "");
}

/* As if larderd had been started again: with all it knew, and nothing read. */
static void what_was_seen_is_remembered(void **state)
{
	struct place *p = *state;
	struct library_state told;
	const struct model *model;

	shelf_put(&p->shelf, "acme/a/m-Q4_0-00001-of-00002.gguf", S("GGUF, but not one"));
	shelf_put(&p->shelf, "acme/a/README.md", S("hello"));
	shelf_note(&p->shelf, "acme/a", "README.md",
		   SHELF_COMMIT "\n" SHELF_DIGEST "\n1772600000.5\n");
	shelf_put(&p->shelf, "acme/b/b.safetensors", S("\2\0\0\0\0\0\0\0{}"));
	scan(p);
	close_library(p);
	p->n_changed = 0;
	open_library(p);
	library_tell(p->library, &told);
	assert_int_equal(told.models, 2);
	assert_int_equal(told.files, 3);
	model = library_find(p->library, S("acme/a"));
	assert_non_null(model);
	assert_int_equal(model->parts_missing, 1);
	assert_int_equal(model->problems, 1);
	assert_int_equal(model_find(model, S("README.md"))->state, MODEL_PROVEN);
	assert_string_equal(model_find(model, S("README.md"))->commit, SHELF_COMMIT);
	model = library_find(p->library, S("acme/b"));
	assert_non_null(model_find(model, S("b.safetensors"))->header);
	/* Nothing has changed: nothing is told. What goes is forgotten. */
	scan(p);
	assert_int_equal(p->n_changed, 0);
	assert_int_equal(unlinkat(p->shelf.root, "acme/b/b.safetensors", 0), 0);
	scan(p);
	assert_int_equal(p->n_removed, 1);
	close_library(p);
	open_library(p);
	library_tell(p->library, &told);
	assert_int_equal(told.models, 1);
}

/* What was young at one look is read once more, and then not again. */
static void a_look_that_finds_nothing_new_counts_all_the_same(void **state)
{
	struct place *p = *state;
	const struct model *model;
	int64_t looked_ms;

	shelf_put(&p->shelf, "acme/a/a.gguf", S("x"));
	scan(p);
	model = library_find(p->library, S("acme/a"));
	looked_ms = model->looked_ms;
	while (clock_unix_ms() == looked_ms)
		continue;
	scan(p);
	assert_int_equal(p->n_changed, 1);
	model = library_find(p->library, S("acme/a"));
	assert_true(model->looked_ms > looked_ms);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(models_come_and_go),
		TEST(a_folder_may_go_with_all_that_is_in_it),
		TEST(a_single_folder_is_told_at_once),
		TEST(a_look_that_finds_nothing_ends_too),
		TEST(a_flood_of_changes_is_told_as_one),
		TEST(what_cannot_be_seen_is_not_gone),
		TEST(what_was_seen_is_remembered),
		TEST(a_look_that_finds_nothing_new_counts_all_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
