#include "downloader/hook.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/error.h"
#include "common/log.h"
#include "downloader/hook_helper.h"

struct run {
	struct run *next;
	char *message;
	size_t n;
	hook_done_fn done;
	void *ctx;
};

struct hook {
	int fd; /* to the helper */
	struct event *event;
	struct run *first; /* the one that runs */
	struct run **last;
	bool is_lost;
};

int hook_check(const char *command, struct error *err)
{
	struct stat st;

	if (stat(command, &st) < 0)
		return error_set_errno(err, ERR_INVALID, "%s", command);
	if (!S_ISREG(st.st_mode) || access(command, X_OK) < 0)
		return error_set(err, ERR_INVALID, "%s: this cannot be run", command);
	return 0;
}

struct hook *hook_new(const struct hook_plan *plan, struct error *err)
{
	struct hook *hook;
	int fds[2];
	pid_t pid;

	if (hook_check(plan->command, err) < 0)
		return NULL;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0) {
		(void)error_set_errno(err, ERR_INTERNAL, "the helper of LARDER_HOOK_COMMAND");
		return NULL;
	}
	pid = fork();
	if (pid == 0) {
		(void)close(fds[0]);
		hook_helper(plan, fds[1]);
	}
	(void)close(fds[1]);
	if (pid < 0) {
		(void)close(fds[0]);
		(void)error_set_errno(err, ERR_INTERNAL, "the helper of LARDER_HOOK_COMMAND");
		return NULL;
	}
	/* Nobody waits for it: larderd may not, later. */
	(void)signal(SIGCHLD, SIG_IGN);
	hook = mem_alloc(sizeof(*hook));
	hook->fd = fds[0];
	hook->last = &hook->first;
	return hook;
}

static void send_first(struct hook *hook);

static void end_first(struct hook *hook, int status)
{
	struct run *run = hook->first;

	hook->first = run->next;
	if (hook->first == NULL)
		hook->last = &hook->first;
	run->done(run->ctx, status);
	free(run->message);
	free(run);
}

static void lose(struct hook *hook)
{
	if (!hook->is_lost)
		log_error(
			"the helper that runs LARDER_HOOK_COMMAND is gone; it comes back when "
			"larderd is begun anew");
	hook->is_lost = true;
	(void)event_del(hook->event);
	while (hook->first != NULL)
		end_first(hook, HOOK_LOST);
}

static void on_answer(evutil_socket_t fd, short what, void *arg)
{
	struct hook *hook = arg;
	int status = HOOK_LOST;

	(void)what;
	if (recv(fd, &status, sizeof(status), 0) != (ssize_t)sizeof(status) ||
	    hook->first == NULL) {
		lose(hook);
		return;
	}
	end_first(hook, status);
	if (hook->first != NULL)
		send_first(hook);
}

int hook_start(struct hook *hook, struct loop *loop, struct error *err)
{
	hook->event =
		event_new(loop_base(loop), hook->fd, EV_READ | EV_PERSIST, on_answer, hook);
	if (hook->event == NULL || event_add(hook->event, NULL) < 0)
		return error_set(err, ERR_INTERNAL, "the helper of LARDER_HOOK_COMMAND");
	return 0;
}

/* The helper reads nothing else meanwhile: there is room for one. */
static void send_first(struct hook *hook)
{
	const struct run *run = hook->first;

	if (send(hook->fd, run->message, run->n, MSG_NOSIGNAL) != (ssize_t)run->n)
		lose(hook);
}

void hook_run(struct hook *hook, const char *const *environment, const char *input,
	      hook_done_fn done, void *ctx)
{
	struct run *run = mem_alloc(sizeof(*run));
	bool is_first = hook->first == NULL;

	run->message = hook_message(environment, input, &run->n);
	if (run->n > HOOK_MESSAGE_MAX) { /* it is lost alone */
		free(run->message);
		free(run);
		done(ctx, HOOK_LOST);
		return;
	}
	run->done = done;
	run->ctx = ctx;
	*hook->last = run;
	hook->last = &run->next;
	if (hook->is_lost)
		lose(hook);
	else if (is_first)
		send_first(hook);
}

void hook_free(struct hook **hook)
{
	struct hook *h = *hook;
	struct run *run;

	*hook = NULL;
	if (h == NULL)
		return;
	if (h->event != NULL)
		event_free(h->event);
	while ((run = h->first) != NULL) {
		h->first = run->next;
		free(run->message);
		free(run);
	}
	(void)close(h->fd); /* its end, by which the helper ends */
	free(h);
}
