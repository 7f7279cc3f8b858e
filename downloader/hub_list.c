/*
 * A call walks: revision info, then the tree, page by page. It survives until the question
 * under way has come home, also when it was cancelled meanwhile.
 */
#include "downloader/hub_list.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/hub.h"
#include "downloader/hub_ask.h"
#include "downloader/hub_internal.h"
#include "downloader/hub_url.h"

struct hub_call {
	struct hub *hub;
	unsigned generation; /* of the token that it is asked with */
	enum repo_type type;
	char *repo;     /* as asked for */
	char *revision; /* as asked for */
	struct hub_ask *ask;
	unsigned pages;
	struct hub_listing *listing; /* being made; the worker's while it is parsed */
	bool has_info;
	struct error error;
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

static void forget(struct hub_kept *kept)
{
	free(kept->repo);
	free(kept->revision);
	hub_listing_free(&kept->listing);
	*kept = (struct hub_kept){ .listing = NULL };
}

static struct hub_listing *recall(struct hub *hub, enum repo_type type, const char *repo,
				  const char *revision)
{
	for (size_t i = 0; i < HUB_KEPT_MAX; i++) {
		struct hub_kept *kept = &hub->kept[i];

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
static struct hub_kept *oldest(struct hub *hub, bool must_hold)
{
	struct hub_kept *best = NULL;

	for (size_t i = 0; i < HUB_KEPT_MAX; i++) {
		struct hub_kept *kept = &hub->kept[i];

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
		struct hub_kept *kept = &hub->kept[i];

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
	struct hub_kept *kept;

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

void hub_list_clear(struct hub *hub)
{
	for (size_t i = 0; i < HUB_KEPT_MAX; i++)
		forget(&hub->kept[i]);
}

/* --- a call --- */

static void finish(void *arg)
{
	struct hub_call *call = arg;
	bool failed = call->error.code != ERR_NONE;

	if (call->done != NULL && failed)
		call->done(call->ctx, NULL, &call->error);
	else if (call->done != NULL)
		call->done(call->ctx, MOVE(call->listing), NULL);
	hub_listing_free(&call->listing);
	free(call->repo);
	free(call->revision);
	free(call);
}

static int parse(void *ctx, struct str body, bool is_last, struct error *err)
{
	struct hub_call *call = ctx;
	struct hub_listing *listing = call->listing;

	if (!call->has_info)
		return hub_parse_info(body, &listing->info, err);
	if (hub_parse_tree(listing->tree, body, err) < 0)
		return -1;
	return is_last ? hub_tree_finish(listing->tree, err) : 0;
}

static void on_answer(void *ctx, const char *next_page, const struct error *err);

static void ask(struct hub_call *call, char *take_url)
{
	static const struct hub_ask_hooks hooks = { .parse = parse, .done = on_answer };

	call->ask = hub_ask(call->hub, take_url, call->repo, call->revision, &hooks, call);
}

/* The canonical name and the commit are known: the rest is asked for by them. */
static void on_info(struct hub_call *call)
{
	const struct hub_info *info = &call->listing->info;

	call->has_info = true;
	ask(call, hub_url_tree(hub_endpoint(call->hub), call->type, info->repo, info->commit));
}

static void on_last_page(struct hub_call *call)
{
	struct hub_listing *listing = call->listing;

	if (call->generation != hub_generation(call->hub)) {
		finish(call);
		return;
	}
	keep(call->hub, call->type, call->repo, call->revision, listing);
	if (strcmp(call->revision, listing->info.commit) != 0 ||
	    strcmp(call->repo, listing->info.repo) != 0)
		keep(call->hub, call->type, listing->info.repo, listing->info.commit, listing);
	finish(call);
}

static void on_answer(void *ctx, const char *next_page, const struct error *err)
{
	struct hub_call *call = ctx;

	call->ask = NULL;
	if (err != NULL)
		call->error = *err;
	else if (next_page != NULL && ++call->pages > HUB_PAGES_MAX)
		(void)error_set(&call->error, ERR_TOO_MANY_FILES,
				"%s: more than %d pages of files", call->repo, HUB_PAGES_MAX);
	if (call->done == NULL || call->error.code != ERR_NONE)
		finish(call);
	else if (!call->has_info)
		on_info(call);
	else if (next_page != NULL)
		ask(call, mem_strdup(next_page));
	else
		on_last_page(call);
}

struct hub_call *hub_list(struct hub *hub, enum repo_type type, const char *repo,
			  const char *revision, hub_listing_fn done, void *ctx)
{
	struct hub_call *call = mem_alloc(sizeof(*call));

	call->hub = hub;
	call->generation = hub_generation(hub);
	call->type = type;
	call->repo = mem_strdup(repo);
	call->revision = mem_strdup(revision);
	call->done = done;
	call->ctx = ctx;
	call->listing = recall(hub, type, repo, revision);
	if (call->listing != NULL) {
		loop_defer(hub->loop, finish, call);
		return call;
	}
	call->listing = mem_alloc(sizeof(*call->listing));
	call->listing->refs = 1;
	call->listing->tree = hub_tree_new();
	ask(call, hub_url_revision(hub->endpoint, type, repo, revision));
	return call;
}

void hub_call_cancel(struct hub_call **call)
{
	struct hub_call *c = *call;

	*call = NULL;
	if (c == NULL)
		return;
	c->done = NULL;
	if (c->ask != NULL)
		hub_ask_cancel(c->ask);
}
