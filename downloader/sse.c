/*
 * libevent's evhttp reads the requests, writes the heads and ends the answers. Between, frames
 * go into a connection's output buffer by reference, past evhttp, which would copy them: that
 * is why a client knows whether its answer is chunked.
 */
#include "downloader/sse.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

#include "common/error.h"
#include "common/hosts.h"
#include "common/json.h"
#include "common/log.h"
#include "common/problem.h"
#include "downloader/sse_newcomers.h"

enum {
	HEADERS_MAX = 16 * 1024,
	BODY_MAX = 1024,
	INPUT_MAX = 4 * 1024, /* bytes that a client says after its request, unread */
	IDLE_TIMEOUT_S = 60,  /* of what evhttp does by itself: refusals that nobody reads */
	DRAINED = 4 * 1024,   /* bytes left at which a slow client gets its snapshot */
	NEW_PART = 16,        /* new connections are this part of the clients at most */
	TICK_MS = 1000,
	WHO_MAX = 96,
};

struct client {
	struct client *prev;
	struct client *next;
	struct sse *sse;
	struct evhttp_request *req;
	struct identity identity;
	char *who; /* whose limit it counts for */
	bool is_chunked;
	uint64_t sent;          /* the newest sequence it has */
	uint64_t slow_since_ms; /* 0: keeps up */
};

struct sse {
	struct sse_plan plan;
	char *path;
	struct evhttp *http;
	struct evconnlistener *listener; /* http's */
	struct newcomers *newcomers;
	struct frame *snapshot;     /* the last one made, to give again */
	uint64_t snapshot_sequence; /* while nothing has happened since */
	struct frame *retry;
	struct frame *still_here;
	struct client *clients;
	size_t n_clients;
	struct loop_timer *tick;
	uint64_t heartbeat_ms; /* when it is due */
	uint64_t recheck_ms;
	bool is_stopping;
};

static struct bufferevent *bufferevent_of(struct evhttp_request *req)
{
	return evhttp_connection_get_bufferevent(evhttp_request_get_connection(req));
}

static struct evbuffer *output_of(const struct client *client)
{
	return bufferevent_get_output(bufferevent_of(client->req));
}

/* --- sending --- */

static void on_sent(const void *data, size_t n, void *arg)
{
	struct frame *frame = arg;

	(void)data;
	(void)n;
	frame_free(&frame);
}

static void send_frame(struct client *client, struct frame *frame)
{
	struct str bytes = client->is_chunked ? frame->chunk : frame->bytes;

	if (evbuffer_add_reference(output_of(client), bytes.p, bytes.n, on_sent,
				   frame_hold(frame)) < 0)
		bug("libevent took no bytes");
}

/* Many may connect at once: after a restart of the web server, all do. */
static struct frame *make_snapshot(struct sse *sse)
{
	uint64_t last = events_last_sequence(sse->plan.events);

	if (sse->snapshot == NULL || sse->snapshot_sequence != last) {
		AUTO_JSON state = sse->plan.snapshot(sse->plan.ctx);

		frame_free(&sse->snapshot);
		sse->snapshot = events_frame(sse->plan.events, "snapshot", json_text(state));
		sse->snapshot_sequence = last;
	}
	return sse->snapshot;
}

static void send_snapshot(struct client *client)
{
	send_frame(client, make_snapshot(client->sse));
	client->sent = client->sse->snapshot_sequence;
}

/* False when the client does not keep up: then it gets nothing now. */
static bool keeps_up(struct client *client)
{
	size_t waiting = evbuffer_get_length(output_of(client));

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
		send_frame(client, event->frame);
		client->sent = event->sequence;
	}
}

/* --- the end of a client --- */

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
	free(client->who);
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

/* With all that waits unsent. */
static void drop(struct client *client)
{
	struct evhttp_connection *conn = evhttp_request_get_connection(client->req);

	evhttp_connection_set_closecb(conn, NULL, NULL);
	forget(client);
	evhttp_connection_free(conn);
}

/* After all that waits; who does not read it in time loses the connection. */
static void end(struct client *client)
{
	static const struct timeval idle = { .tv_sec = IDLE_TIMEOUT_S };
	struct evhttp_request *req = client->req;

	evhttp_connection_set_closecb(evhttp_request_get_connection(req), NULL, NULL);
	(void)bufferevent_set_timeouts(bufferevent_of(req), NULL, &idle);
	forget(client);
	evhttp_send_reply_end(req);
}

/* --- once a second --- */

static void send_heartbeat(struct sse *sse)
{
	for (struct client *client = sse->clients; client != NULL; client = client->next) {
		if (keeps_up(client))
			send_frame(client, sse->still_here);
	}
}

