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
	struct feed *feed; /* or NULL */
	int fd;
	uint64_t size;
	uint64_t written; /* known to the loop */
	uint64_t hashed;  /* with a feed it may be more */
	uint64_t told;    /* of both: what the hooks know */
	uint64_t target;  /* the piece under way ends here, or further on when it is fed */
	uint64_t at;      /* where it has come to */
	struct digest *digest;
	struct error error; /* of the piece */
	bool is_busy;
	bool is_over; /* finished or failed was called */
	bool gives_back;
	struct hasher_hooks hooks;
	void (*released)(void *ctx);
	void *released_ctx;
};

/* --- on a worker --- */

static bool eat(struct hasher *h)
{
	char *block = NULL;
	size_t n = h->feed != NULL ? feed_take(h->feed, h->at, &block) : 0;

	if (n == 0)
		return false;
	digest_update(h->digest, (struct str){ .p = block, .n = n });
	feed_done(h->feed, block);
	h->at += n;
	return true;
}

/* Hashes what is read from `at` on, at most `room` bytes: how many, or -1. */
static ssize_t hash_some(struct digest *digest, int fd, char *chunk, size_t room, uint64_t at,
			 struct error *err)
{
	ssize_t n = file_read_at(fd, chunk, room, at, err);

	if (n == 0)
		return error_set(err, ERR_DISK_ERROR, "the file became shorter");
	if (n > 0)
		digest_update(digest, (struct str){ .p = chunk, .n = (size_t)n });
	return n;
}

/* Up to the target, or the next block. */
static bool read_some(struct hasher *h, char *chunk, size_t room)
{
	uint64_t end = h->feed != NULL ? feed_until(h->feed, h->at) : h->target;
	uint64_t want = (end < h->target ? end : h->target) - h->at;
	ssize_t n = hash_some(h->digest, h->fd, chunk, want < room ? (size_t)want : room, h->at,
			      &h->error);

	h->at += n > 0 ? (uint64_t)n : 0;
	return n > 0;
}

/* Past the target it goes on for as long as it is fed. */
static void hash_piece(struct pool_task *task)
{
	struct hasher *h = (struct hasher *)task;
	uint64_t left = h->target > h->hashed ? h->target - h->hashed : 0;
	size_t room = left < READ_SIZE ? (size_t)left : READ_SIZE;
	AUTO_CSTR chunk = mem_bytes(room);
	bool is_fed = false;

	h->at = h->hashed;
	while (h->at < h->size && h->at - h->hashed < PIECE_MAX) {
		bool has_eaten = eat(h);

		is_fed = is_fed || has_eaten;
		if (has_eaten)
			continue;
		if (h->at < h->target ? !read_some(h, chunk, room)
				      : !is_fed || !feed_wait(h->feed, h->at))
			break;
	}
	if (h->gives_back && h->error.code == ERR_NONE)
		file_give_back(h->fd, h->hashed, h->at - h->hashed);
}

int hasher_whole(int fd, uint64_t size, enum digest_algorithm algorithm,
		 char ret[HUB_DIGEST_MAX + 1], struct error *err)
{
	struct digest *digest = digest_new(algorithm, size);
	size_t room = size < READ_SIZE ? (size_t)size : READ_SIZE;
	AUTO_CSTR chunk = mem_bytes(room);
	uint64_t at = 0;
	ssize_t n = 0;

	while (at < size && n >= 0) {
		n = hash_some(digest, fd, chunk, room < size - at ? room : (size_t)(size - at),
			      at, err);
		at += n > 0 ? (uint64_t)n : 0;
	}
	if (n >= 0)
		digest_hex(digest, ret);
	digest_free(&digest);
	return n < 0 ? -1 : 0;
}

/* --- on the loop --- */

static void start_piece(struct hasher *h)
{
	uint64_t left = h->written > h->hashed ? h->written - h->hashed : 0;

	h->target = h->hashed + (left < PIECE_MAX ? left : PIECE_MAX);
	h->is_busy = true;
	pool_submit(h->pool, &h->task);
}

/* What may be told: not more than anybody but us knows to be written. */
static uint64_t known(const struct hasher *h)
{
	return h->hashed < h->written ? h->hashed : h->written;
}

/* Is there something to hash, or to tell? The hooks are called from the pool's answer only. */
static bool has_work(const struct hasher *h)
{
	if (known(h) > h->told || (h->size == 0 && !h->is_over))
		return true;
	return h->hashed < h->size &&
	       (h->written > h->hashed || (h->feed != NULL && feed_has(h->feed, h->hashed)));
}

static void hasher_free(struct hasher *h)
{
	digest_free(&h->digest);
	feed_free(&h->feed);
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
	h->hashed = h->at;
	h->told = known(h);
	if (h->hashed < h->size && has_work(h))
		start_piece(h);
	h->hooks.progress(h->hooks.ctx, h->told);
	if (h->told == h->size && !h->is_over) {
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
			  enum digest_algorithm algorithm, struct feed *feed,
			  const struct hasher_hooks *hooks)
{
	struct hasher *h = mem_alloc(sizeof(*h));

	h->task.run = hash_piece;
	h->task.done = piece_done;
	h->pool = pool;
	h->feed = feed != NULL ? feed_hold(feed) : NULL;
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
	if (!hasher->is_busy && !hasher->is_over && has_work(hasher))
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
