/*
 * An entry is a job with what is under way for it. Its state says what is wanted; `planning`,
 * `transfer` and `is_cleaning` say what is still going on. A job is started only when none of
 * the three is there, so a resume right after a pause waits for the old transfer's end.
 */
#include "downloader/queue.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/log.h"
#include "downloader/hub_url.h"
#include "downloader/localdir.h"
#include "downloader/retry.h"

enum {
	IDLE_TICK_MS = 5000, /* how late a waiting job may wake, and how often an unsaved one is
				saved */
};

struct entry {
	struct job *job;
	struct planning *planning;
	struct transfer *transfer;
	bool is_loading;  /* the plan is on its way from the store */
	bool is_cleaning; /* partial files are being removed */
	bool is_unsaved;  /* the store refused the last save */
	uint64_t bytes_at_start;
};

struct queue {
	struct transfer_env env;
	struct planner *planner;
	struct queue_limits limits;
	struct queue_hooks hooks;
	struct entry **entries; /* by job_compare() */
	struct job **jobs;      /* the same order, for queue_jobs() */
	size_t n;
	size_t cap;
	uint64_t last_order;
	uint64_t free_bytes;
	bool is_free_known;
	bool is_stopping;
	bool is_stopped; /* the hook is about to be called, or was */
	struct loop_timer *timer;
};

/* A save under way, with what is to be told after it. */
struct save {
	struct queue *queue;
	struct job *job; /* as it was saved */
	bool is_removal;
	queue_done_fn done;
	void *ctx;
};

static void kick(struct queue *q);

/* --- the list --------------------------------------------------------------------------------
 */

static struct entry *find(const struct queue *q, struct str id)
{
	for (size_t i = 0; i < q->n; i++) {
		if (str_is_equal(id, str_from(q->entries[i]->job->id)))
			return q->entries[i];
	}
	return NULL;
}

static void insert(struct queue *q, struct entry *entry)
{
	size_t at = q->n;

	if (q->n == q->cap) {
		q->cap = q->cap < 16 ? 16 : q->cap * 2;
		q->entries = mem_resize((void *)q->entries, q->cap, sizeof(struct entry *));
		q->jobs = mem_resize((void *)q->jobs, q->cap, sizeof(struct job *));
	}
	while (at > 0 && job_compare(entry->job, q->entries[at - 1]->job) < 0) {
		q->entries[at] = q->entries[at - 1];
		q->jobs[at] = q->jobs[at - 1];
		at--;
	}
	q->entries[at] = entry;
	q->jobs[at] = entry->job;
	q->n++;
}

static void take_out(struct queue *q, const struct entry *entry)
{
	size_t at = 0;

	while (at < q->n && q->entries[at] != entry)
		at++;
	assert(at < q->n);
	q->n--;
	for (; at < q->n; at++) {
		q->entries[at] = q->entries[at + 1];
		q->jobs[at] = q->jobs[at + 1];
	}
}

static void entry_free(struct entry *entry)
{
	job_free(&entry->job);
	free(entry);
}

static bool is_busy(const struct entry *entry)
{
	return entry->planning != NULL || entry->transfer != NULL || entry->is_loading ||
	       entry->is_cleaning;
}

/* --- saving ----------------------------------------------------------------------------------
 */

static void on_saved(void *ctx, const struct error *err)
{
	struct save *save = ctx;
	struct queue *q = save->queue;
	struct entry *entry = find(q, str_from(save->job->id));

	if (err != NULL)
		log_error("download %s is not saved: %s", save->job->id, err->text);
	if (err != NULL && entry != NULL)
		entry->is_unsaved = true;
	if (err == NULL && save->is_removal)
		q->hooks.removed(q->hooks.ctx, save->job->id);
	else if (err == NULL)
		q->hooks.changed(q->hooks.ctx, save->job);
	if (save->done != NULL)
		save->done(save->ctx, err == NULL ? save->job : NULL, err);
	job_free(&save->job);
	free(save);
}

static struct save *save_new(struct queue *q, const struct job *job, queue_done_fn done,
			     void *ctx)
{
	struct save *save = mem_alloc(sizeof(*save));

	save->queue = q;
	save->job = job_copy(job);
	save->done = done;
	save->ctx = ctx;
	return save;
}

