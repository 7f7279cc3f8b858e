#include "downloader/survey.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/unit/head.h"
#include "tests/unit/shelf.h"

static int place_make(void **state)
{
	struct shelf *shelf = mem_alloc(sizeof(*shelf));

	shelf_make(shelf);
	*state = shelf;
	return 0;
}

static int place_remove(void **state)
{
	struct shelf *shelf = *state;

	shelf_remove(shelf);
	free(shelf);
	return 0;
}

static const struct survey_folder *find_folder(const struct survey_list *list, const char *path)
{
	for (size_t i = 0; i < list->n; i++) {
		if (strcmp(list->v[i].path, path) == 0)
			return &list->v[i];
	}
	return NULL;
}

static void folders_that_hold_models_are_found(void **state)
{
	static const struct {
		const char *path;
		bool is_flat;
	} expected[] = {
		{ ".", true },        { "acme/tiny", false },       { "acme/tiny@dev", false },
		{ "acme", true },     { "datasets/acme/d", false }, { "cloned", false },
		{ "by-hand", false },
	};
	struct shelf *shelf = *state;
	struct error err;
	AUTO(survey_list) list = NULL;

	shelf_put(shelf, "loose.gguf", S("x"));
	shelf_put(shelf, "acme/tiny/a.gguf", S("x"));
	shelf_put(shelf, "acme/tiny@dev/a.gguf", S("x"));
	shelf_put(shelf, "acme/note.txt", S("x"));
	shelf_put(shelf, "datasets/acme/d/a.parquet", S("x"));
	shelf_put(shelf, "cloned/.git/HEAD", S("x"));
	shelf_put(shelf, "cloned/onnx/model.onnx", S("x"));
	shelf_put(shelf, "by-hand/config.json", S("{}"));
	shelf_put(shelf, ".larder/trash/1/acme/tiny/a.gguf", S("x"));
	shelf_put(shelf, ".hidden/acme/a.gguf", S("x"));
	list = survey_all(shelf->root, &err);
	assert_non_null(list);
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		const struct survey_folder *folder = find_folder(list, expected[i].path);

		if (folder == NULL)
			fail_msg("%s is not found", expected[i].path);
		else
			assert_int_equal(folder->is_flat, expected[i].is_flat);
	}
	assert_int_equal(list->n, ARRAY_LEN(expected));
}

static struct model *look(struct shelf *shelf, const char *path, bool is_flat,
			  const struct model *known)
{
	AUTO_CSTR copy = mem_strdup(path);
	struct survey_folder folder = { .path = copy, .is_flat = is_flat };
	struct error err;

	return survey_look(shelf->root, &folder, known, &err);
}

static const struct model_file *file_at(const struct model *model, const char *path)
{
	const struct model_file *file = model_find(model, str_from(path));

	if (file == NULL)
		fail_msg("%s is not listed", path);
	return file;
}

static void what_a_metadata_vouches_for_is_proven_until_it_is_changed(void **state)
{
	struct shelf *shelf = *state;
	AUTO(model) model = NULL;

	shelf_put(shelf, "acme/tiny/README.md", S("hello"));
	shelf_put(shelf, "acme/tiny/sub/late.txt", S("hello"));
	shelf_put(shelf, "acme/tiny/none.txt", S("hello"));
	shelf_put(shelf, "acme/tiny/odd.txt", S("hello"));
	shelf_note(shelf, "acme/tiny", "README.md",
		   SHELF_COMMIT "\n" SHELF_DIGEST "\n1772600000.5\n");
	shelf_note(shelf, "acme/tiny", "sub/late.txt",
		   SHELF_COMMIT "\n" SHELF_DIGEST "\n1772500000\n");
	shelf_note(shelf, "acme/tiny", "odd.txt", "nonsense\n");
	shelf_note(shelf, "acme/tiny", "gone.txt",
		   SHELF_COMMIT "\n" SHELF_DIGEST "\n1772600000\n");
	model = look(shelf, "acme/tiny", false, NULL);
	assert_int_equal(model->n, 4);
	assert_int_equal(file_at(model, "README.md")->state, MODEL_PROVEN);
	assert_string_equal(file_at(model, "README.md")->digest, SHELF_DIGEST);
	assert_string_equal(file_at(model, "README.md")->commit, SHELF_COMMIT);
	assert_true(file_at(model, "README.md")->vouched_ms == INT64_C(1772600000500));
	assert_int_equal(file_at(model, "sub/late.txt")->state, MODEL_CHANGED);
	assert_int_equal(file_at(model, "none.txt")->state, MODEL_UNKNOWN);
	assert_int_equal(file_at(model, "odd.txt")->state, MODEL_UNKNOWN);
}

