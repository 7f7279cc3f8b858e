#include "downloader/new_id.h"
#include "downloader/queue_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/relpath.h"

enum {
	WAIT_MAX_MS = 25 * 60 * 60 * 1000,
	IDLE_TICK_MS = 5000, /* how late a waiting job may wake, and how often an unsaved one is
				saved */
};

/* --- the scheduler --- */

static bool is_folder_busy(const struct queue *q, const struct entry *candidate)
{
	AUTO_CSTR folder = job_own_folder(candidate->job);

	for (size_t i = 0; i < q->n; i++) {
		const struct entry *entry = q->entries[i];
		AUTO_CSTR other = NULL;

		if (entry == candidate || !queue_entry_is_busy(entry) ||
		    (entry->planning != NULL && entry->job->kind == JOB_DOWNLOAD))
			continue;
		other = job_own_folder(entry->job);
		if (strcmp(folder, other) == 0)
			return true;
	}
	return false;
}

static bool is_verification(const struct entry *entry)
{
	return entry->job->kind == JOB_VERIFY;
}

static bool is_held(const struct queue *q)
{
	return q->hold.code != ERR_NONE;
}

/* Does it wait for the end of a hold, be it the present one or one before? */
static bool waits_for_hold(const struct job *job)
{
	return job->state == JOB_WAITING &&
	       (job->reason.code == ERR_SCHEDULE || job->reason.code == ERR_PAUSED_ALL);
}

/* Who waits for room wakes when there is some, be it that its time has come before. */
static bool is_wake_time(const struct queue *q, const struct entry *entry, int64_t now_ms)
{
	const struct job *job = entry->job;
	int64_t left_ms = job->reason.retry_at_ms - now_ms;
	/* No wait is longer than a day: one that seems so was begun by a wrong clock. */
	bool is_time = left_ms <= 0 || left_ms > WAIT_MAX_MS;

	if (waits_for_hold(job))
		return !is_held(q);
	if (queue_room_is_awaited(job))
		return queue_room_may_wake(q, entry, is_time);
	return job->state == JOB_WAITING && is_time;
}

/* Its time has passed without room: from now on it waits for nothing else. */
static void wait_for_room_alone(struct queue *q, struct entry *entry, int64_t now_ms)
{
	struct job *job = entry->job;

	if (!queue_room_is_awaited(job) || job->reason.retry_at_ms == 0 ||
	    job->reason.retry_at_ms > now_ms)
		return;
	job->reason.retry_at_ms = 0;
	queue_entry_save(q, entry, NULL, NULL);
}

static void wake_waiting(struct queue *q)
{
	int64_t now_ms = clock_unix_ms();

	for (size_t i = 0; i < q->n; i++) {
		struct entry *entry = q->entries[i];

		queue_room_watch(q, entry);
		if (is_wake_time(q, entry, now_ms)) {
			queue_entry_move(entry, JOB_QUEUED);
			queue_entry_save(q, entry, NULL, NULL);
		} else {
			wait_for_room_alone(q, entry, now_ms);
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
		else if (!is_verification(q->entries[i]) &&
			 (q->entries[i]->transfer != NULL || q->entries[i]->is_loading))
			(*ret_running)++;
	}
}

static bool is_verifying(const struct queue *q)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct entry *entry = q->entries[i];

		if (is_verification(entry) && queue_entry_is_busy(entry))
			return true;
	}
	return false;
}

/* The same for a verification: one at a time, whatever is held. */
static void consider_verification(struct queue *q, struct entry *entry, size_t *resolving)
{
	if (!q->is_library_known || q->is_disk_away || is_verifying(q) ||
	    is_folder_busy(q, entry))
		return;
	if (entry->job->is_planned) {
		queue_entry_run(q, entry);
	} else if (*resolving < QUEUE_RESOLVING_MAX) {
		queue_entry_take_inventory(q, entry);
		(*resolving)++;
	}
}

/* What is about a model that is here is planned when it could run at once: its plan is good as
 * long as nobody else writes there. */
static bool may_plan(const struct queue *q, const struct entry *entry, size_t running)
{
	return entry->job->kind == JOB_DOWNLOAD ||
	       (q->is_library_known && running < q->limits.downloads && !q->is_disk_away &&
		!is_folder_busy(q, entry));
}

