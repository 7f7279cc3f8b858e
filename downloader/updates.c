#include "downloader/updates.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "downloader/diff.h"

#define SETTING "update." /* and the folder: the setting that keeps what was found */

struct known {
	char *folder;
	struct update update;
};

/* A question. The members from `diff` on are the worker's while it compares. */
struct question {
	struct pool_task task; /* first */
	struct question *next;
	struct updates *updates;
	struct model *model;
	struct hub_call *call;
	struct hub_listing *listing;
	bool is_of_round;
	updates_done_fn done; /* NULL: nobody waits */
	void *ctx;
	struct update update;
};

struct updates {
	struct updates_env env;
	struct updates_hooks hooks;
	struct known *known; /* by folder */
	size_t n;
	size_t cap;
	struct question *first;
	size_t n_questions;
	struct loop_timer *timer;
	char *round_at; /* the folder that was asked for last; "": a round is to begin */
	bool is_stopping;
};

/* --- what is known --- */

static void update_clear(struct update *update)
{
	free(update->words);
	*update = (struct update){ .words = NULL };
}

bool update_is_available(const struct update *update)
{
	return update->files > 0 || update->files_gone > 0;
}

struct json_object *update_to_json(const struct update *update)
{
	struct json_object *object = json_object_new_object();

	json_add_bool(object, "available", update_is_available(update));
	json_add_cstr(object, "commit", update->commit);
	json_add_cstr(object, "summary", update->words);
	json_add_u64(object, "files", update->files);
	json_add_u64(object, "bytes", update->bytes);
	json_add_u64(object, "files_gone", update->files_gone);
	json_add_u64(object, "files_elsewhere", update->files_elsewhere);
	json_add_time(object, "checked_at", update->checked_ms);
	json_add_int(object, "checked_ms", update->checked_ms);
	return object;
}

