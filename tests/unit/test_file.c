#include "downloader/file.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "common/error.h"
#include "tests/unit/tempdir.h"

/* A root folder with something beside it that nobody may reach. */
struct place {
	struct tempdir dir;
	char *path;
	int root;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	AUTO_CSTR outside = NULL;
	struct error err;

	tempdir_make(&p->dir);
	p->path = tempdir_path(&p->dir, "models");
	p->root = file_open_root(p->path, &err);
	outside = tempdir_path(&p->dir, "outside");
	if (p->root < 0 || mkdir(outside, 0755) < 0)
		return -1;
	tempdir_write(&p->dir, "outside/secret", S("secret"));
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	fd_close(&p->root);
	tempdir_remove(&p->dir);
	free(p->path);
	free(p);
	return 0;
}

static void link_to(const struct place *p, const char *target, const char *name)
{
	assert_int_equal(symlinkat(target, p->root, name), 0);
}

static void put(const struct place *p, const char *path, const char *text)
{
	struct error err;

	assert_int_equal(file_replace(p->root, path, str_from(text), &err), 0);
}

static void assert_content(const struct place *p, const char *path, const char *wanted)
{
	AUTO_CSTR text = NULL;
	struct error err;

	assert_int_equal(file_read_small(p->root, path, 1000, &text, &err), 1);
	assert_string_equal(text, wanted);
}

static void a_root_is_made_with_its_parents(void **state)
{
	const struct place *p = *state;
	AUTO_CSTR path = mem_printf("%s/a/b/c", p->path);
	struct error err;
	AUTO_FD root = file_open_root(path, &err);
	AUTO_FD again = file_open_root(path, &err);
	AUTO_CSTR blocked = mem_printf("%s/outside/secret/x", p->dir.path);

	assert_true(root >= 0);
	assert_true(again >= 0);
	assert_int_equal(file_open_root(blocked, &err), -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
}

static void a_file_is_opened_where_it_is(void **state)
{
	const struct place *p = *state;
	struct error err;
	AUTO_FD fd = -1;
	char text[10] = "";

	put(p, "a/b/c.txt", "hello");
	fd = file_open(p->root, "a/b/c.txt", O_RDONLY, 0, &err);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(file_read_at(fd, text, 3, 1, &err), 3);
	assert_string_equal(text, "ell");
	assert_int_equal(file_read_at(fd, text, 3, 5, &err), 0);
}

static void an_absent_file_is_told_as_such(void **state)
{
	const struct place *p = *state;
	static const char *const rows[] = { "x", "x/y", "a/x" };
	struct stat st;

	put(p, "a/b", "x");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR text = NULL;
		struct error err;

		assert_int_equal(file_open(p->root, rows[i], O_RDONLY, 0, &err), -1);
		assert_int_equal(err.code, ERR_DISK_ERROR);
		assert_int_equal(err.sys, ENOENT);
		assert_int_equal(file_stat(p->root, rows[i], &st, &err), 0);
		assert_int_equal(file_read_small(p->root, rows[i], 10, &text, &err), 0);
		assert_int_equal(file_remove(p->root, rows[i], &err), 0);
	}
}

static void paths_out_of_the_root_do_not_open(void **state)
{
	static const char *const rows[] = { "../outside/secret", "a/../../outside/secret", "..",
					    "/etc/passwd" };
	const struct place *p = *state;

	put(p, "a/x", "x");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err;

		assert_int_equal(file_open(p->root, rows[i], O_RDONLY, 0, &err), -1);
		assert_int_equal(err.code, ERR_UNSAFE_PATH);
	}
}

static void no_link_is_followed_at_the_end_of_a_path(void **state)
{
	const struct place *p = *state;
	static const char *const rows[] = { "out", "in", "loop", "proc" };

	put(p, "real", "x");
	link_to(p, "../outside/secret", "out");
	link_to(p, "real", "in");
	link_to(p, "loop", "loop");
	link_to(p, "/proc/self/fd/0", "proc");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR text = NULL;
		struct error err;
		struct stat st;

		assert_int_equal(file_open(p->root, rows[i], O_RDONLY, 0, &err), -1);
		assert_int_equal(err.code, ERR_UNSAFE_PATH);
		assert_int_equal(
			file_open(p->root, rows[i], O_WRONLY | O_CREAT | O_TRUNC, 0644, &err),
			-1);
		assert_int_equal(file_read_small(p->root, rows[i], 10, &text, &err), -1);
		assert_int_equal(file_stat(p->root, rows[i], &st, &err), 1);
		assert_true(S_ISLNK(st.st_mode));
	}
	assert_content(p, "real", "x");
}

