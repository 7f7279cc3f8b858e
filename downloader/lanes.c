#include "downloader/lanes.h"

#include <pthread.h>
#include <stdlib.h>

#include <sodium.h>

#include "common/log.h"
#include "downloader/checksum.h"
#include "downloader/file.h"
#include "downloader/gather.h"
#include "downloader/retry.h"
#include "downloader/tally.h"

enum {
	PUSH_BYTES = 8 * 1024 * 1024, /* written out in such steps, behind the writing */
	WRITTEN_MS = 250, /* how often the journal is told of pieces that still grow */
};

/* One piece on its way. `first` and `asked_end` never change; what both threads use is under
 * the lock. */
struct lane {
	struct lane *next;
	struct lanes *lanes;
	struct hubfile_get *get;
	uint64_t first;
	uint64_t asked_end;

	/* The transfer thread's own. */
	struct gather gather;
	uint64_t pushed; /* bytes before it are being written out */

	pthread_mutex_t lock;
	struct checksum *sum; /* of what is written */
	uint64_t at;          /* bytes before it are written */
	uint64_t end;  /* where it ends: may be moved forward as long as nobody is there */
	uint64_t came; /* bytes before it have come, and will be written */

	/* The loop's own. */
	uint64_t told;       /* of `at`, in the map */
	uint64_t flowing_ms; /* since when it brings bytes; 0: not yet */
	uint64_t opened_ms;
	bool is_given_up;
};

struct lanes {
	struct lanes_plan plan;
	struct lanes_hooks hooks;
	struct hubfile *file;
	struct budget_member *member;
	struct lane *open;
	size_t n_open;
	bool is_held;
	bool is_alone;          /* never more than one lane */
	unsigned thread;        /* of the lane that ended last: its connection is kept there */
	uint64_t ended_bps;     /* of the fastest lane that ended lately, */
	uint64_t ended_ms;      /* at this time */
	uint64_t written_ms;    /* when the journal was told last */
	uint64_t rest_until_ms; /* after a failure */
	unsigned tries;         /* failures in a row without a new byte */
	unsigned refusals;      /* in a row, with no other lane open */
	bool has_fresh;         /* bytes came since the last failure */
	struct loop_timer *retry_timer;
	bool is_failed;
	bool is_stopping;
	bool is_releasing;
	void (*released)(void *ctx);
	void *released_ctx;
};

/* --- on a transfer thread --- */

/* Of bytes that come: how many still belong to the piece. *ret_is_last: it is complete. */
static size_t accept(struct lane *lane, size_t n, bool *ret_is_last)
{
	uint64_t room;

	(void)pthread_mutex_lock(&lane->lock);
	room = lane->end - lane->came;
	if (room > n)
		room = n;
	lane->came += room;
	*ret_is_last = lane->came == lane->end;
	(void)pthread_mutex_unlock(&lane->lock);
	return (size_t)room;
}

static void advance(struct lane *lane, struct str bytes)
{
	(void)pthread_mutex_lock(&lane->lock);
	checksum_update(lane->sum, bytes);
	lane->at += bytes.n;
	(void)pthread_mutex_unlock(&lane->lock);
}

/* A slow disk slows this connection here, and not a sync later that all wait for. */
static void push(struct lane *lane)
{
	uint64_t at = lane->gather.at;

	if (at - lane->pushed < PUSH_BYTES)
		return;
	file_start_writing(lane->lanes->plan.fd, lane->pushed, at - lane->pushed);
	lane->pushed = at;
}

/* What could not be written stays gathered: the next try may do it. */
static int flush(void *ctx, struct error *err)
{
	struct lane *lane = ctx;
	struct str bytes = gather_bytes(&lane->gather);

	if (file_write_at(lane->lanes->plan.fd, bytes, lane->gather.at, err) < 0)
		return error_prefix(err, "%s", lane->lanes->plan.identity.path);
	tally_add(TALLY_WRITTEN, bytes.n);
	advance(lane, bytes);
	gather_clear(&lane->gather, lane->lanes->plan.feed);
	push(lane);
	return 0;
}

static int write_bytes(void *ctx, struct str bytes, struct error *err)
{
	struct lane *lane = ctx;
	bool is_last;

	bytes = str_sub(bytes, 0, accept(lane, bytes.n, &is_last));
	while (bytes.n > 0) {
		size_t n = gather_add(&lane->gather, bytes);

		bytes = str_sub(bytes, n, bytes.n);
		if (gather_is_full(&lane->gather) && flush(lane, err) < 0)
			return -1;
	}
	if (is_last && flush(lane, err) < 0)
		return -1;
	/* Nobody moves the end of a piece that is complete. */
	return is_last && lane->end < lane->asked_end ? 1 : 0;
}