static void partials_are_shown_with_what_has_come(void **state)
{
	static const char path[] =
		".cache/huggingface/download/abc=." SHELF_DIGEST ".01234567.incomplete";
	struct shelf *shelf = *state;
	AUTO_CSTR whole = mem_printf("acme/tiny/%s", path);
	AUTO(model) model = NULL;

	shelf_put(shelf, whole, S("0123456789"));
	model = look(shelf, "acme/tiny", false, NULL);
	assert_int_equal(model->n, 1);
	assert_int_equal(model->files[0].kind, MODEL_PARTIAL);
	assert_true(model->partial_bytes > 0);
	assert_int_equal(model->bytes, 0);
}

static void foreign_things_are_shown_as_what_they_are(void **state)
{
	struct shelf *shelf = *state;
	AUTO_CSTR link = tempdir_path(&shelf->dir, "acme/tiny/link.gguf");
	AUTO_CSTR way_out = tempdir_path(&shelf->dir, "acme/tiny/out");
	AUTO_CSTR odd = tempdir_path(&shelf->dir, "acme/tiny/caf\xe9.gguf");
	AUTO_CSTR pipe = tempdir_path(&shelf->dir, "acme/tiny/pipe");
	AUTO(model) model = NULL;

	shelf_put(shelf, "acme/tiny/a.txt", S("x"));
	assert_int_equal(symlink("/etc/passwd", link), 0);
	assert_int_equal(symlink("/etc", way_out), 0);
	assert_int_equal(mkfifo(pipe, 0600), 0);
	assert_int_equal(mkdir(odd, 0755), 0);
	model = look(shelf, "acme/tiny", false, NULL);
	assert_int_equal(model->n, 5);
	assert_int_equal(file_at(model, "link.gguf")->kind, MODEL_FOREIGN);
	assert_non_null(file_at(model, "link.gguf")->problem);
	assert_int_equal(file_at(model, "out")->kind, MODEL_FOREIGN);
	assert_int_equal(file_at(model, "pipe")->kind, MODEL_FOREIGN);
	assert_int_equal(file_at(model, "caf\\xe9.gguf")->kind, MODEL_FOREIGN);
	assert_int_equal(file_at(model, "a.txt")->kind, MODEL_OTHER);
	assert_int_equal(model->problems, 4);
	assert_int_equal(model->bytes, 1);
}

static void a_flat_one_has_files_only(void **state)
{
	struct shelf *shelf = *state;
	AUTO(model) model = NULL;

	shelf_put(shelf, "a.gguf", S("x"));
	shelf_put(shelf, "acme/tiny/b.gguf", S("x"));
	shelf_put(shelf, ".larder/x", S("x"));
	model = look(shelf, ".", true, NULL);
	assert_int_equal(model->n, 1);
	assert_string_equal(model->files[0].path, "a.gguf");
}

static void a_clone_is_known_and_its_git_is_left_alone(void **state)
{
	struct shelf *shelf = *state;
	AUTO(model) model = NULL;

	shelf_put(shelf, "cloned/.git/objects/aa", S("x"));
	shelf_put(shelf, "cloned/.gitattributes", S("x"));
	shelf_put(shelf, "cloned/a.safetensors", S("x"));
	model = look(shelf, "cloned", false, NULL);
	assert_true(model->is_git);
	assert_int_equal(model->n, 2);
}

