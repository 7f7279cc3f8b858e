#include "downloader/changeover.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

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

	if (fd < 0)
		return -1;
	if (localdir_publish(root, names, &proven, c->trash_id, &c->trash, err) < 0)
		return -1;
	file_give_back(fd, 0, c->file->size);
	if (file_stat(root, names->final, &st, &ignored) == 1)
		c->mtime_ns = file_mtime_ns(&st);
	if (c->file->is_copy && localdir_drop_partial(root, names, &ignored) < 0)
		log_warning("%s: %s", names->partial, ignored.text);
	return 0;
}

static int let_go(struct changeover *c, const struct localdir_names *names, struct error *err)
{
	const char *paths[] = { names->final, names->metadata };
	size_t n = 0;

	return trash_put(c->env->models_root, c->trash_id, paths, ARRAY_LEN(paths), &n, err);
}

static void run(struct pool_task *task)
{
	struct changeover *c = (struct changeover *)task;
	struct localdir_names names;

	localdir_names_init(&names, c->env->folder, c->file->path, c->file->digest,
			    c->env->job_id);
	if (c->file->state == FILE_GONE)
		c->has_failed = let_go(c, &names, &c->error) < 0;
	else
		c->has_failed = publish(c, &names, &c->error) < 0;
	localdir_names_clear(&names);
}

/* --- on the loop --- */

static bool has_work(const struct plan_file *file)
{
	return file->state == FILE_STAGED || file->state == FILE_GONE;
}

bool changeover_is_needed(const struct plan *plan)
{
	for (size_t i = 0; i < plan->n; i++) {
		if (has_work(&plan->files[i]))
			return true;
	}
	return false;
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
	if (!c->has_failed)
		record(c);
	go_on(c);
}

struct changeover *changeover_new(const struct landing_env *env, struct plan *plan,
				  const struct changeover_hooks *hooks)
{
	struct changeover *c = mem_alloc(sizeof(*c));

	c->task.run = run;
	c->task.done = on_run;
	c->env = env;
	c->plan = plan;
	c->hooks = *hooks;
	(void)snprintf(c->trash_id, sizeof(c->trash_id), "%s-%lld", env->job_id,
		       (long long)clock_unix_ms());
	go_on(c);
	return c;
}

void changeover_free(struct changeover **changeover)
{
	free(*changeover);
	*changeover = NULL;
}
