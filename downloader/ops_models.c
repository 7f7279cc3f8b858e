/* The library: what is there, and looking again. */
#include "downloader/ops.h"

#include <stdlib.h>
#include <string.h>

#include "common/quote.h"
#include "common/schema.h"

/* --- which ones, in what order --- */

typedef int (*order_fn)(const struct model *a, const struct model *b);

static int by_folder(const struct model *a, const struct model *b)
{
	return strcmp(a->folder, b->folder);
}

/* The larger first; equal ones by folder, so that the order is one. */
static int larger_first(const struct model *a, const struct model *b, uint64_t x, uint64_t y)
{
	if (x != y)
		return x > y ? -1 : 1;
	return by_folder(a, b);
}

static int by_size(const struct model *a, const struct model *b)
{
	return larger_first(a, b, a->bytes, b->bytes);
}

static int by_time(const struct model *a, const struct model *b)
{
	return larger_first(a, b, (uint64_t)a->mtime_ns, (uint64_t)b->mtime_ns);
}

static const struct {
	const char *name;
	order_fn order;
} orders[] = {
	{ "name", by_folder },
	{ "size", by_size },
	{ "modified", by_time },
};

static bool is_incomplete(const struct ops *ops, const struct model *model)
{
	(void)ops;
	return model->parts_missing > 0 || model->partial_bytes > 0;
}

static bool is_unverified(const struct ops *ops, const struct model *model)
{
	(void)ops;
	return model->by_state[MODEL_UNKNOWN] + model->by_state[MODEL_CHANGED] > 0;
}

static bool is_changed(const struct ops *ops, const struct model *model)
{
	(void)ops;
	return model->by_state[MODEL_CHANGED] > 0;
}

static bool is_outdated(const struct ops *ops, const struct model *model)
{
	const struct update *update = updates_find(ops->updates, str_from(model->folder));

	return update != NULL && update_is_available(update);
}

static bool has_problem(const struct ops *ops, const struct model *model)
{
	(void)ops;
	return model->problems > 0 || model->problem != NULL;
}

static const struct {
	const char *name;
	bool (*is_so)(const struct ops *ops, const struct model *model);
} states[] = {
	{ "incomplete", is_incomplete }, { "unverified", is_unverified },
	{ "changed", is_changed },       { "problem", has_problem },
	{ "outdated", is_outdated },
};

struct wanted {
	struct str text;
	struct str format;
	struct str quant;
	bool (*is_so)(const struct ops *ops, const struct model *model); /* or NULL */
	order_fn order;
	struct model *after; /* has but what orders them; NULL: from the beginning */
};

static int read_order(struct json_object *params, order_fn *ret, struct error *err)
{
	struct str sort = json_get_str(params, "sort");

	*ret = by_folder;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		if (str_is_equal(sort, str_from(orders[i].name)))
			*ret = orders[i].order;
	}
	if (sort.n > 0 && *ret == by_folder && !str_is_equal(sort, S("name")))
		return error_set_field(err, "sort", "sort must be name, size or modified");
	return 0;
}

static int read_state(struct json_object *params, struct wanted *ret, struct error *err)
{
	struct str state = json_get_str(params, "state");

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (str_is_equal(state, str_from(states[i].name)))
			ret->is_so = states[i].is_so;
	}
	if (state.n > 0 && ret->is_so == NULL)
		return error_set_field(
			err, "state",
			"state must be incomplete, unverified, changed, problem or outdated");
	return 0;
}

/* A cursor is what the last row is ordered by, and its folder: the list keeps its place also
 * when that model has gone. */
static int read_cursor(struct json_object *params, struct wanted *ret, struct error *err)
{
	struct str cursor = json_get_str(params, "cursor");
	size_t at = str_find_char(cursor, ':');
	AUTO_CSTR folder = NULL;
	uint64_t key;

	if (cursor.n == 0)
		return 0;
	if (at == cursor.n || str_to_u64(str_sub(cursor, 0, at), 0, UINT64_MAX, &key) < 0)
		return error_set_field(err, "cursor", "cursor is not one that was given out");
	folder = str_dup(str_sub(cursor, at + 1, cursor.n));
	ret->after = model_new(folder);
	ret->after->bytes = key;
	ret->after->mtime_ns = (int64_t)key;
	return 0;
}

static int read_wanted(struct json_object *params, struct wanted *ret, struct error *err)
{
	*ret = (struct wanted){ .text = json_get_str(params, "q"),
				.format = json_get_str(params, "format"),
				.quant = json_get_str(params, "quant") };
	if (read_order(params, &ret->order, err) < 0 || read_state(params, ret, err) < 0)
		return -1;
	return read_cursor(params, ret, err);
}

static bool has_group(const struct model *model, const struct wanted *wanted)
{
	for (size_t i = 0; i < model->n_groups; i++) {
		const struct model_group *group = &model->groups[i];
		AUTO_CSTR suffix = mem_printf(".%.*s", (int)wanted->format.n,
					      wanted->format.n > 0 ? wanted->format.p : "");

		if (wanted->quant.n > 0 &&
		    !str_is_equal_nocase(str_from(group->variant.quant.label), wanted->quant))
			continue;
		if (wanted->format.n == 0 ||
		    str_has_suffix_nocase(str_from(model_member(model, i, 0)->path),
					  str_from(suffix)))
			return true;
	}
	return false;
}

