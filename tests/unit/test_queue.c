#include "tests/unit/queuing.h"

#define TRASH ".larder/trash"

static void a_download_ends_with_every_file_proven(void **state)
{
	static const enum job_state before[] = { JOB_QUEUED, JOB_RESOLVING, JOB_QUEUED,
						 JOB_DOWNLOADING };
	struct place *p = *state;
	struct answer answer;
	const struct job *job;
	struct str id;

	serve(p);
	id = create(p, NULL, 0, &answer);
	assert_int_equal(answer.state, JOB_QUEUED);
	assert_true(download_id_is_valid(id));
	wait_for(p, id, JOB_COMPLETED);
	for (size_t i = 0; i < ARRAY_LEN(p->files); i++) {
		assert_file(p, i);
		assert_false(has_partial(p, id, i));
	}
	for (size_t i = 0; i < ARRAY_LEN(before); i++)
		assert_int_equal(p->changes[i].state, before[i]);
	job = queue_find(p->queue, id);
	assert_string_equal(job->commit, RIG_COMMIT);
	assert_int_equal(job->bytes_total, BIG + 10);
	assert_int_equal(job->bytes_done, BIG + 10);
	assert_int_equal(job->files_done, 4);
	assert_int_equal(job->files_total, 4);
	assert_true(job->finished_at_ms >= job->started_at_ms);
	assert_int_equal(queue_reserved(p->queue, space_root(p->space)->device), 0);
	assert_false(has(p, ".larder"));
	assert_int_equal(p->n_thrown_away, 0);
}

static void a_pause_keeps_the_bytes_and_a_resume_goes_on_from_them(void **state)
{
	struct place *p = *state;
	AUTO_CSTR range = mem_printf("bytes=%d-%d", CUT, BIG - 1);
	struct answerer_seen seen;
	struct answer answer;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, "a.gguf", 0, &answer);
	wait_for_bytes(p, CUT);
	move(p, id, QUEUE_PAUSE);
	assert_int_equal(queue_find(p->queue, id)->state, JOB_PAUSED);
	assert_true(has_partial(p, id, 0));
	assert_false(has(p, RIG_REPO "/a.gguf"));
	move(p, id, QUEUE_RESUME);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "a.gguf"), &seen),
			 2);
	assert_string_equal(seen.range, range);
	assert_int_equal(p->n_thrown_away, 0);
}

static void a_cancel_removes_partials_and_never_a_proven_file(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	p->files[0].path = "z.gguf"; /* comes last */
	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = rig_target(p->rig, "z.gguf"),
					     .status = "200 OK",
					     .body = p->files[0].content,
					     .times = 1,
					     .is_ranged = true,
					     .is_held = true,
					     .cut = CUT });
	serve(p);
	id = create(p, NULL, 0, &answer);
	wait_for_bytes(p, CUT + 10);
	assert_true(has_partial(p, id, 0));
	move(p, id, QUEUE_CANCEL);
	(void)alarm(LOOPING_ALARM_S);
	while (has_partial(p, id, 0))
		turn_once(p);
	(void)alarm(0);
	assert_false(has(p, RIG_REPO "/z.gguf"));
	for (size_t i = 1; i < ARRAY_LEN(p->files); i++)
		assert_file(p, i);
	/* A retry begins the rest anew, and does not fetch what is proven. */
	move(p, id, QUEUE_RETRY);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "b.txt"), NULL), 1);
}

static void serve_flipped(struct place *p, unsigned times)
{
	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = rig_target(p->rig, "b.txt"),
					     .status = "200 OK",
					     .body = S("hellO"),
					     .times = times,
					     .is_ranged = true });
}

static void a_wrong_digest_is_fetched_once_more(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve_flipped(p, 1);
	serve(p);
	id = create(p, "b.txt", 0, &answer);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 1);
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "b.txt"), NULL), 2);
}

static void a_digest_wrong_twice_fails_and_the_name_is_never_given(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve_flipped(p, 0);
	serve(p);
	id = create(p, "b.txt", 0, &answer);
	wait_for(p, id, JOB_FAILED);
	assert_int_equal(reason(p, id), ERR_HASH_MISMATCH);
	assert_false(has(p, RIG_REPO "/b.txt"));
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "b.txt"), NULL), 2);
	assert_int_equal(queue_find(p->queue, id)->bytes_done, 0);
}

