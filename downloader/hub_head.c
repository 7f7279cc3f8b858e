#include "downloader/hub_head.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "downloader/hub_bytes.h"

struct kept {
	char digest[HUB_DIGEST_MAX + 1]; /* "": free */
	struct gguf gguf;
};

struct hub_heads {
	struct hub *hub;
	struct pool *pool;
	struct kept kept[HUB_HEADS_KEPT]; /* a ring */
	size_t next;
};

struct call {
	struct pool_task task; /* first */
	struct hub_heads *heads;
	struct hub_bytes *bytes;
	bool is_short; /* more bytes would have been read */
	struct gguf gguf;
	struct error error;
	hub_head_fn done;
	void *ctx;
};

/* --- what is kept --- */

static const struct gguf *recall(const struct hub_heads *heads, const char *digest)
{
	for (size_t i = 0; i < HUB_HEADS_KEPT; i++) {
		if (strcmp(heads->kept[i].digest, digest) == 0)
			return &heads->kept[i].gguf;
	}
	return NULL;
}

static void keep(struct hub_heads *heads, const char *digest, const struct gguf *gguf)
{
	struct kept *kept = &heads->kept[heads->next];

	heads->next = (heads->next + 1) % HUB_HEADS_KEPT;
	*kept = (struct kept){ .gguf = *gguf };
	memcpy(kept->digest, digest, strlen(digest) + 1);
}

struct hub_heads *hub_heads_new(struct hub *hub, struct pool *pool)
{
	struct hub_heads *heads = mem_alloc(sizeof(*heads));

	heads->hub = hub;
	heads->pool = pool;
	return heads;
}

void hub_heads_free(struct hub_heads **heads)
{
	free(*heads);
	*heads = NULL;
}

/* --- one call --- */

static void finish(struct call *call)
{
	bool is_read = call->error.code == ERR_NONE;

	call->done(call->ctx, is_read ? &call->gguf : NULL, is_read ? NULL : &call->error);
	hub_bytes_free(&call->bytes);
	free(call);
}

static ssize_t read_bytes(void *ctx, char *to, size_t room, uint64_t at, struct error *err)
{
	struct call *call = ctx;
	struct str bytes = hub_bytes_str(call->bytes);
	size_t n;

	(void)err;
	if (at >= bytes.n) {
		call->is_short = true;
		return 0;
	}
	n = bytes.n - (size_t)at < room ? bytes.n - (size_t)at : room;
	memcpy(to, bytes.p + at, n);
	return (ssize_t)n;
}

/* On a file worker. */
static void read_shape(struct pool_task *task)
{
	struct call *call = (struct call *)task;
	AUTO(window)
	window = window_new(hub_bytes_identity(call->bytes)->size, read_bytes, call);

	call->error.code = ERR_NONE;
	call->is_short = false;
	(void)!gguf_read_shape(window, &call->gguf, &call->error);
}

static void on_got(void *ctx, const struct error *err)
{
	struct call *call = ctx;

	if (err == NULL) {
		pool_submit(call->heads->pool, &call->task);
		return;
	}
	call->error = *err;
	finish(call);
}

static void on_read(struct pool_task *task)
{
	struct call *call = (struct call *)task;
	const struct hubfile_identity *identity = hub_bytes_identity(call->bytes);
	size_t n = hub_bytes_str(call->bytes).n;

	if (call->error.code != ERR_NONE && call->is_short && n < identity->size &&
	    n < HUB_HEAD_MAX) {
		hub_bytes_ask(call->bytes, 4 * n, on_got, call);
		return;
	}
	if (call->error.code == ERR_NONE)
		keep(call->heads, identity->digest, &call->gguf);
	finish(call);
}

/* What is known already is told when this has returned. */
static void tell(struct pool_task *task)
{
	(void)task;
}

static void on_told(struct pool_task *task)
{
	finish((struct call *)task);
}

void hub_head(struct hub_heads *heads, const struct hubfile_identity *identity,
	      hub_head_fn done, void *ctx)
{
	struct call *call = mem_alloc(sizeof(*call));
	const struct gguf *known = recall(heads, identity->digest);

	call->heads = heads;
	call->done = done;
	call->ctx = ctx;
	if (known != NULL) {
		call->gguf = *known;
		call->task.run = tell;
		call->task.done = on_told;
		pool_submit(heads->pool, &call->task);
		return;
	}
	call->task.run = read_shape;
	call->task.done = on_read;
	call->bytes = hub_bytes_new(heads->hub, identity);
	hub_bytes_ask(call->bytes, HUB_HEAD_FIRST, on_got, call);
}
