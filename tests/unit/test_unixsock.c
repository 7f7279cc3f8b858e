#include "common/unixsock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "tests/unit/tempdir.h"

static void a_socket_has_its_mode_and_keeps_the_umask(void **state)
{
	static const mode_t modes[] = { 0660, 0600, 0666 };
	AUTO_CSTR path = tempdir_path(*state, "s.sock");
	mode_t old = umask(0027);
	struct error err;
	struct stat st;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		AUTO_FD fd = unixsock_listen(path, modes[i], &err);

		assert_true(fd >= 0);
		assert_int_equal(stat(path, &st), 0);
		assert_true(S_ISSOCK(st.st_mode));
		assert_int_equal(st.st_mode & 0777, modes[i]);
	}
	assert_int_equal(umask(old), 0027);
}

static void descriptors_are_close_on_exec_and_listening_does_not_block(void **state)
{
	AUTO_CSTR path = tempdir_path(*state, "s.sock");
	struct error err;
	AUTO_FD listener = unixsock_listen(path, 0600, &err);
	AUTO_FD caller = unixsock_connect(path, 1000, &err);

	assert_true(listener >= 0);
	assert_true(caller >= 0);
	assert_int_equal(fcntl(listener, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(caller, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	assert_int_equal(fcntl(listener, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	assert_int_equal(fcntl(caller, F_GETFL) & O_NONBLOCK, 0);
}

static void a_socket_of_the_dead_is_replaced(void **state)
{
	AUTO_CSTR path = tempdir_path(*state, "s.sock");
	struct error err;
	int dead = unixsock_listen(path, 0600, &err);
	AUTO_FD fd = -1;
	AUTO_FD caller = -1;

	assert_true(dead >= 0);
	fd_close(&dead);
	assert_int_equal(unixsock_connect(path, 1000, &err), -1);
	assert_int_equal(err.code, ERR_DAEMON_UNAVAILABLE);
	fd = unixsock_listen(path, 0600, &err);
	assert_true(fd >= 0);
	caller = unixsock_connect(path, 1000, &err);
	assert_true(caller >= 0);
}

static void a_file_that_is_no_socket_is_left_alone(void **state)
{
	AUTO_CSTR path = tempdir_path(*state, "s.sock");
	struct error err = { .code = ERR_NONE };
	struct stat st;

	tempdir_write(*state, "s.sock", S("precious"));
	assert_int_equal(unixsock_listen(path, 0600, &err), -1);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(st.st_size, 8);
}

static void a_socket_of_the_living_is_left_alone(void **state)
{
	AUTO_CSTR path = tempdir_path(*state, "s.sock");
	struct error err;
	AUTO_FD first = unixsock_listen(path, 0600, &err);
	AUTO_FD caller = -1;

	assert_true(first >= 0);
	assert_int_equal(unixsock_listen(path, 0600, &err), -1);
	assert_non_null(strstr(err.text, "another process"));
	caller = unixsock_connect(path, 1000, &err);
	assert_true(caller >= 0);
}

static void nobody_at_the_other_end_is_told_as_such(void **state)
{
	AUTO_CSTR path = tempdir_path(*state, "none.sock");
	struct error err;

	assert_int_equal(unixsock_connect(path, 1000, &err), -1);
	assert_int_equal(err.code, ERR_DAEMON_UNAVAILABLE);
}

static void a_path_that_does_not_fit_is_refused(void **state)
{
	char name[sizeof(((struct sockaddr_un *)NULL)->sun_path) + 1];
	struct error err = { .code = ERR_NONE };
	AUTO_CSTR path = NULL;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	path = tempdir_path(*state, name);
	assert_int_equal(unixsock_listen(path, 0600, &err), -1);
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_int_equal(unixsock_connect(path, 1000, &err), -1);
	assert_int_equal(err.code, ERR_INTERNAL);
}

static void a_read_that_gets_nothing_times_out(void **state)
{
	AUTO_CSTR path = tempdir_path(*state, "s.sock");
	struct error err;
	AUTO_FD listener = unixsock_listen(path, 0600, &err);
	AUTO_FD caller = unixsock_connect(path, 10, &err);
	char byte;

	assert_true(listener >= 0);
	assert_int_equal(recv(caller, &byte, 1, 0), -1);
	assert_int_equal(errno, EAGAIN);
}

static void our_own_user_may_call(void **state)
{
	AUTO_CSTR path = tempdir_path(*state, "s.sock");
	struct error err;
	AUTO_FD listener = unixsock_listen(path, 0600, &err);
	AUTO_FD caller = unixsock_connect(path, 1000, &err);
	AUTO_FD peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	assert_true(caller >= 0);
	assert_true(peer >= 0);
	assert_true(unixsock_is_peer_allowed(peer, (gid_t)-2));
}

enum {
	STRANGER = 65001, /* a user and group that own nothing here */
	SOCKET_GROUP = 65002,
};

/* In a child: connects as somebody else, who waits until we have looked. */
static void call_as(const char *path, uid_t uid, gid_t gid, const gid_t *groups, size_t n)
{
	struct error err;
	char byte;
	int fd;

	if (setgroups(n, groups) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(uid, uid, uid) < 0)
		_exit(1);
	fd = unixsock_connect(path, 60 * 1000, &err);
	_exit(fd >= 0 && recv(fd, &byte, 1, 0) >= 0 ? 0 : 1);
}

static void strangers_may_call_only_through_the_sockets_group(void **state)
{
	static const struct {
		uid_t uid;
		gid_t gid;
		gid_t group;
		bool allowed;
	} rows[] = {
		{ STRANGER, STRANGER, STRANGER, false },
		{ STRANGER, SOCKET_GROUP, STRANGER, true },
		{ STRANGER, STRANGER, SOCKET_GROUP, true },
		{ 0, STRANGER, STRANGER, true },
	};
	const struct tempdir *dir = *state;
	AUTO_CSTR path = tempdir_path(dir, "s.sock");
	struct error err;
	AUTO_FD listener = unixsock_listen(path, 0666, &err);

	if (geteuid() != 0)
		skip(); /* only root can be somebody else */
	assert_int_equal(chmod(dir->path, 0755), 0);
	assert_int_equal(fcntl(listener, F_SETFL, 0), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		pid_t child = fork();
		AUTO_FD peer = -1;
		int status = 0;

		assert_true(child >= 0);
		if (child == 0)
			call_as(path, rows[i].uid, rows[i].gid, &rows[i].group, 1);
		peer = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		assert_true(peer >= 0);
		assert_int_equal(unixsock_is_peer_allowed(peer, SOCKET_GROUP), rows[i].allowed);
		fd_close(&peer);
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

static void what_is_no_socket_has_no_peer_that_is_allowed(void **state)
{
	AUTO_FD fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	assert_false(unixsock_is_peer_allowed(fd, getgid()));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tempdir_setup, tempdir_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_socket_has_its_mode_and_keeps_the_umask),
		TEST(descriptors_are_close_on_exec_and_listening_does_not_block),
		TEST(a_socket_of_the_dead_is_replaced),
		TEST(a_file_that_is_no_socket_is_left_alone),
		TEST(a_socket_of_the_living_is_left_alone),
		TEST(nobody_at_the_other_end_is_told_as_such),
		TEST(a_path_that_does_not_fit_is_refused),
		TEST(a_read_that_gets_nothing_times_out),
		TEST(our_own_user_may_call),
		TEST(strangers_may_call_only_through_the_sockets_group),
		TEST(what_is_no_socket_has_no_peer_that_is_allowed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
