/* What the store knows of where proven contents lie, and what it makes of an older database. */
#include "downloader/store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include <sqlite3.h>

#include "common/error.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

#define SHA256 "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0b6fc4c620b67d95f953a5c1c"
#define OTHER  "00000000000000000000000000000000000000000000000000000000000000ff"
#define SHA1   "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0"

enum {
	LEAST = 1048576, /* what the migration takes over */
};

static const struct plan_file big = { .algorithm = DIGEST_SHA256,
				      .digest = SHA256,
				      .size = UINT64_C(70000000000) };
static const struct plan_file other = { .algorithm = DIGEST_SHA256,
					.digest = OTHER,
					.size = UINT64_C(70000000000) };

struct place {
	struct tempdir dir;
	char *path;
	struct loop *loop;
	struct store *store;
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
	tempdir_remove(&p->dir);
	free(p->path);
	free(p);
	return 0;
}

struct got {
	bool is_done;
	bool has_failed;
	size_t n;
	char paths[STORE_SOURCES_MAX][256];
	int64_t mtimes[STORE_SOURCES_MAX];
};

static void on_sources(void *ctx, const struct source *sources, size_t n,
		       const struct error *err)
{
	struct got *got = ctx;

	got->is_done = true;
	got->has_failed = err != NULL;
	got->n = n;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(got->paths[i], sizeof(got->paths[i]), "%s", sources[i].path);
		got->mtimes[i] = sources[i].mtime_ns;
	}
}

static struct got get(struct place *p, const struct plan_file *file)
{
	struct got got = { .is_done = false };

	store_get_sources(p->store, file, on_sources, &got);
	assert_false(got.is_done); /* never before it returns */
	loop_until(p->loop, &got.is_done);
	return got;
}

static void put(struct place *p, const struct plan_file *file, const char *path,
		int64_t mtime_ns)
{
	AUTO_CSTR copy = mem_strdup(path);
	struct source source = { .path = copy, .mtime_ns = mtime_ns };

	store_put_source(p->store, file, &source, NULL, NULL);
	memset(copy, '!', strlen(copy)); /* a copy was made */
}

static void drop(struct place *p, const struct plan_file *file, const char *path)
{
	AUTO_CSTR copy = mem_strdup(path);
	struct source source = { .path = copy };

	store_drop_source(p->store, file, &source, NULL, NULL);
}

static void a_source_is_found_by_its_whole_content(void **state)
{
	struct place *p = *state;
	struct plan_file longer = big;
	struct plan_file git = big;
	struct got got;

	longer.size++;
	git.algorithm = DIGEST_GIT_SHA1;
	put(p, &big, "acme/a/x \xc3\xa9'\".gguf", INT64_MIN);
	put(p, &big, "acme/b/x.gguf", INT64_MAX);
	place_close(p);
	place_open(p);
	got = get(p, &big);
	assert_int_equal(got.n, 2);
	assert_string_equal(got.paths[0], "acme/b/x.gguf");
	assert_true(got.mtimes[0] == INT64_MAX);
	assert_string_equal(got.paths[1], "acme/a/x \xc3\xa9'\".gguf");
	assert_true(got.mtimes[1] == INT64_MIN);
	assert_int_equal(get(p, &other).n, 0);
	assert_int_equal(get(p, &longer).n, 0);
	assert_int_equal(get(p, &git).n, 0);
}

static void a_path_holds_one_content(void **state)
{
	struct place *p = *state;
	struct got got;

	put(p, &big, "acme/a/x.gguf", 1);
	put(p, &other, "acme/a/x.gguf", 2);
	assert_int_equal(get(p, &big).n, 0);
	got = get(p, &other);
	assert_int_equal(got.n, 1);
	assert_int_equal(got.mtimes[0], 2);
}

static void a_source_that_is_dropped_is_the_only_one_that_goes(void **state)
{
	struct place *p = *state;
	struct got got;

	put(p, &big, "acme/a/x.gguf", 1);
	put(p, &big, "acme/b/x.gguf", 1);
	put(p, &other, "acme/c/x.gguf", 1);
	drop(p, &big, "acme/a/x.gguf");
	drop(p, &big, "acme/c/x.gguf"); /* holds something else by now */
	got = get(p, &big);
	assert_int_equal(got.n, 1);
	assert_string_equal(got.paths[0], "acme/b/x.gguf");
	assert_int_equal(get(p, &other).n, 1);
}

static void only_the_newest_few_are_told(void **state)
{
	struct place *p = *state;
	struct got got;

	for (size_t i = 0; i < STORE_SOURCES_MAX + 5; i++) {
		AUTO_CSTR path = mem_printf("acme/%zu/x.gguf", i);

		put(p, &big, path, 1);
	}
	got = get(p, &big);
	assert_int_equal(got.n, STORE_SOURCES_MAX);
	assert_string_equal(got.paths[0], "acme/12/x.gguf");
	assert_string_equal(got.paths[STORE_SOURCES_MAX - 1], "acme/5/x.gguf");
}

static struct job *make_job(char letter, uint64_t order, enum repo_type type,
			    const char *revision)
{
	struct job *job = job_new();

	memset(job->id, letter, DOWNLOAD_ID_LEN);
	job->order = order;
	job->type = type;
	job->repo = mem_strdup("acme/tiny");
	job->revision = mem_strdup(revision);
	job->is_planned = true;
	return job;
}

static struct plan *make_plan(const char *digest)
{
	static const uint64_t sizes[] = { LEAST, LEAST - 1, UINT64_C(70000000000) };
	struct plan *plan = plan_new(ARRAY_LEN(sizes));