static void drop_slow(struct sse *sse, uint64_t now_ms)
{
	struct client *next;

	for (struct client *client = sse->clients; client != NULL; client = next) {
		next = client->next;
		if (client->slow_since_ms != 0 && !keeps_up(client) &&
		    now_ms - client->slow_since_ms > SSE_SLOW_MS)
			drop(client);
	}
}

void sse_recheck(struct sse *sse)
{
	int64_t now_s = clock_unix_ms() / 1000;
	struct client *next;

	for (struct client *client = sse->clients; client != NULL; client = next) {
		next = client->next;
		if (!auth_holds(sse->plan.auth, &client->identity, now_s))
			end(client);
	}
}

/* Only a few that have not asked yet are accepted (a connection takes a descriptor before it
 * asks for anything): in a rush the others wait in the socket. */
static void set_listening(struct sse *sse)
{
	if (sse->is_stopping ||
	    newcomers_count(sse->newcomers) > sse->plan.clients_max / NEW_PART)
		(void)evconnlistener_disable(sse->listener);
	else
		(void)evconnlistener_enable(sse->listener);
}

static void on_tick(void *ctx)
{
	struct sse *sse = ctx;
	uint64_t now_ms = clock_steady_ms();

	newcomers_tick(sse->newcomers, now_ms);
	set_listening(sse);
	drop_slow(sse, now_ms);
	if (now_ms >= sse->recheck_ms) {
		sse->recheck_ms = now_ms + SSE_RECHECK_MS;
		sse_recheck(sse);
	}
	if (now_ms >= sse->heartbeat_ms) {
		sse->heartbeat_ms = now_ms + SSE_HEARTBEAT_MS;
		send_heartbeat(sse);
	}
	loop_timer_arm(sse->tick, TICK_MS);
}

/* --- the beginning of a client --- */

static void send_begin(struct client *client, struct str last_id)
{
	struct sse *sse = client->sse;
	uint64_t after = 0;

	send_frame(client, sse->retry);
	if (last_id.n == 0 || !events_can_replay(sse->plan.events, last_id, &after)) {
		send_snapshot(client);
		return;
	}
	client->sent = after;
	for (const struct event *event = events_after(sse->plan.events, after); event != NULL;
	     event = events_after(sse->plan.events, event->sequence)) {
		send_frame(client, event->frame);
		client->sent = event->sequence;
	}
}

static const char *header(struct evhttp_request *req, const char *name)
{
	return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

/* Last-Event-ID comes as a header from EventSource, as a query from those who connect by hand.
 */
static struct str find_last_id(struct evhttp_request *req, struct evkeyvalq *query)
{
	const char *raw = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));

	if (header(req, "Last-Event-ID") != NULL)
		return str_from(header(req, "Last-Event-ID"));
	if (raw == NULL || evhttp_parse_query_str(raw, query) < 0)
		return S("");
	return str_from(evhttp_find_header(query, "last_event_id"));
}

static void send_head(struct client *client)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(client->req);

	(void)evhttp_add_header(headers, "Content-Type", "text/event-stream; charset=utf-8");
	(void)evhttp_add_header(headers, "Cache-Control", "no-store");
	(void)evhttp_add_header(headers, "X-Accel-Buffering", "no");
	(void)evhttp_add_header(headers, "X-Content-Type-Options", "nosniff");
	(void)evhttp_add_header(headers, "Connection", "close");
	evhttp_send_reply_start(client->req, HTTP_OK, "OK");
	client->is_chunked = evhttp_find_header(headers, "Transfer-Encoding") != NULL;
}

/* What the client says from here on is not read. That it reads is seen by its buffer. */
static void begin_stream(struct sse *sse, struct evhttp_request *req,
			 const struct identity *identity, char *take_who)
{
	struct client *client = mem_alloc(sizeof(*client));
	struct evkeyvalq query = { 0 };

	client->sse = sse;
	client->req = req;
	client->identity = *identity;
	client->who = take_who;
	client->next = sse->clients;
	if (sse->clients != NULL)
		sse->clients->prev = client;
	sse->clients = client;
	sse->n_clients++;
	evhttp_connection_set_closecb(evhttp_request_get_connection(req), on_close, client);
	(void)bufferevent_set_timeouts(bufferevent_of(req), NULL, NULL);
	bufferevent_setwatermark(bufferevent_of(req), EV_READ, 0, INPUT_MAX);
	send_head(client);
	send_begin(client, find_last_id(req, &query));
	evhttp_clear_headers(&query);
}

/* --- requests --- */

