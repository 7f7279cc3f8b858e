/*
 * A queue in a rig (tests/unit/rig.h), with a small repository, and the words in which the
 * queue's tests speak: test_queue*.c. place_make() and place_remove() are a test's setup and
 * teardown.
 */
#ifndef TESTS_UNIT_QUEUING_H
#define TESTS_UNIT_QUEUING_H

#include "downloader/queue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "downloader/localdir.h"
#include "tests/unit/rig.h"

enum {
	CHANGES_MAX = 512,
	BIG = 400 * 1024,
	CUT = 150 * 1024,
};

struct change {
	char id[DOWNLOAD_ID_LEN + 1];
	enum job_state state;
};

struct place {
	struct rig *rig;
	struct space *space;
	size_t n_looks;
	struct queue *queue;
	struct queue_limits limits;
	struct error hold;                  /* before the start */
	struct change changes[CHANGES_MAX]; /* committed ones, in order */
	size_t n_changes;
	size_t n_removed;
	size_t n_thrown_away;
	size_t n_replaced;
	bool is_stopped;
	uint64_t progress; /* the most durable bytes that were told of a running job */
	char *big;
	struct rig_file files[4];
};

/* --- hooks -----------------------------------------------------------------------------------
 */

static inline void on_changed(void *ctx, const struct job *job)
{
	struct place *p = ctx;
	struct change *change = &p->changes[p->n_changes];

	assert_true(p->n_changes < CHANGES_MAX - 1);
	memcpy(change->id, job->id, sizeof(change->id));
	change->state = job->state;
	p->n_changes++;
}

static inline void on_removed(void *ctx, const char *id)
{
	struct place *p = ctx;

	assert_int_equal(strlen(id), DOWNLOAD_ID_LEN);
	p->n_removed++;
}

static inline void on_progress(void *ctx, struct job *const *jobs, size_t n)
{
	struct place *p = ctx;

	for (size_t i = 0; i < n; i++) {
		if (jobs[i]->bytes_done > p->progress)
			p->progress = jobs[i]->bytes_done;
	}
}

static inline void on_notice(void *ctx, const char *level, const char *code,
			     const char *message, const char *id)
{
	struct place *p = ctx;

	(void)level;
	(void)id;
	assert_true(strlen(message) > 0);
	p->n_replaced += strcmp(code, "replaced") == 0 ? 1 : 0;
	p->n_thrown_away += strcmp(code, "thrown_away") == 0 ? 1 : 0;
}

static inline void on_stopped(void *ctx)
{
	struct place *p = ctx;

	p->is_stopped = true;
}

static inline void on_space(void *ctx)
{
	struct place *p = ctx;

	p->n_looks++;
	queue_disk_changed(p->queue);
}

/* --- begin and end ---------------------------------------------------------------------------
 */

static inline void begin(struct place *p)
{
	struct transfer_env env = { .loop = p->rig->loop,
				    .pool = p->rig->pool,
				    .hub = p->rig->hub,
				    .store = p->rig->store,
				    .budget = p->rig->budget,
				    .turns = p->rig->turns,
				    .feeds = p->rig->feeds,
				    .copy_least_bytes = RIG_COPY_LEAST_BYTES,
				    .models_root = p->rig->root };
	struct queue_hooks hooks = { .changed = on_changed,
				     .removed = on_removed,
				     .progress = on_progress,
				     .notice = on_notice,
				     .stopped = on_stopped,
				     .ctx = p };
	struct error err;

	p->queue = queue_new(&env, p->rig->planner, p->space, &p->limits, &hooks, &err);
	assert_non_null(p->queue);
	queue_disk_changed(p->queue);
	if (p->hold.code != ERR_NONE)
		queue_hold(p->queue, &p->hold, 0);
	queue_start(p->queue);
}

static inline void on_settled(void *ctx, const struct error *err)
{
	bool *is_settled = ctx;

	assert_null(err);
	*is_settled = true;
}

/* The daemon's end: nothing of the queue is under way after, not even in the store. */
static inline void end(struct place *p)
{
	bool is_settled = false;

	p->is_stopped = false;
	queue_stop(p->queue);
	loop_until(p->rig->loop, &p->is_stopped);
	store_check(p->rig->store, on_settled, &is_settled);
	loop_until(p->rig->loop, &is_settled);
}

static inline int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	AUTO_CSTR models = NULL;

	if (rig_make((void **)&p->rig) < 0)
		return -1;
	models = tempdir_path(&p->rig->dir, "models");
	p->space = space_new(p->rig->loop, p->rig->pool, p->rig->root, models, on_space, p);
	log_init("unit", LOG_FORMAT_JSON, LOG_LEVEL_ERROR);
	p->limits = (struct queue_limits){ .downloads = 1, .files_at_once = 1 };
	p->big = mem_alloc(BIG + 1);
	for (size_t i = 0; i < BIG; i++)
		p->big[i] = (char)('a' + i % 23);
	p->files[0] = (struct rig_file){ "a.gguf", { p->big, BIG }, true };
	p->files[1] = (struct rig_file){ "b.txt", { "hello", 5 }, false };
	p->files[2] = (struct rig_file){ "sub/c.txt", { "other", 5 }, false };
	p->files[3] = (struct rig_file){ "empty", { "", 0 }, false };
	begin(p);
	*state = p;
	return 0;
}

static inline int place_remove(void **state)
{
	struct place *p = *state;

	end(p);
	space_stop(p->space);
	rig_stop(p->rig);
	queue_free(&p->queue);
	space_free(&p->space);
	(void)rig_remove((void **)&p->rig);
	free(p->big);
	free(p);
	return 0;
}

/* --- asking and waiting ----------------------------------------------------------------------
 */

