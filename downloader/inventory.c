#include "downloader/inventory.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/diff.h"
#include "downloader/survey.h"

struct inventory_call {
	struct pool_task task; /* first */
	struct inventory_env env;
	struct model *model;
	struct hub_call *hub_call;
	struct hub_listing *listing; /* or NULL */
	struct inventory *inventory;
	size_t cap;             /* of the plan's files */
	size_t n_known;         /* of them are the model's */
	size_t n_told;          /* and those that its sets lack */
	inventory_done_fn done; /* NULL once cancelled */
	void *ctx;
};

void inventory_free(struct inventory **inventory)
{
	struct inventory *i = *inventory;

	*inventory = NULL;
	if (i == NULL)
		return;
	plan_free(&i->plan);
	free(i);
}

/* --- on a worker --- */

static struct plan_file *add(struct inventory_call *call, const char *path)
{
	struct plan *plan = call->inventory->plan;
	struct plan_file *file;

	plan->files = mem_grow(plan->files, plan->n, &call->cap, sizeof(*plan->files));
	file = &plan->files[plan->n++];
	*file = (struct plan_file){ .path = mem_strdup(path), .algorithm = DIGEST_SHA256 };
	return file;
}

static void add_known(struct inventory_call *call, const struct model_file *known)
{
	struct plan_file *file = add(call, known->path);
	const struct hub_file *listed = NULL;

	file->size = known->size;
	if (known->digest[0] == '\0' && call->listing != NULL)
		listed = hub_tree_find(call->listing->tree, known->path);
	if (listed != NULL) {
		file->algorithm = listed->algorithm;
		memcpy(file->digest, listed->digest, sizeof(file->digest));
	} else {
		file->algorithm = digest_algorithm_of(known->digest);
		memcpy(file->digest, known->digest, sizeof(file->digest));
	}
}

static void add_missing(void *ctx, const char *path)
{
	(void)add(ctx, path);
}

/* One that is a part of a set is told by its set already. */
static void add_noted(void *ctx, const char *path)
{
	struct inventory_call *call = ctx;
	const struct plan *plan = call->inventory->plan;

	if (model_find(call->model, str_from(path)) != NULL)
		return;
	for (size_t i = call->n_known; i < call->n_told; i++) {
		if (strcmp(plan->files[i].path, path) == 0)
			return;
	}
	add_missing(call, path);
}

static void run(struct pool_task *task)
{
	struct inventory_call *call = (struct inventory_call *)task;
	const struct model *model = call->model;
	size_t left = MODEL_MISSING_MAX;

	for (size_t i = 0; i < model->n; i++) {
		if (model_is_content(&model->files[i]))
			add_known(call, &model->files[i]);
	}
	call->n_known = call->inventory->plan->n;
	for (size_t i = 0; i < model->n_groups; i++)
		model_missing(model, i, &left, add_missing, call);
	call->n_told = call->inventory->plan->n;
	if (!model->is_flat)
		survey_noted(call->env.models_root, model->folder, add_noted, call);
}

/* --- on the loop --- */

static void finish(struct inventory_call *call)
{
	if (call->done != NULL)
		call->done(call->ctx, MOVE(call->inventory));
	inventory_free(&call->inventory);
	hub_listing_free(&call->listing);
	model_free(&call->model);
	free(call);
}

static void on_run(struct pool_task *task)
{
	finish((struct inventory_call *)task);
}

static void on_listed(void *ctx, struct hub_listing *take_listing, const struct error *err)
{
	struct inventory_call *call = ctx;

	call->hub_call = NULL;
	call->listing = take_listing;
	if (err != NULL)
		call->inventory->trouble = *err;
	else
		memcpy(call->inventory->commit, take_listing->info.commit,
		       sizeof(call->inventory->commit));
	pool_submit(call->env.pool, &call->task);
}

static bool has_unknown(const struct model *model)
{
	for (size_t i = 0; i < model->n; i++) {
		if (model_is_content(&model->files[i]) && model->files[i].digest[0] == '\0')
			return true;
	}
	return false;
}

/* What is there now counts, whatever the library knew. */
static void look_again(struct pool_task *task)
{
	struct inventory_call *call = (struct inventory_call *)task;
	struct model *now = survey_again(call->env.models_root, call->model);

	if (now == NULL) /* then all of it is missing */
		return;
	model_free(&call->model);
	call->model = now;
}

static void on_looked_again(struct pool_task *task)
{
	struct inventory_call *call = (struct inventory_call *)task;
	const struct model *model = call->model;
	const char *commit = diff_shared_commit(model);

	call->task.run = run;
	call->task.done = on_run;
	if (call->done == NULL)
		finish(call);
	else if (call->env.hub != NULL && model->repo != NULL && has_unknown(model))
		call->hub_call =
			hub_list(call->env.hub, model->type, model->repo,
				 commit[0] != '\0' ? commit : model->revision, on_listed, call);
	else
		pool_submit(call->env.pool, &call->task);
}

struct inventory_call *inventory_start(const struct inventory_env *env, struct model *model,
				       inventory_done_fn done, void *ctx)
{
	struct inventory_call *call = mem_alloc(sizeof(*call));

	call->task.run = look_again;
	call->task.done = on_looked_again;
	call->env = *env;
	call->model = model_hold(model);
	call->inventory = mem_alloc(sizeof(*call->inventory));
	call->inventory->plan = plan_new(0);
	call->done = done;
	call->ctx = ctx;
	pool_submit(env->pool, &call->task);
	return call;
}

void inventory_cancel(struct inventory_call **call)
{
	struct inventory_call *c = *call;

	*call = NULL;
	if (c == NULL)
		return;
	c->done = NULL;
	if (c->hub_call == NULL)
		return; /* a worker has it; on_run() frees it */
	hub_call_cancel(&c->hub_call);
	finish(c);
}
