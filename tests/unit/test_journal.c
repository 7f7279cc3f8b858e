#include "downloader/journal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>

#include "tests/unit/rig.h"

#define JOB_ID "aaaaaaaaaaaaaaaaaaaa"

enum {
	EXTENTS_MAX = 8,
};

/* --- a disk whose syncs wait, and fail ------------------------------------------------------
 */

static struct {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t moved;
	bool is_held; /* a sync does not return */
	bool is_syncing;
	unsigned n;
	int error;
	uint64_t given; /* back, from the beginning */
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER };

int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
	int error;

	(void)pthread_mutex_lock(&disk.lock);
	disk.n++;
	disk.is_syncing = true;
	(void)pthread_cond_broadcast(&disk.moved);
	while (disk.is_held)
		(void)pthread_cond_wait(&disk.moved, &disk.lock);
	disk.is_syncing = false;
	error = disk.error;
	(void)pthread_mutex_unlock(&disk.lock);
	errno = error;
	return error != 0 ? -1 : __real_fdatasync(fd);
}

void __wrap_file_give_back(int fd, uint64_t first, uint64_t length);
void __wrap_file_give_back(int fd, uint64_t first, uint64_t length)
{
	(void)fd;
	(void)pthread_mutex_lock(&disk.lock);
	assert(first == disk.given);
	disk.given = first + length;
	(void)pthread_mutex_unlock(&disk.lock);
}

static void disk_set(bool is_held, int error)
{
	(void)pthread_mutex_lock(&disk.lock);
	disk.is_held = is_held;
	disk.error = error;
	(void)pthread_cond_broadcast(&disk.moved);
	(void)pthread_mutex_unlock(&disk.lock);
}

static void disk_wait_for_sync(void)
{
	(void)alarm(LOOPING_ALARM_S);
	(void)pthread_mutex_lock(&disk.lock);
	while (!disk.is_syncing)
		(void)pthread_cond_wait(&disk.moved, &disk.lock);
	(void)pthread_mutex_unlock(&disk.lock);
	(void)alarm(0);
}

static unsigned disk_syncs(void)
{
	unsigned n;

	(void)pthread_mutex_lock(&disk.lock);
	n = disk.n;
	(void)pthread_mutex_unlock(&disk.lock);
	return n;
}

/* --- a journal and its database -------------------------------------------------------------
 */

struct place {
	struct rig *rig;
	int fd;
	struct journal *journal;
	uint64_t now_ms;
	unsigned n_recorded;
	bool has_recorded; /* since it was last looked at */
	uint64_t bytes_done;
	unsigned n_failed;
	struct error error;
	bool is_released;
	/* Done right after the next record has been given to the store. */
	void (*after_put)(struct place *p);
};

static struct place *place; /* for the wrapper */

void __real_store_put_extents(struct store *store, const char *job_id, size_t index,
			      const struct extent *extents, size_t n, uint64_t bytes_done,
			      store_done_fn done, void *ctx);
void __wrap_store_put_extents(struct store *store, const char *job_id, size_t index,
			      const struct extent *extents, size_t n, uint64_t bytes_done,
			      store_done_fn done, void *ctx);
void __wrap_store_put_extents(struct store *store, const char *job_id, size_t index,
			      const struct extent *extents, size_t n, uint64_t bytes_done,
			      store_done_fn done, void *ctx)
{
	void (*after_put)(struct place *) = place->after_put;

	place->after_put = NULL;
	__real_store_put_extents(store, job_id, index, extents, n, bytes_done, done, ctx);
	if (after_put != NULL)
		after_put(place);
}

static void on_recorded(void *ctx, uint64_t bytes_done)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	p->n_recorded++;
	p->has_recorded = true;
	p->bytes_done = bytes_done;
}

static void on_failed(void *ctx, const struct error *err)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	p->n_failed++;
	p->error = *err;
}

static void on_released(void *ctx)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	p->is_released = true;
}

