#include "downloader/hub_bytes.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct hub_bytes {
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
	hub_bytes_fn done;
	void *ctx;
};

struct hub_bytes *hub_bytes_new(struct hub *hub, const struct hubfile_identity *identity)
{
	struct hub_bytes *b = mem_alloc(sizeof(*b));

	b->repo = mem_strdup(identity->repo);
	b->commit = mem_strdup(identity->commit);
	b->path = mem_strdup(identity->path);
	b->digest = mem_strdup(identity->digest);
	b->identity = *identity;
	b->identity.repo = b->repo;
	b->identity.commit = b->commit;
	b->identity.path = b->path;
	b->identity.digest = b->digest;
	b->file = hubfile_new(hub, &b->identity);
	return b;
}

void hub_bytes_free(struct hub_bytes **bytes)
{
	struct hub_bytes *b = *bytes;

	*bytes = NULL;
	if (b == NULL)
		return;
	hubfile_free(&b->file);
	free(b->bytes);
	free(b->repo);
	free(b->commit);
	free(b->path);
	free(b->digest);
	free(b);
}

/* On a transfer thread; the loop waits for done. */
static int take(void *ctx, struct str bytes, struct error *err)
{
	struct hub_bytes *b = ctx;

	(void)err;
	assert(bytes.n <= b->wanted - b->n);
	memcpy(b->bytes + b->n, bytes.p, bytes.n);
	b->n += bytes.n;
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
	struct hub_bytes *b = ctx;

	b->thread = thread;
	b->done(b->ctx, err);
}

void hub_bytes_ask(struct hub_bytes *b, size_t n, hub_bytes_fn done, void *ctx)
{
	struct hubfile_range range = { .first = b->n,
				       .thread = b->thread,
				       .write = take,
				       .flush = flush,
				       .done = on_got,
				       .ctx = b };
	char *bytes;

	if (n > b->identity.size)
		n = (size_t)b->identity.size;
	bytes = mem_alloc(n);
	if (b->n > 0)
		memcpy(bytes, b->bytes, b->n);
	free(b->bytes);
	b->bytes = bytes;
	b->wanted = n;
	b->done = done;
	b->ctx = ctx;
	range.end = n;
	(void)hubfile_get(b->file, &range);
}

struct str hub_bytes_str(const struct hub_bytes *b)
{
	return (struct str){ .p = b->bytes, .n = b->n };
}

const struct hubfile_identity *hub_bytes_identity(const struct hub_bytes *b)
{
	return &b->identity;
}