static void nothing_is_nothing(void **state)
{
	struct shelf *shelf = *state;
	struct survey_folder folder = { .path = mem_strdup("acme/tiny") };
	struct error err = { .code = ERR_INTERNAL };

	assert_null(survey_look(shelf->root, &folder, NULL, &err));
	assert_int_equal(err.code, ERR_NONE);
	free(folder.path);
	assert_int_equal(mkdirat(shelf->root, "empty", 0755), 0);
	assert_null(look(shelf, "empty", false, NULL));
}

/* A GGUF header of a single F32 tensor of `elements`, and the data it speaks of. */
static struct str make_gguf(struct head *head, uint32_t elements)
{
	head_bytes(head, S("GGUF"));
	head_number(head, 4, 3);
	head_number(head, 8, 1);
	head_number(head, 8, 1);
	head_number(head, 8, 20);
	head_bytes(head, S("general.architecture"));
	head_number(head, 4, 8);
	head_number(head, 8, 5);
	head_bytes(head, S("llama"));
	head_number(head, 8, 1);
	head_bytes(head, S("w"));
	head_number(head, 4, 1);
	head_number(head, 8, elements);
	head_number(head, 4, 0);
	head_number(head, 8, 0);
	head->n = (head->n + 31) / 32 * 32 + (size_t)elements * 4;
	return (struct str){ .p = (const char *)head->bytes, .n = head->n };
}

static void headers_are_read_and_what_is_wrong_is_said(void **state)
{
	struct shelf *shelf = *state;
	struct head head = { .n = 0 };
	struct str gguf = make_gguf(&head, 100);
	AUTO(model) model = NULL;

	shelf_put(shelf, "acme/tiny/good.gguf", gguf);
	shelf_put(shelf, "acme/tiny/short.gguf", str_sub(gguf, 0, gguf.n - 10));
	shelf_put(shelf, "acme/tiny/cut.gguf", str_sub(gguf, 0, 30));
	shelf_put(shelf, "acme/tiny/empty.safetensors", S(""));
	shelf_put(shelf, "acme/tiny/model.bin", S("no header is read of it"));
	model = look(shelf, "acme/tiny", false, NULL);
	assert_non_null(file_at(model, "good.gguf")->header);
	assert_null(file_at(model, "good.gguf")->problem);
	assert_string_equal(file_at(model, "good.gguf")->header->gguf.architecture, "llama");
	assert_string_equal(file_at(model, "short.gguf")->problem,
			    "it is 10 bytes short of what its header says");
	assert_null(file_at(model, "cut.gguf")->header);
	assert_non_null(file_at(model, "cut.gguf")->problem);
	assert_non_null(file_at(model, "empty.safetensors")->problem);
	assert_null(file_at(model, "model.bin")->problem);
	assert_int_equal(model->problems, 3);
}

/* Another content of the same size and time, which nobody could notice: shows what is read. */
static void what_has_not_changed_is_not_read_again(void **state)
{
	struct shelf *shelf = *state;
	struct head head = { .n = 0 };
	struct str gguf = make_gguf(&head, 10);
	AUTO_CSTR path = tempdir_path(&shelf->dir, "acme/tiny/a.gguf");
	AUTO(model) first = NULL;
	AUTO(model) second = NULL;
	AUTO(model) third = NULL;
	FILE *file;

	shelf_put(shelf, "acme/tiny/a.gguf", gguf);
	first = look(shelf, "acme/tiny", false, NULL);
	file = fopen(path, "r+e");
	assert_non_null(file);
	assert_int_equal(fwrite("NOPE", 1, 4, file), 4);
	assert_int_equal(fclose(file), 0);
	shelf_date(shelf, "acme/tiny/a.gguf", SHELF_CHANGED_S);
	second = look(shelf, "acme/tiny", false, first);
	assert_non_null(file_at(second, "a.gguf")->header);
	assert_true(model_is_equal(first, second));
	shelf_date(shelf, "acme/tiny/a.gguf", SHELF_CHANGED_S + 1);
	third = look(shelf, "acme/tiny", false, second);
	assert_null(file_at(third, "a.gguf")->header);
	assert_false(model_is_equal(second, third));
}