static void on_put(void *ctx, const struct error *err)
{
	bool *is_put = ctx;

	assert_null(err);
	*is_put = true;
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct journal_hooks hooks = { .recorded = on_recorded, .failed = on_failed, .ctx = p };
	AUTO(job) job = job_new();
	AUTO(plan) plan = plan_new(1);
	AUTO_CSTR path = NULL;
	bool is_put = false;

	if (rig_make((void **)&p->rig) < 0)
		return -1;
	log_init("unit", LOG_FORMAT_JSON, LOG_LEVEL_ERROR);
	tempdir_write(&p->rig->dir, "partial", S("0123456789"));
	path = tempdir_path(&p->rig->dir, "partial");
	p->fd = open(path, O_RDWR | O_CLOEXEC);
	memcpy(job->id, JOB_ID, sizeof(job->id));
	job->repo = mem_strdup(RIG_REPO);
	job->revision = mem_strdup("main");
	plan->files[0].path = mem_strdup("partial");
	plan->files[0].size = 1000;
	store_put_plan(p->rig->store, job, plan, on_put, &is_put);
	loop_until(p->rig->loop, &is_put);
	p->journal = journal_new(p->rig->pool, p->rig->store, JOB_ID, 0, p->fd, &hooks);
	p->now_ms = 1000;
	journal_tick(p->journal, p->now_ms);
	disk_set(false, 0);
	disk.n = 0;
	disk.given = 0;
	place = p;
	*state = p;
	return p->fd < 0 ? -1 : 0;
}

static void stop(struct place *p, bool is_flush)
{
	journal_stop(&p->journal, is_flush, on_released, p);
	assert_null(p->journal);
	loop_until(p->rig->loop, &p->is_released);
}

static int place_remove(void **state)
{
	struct place *p = *state;

	if (p->journal != NULL)
		stop(p, false);
	rig_stop(p->rig);
	fd_close(&p->fd);
	(void)rig_remove((void **)&p->rig);
	free(p);
	return 0;
}

static void add(struct place *p, uint64_t first, uint64_t length, bool is_over)
{
	struct extent extent = { .first = first, .length = length, .sum = first + length };

	journal_add(p->journal, &extent, is_over);
}

/* It is time for a sync, if there is anything new. */
static void fall_due(struct place *p)
{
	journal_tick(p->journal, p->now_ms += JOURNAL_SYNC_MS);
}

static void wait_for_record(struct place *p)
{
	p->has_recorded = false;
	loop_until(p->rig->loop, &p->has_recorded);
}

struct kept {
	bool is_done;
	size_t n;
	struct extent extents[EXTENTS_MAX];
	uint64_t bytes_done;
};

static void on_extents(void *ctx, const struct extent *extents, size_t n,
		       const struct error *err)
{
	struct kept *kept = ctx;

	assert_null(err);
	assert_true(n <= EXTENTS_MAX);
	kept->n = n;
	if (n > 0)
		memcpy(kept->extents, extents, n * sizeof(*extents));
}

static void on_plan(void *ctx, struct plan *take_plan, const struct error *err)
{
	struct kept *kept = ctx;

	assert_null(err);
	kept->bytes_done = take_plan->files[0].bytes_done;
	kept->is_done = true;
	plan_free(&take_plan);
}

/* What the database holds, after all that was given to it. */
static struct kept kept(struct place *p)
{
	struct kept kept = { .is_done = false };

	store_get_extents(p->rig->store, JOB_ID, 0, on_extents, &kept);
	store_get_plan(p->rig->store, JOB_ID, on_plan, &kept);
	loop_until(p->rig->loop, &kept.is_done);
	return kept;
}

static void assert_extent(const struct kept *kept, size_t i, uint64_t first, uint64_t length)
{
	assert_true(i < kept->n);
	assert_int_equal(kept->extents[i].first, first);
	assert_int_equal(kept->extents[i].length, length);
	assert_int_equal(kept->extents[i].sum, first + length);
}

/* --- write, sync, record --------------------------------------------------------------------
 */

static void nothing_is_recorded_before_the_sync_has_returned(void **state)
{
	struct place *p = *state;
	struct kept before;
	struct kept after;

	disk_set(true, 0);
	add(p, 0, 100, true);
	fall_due(p);
	disk_wait_for_sync();
	before = kept(p);
	assert_int_equal(before.n, 0);
	assert_int_equal(before.bytes_done, 0);
	assert_int_equal(p->n_recorded, 0);
	disk_set(false, 0);
	wait_for_record(p);
	assert_int_equal(p->bytes_done, 100);
	after = kept(p);
	assert_int_equal(after.n, 1);
	assert_extent(&after, 0, 0, 100);
	assert_int_equal(after.bytes_done, 100);
}

static void a_sync_falls_due_after_a_time_or_many_bytes(void **state)
{
	struct place *p = *state;

	add(p, 0, 100, false);
	journal_tick(p->journal, p->now_ms + JOURNAL_SYNC_MS - 1);
	loop_turn(p->rig->loop);
	assert_int_equal(disk_syncs(), 0);
	fall_due(p);
	wait_for_record(p);
	assert_int_equal(disk_syncs(), 1);
	add(p, 0, JOURNAL_SYNC_BYTES + 99, false);
	journal_tick(p->journal, p->now_ms);
	assert_int_equal(disk_syncs(), 1);
	add(p, 0, JOURNAL_SYNC_BYTES + 100, false);
	journal_tick(p->journal, p->now_ms);
	wait_for_record(p);
	assert_int_equal(disk_syncs(), 2);
}

