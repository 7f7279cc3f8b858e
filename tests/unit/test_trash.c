#include "downloader/trash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/shelf.h"

#define ID "abcdefghij2345672345-1772600000000"

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

static void put(struct shelf *shelf, const char *id, const char *path)
{
	struct error err;
	size_t n;

	assert_int_equal(trash_put(shelf->root, id, &path, 1, &n, &err), 0);
	assert_int_equal(n, 1);
}

static void ids_have_a_time_at_their_end(void **state)
{
	static const char *const good[] = { ID, "a-1", "A9-x-77" };
	static const char *const bad[] = { "",    "-",      "a",     "a-",    "a-0",
					   "a-x", "../x-1", "a/b-1", "a.b-1", "a-1 " };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(trash_id_is_valid(str_from(good[i])));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(trash_id_is_valid(str_from(bad[i])));
}

static void a_folder_goes_and_comes_back_as_it_was(void **state)
{
	struct shelf *shelf = *state;
	struct error err;
	AUTO_CSTR text = NULL;

	shelf_put(shelf, "acme/tiny/sub/a.gguf", S("hello"));
	shelf_note(shelf, "acme/tiny", "sub/a.gguf", "note");
	put(shelf, ID, "acme/tiny");
	assert_false(tempdir_has(&shelf->dir, "acme/tiny"));
	assert_true(tempdir_has(&shelf->dir, ".larder/trash/" ID "/acme/tiny/sub/a.gguf"));
	assert_int_equal(trash_restore(shelf->root, ID, NULL, &err), 0);
	text = tempdir_read(&shelf->dir, "acme/tiny/sub/a.gguf");
	assert_string_equal(text, "hello");
	assert_true(tempdir_has(&shelf->dir, "acme/tiny/.cache/huggingface/download/sub"));
	assert_false(tempdir_has(&shelf->dir, ".larder/trash/" ID));
}

static void some_files_go_and_the_rest_stays(void **state)
{
	static const char *const paths[] = { "acme/tiny/a", "acme/tiny/gone", "acme/tiny/b" };
	struct shelf *shelf = *state;
	struct error err;
	size_t n;

	shelf_put(shelf, "acme/tiny/a", S("1"));
	shelf_put(shelf, "acme/tiny/b", S("2"));
	shelf_put(shelf, "acme/tiny/c", S("3"));
	assert_int_equal(trash_put(shelf->root, ID, paths, 3, &n, &err), 0);
	assert_int_equal(n, 2);
	assert_false(tempdir_has(&shelf->dir, "acme/tiny/a"));
	assert_true(tempdir_has(&shelf->dir, "acme/tiny/c"));
	/* The folder is there: what it lacks comes back into it. */
	assert_int_equal(trash_restore(shelf->root, ID, NULL, &err), 0);
	assert_true(tempdir_has(&shelf->dir, "acme/tiny/a"));
	assert_true(tempdir_has(&shelf->dir, "acme/tiny/b"));
}

static void all_goes_or_none(void **state)
{
	static const char *const paths[] = { "acme/tiny/a", "acme/tiny/b" };
	struct shelf *shelf = *state;
	struct error err;
	size_t n;

	shelf_put(shelf, "acme/tiny/a", S("1"));
	shelf_put(shelf, "acme/tiny/b", S("2"));
	/* Something has the second one's place there. */
	shelf_put(shelf, ".larder/trash/" ID "/acme/tiny/b", S("x"));
	assert_int_equal(trash_put(shelf->root, ID, paths, 2, &n, &err), -1);
	assert_true(tempdir_has(&shelf->dir, "acme/tiny/a"));
	assert_true(tempdir_has(&shelf->dir, "acme/tiny/b"));
	assert_true(tempdir_has(&shelf->dir, ".larder/trash/" ID "/acme/tiny/b"));
}

static void what_is_there_is_listed_the_newest_first(void **state)
{
	struct shelf *shelf = *state;
	struct error err;
	AUTO(trash_list) empty = trash_read(shelf->root, &err);
	AUTO(trash_list) list = NULL;

	assert_int_equal(empty->n, 0);
	shelf_put(shelf, "acme/a/x", S("12"));
	shelf_put(shelf, "acme/a/y", S("345"));
	shelf_put(shelf, "acme/b/x", S("1"));
	put(shelf, "first-1000", "acme/a");
	put(shelf, "second-2000", "acme/b");
	shelf_put(shelf, ".larder/trash/not an id/x", S("1"));
	list = trash_read(shelf->root, &err);
	assert_int_equal(list->n, 2);
	assert_string_equal(list->v[0].id, "second-2000");
	assert_string_equal(list->v[0].paths[0], "acme/b/x");
	assert_int_equal(list->v[1].at_ms, 1000);
	assert_int_equal(list->v[1].files, 2);
	assert_int_equal(list->v[1].bytes, 5);
}

