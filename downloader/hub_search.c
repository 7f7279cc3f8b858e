/*
 * An answer is kept under the address that was asked for. A cursor is what the Hub's link to
 * the next page has under that name, quoting and all: the rest of that link is what was asked
 * for and is made anew, so that a cursor cannot lead anywhere else.
 */
#include "downloader/hub_search.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "downloader/hub.h"
#include "downloader/hub_ask.h"
#include "downloader/hub_url.h"

enum {
	PARAMS_MAX = 48,
	TAGS_MAX = 16,
};

#define MILLION 1000000

struct kept {
	unsigned generation;
	char *url;
	struct hub_found *found;
	uint64_t until_ms;
};

struct hub_search {
	struct hub *hub;
	struct kept kept[HUB_SEARCH_KEPT_MAX];
};

struct call {
	struct hub_search *search;
	unsigned generation; /* of the token that it is asked with */
	char *url;
	struct hub_found *found; /* the worker's while it parses */
	hub_found_fn done;
	void *ctx;
};

static void found_release(struct hub_found **found)
{
	struct hub_found *f = *found;

	*found = NULL;
	if (f == NULL || --f->refs > 0)
		return;
	free(f->rows);
	free(f->cursor);
	free(f);
}

/* --- what is kept --- */

static void forget(struct kept *kept)
{
	free(kept->url);
	found_release(&kept->found);
	*kept = (struct kept){ .url = NULL };
}

static struct hub_found *recall(struct hub_search *search, const char *url)
{
	for (size_t i = 0; i < HUB_SEARCH_KEPT_MAX; i++) {
		struct kept *kept = &search->kept[i];

		if (kept->url == NULL || strcmp(kept->url, url) != 0)
			continue;
		if (kept->until_ms < clock_steady_ms() ||
		    kept->generation != hub_generation(search->hub)) {
			forget(kept);
			return NULL;
		}
		kept->found->refs++;
		return kept->found;
	}
	return NULL;
}

/* In the place of what ends first; free places end at 0. */
static void keep(struct hub_search *search, unsigned generation, const char *url,
		 struct hub_found *found)
{
	struct kept *oldest = &search->kept[0];

	for (size_t i = 1; i < HUB_SEARCH_KEPT_MAX; i++) {
		if (search->kept[i].until_ms < oldest->until_ms)
			oldest = &search->kept[i];
	}
	forget(oldest);
	oldest->generation = generation;
	oldest->url = mem_strdup(url);
	oldest->found = found;
	oldest->until_ms = clock_steady_ms() + HUB_SEARCH_KEEP_MS;
	found->refs++;
}

struct hub_search *hub_search_new(struct hub *hub)
{
	struct hub_search *search = mem_alloc(sizeof(*search));

	search->hub = hub;
	return search;
}

void hub_search_free(struct hub_search **search)
{
	if (*search == NULL)
		return;
	for (size_t i = 0; i < HUB_SEARCH_KEPT_MAX; i++)
		forget(&(*search)->kept[i]);
	free(*search);
	*search = NULL;
}

/* --- the address --- */

struct params {
	struct hub_url_param v[PARAMS_MAX];
	size_t n;
};

static void add(struct params *params, const char *name, struct str value)
{
	assert(params->n < PARAMS_MAX);
	if (value.n > 0)
		params->v[params->n++] = (struct hub_url_param){ .name = name, .value = value };
}

static void add_filters(struct params *params, const struct hub_query *query)
{
	struct str rest = query->tags;
	struct str tag;

	add(params, "filter", query->format);
	for (unsigned i = 0; i < TAGS_MAX && str_next(&rest, ',', &tag); i++)
		add(params, "filter", str_trim(tag));
}

/* What a page shows of a row. "gguf" brings a chat template along, which is why pages are
 * short; the alternative is not to know how large a model is. */
static void add_facts(struct params *params, enum repo_type type)
{
	static const char *const both[] = { "downloads", "likes", "lastModified",
					    "gated",     "tags",  "private" };
	static const char *const models[] = { "pipeline_tag", "library_name", "safetensors",
					      "gguf" };

	for (size_t i = 0; i < ARRAY_LEN(both); i++)
		add(params, "expand", str_from(both[i]));
	for (size_t i = 0; type == REPO_MODEL && i < ARRAY_LEN(models); i++)
		add(params, "expand", str_from(models[i]));
}

