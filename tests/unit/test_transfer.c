#include "downloader/transfer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/rig.h"

#define JOB_ID "aaaaaaaaaaaaaaaaaaaa"

enum {
	N_FILES = 6,
};

static const struct rig_file files[N_FILES] = {
	{ "a.txt", { "first", 5 }, false },   { "b.gguf", { "second", 6 }, true },
	{ "c/d.txt", { "third", 5 }, false }, { "c/e.txt", { "", 0 }, false },
	{ "f.gguf", { "fifth", 5 }, true },   { "g.txt", { "sixth", 5 }, false },
};

struct place {
	struct rig *rig;
	struct job *job;
	bool is_over;
	unsigned n_over;
	struct error error;
	struct transfer *ended; /* handed over by the hook */
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));

	if (rig_make((void **)&p->rig) < 0)
		return -1;
	log_init("unit", LOG_FORMAT_JSON, LOG_LEVEL_ERROR);
	p->job = job_new();
	memcpy(p->job->id, JOB_ID, sizeof(p->job->id));
	memcpy(p->job->commit, RIG_COMMIT, sizeof(p->job->commit));
	p->job->repo = mem_strdup(RIG_REPO);
	p->job->revision = mem_strdup("main");
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	rig_stop(p->rig);
	transfer_free(&p->ended);
	job_free(&p->job);
	(void)rig_remove((void **)&p->rig);
	free(p);
	return 0;
}

static void on_thrown_away(void *ctx, const char *job_id, const char *path, uint64_t bytes,
			   const char *why)
{
	(void)ctx;
	(void)job_id;
	(void)path;
	(void)bytes;
	(void)why;
}

static void on_replaced(void *ctx, const char *job_id, const char *path, const char *trash)
{
	(void)ctx;
	fail_msg("%s of %s is said to be in %s", path, job_id, trash);
}

static void on_over(void *ctx, struct transfer *take_transfer, const struct error *err)
{
	struct place *p = ctx;

	p->is_over = true;
	p->n_over++;
	p->ended = take_transfer;
	p->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
}

static struct transfer *begin(struct place *p, size_t files_at_once)
{
	struct transfer_env env = { .loop = p->rig->loop,
				    .pool = p->rig->pool,
				    .hub = p->rig->hub,
				    .store = p->rig->store,
				    .budget = p->rig->budget,
				    .turns = p->rig->turns,
				    .feeds = p->rig->feeds,
				    .copy_least_bytes = RIG_COPY_LEAST_BYTES,
				    .models_root = p->rig->root };
	struct transfer_hooks hooks = { .thrown_away = on_thrown_away,
					.replaced = on_replaced,
					.over = on_over,
					.ctx = p };
	struct plan *plan = plan_new(N_FILES);

	for (size_t i = 0; i < N_FILES; i++) {
		plan->files[i].path = mem_strdup(files[i].path);
		plan->files[i].size = files[i].content.n;
		plan->files[i].algorithm = files[i].is_lfs ? DIGEST_SHA256 : DIGEST_GIT_SHA1;
		rig_digest(&files[i], plan->files[i].digest);
	}
	store_put_plan(p->rig->store, p->job, plan, NULL, NULL);
	return transfer_new(&env, p->job, plan, files_at_once, &hooks);
}

static struct str content_of(const struct place *p, const char *path, char **take)
{
	AUTO_CSTR name = mem_printf("models/" RIG_REPO "/%s", path);

	*take = tempdir_read(&p->rig->dir, name);
	return str_from(*take);
}

