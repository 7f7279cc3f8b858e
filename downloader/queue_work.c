#include "downloader/queue_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "downloader/localdir.h"

/* --- planning --- */

/* A plan on its way to the store. The job has it only when it is there: what the store refuses
 * is not run. */
struct plan_save {
	struct queue *queue;
	struct job *job; /* as it will be, planned */
};

static void take_plan_totals(struct job *job, const struct plan *plan)
{
	job->bytes_total = 0;
	job->bytes_done = 0;
	job->files_total = plan->n;
	job->files_done = 0;
	for (size_t i = 0; i < plan->n; i++) {
		job->bytes_total += plan->files[i].size;
		job->bytes_done += plan->files[i].bytes_done;
	}
	job->bytes_present = job->bytes_done;
}

/* Puts what the planned copy knows into the job, which may have moved meanwhile. */
static void become_planned(struct job *job, struct job *planned)
{
	free(job->repo);
	job->repo = MOVE(planned->repo);
	memcpy(job->commit, planned->commit, sizeof(job->commit));
	job->is_planned = true;
	job->bytes_total = planned->bytes_total;
	job->bytes_present = planned->bytes_present;
	job->bytes_done = planned->bytes_done;
	job->files_total = planned->files_total;
	job->files_done = planned->files_done;
	job->attempts = 0;
}

static void on_plan_saved(void *ctx, const struct error *err)
{
	struct plan_save *save = ctx;
	struct queue *q = save->queue;
	struct entry *entry = queue_entry_find(q, str_from(save->job->id));

	assert(entry != NULL);
	entry->is_loading = false;
	if (err == NULL) {
		become_planned(entry->job, save->job);
		if (entry->job->state == JOB_RESOLVING)
			queue_entry_move(entry, JOB_QUEUED);
		if (entry->job->state == JOB_CANCELLED)
			queue_entry_clean(q, entry);
		queue_entry_save(q, entry, NULL, NULL);
	} else if (entry->job->state == JOB_RESOLVING) {
		queue_entry_give_way(q, entry, err);
	}
	job_free(&save->job);
	free(save);
	queue_work_ended(q, entry);
}

void queue_entry_save_plan(struct queue *q, struct entry *entry, const char *repo,
			   const char *commit, const struct plan *plan)
{
	struct plan_save *save = mem_alloc(sizeof(*save));

	save->queue = q;
	save->job = job_copy(entry->job);
	if (repo != NULL) {
		free(save->job->repo);
		save->job->repo = mem_strdup(repo);
	}
	memcpy(save->job->commit, commit, strlen(commit) + 1);
	save->job->is_planned = true;
	take_plan_totals(save->job, plan);
	entry->is_loading = true;
	store_put_plan(q->env.store, save->job, plan, on_plan_saved, save);
}

static void save_planned(struct queue *q, struct entry *entry, const struct planned *planned)
{
	const struct hub_info *info = &planned->listing->info;
	AUTO(plan) plan = planned_to_plan(planned);

	queue_entry_save_plan(q, entry, info->repo, info->commit, plan);
}

/* A commit never changes; but a repository may be made anew under its name, and a Hub may be
 * wrong. */
static int check_shown(const struct job *job, const struct planned *planned, struct error *err)
{
	struct job_shown now;

	if (job->shown.digest[0] == '\0')
		return 0;
	planned_to_shown(planned, &now);
	if (strcmp(now.digest, job->shown.digest) == 0)
		return 0;
	return error_set(
		err, ERR_CHANGED,
		"%llu files of %llu bytes were shown; there are %llu of %llu bytes now,"
		" or others",
		(unsigned long long)job->shown.files, (unsigned long long)job->shown.bytes,
		(unsigned long long)now.files, (unsigned long long)now.bytes);
}

static void on_planned(void *ctx, struct planned *take_planned, const struct error *err)
{
	struct planning *planning = ctx;
	struct queue *q = planning->queue;
	struct entry *entry = planning->entry;
	struct error changed;

	entry->planning = NULL;
	free(planning);
	if (err == NULL && check_shown(entry->job, take_planned, &changed) < 0)
		err = &changed;
	if (err != NULL)
		queue_entry_give_way(q, entry, err);
	else
		save_planned(q, entry, take_planned);
	planned_free(&take_planned);
	queue_kick(q);
}

void queue_entry_cancel_planning(struct entry *entry)
{
	if (entry->planning == NULL)
		return;
	planner_cancel(&entry->planning->call);
	inventory_cancel(&entry->planning->inventory);
	free(entry->planning);
	entry->planning = NULL;
}

struct model *queue_find_model(struct queue *q, struct entry *entry)
{
	AUTO_CSTR folder = job_own_folder(entry->job);
	struct model *model = q->hooks.model(q->hooks.ctx, folder);
	struct error err;

	if (model != NULL)
		return model;
	(void)error_set(&err, ERR_UNKNOWN_MODEL, "%s is not in the library", folder);
	queue_entry_give_way(q, entry, &err);
	return NULL;
}

