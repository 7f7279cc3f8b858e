#include "downloader/previews.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "downloader/new_id.h"

static void keep(struct previews *previews, const char *id, const char *repo)
{
	struct choice choice = { .repo = mem_strdup(repo), .revision = mem_strdup("main") };

	choice.shown.files = 3;
	previews_keep(previews, id, &choice);
	choice_clear(&choice);
}

static void what_is_kept_is_found(void **state)
{
	struct previews *previews = previews_new();
	const struct choice *found;

	(void)state;
	assert_null(previews_find(previews, S("")));
	assert_null(previews_find(previews, S("aaaaaaaaaaaaaaaaaaaa")));
	keep(previews, "aaaaaaaaaaaaaaaaaaaa", "acme/a");
	keep(previews, "bbbbbbbbbbbbbbbbbbbb", "acme/b");
	found = previews_find(previews, S("aaaaaaaaaaaaaaaaaaaa"));
	assert_string_equal(found->repo, "acme/a");
	assert_int_equal(found->shown.files, 3);
	assert_null(previews_find(previews, S("aaaaaaaaaaaaaaaaaaa")));
	assert_null(previews_find(previews, S("")));
	previews_free(&previews);
	assert_null(previews);
}

static void the_newest_stay(void **state)
{
	struct previews *previews = previews_new();
	char id[DOWNLOAD_ID_LEN + 1];

	(void)state;
	keep(previews, "aaaaaaaaaaaaaaaaaaaa", "acme/a");
	for (unsigned i = 1; i < PREVIEWS_KEPT; i++) {
		new_id(id);
		keep(previews, id, "acme/other");
	}
	assert_non_null(previews_find(previews, S("aaaaaaaaaaaaaaaaaaaa")));
	keep(previews, "cccccccccccccccccccc", "acme/c");
	assert_null(previews_find(previews, S("aaaaaaaaaaaaaaaaaaaa")));
	assert_non_null(previews_find(previews, str_from(id)));
	previews_free(&previews);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_is_found),
		cmocka_unit_test(the_newest_stay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