	for (size_t i = 0; i < plan->n; i++) {
		plan->files[i].path = mem_printf("sub/file %zu", i);
		plan->files[i].size = sizes[i];
		plan->files[i].algorithm = i == 0 ? DIGEST_GIT_SHA1 : DIGEST_SHA256;
		memcpy(plan->files[i].digest, i == 0 ? SHA1 : digest,
		       strlen(i == 0 ? SHA1 : digest) + 1);
	}
	return plan;
}

static void put_done(struct place *p, const struct job *job, const char *digest, size_t index)
{
	AUTO(plan) plan = make_plan(digest);

	store_put_plan(p->store, job, plan, NULL, NULL);
	store_put_file(p->store, job->id, index, FILE_DONE, plan->files[index].size, NULL,
		       NULL);
}

static void sources_outlive_their_job(void **state)
{
	struct place *p = *state;
	AUTO(job) job = make_job('a', 1, REPO_MODEL, "main");

	put_done(p, job, SHA256, 2);
	put(p, &big, "acme/tiny/sub/file 2", 7);
	store_delete_job(p->store, job->id, NULL, NULL);
	place_close(p);
	place_open(p);
	assert_int_equal(get(p, &big).mtimes[0], 7);
}

static void go_back_to_version_4(const struct place *p)
{
	AUTO_CSTR path = mem_printf("%s/larder.db", p->path);
	sqlite3 *handle = NULL;

	if (sqlite3_open(path, &handle) != SQLITE_OK ||
	    sqlite3_exec(
		    handle,
		    "DROP TRIGGER jobs_end; DROP TABLE notices; DROP TABLE audit; DROP TABLE "
		    "sources; DROP TABLE model_files; DROP TABLE "
		    "models; "
		    "ALTER TABLE jobs DROP COLUMN kind; ALTER TABLE jobs DROP COLUMN folder; "
		    "ALTER TABLE jobs DROP COLUMN files_changed; "
		    "ALTER TABLE jobs DROP COLUMN files_missing; "
		    "ALTER TABLE jobs DROP COLUMN files_unknown; "
		    "ALTER TABLE jobs DROP COLUMN shown_digest; "
		    "ALTER TABLE jobs DROP COLUMN shown_files; "
		    "ALTER TABLE jobs DROP COLUMN shown_bytes; "
		    "ALTER TABLE jobs DROP COLUMN bytes_present; "
		    "PRAGMA user_version = 4",
		    NULL, NULL, NULL) != SQLITE_OK)
		abort();
	(void)sqlite3_close(handle);
}

/* The migration names the folders in SQL as job_folder() does in C. */
static void an_older_databases_done_files_are_sources(void **state)
{
	static const struct {
		enum repo_type type;
		const char *revision;
	} kinds[] = { { REPO_MODEL, "main" },
		      { REPO_MODEL, "refs/pr/1" },
		      { REPO_DATASET, "main" },
		      { REPO_DATASET, "v1.0" } };
	struct place *p = *state;
	struct got got;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		AUTO(job)
		job = make_job((char)('a' + i), i + 1, kinds[i].type, kinds[i].revision);

		put_done(p, job, SHA256, 2);
	}
	place_close(p);
	go_back_to_version_4(p);
	place_open(p);
	got = get(p, &big);
	assert_int_equal(got.n, ARRAY_LEN(kinds));
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		AUTO_CSTR folder = job_folder(kinds[i].type, "acme/tiny", kinds[i].revision);
		AUTO_CSTR path = mem_printf("%s/sub/file 2", folder);

		assert_string_equal(got.paths[got.n - 1 - i], path);
		assert_int_equal(got.mtimes[got.n - 1 - i], 0);
	}
}

static void of_an_older_database_small_and_unfinished_files_are_no_sources(void **state)
{
	struct place *p = *state;
	struct plan_file least = { .algorithm = DIGEST_GIT_SHA1,
				   .digest = SHA1,
				   .size = LEAST };
	struct plan_file small = { .algorithm = DIGEST_SHA256,
				   .digest = SHA256,
				   .size = LEAST - 1 };

	for (size_t i = 0; i < 2; i++) {
		AUTO(job) job = make_job((char)('a' + i), i + 1, REPO_MODEL, i > 0 ? "v" : "w");

		put_done(p, job, SHA256, i);
	}
	place_close(p);
	go_back_to_version_4(p);
	place_open(p);
	assert_int_equal(get(p, &least).n, 1);
	assert_int_equal(get(p, &small).n, 0);
	assert_int_equal(get(p, &big).n, 0);
}

/* An update wrote another content to the same path later. */
static void of_an_older_database_the_last_download_of_a_path_counts(void **state)
{
	struct place *p = *state;
	AUTO(job) first = make_job('b', 1, REPO_MODEL, "main");
	AUTO(job) second = make_job('a', 2, REPO_MODEL, "main");

	put_done(p, second, OTHER, 2);
	put_done(p, first, SHA256, 2);
	place_close(p);
	go_back_to_version_4(p);
	place_open(p);
	assert_int_equal(get(p, &big).n, 0);
	assert_int_equal(get(p, &other).n, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_source_is_found_by_its_whole_content),
		TEST(a_path_holds_one_content),
		TEST(a_source_that_is_dropped_is_the_only_one_that_goes),
		TEST(only_the_newest_few_are_told),
		TEST(sources_outlive_their_job),
		TEST(an_older_databases_done_files_are_sources),
		TEST(of_an_older_database_small_and_unfinished_files_are_no_sources),
		TEST(of_an_older_database_the_last_download_of_a_path_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