static void with_nothing_new_there_is_nothing_to_sync(void **state)
{
	struct place *p = *state;

	fall_due(p);
	add(p, 0, 100, false);
	fall_due(p);
	wait_for_record(p);
	add(p, 0, 100, true); /* it ends where it was */
	fall_due(p);
	loop_turn(p->rig->loop);
	stop(p, true);
	assert_int_equal(disk_syncs(), 1);
	assert_int_equal(p->n_recorded, 1);
}

static uint64_t given(void)
{
	uint64_t end;

	(void)pthread_mutex_lock(&disk.lock);
	end = disk.given;
	(void)pthread_mutex_unlock(&disk.lock);
	return end;
}

static void wait_for_gift(struct place *p, uint64_t end)
{
	(void)alarm(LOOPING_ALARM_S);
	while (given() < end)
		loop_turn(p->rig->loop);
	(void)alarm(0);
}

static void what_is_read_by_nobody_any_more_is_given_back_once_it_is_synced(void **state)
{
	struct place *p = *state;

	add(p, 0, 100, false);
	journal_give_back(p->journal, 60);
	assert_int_equal(given(), 0);
	fall_due(p);
	wait_for_record(p);
	assert_int_equal(given(), 60);
	/* It is not synced yet, and may not be lost by being forgotten. */
	add(p, 0, 200, false);
	journal_give_back(p->journal, 150);
	loop_turn(p->rig->loop);
	assert_int_equal(given(), 60);
	fall_due(p);
	wait_for_record(p);
	assert_int_equal(given(), 150);
}

/* After a restart nothing may be new, and all of it is read again. */
static void with_nothing_new_what_was_read_is_given_back_too(void **state)
{
	struct place *p = *state;
	uint64_t end = JOURNAL_SYNC_BYTES;

	journal_claimed(p->journal, 2 * end);
	journal_give_back(p->journal, end - 1);
	fall_due(p);
	loop_turn(p->rig->loop);
	assert_int_equal(disk_syncs(), 0);
	journal_give_back(p->journal, end);
	fall_due(p);
	wait_for_gift(p, end);
	assert_int_equal(disk_syncs(), 1);
	/* Nothing is recorded of it, and the journal goes on. */
	p->has_recorded = false;
	add(p, 2 * end, 100, true);
	(void)alarm(LOOPING_ALARM_S);
	while (!p->has_recorded) {
		fall_due(p);
		loop_turn(p->rig->loop);
	}
	(void)alarm(0);
	assert_int_equal(p->bytes_done, 2 * end + 100);
}

static void one_sync_serves_all_pieces(void **state)
{
	struct place *p = *state;
	struct kept after;

	journal_claimed(p->journal, 50);
	add(p, 500, 70, false);
	add(p, 100, 20, true);
	add(p, 300, 10, false);
	fall_due(p);
	wait_for_record(p);
	assert_int_equal(disk_syncs(), 1);
	assert_int_equal(p->bytes_done, 150);
	after = kept(p);
	assert_int_equal(after.n, 3);
	assert_extent(&after, 0, 100, 20);
	assert_extent(&after, 1, 300, 10);
	assert_extent(&after, 2, 500, 70);
	assert_int_equal(after.bytes_done, 150);
}

static void a_piece_that_grows_stays_one(void **state)
{
	struct place *p = *state;
	struct kept after;

	for (uint64_t length = 100; length <= 400; length += 100) {
		add(p, 0, length, length == 400);
		fall_due(p);
		wait_for_record(p);
		assert_int_equal(p->bytes_done, length);
	}
	after = kept(p);
	assert_int_equal(after.n, 1);
	assert_extent(&after, 0, 0, 400);
}

static void what_comes_during_a_sync_is_not_recorded_with_it(void **state)
{
	struct place *p = *state;
	struct kept between;
	struct kept after;

	disk_set(true, 0);
	add(p, 0, 100, false);
	fall_due(p);
	disk_wait_for_sync();
	add(p, 0, 300, true);
	add(p, 600, 50, true);
	fall_due(p); /* one at a time */
	disk_set(false, 0);
	wait_for_record(p);
	assert_int_equal(disk_syncs(), 1);
	assert_int_equal(p->bytes_done, 100);
	between = kept(p);
	assert_int_equal(between.n, 1);
	assert_extent(&between, 0, 0, 100);
	fall_due(p);
	wait_for_record(p);
	assert_int_equal(p->bytes_done, 350);
	after = kept(p);
	assert_extent(&after, 0, 0, 300);
	assert_extent(&after, 1, 600, 50);
}

