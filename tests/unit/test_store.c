#include "downloader/store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "common/error.h"
#include "common/json.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

#define COMMIT "1111111111111111111111111111111111111111"

enum {
	DONE_MAX = 64,
	LOADED_MAX = 8,
};

struct place {
	struct tempdir dir;
	char *path;
	struct loop *loop;
	struct store *store;
	struct job *loaded[LOADED_MAX];
	size_t n_loaded;
};

static void place_open(struct place *p)
{
	struct error err;

	p->store = store_new(p->loop, p->path, &err);
	assert_non_null(p->store);
}

static void place_close(struct place *p)
{
	store_stop(p->store);
	loop_drain(p->loop);
	store_free(&p->store);
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	tempdir_make(&p->dir);
	p->path = tempdir_path(&p->dir, "state");
	p->loop = loop_new(&err);
	place_open(p);
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	place_close(p);
	loop_free(&p->loop);
	for (size_t i = 0; i < p->n_loaded; i++)
		job_free(&p->loaded[i]);
	tempdir_remove(&p->dir);
	free(p->path);
	free(p);
	return 0;
}

static void on_loaded(void *ctx, struct job *take_job)
{
	struct place *p = ctx;

	assert_true(p->n_loaded < LOADED_MAX);
	p->loaded[p->n_loaded++] = take_job;
}

/* Closes, opens again, and has what the database holds in p->loaded. */
static void reload(struct place *p)
{
	struct error err;

	place_close(p);
	for (size_t i = 0; i < p->n_loaded; i++)
		job_free(&p->loaded[i]);
	p->n_loaded = 0;
	place_open(p);
	assert_int_equal(store_load(p->store, on_loaded, p, &err), 0);
}

static const struct job *loaded(const struct place *p, const char *id)
{
	for (size_t i = 0; i < p->n_loaded; i++) {
		if (strcmp(p->loaded[i]->id, id) == 0)
			return p->loaded[i];
	}
	return NULL;
}

#define ID_A "aaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbb"
#define ID_C "cccccccccccccccccccc"

static struct job *make_job(const char *id, uint64_t order)
{
	static char q4[] = "Q4_K_M";
	static char odd[] = "a \"b\" \xc3\xa9";
	char *select[] = { q4, odd };
	struct job *job = job_new();

	memcpy(job->id, id, sizeof(job->id));
	job->order = order;
	job->repo = mem_strdup("acme/tiny");
	job->revision = mem_strdup("v1");
	terms_copy(&job->select, select, 2);
	job->created_at_ms = 1000;
	return job;
}

static struct plan *make_plan(size_t n)
{
	struct plan *plan = plan_new(n);

	for (size_t i = 0; i < n; i++) {
		plan->files[i].path = mem_printf("d/file %zu", i);
		plan->files[i].size = i * UINT64_C(10000000000);
		plan->files[i].algorithm = i % 2 == 0 ? DIGEST_SHA256 : DIGEST_GIT_SHA1;
		(void)snprintf(plan->files[i].digest, sizeof(plan->files[i].digest), "%064zu",
			       i);
	}
	return plan;
}

/* The outcomes in the order in which they came. */
struct log {
	size_t n;
	size_t which[DONE_MAX];
	enum error_code codes[DONE_MAX];
	bool is_complete;
	size_t wanted;
};

struct note {
	struct log *log;
	size_t which;
};

static void on_done(void *ctx, const struct error *err)
{
	struct note *note = ctx;
	struct log *log = note->log;

	log->which[log->n] = note->which;
	log->codes[log->n] = err != NULL ? err->code : ERR_NONE;
	log->is_complete = ++log->n == log->wanted;
}

static void put(struct place *p, const struct job *job, enum error_code wanted)
{
	struct log log = { .wanted = 1 };
	struct note note = { &log, 0 };

	store_put_job(p->store, job, on_done, &note);
	assert_int_equal(log.n, 0); /* never before it returns */
	loop_until(p->loop, &log.is_complete);
	assert_int_equal(log.codes[0], wanted);
}

struct read {
	bool is_done;
	struct plan *plan;
	struct error error;
};

static void on_plan(void *ctx, struct plan *take_plan, const struct error *err)
{
	struct read *read = ctx;

	read->is_done = true;
	read->plan = take_plan;
	read->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
}

