/*
 * For each source: make the copy (on a worker), fill it piece by piece if it does not share the
 * source's blocks, hash it behind. `outcome` says how the attempt ended, the first reason
 * counts; once nothing of it is under way (`pending`) the copy is removed, unless it is taken,
 * and then comes what follows from the outcome.
 */
#include "downloader/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "downloader/file.h"
#include "downloader/hasher.h"

enum {
	READ_SIZE = 256 * 1024,
};

enum outcome {
	OUTCOME_NONE,  /* it goes on */
	OUTCOME_TAKEN, /* the hash is equal */
	OUTCOME_WRONG, /* the source is not what it was, or cannot be read */
	OUTCOME_FAILED,
	OUTCOME_STOPPED,
};

struct copy {
	struct pool_task task; /* first; the worker's while one is under way */
	void (*act)(struct copy *copy);
	void (*then)(struct copy *copy);
	struct copy_plan plan;
	struct copy_hooks hooks;
	struct source sources[STORE_SOURCES_MAX];
	size_t n;
	size_t at; /* the source that is tried */

	int from;
	int to;
	enum localdir_way way;
	int64_t mtime_ns;     /* of the source, when it was opened */
	uint64_t filled;      /* bytes of the copy that are there; the worker's during a task */
	enum outcome found;   /* by the worker, */
	struct error trouble; /* and why */
	enum outcome outcome; /* of the attempt, */
	struct error error;   /* and why */
	struct hasher *hasher; /* while the attempt goes on */
	unsigned pending;      /* a command, a task, a hasher that is being stopped */
	bool is_over;          /* the last hook was called, or is about to be */
	void (*released)(void *ctx);
	void *released_ctx;
};

static void clean_up(struct copy *c);
static void try_source(struct copy *c);

/* --- the frame --- */

static void settle(struct copy *c)
{
	if (c->pending == 0 && c->outcome != OUTCOME_NONE)
		clean_up(c);
}

static void on_hasher_released(void *ctx)
{
	struct copy *c = ctx;

	c->pending--;
	settle(c);
}

static void end_attempt(struct copy *c, enum outcome outcome)
{
	if (c->outcome != OUTCOME_NONE)
		return;
	c->outcome = outcome;
	c->pending++;
	hasher_stop(&c->hasher, on_hasher_released, c);
}

static void run_task(struct pool_task *task)
{
	struct copy *c = (struct copy *)task;

	c->act(c);
}

static void task_done(struct pool_task *task)
{
	struct copy *c = (struct copy *)task;

	c->pending--;
	c->then(c);
}

static void start_task(struct copy *c, void (*act)(struct copy *), void (*then)(struct copy *))
{
	c->task.run = run_task;
	c->task.done = task_done;
	c->act = act;
	c->then = then;
	c->pending++;
	pool_submit(c->plan.pool, &c->task);
}

/* --- the end --- */

static void copy_free(struct copy *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->sources[i].path);
	fd_close(&c->from);
	fd_close(&c->to);
	free(c);
}

static void forget_source(struct copy *c)
{
	const struct source *source = &c->sources[c->at];

	log_info("%s is not taken from %s: %s", c->plan.names->final, source->path,
		 c->error.text);
	store_drop_source(c->plan.store, c->plan.file, source, NULL, NULL);
}

/* Nothing of the attempt is left. */
static void conclude(struct copy *c)
{
	enum outcome outcome = c->outcome;
	int fd = c->to;

	c->outcome = OUTCOME_NONE;
	if (c->released != NULL) {
		c->released(c->released_ctx);
		copy_free(c);
	} else if (outcome == OUTCOME_TAKEN) {
		c->is_over = true;
		c->to = -1;
		c->hooks.taken(c->hooks.ctx, fd, c->sources[c->at].path);
	} else if (outcome == OUTCOME_FAILED) {
		c->is_over = true;
		c->hooks.failed(c->hooks.ctx, &c->error);
	} else {
		forget_source(c);
		c->at++;
		try_source(c);
	}
}

