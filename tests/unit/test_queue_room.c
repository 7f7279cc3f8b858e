/* A queue on disks that are what a test says: how much is free on which folder's, and which
 * bytes they refuse. */
#include "tests/unit/queuing.h"

#include <errno.h>

#define PLENTY (UINT64_C(1) << 40)
#define MIB    (UINT64_C(1) << 20)

/* --- the disks -------------------------------------------------------------------------------
 */

enum {
	DISK_MAIN,  /* all folders but those of another */
	DISK_OTHER, /* the folder of the revision v2 */
	DISKS,
};

enum refusal {
	REFUSE_NOTHING,
	REFUSE_WRITES,
	REFUSE_SYNCS,
	REFUSE_OPENING,
};

static struct {
	pthread_mutex_t lock; /* guards all below */
	struct file_space spaces[DISKS];
	int broken; /* what a look at the other disk ends with; 0: it is well */
	enum refusal refusal;
	int error; /* what it ends with */
	unsigned n_refused;
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER };

int __wrap_file_space(int root, const char *path, struct file_space *ret, struct error *err);
int __wrap_file_space(int root, const char *path, struct file_space *ret, struct error *err)
{
	bool is_other = str_has_prefix(str_from(path), S(RIG_REPO "@v2"));
	int broken;

	(void)root;
	(void)pthread_mutex_lock(&disk.lock);
	broken = is_other ? disk.broken : 0;
	if (broken == 0)
		*ret = disk.spaces[is_other ? DISK_OTHER : DISK_MAIN];
	(void)pthread_mutex_unlock(&disk.lock);
	errno = broken;
	return broken == 0 ? 0 : error_set_errno(err, ERR_DISK_ERROR, "free space");
}

/* errno is what it is refused with. */
static bool is_refused(enum refusal what)
{
	bool yes;

	(void)pthread_mutex_lock(&disk.lock);
	yes = disk.refusal == what;
	disk.n_refused += yes;
	errno = disk.error;
	(void)pthread_mutex_unlock(&disk.lock);
	return yes;
}

int __real_file_write_at(int fd, struct str bytes, uint64_t offset, struct error *err);
int __wrap_file_write_at(int fd, struct str bytes, uint64_t offset, struct error *err);
int __wrap_file_write_at(int fd, struct str bytes, uint64_t offset, struct error *err)
{
	if (is_refused(REFUSE_WRITES))
		return error_set_errno(err, ERR_DISK_ERROR, "write");
	return __real_file_write_at(fd, bytes, offset, err);
}

int __real_file_sync_data(int fd, struct error *err);
int __wrap_file_sync_data(int fd, struct error *err);
int __wrap_file_sync_data(int fd, struct error *err)
{
	if (is_refused(REFUSE_SYNCS))
		return error_set_errno(err, ERR_DISK_ERROR, "sync");
	return __real_file_sync_data(fd, err);
}

int __real_localdir_open_partial(int root, const struct localdir_names *names, uint64_t size,
				 bool *ret_is_new, struct error *err);
int __wrap_localdir_open_partial(int root, const struct localdir_names *names, uint64_t size,
				 bool *ret_is_new, struct error *err);
int __wrap_localdir_open_partial(int root, const struct localdir_names *names, uint64_t size,
				 bool *ret_is_new, struct error *err)
{
	if (is_refused(REFUSE_OPENING))
		return error_set_errno(err, ERR_DISK_ERROR, "%s", names->partial);
	return __real_localdir_open_partial(root, names, size, ret_is_new, err);
}

static void refuse(enum refusal refusal, int error)
{
	(void)pthread_mutex_lock(&disk.lock);
	disk.refusal = refusal;
	disk.error = error;
	disk.n_refused = 0;
	(void)pthread_mutex_unlock(&disk.lock);
}

static void set_space(struct place *p, size_t which, uint64_t free_bytes, bool is_read_only)
{
	(void)pthread_mutex_lock(&disk.lock);
	disk.spaces[which] = (struct file_space){ .device = 7 + which,
						  .free_bytes = free_bytes,
						  .total_bytes = PLENTY,
						  .is_read_only = is_read_only };
	(void)pthread_mutex_unlock(&disk.lock);
	if (p != NULL)
		look_at_disk(p);
}