static struct plan *get_plan(struct place *p, const char *id)
{
	struct read read = { .is_done = false };

	store_get_plan(p->store, id, on_plan, &read);
	loop_until(p->loop, &read.is_done);
	assert_non_null(read.plan);
	return read.plan;
}

static void a_job_comes_back_as_it_was(void **state)
{
	struct place *p = *state;
	AUTO(job) job = make_job(ID_A, 7);
	const struct job *back;
	struct error why;

	(void)error_set(&why, ERR_RATE_LIMITED, "slow \"down\"");
	job->type = REPO_DATASET;
	memcpy(job->commit, COMMIT, sizeof(job->commit));
	job->priority = -5;
	job->state = JOB_WAITING;
	job_set_reason(job, &why, 1234567890123);
	job_set_reason_url(job, mem_strdup("https://x/y"));
	job->bytes_total = UINT64_C(9000000000000);
	job->bytes_present = UINT64_C(8000000000000);
	job->files_total = 3;
	job->started_at_ms = 2000;
	put(p, job, ERR_NONE);
	reload(p);
	assert_int_equal(p->n_loaded, 1);
	back = p->loaded[0];
	assert_string_equal(back->id, ID_A);
	assert_int_equal(back->order, 7);
	assert_int_equal(back->type, REPO_DATASET);
	assert_string_equal(back->repo, "acme/tiny");
	assert_string_equal(back->revision, "v1");
	assert_string_equal(back->commit, COMMIT);
	assert_false(back->is_planned);
	assert_true(terms_is_equal(&back->select, &job->select));
	assert_int_equal(back->exclude.n, 0);
	assert_int_equal(back->priority, -5);
	assert_int_equal(back->state, JOB_WAITING);
	assert_int_equal(back->reason.code, ERR_RATE_LIMITED);
	assert_string_equal(back->reason.message, "slow \"down\"");
	assert_int_equal(back->reason.retry_at_ms, 1234567890123);
	assert_string_equal(back->reason.url, "https://x/y");
	assert_int_equal(back->bytes_total, job->bytes_total);
	assert_int_equal(back->bytes_present, job->bytes_present);
	assert_int_equal(back->files_total, 3);
	assert_int_equal(back->created_at_ms, 1000);
	assert_int_equal(back->started_at_ms, 2000);
	assert_int_equal(back->finished_at_ms, 0);
}

/* What place_notices() has brought. */
struct told {
	bool is_told;
	size_t n;
	struct store_notice first;
};

static void on_notices(void *ctx, const struct store_notice *notices, size_t n,
		       const struct error *err)
{
	struct told *told = ctx;

	assert_null(err);
	told->n = n;
	if (n > 0)
		told->first = notices[0];
	told->is_told = true;
}

static struct told notices_of(struct place *p)
{
	struct told told = { .is_told = false };

	store_get_notices(p->store, on_notices, &told);
	loop_until(p->loop, &told.is_told);
	return told;
}

/* Ends, begins again and ends again, while nobody has heard of the first end. */
static void the_end_of_a_job_is_to_be_told_until_it_is(void **state)
{
	struct place *p = *state;
	AUTO(job) job = make_job(ID_A, 1);

	assert_int_equal(notices_of(p).n, 0);
	store_put_job(p->store, job, NULL, NULL);
	for (int64_t at = 1; at <= 2; at++) {
		job->state = JOB_DOWNLOADING;
		store_put_job(p->store, job, NULL, NULL);
		job->state = at == 1 ? JOB_FAILED : JOB_COMPLETED;
		job->finished_at_ms = at;
		store_put_job(p->store, job, NULL, NULL);
		store_put_job(p->store, job, NULL, NULL); /* the same end */
		assert_int_equal(notices_of(p).n, 1);
		assert_int_equal(notices_of(p).first.at_ms, at);
		assert_int_equal(notices_of(p).first.pending, 3);
		store_put_notice(p->store, ID_A, 2, NULL, NULL);
		assert_int_equal(notices_of(p).first.pending, 2);
	}
	store_put_notice(p->store, ID_A, 0, NULL, NULL);
	assert_int_equal(notices_of(p).n, 0);
}

