#include "downloader/landing_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "downloader/file.h"

enum {
	RANGES_IGNORED_MAX = 2, /* then it is an error like any other */
};

static void fetch_again(struct landing *l);

/* --- the frame --- */

/* From the loop itself, so that no part is freed inside its own callback. */
static void run_then(void *ctx)
{
	struct landing *l = ctx;
	void (*then)(struct landing *) = l->then;

	l->pending--;
	if (l->pending > 0 || then == NULL)
		return; /* something else has begun meanwhile: its end leads here again */
	l->then = NULL;
	then(l);
}

/* Something that was under way has ended. */
void landing_release(void *ctx)
{
	struct landing *l = ctx;

	l->pending--;
	if (l->pending > 0 || l->then == NULL)
		return;
	l->pending++;
	loop_defer(l->env->loop, run_then, l);
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

	work->then(l, work);
	free(work->trash);
	free(work);
	landing_release(l);
}

void landing_start_work(struct landing *l, void (*act)(struct work *),
			void (*then)(struct landing *, struct work *))
{
	struct work *work = mem_alloc(sizeof(*work));

	work->task.run = run_work;
	work->task.done = work_done;
	work->landing = l;
	work->act = act;
	work->then = then;
	work->fd = -1;
	/* Unique, so that the trash never overwrites what it holds. */
	(void)snprintf(work->trash_id, sizeof(work->trash_id), "%s-%lld", l->env->job_id,
		       (long long)clock_unix_ms());
	l->pending++;
	pool_submit(l->env->pool, &work->task);
}

/* The lanes have said all that they wrote: now the journal may end. */
static void on_lanes_released(void *ctx)
{
	struct landing *l = ctx;

	journal_stop(&l->journal, l->is_flush, landing_release, l);
}

/* Ends the parts that run together; `then` follows when all have. With `is_flush`, what was
 * written is made durable and recorded first. */
void landing_end_parts(struct landing *l, bool is_flush, void (*then)(struct landing *))
{
	l->then = then;
	l->is_flush = is_flush;
	l->pending += 4;
	copy_stop(&l->copy, landing_release, l);
	hasher_stop(&l->hasher, landing_release, l);
	claims_stop(&l->claims, landing_release, l);
	lanes_stop(&l->lanes, on_lanes_released, l);
}

static void tell_over(struct landing *l)
{
	bool is_proven = l->why.code == ERR_NONE;

	if (l->file->state != FILE_DONE && l->file->state != FILE_STAGED)
		l->file->state = FILE_PENDING;
	turn_leave(&l->turn);
	l->hooks.over(l->hooks.ctx, l, is_proven ? NULL : &l->why);
}

/* Ends because of `why`; the first reason counts. */
void landing_end(struct landing *l, const struct error *why)
{
	if (l->is_stopping)
		return;
	l->is_stopping = true;
	l->why = *why;
	landing_end_parts(l, why->code != ERR_NONE && why->code != ERR_HASH_MISMATCH,
			  tell_over);
}

/* --- record --- */

/* A file's state on its way to the database. What it says becomes true for others when it is
 * committed. */
struct record {
	struct landing *landing;
	enum file_state state;
	uint64_t bytes_done;
};

static void on_recorded(void *ctx, const struct error *err)
{
	struct record *record = ctx;
	struct landing *l = record->landing;

	if (err != NULL)
		log_warning("%s: progress is not recorded: %s", l->file->path, err->text);
	else
		l->file->bytes_done = record->bytes_done;
	if (record->state == FILE_DONE) /* it is in its place, whatever the database says */
		l->file->state = FILE_DONE;
	free(record);
	landing_release(l);
}

static void record(struct landing *l, enum file_state state, uint64_t bytes_done)
{
	struct record *record = mem_alloc(sizeof(*record));

	*record = (struct record){ .landing = l, .state = state, .bytes_done = bytes_done };
	l->pending++;
	store_put_file(l->env->store, l->env->job_id, l->index, state, bytes_done, on_recorded,
		       record);
}

bool landing_is_small(const struct landing *l)
{
	return l->file->size < l->env->copy_least_bytes;
}

static void on_source_recorded(void *ctx, const struct error *err)
{
	struct landing *l = ctx;

	if (err != NULL)
		log_warning("%s: that the library has it is not recorded: %s", l->file->path,
			    err->text);
	landing_release(l);
}

/* Other files may take the content from here. */
static void record_source(struct landing *l, int64_t mtime_ns)
{
	struct source source = { .path = l->names.final, .mtime_ns = mtime_ns };

	if (landing_is_small(l))
		return;
	l->pending++;
	store_put_source(l->env->store, l->file, &source, on_source_recorded, l);
}

