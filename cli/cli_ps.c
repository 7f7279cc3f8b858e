#include "cli/cli_ps.h"

#include <stdlib.h>
#include <time.h>

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_effect.h"
#include "cli/cli_news.h"
#include "cli/cli_table.h"
#include "cli/cli_term.h"
#include "cli/cli_text.h"
#include "common/buf.h"

enum {
	TEXT_MAX_BYTES = 64 * 1024 * 1024,
};

/* --- the table --- */

static void add_numbers(struct cli_table *table, struct json_object *download, struct buf *cell)
{
	uint64_t total = cli_download_number(download, "bytes_total");
	uint64_t speed = cli_download_number(download, "speed_bps");
	int64_t left_s = json_get_int(download, "eta_s", -1);
	int percent = cli_percent(cli_download_number(download, "bytes_done"), total);

	if (percent >= 0)
		buf_addf(cell, "%d %%", percent);
	cli_table_take(table, cell);
	if (total > 0)
		cli_text_add_size(cell, total);
	cli_table_take(table, cell);
	if (speed > 0)
		cli_text_add_speed(cell, speed);
	cli_table_take(table, cell);
	if (left_s >= 0)
		cli_text_add_duration(cell, (uint64_t)left_s);
	cli_table_take(table, cell);
}

static void add_row(struct cli_table *table, struct json_object *download, size_t id_len,
		    int64_t now_ms)
{
	AUTO(buf) cell = buf_new(CLI_WORDS_MAX);
	struct str revision = json_get_str(download, "revision");

	cli_table_add(table, str_sub(json_get_str(download, "id"), 0, id_len));
	cli_download_add_phase(cell, download, CLI_PHASE_SHORT, now_ms);
	cli_table_take(table, cell);
	buf_add(cell, json_get_str(download, "repo"));
	if (revision.n > 0 && !str_is_equal(revision, S("main"))) {
		buf_add_char(cell, '@');
		buf_add(cell, revision);
	}
	cli_table_take(table, cell);
	cli_download_add_terms(cell, download);
	cli_table_take(table, cell);
	add_numbers(table, download, cell);
	cli_download_add_reason(cell, download);
	cli_table_take(table, cell);
}

void cli_ps_render(struct buf *b, struct json_object *downloads, size_t id_len, size_t columns,
		   bool is_utf8, int64_t now_ms)
{
	static const struct cli_table_column shown[] = {
		{ .title = "ID" },
		{ .title = "STATE", .width_min = 11 },
		{ .title = "REPO", .width_min = 10, .cut = CLI_CUT_MIDDLE },
		{ .title = "SELECT", .width_min = 6, .cut = CLI_CUT_MIDDLE, .spare = 2 },
		{ .title = "DONE", .align = CLI_ALIGN_RIGHT },
		{ .title = "SIZE", .align = CLI_ALIGN_RIGHT, .spare = 3 },
		{ .title = "SPEED", .align = CLI_ALIGN_RIGHT, .spare = 4 },
		{ .title = "LEFT", .spare = 1 },
		{ .title = "REASON", .width_min = 24, .spare = 5 },
	};
	AUTO(cli_table) table = cli_table_new(shown, ARRAY_LEN(shown));
	size_t n = json_object_array_length(downloads);

	for (size_t i = 0; i < n; i++)
		add_row(table, json_object_array_get_idx(downloads, i), id_len, now_ms);
	cli_table_render(table, columns, is_utf8, b);
}

/* The rows that are not final, or all. */
static struct json_object *choose(struct json_object *downloads, bool all)
{
	struct json_object *chosen = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(downloads); i++) {
		struct json_object *download = json_object_array_get_idx(downloads, i);

		if (all || !cli_download_is_final(download))
			(void)json_object_array_add(chosen, json_object_get(download));
	}
	return chosen;
}

static void print_table(const struct cli_session *session, struct json_object *downloads,
			bool all)
{
	int64_t now_ms = (int64_t)time(NULL) * 1000;
	AUTO_JSON chosen = choose(downloads, all);
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);

	if (json_object_array_length(chosen) > 0)
		cli_ps_render(text, chosen, cli_download_id_len(downloads),
			      cli_term_columns(CLI_TERM_OUT), cli_term_is_utf8(), now_ms);
	else
		buf_addf(text, "%s\n",
			 all ? "no downloads"
			     : "no downloads under way; --all shows the others");
	cli_effect_add_pause(session, text, now_ms);
	cli_session_print(text);
}

