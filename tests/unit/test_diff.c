#include "downloader/diff.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

#define COMMIT "1111111111111111111111111111111111111111"
#define OTHER  "2222222222222222222222222222222222222222"

/* A file here: its content is told by one letter, "" when nobody knows of which it is. */
static struct model_file *here(struct model *model, const char *path, uint64_t size,
			       const char *content, enum model_state state)
{
	struct model_file *file = model_add(model, str_from(path));

	file->kind = MODEL_WEIGHTS;
	file->size = size;
	file->state = state;
	memset(file->digest, content[0] != '\0' ? content[0] : '\0',
	       content[0] != '\0' ? 64 : 0);
	memcpy(file->commit, content[0] != '\0' ? COMMIT : "", content[0] != '\0' ? 41 : 1);
	return file;
}

static void there(struct hub_tree *tree, const char *path, uint64_t size, char content)
{
	struct hub_file *file;

	tree->files = mem_grow(tree->files, tree->n, &tree->cap, sizeof(*tree->files));
	file = &tree->files[tree->n++];
	*file = (struct hub_file){ .path = mem_strdup(path), .size = size };
	memset(file->digest, content, 64);
}

struct pair {
	struct model *model;
	struct hub_tree *tree;
	struct diff *diff;
};

static int pair_make(void **state)
{
	struct pair *pair = mem_alloc(sizeof(*pair));

	pair->model = model_new("acme/tiny");
	pair->tree = hub_tree_new();
	*state = pair;
	return 0;
}

static int pair_remove(void **state)
{
	struct pair *pair = *state;

	diff_free(&pair->diff);
	hub_tree_free(&pair->tree);
	model_free(&pair->model);
	free(pair);
	return 0;
}

static void compare(struct pair *pair)
{
	struct error err;

	model_finish(pair->model);
	assert_int_equal(hub_tree_finish(pair->tree, &err), 0);
	pair->diff = diff_new(pair->model, pair->tree);
}

static const struct diff_file *file(const struct pair *pair, const char *path)
{
	for (size_t i = 0; i < pair->tree->n; i++) {
		if (strcmp(pair->tree->files[i].path, path) == 0)
			return &pair->diff->files[i];
	}
	fail_msg("no file %s", path);
	return NULL;
}

static void assert_words(const struct pair *pair, const char *words)
{
	AUTO_CSTR said = diff_words(pair->diff, pair->tree);

	assert_string_equal(said, words);
}

static void what_is_the_same_is_up_to_date(void **state)
{
	struct pair *pair = *state;

	here(pair->model, "a.gguf", 5, "a", MODEL_PROVEN);
	there(pair->tree, "a.gguf", 5, 'a');
	there(pair->tree, "other.gguf", 7, 'o');
	compare(pair);
	assert_int_equal(file(pair, "a.gguf")->change, DIFF_SAME);
	assert_int_equal(file(pair, "other.gguf")->change, DIFF_ELSEWHERE);
	assert_int_equal(pair->diff->n_elsewhere, 1);
	assert_words(pair, "up to date");
	assert_false(diff_is_broken(pair->model));
}

static void one_file_is_named(void **state)
{
	struct pair *pair = *state;

	here(pair->model, "README.md", 5, "a", MODEL_PROVEN);
	here(pair->model, "a.gguf", 5, "a", MODEL_PROVEN);
	there(pair->tree, "README.md", 2100, 'b');
	there(pair->tree, "a.gguf", 5, 'a');
	compare(pair);
	assert_words(pair, "README.md only, 2 KB");
}

static void parts_of_a_set_are_counted(void **state)
{
	struct pair *pair = *state;

	here(pair->model, "a-00001-of-00003.gguf", 5, "a", MODEL_PROVEN);
	here(pair->model, "a-00003-of-00003.gguf", 5, "c", MODEL_PROVEN);
	there(pair->tree, "a-00001-of-00003.gguf", 5, 'a');
	there(pair->tree, "a-00002-of-00003.gguf", 7050000000, 'b');
	there(pair->tree, "a-00003-of-00003.gguf", 7050000000, 'x');
	there(pair->tree, "b-00001-of-00001.gguf", 5, 'b');
	compare(pair);
	assert_int_equal(file(pair, "a-00002-of-00003.gguf")->change, DIFF_PART);
	assert_true(file(pair, "a-00002-of-00003.gguf")->is_broken);
	assert_int_equal(file(pair, "b-00001-of-00001.gguf")->change, DIFF_ELSEWHERE);
	assert_words(pair, "2 of 3 parts, 14.1 GB");
	assert_true(diff_is_broken(pair->model));
	assert_string_equal(diff_repair_commit(pair->model), COMMIT);
}

