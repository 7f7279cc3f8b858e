/*
 * A call walks: revision info (following the Hub's relative redirects for renamed and wrongly
 * spelled names), then the tree, page by page. Each request is one fetch, each answer one task
 * of the file workers; the call survives until the last of them has come home, also when it was
 * cancelled meanwhile.
 */
#include "downloader/hub.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/hub_url.h"

struct kept {
	enum repo_type type;
	char *repo;
	char *revision;
	struct hub_listing *listing;
	uint64_t until_ms;
};

/* The Hub counts what is asked of it in buckets of their own. */
enum bucket {
	BUCKET_API,
	BUCKET_RESOLVERS,
	BUCKET_COUNT,
};

/* One that is used up; zero when it is not, or nothing is known. */
struct quota {
	uint64_t filled_ms; /* by the steady clock */
};

struct hub {
	struct loop *loop;
	struct fetch *fetch;
	struct pool *pool;
	struct hub_call *parsing;  /* a worker has it, or NULL */
	struct hub_call *unparsed; /* they wait for their turn */
	struct hub_call **unparsed_last;
	char *endpoint;
	char *token;
	bool is_offline;
	struct quota quotas[BUCKET_COUNT];
	struct kept kept[HUB_KEPT_MAX];
};

struct hub_call {
	struct pool_task task; /* first */
	struct hub_call *next_unparsed;
	struct hub *hub;
	enum repo_type type;
	char *repo;     /* as asked for */
	char *revision; /* as asked for */
	char *url;      /* of the request under way */
	uint64_t fetch_id;
	unsigned hops;
	unsigned pages;
	struct hub_listing *listing; /* being made; the worker's while the hub is parsing it */
	bool has_info;
	struct error error; /* the worker's too */
	char *body;         /* an answer that is still to be parsed */
	size_t body_n;
	char *next_page;     /* where the list goes on after it, or NULL */
	hub_listing_fn done; /* NULL once cancelled */
	void *ctx;
};

/* --- listings --- */

struct hub_listing *hub_listing_hold(struct hub_listing *listing)
{
	listing->refs++;
	return listing;
}

void hub_listing_free(struct hub_listing **listing)
{
	struct hub_listing *l = *listing;

	*listing = NULL;
	if (l == NULL || --l->refs > 0)
		return;
	hub_tree_free(&l->tree);
	free(l);
}

static void forget(struct kept *kept)
{
	free(kept->repo);
	free(kept->revision);
	hub_listing_free(&kept->listing);
	*kept = (struct kept){ .listing = NULL };
}

static struct hub_listing *recall(struct hub *hub, enum repo_type type, const char *repo,
				  const char *revision)
{
	for (size_t i = 0; i < HUB_KEPT_MAX; i++) {
		struct kept *kept = &hub->kept[i];

		if (kept->listing != NULL && kept->until_ms < clock_steady_ms())
			forget(kept);
		if (kept->listing != NULL && kept->type == type &&
		    strcmp(kept->repo, repo) == 0 && strcmp(kept->revision, revision) == 0)
			return hub_listing_hold(kept->listing);
	}
	return NULL;
}

/* The place whose listing ends first: any place (empty ones end at 0), or one that holds a
 * listing. */
static struct kept *oldest(struct hub *hub, bool must_hold)
{
	struct kept *best = NULL;

	for (size_t i = 0; i < HUB_KEPT_MAX; i++) {
		struct kept *kept = &hub->kept[i];

		if (must_hold && kept->listing == NULL)
			continue;
		if (best == NULL || kept->until_ms < best->until_ms)
			best = kept;
	}
	return best;
}

void hub_forget(struct hub *hub, enum repo_type type, const char *repo)
{
	for (size_t i = 0; i < HUB_KEPT_MAX; i++) {
		struct kept *kept = &hub->kept[i];

		if (kept->listing != NULL && kept->type == type &&
		    strcmp(kept->repo, repo) == 0 && !commit_is_valid(str_from(kept->revision)))
			forget(kept);
	}
}

static size_t count_kept_files(const struct hub *hub)
{
	size_t n = 0;

	for (size_t i = 0; i < HUB_KEPT_MAX; i++) {
		if (hub->kept[i].listing != NULL)
			n += hub->kept[i].listing->tree->n;
	}
	return n;
}