struct answer {
	bool is_done;
	char id[DOWNLOAD_ID_LEN + 1];
	enum job_state state;
	enum error_code code;
};

static inline void on_answer(void *ctx, const struct job *job, const struct error *err)
{
	struct answer *answer = ctx;

	answer->is_done = true;
	answer->code = err != NULL ? err->code : ERR_NONE;
	if (job != NULL) {
		memcpy(answer->id, job->id, sizeof(answer->id));
		answer->state = job->state;
	}
}

/* Asks for the files that `term` selects, of the commit if one is given. */
static inline int try_create(struct place *p, const char *term, const char *commit,
			     int priority, struct answer *answer, struct error *err)
{
	struct choice choice = { .type = REPO_MODEL,
				 .repo = mem_strdup(RIG_REPO),
				 .revision = mem_strdup("main") };
	const struct job *duplicate = NULL;
	AUTO_CSTR copy = mem_strdup(term);
	int result;

	*answer = (struct answer){ .is_done = false };
	if (term != NULL)
		terms_copy(&choice.select, &copy, 1);
	if (commit != NULL)
		memcpy(choice.commit, commit, sizeof(choice.commit));
	result = queue_create(p->queue, &choice, priority, on_answer, answer, &duplicate, err);
	assert_true((duplicate != NULL) == (result < 0 && err->code == ERR_DUPLICATE));
	choice_clear(&choice);
	return result;
}

/* Creates a job of the files that `term` selects, and waits for its answer. */
static inline struct str create(struct place *p, const char *term, int priority,
				struct answer *answer)
{
	struct error err;

	assert_int_equal(try_create(p, term, NULL, priority, answer, &err), 0);
	assert_false(answer->is_done);
	loop_until(p->rig->loop, &answer->is_done);
	assert_int_equal(answer->code, ERR_NONE);
	return str_from(answer->id);
}

static inline void move(struct place *p, struct str id, enum queue_move wanted)
{
	struct answer answer = { .is_done = false };
	struct error err;

	assert_int_equal(queue_move(p->queue, id, wanted, on_answer, &answer, &err), 0);
	loop_until(p->rig->loop, &answer.is_done);
	assert_int_equal(answer.code, ERR_NONE);
}

static inline bool has_been(const struct place *p, struct str id, enum job_state state,
			    size_t from)
{
	for (size_t i = from; i < p->n_changes; i++) {
		if (p->changes[i].state == state &&
		    str_is_equal(id, str_from(p->changes[i].id)))
			return true;
	}
	return false;
}

static inline void turn_once(struct place *p)
{
	(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_ONCE);
}

/* Until the job's state is committed; what has ended otherwise comes to no other state. */
static inline void wait_for(struct place *p, struct str id, enum job_state state)
{
	(void)alarm(LOOPING_ALARM_S);
	while (queue_find(p->queue, id)->state != state || !has_been(p, id, state, 0)) {
		assert_false(job_is_final(queue_find(p->queue, id)->state) &&
			     queue_find(p->queue, id)->state != state);
		turn_once(p);
	}
	(void)alarm(0);
}

static inline void wait_for_bytes(struct place *p, uint64_t bytes)
{
	(void)alarm(LOOPING_ALARM_S);
	while (p->progress < bytes)
		turn_once(p);
	(void)alarm(0);
}

/* As after a start of the daemon. */
static inline void begin_anew(struct place *p)
{
	end(p);
	queue_free(&p->queue);
	begin(p);
}

/* The first answer for the big file stops in the middle and stays so. */
static inline void serve_held(struct place *p, unsigned times)
{
	answerer_add(p->rig->server,
		     (struct answerer_rule){ .target = rig_target(p->rig, "a.gguf"),
					     .status = "200 OK",
					     .body = p->files[0].content,
					     .times = times,
					     .is_ranged = true,
					     .is_held = true,
					     .cut = CUT });
}

static inline void serve(struct place *p)
{
	rig_serve(p->rig, p->files, ARRAY_LEN(p->files));
}

static inline bool has(const struct place *p, const char *path)
{
	AUTO_CSTR name = mem_printf("models/%s", path);

	return tempdir_has(&p->rig->dir, name);
}

static inline void assert_file(const struct place *p, size_t which)
{
	const struct rig_file *file = &p->files[which];
	AUTO_CSTR name = mem_printf("models/" RIG_REPO "/%s", file->path);
	AUTO_CSTR metadata = mem_printf(
		"models/" RIG_REPO "/.cache/huggingface/download/%s.metadata", file->path);
	AUTO_CSTR text = tempdir_read(&p->rig->dir, name);

	assert_non_null(text);
	assert_true(str_is_equal(str_from(text), file->content));
	assert_true(tempdir_has(&p->rig->dir, metadata));
}

static inline bool has_partial(const struct place *p, struct str id, size_t which)
{
	struct localdir_names names;
	char hex[HUB_DIGEST_MAX + 1];
	AUTO_CSTR job_id = NULL;
	bool found;

	rig_digest(&p->files[which], hex);
	job_id = str_dup(id);
	localdir_names_init(&names, RIG_REPO, p->files[which].path, hex, job_id);
	found = has(p, names.partial);
	localdir_names_clear(&names);
	return found;
}

/* Until the disk has been looked at, from now on. */
static inline void look_at_disk(struct place *p)
{
	for (int i = 0; i < 2; i++) { /* one look may have begun before */
		size_t before = p->n_looks;

		space_look(p->space);
		(void)alarm(LOOPING_ALARM_S);
		while (p->n_looks == before)
			turn_once(p);
		(void)alarm(0);
	}
}

static inline enum error_code reason(const struct place *p, struct str id)
{
	return queue_find(p->queue, id)->reason.code;
}

#endif