static void save(struct queue *q, struct entry *entry, queue_done_fn done, void *ctx)
{
	entry->is_unsaved = false;
	store_put_job(q->env.store, entry->job, on_saved, save_new(q, entry->job, done, ctx));
}

static void forget(struct queue *q, struct entry *entry, queue_done_fn done, void *ctx)
{
	struct save *removal = save_new(q, entry->job, done, ctx);

	removal->is_removal = true;
	store_delete_job(q->env.store, entry->job->id, on_saved, removal);
	take_out(q, entry);
	entry_free(entry);
}

/* Keeps the number of final jobs bounded. */
static void forget_oldest(struct queue *q)
{
	struct entry *oldest = NULL;
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++) {
		struct entry *entry = q->entries[i];

		if (!job_is_final(entry->job->state))
			continue;
		n++;
		if (!is_busy(entry) && (oldest == NULL || entry->job->finished_at_ms <
								  oldest->job->finished_at_ms))
			oldest = entry;
	}
	if (n > QUEUE_FINISHED_MAX && oldest != NULL)
		forget(q, oldest, NULL, NULL);
}

/* --- moves -----------------------------------------------------------------------------------
 */

static void move(struct entry *entry, enum job_state to)
{
	log_info("download %s (%s): %s -> %s", entry->job->id, entry->job->repo,
		 job_state_name(entry->job->state), job_state_name(to));
	job_move(entry->job, to, clock_unix_ms());
}

/* The job cannot go on now: it waits or has failed, as retry.c says. */
static void give_way(struct queue *q, struct entry *entry, const struct error *err)
{
	struct job *job = entry->job;
	struct retry retry = retry_job(err, job->attempts, randombytes_random());
	struct error reason = *err;
	int64_t retry_at_ms = 0;

	reason.code = retry.reason;
	if (retry.verdict == RETRY_LATER) {
		retry_at_ms = clock_unix_ms() + (int64_t)retry.delay_ms;
		job->attempts++;
		move(entry, JOB_WAITING);
	} else {
		move(entry, JOB_FAILED);
	}
	log_warning("download %s (%s): %s", job->id, job->repo, err->text);
	job_set_reason(job, &reason, retry_at_ms);
	if (err->code == ERR_GATED)
		job_set_reason_url(
			job, hub_url_page(hub_endpoint(q->env.hub), job->type, job->repo));
	save(q, entry, NULL, NULL);
	forget_oldest(q);
}

/* --- planning --------------------------------------------------------------------------------
 */

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
}

static void save_plan(struct queue *q, struct entry *entry, const struct planned *planned)
{
	const struct hub_info *info = &planned->listing->info;
	struct job *job = entry->job;
	AUTO(plan) plan = planned_to_plan(planned);

	free(job->repo);
	job->repo = mem_strdup(info->repo);
	memcpy(job->commit, info->commit, sizeof(job->commit));
	job->is_planned = true;
	take_plan_totals(job, plan);
	job->attempts = 0;
	move(entry, JOB_QUEUED);
	store_put_plan(q->env.store, job, plan, on_saved, save_new(q, job, NULL, NULL));
}

/* A plan being made; it ends with on_planned() or cancel_planning(). */
struct planning {
	struct queue *queue;
	struct entry *entry;
	struct planner_call *call;
};

static void on_planned(void *ctx, struct planned *take_planned, const struct error *err)
{
	struct planning *planning = ctx;
	struct queue *q = planning->queue;
	struct entry *entry = planning->entry;

	entry->planning = NULL;
	free(planning);
	if (err != NULL)
		give_way(q, entry, err);
	else
		save_plan(q, entry, take_planned);
	planned_free(&take_planned);
	kick(q);
}

static void cancel_planning(struct entry *entry)
{
	if (entry->planning == NULL)
		return;
	planner_cancel(&entry->planning->call);
	free(entry->planning);
	entry->planning = NULL;
}

static void start_planning(struct queue *q, struct entry *entry)
{
	struct job *job = entry->job;
	struct choice choice = {
		.type = job->type,
		.repo = job->repo,
		.revision = job->revision,
		.select = job->select,
		.exclude = job->exclude,
	};

	memcpy(choice.commit, job->commit, sizeof(choice.commit));
	move(entry, JOB_RESOLVING);
	entry->planning = mem_alloc(sizeof(*entry->planning));
	entry->planning->queue = q;
	entry->planning->entry = entry;
	entry->planning->call = planner_start(q->planner, &choice, on_planned, entry->planning);
	save(q, entry, NULL, NULL);
}

