/*
 * Everything that is under way is counted in `pending`: a fetch, the hasher, a task on a
 * worker, a command of the store, the retry timer. Whatever ends calls settle(): once the
 * landing is stopping and the count is zero, what was written is synced and recorded, and the
 * landing is over.
 */
#include "downloader/landing.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/log.h"
#include "downloader/file.h"
#include "downloader/hasher.h"
#include "downloader/localdir.h"
#include "downloader/retry.h"

enum {
	RANGES_IGNORED_MAX = 2, /* then it is an error like any other */
};

/* A piece of disk work. The members below `landing` are the worker's until `done`. */
struct work {
	struct pool_task task; /* first */
	struct landing *landing;
	void (*act)(struct work *work);
	void (*then)(struct landing *landing, struct work *work);
	bool has_failed;
	struct error error; /* when it has */
	enum localdir_presence presence;
	bool is_new;
	int fd;
	uint64_t bytes;     /* a sync's: they are durable after it */
	unsigned beginning; /* a sync's: of which beginning they are */
	char trash_id[DOWNLOAD_ID_LEN + 24];
	char *trash; /* a publish's: what it moved there, or NULL */
};

struct landing {
	const struct landing_env *env;
	struct plan_file *file;
	size_t index;
	struct landing_hooks hooks;
	struct localdir_names names;

	unsigned pending;
	bool is_stopping;
	bool is_flushed;  /* no more sync of a stopping landing: made, or of no use */
	bool is_over;     /* the hook is about to be called */
	struct error why; /* of the stop */

	int fd;              /* the partial, or the existing file while it is checked */
	struct hubfile *get; /* NULL: no request under way */
	struct hasher *hasher;
	_Atomic uint64_t
		written;   /* bytes in the file without gap from 0; a transfer thread adds */
	uint64_t counted;  /* of these, told by landing_tick() */
	uint64_t synced;   /* of these, durable; recorded soon after */
	bool is_reopening; /* once it is recorded that nothing counts */
	bool is_syncing;
	unsigned beginnings; /* times that all bytes were thrown away */
	uint64_t last_sync_ms;
	bool is_hashed; /* to the last byte: hex counts */
	char hex[HUB_DIGEST_MAX + 1];

	unsigned tries; /* in a row without a new byte */
	uint64_t tried_from;
	bool is_refetched;       /* after a digest that did not match */
	unsigned ranges_ignored; /* times it began again for that */
	struct loop_timer *retry_timer;
	bool is_retry_armed;
};

static void settle(struct landing *l);
static void start_get(struct landing *l);
static void advance(struct landing *l);
static void judge_if_ready(struct landing *l);
static void open_partial(struct landing *l);

/* --- the frame --- */

/* Something that was under way has ended. */
static void release(void *ctx)
{
	struct landing *l = ctx;

	l->pending--;
	settle(l);
}

static void run_work(struct pool_task *task)
{
	struct work *work = (struct work *)task;

	work->act(work);
}

static void work_done(struct pool_task *task)
{
	struct work *work = (struct work *)task;
	struct landing *l = work->landing;

	l->pending--;
	work->then(l, work);
	free(work);
	settle(l);
}

static struct work *work_new(struct landing *l, void (*act)(struct work *),
			     void (*then)(struct landing *, struct work *))
{
	struct work *work = mem_alloc(sizeof(*work));

	work->task.run = run_work;
	work->task.done = work_done;
	work->landing = l;
	work->act = act;
	work->then = then;
	work->fd = -1;
	l->pending++;
	return work;
}

/* Stops because of `why`; the first reason counts. */
static void stop(struct landing *l, const struct error *why)
{
	if (l->is_stopping)
		return;
	l->is_stopping = true;
	l->why = *why;
	if (l->get != NULL)
		hubfile_cancel(l->get);
	if (l->is_retry_armed) {
		loop_timer_stop(l->retry_timer);
		l->is_retry_armed = false;
		l->pending--;
	}
}

