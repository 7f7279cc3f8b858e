#include "downloader/planner.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "downloader/localdir.h"
#include "tests/unit/rig.h"

static const struct rig_file files[] = {
	{ "README.md", { "read me", 7 }, false },
	{ "config.json", { "{}", 2 }, false },
	{ "m-Q4_K_M.gguf", { "plain q4", 8 }, true },
	{ "m-UD-Q4_K_M.gguf", { "ud q4 ..", 8 }, true },
	{ "sets/m-00001-of-00002.safetensors", { "part 1", 6 }, true },
	{ "sets/m-00002-of-00002.safetensors", { "part 2", 6 }, true },
};

struct result {
	bool is_done;
	unsigned calls;
	struct planned *planned;
	struct error error;
};

static void on_planned(void *ctx, struct planned *take_planned, const struct error *err)
{
	struct result *result = ctx;

	result->is_done = true;
	result->calls++;
	result->planned = take_planned;
	result->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
	assert_true((take_planned == NULL) == (err != NULL));
}

static struct choice make_choice(const char *select, const char *exclude)
{
	struct choice choice = { .type = REPO_MODEL,
				 .repo = mem_strdup(RIG_REPO),
				 .revision = mem_strdup("main") };
	AUTO_CSTR one = mem_strdup(select);
	AUTO_CSTR other = mem_strdup(exclude);

	if (select != NULL)
		terms_copy(&choice.select, &one, 1);
	if (exclude != NULL)
		terms_copy(&choice.exclude, &other, 1);
	return choice;
}

static void plan(struct rig *rig, const char *select, const char *exclude,
		 struct result *result)
{
	struct choice choice = make_choice(select, exclude);

	*result = (struct result){ .is_done = false };
	assert_non_null(planner_start(rig->planner, &choice, on_planned, result));
	choice_clear(&choice); /* it was copied */
	assert_false(result->is_done);
	loop_until(rig->loop, &result->is_done);
	assert_int_equal(result->calls, 1);
}

static void the_plan_is_what_is_selected(void **state)
{
	static const struct {
		const char *select;
		const char *exclude;
		const char *paths[6];
		size_t n;
	} rows[] = {
		{ NULL,
		  NULL,
		  { "README.md", "config.json", "m-Q4_K_M.gguf", "m-UD-Q4_K_M.gguf",
		    "sets/m-00001-of-00002.safetensors", "sets/m-00002-of-00002.safetensors" },
		  6 },
		{ "Q4_K_M", NULL, { "m-Q4_K_M.gguf" }, 1 },
		{ "UD-Q4_K_M", NULL, { "m-UD-Q4_K_M.gguf" }, 1 },
		{ "*00001*",
		  NULL,
		  { "sets/m-00001-of-00002.safetensors", "sets/m-00002-of-00002.safetensors" },
		  2 },
		{ NULL,
		  "*.gguf",
		  { "README.md", "config.json", "sets/m-00001-of-00002.safetensors",
		    "sets/m-00002-of-00002.safetensors" },
		  4 },
	};
	struct rig *rig = *state;

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(plan) made = NULL;
		struct result result;

		plan(rig, rows[i].select, rows[i].exclude, &result);
		assert_int_equal(result.error.code, ERR_NONE);
		assert_int_equal(result.planned->n, ARRAY_LEN(files));
		made = planned_to_plan(result.planned);
		assert_int_equal(made->n, rows[i].n);
		for (size_t n = 0; n < made->n; n++) {
			assert_string_equal(made->files[n].path, rows[i].paths[n]);
			assert_int_equal(made->files[n].state, FILE_PENDING);
			assert_int_equal(made->files[n].bytes_done, 0);
		}
		planned_free(&result.planned);
		assert_null(result.planned);
	}
}

static void sizes_and_digests_are_those_of_the_hub(void **state)
{
	struct rig *rig = *state;
	struct result result;
	AUTO(plan) made = NULL;

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	plan(rig, NULL, NULL, &result);
	made = planned_to_plan(result.planned);
	for (size_t i = 0; i < made->n; i++) {
		char hex[HUB_DIGEST_MAX + 1];

		rig_digest(&files[i], hex);
		assert_string_equal(made->files[i].digest, hex);
		assert_int_equal(made->files[i].size, files[i].content.n);
		assert_int_equal(made->files[i].algorithm,
				 files[i].is_lfs ? DIGEST_SHA256 : DIGEST_GIT_SHA1);
	}
	planned_free(&result.planned);
}

static void files_have_labels_groups_and_companions(void **state)
{
	static const struct {
		const char *quant;
		const char *group;
		bool is_companion;
	} wanted[] = {
		{ "", "", false },
		{ "", "", true },
		{ "Q4_K_M", "Q4_K_M", false },
		{ "UD-Q4_K_M", "UD-Q4_K_M", false },
		{ "", "sets/m.safetensors", false },
		{ "", "sets/m.safetensors", false },
	};
	struct rig *rig = *state;
	struct result result;

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	plan(rig, NULL, NULL, &result);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		const struct planned_file *file = &result.planned->files[i];

		assert_string_equal(file->file->path, files[i].path);
		assert_string_equal(file->variant.quant.label, wanted[i].quant);
		assert_string_equal(file->variant.name, wanted[i].group);
		assert_int_equal(variant_is_companion(file->variant.kind),
				 wanted[i].is_companion);
	}
	planned_free(&result.planned);
}

