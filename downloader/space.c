#include "downloader/space.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "downloader/file.h"

struct space {
	struct pool_task task; /* first; the worker's while is_looking */
	struct loop *loop;
	struct pool *pool;
	int root;
	char *path;
	struct loop_timer *timer;
	bool is_stopped;
	uint64_t free_bytes;
	uint64_t total_bytes;
	struct error error;
	void (*changed)(void *ctx);
	void *ctx;

	/* The look's outcome. */
	uint64_t seen_free;
	uint64_t seen_total;
	struct error seen_error;
};

static void look(struct pool_task *task)
{
	struct space *s = (struct space *)task;
	struct stat opened;
	struct stat named;

	s->seen_error = (struct error){ .code = ERR_NONE };
	if (file_space(s->root, &s->seen_free, &s->seen_total, &s->seen_error) < 0)
		return;
	if (fstat(s->root, &opened) < 0 || stat(s->path, &named) < 0)
		(void)error_set_errno(&s->seen_error, ERR_DISK_ERROR, "the models directory");
	else if (opened.st_dev != named.st_dev || opened.st_ino != named.st_ino)
		(void)error_set(&s->seen_error, ERR_DISK_ERROR,
				"the models directory was replaced since larderd started");
	else if (faccessat(s->root, ".", W_OK | X_OK, AT_EACCESS) < 0)
		(void)error_set_errno(&s->seen_error, ERR_DISK_ERROR,
				      "the models directory is not writable");
}

static void on_looked(struct pool_task *task)
{
	struct space *s = (struct space *)task;

	s->error = s->seen_error;
	s->free_bytes = s->seen_free;
	s->total_bytes = s->seen_total;
	if (s->is_stopped)
		return;
	loop_timer_arm(s->timer, SPACE_LOOK_MS);
	s->changed(s->ctx);
}

static void on_timer(void *ctx)
{
	struct space *s = ctx;

	pool_submit(s->pool, &s->task);
}

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
	s->error = s->seen_error;
	s->free_bytes = s->seen_free;
	s->total_bytes = s->seen_total;
	loop_timer_arm(s->timer, SPACE_LOOK_MS);
	return s;
}

void space_free(struct space **space)
{
	if (*space == NULL)
		return;
	loop_timer_free(&(*space)->timer);
	free((*space)->path);
	free(*space);
	*space = NULL;
}

void space_stop(struct space *space)
{
	space->is_stopped = true;
	loop_timer_stop(space->timer);
}

uint64_t space_free_bytes(const struct space *space)
{
	return space->free_bytes;
}

uint64_t space_total_bytes(const struct space *space)
{
	return space->total_bytes;
}

int space_check(const struct space *space, struct error *err)
{
	if (space->error.code == ERR_NONE)
		return 0;
	*err = space->error;
	return -1;
}
