/*
 * A search at the Hub (HUB-API 7), page by page. Answers are kept for a short while: people go
 * back and forth between a list and what is in it.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_HUB_SEARCH_H
#define DOWNLOADER_HUB_SEARCH_H

#include "downloader/hub_parse_search.h"

struct hub;
struct hub_search;

enum {
	HUB_CURSOR_MAX = 1024,          /* bytes */
	HUB_SEARCH_KEEP_MS = 60 * 1000, /* how long an answer is believed */
	HUB_SEARCH_KEPT_MAX = 16,       /* answers kept */
	HUB_SEARCH_LIMIT = 30,          /* rows of a page, unless others are asked for */
};

enum hub_order {
	HUB_BY_TRENDING,
	HUB_BY_DOWNLOADS,
	HUB_BY_LIKES,
	HUB_BY_MODIFIED,
	HUB_BY_CREATED,
	HUB_ORDER_COUNT,
};

/* What is looked for. Views; empty means any. */
struct hub_query {
	enum repo_type type;
	struct str text; /* part of the name */
	struct str author;
	struct str task;         /* text-generation, ... */
	struct str tags;         /* with commas between them; all must be there */
	struct str format;       /* a hub_format's name */
	uint64_t min_parameters; /* 0: no limit */
	uint64_t max_parameters;
	enum hub_order order;
	unsigned limit;    /* 1..HUB_ROWS_MAX */
	struct str cursor; /* an earlier page's of the same query; empty: the first page */
};

/* One page of an answer. Immutable. */
struct hub_found {
	unsigned refs; /* its own */
	struct hub_row *rows;
	size_t n;
	char *cursor; /* NULL on the last page */
};

/* Is this a cursor that could have been given out? */
bool hub_cursor_is_valid(struct str cursor);

struct hub_search *hub_search_new(struct hub *hub);
void hub_search_free(struct hub_search **search); /* before its hub */

/* `done` is called once, never before this returns: with a page, borrowed for the call, or NULL
 * and the error. */
typedef void (*hub_found_fn)(void *ctx, const struct hub_found *found, const struct error *err);
void hub_search(struct hub_search *search, const struct hub_query *query, hub_found_fn done,
		void *ctx);

#endif
