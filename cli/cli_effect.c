#include "cli/cli_effect.h"

#include "cli/cli_download.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/rpc.h"

/* Why it is so, and how long. */
static void add_why(struct buf *b, struct json_object *effect, int64_t now_ms)
{
	struct str why = json_get_str(effect, "why");
	int64_t until_ms = 0;

	if (str_is_equal(why, S("schedule")))
		buf_add(b, S(", by the schedule"));
	else if (str_is_equal(why, S("slow")))
		buf_add(b, S(", while slow is on"));
	if (cli_text_to_time(json_get_str(effect, "until"), &until_ms) < 0 ||
	    until_ms <= now_ms)
		return;
	buf_add(b, S(", for another "));
	cli_text_add_duration(b, (uint64_t)(until_ms - now_ms + 999) / 1000);
}

void cli_effect_add(struct buf *b, struct json_object *effect, int64_t now_ms)
{
	uint64_t bps = cli_download_number(effect, "bandwidth_limit");

	if (json_is_true(effect, "paused")) {
		buf_add(b, S("paused"));
	} else if (bps > 0) {
		buf_add(b, S("at most "));
		cli_text_add_speed(b, bps);
	} else {
		buf_add(b, S("as fast as it goes"));
	}
	add_why(b, effect, now_ms);
}

void cli_effect_add_pause(const struct cli_session *session, struct buf *b, int64_t now_ms)
{
	AUTO_JSON settings = NULL;
	struct json_object *effect;
	struct error ignored;

	if (cli_session_call(session, "settings.get", NULL, RPC_TIMEOUT_MS, &settings, NULL,
			     &ignored) < 0)
		return;
	effect = json_get(settings, "effect");
	if (!json_is_true(effect, "paused"))
		return;
	buf_add(b, S("nothing is begun now: "));
	cli_effect_add(b, effect, now_ms);
	buf_add_char(b, '\n');
}