static void stop_proven(struct landing *l)
{
	static const struct error none = { .code = ERR_NONE };

	l->is_flushed = true;
	stop(l, &none);
}

/* A sync has failed, or may have. The kernel forgets the bytes that it could not write: another
 * sync would succeed and say nothing of them. So there is none, and they are fetched again. */
static void stop_unsynced(struct landing *l, const struct error *why)
{
	l->is_flushed = true;
	stop(l, why);
}

/* Progress on its way to the database. What it says becomes true for others when it is
 * committed. */
struct record {
	struct landing *landing;
	enum file_state state;
	uint64_t bytes_done;
	bool is_of_sync;
};

static void on_recorded(void *ctx, const struct error *err)
{
	struct record *record = ctx;
	struct landing *l = record->landing;

	l->pending--;
	if (err != NULL)
		log_warning("%s: progress is not recorded: %s", l->file->path, err->text);
	else
		l->file->bytes_done = record->bytes_done;
	if (record->state == FILE_DONE) /* it is in its place, whatever the database says */
		l->file->state = FILE_DONE;
	if (l->is_reopening) {
		l->is_reopening = false;
		if (!l->is_stopping)
			open_partial(l);
	}
	if (record->is_of_sync) {
		l->is_syncing = false;
		judge_if_ready(l);
	}
	free(record);
	settle(l);
}

static void record(struct landing *l, enum file_state state, uint64_t bytes_done,
		   bool is_of_sync)
{
	struct record *record = mem_alloc(sizeof(*record));

	*record = (struct record){
		.landing = l, .state = state, .bytes_done = bytes_done, .is_of_sync = is_of_sync
	};
	l->pending++;
	store_put_file(l->env->store, l->env->job_id, l->index, state, bytes_done, on_recorded,
		       record);
}

/* --- hash --- */

/* Ends the hasher, if there is one. */
static void drop_hasher(struct landing *l)
{
	if (l->hasher != NULL)
		hasher_stop(&l->hasher, release, l);
}

static void on_hashed(void *ctx, uint64_t hashed)
{
	struct landing *l = ctx;

	l->file->bytes_verified = hashed;
}

static void on_hash_failed(void *ctx, const struct error *err)
{
	stop(ctx, err);
	settle(ctx);
}

static void start_hasher(struct landing *l, void (*finished)(void *ctx, const char *hex))
{
	struct hasher_hooks hooks = {
		.progress = on_hashed,
		.finished = finished,
		.failed = on_hash_failed,
		.ctx = l,
	};

	l->pending++;
	l->file->bytes_verified = 0;
	l->hasher = hasher_new(l->env->pool, l->fd, l->file->size, l->file->algorithm, &hooks);
}

/* --- publish --- */

static void act_publish(struct work *work)
{
	struct landing *l = work->landing;

	work->has_failed = localdir_publish(l->env->models_root, &l->names, l->fd,
					    l->env->commit, l->file->digest, work->trash_id,
					    &work->trash, &work->error) < 0;
}

/* The file is proven and in its place: record it, then it is over. */
static void conclude(struct landing *l)
{
	l->file->bytes_verified = l->file->size;
	record(l, FILE_DONE, l->file->size, false);
	stop_proven(l);
}

static void then_published(struct landing *l, struct work *work)
{
	if (work->trash != NULL)
		l->hooks.replaced(l->hooks.ctx, l->index, work->trash);
	free(work->trash);
	if (work->has_failed)
		stop_unsynced(l, &work->error);
	else
		conclude(l);
}

static void publish(struct landing *l)
{
	struct work *work = work_new(l, act_publish, then_published);

	/* Unique, so that the trash never overwrites what it holds. */
	(void)snprintf(work->trash_id, sizeof(work->trash_id), "%s-%lld", l->env->job_id,
		       (long long)clock_unix_ms());
	pool_submit(l->env->pool, &work->task);
}

/* --- begin again --- */

