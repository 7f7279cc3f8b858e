#include "downloader/hub_head.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

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
	struct hubfile_identity identity; /* its strings are ours */
	char *repo;
	char *commit;
	char *path;
	char *digest;
	struct hubfile *file;
	char *bytes;
	size_t n;
	size_t wanted;
	unsigned thread; /* whose connection is kept */
	bool is_short;   /* more bytes would have been read */
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
	hubfile_free(&call->file);
	free(call->bytes);
	free(call->repo);
	free(call->commit);
	free(call->path);
	free(call->digest);
	free(call);
}

static ssize_t read_bytes(void *ctx, char *to, size_t room, uint64_t at, struct error *err)
{
	struct call *call = ctx;
	size_t n;

	(void)err;
	if (at >= call->n) {
		call->is_short = true;
		return 0;
	}
	n = call->n - (size_t)at < room ? call->n - (size_t)at : room;
	memcpy(to, call->bytes + at, n);
	return (ssize_t)n;
}

/* On a file worker. */
static void read_shape(struct pool_task *task)
{
	struct call *call = (struct call *)task;
	AUTO(window) window = window_new(call->identity.size, read_bytes, call);

	call->error.code = ERR_NONE;
	call->is_short = false;
	(void)!gguf_read_shape(window, &call->gguf, &call->error);
}

/* On a transfer thread; the loop waits for done. */
static int take(void *ctx, struct str bytes, struct error *err)
{
	struct call *call = ctx;

	(void)err;
	assert(bytes.n <= call->wanted - call->n);
	memcpy(call->bytes + call->n, bytes.p, bytes.n);
	call->n += bytes.n;
	return 0;
}

static int flush(void *ctx, struct error *err)
{
	(void)ctx;
	(void)err;
	return 0;
}

static void on_got(void *ctx, unsigned thread, const struct error *err)
{
	struct call *call = ctx;

	call->thread = thread;
	if (err == NULL) {
		pool_submit(call->heads->pool, &call->task);
		return;
	}
	call->error = *err;
	finish(call);
}

/* Asks for the bytes from those that are there to so many. */
static void ask(struct call *call, size_t wanted)
{
	struct hubfile_range range = { .first = call->n,
				       .thread = call->thread,
				       .write = take,
				       .flush = flush,
				       .done = on_got,
				       .ctx = call };
	char *bytes;

	if (wanted > call->identity.size)
		wanted = (size_t)call->identity.size;
	bytes = mem_alloc(wanted);
	if (call->n > 0)
		memcpy(bytes, call->bytes, call->n);
	free(call->bytes);
	call->bytes = bytes;
	call->wanted = wanted;
	range.end = wanted;
	(void)hubfile_get(call->file, &range);
}

static void on_read(struct pool_task *task)
{
	struct call *call = (struct call *)task;
	bool is_more = call->n < call->identity.size && call->n < HUB_HEAD_MAX;

	if (call->error.code != ERR_NONE && call->is_short && is_more) {
		ask(call, 4 * call->n);
		return;
	}
	if (call->error.code == ERR_NONE)
		keep(call->heads, call->digest, &call->gguf);
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
	call->repo = mem_strdup(identity->repo);
	call->commit = mem_strdup(identity->commit);
	call->path = mem_strdup(identity->path);
	call->digest = mem_strdup(identity->digest);
	call->identity = *identity;
	call->identity.repo = call->repo;
	call->identity.commit = call->commit;
	call->identity.path = call->path;
	call->identity.digest = call->digest;
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
	call->file = hubfile_new(heads->hub, &call->identity);
	ask(call, HUB_HEAD_FIRST);
}
