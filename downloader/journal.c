/*
 * A piece is on the list from when it is added until it is over and recorded to its end. A sync
 * takes what has grown as its batch; the batch stays until it is recorded, or could not be:
 * then the next sync takes it again. `pending` counts what is under way: the sync on a worker,
 * commands of the store.
 */
#include "downloader/journal.h"

#include <stdlib.h>

#include "common/log.h"
#include "downloader/file.h"

struct piece {
	struct extent extent;
	uint64_t recorded; /* bytes of it */
	bool is_over;
};

struct journal {
	struct pool_task task; /* first; a sync under way: the worker's */
	struct pool *pool;
	struct store *store;
	const char *job_id;
	size_t index;
	int fd;
	struct journal_hooks hooks;

	struct piece *pieces; /* in no order */
	size_t n;
	size_t cap;
	uint64_t bytes_done;
	uint64_t bytes_new; /* added since the last sync began, about */
	uint64_t last_sync_ms;

	struct extent *batch; /* what the sync under way makes durable */
	size_t n_batch;
	size_t batch_cap;
	uint64_t growth; /* bytes of it that are not recorded yet */
	bool is_syncing; /* or recording after it */
	bool is_put;     /* recording: the store has the batch */
	unsigned pending;
	uint64_t unneeded;  /* bytes before it may leave the page cache, */
	uint64_t give_to;   /* by the sync under way */
	uint64_t given;     /* and before this have; the worker's during a sync */
	struct error error; /* of the sync */
	bool has_failed;    /* the sync */
	bool is_broken;
	bool is_stopping;
	void (*released)(void *ctx);
	void *released_ctx;
};

static void start_sync(struct journal *j);

static void settle(struct journal *j)
{
	if (!j->is_stopping || j->pending > 0)
		return;
	if (j->bytes_new > 0 && !j->is_broken) {
		start_sync(j);
		return;
	}
	j->released(j->released_ctx);
	free(j->pieces);
	free(j->batch);
	free(j);
}

static struct piece *find(struct journal *j, uint64_t first)
{
	for (size_t i = 0; i < j->n; i++) {
		if (j->pieces[i].extent.first == first)
			return &j->pieces[i];
	}
	return NULL;
}

/* --- record --- */

static void count_batch(struct journal *j)
{
	for (size_t i = 0; i < j->n_batch; i++) {
		struct piece *piece = find(j, j->batch[i].first);

		assert(piece != NULL);
		piece->recorded = j->batch[i].length;
	}
}

static void drop_finished(struct journal *j)
{
	size_t kept = 0;

	for (size_t i = 0; i < j->n; i++) {
		if (!j->pieces[i].is_over || j->pieces[i].recorded < j->pieces[i].extent.length)
			j->pieces[kept++] = j->pieces[i];
	}
	j->n = kept;
}

static void on_recorded(void *ctx, const struct error *err)
{
	struct journal *j = ctx;

	j->is_syncing = false;
	j->is_put = false;
	if (err != NULL) {
		log_warning("download %s, file %zu: progress is not recorded: %s", j->job_id,
			    j->index, err->text);
		j->bytes_new += j->growth;
		j->is_broken = j->is_stopping; /* no second try at the end */
	} else {
		count_batch(j);
		drop_finished(j);
		j->bytes_done += j->growth;
		j->hooks.recorded(j->hooks.ctx, j->bytes_done);
	}
	j->pending--; /* only now: a stop inside the hook must not free it */
	settle(j);
}

static void on_dropped(void *ctx, const struct error *err)
{
	struct journal *j = ctx;

	j->pending--;
	if (err != NULL)
		log_warning("download %s, file %zu: a bad piece is still recorded: %s",
			    j->job_id, j->index, err->text);
	settle(j);
}

/* --- sync --- */

static void act_sync(struct pool_task *task)
{
	struct journal *j = (struct journal *)task;

	j->has_failed = file_sync_data(j->fd, &j->error) < 0;
	if (!j->has_failed && j->give_to > j->given) {
		file_give_back(j->fd, j->given, j->give_to - j->given);
		j->given = j->give_to;
	}
}

