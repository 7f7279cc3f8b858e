/*
 * Each test has a child that goes into the sandbox and tries what an intruder would. It tells
 * by its exit status: 0, or the line of the check that failed. What ends it by a signal is that
 * too.
 */
#include "common/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "tests/unit/tempdir.h"

#define CHECK(condition)                       \
	do {                                   \
		if (!(condition))              \
			_exit(__LINE__ % 256); \
	} while (0)

struct place {
	struct tempdir dir;
	char *ours;
	char *other;
	char *readable;
};

static int make_place(void **state)
{
	struct place *place = mem_alloc(sizeof(*place));
	AUTO_FD fd = -1;

	log_init("unit", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	tempdir_make(&place->dir);
	place->ours = tempdir_path(&place->dir, "ours");
	place->other = tempdir_path(&place->dir, "other");
	place->readable = tempdir_path(&place->dir, "readable");
	if (mkdir(place->ours, 0755) < 0)
		return -1;
	fd = open(place->other, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	*state = place;
	return fd < 0 || symlink("other", place->readable) < 0 ? -1 : 0;
}

static int remove_place(void **state)
{
	struct place *place = *state;

	tempdir_remove(&place->dir);
	free(place->ours);
	free(place->other);
	free(place->readable);
	free(place);
	return 0;
}

/* What became of `child`: its status, or minus the signal that ended it. */
static int outcome(void (*child)(const struct place *place), const struct place *place)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		child(place);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void enter(const struct place *place, enum sandbox_powers powers)
{
	const struct sandbox_folder writable[] = { { .path = place->ours, .name = "OURS" } };
	const char *readable[] = { "/etc/hosts", "/no/such/file" };
	const struct sandbox_files files = { .writable = writable,
					     .n_writable = 1,
					     .readable = readable,
					     .n_readable = ARRAY_LEN(readable) };
	struct error err;

	CHECK(sandbox_enter(true, powers, powers == SANDBOX_DAEMON ? &files : NULL, &err) == 0);
}

static bool fails_with(long result, int number)
{
	return result < 0 && errno == number;
}

/* --- the daemon's --- */

static void use_files(const struct place *place)
{
	AUTO_CSTR mine = mem_printf("%s/mine", place->ours);
	AUTO_CSTR moved = mem_printf("%s/sub/moved", place->ours);
	AUTO_CSTR sub = mem_printf("%s/sub", place->ours);
	AUTO_CSTR link_ = mem_printf("%s/link", place->ours);
	int fd;

	enter(place, SANDBOX_DAEMON);
	/* All that is needed, in the own folder. */
	fd = open(mine, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	CHECK(fd >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0 && fsync(fd) == 0);
	CHECK(mkdir(sub, 0755) == 0 && rename(mine, moved) == 0 && link(moved, mine) == 0);
	CHECK(unlink(mine) == 0 && open(moved, O_RDONLY | O_CLOEXEC) >= 0);
	fd = open("/etc/hosts", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	/* And nothing elsewhere. */
	CHECK(fails_with(open("/etc/hosts", O_WRONLY | O_CLOEXEC), EACCES));
	CHECK(fails_with(open("/etc/passwd", O_RDONLY | O_CLOEXEC), EACCES));
	CHECK(fails_with(open(place->other, O_RDONLY | O_CLOEXEC), EACCES));
	CHECK(fails_with(open(place->other, O_WRONLY | O_CLOEXEC), EACCES));
	CHECK(fails_with(open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC), EACCES));
	CHECK(fails_with(unlink(place->other), EACCES));
	CHECK(fails_with(mkdir("/tmp/larder-intruder", 0755), EACCES));
	CHECK(fails_with(rename(moved, place->other), EACCES) || errno == EXDEV);
	CHECK(fails_with(truncate(place->other, 0), ENOSYS));
	(void)link_;
}

static void use_network(const struct place *place)
{
	struct sockaddr_in anywhere = { .sin_family = AF_INET };
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	int fd;

	enter(place, SANDBOX_DAEMON);
	anywhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	/* It may go out, */
	anywhere.sin_port = htons(9);
	CHECK(connect(fd, (struct sockaddr *)&anywhere, sizeof(anywhere)) == 0 ||
	      errno == ECONNREFUSED);
	/* but nobody comes in by TCP. */
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	anywhere.sin_port = 0;
	CHECK(fails_with(bind(fd, (struct sockaddr *)&anywhere, sizeof(anywhere)), EACCES));
	CHECK(fails_with(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), ENOSYS));
	/* Sockets in the own folder, until there are all. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(local.sun_path, sizeof(local.sun_path), "%s/socket", place->ours);
	CHECK(bind(fd, (struct sockaddr *)&local, sizeof(local)) == 0 && listen(fd, 1) == 0);
	sandbox_end_listening();
	CHECK(fails_with(listen(fd, 1), EPERM));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fails_with(listen(fd, 1), EPERM));
}

static void *work(void *is_done)
{
	*(bool *)is_done = true;
	return NULL;
}

static void use_memory_and_threads(const struct place *place)
{
	pthread_t thread;
	bool is_done = false;
	void *page;

	enter(place, SANDBOX_DAEMON);
	CHECK(pthread_create(&thread, NULL, work, &is_done) == 0 &&
	      pthread_join(thread, NULL) == 0 && is_done);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	CHECK(page != MAP_FAILED);
	CHECK(fails_with(mprotect(page, 4096, PROT_READ | PROT_EXEC), ENOSYS));
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
		   -1, 0) == MAP_FAILED);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0) ==
	      MAP_FAILED);
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) ==
	      MAP_FAILED);
	CHECK(fails_with(kill(getppid(), 0), ENOSYS));
}

static void run_a_program(const struct place *place)
{
	char *const words[] = { (char *)(uintptr_t) "/bin/true", NULL };

	enter(place, SANDBOX_DAEMON);
	(void)execv(words[0], words);
}

static void fork_once(const struct place *place)
{
	enter(place, SANDBOX_DAEMON);
	if (syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0)
		_exit(1);
	_exit(errno == ENOSYS ? 0 : 2);
}

static void trace_somebody(const struct place *place)
{
	enter(place, SANDBOX_DAEMON);
	(void)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static void become_root(const struct place *place)
{
	enter(place, SANDBOX_DAEMON);
	(void)setuid(0);
}

static void make_a_link(const struct place *place)
{
	AUTO_CSTR path = mem_printf("%s/link", place->ours);

	enter(place, SANDBOX_DAEMON);
	(void)symlink("/etc", path);
}

static void the_daemon_has_its_folders_and_nothing_else(void **state)
{
	assert_int_equal(outcome(use_files, *state), 0);
}

static void put(const char *path, const char *text)
{
	AUTO_FD fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

/* A resolver's file, say: what has its name now is read, not what had it then. */
static void a_file_that_is_replaced_is_still_read(void **state)
{
	const struct place *place = *state;
	AUTO_CSTR folder = tempdir_path(&place->dir, "etc");
	AUTO_CSTR file = mem_printf("%s/resolv.conf", folder);
	AUTO_CSTR fresh = mem_printf("%s/resolv.conf.new", folder);
	const char *readable[] = { folder };
	const struct sandbox_files files = { .readable = readable, .n_readable = 1 };
	int entered[2];
	int replaced[2];
	char text[4] = "";
	int status;
	pid_t pid;

	assert_int_equal(mkdir(folder, 0755), 0);
	put(file, "old");
	assert_int_equal(pipe(entered), 0);
	assert_int_equal(pipe(replaced), 0);
	pid = fork();
	if (pid == 0) {
		struct error err;
		int fd;

		CHECK(sandbox_enter(true, SANDBOX_DAEMON, &files, &err) == 0);
		CHECK(write(entered[1], ".", 1) == 1 && read(replaced[0], text, 1) == 1);
		fd = open(file, O_RDONLY | O_CLOEXEC);
		CHECK(fd >= 0 && read(fd, text, 3) == 3 && memcmp(text, "new", 3) == 0);
		_exit(0);
	}
	assert_int_equal(read(entered[0], text, 1), 1);
	put(fresh, "new");
	assert_int_equal(rename(fresh, file), 0);
	assert_int_equal(write(replaced[1], ".", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	for (size_t i = 0; i < 2; i++) {
		(void)close(entered[i]);
		(void)close(replaced[i]);
	}
}

static void the_daemon_goes_out_and_lets_nobody_in(void **state)
{
	assert_int_equal(outcome(use_network, *state), 0);
}

static void memory_is_not_run_and_threads_are_no_processes(void **state)
{
	assert_int_equal(outcome(use_memory_and_threads, *state), 0);
	assert_int_equal(outcome(fork_once, *state), 0);
}

static void what_only_an_intruder_does_is_the_end(void **state)
{
	assert_int_equal(outcome(run_a_program, *state), -SIGSYS);
	assert_int_equal(outcome(trace_somebody, *state), -SIGSYS);
	assert_int_equal(outcome(become_root, *state), -SIGSYS);
	assert_int_equal(outcome(make_a_link, *state), -SIGSYS);
}

/* --- the web side's --- */

static void be_the_web_side(const struct place *place)
{
	AUTO_CSTR mine = mem_printf("%s/mine", place->ours);
	struct sockaddr_un local = { .sun_family = AF_UNIX };
	int fd;

	enter(place, SANDBOX_WEB);
	CHECK(fails_with(open("/etc/hosts", O_RDONLY | O_CLOEXEC), ENOSYS));
	CHECK(fails_with(open(mine, O_CREAT | O_WRONLY | O_CLOEXEC, 0644), ENOSYS));
	CHECK(fails_with(unlink(place->other), ENOSYS));
	CHECK(fails_with(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ENOSYS));
	CHECK(fails_with(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), ENOSYS));
	CHECK(fails_with(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0), ENOSYS));
	CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, STDIN_FILENO, 0) ==
		      MAP_FAILED &&
	      errno == ENOSYS);
	/* It may call larderd. */
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	(void)snprintf(local.sun_path, sizeof(local.sun_path), "%s/none", place->ours);
	CHECK(fails_with(connect(fd, (struct sockaddr *)&local, sizeof(local)), ENOENT));
	CHECK(fails_with(bind(fd, (struct sockaddr *)&local, sizeof(local)), ENOSYS));
}

static void the_web_side_has_no_file_and_no_network(void **state)
{
	assert_int_equal(outcome(be_the_web_side, *state), 0);
}

/* --- without --- */

static void do_without_landlock(const struct place *place)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int fd;

	/* As an older kernel answers. */
	CHECK(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS),
			       SCMP_SYS(landlock_create_ruleset), 0) == 0 &&
	      seccomp_load(filter) == 0);
	seccomp_release(filter);
	enter(place, SANDBOX_DAEMON);
	fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	(void)syscall(SYS_execve, NULL, NULL, NULL); /* the other half holds */
}

