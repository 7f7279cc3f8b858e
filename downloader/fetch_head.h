/*
 * The head of an HTTP answer: its status, and those headers that somebody asks for.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_FETCH_HEAD_H
#define DOWNLOADER_FETCH_HEAD_H

#include "common/base.h"

enum {
	FETCH_HEADER_MAX = 16384, /* bytes of one header value that is kept */
};

/* Headers of an answer that somebody asks for; all others are dropped unseen. */
#define FETCH_HEADERS(X)                        \
	X(LOCATION, "location")                 \
	X(LINK, "link")                         \
	X(DATE, "date")                         \
	X(ETAG, "etag")                         \
	X(CONTENT_RANGE, "content-range")       \
	X(CONTENT_ENCODING, "content-encoding") \
	X(CONTENT_TYPE, "content-type")         \
	X(RETRY_AFTER, "retry-after")           \
	X(RATELIMIT, "ratelimit")               \
	X(REQUEST_ID, "x-request-id")           \
	X(ERROR_CODE, "x-error-code")           \
	X(ERROR_MESSAGE, "x-error-message")     \
	X(REPO_COMMIT, "x-repo-commit")         \
	X(LINKED_ETAG, "x-linked-etag")         \
	X(LINKED_SIZE, "x-linked-size")

enum fetch_header {
#define X(symbol, name) FETCH_##symbol,
	FETCH_HEADERS(X)
#undef X
	FETCH_HEADER_COUNT,
};

/* The head of an answer. Values are owned by the answer, NULL where absent; of a repeated
 * header the last counts. */
struct fetch_head {
	long status;
	int64_t content_length; /* -1: not told */
	char *headers[FETCH_HEADER_COUNT];
};

/* Takes the next line of a head, with or without its end. A status line begins a new one: of
 * "100 Continue" and the like only the last head counts. */
void fetch_head_take(struct fetch_head *head, struct str line);

/* Frees what it holds. */
void fetch_head_clear(struct fetch_head *head);

#endif
