/*
 * LOOK, CHECK, TURN, COPY, OPEN: in the order of time this is to be read from the end.
 */
#include "downloader/landing_internal.h"

#include <fcntl.h>
#include <string.h>

#include "common/log.h"
#include "downloader/file.h"

/* --- open --- */

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

/* --- turn and copy --- */

static void act_publish_copy(struct work *work)
{
	landing_act_publish(work, work->landing->names.copy);
	if (!work->has_failed)
		landing_drop_partial(work->landing);
}

static void then_copy_published(struct landing *l, struct work *work)
{
	if (!work->has_failed)
		l->hooks.copied(l->hooks.ctx, l->index, l->source);
	landing_then_published(l, work);
}

static void end_copy(struct landing *l)
{
	l->pending++;
	copy_stop(&l->copy, landing_release, l);
}

static void on_copied(void *ctx, uint64_t hashed)
{
	struct landing *l = ctx;

	l->file->state = FILE_COPYING;
	l->file->bytes_verified = hashed;
}

static void on_taken(void *ctx, int take_fd, const char *source)
{
	struct landing *l = ctx;

	l->fd = take_fd;
	l->source = mem_strdup(source);
	l->file->is_copy = true;
	if (l->env->is_staged) {
		l->hooks.copied(l->hooks.ctx, l->index, l->source);
		landing_stage(l);
		return;
	}
	landing_start_work(l, act_publish_copy, then_copy_published);
	end_copy(l);
}

static void on_absent(void *ctx)
{
	struct landing *l = ctx;

	open_partial(l);
	end_copy(l);
}

static void on_copy_failed(void *ctx, const struct error *err)
{
	landing_end(ctx, err);
}

/* Nobody else brings the content now. */
static void on_turn(void *ctx)
{
	struct landing *l = ctx;
	struct copy_plan plan = { .pool = l->env->pool,
				  .store = l->env->store,
				  .root = l->env->models_root,
				  .names = &l->names,
				  .file = l->file };
	struct copy_hooks hooks = { .hashed = on_copied,
				    .taken = on_taken,
				    .absent = on_absent,
				    .failed = on_copy_failed,
				    .ctx = l };

	if (l->is_stopping)
		return;
	l->file->state = FILE_CHECKING;
	l->copy = copy_new(&plan, &hooks);
}

/* What is under the name is not the file: it comes from elsewhere. */
static void bring(struct landing *l)
{
	if (l->is_stopping || landing_is_small(l)) {
		open_partial(l);
		return;
	}
	l->turn = turns_ask(l->env->turns, l->file, on_turn, l);
	if (!turn_has_to_wait(l->turn))
		return;
	l->file->state = FILE_WAITING;
	l->file->bytes_verified = 0;
	l->hooks.waits(l->hooks.ctx, l->index);
}

/* --- look and check --- */

static void act_vouch(struct work *work)
{
	struct landing *l = work->landing;

	work->has_failed = localdir_vouch(l->env->models_root, &l->names, l->env->commit,
					  l->file->digest, l->looked_ms, &work->error) < 0;
	landing_act_note(work);
	if (!work->has_failed)
		landing_drop_partial(l);
}

/* The file that was there has been hashed, and nothing reads it any more. */
static void judge_existing(struct landing *l)
{
	fd_close(&l->fd);
	if (strcmp(l->hex, l->file->digest) == 0)
		landing_start_work(l, act_vouch, landing_then_published);
	else
		bring(l);
}

static void on_checked_hash(void *ctx, const char *hex)
{
	struct landing *l = ctx;

	memcpy(l->hex, hex, strlen(hex) + 1);
	if (!l->is_stopping)
		landing_end_parts(l, false, judge_existing);
}

/* A small file that is not here need not be asked for anywhere else. */
static bool opens_at_once(const struct landing *l, const struct work *work)
{
	return (work->presence == LOCALDIR_ABSENT || work->presence == LOCALDIR_OTHER) &&
	       landing_is_small(l);
}

/* Its content decides. */
static bool is_to_be_read(const struct work *work)
{
	return work->presence == LOCALDIR_UNPROVEN || work->presence == LOCALDIR_UNLIKELY;
}

static void act_look(struct work *work)
{
	struct landing *l = work->landing;
	int root = l->env->models_root;

	work->has_failed = localdir_look(root, &l->names, l->file->size, l->file->digest,
					 &work->presence, &work->error) < 0;
	if (!work->has_failed && is_to_be_read(work)) {
		work->fd = file_open(root, l->names.final, O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
				     0, &work->error);
		work->has_failed = work->fd < 0;
	}
	if (!work->has_failed && work->presence == LOCALDIR_PROVEN) {
		if (!l->env->is_staged) /* the changeover does it */
			work->has_failed = localdir_recommit(root, &l->names, l->env->commit,
							     &work->error) < 0;
		landing_act_note(work);
		landing_drop_partial(l);
	}
	if (!work->has_failed && opens_at_once(l, work))
		act_open(work);
}

static void on_checked(void *ctx, uint64_t hashed)
{
	struct landing *l = ctx;

	l->file->bytes_verified = hashed;
}

static void then_looked(struct landing *l, struct work *work)
{
	if (!work->has_failed && opens_at_once(l, work)) {
		then_opened(l, work);
		return;
	}
	if (!take_fd(l, work))
		return;
	if (work->presence == LOCALDIR_PROVEN) {
		landing_conclude(l, work);
	} else if (is_to_be_read(work)) {
		landing_start_hasher(l, on_checked, on_checked_hash);
		hasher_give_back(l->hasher);
		hasher_advance(l->hasher, l->file->size);
	} else {
		bring(l);
	}
}

void landing_look(struct landing *l)
{
	l->looked_ms = clock_unix_ms();
	landing_start_work(l, act_look, then_looked);
}
