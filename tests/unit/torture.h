/*
 * A whole job over a faulty disk (faulty_disk.h), and what must be true of it: in the files and
 * the database at rest, in each record when it is made, in each rename before it is. What is
 * not true is told with faulty_complain().
 *
 * Of the six files two replace one of the user's, one is there already, and one has the content
 * of another, from which it is taken. The first two answers for the big one stop in the middle;
 * a pause and a resume go on from there. Time runs fast, so that the sync that falls due every
 * half second is part of each job.
 *
 * For one test program; include it once.
 */
#ifndef TESTS_UNIT_TORTURE_H
#define TESTS_UNIT_TORTURE_H

#include <dirent.h>
#include <fcntl.h>

#include "downloader/localdir.h"
#include "downloader/queue.h"
#include "tests/unit/faulty_disk.h"
#include "tests/unit/rig.h"

enum {
	N_FILES = 6,
	THERE = 4, /* in the files: what the user has already */
	BIG = 30011,
	CUT = 9001, /* of the big file come by the first answer, and by the second */
	MORE = 500, /* and then, when it is asked for */
	N_HELD = 2, /* answers that stop in the middle */
	HASTE = 50, /* times as fast as the clock on the wall */
};

#define FOLDER "models/" RIG_REPO "/"
#define JUNK   "~~~~~~~~~~~~~~~" /* what a power cut makes of there.txt */

/* In the order of the plan, which is that of the names. */
static struct torture_file {
	struct rig_file hub;
	struct str mine; /* what the user has under the name; p is NULL: nothing */
} files[N_FILES] = {
	{ .hub = { .path = "a/b/big.gguf", .is_lfs = true } },
	{ .hub = { .path = "empty", .content = { "", 0 } } },
	{ .hub = { "model.gguf", { "the model", 9 }, true },
	  .mine = { "my own, of another size", 23 } },
	{ .hub = { "sub/deep/notes.txt", { "from the Hub", 12 }, false },
	  .mine = { "my own words", 12 } },
	{ .hub = { "there.txt", { "was here before", 15 }, false },
	  .mine = { "was here before", 15 } },
	{ .hub = { "twin.gguf", { "the model", 9 }, true } },
};

static char big[BIG];

static inline void torture_setup(void)
{
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)('a' + i % 23);
	files[0].hub.content = (struct str){ big, BIG };
}

struct place {
	struct rig *rig;
	struct space *space;
	struct queue *queue;
	struct queue_limits limits;
	/* Each new folder is synced before it is used by whoever made it. Another file's
	 * landing may be faster than that sync, and so may the next larderd after a death. */
	bool are_folders_ours;
	char id[DOWNLOAD_ID_LEN + 1];
	bool is_created;
	bool is_moved;
	bool is_stopped;
	enum error_code answer;
	unsigned n_thrown_away;
	unsigned n_slow;  /* syncs, written by their thread */
	size_t n_resumed; /* held answers that were ended by a pause */
};

static struct place *place; /* for the wrappers */

/* --- time that runs fast --------------------------------------------------------------------
 */

uint64_t __real_clock_steady_ms(void);
uint64_t __wrap_clock_steady_ms(void);
void __real_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);
void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);

uint64_t __wrap_clock_steady_ms(void)
{
	return __real_clock_steady_ms() * HASTE;
}

void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms)
{
	__real_loop_timer_arm(timer, delay_ms / HASTE);
}

/* Blocks are not shared, whatever the disk beneath could do. */
bool __wrap_file_clone(int to, int from);

bool __wrap_file_clone(int to, int from)
{
	(void)to;
	(void)from;
	return false;
}

/* --- what is on the disk --------------------------------------------------------------------
 */

static inline char *file_path(const struct place *p, size_t i)
{
	AUTO_CSTR name = mem_printf(FOLDER "%s", files[i].hub.path);

	return tempdir_path(&p->rig->dir, name);
}

