/*
 * The modules below the queue, put together as daemon.c does it, in a folder of their own and
 * against an answerer that plays the Hub. rig_make() and rig_remove() are a test's setup and
 * teardown.
 */
#ifndef TESTS_UNIT_RIG_H
#define TESTS_UNIT_RIG_H

#include <sqlite3.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/log.h"
#include "downloader/budget.h"
#include "downloader/digest.h"
#include "downloader/file.h"
#include "downloader/hub.h"
#include "downloader/planner.h"
#include "downloader/pool.h"
#include "downloader/store.h"
#include "downloader/feed.h"
#include "downloader/turns.h"
#include "tests/unit/answerer.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

#define RIG_COMMIT "1111111111111111111111111111111111111111"
#define RIG_TOKEN  "hf_rigtoken"
#define RIG_REPO   "acme/tiny"

enum {
	RIG_COPY_LEAST_BYTES = 1, /* what is looked for in the library: all but empty files */
};

/* A file of the played repository. */
struct rig_file {
	const char *path;
	struct str content;
	bool is_lfs;
};

struct rig {
	struct tempdir dir;
	int root; /* of the models directory */
	struct answerer *server;
	char *endpoint;
	struct loop *loop;
	struct pool *pool;
	struct fetch *fetch;
	struct store *store;
	struct hub *hub;
	struct planner *planner;
	struct budget *budget;
	struct turns *turns;
	struct feed_allowance *feeds;
};

/* A rig in a folder that is there already, with what is in it. */
static inline int rig_make_in(void **state, const struct tempdir *dir)
{
	struct rig *rig = mem_alloc(sizeof(*rig));
	AUTO_CSTR models = NULL;
	AUTO_CSTR data = NULL;
	struct error err;

	log_init("unit", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	rig->dir = *dir;
	models = tempdir_path(&rig->dir, "models");
	data = tempdir_path(&rig->dir, "state");
	rig->root = file_open_root(models, &err);
	rig->server = answerer_start();
	rig->endpoint = answerer_url(rig->server, "");
	rig->loop = loop_new(&err);
	rig->pool = pool_new(rig->loop, 2, &err);
	rig->fetch = fetch_new(rig->loop, 2, &err);
	rig->store = store_new(rig->loop, data, &err);
	if (rig->root < 0 || rig->pool == NULL || rig->fetch == NULL || rig->store == NULL)
		return -1;
	rig->hub = hub_new(rig->loop, rig->fetch, rig->pool, rig->endpoint, RIG_TOKEN, false);
	rig->planner = planner_new(rig->loop, rig->pool, rig->hub, rig->root);
	rig->budget = budget_new(rig->loop, 16, 8);
	rig->turns = turns_new(rig->loop);
	rig->feeds = feed_allowance_new(FEED_ALLOWANCE);
	*state = rig;
	return 0;
}

static inline int rig_make(void **state)
{
	struct tempdir dir;

	tempdir_make(&dir);
	return rig_make_in(state, &dir);
}

/* The threads' ends; what they posted has been run. */
static inline void rig_stop(struct rig *rig)
{
	fetch_stop(rig->fetch);
	pool_stop(rig->pool);
	store_stop(rig->store);
	loop_drain(rig->loop);
}

/* The folder stays. */
static inline void rig_leave(struct rig *rig)
{
	rig_stop(rig);
	turns_free(&rig->turns);
	feed_allowance_free(&rig->feeds);
	budget_free(&rig->budget);
	planner_free(&rig->planner);
	hub_free(&rig->hub);
	fetch_free(&rig->fetch);
	pool_free(&rig->pool);
	store_free(&rig->store);
	loop_free(&rig->loop);
	answerer_stop(&rig->server);
	fd_close(&rig->root);
	free(rig->endpoint);
	free(rig);
}

static inline int rig_remove(void **state)
{
	struct rig *rig = *state;
	struct tempdir dir = rig->dir;

	rig_leave(rig);
	tempdir_remove(&dir);
	return 0;
}

/* What another process does to the database, as SQL. */
static inline void rig_meddle(const struct rig *rig, const char *sql)
{
	enum {
		PATIENCE_MS = 10000 /* with a transaction of the store's own */
	};
	AUTO_CSTR path = tempdir_path(&rig->dir, "state/larder.db");
	sqlite3 *handle = NULL;

	if (sqlite3_open(path, &handle) != SQLITE_OK ||
	    sqlite3_busy_timeout(handle, PATIENCE_MS) != SQLITE_OK ||
	    sqlite3_exec(handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		abort();
	(void)sqlite3_close(handle);
}

static inline void rig_digest(const struct rig_file *file, char hex[HUB_DIGEST_MAX + 1])
{
	AUTO(digest)
	digest = digest_new(file->is_lfs ? DIGEST_SHA256 : DIGEST_GIT_SHA1, file->content.n);

	hex[0] = '\0';
	digest_update(digest, file->content);
	digest_hex(digest, hex);
}

/* JSON text that lives as long as the rig's server does: headers are what it frees. */
static inline struct str rig_keep(struct rig *rig, char *take_text)
{
	answerer_add(rig->server,
		     (struct answerer_rule){ .target = "(never)", .headers = take_text });
	return str_from(take_text);
}

static inline struct str rig_tree(struct rig *rig, const struct rig_file *files, size_t n)
{
	AUTO(buf) text = buf_new((size_t)64 * 1024);

	buf_add_char(text, '[');
	for (size_t i = 0; i < n; i++) {
		char hex[HUB_DIGEST_MAX + 1];

		rig_digest(&files[i], hex);
		buf_addf(text,
			 "%s{\"type\":\"file\",\"path\":\"%s\",\"size\":%zu,\"oid\":\"%.40s\"",
			 i > 0 ? "," : "", files[i].path, files[i].content.n, hex);
		if (files[i].is_lfs)
			buf_addf(text,
				 ",\"lfs\":{\"oid\":\"%s\",\"size\":%zu,\"pointerSize\":130}",
				 hex, files[i].content.n);
		buf_add_char(text, '}');
	}
	buf_add_char(text, ']');
	return rig_keep(rig, buf_take(text));
}

/* What the Hub says of the repository: any revision is RIG_COMMIT. */
static inline void rig_serve_listing(struct rig *rig, const struct rig_file *files, size_t n)
{
	answerer_add(rig->server,
		     (struct answerer_rule){
			     .target = "/api/models/" RIG_REPO "/revision/",
			     .status = "200 OK",
			     .body = S("{\"id\":\"" RIG_REPO "\",\"sha\":\"" RIG_COMMIT
				       "\",\"private\":false,\"gated\":false}") });
	answerer_add(rig->server,
		     (struct answerer_rule){ .target = "/api/models/" RIG_REPO "/tree/",
					     .status = "200 OK",
					     .body = rig_tree(rig, files, n) });
}

/* The address under which the Hub gives a file's bytes. */
static inline const char *rig_target(struct rig *rig, const char *path)
{
	return rig_keep(rig, mem_printf("/" RIG_REPO "/resolve/" RIG_COMMIT "/%s", path)).p;
}

/* Everything, as it should be. Rules for faults are added before. */
static inline void rig_serve(struct rig *rig, const struct rig_file *files, size_t n)
{
	rig_serve_listing(rig, files, n);
	for (size_t i = 0; i < n; i++)
		answerer_add(rig->server,
			     (struct answerer_rule){ .target = rig_target(rig, files[i].path),
						     .status = "200 OK",
						     .body = files[i].content,
						     .is_ranged = true });
}

#endif