static bool is_wanted(const struct ops *ops, const struct model *model,
		      const struct wanted *wanted)
{
	struct str folder = str_from(model->folder);

	if (wanted->text.n > 0 && str_find_nocase(folder, wanted->text) == folder.n)
		return false;
	if (wanted->is_so != NULL && !wanted->is_so(ops, model))
		return false;
	return (wanted->quant.n == 0 && wanted->format.n == 0) || has_group(model, wanted);
}

/* --- the list --- */

static struct json_object *add_update(const struct ops *ops, const struct model *model,
				      struct json_object *take_object)
{
	const struct update *update = updates_find(ops->updates, str_from(model->folder));

	json_take(take_object, "update", update != NULL ? update_to_json(update) : NULL);
	return take_object;
}

struct json_object *ops_model_row(const struct ops *ops, const struct model *model)
{
	return add_update(ops, model, model_to_row(model));
}

static int compare(const void *a, const void *b, void *order)
{
	const struct model *const *x = a;
	const struct model *const *y = b;
	const order_fn *fn = order;

	return (*fn)(*x, *y);
}

static uint64_t key_of(const struct model *model, const struct wanted *wanted)
{
	if (wanted->order == by_size)
		return model->bytes;
	return wanted->order == by_time ? (uint64_t)model->mtime_ns : 0;
}

static struct json_object *list_page(const struct ops *ops, struct wanted *wanted, size_t limit)
{
	struct json_object *page = json_object_new_object();
	struct json_object *rows = json_object_new_array();
	size_t n_all = 0;
	struct model *const *all = library_models(ops->library, &n_all);
	const struct model **found = mem_array(n_all, sizeof(const struct model *));
	AUTO_CSTR cursor = NULL;
	size_t n_found = 0;
	size_t n = 0;

	for (size_t i = 0; i < n_all; i++) {
		if (!is_wanted(ops, all[i], wanted))
			continue;
		n_found++;
		if (wanted->after == NULL || wanted->order(all[i], wanted->after) > 0)
			found[n++] = all[i];
	}
	if (wanted->order != by_folder) /* they are in this order */
		qsort_r((void *)found, n, sizeof(*found), compare, &wanted->order);
	for (size_t i = 0; i < n && i < limit; i++)
		(void)json_object_array_add(rows, ops_model_row(ops, found[i]));
	json_take(page, "models", rows);
	json_add_u64(page, "total", n_found);
	if (n > limit)
		cursor = mem_printf("%llu:%s",
				    (unsigned long long)key_of(found[limit - 1], wanted),
				    found[limit - 1]->folder);
	json_add_cstr(page, "next_cursor", cursor);
	json_take(page, "library", ops_library(ops));
	free((void *)found);
	return page;
}

void ops_model_list(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct wanted wanted;
	struct error err;

	if (read_wanted(params, &wanted, &err) < 0)
		control_fail(call, &err, NULL);
	else
		control_reply(call, list_page(ops, &wanted,
					      (size_t)json_get_int(params, "limit",
								   SCHEMA_PAGE_DEFAULT)));
	model_free(&wanted.after);
}

/* --- one --- */

char *ops_folder_of(struct json_object *params)
{
	AUTO_CSTR folder = str_dup(json_get_str(params, "folder"));
	struct str revision = json_get_str(params, "revision");
	AUTO_CSTR text = NULL;
	bool is_dataset = str_has_prefix(str_from(folder), S("datasets/"));
	const char *repo = folder + (is_dataset ? S("datasets/").n : 0);

	if (revision.n == 0)
		return MOVE(folder);
	text = str_dup(revision);
	return job_folder(is_dataset ? REPO_DATASET : REPO_MODEL, repo, text);
}

struct model *ops_find_model(const struct ops *ops, struct json_object *params,
			     struct error *err)
{
	AUTO_CSTR folder = ops_folder_of(params);
	struct model *model = library_find(ops->library, str_from(folder));

	if (model == NULL)
		(void)error_set(err, ERR_UNKNOWN_MODEL, "%s is not in the library",
				quote_plain(str_from(folder)).text);
	return model;
}

void ops_model_get(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct error err;
	const struct model *model = ops_find_model(ops, params, &err);
	int64_t context = json_get_int(params, "context", MODEL_CONTEXT_DEFAULT);

	if (model != NULL)
		control_reply(call,
			      add_update(ops, model, model_to_json(model, (uint64_t)context)));
	else
		control_fail(call, &err, NULL);
}

/* --- looking again --- */

struct json_object *ops_library(const struct ops *ops)
{
	struct json_object *object = json_object_new_object();
	struct library_state state;

	library_tell(ops->library, &state);
	json_add_cstr(object, "path", ops->models_path);
	json_add_bool(object, "scanning", state.is_scanning);
	json_add_u64(object, "models", state.models);
	json_add_u64(object, "files", state.files);
	json_add_u64(object, "bytes", state.bytes);
	json_add_u64(object, "changes", state.changes);
	json_add_time(object, "scanned_at", state.scanned_at_ms);
	json_add_cstr(object, "problem", state.problem[0] != '\0' ? state.problem : NULL);
	return object;
}

void ops_library_scan(struct ops *ops, struct control_call *call, struct json_object *params)
{
	(void)params;
	library_scan(ops->library);
	control_reply(call, ops_library(ops));
}
