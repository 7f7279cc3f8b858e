#include "downloader/plan.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static void a_new_plan_has_files_that_are_not_begun(void **state)
{
	AUTO(plan) plan = plan_new(3);
	AUTO(plan) empty = plan_new(0);

	(void)state;
	assert_int_equal(plan->n, 3);
	assert_int_equal(empty->n, 0);
	for (size_t i = 0; i < plan->n; i++) {
		assert_int_equal(plan->files[i].state, FILE_PENDING);
		assert_int_equal(plan->files[i].bytes_done, 0);
		assert_null(plan->files[i].path);
	}
}

static void a_copy_is_deep(void **state)
{
	AUTO(plan) plan = plan_new(2);
	AUTO(plan) copy = NULL;

	(void)state;
	plan->files[1] = (struct plan_file){ .path = mem_strdup("a/b"),
					     .size = 9,
					     .algorithm = DIGEST_GIT_SHA1,
					     .digest = "abc",
					     .state = FILE_VERIFYING,
					     .bytes_done = 7,
					     .bytes_verified = 5 };
	copy = plan_copy(plan);
	plan->files[1].path[0] = '!';
	plan->files[1].state = FILE_DONE;
	assert_int_equal(copy->n, 2);
	assert_string_equal(copy->files[1].path, "a/b");
	assert_int_equal(copy->files[1].size, 9);
	assert_int_equal(copy->files[1].algorithm, DIGEST_GIT_SHA1);
	assert_string_equal(copy->files[1].digest, "abc");
	assert_int_equal(copy->files[1].state, FILE_VERIFYING);
	assert_int_equal(copy->files[1].bytes_done, 7);
	assert_int_equal(copy->files[1].bytes_verified, 5);
}

static void progress_is_taken_over_from_a_plan_of_the_same_files(void **state)
{
	AUTO(plan) plan = plan_new(2);
	AUTO(plan) live = plan_new(2);
	AUTO(plan) other = plan_new(1);

	(void)state;
	live->files[1].state = FILE_DOWNLOADING;
	live->files[1].bytes_done = 8;
	live->files[1].bytes_verified = 4;
	other->files[0].state = FILE_DONE;
	plan_take_progress(plan, live);
	plan_take_progress(plan, other);
	assert_int_equal(plan->files[0].state, FILE_PENDING);
	assert_int_equal(plan->files[1].state, FILE_DOWNLOADING);
	assert_int_equal(plan->files[1].bytes_done, 8);
	assert_int_equal(plan->files[1].bytes_verified, 4);
}

static void freeing_leaves_null_and_takes_null(void **state)
{
	struct plan *plan = plan_new(1);

	(void)state;
	plan_free(&plan);
	assert_null(plan);
	plan_free(&plan);
}

static void state_names_lead_there_and_back(void **state)
{
	static const char *const names[] = { "pending",     "checking",  "waiting", "copying",
					     "downloading", "verifying", "done",    "failed",
					     "changed",     "missing",   "unknown", "staged",
					     "gone" };
	enum file_state found = FILE_STATE_COUNT;

	(void)state;
	assert_int_equal(ARRAY_LEN(names), FILE_STATE_COUNT);
	for (unsigned i = 0; i < FILE_STATE_COUNT; i++) {
		assert_string_equal(file_state_name((enum file_state)i), names[i]);
		assert_int_equal(file_state_from_name(str_from(names[i]), &found), 0);
		assert_int_equal(found, i);
	}
	found = FILE_DONE;
	assert_int_equal(file_state_from_name(S("Done"), &found), -1);
	assert_int_equal(file_state_from_name(S("don"), &found), -1);
	assert_int_equal(found, FILE_DONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_plan_has_files_that_are_not_begun),
		cmocka_unit_test(a_copy_is_deep),
		cmocka_unit_test(progress_is_taken_over_from_a_plan_of_the_same_files),
		cmocka_unit_test(freeing_leaves_null_and_takes_null),
		cmocka_unit_test(state_names_lead_there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