/* --- trouble --------------------------------------------------------------------------------
 */

static void after_a_sync_that_failed_nothing_is_recorded(void **state)
{
	struct place *p = *state;
	struct kept after;

	add(p, 0, 100, false);
	fall_due(p);
	wait_for_record(p);
	disk_set(false, EIO);
	add(p, 0, 200, false);
	fall_due(p);
	(void)alarm(LOOPING_ALARM_S);
	while (p->n_failed == 0)
		(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_ONCE);
	(void)alarm(0);
	assert_int_equal(p->error.code, ERR_DISK_ERROR);
	/* A later sync would succeed, and prove nothing. */
	disk_set(false, 0);
	add(p, 0, 300, true);
	fall_due(p);
	stop(p, true);
	assert_int_equal(disk_syncs(), 2);
	assert_int_equal(p->n_failed, 1);
	assert_int_equal(p->n_recorded, 1);
	after = kept(p);
	assert_int_equal(after.n, 1);
	assert_extent(&after, 0, 0, 100);
	assert_int_equal(after.bytes_done, 100);
}

static void what_the_database_did_not_take_is_recorded_with_the_next_sync(void **state)
{
	struct place *p = *state;
	struct kept after;

	add(p, 0, 100, true);
	add(p, 500, 10, false);
	rig_meddle(p->rig, "ALTER TABLE extents RENAME TO elsewhere");
	/* Again and again: a try that failed is over when the next sync begins. */
	(void)alarm(LOOPING_ALARM_S);
	while (disk_syncs() < 3) {
		fall_due(p);
		(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_NONBLOCK);
	}
	(void)alarm(0);
	assert_int_equal(p->n_recorded, 0);
	assert_int_equal(p->n_failed, 0);
	rig_meddle(p->rig, "ALTER TABLE elsewhere RENAME TO extents");
	(void)alarm(LOOPING_ALARM_S);
	while (p->n_recorded == 0) {
		fall_due(p);
		(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_NONBLOCK);
	}
	(void)alarm(0);
	assert_int_equal(p->bytes_done, 110);
	after = kept(p);
	assert_extent(&after, 0, 0, 100);
	assert_extent(&after, 1, 500, 10);
	assert_int_equal(after.bytes_done, 110);
}

static void a_database_that_takes_nothing_does_not_hold_up_the_end(void **state)
{
	struct place *p = *state;

	add(p, 0, 100, true);
	rig_meddle(p->rig, "ALTER TABLE extents RENAME TO elsewhere");
	stop(p, true);
	assert_int_equal(disk_syncs(), 1);
	assert_int_equal(p->n_recorded, 0);
}

/* --- what is not good after all -------------------------------------------------------------
 */

/* What was recorded before, of an earlier journal's. */
static void recorded_before(struct place *p, uint64_t first, uint64_t length)
{
	struct extent extent = { .first = first, .length = length, .sum = first + length };
	bool is_put = false;

	store_put_extents(p->rig->store, JOB_ID, 0, &extent, 1, length, on_put, &is_put);
	loop_until(p->rig->loop, &is_put);
	journal_claimed(p->journal, length);
}

static void a_piece_that_is_dropped_is_forgotten(void **state)
{
	struct place *p = *state;
	struct kept after;

	recorded_before(p, 0, 100);
	recorded_before(p, 100, 30);
	journal_drop(p->journal, 0, 100);
	assert_int_equal(p->bytes_done, 30);
	after = kept(p);
	assert_int_equal(after.n, 1);
	assert_extent(&after, 0, 100, 30);
	assert_int_equal(after.bytes_done, 30);
	/* It is fetched again, from the same beginning. */
	add(p, 0, 40, true);
	fall_due(p);
	wait_for_record(p);
	assert_int_equal(p->bytes_done, 70);
	after = kept(p);
	assert_extent(&after, 0, 0, 40);
	assert_extent(&after, 1, 100, 30);
	assert_int_equal(after.bytes_done, 70);
}

static void drop_the_claimed(struct place *p)
{
	journal_drop(p->journal, 0, 100);
}

