#include "cli/cli_search.h"

#include <string.h>

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_table.h"
#include "cli/cli_term.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/quote.h"
#include "common/schema.h"

enum {
	LIMIT = 20,
	LIMIT_MAX = 1000,
	LOW_QUOTA = 50, /* questions that are left: time to say so */
	TEXT_MAX_BYTES = 4 * 1024 * 1024,
};

/* --- how large --- */

/* "7B", "1.5B", "500M", "7": at most three decimals. */
static int read_parameters(struct str text, uint64_t *ret)
{
	static const struct {
		char letter;
		uint64_t unit;
	} units[] = {
		{ 'k', 1000 }, { 'm', 1000000 }, { 'b', 1000000000 }, { 't', 1000000000000 }
	};
	uint64_t unit = 0;
	uint64_t whole;
	uint64_t part = 0;
	size_t dot;

	for (size_t i = 0; text.n > 0 && i < ARRAY_LEN(units); i++) {
		if (char_lower(text.p[text.n - 1]) != units[i].letter)
			continue;
		unit = units[i].unit;
		text = str_sub(text, 0, text.n - 1);
		break;
	}
	dot = str_find_char(text, '.');
	if (str_to_u64(str_sub(text, 0, dot), 0, 1000000, &whole) < 0)
		return -1;
	if (unit == 0) /* as everybody says it: 7 is 7B */
		unit = whole < 1000 ? 1000000000 : 1;
	if (dot < text.n) {
		struct str decimals = str_sub(text, dot + 1, text.n);

		if (unit < 1000 || decimals.n > 3 || str_to_u64(decimals, 0, 999, &part) < 0)
			return -1;
		for (size_t i = decimals.n; i < 3; i++)
			part *= 10;
	}
	*ret = whole * unit + part * (unit / 1000);
	return 0;
}

static int read_bound(struct str text, uint64_t *ret)
{
	*ret = 0;
	return text.n == 0 ? 0 : read_parameters(text, ret);
}

int cli_search_read_range(const char *text, uint64_t *ret_min, uint64_t *ret_max,
			  struct error *err)
{
	struct str range = str_from(text);
	size_t dots = str_find(range, S(".."));
	uint64_t about = 0;

	if (dots == range.n && read_parameters(range, &about) == 0 && about > 0) {
		*ret_min = about - about / 10;
		*ret_max = about + about / 10;
		return 0;
	}
	if (dots == range.n || range.n == 2 ||
	    read_bound(str_sub(range, 0, dots), ret_min) < 0 ||
	    read_bound(str_sub(range, dots + 2, range.n), ret_max) < 0 ||
	    (*ret_max > 0 && *ret_min > *ret_max))
		return error_set_field(
			err, "--parameters",
			"--parameters takes a size or a range, 7B or 7B..14B, not %s",
			quote_text(range).text);
	return 0;
}

/* --- what is asked for --- */

static void add_option(struct json_object *params, const char *name,
		       const struct cli_session *session, enum cli_option option)
{
	if (cli_args_has(session->args, option))
		json_add_cstr(params, name, cli_args_value(session->args, option));
}

/* "GGUF" is written so everywhere else. */
static void add_lower(struct json_object *params, const char *name,
		      const struct cli_session *session, enum cli_option option)
{
	AUTO_CSTR text = mem_strdup(cli_args_value(session->args, option));

	for (char *at = text; at != NULL && *at != '\0'; at++)
		*at = char_lower(*at);
	if (text != NULL)
		json_add_cstr(params, name, text);
}

static void add_joined(struct json_object *params, const char *name, const char *const *words,
		       size_t n, char between)
{
	AUTO(buf) text = buf_new(SCHEMA_QUERY_MAX + 1);

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(text, between);
		buf_add(text, str_from(words[i]));
	}
	if (n > 0)
		json_add_str(params, name, buf_str(text));
}

static int read_params(const struct cli_session *session, struct json_object *params,
		       struct error *err)
{
	const char *range = cli_args_value(session->args, CLI_OPTION_PARAMETERS);
	uint64_t min = 0;
	uint64_t max = 0;
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	add_joined(params, "q", words, n, ' ');
	words = cli_args_values(session->args, CLI_OPTION_TAG, &n);
	add_joined(params, "tags", words, n, ',');
	add_option(params, "author", session, CLI_OPTION_AUTHOR);
	add_lower(params, "format", session, CLI_OPTION_FORMAT);
	add_option(params, "task", session, CLI_OPTION_TASK);
	add_option(params, "sort", session, CLI_OPTION_SORT);
	add_option(params, "type", session, CLI_OPTION_TYPE);
	if (range != NULL && cli_search_read_range(range, &min, &max, err) < 0)
		return -1;
	if (min > 0)
		json_add_u64(params, "min_parameters", min);
	if (max > 0)
		json_add_u64(params, "max_parameters", max);
	return 0;
}