static void keep(struct hub *hub, enum repo_type type, const char *repo, const char *revision,
		 struct hub_listing *listing)
{
	struct kept *kept;

	while (count_kept_files(hub) + listing->tree->n > HUB_KEPT_FILES_MAX)
		forget(oldest(hub, true));
	kept = oldest(hub, false);
	forget(kept);
	kept->type = type;
	kept->repo = mem_strdup(repo);
	kept->revision = mem_strdup(revision);
	kept->listing = hub_listing_hold(listing);
	kept->until_ms =
		clock_steady_ms() +
		(commit_is_valid(str_from(revision)) ? HUB_KEEP_COMMIT_MS : HUB_KEEP_MS);
}

/* --- the hub --- */

struct hub *hub_new(struct loop *loop, struct fetch *fetch, struct pool *pool,
		    const char *endpoint, const char *token, bool is_offline)
{
	struct hub *hub = mem_alloc(sizeof(*hub));

	hub->loop = loop;
	hub->fetch = fetch;
	hub->pool = pool;
	hub->unparsed_last = &hub->unparsed;
	hub->endpoint = mem_strdup(endpoint);
	hub->token = mem_strdup(token);
	hub->is_offline = is_offline;
	return hub;
}

void hub_free(struct hub **hub)
{
	if (*hub == NULL)
		return;
	for (size_t i = 0; i < HUB_KEPT_MAX; i++)
		forget(&(*hub)->kept[i]);
	free((*hub)->endpoint);
	free((*hub)->token);
	free(*hub);
	*hub = NULL;
}

const char *hub_endpoint(const struct hub *hub)
{
	return hub->endpoint;
}

struct loop *hub_loop(struct hub *hub)
{
	return hub->loop;
}

struct fetch *hub_fetch(struct hub *hub)
{
	return hub->fetch;
}

const char *hub_bearer(const struct hub *hub, const char *url)
{
	if (hub->token[0] == '\0' || !hub_url_is_same_origin(url, hub->endpoint))
		return NULL;
	return hub->token;
}

int hub_check_online(const struct hub *hub, struct error *err)
{
	if (hub->is_offline)
		return error_set(err, ERR_OFFLINE,
				 "LARDER_OFFLINE is set: the Hub is not asked");
	return 0;
}

/* --- quotas --- */

static enum bucket bucket_of(const char *url)
{
	struct str path = str_from(url);

	return str_find(path, S("/resolve/")) < path.n ? BUCKET_RESOLVERS : BUCKET_API;
}

void hub_note_quota(struct hub *hub, const char *url, const struct fetch_head *head)
{
	struct quota *quota = &hub->quotas[bucket_of(url)];
	uint64_t remaining;
	uint64_t reset_s;

	if (!hub_url_is_same_origin(url, hub->endpoint) ||
	    hub_parse_ratelimit(str_from(head->headers[FETCH_RATELIMIT]), &remaining,
				&reset_s) < 0)
		return;
	quota->filled_ms = remaining > 0 ? 0 : clock_steady_ms() + (reset_s + 1) * 1000;
}

int hub_check_quota(const struct hub *hub, const char *url, struct error *err)
{
	const struct quota *quota = &hub->quotas[bucket_of(url)];
	uint64_t now_ms = clock_steady_ms();

	if (quota->filled_ms <= now_ms || !hub_url_is_same_origin(url, hub->endpoint))
		return 0;
	(void)error_set(err, ERR_RATE_LIMITED,
			"the Hub's quota of requests is used up for now");
	err->retry_after_s = (unsigned)((quota->filled_ms - now_ms + 999) / 1000);
	return -1;
}

/* Did the other side, or the way there, do this? A full disk is nobody's address. */
static bool is_of_the_net(enum error_code code)
{
	return code == ERR_NETWORK || code == ERR_TIMEOUT || code == ERR_HUB_PROTOCOL ||
	       code == ERR_RANGE_IGNORED;
}

