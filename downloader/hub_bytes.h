/*
 * The beginning of a file at the Hub, in memory: by ranged requests through the same client as
 *a download, as many bytes as somebody wants to look at.
 *
 *	bytes = hub_bytes_new(hub, identity)
 *	hub_bytes_ask(bytes, n, done, ctx)       until done says so; again with a larger n for
 *more hub_bytes_free(&bytes)
 *
 * Belongs to the loop's thread; between two asks any thread may read what is there.
 */
#ifndef DOWNLOADER_HUB_BYTES_H
#define DOWNLOADER_HUB_BYTES_H

#include "downloader/hubfile.h"

struct hub_bytes;

/* The identity is copied, with its strings. */
struct hub_bytes *hub_bytes_new(struct hub *hub, const struct hubfile_identity *identity)
	__attribute__((returns_nonnull));
void hub_bytes_free(struct hub_bytes **bytes); /* not while one is asked for */

/* Asks for all up to the `n`-th byte, or to the end of the file; those that are there are not
 * asked for again, and there must be some that are not. `done` is called once, never before
 * this returns; `err` is NULL when they came. */
typedef void (*hub_bytes_fn)(void *ctx, const struct error *err);
void hub_bytes_ask(struct hub_bytes *bytes, size_t n, hub_bytes_fn done, void *ctx);

/* What is there; borrowed until the next ask. */
struct str hub_bytes_str(const struct hub_bytes *bytes);
const struct hubfile_identity *hub_bytes_identity(const struct hub_bytes *bytes);

#endif