/* --- what a lane has done --- */

static uint64_t lane_bps(const struct lane *lane, uint64_t now_ms)
{
	return (lane->told - lane->first) * 1000 / (now_ms - lane->opened_ms + 1);
}

/* How fast a connection to this file may be: the best there is, or was a moment ago. */
static uint64_t best_bps(const struct lanes *l, uint64_t now_ms)
{
	uint64_t best = now_ms - l->ended_ms <= LANES_SLOW_MS ? l->ended_bps : 0;

	for (const struct lane *lane = l->open; lane != NULL; lane = lane->next) {
		if (lane_bps(lane, now_ms) > best)
			best = lane_bps(lane, now_ms);
	}
	return best;
}

static void remember_rate(struct lanes *l, const struct lane *lane, uint64_t now_ms)
{
	uint64_t bps = lane_bps(lane, now_ms);

	if (lane->told - lane->first < SEGMENT_LEAST ||
	    (bps < l->ended_bps && now_ms - l->ended_ms <= LANES_SLOW_MS))
		return;
	l->ended_bps = bps;
	l->ended_ms = now_ms;
}

/* What is written of the piece, and with `ret_sum` its checksum. */
static uint64_t look(struct lane *lane, uint64_t *ret_sum)
{
	uint64_t at;

	(void)pthread_mutex_lock(&lane->lock);
	at = lane->at;
	if (ret_sum != NULL)
		*ret_sum = checksum_value(lane->sum);
	(void)pthread_mutex_unlock(&lane->lock);
	return at;
}

/* Puts into map and budget how far it is; with `is_written`, tells the journal too. Returns
 * what is new. */
static uint64_t take_progress(struct lane *lane, uint64_t now_ms, bool is_written, bool is_over)
{
	struct lanes *l = lane->lanes;
	struct extent extent = { .first = lane->first };
	uint64_t at = look(lane, is_written ? &extent.sum : NULL);
	uint64_t fresh = at - lane->told;

	if (fresh > 0 && lane->flowing_ms == 0) {
		lane->flowing_ms = now_ms;
		budget_flowing(l->member);
	}
	lane->told = at;
	segments_reach(l->plan.segments, lane->first, at);
	budget_count(l->member, fresh);
	l->has_fresh = l->has_fresh || fresh > 0;
	extent.length = at - lane->first;
	if (is_written && extent.length > 0)
		l->hooks.written(l->hooks.ctx, &extent, is_over);
	return fresh;
}

/* --- the end of a lane --- */

static void release(void *ctx)
{
	struct lanes *l = ctx;
	void (*released)(void *) = l->released;
	void *released_ctx = l->released_ctx;

	budget_leave(&l->member);
	hubfile_free(&l->file);
	loop_timer_free(&l->retry_timer);
	feed_free(&l->plan.feed);
	free(l);
	released(released_ctx);
}

/* Never from inside a lane's own end. */
static void release_if_idle(struct lanes *l)
{
	if (!l->is_stopping || l->n_open > 0 || l->is_releasing)
		return;
	l->is_releasing = true;
	loop_defer(l->plan.loop, release, l);
}

static void fail(struct lanes *l, const struct error *err)
{
	if (l->is_failed)
		return;
	l->is_failed = true;
	l->hooks.failed(l->hooks.ctx, err);
}

static void rest(struct lanes *l, uint64_t delay_ms)
{
	l->rest_until_ms = clock_steady_ms() + delay_ms;
	loop_timer_arm(l->retry_timer, delay_ms);
}

static void retry_or_fail(struct lanes *l, const struct error *err)
{
	const struct hubfile_identity *identity = &l->plan.identity;
	struct retry retry;

	if (l->has_fresh)
		l->tries = 0;
	l->has_fresh = false;
	retry = retry_file(err, l->tries, randombytes_random());
	if (retry.verdict != RETRY_SOON) {
		fail(l, err);
		return;
	}
	tally_retry(err->code);
	l->tries++;
	log_info("%s of %s: try %u in %llu ms: %s", identity->path, identity->repo, l->tries,
		 (unsigned long long)retry.delay_ms, err->text);
	rest(l, retry.delay_ms);
}