/* --- publish --- */

void landing_act_note(struct work *work)
{
	const struct landing *l = work->landing;
	struct error ignored;
	struct stat st;

	if (file_stat(l->env->models_root, l->names.final, &st, &ignored) == 1)
		work->mtime_ns = file_mtime_ns(&st);
}

void landing_act_publish(struct work *work, const char *path)
{
	struct landing *l = work->landing;
	struct localdir_proven proven = {
		.path = path, .fd = l->fd, .commit = l->env->commit, .digest = l->file->digest
	};

	work->has_failed = localdir_publish(l->env->models_root, &l->names, &proven,
					    work->trash_id, &work->trash, &work->error) < 0;
	landing_act_note(work);
}

static void act_publish(struct work *work)
{
	const struct landing *l = work->landing;

	landing_act_publish(work, l->names.partial);
	if (!work->has_failed) /* what was not given back behind the hash, and is synced now */
		file_give_back(l->fd, 0, l->file->size);
}

void landing_conclude(struct landing *l, const struct work *work)
{
	static const struct error none = { .code = ERR_NONE };

	l->file->bytes_verified = l->file->size;
	record(l, FILE_DONE, l->file->size);
	record_source(l, work->mtime_ns);
	landing_end(l, &none);
}

void landing_then_published(struct landing *l, struct work *work)
{
	if (work->trash != NULL)
		l->hooks.replaced(l->hooks.ctx, l->index, work->trash);
	if (work->has_failed)
		landing_end(l, &work->error);
	else
		landing_conclude(l, work);
}

/* Proven, and kept under the name that it has. */
void landing_stage(struct landing *l)
{
	static const struct error none = { .code = ERR_NONE };

	l->file->state = FILE_STAGED;
	l->file->bytes_verified = l->file->size;
	landing_end(l, &none);
}

static void publish(struct landing *l)
{
	if (l->env->is_staged) {
		landing_stage(l);
		return;
	}
	landing_start_work(l, act_publish, landing_then_published);
}

/* --- the hash, and what it says --- */

static void on_hash_failed(void *ctx, const struct error *err)
{
	landing_end(ctx, err);
}

void landing_start_hasher(struct landing *l, void (*progress)(void *ctx, uint64_t hashed),
			  void (*finished)(void *ctx, const char *hex))
{
	struct hasher_hooks hooks = {
		.progress = progress,
		.finished = finished,
		.failed = on_hash_failed,
		.ctx = l,
	};

	l->file->bytes_verified = 0;
	l->hasher = hasher_new(l->env->pool, l->fd, l->file->size, l->file->algorithm, l->feed,
			       &hooks);
}

void landing_drop_partial(const struct landing *l)
{
	struct error err;

	if (localdir_drop_partial(l->env->models_root, &l->names, &err) < 0)
		log_warning("%s: %s", l->names.partial, err.text);
}

/* Nothing of what is there counts any more. */
void landing_begin_again(struct landing *l, const char *why)
{
	uint64_t here = l->segments != NULL ? segments_here(l->segments) : 0;
	uint64_t lost = here > l->file->bytes_done ? here : l->file->bytes_done;

	l->file->bytes_done = 0;
	l->file->bytes_verified = 0;
	l->file->state = FILE_DOWNLOADING;
	record(l, FILE_DOWNLOADING, 0);
	if (lost > 0)
		l->hooks.thrown_away(l->hooks.ctx, l->index, lost, why);
}

static void refetch(struct landing *l)
{
	landing_begin_again(l, "its digest was wrong: it is fetched again");
	fetch_again(l);
}

static void act_drop_wrong(struct work *work)
{
	landing_drop_partial(work->landing);
}

static void then_dropped(struct landing *l, struct work *work)
{
	struct error why;

	(void)work;
	(void)error_set(&why, ERR_HASH_MISMATCH,
			"%s: the content does not match the Hub's digest, twice",
			l->file->path);
	landing_end(l, &why);
}

/* Nothing of it is of use to another try. */
static void give_up(struct landing *l)
{
	fd_close(&l->fd);
	landing_begin_again(l, "its digest was wrong twice");
	landing_start_work(l, act_drop_wrong, then_dropped);
}

static void on_mismatch(struct landing *l)
{
	log_error("%s of %s: %s is %s, the Hub promised %s", l->file->path, l->env->repo,
		  digest_algorithm_name(l->file->algorithm), l->hex, l->file->digest);
	landing_end_parts(l, false, l->is_refetched ? give_up : refetch);
	l->is_refetched = true;
}