static void on_synced(struct pool_task *task)
{
	struct journal *j = (struct journal *)task;

	if (!j->has_failed && j->n_batch > 0) {
		j->is_put = true;
		store_put_extents(j->store, j->job_id, j->index, j->batch, j->n_batch,
				  j->bytes_done + j->growth, on_recorded, j);
		return; /* still pending */
	}
	j->is_syncing = false;
	j->is_broken = j->is_broken || j->has_failed;
	/* Also while it ends: no later sync tells again that these bytes are lost, and whoever
	 * goes on would take them for durable. */
	if (j->has_failed)
		j->hooks.failed(j->hooks.ctx, &j->error);
	j->pending--;
	settle(j);
}

static void start_sync(struct journal *j)
{
	j->n_batch = 0;
	j->growth = 0;
	for (size_t i = 0; i < j->n; i++) {
		const struct piece *piece = &j->pieces[i];

		if (piece->extent.length == piece->recorded)
			continue;
		j->batch = mem_grow(j->batch, j->n_batch, &j->batch_cap, sizeof(*j->batch));
		j->batch[j->n_batch++] = piece->extent;
		j->growth += piece->extent.length - piece->recorded;
	}
	j->give_to = j->unneeded;
	j->bytes_new = 0;
	j->is_syncing = true;
	j->pending++;
	j->task.run = act_sync;
	j->task.done = on_synced;
	pool_submit(j->pool, &j->task);
}

/* With nothing new there may be much to give back all the same: after a restart all that is
 * there is read again. */
static bool is_due(const struct journal *j, uint64_t now_ms)
{
	if (j->bytes_new == 0)
		return j->unneeded >= j->given + JOURNAL_SYNC_BYTES;
	return now_ms - j->last_sync_ms >= JOURNAL_SYNC_MS ||
	       j->bytes_new >= JOURNAL_SYNC_BYTES;
}

void journal_tick(struct journal *j, uint64_t now_ms)
{
	if (j->last_sync_ms == 0)
		j->last_sync_ms = now_ms;
	if (j->is_syncing || j->is_broken || j->is_stopping || !is_due(j, now_ms))
		return;
	j->last_sync_ms = now_ms;
	start_sync(j);
}

/* --- pieces --- */

void journal_give_back(struct journal *j, uint64_t end)
{
	j->unneeded = end;
}

void journal_claimed(struct journal *j, uint64_t bytes)
{
	j->bytes_done += bytes;
}

void journal_drop(struct journal *j, uint64_t first, uint64_t length)
{
	assert(j->bytes_done >= length);
	j->bytes_done -= length;
	j->pending++;
	/* After what the store has of us already. */
	store_drop_extent(j->store, j->job_id, j->index, first,
			  j->bytes_done + (j->is_put ? j->growth : 0), on_dropped, j);
	j->hooks.recorded(j->hooks.ctx, j->bytes_done);
}

void journal_add(struct journal *j, const struct extent *extent, bool is_over)
{
	struct piece *piece = find(j, extent->first);

	if (piece == NULL) {
		j->pieces = mem_grow(j->pieces, j->n, &j->cap, sizeof(*j->pieces));
		piece = &j->pieces[j->n++];
		*piece = (struct piece){ .extent = { .first = extent->first } };
	}
	assert(extent->length >= piece->extent.length);
	j->bytes_new += extent->length - piece->extent.length;
	piece->extent = *extent;
	piece->is_over = is_over;
}

/* --- begin and end --- */

struct journal *journal_new(struct pool *pool, struct store *store, const char *job_id,
			    size_t index, int fd, const struct journal_hooks *hooks)
{
	struct journal *j = mem_alloc(sizeof(*j));

	j->pool = pool;
	j->store = store;
	j->job_id = job_id;
	j->index = index;
	j->fd = fd;
	j->hooks = *hooks;
	return j;
}

void journal_stop(struct journal **journal, bool is_flush, void (*released)(void *ctx),
		  void *ctx)
{
	struct journal *j = *journal;

	*journal = NULL;
	if (j == NULL) {
		released(ctx);
		return;
	}
	j->is_stopping = true;
	j->released = released;
	j->released_ctx = ctx;
	if (!is_flush)
		j->bytes_new = 0;
	settle(j);
}
