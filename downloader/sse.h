/*
 * The event stream: server-sent events over HTTP on events.sock, for the web server to pass on
 * (DESIGN.md 4.2). A client gets what it missed if the ring still has it, else a snapshot; then
 * each event as it happens; and a comment now and then that keeps proxies awake. An event is
 * encoded once, and all clients are sent the same bytes.
 *
 * A slow client costs a bounded buffer and delays nobody: past SSE_BUFFER_MAX it gets no more
 * events, but one fresh snapshot once its buffer has drained; when that takes too long it is
 * dropped. There are limits on how many there are, in all and of each identity (a user, a key,
 * or else the address that the web server names), and on how long a request may take to come.
 *
 * Who asks is told by the request's headers (common/auth.h), and asked again while the stream
 * lasts: one that nobody may have any more ends within SSE_RECHECK_MS.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_SSE_H
#define DOWNLOADER_SSE_H

#include "common/auth.h"
#include "downloader/events.h"
#include "downloader/loop.h"

struct error;
struct json_object;
struct sse;

enum {
	SSE_CLIENTS_MAX = 8192,      /* or half of the descriptors the process may have */
	SSE_CLIENTS_EACH = 64,       /* of one identity */
	SSE_BUFFER_MAX = 256 * 1024, /* bytes that wait for one client */
	SSE_HEARTBEAT_MS = 15 * 1000,
	SSE_SLOW_MS = 60 * 1000,    /* a client that does not drain for so long is dropped */
	SSE_REQUEST_MS = 10 * 1000, /* a request that is not there after so long is given up */
	SSE_RECHECK_MS = 5 * 1000,
	SSE_RETRY_MS = 2000, /* what EventSource is told to wait before it connects again */
};

/* The state as it is now, JSON to free by the caller. Asked for at most once between two
 * events. */
typedef struct json_object *(*sse_snapshot_fn)(void *ctx);

struct sse_plan {
	struct loop *loop;
	struct events *events;
	const char *base_path;   /* the stream is at `base_path`/api/v1/events */
	const struct auth *auth; /* borrowed while it serves, like all above */
	const char
		*user_header; /* in which the web server names the user, with auth's "proxy" */
	bool is_for_this_machine; /* others are refused (hosts.h) */
	const char *hosts;        /* by which it may be called (hosts.h); NULL: by any name */
	size_t clients_max;       /* 0: SSE_CLIENTS_MAX */
	size_t clients_each;      /* 0: SSE_CLIENTS_EACH */
	sse_snapshot_fn snapshot;
	void *ctx;
};

/* Serves on the listening descriptor, which is consumed. */
struct sse *sse_new(const struct sse_plan *plan, int take_fd, struct error *err);

/* Takes no more clients and ends every stream in good order, so that clients connect again. */
void sse_stop(struct sse *sse);

/* Closes what is still there. */
void sse_free(struct sse **sse);

/* Ends the streams of those who are no longer welcome, now. */
void sse_recheck(struct sse *sse);

size_t sse_clients(const struct sse *sse);

#endif