static void refuse(struct evhttp_request *req, int status, const struct error *err)
{
	struct evkeyvalq *headers = evhttp_request_get_output_headers(req);
	struct evbuffer *body = evbuffer_new();
	char request_id[REQUEST_ID_MAX + 1];
	AUTO_JSON problem = NULL;

	request_id_take(request_id, header(req, "X-Request-Id"));
	log_set_request(str_from(request_id));
	log_info("the event stream is refused: %s", err->text);
	log_set_request(S(""));
	problem = problem_document(err, status, request_id);

	(void)evhttp_add_header(headers, "Content-Type", "application/problem+json");
	(void)evhttp_add_header(headers, "Connection", "close");
	if (status == HTTP_SERVUNAVAIL)
		(void)evhttp_add_header(headers, "Retry-After", "30");
	if (status == 401)
		(void)evhttp_add_header(headers, "WWW-Authenticate", "Bearer");
	(void)evbuffer_add(body, json_text(problem).p, json_text(problem).n);
	evhttp_send_reply(req, status, error_code_title(err->code), body);
	evbuffer_free(body);
}

/* Where the client is, which the web server puts last. */
static struct str address_of(struct evhttp_request *req)
{
	struct str address = str_from(header(req, "X-Forwarded-For"));
	size_t comma = str_rfind_char(address, ',');

	if (comma < address.n)
		address = str_sub(address, comma + 1, address.n);
	return str_trim(address);
}

/* Whose limit it counts for: a user's, a key's; of those without a name an address's. */
static char *name_who(const struct identity *identity, struct evhttp_request *req)
{
	struct str address = str_sub(address_of(req), 0, WHO_MAX);

	if (identity->kind != AUTH_ANYBODY)
		return mem_printf("%d:%s", (int)identity->kind, identity->name);
	return mem_printf("%d:%.*s", (int)identity->kind, (int)address.n, address.p);
}

static size_t count_of(const struct sse *sse, const char *who)
{
	size_t n = 0;

	for (const struct client *client = sse->clients; client != NULL; client = client->next)
		n += strcmp(client->who, who) == 0;
	return n;
}

static int check_room(const struct sse *sse, const char *who, struct error *err)
{
	if (sse->n_clients >= sse->plan.clients_max)
		return error_set(err, ERR_TOO_MANY_CLIENTS, "%zu streams are open",
				 sse->n_clients);
	if (count_of(sse, who) >= sse->plan.clients_each)
		return error_set(err, ERR_TOO_MANY_CLIENTS, "%zu streams of yours are open",
				 sse->plan.clients_each);
	return 0;
}

static void admit(struct sse *sse, struct evhttp_request *req)
{
	struct auth_headers headers = {
		.cookie = header(req, "Cookie"),
		.authorization = header(req, "Authorization"),
		.user = header(req, sse->plan.user_header),
	};
	struct identity identity;
	struct error err;
	AUTO_CSTR who = NULL;

	if ((sse->plan.hosts != NULL &&
	     hosts_check(str_from(sse->plan.hosts), str_from(header(req, "Host")), &err) < 0) ||
	    (sse->plan.is_for_this_machine && hosts_check_client(address_of(req), &err) < 0)) {
		refuse(req, 403, &err);
		return;
	}
	if (auth_identify(sse->plan.auth, &headers, clock_unix_ms() / 1000, &identity, &err) <
	    0) {
		refuse(req, 401, &err);
		return;
	}
	who = name_who(&identity, req);
	if (check_room(sse, who, &err) < 0)
		refuse(req, HTTP_SERVUNAVAIL, &err);
	else
		begin_stream(sse, req, &identity, MOVE(who));
}

/* 0, or the status that refuses it. A request that made no sense comes without a URI, and with
 * the status that evhttp has found for it. */
static int check_request(const struct sse *sse, struct evhttp_request *req, struct error *err)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(req);
	const char *path = uri != NULL ? evhttp_uri_get_path(uri) : NULL;

	if (uri == NULL && evhttp_request_get_response_code(req) == HTTP_ENTITYTOOLARGE) {
		(void)error_set(err, ERR_TOO_LARGE, "the header or the body is too large");
		return HTTP_ENTITYTOOLARGE;
	}
	if (uri == NULL) {
		(void)error_set(err, ERR_BAD_REQUEST, "it is not HTTP as it should be");
		return HTTP_BADREQUEST;
	}
	if (path == NULL || strcmp(path, sse->path) != 0) {
		(void)error_set(err, ERR_UNKNOWN_PATH, "larderd serves %s here", sse->path);
		return HTTP_NOTFOUND;
	}
	if (evhttp_request_get_command(req) != EVHTTP_REQ_GET) {
		(void)error_set(err, ERR_METHOD_NOT_ALLOWED, "%s takes GET only", sse->path);
		return HTTP_BADMETHOD;
	}
	return 0;
}