/* With `is_copy`, the copy's. */
static inline char *begun_path(const struct place *p, size_t i, bool is_copy)
{
	struct localdir_names names;
	char hex[HUB_DIGEST_MAX + 1];
	AUTO_CSTR name = NULL;

	rig_digest(&files[i].hub, hex);
	localdir_names_init(&names, RIG_REPO, files[i].hub.path, hex, p->id);
	name = mem_printf("models/%s", is_copy ? names.copy : names.partial);
	localdir_names_clear(&names);
	return tempdir_path(&p->rig->dir, name);
}

static inline char *partial_path(const struct place *p, size_t i)
{
	return begun_path(p, i, false);
}

/* Is there a file of just this content? Its size is what the disk says, so that no NUL hides
 * anything. */
static inline bool holds(const char *path, struct str content)
{
	char bytes[BIG + 1];
	FILE *file = fopen(path, "re");
	size_t n;

	if (file == NULL)
		return false;
	n = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	return str_is_equal((struct str){ bytes, n }, content);
}

static inline bool is_in_trash(const struct place *p, size_t i)
{
	AUTO_CSTR trash = tempdir_path(&p->rig->dir, "models/.larder/trash");
	DIR *dir = opendir(trash);
	const struct dirent *entry;
	bool found = false;

	while (!found && dir != NULL && (entry = readdir(dir)) != NULL) {
		AUTO_CSTR path = mem_printf("%s/%s/" RIG_REPO "/%s", trash, entry->d_name,
					    files[i].hub.path);

		found = holds(path, files[i].mine);
	}
	if (dir != NULL)
		(void)closedir(dir);
	return found;
}

/* --- what must be true ----------------------------------------------------------------------
 */

/* A final name: the user's file or the Hub's, and the user's is somewhere. */
static inline void check_name(const struct place *p, size_t i)
{
	AUTO_CSTR path = file_path(p, i);
	bool is_mine = files[i].mine.p != NULL && holds(path, files[i].mine);
	bool is_proven = holds(path, files[i].hub.content);

	if (!is_mine && !is_proven && access(path, F_OK) == 0)
		faulty_complain("neither the user's bytes nor the Hub's", path);
	if (!is_mine && files[i].mine.p != NULL && !is_in_trash(p, i))
		faulty_complain("the user's file is lost", path);
}

/* Metadata vouches for nothing else than the Hub's content. */
static inline void check_metadata(const struct place *p, size_t i)
{
	AUTO_CSTR name =
		mem_printf(FOLDER ".cache/huggingface/download/%s.metadata", files[i].hub.path);
	AUTO_CSTR text = tempdir_read(&p->rig->dir, name);
	AUTO_CSTR path = file_path(p, i);
	char hex[HUB_DIGEST_MAX + 1];

	rig_digest(&files[i].hub, hex);
	if (text != NULL && strstr(text, hex) != NULL && !holds(path, files[i].hub.content))
		faulty_complain("the metadata vouches for other bytes", path);
}

/* What is recorded of a file, at the moment it is, and later. */
static inline void check_record(const struct place *p, size_t i, enum file_state state,
				uint64_t bytes_done)
{
	AUTO_CSTR path = file_path(p, i);
	AUTO_CSTR partial = partial_path(p, i);
	struct str begun = str_sub(files[i].hub.content, 0, (size_t)bytes_done);
	AUTO_CSTR text = NULL;

	if (state == FILE_DONE) {
		if (bytes_done != files[i].hub.content.n || !holds(path, files[i].hub.content))
			faulty_complain("recorded as done, but is not", path);
		if (!faulty_was_synced(path) || !faulty_is_name_kept(path, p->are_folders_ours))
			faulty_complain("recorded as done before it was synced", path);
	} else if (bytes_done > faulty_prefix(partial, false) &&
		   !holds(path, files[i].hub.content)) {
		faulty_complain("recorded bytes that were not synced", partial);
	} else if (bytes_done > 0 && access(partial, F_OK) == 0) {
		AUTO_FD fd = open(partial, O_RDONLY | O_CLOEXEC);

		text = mem_alloc(BIG);
		if (pread(fd, text, begun.n, 0) != (ssize_t)begun.n ||
		    memcmp(text, begun.p, begun.n) != 0)
			faulty_complain("recorded bytes are not the Hub's", partial);
	}
}

