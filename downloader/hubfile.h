/*
 * The bytes of one file, from an offset to its end, as one request after another: the Hub's
 * resolve address first, with the token; then each redirect, walked by hand, without the token
 * once it leaves the endpoint's origin; at the end a ranged GET whose answer is checked before
 * a single byte is let through. What the Hub says of the file's identity on the way must agree
 * with the plan.
 *
 * Belongs to the loop's thread, but for the write function.
 */
#ifndef DOWNLOADER_HUBFILE_H
#define DOWNLOADER_HUBFILE_H

#include "downloader/hub.h"

struct hubfile;

struct hubfile_request {
	enum repo_type type;
	const char *repo; /* the four strings are borrowed until `done` */
	const char *commit;
	const char *path;
	const char *digest; /* what X-Linked-ETag must say */
	uint64_t size;      /* > 0 */
	uint64_t offset;    /* < size */

	/* Bytes at their offset, in order, on a transfer thread. -1 with `err` ends it. */
	int (*write)(void *ctx, struct str bytes, uint64_t offset, struct error *err);
	/* All bytes were written (`err` is NULL), or why not. On the loop, once, unless
	 * cancelled... then too, with ERR_CANCELLED: only after it is the write function not
	 * called any more. */
	void (*done)(void *ctx, const struct error *err);
	void *ctx;
};

/* Never calls `done` before it returns. */
struct hubfile *hubfile_get(struct hub *hub, const struct hubfile_request *request);

/* `done` follows soon. */
void hubfile_cancel(struct hubfile *get);

#endif
