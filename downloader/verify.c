#include "downloader/verify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "downloader/digest.h"
#include "downloader/direct.h"
#include "downloader/file.h"
#include "downloader/localdir.h"
#include "downloader/rate.h"

enum {
	REST_LEAST_MS = 20, /* shorter rests are gathered */
	REST_MOST_MS = 60 * 1000,
};

struct verify {
	struct pool_task
		task; /* first; the worker's while is_busy, with all of the next part */
	struct plan_file *file;
	struct localdir_names names;
	struct direct *direct; /* NULL: not begun */
	struct digest *digest;
	struct stat before;
	uint64_t hashed;        /* of the file */
	uint64_t piece;         /* of the last piece */
	uint64_t piece_us;      /* that it took */
	enum file_state result; /* FILE_VERIFYING: there is more */
	char wanted[HUB_DIGEST_MAX + 1];
	char commit_of_file[COMMIT_LEN + 1];
	enum digest_algorithm algorithm;
	bool has_note;      /* that says so */
	int64_t begun_ms;   /* unix time when reading began */
	struct error error; /* why the result is what it is, or ERR_NONE */

	struct verify_env env; /* the loop's from here on */
	char *folder;
	char commit[COMMIT_LEN + 1];
	struct plan *plan;
	size_t at; /* the file under way */
	struct verify_hooks hooks;
	struct loop_timer *timer;
	struct rate rate;
	uint64_t owed_us; /* rest */
	bool is_busy;
	bool is_stopping;
	bool is_over;
	struct error why; /* of the end; ERR_NONE: all is done */
};

/* --- on a worker --- */

static bool is_gone(const struct error *err)
{
	return err->sys == ENOENT || err->sys == ENOTDIR;
}

/* It is not there, or not to be opened. */
static void judge_closed(struct verify *v)
{
	v->result = is_gone(&v->error) ? FILE_MISSING : FILE_UNKNOWN;
	if (v->result == FILE_MISSING)
		v->error.code = ERR_NONE;
}

/* It is there, and nobody knows of which content. */
static void look_at(struct verify *v)
{
	struct stat st;
	int found = file_stat(v->env.models_root, v->names.final, &st, &v->error);

	v->result = found == 0 ? FILE_MISSING : FILE_UNKNOWN;
	if (found >= 0)
		v->error.code = ERR_NONE;
}

/* What the file should be: its note says so now, whatever it said when the plan was made; else
 * the plan does. */
static void find_wanted(struct verify *v)
{
	struct localdir_note note;
	struct error ignored;

	memcpy(v->wanted, v->file->digest, sizeof(v->wanted));
	memcpy(v->commit_of_file, v->commit, sizeof(v->commit_of_file));
	v->algorithm = v->file->algorithm;
	v->has_note =
		localdir_read_note(v->env.models_root, v->names.metadata, &note, &ignored) == 1;
	if (!v->has_note)
		return;
	memcpy(v->wanted, note.digest, sizeof(v->wanted));
	memcpy(v->commit_of_file, note.commit, sizeof(v->commit_of_file));
	v->algorithm = digest_algorithm_of(note.digest);
}

/* Or has somebody written another meanwhile, with another file? */
static bool is_note_the_same(const struct verify *v)
{
	struct localdir_note note;
	struct error ignored;
	int found = localdir_read_note(v->env.models_root, v->names.metadata, &note, &ignored);

	return v->has_note ? found == 1 && strcmp(note.digest, v->wanted) == 0 : found != 1;
}

/* That it cannot be written (a folder of somebody else's, a disk that is full) is said, and
 * changes nothing of what was found. */
static void write_note(struct verify *v)
{
	int root = v->env.models_root;
	struct error err;
	int result;

	if (v->commit_of_file[0] == '\0')
		return; /* a note needs one */
	if (v->result == FILE_DONE)
		result = localdir_vouch(root, &v->names, v->commit_of_file, v->wanted,
					v->begun_ms, &err);
	else
		result = localdir_distrust(root, &v->names, v->commit_of_file, v->wanted, &err);
	if (result < 0 && v->error.code == ERR_NONE)
		v->error = err;
}

static void say_disturbed(struct verify *v)
{
	v->result = FILE_UNKNOWN;
	(void)error_set(&v->error, ERR_DISK_ERROR, "it was written to while it was read");
}

static void judge(struct verify *v)
{
	char hex[HUB_DIGEST_MAX + 1];
	int same = direct_is_same(v->direct, &v->before, &v->error);

	digest_hex(v->digest, hex);
	if (same < 0) {
		v->result = FILE_UNKNOWN;
	} else if (same == 0 || !is_note_the_same(v)) {
		say_disturbed(v);
	} else {
		v->result = strcmp(hex, v->wanted) == 0 ? FILE_DONE : FILE_CHANGED;
		write_note(v);
	}
}

/* The disk itself has lost it, or the way there has failed: only the first is the file's. */
static void judge_unreadable(struct verify *v)
{
	v->result = v->error.sys == EIO ? FILE_CHANGED : FILE_UNKNOWN;
	if (v->result == FILE_CHANGED && is_note_the_same(v))
		write_note(v);
}

static void read_piece(struct verify *v)
{
	struct str bytes;
	int more = 1;

	while (v->piece < VERIFY_PIECE &&
	       (more = direct_read(v->direct, &bytes, &v->error)) == 1) {
		digest_update(v->digest, bytes);
		v->piece += bytes.n;
	}
	v->hashed += v->piece;
	if (more < 0)
		judge_unreadable(v);
	else if (more == 0)
		judge(v);
}