/* --- running ---------------------------------------------------------------------------------
 */

static void on_thrown_away(void *ctx, const char *job_id, const char *path, uint64_t bytes,
			   const char *why)
{
	struct queue *q = ctx;
	AUTO_CSTR text = mem_printf("%s: %llu bytes are thrown away: %s", path,
				    (unsigned long long)bytes, why);

	log_warning("%s", text);
	q->hooks.notice(q->hooks.ctx, "warning", "thrown_away", text, job_id);
}

static struct entry *entry_running(const struct queue *q, const struct transfer *transfer)
{
	for (size_t i = 0; i < q->n; i++) {
		if (q->entries[i]->transfer == transfer)
			return q->entries[i];
	}
	return NULL;
}

static void start_cleaning(struct queue *q, struct entry *entry);

static bool is_running_state(enum job_state state)
{
	return state == JOB_DOWNLOADING || state == JOB_VERIFYING;
}

static void check_stopped(struct queue *q);

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
	if (!is_running_state(job->state)) {
		if (job->state == JOB_CANCELLED)
			start_cleaning(q, entry);
		save(q, entry, NULL, NULL);
	} else if (why.code == ERR_NONE) {
		move(entry, JOB_COMPLETED);
		save(q, entry, NULL, NULL);
		forget_oldest(q);
	} else if (why.code != ERR_CANCELLED) {
		give_way(q, entry, &why);
	}
	check_stopped(q);
	kick(q);
}

static size_t files_at_once(const struct queue *q)
{
	size_t share = q->limits.connections / q->limits.downloads;

	if (share < 1)
		return 1;
	return share < QUEUE_FILES_AT_ONCE_MAX ? share : QUEUE_FILES_AT_ONCE_MAX;
}

struct loading {
	struct queue *queue;
	char id[DOWNLOAD_ID_LEN + 1];
};

static void run(struct queue *q, struct entry *entry, struct plan *take_plan)
{
	struct transfer_hooks hooks = {
		.thrown_away = on_thrown_away,
		.over = on_transfer_over,
		.ctx = q,
	};

	entry->bytes_at_start = entry->job->bytes_done;
	entry->transfer =
		transfer_new(&q->env, entry->job, take_plan, files_at_once(q), &hooks);
}

static void on_plan_loaded(void *ctx, struct plan *take_plan, const struct error *err)
{
	struct loading *loading = ctx;
	struct queue *q = loading->queue;
	struct entry *entry = find(q, str_from(loading->id));

	free(loading);
	assert(entry != NULL);
	entry->is_loading = false;
	if (!is_running_state(entry->job->state) || q->is_stopping) {
		plan_free(&take_plan);
		if (entry->job->state == JOB_CANCELLED)
			start_cleaning(q, entry);
	} else if (err != NULL) {
		give_way(q, entry, err);
	} else {
		run(q, entry, take_plan);
	}
	check_stopped(q);
	kick(q);
}

static struct loading *loading_new(struct queue *q, const struct entry *entry)
{
	struct loading *loading = mem_alloc(sizeof(*loading));

	loading->queue = q;
	memcpy(loading->id, entry->job->id, sizeof(loading->id));
	return loading;
}

static void start_running(struct queue *q, struct entry *entry)
{
	move(entry, JOB_DOWNLOADING);
	save(q, entry, NULL, NULL);
	entry->is_loading = true;
	store_get_plan(q->env.store, entry->job->id, on_plan_loaded, loading_new(q, entry));
}

/* --- cleaning up after a cancel
 * ---------------------------------------------------------------- */

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
		localdir_names_init(&names, c->folder, file->path, file->digest);
		if (localdir_drop_partial(c->models_root, &names, &c->error) < 0)
			log_warning("%s: %s", names.partial, c->error.text);
		localdir_names_clear(&names);
	}
}

static void on_cleaned(struct pool_task *task)
{
	struct cleaning *c = (struct cleaning *)task;
	struct entry *entry = find(c->queue, str_from(c->id));

	assert(entry != NULL);
	entry->is_cleaning = false;
	plan_free(&c->plan);
	free(c->folder);
	check_stopped(c->queue);
	kick(c->queue);
	free(c);
}

