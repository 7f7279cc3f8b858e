#include "downloader/transfer.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/changeover.h"
#include "downloader/rate.h"

enum {
	TICK_MS = 50,
};

struct transfer {
	struct landing_env env; /* what all landings work with */
	struct job *job;        /* a copy: the queue's may change */
	char *folder;
	struct plan *plan;
	struct transfer_hooks hooks;
	struct landing **landings; /* files_at_once places, NULL where free */
	size_t n_places;
	size_t next; /* no file before this one is pending */
	struct changeover *changeover;
	bool is_switched; /* that has been, or is under way */
	bool is_stopping;
	bool is_over; /* the hook is about to be called */
	struct error why;
	struct rate rate;
	struct loop_timer *timer;
};

static void fill(struct transfer *t);

static void on_thrown_away(void *ctx, size_t index, uint64_t bytes, const char *why)
{
	struct transfer *t = ctx;

	t->hooks.thrown_away(t->hooks.ctx, t->job->id, t->plan->files[index].path, bytes, why);
}

static void on_replaced(void *ctx, size_t index, const char *trash)
{
	struct transfer *t = ctx;

	t->hooks.replaced(t->hooks.ctx, t->job->id, t->plan->files[index].path, trash);
}

static void on_waits(void *ctx, size_t index)
{
	struct transfer *t = ctx;

	t->hooks.waits(t->hooks.ctx, t->job->id, t->plan->files[index].path);
}

static void on_copied(void *ctx, size_t index, const char *source)
{
	struct transfer *t = ctx;

	t->hooks.copied(t->hooks.ctx, t->job->id, t->plan->files[index].path, source);
}

static void stop(struct transfer *t, const struct error *why)
{
	if (t->is_stopping)
		return;
	t->is_stopping = true;
	t->why = *why;
	for (size_t i = 0; i < t->n_places; i++) {
		if (t->landings[i] != NULL)
			landing_stop(t->landings[i]);
	}
}

static void on_landing_over(void *ctx, struct landing *take_landing, const struct error *err)
{
	struct transfer *t = ctx;
	struct plan_file *file = &t->plan->files[landing_index(take_landing)];

	for (size_t i = 0; i < t->n_places; i++) {
		if (t->landings[i] == take_landing)
			t->landings[i] = NULL;
	}
	if (err != NULL) {
		if (err->code != ERR_CANCELLED)
			file->state = FILE_FAILED;
		stop(t, err);
	}
	landing_free(&take_landing);
	fill(t);
}

/* The next file that nobody works on, or NULL. */
static struct plan_file *next_file(struct transfer *t)
{
	while (t->next < t->plan->n) {
		struct plan_file *file = &t->plan->files[t->next++];

		if (file->state == FILE_PENDING)
			return file;
	}
	return NULL;
}

static void over(void *ctx)
{
	struct transfer *t = ctx;

	loop_timer_stop(t->timer);
	t->hooks.over(t->hooks.ctx, t, t->is_stopping ? &t->why : NULL);
}

static void on_switched(void *ctx, struct changeover *take_changeover, const struct error *err)
{
	struct transfer *t = ctx;

	t->changeover = NULL;
	if (err != NULL)
		stop(t, err);
	changeover_free(&take_changeover);
	fill(t);
}

/* All is here: what was staged takes its place. */
static void change_over(struct transfer *t)
{
	struct changeover_hooks hooks = { .replaced = on_replaced,
					  .over = on_switched,
					  .ctx = t };

	t->is_switched = true;
	t->changeover = changeover_new(&t->env, t->plan, &hooks);
}

/* Gives work to every free place; when there is none left and all are free, it is over. */
static void fill(struct transfer *t)
{
	struct landing_hooks hooks = {
		.thrown_away = on_thrown_away,
		.replaced = on_replaced,
		.waits = on_waits,
		.copied = on_copied,
		.over = on_landing_over,
		.ctx = t,
	};
	size_t n_busy = 0;

	for (size_t i = 0; i < t->n_places; i++) {
		struct plan_file *file = NULL;

		if (t->landings[i] == NULL && !t->is_stopping)
			file = next_file(t);
		if (file != NULL)
			t->landings[i] = landing_new(&t->env, file,
						     (size_t)(file - t->plan->files), &hooks);
		if (t->landings[i] != NULL)
			n_busy++;
	}
	if (n_busy > 0 || t->changeover != NULL)
		return;
	if (!t->is_stopping && t->env.is_staged && !t->is_switched) {
		change_over(t);
	} else if (!t->is_over) {
		t->is_over = true;
		loop_defer(t->env.loop, over, t);
	}
}

