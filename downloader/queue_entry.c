#include "downloader/queue_internal.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/log.h"
#include "downloader/hub_url.h"
#include "downloader/retry.h"
#include "downloader/tally.h"

/* A save under way, with what is to be told after it. */
struct save {
	struct queue *queue;
	struct job *job; /* as it was saved */
	queue_done_fn done;
	void *ctx;
};

struct forgetting {
	struct queue *queue;
	char id[DOWNLOAD_ID_LEN + 1];
};

/* --- the list --- */

struct entry *queue_entry_new(struct job *take_job)
{
	struct entry *entry = mem_alloc(sizeof(*entry));

	entry->job = take_job;
	entry->told = job_copy(take_job);
	return entry;
}

struct entry *queue_entry_find(const struct queue *q, struct str id)
{
	for (size_t i = 0; i < q->n; i++) {
		if (str_is_equal(id, str_from(q->entries[i]->job->id)))
			return q->entries[i];
	}
	return NULL;
}

void queue_entry_insert(struct queue *q, struct entry *entry)
{
	size_t at = q->n;

	if (q->n == q->cap) {
		q->cap = q->cap < 16 ? 16 : q->cap * 2;
		q->entries = mem_resize((void *)q->entries, q->cap, sizeof(struct entry *));
		q->told = mem_resize((void *)q->told, q->cap, sizeof(struct job *));
	}
	while (at > 0 && job_compare(entry->job, q->entries[at - 1]->job) < 0) {
		q->entries[at] = q->entries[at - 1];
		q->told[at] = q->told[at - 1];
		at--;
	}
	q->entries[at] = entry;
	q->told[at] = entry->told;
	q->n++;
}

void queue_entry_take_out(struct queue *q, const struct entry *entry)
{
	size_t at = 0;

	while (at < q->n && q->entries[at] != entry)
		at++;
	assert(at < q->n);
	q->n--;
	for (; at < q->n; at++) {
		q->entries[at] = q->entries[at + 1];
		q->told[at] = q->told[at + 1];
	}
}

void queue_entry_free(struct entry *entry)
{
	space_unwatch(&entry->watch);
	job_free(&entry->job);
	job_free(&entry->told);
	free(entry);
}

bool queue_entry_is_busy(const struct entry *entry)
{
	return entry->planning != NULL || entry->transfer != NULL || entry->verify != NULL ||
	       entry->is_loading || entry->is_cleaning;
}

/* --- saving --- */

/* The world may know now what was committed. */
static void tell(struct queue *q, struct entry *entry, struct job *saved)
{
	struct job before = *entry->told;

	if (entry->transfer != NULL && queue_is_running(saved->state))
		job_take_progress(saved, entry->job);
	*entry->told = *saved;
	*saved = before;
	q->hooks.changed(q->hooks.ctx, entry->told);
}

