#include "downloader/hasher.h"

#include <stdlib.h>

#include "common/error.h"
#include "downloader/file.h"

enum {
	PIECE_MAX = 16 * 1024 * 1024, /* bytes hashed before the loop hears of it */
	READ_SIZE = 256 * 1024,
};

struct hasher {
	struct pool_task task; /* first; the worker's while is_busy */
	struct pool *pool;
	int fd;
	uint64_t size;
	uint64_t written; /* known to the loop */
	uint64_t hashed;  /* reported */
	uint64_t target;  /* the piece under way ends here */
	struct digest *digest;
	struct error error; /* of the piece */
	bool is_busy;
	bool is_over; /* finished or failed was called */
	bool gives_back;
	struct hasher_hooks hooks;
	void (*released)(void *ctx);
	void *released_ctx;
};

static void hash_piece(struct pool_task *task)
{
	struct hasher *h = (struct hasher *)task;
	uint64_t at = h->hashed;
	size_t room = h->target - at < READ_SIZE ? (size_t)(h->target - at) : READ_SIZE;
	AUTO_CSTR chunk = mem_bytes(room);

	while (at < h->target) {
		uint64_t want = h->target - at < room ? h->target - at : room;
		ssize_t n = file_read_at(h->fd, chunk, (size_t)want, at, &h->error);

		if (n == 0)
			(void)error_set(&h->error, ERR_DISK_ERROR, "the file became shorter");
		if (n <= 0)
			return;
		digest_update(h->digest, (struct str){ .p = chunk, .n = (size_t)n });
		at += (uint64_t)n;
	}
	if (h->gives_back)
		file_give_back(h->fd, h->hashed, h->target - h->hashed);
}

static void start_piece(struct hasher *h)
{
	uint64_t left = h->written - h->hashed;

	h->target = h->hashed + (left < PIECE_MAX ? left : PIECE_MAX);
	h->is_busy = true;
	pool_submit(h->pool, &h->task);
}

static void hasher_free(struct hasher *h)
{
	digest_free(&h->digest);
	free(h);
}

static void report(struct hasher *h)
{
	char hex[HUB_DIGEST_MAX + 1] = "";

	if (h->error.code != ERR_NONE) {
		h->is_over = true;
		h->hooks.failed(h->hooks.ctx, &h->error);
		return;
	}
	h->hashed = h->target;
	if (h->hashed < h->size && h->written > h->hashed)
		start_piece(h);
	h->hooks.progress(h->hooks.ctx, h->hashed);
	if (h->hashed == h->size) {
		h->is_over = true;
		digest_hex(h->digest, hex);
		h->hooks.finished(h->hooks.ctx, hex);
	}
}

static void piece_done(struct pool_task *task)
{
	struct hasher *h = (struct hasher *)task;

	h->is_busy = false;
	if (h->released == NULL) {
		report(h);
		return;
	}
	h->released(h->released_ctx);
	hasher_free(h);
}

struct hasher *hasher_new(struct pool *pool, int fd, uint64_t size,
			  enum digest_algorithm algorithm, const struct hasher_hooks *hooks)
{
	struct hasher *h = mem_alloc(sizeof(*h));

	h->task.run = hash_piece;
	h->task.done = piece_done;
	h->pool = pool;
	h->fd = fd;
	h->size = size;
	h->digest = digest_new(algorithm, size);
	h->hooks = *hooks;
	return h;
}

void hasher_give_back(struct hasher *hasher)
{
	assert(!hasher->is_busy);
	hasher->gives_back = true;
}

void hasher_advance(struct hasher *hasher, uint64_t written)
{
	assert(written >= hasher->written && written <= hasher->size);
	hasher->written = written;
	if (!hasher->is_busy && !hasher->is_over &&
	    (hasher->written > hasher->hashed || hasher->size == 0))
		start_piece(hasher);
}

void hasher_stop(struct hasher **hasher, void (*released)(void *ctx), void *ctx)
{
	struct hasher *h = *hasher;

	*hasher = NULL;
	if (h == NULL || !h->is_busy) {
		if (h != NULL)
			hasher_free(h);
		released(ctx);
		return;
	}
	h->released = released;
	h->released_ctx = ctx;
}