static void what_is_proven_on_the_disk_counts_as_done(void **state)
{
	struct rig *rig = *state;
	struct localdir_names names;
	char hex[HUB_DIGEST_MAX + 1];
	struct result result;
	struct error err;
	AUTO(plan) made = NULL;

	rig_digest(&files[0], hex);
	localdir_names_init(&names, RIG_REPO, files[0].path, hex, NULL);
	assert_int_equal(file_replace(rig->root, names.final, files[0].content, &err), 0);
	assert_int_equal(localdir_vouch(rig->root, &names, RIG_COMMIT, hex,
					INT64_C(4000000000000), &err),
			 0);
	localdir_names_clear(&names);
	/* Of the right size, but nobody vouches for it. */
	assert_int_equal(
		file_replace(rig->root, RIG_REPO "/config.json", files[1].content, &err), 0);
	rig_serve_listing(rig, files, ARRAY_LEN(files));
	plan(rig, NULL, NULL, &result);
	assert_true(result.planned->space.total_bytes > 0);
	assert_true(result.planned->space.free_bytes <= result.planned->space.total_bytes);
	for (size_t i = 0; i < result.planned->n; i++)
		assert_int_equal(result.planned->files[i].is_present, i == 0);
	made = planned_to_plan(result.planned);
	assert_int_equal(made->files[0].bytes_done, files[0].content.n);
	assert_int_equal(made->files[1].bytes_done, 0);
	planned_free(&result.planned);
}

static void a_bad_term_is_refused_with_its_field(void **state)
{
	static const struct {
		const char *select;
		const char *exclude;
		const char *field;
	} rows[] = {
		{ "/(/", NULL, "select[0]" },
		{ "nothing-has-this", NULL, "select[0]" },
		{ NULL, "/[/", "exclude[0]" },
	};
	struct rig *rig = *state;

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct result result;

		plan(rig, rows[i].select, rows[i].exclude, &result);
		assert_int_equal(result.error.code, ERR_INVALID);
		assert_string_equal(result.error.field, rows[i].field);
	}
}

static void too_many_terms_are_refused(void **state)
{
	struct rig *rig = *state;
	struct choice choice = make_choice(NULL, NULL);
	struct result result = { .is_done = false };
	char *terms[200];
	char term[] = "*";

	for (size_t i = 0; i < ARRAY_LEN(terms); i++)
		terms[i] = term;
	terms_copy(&choice.select, terms, ARRAY_LEN(terms));
	terms_copy(&choice.exclude, terms, ARRAY_LEN(terms));
	rig_serve_listing(rig, files, ARRAY_LEN(files));
	(void)planner_start(rig->planner, &choice, on_planned, &result);
	choice_clear(&choice);
	loop_until(rig->loop, &result.is_done);
	assert_int_equal(result.error.code, ERR_INVALID);
	planned_free(&result.planned);
}

static void what_the_hub_says_is_passed_on(void **state)
{
	struct rig *rig = *state;
	struct result result;

	answerer_add(rig->server,
		     (struct answerer_rule){
			     .target = "/api/models/",
			     .status = "404 Not Found",
			     .headers = mem_strdup("X-Error-Code: RepoNotFound\r\n") });
	plan(rig, NULL, NULL, &result);
	assert_int_equal(result.error.code, ERR_NOT_FOUND);
}

static void a_pinned_commit_is_what_is_asked_for(void **state)
{
	struct rig *rig = *state;
	struct choice choice = make_choice(NULL, NULL);
	struct result result = { .is_done = false };

	memcpy(choice.commit, RIG_COMMIT, sizeof(choice.commit));
	rig_serve_listing(rig, files, ARRAY_LEN(files));
	(void)planner_start(rig->planner, &choice, on_planned, &result);
	choice_clear(&choice);
	loop_until(rig->loop, &result.is_done);
	assert_int_equal(answerer_count(rig->server,
					"/api/models/" RIG_REPO "/revision/" RIG_COMMIT, NULL),
			 1);
	planned_free(&result.planned);
}

static void a_hub_that_lists_another_commit_than_the_pinned_one_is_refused(void **state)
{
	struct rig *rig = *state;
	struct choice choice = make_choice(NULL, NULL);
	struct result result = { .is_done = false };

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	memset(choice.commit, '2', COMMIT_LEN);
	assert_non_null(planner_start(rig->planner, &choice, on_planned, &result));
	choice_clear(&choice);
	loop_until(rig->loop, &result.is_done);
	assert_int_equal(result.error.code, ERR_HUB_PROTOCOL);
	assert_non_null(strstr(result.error.text, "another commit"));
}

static void a_cancelled_call_does_not_answer_at_any_stage(void **state)
{
	struct rig *rig = *state;
	struct result cancelled = { .is_done = false };
	struct result other;

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	/* With the listing kept, the second is with a worker after one turn. */
	for (int turns = 0; turns < 3; turns++) {
		struct choice choice = make_choice(NULL, NULL);
		struct planner_call *call =
			planner_start(rig->planner, &choice, on_planned, &cancelled);

		choice_clear(&choice);
		if (turns == 2)
			(void)event_base_loop(loop_base(rig->loop), EVLOOP_ONCE);
		planner_cancel(&call);
		assert_null(call);
		plan(rig, NULL, NULL, &other);
		planned_free(&other.planned);
	}
	assert_int_equal(cancelled.calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_make, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_plan_is_what_is_selected),
		TEST(sizes_and_digests_are_those_of_the_hub),
		TEST(files_have_labels_groups_and_companions),
		TEST(what_is_proven_on_the_disk_counts_as_done),
		TEST(a_bad_term_is_refused_with_its_field),
		TEST(too_many_terms_are_refused),
		TEST(what_the_hub_says_is_passed_on),
		TEST(a_pinned_commit_is_what_is_asked_for),
		TEST(a_hub_that_lists_another_commit_than_the_pinned_one_is_refused),
		TEST(a_cancelled_call_does_not_answer_at_any_stage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
