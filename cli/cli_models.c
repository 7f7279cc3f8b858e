#include "cli/cli_models.h"

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_table.h"
#include "cli/cli_term.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/schema.h"

enum {
	TEXT_MAX_BYTES = 64 * 1024 * 1024,
};

/* --- words --- */

static void add_part(struct buf *b, bool *has_some, uint64_t n, const char *noun,
		     const char *what)
{
	if (n == 0)
		return;
	buf_add(b, *has_some ? S(", ") : S(""));
	cli_text_add_count(b, n, noun);
	buf_addf(b, " %s", what);
	*has_some = true;
}

/* What a person should know of it, the worst first. */
static void add_state(struct buf *b, struct json_object *model)
{
	bool has_some = false;

	add_part(b, &has_some, cli_download_number(model, "parts_missing"), "part", "missing");
	add_part(b, &has_some, cli_download_number(model, "problems"), "problem", "seen");
	add_part(b, &has_some, cli_download_number(model, "files_changed"), "file", "changed");
	add_part(b, &has_some, cli_download_number(model, "files_unknown"), "file",
		 "unverified");
	if (cli_download_number(model, "partial_bytes") > 0) {
		buf_add(b, has_some ? S(", ") : S(""));
		cli_text_add_size(b, cli_download_number(model, "partial_bytes"));
		buf_add(b, S(" half done"));
		has_some = true;
	}
	if (!has_some)
		buf_add(b, cli_download_number(model, "files_total") > 0
				   ? S("proven")
				   : S("nothing whole yet"));
	if (json_is_true(json_get(model, "update"), "available"))
		buf_add(b, S(", outdated"));
}

/* --- ls --- */

static void add_row(struct cli_table *table, struct json_object *model)
{
	AUTO(buf) cell = buf_new(CLI_WORDS_MAX);
	struct json_object *quants = json_get(model, "quants");

	cli_table_add(table, json_get_str(model, "folder"));
	cli_text_add_size(cell, cli_download_number(model, "bytes"));
	cli_table_take(table, cell);
	cli_text_add_parameters(cell, cli_download_number(model, "parameters"));
	cli_table_take(table, cell);
	cli_download_add_words(cell, quants != NULL && json_object_array_length(quants) > 0
					     ? quants
					     : json_get(model, "formats"));
	cli_table_take(table, cell);
	cli_text_add_number(cell, cli_download_number(model, "files_total"));
	cli_table_take(table, cell);
	add_state(cell, model);
	cli_table_take(table, cell);
}

void cli_models_render(struct buf *b, struct json_object *models, size_t columns, bool is_utf8)
{
	static const struct cli_table_column shown[] = {
		{ .title = "MODEL", .width_min = 12, .cut = CLI_CUT_MIDDLE, .is_copied = true },
		{ .title = "SIZE", .align = CLI_ALIGN_RIGHT },
		{ .title = "PARAMS", .align = CLI_ALIGN_RIGHT, .spare = 2 },
		{ .title = "QUANTS", .width_min = 8, .spare = 1 },
		{ .title = "FILES", .align = CLI_ALIGN_RIGHT, .spare = 3 },
		{ .title = "STATE", .width_min = 10 },
	};
	AUTO(cli_table) table = cli_table_new(shown, ARRAY_LEN(shown));

	for (size_t i = 0; i < json_object_array_length(models); i++)
		add_row(table, json_object_array_get_idx(models, i));
	cli_table_render(table, columns, is_utf8, b);
}

int cli_models_list(const struct cli_session *session, const char *text,
		    struct json_object **ret, struct error *err)
{
	AUTO_JSON params = json_object_new_object();

	if (text != NULL)
		json_add_cstr(params, "q", text);
	return cli_session_pages(session, "model.list", params, "models", SIZE_MAX,
				 SCHEMA_PAGE_MAX, ret, err);
}

static void print_list(struct json_object *list)
{
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);
	struct json_object *models = json_get(list, "models");
	struct json_object *library = json_get(list, "library");

	if (json_object_array_length(models) > 0)
		cli_models_render(text, models, cli_term_columns(CLI_TERM_OUT),
				  cli_term_is_utf8());
	else
		buf_add(text, S("no models\n"));
	if (json_is_true(library, "scanning"))
		buf_add(text, S("the disk is being looked at: there may be more\n"));
	cli_session_print(text);
}

