#include "cli/cli_audit.h"

#include <string.h>

#include "cli/cli_args.h"
#include "cli/cli_table.h"
#include "cli/cli_term.h"
#include "common/buf.h"
#include "common/schema.h"

enum {
	LIMIT = 50,
	TEXT_MAX_BYTES = 4 * 1024 * 1024,
};

static void add_row(struct cli_table *table, struct json_object *entry)
{
	static const char *const members[] = { "who", "address", "action", "what", "outcome" };
	AUTO_CSTR at = str_dup(str_sub(json_get_str(entry, "at"), 0, 19));

	if (strlen(at) > 10)
		at[10] = ' ';
	cli_table_add(table, str_from(at));
	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		cli_table_add(table, json_get_str(entry, members[i]));
}

static void print(struct json_object *entries)
{
	static const struct cli_table_column shown[] = {
		{ .title = "TIME (UTC)" },
		{ .title = "WHO", .width_min = 6 },
		{ .title = "ADDRESS", .width_min = 7, .spare = 1 },
		{ .title = "ACTION", .width_min = 8 },
		{ .title = "WHAT", .width_min = 8, .spare = 2 },
		{ .title = "OUTCOME" },
	};
	AUTO(cli_table) table = cli_table_new(shown, ARRAY_LEN(shown));
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);

	for (size_t i = 0; i < json_object_array_length(entries); i++)
		add_row(table, json_object_array_get_idx(entries, i));
	if (json_object_array_length(entries) > 0)
		cli_table_render(table, cli_term_columns(CLI_TERM_OUT), cli_term_is_utf8(),
				 text);
	else
		buf_add(text, S("nobody has done anything yet\n"));
	cli_session_print(text);
}

enum cli_exit cli_audit(const struct cli_session *session)
{
	AUTO_JSON params = json_object_new_object();
	struct json_object *answer = NULL;
	struct error err;
	int64_t limit;

	if (cli_args_number(session->args, CLI_OPTION_LIMIT, 1, SCHEMA_PAGE_MAX, LIMIT, &limit,
			    &err) < 0)
		return cli_session_fail(session, &err);
	json_add_int(params, "limit", limit);
	if (cli_session_call(session, "audit.list", params, RPC_TIMEOUT_MS, &answer, NULL,
			     &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(answer, NULL);
	} else {
		print(json_get(answer, "audit"));
		json_free(&answer);
	}
	return CLI_EXIT_OK;
}
