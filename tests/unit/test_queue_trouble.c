/* A queue whose surroundings fail it: the database refuses, the clock was wrong, the disk goes
 * away. */
#include "tests/unit/queuing.h"

#define FAR_AWAY_MS INT64_C(4102444800000) /* the year 2100 */
#define DAY_MS      (INT64_C(24) * 60 * 60 * 1000)

/* --- a database that refuses -----------------------------------------------------------------
 */

static void a_plan_that_is_not_saved_is_not_run(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve(p);
	rig_meddle(p->rig, "CREATE TRIGGER refuse BEFORE INSERT ON files"
			   " BEGIN SELECT RAISE(ABORT, 'no room'); END");
	id = create(p, NULL, 0, &answer);
	wait_for(p, id, JOB_WAITING);
	assert_int_equal(reason(p, id), ERR_STORE);
	assert_false(queue_find(p->queue, id)->is_planned);
	assert_int_equal(answerer_count(p->rig->server, "/" RIG_REPO "/", NULL), 0);
	rig_meddle(p->rig, "DROP TRIGGER refuse");
	move(p, id, QUEUE_RESUME);
	wait_for(p, id, JOB_COMPLETED);
	for (size_t i = 0; i < ARRAY_LEN(p->files); i++)
		assert_file(p, i);
}

/* Nobody would know of it after the daemon's end. */
static void a_run_that_is_not_saved_does_not_begin(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve(p);
	rig_meddle(p->rig, "CREATE TRIGGER refuse BEFORE UPDATE ON jobs"
			   " WHEN NEW.state = 'downloading'"
			   " BEGIN SELECT RAISE(ABORT, 'no room'); END");
	id = create(p, NULL, 0, &answer);
	wait_for(p, id, JOB_WAITING);
	assert_int_equal(reason(p, id), ERR_STORE);
	assert_int_equal(answerer_count(p->rig->server, "/" RIG_REPO "/", NULL), 0);
	rig_meddle(p->rig, "DROP TRIGGER refuse");
	move(p, id, QUEUE_RESUME);
	wait_for(p, id, JOB_COMPLETED);
	for (size_t i = 0; i < ARRAY_LEN(p->files); i++)
		assert_file(p, i);
}

static void a_plan_that_is_not_whole_is_made_again(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, NULL, 0, &answer);
	wait_for_bytes(p, CUT);
	move(p, id, QUEUE_PAUSE);
	rig_meddle(p->rig, "DELETE FROM files WHERE path <> 'a.gguf'");
	move(p, id, QUEUE_RESUME);
	wait_for(p, id, JOB_COMPLETED);
	for (size_t i = 0; i < ARRAY_LEN(p->files); i++)
		assert_file(p, i);
}

struct follower {
	struct place *p;
	struct str other;
	bool is_done;
	enum error_code code;
};

/* As when the next line of the same connection is a call too: it is read before this returns.
 */
static void on_refused(void *ctx, const struct job *job, const struct error *err)
{
	struct follower *f = ctx;
	struct error ignored;

	assert_null(job);
	f->is_done = true;
	f->code = err->code;
	assert_int_equal(queue_set_priority(f->p->queue, f->other, 5, NULL, NULL, &ignored), 0);
}

static void a_download_that_is_not_saved_never_was(void **state)
{
	struct place *p = *state;
	static char term[] = "*c.txt";
	char *terms[] = { term };
	struct choice choice = { .type = REPO_MODEL,
				 .repo = mem_strdup(RIG_REPO),
				 .revision = mem_strdup("main") };
	const struct job *duplicate = NULL;
	struct follower follower = { .p = p };
	struct answer answer;
	struct error err;
	struct str id;
	size_t n = 0;

	serve(p);
	follower.other = create(p, "b.txt", 0, &answer);
	move(p, follower.other, QUEUE_PAUSE);
	rig_meddle(p->rig, "CREATE TRIGGER refuse BEFORE INSERT ON jobs"
			   " WHEN NEW.select_terms LIKE '%c.txt%'"
			   " BEGIN SELECT RAISE(ABORT, 'no room'); END");
	terms_copy(&choice.select, terms, 1);
	assert_int_equal(
		queue_create(p->queue, &choice, 0, on_refused, &follower, &duplicate, &err), 0);
	choice_clear(&choice);
	loop_until(p->rig->loop, &follower.is_done);
	assert_int_equal(follower.code, ERR_STORE);
	(void)queue_jobs(p->queue, &n);
	assert_int_equal(n, 1);
	/* Nothing was begun for it either: the next one is served, after whatever was. */
	rig_meddle(p->rig, "DROP TRIGGER refuse");
	id = create(p, "*c.txt", 0, &answer);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 2);
}

/* --- a clock that was wrong ------------------------------------------------------------------
 */

static struct job *make_job(uint64_t order, const char *term)
{
	struct job *job = job_new();
	AUTO_CSTR copy = mem_strdup(term);

	(void)snprintf(job->id, sizeof(job->id), "aaaaaaaaaaaa%08u", (unsigned)order);
	for (char *c = job->id; *c != '\0'; c++)
		*c = *c >= '0' && *c <= '9' ? (char)(*c - '0' + 'b') : *c;
	job->order = order;
	job->repo = mem_strdup(RIG_REPO);
	job->revision = mem_strdup("main");
	job->created_at_ms = clock_unix_ms();
	terms_copy(&job->select, &copy, 1);
	return job;
}

static void on_stored(void *ctx, const struct error *err)
{
	bool *is_stored = ctx;

	assert_null(err);
	*is_stored = true;
}

