#include "cli/cli_status.h"

#include <string.h>

#include "cli/cli_download.h"
#include "cli/cli_text.h"
#include "common/buf.h"

bool cli_status_is_well(struct json_object *health)
{
	if (!json_object_is_type(health, json_type_object) ||
	    json_object_object_length(health) == 0)
		return false;
	json_object_object_foreach(health, name, value)
	{
		(void)value;
		if (!str_is_equal(json_get_str(health, name), S("ok")))
			return false;
	}
	return true;
}

static void add_counts(struct buf *b, struct json_object *states)
{
	bool is_first = true;

	if (json_object_is_type(states, json_type_object)) {
		json_object_object_foreach(states, name, value)
		{
			(void)value;
			if (json_get_int(states, name, 0) == 0)
				continue;
			buf_addf(b, "%s%lld ", is_first ? "" : ", ",
				 (long long)json_get_int(states, name, 0));
			cli_text_add_escaped(b, str_from(name));
			is_first = false;
		}
	}
	if (is_first)
		buf_add(b, S("none"));
}

static void add_disk(struct buf *b, struct json_object *disk)
{
	cli_text_add_size(b, cli_download_number(disk, "free"));
	buf_add(b, S(" free of "));
	cli_text_add_size(b, cli_download_number(disk, "total"));
	buf_add(b, S(", "));
	cli_text_add_size(b, cli_download_number(disk, "reserved"));
	buf_add(b, S(" for the queue, "));
	cli_text_add_size(b, cli_download_number(disk, "kept_free"));
	buf_add(b, S(" to be kept free"));
}

static void add_health(struct buf *b, struct json_object *health)
{
	buf_add(b, cli_status_is_well(health) ? S("well") : S("not well"));
	if (!json_object_is_type(health, json_type_object))
		return;
	json_object_object_foreach(health, name, value)
	{
		(void)value;
		buf_add(b, S("\n  "));
		cli_text_add_escaped(b, str_from(name));
		buf_add(b, S(": "));
		cli_text_add_escaped(b, json_get_str(health, name));
	}
}

void cli_status_render(struct buf *b, struct json_object *status, struct json_object *health)
{
	buf_add(b, S("larderd:    "));
	cli_text_add_escaped(b, json_get_str(status, "version"));
	buf_add(b, S("\nHub:        "));
	cli_text_add_escaped(b, json_get_str(status, "endpoint"));
	buf_add(b, S("\nspeed:      "));
	cli_text_add_speed(b, cli_download_number(status, "speed_bps"));
	buf_add(b, S("\ndownloads:  "));
	add_counts(b, json_get(status, "downloads"));
	buf_add(b, S("\ndisk:       "));
	add_disk(b, json_get(status, "disk"));
	buf_add(b, S("\nhealth:     "));
	add_health(b, health);
	buf_add_char(b, '\n');
}

enum cli_exit cli_status(const struct cli_session *session)
{
	AUTO_JSON status = NULL;
	AUTO_JSON health = NULL;
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);
	struct json_object *object;
	struct error err;

	if (cli_session_call(session, "system.status", NULL, RPC_TIMEOUT_MS, &status, NULL,
			     &err) < 0 ||
	    cli_session_call(session, "system.health", NULL, RPC_TIMEOUT_MS, &health, NULL,
			     &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		object = json_object_new_object();
		json_take(object, "status", json_object_get(status));
		json_take(object, "health", json_object_get(health));
		cli_session_print_json(object, NULL);
	} else {
		cli_status_render(text, status, health);
		cli_session_print(text);
	}
	return cli_status_is_well(health) ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}
