#include "downloader/bin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/error.h"
#include "common/log.h"

enum {
	PURGE_MS = 60 * 60 * 1000,
	DAY_MS = 24 * 60 * 60 * 1000,
};

/* A request. The members below `bin` are the worker's until it is done. */
struct request {
	struct pool_task task; /* first */
	struct request *next;  /* that waits */
	struct bin *bin;
	int (*act)(struct request *request, struct error *err);
	char id[TRASH_ID_MAX + 1];
	char swap_id[TRASH_ID_MAX + 1]; /* of a restore: "" without */
	char **paths; /* to be put there; of a restore: where nothing may come back */
	size_t n;
	struct trash_list *list;
	int64_t before_ms; /* of a purge */
	bool has_failed;
	bool has_changed;
	struct error error;

	char *folder; /* that is touched; or NULL */
	bin_done_fn done;
	bin_list_fn list_done;
	void *ctx;
};

struct bin {
	struct pool *pool;
	int root;
	uint64_t days;
	struct bin_hooks hooks;
	struct loop_timer *timer;
	struct request *first; /* under way, then those that wait */
	size_t n;
	bool is_stopping;
};

/* --- on a worker --- */

static int act_put(struct request *r, struct error *err)
{
	size_t n = 0;

	if (trash_put(r->bin->root, r->id, (const char *const *)r->paths, r->n, &n, err) < 0)
		return -1;
	r->has_changed = n > 0;
	return n > 0 ? 0 : error_set(err, ERR_UNKNOWN_MODEL, "it is not there any more");
}

static int act_restore(struct request *r, struct error *err)
{
	const char *swap_id = r->swap_id[0] != '\0' ? r->swap_id : NULL;

	for (size_t i = 0; i < r->n; i++) {
		if (trash_has(r->bin->root, r->id, r->paths[i]))
			return error_set(err, ERR_IN_USE, "a download writes to %s",
					 r->paths[i]);
	}
	r->has_changed = true;
	return trash_restore(r->bin->root, r->id, swap_id, err);
}

static int act_empty(struct request *r, struct error *err)
{
	r->has_changed = true;
	return trash_empty(r->bin->root, r->id, err);
}

static int act_list(struct request *r, struct error *err)
{
	r->list = trash_read(r->bin->root, err);
	return r->list == NULL ? -1 : 0;
}

static int act_purge(struct request *r, struct error *err)
{
	if (act_list(r, err) < 0)
		return -1;
	for (size_t i = 0; i < r->list->n; i++) {
		const struct trash_entry *entry = &r->list->v[i];

		if (entry->at_ms >= r->before_ms)
			continue;
		log_info("trash %s: its days are over", entry->id);
		if (trash_empty(r->bin->root, entry->id, err) < 0)
			log_warning("trash %s stays: %s", entry->id, err->text);
		else
			r->has_changed = true;
	}
	return 0;
}

static void run(struct pool_task *task)
{
	struct request *r = (struct request *)task;

	struct error err;

	r->has_failed = r->act(r, &err) < 0;
	if (r->has_failed)
		r->error = err;
}

/* --- one after the other --- */

static int act_refuse(struct request *r, struct error *err)
{
	*err = r->error;
	return -1;
}

/* What was allowed when it was asked for may have changed while it waited. */
static void begin(struct bin *bin)
{
	struct request *r = bin->first;

	if (r == NULL)
		return;
	if (r->act == act_put && bin->hooks.check(bin->hooks.ctx, r->folder, &r->error) < 0)
		r->act = act_refuse;
	if (r->act == act_restore)
		r->paths = bin->hooks.busy(bin->hooks.ctx, &r->n);
	pool_submit(bin->pool, &r->task);
}

static void request_free(struct request *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->paths[i]);
	free((void *)r->paths);
	trash_list_free(&r->list);
	free(r->folder);
	free(r);
}

static void tell_hooks(struct bin *bin, const struct request *r)
{
	if (r->has_changed && (r->folder != NULL || r->act == act_restore))
		bin->hooks.touched(bin->hooks.ctx, r->folder);
	if (r->has_changed)
		bin->hooks.changed(bin->hooks.ctx);
}

static void answer(struct request *r)
{
	const struct error *err = r->has_failed ? &r->error : NULL;

	if (r->done != NULL)
		r->done(r->ctx, r->id, err);
	else if (r->list_done != NULL)
		r->list_done(r->ctx, r->list, err);
	else if (err != NULL)
		log_warning("trash: %s", err->text);
}

static void on_run(struct pool_task *task)
{
	struct request *r = (struct request *)task;
	struct bin *bin = r->bin;

	assert(bin->first == r);
	bin->first = r->next;
	bin->n--;
	if (!bin->is_stopping) {
		begin(bin);
		tell_hooks(bin, r);
	}
	answer(r);
	request_free(r);
}

static struct request *request_new(struct bin *bin,
				   int (*act)(struct request *, struct error *))
{
	struct request *r = mem_alloc(sizeof(*r));

	r->task.run = run;
	r->task.done = on_run;
	r->bin = bin;
	r->act = act;
	return r;
}

