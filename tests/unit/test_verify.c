#include "downloader/verify.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "downloader/direct.h"
#include "downloader/localdir.h"
#include "tests/unit/looping.h"
#include "tests/unit/shelf.h"

#define HELLO   "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0" /* git's, of "hello" */
#define WRONG   "b45ef6fec89518d314f546fd6c3025367b721684"
#define FOLDER  "acme/tiny"
#define NOTE(x) FOLDER "/.cache/huggingface/download/" x ".metadata"

/* What the disk does when it is read. */
static struct {
	int sys;                    /* reading fails so */
	const struct shelf *writer; /* somebody writes meanwhile */
} disk;

int __real_direct_read(struct direct *direct, struct str *ret, struct error *err);
int __wrap_direct_read(struct direct *direct, struct str *ret, struct error *err);

int __wrap_direct_read(struct direct *direct, struct str *ret, struct error *err)
{
	if (disk.sys != 0) {
		errno = disk.sys;
		return error_set_errno(err, ERR_DISK_ERROR, "read");
	}
	if (disk.writer != NULL)
		shelf_date(disk.writer, FOLDER "/a", SHELF_CHANGED_S + 10);
	return __real_direct_read(direct, ret, err);
}

struct place {
	struct shelf shelf;
	struct loop *loop;
	struct pool *pool;
	struct verify *verify;
	enum file_state states[4];
	size_t n_found;
	bool is_over;
	enum error_code why;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	memset(&disk, 0, sizeof(disk));
	shelf_make(&p->shelf);
	p->loop = loop_new(&err);
	p->pool = pool_new(p->loop, 1, &err);
	*state = p;
	return p->pool == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	pool_stop(p->pool);
	loop_drain(p->loop);
	pool_free(&p->pool);
	loop_free(&p->loop);
	shelf_remove(&p->shelf);
	free(p);
	return 0;
}

static void on_found(void *ctx, size_t index, const char *why)
{
	struct place *p = ctx;

	assert_non_null(why);
	assert_true(index < ARRAY_LEN(p->states));
	p->states[index] = verify_plan(p->verify)->files[index].state;
	p->n_found++;
}

static void on_over(void *ctx, struct verify *take_verify, const struct error *err)
{
	struct place *p = ctx;

	p->why = err != NULL ? err->code : ERR_NONE;
	verify_free(&take_verify);
	p->verify = NULL;
	p->is_over = true;
}

static void begin(struct place *p, const char *const *paths, const char *const *digests,
		  size_t n)
{
	struct verify_env env = { .loop = p->loop,
				  .pool = p->pool,
				  .models_root = p->shelf.root };
	struct verify_hooks hooks = { .found = on_found, .over = on_over, .ctx = p };
	struct plan *plan = plan_new(n);

	for (size_t i = 0; i < n; i++) {
		plan->files[i].path = mem_strdup(paths[i]);
		plan->files[i].algorithm = DIGEST_GIT_SHA1;
		plan->files[i].size = 5;
		memcpy(plan->files[i].digest, digests[i], strlen(digests[i]) + 1);
	}
	p->verify = verify_new(&env, FOLDER, SHELF_COMMIT, plan, &hooks);
}

static enum file_state verify_one(struct place *p, const char *path, const char *digest)
{
	begin(p, &path, &digest, 1);
	loop_until(p->loop, &p->is_over);
	return p->n_found == 1 ? p->states[0] : FILE_PENDING;
}

static struct localdir_note note_of(const struct place *p, const char *path)
{
	struct localdir_note note = { .time_ms = -1 };
	struct error err;

	(void)!localdir_read_note(p->shelf.root, path, &note, &err);
	return note;
}

static void each_file_is_found_for_what_it_is(void **state)
{
	static const char *const paths[] = { "a", "b", "absent", "unknown" };
	static const char *const digests[] = { HELLO, HELLO, HELLO, "" };
	struct place *p = *state;

	shelf_put(&p->shelf, FOLDER "/a", S("hello"));
	shelf_put(&p->shelf, FOLDER "/b", S("hellu"));
	shelf_put(&p->shelf, FOLDER "/unknown", S("hello"));
	begin(p, paths, digests, 4);
	loop_until(p->loop, &p->is_over);
	assert_int_equal(p->why, ERR_NONE);
	assert_int_equal(p->n_found, 4);
	assert_int_equal(p->states[0], FILE_DONE);
	assert_int_equal(p->states[1], FILE_CHANGED);
	assert_int_equal(p->states[2], FILE_MISSING);
	assert_int_equal(p->states[3], FILE_UNKNOWN);
	/* And so it is written down. */
	assert_true(note_of(p, NOTE("a")).time_ms > 0);
	assert_string_equal(note_of(p, NOTE("a")).commit, SHELF_COMMIT);
	assert_int_equal(note_of(p, NOTE("b")).time_ms, LOCALDIR_DISTRUSTED);
	assert_string_equal(note_of(p, NOTE("b")).digest, HELLO);
	assert_int_equal(note_of(p, NOTE("absent")).time_ms, -1);
	assert_int_equal(note_of(p, NOTE("unknown")).time_ms, -1);
}