static void a_passing_fault_is_tried_again_from_where_it_broke(void **state)
{
	struct place *p = *state;
	AUTO_CSTR range = mem_printf("bytes=%d-%d", CUT, BIG - 1);
	struct answerer_seen seen;
	struct answer answer;
	struct str id;

	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = rig_target(p->rig, "a.gguf"),
					     .status = "200 OK",
					     .body = p->files[0].content,
					     .times = 1,
					     .is_ranged = true,
					     .cut = CUT });
	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = rig_target(p->rig, "a.gguf"),
					     .status = "503 Busy",
					     .times = 1 });
	serve(p);
	id = create(p, "a.gguf", 0, &answer);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "a.gguf"), &seen),
			 3);
	assert_string_equal(seen.range, range);
}

static void a_server_that_ignores_the_range_is_begun_again_with(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve_held(p, 1);
	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = rig_target(p->rig, "a.gguf"),
					     .status = "200 OK",
					     .body = p->files[0].content });
	serve(p);
	id = create(p, "a.gguf", 0, &answer);
	wait_for_bytes(p, CUT);
	move(p, id, QUEUE_PAUSE);
	move(p, id, QUEUE_RESUME);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
	assert_int_equal(p->n_thrown_away, 1);
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "a.gguf"), NULL), 3);
}

static void a_gated_model_fails_with_the_page_and_a_retry_fetches_it(void **state)
{
	struct place *p = *state;
	AUTO_CSTR page = mem_printf("%s/" RIG_REPO, p->rig->endpoint);
	struct answer answer;
	struct str id;

	answerer_add(
		p->rig->server,
		(struct answerer_rule){ .target = rig_target(p->rig, "b.txt"),
					.status = "403 Forbidden",
					.headers = mem_strdup("X-Error-Code: GatedRepo\r\n"),
					.times = 1 });
	serve(p);
	id = create(p, "b.txt", 0, &answer);
	wait_for(p, id, JOB_FAILED);
	assert_int_equal(reason(p, id), ERR_GATED);
	assert_string_equal(queue_find(p->queue, id)->reason.url, page);
	move(p, id, QUEUE_RETRY);
	assert_int_equal(reason(p, id), ERR_NONE);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 1);
}

static void a_rate_limit_makes_a_job_wait_for_the_stated_time(void **state)
{
	struct place *p = *state;
	struct answer answer;
	int64_t before = clock_unix_ms();
	struct str id;

	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = rig_target(p->rig, "b.txt"),
					     .status = "429 Too Many Requests",
					     .headers = mem_strdup("Retry-After: 600\r\n") });
	serve(p);
	id = create(p, "b.txt", 0, &answer);
	wait_for(p, id, JOB_WAITING);
	assert_int_equal(reason(p, id), ERR_RATE_LIMITED);
	assert_true(queue_find(p->queue, id)->reason.retry_at_ms >= before + 600000);
	move(p, id, QUEUE_CANCEL);
}

static void what_the_hub_does_not_have_fails_the_job(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	answerer_add(p->rig->server,
		     (struct answerer_rule){
			     .target = "/api/models/",
			     .status = "404 Not Found",
			     .headers = mem_strdup("X-Error-Code: RepoNotFound\r\n") });
	id = create(p, NULL, 0, &answer);
	wait_for(p, id, JOB_FAILED);
	assert_int_equal(reason(p, id), ERR_NOT_FOUND);
}

static void a_hostile_name_fails_the_job_before_a_byte_is_written(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	p->files[2].path = "../../evil.txt";
	serve(p);
	id = create(p, NULL, 0, &answer);
	wait_for(p, id, JOB_FAILED);
	assert_int_equal(reason(p, id), ERR_UNSAFE_PATH);
	assert_false(has(p, "acme"));
}

static void a_file_that_is_there_is_proven_and_not_fetched(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct error err;
	struct str id;

	serve(p);
	assert_int_equal(file_replace(p->rig->root, RIG_REPO "/b.txt", S("hello"), &err), 0);
	id = create(p, "*.txt", 0, &answer);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 1);
	assert_file(p, 2);
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "b.txt"), NULL), 0);
	assert_false(has(p, TRASH));
}

static void a_file_with_other_content_goes_to_the_trash(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct error err;
	struct str id;

	serve(p);
	assert_int_equal(file_replace(p->rig->root, RIG_REPO "/b.txt", S("mine!"), &err), 0);
	id = create(p, "b.txt", 0, &answer);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 1);
	assert_true(has(p, TRASH));
	assert_int_equal(p->n_replaced, 1);
}

