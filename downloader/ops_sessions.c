#include "downloader/ops.h"

#include <sodium.h>

#include "common/schema.h"

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

void ops_session_end(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct str hex = json_get_str(params, "id");
	struct auth_ended session = { .expires_s = json_get_int(params, "expires", 0) };
	struct error err;
	size_t n = 0;

	if (sodium_hex2bin(session.id, sizeof(session.id), hex.p, hex.n, NULL, &n, NULL) != 0 ||
	    n != sizeof(session.id)) {
		(void)error_set_field(&err, "id", "id is not %d hex digits",
				      SCHEMA_SESSION_ID_LEN);
		control_fail(call, &err, NULL);
		return;
	}
	sessions_end(ops->sessions, &session, on_revoked, call);
}