static void on_saved(void *ctx, const struct error *err)
{
	struct save *save = ctx;
	struct queue *q = save->queue;
	struct entry *entry = queue_entry_find(q, str_from(save->job->id));

	assert(entry != NULL);
	if (err != NULL) {
		log_error("download %s is not saved: %s", save->job->id, err->text);
		entry->is_unsaved = true;
	} else {
		tell(q, entry, save->job);
	}
	if (save->done != NULL)
		save->done(save->ctx, err == NULL ? entry->told : NULL, err);
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

void queue_entry_save(struct queue *q, struct entry *entry, queue_done_fn done, void *ctx)
{
	entry->is_unsaved = false;
	store_put_job(q->env.store, entry->job, on_saved, save_new(q, entry->job, done, ctx));
}

static void on_forgotten(void *ctx, const struct error *err)
{
	struct forgetting *forgetting = ctx;
	struct queue *q = forgetting->queue;
	struct entry *entry = queue_entry_find(q, str_from(forgetting->id));
	queue_done_fn done;
	void *done_ctx;

	assert(entry != NULL);
	done = entry->forgotten;
	done_ctx = entry->forgotten_ctx;
	entry->is_forgetting = false;
	entry->is_unwanted = false;
	if (err != NULL) {
		log_error("download %s is not forgotten: %s", forgetting->id, err->text);
	} else {
		queue_entry_take_out(q, entry);
		queue_entry_free(entry);
		q->hooks.removed(q->hooks.ctx, forgetting->id);
	}
	if (done != NULL)
		done(done_ctx, NULL, err);
	free(forgetting);
}

void queue_entry_unwant(struct queue *q, struct entry *entry, queue_done_fn done, void *ctx)
{
	entry->is_unwanted = true;
	entry->forgotten = done;
	entry->forgotten_ctx = ctx;
	if (entry->job->state != JOB_COMPLETED && !queue_entry_is_busy(entry))
		queue_entry_clean(q, entry);
	queue_entry_forget_if_idle(q, entry);
}

void queue_entry_forget_if_idle(struct queue *q, struct entry *entry)
{
	struct forgetting *forgetting;

	if (!entry->is_unwanted || entry->is_forgetting || queue_entry_is_busy(entry))
		return;
	entry->is_forgetting = true;
	forgetting = mem_alloc(sizeof(*forgetting));
	forgetting->queue = q;
	memcpy(forgetting->id, entry->job->id, sizeof(forgetting->id));
	store_delete_job(q->env.store, entry->job->id, on_forgotten, forgetting);
}

/* Keeps the number of final jobs bounded. */
void queue_forget_oldest(struct queue *q)
{
	struct entry *oldest = NULL;
	size_t n = 0;

	for (size_t i = 0; i < q->n; i++) {
		struct entry *entry = q->entries[i];

		if (!job_is_final(entry->job->state) || entry->is_unwanted)
			continue;
		n++;
		/* By order of arrival: the clock may have been set back. */
		if (!queue_entry_is_busy(entry) &&
		    (oldest == NULL || entry->job->order < oldest->job->order))
			oldest = entry;
	}
	if (n > QUEUE_FINISHED_MAX && oldest != NULL)
		queue_entry_unwant(q, oldest, NULL, NULL);
}

/* --- moves --- */

bool queue_is_running(enum job_state state)
{
	return state == JOB_DOWNLOADING || state == JOB_VERIFYING;
}

void queue_entry_move(struct entry *entry, enum job_state to)
{
	log_info("download %s (%s): %s -> %s", entry->job->id, entry->job->repo,
		 job_state_name(entry->job->state), job_state_name(to));
	job_move(entry->job, to, clock_unix_ms());
	if (job_is_final(to))
		tally_end(entry->job->kind, to);
}

/* The job cannot go on now: it waits or has failed, as retry.c says. */
void queue_entry_give_way(struct queue *q, struct entry *entry, const struct error *err)
{
	struct job *job = entry->job;
	struct retry retry = retry_job(err, job->attempts, randombytes_random());
	struct error reason = *err;
	int64_t retry_at_ms = 0;

	reason.code = retry.reason;
	queue_room_refused(entry, err);
	if (retry.verdict == RETRY_LATER) {
		tally_retry(retry.reason);
		retry_at_ms = clock_unix_ms() + (int64_t)retry.delay_ms;
		job->attempts++;
		queue_entry_move(entry, JOB_WAITING);
	} else {
		queue_entry_move(entry, JOB_FAILED);
	}
	log_warning("download %s (%s): %s", job->id, job->repo, err->text);
	job_set_reason(job, &reason, retry_at_ms);
	if (err->code == ERR_GATED)
		job_set_reason_url(
			job, hub_url_page(hub_endpoint(q->env.hub), job->type, job->repo));
	queue_entry_save(q, entry, NULL, NULL);
}

void queue_entry_wait(struct queue *q, struct entry *entry, const struct error *why,
		      int64_t until_ms)
{
	if (entry->job->state != JOB_WAITING)
		queue_entry_move(entry, JOB_WAITING);
	log_info("download %s (%s): %s", entry->job->id, entry->job->repo, why->text);
	job_set_reason(entry->job, why, until_ms);
	queue_entry_save(q, entry, NULL, NULL);
}
