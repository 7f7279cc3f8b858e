/*
 * A scripted HTTP server on 127.0.0.1, in a thread of its own: rules say what is answered to a
 * request whose target begins with the rule's; of several the first with uses left counts.
 * Connections are served one after the other and closed after one answer. Every request is
 * remembered.
 */
#ifndef TESTS_UNIT_ANSWERER_H
#define TESTS_UNIT_ANSWERER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base.h"

enum {
	ANSWERER_RULES_MAX = 64,
	ANSWERER_SEEN_MAX = 512,
	ANSWERER_REQUEST_MAX = 8192,
};

struct answerer_rule {
	const char *target; /* the request's begins with it */
	const char *status; /* "200 OK" */
	char *headers;      /* each with its CRLF; freed by the answerer; NULL: none */
	struct str body;    /* borrowed */
	unsigned times;     /* uses; 0: any number */
	bool is_ranged;     /* answers a range with 206 and its part of the body */
	bool is_lengthless; /* no Content-Length: the end of the connection is the body's */
	bool is_held;       /* waits for the peer to hang up before it closes */
	bool is_gated;      /* answered only after answerer_open() */
	size_t cut;         /* of the body's bytes only so many are sent; 0: all */
};

struct answerer_seen {
	char target[1024];
	char authorization[256]; /* "" where absent, here and below */
	char range[64];
	char encoding[64];
};

struct answerer {
	int listener;
	uint16_t port;
	pthread_t thread;
	pthread_cond_t opening;
	pthread_mutex_t lock; /* guards all below */
	struct answerer_rule rules[ANSWERER_RULES_MAX];
	unsigned used[ANSWERER_RULES_MAX];
	size_t n_rules;
	struct answerer_seen seen[ANSWERER_SEEN_MAX];
	size_t n_seen;
	int peer;
	bool is_open;
	bool is_stopping;
};

static inline void answerer_header(const char *head, const char *name, char *ret, size_t room)
{
	const char *at = strcasestr(head, name);
	size_t n;

	ret[0] = '\0';
	if (at == NULL)
		return;
	at += strlen(name);
	n = strcspn(at, "\r\n");
	(void)snprintf(ret, room, "%.*s", (int)n, at);
}

static inline bool answerer_read_head(int fd, char head[ANSWERER_REQUEST_MAX])
{
	size_t used = 0;

	while (used < ANSWERER_REQUEST_MAX - 1) {
		ssize_t n = recv(fd, head + used, ANSWERER_REQUEST_MAX - 1 - used, 0);

		if (n <= 0)
			return false;
		used += (size_t)n;
		head[used] = '\0';
		if (strstr(head, "\r\n\r\n") != NULL)
			return true;
	}
	return false;
}

static inline bool answerer_send(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);

		if (n <= 0)
			return false;
		bytes = str_sub(bytes, (size_t)n, bytes.n);
	}
	return true;
}

/* Remembers the request and copies the rule for it; false when there is none. */
static inline bool answerer_choose(struct answerer *a, const char *head,
				   struct answerer_seen *ret_seen, struct answerer_rule *ret)
{
	struct answerer_seen seen = { .target = "" };
	const char *from = strchr(head, ' ');
	bool found = false;

	if (from != NULL)
		(void)snprintf(seen.target, sizeof(seen.target), "%.*s",
			       (int)strcspn(from + 1, " "), from + 1);
	answerer_header(head, "\r\nAuthorization: ", seen.authorization,
			sizeof(seen.authorization));
	answerer_header(head, "\r\nRange: ", seen.range, sizeof(seen.range));
	answerer_header(head, "\r\nAccept-Encoding: ", seen.encoding, sizeof(seen.encoding));
	(void)pthread_mutex_lock(&a->lock);
	if (a->n_seen < ANSWERER_SEEN_MAX)
		a->seen[a->n_seen++] = seen;
	for (size_t i = 0; i < a->n_rules && !found; i++) {
		const struct answerer_rule *rule = &a->rules[i];

		if (!str_has_prefix(str_from(seen.target), str_from(rule->target)) ||
		    (rule->times > 0 && a->used[i] >= rule->times))
			continue;
		a->used[i]++;
		*ret = *rule;
		found = true;
	}
	(void)pthread_mutex_unlock(&a->lock);
	*ret_seen = seen;
	return found;
}

static inline void answerer_answer(int fd, const struct answerer_seen *seen,
				   const struct answerer_rule *rule)
{
	unsigned long long first = 0;
	unsigned long long last = 0;
	const char *status = rule->status;
	struct str body = rule->body;
	AUTO_CSTR range = NULL;
	AUTO_CSTR length = NULL;
	AUTO_CSTR head = NULL;
	char byte;

	if (rule->is_ranged && sscanf(seen->range, "bytes=%llu-%llu", &first, &last) == 2) {
		range = mem_printf("Content-Range: bytes %llu-%llu/%zu\r\n", first, last,
				   body.n);
		body = str_sub(body, (size_t)first, (size_t)last + 1);
		status = "206 Partial Content";
	}
	if (!rule->is_lengthless)
		length = mem_printf("Content-Length: %zu\r\n", body.n);
	head = mem_printf("HTTP/1.1 %s\r\nConnection: close\r\n%s%s%s\r\n", status,
			  range != NULL ? range : "", length != NULL ? length : "",
			  rule->headers != NULL ? rule->headers : "");
	if (rule->cut > 0)
		body = str_sub(body, 0, rule->cut);
	if (answerer_send(fd, str_from(head)) && answerer_send(fd, body) && rule->is_held)
		(void)recv(fd, &byte, 1, 0);
}