static void set_free(struct place *p, size_t which, uint64_t free_bytes)
{
	set_space(p, which, free_bytes, false);
}

static void set_broken(struct place *p, int error)
{
	(void)pthread_mutex_lock(&disk.lock);
	disk.broken = error;
	(void)pthread_mutex_unlock(&disk.lock);
	look_at_disk(p);
}

/* Both folders are on one disk. */
static void set_free_for_all(struct place *p, uint64_t free_bytes)
{
	set_space(NULL, DISK_MAIN, free_bytes, false);
	(void)pthread_mutex_lock(&disk.lock);
	disk.spaces[DISK_OTHER] = disk.spaces[DISK_MAIN];
	(void)pthread_mutex_unlock(&disk.lock);
	look_at_disk(p);
}

static uint64_t reserved(const struct place *p, size_t which)
{
	return queue_reserved(p->queue, 7 + which);
}

/* --- the clock -------------------------------------------------------------------------------
 */

/* It goes on when a test says so. */
static _Atomic int64_t clock_ms;

int64_t __wrap_clock_unix_ms(void);
int64_t __wrap_clock_unix_ms(void)
{
	return clock_ms;
}

/* As long as the job wants to wait. */
static void wait_as_told(struct place *p, struct str id)
{
	int64_t retry_at_ms = queue_find(p->queue, id)->reason.retry_at_ms;

	assert_true(retry_at_ms > clock_ms);
	clock_ms = retry_at_ms;
	look_at_disk(p); /* and at the queue */
}

/* --- begin, and what is asked for ------------------------------------------------------------
 */

static int room_make(void **state)
{
	refuse(REFUSE_NOTHING, 0);
	disk.broken = 0;
	set_free(NULL, DISK_MAIN, PLENTY);
	set_free(NULL, DISK_OTHER, PLENTY);
	clock_ms = INT64_C(1772600000000);
	return place_make(state);
}

/* With so many at once, and so much to stay free. */
static void begin_with(struct place *p, size_t downloads, uint64_t min_free_bytes)
{
	p->limits.downloads = downloads;
	p->limits.min_free_bytes = min_free_bytes;
	begin_anew(p);
}

/* A job of the revision v2, whose folder is on the other disk. It comes after all others. */
static struct str create_v2(struct place *p, const char *term, struct answer *answer)
{
	AUTO_CSTR copy = mem_strdup(term);
	struct choice choice = { .type = REPO_MODEL,
				 .repo = mem_strdup(RIG_REPO),
				 .revision = mem_strdup("v2") };
	const struct job *duplicate = NULL;
	struct error err;

	*answer = (struct answer){ .is_done = false };
	terms_copy(&choice.select, &copy, 1);
	assert_int_equal(
		queue_create(p->queue, &choice, -1, on_answer, answer, &duplicate, &err), 0);
	choice_clear(&choice);
	loop_until(p->rig->loop, &answer->is_done);
	return str_from(answer->id);
}

/* The same, planned and paused: its listing is there before another job holds up the server. */
static struct str create_v2_paused(struct place *p, const char *term, struct answer *answer)
{
	struct str id;

	set_free(p, DISK_OTHER, 0);
	id = create_v2(p, term, answer);
	wait_for(p, id, JOB_WAITING);
	move(p, id, QUEUE_PAUSE);
	set_free(p, DISK_OTHER, PLENTY);
	return id;
}

static void assert_waits(const struct place *p, struct str id, enum error_code code)
{
	const struct job *job = queue_find(p->queue, id);

	assert_int_equal(job->state, JOB_WAITING);
	assert_int_equal(job->reason.code, code);
}

/* Not for a time: for what it says. */
static void assert_waits_for_the_disk(const struct place *p, struct str id,
				      enum error_code code)
{
	assert_waits(p, id, code);
	assert_int_equal(queue_find(p->queue, id)->reason.retry_at_ms, 0);
	assert_true(strlen(queue_find(p->queue, id)->reason.message) > 0);
}

