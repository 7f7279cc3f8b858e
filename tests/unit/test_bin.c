#include "downloader/bin.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/looping.h"
#include "tests/unit/shelf.h"

struct place {
	struct shelf shelf;
	struct loop *loop;
	struct pool *pool;
	struct bin *bin;
	struct model *model;
	char touched[100];
	bool has_touched;
	bool is_in_use;
	const char *busy; /* a folder where a job writes, or NULL */
	size_t n_changed;
	bool has_changed;
	size_t n_done;
	bool is_done;
	char id[TRASH_ID_MAX + 1];
	struct error error;
	size_t n_listed;
};

static int on_check(void *ctx, const char *folder, struct error *err)
{
	struct place *p = ctx;

	(void)folder;
	return p->is_in_use ? error_set(err, ERR_IN_USE, "a download writes there") : 0;
}

static char **on_busy(void *ctx, size_t *ret_n)
{
	const struct place *p = ctx;
	char **folders = mem_array(1, sizeof(char *));

	*ret_n = p->busy != NULL ? 1 : 0;
	folders[0] = mem_strdup(p->busy);
	return folders;
}

static void on_touched(void *ctx, const char *folder)
{
	struct place *p = ctx;

	p->has_touched = true;
	(void)snprintf(p->touched, sizeof(p->touched), "%s", folder != NULL ? folder : "all");
}

static void on_changed(void *ctx)
{
	struct place *p = ctx;

	p->n_changed++;
	p->has_changed = true;
}

static void on_done(void *ctx, const char *id, const struct error *err)
{
	struct place *p = ctx;

	p->n_done++;
	p->is_done = true;
	p->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
	memcpy(p->id, id, strlen(id) + 1);
}

static void on_list(void *ctx, const struct trash_list *list, const struct error *err)
{
	struct place *p = ctx;

	p->is_done = true;
	p->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
	p->n_listed = list != NULL ? list->n : 0;
}

static void open_bin(struct place *p, uint64_t days)
{
	struct bin_hooks hooks = { .check = on_check,
				   .busy = on_busy,
				   .touched = on_touched,
				   .changed = on_changed,
				   .ctx = p };

	p->bin = bin_new(p->loop, p->pool, p->shelf.root, days, &hooks);
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	shelf_make(&p->shelf);
	p->loop = loop_new(&err);
	p->pool = pool_new(p->loop, 2, &err);
	shelf_put(&p->shelf, "acme/tiny/a-Q4_0.gguf", S("1"));
	shelf_put(&p->shelf, "acme/tiny/b-Q8_0.gguf", S("2"));
	shelf_note(&p->shelf, "acme/tiny", "a-Q4_0.gguf", "note");
	p->model = model_new("acme/tiny");
	model_add(p->model, S("a-Q4_0.gguf"))->kind = MODEL_WEIGHTS;
	model_add(p->model, S("b-Q8_0.gguf"))->kind = MODEL_WEIGHTS;
	model_finish(p->model);
	*state = p;
	return p->pool == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	bin_stop(p->bin);
	pool_stop(p->pool);
	loop_drain(p->loop);
	bin_free(&p->bin);
	pool_free(&p->pool);
	loop_free(&p->loop);
	model_free(&p->model);
	shelf_remove(&p->shelf);
	free(p);
	return 0;
}

static void wait_for_done(struct place *p)
{
	loop_until(p->loop, &p->is_done);
	p->is_done = false;
}