static void the_same_download_is_not_queued_twice(void **state)
{
	struct place *p = *state;
	struct answer first;
	struct answer again;
	struct error err;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, "a.gguf", 0, &first);
	assert_int_equal(try_create(p, "a.gguf", NULL, 5, &again, &err), -1);
	assert_int_equal(err.code, ERR_DUPLICATE);
	assert_int_equal(try_create(p, "b.txt", NULL, 0, &again, &err), 0);
	loop_until(p->rig->loop, &again.is_done);
	wait_for_bytes(p, CUT);
	move(p, id, QUEUE_CANCEL);
	wait_for(p, str_from(again.id), JOB_COMPLETED);
	/* The first has ended: the same may be asked for again. */
	assert_int_equal(try_create(p, "a.gguf", NULL, 0, &again, &err), 0);
	loop_until(p->rig->loop, &again.is_done);
	wait_for(p, str_from(again.id), JOB_COMPLETED);
	assert_file(p, 0);
}

#define OTHER_COMMIT "2222222222222222222222222222222222222222"

static void another_pinned_commit_is_another_download(void **state)
{
	static const struct {
		const char *first; /* NULL: not pinned, and the Hub has not said yet */
		const char *second;
		int result;
	} rows[] = {
		{ RIG_COMMIT, RIG_COMMIT, -1 },  { RIG_COMMIT, OTHER_COMMIT, 0 },
		{ OTHER_COMMIT, RIG_COMMIT, 0 }, { RIG_COMMIT, NULL, -1 },
		{ NULL, RIG_COMMIT, -1 },        { NULL, NULL, -1 },
	};
	struct place *p = *state;

	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = "/api/models/" RIG_REPO "/revision/",
					     .status = "200 OK",
					     .body = S("{}"),
					     .is_held = true,
					     .cut = 1 });
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct answer first;
		struct answer second;
		struct error err;

		assert_int_equal(try_create(p, NULL, rows[i].first, 0, &first, &err), 0);
		loop_until(p->rig->loop, &first.is_done);
		assert_int_equal(try_create(p, NULL, rows[i].second, 0, &second, &err),
				 rows[i].result);
		if (rows[i].result == 0) {
			loop_until(p->rig->loop, &second.is_done);
			move(p, str_from(second.id), QUEUE_CANCEL);
		} else {
			assert_int_equal(err.code, ERR_DUPLICATE);
		}
		move(p, str_from(first.id), QUEUE_CANCEL);
	}
}

static void a_commit_that_the_hub_named_counts_as_one_that_was_pinned(void **state)
{
	struct place *p = *state;
	struct answer first;
	struct answer other;
	struct error err;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, "a.gguf", 0, &first);
	wait_for_bytes(p, CUT);
	assert_string_equal(queue_find(p->queue, id)->commit, RIG_COMMIT);
	assert_int_equal(try_create(p, "a.gguf", RIG_COMMIT, 0, &other, &err), -1);
	assert_int_equal(err.code, ERR_DUPLICATE);
	assert_int_equal(try_create(p, "a.gguf", OTHER_COMMIT, 0, &other, &err), 0);
	loop_until(p->rig->loop, &other.is_done);
	assert_int_equal(other.code, ERR_NONE);
}

/* Where in the log a state of the job first is. */
static size_t place_of(const struct place *p, struct str id, enum job_state state)
{
	size_t i = 0;

	while (i < p->n_changes &&
	       (p->changes[i].state != state || !str_is_equal(id, str_from(p->changes[i].id))))
		i++;
	return i;
}

