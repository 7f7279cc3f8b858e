#include "downloader/ops.h"

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
	{ "event.changes", ops_event_changes },
	{ "library.scan", ops_library_scan },
	{ "model.list", ops_model_list },
	{ "model.get", ops_model_get },
	{ "session.rules", ops_session_rules },
	{ "session.revoke", ops_session_revoke },
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

void ops_dispatch(void *ctx, struct control_call *call, struct str method,
		  struct json_object *params)
{
	struct error err;

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