static void the_latest_version_of_a_job_counts(void **state)
{
	struct place *p = *state;
	AUTO(job) job = make_job(ID_A, 1);

	put(p, job, ERR_NONE);
	job->state = JOB_PAUSED;
	job->priority = 9;
	put(p, job, ERR_NONE);
	reload(p);
	assert_int_equal(p->n_loaded, 1);
	assert_int_equal(p->loaded[0]->state, JOB_PAUSED);
	assert_int_equal(p->loaded[0]->priority, 9);
}

static void a_job_is_written_as_it_was_when_it_was_given(void **state)
{
	struct place *p = *state;
	AUTO(job) job = make_job(ID_A, 1);

	store_put_job(p->store, job, NULL, NULL);
	job->priority = 99;
	job->repo[0] = '!';
	reload(p);
	assert_int_equal(p->loaded[0]->priority, 0);
	assert_string_equal(p->loaded[0]->repo, "acme/tiny");
}

static void answers_come_in_the_order_of_the_commands(void **state)
{
	struct place *p = *state;
	struct log log = { .wanted = 30 };
	struct note notes[30];

	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		AUTO(job) job = make_job(ID_A, 1);

		notes[i] = (struct note){ &log, i };
		job->priority = (int)i;
		if (i % 3 == 0)
			store_put_job(p->store, job, on_done, &notes[i]);
		else if (i % 3 == 1)
			store_put_file(p->store, ID_A, 0, FILE_DONE, 1, on_done, &notes[i]);
		else
			store_check(p->store, on_done, &notes[i]);
	}
	loop_until(p->loop, &log.is_complete);
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		assert_int_equal(log.which[i], i);
		assert_int_equal(log.codes[i], ERR_NONE);
	}
	reload(p);
	assert_int_equal(p->loaded[0]->priority, 27);
}

static void a_failing_command_does_not_spoil_its_neighbours(void **state)
{
	struct place *p = *state;
	AUTO(job) a = make_job(ID_A, 1);
	AUTO(job) same_order = make_job(ID_B, 1); /* the order is unique */
	AUTO(job) c = make_job(ID_C, 2);
	const struct job *jobs[] = { a, same_order, c };
	struct log log = { .wanted = 30 };
	struct note notes[30];

	/* Given quickly, many of them share a transaction. */
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		notes[i] = (struct note){ &log, i };
		store_put_job(p->store, jobs[i % 3], on_done, &notes[i]);
	}
	loop_until(p->loop, &log.is_complete);
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		assert_int_equal(log.which[i], i);
		assert_int_equal(log.codes[i], i % 3 == 1 ? ERR_STORE : ERR_NONE);
	}
	reload(p);
	assert_int_equal(p->n_loaded, 2);
	assert_non_null(loaded(p, ID_A));
	assert_non_null(loaded(p, ID_C));
}

static void a_plan_comes_back_whole_and_in_order(void **state)
{
	struct place *p = *state;
	AUTO(job) job = make_job(ID_A, 1);
	AUTO(plan) plan = make_plan(300);
	AUTO(plan) back = NULL;

	job->is_planned = true;
	store_put_plan(p->store, job, plan, NULL, NULL);
	reload(p);
	back = get_plan(p, ID_A);
	assert_int_equal(back->n, 300);
	for (size_t i = 0; i < back->n; i++) {
		assert_string_equal(back->files[i].path, plan->files[i].path);
		assert_int_equal(back->files[i].size, plan->files[i].size);
		assert_int_equal(back->files[i].algorithm, plan->files[i].algorithm);
		assert_string_equal(back->files[i].digest, plan->files[i].digest);
		assert_int_equal(back->files[i].state, FILE_PENDING);
		assert_int_equal(back->files[i].bytes_done, 0);
	}
	assert_true(p->loaded[0]->is_planned);
}

static void a_new_plan_replaces_the_old_one(void **state)
{
	struct place *p = *state;
	AUTO(job) job = make_job(ID_A, 1);
	AUTO(plan) big = make_plan(5);
	AUTO(plan) small = make_plan(2);
	AUTO(plan) back = NULL;

	store_put_plan(p->store, job, big, NULL, NULL);
	store_put_plan(p->store, job, small, NULL, NULL);
	back = get_plan(p, ID_A);
	assert_int_equal(back->n, 2);
}