/* On the worker that renames. */
static inline void check_rename(const char *from, const char *to)
{
	AUTO_CSTR folder = mem_printf("%.*s", (int)(strrchr(to, '/') - to), to);

	if (place->are_folders_ours && !faulty_is_name_kept(folder, true))
		faulty_complain("moved to a folder that may be gone after a power cut", to);
	for (size_t i = 0; i < N_FILES; i++) {
		AUTO_CSTR path = file_path(place, i);
		struct str content = files[i].hub.content;

		if (strcmp(from, path) == 0 && strstr(to, "/.larder/trash/") == NULL)
			faulty_complain("moved, but not to the trash", from);
		if (strcmp(to, path) != 0 ||
		    (files[i].mine.p != NULL && holds(from, files[i].mine)))
			continue;
		if (!holds(from, content))
			faulty_complain("unproven bytes get the name", to);
		if (faulty_prefix(from, false) < content.n || !faulty_was_synced(from))
			faulty_complain("bytes that are not synced get the name", to);
	}
}

void __real_store_put_file(struct store *store, const char *job_id, size_t index,
			   enum file_state state, uint64_t bytes_done, store_done_fn done,
			   void *ctx);
void __wrap_store_put_file(struct store *store, const char *job_id, size_t index,
			   enum file_state state, uint64_t bytes_done, store_done_fn done,
			   void *ctx);

void __wrap_store_put_file(struct store *store, const char *job_id, size_t index,
			   enum file_state state, uint64_t bytes_done, store_done_fn done,
			   void *ctx)
{
	check_record(place, index, state, bytes_done);
	__real_store_put_file(store, job_id, index, state, bytes_done, done, ctx);
}

void __real_store_put_extents(struct store *store, const char *job_id, size_t index,
			      const struct extent *extents, size_t n, uint64_t bytes_done,
			      store_done_fn done, void *ctx);
void __wrap_store_put_extents(struct store *store, const char *job_id, size_t index,
			      const struct extent *extents, size_t n, uint64_t bytes_done,
			      store_done_fn done, void *ctx);

/* The files are small: each is one piece, and what is here of it is here from its beginning. */
void __wrap_store_put_extents(struct store *store, const char *job_id, size_t index,
			      const struct extent *extents, size_t n, uint64_t bytes_done,
			      store_done_fn done, void *ctx)
{
	check_record(place, index, FILE_DOWNLOADING, bytes_done);
	__real_store_put_extents(store, job_id, index, extents, n, bytes_done, done, ctx);
}

/* --- the place ------------------------------------------------------------------------------
 */

static inline void on_changed(void *ctx, const struct job *job)
{
	(void)ctx;
	(void)job;
}

static inline void on_removed(void *ctx, const char *id)
{
	(void)ctx;
	(void)id;
}

static inline void on_progress(void *ctx, struct job *const *jobs, size_t n)
{
	(void)ctx;
	(void)jobs;
	(void)n;
}

static inline void on_notice(void *ctx, const char *level, const char *code,
			     const char *message, const char *id)
{
	struct place *p = ctx;

	(void)level;
	(void)message;
	(void)id;
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

	queue_disk_changed(p->queue);
}

static inline void begin(struct place *p)
{
	AUTO_CSTR models = tempdir_path(&p->rig->dir, "models");
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
	struct job *const *jobs;
	size_t n = 0;

	p->space = space_new(p->rig->loop, p->rig->pool, p->rig->root, models, on_space, p);
	p->queue = queue_new(&env, p->rig->planner, p->space, &p->limits, &hooks, &err);
	if (p->queue == NULL)
		abort();
	jobs = queue_jobs(p->queue, &n);
	if (n > 0)
		memcpy(p->id, jobs[0]->id, sizeof(p->id));
	p->is_created = n > 0;
	queue_start(p->queue);
}

static inline void end(struct place *p)
{
	p->is_stopped = false;
	queue_stop(p->queue);
	loop_until(p->rig->loop, &p->is_stopped);
	loop_turn(p->rig->loop);
	queue_free(&p->queue);
	space_free(&p->space);
}

