#include "common/service.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/unixsock.h"
#include "tests/unit/tempdir.h"

enum {
	FIRST_FD = 3, /* sd_listen_fds(3) */
	MESSAGE_MAX = 512,
};

static void set_number(const char *name, long number)
{
	AUTO_CSTR text = mem_printf("%ld", number);

	assert_int_equal(setenv(name, text, 1), 0);
}

/* As systemd begins a program: the socket is descriptor 3. Whether it is what is listened on.
 */
static bool is_taken(const char *inherited, const char *wanted)
{
	struct error err;
	int fd = unixsock_listen(inherited, 0600, &err);
	int got;

	if (fd < 0 || fcntl(fd, F_SETFL, 0) < 0 || dup2(fd, FIRST_FD) < 0)
		return false;
	if (fd != FIRST_FD)
		(void)close(fd);
	set_number("LISTEN_PID", getpid());
	set_number("LISTEN_FDS", 1);
	got = service_listen(wanted, 0600, &err);
	return got == FIRST_FD && (fcntl(got, F_GETFL) & O_NONBLOCK) != 0 &&
	       (fcntl(got, F_GETFD) & FD_CLOEXEC) != 0;
}

/* In a process of its own, whose descriptors are its own. */
static bool is_taken_there(const char *inherited, const char *wanted)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0)
		_exit(is_taken(inherited, wanted) ? 0 : 1);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status) == 0;
}

static void a_socket_that_was_inherited_is_listened_on(void **state)
{
	AUTO_CSTR ours = tempdir_path(*state, "ours.sock");
	AUTO_CSTR other = tempdir_path(*state, "other.sock");

	assert_true(is_taken_there(ours, ours));
	assert_false(is_taken_there(other, ours));
}

static void without_one_a_socket_is_made(void **state)
{
	AUTO_CSTR path = tempdir_path(*state, "ours.sock");
	struct error err;
	AUTO_FD fd = service_listen(path, 0600, &err);
	AUTO_FD client = -1;

	assert_true(fd >= 0);
	client = unixsock_connect(path, 1000, &err);
	assert_true(client >= 0);
}

/* The service manager's end. */
static int listen_for_news(const struct tempdir *dir)
{
	AUTO_CSTR path = tempdir_path(dir, "notify");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0 && strlen(path) < sizeof(address.sun_path));
	memcpy(address.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
	return fd;
}

static void assert_heard(int fd, const char *part)
{
	char text[MESSAGE_MAX] = "";
	ssize_t n = recv(fd, text, sizeof(text) - 1, 0);

	assert_true(n > 0);
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void the_service_manager_hears_how_it_goes(void **state)
{
	AUTO_FD fd = listen_for_news(*state);

	service_ready("3 running");
	assert_heard(fd, "READY=1\nSTATUS=3 running");
	service_status("2 running");
	assert_heard(fd, "STATUS=2 running");
	service_alive();
	assert_heard(fd, "WATCHDOG=1");
	service_reloading();
	assert_heard(fd, "RELOADING=1\nMONOTONIC_USEC=");
	service_stopping();
	assert_heard(fd, "STOPPING=1");
	assert_int_equal(unsetenv("NOTIFY_SOCKET"), 0);
	service_ready("nobody hears it");
	assert_int_equal(recv(fd, &(char){ 0 }, 1, 0), -1);
}

static void the_watchdog_is_of_this_process_or_none(void **state)
{
	(void)state;
	assert_int_equal(service_watchdog_ms(), 0);
	set_number("WATCHDOG_USEC", 30 * 1000000L);
	set_number("WATCHDOG_PID", getpid());
	assert_int_equal(service_watchdog_ms(), 30000);
	set_number("WATCHDOG_PID", 1);
	assert_int_equal(service_watchdog_ms(), 0);
	assert_int_equal(unsetenv("WATCHDOG_USEC") + unsetenv("WATCHDOG_PID"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_socket_that_was_inherited_is_listened_on,
						tempdir_setup, tempdir_teardown),
		cmocka_unit_test_setup_teardown(without_one_a_socket_is_made, tempdir_setup,
						tempdir_teardown),
		cmocka_unit_test_setup_teardown(the_service_manager_hears_how_it_goes,
						tempdir_setup, tempdir_teardown),
		cmocka_unit_test(the_watchdog_is_of_this_process_or_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
