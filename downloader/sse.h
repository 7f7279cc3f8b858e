/*
 * The event stream: server-sent events over HTTP on events.sock, for the web server to pass on
 * (DESIGN.md 4.2). A client gets what it missed if the ring still has it, else a snapshot; then
 * each event as it happens; and a comment now and then that keeps proxies awake.
 *
 * A slow client costs a bounded buffer and delays nobody: past SSE_BUFFER_MAX it gets no more
 * events, but one fresh snapshot once its buffer has drained; when that takes too long it is
 * dropped.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_SSE_H
#define DOWNLOADER_SSE_H

#include "downloader/events.h"
#include "downloader/loop.h"

struct error;
struct sse;

enum {
	SSE_CLIENTS_MAX = 8192,      /* or half of the descriptors the process may have */
	SSE_BUFFER_MAX = 256 * 1024, /* bytes that wait for one client */
	SSE_HEARTBEAT_MS = 15 * 1000,
	SSE_SLOW_MS = 60 * 1000, /* a client that does not drain for so long is dropped */
	SSE_RETRY_MS = 2000,     /* what EventSource is told to wait before it connects again */
};

/* The state as it is now, JSON to free by the caller. Asked for at most once between two
 * events. */
typedef struct json_object *(*sse_snapshot_fn)(void *ctx);

/* Serves `base_path`/api/v1/events on the listening descriptor, which is consumed. */
struct sse *sse_new(struct loop *loop, struct events *events, int take_fd,
		    const char *base_path, sse_snapshot_fn snapshot, void *ctx,
		    struct error *err);

/* Ends every stream, so that clients connect again, and closes. */
void sse_free(struct sse **sse);

size_t sse_clients(const struct sse *sse);

#endif