static void on_clean_plan(void *ctx, struct plan *take_plan, const struct error *err)
{
	struct loading *loading = ctx;
	struct queue *q = loading->queue;
	struct entry *entry = find(q, str_from(loading->id));
	struct cleaning *c;

	free(loading);
	assert(entry != NULL);
	if (err != NULL) {
		log_warning("download %s: its partial files stay: %s", entry->job->id,
			    err->text);
		entry->is_cleaning = false;
		check_stopped(q);
		return;
	}
	c = mem_alloc(sizeof(*c));
	c->task.run = clean;
	c->task.done = on_cleaned;
	c->queue = q;
	memcpy(c->id, entry->job->id, sizeof(c->id));
	c->models_root = q->env.models_root;
	c->folder = job_folder(entry->job->type, entry->job->repo, entry->job->revision);
	c->plan = take_plan;
	pool_submit(q->env.pool, &c->task);
}

static void start_cleaning(struct queue *q, struct entry *entry)
{
	/* A retry plans again: what was proven counts as present, the rest begins anew. */
	bool was_planned = entry->job->is_planned;

	entry->job->is_planned = false;
	if (!was_planned)
		return;
	entry->is_cleaning = true;
	store_get_plan(q->env.store, entry->job->id, on_clean_plan, loading_new(q, entry));
}

/* --- the scheduler ---------------------------------------------------------------------------
 */

static bool is_folder_busy(const struct queue *q, const struct entry *candidate)
{
	AUTO_CSTR folder = job_folder(candidate->job->type, candidate->job->repo,
				      candidate->job->revision);

	for (size_t i = 0; i < q->n; i++) {
		const struct entry *entry = q->entries[i];
		AUTO_CSTR other = NULL;

		if (entry == candidate || !is_busy(entry) || entry->planning != NULL)
			continue;
		other = job_folder(entry->job->type, entry->job->repo, entry->job->revision);
		if (strcmp(folder, other) == 0)
			return true;
	}
	return false;
}

/* Bytes that running jobs will still write. */
static uint64_t bytes_promised(const struct queue *q)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < q->n; i++) {
		if (is_running_state(q->entries[i]->job->state))
			bytes += job_remaining(q->entries[i]->job);
	}
	return bytes;
}

/* 0 when the disk will hold the job beside what runs already. */
static int check_space(const struct queue *q, const struct job *job, struct error *err)
{
	uint64_t promised = bytes_promised(q) + q->limits.min_free_bytes;
	uint64_t usable = q->free_bytes > promised ? q->free_bytes - promised : 0;

	if (!q->is_free_known || job_remaining(job) <= usable)
		return 0;
	return error_set(err, ERR_DISK_FULL,
			 "%.1f GB are still to come, %.1f GB of %.1f GB free may be used",
			 (double)job_remaining(job) / 1e9, (double)usable / 1e9,
			 (double)q->free_bytes / 1e9);
}

/* A job that waits for space wakes when there is some, not before. */
static bool is_wake_time(const struct queue *q, struct job *job, int64_t now_ms)
{
	struct error err;

	if (job->state != JOB_WAITING || job->reason.retry_at_ms > now_ms)
		return false;
	if (job->reason.code != ERR_DISK_FULL || check_space(q, job, &err) == 0)
		return true;
	job->reason.retry_at_ms = now_ms + RETRY_DISK_MS;
	return false;
}

static void wake_waiting(struct queue *q)
{
	int64_t now_ms = clock_unix_ms();

	for (size_t i = 0; i < q->n; i++) {
		struct entry *entry = q->entries[i];

		if (is_wake_time(q, entry->job, now_ms)) {
			move(entry, JOB_QUEUED);
			save(q, entry, NULL, NULL);
		}
	}
}

static void count(const struct queue *q, size_t *ret_running, size_t *ret_resolving)
{
	*ret_running = 0;
	*ret_resolving = 0;
	for (size_t i = 0; i < q->n; i++) {
		if (q->entries[i]->planning != NULL)
			(*ret_resolving)++;
		else if (q->entries[i]->transfer != NULL || q->entries[i]->is_loading)
			(*ret_running)++;
	}
}