/* Were 0 bytes recorded at the end, nobody would ask for the pieces that are. */
static void a_drop_while_others_are_being_recorded_does_not_hide_them(void **state)
{
	struct place *p = *state;
	struct kept after;

	recorded_before(p, 0, 100);
	add(p, 500, 40, true);
	p->after_put = drop_the_claimed;
	fall_due(p);
	(void)alarm(LOOPING_ALARM_S);
	while (p->n_recorded < 2)
		(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_ONCE);
	(void)alarm(0);
	assert_int_equal(p->bytes_done, 40);
	after = kept(p);
	assert_int_equal(after.n, 1);
	assert_extent(&after, 0, 500, 40);
	assert_int_equal(after.bytes_done, 40);
}

/* --- the end --------------------------------------------------------------------------------
 */

static void a_stop_with_a_flush_records_what_was_added(void **state)
{
	struct place *p = *state;
	struct kept after;

	add(p, 0, 100, false);
	add(p, 500, 10, true);
	stop(p, true);
	assert_int_equal(p->n_recorded, 1);
	after = kept(p);
	assert_int_equal(after.n, 2);
	assert_int_equal(after.bytes_done, 110);
}

static void a_stop_without_a_flush_leaves_it(void **state)
{
	struct place *p = *state;

	add(p, 0, 100, false);
	stop(p, false);
	assert_int_equal(disk_syncs(), 0);
	assert_int_equal(kept(p).n, 0);
}

/* What came while it was under way is part of the flush, and of nothing else. */
static void a_stop_during_a_sync_waits_for_it(void **state)
{
	struct place *p = *state;
	struct kept after;

	disk_set(true, 0);
	add(p, 0, 100, false);
	fall_due(p);
	disk_wait_for_sync();
	add(p, 0, 150, true);
	journal_stop(&p->journal, true, on_released, p);
	loop_turn(p->rig->loop);
	assert_false(p->is_released);
	disk_set(false, 0);
	loop_until(p->rig->loop, &p->is_released);
	assert_int_equal(disk_syncs(), 2);
	after = kept(p);
	assert_extent(&after, 0, 0, 150);
	assert_int_equal(after.bytes_done, 150);
}

static void a_stop_without_a_flush_waits_for_the_sync_all_the_same(void **state)
{
	struct place *p = *state;

	disk_set(true, 0);
	add(p, 0, 100, false);
	fall_due(p);
	disk_wait_for_sync();
	add(p, 0, 150, true);
	journal_stop(&p->journal, false, on_released, p);
	loop_turn(p->rig->loop);
	assert_false(p->is_released); /* the descriptor is in use */
	disk_set(false, 0);
	loop_until(p->rig->loop, &p->is_released);
	assert_int_equal(disk_syncs(), 1);
}

/* Its bytes may be lost, and no later sync of the descriptor says so again. */
static void a_sync_that_fails_during_the_stop_is_told(void **state)
{
	struct place *p = *state;

	disk_set(false, EIO);
	add(p, 0, 100, true);
	stop(p, true);
	assert_int_equal(p->n_failed, 1);
	assert_int_equal(kept(p).n, 0);
}

static void stopping_nothing_releases_at_once(void **state)
{
	struct place *p = *state;
	struct journal *none = NULL;

	journal_stop(&none, true, on_released, p);
	assert_true(p->is_released);
	p->is_released = false;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(nothing_is_recorded_before_the_sync_has_returned),
		TEST(a_sync_falls_due_after_a_time_or_many_bytes),
		TEST(with_nothing_new_there_is_nothing_to_sync),
		TEST(what_is_read_by_nobody_any_more_is_given_back_once_it_is_synced),
		TEST(with_nothing_new_what_was_read_is_given_back_too),
		TEST(one_sync_serves_all_pieces),
		TEST(a_piece_that_grows_stays_one),
		TEST(what_comes_during_a_sync_is_not_recorded_with_it),
		TEST(after_a_sync_that_failed_nothing_is_recorded),
		TEST(what_the_database_did_not_take_is_recorded_with_the_next_sync),
		TEST(a_database_that_takes_nothing_does_not_hold_up_the_end),
		TEST(a_piece_that_is_dropped_is_forgotten),
		TEST(a_drop_while_others_are_being_recorded_does_not_hide_them),
		TEST(a_stop_with_a_flush_records_what_was_added),
		TEST(a_stop_without_a_flush_leaves_it),
		TEST(a_stop_during_a_sync_waits_for_it),
		TEST(a_stop_without_a_flush_waits_for_the_sync_all_the_same),
		TEST(a_sync_that_fails_during_the_stop_is_told),
		TEST(stopping_nothing_releases_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