/* Runs one that waits for its turn, if it may. */
static void consider(struct queue *q, struct entry *entry, size_t *running, size_t *resolving)
{
	struct error err;
	int room;

	if (entry->job->state != JOB_QUEUED || queue_entry_is_busy(entry))
		return;
	if (is_verification(entry)) {
		consider_verification(q, entry, resolving);
		return;
	}
	if (is_held(q))
		return;
	if (!entry->job->is_planned) {
		if (*resolving < QUEUE_RESOLVING_MAX && may_plan(q, entry, *running)) {
			queue_entry_plan(q, entry);
			(*resolving)++;
		}
		return;
	}
	if (*running >= q->limits.downloads || q->is_disk_away || is_folder_busy(q, entry))
		return;
	room = queue_room_check(q, entry, &err);
	if (room < 0)
		queue_entry_wait(q, entry, &err, 0);
	if (room <= 0)
		return;
	queue_entry_run(q, entry);
	(*running)++;
}

static void arm(struct queue *q)
{
	size_t running;
	size_t resolving;
	uint64_t delay_ms;
	uint64_t due_ms;

	count(q, &running, &resolving);
	delay_ms = running > 0 || is_verifying(q) ? QUEUE_TICK_MS : IDLE_TICK_MS;
	due_ms = clock_steady_ms() + delay_ms;
	/* Whoever kicks more often than that does not put it off for ever. */
	if (q->tick_due_ms != 0 && q->tick_due_ms <= due_ms)
		return;
	q->tick_due_ms = due_ms;
	loop_timer_arm(q->timer, delay_ms);
}

void queue_kick(struct queue *q)
{
	size_t running;
	size_t resolving;

	if (q->is_stopping || !q->is_started)
		return;
	queue_forget_oldest(q);
	wake_waiting(q);
	count(q, &running, &resolving);
	for (size_t i = 0; i < q->n; i++)
		consider(q, q->entries[i], &running, &resolving);
	arm(q);
}

static void tell_progress(struct queue *q)
{
	struct job **jobs = mem_array(q->n, sizeof(struct job *));
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++) {
		struct entry *entry = q->entries[i];
		enum job_state wanted = JOB_VERIFYING;

		if ((entry->transfer == NULL && entry->verify == NULL) ||
		    !queue_is_running(entry->job->state))
			continue;
		if (entry->verify != NULL)
			queue_entry_tell_verify(entry, entry->job);
		else if (!transfer_tell(entry->transfer, entry->job))
			wanted = JOB_DOWNLOADING;
		if (entry->job->state != wanted) {
			queue_entry_move(entry, wanted);
			queue_entry_save(q, entry, NULL, NULL);
		}
		if (!queue_is_running(entry->told->state))
			continue; /* that it runs is not committed yet */
		job_take_progress(entry->told, entry->job);
		jobs[n++] = entry->told;
	}
	if (n > 0)
		q->hooks.progress(q->hooks.ctx, jobs, n);
	free((void *)jobs);
}

static void on_tick(void *ctx)
{
	struct queue *q = ctx;

	q->tick_due_ms = 0;
	for (size_t i = 0; i < q->n; i++) {
		if (q->entries[i]->is_unsaved && !q->entries[i]->is_forgetting)
			queue_entry_save(q, q->entries[i], NULL, NULL);
	}
	tell_progress(q);
	queue_kick(q);
}

/* --- what the world asks --- */

void queue_library_known(struct queue *q)
{
	if (q->is_library_known)
		return;
	q->is_library_known = true;
	queue_kick(q);
}

/* One that was cancelled writes no more files under their names, but for an update in its
 * changeover, which goes on to its end. */
static bool may_write(const struct entry *entry)
{
	return !job_is_final(entry->job->state) || !job_is_final(entry->told->state) ||
	       (entry->job->kind == JOB_UPDATE && queue_entry_is_busy(entry));
}

const struct job *queue_find_writer(const struct queue *q, const char *folder)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct entry *entry = q->entries[i];
		AUTO_CSTR other = NULL;

		if (!may_write(entry))
			continue;
		other = job_own_folder(entry->job);
		if (relpath_is_below(other, folder) || relpath_is_below(folder, other))
			return entry->job;
	}
	return NULL;
}

char **queue_busy_folders(const struct queue *q, size_t *ret_n)
{
	char **folders = mem_array(q->n, sizeof(char *));

	*ret_n = 0;
	for (size_t i = 0; i < q->n; i++) {
		const struct entry *entry = q->entries[i];

		if (may_write(entry))
			folders[(*ret_n)++] = job_own_folder(entry->job);
	}
	return folders;
}

void queue_set_downloads(struct queue *q, size_t downloads)
{
	q->limits.downloads = downloads;
	queue_kick(q);
}

static void stop_work(struct entry *entry)
{
	if (entry->transfer != NULL)
		transfer_stop(entry->transfer);
	if (entry->verify != NULL)
		verify_stop(entry->verify);
}

