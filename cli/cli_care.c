#include "cli/cli_care.h"

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_models.h"
#include "cli/cli_text.h"
#include "common/buf.h"

enum {
	CHECK_TIMEOUT_MS = 120 * 1000, /* the Hub is asked, page by page */
};

/* --- check --- */

struct check {
	const struct cli_session *session;
	struct json_object *done;
	struct json_object *errors;
	enum cli_exit exit;
};

static void check_one(struct check *check, const char *folder)
{
	const char *revision = cli_args_value(check->session->args, CLI_OPTION_REVISION);
	AUTO_JSON params = json_object_new_object();
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);
	struct json_object *result = NULL;
	struct error err;

	json_add_cstr(params, "folder", folder);
	if (revision != NULL)
		json_add_cstr(params, "revision", revision);
	if (cli_session_call(check->session, "model.check", params, CHECK_TIMEOUT_MS, &result,
			     NULL, &err) < 0) {
		check->exit = cli_session_worse(check->exit, cli_session_exit(&err));
		cli_session_note(&check->errors, "folder", folder, &err);
		if (!check->session->is_json)
			cli_session_warn(check->session, folder, &err);
		return;
	}
	cli_text_add_escaped(text, str_from(folder));
	buf_add(text, S(": "));
	cli_text_add_escaped(text, json_get_str(result, "summary"));
	buf_add_char(text, '\n');
	if (!check->session->is_json)
		cli_session_print(text);
	json_add_cstr(result, "folder", folder);
	(void)json_object_array_add(check->done, result);
}

/* All that are of a repository. */
static int check_all(struct check *check, struct error *err)
{
	AUTO_JSON list = NULL;
	struct json_object *models;

	if (cli_models_list(check->session, NULL, &list, err) < 0)
		return -1;
	models = json_get(list, "models");
	for (size_t i = 0; i < json_object_array_length(models); i++) {
		struct json_object *model = json_object_array_get_idx(models, i);
		AUTO_CSTR folder = str_dup(json_get_str(model, "folder"));

		if (json_get_str(model, "repo").n > 0)
			check_one(check, folder);
	}
	return 0;
}

enum cli_exit cli_check(const struct cli_session *session)
{
	struct check check = { .session = session, .done = json_object_new_array() };
	struct json_object *object;
	struct error err;
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	for (size_t i = 0; i < n; i++)
		check_one(&check, words[i]);
	if (n == 0 && check_all(&check, &err) < 0) {
		json_free(&check.done);
		json_free(&check.errors);
		return cli_session_fail(session, &err);
	}
	object = json_object_new_object();
	json_take(object, "models", check.done);
	if (session->is_json) {
		cli_session_print_json(object, check.errors);
	} else {
		json_free(&object);
		json_free(&check.errors);
	}
	return check.exit;
}

/* --- scrub --- */

static void add_count(struct buf *b, struct json_object *scrub, const char *name)
{
	uint64_t n = cli_download_number(scrub, name);

	if (n > 0)
		buf_addf(b, ", %llu %s", (unsigned long long)n, name);
}

static void add_day(struct buf *b, const char *label, struct str time)
{
	if (time.n > 0)
		buf_addf(b, "%s %.*s\n", label, (int)str_sub(time, 0, S("2026-01-31").n).n,
			 time.p);
}

void cli_scrub_render(struct buf *b, struct json_object *scrub)
{
	struct json_object *findings = json_get(scrub, "findings");
	bool is_running = json_is_true(scrub, "running");

	if (json_get_str(scrub, "started_at").n == 0) {
		buf_add(b, S("nothing was scrubbed yet\n"));
	} else {
		buf_add(b, is_running                        ? S("under way: ")
			   : json_is_true(scrub, "is_whole") ? S("done: ")
							     : S("broken off: "));
		cli_text_add_count(b, cli_download_number(scrub, "models"), "model");
		buf_add(b, S(", "));
		cli_text_add_size(b, cli_download_number(scrub, "bytes"));
		buf_add(b, S(" read, "));
		cli_text_add_count(b, cli_download_number(scrub, "proven"), "file");
		buf_add(b, S(" proven"));
		add_count(b, scrub, "changed");
		add_count(b, scrub, "missing");
		add_count(b, scrub, "unknown");
		buf_add_char(b, '\n');
	}
	for (size_t i = 0; i < json_object_array_length(findings); i++) {
		struct json_object *row = json_object_array_get_idx(findings, i);

		cli_text_add_escaped(b, json_get_str(row, "folder"));
		buf_add_char(b, '/');
		cli_text_add_escaped(b, json_get_str(row, "path"));
		buf_add(b, S(": "));
		cli_text_add_escaped(b, json_get_str(row, "state"));
		buf_add_char(b, '\n');
	}
	add_day(b, "the next:", json_get_str(scrub, "next_at"));
}

static const char *method_of(const struct cli_session *session)
{
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	if (n == 0)
		return "scrub.get";
	if (str_is_equal(str_from(words[0]), S("start")))
		return "scrub.start";
	return str_is_equal(str_from(words[0]), S("stop")) ? "scrub.stop" : NULL;
}

enum cli_exit cli_scrub(const struct cli_session *session)
{
	AUTO(buf) text = buf_new(1024 * (size_t)1024);
	const char *method = method_of(session);
	struct json_object *scrub = NULL;
	struct error err;
	bool is_bad;

	if (method == NULL) {
		(void)error_set(&err, ERR_INVALID, "larder scrub takes nothing, start or stop");
		return cli_session_fail(session, &err);
	}
	if (cli_session_call(session, method, NULL, RPC_TIMEOUT_MS, &scrub, NULL, &err) < 0)
		return cli_session_fail(session, &err);
	is_bad = cli_download_number(scrub, "changed") + cli_download_number(scrub, "missing") >
		 0;
	if (session->is_json) {
		cli_session_print_json(scrub, NULL);
	} else {
		cli_scrub_render(text, scrub);
		cli_session_print(text);
		json_free(&scrub);
	}
	return is_bad ? CLI_EXIT_FAILED : CLI_EXIT_OK;
}