static void a_note_keeps_the_commit_that_it_names(void **state)
{
	static const char older[] = "3333333333333333333333333333333333333333\n" HELLO "\n0\n";
	struct place *p = *state;

	shelf_put(&p->shelf, FOLDER "/a", S("hello"));
	shelf_put(&p->shelf, NOTE("a"), str_from(older));
	assert_int_equal(verify_one(p, "a", HELLO), FILE_DONE);
	assert_string_equal(note_of(p, NOTE("a")).commit,
			    "3333333333333333333333333333333333333333");
	assert_true(note_of(p, NOTE("a")).time_ms > 0);
}

static void a_disk_that_has_lost_it_has_changed_it(void **state)
{
	struct place *p = *state;

	shelf_put(&p->shelf, FOLDER "/a", S("hello"));
	disk.sys = EIO;
	assert_int_equal(verify_one(p, "a", HELLO), FILE_CHANGED);
	assert_int_equal(note_of(p, NOTE("a")).time_ms, LOCALDIR_DISTRUSTED);
}

static void another_failure_says_nothing_of_the_file(void **state)
{
	struct place *p = *state;

	shelf_put(&p->shelf, FOLDER "/a", S("hello"));
	disk.sys = ESTALE;
	assert_int_equal(verify_one(p, "a", HELLO), FILE_UNKNOWN);
	assert_int_equal(note_of(p, NOTE("a")).time_ms, -1);
}

static void a_file_that_is_written_to_meanwhile_is_unknown(void **state)
{
	struct place *p = *state;

	shelf_put(&p->shelf, FOLDER "/a", S("hello"));
	disk.writer = &p->shelf;
	assert_int_equal(verify_one(p, "a", WRONG), FILE_UNKNOWN);
	assert_int_equal(note_of(p, NOTE("a")).time_ms, -1);
}

static void what_cannot_be_written_down_is_found_all_the_same(void **state)
{
	static const char *const paths[] = { "a", "b" };
	static const char *const digests[] = { HELLO, HELLO };
	struct place *p = *state;

	shelf_put(&p->shelf, FOLDER "/a", S("hello"));
	shelf_put(&p->shelf, FOLDER "/b", S("hellu"));
	/* A file where the notes' folder should be. */
	shelf_put(&p->shelf, FOLDER "/.cache", S("x"));
	begin(p, paths, digests, 2);
	loop_until(p->loop, &p->is_over);
	assert_int_equal(p->why, ERR_NONE);
	assert_int_equal(p->states[0], FILE_DONE);
	assert_int_equal(p->states[1], FILE_CHANGED);
}

static void what_the_note_says_by_then_counts(void **state)
{
	static const char newer[] = "3333333333333333333333333333333333333333\n" HELLO "\n0\n";
	struct place *p = *state;

	shelf_put(&p->shelf, FOLDER "/a", S("hello"));
	shelf_put(&p->shelf, NOTE("a"), str_from(newer));
	/* The plan is older than the note. */
	assert_int_equal(verify_one(p, "a", WRONG), FILE_DONE);
	assert_string_equal(note_of(p, NOTE("a")).digest, HELLO);
}

static void a_stop_ends_it_without_a_word_more(void **state)
{
	static const char *const paths[] = { "a", "b" };
	static const char *const digests[] = { HELLO, HELLO };
	struct place *p = *state;

	shelf_put(&p->shelf, FOLDER "/a", S("hello"));
	shelf_put(&p->shelf, FOLDER "/b", S("hello"));
	begin(p, paths, digests, 2);
	verify_stop(p->verify);
	verify_stop(p->verify);
	loop_until(p->loop, &p->is_over);
	assert_int_equal(p->n_found, 0);
	assert_int_equal(p->why, ERR_CANCELLED);
}

static void an_empty_plan_is_done(void **state)
{
	struct place *p = *state;

	begin(p, NULL, NULL, 0);
	loop_until(p->loop, &p->is_over);
	assert_int_equal(p->why, ERR_NONE);
	assert_int_equal(p->n_found, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)
		TEST(each_file_is_found_for_what_it_is),
		TEST(a_note_keeps_the_commit_that_it_names),
		TEST(a_disk_that_has_lost_it_has_changed_it),
		TEST(another_failure_says_nothing_of_the_file),
		TEST(a_file_that_is_written_to_meanwhile_is_unknown),
		TEST(what_cannot_be_written_down_is_found_all_the_same),
		TEST(what_the_note_says_by_then_counts),
		TEST(a_stop_ends_it_without_a_word_more),
		TEST(an_empty_plan_is_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