/* Nothing of what is there counts any more. */
static void begin_again(struct landing *l, const char *why)
{
	uint64_t lost = l->file->bytes_done;

	l->beginnings++;
	atomic_store(&l->written, 0);
	l->counted = 0;
	l->synced = 0;
	l->file->bytes_done = 0;
	l->file->bytes_verified = 0;
	l->file->state = FILE_DOWNLOADING;
	l->is_hashed = false;
	record(l, FILE_DOWNLOADING, 0, false);
	if (lost > 0)
		l->hooks.thrown_away(l->hooks.ctx, l->index, lost, why);
}

static void on_fetched_hash(void *ctx, const char *hex);

static void on_mismatch(struct landing *l)
{
	struct error why;

	log_error("%s of %s: %s is %s, the Hub promised %s", l->file->path, l->env->repo,
		  digest_algorithm_name(l->file->algorithm), l->hex, l->file->digest);
	if (l->is_refetched) {
		begin_again(l, "its digest was wrong twice");
		l->is_flushed = true; /* what is written is worth nothing */
		(void)error_set(&why, ERR_HASH_MISMATCH,
				"%s: the content does not match the Hub's digest, twice",
				l->file->path);
		stop(l, &why);
		return;
	}
	l->is_refetched = true;
	begin_again(l, "its digest was wrong: it is fetched again");
	start_hasher(l, on_fetched_hash);
	start_get(l);
}

/* Once the fetch has ended, the last byte is hashed and no sync is under way. */
static void judge_if_ready(struct landing *l)
{
	if (l->is_stopping || !l->is_hashed || l->get != NULL || l->is_retry_armed ||
	    l->is_syncing)
		return;
	l->is_hashed = false;
	if (strcmp(l->hex, l->file->digest) == 0)
		publish(l);
	else
		on_mismatch(l);
}

static void on_fetched_hash(void *ctx, const char *hex)
{
	struct landing *l = ctx;

	memcpy(l->hex, hex, strlen(hex) + 1);
	l->is_hashed = true;
	drop_hasher(l);
	judge_if_ready(l);
}

/* --- fetch --- */

/* On a transfer thread. */
static int write_bytes(void *ctx, struct str bytes, uint64_t offset, struct error *err)
{
	struct landing *l = ctx;

	if (file_write_at(l->fd, bytes, offset, err) < 0)
		return error_prefix(err, "%s", l->file->path);
	atomic_store(&l->written, offset + bytes.n);
	return 0;
}

static void advance(struct landing *l)
{
	if (l->hasher != NULL)
		hasher_advance(l->hasher, atomic_load(&l->written));
}

static void on_retry(void *ctx)
{
	struct landing *l = ctx;

	l->is_retry_armed = false;
	l->pending--;
	start_get(l);
	settle(l);
}

static void retry_or_stop(struct landing *l, const struct error *err)
{
	struct retry retry;

	if (atomic_load(&l->written) > l->tried_from)
		l->tries = 0;
	retry = retry_file(err, l->tries, randombytes_random());
	if (retry.verdict != RETRY_SOON) {
		stop(l, err);
		return;
	}
	l->tries++;
	log_info("%s of %s: try %u in %llu ms: %s", l->file->path, l->env->repo, l->tries,
		 (unsigned long long)retry.delay_ms, err->text);
	l->pending++;
	l->is_retry_armed = true;
	loop_timer_arm(l->retry_timer, retry.delay_ms);
}

static void on_got(void *ctx, const struct error *err)
{
	struct landing *l = ctx;

	l->get = NULL;
	l->pending--;
	if (l->is_stopping) {
		settle(l);
		return;
	}
	advance(l);
	if (err == NULL) {
		l->file->state = FILE_VERIFYING;
		judge_if_ready(l);
	} else if (err->code == ERR_RANGE_IGNORED && l->ranges_ignored < RANGES_IGNORED_MAX) {
		l->ranges_ignored++;
		drop_hasher(l);
		begin_again(l, "the server ignored the range");
		start_hasher(l, on_fetched_hash);
		start_get(l);
	} else {
		retry_or_stop(l, err);
	}
	settle(l);
}

