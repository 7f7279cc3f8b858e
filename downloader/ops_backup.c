#include "downloader/backup.h"
#include "downloader/ops.h"

static void on_made(void *ctx, const char *path, uint64_t bytes, const struct error *err)
{
	struct json_object *object;

	if (err != NULL) {
		control_fail(ctx, err, NULL);
		return;
	}
	object = json_object_new_object();
	json_add_cstr(object, "path", path);
	json_add_u64(object, "bytes", bytes);
	control_reply(ctx, object);
}

void ops_backup_make(struct ops *ops, struct control_call *call, struct json_object *params)
{
	(void)params;
	backup_make(ops->pool, ops->state_path, on_made, call);
}
