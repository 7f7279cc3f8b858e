#include "downloader/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "common/error.h"
#include "common/json.h"

enum {
	HEADERS_MAX = 16 * 1024,
	BODY_MAX = 1024,
	IDLE_TIMEOUT_S = 60, /* longer than the heartbeat */
	DRAINED = 4 * 1024,  /* bytes left at which a slow client gets its snapshot */
	NEW_PART = 16,       /* new connections are this part of the clients at most */
};

struct client {
	struct client *prev;
	struct client *next;
	struct sse *sse;
	struct evhttp_request *req;
	uint64_t sent;          /* the newest sequence it has */
	uint64_t slow_since_ms; /* 0: keeps up */
};

struct sse {
	struct loop *loop;
	struct events *events;
	struct evhttp *http;
	char *path;
	sse_snapshot_fn snapshot;
	void *ctx;
	char *frame;             /* the last snapshot made, to give again */
	uint64_t frame_sequence; /* while nothing has happened since */
	struct client *clients;
	size_t n_clients;
	size_t clients_max;
	size_t n_new; /* connections since the last heartbeat that have not asked yet */
	struct evconnlistener *listener; /* http's */
	struct loop_timer *heartbeat;
};

static size_t waiting_bytes(const struct client *client)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(client->req);

	return evbuffer_get_length(
		bufferevent_get_output(evhttp_connection_get_bufferevent(conn)));
}

static void send_bytes(struct client *client, struct str bytes)
{
	struct evbuffer *chunk = evbuffer_new();

	(void)evbuffer_add(chunk, bytes.p, bytes.n);
	evhttp_send_reply_chunk(client->req, chunk);
	evbuffer_free(chunk);
}

/* Many may connect at once: after a restart of the web server, all do. */
static struct str snapshot_frame(struct sse *sse)
{
	uint64_t last = events_last_sequence(sse->events);

	if (sse->frame == NULL || sse->frame_sequence != last) {
		AUTO_JSON state = sse->snapshot(sse->ctx);

		free(sse->frame);
		sse->frame = events_frame(sse->events, "snapshot", json_text(state));
		sse->frame_sequence = last;
	}
	return str_from(sse->frame);
}

static void send_snapshot(struct client *client)
{
	send_bytes(client, snapshot_frame(client->sse));
	client->sent = client->sse->frame_sequence;
}

/* Takes the client off the list; its request is libevent's to end. */
static void forget(struct client *client)
{
	struct sse *sse = client->sse;

	if (client->prev != NULL)
		client->prev->next = client->next;
	else
		sse->clients = client->next;
	if (client->next != NULL)
		client->next->prev = client->prev;
	sse->n_clients--;
	free(client);
}

/* When the peer hangs up, evhttp takes a request whose answer is not ended off its connection
 * and leaves it to us; ending it frees it. On a time-out it frees the request with the
 * connection. */
static void on_close(struct evhttp_connection *conn, void *arg)
{
	struct client *client = arg;
	struct evhttp_request *req = client->req;

	(void)conn;
	forget(client);
	if (evhttp_request_get_connection(req) == NULL)
		evhttp_send_reply_end(req);
}

static void drop(struct client *client)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(client->req);

	evhttp_connection_set_closecb(conn, NULL, NULL);
	forget(client);
	evhttp_connection_free(conn);
}

/* False when the client does not keep up: then it gets nothing now. */
static bool keeps_up(struct client *client)
{
	size_t waiting = waiting_bytes(client);

	if (client->slow_since_ms == 0 && waiting > SSE_BUFFER_MAX)
		client->slow_since_ms = clock_steady_ms();
	if (client->slow_since_ms != 0 && waiting <= DRAINED) {
		client->slow_since_ms = 0;
		send_snapshot(client);
	}
	return client->slow_since_ms == 0;
}

static void on_event(void *ctx, const struct event *event)
{
	struct sse *sse = ctx;

	for (struct client *client = sse->clients; client != NULL; client = client->next) {
		if (!keeps_up(client) || client->sent >= event->sequence)
			continue;
		send_bytes(client, event->frame);
		client->sent = event->sequence;
	}
}

static void on_heartbeat(void *ctx)
{
	struct sse *sse = ctx;
	uint64_t now_ms = clock_steady_ms();
	struct client *next;

	for (struct client *client = sse->clients; client != NULL; client = next) {
		next = client->next;
		if (keeps_up(client))
			send_bytes(client, S(": still here\n\n"));
		else if (now_ms - client->slow_since_ms > SSE_SLOW_MS)
			drop(client);
	}
	sse->n_new = 0;
	(void)evconnlistener_enable(sse->listener);
	loop_timer_arm(sse->heartbeat, SSE_HEARTBEAT_MS);
}

static void send_begin(struct client *client, struct str last_id)
{
	struct sse *sse = client->sse;
	uint64_t after = 0;
	char retry[32];

	(void)snprintf(retry, sizeof(retry), "retry: %d\n\n", SSE_RETRY_MS);
	send_bytes(client, str_from(retry));
	if (last_id.n == 0 || !events_can_replay(sse->events, last_id, &after)) {
		send_snapshot(client);
		return;
	}
	client->sent = after;
	for (const struct event *event = events_after(sse->events, after); event != NULL;
	     event = events_after(sse->events, event->sequence)) {
		send_bytes(client, event->frame);
		client->sent = event->sequence;
	}
}

/* Last-Event-ID comes as a header from EventSource, as a query from those who connect by hand.
 */