static void a_job_without_a_plan_has_an_empty_one(void **state)
{
	struct place *p = *state;
	AUTO(plan) back = get_plan(p, ID_A);

	assert_int_equal(back->n, 0);
}

static void progress_of_files_is_that_of_the_loaded_job(void **state)
{
	struct place *p = *state;
	AUTO(job) job = make_job(ID_A, 1);
	AUTO(plan) plan = make_plan(3);
	AUTO(plan) back = NULL;

	job->is_planned = true;
	job->state = JOB_DOWNLOADING;
	job->files_total = 3;
	store_put_plan(p->store, job, plan, NULL, NULL);
	store_put_file(p->store, ID_A, 1, FILE_DONE, 10, NULL, NULL);
	store_put_file(p->store, ID_A, 2, FILE_DOWNLOADING, 7, NULL, NULL);
	reload(p);
	assert_int_equal(p->loaded[0]->bytes_done, 17);
	assert_int_equal(p->loaded[0]->files_done, 1);
	back = get_plan(p, ID_A);
	assert_int_equal(back->files[0].state, FILE_PENDING);
	assert_int_equal(back->files[1].state, FILE_DONE);
	assert_int_equal(back->files[1].bytes_done, 10);
	assert_int_equal(back->files[2].state, FILE_DOWNLOADING);
	assert_int_equal(back->files[2].bytes_done, 7);
}

static void a_deleted_job_takes_its_plan_along(void **state)
{
	struct place *p = *state;
	AUTO(job) a = make_job(ID_A, 1);
	AUTO(job) b = make_job(ID_B, 2);
	AUTO(plan) plan = make_plan(3);
	AUTO(plan) gone = NULL;
	AUTO(plan) kept = NULL;

	store_put_plan(p->store, a, plan, NULL, NULL);
	store_put_plan(p->store, b, plan, NULL, NULL);
	store_delete_job(p->store, ID_A, NULL, NULL);
	reload(p);
	assert_int_equal(p->n_loaded, 1);
	assert_non_null(loaded(p, ID_B));
	gone = get_plan(p, ID_A);
	kept = get_plan(p, ID_B);
	assert_int_equal(gone->n, 0);
	assert_int_equal(kept->n, 3);
}

static void nobody_else_may_open_the_directory(void **state)
{
	struct place *p = *state;
	struct error err;

	assert_null(store_new(p->loop, p->path, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_non_null(strstr(err.text, "another larderd"));
	place_close(p);
	place_open(p);
}

static void the_directory_is_for_its_owner_alone(void **state)
{
	const struct place *p = *state;
	AUTO_CSTR path = mem_printf("%s/larder.db", p->path);
	struct stat st;

	assert_int_equal(stat(p->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(stat(path, &st), 0);
}

static void a_directory_that_cannot_be_made_is_told(void **state)
{
	struct place *p = *state;
	AUTO_CSTR path = tempdir_path(&p->dir, "file/state");
	struct error err = { .code = ERR_NONE };

	tempdir_write(&p->dir, "file", S("in the way"));
	assert_null(store_new(p->loop, path, &err));
	assert_int_not_equal(err.code, ERR_NONE);
}

static void a_file_that_is_no_database_is_told(void **state)
{
	struct place *p = *state;
	struct error err;

	place_close(p);
	tempdir_remove(&p->dir);
	tempdir_make(&p->dir);
	free(p->path);
	p->path = tempdir_path(&p->dir, "state");
	assert_int_equal(mkdir(p->path, 0700), 0);
	tempdir_write(&p->dir, "state/larder.db", S("this is text, and not a little of it"));
	assert_null(store_new(p->loop, p->path, &err));
	assert_int_equal(err.code, ERR_STORE);
	tempdir_write(&p->dir, "state/larder.db", S(""));
	place_open(p);
}

static void stopping_finishes_what_was_given(void **state)
{
	struct place *p = *state;
	struct log log = { .wanted = 20 };
	struct note notes[20];
	AUTO(job) job = make_job(ID_A, 1);

	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		notes[i] = (struct note){ &log, i };
		job->priority = (int)i;
		store_put_job(p->store, job, on_done, &notes[i]);
	}
	store_stop(p->store);
	assert_int_equal(log.n, 0);
	loop_drain(p->loop);
	assert_true(log.is_complete);
	store_put_job(p->store, job, NULL, NULL); /* dropped */
	reload(p);
	assert_int_equal(p->loaded[0]->priority, 19);
}

/* The settings as loaded, as one JSON object. */
static void on_setting(void *ctx, const char *name, const char *value)
{
	struct json_object *object = ctx;
	struct json_object *parsed = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(value), 8, &parsed, &err), 0);
	json_take(object, name, parsed);
}

static void put_settings(struct place *p, const char *text, enum error_code wanted)
{
	struct log log = { .wanted = 1 };
	struct note note = { &log, 0 };
	struct json_object *settings = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(text), 8, &settings, &err), 0);
	store_put_settings(p->store, settings, on_done, &note);
	loop_until(p->loop, &log.is_complete);
	assert_int_equal(log.codes[0], wanted);
}