static void a_set_that_is_cut_anew_comes_whole_and_the_old_one_goes(void **state)
{
	struct pair *pair = *state;

	here(pair->model, "m-00001-of-00002.safetensors", 5, "a", MODEL_PROVEN);
	here(pair->model, "m-00002-of-00002.safetensors", 5, "b", MODEL_PROVEN);
	here(pair->model, "mine-00001-of-00001.gguf", 5, "", MODEL_UNKNOWN);
	there(pair->tree, "m-00001-of-00003.safetensors", 1000000, 'd');
	there(pair->tree, "m-00002-of-00003.safetensors", 1000000, 'e');
	there(pair->tree, "m-00003-of-00003.safetensors", 1000000, 'f');
	compare(pair);
	assert_int_equal(pair->diff->n_gone, 2);
	assert_words(pair, "3 of 3 parts, 3 MB; 2 are no longer there");
}

static void what_was_edited_here_is_no_change_there_but_broken(void **state)
{
	struct pair *pair = *state;

	here(pair->model, "config.json", 5, "a", MODEL_CHANGED);
	here(pair->model, "gone.json", 5, "b", MODEL_CHANGED);
	there(pair->tree, "config.json", 5, 'a');
	compare(pair);
	assert_int_equal(file(pair, "config.json")->change, DIFF_SAME);
	assert_true(file(pair, "config.json")->is_broken);
	assert_int_equal(pair->diff->n_gone, 0); /* it is somebody's work */
	assert_words(pair, "up to date");
}

static void what_nobody_vouches_for_is_told_by_its_size(void **state)
{
	struct pair *pair = *state;

	here(pair->model, "a", 5, "", MODEL_UNKNOWN);
	here(pair->model, "b", 5, "", MODEL_UNKNOWN);
	here(pair->model, "c", 5, "", MODEL_UNKNOWN);
	there(pair->tree, "a", 5, 'a');
	there(pair->tree, "b", 999, 'b');
	compare(pair);
	assert_int_equal(file(pair, "a")->change, DIFF_UNSURE);
	assert_int_equal(file(pair, "b")->change, DIFF_CHANGED);
	assert_int_equal(pair->diff->n_gone, 0);
	assert_words(pair, "b only, 999 bytes");
}

static void partial_and_foreign_files_are_nobodys(void **state)
{
	struct pair *pair = *state;

	here(pair->model, "a", 5, "a", MODEL_PROVEN)->kind = MODEL_PARTIAL;
	here(pair->model, "b", 5, "a", MODEL_PROVEN)->kind = MODEL_FOREIGN;
	there(pair->tree, "a", 5, 'z');
	compare(pair);
	assert_int_equal(file(pair, "a")->change, DIFF_ELSEWHERE);
	assert_int_equal(pair->diff->n_gone, 0);
}

static void a_repair_of_files_of_two_commits_is_of_none(void **state)
{
	struct pair *pair = *state;
	struct model_file *second;

	here(pair->model, "a", 5, "a", MODEL_CHANGED);
	second = here(pair->model, "b", 5, "b", MODEL_CHANGED);
	memcpy(second->commit, OTHER, sizeof(second->commit));
	here(pair->model, "c", 5, "", MODEL_UNKNOWN);
	compare(pair);
	assert_string_equal(diff_repair_commit(pair->model), "");
}

static void what_is_only_absent_is_of_the_commit_of_all_others(void **state)
{
	struct pair *pair = *state;

	here(pair->model, "a", 5, "a", MODEL_PROVEN);
	here(pair->model, "b", 5, "", MODEL_UNKNOWN);
	compare(pair);
	assert_string_equal(diff_shared_commit(pair->model), COMMIT);
	assert_string_equal(diff_repair_commit(pair->model), COMMIT);
}

static void nothing_at_all_is_fine(void **state)
{
	struct pair *pair = *state;

	compare(pair);
	assert_words(pair, "up to date");
	assert_string_equal(diff_repair_commit(pair->model), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, pair_make, pair_remove)
		TEST(what_is_the_same_is_up_to_date),
		TEST(one_file_is_named),
		TEST(parts_of_a_set_are_counted),
		TEST(a_set_that_is_cut_anew_comes_whole_and_the_old_one_goes),
		TEST(what_was_edited_here_is_no_change_there_but_broken),
		TEST(what_nobody_vouches_for_is_told_by_its_size),
		TEST(partial_and_foreign_files_are_nobodys),
		TEST(a_repair_of_files_of_two_commits_is_of_none),
		TEST(what_is_only_absent_is_of_the_commit_of_all_others),
		TEST(nothing_at_all_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