/* The last hold on a file's blocks may be ours, and giving them back takes its time: so that is
 * done here. */
static void act_remove(struct copy *c)
{
	struct error err;

	if (localdir_drop_copy(c->plan.root, c->plan.names, &err) < 0)
		log_warning("%s: %s", c->plan.names->copy, err.text);
	fd_close(&c->from);
	fd_close(&c->to);
}

/* What is taken by someone who does not want it any more is removed too. */
static void clean_up(struct copy *c)
{
	bool is_taken = c->outcome == OUTCOME_TAKEN && c->released == NULL;

	if (c->to >= 0 && !is_taken)
		start_task(c, act_remove, conclude);
	else
		conclude(c);
}

/* --- an attempt --- */

/* False when the attempt has ended, meanwhile or by what the worker found. */
static bool goes_on(struct copy *c)
{
	if (c->outcome == OUTCOME_NONE && c->found == OUTCOME_NONE)
		return true;
	if (c->outcome == OUTCOME_NONE) {
		c->error = c->trouble;
		end_attempt(c, c->found);
	} else {
		settle(c);
	}
	return false;
}

/* Is the file that is open as `fd` as it is to be, and not changed since that time? */
static enum outcome look_at(struct copy *c, int fd, int64_t mtime_ns)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    (uint64_t)st.st_size == c->plan.file->size &&
	    (mtime_ns == 0 || mtime_ns == file_mtime_ns(&st))) {
		c->mtime_ns = file_mtime_ns(&st);
		return OUTCOME_NONE;
	}
	(void)error_set(&c->trouble, ERR_DISK_ERROR, "it was changed");
	return OUTCOME_WRONG;
}

static void act_look_again(struct copy *c)
{
	c->found = look_at(c, c->to, c->mtime_ns);
}

static void then_looked_again(struct copy *c)
{
	if (goes_on(c))
		end_attempt(c, OUTCOME_TAKEN);
}

static void on_hashed(void *ctx, uint64_t hashed)
{
	struct copy *c = ctx;

	c->hooks.hashed(c->hooks.ctx, hashed);
}

static void on_hash(void *ctx, const char *hex)
{
	struct copy *c = ctx;

	if (strcmp(hex, c->plan.file->digest) != 0) {
		(void)error_set(&c->error, ERR_HASH_MISMATCH, "its content has changed");
		end_attempt(c, OUTCOME_WRONG);
	} else if (c->way == LOCALDIR_LINKED) {
		/* It is not ours alone: somebody may have changed what was hashed already. */
		start_task(c, act_look_again, then_looked_again);
	} else {
		end_attempt(c, OUTCOME_TAKEN);
	}
}

/* What shares the source's blocks cannot be read where the source cannot. */
static void on_hash_failed(void *ctx, const struct error *err)
{
	struct copy *c = ctx;

	c->error = *err;
	end_attempt(c, c->way == LOCALDIR_EMPTY ? OUTCOME_FAILED : OUTCOME_WRONG);
}

/* Fills up to a piece of the copy. Read and written, and not by copy_file_range(2): that has
 * something to offer where blocks can be shared, and there they are shared already. */
static void act_fill(struct copy *c)
{
	AUTO_CSTR chunk = mem_bytes(READ_SIZE);
	uint64_t left = c->plan.file->size - c->filled;
	uint64_t first = c->filled;
	uint64_t end = first + (left < COPY_PIECE_BYTES ? left : COPY_PIECE_BYTES);

	while (c->filled < end) {
		uint64_t want = end - c->filled < READ_SIZE ? end - c->filled : READ_SIZE;
		ssize_t n = file_read_at(c->from, chunk, (size_t)want, c->filled, &c->trouble);

		if (n == 0)
			(void)error_set(&c->trouble, ERR_DISK_ERROR, "it became shorter");
		if (n <= 0) {
			c->found = OUTCOME_WRONG;
			return;
		}
		if (file_write_at(c->to, (struct str){ .p = chunk, .n = (size_t)n }, c->filled,
				  &c->trouble) < 0) {
			(void)error_prefix(&c->trouble, "%s", c->plan.file->path);
			c->found = OUTCOME_FAILED;
			return;
		}
		c->filled += (uint64_t)n;
	}
	file_start_writing(c->to, first, end - first);
}