static inline void answerer_wait_open(struct answerer *a)
{
	(void)pthread_mutex_lock(&a->lock);
	while (!a->is_open && !a->is_stopping)
		(void)pthread_cond_wait(&a->opening, &a->lock);
	(void)pthread_mutex_unlock(&a->lock);
}

static inline void *answerer_work(void *arg)
{
	struct answerer *a = arg;

	for (;;) {
		char head[ANSWERER_REQUEST_MAX];
		struct answerer_rule rule = { .status = "404 Not Found" };
		struct answerer_seen seen;
		int fd = accept4(a->listener, NULL, NULL, SOCK_CLOEXEC);
		bool is_stopping;

		(void)pthread_mutex_lock(&a->lock);
		a->peer = fd;
		is_stopping = a->is_stopping;
		(void)pthread_mutex_unlock(&a->lock);
		if (!is_stopping && fd >= 0 && answerer_read_head(fd, head)) {
			(void)answerer_choose(a, head, &seen, &rule);
			if (rule.is_gated)
				answerer_wait_open(a);
			answerer_answer(fd, &seen, &rule);
		}
		(void)pthread_mutex_lock(&a->lock);
		a->peer = -1;
		is_stopping = a->is_stopping;
		(void)pthread_mutex_unlock(&a->lock);
		if (fd >= 0)
			(void)close(fd);
		if (is_stopping || fd < 0)
			return NULL;
	}
}

static inline struct answerer *answerer_start(void)
{
	struct answerer *a = mem_alloc(sizeof(*a));
	struct sockaddr_in address = { .sin_family = AF_INET };
	socklen_t size = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a->peer = -1;
	a->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->opening, NULL);
	if (a->listener < 0 || bind(a->listener, (struct sockaddr *)&address, size) < 0 ||
	    listen(a->listener, 64) < 0 ||
	    getsockname(a->listener, (struct sockaddr *)&address, &size) < 0)
		abort();
	a->port = ntohs(address.sin_port);
	if (pthread_create(&a->thread, NULL, answerer_work, a) != 0)
		abort();
	return a;
}

static inline void answerer_stop(struct answerer **answerer)
{
	struct answerer *a = *answerer;

	(void)pthread_mutex_lock(&a->lock);
	a->is_stopping = true;
	if (a->peer >= 0)
		(void)shutdown(a->peer, SHUT_RDWR);
	(void)pthread_cond_broadcast(&a->opening);
	(void)pthread_mutex_unlock(&a->lock);
	(void)shutdown(a->listener, SHUT_RDWR); /* wakes accept */
	(void)pthread_join(a->thread, NULL);
	(void)close(a->listener);
	for (size_t i = 0; i < a->n_rules; i++)
		free(a->rules[i].headers);
	(void)pthread_cond_destroy(&a->opening);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
	*answerer = NULL;
}

/* More bytes of the answer that is held now. */
static inline void answerer_send_more(struct answerer *a, struct str bytes)
{
	(void)pthread_mutex_lock(&a->lock);
	if (a->peer >= 0)
		(void)answerer_send(a->peer, bytes);
	(void)pthread_mutex_unlock(&a->lock);
}

/* `rule.headers` is consumed. */
static inline void answerer_add(struct answerer *a, struct answerer_rule rule)
{
	(void)pthread_mutex_lock(&a->lock);
	if (a->n_rules == ANSWERER_RULES_MAX)
		abort();
	a->rules[a->n_rules++] = rule;
	(void)pthread_mutex_unlock(&a->lock);
}

/* Lets gated answers go, now and from now on. */
static inline void answerer_open(struct answerer *a)
{
	(void)pthread_mutex_lock(&a->lock);
	a->is_open = true;
	(void)pthread_cond_broadcast(&a->opening);
	(void)pthread_mutex_unlock(&a->lock);
}

/* The address of `target`, to free. */
static inline char *answerer_url(const struct answerer *a, const char *target)
{
	return mem_printf("http://127.0.0.1:%u%s", a->port, target);
}

/* How many requests came whose target begins with `prefix`; the last one's copy. */
static inline size_t answerer_count(struct answerer *a, const char *prefix,
				    struct answerer_seen *ret_last)
{
	size_t n = 0;

	(void)pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->n_seen; i++) {
		if (!str_has_prefix(str_from(a->seen[i].target), str_from(prefix)))
			continue;
		n++;
		if (ret_last != NULL)
			*ret_last = a->seen[i];
	}
	(void)pthread_mutex_unlock(&a->lock);
	return n;
}

#endif