static int submit(struct request *take_request, struct error *err)
{
	struct request *r = take_request;
	struct bin *bin = r->bin;
	struct request **last = &bin->first;

	if (bin->n >= BIN_WAITING_MAX || bin->is_stopping) {
		request_free(r);
		return error_set(err, ERR_QUEUE_FULL, "too much waits for the trash");
	}
	while (*last != NULL)
		last = &(*last)->next;
	*last = r;
	bin->n++;
	if (bin->first == r)
		begin(bin);
	return 0;
}

/* --- requests --- */

/* Unique also among those of the same millisecond. */
static void make_id(char ret[TRASH_ID_MAX + 1])
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	size_t n = DOWNLOAD_ID_LEN;

	for (size_t i = 0; i < n; i++)
		ret[i] = letters[randombytes_uniform(sizeof(letters) - 1)];
	(void)snprintf(ret + n, TRASH_ID_MAX + 1 - n, "-%lld", (long long)clock_unix_ms());
}

static void add_path(struct request *r, char *take_path)
{
	r->paths = mem_resize((void *)r->paths, r->n + 1, sizeof(char *));
	r->paths[r->n++] = take_path;
}

/* Files, each with its .metadata: without it, the official client would have to hash the file
 * when it comes back. A group's, or with SIZE_MAX all that have a name of their own. */
static void add_files(struct request *r, const struct model *model, size_t group)
{
	for (size_t i = 0; i < model->n; i++) {
		const struct model_file *file = &model->files[i];

		if (file->kind == MODEL_FOREIGN || (group != SIZE_MAX && file->group != group))
			continue;
		add_path(r, model_path(model, file));
		if (!model->is_flat)
			add_path(r, mem_printf("%s/.cache/huggingface/download/%s.metadata",
					       model->folder, file->path));
	}
}

static size_t find_group(const struct model *model, const char *name)
{
	size_t i = 0;

	while (i < model->n_groups && strcmp(model->groups[i].variant.name, name) != 0)
		i++;
	return i;
}

int bin_put(struct bin *bin, const struct model *model, const char *group, bin_done_fn done,
	    void *ctx, struct error *err)
{
	struct request *r;
	size_t i = group != NULL ? find_group(model, group) : 0;

	if (group != NULL && i == model->n_groups)
		return error_set_field(err, "group", "%s has no such group", model->folder);
	r = request_new(bin, act_put);
	make_id(r->id);
	r->folder = mem_strdup(model->folder);
	r->done = done;
	r->ctx = ctx;
	if (group != NULL || model->is_flat)
		add_files(r, model, group != NULL ? i : SIZE_MAX);
	else
		add_path(r, mem_strdup(model->folder));
	return submit(r, err);
}

/* To be submitted, or NULL with ERR_UNKNOWN_TRASH. */
static struct request *by_id(struct bin *bin, int (*act)(struct request *, struct error *),
			     struct str id, bin_done_fn done, void *ctx, struct error *err)
{
	struct request *r;

	if (!trash_id_is_valid(id)) {
		(void)error_set(err, ERR_UNKNOWN_TRASH, "there is no such thing in the trash");
		return NULL;
	}
	r = request_new(bin, act);
	memcpy(r->id, id.p, id.n);
	r->done = done;
	r->ctx = ctx;
	return r;
}

int bin_restore(struct bin *bin, struct str id, bool is_swap, bin_done_fn done, void *ctx,
		struct error *err)
{
	struct request *r = by_id(bin, act_restore, id, done, ctx, err);

	if (r == NULL)
		return -1;
	if (is_swap)
		make_id(r->swap_id);
	return submit(r, err);
}

int bin_empty(struct bin *bin, struct str id, bin_done_fn done, void *ctx, struct error *err)
{
	struct request *r = by_id(bin, act_empty, id, done, ctx, err);

	return r != NULL ? submit(r, err) : -1;
}

int bin_list(struct bin *bin, bin_list_fn done, void *ctx, struct error *err)
{
	struct request *r = request_new(bin, act_list);

	r->list_done = done;
	r->ctx = ctx;
	return submit(r, err);
}

/* --- begin and end --- */

static void on_time(void *ctx)
{
	struct bin *bin = ctx;
	struct request *r = request_new(bin, act_purge);
	struct error ignored;

	r->before_ms = clock_unix_ms() - (int64_t)(bin->days * DAY_MS);
	(void)submit(r, &ignored); /* full: the next hour will do */
	loop_timer_arm(bin->timer, PURGE_MS);
}

struct bin *bin_new(struct loop *loop, struct pool *pool, int models_root, uint64_t days,
		    const struct bin_hooks *hooks)
{
	struct bin *bin = mem_alloc(sizeof(*bin));

	bin->pool = pool;
	bin->root = models_root;
	bin->days = days;
	bin->hooks = *hooks;
	bin->timer = loop_timer_new(loop, on_time, bin);
	if (days > 0)
		loop_timer_arm(bin->timer, 0);
	return bin;
}

void bin_stop(struct bin *bin)
{
	bin->is_stopping = true;
	loop_timer_stop(bin->timer);
}

void bin_free(struct bin **bin)
{
	struct bin *b = *bin;

	*bin = NULL;
	if (b == NULL)
		return;
	while (b->first != NULL) {
		struct request *r = b->first;

		b->first = r->next;
		r->has_failed = true;
		(void)error_set(&r->error, ERR_CANCELLED, "larderd is stopping");
		answer(r);
		request_free(r);
	}
	loop_timer_free(&b->timer);
	free(b);
}