static inline void serve_held(struct place *p, const char *path)
{
	for (size_t i = 0; i < N_HELD; i++)
		answerer_add(p->rig->server,
			     (struct answerer_rule){ .target = rig_target(p->rig, path),
						     .status = "200 OK",
						     .body = files[0].hub.content,
						     .times = 1,
						     .is_ranged = true,
						     .is_held = true,
						     .cut = CUT });
}

/* larderd begins in the folder; with `n_held` the big file's first answers stop in the middle.
 */
static inline struct place *place_begin(const struct tempdir *dir, size_t files_at_once,
					bool is_held)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct rig_file served[N_FILES];

	if (rig_make_in((void **)&p->rig, dir) < 0)
		abort();
	log_init("unit", LOG_FORMAT_JSON, LOG_LEVEL_ERROR);
	for (size_t i = 0; i < N_FILES; i++)
		served[i] = files[i].hub;
	p->limits = (struct queue_limits){ .downloads = 1, .files_at_once = files_at_once };
	p->are_folders_ours = is_held && files_at_once == 1;
	p->n_resumed = is_held ? 0 : N_HELD;
	place = p;
	if (is_held)
		serve_held(p, files[0].hub.path);
	rig_serve(p->rig, served, N_FILES);
	begin(p);
	return p;
}

static inline void place_end(struct place *p)
{
	end(p);
	rig_leave(p->rig);
	place = NULL;
	free(p);
}

/* A models directory in which the user has put files, none of them synced. */
static inline void user_begin(struct tempdir *dir)
{
	static const char *const folders[] = { "models", "models/acme", "models/acme/tiny",
					       "models/acme/tiny/sub",
					       "models/acme/tiny/sub/deep" };

	tempdir_make(dir);
	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		AUTO_CSTR path = tempdir_path(dir, folders[i]);

		if (mkdir(path, 0755) < 0)
			abort();
	}
	faulty_reset();
	for (size_t i = 0; i < N_FILES; i++) {
		AUTO_CSTR name = mem_printf(FOLDER "%s", files[i].hub.path);

		if (files[i].mine.p != NULL)
			tempdir_write(dir, name, files[i].mine);
	}
}

/* --- the job --------------------------------------------------------------------------------
 */

static inline void on_created(void *ctx, const struct job *job, const struct error *err)
{
	struct place *p = ctx;

	p->is_moved = true;
	p->is_created = job != NULL;
	p->answer = err != NULL ? err->code : ERR_NONE;
	if (job != NULL)
		memcpy(p->id, job->id, sizeof(p->id));
}

static inline void on_moved(void *ctx, const struct job *job, const struct error *err)
{
	struct place *p = ctx;

	(void)job;
	(void)err;
	p->is_moved = true;
}

static inline void create(struct place *p)
{
	struct choice choice = { .type = REPO_MODEL,
				 .repo = mem_strdup(RIG_REPO),
				 .revision = mem_strdup("main") };
	const struct job *duplicate = NULL;
	struct error err;

	p->is_moved = false;
	if (queue_create(p->queue, &choice, 0, on_created, p, &duplicate, &err) < 0)
		abort();
	choice_clear(&choice);
	loop_until(p->rig->loop, &p->is_moved);
}

static inline const struct job *the_job(const struct place *p)
{
	return queue_find(p->queue, str_from(p->id));
}

static inline void move(struct place *p, enum queue_move wanted)
{
	struct error err;

	p->is_moved = false;
	if (queue_move(p->queue, str_from(p->id), wanted, on_moved, p, &err) < 0)
		abort();
	loop_until(p->rig->loop, &p->is_moved);
}

static inline bool is_running(const struct place *p)
{
	return queue_plan(p->queue, str_from(p->id)) != NULL;
}

/* The job has ended, or waits: nothing of it is under way. */
static inline bool is_idle(const struct place *p)
{
	enum job_state state = the_job(p)->state;

	return !is_running(p) &&
	       (state == JOB_COMPLETED || state == JOB_FAILED || state == JOB_WAITING);
}

