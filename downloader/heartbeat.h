/*
 * What the service manager hears while larderd serves: that the loop still turns, so that one
 * that hangs is ended and begun again, and in a line what it is doing.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_HEARTBEAT_H
#define DOWNLOADER_HEARTBEAT_H

#include "downloader/loop.h"

struct heartbeat;

enum {
	HEARTBEAT_MS = 5000, /* between two lines; beats come thrice as often as is asked */
};

/* The line as it is now, to free by the caller. */
typedef char *(*heartbeat_describe_fn)(void *ctx);

/* Says that larderd is ready, and beats from then on. */
struct heartbeat *heartbeat_new(struct loop *loop, heartbeat_describe_fn describe, void *ctx)
	__attribute__((returns_nonnull));
void heartbeat_free(struct heartbeat **heartbeat);

#endif