enum cli_exit cli_ps(const struct cli_session *session)
{
	bool all = cli_args_has(session->args, CLI_OPTION_ALL);
	struct json_object *list = NULL;
	struct error err;

	/* Short ids must be told apart from those that are not shown too. */
	if (cli_session_list(session, session->is_json && !all ? "active" : "all", &list,
			     &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(list, NULL);
		return CLI_EXIT_OK;
	}
	print_table(session, json_get(list, "downloads"), all);
	json_free(&list);
	return CLI_EXIT_OK;
}

/* --- moves --- */

static int call_move(const struct cli_session *session, const char *method, struct str id,
		     struct json_object **ret, struct error *err)
{
	AUTO_JSON params = json_object_new_object();
	AUTO_JSON extra = NULL;

	json_add_str(params, "id", id);
	if (cli_session_call(session, method, params, RPC_TIMEOUT_MS, ret, &extra, err) == 0)
		return 0;
	return -1;
}

/* "owner/name Q4_K_M (abc123): paused" */
static void print_moved(struct json_object *download, struct json_object *result)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);

	cli_news_add_name(text, download);
	buf_add(text, S(": "));
	if (result != NULL)
		cli_download_add_phase(text, result, CLI_PHASE_SHORT, 0);
	else
		buf_add(text, S("forgotten"));
	buf_add_char(text, '\n');
	cli_session_print(text);
}

static void move_one(const struct cli_session *session, const char *method,
		     struct json_object *download, struct json_object *results,
		     struct json_object **errors, enum cli_exit *exit)
{
	AUTO_CSTR id = str_dup(json_get_str(download, "id"));
	AUTO_JSON result = NULL;
	struct error err;

	if (call_move(session, method, str_from(id), &result, &err) < 0) {
		*exit = cli_session_worse(*exit, cli_session_exit(&err));
		cli_session_note(errors, "id", id, &err);
		if (!session->is_json)
			cli_session_warn(session, id, &err);
		return;
	}
	if (!session->is_json)
		print_moved(download, result);
	/* What is forgotten is shown as it was. */
	(void)json_object_array_add(results,
				    json_object_get(result != NULL ? result : download));
}

/* The downloads that the words mean, each once: {} or NULL. */
static struct json_object *resolve(const struct cli_session *session,
				   struct json_object *downloads, struct error *err)
{
	AUTO_JSON found = json_object_new_array();
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	for (size_t i = 0; i < n; i++) {
		struct json_object *download =
			cli_download_find(downloads, str_from(words[i]), err);
		bool is_known = false;

		if (download == NULL)
			return NULL;
		for (size_t j = 0; j < json_object_array_length(found); j++)
			is_known = is_known || json_object_array_get_idx(found, j) == download;
		if (!is_known)
			(void)json_object_array_add(found, json_object_get(download));
	}
	return MOVE(found);
}

static enum cli_exit move_all(const struct cli_session *session, const char *method,
			      const char *member)
{
	AUTO_JSON list = NULL;
	AUTO_JSON found = NULL;
	struct json_object *object;
	struct json_object *results;
	struct json_object *errors = NULL;
	enum cli_exit exit = CLI_EXIT_OK;
	struct error err;

	if (cli_session_list(session, "all", &list, &err) < 0)
		return cli_session_fail(session, &err);
	found = resolve(session, json_get(list, "downloads"), &err);
	if (found == NULL)
		return cli_session_fail(session, &err);
	object = json_object_new_object();
	results = json_object_new_array();
	json_take(object, member, results);
	for (size_t i = 0; i < json_object_array_length(found); i++)
		move_one(session, method, json_object_array_get_idx(found, i), results, &errors,
			 &exit);
	if (session->is_json) {
		cli_session_print_json(object, errors);
	} else {
		json_free(&object);
		json_free(&errors);
	}
	return exit;
}

enum cli_exit cli_pause(const struct cli_session *session)
{
	return move_all(session, "download.pause", "downloads");
}

enum cli_exit cli_resume(const struct cli_session *session)
{
	return move_all(session, "download.resume", "downloads");
}

enum cli_exit cli_cancel(const struct cli_session *session)
{
	return move_all(session, "download.cancel", "downloads");
}

enum cli_exit cli_retry(const struct cli_session *session)
{
	return move_all(session, "download.retry", "downloads");
}

enum cli_exit cli_forget(const struct cli_session *session)
{
	return move_all(session, "download.forget", "forgotten");
}
