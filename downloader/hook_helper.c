#include "downloader/hook_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/error.h"
#include "common/folder.h"
#include "common/log.h"
#include "common/sandbox.h"

enum {
	EXIT_NOT_RUN = 126, /* as a shell has it */
	OPEN_FILES = 256,
	PROCESSES = 256,
};

char *hook_message(const char *const *environment, const char *input, size_t *ret_n)
{
	AUTO(buf) b = buf_new((size_t)4 * HOOK_MESSAGE_MAX);

	for (size_t i = 0; environment[i] != NULL; i++) {
		buf_add(b, str_from(environment[i]));
		buf_add_char(b, '\0');
	}
	buf_add_char(b, '\0');
	buf_add(b, str_from(input));
	buf_add_char(b, '\0');
	/* One that is too long is refused by its length. */
	*ret_n = buf_is_overflown(b) ? HOOK_MESSAGE_MAX + 1 : buf_str(b).n;
	return buf_take(b);
}

int hook_read_message(char *message, size_t size, char **ret_environment, size_t n,
		      const char **ret_input)
{
	size_t at = 0;
	size_t i = 0;

	if (size < 2 || message[size - 1] != '\0')
		return -1;
	while (at < size && message[at] != '\0') {
		if (i + 1 >= n)
			return -1;
		ret_environment[i++] = message + at;
		at += strlen(message + at) + 1;
	}
	ret_environment[i] = NULL;
	if (at + 1 >= size)
		return -1;
	*ret_input = message + at + 1;
	return 0;
}

/* --- the command's own process --- */

static void set_limit(int what, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit(what, &limit) == 0 && limit.rlim_max > most) {
		limit = (struct rlimit){ .rlim_cur = most, .rlim_max = most };
		(void)setrlimit(what, &limit);
	}
}

/* A file in memory that is read from its beginning. */
static int input_fd(const char *input)
{
	int fd = memfd_create("input", 0);
	size_t n = strlen(input);

	if (fd < 0 || write(fd, input, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0)
		_exit(EXIT_NOT_RUN);
	return fd;
}

static void confine(const struct hook_plan *plan)
{
	AUTO_CSTR own = folder_above(plan->command);
	const struct sandbox_folder writable[] = {
		{ .path = "/tmp", .name = "/tmp" },
		{ .path = "/dev/null", .name = "/dev/null" },
	};
	const char *const readable[] = { "/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc",
					 "/opt", "/proc", "/dev",
					 /* where names are resolved */
					 "/run/systemd/resolve", "/run/resolvconf",
					 "/run/NetworkManager", plan->models_dir, own };
	const struct sandbox_files files = { .writable = writable,
					     .n_writable = ARRAY_LEN(writable),
					     .readable = readable,
					     .n_readable = ARRAY_LEN(readable) };
	struct error err;

	if (sandbox_confine(&files, &err) < 0) {
		log_error("LARDER_HOOK_COMMAND: %s", err.text);
		_exit(EXIT_NOT_RUN);
	}
}

static _Noreturn void become_command(const struct hook_plan *plan, char **environment,
				     const char *input)
{
	char *arguments[] = { (char *)(uintptr_t)plan->command, NULL };
	sigset_t none;
	int fd = input_fd(input);

	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	set_limit(RLIMIT_NOFILE, OPEN_FILES);
	set_limit(RLIMIT_NPROC, PROCESSES);
	set_limit(RLIMIT_CORE, 0);
	if (dup2(fd, STDIN_FILENO) < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0 ||
	    chdir("/") < 0)
		_exit(EXIT_NOT_RUN);
	confine(plan);
	(void)close_range(STDERR_FILENO + 1, ~0U, 0);
	(void)execve(plan->command, arguments, environment);
	log_error("LARDER_HOOK_COMMAND: %s: %s", plan->command, strerror(errno));
	_exit(EXIT_NOT_RUN);
}

/* --- the helper --- */

/* SIGCHLD is blocked: it wakes sigtimedwait(2). */
static int wait_for(pid_t pid, uint64_t limit_s)
{
	uint64_t until_ms = clock_steady_ms() + limit_s * 1000;
	sigset_t child;
	int status = 0;

	(void)sigemptyset(&child);
	(void)sigaddset(&child, SIGCHLD);
	while (waitpid(pid, &status, WNOHANG) != pid) {
		uint64_t now_ms = clock_steady_ms();
		uint64_t left_ms = until_ms > now_ms ? until_ms - now_ms : 0;
		struct timespec left = { .tv_sec = (time_t)(left_ms / 1000),
					 .tv_nsec = (long)(left_ms % 1000) * 1000000 };

		if (left_ms == 0) {
			(void)kill(-pid, SIGKILL);
			(void)kill(pid, SIGKILL); /* should it not have its own session yet */
			(void)waitpid(pid, &status, 0);
			return HOOK_LATE;
		}
		(void)sigtimedwait(&child, NULL, &left);
	}
	(void)kill(-pid, SIGKILL); /* what it has left behind */
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int run_once(const struct hook_plan *plan, char *message, size_t n)
{
	char *environment[HOOK_VARIABLES_MAX + 1];
	const char *input;
	pid_t pid;

	if (hook_read_message(message, n, environment, ARRAY_LEN(environment), &input) < 0)
		return HOOK_LOST;
	pid = fork();
	if (pid < 0)
		return HOOK_LOST;
	if (pid == 0)
		become_command(plan, environment, input);
	return wait_for(pid, plan->limit_s);
}

_Noreturn void hook_helper(const struct hook_plan *plan, int fd)
{
	AUTO_CSTR message = mem_alloc(HOOK_MESSAGE_MAX + 1);
	sigset_t blocked;

	/* Ctrl-C is larderd's: it ends this by closing the socket. */
	(void)setsid();
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigemptyset(&blocked);
	(void)sigaddset(&blocked, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &blocked, NULL);
	(void)prctl(PR_SET_NAME, "larderd-hook", 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* Sockets that a service manager has given to larderd are none of ours. */
	if (dup2(fd, STDERR_FILENO + 1) < 0)
		_exit(1);
	fd = STDERR_FILENO + 1;
	(void)close_range((unsigned)fd + 1, ~0U, 0);
	for (;;) {
		ssize_t n = recv(fd, message, HOOK_MESSAGE_MAX, 0);
		int status;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			_exit(0);
		status = run_once(plan, message, (size_t)n);
		if (send(fd, &status, sizeof(status), MSG_NOSIGNAL) < 0)
			_exit(0);
	}
}
