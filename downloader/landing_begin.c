/*
 * LOOK, CHECK, OPEN: in the order of time this is to be read from the end.
 */
#include "downloader/landing_internal.h"

#include <fcntl.h>
#include <string.h>

#include "downloader/file.h"

/* The descriptor is the landing's from here on. False when it does not go on. */
static bool take_fd(struct landing *l, const struct work *work)
{
	l->fd = work->fd;
	if (work->has_failed)
		landing_end(l, &work->error);
	return !l->is_stopping;
}

static void act_open(struct work *work)
{
	struct landing *l = work->landing;

	work->fd = localdir_open_partial(l->env->models_root, &l->names, l->file->size,
					 &work->is_new, &work->error);
	work->has_failed = work->fd < 0;
}

static void on_extents(void *ctx, const struct extent *extents, size_t n,
		       const struct error *err)
{
	struct landing *l = ctx;

	if (err != NULL)
		landing_end(l, err);
	else if (!l->is_stopping)
		landing_fetch(l, extents, n);
	landing_release(l);
}

static void then_opened(struct landing *l, struct work *work)
{
	if (!take_fd(l, work))
		return;
	if (l->file->bytes_done > 0 && work->is_new)
		landing_begin_again(l, "its partial file is gone");
	if (l->file->bytes_done > 0) {
		l->pending++;
		store_get_extents(l->env->store, l->env->job_id, l->index, on_extents, l);
	} else {
		landing_fetch(l, NULL, 0);
	}
}

static void open_partial(struct landing *l)
{
	if (!l->is_stopping)
		landing_start_work(l, act_open, then_opened);
}

static void act_vouch(struct work *work)
{
	struct landing *l = work->landing;

	work->has_failed = localdir_vouch(l->env->models_root, &l->names, l->env->commit,
					  l->file->digest, &work->error) < 0;
}

/* The file that was there has been hashed, and nothing reads it any more. */
static void judge_existing(struct landing *l)
{
	fd_close(&l->fd);
	if (strcmp(l->hex, l->file->digest) == 0)
		landing_start_work(l, act_vouch, landing_then_published);
	else
		open_partial(l);
}

static void on_checked_hash(void *ctx, const char *hex)
{
	struct landing *l = ctx;

	memcpy(l->hex, hex, strlen(hex) + 1);
	if (!l->is_stopping)
		landing_end_parts(l, false, judge_existing);
}

static void act_look(struct work *work)
{
	struct landing *l = work->landing;
	int root = l->env->models_root;

	work->has_failed = localdir_look(root, &l->names, l->file->size, l->file->digest,
					 &work->presence, &work->error) < 0;
	if (!work->has_failed && work->presence == LOCALDIR_UNPROVEN) {
		work->fd = file_open(root, l->names.final, O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
				     0, &work->error);
		work->has_failed = work->fd < 0;
	}
}

static void on_checked(void *ctx, uint64_t hashed)
{
	struct landing *l = ctx;

	l->file->bytes_verified = hashed;
}

static void then_looked(struct landing *l, struct work *work)
{
	if (!take_fd(l, work))
		return;
	if (work->presence == LOCALDIR_PROVEN) {
		landing_conclude(l);
	} else if (work->presence == LOCALDIR_UNPROVEN) {
		landing_start_hasher(l, on_checked, on_checked_hash);
		hasher_advance(l->hasher, l->file->size);
	} else {
		open_partial(l);
	}
}

void landing_look(struct landing *l)
{
	landing_start_work(l, act_look, then_looked);
}
