#include "downloader/dir.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/error.h"
#include "tests/unit/tempdir.h"

struct place {
	struct tempdir dir;
	int root;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));

	tempdir_make(&p->dir);
	p->root = open(p->dir.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = p;
	return p->root < 0 ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	fd_close(&p->root);
	tempdir_remove(&p->dir);
	free(p);
	return 0;
}

static void make_dir(const struct place *p, const char *name)
{
	AUTO_CSTR path = tempdir_path(&p->dir, name);

	assert_int_equal(mkdir(path, 0755), 0);
}

static void every_name_comes_once(void **state)
{
	struct place *p = *state;
	bool has_seen[3] = { false };
	struct error err;
	const char *name;
	bool is_dir;
	AUTO(dir) dir = NULL;

	make_dir(p, "sub");
	tempdir_write(&p->dir, "a", S("1"));
	tempdir_write(&p->dir, ".b", S("22"));
	dir = dir_open(p->root, ".", &err);
	assert_non_null(dir);
	for (size_t i = 0; i < 3; i++) {
		struct stat st;
		size_t at;

		assert_int_equal(dir_next(dir, &name, &is_dir, &err), 1);
		at = strcmp(name, "a") == 0 ? 0 : strcmp(name, ".b") == 0 ? 1 : 2;
		assert_false(has_seen[at]);
		has_seen[at] = true;
		assert_int_equal(dir_stat(dir, name, &st, &err), 1);
		assert_int_equal(S_ISDIR(st.st_mode), at == 2);
		if (at < 2)
			assert_int_equal(st.st_size, at + 1);
	}
	assert_int_equal(dir_next(dir, &name, &is_dir, &err), 0);
}

static void what_has_vanished_is_no_error(void **state)
{
	struct place *p = *state;
	struct error err;
	struct stat st;
	AUTO(dir) dir = dir_open(p->root, ".", &err);

	assert_int_equal(dir_stat(dir, "gone", &st, &err), 0);
	assert_int_equal(dir_open_file(dir, "gone", &err), -1);
	assert_int_equal(err.sys, ENOENT);
}

static void what_is_no_directory_is_not_opened(void **state)
{
	struct place *p = *state;
	struct error err;
	AUTO_CSTR link = tempdir_path(&p->dir, "link");

	tempdir_write(&p->dir, "a", S("1"));
	make_dir(p, "sub");
	assert_int_equal(symlink("sub", link), 0);
	assert_null(dir_open(p->root, "a", &err));
	assert_null(dir_open(p->root, "gone", &err));
	assert_int_equal(err.sys, ENOENT);
	assert_null(dir_open(p->root, "link", &err));
	assert_null(dir_open(p->root, "..", &err));
}

static void a_link_is_told_and_not_followed(void **state)
{
	struct place *p = *state;
	struct error err;
	struct stat st;
	AUTO_CSTR link = tempdir_path(&p->dir, "link");
	AUTO(dir) dir = NULL;

	assert_int_equal(symlink("/etc/passwd", link), 0);
	dir = dir_open(p->root, ".", &err);
	assert_int_equal(dir_stat(dir, "link", &st, &err), 1);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(dir_open_file(dir, "link", &err), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_name_comes_once),
		TEST(what_has_vanished_is_no_error),
		TEST(what_is_no_directory_is_not_opened),
		TEST(a_link_is_told_and_not_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