static void nothing_is_overwritten_when_it_comes_back(void **state)
{
	struct shelf *shelf = *state;
	struct error err;
	AUTO_CSTR text = NULL;

	shelf_put(shelf, "acme/tiny/a", S("old"));
	shelf_put(shelf, "acme/tiny/z", S("old"));
	put(shelf, ID, "acme/tiny");
	shelf_put(shelf, "acme/tiny/z", S("new"));
	assert_int_equal(trash_restore(shelf->root, ID, NULL, &err), -1);
	assert_int_equal(err.code, ERR_EXISTS);
	text = tempdir_read(&shelf->dir, "acme/tiny/z");
	assert_string_equal(text, "new");
	assert_false(tempdir_has(&shelf->dir, "acme/tiny/a"));
	assert_true(tempdir_has(&shelf->dir, ".larder/trash/" ID "/acme/tiny/a"));
}

static void what_has_its_name_makes_way_and_can_come_back_too(void **state)
{
	struct shelf *shelf = *state;
	struct error err;
	AUTO_CSTR old = NULL;
	AUTO_CSTR note = NULL;
	AUTO_CSTR again = NULL;

	shelf_put(shelf, "acme/tiny/a", S("old"));
	shelf_put(shelf, "acme/tiny/plain", S("old"));
	shelf_note(shelf, "acme/tiny", "a", "old note");
	put(shelf, ID, "acme/tiny");
	shelf_put(shelf, "acme/tiny/a", S("new"));
	shelf_put(shelf, "acme/tiny/plain", S("new"));
	shelf_put(shelf, "acme/tiny/b", S("beside"));
	shelf_note(shelf, "acme/tiny", "a", "new note");
	shelf_note(shelf, "acme/tiny", "plain", "vouches for the new one");
	assert_int_equal(trash_restore(shelf->root, ID, "swap-2", &err), 0);
	old = tempdir_read(&shelf->dir, "acme/tiny/a");
	assert_string_equal(old, "old");
	note = tempdir_read(&shelf->dir, "acme/tiny/.cache/huggingface/download/a.metadata");
	assert_non_null(strstr(note, "old note"));
	/* Nothing of the new one's vouches for the old one. */
	assert_false(tempdir_has(&shelf->dir,
				 "acme/tiny/.cache/huggingface/download/plain.metadata"));
	assert_true(tempdir_has(&shelf->dir, "acme/tiny/b"));
	assert_false(tempdir_has(&shelf->dir, ".larder/trash/" ID));
	assert_int_equal(trash_restore(shelf->root, "swap-2", "swap-3", &err), 0);
	again = tempdir_read(&shelf->dir, "acme/tiny/a");
	assert_string_equal(again, "new");
	assert_true(tempdir_has(&shelf->dir,
				"acme/tiny/.cache/huggingface/download/plain.metadata"));
}

static void a_note_that_was_left_behind_does_not_vouch_for_what_comes_back(void **state)
{
	struct shelf *shelf = *state;
	struct error err;

	shelf_put(shelf, "acme/tiny/sub/a", S("old"));
	put(shelf, ID, "acme/tiny/sub");
	shelf_note(shelf, "acme/tiny", "sub/a", "of another content");
	assert_int_equal(trash_restore(shelf->root, ID, NULL, &err), 0);
	assert_true(tempdir_has(&shelf->dir, "acme/tiny/sub/a"));
	assert_false(tempdir_has(&shelf->dir,
				 "acme/tiny/.cache/huggingface/download/sub/a.metadata"));
}