static void wait_for_state(struct place *p, struct str id, enum job_state state)
{
	(void)alarm(LOOPING_ALARM_S);
	while (queue_find(p->queue, id)->state != state)
		turn_once(p);
	(void)alarm(0);
}

static void wait_until_planned(struct place *p, struct str id)
{
	(void)alarm(LOOPING_ALARM_S);
	while (!queue_find(p->queue, id)->is_planned)
		turn_once(p);
	(void)alarm(0);
}

static void wait_for_the_disk(struct place *p, struct str id, enum error_code code)
{
	wait_for_state(p, id, JOB_WAITING);
	assert_waits_for_the_disk(p, id, code);
}

static size_t asked(const struct place *p, const char *path, struct answerer_seen *ret)
{
	return answerer_count(p->rig->server, rig_target(p->rig, path), ret);
}

/* Another job has come and gone: whatever was to wake has. */
static void let_others_pass(struct place *p)
{
	struct answer answer;
	struct str id = create(p, "b.txt", 0, &answer);

	wait_for(p, id, JOB_COMPLETED);
}

/* --- before the first byte -------------------------------------------------------------------
 */

static void a_download_that_does_not_fit_waits_until_there_is_room(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve(p);
	set_free(p, DISK_MAIN, BIG - 1);
	id = create(p, "a.gguf", 0, &answer);
	wait_for_the_disk(p, id, ERR_DISK_FULL);
	assert_int_equal(asked(p, "a.gguf", NULL), 0);
	assert_int_equal(reserved(p, DISK_MAIN), BIG);
	assert_int_equal(reserved(p, DISK_OTHER), 0);
	set_free(p, DISK_MAIN, BIG);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
	assert_int_equal(reserved(p, DISK_MAIN), 0);
}

static void what_must_stay_free_is_not_used(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	begin_with(p, 1, 1000);
	serve(p);
	set_free(p, DISK_MAIN, BIG + 999);
	id = create(p, "a.gguf", 0, &answer);
	wait_for(p, id, JOB_WAITING);
	set_free(p, DISK_MAIN, BIG + 1000);
	wait_for(p, id, JOB_COMPLETED);
}

/* What is durable has its blocks on the disk already. */
static void of_a_partial_only_the_rest_needs_room(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, "a.gguf", 0, &answer);
	wait_for_bytes(p, CUT);
	move(p, id, QUEUE_PAUSE);
	assert_int_equal(reserved(p, DISK_MAIN), BIG - CUT);
	set_free(p, DISK_MAIN, BIG - CUT - 1);
	move(p, id, QUEUE_RESUME);
	wait_for_the_disk(p, id, ERR_DISK_FULL);
	set_free(p, DISK_MAIN, BIG - CUT);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
}

/* The second cannot run beside the first, of the same folder; the third could. */
static void those_who_come_before_are_counted_before_they_run(void **state)
{
	struct place *p = *state;
	struct answer answers[3];
	struct str ids[3];

	begin_with(p, 3, 0);
	serve_held(p, 1);
	serve(p);
	ids[2] = create_v2_paused(p, "b.txt", &answers[2]);
	ids[0] = create(p, "a.gguf", 0, &answers[0]);
	wait_for_bytes(p, CUT);
	ids[1] = create(p, "*c.txt", 0, &answers[1]);
	wait_until_planned(p, ids[1]);
	set_free_for_all(p, BIG - CUT + 5 + 5 - 1);
	move(p, ids[2], QUEUE_RESUME);
	wait_for_the_disk(p, ids[2], ERR_DISK_FULL);
	assert_int_equal(queue_find(p->queue, ids[1])->state, JOB_QUEUED);
	assert_int_equal(reserved(p, DISK_MAIN), BIG - CUT + 5 + 5);
	set_free_for_all(p, BIG - CUT + 5 + 5);
	wait_for_state(p, ids[2], JOB_DOWNLOADING);
	assert_int_equal(queue_find(p->queue, ids[0])->state, JOB_DOWNLOADING);
	assert_int_equal(queue_find(p->queue, ids[1])->state, JOB_QUEUED);
}