static void the_higher_priority_is_served_first(void **state)
{
	struct place *p = *state;
	struct answer answers[4];
	struct answer patched = { .is_done = false };
	struct str running;
	struct str low;
	struct str high;
	struct str raised;
	struct job *const *jobs;
	struct error err;
	size_t n = 0;

	serve_held(p, 1);
	serve(p);
	running = create(p, "a.gguf", 0, &answers[0]);
	wait_for_bytes(p, CUT);
	low = create(p, "b.txt", -1, &answers[1]);
	high = create(p, "c.txt", 5, &answers[2]);
	raised = create(p, "empty", -9, &answers[3]);
	assert_int_equal(queue_set_priority(p->queue, raised, 9, on_answer, &patched, &err), 0);
	loop_until(p->rig->loop, &patched.is_done);
	while (!queue_find(p->queue, low)->is_planned ||
	       !queue_find(p->queue, high)->is_planned ||
	       !queue_find(p->queue, raised)->is_planned)
		turn_once(p);
	jobs = queue_jobs(p->queue, &n);
	assert_int_equal(n, 4);
	assert_string_equal(jobs[0]->id, answers[3].id);
	assert_string_equal(jobs[3]->id, answers[1].id);
	move(p, running, QUEUE_CANCEL);
	wait_for(p, low, JOB_COMPLETED);
	assert_true(place_of(p, raised, JOB_COMPLETED) < place_of(p, high, JOB_DOWNLOADING));
	assert_true(place_of(p, high, JOB_COMPLETED) < place_of(p, low, JOB_DOWNLOADING));
}

static void two_jobs_of_one_folder_never_run_together(void **state)
{
	struct place *p = *state;
	struct answer first;
	struct answer second;
	struct str a;
	struct str b;

	p->limits = (struct queue_limits){ .downloads = 4, .files_at_once = 1 };
	begin_anew(p);
	serve_held(p, 1);
	serve(p);
	a = create(p, "a.gguf", 0, &first);
	wait_for_bytes(p, CUT);
	b = create(p, "b.txt", 9, &second);
	while (!queue_find(p->queue, b)->is_planned)
		turn_once(p);
	for (int i = 0; i < 5; i++)
		turn_once(p);
	assert_int_equal(queue_find(p->queue, b)->state, JOB_QUEUED);
	move(p, a, QUEUE_PAUSE);
	wait_for(p, b, JOB_COMPLETED);
	assert_true(place_of(p, a, JOB_PAUSED) < place_of(p, b, JOB_DOWNLOADING));
}

static void a_job_survives_the_daemon_and_goes_on(void **state)
{
	struct place *p = *state;
	struct answerer_seen seen;
	struct answer answer;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, "a.gguf", 3, &answer);
	wait_for_bytes(p, CUT);
	begin_anew(p);
	p->n_changes = 0;
	assert_int_equal(queue_find(p->queue, id)->priority, 3);
	assert_int_equal(queue_find(p->queue, id)->bytes_done, CUT);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "a.gguf"), &seen),
			 2);
	assert_true(str_has_prefix(str_from(seen.range), S("bytes=153600-")));
}

static void moves_that_are_not_legal_change_nothing(void **state)
{
	static const struct {
		enum job_state state;
		enum queue_move move;
	} rows[] = {
		{ JOB_COMPLETED, QUEUE_PAUSE },    { JOB_COMPLETED, QUEUE_RESUME },
		{ JOB_COMPLETED, QUEUE_CANCEL },   { JOB_COMPLETED, QUEUE_RETRY },
		{ JOB_DOWNLOADING, QUEUE_RESUME }, { JOB_DOWNLOADING, QUEUE_RETRY },
	};
	struct place *p = *state;
	struct answer done;
	struct answer running;
	struct error err;
	struct str completed;
	struct str active;

	serve_held(p, 1);
	serve(p);
	completed = create(p, "b.txt", 0, &done);
	wait_for(p, completed, JOB_COMPLETED);
	active = create(p, "a.gguf", 0, &running);
	wait_for_bytes(p, CUT);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str id = rows[i].state == JOB_COMPLETED ? completed : active;

		assert_int_equal(queue_move(p->queue, id, rows[i].move, on_answer, NULL, &err),
				 -1);
		assert_int_equal(err.code, ERR_ILLEGAL_STATE);
		assert_int_equal(queue_find(p->queue, id)->state, rows[i].state);
	}
	assert_int_equal(queue_forget(p->queue, active, on_answer, NULL, &err), -1);
	assert_int_equal(err.code, ERR_ILLEGAL_STATE);
	assert_int_equal(queue_set_priority(p->queue, completed, 1, on_answer, NULL, &err), -1);
	assert_int_equal(err.code, ERR_ILLEGAL_STATE);
	assert_int_equal(queue_move(p->queue, S("nobody"), QUEUE_PAUSE, on_answer, NULL, &err),
			 -1);
	assert_int_equal(err.code, ERR_UNKNOWN_DOWNLOAD);
	assert_null(queue_find(p->queue, S("nobody")));
}

