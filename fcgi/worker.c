#include "fcgi/worker.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/log.h"

enum {
	IO_TIMEOUT_S = 20,
	BODY_TIMEOUT_MS = 10 * 1000, /* for all of a body */
};

struct workers {
	const struct app *app;
	int listen_fd;
	int stop_fd; /* an eventfd, readable for good once the workers are to stop */
	size_t n;
	pthread_t *threads;
};

/* A request that is being read. */
struct reading {
	FCGX_Request *req;
	uint64_t until_ms; /* by the steady clock */
};

static const char *variable(void *ctx, const char *name)
{
	const struct reading *reading = ctx;

	return FCGX_GetParam(name, reading->req->envp);
}

/* Waits for one byte and takes what has come with it: libfcgi would wait until `room` is full,
 * however slowly that happens, and the web server may hand a body on as it comes. */
static size_t read_body(void *ctx, char *to, size_t room)
{
	const struct reading *reading = ctx;
	FCGX_Stream *in = reading->req->in;
	size_t n;
	int more;

	if (room == 0 || clock_steady_ms() >= reading->until_ms || FCGX_GetStr(to, 1, in) != 1)
		return 0;
	n = (size_t)(in->stop - in->rdNext);
	if (n > room - 1)
		n = room - 1;
	more = n > 0 ? FCGX_GetStr(to + 1, (int)n, in) : 0;
	return 1 + (more > 0 ? (size_t)more : 0);
}

static void write_response(FCGX_Stream *out, const struct response *response, bool is_head)
{
	size_t n = response->body != NULL ? strlen(response->body) : 0;

	(void)FCGX_FPrintF(out, "Status: %d %s\r\n", response->status,
			   response_reason(response->status));
	(void)FCGX_PutS("Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n", out);
	if (response->allow[0] != '\0')
		(void)FCGX_FPrintF(out, "Allow: %s\r\n", response->allow);
	if (response->status == 401)
		(void)FCGX_PutS("WWW-Authenticate: Bearer\r\n", out);
	if (response->cookie != NULL)
		(void)FCGX_FPrintF(out, "Set-Cookie: %s\r\n", response->cookie);
	if (response->limit_requests > 0)
		(void)FCGX_FPrintF(out,
				   "RateLimit-Policy: \"default\";q=%u;w=%u\r\n"
				   "RateLimit: \"default\";r=%u\r\n",
				   response->limit_requests, response->limit_window_s,
				   response->limit_remaining);
	if (response->retry_after_s > 0)
		(void)FCGX_FPrintF(out, "Retry-After: %u\r\n", response->retry_after_s);
	if (response->content_type != NULL)
		(void)FCGX_FPrintF(out,
				   "Content-Type: %s; charset=utf-8\r\nContent-Length: %lu\r\n",
				   response->content_type, (unsigned long)n);
	(void)FCGX_PutS("\r\n", out);
	for (size_t at = 0; !is_head && at < n;) {
		enum {
			PIECE_MAX = 1024 * 1024
		};
		size_t left = n - at;
		int wrote = FCGX_PutStr(response->body + at,
					(int)(left < PIECE_MAX ? left : PIECE_MAX), out);

		if (wrote <= 0)
			return; /* the web server has hung up */
		at += (size_t)wrote;
	}
}

static void serve(struct workers *workers, FCGX_Request *req)
{
	struct reading reading = { .req = req,
				   .until_ms = clock_steady_ms() + BODY_TIMEOUT_MS };
	struct request_input input = { .variable = variable,
				       .read = read_body,
				       .ctx = &reading };
	struct response response = { .status = 500 };
	bool is_head = false;

	app_serve(workers->app, &input, &response, &is_head);
	write_response(req->out, &response, is_head);
	response_clear(&response);
	FCGX_Finish_r(req);
}

/* Waits for a request or for the end: false at the end. */
static bool wait_for_request(const struct workers *workers)
{
	struct pollfd fds[] = {
		{ .fd = workers->stop_fd, .events = POLLIN },
		{ .fd = workers->listen_fd, .events = POLLIN },
	};

	for (;;) {
		int n = poll(fds, ARRAY_LEN(fds), -1);

		if (n < 0 && errno != EINTR)
			return false;
		if (n > 0 && fds[0].revents != 0)
			return false;
		if (n > 0 && fds[1].revents != 0)
			return true;
	}
}

/* A web server that neither sends nor reads must not hold a worker for ever. */
static void limit_waiting(int fd)
{
	static const struct timeval limit = { .tv_sec = IO_TIMEOUT_S };

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

static void *work(void *arg)
{
	struct workers *workers = arg;
	FCGX_Request req;

	if (FCGX_InitRequest(&req, workers->listen_fd, FCGI_FAIL_ACCEPT_ON_INTR) != 0) {
		log_error("libfcgi does not start");
		return NULL;
	}
	while (wait_for_request(workers)) {
		/* Another worker may have been faster: then the accept fails, harmlessly. */
		if (FCGX_Accept_r(&req) == 0) {
			limit_waiting(req.ipcFd);
			serve(workers, &req);
		}
	}
	FCGX_Free(&req, 1);
	return NULL;
}

struct workers *workers_start(const struct app *app, int take_fd, size_t n, struct error *err)
{
	struct workers *workers = mem_alloc(sizeof(*workers));

	workers->app = app;
	workers->listen_fd = take_fd;
	workers->stop_fd = eventfd(0, EFD_CLOEXEC);
	workers->threads = mem_array(n, sizeof(*workers->threads));
	if (FCGX_Init() != 0 || workers->stop_fd < 0) {
		(void)error_set(err, ERR_INTERNAL, "libfcgi does not start");
		workers_free(&workers);
		return NULL;
	}
	while (workers->n < n) {
		errno = pthread_create(&workers->threads[workers->n], NULL, work, workers);
		if (errno != 0) {
			(void)error_set_errno(err, ERR_INTERNAL, "a worker thread");
			workers_free(&workers);
			return NULL;
		}
		workers->n++;
	}
	return workers;
}

void workers_free(struct workers **workers)
{
	static const uint64_t one = 1;
	struct workers *w = *workers;
	ssize_t ignored;

	if (w == NULL)
		return;
	ignored = write(w->stop_fd, &one, sizeof(one));
	(void)ignored;
	for (size_t i = 0; i < w->n; i++)
		(void)pthread_join(w->threads[i], NULL);
	fd_close(&w->listen_fd);
	fd_close(&w->stop_fd);
	free(w->threads);
	free(w);
	*workers = NULL;
}
