#include "downloader/landing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>

#include "downloader/checksum.h"
#include "downloader/localdir.h"
#include "downloader/retry.h"
#include "tests/unit/rig.h"

#define JOB_ID "aaaaaaaaaaaaaaaaaaaa"

static const struct rig_file file = { "d/m.gguf", { "0123456789", 10 }, true };

/* How often the page cache was told that it need not keep the whole file. */
static _Atomic unsigned n_given_back;

void __wrap_file_give_back(int fd, uint64_t first, uint64_t length);
void __wrap_file_give_back(int fd, uint64_t first, uint64_t length)
{
	assert(fd >= 0);
	if (first == 0 && length == file.content.n)
		(void)atomic_fetch_add(&n_given_back, 1);
}

struct place {
	struct rig *rig;
	struct landing_env env;
	struct plan *plan;
	struct landing *landing;
	uint64_t now_ms; /* the clock that landing_tick() is given */
	bool is_over;
	unsigned n_over;
	struct error error;
	uint64_t thrown_away;
	unsigned n_thrown_away;
	struct localdir_names names;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	AUTO(job) job = job_new();

	if (rig_make((void **)&p->rig) < 0)
		return -1;
	log_init("unit", LOG_FORMAT_JSON, LOG_LEVEL_ERROR);
	p->env = (struct landing_env){ .loop = p->rig->loop,
				       .pool = p->rig->pool,
				       .hub = p->rig->hub,
				       .store = p->rig->store,
				       .budget = p->rig->budget,
				       .turns = p->rig->turns,
				       .feeds = p->rig->feeds,
				       .copy_least_bytes = RIG_COPY_LEAST_BYTES,
				       .models_root = p->rig->root,
				       .job_id = JOB_ID,
				       .type = REPO_MODEL,
				       .repo = RIG_REPO,
				       .commit = RIG_COMMIT,
				       .folder = RIG_REPO };
	p->plan = plan_new(1);
	p->plan->files[0].path = mem_strdup(file.path);
	p->plan->files[0].size = file.content.n;
	p->plan->files[0].algorithm = DIGEST_SHA256;
	rig_digest(&file, p->plan->files[0].digest);
	localdir_names_init(&p->names, RIG_REPO, file.path, p->plan->files[0].digest, JOB_ID);
	memcpy(job->id, JOB_ID, sizeof(job->id));
	job->repo = mem_strdup(RIG_REPO);
	job->revision = mem_strdup("main");
	job->is_planned = true;
	store_put_plan(p->rig->store, job, p->plan, NULL, NULL);
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	rig_stop(p->rig);
	plan_free(&p->plan);
	localdir_names_clear(&p->names);
	(void)rig_remove((void **)&p->rig);
	free(p);
	return 0;
}

static void on_thrown_away(void *ctx, size_t index, uint64_t bytes, const char *why)
{
	struct place *p = ctx;

	assert_int_equal(index, 0);
	assert_true(strlen(why) > 0);
	p->thrown_away += bytes;
	p->n_thrown_away++;
}

static void on_replaced(void *ctx, size_t index, const char *trash)
{
	(void)ctx;
	fail_msg("file %zu: nothing was there, and %s is said to hold it", index, trash);
}

static void on_over(void *ctx, struct landing *take_landing, const struct error *err)
{
	struct place *p = ctx;

	assert_ptr_equal(take_landing, p->landing);
	p->is_over = true;
	p->n_over++;
	p->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
	landing_free(&take_landing);
	p->landing = NULL;
}

static void begin(struct place *p)
{
	struct landing_hooks hooks = { .thrown_away = on_thrown_away,
				       .replaced = on_replaced,
				       .over = on_over,
				       .ctx = p };

	p->is_over = false;
	p->landing = landing_new(&p->env, &p->plan->files[0], 0, &hooks);
}

/* Each tick is a second later than the last, so that every one may sync. */
static void tick(struct place *p)
{
	(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_NONBLOCK);
	if (p->landing != NULL)
		(void)landing_tick(p->landing, p->now_ms += 1000);
}

static void finish(struct place *p)
{
	(void)alarm(LOOPING_ALARM_S);
	while (!p->is_over)
		tick(p);
	(void)alarm(0);
	loop_turn(p->rig->loop);
	assert_int_equal(p->n_over, 1);
	p->n_over = 0;
}

static void serve_cut(struct place *p, unsigned times, bool is_held)
{
	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = rig_target(p->rig, file.path),
					     .status = "200 OK",
					     .body = file.content,
					     .times = times,
					     .is_ranged = true,
					     .is_held = is_held,
					     .cut = 4 });
}