static void on_fetched_hash(void *ctx, const char *hex)
{
	struct landing *l = ctx;

	memcpy(l->hex, hex, strlen(hex) + 1);
	if (l->is_stopping)
		return;
	if (strcmp(l->hex, l->file->digest) == 0)
		landing_end_parts(l, l->env->is_staged, publish);
	else
		on_mismatch(l);
}

/* --- a file of one block: hash, publish in one go --- */

/* It is too small for a hash that runs along, and a thousand of its kind are many hand-overs
 * between the threads: the worker that hashes it gives it its name at once. */
static bool is_one_block(const struct landing *l)
{
	return l->file->size > 0 && l->file->size <= FEED_BLOCK;
}

static bool has_proof(const struct landing *l, const struct work *work)
{
	return strcmp(work->hex, l->file->digest) == 0;
}

static void act_prove(struct work *work)
{
	struct landing *l = work->landing;

	work->has_failed = hasher_whole(l->fd, l->file->size, l->file->algorithm, work->hex,
					&work->error) < 0;
	if (!work->has_failed && has_proof(l, work) && !l->env->is_staged)
		act_publish(work);
}

static void then_proved(struct landing *l, struct work *work)
{
	if (!work->has_failed && has_proof(l, work) && l->env->is_staged) {
		landing_stage(l);
		return;
	}
	if (work->has_failed || has_proof(l, work)) {
		landing_then_published(l, work);
		return;
	}
	memcpy(l->hex, work->hex, sizeof(l->hex));
	if (!l->is_stopping)
		on_mismatch(l);
}

static void prove(struct landing *l)
{
	if (!l->is_stopping)
		landing_start_work(l, act_prove, then_proved);
}

/* --- the parts that run together --- */

static void on_whole(struct landing *l)
{
	l->file->state = FILE_VERIFYING;
	if (is_one_block(l))
		landing_end_parts(l, l->env->is_staged, prove);
}

/* The hash follows what is here from the beginning. */
static void advance(struct landing *l)
{
	uint64_t frontier = l->segments != NULL ? segments_frontier(l->segments) : 0;

	if (l->segments != NULL && segments_is_whole(l->segments) &&
	    l->file->state == FILE_DOWNLOADING && !l->is_stopping)
		on_whole(l);
	if (l->hasher != NULL)
		hasher_advance(l->hasher, frontier);
	/* After a restart the hash has far to go, and nothing waits for it. */
	if (l->lanes != NULL)
		lanes_hold(l->lanes, l->hashed >= l->claimed_end &&
					     frontier - l->hashed > LANDING_BEHIND_MAX);
}

static void on_hashed(void *ctx, uint64_t hashed)
{
	struct landing *l = ctx;

	l->hashed = hashed;
	l->file->bytes_verified = hashed;
	if (l->journal != NULL)
		journal_give_back(l->journal, hashed);
	advance(l);
}

static void on_written(void *ctx, const struct extent *extent, bool is_over)
{
	struct landing *l = ctx;

	if (l->journal != NULL)
		journal_add(l->journal, extent, is_over);
}

static void on_lanes_changed(void *ctx)
{
	advance(ctx);
}

static void begin_as_a_whole(struct landing *l)
{
	landing_begin_again(l, "the server ignored the range");
	fetch_again(l);
}

static void on_lanes_failed(void *ctx, const struct error *err)
{
	struct landing *l = ctx;

	if (l->is_stopping)
		return;
	if (err->code == ERR_RANGE_IGNORED && l->ranges_ignored < RANGES_IGNORED_MAX) {
		l->ranges_ignored++;
		l->is_single = true;
		landing_end_parts(l, false, begin_as_a_whole);
	} else {
		landing_end(l, err);
	}
}

static void on_journal_recorded(void *ctx, uint64_t bytes_done)
{
	struct landing *l = ctx;

	l->file->bytes_done = bytes_done;
}

static void on_journal_failed(void *ctx, const struct error *err)
{
	struct landing *l = ctx;
	struct error why = *err;

	(void)error_prefix(&why, "%s", l->file->path);
	landing_end(l, &why);
}

static void on_claim_settled(void *ctx, const struct extent *extent, bool is_good, bool is_last)
{
	struct landing *l = ctx;

	segments_settle(l->segments, extent->first, extent->first + extent->length, is_good);
	if (!is_good) {
		journal_drop(l->journal, extent->first, extent->length);
		l->hooks.thrown_away(l->hooks.ctx, l->index, extent->length,
				     "a piece on the disk is not as it was written");
		budget_kick(l->env->budget);
	}
	if (is_last) {
		l->pending++;
		claims_stop(&l->claims, landing_release, l);
	}
	advance(l);
}

