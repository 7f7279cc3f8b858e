#include "downloader/ops.h"

#include <stdlib.h>

struct patching {
	struct ops *ops;
	struct control_call *call;
};

void ops_settings_get(struct ops *ops, struct control_call *call, struct json_object *params)
{
	(void)params;
	control_reply(call, settings_to_json(ops->settings));
}

static void on_patched(void *ctx, const struct error *err)
{
	struct patching *patching = ctx;

	if (err != NULL)
		control_fail(patching->call, err, NULL);
	else
		control_reply(patching->call, settings_to_json(patching->ops->settings));
	free(patching);
}

void ops_settings_patch(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct patching *patching = mem_alloc(sizeof(*patching));
	struct error err;

	*patching = (struct patching){ .ops = ops, .call = call };
	if (settings_patch(ops->settings, params, on_patched, patching, &err) < 0) {
		control_fail(call, &err, NULL);
		free(patching);
	}
}