static void settings_come_back_and_null_forgets_them(void **state)
{
	struct place *p = *state;
	AUTO_JSON object = json_object_new_object();
	struct error err;

	put_settings(p, "{\"a\":true,\"b\":[{\"x\":\"y\"}],\"c\":12}", ERR_NONE);
	put_settings(p, "{\"a\":false,\"c\":null,\"never\":null}", ERR_NONE);
	put_settings(p, "{}", ERR_NONE);
	reload(p);
	assert_int_equal(store_load_settings(p->store, on_setting, object, &err), 0);
	assert_string_equal(json_text(object).p, "{\"a\":false,\"b\":[{\"x\":\"y\"}]}");
}

/* --- extents --------------------------------------------------------------------------------
 */

enum {
	EXTENTS_MAX = 8,
};

struct extents {
	bool is_done;
	size_t n;
	struct extent extents[EXTENTS_MAX];
};

static void on_extents(void *ctx, const struct extent *extents, size_t n,
		       const struct error *err)
{
	struct extents *got = ctx;

	assert_null(err);
	assert_true(n <= EXTENTS_MAX);
	got->n = n;
	if (n > 0)
		memcpy(got->extents, extents, n * sizeof(*extents));
	got->is_done = true;
}

static struct extents get_extents(struct place *p, const char *id, size_t index)
{
	struct extents got = { .is_done = false };

	store_get_extents(p->store, id, index, on_extents, &got);
	assert_false(got.is_done);
	loop_until(p->loop, &got.is_done);
	return got;
}

/* Two jobs with a plan of three files each. */
static void put_plans(struct place *p)
{
	AUTO(job) a = make_job(ID_A, 1);
	AUTO(job) b = make_job(ID_B, 2);
	AUTO(plan) plan = make_plan(3);

	a->is_planned = true;
	b->is_planned = true;
	store_put_plan(p->store, a, plan, NULL, NULL);
	store_put_plan(p->store, b, plan, NULL, NULL);
}

static void put_extent(struct place *p, const char *id, size_t index, uint64_t first,
		       uint64_t length, uint64_t sum)
{
	struct extent extent = { first, length, sum };

	store_put_extents(p->store, id, index, &extent, 1, length, NULL, NULL);
}

static void extents_come_back_in_order_and_are_their_files_own(void **state)
{
	static const struct extent given[] = {
		{ 900, 50, UINT64_MAX },
		{ 0, 10, 1 },
		{ UINT64_C(5000000000), UINT64_C(70000000000), UINT64_C(1) << 63 },
	};
	struct place *p = *state;
	AUTO(plan) back = NULL;
	struct extents got;

	put_plans(p);
	store_put_extents(p->store, ID_A, 1, given, ARRAY_LEN(given), 60, NULL, NULL);
	put_extent(p, ID_A, 2, 0, 7, 7);
	put_extent(p, ID_B, 1, 0, 8, 8);
	reload(p);
	got = get_extents(p, ID_A, 1);
	assert_int_equal(got.n, 3);
	assert_memory_equal(&got.extents[0], &given[1], sizeof(given[1]));
	assert_memory_equal(&got.extents[1], &given[0], sizeof(given[0]));
	assert_memory_equal(&got.extents[2], &given[2], sizeof(given[2]));
	back = get_plan(p, ID_A);
	assert_int_equal(back->files[1].bytes_done, 60);
	assert_int_equal(get_extents(p, ID_A, 0).n, 0);
	assert_int_equal(get_extents(p, ID_A, 2).extents[0].sum, 7);
	assert_int_equal(get_extents(p, ID_B, 1).extents[0].sum, 8);
	assert_int_equal(get_extents(p, ID_C, 0).n, 0);
}