enum cli_exit cli_ls(const struct cli_session *session)
{
	struct json_object *list = NULL;
	struct error err;
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	if (cli_models_list(session, n > 0 ? words[0] : NULL, &list, &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(list, NULL);
	} else {
		print_list(list);
		json_free(&list);
	}
	return CLI_EXIT_OK;
}

/* --- show --- */

static void add_fact(struct buf *b, const char *name, struct str text)
{
	if (text.n == 0)
		return;
	buf_addf(b, "%-13s ", name);
	cli_text_add_escaped(b, text);
	buf_add_char(b, '\n');
}

static void add_facts(struct buf *b, struct json_object *model)
{
	AUTO(buf) words = buf_new(CLI_WORDS_MAX);
	uint64_t context = cli_download_number(model, "context_length");

	add_fact(b, "folder:", json_get_str(model, "folder"));
	add_fact(b, "commit:", json_get_str(model, "commit"));
	add_fact(b, "architecture:", json_get_str(model, "architecture"));
	cli_text_add_parameters(words, cli_download_number(model, "parameters"));
	add_fact(b, "parameters:", buf_str(words));
	buf_reset(words);
	if (context > 0)
		cli_text_add_number(words, context);
	add_fact(b, "context:", buf_str(words));
	buf_reset(words);
	cli_text_add_size(words, cli_download_number(model, "bytes"));
	buf_add(words, S(" in "));
	cli_text_add_count(words, cli_download_number(model, "files_total"), "file");
	add_fact(b, "size:", buf_str(words));
	buf_reset(words);
	add_state(words, model);
	add_fact(b, "state:", buf_str(words));
	if (json_is_true(json_get(model, "update"), "available"))
		add_fact(b, "update:", json_get_str(json_get(model, "update"), "summary"));
	add_fact(b, "problem:", json_get_str(model, "problem"));
}

/* Weights and cache at the context that was asked for. */
static void add_memory(struct buf *cell, struct json_object *memory)
{
	uint64_t weights = cli_download_number(memory, "weights");

	if (weights > 0)
		cli_text_add_size(
			cell, weights + cli_download_number(json_get(memory, "cache"), "f16"));
}

static void add_group(struct cli_table *table, struct json_object *group)
{
	AUTO(buf) cell = buf_new(CLI_WORDS_MAX);
	uint64_t wanted = cli_download_number(group, "parts_wanted");
	uint64_t here = cli_download_number(group, "parts");

	cli_table_add(table, json_get_str(group, "name"));
	cli_table_add(table, json_get_str(group, "format"));
	cli_text_add_size(cell, cli_download_number(group, "bytes"));
	cli_table_take(table, cell);
	cli_text_add_parameters(cell, cli_download_number(group, "parameters"));
	cli_table_take(table, cell);
	add_memory(cell, json_get(group, "memory"));
	cli_table_take(table, cell);
	if (here < wanted)
		buf_addf(cell, "%llu of %llu", (unsigned long long)here,
			 (unsigned long long)wanted);
	else if (wanted > 1)
		buf_addf(cell, "all %llu", (unsigned long long)wanted);
	cli_table_take(table, cell);
}

static void add_problems(struct buf *b, struct json_object *files)
{
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);
		struct str problem = json_get_str(file, "problem");

		if (problem.n == 0)
			continue;
		cli_text_add_escaped(b, json_get_str(file, "path"));
		buf_add(b, S(": "));
		cli_text_add_escaped(b, problem);
		buf_add_char(b, '\n');
	}
}

static void add_missing(struct buf *b, struct json_object *groups)
{
	for (size_t i = 0; i < json_object_array_length(groups); i++) {
		struct json_object *missing =
			json_get(json_object_array_get_idx(groups, i), "missing");

		for (size_t k = 0; k < json_object_array_length(missing); k++) {
			cli_text_add_escaped(b,
					     str_from(json_object_get_string(
						     json_object_array_get_idx(missing, k))));
			buf_add(b, S(": missing\n"));
		}
	}
}