static void what_a_change_had_added_goes_when_it_is_taken_back(void **state)
{
	struct shelf *shelf = *state;
	struct error err;
	AUTO(trash_list) list = NULL;

	shelf_put(shelf, "outside", S("stays"));
	shelf_put(shelf, "acme/tiny/a", S("old"));
	put(shelf, ID, "acme/tiny");
	assert_int_equal(trash_note_added(shelf->root, ID,
					  S("acme/tiny/b\nacme/tiny/absent\n../outside\n"),
					  &err),
			 0);
	/* The first note counts: after a restart the names are not free any more. */
	assert_int_equal(trash_note_added(shelf->root, ID, S("outside\n"), &err), 0);
	list = trash_read(shelf->root, &err);
	assert_int_equal(list->v[0].files, 1);
	shelf_put(shelf, "acme/tiny/a", S("new"));
	shelf_put(shelf, "acme/tiny/b", S("added"));
	assert_int_equal(trash_restore(shelf->root, ID, "swap-2", &err), 0);
	assert_false(tempdir_has(&shelf->dir, "acme/tiny/b"));
	assert_true(tempdir_has(&shelf->dir, ".larder/trash/swap-2/acme/tiny/b"));
	assert_false(tempdir_has(&shelf->dir, ".larder/trash/" ID));
	assert_true(tempdir_has(&shelf->dir, "outside"));
	assert_int_equal(trash_restore(shelf->root, "swap-2", "swap-3", &err), 0);
	assert_true(tempdir_has(&shelf->dir, "acme/tiny/b"));
	assert_int_equal(trash_empty(shelf->root, "swap-3", &err), 0);
}

static void emptying_takes_it_away_for_good_and_nothing_else(void **state)
{
	struct shelf *shelf = *state;
	struct error err;
	AUTO_CSTR link = tempdir_path(&shelf->dir, "acme/tiny/link");

	shelf_put(shelf, "keep/x/a", S("1"));
	shelf_put(shelf, "acme/tiny/sub/deep/a", S("1"));
	assert_int_equal(symlink("../../keep", link), 0);
	put(shelf, ID, "acme/tiny");
	assert_int_equal(trash_empty(shelf->root, ID, &err), 0);
	assert_false(tempdir_has(&shelf->dir, ".larder/trash/" ID));
	assert_true(tempdir_has(&shelf->dir, "keep/x/a"));
}

static void what_is_not_there_is_told(void **state)
{
	struct shelf *shelf = *state;
	struct error err;

	assert_int_equal(trash_restore(shelf->root, ID, NULL, &err), -1);
	assert_int_equal(err.code, ERR_UNKNOWN_TRASH);
	assert_int_equal(trash_empty(shelf->root, ID, &err), -1);
	assert_int_equal(err.code, ERR_UNKNOWN_TRASH);
}

/* Swaps a folder and a link to the outside as fast as it can. */
struct swapper {
	int root;
	_Atomic bool is_over;
};

static void *swap(void *arg)
{
	struct swapper *swapper = arg;

	while (!atomic_load(&swapper->is_over))
		(void)renameat2(swapper->root, "acme/tiny", swapper->root, "acme/link",
				RENAME_EXCHANGE);
	return NULL;
}

static void a_folder_that_is_swapped_for_a_link_leads_nowhere(void **state)
{
	enum {
		TIMES = 300
	};
	struct shelf *shelf = *state;
	struct swapper swapper = { .root = shelf->root };
	AUTO_CSTR link = tempdir_path(&shelf->dir, "acme/link");
	struct tempdir outside;
	pthread_t thread;

	tempdir_make(&outside);
	tempdir_write(&outside, "a", S("mine"));
	shelf_put(shelf, "acme/tiny/a", S("1"));
	assert_int_equal(symlink(outside.path, link), 0);
	(void)alarm(120);
	assert_int_equal(pthread_create(&thread, NULL, swap, &swapper), 0);
	for (int i = 0; i < TIMES; i++) {
		static const char *const paths[] = { "acme/tiny/a", "acme/link/a" };
		AUTO_CSTR id = mem_printf("swap-%d", i + 1);
		struct error err;
		size_t n;

		if (trash_put(shelf->root, id, paths, 2, &n, &err) == 0 && n > 0) {
			while (trash_restore(shelf->root, id, NULL, &err) < 0)
				assert_true(tempdir_has(&outside, "a"));
		}
		assert_true(tempdir_has(&outside, "a"));
	}
	atomic_store(&swapper.is_over, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)alarm(0);
	assert_true(tempdir_has(&outside, "a"));
	tempdir_remove(&outside);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_have_a_time_at_their_end),
		TEST(a_folder_goes_and_comes_back_as_it_was),
		TEST(some_files_go_and_the_rest_stays),
		TEST(all_goes_or_none),
		TEST(what_is_there_is_listed_the_newest_first),
		TEST(nothing_is_overwritten_when_it_comes_back),
		TEST(what_has_its_name_makes_way_and_can_come_back_too),
		TEST(a_note_that_was_left_behind_does_not_vouch_for_what_comes_back),
		TEST(what_a_change_had_added_goes_when_it_is_taken_back),
		TEST(emptying_takes_it_away_for_good_and_nothing_else),
		TEST(what_is_not_there_is_told),
		TEST(a_folder_that_is_swapped_for_a_link_leads_nowhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