static void an_extent_replaces_the_one_with_its_beginning(void **state)
{
	struct place *p = *state;
	struct extents got;

	put_plans(p);
	put_extent(p, ID_A, 1, 0, 10, 1);
	put_extent(p, ID_A, 1, 500, 10, 2);
	put_extent(p, ID_A, 1, 0, 30, 3);
	got = get_extents(p, ID_A, 1);
	assert_int_equal(got.n, 2);
	assert_int_equal(got.extents[0].length, 30);
	assert_int_equal(got.extents[0].sum, 3);
	assert_int_equal(got.extents[1].sum, 2);
}

static void an_extent_that_is_dropped_is_the_only_one_that_goes(void **state)
{
	struct place *p = *state;
	AUTO(plan) back = NULL;
	struct extents got;

	put_plans(p);
	put_extent(p, ID_A, 1, 0, 10, 1);
	put_extent(p, ID_A, 1, 500, 20, 2);
	put_extent(p, ID_A, 2, 0, 10, 3);
	store_drop_extent(p->store, ID_A, 1, 0, 20, NULL, NULL);
	store_drop_extent(p->store, ID_A, 1, 499, 20, NULL, NULL); /* there is none */
	got = get_extents(p, ID_A, 1);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.extents[0].first, 500);
	assert_int_equal(get_extents(p, ID_A, 2).n, 1);
	back = get_plan(p, ID_A);
	assert_int_equal(back->files[1].bytes_done, 20);
}

static void a_files_new_state_forgets_its_extents(void **state)
{
	static const enum file_state states[] = { FILE_DONE, FILE_DOWNLOADING };
	struct place *p = *state;

	put_plans(p);
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		put_extent(p, ID_A, 1, 0, 10, 1);
		put_extent(p, ID_A, 2, 0, 10, 2);
		store_put_file(p->store, ID_A, 1, states[i], 0, NULL, NULL);
		assert_int_equal(get_extents(p, ID_A, 1).n, 0);
		assert_int_equal(get_extents(p, ID_A, 2).n, 1);
	}
}

static void extents_go_with_their_job_and_with_its_plan(void **state)
{
	struct place *p = *state;
	AUTO(job) b = make_job(ID_B, 2);
	AUTO(plan) plan = make_plan(3);

	put_plans(p);
	put_extent(p, ID_A, 1, 0, 10, 1);
	put_extent(p, ID_B, 1, 0, 10, 2);
	store_delete_job(p->store, ID_A, NULL, NULL);
	assert_int_equal(get_extents(p, ID_A, 1).n, 0);
	assert_int_equal(get_extents(p, ID_B, 1).n, 1);
	store_put_job(p->store, b, NULL, NULL); /* the plan stays */
	assert_int_equal(get_extents(p, ID_B, 1).n, 1);
	store_put_plan(p->store, b, plan, NULL, NULL);
	assert_int_equal(get_extents(p, ID_B, 1).n, 0);
}