static void no_link_is_followed_on_the_way(void **state)
{
	const struct place *p = *state;
	static const char *const rows[] = { "out/secret", "in/x", "out/new", "in/new" };
	AUTO_CSTR secret = NULL;

	put(p, "real/x", "x");
	put(p, "from", "x");
	link_to(p, "../outside", "out");
	link_to(p, "real", "in");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR text = NULL;
		struct error err;

		assert_int_equal(file_open(p->root, rows[i], O_RDWR | O_CREAT, 0644, &err), -1);
		assert_int_equal(file_make_parents(p->root, rows[i], &err), -1);
		assert_int_equal(err.code, ERR_UNSAFE_PATH);
		assert_int_equal(file_replace(p->root, rows[i], S("bad"), &err), -1);
		assert_int_equal(file_rename(p->root, "from", rows[i], &err), -1);
		assert_int_equal(file_remove(p->root, rows[i], &err), -1);
		assert_true(file_read_small(p->root, rows[i], 10, &text, &err) <= 0);
	}
	assert_false(tempdir_has(&p->dir, "outside/new"));
	assert_false(tempdir_has(&p->dir, "models/real/new"));
	assert_content(p, "real/x", "x");
	assert_content(p, "from", "x");
	secret = tempdir_read(&p->dir, "outside/secret");
	assert_string_equal(secret, "secret");
}

/* As when another worker takes back the ones it could not sync. */
static void a_file_is_made_with_the_parents_that_are_gone_again(void **state)
{
	struct place *p = *state;
	struct error err;
	AUTO_FD fd = -1;
	struct stat st;

	assert_int_equal(file_make_parents(p->root, "a/b/file", &err), 0);
	assert_int_equal(unlinkat(p->root, "a/b", AT_REMOVEDIR), 0);
	fd = file_open(p->root, "a/b/file", O_RDWR | O_CREAT | O_EXCL, 0644, &err);
	assert_true(fd >= 0);
	assert_int_equal(file_stat(p->root, "a/b/file", &st, &err), 1);
	/* Nothing is made for one that is only to be read. */
	assert_int_equal(file_open(p->root, "c/file", O_RDONLY, 0, &err), -1);
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(file_stat(p->root, "c", &st, &err), 0);
}

static void parents_are_made_and_may_be_there(void **state)
{
	const struct place *p = *state;
	struct error err;

	assert_int_equal(file_make_parents(p->root, "a/b/c", &err), 0);
	assert_int_equal(file_make_parents(p->root, "a/b/c", &err), 0);
	assert_int_equal(file_make_parents(p->root, "a/d/c", &err), 0);
	assert_int_equal(file_make_parents(p->root, "c", &err), 0);
	assert_true(tempdir_has(&p->dir, "models/a/b"));
	assert_true(tempdir_has(&p->dir, "models/a/d"));
	assert_false(tempdir_has(&p->dir, "models/a/b/c"));
	assert_false(tempdir_has(&p->dir, "models/c"));
}

