#include "downloader/library.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/relpath.h"
#include "downloader/scan.h"

struct library {
	struct library_hooks hooks;
	struct store *store;
	struct scan *scan;
	struct loop_timer *timer;
	uint64_t every_ms;
	struct model **models; /* by folder; each held */
	bool *seen;            /* by the look at everything that is under way */
	uint64_t *orders;      /* of the look that found it (scan.h) */
	size_t n;
	size_t cap;
	bool is_scanning;
	size_t changes; /* of the look that is under way, or the last */
	uint64_t begun_ms;
	int64_t scanned_at_ms;
	struct error problem; /* ERR_NONE: all was seen */
	size_t files;
	uint64_t bytes;
};

/* Where the folder is, or belongs. */
static size_t position(const struct library *l, struct str folder, bool *ret_is_there)
{
	size_t low = 0;
	size_t high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = str_compare(str_from(l->models[middle]->folder), folder);

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

static size_t count_files(const struct model *model)
{
	size_t n = 0;

	for (size_t i = 0; i < MODEL_STATE_COUNT; i++)
		n += model->by_state[i];
	return n;
}

/* --- changes --- */

static void insert(struct library *l, size_t at, struct model *take_model)
{
	if (l->n == l->cap) {
		l->cap = l->cap < 16 ? 16 : l->cap * 2;
		l->models = mem_resize((void *)l->models, l->cap, sizeof(struct model *));
		l->seen = mem_resize(l->seen, l->cap, sizeof(bool));
		l->orders = mem_resize(l->orders, l->cap, sizeof(uint64_t));
	}
	memmove((void *)(l->models + at + 1), (void *)(l->models + at),
		(l->n - at) * sizeof(struct model *));
	memmove(l->seen + at + 1, l->seen + at, (l->n - at) * sizeof(bool));
	memmove(l->orders + at + 1, l->orders + at, (l->n - at) * sizeof(uint64_t));
	l->models[at] = take_model;
	l->seen[at] = true;
	l->orders[at] = 0;
	l->n++;
}

static void take_out(struct library *l, size_t at)
{
	l->files -= count_files(l->models[at]);
	l->bytes -= l->models[at]->bytes;
	model_free(&l->models[at]);
	l->n--;
	memmove((void *)(l->models + at), (void *)(l->models + at + 1),
		(l->n - at) * sizeof(struct model *));
	memmove(l->seen + at, l->seen + at + 1, (l->n - at) * sizeof(bool));
	memmove(l->orders + at, l->orders + at + 1, (l->n - at) * sizeof(uint64_t));
}

/* Is this one told by itself? */
static bool is_told(struct library *l)
{
	if (l->is_scanning)
		l->changes++;
	return !l->is_scanning || l->changes <= LIBRARY_TOLD_MAX;
}

/* It is only remembered for the next start. */
static void on_saved(void *ctx, const struct error *err)
{
	(void)ctx;
	if (err != NULL)
		log_warning("the library is not saved: %s", err->text);
}

static void remove_at(struct library *l, size_t at)
{
	AUTO_CSTR folder = mem_strdup(l->models[at]->folder);

	take_out(l, at);
	store_drop_model(l->store, folder, on_saved, l);
	if (is_told(l))
		l->hooks.removed(l->hooks.ctx, folder);
}

static void add(struct library *l, size_t at, struct model *take_model)
{
	l->files += count_files(take_model);
	l->bytes += take_model->bytes;
	insert(l, at, take_model);
}

/* The newest time of its files and notes: what is younger than a look is read again. */
static int64_t newest(const struct model *model)
{
	return model->mtime_ns > model->notes_mtime_ns ? model->mtime_ns
						       : model->notes_mtime_ns;
}

/* One that is as it was takes the place of the other all the same: it was looked at later. */
static void put(struct library *l, size_t at, bool is_there, struct model *take_model,
		bool is_news)
{
	bool is_kept =
		is_news || !is_there || !model_is_settled(l->models[at], newest(l->models[at]));

	if (is_there)
		take_out(l, at);
	add(l, at, take_model);
	if (is_kept)
		store_put_model(l->store, take_model, on_saved, l);
	if (is_news && is_told(l))
		l->hooks.changed(l->hooks.ctx, take_model);
}

/* --- what the scan tells --- */

static struct model *on_known(void *ctx, const char *folder)
{
	struct library *l = ctx;
	bool is_there;
	size_t at = position(l, str_from(folder), &is_there);

	return is_there ? l->models[at] : NULL;
}

/* Two looks at a folder may have crossed: the one that was begun later counts. */
static void on_looked(void *ctx, const char *folder, struct model *take_model, bool is_news,
		      uint64_t order)
{
	struct library *l = ctx;
	bool is_there;
	size_t at = position(l, str_from(folder), &is_there);

	if (is_there && l->orders[at] > order) {
		model_free(&take_model);
	} else if (take_model != NULL) {
		put(l, at, is_there, take_model, is_news || !is_there);
		l->orders[at] = order;
	} else if (is_there) {
		remove_at(l, at);
	}
}

static void on_begun(void *ctx)
{
	struct library *l = ctx;

	l->is_scanning = true;
	l->changes = 0;
	l->begun_ms = clock_steady_ms();
	for (size_t i = 0; i < l->n; i++)
		l->seen[i] = false;
	l->hooks.state(l->hooks.ctx);
}

static void on_seen(void *ctx, const char *folder)
{
	struct library *l = ctx;
	bool is_there;
	size_t at = position(l, str_from(folder), &is_there);

	if (is_there)
		l->seen[at] = true;
}

static void on_unread(void *ctx, const char *folder)
{
	struct library *l = ctx;

	for (size_t i = 0; i < l->n; i++)
		l->seen[i] = l->seen[i] || relpath_is_below(l->models[i]->folder, folder);
}

static void on_ended(void *ctx, const struct error *err)
{
	struct library *l = ctx;

	l->problem = err != NULL ? *err : (struct error){ .code = ERR_NONE };
	for (size_t i = l->n; err == NULL && i > 0; i--) {
		if (!l->seen[i - 1])
			remove_at(l, i - 1);
	}
	l->is_scanning = false;
	l->scanned_at_ms = clock_unix_ms();
	log_info("library: looked at in %llu ms: models %zu, files %zu, new or different "
		 "%zu%s%s",
		 (unsigned long long)(clock_steady_ms() - l->begun_ms), l->n, l->files,
		 l->changes, err != NULL ? "; " : "", err != NULL ? err->text : "");
	if (l->every_ms > 0)
		loop_timer_arm(l->timer, l->every_ms);
	l->hooks.state(l->hooks.ctx);
}

static void on_over(void *ctx, const char *folder)
{
	struct library *l = ctx;

	l->hooks.looked(l->hooks.ctx, folder);
}

/* --- what is asked --- */

struct model *library_find(const struct library *l, struct str folder)
{
	bool is_there;
	size_t at = position(l, folder, &is_there);

	return is_there ? l->models[at] : NULL;
}

struct model *library_after(const struct library *l, struct str folder)
{
	bool is_there;
	size_t at = position(l, folder, &is_there);

	at += is_there ? 1 : 0;
	return at < l->n ? l->models[at] : NULL;
}

struct model *const *library_models(const struct library *l, size_t *ret_n)
{
	*ret_n = l->n;
	return l->models;
}

void library_tell(const struct library *l, struct library_state *ret)
{
	*ret = (struct library_state){ .is_scanning = l->is_scanning,
				       .models = l->n,
				       .files = l->files,
				       .bytes = l->bytes,
				       .changes = l->changes,
				       .scanned_at_ms = l->scanned_at_ms };
	if (l->problem.code != ERR_NONE)
		memcpy(ret->problem, l->problem.text, sizeof(ret->problem));
}

void library_scan(struct library *l)
{
	loop_timer_stop(l->timer);
	scan_all(l->scan);
}

void library_look(struct library *l, const char *folder)
{
	scan_folder(l->scan, folder);
}

bool library_is_looking(const struct library *l, struct str folder)
{
	return scan_is_looking(l->scan, folder);
}

static void on_time(void *ctx)
{
	library_scan(ctx);
}

static void on_loaded(void *ctx, struct model *take_model)
{
	struct library *l = ctx;
	bool is_there;
	size_t at = position(l, str_from(take_model->folder), &is_there);

	assert(!is_there);
	add(l, at, take_model);
}

struct library *library_new(const struct library_env *env, const struct library_hooks *hooks,
			    struct error *err)
{
	AUTO(library) l = mem_alloc(sizeof(*l));
	struct scan_hooks scan_hooks = { .known = on_known,
					 .looked = on_looked,
					 .begun = on_begun,
					 .seen = on_seen,
					 .unread = on_unread,
					 .ended = on_ended,
					 .over = on_over,
					 .ctx = l };

	l->hooks = *hooks;
	l->store = env->store;
	l->every_ms = env->every_s * 1000;
	l->timer = loop_timer_new(env->loop, on_time, l);
	l->scan = scan_new(env->pool, env->models_root, &scan_hooks);
	if (store_load_models(env->store, on_loaded, l, err) < 0)
		return NULL;
	return MOVE(l);
}

void library_stop(struct library *l)
{
	loop_timer_stop(l->timer);
	scan_stop(l->scan);
}

void library_free(struct library **library)
{
	struct library *l = *library;

	*library = NULL;
	if (l == NULL)
		return;
	scan_free(&l->scan);
	loop_timer_free(&l->timer);
	for (size_t i = 0; i < l->n; i++)
		model_free(&l->models[i]);
	free((void *)l->models);
	free(l->seen);
	free(l->orders);
	free(l);
}
