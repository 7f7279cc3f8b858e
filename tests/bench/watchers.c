/*
 * Many watchers of one event stream, and when each of them got each event.
 *
 *     watchers PORT PATH SOCKET COUNT [--deaf]
 *
 * COUNT connections to 127.0.0.1:PORT, from many addresses of the loopback range, ask for PATH;
 * one more asks larderd itself, on SOCKET, in a thread of its own: what it has got has been
 * published. Says "ready" when all have their first bytes, and when its input ends, JSON: how
 * many events reached how many, and how much later than the one that asked larderd. With --deaf
 * the watchers ask, and never read.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum {
	LINE_MAX_ = 128,
	EVENTS_MAX = 1 << 16,
	ADDRESSES = 250,
	READY_PER_TURN = 512,
	AHEAD = 32,
	TIMEOUT_S = 600,
};

struct watcher {
	int fd;
	char line[LINE_MAX_]; /* the present one, as far as it matters */
	size_t line_n;
	bool has_begun;
	bool has_ended;
	uint64_t first; /* the sequence of its first event */
	uint64_t last;
};

struct arrival {
	uint32_t sequence;
	uint32_t at_us; /* since the beginning */
};

static struct arrival *arrivals;
static size_t n_arrivals;
static size_t arrivals_cap;
static _Atomic uint32_t published_us[EVENTS_MAX]; /* by sequence; 0: not yet */
static struct timespec begun;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static uint32_t now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint32_t)((now.tv_sec - begun.tv_sec) * 1000000 +
			  (now.tv_nsec - begun.tv_nsec) / 1000) +
	       1;
}

/* Feeds bytes to a watcher; `fn` gets the sequence of each event that begins in them. */
static void feed(struct watcher *w, const char *bytes, size_t n,
		 void (*fn)(struct watcher *w, uint64_t sequence))
{
	while (n > 0) {
		const char *end = memchr(bytes, '\n', n);
		size_t length = end != NULL ? (size_t)(end - bytes) : n;
		size_t room = LINE_MAX_ - 1 - w->line_n;
		size_t kept = length < room ? length : room;

		memcpy(w->line + w->line_n, bytes, kept);
		w->line_n += kept;
		if (end == NULL)
			return;
		w->line[w->line_n] = '\0';
		if (strncmp(w->line, "id: ", 4) == 0 && strchr(w->line, '-') != NULL)
			fn(w, strtoull(strchr(w->line, '-') + 1, NULL, 10));
		w->line_n = 0;
		bytes += length + 1;
		n -= length + 1;
	}
}

static void note(struct watcher *w, uint64_t sequence)
{
	if (w->first == 0)
		w->first = sequence;
	w->last = sequence;
	if (n_arrivals == arrivals_cap) {
		arrivals_cap = arrivals_cap > 0 ? arrivals_cap * 2 : 1 << 20;
		arrivals = realloc(arrivals, arrivals_cap * sizeof(*arrivals));
		if (arrivals == NULL)
			die("memory");
	}
	arrivals[n_arrivals++] = (struct arrival){ (uint32_t)sequence, now_us() };
}

static void note_published(struct watcher *w, uint64_t sequence)
{
	(void)w;
	if (sequence < EVENTS_MAX)
		published_us[sequence] = now_us();
}

static void ask(int fd, const char *path)
{
	char text[512];
	int n = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n",
			 path);

	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n)
		die("send");
}

static int connect_web(uint16_t port, size_t number)
{
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	from.sin_addr.s_addr = htonl(0x7f000101 + (uint32_t)(number % ADDRESSES));
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	return fd;
}

static int connect_unix(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)snprintf(to.sun_path, sizeof(to.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0)
		die(path);
	return fd;
}

static void *watch_larderd(void *arg)
{
	static char bytes[65536];
	struct watcher *w = arg;
	ssize_t n;

	while ((n = recv(w->fd, bytes, sizeof(bytes), 0)) > 0)
		feed(w, bytes, (size_t)n, note_published);
	return NULL;
}

