#include "downloader/sse_newcomers.h"

#include <stdlib.h>
#include <sys/socket.h>

#include <event2/bufferevent.h>

struct newcomer {
	struct newcomer *next;
	struct bufferevent *bev;
	uint64_t until_ms;
};

struct newcomers {
	struct newcomer *first; /* in no order */
	size_t n;
	uint64_t longest_ms;
};

struct newcomers *newcomers_new(uint64_t longest_ms)
{
	struct newcomers *newcomers = mem_alloc(sizeof(*newcomers));

	newcomers->longest_ms = longest_ms;
	return newcomers;
}

static void forget(struct newcomers *newcomers, struct newcomer **at)
{
	struct newcomer *newcomer = *at;

	*at = newcomer->next;
	newcomers->n--;
	(void)bufferevent_decref(newcomer->bev);
	free(newcomer);
}

void newcomers_free(struct newcomers **newcomers)
{
	if (*newcomers == NULL)
		return;
	while ((*newcomers)->first != NULL)
		forget(*newcomers, &(*newcomers)->first);
	free(*newcomers);
	*newcomers = NULL;
}

void newcomers_add(struct newcomers *newcomers, struct bufferevent *bev, uint64_t now_ms)
{
	struct newcomer *newcomer = mem_alloc(sizeof(*newcomer));

	bufferevent_incref(bev);
	newcomer->bev = bev;
	newcomer->until_ms = now_ms + newcomers->longest_ms;
	newcomer->next = newcomers->first;
	newcomers->first = newcomer;
	newcomers->n++;
}

void newcomers_remove(struct newcomers *newcomers, struct bufferevent *bev)
{
	for (struct newcomer **at = &newcomers->first; *at != NULL; at = &(*at)->next) {
		if ((*at)->bev == bev) {
			forget(newcomers, at);
			return;
		}
	}
}

/* A bufferevent that was freed while somebody holds it has no callbacks any more. */
static bool has_left(struct bufferevent *bev)
{
	bufferevent_event_cb event_cb = NULL;

	bufferevent_getcb(bev, NULL, NULL, &event_cb, NULL);
	return event_cb == NULL;
}

/* The owner sees the connection end, and frees it. */
static void hang_up(struct bufferevent *bev)
{
	static const char answer[] = "HTTP/1.1 408 Request Timeout\r\n"
				     "Connection: close\r\n"
				     "Content-Length: 0\r\n\r\n";
	int fd = bufferevent_getfd(bev);

	(void)send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_RDWR);
}

void newcomers_tick(struct newcomers *newcomers, uint64_t now_ms)
{
	struct newcomer **at = &newcomers->first;

	while (*at != NULL) {
		bool is_over = now_ms >= (*at)->until_ms;

		if (is_over && !has_left((*at)->bev))
			hang_up((*at)->bev);
		if (is_over || has_left((*at)->bev))
			forget(newcomers, at);
		else
			at = &(*at)->next;
	}
}

size_t newcomers_count(const struct newcomers *newcomers)
{
	return newcomers->n;
}
