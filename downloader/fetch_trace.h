/*
 * How far a request came, and how long each part took: for whoever looks for what is wrong with
 * a connection (finding.h). A connection that was there already has no time of its making.
 *
 * Pure but for reading the transfer's own handle. Any thread.
 */
#ifndef DOWNLOADER_FETCH_TRACE_H
#define DOWNLOADER_FETCH_TRACE_H

#include "common/base.h"

enum {
	FETCH_ADDRESS_MAX = 64, /* bytes, with the end */
};

/* What comes after what; a request that failed did so in one of them. */
enum fetch_stage {
	FETCH_AT_PROXY_NAME, /* looking up the proxy's name */
	FETCH_AT_NAME,       /* looking up the host's */
	FETCH_AT_CONNECT,
	FETCH_AT_TUNNEL, /* the proxy's consent */
	FETCH_AT_TLS,
	FETCH_AT_CERTIFICATE, /* it is not believed */
	FETCH_AT_ANSWER,
	FETCH_STAGE_COUNT,
};

struct fetch_trace {
	enum fetch_stage stage;          /* the one it ended in */
	char address[FETCH_ADDRESS_MAX]; /* that was connected to: a proxy's where there is
					    one; or "" */
	long tunnel_status;              /* a proxy's answer to CONNECT; 0: none */
	uint64_t total_ms;
};

/* Reads what libcurl knows of a transfer that has ended: `easy` is its CURL handle, `code` its
 * CURLcode. */
void fetch_trace_read(void *easy, int code, struct fetch_trace *ret);

#endif