static void a_forgotten_job_is_gone_for_good_and_its_files_stay(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct answer forgotten = { .is_done = false };
	struct error err;
	size_t n = 9;
	struct str id;

	serve(p);
	id = create(p, "b.txt", 0, &answer);
	wait_for(p, id, JOB_COMPLETED);
	loop_turn(p->rig->loop);
	assert_int_equal(queue_forget(p->queue, id, on_answer, &forgotten, &err), 0);
	assert_non_null(queue_find(p->queue, id)); /* until the store has forgotten it */
	assert_int_equal(queue_forget(p->queue, id, on_answer, &forgotten, &err), -1);
	assert_int_equal(err.code, ERR_UNKNOWN_DOWNLOAD);
	loop_until(p->rig->loop, &forgotten.is_done);
	assert_int_equal(forgotten.code, ERR_NONE);
	assert_int_equal(p->n_removed, 1);
	assert_null(queue_find(p->queue, id));
	begin_anew(p);
	(void)queue_jobs(p->queue, &n);
	assert_int_equal(n, 0);
	assert_file(p, 1);
}

static void a_pause_while_the_hub_is_asked_stays_a_pause(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = "/api/models/" RIG_REPO "/revision/",
					     .status = "200 OK",
					     .body = S("{}"),
					     .times = 1,
					     .is_held = true,
					     .cut = 1 });
	serve(p);
	id = create(p, "b.txt", 0, &answer);
	wait_for(p, id, JOB_RESOLVING);
	move(p, id, QUEUE_PAUSE);
	loop_turn(p->rig->loop);
	assert_int_equal(queue_find(p->queue, id)->state, JOB_PAUSED);
	move(p, id, QUEUE_RESUME);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 1);
}

static void a_move_is_known_to_others_only_when_it_is_committed(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct answer paused = { .is_done = false };
	enum job_state now = JOB_STATE_COUNT;
	struct error err;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, "a.gguf", 0, &answer);
	wait_for_bytes(p, CUT);
	assert_int_equal(queue_move(p->queue, id, QUEUE_PAUSE, on_answer, &paused, &err), 0);
	assert_int_equal(queue_find(p->queue, id)->state, JOB_DOWNLOADING);
	assert_int_equal(queue_get_state(p->queue, id, &now), 0);
	assert_int_equal(now, JOB_PAUSED);
	loop_until(p->rig->loop, &paused.is_done);
	assert_int_equal(queue_find(p->queue, id)->state, JOB_PAUSED);
}

static void hold(struct place *p, enum error_code code, int64_t until_ms)
{
	struct error why;

	(void)error_set(&why, code, "held by the test");
	queue_hold(p->queue, &why, until_ms);
}

static size_t count_requests(struct place *p, const char *target)
{
	return answerer_count(p->rig->server, target, NULL);
}

/* Until the job waits for that, and it is committed. */
static void wait_for_reason(struct place *p, struct str id, enum error_code code)
{
	(void)alarm(LOOPING_ALARM_S);
	while (queue_find(p->queue, id)->state != JOB_WAITING || reason(p, id) != code)
		turn_once(p);
	(void)alarm(0);
}

static void a_hold_stops_what_runs_and_its_end_lets_it_go_on(void **state)
{
	struct place *p = *state;
	struct answerer_seen seen;
	struct answer answer;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, "a.gguf", 0, &answer);
	wait_for_bytes(p, CUT);
	hold(p, ERR_SCHEDULE, 4102444800000);
	wait_for_reason(p, id, ERR_SCHEDULE);
	assert_int_equal(queue_find(p->queue, id)->reason.retry_at_ms, 4102444800000);
	assert_string_equal(queue_find(p->queue, id)->reason.message, "held by the test");
	assert_int_equal(queue_find(p->queue, id)->attempts, 0);
	p->n_changes = 0;
	queue_hold(p->queue, NULL, 0);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
	assert_int_equal(answerer_count(p->rig->server, rig_target(p->rig, "a.gguf"), &seen),
			 2);
	assert_true(str_has_prefix(str_from(seen.range), S("bytes=153600-")));
}

static void while_held_nothing_begins(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve(p);
	hold(p, ERR_PAUSED_ALL, 0);
	id = create(p, "b.txt", 0, &answer);
	loop_turn(p->rig->loop);
	assert_int_equal(queue_find(p->queue, id)->state, JOB_QUEUED);
	assert_int_equal(count_requests(p, "/api/models/" RIG_REPO "/revision/"), 0);
	queue_hold(p->queue, NULL, 0);
	wait_for(p, id, JOB_COMPLETED);
}

