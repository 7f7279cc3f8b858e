#include "downloader/audit.h"

#include <inttypes.h>
#include <string.h>

#include "common/clock.h"
#include "common/log.h"

/* Parameters whose value nobody may read. */
static bool is_secret(const char *name)
{
	static const char *const names[] = { "token", "password" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* The parameters as JSON text, cut. */
static char *what_of(struct json_object *params)
{
	AUTO_JSON shown = json_object_new_object();
	struct str text;

	json_object_object_foreach(params, name, value)
	{
		if (is_secret(name))
			json_add_cstr(shown, name, "[redacted]");
		else
			json_take(shown, name, json_object_get(value));
	}
	text = json_text(shown);
	return str_dup(str_utf8_whole(str_sub(text, 0, AUDIT_WHAT_MAX)));
}

static void on_saved(void *ctx, const struct error *err)
{
	if (err != NULL)
		log_error("audit: an entry is not saved: %s", err->text);
	control_told(ctx);
}

void audit_note(struct store *store, struct control_call *call, const struct control_deed *deed,
		const struct error *err)
{
	bool is_note = strcmp(deed->method, "audit.note") == 0;
	/* What the web side tells of itself: a sign-in, say, which it alone decides. */
	bool is_told = is_note && err == NULL;
	AUTO_CSTR what = is_note ? mem_strdup("{}") : what_of(deed->params);
	struct audit_entry entry = {
		.at_ms = clock_unix_ms(),
		.who = deed->who,
		.address = deed->address,
		.action = is_told ? json_get_str(deed->params, "action").p : deed->method,
		.what = what,
		.outcome = is_told       ? json_get_str(deed->params, "outcome").p
			   : err == NULL ? "ok"
					 : error_code_name(err->code),
		.request_id = deed->request_id,
	};

	log_set_request(str_from(entry.request_id));
	log_record("audit: %s%s%s: %s %s: %s", entry.who,
		   entry.address[0] != '\0' ? " at " : "", entry.address, entry.action,
		   entry.what, entry.outcome);
	log_set_request(S(""));
	store_put_audit(store, &entry, on_saved, call);
}

struct json_object *audit_to_json(const struct audit_entry *entry)
{
	struct json_object *object = json_object_new_object();

	json_add_int(object, "id", entry->seq);
	json_add_time(object, "at", entry->at_ms);
	json_add_cstr(object, "who", entry->who);
	json_add_cstr(object, "address", entry->address[0] != '\0' ? entry->address : NULL);
	json_add_cstr(object, "action", entry->action);
	json_add_cstr(object, "what", entry->what);
	json_add_cstr(object, "outcome", entry->outcome);
	json_add_cstr(object, "request_id",
		      entry->request_id[0] != '\0' ? entry->request_id : NULL);
	return object;
}