void queue_entry_plan(struct queue *q, struct entry *entry)
{
	struct job *job = entry->job;
	struct choice choice = {
		.kind = job->kind,
		.type = job->type,
		.repo = job->repo,
		.revision = job->revision,
		.select = job->select,
		.exclude = job->exclude,
	};

	memcpy(choice.commit, job->commit, sizeof(choice.commit));
	queue_entry_move(entry, JOB_RESOLVING);
	if (job->kind != JOB_DOWNLOAD) {
		choice.model = queue_find_model(q, entry);
		if (choice.model == NULL)
			return;
	}
	entry->planning = mem_alloc(sizeof(*entry->planning));
	entry->planning->queue = q;
	entry->planning->entry = entry;
	entry->planning->call = planner_start(q->planner, &choice, on_planned, entry->planning);
	queue_entry_save(q, entry, NULL, NULL);
}

/* --- running --- */

static void on_thrown_away(void *ctx, const char *job_id, const char *path, uint64_t bytes,
			   const char *why)
{
	struct queue *q = ctx;
	AUTO_CSTR text = mem_printf("%s: %llu bytes are thrown away: %s", path,
				    (unsigned long long)bytes, why);

	log_warning("%s", text);
	q->hooks.notice(q->hooks.ctx, "warning", "thrown_away", text, job_id);
}

static void on_replaced(void *ctx, const char *job_id, const char *path, const char *trash)
{
	struct queue *q = ctx;
	AUTO_CSTR text = mem_printf(
		"%s: another file had this name; it is in the trash now: %s", path, trash);

	log_info("%s", text);
	q->hooks.notice(q->hooks.ctx, "info", "replaced", text, job_id);
}

static void on_waits(void *ctx, const char *job_id, const char *path)
{
	struct queue *q = ctx;
	AUTO_CSTR text = mem_printf("%s: the same content is on its way already; it is taken"
				    " from there when it has come",
				    path);

	log_info("%s", text);
	q->hooks.notice(q->hooks.ctx, "info", "shared", text, job_id);
}

static void on_copied(void *ctx, const char *job_id, const char *path, const char *source)
{
	struct queue *q = ctx;
	AUTO_CSTR text = mem_printf("%s: taken from %s, not fetched", path, source);

	log_info("%s", text);
	q->hooks.notice(q->hooks.ctx, "info", "copied", text, job_id);
}

static struct entry *entry_running(const struct queue *q, const struct transfer *transfer)
{
	for (size_t i = 0; i < q->n; i++) {
		if (q->entries[i]->transfer == transfer)
			return q->entries[i];
	}
	return NULL;
}

/* A transfer, a load or a clean-up of the entry is over. */
void queue_work_ended(struct queue *q, struct entry *entry)
{
	queue_entry_forget_if_idle(q, entry);
	queue_check_stopped(q);
	queue_kick(q);
}

void queue_work_over(struct queue *q, struct entry *entry, const struct error *why)
{
	if (!queue_is_running(entry->job->state)) {
		if (entry->job->state == JOB_CANCELLED)
			queue_entry_clean(q, entry);
		queue_entry_save(q, entry, NULL, NULL);
	} else if (why->code == ERR_NONE) {
		queue_entry_move(entry, JOB_COMPLETED);
		queue_entry_save(q, entry, NULL, NULL);
	} else if (why->code != ERR_CANCELLED) {
		queue_entry_give_way(q, entry, why);
	}
	queue_work_ended(q, entry);
}

static void on_transfer_over(void *ctx, struct transfer *take_transfer, const struct error *err)
{
	struct queue *q = ctx;
	struct entry *entry = entry_running(q, take_transfer);
	struct error why = { .code = ERR_NONE };
	struct job *job;

	assert(entry != NULL);
	job = entry->job;
	if (err != NULL)
		why = *err; /* it goes with the transfer */
	(void)transfer_tell(take_transfer, job);
	job->speed_bps = 0;
	entry->transfer = NULL;
	transfer_free(&take_transfer);
	if (job->bytes_done > entry->bytes_at_start)
		job->attempts = 0;
	queue_work_over(q, entry, &why);
}

struct loading {
	struct queue *queue;
	char id[DOWNLOAD_ID_LEN + 1];
};

static void run(struct queue *q, struct entry *entry, struct plan *take_plan)
{
	struct transfer_hooks hooks = {
		.thrown_away = on_thrown_away,
		.replaced = on_replaced,
		.waits = on_waits,
		.copied = on_copied,
		.over = on_transfer_over,
		.ctx = q,
	};

	entry->bytes_at_start = entry->job->bytes_done;
	entry->transfer =
		transfer_new(&q->env, entry->job, take_plan, q->limits.files_at_once, &hooks);
}