/* One that is under way stops; one that waits for another hold's end has a new reason. */
static void hold_entry(struct queue *q, struct entry *entry)
{
	const struct job *job = entry->job;

	bool is_under_way = queue_is_running(job->state) || job->state == JOB_RESOLVING;
	bool is_told =
		job->reason.code == q->hold.code && job->reason.retry_at_ms == q->hold_until_ms;

	if (is_verification(entry) || (!is_under_way && (!waits_for_hold(job) || is_told)))
		return;
	queue_entry_wait(q, entry, &q->hold, q->hold_until_ms);
	queue_entry_cancel_planning(entry);
	if (entry->transfer != NULL && is_under_way)
		transfer_stop(entry->transfer);
}

void queue_hold(struct queue *q, const struct error *why, int64_t until_ms)
{
	q->hold = why != NULL ? *why : (struct error){ .code = ERR_NONE };
	q->hold_until_ms = until_ms;
	if (q->is_stopping)
		return;
	for (size_t i = 0; i < q->n && why != NULL; i++)
		hold_entry(q, q->entries[i]);
	queue_kick(q);
}

const struct job *queue_find(const struct queue *q, struct str id)
{
	const struct entry *entry = queue_entry_find(q, id);

	return entry != NULL ? entry->told : NULL;
}

int queue_get_state(const struct queue *q, struct str id, enum job_state *ret)
{
	const struct entry *entry = queue_entry_find(q, id);

	if (entry == NULL)
		return -1;
	*ret = entry->job->state;
	return 0;
}

struct job *const *queue_jobs(const struct queue *q, size_t *ret_n)
{
	*ret_n = q->n;
	return q->told;
}

const struct plan *queue_plan(const struct queue *q, struct str id)
{
	const struct entry *entry = queue_entry_find(q, id);

	if (entry != NULL && entry->verify != NULL)
		return verify_plan(entry->verify);
	return entry != NULL && entry->transfer != NULL ? transfer_plan(entry->transfer) : NULL;
}