static void on_tick(void *ctx)
{
	struct transfer *t = ctx;
	uint64_t now_ms = clock_steady_ms();
	uint64_t fresh = 0;

	for (size_t i = 0; i < t->n_places; i++) {
		if (t->landings[i] != NULL)
			fresh += landing_tick(t->landings[i], now_ms);
	}
	rate_add(&t->rate, fresh, now_ms);
	loop_timer_arm(t->timer, TICK_MS);
}

struct transfer *transfer_new(const struct transfer_env *env, const struct job *job,
			      struct plan *take_plan, size_t files_at_once,
			      const struct transfer_hooks *hooks)
{
	struct transfer *t = mem_alloc(sizeof(*t));

	t->job = job_copy(job);
	t->folder = job_own_folder(job);
	t->env = (struct landing_env){
		.loop = env->loop,
		.pool = env->pool,
		.hub = env->hub,
		.store = env->store,
		.budget = env->budget,
		.turns = env->turns,
		.feeds = env->feeds,
		.copy_least_bytes = env->copy_least_bytes,
		.models_root = env->models_root,
		.job_id = t->job->id,
		.created_ms = t->job->created_at_ms,
		.type = t->job->type,
		.repo = t->job->repo,
		.commit = t->job->commit,
		.folder = t->folder,
		.is_staged = job->kind == JOB_UPDATE,
	};
	t->plan = take_plan;
	/* What was proven once may have been removed since: each file is looked at again. */
	for (size_t i = 0; i < take_plan->n; i++) {
		struct plan_file *file = &take_plan->files[i];

		if (file->digest[0] != '\0')
			file->state = FILE_PENDING;
		else if (file->state != FILE_DONE) /* it is to go, and has not gone yet */
			file->state = FILE_GONE;
	}
	t->hooks = *hooks;
	t->n_places = files_at_once;
	t->landings = mem_array(files_at_once, sizeof(struct landing *));
	t->timer = loop_timer_new(env->loop, on_tick, t);
	loop_timer_arm(t->timer, TICK_MS);
	fill(t);
	return t;
}

void transfer_free(struct transfer **transfer)
{
	struct transfer *t = *transfer;

	if (t == NULL)
		return;
	loop_timer_free(&t->timer);
	plan_free(&t->plan);
	job_free(&t->job);
	free(t->folder);
	free((void *)t->landings);
	free(t);
	*transfer = NULL;
}

void transfer_stop(struct transfer *transfer)
{
	struct error why;

	(void)error_set(&why, ERR_CANCELLED, "stopped");
	stop(transfer, &why);
	fill(transfer);
}

bool transfer_tell(const struct transfer *t, struct job *job)
{
	bool is_all_here = true;

	job->bytes_done = 0;
	job->bytes_verified = 0;
	job->files_done = 0;
	job->connections = 0;
	for (size_t i = 0; i < t->plan->n; i++) {
		const struct plan_file *file = &t->plan->files[i];

		job->bytes_done += file->bytes_done;
		job->bytes_verified += file->bytes_verified;
		if (file->state == FILE_DONE)
			job->files_done++;
		else if (file->state != FILE_VERIFYING && file->state != FILE_STAGED &&
			 file->state != FILE_GONE)
			is_all_here = false;
	}
	for (size_t i = 0; i < t->n_places; i++) {
		if (t->landings[i] != NULL)
			job->connections += (unsigned)landing_connections(t->landings[i]);
	}
	job->speed_bps = rate_bps(&t->rate);
	return is_all_here;
}

const struct plan *transfer_plan(const struct transfer *transfer)
{
	return transfer->plan;
}