static size_t position(const struct updates *u, struct str folder, bool *ret_is_there)
{
	size_t low = 0;
	size_t high = u->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_compare(str_from(u->known[middle].folder), folder);

		if (order == 0) {
			*ret_is_there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_is_there = false;
	return low;
}

const struct update *updates_find(const struct updates *u, struct str folder)
{
	bool is_there;
	size_t at = position(u, folder, &is_there);

	return is_there ? &u->known[at].update : NULL;
}

/* The update's words go along. */
static void put(struct updates *u, const char *folder, struct update *take_update)
{
	bool is_there;
	size_t at = position(u, str_from(folder), &is_there);

	if (is_there) {
		update_clear(&u->known[at].update);
	} else {
		u->known = mem_grow(u->known, u->n, &u->cap, sizeof(*u->known));
		memmove(u->known + at + 1, u->known + at, (u->n - at) * sizeof(*u->known));
		u->known[at].folder = mem_strdup(folder);
		u->n++;
	}
	u->known[at].update = *take_update;
	take_update->words = NULL;
}

/* It is only remembered for the next start. */
static void on_saved(void *ctx, const struct error *err)
{
	(void)ctx;
	if (err != NULL)
		log_warning("what is newer at the Hub is not saved: %s", err->text);
}

static void save(struct updates *u, const char *folder, const struct update *update)
{
	struct json_object *settings = json_object_new_object();
	AUTO_CSTR name = mem_printf(SETTING "%s", folder);

	json_take(settings, name, update != NULL ? update_to_json(update) : NULL);
	store_put_settings(u->env.store, settings, on_saved, u);
}

void updates_forget(struct updates *u, const char *folder)
{
	bool is_there;
	size_t at = position(u, str_from(folder), &is_there);

	if (!is_there)
		return;
	update_clear(&u->known[at].update);
	free(u->known[at].folder);
	u->n--;
	memmove(u->known + at, u->known + at + 1, (u->n - at) * sizeof(*u->known));
	save(u, folder, NULL);
	u->hooks.changed(u->hooks.ctx, folder);
}

static void load(void *ctx, const char *name, const char *value)
{
	struct updates *u = ctx;
	AUTO_JSON object = NULL;
	struct error ignored;
	struct update update = { .words = NULL };
	struct str commit;

	if (!str_has_prefix(str_from(name), S(SETTING)) ||
	    json_parse(str_from(value), 4, &object, &ignored) < 0)
		return;
	commit = json_get_str(object, "commit");
	if (!commit_is_valid(commit))
		return;
	memcpy(update.commit, commit.p, commit.n);
	update.checked_ms = json_get_int(object, "checked_ms", 0);
	update.files = (size_t)json_get_int(object, "files", 0);
	update.bytes = (uint64_t)json_get_int(object, "bytes", 0);
	update.files_gone = (size_t)json_get_int(object, "files_gone", 0);
	update.files_elsewhere = (size_t)json_get_int(object, "files_elsewhere", 0);
	update.words = str_dup(json_get_str(object, "summary"));
	put(u, name + S(SETTING).n, &update);
}

/* --- a question --- */

static void compare(struct pool_task *task)
{
	struct question *q = (struct question *)task;
	const struct hub_tree *tree = q->listing->tree;
	AUTO(diff) diff = diff_new(q->model, tree);

	q->update.files = diff->n_changed;
	q->update.bytes = diff->bytes;
	q->update.files_gone = diff->n_gone;
	q->update.files_elsewhere = diff->n_elsewhere;
	q->update.words = diff_words(diff, tree);
}

static void go_on(struct updates *u, const struct error *err);

/* The last call, by whichever way. */
static void end(struct question *q, const struct error *err)
{
	struct updates *u = q->updates;
	struct question **at = &u->first;
	bool is_of_round = q->is_of_round;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	u->n_questions--;
	if (q->done != NULL)
		q->done(q->ctx, err == NULL ? &q->update : NULL, err);
	if (err == NULL && !u->is_stopping) {
		save(u, q->model->folder, &q->update);
		put(u, q->model->folder, &q->update);
		u->hooks.changed(u->hooks.ctx, q->model->folder);
	}
	update_clear(&q->update);
	hub_listing_free(&q->listing);
	model_free(&q->model);
	free(q);
	if (is_of_round && !u->is_stopping)
		go_on(u, err);
}

static void on_compared(struct pool_task *task)
{
	end((struct question *)task, NULL);
}

static void on_listed(void *ctx, struct hub_listing *take_listing, const struct error *err)
{
	struct question *q = ctx;

	q->call = NULL;
	q->listing = take_listing;
	if (err != NULL) {
		end(q, err);
		return;
	}
	memcpy(q->update.commit, take_listing->info.commit, sizeof(q->update.commit));
	q->update.checked_ms = clock_unix_ms();
	pool_submit(q->updates->env.pool, &q->task);
}

static void ask(struct updates *u, struct model *model, bool is_of_round, updates_done_fn done,
		void *ctx)
{
	struct question *q = mem_alloc(sizeof(*q));

	q->task.run = compare;
	q->task.done = on_compared;
	q->updates = u;
	q->model = model_hold(model);
	q->is_of_round = is_of_round;
	q->done = done;
	q->ctx = ctx;
	q->next = u->first;
	u->first = q;
	u->n_questions++;
	hub_forget(u->env.hub, model->type, model->repo); /* what is newest is asked for */
	q->call = hub_list(u->env.hub, model->type, model->repo, model->revision, on_listed, q);
}

int updates_check(struct updates *u, struct model *model, updates_done_fn done, void *ctx,
		  struct error *err)
{
	if (model->repo == NULL)
		return error_set_field(err, "folder", "%s names no repository", model->folder);
	if (u->n_questions >= UPDATES_WAITING_MAX || u->is_stopping)
		return error_set(err, ERR_QUEUE_FULL, "too much is asked of the Hub already");
	ask(u, model, false, done, ctx);
	return 0;
}

/* --- rounds --- */

/* That the Hub cannot be asked concerns all models; other failures only this one. */
static bool is_of_the_line(const struct error *err)
{
	return err->code == ERR_NETWORK || err->code == ERR_TIMEOUT ||
	       err->code == ERR_RATE_LIMITED || err->code == ERR_HUB_UNAVAILABLE ||
	       err->code == ERR_OFFLINE;
}

static void on_time(void *ctx)
{
	struct updates *u = ctx;
	struct model *model = u->hooks.next(u->hooks.ctx, u->round_at);

	free(u->round_at);
	u->round_at = mem_strdup(model != NULL ? model->folder : "");
	if (model != NULL)
		ask(u, model, true, NULL, NULL);
	else
		loop_timer_arm(u->timer, u->env.every_s * 1000);
}

static void go_on(struct updates *u, const struct error *err)
{
	uint64_t pause_ms = UPDATES_PAUSE_MS;

	if (err != NULL)
		log_warning("%s: whether there is something newer is not known: %s",
			    u->round_at, err->text);
	if (err != NULL && is_of_the_line(err))
		pause_ms = UPDATES_AGAIN_MS;
	if (err != NULL && (uint64_t)err->retry_after_s * 1000 > pause_ms)
		pause_ms = (uint64_t)err->retry_after_s * 1000;
	loop_timer_arm(u->timer, pause_ms);
}

/* --- begin and end --- */

struct updates *updates_new(const struct updates_env *env, const struct updates_hooks *hooks,
			    struct error *err)
{
	AUTO(updates) u = mem_alloc(sizeof(*u));

	u->env = *env;
	u->hooks = *hooks;
	u->round_at = mem_strdup("");
	u->timer = loop_timer_new(env->loop, on_time, u);
	if (store_load_settings(env->store, load, u, err) < 0)
		return NULL;
	if (env->every_s > 0)
		loop_timer_arm(u->timer, UPDATES_FIRST_MS);
	return MOVE(u);
}

void updates_stop(struct updates *u)
{
	struct question *next;

	u->is_stopping = true;
	loop_timer_stop(u->timer);
	for (struct question *q = u->first; q != NULL; q = next) {
		struct error why;

		next = q->next;
		if (q->call == NULL)
			continue; /* a worker has it */
		hub_call_cancel(&q->call);
		(void)error_set(&why, ERR_CANCELLED, "larderd is stopping");
		end(q, &why);
	}
}

void updates_free(struct updates **updates)
{
	struct updates *u = *updates;

	*updates = NULL;
	if (u == NULL)
		return;
	assert(u->first == NULL);
	loop_timer_free(&u->timer);
	for (size_t i = 0; i < u->n; i++) {
		update_clear(&u->known[i].update);
		free(u->known[i].folder);
	}
	free(u->known);
	free(u->round_at);
	free(u);
}
