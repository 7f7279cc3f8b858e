#include "downloader/feed.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>

enum {
	SPARES_MAX = 2,
	WAIT_MS = 1, /* a block's time at 250 MB/s */
};

struct feed_allowance {
	_Atomic size_t left;
};

struct block {
	char *bytes;
	size_t n;
	uint64_t at;
};

struct feed {
	struct feed_allowance *allowance;
	int came;             /* an eventfd, written when what is waited for has come; or -1 */
	pthread_mutex_t lock; /* guards all below */
	unsigned holders;
	bool is_waiting; /* the reader, for a block where it is */
	uint64_t reader; /* where it is */
	struct block blocks[FEED_BLOCKS];
	size_t n; /* in no order */
	char *spares[SPARES_MAX];
	size_t n_spares;
};

/* --- the allowance --- */

struct feed_allowance *feed_allowance_new(size_t blocks)
{
	struct feed_allowance *allowance = mem_alloc(sizeof(*allowance));

	atomic_init(&allowance->left, blocks);
	return allowance;
}

void feed_allowance_free(struct feed_allowance **allowance)
{
	free(*allowance);
	*allowance = NULL;
}

static bool take_one(struct feed_allowance *allowance)
{
	size_t left = atomic_load(&allowance->left);

	while (left > 0) {
		if (atomic_compare_exchange_weak(&allowance->left, &left, left - 1))
			return true;
	}
	return false;
}

static void give_one(struct feed_allowance *allowance)
{
	(void)atomic_fetch_add(&allowance->left, 1);
}

/* --- the feed --- */

struct feed *feed_new(struct feed_allowance *allowance)
{
	struct feed *feed = mem_alloc(sizeof(*feed));

	feed->allowance = allowance;
	feed->holders = 1;
	(void)pthread_mutex_init(&feed->lock, NULL);
	feed->came = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return feed;
}

struct feed *feed_hold(struct feed *feed)
{
	(void)pthread_mutex_lock(&feed->lock);
	feed->holders++;
	(void)pthread_mutex_unlock(&feed->lock);
	return feed;
}

static void drop(struct feed *feed, char *bytes)
{
	free(bytes);
	give_one(feed->allowance);
}

void feed_free(struct feed **feed)
{
	struct feed *f = *feed;
	bool is_last;

	*feed = NULL;
	if (f == NULL)
		return;
	(void)pthread_mutex_lock(&f->lock);
	is_last = --f->holders == 0;
	(void)pthread_mutex_unlock(&f->lock);
	if (!is_last)
		return;
	for (size_t i = 0; i < f->n; i++)
		drop(f, f->blocks[i].bytes);
	for (size_t i = 0; i < f->n_spares; i++)
		drop(f, f->spares[i]);
	fd_close(&f->came);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Memory in the place of a block that is kept; NULL: there is none to be had. */
static char *replacement(struct feed *feed)
{
	if (feed->n_spares > 0)
		return feed->spares[--feed->n_spares];
	return take_one(feed->allowance) ? mem_bytes(FEED_BLOCK) : NULL;
}

bool feed_offer(struct feed *feed, uint64_t at, size_t n, char **block)
{
	char *other = NULL;

	(void)pthread_mutex_lock(&feed->lock);
	if (n > 0 && feed->n < FEED_BLOCKS && at >= feed->reader &&
	    at - feed->reader < (uint64_t)FEED_BLOCKS * FEED_BLOCK)
		other = replacement(feed);
	if (other != NULL) {
		feed->blocks[feed->n++] = (struct block){ .bytes = *block, .n = n, .at = at };
		*block = other;
		if (at == feed->reader && feed->is_waiting)
			(void)eventfd_write(feed->came, 1);
	}
	(void)pthread_mutex_unlock(&feed->lock);
	return other != NULL;
}

static void keep_spare(struct feed *feed, char *bytes)
{
	if (feed->n_spares < SPARES_MAX)
		feed->spares[feed->n_spares++] = bytes;
	else
		drop(feed, bytes);
}

/* Forgets what the reader has gone past: it read that from the file. */
static void move_to(struct feed *feed, uint64_t at)
{
	feed->reader = at;
	for (size_t i = 0; i < feed->n;) {
		if (feed->blocks[i].at < at) {
			keep_spare(feed, feed->blocks[i].bytes);
			feed->blocks[i] = feed->blocks[--feed->n];
		} else {
			i++;
		}
	}
}

static size_t find(const struct feed *feed, uint64_t at)
{
	size_t i = 0;

	while (i < feed->n && feed->blocks[i].at != at)
		i++;
	return i;
}

size_t feed_take(struct feed *feed, uint64_t at, char **ret_block)
{
	size_t n = 0;
	size_t i;

	(void)pthread_mutex_lock(&feed->lock);
	move_to(feed, at);
	i = find(feed, at);
	if (i < feed->n) {
		n = feed->blocks[i].n;
		*ret_block = feed->blocks[i].bytes;
		feed->blocks[i] = feed->blocks[--feed->n];
		feed->reader = at + n;
	}
	(void)pthread_mutex_unlock(&feed->lock);
	return n;
}

void feed_done(struct feed *feed, char *take_block)
{
	(void)pthread_mutex_lock(&feed->lock);
	keep_spare(feed, take_block);
	(void)pthread_mutex_unlock(&feed->lock);
}

uint64_t feed_until(struct feed *feed, uint64_t at)
{
	uint64_t until = UINT64_MAX;

	(void)pthread_mutex_lock(&feed->lock);
	for (size_t i = 0; i < feed->n; i++) {
		if (feed->blocks[i].at > at && feed->blocks[i].at < until)
			until = feed->blocks[i].at;
	}
	(void)pthread_mutex_unlock(&feed->lock);
	return until;
}

bool feed_wait(struct feed *feed, uint64_t at)
{
	struct pollfd came = { .fd = feed->came, .events = POLLIN };
	eventfd_t count;
	bool yes;

	(void)pthread_mutex_lock(&feed->lock);
	feed->is_waiting = find(feed, at) == feed->n;
	yes = !feed->is_waiting;
	(void)pthread_mutex_unlock(&feed->lock);
	if (yes)
		return true;
	(void)poll(&came, 1, WAIT_MS);
	(void)pthread_mutex_lock(&feed->lock);
	feed->is_waiting = false;
	(void)eventfd_read(feed->came, &count);
	yes = find(feed, at) < feed->n;
	(void)pthread_mutex_unlock(&feed->lock);
	return yes;
}

bool feed_has(struct feed *feed, uint64_t at)
{
	bool yes;

	(void)pthread_mutex_lock(&feed->lock);
	yes = find(feed, at) < feed->n;
	(void)pthread_mutex_unlock(&feed->lock);
	return yes;
}
