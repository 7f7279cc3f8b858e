/*
 * What the files of hub share; nobody else includes it.
 */
#ifndef DOWNLOADER_HUB_INTERNAL_H
#define DOWNLOADER_HUB_INTERNAL_H

#include "downloader/hub.h"
#include "downloader/hub_list.h"

struct hub_ask;

/* The Hub counts what is asked of it in buckets of their own. */
enum bucket {
	BUCKET_API,
	BUCKET_RESOLVERS,
	BUCKET_COUNT,
};

/* What one bucket still gives. */
struct quota {
	bool is_known;
	uint64_t remaining;
	uint64_t filled_ms; /* by the steady clock: when it is full again */
};

/* A listing that is believed for a while. */
struct hub_kept {
	enum repo_type type;
	char *repo;
	char *revision;
	struct hub_listing *listing; /* NULL: the place is free */
	uint64_t until_ms;
};

struct hub {
	struct loop *loop;
	struct fetch *fetch;
	struct pool *pool;
	char *endpoint;
	char *token;
	unsigned generation; /* of the token */
	bool is_offline;
	struct quota quotas[BUCKET_COUNT];
	/* hub_ask.c: */
	struct hub_ask *parsing;  /* a worker has it, or NULL */
	struct hub_ask *unparsed; /* they wait for their turn */
	struct hub_ask **unparsed_last;
	/* hub_list.c: */
	struct hub_kept kept[HUB_KEPT_MAX];
};

/* Forgets all listings. */
void hub_list_clear(struct hub *hub);

#endif