static void begin_reading(struct verify *v)
{
	find_wanted(v);
	if (v->wanted[0] == '\0') {
		look_at(v);
		return;
	}
	v->begun_ms = clock_unix_ms();
	v->direct = direct_open(v->env.models_root, v->names.final, &v->before, &v->error);
	if (v->direct != NULL)
		v->digest = digest_new(v->algorithm, (uint64_t)v->before.st_size);
	else
		judge_closed(v);
}

static void run(struct pool_task *task)
{
	struct verify *v = (struct verify *)task;
	uint64_t begin_us = clock_steady_us();

	v->piece = 0;
	if (v->direct == NULL)
		begin_reading(v);
	if (v->direct != NULL)
		read_piece(v);
	v->piece_us = clock_steady_us() - begin_us;
}

/* --- on the loop --- */

static void forget_file(struct verify *v)
{
	direct_close(&v->direct);
	digest_free(&v->digest);
	localdir_names_clear(&v->names);
	v->file = NULL;
}

static void over(void *ctx)
{
	struct verify *v = ctx;

	v->hooks.over(v->hooks.ctx, v, v->why.code != ERR_NONE ? &v->why : NULL);
}

static void end(struct verify *v)
{
	if (v->is_over)
		return;
	v->is_over = true;
	loop_timer_stop(v->timer);
	if (v->file != NULL && v->file->state == FILE_VERIFYING)
		v->file->state = FILE_PENDING;
	forget_file(v);
	loop_defer(v->env.loop, over, v);
}

static void submit(struct verify *v)
{
	v->is_busy = true;
	pool_submit(v->env.pool, &v->task);
}

static void next_file(struct verify *v)
{
	while (v->at < v->plan->n && v->plan->files[v->at].state != FILE_PENDING)
		v->at++;
	if (v->at == v->plan->n) {
		end(v);
		return;
	}
	v->file = &v->plan->files[v->at];
	v->file->state = FILE_VERIFYING;
	localdir_names_init(&v->names, v->folder, v->file->path, v->file->digest, NULL);
	v->hashed = 0;
	v->result = FILE_VERIFYING;
	v->error.code = ERR_NONE;
	submit(v);
}

/* As long as the piece took, and until the limit is kept. */
static uint64_t rest_us(const struct verify *v)
{
	uint64_t rest = v->piece_us;
	uint64_t least = v->env.limit_bps > 0 ? v->piece * 1000000 / v->env.limit_bps : 0;

	if (least > v->piece_us && least - v->piece_us > rest)
		rest = least - v->piece_us;
	return rest;
}

static void go_on(struct verify *v)
{
	if (v->is_stopping)
		end(v);
	else if (v->file != NULL)
		submit(v);
	else
		next_file(v);
}

static void on_rested(void *ctx)
{
	go_on(ctx);
}

static void rest(struct verify *v)
{
	uint64_t ms;

	v->owed_us += rest_us(v);
	ms = v->owed_us / 1000;
	if (ms < REST_LEAST_MS || v->is_stopping) {
		go_on(v);
		return;
	}
	v->owed_us = 0;
	loop_timer_arm(v->timer, ms < REST_MOST_MS ? ms : REST_MOST_MS);
}

static void conclude(struct verify *v)
{
	size_t index = v->at;
	struct error why = v->error;

	v->file->state = v->result;
	v->file->bytes_done = v->file->size;
	v->file->bytes_verified = v->hashed;
	forget_file(v);
	v->hooks.found(v->hooks.ctx, index, why.code != ERR_NONE ? why.text : "");
}

static void on_run(struct pool_task *task)
{
	struct verify *v = (struct verify *)task;

	v->is_busy = false;
	rate_add(&v->rate, v->piece, clock_steady_ms());
	v->file->bytes_verified = v->hashed;
	v->file->bytes_done = v->hashed < v->file->size ? v->hashed : v->file->size;
	if (v->result != FILE_VERIFYING && !v->is_stopping)
		conclude(v);
	rest(v);
}

struct verify *verify_new(const struct verify_env *env, const char *folder, const char *commit,
			  struct plan *take_plan, const struct verify_hooks *hooks)
{
	struct verify *v = mem_alloc(sizeof(*v));

	v->task.run = run;
	v->task.done = on_run;
	v->env = *env;
	v->folder = mem_strdup(folder);
	memcpy(v->commit, commit, strlen(commit) + 1);
	v->plan = take_plan;
	v->hooks = *hooks;
	v->timer = loop_timer_new(env->loop, on_rested, v);
	next_file(v);
	return v;
}

void verify_stop(struct verify *v)
{
	if (v->is_stopping || v->is_over)
		return;
	v->is_stopping = true;
	(void)error_set(&v->why, ERR_CANCELLED, "stopped");
	if (!v->is_busy)
		end(v);
}

void verify_free(struct verify **verify)
{
	struct verify *v = *verify;

	*verify = NULL;
	if (v == NULL)
		return;
	loop_timer_free(&v->timer);
	plan_free(&v->plan);
	free(v->folder);
	free(v);
}

const struct plan *verify_plan(const struct verify *verify)
{
	return verify->plan;
}

uint64_t verify_speed(const struct verify *verify)
{
	return rate_bps(&verify->rate);
}
