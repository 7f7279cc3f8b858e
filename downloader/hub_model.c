/*
 * A call asks for the facts, then for the listing (which a preview of the same repository
 * wants, too, and hub_list keeps), then for the beginning of the card.
 */
#include "downloader/hub_model.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "downloader/card.h"
#include "downloader/hub_ask.h"
#include "downloader/hub_bytes.h"
#include "downloader/hub_list.h"
#include "downloader/hub_url.h"

struct kept {
	enum repo_type type;
	char *repo;
	unsigned generation; /* of the token */
	uint64_t until_ms;
	struct hub_model *model; /* NULL: the place is free */
};

struct hub_models {
	struct hub *hub;
	struct pool *pool;
	struct kept kept[HUB_MODELS_KEPT];
	size_t next; /* the place that is taken next */
	/* One card is read at a time: it may take hundreds of megabytes for a moment. */
	struct call *reading; /* a worker has it, or NULL */
	struct call *unread;  /* they wait for their turn */
	struct call **unread_last;
};

struct call {
	struct pool_task task; /* first: the card is read */
	struct call *next_unread;
	struct hub_models *models;
	unsigned generation;
	enum repo_type type;
	char *repo; /* as asked for */
	struct hub_model *model;
	struct hub_bytes *bytes;
	hub_model_fn done;
	void *ctx;
};

/* --- what is kept --- */

static void release(struct hub_model **model)
{
	struct hub_model *m = *model;

	*model = NULL;
	if (m == NULL || --m->refs > 0)
		return;
	free(m->card);
	free(m->problem);
	free(m);
}

static void forget(struct kept *kept)
{
	free(kept->repo);
	release(&kept->model);
	*kept = (struct kept){ .model = NULL };
}

static struct hub_model *recall(struct hub_models *models, enum repo_type type,
				const char *repo)
{
	for (size_t i = 0; i < HUB_MODELS_KEPT; i++) {
		struct kept *kept = &models->kept[i];

		if (kept->model == NULL || kept->type != type || strcmp(kept->repo, repo) != 0)
			continue;
		if (kept->until_ms < clock_steady_ms() ||
		    kept->generation != hub_generation(models->hub)) {
			forget(kept);
			return NULL;
		}
		kept->model->refs++;
		return kept->model;
	}
	return NULL;
}

static void keep(struct call *call)
{
	struct hub_models *models = call->models;
	struct kept *kept = &models->kept[models->next];

	models->next = (models->next + 1) % HUB_MODELS_KEPT;
	forget(kept);
	*kept = (struct kept){ .type = call->type,
			       .repo = mem_strdup(call->repo),
			       .generation = call->generation,
			       .until_ms = clock_steady_ms() + HUB_MODEL_KEEP_MS,
			       .model = call->model };
	call->model->refs++;
}

struct hub_models *hub_models_new(struct hub *hub, struct pool *pool)
{
	struct hub_models *models = mem_alloc(sizeof(*models));

	models->hub = hub;
	models->pool = pool;
	models->unread_last = &models->unread;
	return models;
}

void hub_models_free(struct hub_models **models)
{
	if (*models == NULL)
		return;
	for (size_t i = 0; i < HUB_MODELS_KEPT; i++)
		forget(&(*models)->kept[i]);
	free(*models);
	*models = NULL;
}

/* --- one call --- */

static void end(struct call *call, const struct error *err)
{
	call->done(call->ctx, err == NULL ? call->model : NULL, err);
	release(&call->model);
	hub_bytes_free(&call->bytes);
	free(call->repo);
	free(call);
}

static void end_well(struct call *call)
{
	keep(call);
	end(call, NULL);
}

/* There is a card, but not for us, or not now: not kept, so that it is asked for again. */
static void end_without_card(struct call *call, const struct error *err)
{
	call->model->problem = mem_strdup(err->text);
	end(call, NULL);
}

/* --- the card --- */