static void all_files_are_brought_and_proven(void **state)
{
	static const size_t at_once[] = { 1, 3, 8 };
	struct place *p = *state;

	rig_serve(p->rig, files, N_FILES);
	for (size_t n = 0; n < ARRAY_LEN(at_once); n++) {
		p->is_over = false;
		(void)begin(p, at_once[n]);
		assert_false(p->is_over);
		loop_until(p->rig->loop, &p->is_over);
		assert_int_equal(p->error.code, ERR_NONE);
		for (size_t i = 0; i < N_FILES; i++) {
			AUTO_CSTR text = NULL;

			assert_int_equal(transfer_plan(p->ended)->files[i].state, FILE_DONE);
			assert_true(str_is_equal(content_of(p, files[i].path, &text),
						 files[i].content));
		}
		(void)transfer_tell(p->ended, p->job);
		assert_int_equal(p->job->bytes_done, 26);
		assert_int_equal(p->job->bytes_verified, 26);
		assert_int_equal(p->job->files_done, N_FILES);
		assert_int_equal(p->job->connections, 0);
		transfer_free(&p->ended);
	}
	/* What is proven is not fetched by the second and third. */
	assert_int_equal(answerer_count(p->rig->server, "/" RIG_REPO "/resolve/", NULL),
			 N_FILES - 1);
}

static void a_file_that_cannot_be_ends_it_with_its_reason(void **state)
{
	struct place *p = *state;
	const struct plan *plan;

	answerer_add(p->rig->server,
		     (struct answerer_rule){
			     .target = rig_target(p->rig, "b.gguf"),
			     .status = "404 Not Found",
			     .headers = mem_strdup("X-Error-Code: EntryNotFound\r\n") });
	rig_serve(p->rig, files, N_FILES);
	(void)begin(p, 1);
	loop_until(p->rig->loop, &p->is_over);
	assert_int_equal(p->error.code, ERR_NOT_FOUND);
	plan = transfer_plan(p->ended);
	assert_int_equal(plan->files[0].state, FILE_DONE);
	assert_int_equal(plan->files[1].state, FILE_FAILED);
	assert_int_equal(plan->files[2].state, FILE_PENDING);
}

static void stopping_ends_it_once_with_cancelled(void **state)
{
	struct place *p = *state;
	struct transfer *transfer;

	answerer_add(p->rig->server, (struct answerer_rule){ .target = "/" RIG_REPO "/resolve/",
							     .status = "200 OK",
							     .body = S("fir"),
							     .is_held = true,
							     .is_lengthless = true });
	transfer = begin(p, 4);
	for (int i = 0; i < 3; i++)
		loop_turn(p->rig->loop);
	transfer_stop(transfer);
	transfer_stop(transfer);
	assert_false(p->is_over);
	loop_until(p->rig->loop, &p->is_over);
	assert_ptr_equal(p->ended, transfer);
	assert_int_equal(p->error.code, ERR_CANCELLED);
	loop_turn(p->rig->loop);
	assert_int_equal(p->n_over, 1);
	for (size_t i = 0; i < N_FILES; i++) {
		AUTO_CSTR text = NULL;

		if (files[i].content.n > 0)
			assert_int_equal(content_of(p, files[i].path, &text).n, 0);
	}
}

static void stopping_before_anything_has_begun_is_fine(void **state)
{
	struct place *p = *state;

	transfer_stop(begin(p, 2));
	loop_until(p->rig->loop, &p->is_over);
	assert_int_equal(p->error.code, ERR_CANCELLED);
	assert_int_equal(answerer_count(p->rig->server, "/", NULL), 0);
}

static void a_plan_without_files_is_over_without_a_request(void **state)
{
	struct place *p = *state;
	struct transfer_env env = { .loop = p->rig->loop };
	struct transfer_hooks hooks = { .thrown_away = on_thrown_away,
					.replaced = on_replaced,
					.over = on_over,
					.ctx = p };
	struct plan *plan = plan_new(0);

	(void)transfer_new(&env, p->job, plan, 2, &hooks);
	assert_false(p->is_over);
	loop_until(p->rig->loop, &p->is_over);
	assert_int_equal(p->error.code, ERR_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(all_files_are_brought_and_proven),
		TEST(a_file_that_cannot_be_ends_it_with_its_reason),
		TEST(stopping_ends_it_once_with_cancelled),
		TEST(stopping_before_anything_has_begun_is_fine),
		TEST(a_plan_without_files_is_over_without_a_request),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
