/* What reaches the event stream's socket, byte for byte. The first byte chooses how one comes
 * in. Held: whatever comes, what goes back is HTTP or nothing, and in password mode it is no
 * stream. */
#include "downloader/sse.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "common/unixsock.h"

enum {
	TURNS = 20, /* of the loop, after which what was to come has come */
	ANSWER_MAX = 64 * 1024,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct place {
	char path[64];
	struct loop *loop;
	struct events *events;
	struct auth *auth;
	struct sse *sse;
} places[2];

static void require(bool condition)
{
	if (!condition)
		abort();
}

static struct json_object *snapshot(void *ctx)
{
	(void)ctx;
	return json_object_new_object();
}

static void make(struct place *p, enum auth_mode mode)
{
	struct error err;
	struct sse_plan plan = { .base_path = "/hf",
				 .user_header = "Remote-User",
				 .snapshot = snapshot };

	(void)snprintf(p->path, sizeof(p->path), "/tmp/fuzz-sse-%d-%u", (int)getpid(), mode);
	p->loop = loop_new(&err);
	p->events = events_new();
	p->auth = auth_new(mode, S(""), &err);
	plan.loop = p->loop;
	plan.events = p->events;
	plan.auth = p->auth;
	p->sse = sse_new(&plan, unixsock_listen(p->path, 0600, &err), &err);
	require(p->sse != NULL);
	events_publish(p->events, "notice", json_object_new_object());
}

static void unmake(void)
{
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		sse_free(&places[i].sse);
		loop_drain(places[i].loop);
		events_free(&places[i].events);
		auth_free(&places[i].auth);
		loop_free(&places[i].loop);
		(void)unlink(places[i].path);
	}
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	require(sodium_init() >= 0 && signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	log_init("fuzz", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	make(&places[0], AUTH_NONE);
	make(&places[1], AUTH_PASSWORD);
	return atexit(unmake);
}

static void turn(struct place *p)
{
	(void)event_base_loop(loop_base(p->loop), EVLOOP_NONBLOCK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char answer[ANSWER_MAX];
	struct place *p = &places[size > 0 ? data[0] % ARRAY_LEN(places) : 0];
	struct error err;
	size_t n = 0;
	int fd;

	if (size == 0)
		return 0;
	fd = unixsock_connect(p->path, 1000, &err);
	if (fd < 0) {
		/* Those that have left are forgotten with the next tick, a second later. */
		(void)event_base_loop(loop_base(p->loop), EVLOOP_ONCE);
		return 0;
	}
	require(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
	(void)send(fd, data + 1, size - 1, MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
	for (unsigned i = 0; i < TURNS; i++) {
		ssize_t got;

		turn(p);
		got = recv(fd, answer + n, sizeof(answer) - n, 0);
		n += got > 0 ? (size_t)got : 0;
	}
	(void)close(fd);
	for (unsigned i = 0; i < TURNS; i++)
		turn(p);
	require(n == 0 || (n > 9 && memcmp(answer, "HTTP/", 5) == 0));
	if (p == &places[1] && n > 0)
		require(memmem(answer, n, "text/event-stream", 17) == NULL);
	require(sse_clients(p->sse) == 0);
	return 0;
}
