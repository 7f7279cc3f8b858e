/* Who did what. */
#include "downloader/ops.h"

#include <stdlib.h>

#include "common/schema.h"
#include "downloader/audit.h"

static void on_entries(void *ctx, const struct audit_entry *entries, size_t n,
		       const struct error *err)
{
	struct control_call *call = ctx;
	struct json_object *result;
	struct json_object *list;

	if (err != NULL) {
		control_fail(call, err, NULL);
		return;
	}
	result = json_object_new_object();
	list = json_object_new_array();
	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(list, audit_to_json(&entries[i]));
	json_take(result, "audit", list);
	/* What comes after is told by the next page, which may be empty. */
	if (n > 0 && entries[n - 1].seq > 1)
		json_add_int(result, "next_cursor", entries[n - 1].seq);
	else
		json_take(result, "next_cursor", NULL);
	control_reply(call, result);
}

void ops_audit_list(struct ops *ops, struct control_call *call, struct json_object *params)
{
	store_get_audit(ops->store, json_get_int(params, "cursor", INT64_MAX),
			(size_t)json_get_int(params, "limit", SCHEMA_PAGE_DEFAULT), on_entries,
			call);
}

/* That it was watched is all: its end is the note. Another's is an attempt that is told as
 * such. */
void ops_audit_note(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct error err;

	(void)ops;
	(void)params;
	if (control_is_ours(call)) {
		control_reply(call, json_object_new_object());
		return;
	}
	(void)error_set(&err, ERR_FORBIDDEN, "only larder-fcgi notes what others have done");
	control_fail(call, &err, NULL);
}