static void a_model_goes_and_comes_back(void **state)
{
	struct place *p = *state;
	struct error err;

	open_bin(p, 0);
	assert_int_equal(bin_put(p->bin, p->model, NULL, on_done, p, &err), 0);
	wait_for_done(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_string_equal(p->touched, "acme/tiny");
	assert_int_equal(p->n_changed, 1);
	assert_false(tempdir_has(&p->shelf.dir, "acme/tiny"));
	assert_int_equal(bin_list(p->bin, on_list, p, &err), 0);
	wait_for_done(p);
	assert_int_equal(p->n_listed, 1);
	/* Not while a job writes there. */
	p->busy = "acme/tiny";
	assert_int_equal(bin_restore(p->bin, str_from(p->id), false, on_done, p, &err), 0);
	wait_for_done(p);
	assert_int_equal(p->error.code, ERR_IN_USE);
	p->busy = "acme/another";
	assert_int_equal(bin_restore(p->bin, str_from(p->id), false, on_done, p, &err), 0);
	wait_for_done(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_string_equal(p->touched, "all");
	assert_true(tempdir_has(&p->shelf.dir, "acme/tiny/a-Q4_0.gguf"));
	/* Once more: it is not there any more. */
	assert_int_equal(bin_empty(p->bin, str_from(p->id), on_done, p, &err), 0);
	wait_for_done(p);
	assert_int_equal(p->error.code, ERR_UNKNOWN_TRASH);
}

static void a_group_goes_with_what_vouches_for_it(void **state)
{
	struct place *p = *state;
	struct error err;

	open_bin(p, 0);
	assert_int_equal(bin_put(p->bin, p->model, "Q2_K", on_done, p, &err), -1);
	assert_string_equal(err.field, "group");
	assert_int_equal(bin_put(p->bin, p->model, "Q4_0", on_done, p, &err), 0);
	wait_for_done(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_false(tempdir_has(&p->shelf.dir, "acme/tiny/a-Q4_0.gguf"));
	assert_false(tempdir_has(&p->shelf.dir,
				 "acme/tiny/.cache/huggingface/download/a-Q4_0.gguf.metadata"));
	assert_true(tempdir_has(&p->shelf.dir, "acme/tiny/b-Q8_0.gguf"));
	/* Deleted twice, before anybody has looked at the disk. */
	assert_int_equal(bin_put(p->bin, p->model, "Q4_0", on_done, p, &err), 0);
	wait_for_done(p);
	assert_int_equal(p->error.code, ERR_UNKNOWN_MODEL);
}

/* Of files beside others' folders only they go. */
static void what_came_into_use_meanwhile_stays(void **state)
{
	struct place *p = *state;
	struct error err;

	open_bin(p, 0);
	p->is_in_use = true;
	assert_int_equal(bin_put(p->bin, p->model, NULL, on_done, p, &err), 0);
	wait_for_done(p);
	assert_int_equal(p->error.code, ERR_IN_USE);
	assert_true(tempdir_has(&p->shelf.dir, "acme/tiny/a-Q4_0.gguf"));
	assert_false(p->has_touched);
}

static void a_flat_one_takes_no_folder_along(void **state)
{
	struct place *p = *state;
	struct error err;
	struct model *flat = model_new(".");

	shelf_put(&p->shelf, "loose.gguf", S("1"));
	flat->is_flat = true;
	model_add(flat, S("loose.gguf"))->kind = MODEL_WEIGHTS;
	model_add(flat, S("link"))->kind = MODEL_FOREIGN;
	model_finish(flat);
	open_bin(p, 0);
	assert_int_equal(bin_put(p->bin, flat, NULL, on_done, p, &err), 0);
	wait_for_done(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_false(tempdir_has(&p->shelf.dir, "loose.gguf"));
	assert_true(tempdir_has(&p->shelf.dir, "acme/tiny/a-Q4_0.gguf"));
	model_free(&flat);
}

static void so_many_wait_and_no_more_and_each_is_answered(void **state)
{
	struct place *p = *state;
	struct error err;
	size_t taken = 0;

	open_bin(p, 0);
	while (bin_empty(p->bin, S("none-1"), on_done, p, &err) == 0)
		taken++;
	assert_int_equal(err.code, ERR_QUEUE_FULL);
	assert_int_equal(taken, BIN_WAITING_MAX);
	/* In the middle of it. */
	wait_for_done(p);
	bin_stop(p->bin);
	pool_stop(p->pool);
	loop_drain(p->loop);
	bin_free(&p->bin);
	assert_int_equal(p->n_done, taken);
	open_bin(p, 0);
}

static void nonsense_is_refused_at_once(void **state)
{
	struct place *p = *state;
	struct error err;

	open_bin(p, 0);
	assert_int_equal(bin_restore(p->bin, S("../x-1"), false, on_done, p, &err), -1);
	assert_int_equal(err.code, ERR_UNKNOWN_TRASH);
	assert_int_equal(bin_empty(p->bin, S(""), on_done, p, &err), -1);
}

static void what_is_too_old_goes(void **state)
{
	struct place *p = *state;
	int64_t now_ms = clock_unix_ms();
	AUTO_CSTR old = mem_printf(".larder/trash/x-%lld/acme/o/a",
				   (long long)(now_ms - INT64_C(8) * 24 * 60 * 60 * 1000));
	AUTO_CSTR young = mem_printf(".larder/trash/x-%lld/acme/o/a",
				     (long long)(now_ms - INT64_C(6) * 24 * 60 * 60 * 1000));

	shelf_put(&p->shelf, old, S("1"));
	shelf_put(&p->shelf, young, S("1"));
	open_bin(p, 7);
	loop_until(p->loop, &p->has_changed);
	assert_false(tempdir_has(&p->shelf.dir, old));
	assert_true(tempdir_has(&p->shelf.dir, young));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_model_goes_and_comes_back),
		TEST(a_group_goes_with_what_vouches_for_it),
		TEST(what_came_into_use_meanwhile_stays),
		TEST(a_flat_one_takes_no_folder_along),
		TEST(so_many_wait_and_no_more_and_each_is_answered),
		TEST(nonsense_is_refused_at_once),
		TEST(what_is_too_old_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