int hub_check_answer(const struct hub *hub, const char *url, const struct fetch_answer *answer,
		     bool is_content, const char *repo, const char *what, struct error *err)
{
	char *const *headers = answer->head.headers;
	struct hub_failure failure = {
		.status = answer->head.status,
		.is_hub = hub_url_is_same_origin(url, hub->endpoint),
		.is_content = is_content,
		.token_was_sent = hub_bearer(hub, url) != NULL,
		.error_code = str_from(headers[FETCH_ERROR_CODE]),
		.error_message = str_from(headers[FETCH_ERROR_MESSAGE]),
		.ratelimit = str_from(headers[FETCH_RATELIMIT]),
		.retry_after = str_from(headers[FETCH_RETRY_AFTER]),
		.content_type = str_from(headers[FETCH_CONTENT_TYPE]),
		.body = answer->body,
		.repo = repo,
		.what = what,
	};

	if (answer->error.code != ERR_NONE) {
		AUTO_CSTR shown = hub_url_for_log(url);

		*err = answer->error;
		return is_of_the_net(err->code) ? error_prefix(err, "%s", shown) : -1;
	}
	if (answer->head.status / 100 == 2)
		return 0;
	return hub_parse_failure(&failure, (uint64_t)(clock_unix_ms() / 1000), err);
}

char *hub_redirect(const char *url, const struct fetch_head *head, unsigned *hops,
		   struct error *err)
{
	const char *location = head->headers[FETCH_LOCATION];

	if (location == NULL) {
		(void)error_set(err, ERR_HUB_PROTOCOL, "a redirect says not where to");
		return NULL;
	}
	if (++*hops > HUB_HOPS_MAX) {
		(void)error_set(err, ERR_HUB_PROTOCOL, "more than %d redirects", HUB_HOPS_MAX);
		return NULL;
	}
	return hub_url_join(url, str_from(location), err);
}

/* --- a listing call --- */

static void request(struct hub_call *call);

static void call_free(struct hub_call *call)
{
	hub_listing_free(&call->listing);
	free(call->repo);
	free(call->revision);
	free(call->url);
	free(call->body);
	free(call->next_page);
	free(call);
}

static void finish(void *arg)
{
	struct hub_call *call = arg;
	bool failed = call->error.code != ERR_NONE;

	if (call->done != NULL && failed)
		call->done(call->ctx, NULL, &call->error);
	else if (call->done != NULL)
		call->done(call->ctx, MOVE(call->listing), NULL);
	call_free(call);
}

static void go_to(struct hub_call *call, char *take_url)
{
	free(call->url);
	call->url = take_url;
	request(call);
}

/* The canonical name and the commit are known: the rest is asked for by them. */
static void on_info(struct hub_call *call)
{
	const struct hub_info *info = &call->listing->info;

	call->has_info = true;
	call->hops = 0;
	go_to(call, hub_url_tree(call->hub->endpoint, call->type, info->repo, info->commit));
}

static void on_last_page(struct hub_call *call)
{
	struct hub_listing *listing = call->listing;

	keep(call->hub, call->type, call->repo, call->revision, listing);
	if (strcmp(call->revision, listing->info.commit) != 0 ||
	    strcmp(call->repo, listing->info.repo) != 0)
		keep(call->hub, call->type, listing->info.repo, listing->info.commit, listing);
	finish(call);
}

static int go_to_next_page(struct hub_call *call, struct error *err)
{
	char *url;

	if (++call->pages > HUB_PAGES_MAX)
		return error_set(err, ERR_TOO_MANY_FILES, "%s: more than %d pages of files",
				 call->repo, HUB_PAGES_MAX);
	url = hub_url_join(call->url, str_from(call->next_page), err);
	if (url == NULL)
		return -1;
	if (!hub_url_is_same_origin(url, call->hub->endpoint)) {
		AUTO_CSTR shown = hub_url_for_log(url);

		free(url);
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the list of files goes on at a foreign host: %s", shown);
	}
	go_to(call, url);
	return 0;
}

/* --- making sense of an answer --- */

static int parse_body(struct hub_call *call, struct error *err)
{
	struct str body = { .p = call->body, .n = call->body_n };
	struct hub_listing *listing = call->listing;

	if (!call->has_info)
		return hub_parse_info(body, &listing->info, err);
	if (hub_parse_tree(listing->tree, body, err) < 0)
		return -1;
	return call->next_page == NULL ? hub_tree_finish(listing->tree, err) : 0;
}

static void parse(struct pool_task *task)
{
	struct hub_call *call = (struct hub_call *)task;

	(void)parse_body(call, &call->error);
	free(call->body);
	call->body = NULL;
}

static struct hub_call *take_unparsed(struct hub *hub)
{
	struct hub_call *call = hub->unparsed;

