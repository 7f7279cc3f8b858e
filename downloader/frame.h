/*
 * A piece of the event stream as it goes over the wire, encoded once and shared by all who send
 * it, however many: both as it is and as a chunk of HTTP/1.1.
 *
 * Held by counting; all holders on one thread.
 */
#ifndef DOWNLOADER_FRAME_H
#define DOWNLOADER_FRAME_H

#include "common/base.h"

struct frame {
	unsigned holders;
	struct str bytes; /* "id: ...\nevent: ...\ndata: ...\n\n" */
	struct str data;  /* the JSON in it, a part of `bytes` */
	struct str chunk; /* `bytes`, its length before it and a line break behind it */
	char text[];
};

/* All with one holder: the caller. `data` is JSON text, which has no line breaks. */
struct frame *frame_new(const char *id, const char *name, struct str data)
	__attribute__((returns_nonnull));

/* What is no event: a comment, "retry". `bytes` end with a blank line. */
struct frame *frame_raw(struct str bytes) __attribute__((returns_nonnull));

struct frame *frame_hold(struct frame *frame) __attribute__((returns_nonnull));
void frame_free(struct frame **frame); /* the last to let go frees it */

#endif