/* Refused, while others go on that may be refused too: then the last of them tells. A server
 * that names a time has something else in mind than fewer connections, unless others of this
 * file go on; and one that refuses this file again and again means the file. */
static bool is_one_too_many(struct lanes *l, const struct error *err)
{
	bool is_refusal = err->code == ERR_RATE_LIMITED || err->code == ERR_URL_EXPIRED;

	if (!is_refusal || (l->n_open == 0 && err->retry_after_s > 0))
		return false;
	l->refusals = l->n_open > 0 ? 0 : l->refusals + 1;
	return l->refusals <= RETRY_FILE_TRIES && budget_refused(l->member);
}

/* What the end of a lane means for the file. */
static void judge(struct lanes *l, const struct error *err)
{
	if (l->is_stopping || l->is_failed)
		return;
	if (err == NULL)
		l->tries = l->refusals = 0;
	else if (err->code == ERR_CANCELLED)
		return; /* it was given up for a new one */
	else if (is_one_too_many(l, err)) {
		log_info("%s of %s: a further connection was refused: %s",
			 l->plan.identity.path, l->plan.identity.repo, err->text);
		rest(l, LANES_REFUSED_MS);
	} else if (err->code == ERR_RANGE_IGNORED)
		fail(l, err);
	else
		retry_or_fail(l, err);
}

static void take_off(struct lane *lane)
{
	struct lane **at = &lane->lanes->open;

	while (*at != lane)
		at = &(*at)->next;
	*at = lane->next;
	lane->lanes->n_open--;
}

static void on_done(void *ctx, unsigned thread, const struct error *err)
{
	struct lane *lane = ctx;
	struct lanes *l = lane->lanes;
	uint64_t now_ms = clock_steady_ms();

	(void)take_progress(lane, now_ms, true, true);
	remember_rate(l, lane, now_ms);
	segments_end(l->plan.segments, lane->first, lane->at);
	l->thread = thread;
	take_off(lane);
	budget_closed(l->member, lane->flowing_ms != 0);
	/* An answer that brought all its bytes and then broke off did its work. */
	judge(l, lane->at == lane->end ? NULL : err);
	if (!l->is_stopping && !l->is_failed)
		l->hooks.changed(l->hooks.ctx);
	checksum_free(&lane->sum);
	gather_fini(&lane->gather);
	(void)pthread_mutex_destroy(&lane->lock);
	free(lane);
	release_if_idle(l);
}

/* --- the beginning of a lane --- */

static struct lane *find_lane(const struct lanes *l, uint64_t first)
{
	struct lane *lane = l->open;

	while (lane->first != first)
		lane = lane->next;
	return lane;
}

/* False when a write is already beyond `end`. */
static bool shorten(struct lane *lane, uint64_t end)
{
	bool is_possible;

	(void)pthread_mutex_lock(&lane->lock);
	is_possible = lane->came < end;
	if (is_possible)
		lane->end = end;
	(void)pthread_mutex_unlock(&lane->lock);
	return is_possible;
}

/* The piece that is worth being cut in two, if there is one. */
static bool find_cut(const struct lanes *l, struct segment *ret)
{
	struct segment longest;
	uint64_t bps;

	if (!segments_longest(l->plan.segments, &longest))
		return false;
	bps = lane_bps(find_lane(l, longest.first), clock_steady_ms());
	if ((longest.end - longest.at) * 2 * 1000 < bps * LANES_CUT_MS)
		return false;
	*ret = longest;
	return true;
}

static bool cut(struct lanes *l, struct segment *ret)
{
	struct segment longest;

	if (!find_cut(l, &longest) || !shorten(find_lane(l, longest.first), longest.end))
		return false;
	segments_cut(l->plan.segments, longest.first, longest.end, ret);
	return true;
}

static bool can_open(void *ctx)
{
	const struct lanes *l = ctx;
	struct segment ignored;

	if (l->is_stopping || l->is_failed || l->is_held ||
	    clock_steady_ms() < l->rest_until_ms)
		return false;
	if (l->n_open > 0 && (l->is_alone || !hubfile_has_room(l->file)))
		return false;
	return segments_has_free(l->plan.segments) || find_cut(l, &ignored);
}

static bool take_piece(struct lanes *l, struct segment *ret)
{
	uint64_t length = segments_length(l->plan.segments, l->ended_bps, l->n_open + 1);

	if (l->plan.is_single)
		length = l->plan.identity.size;
	return segments_take(l->plan.segments, length, ret) || cut(l, ret);
}

