#include "downloader/ops.h"

void ops_session_rules(struct ops *ops, struct control_call *call, struct json_object *params)
{
	(void)params;
	control_reply(call, sessions_to_json(ops->sessions));
}

static void on_revoked(void *ctx, const struct error *err)
{
	struct control_call *call = ctx;

	if (err != NULL)
		control_fail(call, err, NULL);
	else
		control_reply(call, json_object_new_object());
}

void ops_session_revoke(struct ops *ops, struct control_call *call, struct json_object *params)
{
	(void)params;
	sessions_revoke(ops->sessions, on_revoked, call);
}