/* Runs one that waits for its turn, if it may. */
static void consider(struct queue *q, struct entry *entry, size_t *running, size_t *resolving)
{
	struct error err;

	if (entry->job->state != JOB_QUEUED || is_busy(entry))
		return;
	if (!entry->job->is_planned) {
		if (*resolving < QUEUE_RESOLVING_MAX) {
			start_planning(q, entry);
			(*resolving)++;
		}
		return;
	}
	if (*running >= q->limits.downloads || is_folder_busy(q, entry))
		return;
	if (check_space(q, entry->job, &err) < 0) {
		give_way(q, entry, &err);
		return;
	}
	start_running(q, entry);
	(*running)++;
}

static void arm(struct queue *q)
{
	size_t running;
	size_t resolving;

	count(q, &running, &resolving);
	loop_timer_arm(q->timer, running > 0 ? QUEUE_TICK_MS : IDLE_TICK_MS);
}

static void kick(struct queue *q)
{
	size_t running;
	size_t resolving;

	if (q->is_stopping)
		return;
	wake_waiting(q);
	count(q, &running, &resolving);
	for (size_t i = 0; i < q->n; i++)
		consider(q, q->entries[i], &running, &resolving);
	arm(q);
}

static void tell_progress(struct queue *q)
{
	struct job **jobs = mem_array(q->limits.downloads + q->n, sizeof(struct job *));
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++) {
		struct entry *entry = q->entries[i];
		enum job_state wanted;

		if (entry->transfer == NULL || !is_running_state(entry->job->state))
			continue;
		wanted = transfer_tell(entry->transfer, entry->job) ? JOB_VERIFYING
								    : JOB_DOWNLOADING;
		if (entry->job->state != wanted) {
			move(entry, wanted);
			save(q, entry, NULL, NULL);
		}
		jobs[n++] = entry->job;
	}
	if (n > 0)
		q->hooks.progress(q->hooks.ctx, jobs, n);
	free((void *)jobs);
}

static void on_tick(void *ctx)
{
	struct queue *q = ctx;

	for (size_t i = 0; i < q->n; i++) {
		if (q->entries[i]->is_unsaved)
			save(q, q->entries[i], NULL, NULL);
	}
	tell_progress(q);
	kick(q);
}

/* --- what the world asks
 * ----------------------------------------------------------------------- */

void queue_set_free(struct queue *q, uint64_t free_bytes)
{
	bool is_short = free_bytes < q->limits.min_free_bytes;
	struct error err;

	q->free_bytes = free_bytes;
	q->is_free_known = true;
	for (size_t i = 0; is_short && i < q->n; i++) {
		struct entry *entry = q->entries[i];

		if (entry->job->state != JOB_DOWNLOADING || job_remaining(entry->job) == 0)
			continue;
		(void)error_set(
			&err, ERR_DISK_FULL, "%.1f GB are free, %.1f GB are to stay free",
			(double)free_bytes / 1e9, (double)q->limits.min_free_bytes / 1e9);
		give_way(q, entry, &err);
		if (entry->transfer != NULL)
			transfer_stop(entry->transfer);
	}
}

uint64_t queue_reserved(const struct queue *q)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < q->n; i++) {
		if (!job_is_final(q->entries[i]->job->state))
			bytes += job_remaining(q->entries[i]->job);
	}
	return bytes;
}

const struct job *queue_find(const struct queue *q, struct str id)
{
	const struct entry *entry = find(q, id);

	return entry != NULL ? entry->job : NULL;
}

struct job *const *queue_jobs(const struct queue *q, size_t *ret_n)
{
	*ret_n = q->n;
	return q->jobs;
}

const struct plan *queue_plan(const struct queue *q, struct str id)
{
	const struct entry *entry = find(q, id);

	return entry != NULL && entry->transfer != NULL ? transfer_plan(entry->transfer) : NULL;
}

static void make_id(char ret[DOWNLOAD_ID_LEN + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	for (size_t i = 0; i < DOWNLOAD_ID_LEN; i++)
		ret[i] = alphabet[randombytes_uniform(sizeof(alphabet) - 1)];
	ret[DOWNLOAD_ID_LEN] = '\0';
}

static const struct job *find_duplicate(const struct queue *q, const struct choice *choice)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct job *job = q->entries[i]->job;

		if (!job_is_final(job->state) && job->type == choice->type &&
		    str_is_equal_nocase(str_from(job->repo), str_from(choice->repo)) &&
		    strcmp(job->revision, choice->revision) == 0 &&
		    (choice->commit[0] == '\0' || job->commit[0] == '\0' ||
		     strcmp(job->commit, choice->commit) == 0) &&
		    terms_is_equal(&job->select, &choice->select) &&
		    terms_is_equal(&job->exclude, &choice->exclude))
			return job;
	}
	return NULL;
}

