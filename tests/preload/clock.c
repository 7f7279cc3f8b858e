/*
 * Time as a test wants it, for a program that this library is preloaded into: it runs faster,
 * so that a wait of a minute takes seconds, and the calendar can be set wrong.
 *
 *   LARDER_TEST_HASTE     how many times as fast every clock runs; 1 when not given
 *   LARDER_TEST_EPOCH     the second at which the fast calendar was right: all lives of a
 *                         program get the same, so that it does not go back between two
 *   LARDER_TEST_CALENDAR  a file of eight bytes, which may change at any time: by how many
 *                         milliseconds the calendar is wrong, signed, in our byte order
 *
 * What waits in the kernel by a number of milliseconds (epoll_wait, poll) waits that much
 * shorter. The steady clocks run fast and never jump, as on a machine whose calendar is set.
 *
 * The link order of a sanitizer's runtime is kept: each call goes on to the next library that
 * has it.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
	NS_A_S = 1000 * 1000 * 1000,
	NS_A_MS = 1000 * 1000,
	DECIMAL = 10,
};

static int64_t haste = 1;
static int64_t calendar_start_ns; /* the time that is the same by both calendars */
static int64_t steady_start_ns;
static const volatile int64_t *wrong_by_ms; /* or NULL */

static int64_t to_ns(const struct timespec *ts)
{
	return (int64_t)ts->tv_sec * NS_A_S + ts->tv_nsec;
}

/* Puts the next library's function into the pointer at `ret`. */
static void find_next(void *ret, const char *name)
{
	void *next = dlsym(RTLD_NEXT, name);

	if (next == NULL)
		abort();
	memcpy(ret, &next, sizeof(next));
}

static int real_clock(clockid_t id, struct timespec *ret)
{
	static int (*real)(clockid_t, struct timespec *);

	if (real == NULL)
		find_next(&real, "clock_gettime");
	return real(id, ret);
}

static const volatile int64_t *map_calendar(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *at =
		fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		abort();
	(void)close(fd);
	return at;
}

__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("LARDER_TEST_HASTE");
	const char *epoch = getenv("LARDER_TEST_EPOCH");
	const char *calendar = getenv("LARDER_TEST_CALENDAR");
	struct timespec now;

	(void)real_clock(CLOCK_MONOTONIC, &now);
	steady_start_ns = to_ns(&now);
	(void)real_clock(CLOCK_REALTIME, &now);
	calendar_start_ns =
		epoch != NULL ? strtoll(epoch, NULL, DECIMAL) * NS_A_S : to_ns(&now);
	if (text != NULL)
		haste = strtoll(text, NULL, DECIMAL);
	if (calendar != NULL)
		wrong_by_ms = map_calendar(calendar);
}

static int64_t fast(int64_t now_ns, int64_t start_ns)
{
	return start_ns + (now_ns - start_ns) * haste;
}

static int is_steady(clockid_t id)
{
	return id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_RAW ||
	       id == CLOCK_MONOTONIC_COARSE || id == CLOCK_BOOTTIME;
}

static int is_calendar(clockid_t id)
{
	return id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE;
}

int clock_gettime(clockid_t id, struct timespec *ret)
{
	int result = real_clock(id, ret);
	int64_t ns = to_ns(ret);

	if (result < 0 || steady_start_ns == 0)
		return result;
	if (is_steady(id))
		ns = fast(ns, steady_start_ns);
	else if (is_calendar(id))
		ns = fast(ns, calendar_start_ns) +
		     (wrong_by_ms != NULL ? *wrong_by_ms * NS_A_MS : 0);
	ret->tv_sec = ns / NS_A_S;
	ret->tv_nsec = ns % NS_A_S;
	return 0;
}

time_t time(time_t *ret)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (ret != NULL)
		*ret = now.tv_sec;
	return now.tv_sec;
}

int gettimeofday(struct timeval *ret, void *zone)
{
	struct timespec now;

	(void)zone;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	ret->tv_sec = now.tv_sec;
	ret->tv_usec = now.tv_nsec / 1000;
	return 0;
}

/* Never shorter than asked for by the fast clock. */
static int shorter(int timeout_ms)
{
	return timeout_ms > 0 ? (int)((timeout_ms + haste - 1) / haste) : timeout_ms;
}

int epoll_wait(int epoll, struct epoll_event *events, int n, int timeout_ms)
{
	static int (*real)(int, struct epoll_event *, int, int);

	if (real == NULL)
		find_next(&real, "epoll_wait");
	return real(epoll, events, n, shorter(timeout_ms));
}

int poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	static int (*real)(struct pollfd *, nfds_t, int);

	if (real == NULL)
		find_next(&real, "poll");
	return real(fds, n, shorter(timeout_ms));
}