static void what_a_person_has_paused_holds_nobody_up(void **state)
{
	struct place *p = *state;
	struct answer answers[2];
	struct str ids[2];

	serve_held(p, 1);
	serve(p);
	ids[0] = create(p, "a.gguf", 0, &answers[0]);
	wait_for_bytes(p, CUT);
	move(p, ids[0], QUEUE_PAUSE);
	set_free(p, DISK_MAIN, 5);
	ids[1] = create(p, "b.txt", 0, &answers[1]);
	wait_for(p, ids[1], JOB_COMPLETED);
}

static void one_that_does_not_fit_holds_up_none_that_does(void **state)
{
	struct place *p = *state;
	struct answer answers[2];
	struct str ids[2];

	serve(p);
	set_free(p, DISK_MAIN, BIG - 1);
	ids[0] = create(p, "a.gguf", 0, &answers[0]);
	wait_for(p, ids[0], JOB_WAITING);
	ids[1] = create(p, "b.txt", 0, &answers[1]);
	wait_for(p, ids[1], JOB_COMPLETED);
	assert_waits_for_the_disk(p, ids[0], ERR_DISK_FULL);
}

static void a_wait_for_room_outlives_the_daemon(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve(p);
	set_free(p, DISK_MAIN, 0);
	id = create(p, "b.txt", 0, &answer);
	wait_for(p, id, JOB_WAITING);
	begin_anew(p);
	look_at_disk(p);
	assert_waits_for_the_disk(p, id, ERR_DISK_FULL);
	set_free(p, DISK_MAIN, 5);
	wait_for(p, id, JOB_COMPLETED);
}

/* --- two disks -------------------------------------------------------------------------------
 */

static void jobs_on_two_disks_do_not_count_for_each_other(void **state)
{
	struct place *p = *state;
	struct answer answers[2];
	struct str ids[2];

	begin_with(p, 2, 1000);
	serve_held(p, 1);
	serve(p);
	ids[1] = create_v2_paused(p, "a.gguf", &answers[1]);
	set_free(p, DISK_MAIN, BIG + 1000);
	set_free(p, DISK_OTHER, BIG + 1000);
	ids[0] = create(p, "a.gguf", 0, &answers[0]);
	wait_for_bytes(p, CUT);
	assert_int_equal(reserved(p, DISK_MAIN), BIG - CUT);
	assert_int_equal(reserved(p, DISK_OTHER), BIG);
	move(p, ids[1], QUEUE_RESUME);
	wait_for_state(p, ids[1], JOB_DOWNLOADING);
	/* One that runs short stops its own jobs only, and lets them go on. */
	set_free(p, DISK_OTHER, 999);
	wait_for_the_disk(p, ids[1], ERR_DISK_FULL);
	assert_int_equal(queue_find(p->queue, ids[0])->state, JOB_DOWNLOADING);
	set_free(p, DISK_MAIN, 999);
	wait_for_the_disk(p, ids[0], ERR_DISK_FULL);
	assert_true(has_partial(p, ids[0], 0));
	set_free(p, DISK_MAIN, BIG - CUT + 1000);
	wait_for(p, ids[0], JOB_COMPLETED);
	assert_waits_for_the_disk(p, ids[1], ERR_DISK_FULL);
	set_free(p, DISK_OTHER, BIG + 1000);
	wait_for(p, ids[1], JOB_COMPLETED);
	assert_file(p, 0);
}

static void a_full_disk_stops_only_its_own_jobs(void **state)
{
	struct place *p = *state;
	struct answer answers[2];
	struct str ids[2];

	begin_with(p, 2, 0);
	serve(p);
	set_free(p, DISK_MAIN, 0);
	ids[0] = create(p, "a.gguf", 0, &answers[0]);
	wait_for(p, ids[0], JOB_WAITING);
	ids[1] = create_v2(p, "a.gguf", &answers[1]);
	wait_for(p, ids[1], JOB_COMPLETED);
	assert_waits_for_the_disk(p, ids[0], ERR_DISK_FULL);
}