static size_t count_active(const struct queue *q)
{
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++)
		n += job_is_final(q->entries[i]->job->state) ? 0 : 1;
	return n;
}

/* A new job begins to work only when it is on the disk. */
struct creation {
	struct queue *queue;
	struct entry *entry;
	queue_done_fn done;
	void *ctx;
};

static void on_created(void *ctx, const struct error *err)
{
	struct creation *creation = ctx;
	struct queue *q = creation->queue;
	struct entry *entry = creation->entry;

	entry->is_loading = false;
	creation->done(creation->ctx, err == NULL ? entry->job : NULL, err);
	free(creation);
	if (err != NULL) {
		take_out(q, entry);
		entry_free(entry);
		check_stopped(q);
		return;
	}
	q->hooks.changed(q->hooks.ctx, entry->job);
	check_stopped(q);
	kick(q);
}

static struct job *job_from_choice(struct queue *q, const struct choice *choice, int priority)
{
	struct job *job = job_new();

	make_id(job->id);
	job->order = ++q->last_order;
	job->type = choice->type;
	job->repo = mem_strdup(choice->repo);
	job->revision = mem_strdup(choice->revision);
	memcpy(job->commit, choice->commit, sizeof(job->commit));
	terms_copy(&job->select, choice->select.v, choice->select.n);
	terms_copy(&job->exclude, choice->exclude.v, choice->exclude.n);
	job->priority = priority;
	job->created_at_ms = clock_unix_ms();
	return job;
}

int queue_create(struct queue *q, const struct choice *choice, int priority, queue_done_fn done,
		 void *ctx, const struct job **ret_duplicate, struct error *err)
{
	const struct job *duplicate = find_duplicate(q, choice);
	struct creation *creation;
	struct entry *entry;

	if (duplicate != NULL) {
		*ret_duplicate = duplicate;
		return error_set(err, ERR_DUPLICATE,
				 "%s is in the queue already, with the same files",
				 duplicate->repo);
	}
	if (count_active(q) >= QUEUE_ACTIVE_MAX || q->is_stopping)
		return error_set(err, ERR_QUEUE_FULL, "the queue holds %d downloads, its most",
				 QUEUE_ACTIVE_MAX);
	entry = mem_alloc(sizeof(*entry));
	entry->job = job_from_choice(q, choice, priority);
	entry->is_loading = true; /* not to be started before it is committed */
	insert(q, entry);
	creation = mem_alloc(sizeof(*creation));
	*creation = (struct creation){ .queue = q, .entry = entry, .done = done, .ctx = ctx };
	store_put_job(q->env.store, entry->job, on_created, creation);
	return 0;
}

static int find_or_fail(const struct queue *q, struct str id, struct entry **ret,
			struct error *err)
{
	*ret = find(q, id);
	if (*ret == NULL)
		return error_set(err, ERR_UNKNOWN_DOWNLOAD, "there is no such download");
	return 0;
}

static const struct {
	const char *verb;
	enum job_state to;
} queue_moves[] = {
	[QUEUE_PAUSE] = { "paused", JOB_PAUSED },
	[QUEUE_RESUME] = { "resumed", JOB_QUEUED },
	[QUEUE_CANCEL] = { "cancelled", JOB_CANCELLED },
	[QUEUE_RETRY] = { "retried", JOB_QUEUED },
};

/* Resuming is for what stands still, retrying for what has ended. */
static bool is_move_legal(enum job_state from, enum queue_move move)
{
	if (move == QUEUE_RESUME)
		return from == JOB_PAUSED || from == JOB_WAITING;
	if (move == QUEUE_RETRY)
		return from == JOB_FAILED || from == JOB_CANCELLED;
	return job_can_move(from, queue_moves[move].to);
}