void cli_model_render(struct buf *b, struct json_object *model, size_t columns, bool is_utf8)
{
	static const struct cli_table_column shown[] = {
		{ .title = "GROUP", .width_min = 8, .cut = CLI_CUT_MIDDLE },
		{ .title = "FORMAT", .spare = 2 },
		{ .title = "SIZE", .align = CLI_ALIGN_RIGHT },
		{ .title = "PARAMS", .align = CLI_ALIGN_RIGHT, .spare = 3 },
		{ .title = "MEMORY", .align = CLI_ALIGN_RIGHT, .spare = 1 },
		{ .title = "PARTS" },
	};
	AUTO(cli_table) table = cli_table_new(shown, ARRAY_LEN(shown));
	struct json_object *groups = json_get(model, "groups");

	add_facts(b, model);
	for (size_t i = 0; i < json_object_array_length(groups); i++)
		add_group(table, json_object_array_get_idx(groups, i));
	if (json_object_array_length(groups) > 0) {
		buf_add_char(b, '\n');
		cli_table_render(table, columns, is_utf8, b);
	}
	add_missing(b, groups);
	add_problems(b, json_get(model, "files"));
}

enum cli_exit cli_show(const struct cli_session *session)
{
	AUTO_JSON params = json_object_new_object();
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);
	struct json_object *model = NULL;
	struct error err;
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);
	const char *revision = cli_args_value(session->args, CLI_OPTION_REVISION);

	json_add_cstr(params, "folder", words[0]);
	if (revision != NULL)
		json_add_cstr(params, "revision", revision);
	if (cli_session_call(session, "model.get", params, RPC_TIMEOUT_MS, &model, NULL, &err) <
	    0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(model, NULL);
		return CLI_EXIT_OK;
	}
	cli_model_render(text, model, cli_term_columns(CLI_TERM_OUT), cli_term_is_utf8());
	cli_session_print(text);
	json_free(&model);
	return CLI_EXIT_OK;
}

/* --- rm, trash, restore --- */

static void add_entry(struct cli_table *table, struct json_object *entry)
{
	AUTO(buf) cell = buf_new(CLI_WORDS_MAX);
	struct json_object *paths = json_get(entry, "paths");
	size_t n = json_object_array_length(paths);

	cli_table_add(table, json_get_str(entry, "id"));
	cli_table_add(table, str_sub(json_get_str(entry, "deleted_at"), 0, S("2026-01-31").n));
	cli_text_add_size(cell, cli_download_number(entry, "bytes"));
	cli_table_take(table, cell);
	cli_text_add_number(cell, cli_download_number(entry, "files"));
	cli_table_take(table, cell);
	if (n > 0)
		buf_add(cell,
			str_from(json_object_get_string(json_object_array_get_idx(paths, 0))));
	if (n > 1)
		buf_add(cell, S(" and others"));
	cli_table_take(table, cell);
}

void cli_trash_render(struct buf *b, struct json_object *entries, size_t columns, bool is_utf8)
{
	static const struct cli_table_column shown[] = {
		{ .title = "ID" },
		{ .title = "SINCE", .spare = 2 },
		{ .title = "SIZE", .align = CLI_ALIGN_RIGHT, .spare = 1 },
		{ .title = "FILES", .align = CLI_ALIGN_RIGHT, .spare = 3 },
		{ .title = "WHAT", .width_min = 10, .cut = CLI_CUT_MIDDLE },
	};
	AUTO(cli_table) table = cli_table_new(shown, ARRAY_LEN(shown));

	for (size_t i = 0; i < json_object_array_length(entries); i++)
		add_entry(table, json_object_array_get_idx(entries, i));
	cli_table_render(table, columns, is_utf8, b);
}