static const struct job *find_duplicate(const struct queue *q, const struct choice *choice)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct job *job = q->entries[i]->job;

		if (!job_is_final(job->state) && job->kind == JOB_DOWNLOAD &&
		    job->type == choice->type &&
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

static const struct job *find_duplicate_for(const struct queue *q, enum job_kind kind,
					    const char *folder)
{
	for (size_t i = 0; i < q->n; i++) {
		const struct job *job = q->entries[i]->job;
		AUTO_CSTR other = NULL;

		if (job_is_final(job->state) || job->kind != kind)
			continue;
		other = job_own_folder(job);
		if (strcmp(other, folder) == 0)
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

	if (err == NULL) {
		queue_entry_insert(q, entry);
		q->hooks.changed(q->hooks.ctx, entry->told);
		creation->done(creation->ctx, entry->told, NULL);
		queue_kick(q);
	} else {
		queue_entry_free(entry);
		creation->done(creation->ctx, NULL, err);
	}
	free(creation);
}

static struct job *new_job(struct queue *q, int priority)
{
	struct job *job = job_new();

	new_id(job->id);
	job->order = ++q->last_order;
	job->priority = priority;
	job->created_at_ms = clock_unix_ms();
	return job;
}

static struct job *job_from_choice(struct queue *q, const struct choice *choice, int priority)
{
	struct job *job = new_job(q, priority);

	job->type = choice->type;
	job->repo = mem_strdup(choice->repo);
	job->revision = mem_strdup(choice->revision);
	memcpy(job->commit, choice->commit, sizeof(job->commit));
	job->shown = choice->shown;
	terms_copy(&job->select, choice->select.v, choice->select.n);
	terms_copy(&job->exclude, choice->exclude.v, choice->exclude.n);
	return job;
}

/* A folder that no repository is named after has its own name for one. */
static struct job *job_from_model(struct queue *q, enum job_kind kind,
				  const struct model *model, int priority)
{
	struct job *job = new_job(q, priority);

	job->kind = kind;
	job->type = model->type;
	job->repo = mem_strdup(model->repo != NULL ? model->repo : model->folder);
	job->revision = mem_strdup(model->revision);
	job->folder = mem_strdup(model->folder);
	return job;
}

/* Where it is asked for once more, *ret_duplicate is the other. */
static int create(struct queue *q, struct job *take_job, const struct job *duplicate,
		  queue_done_fn done, void *ctx, const struct job **ret_duplicate,
		  struct error *err)
{
	struct creation *creation;
	struct entry *entry;

	*ret_duplicate = duplicate;
	if (duplicate != NULL || count_active(q) >= QUEUE_ACTIVE_MAX || q->is_stopping) {
		job_free(&take_job);
		return duplicate != NULL
			       ? error_set(err, ERR_DUPLICATE,
					   "%s is in the queue already, with the same files",
					   duplicate->repo)
			       : error_set(err, ERR_QUEUE_FULL,
					   "the queue holds %d downloads, its most",
					   QUEUE_ACTIVE_MAX);
	}
	entry = queue_entry_new(take_job);
	creation = mem_alloc(sizeof(*creation));
	*creation = (struct creation){ .queue = q, .entry = entry, .done = done, .ctx = ctx };
	store_put_job(q->env.store, entry->job, on_created, creation);
	return 0;
}

int queue_create_for(struct queue *q, enum job_kind kind, const struct model *model,
		     int priority, queue_done_fn done, void *ctx,
		     const struct job **ret_duplicate, struct error *err)
{
	return create(q, job_from_model(q, kind, model, priority),
		      find_duplicate_for(q, kind, model->folder), done, ctx, ret_duplicate,
		      err);
}

int queue_create(struct queue *q, const struct choice *choice, int priority, queue_done_fn done,
		 void *ctx, const struct job **ret_duplicate, struct error *err)
{
	return create(q, job_from_choice(q, choice, priority), find_duplicate(q, choice), done,
		      ctx, ret_duplicate, err);
}

static int find_or_fail(const struct queue *q, struct str id, struct entry **ret,
			struct error *err)
{
	*ret = queue_entry_find(q, id);
	if (*ret == NULL || (*ret)->is_unwanted)
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
	queue_entry_move(entry, queue_moves[wanted].to);
	if (wanted == QUEUE_RESUME || wanted == QUEUE_RETRY)
		entry->job->attempts = 0;
	queue_entry_cancel_planning(entry);
	stop_work(entry);
	if (!queue_entry_is_busy(entry) && wanted == QUEUE_CANCEL && !entry->is_loading)
		queue_entry_clean(q, entry);
	queue_entry_save(q, entry, done, ctx);
	queue_kick(q);
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
	queue_entry_take_out(q, entry);
	entry->job->priority = priority;
	queue_entry_insert(q, entry);
	queue_entry_save(q, entry, done, ctx);
	queue_kick(q);
	return 0;
}

int queue_forget(struct queue *q, struct str id, queue_done_fn done, void *ctx,
		 struct error *err)
{
	struct entry *entry;

	if (find_or_fail(q, id, &entry, err) < 0)
		return -1;
	if (!job_is_final(entry->job->state) || queue_entry_is_busy(entry))
		return error_set(err, ERR_ILLEGAL_STATE,
				 "a download that is %s cannot be forgotten",
				 job_state_name(entry->job->state));
	queue_entry_unwant(q, entry, done, ctx);
	return 0;
}

/* --- begin and end --- */

static void on_loaded(void *ctx, struct job *take_job)
{
	struct queue *q = ctx;

	if (queue_is_running(take_job->state) || take_job->state == JOB_RESOLVING)
		job_move(take_job, JOB_QUEUED, clock_unix_ms());
	if (take_job->order > q->last_order)
		q->last_order = take_job->order;
	queue_entry_insert(q, queue_entry_new(take_job));
}

struct queue *queue_new(const struct transfer_env *env, struct planner *planner,
			struct space *space, const struct queue_limits *limits,
			const struct queue_hooks *hooks, struct error *err)
{
	AUTO(queue) q = mem_alloc(sizeof(*q));

	q->env = *env;
	q->planner = planner;
	q->space = space;
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
		queue_entry_free(q->entries[i]);
	free((void *)q->entries);
	free((void *)q->told);
	free(q);
	*queue = NULL;
}

void queue_start(struct queue *queue)
{
	queue->is_started = true;
	/* What a cancel could not finish before larderd ended. */
	for (size_t i = 0; i < queue->n; i++) {
		if (queue->entries[i]->job->state == JOB_CANCELLED)
			queue_entry_clean(queue, queue->entries[i]);
	}
	queue_kick(queue);
}

static void tell_stopped(void *ctx)
{
	struct queue *q = ctx;

	q->hooks.stopped(q->hooks.ctx);
}

void queue_check_stopped(struct queue *q)
{
	if (!q->is_stopping)
		return;
	for (size_t i = 0; i < q->n; i++) {
		if (queue_entry_is_busy(q->entries[i]))
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
		queue_entry_cancel_planning(q->entries[i]);
		stop_work(q->entries[i]);
	}
	queue_check_stopped(q);
}
