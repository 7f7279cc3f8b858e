#include "downloader/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/listener.h>

#include "common/log.h"
#include "common/schema.h"
#include "common/unixsock.h"

enum {
	OUTPUT_MAX = 1024 * 1024, /* bytes of answers that wait, beyond which no call is read */
	ACCEPT_PAUSE_MS = 1000,   /* after accept failed for want of descriptors */
};

struct client {
	struct client *prev;
	struct client *next;
	struct control *control;
	struct bufferevent *bev;
	size_t n_calls;  /* not answered yet */
	uid_t uid;       /* the peer's */
	bool is_ended;   /* the peer sends no more, or is gone: freed after the last call */
	bool is_gone;    /* nothing can be written any more */
	bool is_closing; /* about to be freed */
	bool is_reading; /* inside read_lines() */
};

struct control_call {
	struct client *client;
	struct json_object *id;
	bool is_notification;
	struct control_deed deed; /* method and params: NULL unless it is watched */
	char *method;
	char *line; /* the answer, while it is held back */
};

struct control {
	struct loop *loop;
	struct evconnlistener *listener;
	struct loop_timer *accept_again;
	gid_t gid;
	struct control_hooks hooks;
	struct client *clients;
	size_t n_clients;
	bool is_freed; /* the last client frees it */
};

static void read_lines(struct client *client);

static void control_release(struct control *control)
{
	if (control->is_freed && control->n_clients == 0)
		free(control);
}

static void client_free(void *arg)
{
	struct client *client = arg;
	struct control *control = client->control;

	if (client->prev != NULL)
		client->prev->next = client->next;
	else
		control->clients = client->next;
	if (client->next != NULL)
		client->next->prev = client->prev;
	control->n_clients--;
	bufferevent_free(client->bev);
	free(client);
	control_release(control);
}

/* Frees the client once nothing refers to it and nothing is left to send. */
static void settle(struct client *client)
{
	bool is_drained = evbuffer_get_length(bufferevent_get_output(client->bev)) == 0;

	if (client->is_closing || !client->is_ended || client->n_calls > 0 ||
	    (!client->is_gone && !is_drained))
		return;
	client->is_closing = true;
	if (client->control->is_freed)
		client_free(client); /* the loop runs no more */
	else
		loop_defer(client->control->loop, client_free, client);
}

/* --- answers --- */

static void write_line(struct client *client, struct str line)
{
	if (!client->is_gone)
		(void)bufferevent_write(client->bev, line.p, line.n);
}

/* Only the web side, which is ours, says on whose behalf it calls. */
static bool is_ours(const struct client *client)
{
	return client->uid == geteuid() || client->uid == 0;
}

bool control_is_ours(const struct control_call *call)
{
	return is_ours(call->client);
}

void control_watch(struct control_call *call, struct str method, struct json_object *params)
{
	if (call->method != NULL)
		return;
	call->method = str_dup(method);
	call->deed.method = call->method;
	call->deed.params = json_object_get(params);
}

/* Sends the line, or the error that it is too long, and ends the call. */
static void finish_call(struct control_call *call, struct str line)
{
	struct client *client = call->client;
	AUTO_CSTR refusal = NULL;
	struct error err;

	if (line.n > RPC_ANSWER_MAX) {
		(void)error_set(&err, ERR_TOO_LARGE,
				"the answer would have %zu bytes, %d are possible", line.n,
				RPC_ANSWER_MAX);
		refusal = rpc_error_line(call->id, &err, NULL);
		line = str_from(refusal);
	}
	if (!call->is_notification)
		write_line(client, line);
	client->n_calls--;
	json_free(&call->id);
	json_free(&call->deed.params);
	free(call->method);
	free(call->line);
	free(call);
	read_lines(client);
	settle(client);
}

void control_told(struct control_call *call)
{
	finish_call(call, str_from(call->line));
}

/* A deed is told first. */
static void end_call(struct control_call *call, const char *text, const struct error *failure)
{
	const struct control_hooks *hooks = &call->client->control->hooks;

	if (call->method == NULL || hooks->ended == NULL) {
		finish_call(call, str_from(text));
		return;
	}
	call->line = mem_strdup(text);
	hooks->ended(hooks->ctx, call, &call->deed, failure);
}