/* A file that was changed in the moment of the look may change once more at the same time. */
static void what_was_young_is_read_again(void **state)
{
	struct shelf *shelf = *state;
	struct head head = { .n = 0 };
	struct str gguf = make_gguf(&head, 10);
	AUTO(model) first = NULL;
	AUTO(model) second = NULL;
	AUTO_CSTR path = tempdir_path(&shelf->dir, "acme/tiny/a.gguf");
	time_t future = time(NULL) + 1000;
	FILE *file;

	shelf_put(shelf, "acme/tiny/a.gguf", gguf);
	shelf_date(shelf, "acme/tiny/a.gguf", future);
	first = look(shelf, "acme/tiny", false, NULL);
	file = fopen(path, "r+e");
	assert_non_null(file);
	assert_int_equal(fwrite("NOPE", 1, 4, file), 4);
	assert_int_equal(fclose(file), 0);
	shelf_date(shelf, "acme/tiny/a.gguf", future);
	second = look(shelf, "acme/tiny", false, first);
	assert_null(file_at(second, "a.gguf")->header);
}

static void a_new_metadata_is_noticed(void **state)
{
	struct shelf *shelf = *state;
	AUTO(model) first = NULL;
	AUTO(model) second = NULL;

	shelf_put(shelf, "acme/tiny/a.txt", S("hello"));
	shelf_note(shelf, "acme/tiny", "b.txt", "nonsense");
	first = look(shelf, "acme/tiny", false, NULL);
	assert_int_equal(file_at(first, "a.txt")->state, MODEL_UNKNOWN);
	shelf_note(shelf, "acme/tiny", "a.txt",
		   SHELF_COMMIT "\n" SHELF_DIGEST "\n1772600000\n");
	shelf_date(shelf, "acme/tiny/.cache/huggingface/download", SHELF_CHANGED_S + 1);
	second = look(shelf, "acme/tiny", false, first);
	assert_int_equal(file_at(second, "a.txt")->state, MODEL_PROVEN);
}

/* Asked by its name: it is found out what it is. */
static struct model *ask(struct shelf *shelf, const char *path)
{
	AUTO_CSTR copy = mem_strdup(path);
	struct survey_folder folder = { .path = copy, .is_asked = true };
	struct error err;
	struct model *model = survey_look(shelf->root, &folder, NULL, &err);

	assert_int_equal(err.code, ERR_NONE);
	return model;
}

static void a_folder_that_is_asked_for_is_what_the_list_would_say(void **state)
{
	struct shelf *shelf = *state;
	AUTO(model) owner = NULL;
	AUTO(model) one = NULL;
	AUTO(model) marked = NULL;
	AUTO(model) data = NULL;
	AUTO(model) top = NULL;

	shelf_put(shelf, "owner/loose.gguf", S("x"));
	shelf_put(shelf, "owner/one/a.gguf", S("x"));
	shelf_put(shelf, "marked/config.json", S("{}"));
	shelf_put(shelf, "marked/onnx/a.onnx", S("x"));
	shelf_put(shelf, "datasets/o/d/a.parquet", S("x"));
	shelf_put(shelf, "top.txt", S("x"));
	owner = ask(shelf, "owner");
	assert_true(owner->is_flat);
	assert_int_equal(owner->n, 1);
	one = ask(shelf, "owner/one");
	assert_false(one->is_flat);
	marked = ask(shelf, "marked");
	assert_false(marked->is_flat);
	assert_int_equal(marked->n, 2);
	data = ask(shelf, "datasets/o/d");
	assert_false(data->is_flat);
	top = ask(shelf, ".");
	assert_true(top->is_flat);
	assert_int_equal(top->n, 1);
	/* A part of another model, a folder of models, and what is too deep are none. */
	assert_null(ask(shelf, "marked/onnx"));
	assert_null(ask(shelf, "datasets/o"));
	assert_null(ask(shelf, "owner/one/deep"));
	assert_null(ask(shelf, "gone"));
	assert_null(ask(shelf, "gone/too"));
}