static bool open_lane(void *ctx)
{
	struct lanes *l = ctx;
	struct hubfile_range range;
	struct segment piece;
	struct lane *lane;

	if (!take_piece(l, &piece))
		return false;
	lane = mem_alloc(sizeof(*lane));
	lane->lanes = l;
	lane->first = piece.first;
	lane->at = piece.first;
	lane->told = piece.first;
	lane->came = piece.first;
	lane->pushed = piece.first;
	gather_init(&lane->gather, piece.first, piece.end);
	lane->end = piece.end;
	lane->asked_end = piece.end;
	lane->sum = checksum_new();
	lane->opened_ms = clock_steady_ms();
	(void)pthread_mutex_init(&lane->lock, NULL);
	lane->next = l->open;
	l->open = lane;
	l->n_open++;
	range = (struct hubfile_range){ .first = piece.first,
					.end = piece.end,
					.thread = l->thread,
					.write = write_bytes,
					.flush = flush,
					.done = on_done,
					.ctx = lane };
	l->thread = 0;
	lane->get = hubfile_get(l->file, &range);
	return true;
}

/* --- a few times a second --- */

/* Would a new connection bring the rest much sooner? */
static bool is_too_slow(const struct lanes *l, const struct lane *lane, uint64_t now_ms)
{
	uint64_t bps = lane_bps(lane, now_ms);
	uint64_t left = lane->end - lane->told;

	return !lane->is_given_up && now_ms - lane->opened_ms >= LANES_SLOW_MS && left > 0 &&
	       bps * LANES_SLOW_TIMES < best_bps(l, now_ms) &&
	       left * 1000 > bps * LANES_SLOW_MS;
}

static void replace_slow(struct lanes *l, uint64_t now_ms)
{
	for (struct lane *lane = l->open; lane != NULL; lane = lane->next) {
		if (!is_too_slow(l, lane, now_ms))
			continue;
		log_info("%s of %s: a slow connection is replaced", l->plan.identity.path,
			 l->plan.identity.repo);
		lane->is_given_up = true;
		hubfile_cancel(lane->get);
	}
}

uint64_t lanes_tick(struct lanes *l)
{
	uint64_t now_ms = clock_steady_ms();
	bool is_due = now_ms - l->written_ms >= WRITTEN_MS;
	uint64_t fresh = 0;

	for (struct lane *lane = l->open; lane != NULL; lane = lane->next)
		fresh += take_progress(lane, now_ms, is_due, false);
	budget_counted(l->member);
	if (is_due)
		l->written_ms = now_ms;
	if (!l->is_stopping && !segments_has_free(l->plan.segments))
		replace_slow(l, now_ms);
	return fresh;
}

void lanes_hold(struct lanes *l, bool is_held)
{
	if (l->is_held && !is_held)
		budget_kick(l->plan.budget);
	l->is_held = is_held;
}

size_t lanes_open(const struct lanes *l)
{
	return l->n_open;
}

/* --- begin and end --- */

static void on_retry(void *ctx)
{
	struct lanes *l = ctx;

	budget_kick(l->plan.budget);
}

struct lanes *lanes_new(const struct lanes_plan *plan, const struct lanes_hooks *hooks)
{
	struct lanes *l = mem_alloc(sizeof(*l));
	bool is_small = plan->identity.size <= BUDGET_SMALL_BYTES;
	struct budget_hooks budget_hooks = { .can_open = can_open,
					     .open = open_lane,
					     .ctx = l };

	l->plan = *plan;
	if (plan->feed != NULL)
		l->plan.feed = feed_hold(plan->feed);
	l->hooks = *hooks;
	l->is_alone = plan->is_single || is_small;
	l->file = hubfile_new(plan->hub, &plan->identity);
	l->retry_timer = loop_timer_new(plan->loop, on_retry, l);
	l->member = budget_join(plan->budget, plan->job, is_small, &budget_hooks);
	return l;
}

void lanes_stop(struct lanes **lanes, void (*released)(void *ctx), void *ctx)
{
	struct lanes *l = *lanes;

	*lanes = NULL;
	if (l == NULL) {
		released(ctx);
		return;
	}
	l->is_stopping = true;
	l->released = released;
	l->released_ctx = ctx;
	for (struct lane *lane = l->open; lane != NULL; lane = lane->next)
		hubfile_cancel(lane->get);
	release_if_idle(l);
}
