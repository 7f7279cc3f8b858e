/* Letting go, and taking back. */
#include "downloader/ops.h"

#include <stdlib.h>
#include <string.h>

/* --- deleting --- */

/* A download that has not ended writes there, or will. */
int ops_check_idle(const struct ops *ops, const char *folder, struct error *err)
{
	const struct job *job = queue_find_writer(ops->queue, folder);
	AUTO_CSTR other = NULL;

	if (job == NULL)
		return 0;
	other = job_own_folder(job);
	return error_set(err, ERR_IN_USE, "the download %s writes to %s", job->id, other);
}

static void on_done(void *ctx, const char *id, const struct error *err)
{
	struct json_object *object;

	if (err != NULL) {
		control_fail(ctx, err, NULL);
		return;
	}
	object = json_object_new_object();
	json_add_cstr(object, "trash", id);
	control_reply(ctx, object);
}

void ops_model_delete(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct error err;
	const struct model *model = ops_find_model(ops, params, &err);
	struct str group = json_get_str(params, "group");
	AUTO_CSTR name = group.n > 0 ? str_dup(group) : NULL;

	if (model == NULL || ops_check_idle(ops, model->folder, &err) < 0 ||
	    bin_put(ops->bin, model, name, on_done, call, &err) < 0)
		control_fail(call, &err, NULL);
}

/* --- the trash --- */

static struct json_object *entry_to_json(const struct trash_entry *entry)
{
	struct json_object *object = json_object_new_object();
	struct json_object *paths = json_object_new_array();

	for (size_t i = 0; i < entry->n_paths; i++) {
		if (str_is_utf8(str_from(entry->paths[i])))
			(void)json_object_array_add(paths,
						    json_object_new_string(entry->paths[i]));
	}
	json_add_cstr(object, "id", entry->id);
	json_add_time(object, "deleted_at", entry->at_ms);
	json_add_u64(object, "files", entry->files);
	json_add_u64(object, "bytes", entry->bytes);
	json_take(object, "paths", paths);
	return object;
}

static void on_list(void *ctx, const struct trash_list *list, const struct error *err)
{
	struct json_object *object;
	struct json_object *rows;

	if (err != NULL) {
		control_fail(ctx, err, NULL);
		return;
	}
	object = json_object_new_object();
	rows = json_object_new_array();
	for (size_t i = 0; i < list->n; i++)
		(void)json_object_array_add(rows, entry_to_json(&list->v[i]));
	json_take(object, "trash", rows);
	control_reply(ctx, object);
}

void ops_trash_list(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct error err;

	(void)params;
	if (bin_list(ops->bin, on_list, call, &err) < 0)
		control_fail(call, &err, NULL);
}

void ops_trash_restore(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct error err;

	bool is_swap = json_is_true(params, "replace");

	if (bin_restore(ops->bin, json_get_str(params, "id"), is_swap, on_done, call, &err) < 0)
		control_fail(call, &err, NULL);
}

static void on_emptied(void *ctx, const char *id, const struct error *err)
{
	(void)id;
	if (err != NULL)
		control_fail(ctx, err, NULL);
	else
		control_reply(ctx, NULL);
}

void ops_trash_empty(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct error err;

	if (bin_empty(ops->bin, json_get_str(params, "id"), on_emptied, call, &err) < 0)
		control_fail(call, &err, NULL);
}
