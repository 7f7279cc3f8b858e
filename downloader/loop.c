#include "downloader/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/thread.h>

#include "common/error.h"

struct loop {
	struct event_base *base;
	struct event *wake;
	int wake_fd;
	pthread_mutex_t lock; /* guards first and last */
	struct loop_message *first;
	struct loop_message **last;
};

struct loop_timer {
	struct event *event;
	void (*fn)(void *ctx);
	void *ctx;
};

struct deferred {
	struct loop_message message;
	void (*fn)(void *ctx);
	void *ctx;
};

static struct loop_message *take_all(struct loop *loop)
{
	struct loop_message *first;

	(void)pthread_mutex_lock(&loop->lock);
	first = loop->first;
	loop->first = NULL;
	loop->last = &loop->first;
	(void)pthread_mutex_unlock(&loop->lock);
	return first;
}

/* False when there was none. */
static bool run_all(struct loop *loop)
{
	struct loop_message *message = take_all(loop);
	bool is_any = message != NULL;

	while (message != NULL) {
		struct loop_message *next = message->next;

		message->fn(message);
		message = next;
	}
	return is_any;
}

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
	uint64_t count;
	ssize_t ignored = read(fd, &count, sizeof(count));

	(void)ignored;
	(void)what;
	(void)run_all(arg);
}

struct loop *loop_new(struct error *err)
{
	struct loop *loop = mem_alloc(sizeof(*loop));

	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->base = event_base_new();
	if (loop->wake_fd < 0 || loop->base == NULL) {
		(void)error_set_errno(err, ERR_INTERNAL, "the event loop");
		free(loop);
		return NULL;
	}
	(void)pthread_mutex_init(&loop->lock, NULL);
	loop->last = &loop->first;
	loop->wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
	(void)event_add(loop->wake, NULL);
	return loop;
}

void loop_drain(struct loop *loop)
{
	while (run_all(loop))
		;
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;

	if (l == NULL)
		return;
	event_free(l->wake);
	event_base_free(l->base);
	(void)close(l->wake_fd);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
	*loop = NULL;
}

void loop_run(struct loop *loop)
{
	(void)event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_stop(struct loop *loop)
{
	(void)event_base_loopbreak(loop->base);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}

void loop_post(struct loop *loop, struct loop_message *message)
{
	static const uint64_t one = 1;
	bool is_first;
	ssize_t ignored;

	message->next = NULL;
	(void)pthread_mutex_lock(&loop->lock);
	is_first = loop->first == NULL;
	*loop->last = message;
	loop->last = &message->next;
	(void)pthread_mutex_unlock(&loop->lock);
	if (!is_first)
		return; /* the first one's wake is for all that are there when it is heard */
	ignored = write(loop->wake_fd, &one, sizeof(one));
	(void)ignored; /* a full counter wakes the loop just as well */
}

static void run_deferred(struct loop_message *message)
{
	struct deferred *deferred = (struct deferred *)message;

	deferred->fn(deferred->ctx);
	free(deferred);
}

void loop_defer(struct loop *loop, void (*fn)(void *ctx), void *ctx)
{
	struct deferred *deferred = mem_alloc(sizeof(*deferred));

	deferred->message.fn = run_deferred;
	deferred->fn = fn;
	deferred->ctx = ctx;
	loop_post(loop, &deferred->message);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct loop_timer *timer = arg;

	(void)fd;
	(void)what;
	timer->fn(timer->ctx);
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *ctx), void *ctx)
{
	struct loop_timer *timer = mem_alloc(sizeof(*timer));

	timer->fn = fn;
	timer->ctx = ctx;
	timer->event = event_new(loop->base, -1, 0, on_timer, timer);
	return timer;
}

void loop_timer_free(struct loop_timer **timer)
{
	if (*timer == NULL)
		return;
	event_free((*timer)->event);
	free(*timer);
	*timer = NULL;
}

void loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms)
{
	struct timeval delay = { .tv_sec = (time_t)(delay_ms / 1000),
				 .tv_usec = (suseconds_t)(delay_ms % 1000) * 1000 };

	(void)event_add(timer->event, &delay);
}

void loop_timer_stop(struct loop_timer *timer)
{
	(void)event_del(timer->event);
}