/* "min:7000M,max:13000M" */
static char *parameters_text(const struct hub_query *query)
{
	AUTO(buf) b = buf_new(128);

	if (query->min_parameters > 0)
		buf_addf(b, "min:%" PRIu64 "M", query->min_parameters / MILLION);
	if (query->max_parameters > 0)
		buf_addf(b, "%smax:%" PRIu64 "M", query->min_parameters > 0 ? "," : "",
			 query->max_parameters / MILLION);
	return buf_take(b);
}

static char *address_of(const struct hub *hub, const struct hub_query *query)
{
	static const char *const orders[] = {
		[HUB_BY_TRENDING] = "trendingScore",
		[HUB_BY_DOWNLOADS] = "downloads",
		[HUB_BY_LIKES] = "likes",
		[HUB_BY_MODIFIED] = "lastModified",
		[HUB_BY_CREATED] = "createdAt",
	};
	struct params params = { .n = 0 };
	AUTO_CSTR parameters = parameters_text(query);
	AUTO_CSTR limit = mem_printf("%u", query->limit);

	static_assert(ARRAY_LEN(orders) == HUB_ORDER_COUNT, "every order has a name");
	add(&params, "search", query->text);
	add(&params, "author", query->author);
	add(&params, "pipeline_tag", query->task);
	add_filters(&params, query);
	add(&params, "num_parameters", str_from(parameters));
	add(&params, "sort", str_from(orders[query->order]));
	add(&params, "limit", str_from(limit));
	add_facts(&params, query->type);
	if (query->cursor.n > 0) {
		add(&params, "cursor", query->cursor);
		params.v[params.n - 1].is_quoted = true;
	}
	return hub_url_search(hub_endpoint(hub), query->type, params.v, params.n);
}

bool hub_cursor_is_valid(struct str cursor)
{
	const struct str others = S("-._~%+/=");

	for (size_t i = 0; i < cursor.n; i++) {
		if (!char_is_alnum(cursor.p[i]) &&
		    str_find_char(others, cursor.p[i]) == others.n)
			return false;
	}
	return cursor.n > 0 && cursor.n <= HUB_CURSOR_MAX;
}

/* --- a call --- */

static int parse(void *ctx, struct str body, bool is_last, struct error *err)
{
	struct call *call = ctx;

	(void)is_last;
	return hub_parse_search(body, &call->found->rows, &call->found->n, err);
}

static void end(struct call *call, const struct error *err)
{
	call->done(call->ctx, err == NULL ? call->found : NULL, err);
	found_release(&call->found);
	free(call->url);
	free(call);
}

static void on_answer(void *ctx, const char *next_page, const struct error *err)
{
	struct call *call = ctx;
	struct str cursor = { .n = 0 };

	if (next_page != NULL)
		cursor = hub_url_quoted(next_page, S("cursor"));
	if (hub_cursor_is_valid(cursor))
		call->found->cursor = str_dup(cursor);
	if (err == NULL)
		keep(call->search, call->generation, call->url, call->found);
	end(call, err);
}

static void on_recalled(void *ctx)
{
	end(ctx, NULL);
}

void hub_search(struct hub_search *search, const struct hub_query *query, hub_found_fn done,
		void *ctx)
{
	static const struct hub_ask_hooks hooks = { .parse = parse, .done = on_answer };
	struct call *call = mem_alloc(sizeof(*call));

	call->search = search;
	call->generation = hub_generation(search->hub);
	call->url = address_of(search->hub, query);
	call->done = done;
	call->ctx = ctx;
	call->found = recall(search, call->url);
	if (call->found != NULL) {
		loop_defer(hub_loop(search->hub), on_recalled, call);
		return;
	}
	call->found = mem_alloc(sizeof(*call->found));
	call->found->refs = 1;
	(void)hub_ask(search->hub, mem_strdup(call->url), "the search", NULL, &hooks, call);
}
