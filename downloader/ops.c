#include "downloader/ops.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *method;
	ops_fn fn;
} methods[] = {
	{ "preview.make", ops_preview_make },
	{ "download.create", ops_download_create },
	{ "download.list", ops_download_list },
	{ "download.get", ops_download_get },
	{ "download.patch", ops_download_patch },
	{ "download.pause", ops_download_pause },
	{ "download.resume", ops_download_resume },
	{ "download.cancel", ops_download_cancel },
	{ "download.retry", ops_download_retry },
	{ "download.forget", ops_download_forget },
	{ "hub.search", ops_hub_search },
	{ "event.changes", ops_event_changes },
	{ "library.scan", ops_library_scan },
	{ "model.list", ops_model_list },
	{ "model.get", ops_model_get },
	{ "session.rules", ops_session_rules },
	{ "session.revoke", ops_session_revoke },
	{ "session.end", ops_session_end },
	{ "settings.get", ops_settings_get },
	{ "settings.patch", ops_settings_patch },
	{ "system.health", ops_system_health },
	{ "model.delete", ops_model_delete },
	{ "trash.list", ops_trash_list },
	{ "trash.restore", ops_trash_restore },
	{ "trash.empty", ops_trash_empty },
	{ "system.status", ops_system_status },
	{ "model.check", ops_model_check },
	{ "model.repair", ops_model_repair },
	{ "model.update", ops_model_update },
	{ "model.verify", ops_model_verify },
	{ "scrub.get", ops_scrub_get },
	{ "scrub.start", ops_scrub_start },
	{ "scrub.stop", ops_scrub_stop },
};

/* A call about a model that is being looked at: what a download has brought is in the library
 * a moment after it has ended, and whoever asks at once shall not hear that there is none. */
struct ops_late {
	struct control_call *call;
	char *method;
	struct json_object *params; /* held */
	char *folder;
	struct ops_late *next;
};

static void late_free(struct ops_late **late)
{
	(void)json_object_put((*late)->params);
	free((*late)->method);
	free((*late)->folder);
	free(*late);
	*late = NULL;
}

static bool is_early(const struct ops *ops, struct str method, struct json_object *params)
{
	AUTO_CSTR folder = NULL;
	struct error unknown;

	if (!str_has_prefix(method, S("model.")) ||
	    !json_object_object_get_ex(params, "folder", NULL) ||
	    ops_find_model(ops, params, &unknown) != NULL)
		return false;
	folder = ops_folder_of(params);
	return library_is_looking(ops->library, str_from(folder));
}

static void wait_for_look(struct ops *ops, struct control_call *call, struct str method,
			  struct json_object *params)
{
	struct ops_late *late = mem_alloc(sizeof(*late));

	late->call = call;
	late->method = str_dup(method);
	late->params = json_object_get(params);
	late->folder = ops_folder_of(params);
	late->next = ops->late;
	ops->late = late;
}

void ops_on_looked(struct ops *ops, const char *folder)
{
	struct ops_late *late = MOVE(ops->late);

	while (late != NULL) {
		struct ops_late *next = late->next;

		if (strcmp(late->folder, folder) == 0) {
			ops_dispatch(ops, late->call, str_from(late->method), late->params);
			late_free(&late);
		} else {
			late->next = ops->late;
			ops->late = late;
		}
		late = next;
	}
}

void ops_clear(struct ops *ops)
{
	struct error err;

	(void)error_set(&err, ERR_INTERNAL, "larderd stops");
	while (ops->late != NULL) {
		struct ops_late *late = ops->late;

		ops->late = late->next;
		control_fail(late->call, &err, NULL);
		late_free(&late);
	}
}

void ops_dispatch(void *ctx, struct control_call *call, struct str method,
		  struct json_object *params)
{
	struct error err;

	if (is_early(ctx, method, params)) {
		wait_for_look(ctx, call, method, params);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
		if (str_is_equal(method, str_from(methods[i].method))) {
			methods[i].fn(ctx, call, params);
			return;
		}
	}
	/* schema_check() knows the same methods; a test compares the two tables. */
	(void)error_set(&err, ERR_UNKNOWN_METHOD, "there is no such method");
	control_fail(call, &err, NULL);
}
