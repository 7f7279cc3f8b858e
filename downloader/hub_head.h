/*
 * What a GGUF file at the Hub says of itself before it is fetched: its first bytes, by ranged
 * requests through the same client as a download, a few hundred kilobytes as a rule. What was
 * read is remembered by the file's digest, which is all that it depends on.
 *
 * Belongs to the loop's thread; the bytes are read on a file worker.
 */
#ifndef DOWNLOADER_HUB_HEAD_H
#define DOWNLOADER_HUB_HEAD_H

#include "downloader/gguf.h"
#include "downloader/hubfile.h"
#include "downloader/pool.h"

struct hub_heads;

enum {
	HUB_HEAD_FIRST = 256 * 1024,    /* bytes that are asked for first; then four times */
	HUB_HEAD_MAX = 4 * 1024 * 1024, /* as many, up to these */
	HUB_HEADS_KEPT = 64,            /* files that are remembered */
};

struct hub_heads *hub_heads_new(struct hub *hub, struct pool *pool)
	__attribute__((returns_nonnull));
/* When no call is under way: after fetch_stop() and pool_stop(). */
void hub_heads_free(struct hub_heads **heads);

/* `done` is called once, never before this returns: with what gguf_read_shape() knows, borrowed
 * for the call, or NULL and the error. The identity is copied. */
typedef void (*hub_head_fn)(void *ctx, const struct gguf *gguf, const struct error *err);
void hub_head(struct hub_heads *heads, const struct hubfile_identity *identity,
	      hub_head_fn done, void *ctx);

#endif