static void a_disk_that_cannot_be_written_to_is_waited_for(void **state)
{
	struct place *p = *state;
	struct answer answers[3];
	struct str ids[3];

	begin_with(p, 2, 0);
	serve(p);
	set_space(p, DISK_OTHER, PLENTY, true);
	ids[0] = create_v2(p, "a.gguf", &answers[0]);
	wait_for(p, ids[0], JOB_WAITING);
	assert_waits_for_the_disk(p, ids[0], ERR_DISK_AWAY);
	assert_int_equal(asked(p, "a.gguf", NULL), 0);
	ids[1] = create(p, "b.txt", 0, &answers[1]);
	wait_for(p, ids[1], JOB_COMPLETED);
	set_free(p, DISK_OTHER, PLENTY);
	wait_for(p, ids[0], JOB_COMPLETED);
	/* And one that does not even answer. */
	set_broken(p, EIO);
	ids[2] = create_v2(p, "b.txt", &answers[2]);
	wait_for(p, ids[2], JOB_WAITING);
	assert_in_range(reason(p, ids[2]), ERR_DISK_ERROR, ERR_DISK_AWAY);
}

static void a_disk_that_becomes_read_only_stops_its_job_until_it_is_not(void **state)
{
	struct place *p = *state;
	struct answerer_seen seen;
	struct answer answer;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create_v2(p, "a.gguf", &answer);
	wait_for_bytes(p, CUT);
	set_broken(p, EIO);
	wait_for_the_disk(p, id, ERR_DISK_AWAY);
	set_space(NULL, DISK_OTHER, PLENTY, true);
	set_broken(p, 0);
	let_others_pass(p);
	assert_waits_for_the_disk(p, id, ERR_DISK_AWAY);
	set_free(p, DISK_OTHER, PLENTY);
	wait_for(p, id, JOB_COMPLETED);
	(void)asked(p, "a.gguf", &seen);
	assert_true(str_has_prefix(str_from(seen.range), S("bytes=153600-")));
}

/* --- bytes that are refused ------------------------------------------------------------------
 */

/* A job of the big file with CUT bytes of it durable, paused. So many answers stop in the
 * middle, that one and later ones: what has all its bytes needs no further sync. */
static struct str begin_and_pause(struct place *p, unsigned n_held, struct answer *answer)
{
	struct str id;

	serve_held(p, n_held);
	serve(p);
	id = create(p, "a.gguf", 0, answer);
	wait_for_bytes(p, CUT);
	move(p, id, QUEUE_PAUSE);
	return id;
}

/* Resumed, it comes to the fault and waits; nothing that was durable is lost. */
static void come_to_wait(struct place *p, struct str id, enum refusal refusal, int error)
{
	refuse(refusal, error);
	move(p, id, QUEUE_RESUME);
	wait_for(p, id, JOB_WAITING);
	assert_true(disk.n_refused > 0);
	assert_int_equal(queue_find(p->queue, id)->bytes_done, CUT);
	assert_true(has_partial(p, id, 0));
	assert_true(queue_find(p->queue, id)->reason.retry_at_ms > clock_unix_ms());
}

static void assert_goes_on(struct place *p, struct str id)
{
	struct answerer_seen seen;

	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
	assert_int_equal(p->n_thrown_away, 0);
	(void)asked(p, "a.gguf", &seen);
	assert_true(str_has_prefix(str_from(seen.range), S("bytes=153600-")));
}

/* Until it has tried once more, in vain, and says when next. */
static void wait_for_another_try(struct place *p, struct str id)
{
	const struct job *job = queue_find(p->queue, id);

	(void)alarm(LOOPING_ALARM_S);
	while (job->state != JOB_WAITING || job->reason.retry_at_ms <= clock_unix_ms()) {
		turn_once(p);
		job = queue_find(p->queue, id);
	}
	(void)alarm(0);
}

static void refuse_and_go_on(enum refusal refusal, int error, enum error_code code)
{
	struct place *p = NULL;
	struct answer answer;
	struct str id;

	assert_int_equal(room_make((void **)&p), 0);
	id = begin_and_pause(p, refusal == REFUSE_SYNCS ? 3 : 1, &answer);
	come_to_wait(p, id, refusal, error);
	assert_waits(p, id, code);
	wait_as_told(p, id);
	wait_for_another_try(p, id);
	assert_waits(p, id, code);
	assert_int_equal(queue_find(p->queue, id)->bytes_done, CUT);
	refuse(REFUSE_NOTHING, 0);
	wait_as_told(p, id);
	assert_goes_on(p, id);
	assert_int_equal(place_remove((void **)&p), 0);
}