static void start_journal(struct landing *l)
{
	struct journal_hooks hooks = { .recorded = on_journal_recorded,
				       .failed = on_journal_failed,
				       .ctx = l };

	l->journal = journal_new(l->env->pool, l->env->store, l->env->job_id, l->index, l->fd,
				 &hooks);
}

static void start_lanes(struct landing *l)
{
	struct lanes_plan plan = {
		.loop = l->env->loop,
		.hub = l->env->hub,
		.budget = l->env->budget,
		.job = l->env,
		.identity = { .type = l->env->type,
			      .repo = l->env->repo,
			      .commit = l->env->commit,
			      .path = l->file->path,
			      .digest = l->file->digest,
			      .size = l->file->size },
		.segments = l->segments,
		.feed = l->feed,
		.fd = l->fd,
		.is_single = l->is_single,
	};
	struct lanes_hooks hooks = { .written = on_written,
				     .changed = on_lanes_changed,
				     .failed = on_lanes_failed,
				     .ctx = l };

	l->lanes = lanes_new(&plan, &hooks);
}

/* What the journal says of bytes outside the file or said twice is not even looked at. */
static void start_claims(struct landing *l, const struct extent *extents, size_t n)
{
	struct claims_hooks hooks = { .settled = on_claim_settled, .ctx = l };
	struct extent *claimed = mem_array(n, sizeof(*claimed));
	uint64_t bytes = 0;
	size_t n_claimed = 0;

	for (size_t i = 0; i < n; i++) {
		uint64_t end = extents[i].first + extents[i].length;

		if (end < extents[i].first ||
		    !segments_claim(l->segments, extents[i].first, end))
			continue;
		claimed[n_claimed++] = extents[i];
		bytes += extents[i].length;
		l->claimed_end = end;
	}
	journal_claimed(l->journal, bytes);
	l->file->bytes_done = bytes;
	if (n_claimed > 0)
		l->claims = claims_new(l->env->pool, l->fd, claimed, n_claimed, &hooks);
	free(claimed);
}

void landing_fetch(struct landing *l, const struct extent *extents, size_t n)
{
	l->file->state = FILE_DOWNLOADING;
	l->hashed = 0;
	l->claimed_end = 0;
	l->file->bytes_verified = 0;
	if (l->env->feeds != NULL && !is_one_block(l))
		l->feed = feed_new(l->env->feeds);
	if (!is_one_block(l))
		landing_start_hasher(l, on_hashed, on_fetched_hash);
	segments_free(&l->segments);
	if (l->file->size > 0) {
		l->segments = segments_new(l->file->size);
		start_journal(l);
		start_claims(l, extents, n);
		start_lanes(l);
	}
	feed_free(&l->feed);
	advance(l);
}

static void fetch_again(struct landing *l)
{
	if (!l->is_stopping)
		landing_fetch(l, NULL, 0);
}

uint64_t landing_tick(struct landing *l, uint64_t now_ms)
{
	uint64_t fresh;

	if (l->lanes == NULL)
		return 0;
	fresh = lanes_tick(l->lanes);
	advance(l);
	if (l->journal != NULL)
		journal_tick(l->journal, now_ms);
	return fresh;
}

/* --- begin and end --- */

struct landing *landing_new(const struct landing_env *env, struct plan_file *file, size_t index,
			    const struct landing_hooks *hooks)
{
	struct landing *l = mem_alloc(sizeof(*l));

	l->env = env;
	l->file = file;
	l->index = index;
	l->hooks = *hooks;
	l->fd = -1;
	localdir_names_init(&l->names, env->folder, file->path, file->digest, env->job_id);
	file->state = FILE_CHECKING;
	landing_look(l);
	return l;
}

void landing_free(struct landing **landing)
{
	struct landing *l = *landing;

	if (l == NULL)
		return;
	assert(l->pending == 0);
	segments_free(&l->segments);
	fd_close(&l->fd);
	free(l->source);
	localdir_names_clear(&l->names);
	free(l);
	*landing = NULL;
}

size_t landing_index(const struct landing *landing)
{
	return landing->index;
}

size_t landing_connections(const struct landing *landing)
{
	return landing->lanes != NULL ? lanes_open(landing->lanes) : 0;
}

void landing_stop(struct landing *landing)
{
	struct error why;

	(void)error_set(&why, ERR_CANCELLED, "stopped");
	landing_end(landing, &why);
}