static void then_filled(struct copy *c)
{
	uint64_t filled = c->filled; /* the worker's again in a moment */

	if (!goes_on(c))
		return;
	if (filled < c->plan.file->size)
		start_task(c, act_fill, then_filled);
	hasher_advance(c->hasher, filled);
}

/* What went wrong with opening the source is about the source, but for what is the system's. */
static enum outcome judge_open(const struct error *err)
{
	bool is_passing = err->sys == EMFILE || err->sys == ENFILE || err->sys == ENOMEM;

	return is_passing ? OUTCOME_FAILED : OUTCOME_WRONG;
}

static enum outcome open_source(struct copy *c)
{
	const struct source *source = &c->sources[c->at];

	c->from = file_open(c->plan.root, source->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0,
			    &c->trouble);
	if (c->from < 0)
		return judge_open(&c->trouble);
	return look_at(c, c->from, source->mtime_ns);
}

static void act_make(struct copy *c)
{
	c->found = open_source(c);
	if (c->found == OUTCOME_NONE) {
		c->to = localdir_make_copy(c->plan.root, c->plan.names, c->sources[c->at].path,
					   c->from, c->plan.file->size, &c->way, &c->trouble);
		if (c->to < 0)
			c->found = OUTCOME_FAILED;
	}
	if (c->found != OUTCOME_NONE)
		fd_close(&c->from);
}

static void then_made(struct copy *c)
{
	struct hasher_hooks hooks = {
		.progress = on_hashed,
		.finished = on_hash,
		.failed = on_hash_failed,
		.ctx = c,
	};
	const struct plan_file *file = c->plan.file;

	if (!goes_on(c))
		return;
	c->hasher = hasher_new(c->plan.pool, c->to, file->size, file->algorithm, NULL, &hooks);
	if (c->way == LOCALDIR_EMPTY)
		start_task(c, act_fill, then_filled);
	else
		hasher_advance(c->hasher, file->size);
}

static void try_source(struct copy *c)
{
	c->filled = 0;
	c->found = OUTCOME_NONE;
	if (c->at < c->n) {
		start_task(c, act_make, then_made);
		return;
	}
	c->is_over = true;
	c->hooks.absent(c->hooks.ctx);
}

/* --- begin and end --- */

static void on_sources(void *ctx, const struct source *sources, size_t n,
		       const struct error *err)
{
	struct copy *c = ctx;

	if (err != NULL)
		log_warning("%s: whether the library has it is not known: %s",
			    c->plan.names->final, err->text);
	for (size_t i = 0; i < n; i++) {
		c->sources[i] = sources[i];
		c->sources[i].path = mem_strdup(sources[i].path);
	}
	c->n = n;
	c->pending--;
	if (c->outcome != OUTCOME_NONE)
		settle(c);
	else
		try_source(c);
}

struct copy *copy_new(const struct copy_plan *plan, const struct copy_hooks *hooks)
{
	struct copy *c = mem_alloc(sizeof(*c));

	c->plan = *plan;
	c->hooks = *hooks;
	c->from = -1;
	c->to = -1;
	c->pending++;
	store_get_sources(plan->store, plan->file, on_sources, c);
	return c;
}

void copy_stop(struct copy **copy, void (*released)(void *ctx), void *ctx)
{
	struct copy *c = *copy;

	*copy = NULL;
	if (c == NULL || c->is_over) {
		if (c != NULL)
			copy_free(c);
		released(ctx);
		return;
	}
	c->released = released;
	c->released_ctx = ctx;
	end_attempt(c, OUTCOME_STOPPED);
}