static void a_plan_being_made_waits_for_the_end_of_a_hold(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = "/api/models/" RIG_REPO "/revision/",
					     .status = "200 OK",
					     .body = S("{}"),
					     .times = 1,
					     .is_held = true,
					     .cut = 1 });
	serve(p);
	id = create(p, "b.txt", 0, &answer);
	wait_for(p, id, JOB_RESOLVING);
	hold(p, ERR_PAUSED_ALL, 0);
	wait_for_reason(p, id, ERR_PAUSED_ALL);
	queue_hold(p->queue, NULL, 0);
	wait_for(p, id, JOB_COMPLETED);
}

static void who_waits_for_a_hold_is_told_of_another_one(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, "a.gguf", 0, &answer);
	wait_for_bytes(p, CUT);
	hold(p, ERR_SCHEDULE, 5000);
	wait_for_reason(p, id, ERR_SCHEDULE);
	hold(p, ERR_PAUSED_ALL, 0);
	wait_for_reason(p, id, ERR_PAUSED_ALL);
	assert_int_equal(queue_find(p->queue, id)->reason.retry_at_ms, 0);
	/* A person's pause outlasts the hold. */
	move(p, id, QUEUE_PAUSE);
	queue_hold(p->queue, NULL, 0);
	loop_turn(p->rig->loop);
	assert_int_equal(queue_find(p->queue, id)->state, JOB_PAUSED);
}

static void a_hold_and_its_end_count_also_after_the_daemons_end(void **state)
{
	struct place *p = *state;
	struct answer answer;
	struct str id;

	serve_held(p, 1);
	serve(p);
	id = create(p, "a.gguf", 0, &answer);
	wait_for_bytes(p, CUT);
	hold(p, ERR_SCHEDULE, 5000);
	wait_for_reason(p, id, ERR_SCHEDULE);
	end(p);
	queue_free(&p->queue);
	p->n_changes = 0;
	(void)error_set(&p->hold, ERR_PAUSED_ALL, "held at the start");
	begin(p);
	wait_for_reason(p, id, ERR_PAUSED_ALL);
	end(p);
	queue_free(&p->queue);
	p->n_changes = 0;
	p->hold = (struct error){ .code = ERR_NONE };
	begin(p);
	wait_for(p, id, JOB_COMPLETED);
	assert_file(p, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_download_ends_with_every_file_proven),
		TEST(a_pause_keeps_the_bytes_and_a_resume_goes_on_from_them),
		TEST(a_cancel_removes_partials_and_never_a_proven_file),
		TEST(a_wrong_digest_is_fetched_once_more),
		TEST(a_digest_wrong_twice_fails_and_the_name_is_never_given),
		TEST(a_passing_fault_is_tried_again_from_where_it_broke),
		TEST(a_server_that_ignores_the_range_is_begun_again_with),
		TEST(a_gated_model_fails_with_the_page_and_a_retry_fetches_it),
		TEST(a_rate_limit_makes_a_job_wait_for_the_stated_time),
		TEST(what_the_hub_does_not_have_fails_the_job),
		TEST(a_hostile_name_fails_the_job_before_a_byte_is_written),
		TEST(a_file_that_is_there_is_proven_and_not_fetched),
		TEST(a_file_with_other_content_goes_to_the_trash),
		TEST(the_same_download_is_not_queued_twice),
		TEST(another_pinned_commit_is_another_download),
		TEST(a_commit_that_the_hub_named_counts_as_one_that_was_pinned),
		TEST(the_higher_priority_is_served_first),
		TEST(two_jobs_of_one_folder_never_run_together),
		TEST(a_job_survives_the_daemon_and_goes_on),
		TEST(moves_that_are_not_legal_change_nothing),
		TEST(a_forgotten_job_is_gone_for_good_and_its_files_stay),
		TEST(a_pause_while_the_hub_is_asked_stays_a_pause),
		TEST(a_move_is_known_to_others_only_when_it_is_committed),
		TEST(a_hold_stops_what_runs_and_its_end_lets_it_go_on),
		TEST(while_held_nothing_begins),
		TEST(a_plan_being_made_waits_for_the_end_of_a_hold),
		TEST(who_waits_for_a_hold_is_told_of_another_one),
		TEST(a_hold_and_its_end_count_also_after_the_daemons_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