void control_reply(struct control_call *call, struct json_object *take_result)
{
	AUTO_JSON result = take_result;
	AUTO_CSTR line = rpc_result_line(call->id, result);

	end_call(call, line, NULL);
}

void control_reply_text(struct control_call *call, char *take_text)
{
	AUTO_CSTR text = take_text;
	AUTO_CSTR line = mem_printf("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}\n",
				    call->id != NULL ? json_text(call->id).p : "null", text);

	end_call(call, line, NULL);
}

void control_fail(struct control_call *call, const struct error *err,
		  struct json_object *take_extra)
{
	AUTO_JSON extra = take_extra;
	AUTO_CSTR line = rpc_error_line(call->id, err, extra);

	end_call(call, line, err);
}

/* --- requests --- */

static void refuse(struct control_call *call, const struct rpc_request *request,
		   const struct error *err)
{
	AUTO_CSTR line = rpc_refusal_line(request, err);

	end_call(call, line, err);
}

static void copy_cut(struct str text, char *out, size_t size)
{
	text = str_utf8_whole(str_sub(text, 0, size - 1));
	memcpy(out, text.p != NULL ? text.p : "", text.n);
	out[text.n] = '\0';
}

/* Who calls: others than the web side speak for themselves, whatever they say. */
static void name_caller(struct control_call *call, const struct rpc_request *request)
{
	struct control_deed *deed = &call->deed;

	if (!request->has_caller || !is_ours(call->client)) {
		(void)snprintf(deed->who, sizeof(deed->who), "user %u",
			       (unsigned)call->client->uid);
		return;
	}
	copy_cut(request->caller.name.n > 0 ? request->caller.name : S("anybody"), deed->who,
		 sizeof(deed->who));
	copy_cut(request->caller.address, deed->address, sizeof(deed->address));
	copy_cut(request->caller.request_id, deed->request_id, sizeof(deed->request_id));
}

static void take_line(struct client *client, struct str line)
{
	struct control *control = client->control;
	struct control_call *call = mem_alloc(sizeof(*call));
	struct rpc_request request;
	struct error err;
	AUTO_JSON empty = json_object_new_object();
	int parsed = rpc_request_parse(line, &request, &err);

	call->client = client;
	call->id = json_object_get(request.id);
	call->is_notification = request.is_notification;
	client->n_calls++;
	name_caller(call, &request);
	log_set_request(str_from(call->deed.request_id));
	if (parsed < 0)
		refuse(call, &request, &err);
	else if (schema_check(request.method, request.params, &err) < 0)
		control_fail(call, &err, NULL);
	else
		control->hooks.fn(control->hooks.ctx, call, request.method,
				  request.params != NULL ? request.params : empty);
	log_set_request(S(""));
	rpc_request_clear(&request);
}

static void refuse_long_line(struct client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->bev);
	struct error err;
	AUTO_CSTR line = NULL;

	(void)error_set(&err, ERR_TOO_LARGE, "a request line has %d bytes at most",
			RPC_REQUEST_MAX);
	line = rpc_error_line(NULL, &err, NULL);
	write_line(client, str_from(line));
	(void)bufferevent_disable(client->bev, EV_READ);
	(void)evbuffer_drain(input, evbuffer_get_length(input));
	client->is_ended = true;
}

/* A peer that does not read its answers is not listened to either. */
static bool has_room(const struct client *client)
{
	return evbuffer_get_length(bufferevent_get_output(client->bev)) < OUTPUT_MAX;
}

/* An answer given at once leads back here from end_call(): the guard keeps that from nesting.
 */
static void read_lines(struct client *client)
{
	struct evbuffer *input = bufferevent_get_input(client->bev);

	if (client->is_reading)
		return;
	client->is_reading = true;
	while (!client->is_gone && client->n_calls < CONTROL_CALLS_MAX && has_room(client)) {
		size_t n = 0;
		AUTO_CSTR line = evbuffer_readln(input, &n, EVBUFFER_EOL_LF);

		if (n > RPC_REQUEST_MAX ||
		    (line == NULL && evbuffer_get_length(input) > RPC_REQUEST_MAX))
			refuse_long_line(client);
		else if (line != NULL)
			take_line(client, (struct str){ .p = line, .n = n });
		else
			break;
	}
	client->is_reading = false;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	read_lines(arg);
	settle(arg);
}