	hub->unparsed = call->next_unparsed;
	if (hub->unparsed == NULL)
		hub->unparsed_last = &hub->unparsed;
	return call;
}

static void parse_next(struct hub *hub)
{
	while (hub->parsing == NULL && hub->unparsed != NULL) {
		struct hub_call *call = take_unparsed(hub);

		if (call->done == NULL) {
			finish(call);
			continue;
		}
		hub->parsing = call;
		pool_submit(hub->pool, &call->task);
	}
}

static void on_parsed(struct pool_task *task)
{
	struct hub_call *call = (struct hub_call *)task;

	call->hub->parsing = NULL;
	parse_next(call->hub);
	if (call->done == NULL || call->error.code != ERR_NONE)
		finish(call);
	else if (!call->has_info)
		on_info(call);
	else if (call->next_page == NULL)
		on_last_page(call);
	else if (go_to_next_page(call, &call->error) < 0)
		finish(call);
}

static void begin_parsing(struct hub_call *call, const struct fetch_answer *answer)
{
	struct hub *hub = call->hub;

	call->body = str_dup(answer->body);
	call->body_n = answer->body.n;
	free(call->next_page);
	call->next_page = hub_parse_link_next(str_from(answer->head.headers[FETCH_LINK]));
	call->next_unparsed = NULL;
	*hub->unparsed_last = call;
	hub->unparsed_last = &call->next_unparsed;
	parse_next(hub);
}

static int on_redirect(struct hub_call *call, const struct fetch_answer *answer,
		       struct error *err)
{
	char *url = hub_redirect(call->url, &answer->head, &call->hops, err);

	if (url == NULL)
		return -1;
	go_to(call, url);
	return 0;
}

static int handle_answer(struct hub_call *call, const struct fetch_answer *answer,
			 struct error *err)
{
	if (answer->error.code == ERR_NONE && answer->head.status / 100 == 3)
		return on_redirect(call, answer, err);
	if (hub_check_answer(call->hub, call->url, answer, false, call->repo, call->revision,
			     err) < 0)
		return -1;
	begin_parsing(call, answer);
	return 0;
}

static void on_answer(void *ctx, const struct fetch_answer *answer)
{
	struct hub_call *call = ctx;

	call->fetch_id = 0;
	hub_note_quota(call->hub, call->url, &answer->head);
	if (call->done == NULL || handle_answer(call, answer, &call->error) < 0)
		finish(call);
}

static void send_request(struct hub_call *call)
{
	struct fetch_request wanted = {
		.url = call->url,
		.bearer = hub_bearer(call->hub, call->url),
		.is_foreign = !hub_url_is_same_origin(call->url, call->hub->endpoint),
		.accept = "application/json",
		.body_max = HUB_ANSWER_MAX,
		.total_timeout_ms = HUB_TIMEOUT_MS,
	};

	call->fetch_id = fetch_start(call->hub->fetch, &wanted, on_answer, call);
}

static void request(struct hub_call *call)
{
	if (hub_check_quota(call->hub, call->url, &call->error) < 0) {
		loop_defer(call->hub->loop, finish, call);
		return;
	}
	send_request(call);
}

struct hub_call *hub_list(struct hub *hub, enum repo_type type, const char *repo,
			  const char *revision, hub_listing_fn done, void *ctx)
{
	struct hub_call *call = mem_alloc(sizeof(*call));
	bool is_kept;

	call->task.run = parse;
	call->task.done = on_parsed;
	call->hub = hub;
	call->type = type;
	call->repo = mem_strdup(repo);
	call->revision = mem_strdup(revision);
	call->done = done;
	call->ctx = ctx;
	call->listing = recall(hub, type, repo, revision);
	is_kept = call->listing != NULL;
	if (!is_kept) {
		call->listing = mem_alloc(sizeof(*call->listing));
		call->listing->refs = 1;
		call->listing->tree = hub_tree_new();
	}
	if (is_kept || hub_check_online(hub, &call->error) < 0)
		loop_defer(hub->loop, finish, call);
	else
		go_to(call, hub_url_revision(hub->endpoint, type, repo, revision));
	return call;
}

void hub_call_cancel(struct hub_call **call)
{
	struct hub_call *c = *call;

	*call = NULL;
	if (c == NULL)
		return;
	c->done = NULL;
	if (c->fetch_id != 0)
		fetch_cancel(c->hub->fetch, c->fetch_id);
}