struct recorded {
	bool is_done;
	enum file_state state;
	uint64_t bytes_done;
};

static void on_plan(void *ctx, struct plan *take_plan, const struct error *err)
{
	struct recorded *recorded = ctx;

	assert_null(err);
	recorded->is_done = true;
	recorded->state = take_plan->files[0].state;
	recorded->bytes_done = take_plan->files[0].bytes_done;
	plan_free(&take_plan);
}

static struct recorded recorded(struct place *p)
{
	struct recorded recorded = { .is_done = false };

	store_get_plan(p->rig->store, JOB_ID, on_plan, &recorded);
	loop_until(p->rig->loop, &recorded.is_done);
	return recorded;
}

static bool has(const struct place *p, const char *path)
{
	AUTO_CSTR name = mem_printf("models/%s", path);

	return tempdir_has(&p->rig->dir, name);
}

static void a_file_lands_under_its_name_and_that_is_recorded(void **state)
{
	struct place *p = *state;
	AUTO_CSTR text = NULL;
	struct recorded kept;

	rig_serve(p->rig, &file, 1);
	begin(p);
	assert_int_equal(landing_index(p->landing), 0);
	finish(p);
	assert_int_equal(p->error.code, ERR_NONE);
	text = tempdir_read(&p->rig->dir, "models/" RIG_REPO "/d/m.gguf");
	assert_string_equal(text, "0123456789");
	assert_false(has(p, p->names.partial));
	assert_true(has(p, p->names.metadata));
	assert_int_equal(p->plan->files[0].state, FILE_DONE);
	kept = recorded(p);
	assert_int_equal(kept.state, FILE_DONE);
	assert_int_equal(kept.bytes_done, 10);
	/* Once more: it is there. */
	p->plan->files[0].state = FILE_PENDING;
	begin(p);
	finish(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_int_equal(answerer_count(p->rig->server, "/" RIG_REPO "/", NULL), 1);
}

/* Whoever downloads much does not serve it at the same time, or not from this memory. */
static void a_file_that_has_landed_does_not_stay_in_the_page_cache(void **state)
{
	struct place *p = *state;

	rig_serve(p->rig, &file, 1);
	atomic_store(&n_given_back, 0);
	begin(p);
	finish(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_true(atomic_load(&n_given_back) > 0);
	/* One that is hashed where it is does not either, */
	assert_int_equal(unlinkat(p->rig->root, p->names.metadata, 0), 0);
	atomic_store(&n_given_back, 0);
	begin(p);
	finish(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_int_equal(atomic_load(&n_given_back), 1);
	/* and one that is proven is not even read. */
	begin(p);
	finish(p);
	assert_int_equal(atomic_load(&n_given_back), 1);
	assert_int_equal(answerer_count(p->rig->server, "/" RIG_REPO "/", NULL), 1);
}

static void a_stop_makes_durable_what_was_written_and_the_next_goes_on(void **state)
{
	struct place *p = *state;
	struct answerer_seen seen;
	struct recorded kept;

	serve_cut(p, 1, true);
	rig_serve(p->rig, &file, 1);
	begin(p);
	(void)alarm(LOOPING_ALARM_S);
	while (p->plan->files[0].bytes_done < 4)
		tick(p);
	(void)alarm(0);
	assert_int_equal(landing_connections(p->landing), 1);
	landing_stop(p->landing);
	landing_stop(p->landing);
	finish(p);
	assert_int_equal(p->error.code, ERR_CANCELLED);
	assert_int_equal(p->plan->files[0].state, FILE_PENDING);
	kept = recorded(p);
	assert_int_equal(kept.bytes_done, 4);
	assert_true(has(p, p->names.partial));
	assert_false(has(p, p->names.final));
	begin(p);
	finish(p);
	assert_int_equal(p->error.code, ERR_NONE);
	(void)answerer_count(p->rig->server, "/" RIG_REPO "/", &seen);
	assert_string_equal(seen.range, "bytes=4-9");
	assert_int_equal(p->n_thrown_away, 0);
}

static void progress_is_recorded_only_with_a_sync(void **state)
{
	struct place *p = *state;
	struct recorded kept;
	uint64_t fresh = 0;

	serve_cut(p, 1, true);
	begin(p);
	/* The clock stands still: no sync falls due, whatever was written. */
	(void)alarm(LOOPING_ALARM_S);
	while (fresh < 4) {
		(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_NONBLOCK);
		fresh += landing_tick(p->landing, 1000);
	}
	(void)alarm(0);
	for (int i = 0; i < 5; i++) {
		loop_turn(p->rig->loop);
		assert_int_equal(landing_tick(p->landing, 1000), 0);
	}
	assert_int_equal(p->plan->files[0].bytes_done, 0);
	kept = recorded(p);
	assert_int_equal(kept.bytes_done, 0);
	landing_stop(p->landing);
	finish(p);
	kept = recorded(p);
	assert_int_equal(kept.bytes_done, 4);
}

static void a_partial_that_is_gone_is_begun_again(void **state)
{
	struct place *p = *state;
	struct answerer_seen seen;

	rig_serve(p->rig, &file, 1);
	p->plan->files[0].bytes_done = 7; /* as recorded; but there is no partial */
	begin(p);
	finish(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_int_equal(p->thrown_away, 7);
	(void)answerer_count(p->rig->server, "/" RIG_REPO "/", &seen);
	assert_string_equal(seen.range, "bytes=0-9");
}

static void on_put(void *ctx, const struct error *err)
{
	bool *is_put = ctx;

	assert_null(err);
	*is_put = true;
}

/* The partial holds `text`, and the database says that it holds what `recorded` is. */
static void begun_before(struct place *p, struct str text, struct str recorded)
{
	AUTO(checksum) sum = checksum_new();
	struct extent extent = { .length = recorded.n };
	bool is_put = false;
	bool is_new;
	struct error err;
	AUTO_FD fd = localdir_open_partial(p->rig->root, &p->names, 10, &is_new, &err);

	assert_int_equal(file_write_at(fd, text, 0, &err), 0);
	checksum_update(sum, recorded);
	extent.sum = checksum_value(sum);
	store_put_extents(p->rig->store, JOB_ID, 0, &extent, 1, extent.length, on_put, &is_put);
	loop_until(p->rig->loop, &is_put);
	p->plan->files[0].bytes_done = extent.length;
}

static void what_is_recorded_and_true_is_not_fetched_again(void **state)
{
	struct place *p = *state;
	struct answerer_seen seen;

	rig_serve(p->rig, &file, 1);
	begun_before(p, S("0123"), S("0123"));
	begin(p);
	finish(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_int_equal(p->n_thrown_away, 0);
	assert_int_equal(answerer_count(p->rig->server, "/" RIG_REPO "/", &seen), 1);
	assert_string_equal(seen.range, "bytes=4-9");
}

/* Somebody put the file there while this download stood still: vouched for or not. */
static void a_partial_of_what_is_there_already_goes(void **state)
{
	struct place *p = *state;
	struct error err;

	assert_int_equal(file_replace(p->rig->root, p->names.final, file.content, &err), 0);
	for (int i = 0; i < 2; i++) {
		begun_before(p, S("0123"), S("0123"));
		assert_true(has(p, p->names.partial));
		begin(p);
		finish(p);
		assert_int_equal(p->error.code, ERR_NONE);
		assert_false(has(p, p->names.partial));
		assert_true(has(p, p->names.final));
	}
	assert_int_equal(answerer_count(p->rig->server, "/", NULL), 0);
}

static void bytes_that_rotted_in_the_partial_cost_their_piece(void **state)
{
	struct place *p = *state;
	AUTO_CSTR text = NULL;

	rig_serve(p->rig, &file, 1);
	begun_before(p, S("01X3"), S("0123"));
	begin(p);
	finish(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_int_equal(p->n_thrown_away, 1);
	assert_int_equal(p->thrown_away, 4);
	text = tempdir_read(&p->rig->dir, "models/" RIG_REPO "/d/m.gguf");
	assert_string_equal(text, "0123456789");
}

static void open_gate(void *ctx)
{
	answerer_open(ctx);
}

/* Every byte comes, one of them wrong, but the answer has no end: a retry is armed while the
 * hash ends and does not match. The file is asked for again by the one or by the other, not by
 * both. */
static void a_wrong_digest_found_while_a_retry_is_armed_is_fetched_once(void **state)
{
	struct place *p = *state;
	const char *target = rig_target(p->rig, file.path);
	struct loop_timer *timer = loop_timer_new(p->rig->loop, open_gate, p->rig->server);
	AUTO_CSTR text = NULL;

	answerer_add(
		p->rig->server,
		(struct answerer_rule){ .target = target,
					.status = "206 Partial Content",
					.headers = mem_strdup("Content-Range: bytes 0-9/10\r\n"
							      "Transfer-Encoding: chunked\r\n"),
					.body = S("a\r\n01X3456789\r\n"),
					.times = 1,
					.is_lengthless = true });
	answerer_add(p->rig->server, (struct answerer_rule){ .target = target,
							     .status = "200 OK",
							     .body = file.content,
							     .is_ranged = true,
							     .is_gated = true });
	begin(p);
	/* Without a tick the last byte is hashed when the answer has ended, not before. */
	(void)alarm(LOOPING_ALARM_S);
	while (answerer_count(p->rig->server, target, NULL) < 2)
		(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_NONBLOCK);
	(void)alarm(0);
	/* Later than a retry that is still armed: timers of one loop keep their order. */
	loop_timer_arm(timer, 2 * RETRY_FILE_FIRST_MS);
	finish(p);
	assert_int_equal(p->error.code, ERR_NONE);
	assert_int_equal(answerer_count(p->rig->server, target, NULL), 2);
	text = tempdir_read(&p->rig->dir, "models/" RIG_REPO "/d/m.gguf");
	assert_string_equal(text, "0123456789");
	loop_timer_free(&timer);
}

/* It gives the first four bytes, whatever is asked for. */
static void a_server_that_always_ignores_ranges_is_not_begun_again_for_ever(void **state)
{
	struct place *p = *state;
	const char *target = rig_target(p->rig, file.path);
	struct answerer_seen seen;

	answerer_add(p->rig->server, (struct answerer_rule){ .target = target,
							     .status = "200 OK",
							     .body = file.content,
							     .cut = 4 });
	begin(p);
	finish(p);
	/* From 0, from 4, anew from 0, from 4, anew from 0, from 4: then it is its job's turn
	 * to wait. */
	assert_int_equal(p->error.code, ERR_RANGE_IGNORED);
	assert_int_equal(answerer_count(p->rig->server, target, &seen), 6);
	assert_string_equal(seen.range, "bytes=4-9");
	assert_int_equal(recorded(p).bytes_done, 4);
}

static void a_link_in_the_way_is_refused(void **state)
{
	struct place *p = *state;

	assert_int_equal(symlinkat(p->rig->dir.path, p->rig->root, "acme"), 0);
	rig_serve(p->rig, &file, 1);
	begin(p);
	finish(p);
	assert_int_equal(p->error.code, ERR_UNSAFE_PATH);
	assert_false(tempdir_has(&p->rig->dir, "tiny"));
	assert_int_equal(answerer_count(p->rig->server, "/", NULL), 0);
}

static void a_folder_that_has_the_name_is_left_alone(void **state)
{
	struct place *p = *state;
	struct error err;

	rig_serve(p->rig, &file, 1);
	assert_int_equal(file_replace(p->rig->root, RIG_REPO "/d/m.gguf/mine", S("x"), &err),
			 0);
	begin(p);
	finish(p);
	assert_int_equal(p->error.code, ERR_DISK_ERROR);
	assert_true(has(p, RIG_REPO "/d/m.gguf/mine"));
}

static void a_stop_right_at_the_beginning_leaves_nothing_behind(void **state)
{
	struct place *p = *state;

	rig_serve(p->rig, &file, 1);
	begin(p);
	landing_stop(p->landing);
	finish(p);
	assert_int_equal(p->error.code, ERR_CANCELLED);
	assert_int_equal(answerer_count(p->rig->server, "/", NULL), 0);
	assert_false(has(p, "acme"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_file_lands_under_its_name_and_that_is_recorded),
		TEST(a_file_that_has_landed_does_not_stay_in_the_page_cache),
		TEST(a_stop_makes_durable_what_was_written_and_the_next_goes_on),
		TEST(progress_is_recorded_only_with_a_sync),
		TEST(a_partial_that_is_gone_is_begun_again),
		TEST(what_is_recorded_and_true_is_not_fetched_again),
		TEST(a_partial_of_what_is_there_already_goes),
		TEST(bytes_that_rotted_in_the_partial_cost_their_piece),
		TEST(a_wrong_digest_found_while_a_retry_is_armed_is_fetched_once),
		TEST(a_server_that_always_ignores_ranges_is_not_begun_again_for_ever),
		TEST(a_link_in_the_way_is_refused),
		TEST(a_folder_that_has_the_name_is_left_alone),
		TEST(a_stop_right_at_the_beginning_leaves_nothing_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