int queue_move(struct queue *q, struct str id, enum queue_move wanted, queue_done_fn done,
	       void *ctx, struct error *err)
{
	struct entry *entry;

	if (find_or_fail(q, id, &entry, err) < 0)
		return -1;
	if (!is_move_legal(entry->job->state, wanted))
		return error_set(err, ERR_ILLEGAL_STATE, "a download that is %s cannot be %s",
				 job_state_name(entry->job->state), queue_moves[wanted].verb);
	move(entry, queue_moves[wanted].to);
	if (wanted == QUEUE_RESUME || wanted == QUEUE_RETRY)
		entry->job->attempts = 0;
	cancel_planning(entry);
	if (entry->transfer != NULL)
		transfer_stop(entry->transfer);
	else if (wanted == QUEUE_CANCEL && !entry->is_loading)
		start_cleaning(q, entry);
	save(q, entry, done, ctx);
	forget_oldest(q);
	kick(q);
	return 0;
}

int queue_set_priority(struct queue *q, struct str id, int priority, queue_done_fn done,
		       void *ctx, struct error *err)
{
	struct entry *entry;

	if (find_or_fail(q, id, &entry, err) < 0)
		return -1;
	if (job_is_final(entry->job->state))
		return error_set(err, ERR_ILLEGAL_STATE,
				 "a download that is %s has no priority",
				 job_state_name(entry->job->state));
	take_out(q, entry);
	entry->job->priority = priority;
	insert(q, entry);
	save(q, entry, done, ctx);
	kick(q);
	return 0;
}

int queue_forget(struct queue *q, struct str id, queue_done_fn done, void *ctx,
		 struct error *err)
{
	struct entry *entry;

	if (find_or_fail(q, id, &entry, err) < 0)
		return -1;
	if (!job_is_final(entry->job->state) || is_busy(entry))
		return error_set(err, ERR_ILLEGAL_STATE,
				 "a download that is %s cannot be forgotten",
				 job_state_name(entry->job->state));
	forget(q, entry, done, ctx);
	return 0;
}

/* --- begin and end
 * ----------------------------------------------------------------------------- */

static void on_loaded(void *ctx, struct job *take_job)
{
	struct queue *q = ctx;
	struct entry *entry = mem_alloc(sizeof(*entry));

	entry->job = take_job;
	if (is_running_state(take_job->state) || take_job->state == JOB_RESOLVING)
		job_move(take_job, JOB_QUEUED, clock_unix_ms());
	if (take_job->order > q->last_order)
		q->last_order = take_job->order;
	insert(q, entry);
}

struct queue *queue_new(const struct transfer_env *env, struct planner *planner,
			const struct queue_limits *limits, const struct queue_hooks *hooks,
			struct error *err)
{
	AUTO(queue) q = mem_alloc(sizeof(*q));

	q->env = *env;
	q->planner = planner;
	q->limits = *limits;
	q->hooks = *hooks;
	q->timer = loop_timer_new(env->loop, on_tick, q);
	if (store_load(env->store, on_loaded, q, err) < 0)
		return NULL;
	return MOVE(q);
}

void queue_free(struct queue **queue)
{
	struct queue *q = *queue;

	if (q == NULL)
		return;
	loop_timer_free(&q->timer);
	for (size_t i = 0; i < q->n; i++)
		entry_free(q->entries[i]);
	free((void *)q->entries);
	free((void *)q->jobs);
	free(q);
	*queue = NULL;
}

void queue_start(struct queue *queue)
{
	kick(queue);
}

static void tell_stopped(void *ctx)
{
	struct queue *q = ctx;

	q->hooks.stopped(q->hooks.ctx);
}

static void check_stopped(struct queue *q)
{
	if (!q->is_stopping)
		return;
	for (size_t i = 0; i < q->n; i++) {
		if (is_busy(q->entries[i]))
			return;
	}
	if (q->is_stopped)
		return;
	q->is_stopped = true;
	loop_defer(q->env.loop, tell_stopped, q);
}

void queue_stop(struct queue *q)
{
	if (q->is_stopping)
		return;
	q->is_stopping = true;
	loop_timer_stop(q->timer);
	for (size_t i = 0; i < q->n; i++) {
		cancel_planning(q->entries[i]);
		if (q->entries[i]->transfer != NULL)
			transfer_stop(q->entries[i]->transfer);
	}
	check_stopped(q);
}