/* On a file worker. */
static void read_card(struct pool_task *task)
{
	struct call *call = (struct call *)task;
	const struct hubfile_identity *file = hub_bytes_identity(call->bytes);
	const char *endpoint = hub_endpoint(call->models->hub);
	AUTO_CSTR page =
		hub_url_blob(endpoint, file->type, file->repo, file->commit, file->path);
	AUTO_CSTR files =
		hub_url_resolve(endpoint, file->type, file->repo, file->commit, file->path);
	AUTO_JSON tokens = NULL;
	struct error err;

	if (card_read(hub_bytes_str(call->bytes), page, files, &tokens, &err) < 0) {
		call->model->problem = mem_strdup(err.text);
		return;
	}
	call->model->card = str_dup(json_text(tokens));
	call->model->is_cut = file->size > CARD_MAX;
}

static void read_next(struct hub_models *models)
{
	struct call *call = models->unread;

	if (models->reading != NULL || call == NULL)
		return;
	models->unread = call->next_unread;
	if (models->unread == NULL)
		models->unread_last = &models->unread;
	models->reading = call;
	pool_submit(models->pool, &call->task);
}

static void on_read(struct pool_task *task)
{
	struct call *call = (struct call *)task;
	struct hub_models *models = call->models;

	models->reading = NULL;
	read_next(models);
	end_well(call);
}

static void on_bytes(void *ctx, const struct error *err)
{
	struct call *call = ctx;

	if (err != NULL) {
		end_without_card(call, err);
		return;
	}
	call->task.run = read_card;
	call->task.done = on_read;
	*call->models->unread_last = call;
	call->models->unread_last = &call->next_unread;
	read_next(call->models);
}

static void on_listed(void *ctx, struct hub_listing *take_listing, const struct error *err)
{
	struct call *call = ctx;
	const struct hub_file *file;
	struct hubfile_identity identity;

	if (err != NULL) {
		end_without_card(call, err);
		return;
	}
	file = hub_tree_find(take_listing->tree, "README.md");
	if (file == NULL || file->size == 0) {
		hub_listing_free(&take_listing);
		end_well(call);
		return;
	}
	identity = (struct hubfile_identity){ .type = call->type,
					      .repo = take_listing->info.repo,
					      .commit = take_listing->info.commit,
					      .path = file->path,
					      .digest = file->digest,
					      .size = file->size };
	call->bytes = hub_bytes_new(call->models->hub, &identity);
	hub_listing_free(&take_listing);
	hub_bytes_ask(call->bytes, CARD_MAX, on_bytes, call);
}

/* --- the facts --- */

static int parse(void *ctx, struct str body, bool is_last, struct error *err)
{
	struct call *call = ctx;

	(void)is_last;
	return hub_parse_model(body, &call->model->facts, err);
}

static void on_facts(void *ctx, const char *next_page, const struct error *err)
{
	struct call *call = ctx;

	(void)next_page;
	if (err != NULL) {
		end(call, err);
		return;
	}
	(void)hub_list(call->models->hub, call->type, call->model->facts.row.repo, "main",
		       on_listed, call);
}

static void on_recalled(void *ctx)
{
	end(ctx, NULL);
}

void hub_model(struct hub_models *models, enum repo_type type, const char *repo,
	       hub_model_fn done, void *ctx)
{
	static const struct hub_ask_hooks hooks = { .parse = parse, .done = on_facts };
	struct call *call = mem_alloc(sizeof(*call));

	call->models = models;
	call->generation = hub_generation(models->hub);
	call->type = type;
	call->repo = mem_strdup(repo);
	call->done = done;
	call->ctx = ctx;
	call->model = recall(models, type, repo);
	if (call->model != NULL) {
		loop_defer(hub_loop(models->hub), on_recalled, call);
		return;
	}
	call->model = mem_alloc(sizeof(*call->model));
	call->model->refs = 1;
	(void)hub_ask(models->hub, hub_url_facts(hub_endpoint(models->hub), type, repo), repo,
		      NULL, &hooks, call);
}
