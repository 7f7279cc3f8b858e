/*
 * The work of a verification: its plan is what the model should hold (inventory.h), and what is
 * found of each file is kept with the plan, so that one that is interrupted goes on behind the
 * last file it has looked at.
 */
#include "downloader/queue_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"

enum {
	TOLD_MAX = 20, /* files of one job that are told one by one, or about */
};

/* --- planning --- */

static void tell_trouble(struct queue *q, const struct job *job, const struct error *trouble)
{
	AUTO_CSTR text = mem_printf("%s: the Hub could not be asked what some files should be:"
				    " %s",
				    job->repo, trouble->text);

	log_warning("%s", text);
	q->hooks.notice(q->hooks.ctx, "warning", "unknown", text, job->id);
}

static void tell_file(struct queue *q, const struct job *job, const struct plan_file *file,
		      const char *why)
{
	static const char *const words[FILE_STATE_COUNT] = {
		[FILE_CHANGED] = "its content is not what the Hub has",
		[FILE_MISSING] = "it is missing",
		[FILE_UNKNOWN] = "nobody knows what it should be",
	};
	const char *said = why[0] != '\0' ? why : words[file->state];
	AUTO_CSTR text = NULL;

	if (words[file->state] == NULL)
		return;
	text = mem_printf("%s: %s: %s", job->repo, file->path, said);
	log_warning("%s", text);
	/* The rest is in the job's own list. */
	if (file->state != FILE_UNKNOWN && job->files_changed + job->files_missing < TOLD_MAX)
		q->hooks.notice(q->hooks.ctx, "warning", file_state_name(file->state), text,
				job->id);
}

static void on_inventory(void *ctx, struct inventory *take_inventory)
{
	struct planning *planning = ctx;
	struct queue *q = planning->queue;
	struct entry *entry = planning->entry;

	entry->planning = NULL;
	free(planning);
	if (take_inventory->trouble.code != ERR_NONE)
		tell_trouble(q, entry->job, &take_inventory->trouble);
	queue_entry_save_plan(q, entry, NULL, take_inventory->commit, take_inventory->plan);
	inventory_free(&take_inventory);
	queue_kick(q);
}

void queue_entry_take_inventory(struct queue *q, struct entry *entry)
{
	struct inventory_env env = { .pool = q->env.pool,
				     .hub = q->env.hub,
				     .models_root = q->env.models_root };
	struct model *model;

	queue_entry_move(entry, JOB_RESOLVING);
	model = queue_find_model(q, entry);
	if (model == NULL)
		return;
	entry->planning = mem_alloc(sizeof(*entry->planning));
	entry->planning->queue = q;
	entry->planning->entry = entry;
	entry->planning->inventory =
		inventory_start(&env, model, on_inventory, entry->planning);
	queue_entry_save(q, entry, NULL, NULL);
}

/* --- running --- */

struct verifying {
	struct queue *queue;
	struct entry *entry;
};

static void on_found(void *ctx, size_t index, const char *why)
{
	struct verifying *verifying = ctx;
	struct queue *q = verifying->queue;
	const struct entry *entry = verifying->entry;
	const struct plan_file *file = &verify_plan(entry->verify)->files[index];

	tell_file(q, entry->job, file, why);
	/* Not recorded, it is only looked at again after a restart. */
	store_put_file(q->env.store, entry->job->id, index, file->state, file->bytes_done, NULL,
		       NULL);
}

static void on_verify_over(void *ctx, struct verify *take_verify, const struct error *err)
{
	struct verifying *verifying = ctx;
	struct queue *q = verifying->queue;
	struct entry *entry = verifying->entry;
	struct error why = { .code = ERR_NONE };

	assert(entry->verify == take_verify);
	free(verifying);
	if (err != NULL)
		why = *err; /* it goes with the verification */
	queue_entry_tell_verify(entry, entry->job);
	entry->job->speed_bps = 0;
	entry->verify = NULL;
	verify_free(&take_verify);
	queue_work_over(q, entry, &why);
}

void queue_entry_tell_verify(const struct entry *entry, struct job *job)
{
	const struct plan *plan = verify_plan(entry->verify);
	uint64_t n[FILE_STATE_COUNT] = { 0 };

	job->bytes_done = 0;
	for (size_t i = 0; i < plan->n; i++) {
		n[plan->files[i].state]++;
		job->bytes_done += plan->files[i].bytes_done;
	}
	job->bytes_verified = job->bytes_done;
	job->files_done = n[FILE_DONE];
	job->files_changed = n[FILE_CHANGED];
	job->files_missing = n[FILE_MISSING];
	job->files_unknown = n[FILE_UNKNOWN];
	job->speed_bps = verify_speed(entry->verify);
}

void queue_entry_verify(struct queue *q, struct entry *entry, struct plan *take_plan)
{
	AUTO_CSTR folder = job_own_folder(entry->job);
	struct verifying *verifying = mem_alloc(sizeof(*verifying));
	struct verify_env env = { .loop = q->env.loop,
				  .pool = q->env.pool,
				  .models_root = q->env.models_root,
				  .limit_bps = q->limits.verify_bps };
	struct verify_hooks hooks = { .found = on_found,
				      .over = on_verify_over,
				      .ctx = verifying };

	verifying->queue = q;
	verifying->entry = entry;
	entry->verify = verify_new(&env, folder, entry->job->commit, take_plan, &hooks);
}
