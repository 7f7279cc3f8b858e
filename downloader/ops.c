#include "downloader/ops.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/audit.h"

static const struct {
	const char *method;
	ops_fn fn;
	bool is_deed; /* changes something: goes into the audit */
} methods[] = {
	{ "preview.make", ops_preview_make, false },
	{ "preview.fit", ops_preview_fit, false },
	{ "paste.read", ops_paste_read, false },
	{ "download.create", ops_download_create, true },
	{ "download.list", ops_download_list, false },
	{ "download.get", ops_download_get, false },
	{ "download.patch", ops_download_patch, true },
	{ "download.pause", ops_download_pause, true },
	{ "download.resume", ops_download_resume, true },
	{ "download.cancel", ops_download_cancel, true },
	{ "download.retry", ops_download_retry, true },
	{ "download.forget", ops_download_forget, true },
	{ "backup.make", ops_backup_make, true },
	{ "doctor.examine", ops_doctor_examine, false },
	{ "hub.model", ops_hub_model, false },
	{ "hub.search", ops_hub_search, false },
	{ "event.changes", ops_event_changes, false },
	{ "library.scan", ops_library_scan, true },
	{ "model.list", ops_model_list, false },
	{ "model.get", ops_model_get, false },
	{ "session.rules", ops_session_rules, false },
	{ "session.revoke", ops_session_revoke, true },
	{ "session.end", ops_session_end, true },
	{ "settings.get", ops_settings_get, false },
	{ "settings.patch", ops_settings_patch, true },
	{ "system.health", ops_system_health, false },
	{ "model.delete", ops_model_delete, true },
	{ "trash.list", ops_trash_list, false },
	{ "trash.restore", ops_trash_restore, true },
	{ "trash.empty", ops_trash_empty, true },
	{ "system.live", ops_system_live, false },
	{ "system.metrics", ops_system_metrics, false },
	{ "system.status", ops_system_status, false },
	{ "model.check", ops_model_check, true },
	{ "model.repair", ops_model_repair, true },
	{ "model.update", ops_model_update, true },
	{ "model.verify", ops_model_verify, true },
	{ "scrub.get", ops_scrub_get, false },
	{ "scrub.start", ops_scrub_start, true },
	{ "scrub.stop", ops_scrub_stop, true },
	{ "token.get", ops_token_get, false },
	{ "token.set", ops_token_set, true },
	{ "token.forget", ops_token_forget, true },
	{ "audit.list", ops_audit_list, false },
	{ "audit.note", ops_audit_note, true },
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

void ops_on_ended(void *ctx, struct control_call *call, const struct control_deed *deed,
		  const struct error *err)
{
	const struct ops *ops = ctx;

	audit_note(ops->store, call, deed, err);
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
			if (methods[i].is_deed)
				control_watch(call, method, params);
			methods[i].fn(ctx, call, params);
			return;
		}
	}
	/* schema_check() knows the same methods; a test compares the two tables. */
	(void)error_set(&err, ERR_UNKNOWN_METHOD, "there is no such method");
	control_fail(call, &err, NULL);
}
