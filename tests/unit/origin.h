/*
 * A server of one file's bytes on 127.0.0.1 that serves many connections at once, each in a
 * thread of its own, and keeps them alive: what a CDN is to the lanes. A function of the test's
 * says what becomes of each request. (answerer.h is the one for scripted answers, one after
 * the other.)
 */
#ifndef TESTS_UNIT_ORIGIN_H
#define TESTS_UNIT_ORIGIN_H

#include <linux/sockios.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include "tests/unit/answerer.h"

enum {
	ORIGIN_PEERS_MAX = 1024, /* in a life */
	ORIGIN_SEEN_MAX = 2048,
};

struct origin_request {
	size_t n; /* requests that came before */
	uint64_t first;
	uint64_t end;
	size_t connection; /* counted from 0 */
};

enum origin_end {
	ORIGIN_GOES_ON,
	ORIGIN_BREAKS,
	ORIGIN_HOLDS, /* until origin_release(), or the peer hangs up */
};

/* All zero: as it should be. */
struct origin_answer {
	const char *status; /* instead of the bytes: "403 Forbidden" */
	bool is_whole;      /* the range is ignored */
	enum origin_end end;
	uint64_t after;   /* so many bytes of the body */
	uint64_t spoiled; /* the byte at this offset of the file is another; 0: none */
};

struct origin {
	int listener;
	int gate; /* readable when held answers go on */
	int slit; /* of them, so many as it holds */
	uint16_t port;
	pthread_t thread;
	struct str content;
	/* On the connection's thread, one at a time. */
	void (*decide)(void *ctx, const struct origin_request *request,
		       struct origin_answer *ret);
	void *ctx;

	pthread_mutex_t lock; /* guards all below */
	struct origin_request seen[ORIGIN_SEEN_MAX];
	size_t n_seen;
	size_t n_active; /* answers under way */
	size_t most_active;
	size_t n_held;
	struct origin_peer {
		struct origin *origin;
		pthread_t thread;
		int fd;
		size_t n;
	} peers[ORIGIN_PEERS_MAX];
	size_t n_peers;
	bool is_stopping;
};

/* False when the connection is over. */
static inline bool origin_hold(struct origin *o, int fd)
{
	struct pollfd polled[] = { { .fd = fd, .events = POLLIN | POLLRDHUP },
				   { .fd = o->gate, .events = POLLIN },
				   { .fd = o->slit, .events = POLLIN } };
	eventfd_t one;

	(void)pthread_mutex_lock(&o->lock);
	o->n_held++;
	(void)pthread_mutex_unlock(&o->lock);
	do
		(void)poll(polled, ARRAY_LEN(polled), -1);
	while (polled[0].revents == 0 && polled[1].revents == 0 &&
	       eventfd_read(o->slit, &one) != 0);
	(void)pthread_mutex_lock(&o->lock);
	o->n_held--;
	(void)pthread_mutex_unlock(&o->lock);
	return polled[0].revents == 0;
}

static inline bool origin_send_body(struct origin *o, int fd, uint64_t first, uint64_t end,
				    uint64_t spoiled)
{
	struct str bytes = str_sub(o->content, (size_t)first, (size_t)end);
	char wrong;

	if (spoiled == 0 || spoiled < first || spoiled >= end)
		return answerer_send(fd, bytes);
	wrong = (char)~o->content.p[spoiled];
	return answerer_send(fd, str_sub(bytes, 0, (size_t)(spoiled - first))) &&
	       answerer_send(fd, (struct str){ &wrong, 1 }) &&
	       answerer_send(fd, str_sub(bytes, (size_t)(spoiled - first) + 1, bytes.n));
}

/* False when the connection is over. */
static inline bool origin_answer(struct origin *o, int fd, const struct origin_request *request,
				 const struct origin_answer *answer)
{
	uint64_t first = answer->is_whole ? 0 : request->first;
	uint64_t end = answer->is_whole ? o->content.n : request->end;
	uint64_t stop = first + (answer->after < end - first ? answer->after : end - first);
	AUTO_CSTR head = NULL;

	if (answer->status != NULL)
		head = mem_printf("HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", answer->status);
	else if (answer->is_whole)
		head = mem_printf("HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
				  o->content.n);
	else
		head = mem_printf("HTTP/1.1 206 Partial Content\r\nContent-Length: %llu\r\n"
				  "Content-Range: bytes %llu-%llu/%zu\r\n\r\n",
				  (unsigned long long)(end - first), (unsigned long long)first,
				  (unsigned long long)end - 1, o->content.n);
	if (!answerer_send(fd, str_from(head)))
		return false;
	if (answer->status != NULL)
		return true;
	if (answer->end == ORIGIN_GOES_ON)
		return origin_send_body(o, fd, first, end, answer->spoiled);
	if (!origin_send_body(o, fd, first, stop, answer->spoiled) ||
	    answer->end == ORIGIN_BREAKS || !origin_hold(o, fd))
		return false;
	return origin_send_body(o, fd, stop, end, answer->spoiled);
}

static inline struct origin_answer origin_note(struct origin *o, struct origin_request *request)
{
	struct origin_answer answer = { .status = NULL };

	(void)pthread_mutex_lock(&o->lock);
	request->n = o->n_seen;
	if (o->n_seen == ORIGIN_SEEN_MAX)
		abort();
	o->seen[o->n_seen++] = *request;
	if (o->decide != NULL)
		o->decide(o->ctx, request, &answer);
	o->n_active++;
	if (o->n_active > o->most_active)
		o->most_active = o->n_active;
	(void)pthread_mutex_unlock(&o->lock);
	return answer;
}