static void on_request(struct evhttp_request *req, void *arg)
{
	struct sse *sse = arg;
	struct error err;
	int status = check_request(sse, req, &err);

	newcomers_remove(sse->newcomers, bufferevent_of(req));
	set_listening(sse);
	if (status != 0)
		refuse(req, status, &err);
	else
		admit(sse, req);
}

static struct bufferevent *on_connection(struct event_base *base, void *arg)
{
	struct sse *sse = arg;
	struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);

	if (bev == NULL)
		bug("libevent makes no connection");
	newcomers_add(sse->newcomers, bev, clock_steady_ms());
	set_listening(sse);
	return bev;
}

/* Out of descriptors: the listener rests until the next tick, instead of failing as fast as it
 * can. */
static void on_accept_failed(struct evconnlistener *listener, void *arg)
{
	(void)arg; /* evhttp's own */
	(void)evconnlistener_disable(listener);
}

/* --- begin and end --- */

/* Streams leave half of the descriptors to everything else. */
static size_t count_allowed(size_t wanted)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 < wanted)
		return (size_t)limit.rlim_cur / 2;
	return wanted;
}

static int listen_on(struct sse *sse, int take_fd, struct error *err)
{
	struct event_base *base = loop_base(sse->plan.loop);

	sse->http = evhttp_new(base);
	sse->listener = evconnlistener_new(
		base, NULL, NULL, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, take_fd);
	if (sse->listener == NULL)
		(void)close(take_fd);
	if (sse->http == NULL || sse->listener == NULL ||
	    evhttp_bind_listener(sse->http, sse->listener) == NULL) {
		if (sse->listener != NULL)
			evconnlistener_free(sse->listener);
		return error_set(err, ERR_INTERNAL, "the event stream does not start");
	}
	evconnlistener_set_error_cb(sse->listener, on_accept_failed);
	evhttp_set_max_headers_size(sse->http, HEADERS_MAX);
	evhttp_set_max_body_size(sse->http, BODY_MAX);
	evhttp_set_timeout(sse->http, IDLE_TIMEOUT_S);
	evhttp_set_bevcb(sse->http, on_connection, sse);
	evhttp_set_gencb(sse->http, on_request, sse);
	return 0;
}

static struct frame *make_retry(void)
{
	AUTO_CSTR text = mem_printf("retry: %d\n\n", SSE_RETRY_MS);

	return frame_raw(str_from(text));
}

struct sse *sse_new(const struct sse_plan *plan, int take_fd, struct error *err)
{
	AUTO(sse) sse = mem_alloc(sizeof(*sse));
	uint64_t now_ms = clock_steady_ms();

	sse->plan = *plan;
	sse->plan.clients_max =
		count_allowed(plan->clients_max > 0 ? plan->clients_max : SSE_CLIENTS_MAX);
	if (plan->clients_each == 0)
		sse->plan.clients_each = SSE_CLIENTS_EACH;
	sse->path = mem_printf("%s/api/v1/events", plan->base_path);
	sse->newcomers = newcomers_new(SSE_REQUEST_MS);
	sse->retry = make_retry();
	sse->still_here = frame_raw(S(": still here\n\n"));
	if (listen_on(sse, take_fd, err) < 0)
		return NULL;
	sse->heartbeat_ms = now_ms + SSE_HEARTBEAT_MS;
	sse->recheck_ms = now_ms + SSE_RECHECK_MS;
	sse->tick = loop_timer_new(plan->loop, on_tick, sse);
	loop_timer_arm(sse->tick, TICK_MS);
	events_set_listener(plan->events, on_event, sse);
	return MOVE(sse);
}

void sse_stop(struct sse *sse)
{
	sse->is_stopping = true;
	set_listening(sse);
	while (sse->clients != NULL)
		end(sse->clients);
}

void sse_free(struct sse **sse)
{
	struct sse *s = *sse;

	if (s == NULL)
		return;
	events_set_listener(s->plan.events, NULL, NULL);
	loop_timer_free(&s->tick);
	while (s->clients != NULL)
		drop(s->clients);
	if (s->http != NULL)
		evhttp_free(s->http);
	newcomers_free(&s->newcomers);
	frame_free(&s->snapshot);
	frame_free(&s->retry);
	frame_free(&s->still_here);
	free(s->path);
	free(s);
	*sse = NULL;
}

size_t sse_clients(const struct sse *sse)
{
	return sse->n_clients;
}