static void bytes_that_a_disk_refuses_are_tried_again_and_none_is_lost(void **state)
{
	static const struct {
		enum refusal refusal;
		int error;
		enum error_code code;
	} rows[] = {
		{ REFUSE_WRITES, ENOSPC, ERR_DISK_FULL },
		{ REFUSE_WRITES, EDQUOT, ERR_DISK_FULL },
		{ REFUSE_WRITES, EROFS, ERR_DISK_ERROR },
		{ REFUSE_WRITES, EIO, ERR_DISK_ERROR },
		{ REFUSE_SYNCS, EDQUOT, ERR_DISK_FULL },
		{ REFUSE_SYNCS, EIO, ERR_DISK_ERROR },
		{ REFUSE_OPENING, ENOSPC, ERR_DISK_FULL },
		{ REFUSE_OPENING, EROFS, ERR_DISK_ERROR },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refuse_and_go_on(rows[i].refusal, rows[i].error, rows[i].code);
}

static void a_full_disk_with_more_room_is_tried_before_its_time(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id = begin_and_pause(p, 1, &answer);

	come_to_wait(p, id, REFUSE_WRITES, ENOSPC);
	set_free(p, DISK_MAIN, 10 * MIB);
	set_free(p, DISK_MAIN, 73 * MIB);
	refuse(REFUSE_NOTHING, 0);
	let_others_pass(p);
	assert_waits(p, id, ERR_DISK_FULL);
	set_free(p, DISK_MAIN, 74 * MIB);
	assert_goes_on(p, id);
}

/* It does not show in what is free. */
static void a_quota_is_not_tried_before_its_time(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id = begin_and_pause(p, 1, &answer);

	come_to_wait(p, id, REFUSE_WRITES, EDQUOT);
	refuse(REFUSE_NOTHING, 0);
	set_free(p, DISK_MAIN, MIB);
	set_free(p, DISK_MAIN, PLENTY);
	let_others_pass(p);
	assert_waits(p, id, ERR_DISK_FULL);
	wait_as_told(p, id);
	assert_goes_on(p, id);
}

static void when_its_time_comes_without_room_it_waits_for_room_alone(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id = begin_and_pause(p, 1, &answer);

	come_to_wait(p, id, REFUSE_WRITES, EDQUOT);
	refuse(REFUSE_NOTHING, 0);
	set_free(p, DISK_MAIN, 1000);
	wait_as_told(p, id);
	(void)alarm(LOOPING_ALARM_S);
	while (queue_find(p->queue, id)->reason.retry_at_ms != 0)
		turn_once(p);
	(void)alarm(0);
	assert_waits_for_the_disk(p, id, ERR_DISK_FULL);
	set_free(p, DISK_MAIN, PLENTY);
	assert_goes_on(p, id);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, room_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_download_that_does_not_fit_waits_until_there_is_room),
		TEST(what_must_stay_free_is_not_used),
		TEST(of_a_partial_only_the_rest_needs_room),
		TEST(those_who_come_before_are_counted_before_they_run),
		TEST(what_a_person_has_paused_holds_nobody_up),
		TEST(one_that_does_not_fit_holds_up_none_that_does),
		TEST(a_wait_for_room_outlives_the_daemon),
		TEST(jobs_on_two_disks_do_not_count_for_each_other),
		TEST(a_full_disk_stops_only_its_own_jobs),
		TEST(a_disk_that_cannot_be_written_to_is_waited_for),
		TEST(a_disk_that_becomes_read_only_stops_its_job_until_it_is_not),
		cmocka_unit_test(bytes_that_a_disk_refuses_are_tried_again_and_none_is_lost),
		TEST(a_full_disk_with_more_room_is_tried_before_its_time),
		TEST(a_quota_is_not_tried_before_its_time),
		TEST(when_its_time_comes_without_room_it_waits_for_room_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
