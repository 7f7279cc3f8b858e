#include "downloader/fetch_trace.h"

#include <stdio.h>

#include <curl/curl.h>

/* Microseconds from the beginning to a point, 0 while it is not reached. */
static curl_off_t time_to(CURL *easy, CURLINFO what)
{
	curl_off_t time_us = 0;

	(void)curl_easy_getinfo(easy, what, &time_us);
	return time_us;
}

/* A time limit says nothing of where it was met; the points that were passed do. */
static enum fetch_stage stage_by_time(CURL *easy)
{
	if (time_to(easy, CURLINFO_NAMELOOKUP_TIME_T) == 0)
		return FETCH_AT_NAME;
	if (time_to(easy, CURLINFO_CONNECT_TIME_T) == 0)
		return FETCH_AT_CONNECT;
	return time_to(easy, CURLINFO_PRETRANSFER_TIME_T) == 0 ? FETCH_AT_TLS : FETCH_AT_ANSWER;
}

static enum fetch_stage stage_of(CURL *easy, CURLcode code, long tunnel_status)
{
	static const struct {
		CURLcode code;
		enum fetch_stage stage;
	} rows[] = {
		{ CURLE_COULDNT_RESOLVE_PROXY, FETCH_AT_PROXY_NAME },
		{ CURLE_COULDNT_RESOLVE_HOST, FETCH_AT_NAME },
		{ CURLE_COULDNT_CONNECT, FETCH_AT_CONNECT },
		{ CURLE_PEER_FAILED_VERIFICATION, FETCH_AT_CERTIFICATE },
		{ CURLE_SSL_CACERT_BADFILE, FETCH_AT_CERTIFICATE },
		{ CURLE_SSL_ISSUER_ERROR, FETCH_AT_CERTIFICATE },
		{ CURLE_SSL_CONNECT_ERROR, FETCH_AT_TLS },
		{ CURLE_SSL_CIPHER, FETCH_AT_TLS },
	};

	if (code != CURLE_OK && tunnel_status / 100 > 2)
		return FETCH_AT_TUNNEL;
	if (code == CURLE_OPERATION_TIMEDOUT)
		return stage_by_time(easy);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].code == code)
			return rows[i].stage;
	}
	return FETCH_AT_ANSWER;
}

void fetch_trace_read(void *easy, int code, struct fetch_trace *ret)
{
	char *address = NULL;
	long port = 0;

	*ret = (struct fetch_trace){
		.total_ms = (uint64_t)time_to(easy, CURLINFO_TOTAL_TIME_T) / 1000,
	};
	(void)curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &ret->tunnel_status);
	(void)curl_easy_getinfo(easy, CURLINFO_PRIMARY_IP, &address);
	(void)curl_easy_getinfo(easy, CURLINFO_PRIMARY_PORT, &port);
	ret->stage = stage_of(easy, (CURLcode)code, ret->tunnel_status);
	if (address == NULL || address[0] == '\0')
		return;
	(void)snprintf(ret->address, sizeof(ret->address),
		       str_find_char(str_from(address), ':') < str_from(address).n ? "[%s]:%ld"
										   : "%s:%ld",
		       address, port);
}
