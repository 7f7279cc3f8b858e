/*
 * Will the disk hold it? Each job is asked about the file system that its folder is on: what is
 * free there, less what must stay free, less what those before it will still write there. So
 * jobs on two file systems do not stand in each other's way, and who comes later is told before
 * its first byte that the disk will be full by then.
 *
 * What a job will still write is what is not durable yet: partials are sparse, and what is
 * durable of them has its blocks.
 */
#include "downloader/queue_internal.h"

#include <errno.h>

#include "downloader/size_text.h"

enum {
	/* So much more free than since the disk was full is worth a try before its time. */
	ROOM_GROWN_BYTES = 64 * 1024 * 1024,
};

void queue_room_watch(struct queue *q, struct entry *entry)
{
	const struct job *job = entry->job;
	bool is_wanted = job->is_planned && !job_is_final(job->state);
	AUTO_CSTR folder = NULL;

	if (is_wanted == (entry->watch != NULL))
		return;
	if (!is_wanted) {
		space_unwatch(&entry->watch);
		return;
	}
	folder = job_own_folder(job);
	entry->watch = space_watch(q->space, folder);
}

/* 1: this is the file system that it writes to; 0: not known yet; -1: ERR_DISK_AWAY, nothing
 * can be written. */
static int find_space(const struct entry *entry, struct file_space *ret, struct error *err)
{
	int known = entry->watch != NULL ? space_of(entry->watch, ret, err) : 0;

	if (known < 0)
		err->code = ERR_DISK_AWAY;
	else if (known > 0 && ret->is_read_only)
		known = error_set(err, ERR_DISK_AWAY, "its folder's disk is read-only");
	return known;
}

/* May it write there? What is not known yet may be anywhere. */
static bool is_on(const struct entry *entry, uint64_t device)
{
	struct file_space space;
	struct error ignored;
	int known = find_space(entry, &space, &ignored);

	return known == 0 || (known > 0 && space.device == device);
}

/* Will it go on by itself, without waiting for room that is not there? */
static bool goes_on(const struct job *job)
{
	return job->state == JOB_QUEUED ||
	       (job->state == JOB_WAITING && job->reason.code != ERR_DISK_FULL);
}

/* Bytes that will still be written by those who run, and by those who come before `entry`. */
static uint64_t bytes_before(const struct queue *q, const struct entry *entry, uint64_t device)
{
	uint64_t bytes = 0;
	bool is_before = true;

	for (size_t i = 0; i < q->n; i++) {
		const struct entry *other = q->entries[i];

		if (other == entry)
			is_before = false;
		else if ((queue_is_running(other->job->state) ||
			  (is_before && goes_on(other->job))) &&
			 is_on(other, device))
			bytes += job_remaining(other->job);
	}
	return bytes;
}

static int refuse(struct error *err, uint64_t wanted, uint64_t usable, uint64_t free_bytes)
{
	AUTO_CSTR wanted_text = size_text(wanted);
	AUTO_CSTR usable_text = size_text(usable);
	AUTO_CSTR free_text = size_text(free_bytes);

	return error_set(
		err, ERR_DISK_FULL,
		"%s are still to come, and of %s free %s may be used: see LARDER_MIN_FREE",
		wanted_text, free_text, usable_text);
}

int queue_room_check(const struct queue *q, const struct entry *entry, struct error *err)
{
	uint64_t wanted = job_remaining(entry->job);
	struct file_space space;
	uint64_t promised;
	uint64_t usable;
	int known = find_space(entry, &space, err);

	if (known <= 0)
		return known;
	promised = bytes_before(q, entry, space.device) + q->limits.min_free_bytes;
	usable = space.free_bytes > promised ? space.free_bytes - promised : 0;
	if (wanted <= usable)
		return 1;
	return refuse(err, wanted, usable, space.free_bytes);
}

bool queue_room_is_awaited(const struct job *job)
{
	return job->state == JOB_WAITING &&
	       (job->reason.code == ERR_DISK_FULL || job->reason.code == ERR_DISK_AWAY);
}

/* --- bytes that were refused --- */

void queue_room_refused(struct entry *entry, const struct error *err)
{
	/* A quota does not show in what is free. */
	entry->is_growth_awaited = err->code == ERR_DISK_FULL && err->sys == ENOSPC;
	entry->least_free = UINT64_MAX;
}

static bool has_grown(const struct entry *entry)
{
	struct file_space space;
	struct error ignored;

	return entry->is_growth_awaited && entry->least_free < UINT64_MAX &&
	       find_space(entry, &space, &ignored) > 0 &&
	       space.free_bytes >= entry->least_free + ROOM_GROWN_BYTES;
}

bool queue_room_may_wake(const struct queue *q, const struct entry *entry, bool is_time)
{
	struct error ignored;

	/* Not planned, it was the database that had no room: its files' disk is not known. */
	if (!entry->job->is_planned)
		return is_time && !q->is_disk_away;
	return !q->is_disk_away && queue_room_check(q, entry, &ignored) > 0 &&
	       (is_time || has_grown(entry));
}

/* --- news --- */

/* Nothing of the job can be written any more, or must be. */
static bool must_stop(const struct queue *q, const struct entry *entry, struct error *err)
{
	AUTO_CSTR free_text = NULL;
	AUTO_CSTR kept_text = NULL;
	struct file_space space;
	int known = find_space(entry, &space, err);

	if (known < 0)
		return true;
	if (known == 0 || space.free_bytes >= q->limits.min_free_bytes ||
	    job_remaining(entry->job) == 0)
		return false;
	free_text = size_text(space.free_bytes);
	kept_text = size_text(q->limits.min_free_bytes);
	(void)error_set(err, ERR_DISK_FULL, "%s are free, %s are to stay free", free_text,
			kept_text);
	return true;
}

static void note_least(struct entry *entry)
{
	struct file_space space;
	struct error ignored;

	if (entry->is_growth_awaited && find_space(entry, &space, &ignored) > 0 &&
	    space.free_bytes < entry->least_free)
		entry->least_free = space.free_bytes;
}

void queue_disk_changed(struct queue *q)
{
	struct error away;
	struct error why;

	q->is_disk_away = space_check(q->space, &away) < 0;
	away.code = ERR_DISK_AWAY;
	for (size_t i = 0; i < q->n; i++) {
		struct entry *entry = q->entries[i];

		note_least(entry);
		if (entry->job->state != JOB_DOWNLOADING)
			continue;
		if (q->is_disk_away)
			queue_entry_wait(q, entry, &away, 0);
		else if (must_stop(q, entry, &why))
			queue_entry_wait(q, entry, &why, 0);
		else
			continue;
		if (entry->transfer != NULL)
			transfer_stop(entry->transfer);
	}
	queue_kick(q);
}

uint64_t queue_reserved(const struct queue *q, uint64_t device)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < q->n; i++) {
		if (!job_is_final(q->entries[i]->job->state) && is_on(q->entries[i], device))
			bytes += job_remaining(q->entries[i]->job);
	}
	return bytes;
}