/* --- what is shown --- */

static void add_row(struct cli_table *table, struct json_object *row)
{
	AUTO(buf) cell = buf_new(CLI_WORDS_MAX);

	cli_table_add(table, json_get_str(row, "repo"));
	cli_text_add_parameters(cell, cli_download_number(row, "parameters"));
	cli_table_take(table, cell);
	cli_download_add_words(cell, json_get(row, "formats"));
	cli_table_take(table, cell);
	cli_text_add_number(cell, cli_download_number(row, "downloads"));
	cli_table_take(table, cell);
	cli_text_add_number(cell, cli_download_number(row, "likes"));
	cli_table_take(table, cell);
	cli_table_add(table, str_sub(json_get_str(row, "modified_at"), 0, 10));
	cli_table_add(table, json_get_str(row, "licence"));
	cli_table_add(table, json_get_str(row, "gated").n > 0 ? S("gated") : S(""));
	cli_table_add(table, json_is_true(row, "present") ? S("yes") : S(""));
}

void cli_search_render(struct buf *b, struct json_object *results, size_t columns, bool is_utf8)
{
	static const struct cli_table_column shown[] = {
		{ .title = "MODEL", .width_min = 16, .cut = CLI_CUT_MIDDLE, .is_copied = true },
		{ .title = "PARAMS", .align = CLI_ALIGN_RIGHT, .spare = 1 },
		{ .title = "FORMAT", .width_min = 4, .spare = 2 },
		{ .title = "DOWNLOADS", .align = CLI_ALIGN_RIGHT, .spare = 3 },
		{ .title = "LIKES", .align = CLI_ALIGN_RIGHT, .spare = 6 },
		{ .title = "CHANGED", .spare = 5 },
		{ .title = "LICENCE", .width_min = 6, .spare = 4 },
		{ .title = "ACCESS" },
		{ .title = "HERE" },
	};
	AUTO(cli_table) table = cli_table_new(shown, ARRAY_LEN(shown));

	for (size_t i = 0; i < json_object_array_length(results); i++)
		add_row(table, json_object_array_get_idx(results, i));
	cli_table_render(table, columns, is_utf8, b);
}

static void print_found(struct json_object *answer)
{
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);
	struct json_object *results = json_get(answer, "results");
	struct json_object *quota = json_get(answer, "quota");

	if (json_object_array_length(results) > 0)
		cli_search_render(text, results, cli_term_columns(CLI_TERM_OUT),
				  cli_term_is_utf8());
	else
		buf_add(text, S("nothing at the Hub is like that\n"));
	if (json_get_str(answer, "next_cursor").n > 0 &&
	    json_object_array_length(results) < LIMIT_MAX)
		buf_addf(text, "there are more; --limit=%d shows as many as it can\n",
			 LIMIT_MAX);
	if (quota != NULL && cli_download_number(quota, "remaining") < LOW_QUOTA) {
		buf_add(text, S("the Hub answers "));
		cli_text_add_count(text, cli_download_number(quota, "remaining"), "question");
		buf_add(text, S(" more in the next "));
		cli_text_add_duration(text, cli_download_number(quota, "reset_s"));
		buf_add_char(text, '\n');
	}
	cli_session_print(text);
}

enum cli_exit cli_search(const struct cli_session *session)
{
	AUTO_JSON params = json_object_new_object();
	struct json_object *answer = NULL;
	struct error err;
	int64_t limit;

	if (cli_args_number(session->args, CLI_OPTION_LIMIT, 1, LIMIT_MAX, LIMIT, &limit,
			    &err) < 0 ||
	    read_params(session, params, &err) < 0 ||
	    cli_session_pages(session, "hub.search", params, "results", (size_t)limit,
			      SCHEMA_ROWS_MAX, &answer, &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(answer, NULL);
	} else {
		print_found(answer);
		json_free(&answer);
	}
	return CLI_EXIT_OK;
}