static void on_plan_loaded(void *ctx, struct plan *take_plan, const struct error *err)
{
	struct loading *loading = ctx;
	struct queue *q = loading->queue;
	struct entry *entry = queue_entry_find(q, str_from(loading->id));
	struct error unsaved;

	free(loading);
	assert(entry != NULL);
	entry->is_loading = false;
	if (!queue_is_running(entry->job->state) || q->is_stopping) {
		plan_free(&take_plan);
		if (entry->job->state == JOB_CANCELLED)
			queue_entry_clean(q, entry);
	} else if (err != NULL) {
		queue_entry_give_way(q, entry, err);
	} else if (entry->is_unsaved) {
		plan_free(&take_plan);
		(void)error_set(&unsaved, ERR_STORE, "that it runs cannot be saved");
		queue_entry_give_way(q, entry, &unsaved);
	} else if (take_plan->n != entry->job->files_total) {
		log_error("download %s: its plan is not whole: it is made again",
			  entry->job->id);
		plan_free(&take_plan);
		entry->job->is_planned = false;
		queue_entry_move(entry, JOB_QUEUED);
		queue_entry_save(q, entry, NULL, NULL);
	} else if (entry->job->kind == JOB_VERIFY) {
		queue_entry_verify(q, entry, take_plan);
	} else {
		run(q, entry, take_plan);
	}
	queue_work_ended(q, entry);
}

static struct loading *loading_new(struct queue *q, const struct entry *entry)
{
	struct loading *loading = mem_alloc(sizeof(*loading));

	loading->queue = q;
	memcpy(loading->id, entry->job->id, sizeof(loading->id));
	return loading;
}

void queue_entry_run(struct queue *q, struct entry *entry)
{
	queue_entry_move(entry,
			 entry->job->kind == JOB_VERIFY ? JOB_VERIFYING : JOB_DOWNLOADING);
	queue_entry_save(q, entry, NULL, NULL);
	entry->is_loading = true;
	store_get_plan(q->env.store, entry->job->id, on_plan_loaded, loading_new(q, entry));
}

/* --- cleaning up after a cancel --- */

struct cleaning {
	struct pool_task task; /* first */
	struct queue *queue;
	char id[DOWNLOAD_ID_LEN + 1];
	int models_root;
	char *folder;
	struct plan *plan;
	struct error error;
};

static void clean(struct pool_task *task)
{
	struct cleaning *c = (struct cleaning *)task;

	for (size_t i = 0; i < c->plan->n; i++) {
		const struct plan_file *file = &c->plan->files[i];
		struct localdir_names names;

		if (file->state == FILE_DONE)
			continue;
		localdir_names_init(&names, c->folder, file->path, file->digest, c->id);
		if (localdir_drop_partial(c->models_root, &names, &c->error) < 0)
			log_warning("%s: %s", names.partial, c->error.text);
		localdir_names_clear(&names);
	}
}

static void on_cleaned(struct pool_task *task)
{
	struct cleaning *c = (struct cleaning *)task;
	struct entry *entry = queue_entry_find(c->queue, str_from(c->id));

	assert(entry != NULL);
	entry->is_cleaning = false;
	/* Saved only now: a larderd that is killed before cleans up when it starts again. A
	 * retry plans again: what was proven counts as present, the rest begins anew. */
	entry->job->is_planned = false;
	queue_entry_save(c->queue, entry, NULL, NULL);
	plan_free(&c->plan);
	free(c->folder);
	queue_work_ended(c->queue, entry);
	free(c);
}

/* What is left of a plan when its partial files are gone. */
static uint64_t bytes_proven(const struct plan *plan)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < plan->n; i++)
		bytes += plan->files[i].state == FILE_DONE ? plan->files[i].size : 0;
	return bytes;
}

static void on_clean_plan(void *ctx, struct plan *take_plan, const struct error *err)
{
	struct loading *loading = ctx;
	struct queue *q = loading->queue;
	struct entry *entry = queue_entry_find(q, str_from(loading->id));
	struct cleaning *c;

	free(loading);
	assert(entry != NULL);
	if (err != NULL) {
		log_warning("download %s: its partial files stay: %s", entry->job->id,
			    err->text);
		entry->is_cleaning = false;
		queue_work_ended(q, entry);
		return;
	}
	entry->job->bytes_done = bytes_proven(take_plan);
	c = mem_alloc(sizeof(*c));
	c->task.run = clean;
	c->task.done = on_cleaned;
	c->queue = q;
	memcpy(c->id, entry->job->id, sizeof(c->id));
	c->models_root = q->env.models_root;
	c->folder = job_own_folder(entry->job);
	c->plan = take_plan;
	pool_submit(q->env.pool, &c->task);
}

void queue_entry_clean(struct queue *q, struct entry *entry)
{
	if (!entry->job->is_planned || entry->is_cleaning)
		return;
	if (entry->job->kind == JOB_VERIFY) { /* it leaves nothing */
		entry->job->is_planned = false;
		return;
	}
	entry->is_cleaning = true;
	store_get_plan(q->env.store, entry->job->id, on_clean_plan, loading_new(q, entry));
}