static void long_foreign_names_stay_apart(void **state)
{
	struct shelf *shelf = *state;
	char name[200];
	AUTO(model) model = NULL;

	shelf_put(shelf, "acme/tiny/a", S("x"));
	memset(name, 'x', sizeof(name) - 2);
	for (unsigned i = 0; i < 2; i++) {
		AUTO_CSTR path = NULL;

		name[sizeof(name) - 2] = (char)('0' + i);
		name[sizeof(name) - 1] = '\0';
		path = mem_printf("%s/acme/tiny/%s", shelf->dir.path, name);
		assert_int_equal(symlink("a", path), 0);
	}
	model = look(shelf, "acme/tiny", false, NULL);
	assert_int_equal(model->n, 3);
	assert_string_not_equal(model->files[1].path, model->files[2].path);
}

static void a_partial_with_a_name_of_no_sense_is_foreign(void **state)
{
	struct shelf *shelf = *state;
	AUTO(model) model = NULL;

	shelf_put(shelf, "acme/tiny/.cache/huggingface/download/x\xff.incomplete", S("1"));
	model = look(shelf, "acme/tiny", false, NULL);
	assert_int_equal(model->n, 1);
	assert_int_equal(model->files[0].kind, MODEL_FOREIGN);
	assert_true(str_is_utf8(str_from(model->files[0].path)));
}

/* As the official client does when it has hashed a file again. */
static void a_metadata_written_in_its_place_is_noticed(void **state)
{
	struct shelf *shelf = *state;
	AUTO(model) first = NULL;
	AUTO(model) second = NULL;

	shelf_put(shelf, "acme/tiny/a.txt", S("hello"));
	shelf_note(shelf, "acme/tiny", "a.txt",
		   SHELF_COMMIT "\n" SHELF_DIGEST "\n1772500000\n");
	first = look(shelf, "acme/tiny", false, NULL);
	assert_int_equal(file_at(first, "a.txt")->state, MODEL_CHANGED);
	tempdir_write(&shelf->dir, "acme/tiny/.cache/huggingface/download/a.txt.metadata",
		      S(SHELF_COMMIT "\n" SHELF_DIGEST "\n1772600000\n"));
	second = look(shelf, "acme/tiny", false, first);
	assert_int_equal(file_at(second, "a.txt")->state, MODEL_PROVEN);
}

/* A larderd whose clock was ahead has left what it saw. */
static void what_was_seen_in_the_future_is_read_again(void **state)
{
	struct shelf *shelf = *state;
	struct head head = { .n = 0 };
	struct str gguf = make_gguf(&head, 10);
	AUTO_CSTR path = tempdir_path(&shelf->dir, "acme/tiny/a.gguf");
	AUTO(model) first = NULL;
	AUTO(model) second = NULL;
	FILE *file;

	shelf_put(shelf, "acme/tiny/a.gguf", gguf);
	first = look(shelf, "acme/tiny", false, NULL);
	first->looked_ms += INT64_C(365) * 24 * 60 * 60 * 1000;
	file = fopen(path, "r+e");
	assert_non_null(file);
	assert_int_equal(fwrite("NOPE", 1, 4, file), 4);
	assert_int_equal(fclose(file), 0);
	shelf_date(shelf, "acme/tiny/a.gguf", SHELF_CHANGED_S);
	second = look(shelf, "acme/tiny", false, first);
	assert_null(file_at(second, "a.gguf")->header);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(folders_that_hold_models_are_found),
		TEST(what_a_metadata_vouches_for_is_proven_until_it_is_changed),
		TEST(partials_are_shown_with_what_has_come),
		TEST(foreign_things_are_shown_as_what_they_are),
		TEST(a_flat_one_has_files_only),
		TEST(a_clone_is_known_and_its_git_is_left_alone),
		TEST(nothing_is_nothing),
		TEST(headers_are_read_and_what_is_wrong_is_said),
		TEST(what_has_not_changed_is_not_read_again),
		TEST(what_was_young_is_read_again),
		TEST(a_new_metadata_is_noticed),
		TEST(a_folder_that_is_asked_for_is_what_the_list_would_say),
		TEST(long_foreign_names_stay_apart),
		TEST(a_partial_with_a_name_of_no_sense_is_foreign),
		TEST(a_metadata_written_in_its_place_is_noticed),
		TEST(what_was_seen_in_the_future_is_read_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