static void start_get(struct landing *l)
{
	struct hubfile_request wanted = {
		.type = l->env->type,
		.repo = l->env->repo,
		.commit = l->env->commit,
		.path = l->file->path,
		.digest = l->file->digest,
		.size = l->file->size,
		.offset = atomic_load(&l->written),
		.write = write_bytes,
		.done = on_got,
		.ctx = l,
	};

	assert(l->get == NULL && !l->is_retry_armed);
	l->tried_from = wanted.offset;
	if (wanted.offset == l->file->size) {
		l->file->state = FILE_VERIFYING;
		judge_if_ready(l);
		return;
	}
	l->file->state = FILE_DOWNLOADING;
	l->pending++;
	l->get = hubfile_get(l->env->hub, &wanted);
}

/* --- sync and record --- */

static void act_sync(struct work *work)
{
	work->has_failed = file_sync_data(work->landing->fd, &work->error) < 0;
	if (work->has_failed)
		(void)error_prefix(&work->error, "%s", work->landing->file->path);
}

static void then_synced(struct landing *l, struct work *work)
{
	if (work->has_failed) {
		l->is_syncing = false;
		stop_unsynced(l, &work->error);
		return;
	}
	if (work->beginning != l->beginnings) {
		/* The bytes were thrown away meanwhile. */
		l->is_syncing = false;
		judge_if_ready(l);
		return;
	}
	l->synced = work->bytes;
	record(l, FILE_DOWNLOADING, work->bytes, true);
}

static void start_sync(struct landing *l)
{
	struct work *work = work_new(l, act_sync, then_synced);

	work->bytes = atomic_load(&l->written);
	work->beginning = l->beginnings;
	l->is_syncing = true;
	pool_submit(l->env->pool, &work->task);
}

uint64_t landing_tick(struct landing *l, uint64_t now_ms)
{
	uint64_t written = atomic_load(&l->written);
	uint64_t fresh = written > l->counted ? written - l->counted : 0;

	if (l->fd < 0 || l->is_stopping || l->file->state == FILE_CHECKING)
		return 0;
	l->counted = written;
	advance(l);
	if (l->last_sync_ms == 0)
		l->last_sync_ms = now_ms;
	if (!l->is_syncing && l->get != NULL && written > l->synced &&
	    (written - l->synced >= LANDING_SYNC_BYTES ||
	     now_ms - l->last_sync_ms >= LANDING_SYNC_MS)) {
		l->last_sync_ms = now_ms;
		start_sync(l);
	}
	return fresh;
}

/* --- look, check, open --- */

/* The descriptor is the landing's from here on. False when it does not go on. */
static bool take_fd(struct landing *l, const struct work *work)
{
	l->fd = work->fd;
	if (work->has_failed)
		stop(l, &work->error);
	return !l->is_stopping;
}

static void act_open(struct work *work)
{
	struct landing *l = work->landing;

	work->fd = localdir_open_partial(l->env->models_root, &l->names, l->file->size,
					 work->bytes > 0, &work->is_new, &work->error);
	work->has_failed = work->fd < 0;
}

static void then_opened(struct landing *l, struct work *work)
{
	if (!take_fd(l, work))
		return;
	l->file->state = FILE_DOWNLOADING;
	if (work->is_new && work->bytes > 0) {
		/* It gets its size only when the database claims nothing of it any more, or a
		 * hole would pass for durable bytes after a crash right now. */
		fd_close(&l->fd);
		begin_again(l, "its partial file is gone");
		l->is_reopening = true;
		return;
	}
	atomic_store(&l->written, l->file->bytes_done);
	l->counted = l->file->bytes_done;
	l->synced = l->file->bytes_done;
	start_hasher(l, on_fetched_hash);
	start_get(l);
	advance(l);
}

static void open_partial(struct landing *l)
{
	struct work *work = work_new(l, act_open, then_opened);

	work->bytes = l->file->bytes_done;
	pool_submit(l->env->pool, &work->task);
}