static inline void *origin_serve(void *arg)
{
	struct origin_peer *peer = arg;
	struct origin *o = peer->origin;
	char head[ANSWERER_REQUEST_MAX];
	bool goes_on = true;

	while (goes_on && answerer_read_head(peer->fd, head)) {
		struct origin_request request = { .end = o->content.n, .connection = peer->n };
		struct origin_answer answer;
		char range[64];
		unsigned long long first;
		unsigned long long last;

		answerer_header(head, "\r\nRange: ", range, sizeof(range));
		if (sscanf(range, "bytes=%llu-%llu", &first, &last) == 2) {
			request.first = first;
			request.end = last + 1;
		}
		answer = origin_note(o, &request);
		goes_on = origin_answer(o, peer->fd, &request, &answer);
		(void)pthread_mutex_lock(&o->lock);
		o->n_active--;
		(void)pthread_mutex_unlock(&o->lock);
	}
	(void)shutdown(peer->fd, SHUT_RDWR); /* closed by origin_stop() */
	return NULL;
}

static inline void *origin_accept(void *arg)
{
	struct origin *o = arg;

	for (;;) {
		int fd = accept4(o->listener, NULL, NULL, SOCK_CLOEXEC);
		struct origin_peer *peer;

		if (fd < 0)
			return NULL;
		(void)pthread_mutex_lock(&o->lock);
		if (o->n_peers == ORIGIN_PEERS_MAX)
			abort();
		peer = &o->peers[o->n_peers];
		*peer = (struct origin_peer){ .origin = o, .fd = fd, .n = o->n_peers };
		o->n_peers++;
		if (o->is_stopping)
			(void)shutdown(fd, SHUT_RDWR);
		if (pthread_create(&peer->thread, NULL, origin_serve, peer) != 0)
			abort();
		(void)pthread_mutex_unlock(&o->lock);
	}
}

/* `content` is borrowed; `decide` may be NULL. */
static inline struct origin *origin_start(struct str content,
					  void (*decide)(void *, const struct origin_request *,
							 struct origin_answer *),
					  void *ctx)
{
	struct origin *o = mem_alloc(sizeof(*o));
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	o->content = content;
	o->decide = decide;
	o->ctx = ctx;
	o->gate = eventfd(0, EFD_CLOEXEC);
	o->slit = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	o->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)pthread_mutex_init(&o->lock, NULL);
	if (o->gate < 0 || o->slit < 0 || o->listener < 0 ||
	    bind(o->listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(o->listener, 64) < 0 ||
	    getsockname(o->listener, (struct sockaddr *)&address, &size) < 0)
		abort();
	o->port = ntohs(address.sin_port);
	if (pthread_create(&o->thread, NULL, origin_accept, o) != 0)
		abort();
	return o;
}

/* Held answers go on, now and from now on. */
static inline void origin_release(struct origin *o)
{
	if (eventfd_write(o->gate, 1) != 0)
		abort();
}

/* One of them goes on. */
static inline void origin_release_one(struct origin *o)
{
	if (eventfd_write(o->slit, 1) != 0)
		abort();
}

static inline void origin_stop(struct origin **origin)
{
	struct origin *o = *origin;

	(void)pthread_mutex_lock(&o->lock);
	o->is_stopping = true;
	for (size_t i = 0; i < o->n_peers; i++)
		(void)shutdown(o->peers[i].fd, SHUT_RDWR);
	(void)pthread_mutex_unlock(&o->lock);
	origin_release(o);
	(void)shutdown(o->listener, SHUT_RDWR); /* wakes accept */
	(void)pthread_join(o->thread, NULL);
	for (size_t i = 0; i < o->n_peers; i++) {
		(void)pthread_join(o->peers[i].thread, NULL);
		(void)close(o->peers[i].fd);
	}
	(void)close(o->listener);
	(void)close(o->gate);
	(void)close(o->slit);
	(void)pthread_mutex_destroy(&o->lock);
	free(o);
	*origin = NULL;
}

/* The address of `target`, to free. */
static inline char *origin_url(const struct origin *o, const char *target)
{
	return mem_printf("http://127.0.0.1:%u%s", o->port, target);
}

static inline size_t origin_count(struct origin *o, const size_t *which)
{
	size_t n;

	(void)pthread_mutex_lock(&o->lock);
	n = *which;
	(void)pthread_mutex_unlock(&o->lock);
	return n;
}

static inline size_t origin_requests(struct origin *o)
{
	return origin_count(o, &o->n_seen);
}

static inline size_t origin_connections(struct origin *o)
{
	return origin_count(o, &o->n_peers);
}

static inline size_t origin_held(struct origin *o)
{
	return origin_count(o, &o->n_held);
}

/* Bytes that were sent and have not come to the peers' systems yet. */
static inline size_t origin_unacknowledged(struct origin *o)
{
	size_t sum = 0;

	(void)pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < o->n_peers; i++) {
		int n = 0;

		if (ioctl(o->peers[i].fd, SIOCOUTQ, &n) != 0)
			abort();
		sum += (size_t)n;
	}
	(void)pthread_mutex_unlock(&o->lock);
	return sum;
}

/* The nth request, which has come. */
static inline struct origin_request origin_request(struct origin *o, size_t n)
{
	struct origin_request request;

	(void)pthread_mutex_lock(&o->lock);
	if (n >= o->n_seen)
		abort();
	request = o->seen[n];
	(void)pthread_mutex_unlock(&o->lock);
	return request;
}

#endif
