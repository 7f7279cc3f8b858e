#include "downloader/changeover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/log.h"
#include "downloader/file.h"
#include "downloader/localdir.h"
#include "downloader/trash.h"

struct changeover {
	struct pool_task task; /* first; the worker's while it runs, with the next part */
	struct plan_file *file;
	char *trash; /* where what had the name is now, or NULL */
	int64_t mtime_ns;
	bool has_failed;
	struct error error;

	const struct landing_env *env; /* the loop's from here on */
	struct plan *plan;
	size_t at;
	char trash_id[TRASH_ID_MAX + 1];
	struct changeover_hooks hooks;
};

static void make_trash_id(struct changeover *c, int64_t time_ms)
{
	(void)snprintf(c->trash_id, sizeof(c->trash_id), "%s-%lld", c->env->job_id,
		       (long long)time_ms);
}

/* --- on a worker --- */

static int publish(struct changeover *c, const struct localdir_names *names, struct error *err)
{
	int root = c->env->models_root;
	const char *path = c->file->is_copy ? names->copy : names->partial;
	AUTO_FD fd = file_open(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
	struct localdir_proven proven = {
		.path = path, .fd = fd, .commit = c->env->commit, .digest = c->file->digest
	};
	struct error ignored;
	struct stat st;
	int result;

	if (fd < 0)
		return -1;
	result = localdir_publish(root, names, &proven, c->trash_id, &c->trash, err);
	if (result < 0 && err->sys == EEXIST && c->trash == NULL) {
		/* An earlier run of the job has put another file of this name there. */
		make_trash_id(c, clock_unix_ms());
		result = localdir_publish(root, names, &proven, c->trash_id, &c->trash, err);
	}
	if (result < 0)
		return -1;
	file_give_back(fd, 0, c->file->size);
	if (file_stat(root, names->final, &st, &ignored) == 1)
		c->mtime_ns = file_mtime_ns(&st);
	if (c->file->is_copy && localdir_drop_partial(root, names, &ignored) < 0)
		log_warning("%s: %s", names->partial, ignored.text);
	return 0;
}

/* Still as it was when it came from the Hub? */
static bool is_vouched_for(const struct changeover *c, const struct localdir_names *names)
{
	int root = c->env->models_root;
	struct localdir_note note;
	struct error ignored;
	struct stat st;

	return file_stat(root, names->final, &st, &ignored) == 1 && S_ISREG(st.st_mode) &&
	       localdir_read_note(root, names->metadata, &note, &ignored) == 1 &&
	       localdir_does_vouch(&note, file_mtime_ns(&st));
}

/* What was edited since the plan was made is somebody's work, and stays. */
static int let_go(struct changeover *c, const struct localdir_names *names, struct error *err)
{
	const char *paths[] = { names->final, names->metadata };
	size_t n = 0;

	if (!is_vouched_for(c, names))
		return 0;
	if (trash_put(c->env->models_root, c->trash_id, paths, ARRAY_LEN(paths), &n, err) < 0)
		return -1;
	if (n > 0)
		c->trash = mem_printf(".larder/trash/%s/%s", c->trash_id, names->final);
	return 0;
}

/* What comes to names that are free now. Taken back, it is to go again. */
static int note_added(struct changeover *c, struct error *err)
{
	AUTO(buf) added = buf_new(TRASH_ADDED_MAX);

	for (size_t i = 0; i < c->plan->n; i++) {
		const struct plan_file *file = &c->plan->files[i];
		AUTO_CSTR path = mem_printf("%s/%s", c->env->folder, file->path);
		struct stat st;
		int found = file->state == FILE_STAGED
				    ? file_stat(c->env->models_root, path, &st, err)
				    : 1;

		if (found < 0)
			return -1;
		if (found == 0)
			buf_addf(added, "%s\n", path);
	}
	return trash_note_added(c->env->models_root, c->trash_id, buf_str(added), err);
}

static void run_first(struct pool_task *task)
{
	struct changeover *c = (struct changeover *)task;

	c->has_failed = note_added(c, &c->error) < 0;
}

static void run(struct pool_task *task)
{
	struct changeover *c = (struct changeover *)task;
	struct localdir_names names;

	localdir_names_init(&names, c->env->folder, c->file->path, c->file->digest,
			    c->env->job_id);
	if (c->file->state == FILE_GONE)
		c->has_failed = let_go(c, &names, &c->error) < 0;
	else if (c->file->state == FILE_DONE)
		c->has_failed = localdir_recommit(c->env->models_root, &names, c->env->commit,
						  &c->error) < 0;
	else
		c->has_failed = publish(c, &names, &c->error) < 0;
	localdir_names_clear(&names);
}

/* --- on the loop --- */

/* What is the same at the new commit is said to be of it. */
static bool has_work(const struct plan_file *file)
{
	return file->state == FILE_STAGED || file->state == FILE_GONE ||
	       (file->state == FILE_DONE && file->digest[0] != '\0');
}

static void over(void *ctx)
{
	struct changeover *c = ctx;

	c->hooks.over(c->hooks.ctx, c, c->has_failed ? &c->error : NULL);
}

static void go_on(struct changeover *c)
{
	while (c->at < c->plan->n && !has_work(&c->plan->files[c->at]))
		c->at++;
	if (c->has_failed || c->at == c->plan->n) {
		loop_defer(c->env->loop, over, c);
		return;
	}
	c->file = &c->plan->files[c->at];
	pool_submit(c->env->pool, &c->task);
}

/* That it is done is on the disk, whatever the database says: told once more after a restart,
 * it is looked at and found. */
static void record(struct changeover *c)
{
	struct plan_file *file = c->file;
	AUTO_CSTR path = mem_printf("%s/%s", c->env->folder, file->path);
	struct source source = { .path = path, .mtime_ns = c->mtime_ns };

	if (file->state == FILE_STAGED && file->size >= c->env->copy_least_bytes)
		store_put_source(c->env->store, file, &source, NULL, NULL);
	file->state = FILE_DONE;
	file->bytes_done = file->size;
	store_put_file(c->env->store, c->env->job_id, c->at, FILE_DONE, file->size, NULL, NULL);
}

static void on_run(struct pool_task *task)
{
	struct changeover *c = (struct changeover *)task;

	if (c->trash != NULL)
		c->hooks.replaced(c->hooks.ctx, c->at, c->trash);
	free(c->trash);
	c->trash = NULL;
	if (!c->has_failed && c->file->state != FILE_DONE)
		record(c);
	c->at++;
	go_on(c);
}

static void on_noted(struct pool_task *task)
{
	struct changeover *c = (struct changeover *)task;

	c->task.run = run;
	c->task.done = on_run;
	go_on(c);
}

struct changeover *changeover_new(const struct landing_env *env, struct plan *plan,
				  const struct changeover_hooks *hooks)
{
	struct changeover *c = mem_alloc(sizeof(*c));

	c->task.run = run_first;
	c->task.done = on_noted;
	c->env = env;
	c->plan = plan;
	c->hooks = *hooks;
	/* The same after a restart: all that the update replaces is one entry. */
	make_trash_id(c, env->created_ms);
	pool_submit(env->pool, &c->task);
	return c;
}

void changeover_free(struct changeover **changeover)
{
	free(*changeover);
	*changeover = NULL;
}