static struct str find_last_id(struct evhttp_request *req, struct evkeyvalq *query)
{
	const char *header =
		evhttp_find_header(evhttp_request_get_input_headers(req), "Last-Event-ID");
	const char *raw = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));

	if (header != NULL)
		return str_from(header);
	if (raw == NULL || evhttp_parse_query_str(raw, query) < 0)
		return S("");
	return str_from(evhttp_find_header(query, "last_event_id"));
}

static void begin_stream(struct sse *sse, struct evhttp_request *req)
{
	struct client *client = mem_alloc(sizeof(*client));
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evhttp_connection *conn = evhttp_request_get_connection(req);
	struct evkeyvalq query = { 0 };

	client->sse = sse;
	client->req = req;
	client->next = sse->clients;
	if (sse->clients != NULL)
		sse->clients->prev = client;
	sse->clients = client;
	sse->n_clients++;
	(void)evhttp_add_header(headers, "Content-Type", "text/event-stream; charset=utf-8");
	(void)evhttp_add_header(headers, "Cache-Control", "no-store");
	(void)evhttp_add_header(headers, "X-Accel-Buffering", "no");
	(void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	evhttp_connection_set_closecb(conn, on_close, client);
	evhttp_send_reply_start(req, HTTP_OK, "OK");
	send_begin(client, find_last_id(req, &query));
	evhttp_clear_headers(&query);
}

static void refuse(struct evhttp_request *req, int status, const char *reason, const char *code)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evbuffer_new();

	(void)evhttp_add_header(headers, "Content-Type", "application/problem+json");
	(void)evhttp_add_header(headers, "Connection", "close");
	if (status == HTTP_SERVUNAVAIL)
		(void)evhttp_add_header(headers, "Retry-After", "30");
	(void)evbuffer_add_printf(body,
				  "{\"type\":\"urn:larder:problem:%s\",\"title\":\"%s\","
				  "\"status\":%d,\"code\":\"%s\"}",
				  code, reason, status, code);
	evhttp_send_reply(req, status, reason, body);
	evbuffer_free(body);
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct sse *sse = arg;
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;

	if (sse->n_new > 0)
		sse->n_new--;
	(void)evconnlistener_enable(sse->listener);
	if (path == NULL || strcmp(path, sse->path) != 0)
		refuse(req, HTTP_NOTFOUND, "There is nothing at this address", "unknown_path");
	else if (evhttp_request_get_command(req) != EVHTTP_REQ_GET)
		refuse(req, HTTP_BADMETHOD, "This address takes GET only",
		       "method_not_allowed");
	else if (sse->n_clients >= sse->clients_max)
		refuse(req, HTTP_SERVUNAVAIL, "Too many watch already", "too_many_clients");
	else
		begin_stream(sse, req);
}

/* A connection takes a descriptor before it asks for anything. So only a few that have not are
 * accepted: in a rush the others wait in the socket until these have asked, and of those that
 * never ask so many come between two heartbeats, until they time out. */
static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct sse *sse = arg;

	(void)base;
	if (++sse->n_new > sse->clients_max / NEW_PART)
		(void)evconnlistener_disable(sse->listener);
	return NULL; /* evhttp makes one */
}

/* Out of descriptors: the listener rests until the next heartbeat, instead of failing as fast
 * as it can. */
static void on_accept_failed(struct evconnlistener *listener, void *arg)
{
	(void)arg; /* evhttp's own */
	(void)evconnlistener_disable(listener);
}

/* Streams leave half of the descriptors to everything else. */
static size_t count_allowed(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < SSE_CLIENTS_MAX)
		return (size_t)limit.rlim_cur / 2;
	return SSE_CLIENTS_MAX;
}

struct sse *sse_new(struct loop *loop, struct events *events, int take_fd,
		    const char *base_path, sse_snapshot_fn snapshot, void *ctx,
		    struct error *err)
{
	struct sse *sse = mem_alloc(sizeof(*sse));

	sse->loop = loop;
	sse->events = events;
	sse->path = mem_printf("%s/api/v1/events", base_path);
	sse->snapshot = snapshot;
	sse->ctx = ctx;
	sse->clients_max = count_allowed();
	sse->http = evhttp_new(loop_base(loop));
	sse->listener =
		evconnlistener_new(loop_base(loop), NULL, NULL,
				   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, take_fd);
	if (sse->http == NULL || sse->listener == NULL ||
	    evhttp_bind_listener(sse->http, sse->listener) == NULL) {
		(void)error_set(err, ERR_INTERNAL, "the event stream does not start");
		if (sse->listener == NULL)
			(void)close(take_fd);
		else
			evconnlistener_free(sse->listener);
		sse_free(&sse);
		return NULL;
	}
	evconnlistener_set_error_cb(sse->listener, on_accept_failed);
	evhttp_set_max_headers_size(sse->http, HEADERS_MAX);
	evhttp_set_max_body_size(sse->http, BODY_MAX);
	evhttp_set_timeout(sse->http, IDLE_TIMEOUT_S);
	evhttp_set_bevcb(sse->http, on_connection, sse);
	evhttp_set_gencb(sse->http, on_request, sse);
	sse->heartbeat = loop_timer_new(loop, on_heartbeat, sse);
	loop_timer_arm(sse->heartbeat, SSE_HEARTBEAT_MS);
	events_set_listener(events, on_event, sse);
	return sse;
}

void sse_free(struct sse **sse)
{
	struct sse *s = *sse;

	if (s == NULL)
		return;
	events_set_listener(s->events, NULL, NULL);
	loop_timer_free(&s->heartbeat);
	while (s->clients != NULL)
		drop(s->clients);
	if (s->http != NULL)
		evhttp_free(s->http);
	free(s->path);
	free(s->frame);
	free(s);
	*sse = NULL;
}

size_t sse_clients(const struct sse *sse)
{
	return sse->n_clients;
}