static void switch_off(const struct place *place)
{
	struct error err;

	CHECK(sandbox_enter(false, SANDBOX_WEB, NULL, &err) == 0);
	sandbox_end_listening();
	CHECK(open(place->other, O_RDONLY | O_CLOEXEC) >= 0);
}

static void ask_for_what_is_not_there(const struct place *place)
{
	const struct sandbox_folder writable[] = { { .path = "/no/such/folder",
						     .name = "THEIRS" } };
	const struct sandbox_files files = { .writable = writable, .n_writable = 1 };
	struct error err;

	(void)place;
	CHECK(sandbox_enter(true, SANDBOX_DAEMON, &files, &err) < 0);
	CHECK(strncmp(err.text, "THEIRS: /no/such/folder", 23) == 0);
}

static void a_kernel_without_landlock_is_no_reason_to_stop(void **state)
{
	assert_int_equal(outcome(do_without_landlock, *state), -SIGSYS);
}

static void off_is_off(void **state)
{
	assert_int_equal(outcome(switch_off, *state), 0);
}

static void a_folder_that_is_not_there_is_told(void **state)
{
	assert_int_equal(outcome(ask_for_what_is_not_there, *state), 0);
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_PLACE(the_daemon_has_its_folders_and_nothing_else),
		WITH_PLACE(a_file_that_is_replaced_is_still_read),
		WITH_PLACE(the_daemon_goes_out_and_lets_nobody_in),
		WITH_PLACE(memory_is_not_run_and_threads_are_no_processes),
		WITH_PLACE(what_only_an_intruder_does_is_the_end),
		WITH_PLACE(the_web_side_has_no_file_and_no_network),
		WITH_PLACE(a_kernel_without_landlock_is_no_reason_to_stop),
		WITH_PLACE(off_is_off),
		WITH_PLACE(a_folder_that_is_not_there_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
