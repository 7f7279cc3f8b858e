#include "common/folder.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "tests/unit/tempdir.h"

static struct stat look(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st;
}

static void folders_are_made_with_their_mode_and_may_be_there(void **state)
{
	struct tempdir dir;
	AUTO_CSTR parent = NULL;
	AUTO_CSTR path = NULL;
	struct error err;

	(void)state;
	tempdir_make(&dir);
	parent = tempdir_path(&dir, "x");
	path = tempdir_path(&dir, "x/y");
	for (int i = 0; i < 2; i++)
		assert_int_equal(folder_make(path, 0700, NULL, &err), 0);
	assert_int_equal(look(path).st_mode & 0777, 0700);
	assert_int_equal(look(parent).st_mode & 0700, 0700);
	assert_int_equal(folder_make("/dev/null/x", 0700, NULL, &err), -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
	tempdir_remove(&dir);
}

static void only_new_folders_change_their_owner(void **state)
{
	static const struct folder_owner nobody = { .uid = 65534, .gid = 65534 };
	struct tempdir dir;
	AUTO_CSTR old = NULL;
	AUTO_CSTR parent = NULL;
	AUTO_CSTR path = NULL;
	struct error err;

	(void)state;
	if (geteuid() != 0)
		skip();
	tempdir_make(&dir);
	old = tempdir_path(&dir, "old");
	parent = tempdir_path(&dir, "old/x");
	path = tempdir_path(&dir, "old/x/y");
	assert_int_equal(folder_make(old, 0755, NULL, &err), 0);
	assert_int_equal(folder_make(path, 0755, &nobody, &err), 0);
	assert_int_equal(look(old).st_uid, 0);
	assert_int_equal(look(parent).st_uid, nobody.uid);
	assert_int_equal(look(path).st_gid, nobody.gid);
	tempdir_remove(&dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(folders_are_made_with_their_mode_and_may_be_there),
		cmocka_unit_test(only_new_folders_change_their_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
