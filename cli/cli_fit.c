#include "cli/cli_fit.h"

#include "cli/cli_args.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/quote.h"
#include "common/schema.h"

int cli_fit_context(const struct cli_session *session, int64_t *ret, struct error *err)
{
	return cli_args_number(session->args, CLI_OPTION_CONTEXT, 1, SCHEMA_CONTEXT_MAX, 0, ret,
			       err);
}

static size_t length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array)
							   : 0;
}

struct json_object *cli_fit_ask(const struct cli_session *session, struct json_object *preview,
				int64_t context)
{
	AUTO_JSON params = json_object_new_object();
	struct json_object *fit = NULL;
	struct error ignored;

	if (length(json_get(preview, "groups")) == 0 ||
	    !str_is_equal(json_get_str(preview, "type"), S("model")))
		return NULL;
	json_add_str(params, "id", json_get_str(preview, "id"));
	if (context > 0)
		json_add_int(params, "context", context);
	(void)!cli_session_call(session, "preview.fit", params, RPC_TIMEOUT_MS, &fit, NULL,
				&ignored);
	return fit;
}

/* What is recommended where nothing fits is the least bad: not what was asked for. */
static bool fits(struct json_object *fit, struct str name)
{
	struct json_object *groups = json_get(fit, "groups");

	for (size_t i = 0; i < length(groups); i++) {
		struct json_object *group = json_object_array_get_idx(groups, i);

		if (str_is_equal(json_get_str(group, "name"), name))
			return !str_is_equal(json_get_str(group, "fit"), S("none"));
	}
	return false;
}

static void take(struct json_object *params, struct json_object *preview, struct str name)
{
	struct json_object *select = json_object_new_array();

	(void)json_object_array_add(select, json_object_new_string_len(name.p, (int)name.n));
	json_take(params, "select", select);
	json_add_str(params, "commit", json_get_str(preview, "commit"));
}

void cli_fit_add_no_card(struct buf *b, struct json_object *fit)
{
	struct json_object *host = json_get(fit, "host");

	if (host != NULL && length(json_get(host, "gpus")) == 0)
		buf_add(b, S("  no graphics card is known here; to name one of 8 GiB: larder "
			     "settings set gpu-memory=8\n"));
}

int cli_fit_choose(const struct cli_session *session, struct json_object *params,
		   struct buf *said, struct error *err)
{
	AUTO_JSON preview = NULL;
	AUTO_JSON fit = NULL;
	struct json_object *recommended;
	struct str name;
	int64_t context;

	if (cli_fit_context(session, &context, err) < 0 ||
	    cli_session_call(session, "preview.make", params, RPC_TIMEOUT_MS, &preview, NULL,
			     err) < 0)
		return -1;
	if (length(json_get(preview, "select")) > 0) {
		cli_text_add_escaped(said, json_get_str(preview, "understood"));
		buf_add(said, S(": taken as it is named; --fit chooses where nothing is\n"));
		return 0;
	}
	fit = cli_fit_ask(session, preview, context);
	recommended = json_get(fit, "recommended");
	name = json_get_str(recommended, "group");
	if (name.n == 0)
		return error_set(err, ERR_INVALID,
				 "no variant of it can be recommended; larder preview shows "
				 "what there is");
	if (!fits(fit, name))
		return error_set(err, ERR_INVALID,
				 "no variant of it fits this machine; the smallest is %s",
				 quote_plain(name).text);
	take(params, preview, name);
	cli_text_add_escaped(said, json_get_str(preview, "repo"));
	buf_add_char(said, ':');
	cli_text_add_escaped(said, name);
	buf_add(said, S(": "));
	cli_text_add_escaped(said, json_get_str(recommended, "reason"));
	buf_add_char(said, '\n');
	cli_fit_add_no_card(said, fit);
	return 0;
}