/* Reads what is there; false when the stream is over. */
static bool take(struct watcher *w, size_t *n_begun)
{
	static char bytes[65536];
	ssize_t n = recv(w->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	if (n <= 0)
		return n < 0 && errno == EAGAIN;
	if (!w->has_begun) {
		if (strncmp(bytes, "HTTP/1.1 200", 12) != 0) {
			(void)fprintf(stderr, "refused: %.40s\n", bytes);
			exit(1);
		}
		w->has_begun = true;
		(*n_begun)++;
	}
	feed(w, bytes, (size_t)n, note);
	return true;
}

static int by_value(const void *a, const void *b)
{
	uint32_t one = *(const uint32_t *)a;
	uint32_t other = *(const uint32_t *)b;

	return (one > other) - (one < other);
}

static void report(const struct watcher *watchers, size_t n)
{
	uint32_t *late = calloc(n_arrivals + 1, sizeof(*late));
	size_t count = 0;
	size_t ended = 0;
	size_t gaps = 0;

	if (late == NULL)
		die("memory");
	for (size_t i = 0; i < n_arrivals; i++) {
		uint32_t then = arrivals[i].sequence < EVENTS_MAX
					? published_us[arrivals[i].sequence]
					: 0;

		if (then > 0)
			late[count++] = arrivals[i].at_us > then ? arrivals[i].at_us - then : 0;
	}
	for (size_t i = 0; i < n; i++) {
		ended += watchers[i].has_ended;
		gaps += !watchers[i].has_ended && watchers[i].last != watchers[0].last;
	}
	qsort(late, count, sizeof(*late), by_value);
	(void)printf(
		"{\"watchers\": %zu, \"ended\": %zu, \"behind\": %zu, \"deliveries\": %zu, "
		"\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
		n, ended, gaps, count, count > 0 ? late[count / 2] / 1000.0 : 0,
		count > 0 ? late[count * 99 / 100] / 1000.0 : 0,
		count > 0 ? late[count - 1] / 1000.0 : 0);
	free(late);
}

static void add(int epoll, int fd, size_t number)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u64 = number };

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		die("epoll");
}

/* Until all have begun (`wanted` > 0), or the input has ended. */
static void run(int epoll, struct watcher *watchers, size_t n, size_t *n_begun, size_t wanted)
{
	struct epoll_event ready[READY_PER_TURN];

	while (wanted == 0 || *n_begun < wanted) {
		int count = epoll_wait(epoll, ready, READY_PER_TURN, TIMEOUT_S * 1000);

		if (count <= 0)
			die("nothing comes");
		for (int i = 0; i < count; i++) {
			struct watcher *w;

			if (ready[i].data.u64 == n)
				return;
			w = &watchers[ready[i].data.u64];
			if (!take(w, n_begun)) {
				w->has_ended = true;
				(void)close(w->fd);
			}
		}
	}
}

static void raise_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	size_t n = argc > 4 ? strtoul(argv[4], NULL, 10) : 0;
	bool is_deaf = argc > 5 && strcmp(argv[5], "--deaf") == 0;
	struct watcher *watchers = calloc(n + 1, sizeof(*watchers));
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	size_t n_begun = 0;
	pthread_t thread;
	char end;

	if (argc < 5 || watchers == NULL || epoll < 0) {
		(void)fputs("usage: watchers PORT PATH SOCKET COUNT [--deaf]\n", stderr);
		return 2;
	}
	raise_descriptors();
	(void)clock_gettime(CLOCK_MONOTONIC, &begun);
	for (size_t i = 0; i < n; i++) {
		watchers[i].fd = connect_web((uint16_t)strtoul(argv[1], NULL, 10), i);
		ask(watchers[i].fd, argv[2]);
		if (is_deaf)
			continue;
		add(epoll, watchers[i].fd, i);
		if (i >= AHEAD) /* only so many at once: the web server's backlog is short */
			run(epoll, watchers, n, &n_begun, i - AHEAD + 1);
	}
	watchers[n].fd = connect_unix(argv[3]);
	ask(watchers[n].fd, argv[2]);
	if (pthread_create(&thread, NULL, watch_larderd, &watchers[n]) != 0)
		die("thread");
	if (!is_deaf)
		run(epoll, watchers, n, &n_begun, n);
	(void)printf("ready\n");
	(void)fflush(stdout);
	add(epoll, STDIN_FILENO, n);
	if (is_deaf)
		(void)!read(STDIN_FILENO, &end, 1);
	else
		run(epoll, watchers, n, &n_begun, 0);
	report(watchers, n);
	return 0;
}
