/*
 * A look is one task of the file workers. It takes an array of the watches that there are when
 * it begins; what ends meanwhile, a watch or all of it, is freed when the look has come home.
 */
#include "downloader/space.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"

/* What one look saw of one folder. */
struct sight {
	struct file_space space;
	struct error error;
};

struct space_watch {
	struct space_watch *next;
	struct space *space;
	char *folder;
	struct sight last;
	bool is_known;
	bool is_over;      /* freed by the look that has it */
	bool is_in_look;   /* a look has it, */
	struct sight seen; /* which alone touches this until it is home */
};

struct space {
	struct pool_task task; /* first; the worker's while is_looking */
	struct loop *loop;
	struct pool *pool;
	int root;
	char *path;
	struct loop_timer *timer;
	bool is_stopped;
	bool is_freed; /* by the look that is under way */
	bool is_looking;
	bool is_again; /* somebody asked for a look during this one */
	struct file_space last;
	struct error error;
	struct space_watch *watches;
	void (*changed)(void *ctx);
	void *ctx;

	/* The look's. */
	struct sight seen;
	struct space_watch **looked_at;
	size_t n_looked_at;
};

/* --- a look, on a file worker --- */

/* Is the root still what the path names, and may we write to it? */
static int check_root(const struct space *s, struct error *err)
{
	struct stat opened;
	struct stat named;

	if (fstat(s->root, &opened) < 0 || stat(s->path, &named) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "the models directory");
	if (opened.st_dev != named.st_dev || opened.st_ino != named.st_ino)
		return error_set(err, ERR_DISK_ERROR,
				 "the models directory was replaced since larderd started");
	if (faccessat(s->root, ".", W_OK | X_OK, AT_EACCESS) < 0)
		return error_set_errno(err, ERR_DISK_ERROR,
				       "the models directory is not writable");
	return 0;
}

static void look(struct pool_task *task)
{
	struct space *s = (struct space *)task;

	s->seen = (struct sight){ .error = { .code = ERR_NONE } };
	if (file_space(s->root, "", &s->seen.space, &s->seen.error) == 0)
		(void)check_root(s, &s->seen.error);
	for (size_t i = 0; i < s->n_looked_at; i++) {
		struct space_watch *watch = s->looked_at[i];

		watch->seen = (struct sight){ .error = { .code = ERR_NONE } };
		if (file_space(s->root, watch->folder, &watch->seen.space, &watch->seen.error) <
		    0)
			(void)error_prefix(&watch->seen.error, "%s", watch->folder);
	}
}

/* --- on the loop --- */

static void watch_free(struct space_watch *watch)
{
	free(watch->folder);
	free(watch);
}

static void take_watch(struct space_watch *watch)
{
	watch->is_in_look = false;
	if (watch->is_over) {
		watch_free(watch);
		return;
	}
	watch->last = watch->seen;
	watch->is_known = true;
}

static void take_look(struct space *s)
{
	s->error = s->seen.error;
	s->last = s->seen.space;
	for (size_t i = 0; i < s->n_looked_at; i++)
		take_watch(s->looked_at[i]);
	free((void *)s->looked_at);
	s->looked_at = NULL;
	s->n_looked_at = 0;
}

static void destroy(struct space *s)
{
	free(s->path);
	free(s);
}

static void tell(struct space *s)
{
	loop_timer_arm(s->timer, SPACE_LOOK_MS);
	s->changed(s->ctx);
	if (s->is_again)
		space_look(s);
}

static void on_looked(struct pool_task *task)
{
	struct space *s = (struct space *)task;

	s->is_looking = false;
	take_look(s);
	if (s->is_freed)
		destroy(s);
	else if (!s->is_stopped)
		tell(s);
}
static void gather(struct space *s)
{
	size_t n = 0;

	for (struct space_watch *watch = s->watches; watch != NULL; watch = watch->next)
		n++;
	s->looked_at = mem_array(n, sizeof(struct space_watch *));
	for (struct space_watch *watch = s->watches; watch != NULL; watch = watch->next) {
		watch->is_in_look = true;
		s->looked_at[s->n_looked_at++] = watch;
	}
}

void space_look(struct space *space)
{
	if (space->is_stopped)
		return;
	space->is_again = space->is_looking;
	if (space->is_looking)
		return;
	space->is_looking = true;
	gather(space);
	pool_submit(space->pool, &space->task);
}

static void on_timer(void *ctx)
{
	space_look(ctx);
}

const struct file_space *space_root(const struct space *space)
{
	return &space->last;
}

int space_check(const struct space *space, struct error *err)
{
	if (space->error.code == ERR_NONE)
		return 0;
	*err = space->error;
	return -1;
}

/* --- watches --- */

struct space_watch *space_watch(struct space *space, const char *folder)
{
	struct space_watch *watch = mem_alloc(sizeof(*watch));

	watch->space = space;
	watch->folder = mem_strdup(folder);
	watch->next = space->watches;
	space->watches = watch;
	space_look(space);
	return watch;
}

void space_unwatch(struct space_watch **watch)
{
	struct space_watch *w = *watch;
	struct space_watch **at;

	*watch = NULL;
	if (w == NULL)
		return;
	at = &w->space->watches;
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	w->is_over = true;
	if (!w->is_in_look)
		watch_free(w);
}

int space_of(const struct space_watch *watch, struct file_space *ret, struct error *err)
{
	if (!watch->is_known)
		return 0;
	if (watch->last.error.code != ERR_NONE) {
		*err = watch->last.error;
		return -1;
	}
	*ret = watch->last.space;
	return 1;
}

/* --- begin and end --- */

struct space *space_new(struct loop *loop, struct pool *pool, int root, const char *path,
			void (*changed)(void *ctx), void *ctx)
{
	struct space *s = mem_alloc(sizeof(*s));

	s->task.run = look;
	s->task.done = on_looked;
	s->loop = loop;
	s->pool = pool;
	s->root = root;
	s->path = mem_strdup(path);
	s->changed = changed;
	s->ctx = ctx;
	s->timer = loop_timer_new(loop, on_timer, s);
	/* The first look is made here, so that nothing is ever decided on unknown space. */
	look(&s->task);
	take_look(s);
	loop_timer_arm(s->timer, SPACE_LOOK_MS);
	return s;
}

void space_free(struct space **space)
{
	struct space *s = *space;

	if (s == NULL)
		return;
	assert(s->watches == NULL);
	space_stop(s);
	loop_timer_free(&s->timer);
	s->is_freed = true;
	if (!s->is_looking)
		destroy(s);
	*space = NULL;
}

void space_stop(struct space *space)
{
	space->is_stopped = true;
	loop_timer_stop(space->timer);
}
