#include "downloader/hub_ask.h"

#include <stdlib.h>

#include "downloader/hub_internal.h"
#include "downloader/hub_parse.h"
#include "downloader/hub_url.h"

struct hub_ask {
	struct pool_task task; /* first */
	struct hub_ask *next_unparsed;
	struct hub *hub;
	struct hub_ask_hooks hooks;
	void *ctx;
	char *url; /* of the request under way */
	char *subject;
	char *what;   /* may be NULL */
	char *bearer; /* in the place of the hub's own, or NULL */
	uint64_t fetch_id;
	unsigned hops;
	bool is_cancelled;
	struct error error; /* the worker's while it parses */
	char *body;         /* an answer that is still to be parsed */
	size_t body_n;
	char *next_page; /* where the list goes on after it, or NULL */
};

static void finish(void *arg)
{
	struct hub_ask *ask = arg;

	if (ask->error.code == ERR_NONE && ask->is_cancelled)
		(void)error_set(&ask->error, ERR_CANCELLED, "nobody waits for it any more");
	if (ask->error.code != ERR_NONE)
		ask->hooks.done(ask->ctx, NULL, &ask->error);
	else
		ask->hooks.done(ask->ctx, ask->next_page, NULL);
	free(ask->bearer);
	free(ask->url);
	free(ask->subject);
	free(ask->what);
	free(ask->body);
	free(ask->next_page);
	free(ask);
}

/* --- making sense of an answer --- */

static void parse(struct pool_task *task)
{
	struct hub_ask *ask = (struct hub_ask *)task;
	struct str body = { .p = ask->body, .n = ask->body_n };

	(void)ask->hooks.parse(ask->ctx, body, ask->next_page == NULL, &ask->error);
	free(ask->body);
	ask->body = NULL;
}

static struct hub_ask *take_unparsed(struct hub *hub)
{
	struct hub_ask *ask = hub->unparsed;

	hub->unparsed = ask->next_unparsed;
	if (hub->unparsed == NULL)
		hub->unparsed_last = &hub->unparsed;
	return ask;
}

static void parse_next(struct hub *hub)
{
	while (hub->parsing == NULL && hub->unparsed != NULL) {
		struct hub_ask *ask = take_unparsed(hub);

		if (ask->is_cancelled) {
			finish(ask);
			continue;
		}
		hub->parsing = ask;
		pool_submit(hub->pool, &ask->task);
	}
}

static void on_parsed(struct pool_task *task)
{
	struct hub_ask *ask = (struct hub_ask *)task;

	ask->hub->parsing = NULL;
	parse_next(ask->hub);
	finish(ask);
}

/* Where the list goes on, if it does: 0, or -1 when that is at somebody else's. */
static int read_next_page(struct hub_ask *ask, const struct fetch_answer *answer,
			  struct error *err)
{
	AUTO_CSTR link = hub_parse_link_next(str_from(answer->head.headers[FETCH_LINK]));
	AUTO_CSTR shown = NULL;

	if (link == NULL)
		return 0;
	ask->next_page = hub_url_join(ask->url, str_from(link), err);
	if (ask->next_page == NULL)
		return -1;
	if (hub_url_is_same_origin(ask->next_page, hub_endpoint(ask->hub)))
		return 0;
	shown = hub_url_for_log(ask->next_page);
	return error_set(err, ERR_HUB_PROTOCOL, "the list goes on at a foreign host: %s",
			 shown);
}

static void begin_parsing(struct hub_ask *ask, const struct fetch_answer *answer)
{
	struct hub *hub = ask->hub;

	ask->body = str_dup(answer->body);
	ask->body_n = answer->body.n;
	*hub->unparsed_last = ask;
	hub->unparsed_last = &ask->next_unparsed;
	parse_next(hub);
}

/* --- the request --- */

/* What goes along to the endpoint's own origin, or NULL. */
static const char *bearer_of(const struct hub_ask *ask)
{
	bool is_home = hub_url_is_same_origin(ask->url, hub_endpoint(ask->hub));

	return is_home && ask->bearer != NULL ? ask->bearer : hub_bearer(ask->hub, ask->url);
}

static void request(struct hub_ask *ask);

static int on_redirect(struct hub_ask *ask, const struct fetch_answer *answer,
		       struct error *err)
{
	char *url = hub_redirect(ask->url, &answer->head, &ask->hops, err);

	if (url == NULL)
		return -1;
	free(ask->url);
	ask->url = url;
	request(ask);
	return 0;
}

static int handle_answer(struct hub_ask *ask, const struct fetch_answer *answer,
			 struct error *err)
{
	if (answer->error.code == ERR_NONE && answer->head.status / 100 == 3)
		return on_redirect(ask, answer, err);
	if (hub_check_answer(ask->hub, ask->url, answer, false, bearer_of(ask) != NULL,
			     ask->subject, ask->what, err) < 0 ||
	    read_next_page(ask, answer, err) < 0)
		return -1;
	begin_parsing(ask, answer);
	return 0;
}

static void on_answer(void *ctx, const struct fetch_answer *answer)
{
	struct hub_ask *ask = ctx;

	ask->fetch_id = 0;
	if (ask->bearer == NULL) /* that of another is not ours */
		hub_note_quota(ask->hub, ask->url, &answer->head);
	if (ask->is_cancelled || handle_answer(ask, answer, &ask->error) < 0)
		finish(ask);
}

static void request(struct hub_ask *ask)
{
	struct hub *hub = ask->hub;
	struct fetch_request wanted = {
		.url = ask->url,
		.bearer = bearer_of(ask),
		.is_foreign = !hub_url_is_same_origin(ask->url, hub_endpoint(hub)),
		.accept = "application/json",
		.body_max = HUB_ANSWER_MAX,
		.total_timeout_ms = HUB_TIMEOUT_MS,
	};

	if (hub_check_online(hub, &ask->error) < 0 ||
	    (ask->bearer == NULL && hub_check_quota(hub, ask->url, &ask->error) < 0)) {
		loop_defer(hub->loop, finish, ask);
		return;
	}
	ask->fetch_id = fetch_start(hub->fetch, &wanted, on_answer, ask);
}

struct hub_ask *hub_ask(struct hub *hub, char *take_url, const char *subject, const char *what,
			const struct hub_ask_hooks *hooks, void *ctx)
{
	struct hub_ask *ask = mem_alloc(sizeof(*ask));

	ask->task.run = parse;
	ask->task.done = on_parsed;
	ask->hub = hub;
	ask->hooks = *hooks;
	ask->hooks.bearer = NULL;
	ask->bearer = mem_strdup(hooks->bearer);
	ask->ctx = ctx;
	ask->url = take_url;
	ask->subject = mem_strdup(subject);
	ask->what = what != NULL ? mem_strdup(what) : NULL;
	request(ask);
	return ask;
}

void hub_ask_cancel(struct hub_ask *ask)
{
	ask->is_cancelled = true;
	if (ask->fetch_id != 0)
		fetch_cancel(ask->hub->fetch, ask->fetch_id);
}
