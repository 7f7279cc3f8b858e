/*
 * HTTP requests, many at once: the only door to libcurl. A few transfer threads drive one curl
 * multi handle each; the loop starts and cancels requests and gets each one's outcome back as a
 * message.
 *
 * One request is one exchange: redirects are never followed here (the Hub's identity headers
 * are on a middle hop, and the token's safety needs each hop looked at), nothing is retried
 * here. HTTP/1.1 on purpose: HTTP/2 would fold many connections into one flow.
 *
 * The body either is collected, up to a cap (API answers), or goes to a sink that is called on
 * the transfer thread as bytes arrive (`pwrite` straight from curl's buffer, so that a slow
 * disk slows the network and never the loop). What goes to sinks is counted against one limit
 * on bytes a second for all: past it, connections are read in turn.
 *
 * All functions belong to the loop's thread; sink functions are called on a transfer thread.
 */
#ifndef DOWNLOADER_FETCH_H
#define DOWNLOADER_FETCH_H

#include "common/error.h"
#include "downloader/fetch_head.h"
#include "downloader/fetch_trace.h"
#include "downloader/loop.h"

struct fetch;

/* Where a body goes. All on the transfer thread, for one request never at the same time. */
struct fetch_sink {
	/* Once, before the first byte: does this answer's body belong here? 1 takes it, 0 lets
	 * it be collected as any other (a redirect, an error page), -1 fails the request with
	 * `err`. */
	int (*begin)(struct fetch_sink *sink, const struct fetch_head *head, struct error *err);
	/* Bytes in order. -1 fails the request with `err`; 1 ends it well, the rest is not
	 * wanted (its connection is closed). */
	int (*write)(struct fetch_sink *sink, struct str bytes, struct error *err);
	/* Time to pass on what the sink has kept back: when nothing came for a moment, or for
	 * FETCH_FLUSH_MS while something always comes, and once at the end of a body that was
	 * taken, however it ended. -1 fails the request with `err`. */
	int (*flush)(struct fetch_sink *sink, struct error *err);
};

struct fetch_field {
	const char *name;
	const char *value;
};

struct fetch_request {
	const char *url;    /* copied */
	const char *bearer; /* copied; NULL: no Authorization header. The caller has checked the
			       origin */
	const char *accept; /* copied; NULL: any */
	/* NULL: a GET. Else this is sent, by POST; copied, with its kind. */
	const char *post;
	const char *content_type;
	const struct fetch_field *headers; /* more of them; copied */
	size_t n_headers;
	bool has_range;
	uint64_t range_first; /* bytes=first-last, both included */
	uint64_t range_last;
	size_t body_max; /* bytes collected at most: more fails a 2xx, cuts any other answer */
	unsigned total_timeout_ms; /* 0: none, only the stall limit */
	struct fetch_sink *sink;   /* borrowed until `done`; may be NULL */
	unsigned thread; /* an earlier answer's, whose connection may be used again; 0: any */
	/* The address is somebody else's word: unless what was asked by our own was at a
	 * private address (address.h) too, this one must not be. Behind a proxy nobody can
	 * tell. */
	bool is_foreign;
};

/* What became of a request. `error.code` is ERR_NONE when an answer came, whatever its status.
 */
struct fetch_answer {
	struct error error; /* ERR_NETWORK, ERR_TIMEOUT, ERR_CANCELLED, or what a sink said */
	struct fetch_head head;
	struct fetch_trace trace;
	struct str body; /* collected bytes, borrowed until `done` returns */
	unsigned thread; /* that had it; never 0 */
};

/* Called once for each request, on the loop. */
typedef void (*fetch_done_fn)(void *ctx, const struct fetch_answer *answer);

enum {
	FETCH_CONNECT_TIMEOUT_MS = 20 * 1000,
	FETCH_STALL_S = 20, /* a connection with no byte for so long is given up */
	FETCH_FLUSH_MS = 100,
	FETCH_KEPT = 64, /* connections of one thread, most of them idle, that stay open */
	FETCH_BUFFER = 256 * 1024, /* curl's receive buffer, DESIGN.md section 5 */
};

struct fetch *fetch_new(struct loop *loop, size_t n_threads, struct error *err);

/* Ends all requests and the threads; each `done` follows with ERR_CANCELLED when the loop runs
 * its messages. What is started after is cancelled at once. */
void fetch_stop(struct fetch *fetch);

/* Once fetch_stop() was called and the loop has run its messages. */
void fetch_free(struct fetch **fetch);

/* Bytes a second that all sinks together may get; 0: no limit. */
void fetch_set_limit(struct fetch *fetch, uint64_t rate_bps);

/* Starts a request: an id for fetch_cancel(), never 0. */
uint64_t fetch_start(struct fetch *fetch, const struct fetch_request *request,
		     fetch_done_fn done, void *ctx);

/* Ends a request soon: `done` follows, with ERR_CANCELLED unless the answer was faster. An id
 * that is done is ignored. */
void fetch_cancel(struct fetch *fetch, uint64_t id);

#endif