static void run_sql(const struct place *p, const char *sql)
{
	AUTO_CSTR path = mem_printf("%s/larder.db", p->path);
	sqlite3 *handle = NULL;

	if (sqlite3_open(path, &handle) != SQLITE_OK ||
	    sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		abort();
	(void)sqlite3_close(handle);
}

/* What was counted without checksums cannot be checked. */
static void of_a_database_without_extents_only_finished_files_count(void **state)
{
	struct place *p = *state;
	AUTO(plan) back = NULL;

	put_plans(p);
	store_put_file(p->store, ID_A, 0, FILE_DONE, 11, NULL, NULL);
	store_put_file(p->store, ID_A, 1, FILE_DOWNLOADING, 22, NULL, NULL);
	store_put_file(p->store, ID_A, 2, FILE_PENDING, 33, NULL, NULL);
	place_close(p);
	run_sql(p, "DROP TRIGGER jobs_end; DROP TABLE notices; DROP TABLE audit; DROP TABLE "
		   "extents; DROP TABLE sources; DROP TABLE "
		   "model_files; DROP TABLE "
		   "models; ALTER TABLE jobs DROP COLUMN kind; ALTER TABLE jobs DROP COLUMN "
		   "folder; "
		   "ALTER TABLE jobs DROP COLUMN files_changed; "
		   "ALTER TABLE jobs DROP COLUMN files_missing; "
		   "ALTER TABLE jobs DROP COLUMN files_unknown; "
		   "ALTER TABLE jobs DROP COLUMN shown_digest; "
		   "ALTER TABLE jobs DROP COLUMN shown_files; "
		   "ALTER TABLE jobs DROP COLUMN shown_bytes; "
		   "ALTER TABLE jobs DROP COLUMN bytes_present; "
		   "PRAGMA user_version = 3");
	place_open(p);
	back = get_plan(p, ID_A);
	assert_int_equal(back->files[0].bytes_done, 11);
	assert_int_equal(back->files[0].state, FILE_DONE);
	assert_int_equal(back->files[1].bytes_done, 0);
	assert_int_equal(back->files[1].state, FILE_DOWNLOADING);
	assert_int_equal(back->files[2].bytes_done, 0);
	put_extent(p, ID_A, 1, 0, 10, 1);
	assert_int_equal(get_extents(p, ID_A, 1).n, 1);
}

/* Another process writes and takes its time: what is there can be read all the same, in its
 * turn among commands that cannot be. */
static void while_others_write_reading_goes_on(void **state)
{
	struct place *p = *state;
	AUTO(job) job = make_job(ID_A, 1);
	AUTO_CSTR path = mem_printf("%s/larder.db", p->path);
	sqlite3 *handle = NULL;
	AUTO(plan) back = NULL;

	put_plans(p);
	put_extent(p, ID_A, 1, 0, 10, 1);
	assert_int_equal(get_extents(p, ID_A, 1).n, 1);
	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	assert_int_equal(sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	back = get_plan(p, ID_A);
	assert_true(back->n > 0);
	assert_int_equal(get_extents(p, ID_A, 1).n, 1);
	store_put_job(p->store, job, NULL, NULL); /* waits for the other, in vain */
	plan_free(&back);
	back = get_plan(p, ID_A);
	assert_true(back->n > 0);
	put(p, job, ERR_STORE);
	assert_int_equal(sqlite3_exec(handle, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(handle);
	put(p, job, ERR_NONE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_job_comes_back_as_it_was),
		TEST(the_end_of_a_job_is_to_be_told_until_it_is),
		TEST(the_latest_version_of_a_job_counts),
		TEST(a_job_is_written_as_it_was_when_it_was_given),
		TEST(answers_come_in_the_order_of_the_commands),
		TEST(a_failing_command_does_not_spoil_its_neighbours),
		TEST(a_plan_comes_back_whole_and_in_order),
		TEST(a_new_plan_replaces_the_old_one),
		TEST(a_job_without_a_plan_has_an_empty_one),
		TEST(progress_of_files_is_that_of_the_loaded_job),
		TEST(a_deleted_job_takes_its_plan_along),
		TEST(nobody_else_may_open_the_directory),
		TEST(the_directory_is_for_its_owner_alone),
		TEST(a_directory_that_cannot_be_made_is_told),
		TEST(a_file_that_is_no_database_is_told),
		TEST(stopping_finishes_what_was_given),
		TEST(settings_come_back_and_null_forgets_them),
		TEST(extents_come_back_in_order_and_are_their_files_own),
		TEST(an_extent_replaces_the_one_with_its_beginning),
		TEST(an_extent_that_is_dropped_is_the_only_one_that_goes),
		TEST(a_files_new_state_forgets_its_extents),
		TEST(extents_go_with_their_job_and_with_its_plan),
		TEST(while_others_write_reading_goes_on),
		TEST(of_a_database_without_extents_only_finished_files_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