enum cli_exit cli_rm(const struct cli_session *session)
{
	AUTO_JSON params = json_object_new_object();
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);
	struct json_object *result = NULL;
	struct error err;
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);
	const char *group = cli_args_value(session->args, CLI_OPTION_GROUP);
	const char *revision = cli_args_value(session->args, CLI_OPTION_REVISION);

	json_add_cstr(params, "folder", words[0]);
	json_add_cstr(params, "group", group);
	json_add_cstr(params, "revision", revision);
	if (cli_session_call(session, "model.delete", params, RPC_TIMEOUT_MS, &result, NULL,
			     &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(result, NULL);
		return CLI_EXIT_OK;
	}
	cli_text_add_escaped(text, str_from(words[0]));
	if (group != NULL) {
		buf_add_char(text, ' ');
		cli_text_add_escaped(text, str_from(group));
	}
	buf_add(text, S(" is in the trash; to bring it back: larder restore "));
	cli_text_add_escaped(text, json_get_str(result, "trash"));
	buf_add_char(text, '\n');
	cli_session_print(text);
	json_free(&result);
	return CLI_EXIT_OK;
}

/* One call for each id; the sentence of those that went well is `what`. */
static enum cli_exit call_each(const struct cli_session *session, const char *method,
			       const char *const *ids, size_t n, const char *what)
{
	struct json_object *object = json_object_new_object();
	struct json_object *done = json_object_new_array();
	struct json_object *errors = NULL;
	enum cli_exit exit = CLI_EXIT_OK;

	for (size_t i = 0; i < n; i++) {
		AUTO_JSON params = json_object_new_object();
		AUTO_JSON result = NULL;
		AUTO(buf) text = buf_new(CLI_WORDS_MAX);
		struct error err;

		json_add_cstr(params, "id", ids[i]);
		if (cli_args_has(session->args, CLI_OPTION_REPLACE))
			json_add_bool(params, "replace", true);
		if (cli_session_call(session, method, params, RPC_TIMEOUT_MS, &result, NULL,
				     &err) < 0) {
			exit = cli_session_worse(exit, cli_session_exit(&err));
			cli_session_note(&errors, "id", ids[i], &err);
			if (!session->is_json)
				cli_session_warn(session, ids[i], &err);
			continue;
		}
		(void)json_object_array_add(done, json_object_new_string(ids[i]));
		cli_text_add_escaped(text, str_from(ids[i]));
		buf_addf(text, ": %s\n", what);
		if (!session->is_json)
			cli_session_print(text);
	}
	json_take(object, "trash", done);
	if (session->is_json) {
		cli_session_print_json(object, errors);
	} else {
		json_free(&object);
		json_free(&errors);
	}
	return exit;
}

enum cli_exit cli_restore(const struct cli_session *session)
{
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	return call_each(session, "trash.restore", words, n, "back in its place");
}

static enum cli_exit list_trash(const struct cli_session *session)
{
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);
	struct json_object *list = NULL;
	struct json_object *entries;
	struct error err;

	if (cli_session_call(session, "trash.list", NULL, RPC_TIMEOUT_MS, &list, NULL, &err) <
	    0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(list, NULL);
		return CLI_EXIT_OK;
	}
	entries = json_get(list, "trash");
	if (json_object_array_length(entries) > 0)
		cli_trash_render(text, entries, cli_term_columns(CLI_TERM_OUT),
				 cli_term_is_utf8());
	else
		buf_add(text, S("the trash is empty\n"));
	cli_session_print(text);
	json_free(&list);
	return CLI_EXIT_OK;
}

enum cli_exit cli_trash(const struct cli_session *session)
{
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);
	struct error err;

	if (n == 0)
		return list_trash(session);
	if (!str_is_equal(str_from(words[0]), S("empty")) || n == 1) {
		(void)error_set(&err, ERR_INVALID,
				"larder trash takes nothing, or: empty ID...");
		return cli_session_fail(session, &err);
	}
	return call_each(session, "trash.empty", words + 1, n - 1, "gone for good");
}

/* --- scan --- */

enum cli_exit cli_scan(const struct cli_session *session)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);
	struct json_object *state = NULL;
	struct error err;

	if (cli_session_call(session, "library.scan", NULL, RPC_TIMEOUT_MS, &state, NULL,
			     &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(state, NULL);
		return CLI_EXIT_OK;
	}
	buf_add(text, S("looking at the disk; larder ls shows what there is\n"));
	cli_session_print(text);
	json_free(&state);
	return CLI_EXIT_OK;
}