static void act_vouch(struct work *work)
{
	struct landing *l = work->landing;

	work->has_failed = localdir_vouch(l->env->models_root, &l->names, l->env->commit,
					  l->file->digest, &work->error) < 0;
}

/* The file that was there has been hashed. */
static void on_checked_hash(void *ctx, const char *hex)
{
	struct landing *l = ctx;
	bool is_equal = strcmp(hex, l->file->digest) == 0;

	drop_hasher(l);
	fd_close(&l->fd);
	if (!l->is_stopping && is_equal) {
		struct work *work = work_new(l, act_vouch, then_published);

		pool_submit(l->env->pool, &work->task);
	} else if (!l->is_stopping) {
		open_partial(l);
	}
	settle(l);
}

static void act_look(struct work *work)
{
	struct landing *l = work->landing;
	int root = l->env->models_root;

	work->has_failed = localdir_look(root, &l->names, l->file->size, l->file->digest,
					 &work->presence, &work->error) < 0;
	if (!work->has_failed && work->presence == LOCALDIR_UNPROVEN) {
		work->fd = file_open(root, l->names.final, O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
				     0, &work->error);
		work->has_failed = work->fd < 0;
	}
}

static void then_looked(struct landing *l, struct work *work)
{
	if (!take_fd(l, work))
		return;
	if (work->presence == LOCALDIR_PROVEN) {
		conclude(l);
	} else if (work->presence == LOCALDIR_UNPROVEN) {
		start_hasher(l, on_checked_hash);
		hasher_advance(l->hasher, l->file->size);
	} else {
		open_partial(l);
	}
}

/* --- begin and end --- */

struct landing *landing_new(const struct landing_env *env, struct plan_file *file, size_t index,
			    const struct landing_hooks *hooks)
{
	struct landing *l = mem_alloc(sizeof(*l));
	struct work *work;

	l->env = env;
	l->file = file;
	l->index = index;
	l->hooks = *hooks;
	l->fd = -1;
	localdir_names_init(&l->names, env->folder, file->path, file->digest, env->job_id);
	l->retry_timer = loop_timer_new(env->loop, on_retry, l);
	file->state = FILE_CHECKING;
	work = work_new(l, act_look, then_looked);
	pool_submit(env->pool, &work->task);
	return l;
}

void landing_free(struct landing **landing)
{
	struct landing *l = *landing;

	if (l == NULL)
		return;
	assert(l->pending == 0);
	loop_timer_free(&l->retry_timer);
	fd_close(&l->fd);
	localdir_names_clear(&l->names);
	free(l);
	*landing = NULL;
}

size_t landing_index(const struct landing *landing)
{
	return landing->index;
}

bool landing_is_connected(const struct landing *landing)
{
	return landing->get != NULL;
}

void landing_stop(struct landing *landing)
{
	struct error why;

	(void)error_set(&why, ERR_CANCELLED, "stopped");
	stop(landing, &why);
	settle(landing);
}

/* Is there something written that a stopping landing must still make durable? */
static bool must_flush(struct landing *l)
{
	return !l->is_flushed && l->fd >= 0 && l->file->state != FILE_CHECKING &&
	       atomic_load(&l->written) > l->synced;
}

/* Never from inside another callback of the landing, so that its end cannot pull the ground
 * from under it. */
static void over(void *ctx)
{
	struct landing *l = ctx;
	bool is_proven = l->why.code == ERR_NONE;

	assert(l->pending == 0);
	if (!is_proven && l->file->state != FILE_DONE)
		l->file->state = FILE_PENDING;
	l->hooks.over(l->hooks.ctx, l, is_proven ? NULL : &l->why);
}

static void settle(struct landing *l)
{
	if (!l->is_stopping || l->is_over)
		return;
	drop_hasher(l);
	if (l->pending > 0 || l->is_over)
		return;
	if (must_flush(l)) {
		l->is_flushed = true;
		start_sync(l);
		return;
	}
	l->is_over = true;
	loop_defer(l->env->loop, over, l);
}