/* Has an answer for the big file stopped in the middle? For the first one it counts only when
 * what came is synced and recorded, for the second as soon as it is written. */
static inline bool is_held(const struct place *p)
{
	AUTO_CSTR target =
		mem_printf("/" RIG_REPO "/resolve/" RIG_COMMIT "/%s", files[0].hub.path);
	struct answerer_seen seen;
	size_t n = answerer_count(p->rig->server, target, &seen);
	const struct plan *plan = queue_plan(p->queue, str_from(p->id));
	AUTO_CSTR partial = NULL;
	unsigned long long first;

	if (n <= p->n_resumed || n > N_HELD || plan == NULL ||
	    sscanf(seen.range, "bytes=%llu-", &first) != 1)
		return false;
	partial = partial_path(p, 0);
	return n == 1 ? plan->files[0].bytes_done >= first + CUT
		      : faulty_prefix(partial, true) >= first + CUT;
}

static inline void turn_once(struct place *p)
{
	(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_ONCE);
}

static inline void run_until_idle(struct place *p)
{
	(void)alarm(LOOPING_ALARM_S);
	while (!is_idle(p)) {
		if (is_held(p)) {
			p->n_resumed++;
			move(p, QUEUE_PAUSE);
			(void)alarm(LOOPING_ALARM_S);
			while (is_running(p))
				turn_once(p);
			move(p, QUEUE_RESUME);
			(void)alarm(LOOPING_ALARM_S);
		}
		turn_once(p);
	}
	(void)alarm(0);
}

/* As after the daemon's end and its next beginning. */
static inline void restart(struct place *p)
{
	end(p);
	begin(p);
}

/* What was interrupted is asked for again. */
static inline void go_on(struct place *p)
{
	enum job_state state = the_job(p)->state;

	if (state == JOB_FAILED)
		move(p, QUEUE_RETRY);
	else if (state == JOB_WAITING || state == JOB_PAUSED)
		move(p, QUEUE_RESUME);
	run_until_idle(p);
}

static inline void on_plan(void *ctx, struct plan *take_plan, const struct error *err)
{
	struct place *p = ctx;

	if (err != NULL)
		abort();
	for (size_t i = 0; i < take_plan->n; i++)
		check_record(p, i, take_plan->files[i].state, take_plan->files[i].bytes_done);
	plan_free(&take_plan);
	p->is_moved = true;
}

/* The disk and the database, with nothing under way. */
static inline void check_all(struct place *p)
{
	for (size_t i = 0; i < N_FILES; i++) {
		check_name(p, i);
		check_metadata(p, i);
	}
	p->is_moved = false;
	store_get_plan(p->rig->store, p->id, on_plan, p);
	loop_until(p->rig->loop, &p->is_moved);
}

static inline void check_completed(struct place *p)
{
	const struct job *job = the_job(p);

	if (job->state != JOB_COMPLETED || job->files_done != N_FILES ||
	    job->bytes_done != job->bytes_total)
		faulty_complain("the download did not end well", job->reason.message);
	for (size_t i = 0; i < N_FILES; i++) {
		AUTO_CSTR path = file_path(p, i);
		AUTO_CSTR partial = partial_path(p, i);
		AUTO_CSTR copy = begun_path(p, i, true);

		if (!holds(path, files[i].hub.content))
			faulty_complain("completed, but this is not the Hub's file", path);
		if (access(partial, F_OK) == 0)
			faulty_complain("a partial file is left behind", partial);
		if (access(copy, F_OK) == 0)
			faulty_complain("a copy is left behind", copy);
	}
}

/* A job that did not end well says why, and the why is the one that was injected. */
static inline void check_honest(const struct place *p, int error)
{
	const struct job *job = the_job(p);
	enum error_code expected = error == ENOSPC ? ERR_DISK_FULL : ERR_DISK_ERROR;
	bool is_waiting = job->state == JOB_WAITING && job->reason.code == expected &&
			  job->reason.retry_at_ms > 0;

	if (job->state == JOB_COMPLETED)
		return;
	if (!is_waiting || strlen(job->reason.message) == 0)
		faulty_complain("the state is not honest", job->reason.message);
}

#endif