/* As many as are remembered, all of a time that is still to come. */
static void store_finished(struct place *p)
{
	for (uint64_t i = 1; i <= QUEUE_FINISHED_MAX; i++) {
		AUTO(job) job = make_job(i, "b.txt");
		bool is_stored = false;

		job->state = JOB_COMPLETED;
		job->finished_at_ms = FAR_AWAY_MS + (int64_t)i;
		if (i < QUEUE_FINISHED_MAX) {
			store_put_job(p->rig->store, job, NULL, NULL);
			continue;
		}
		store_put_job(p->rig->store, job, on_stored, &is_stored);
		loop_until(p->rig->loop, &is_stored);
	}
}

static void wait_for_removal(struct place *p, size_t n)
{
	(void)alarm(LOOPING_ALARM_S);
	while (p->n_removed < n)
		turn_once(p);
	(void)alarm(0);
}

static void what_came_first_is_forgotten_first_whatever_the_clock_said(void **state)
{
	struct place *p = *state;
	struct answer answers[3];
	struct str ids[3];
	size_t n = 0;

	store_finished(p);
	begin_anew(p);
	serve_held(p, 1);
	serve(p);
	ids[0] = create(p, "b.txt", 0, &answers[0]);
	wait_for(p, ids[0], JOB_COMPLETED);
	wait_for_removal(p, 1);
	ids[1] = create(p, "no such file", 0, &answers[1]);
	wait_for(p, ids[1], JOB_FAILED);
	wait_for_removal(p, 2);
	ids[2] = create(p, "a.gguf", 0, &answers[2]);
	wait_for_bytes(p, CUT);
	move(p, ids[2], QUEUE_CANCEL);
	wait_for_removal(p, 3);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		AUTO(job) old = make_job(i + 1, "b.txt");

		assert_non_null(queue_find(p->queue, ids[i]));
		assert_null(queue_find(p->queue, str_from(old->id)));
	}
	(void)queue_jobs(p->queue, &n);
	assert_int_equal(n, QUEUE_FINISHED_MAX);
}

static void store_waiting(struct place *p, const struct job *plain, int64_t retry_at_ms)
{
	AUTO(job) job = job_copy(plain);
	bool is_stored = false;
	struct error why;

	(void)error_set(&why, ERR_RATE_LIMITED, "later");
	job->state = JOB_WAITING;
	job_set_reason(job, &why, retry_at_ms);
	store_put_job(p->rig->store, job, on_stored, &is_stored);
	loop_until(p->rig->loop, &is_stored);
}

static void a_wait_that_a_wrong_clock_began_ends_at_once(void **state)
{
	struct place *p = *state;
	AUTO(job) wrong = make_job(1, "b.txt");
	AUTO(job) right = make_job(2, "*c.txt");

	store_waiting(p, wrong, FAR_AWAY_MS);
	store_waiting(p, right, clock_unix_ms() + DAY_MS);
	serve(p);
	begin_anew(p);
	wait_for(p, str_from(wrong->id), JOB_COMPLETED);
	assert_file(p, 1);
	assert_int_equal(queue_find(p->queue, str_from(right->id))->state, JOB_WAITING);
}

/* --- a disk that goes away -------------------------------------------------------------------
 */

static void without_the_models_directory_jobs_wait_and_then_go_on(void **state)
{
	struct place *p = *state;
	AUTO_CSTR range = mem_printf("bytes=%d-%d", CUT, BIG - 1);
	AUTO_CSTR models = tempdir_path(&p->rig->dir, "models");
	AUTO_CSTR away = tempdir_path(&p->rig->dir, "away");
	struct answerer_seen seen;
	struct answer answers[2];
	struct str running;
	struct str later;

	serve_held(p, 1);
	serve(p);
	running = create(p, "a.gguf", 0, &answers[0]);
	wait_for_bytes(p, CUT);
	assert_int_equal(rename(models, away), 0);
	look_at_disk(p);
	wait_for(p, running, JOB_WAITING);
	assert_int_equal(reason(p, running), ERR_DISK_AWAY);
	assert_int_equal(queue_find(p->queue, running)->reason.retry_at_ms, 0);
	/* What is asked for meanwhile is planned, and not begun. */
	later = create(p, "b.txt", 0, &answers[1]);
	(void)alarm(LOOPING_ALARM_S);
	while (!queue_find(p->queue, later)->is_planned)
		turn_once(p);
	(void)alarm(0);
	move(p, running, QUEUE_RESUME);
	for (int i = 0; i < 5; i++)
		loop_turn(p->rig->loop);
	assert_int_equal(queue_find(p->queue, running)->state, JOB_QUEUED);
	assert_int_equal(queue_find(p->queue, later)->state, JOB_QUEUED);
	assert_int_equal(answerer_count(p->rig->server, "/" RIG_REPO "/", NULL), 1);
	/* Back again, it goes on by itself; so does what has been resumed meanwhile. */
	assert_int_equal(rename(away, models), 0);
	look_at_disk(p);
	wait_for(p, running, JOB_COMPLETED);
	wait_for(p, later, JOB_COMPLETED);
	assert_file(p, 0);
	assert_file(p, 1);
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "a.gguf"), &seen),
			 2);
	assert_string_equal(seen.range, range);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_plan_that_is_not_saved_is_not_run),
		TEST(a_run_that_is_not_saved_does_not_begin),
		TEST(a_plan_that_is_not_whole_is_made_again),
		TEST(a_download_that_is_not_saved_never_was),
		TEST(what_came_first_is_forgotten_first_whatever_the_clock_said),
		TEST(a_wait_that_a_wrong_clock_began_ends_at_once),
		TEST(without_the_models_directory_jobs_wait_and_then_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