static void on_drained(struct bufferevent *bev, void *arg)
{
	(void)bev;
	read_lines(arg);
	settle(arg);
}

/* A peer that only closes its sending side still gets an answer to each line it has sent. */
static void on_end(struct bufferevent *bev, short what, void *arg)
{
	struct client *client = arg;

	client->is_ended = true;
	client->is_gone =
		client->is_gone || (what & (BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT)) != 0;
	(void)bufferevent_disable(bev, EV_READ);
	read_lines(client);
	settle(client);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *address, int len, void *arg)
{
	struct control *control = arg;
	struct client *client;

	(void)listener;
	(void)address;
	(void)len;
	if (control->n_clients >= CONTROL_CLIENTS_MAX ||
	    !unixsock_is_peer_allowed((int)fd, control->gid)) {
		log_warning("control socket: a connection was refused");
		(void)close((int)fd);
		return;
	}
	client = mem_alloc(sizeof(*client));
	client->control = control;
	client->uid = unixsock_peer_uid((int)fd);
	client->bev =
		bufferevent_socket_new(loop_base(control->loop), fd, BEV_OPT_CLOSE_ON_FREE);
	client->next = control->clients;
	if (control->clients != NULL)
		control->clients->prev = client;
	control->clients = client;
	control->n_clients++;
	bufferevent_setcb(client->bev, on_read, on_drained, on_end, client);
	/* A line and a little more may wait; the rest stays in the socket. */
	bufferevent_setwatermark(client->bev, EV_READ, 0, RPC_REQUEST_MAX + 4096);
	(void)bufferevent_enable(client->bev, EV_READ | EV_WRITE);
}

static void on_accept_failed(struct evconnlistener *listener, void *arg)
{
	struct control *control = arg;

	(void)evconnlistener_disable(listener);
	loop_timer_arm(control->accept_again, ACCEPT_PAUSE_MS);
}

static void on_accept_again(void *ctx)
{
	struct control *control = ctx;

	(void)evconnlistener_enable(control->listener);
}

struct control *control_new(struct loop *loop, int take_fd, gid_t gid,
			    const struct control_hooks *hooks, struct error *err)
{
	struct control *control = mem_alloc(sizeof(*control));

	control->loop = loop;
	control->gid = gid;
	control->hooks = *hooks;
	control->listener =
		evconnlistener_new(loop_base(loop), on_accept, control,
				   LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, take_fd);
	if (control->listener == NULL) {
		(void)error_set(err, ERR_INTERNAL, "the control socket does not start");
		(void)close(take_fd);
		free(control);
		return NULL;
	}
	control->accept_again = loop_timer_new(loop, on_accept_again, control);
	evconnlistener_set_error_cb(control->listener, on_accept_failed);
	return control;
}

void control_stop(struct control *control)
{
	struct client *next;

	loop_timer_stop(control->accept_again);
	evconnlistener_free(control->listener);
	control->listener = NULL;
	for (struct client *client = control->clients; client != NULL; client = next) {
		next = client->next; /* settle() frees it later */
		client->is_ended = true;
		(void)bufferevent_disable(client->bev, EV_READ);
		settle(client);
	}
}

void control_free(struct control **control)
{
	struct control *c = *control;
	struct client *next;

	*control = NULL;
	if (c == NULL)
		return;
	if (c->listener != NULL)
		evconnlistener_free(c->listener);
	loop_timer_free(&c->accept_again);
	c->n_clients++; /* so that the last client does not free it under us */
	c->is_freed = true;
	for (struct client *client = c->clients; client != NULL; client = next) {
		next = client->next;
		client->is_ended = true;
		client->is_gone = true;
		settle(client);
	}
	c->n_clients--;
	control_release(c);
}