static void a_file_where_a_folder_must_be_is_in_the_way(void **state)
{
	const struct place *p = *state;
	struct error err;

	put(p, "a/b", "x");
	assert_int_equal(file_make_parents(p->root, "a/b/c", &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_PATH);
	assert_content(p, "a/b", "x");
}

static void renaming_moves_between_folders_and_replaces(void **state)
{
	const struct place *p = *state;
	struct error err;

	put(p, "a/from", "new");
	put(p, "b/to", "old");
	assert_int_equal(file_rename(p->root, "a/from", "b/to", &err), 0);
	assert_false(tempdir_has(&p->dir, "models/a/from"));
	assert_content(p, "b/to", "new");
	assert_int_equal(file_rename(p->root, "a/from", "b/to", &err), -1);
	assert_int_equal(err.sys, ENOENT);
	assert_content(p, "b/to", "new");
	assert_int_equal(file_rename(p->root, "b/to", "none/to", &err), -1);
	assert_int_equal(file_rename(p->root, "b/to", "top", &err), 0);
	assert_content(p, "top", "new");
}

static void what_is_there_is_synced_and_what_is_not_is_told(void **state)
{
	const struct place *p = *state;
	struct error err;

	put(p, "x", "text");
	link_to(p, "x", "link");
	assert_int_equal(file_make_parents(p->root, "d/e", &err), 0);
	assert_int_equal(file_sync(p->root, "x", &err), 0);
	assert_int_equal(file_sync(p->root, "d", &err), 0);
	assert_int_equal(file_sync(p->root, "absent", &err), -1);
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(file_sync(p->root, "link", &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_PATH);
}

static void removing_takes_one_name(void **state)
{
	const struct place *p = *state;
	struct error err;

	put(p, "a/x", "x");
	put(p, "a/y", "y");
	link_to(p, "../outside/secret", "out");
	assert_int_equal(file_remove(p->root, "a/x", &err), 0);
	assert_int_equal(file_remove(p->root, "out", &err), 0);
	assert_int_equal(file_remove(p->root, "a", &err), -1);
	assert_false(tempdir_has(&p->dir, "models/a/x"));
	assert_true(tempdir_has(&p->dir, "models/a/y"));
	assert_true(tempdir_has(&p->dir, "outside/secret"));
}

static void replacing_leaves_the_new_content_and_nothing_else(void **state)
{
	const struct place *p = *state;
	AUTO_FD old = -1;
	struct error err;
	char text[10] = "";
	struct stat st;

	put(p, "d/x", "old content");
	old = file_open(p->root, "d/x", O_RDONLY, 0, &err);
	put(p, "d/x", "new");
	assert_content(p, "d/x", "new");
	/* Not written in place: who had it open keeps what was there. */
	assert_int_equal(file_read_at(old, text, 3, 0, &err), 3);
	assert_string_equal(text, "old");
	assert_int_equal(file_remove(p->root, "d/x", &err), 0);
	assert_int_equal(file_stat(p->root, "d", &st, &err), 1);
	assert_int_equal(unlinkat(p->root, "d", AT_REMOVEDIR), 0); /* no temporary stays */
}

static void small_reads_have_a_limit(void **state)
{
	const struct place *p = *state;
	struct error err;

	put(p, "x", "12345");
	put(p, "empty", "");
	for (size_t max = 4; max <= 6; max++) {
		AUTO_CSTR text = NULL;

		assert_int_equal(file_read_small(p->root, "x", max, &text, &err),
				 max < 5 ? -1 : 1);
		if (max >= 5)
			assert_string_equal(text, "12345");
		else
			assert_null(text);
	}
	assert_content(p, "empty", "");
}

static void a_fifo_does_not_hang_a_small_read(void **state)
{
	const struct place *p = *state;
	AUTO_CSTR text = NULL;
	struct error err;

	assert_int_equal(mkfifoat(p->root, "fifo", 0600), 0);
	assert_int_equal(file_read_small(p->root, "fifo", 10, &text, &err), -1);
}

static void a_new_file_has_its_size_and_bytes_go_where_they_belong(void **state)
{
	const struct place *p = *state;
	struct error err;
	AUTO_FD fd = file_open(p->root, "big", O_RDWR | O_CREAT, 0644, &err);
	char text[4] = "";
	struct stat st;

	assert_int_equal(file_set_size(fd, UINT64_C(5) << 30, &err), 0);
	assert_int_equal(file_stat(p->root, "big", &st, &err), 1);
	assert_int_equal(st.st_size, INT64_C(5) << 30);
	assert_true(st.st_blocks < 1000); /* a hole */
	assert_int_equal(file_write_at(fd, S("abc"), (UINT64_C(4) << 30) + 7, &err), 0);
	assert_int_equal(file_read_at(fd, text, 3, (UINT64_C(4) << 30) + 7, &err), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(file_sync_data(fd, &err), 0);
}

static void writing_where_it_is_not_allowed_fails(void **state)
{
	const struct place *p = *state;
	struct error err;
	AUTO_FD fd = -1;
	AUTO_FD full = open("/dev/full", O_WRONLY | O_CLOEXEC);

	put(p, "x", "x");
	fd = file_open(p->root, "x", O_RDONLY, 0, &err);
	assert_int_equal(file_write_at(fd, S("y"), 0, &err), -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
	assert_int_equal(file_set_size(fd, 0, &err), -1);
	assert_true(full >= 0);
	assert_int_equal(file_write_at(full, S("y"), 0, &err), -1);
	assert_int_equal(err.code, ERR_DISK_FULL);
	assert_content(p, "x", "x");
}

static void free_space_is_part_of_the_whole(void **state)
{
	const struct place *p = *state;
	struct file_space space = { .device = 0 };
	struct stat st;
	struct error err;

	assert_int_equal(file_space(p->root, "", &space, &err), 0);
	assert_true(space.free_bytes > 0);
	assert_true(space.free_bytes <= space.total_bytes);
	assert_int_equal(fstat(p->root, &st), 0);
	assert_int_equal(space.device, (uint64_t)st.st_dev);
	assert_false(space.is_read_only);
	assert_int_equal(file_space(-1, "", &space, &err), -1);
}

static uint64_t device_of(int root, const char *path)
{
	struct file_space space = { .device = 0 };
	struct error err;

	assert_int_equal(file_space(root, path, &space, &err), 0);
	return space.device;
}

/* Every Linux has a mount or two beneath its root. */
static void space_is_that_of_the_nearest_directory_that_is_there(void **state)
{
	const struct place *p = *state;
	AUTO_FD slash = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat proc;

	assert_int_equal(stat("/proc", &proc), 0);
	assert_int_not_equal(device_of(slash, ""), (uint64_t)proc.st_dev);
	assert_int_equal(device_of(slash, "proc"), (uint64_t)proc.st_dev);
	assert_int_equal(device_of(slash, "proc/no such/folder"), (uint64_t)proc.st_dev);
	assert_int_equal(device_of(slash, "no such/proc"), device_of(slash, ""));
	/* Neither a file, a link nor a way out leads anywhere else. */
	put(p, "file", "x");
	link_to(p, "/proc", "link");
	assert_int_equal(device_of(p->root, "file/folder"), device_of(p->root, ""));
	assert_int_equal(device_of(p->root, "link/self"), device_of(p->root, ""));
	assert_int_equal(device_of(p->root, "../../../../../../../../proc"),
			 device_of(p->root, ""));
}

/* From here on openat2(2) is missing, as on a kernel before 5.6. */
static int take_openat2_away(void **state)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_LEN(filter), filter };

	(void)state;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static void openat2_is_missing_now(void **state)
{
	(void)state;
	assert_int_equal(syscall(SYS_openat2, AT_FDCWD, "/", NULL, 0), -1);
	assert_int_equal(errno, ENOSYS);
}

static void a_link_is_the_same_file_under_a_further_name(void **state)
{
	const struct place *p = *state;
	struct error err;
	struct stat one;
	struct stat other;

	put(p, "a/from", "content");
	put(p, "b/taken", "mine");
	assert_true(file_link(p->root, "a/from", "b/to"));
	assert_int_equal(file_stat(p->root, "a/from", &one, &err), 1);
	assert_int_equal(file_stat(p->root, "b/to", &other, &err), 1);
	assert_int_equal(one.st_ino, other.st_ino);
	assert_int_equal(other.st_nlink, 2);
	/* None of these goes, and nothing is in the place of anything. */
	assert_false(file_link(p->root, "a/from", "b/taken"));
	assert_false(file_link(p->root, "a/none", "b/x"));
	assert_false(file_link(p->root, "a/from", "none/x"));
	assert_false(file_link(p->root, "a", "b/x"));
	assert_int_equal(file_stat(p->root, "b/taken", &other, &err), 1);
	assert_int_equal(other.st_size, 4);
	assert_int_equal(file_stat(p->root, "b/x", &other, &err), 0);
}

static void a_link_leads_through_no_symbolic_link(void **state)
{
	const struct place *p = *state;
	struct error err;
	struct stat st;

	put(p, "here", "mine");
	link_to(p, "../outside", "out");
	assert_false(file_link(p->root, "out/secret", "stolen"));
	assert_false(file_link(p->root, "here", "out/planted"));
	assert_int_equal(file_stat(p->root, "stolen", &st, &err), 0);
	assert_false(tempdir_has(&p->dir, "outside/planted"));
	/* A symbolic link itself is linked, not what it leads to. */
	link_to(p, "../outside/secret", "soft");
	assert_true(file_link(p->root, "soft", "hard"));
	assert_int_equal(file_stat(p->root, "hard", &st, &err), 1);
	assert_true(S_ISLNK(st.st_mode));
}

/* Whether blocks can be shared here or not: nothing is broken, and it is told. */
static void a_clone_is_whole_or_does_not_go(void **state)
{
	const struct place *p = *state;
	char text[8] = "";
	struct error err;
	bool is_cloned;
	AUTO_FD from = -1;
	AUTO_FD to = -1;

	put(p, "from", "content");
	from = file_open(p->root, "from", O_RDONLY, 0, &err);
	to = file_open(p->root, "to", O_RDWR | O_CREAT, 0644, &err);
	is_cloned = file_clone(to, from);
	assert_int_equal(file_read_at(to, text, 7, 0, &err), is_cloned ? 7 : 0);
	assert_string_equal(text, is_cloned ? "content" : "");
	assert_false(file_clone(-1, from));
}

static void a_files_time_is_in_nanoseconds_whatever_it_is(void **state)
{
	static const struct {
		struct timespec time;
		int64_t wanted;
	} rows[] = {
		{ { 0, 0 }, 0 },
		{ { 1772600000, 123456789 }, INT64_C(1772600000123456789) },
		{ { -1, 999999999 }, -1 },
		/* Too far away for the number: some other one. */
		{ { INT64_MAX, 5 }, -999999995 },
	};
	struct stat st;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		st.st_mtim = rows[i].time;
		assert_true(file_mtime_ns(&st) == rows[i].wanted);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

#define TESTS                                                                                  \
	TEST(a_root_is_made_with_its_parents), TEST(a_file_is_opened_where_it_is),             \
		TEST(an_absent_file_is_told_as_such), TEST(paths_out_of_the_root_do_not_open), \
		TEST(no_link_is_followed_at_the_end_of_a_path),                                \
		TEST(no_link_is_followed_on_the_way), TEST(parents_are_made_and_may_be_there), \
		TEST(a_file_is_made_with_the_parents_that_are_gone_again),                     \
		TEST(a_file_where_a_folder_must_be_is_in_the_way),                             \
		TEST(renaming_moves_between_folders_and_replaces),                             \
		TEST(what_is_there_is_synced_and_what_is_not_is_told),                         \
		TEST(a_link_is_the_same_file_under_a_further_name),                            \
		TEST(a_link_leads_through_no_symbolic_link),                                   \
		TEST(a_clone_is_whole_or_does_not_go),                                         \
		TEST(a_files_time_is_in_nanoseconds_whatever_it_is),                           \
		TEST(removing_takes_one_name),                                                 \
		TEST(replacing_leaves_the_new_content_and_nothing_else),                       \
		TEST(small_reads_have_a_limit), TEST(a_fifo_does_not_hang_a_small_read),       \
		TEST(a_new_file_has_its_size_and_bytes_go_where_they_belong),                  \
		TEST(writing_where_it_is_not_allowed_fails),                                   \
		TEST(free_space_is_part_of_the_whole),                                         \
		TEST(space_is_that_of_the_nearest_directory_that_is_there)

int main(void)
{
	const struct CMUnitTest with_openat2[] = { TESTS };
	const struct CMUnitTest by_walk[] = { cmocka_unit_test(openat2_is_missing_now), TESTS };
	int failed = cmocka_run_group_tests(with_openat2, NULL, NULL);

	return failed + cmocka_run_group_tests(by_walk, take_openat2_away, NULL);
}
