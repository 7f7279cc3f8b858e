#include "downloader/claims.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "downloader/checksum.h"
#include "downloader/file.h"

enum {
	READ_SIZE = 256 * 1024,
};

struct claims {
	struct pool_task task; /* first; the worker's while is_busy */
	struct pool *pool;
	int fd;
	struct extent *extents;
	size_t n;
	size_t at; /* the one that is read, or the next */
	bool is_good;
	bool is_busy;
	struct claims_hooks hooks;
	void (*released)(void *ctx);
	void *released_ctx;
};

static bool is_as_recorded(int fd, const struct extent *extent)
{
	AUTO(checksum) checksum = checksum_new();
	AUTO_CSTR chunk = mem_bytes(READ_SIZE);
	uint64_t at = 0;

	while (at < extent->length) {
		uint64_t want =
			extent->length - at < READ_SIZE ? extent->length - at : READ_SIZE;
		struct error err;
		ssize_t n = file_read_at(fd, chunk, (size_t)want, extent->first + at, &err);

		if (n < 0)
			log_warning("a piece at %llu cannot be read: %s",
				    (unsigned long long)extent->first, err.text);
		if (n <= 0)
			return false;
		checksum_update(checksum, (struct str){ .p = chunk, .n = (size_t)n });
		at += (uint64_t)n;
	}
	return checksum_value(checksum) == extent->sum;
}

static void check_one(struct pool_task *task)
{
	struct claims *claims = (struct claims *)task;

	claims->is_good = is_as_recorded(claims->fd, &claims->extents[claims->at]);
}

static void claims_free(struct claims *claims)
{
	free(claims->extents);
	free(claims);
}

static void start_next(struct claims *claims)
{
	claims->is_busy = true;
	pool_submit(claims->pool, &claims->task);
}

static void on_checked(struct pool_task *task)
{
	struct claims *claims = (struct claims *)task;
	struct extent extent;
	bool is_last;
	bool is_good;

	claims->is_busy = false;
	if (claims->released != NULL) {
		claims->released(claims->released_ctx);
		claims_free(claims);
		return;
	}
	extent = claims->extents[claims->at];
	is_good = claims->is_good;
	is_last = ++claims->at == claims->n;
	if (!is_last)
		start_next(claims); /* so that a stop inside the hook cannot pull the ground
				       away */
	claims->hooks.settled(claims->hooks.ctx, &extent, is_good, is_last);
}

struct claims *claims_new(struct pool *pool, int fd, const struct extent *extents, size_t n,
			  const struct claims_hooks *hooks)
{
	struct claims *claims = mem_alloc(sizeof(*claims));

	assert(n > 0);
	claims->task.run = check_one;
	claims->task.done = on_checked;
	claims->pool = pool;
	claims->fd = fd;
	claims->extents = mem_array(n, sizeof(*extents));
	memcpy(claims->extents, extents, n * sizeof(*extents));
	claims->n = n;
	claims->hooks = *hooks;
	start_next(claims);
	return claims;
}

void claims_stop(struct claims **claims, void (*released)(void *ctx), void *ctx)
{
	struct claims *c = *claims;

	*claims = NULL;
	if (c == NULL || !c->is_busy) {
		if (c != NULL)
			claims_free(c);
		released(ctx);
		return;
	}
	c->released = released;
	c->released_ctx = ctx;
}
