/*
 * Words used here: a download is *watched* from the moment larderd has accepted it (or told us
 * that it has it already) until it is *settled*: final, or gone from larderd's list. What was
 * said about it last is kept, so that the display and the JSON at the end need not ask again.
 *
 * The list is asked for four times a second, newest first, and no further than to the last
 * watched download: for a get that was just begun this is one small page, whatever the queue
 * holds.
 */
#include "cli/cli_get.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_effect.h"
#include "cli/cli_fit.h"
#include "cli/cli_from.h"
#include "cli/cli_news.h"
#include "cli/cli_progress.h"
#include "cli/cli_term.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/ids.h"
#include "common/schema.h"

enum {
	POLL_MS = 250,
	POLL_TIMEOUT_MS = 3000, /* of one answer; Ctrl-C waits that long at most */
	DRAW_MS = 200,          /* between two frames, at least */
	LINE_MS = 10 * 1000,    /* between two progress lines off a terminal */
	AWAY_MS = 60 * 1000,    /* how long an absent larderd is waited for */
	PAGE_FIRST = 50,        /* rows; what was just made is among the newest */
	FRAME_MAX = 512 * 1024,
};

struct watched {
	char id[DOWNLOAD_ID_LEN + 1];
	struct json_object *last; /* NULL until seen in the list */
	char *state;              /* what was told to the person last; NULL: nothing yet */
	bool is_seen;             /* in the list that is being read */
	bool is_settled;
};

struct get {
	const struct cli_session *session;
	const char *method;    /* that makes a job of a word */
	struct cli_term *term; /* NULL until the waiting begins */
	struct watched *v;
	size_t n;
	size_t cap;
	struct json_object *errors; /* of what was refused; or NULL */
	enum cli_exit exit;
	int64_t line_at_ms; /* the next progress line */
	int64_t drawn_ms;
	int64_t away_since_ms; /* 0: larderd is there */
};

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now = { .tv_sec = 0 };

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void get_clear(struct get *get)
{
	cli_term_free(&get->term);
	for (size_t i = 0; i < get->n; i++) {
		json_free(&get->v[i].last);
		free(get->v[i].state);
	}
	free(get->v);
	json_free(&get->errors);
}

/* --- saying --- */

/* One line or more, ended by "\n"; a program that reads JSON is told nothing on the way. */
static void say(struct get *get, enum cli_term_stream stream, const struct buf *text)
{
	if (get->session->is_json)
		return;
	if (get->term != NULL)
		cli_term_print(get->term, stream, buf_str(text));
	else
		cli_session_print(text);
}

static bool is_live(const struct get *get)
{
	return get->term != NULL && cli_term_is_live(get->term) && !get->session->is_json;
}

static void say_line(struct get *get, const char *line)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);

	buf_addf(text, "%s\n", line);
	say(get, CLI_TERM_OUT, text);
}

/* --- making --- */

/* Watches the download with this id, once. */
static struct watched *watch(struct get *get, struct str id)
{
	struct watched *watched;

	for (size_t i = 0; i < get->n; i++) {
		if (str_is_equal(str_from(get->v[i].id), id))
			return &get->v[i];
	}
	get->v = mem_grow(get->v, get->n, &get->cap, sizeof(*get->v));
	watched = &get->v[get->n++];
	*watched = (struct watched){ .last = NULL };
	id = str_sub(id, 0, DOWNLOAD_ID_LEN);
	if (id.n > 0)
		memcpy(watched->id, id.p, id.n);
	return watched;
}

static void attach(struct get *get, const char *repo, struct str id)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);

	(void)watch(get, id);
	cli_text_add_escaped(text, str_from(repo));
	buf_add(text, S(": in the queue already, as "));
	cli_text_add_escaped(text, str_sub(id, 0, CLI_ID_SHOWN));
	buf_add(text, cli_args_has(get->session->args, CLI_OPTION_NO_WAIT)
			      ? S("\n")
			      : S("; waiting for that one\n"));
	say(get, CLI_TERM_OUT, text);
}

static struct json_object *params_of(const struct get *get, const char *word)
{
	const char *revision = cli_args_value(get->session->args, CLI_OPTION_REVISION);
	struct json_object *params;

	if (strcmp(get->method, "download.create") == 0)
		return cli_session_choice(get->session, word);
	params = json_object_new_object();
	json_add_cstr(params, "folder", word);
	if (revision != NULL)
		json_add_cstr(params, "revision", revision);
	return params;
}

static int make_one(struct get *get, const char *repo, int64_t priority, struct error *err)
{
	AUTO_JSON params = params_of(get, repo);
	AUTO(buf) said = buf_new(CLI_WORDS_MAX);
	AUTO_JSON extra = NULL;
	struct json_object *result = NULL;
	struct watched *watched;
	struct str id;

	if (cli_args_has(get->session->args, CLI_OPTION_FIT)) {
		if (cli_fit_choose(get->session, params, said, err) < 0)
			return -1;
		say(get, CLI_TERM_OUT, said);
	}
	if (cli_args_has(get->session->args, CLI_OPTION_PRIORITY))
		json_add_int(params, "priority", priority);
	if (cli_session_call(get->session, get->method, params, RPC_TIMEOUT_MS, &result, &extra,
			     err) == 0) {
		watched = watch(get, json_get_str(result, "id"));
		watched->last = result;
		return 0;
	}
	id = json_get_str(extra, "download");
	if (err->code != ERR_DUPLICATE || id.n == 0)
		return -1;
	attach(get, repo, id);
	return 0;
}

/* What was refused; the others have nothing to do with it. */
static void note_refusal(struct get *get, const char *subject, bool is_only,
			 const struct error *err)
{
	get->exit = cli_session_worse(get->exit, cli_session_exit(err));
	cli_session_note(&get->errors, "repo", subject, err);
	if (!get->session->is_json)
		cli_session_warn(get->session, is_only ? NULL : subject, err);
}

static void make_all(struct get *get, const char *const *repos, size_t n, int64_t priority)
{
	for (size_t i = 0; i < n; i++) {
		struct error err;

		if (make_one(get, repos[i], priority, &err) == 0)
			continue;
		note_refusal(get, repos[i], n == 1, &err);
		if (err.code == ERR_DAEMON_UNAVAILABLE)
			return;
	}
}

/* One of a file's: what a workflow names and is here already is not fetched. */
static int make_entry(struct get *get, struct json_object *entry, int64_t priority)
{
	AUTO(buf) place = buf_new(CLI_WORDS_MAX);
	AUTO_CSTR text = str_dup(json_get_str(entry, "text"));
	AUTO_CSTR name = str_dup(json_get_str(entry, "name"));
	struct str problem = json_get_str(entry, "problem");
	bool is_here = json_is_true(entry, "present") && name[0] != '\0';
	struct error err;

	if (problem.n == 0 || is_here) {
		cli_from_add_place(place, entry);
		say(get, CLI_TERM_OUT, place);
	}
	if (is_here)
		return 0;
	if (problem.n > 0)
		(void)error_set(&err, ERR_INVALID, "%.*s", (int)problem.n, problem.p);
	else if (make_one(get, text, priority, &err) == 0)
		return 0;
	note_refusal(get, name[0] != '\0' ? name : text, false, &err);
	return err.code == ERR_DAEMON_UNAVAILABLE ? -1 : 0;
}

static int make_from_file(struct get *get, int64_t priority, struct error *err)
{
	AUTO_JSON pasted = NULL;
	struct json_object *entries;

	if (cli_from_read(get->session, &pasted, err) < 0)
		return -1;
	entries = json_get(pasted, "entries");
	for (size_t i = 0; i < json_object_array_length(entries); i++) {
		if (make_entry(get, json_object_array_get_idx(entries, i), priority) < 0)
			break;
	}
	return 0;
}

/* --- watching --- */

static size_t count_open(const struct get *get)
{
	size_t n = 0;

	for (size_t i = 0; i < get->n; i++)
		n += !get->v[i].is_settled;
	return n;
}

static void settle(struct get *get, struct watched *watched)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);

	watched->is_settled = true;
	if (cli_download_is_state(watched->last, "completed")) {
		if (cli_news_add_completed(text, watched->last))
			get->exit = cli_session_worse(get->exit, CLI_EXIT_FAILED);
		say(get, CLI_TERM_OUT, text);
		return;
	}
	get->exit = cli_session_worse(get->exit, CLI_EXIT_FAILED);
	cli_news_add_failed(text, watched->last);
	say(get, CLI_TERM_ERR, text);
}

/* Takes what the list says; true when it was about one that is open and not seen yet. */
static bool take_row(struct get *get, struct json_object *row)
{
	struct str id = json_get_str(row, "id");

	for (size_t i = 0; i < get->n; i++) {
		struct watched *watched = &get->v[i];

		if (watched->is_settled || watched->is_seen ||
		    !str_is_equal(id, str_from(watched->id)))
			continue;
		json_free(&watched->last);
		watched->last = json_object_get(row);
		watched->is_seen = true;
		return true;
	}
	return false;
}

/* Reads pages until every open download is found, or the list ends. */
static int read_list(struct get *get, struct error *err)
{
	AUTO_JSON params = json_object_new_object();
	size_t open = count_open(get);

	for (size_t i = 0; i < get->n; i++)
		get->v[i].is_seen = false;
	json_add_cstr(params, "state", "all");
	json_add_int(params, "limit", PAGE_FIRST);
	while (open > 0) {
		AUTO_JSON page = NULL;
		struct json_object *rows;
		struct str cursor;

		if (cli_session_call(get->session, "download.list", params, POLL_TIMEOUT_MS,
				     &page, NULL, err) < 0)
			return -1;
		rows = json_get(page, "downloads");
		for (size_t i = 0; rows != NULL && i < json_object_array_length(rows); i++)
			open -= take_row(get, json_object_array_get_idx(rows, i));
		cursor = json_get_str(page, "next_cursor");
		if (cursor.n == 0)
			break;
		json_add_str(params, "cursor", cursor);
		json_add_int(params, "limit", SCHEMA_PAGE_MAX);
	}
	return 0;
}

static void say_forgotten(struct get *get, struct watched *watched)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);

	buf_addf(text, "larder: %.*s: ", CLI_ID_SHOWN, watched->id);
	buf_add(text, S("larderd does not know it any more; somebody has made it forget\n"));
	watched->is_settled = true;
	get->exit = cli_session_worse(get->exit, CLI_EXIT_FAILED);
	say(get, CLI_TERM_ERR, text);
}

static void say_state(struct get *get, const struct watched *watched)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);

	cli_news_add_state(text, watched->last, clock_ms(CLOCK_REALTIME));
	say(get, CLI_TERM_OUT, text);
}

/* Tells what is new since the last list. */
static void tell_news(struct get *get)
{
	for (size_t i = 0; i < get->n; i++) {
		struct watched *watched = &get->v[i];
		struct str state = json_get_str(watched->last, "state");

		if (watched->is_settled)
			continue;
		if (!watched->is_seen) {
			say_forgotten(get, watched);
			continue;
		}
		if (cli_download_is_final(watched->last)) {
			settle(get, watched);
			continue;
		}
		if (watched->state != NULL && str_is_equal(state, str_from(watched->state)))
			continue;
		free(watched->state);
		watched->state = str_dup(state);
		if (!is_live(get))
			say_state(get, watched);
	}
}

/* The downloads as they were last seen. */
static struct json_object *all_of(const struct get *get)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < get->n; i++) {
		if (get->v[i].last != NULL)
			(void)json_object_array_add(array, json_object_get(get->v[i].last));
	}
	return array;
}

static int handle_away(struct get *get, int64_t now_ms, struct error *err)
{
	if (get->away_since_ms == 0) {
		get->away_since_ms = now_ms;
		if (!is_live(get))
			say_line(get, "larderd is away, waiting");
	}
	if (now_ms - get->away_since_ms < AWAY_MS)
		return 0;
	return error_set(err, ERR_DAEMON_UNAVAILABLE,
			 "larderd is away for %d s now; the downloads go on when it is back",
			 AWAY_MS / 1000);
}

/* One look at the list: 0, also while larderd is away but may come back. */
static int look(struct get *get, struct error *err)
{
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	struct error why;

	if (read_list(get, &why) < 0) {
		if (why.code == ERR_DAEMON_UNAVAILABLE || why.code == ERR_TIMEOUT)
			return handle_away(get, now_ms, err);
		*err = why;
		return -1;
	}
	if (get->away_since_ms != 0 && !is_live(get))
		say_line(get, "larderd is back");
	get->away_since_ms = 0;
	tell_news(get);
	return 0;
}

/* --- showing --- */

static void draw(struct get *get)
{
	AUTO_JSON downloads = all_of(get);
	AUTO(buf) frame = buf_new(FRAME_MAX);
	struct cli_progress_look look = {
		.is_utf8 = cli_term_is_utf8(),
		.has_colour = cli_term_has_colour(get->term),
		.now_ms = clock_ms(CLOCK_REALTIME),
		.notice = get->away_since_ms != 0 ? "larderd is away, waiting" : NULL,
	};

	cli_term_size(get->term, &look.columns, &look.rows);
	cli_progress_render(frame, downloads, &look);
	cli_term_draw(get->term, buf_str(frame));
}

static void print_line(struct get *get, int64_t now_ms)
{
	AUTO_JSON downloads = all_of(get);
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);

	cli_progress_add_line(text, downloads);
	if (buf_str(text).n > 0)
		say_line(get, buf_cstr(text));
	get->line_at_ms = now_ms + LINE_MS;
}

static void show(struct get *get, int64_t now_ms)
{
	if (get->session->is_json)
		return;
	if (!is_live(get)) {
		/* What was last heard of a larderd that is away is no progress. */
		if (now_ms >= get->line_at_ms && get->away_since_ms == 0)
			print_line(get, now_ms);
		return;
	}
	if (now_ms - get->drawn_ms < DRAW_MS)
		return;
	get->drawn_ms = now_ms;
	draw(get);
}

/* --- the whole --- */

static enum cli_exit be_interrupted(struct get *get, int number)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);

	buf_add(text, S("larder: interrupted; the downloads go on in larderd\n"
			"  to end them: larder cancel"));
	for (size_t i = 0; i < get->n; i++) {
		if (!get->v[i].is_settled)
			buf_addf(text, " %.*s", CLI_ID_SHOWN, get->v[i].id);
	}
	buf_add_char(text, '\n');
	cli_term_print(get->term, CLI_TERM_ERR, buf_str(text));
	return (enum cli_exit)(CLI_EXIT_SIGNAL + number);
}

/* Until all are settled: 0, a signal's number, or -1. */
/* Whoever waits is told at once when there is nothing to wait for yet. */
static void say_pause(struct get *get)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);

	cli_effect_add_pause(get->session, text, clock_ms(CLOCK_REALTIME));
	if (buf_str(text).n > 0)
		say(get, CLI_TERM_OUT, text);
}

static int wait_for_all(struct get *get, struct error *err)
{
	int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
	int64_t look_at_ms = now_ms;
	int number = 0;

	get->line_at_ms = now_ms + LINE_MS;
	say_pause(get);
	for (;;) {
		now_ms = clock_ms(CLOCK_MONOTONIC);
		if (now_ms >= look_at_ms) {
			if (look(get, err) < 0)
				return -1;
			look_at_ms = clock_ms(CLOCK_MONOTONIC) + POLL_MS;
		}
		if (count_open(get) == 0)
			return 0;
		show(get, now_ms);
		if (cli_term_wait(get->term,
				  look_at_ms > now_ms ? (int)(look_at_ms - now_ms) : 0,
				  &number) == CLI_TERM_END)
			return number;
	}
}

static void print_made(struct get *get)
{
	for (size_t i = 0; i < get->n; i++) {
		/* What it is attached to is not known yet, and that is said. */
		if (get->v[i].last != NULL)
			say_state(get, &get->v[i]);
	}
}

static void print_json(struct get *get)
{
	struct json_object *object = json_object_new_object();

	json_take(object, "downloads", all_of(get));
	cli_session_print_json(object, MOVE(get->errors));
}

static enum cli_exit finish(struct get *get, int outcome, struct error *err)
{
	enum cli_exit result = get->exit;

	if (outcome > 0)
		result = be_interrupted(get, outcome);
	cli_term_free(&get->term);
	if (outcome < 0)
		return cli_session_fail(get->session, err);
	if (get->session->is_json)
		print_json(get);
	return result;
}

/* After the downloads are made: what is left to do without waiting. */
static enum cli_exit leave(struct get *get)
{
	struct error ignored;

	if (!get->session->is_json) {
		print_made(get);
		return get->exit;
	}
	/* A download that was there before is known by its id only. */
	(void)!read_list(get, &ignored);
	print_json(get);
	return get->exit;
}

/* A command without quotes around it is as many words as it has. */
static bool is_bare_command(const char *const *words, size_t n)
{
	static const char *const programs[] = { "hf",           "huggingface-cli",
						"ollama",       "llama-cli",
						"llama-server", "vllm",
						"git",          "wget",
						"curl" };

	for (size_t i = 0; n > 1 && i < ARRAY_LEN(programs); i++) {
		if (strcmp(words[0], programs[i]) == 0)
			return true;
	}
	return false;
}

static enum cli_exit run(struct get *get, const char *const *repos, size_t n_repos)
{
	struct error err;
	int64_t priority;

	if (cli_args_number(get->session->args, CLI_OPTION_PRIORITY, -SCHEMA_PRIORITY_MAX,
			    SCHEMA_PRIORITY_MAX, 0, &priority, &err) < 0)
		return cli_session_fail(get->session, &err);
	if (cli_args_has(get->session->args, CLI_OPTION_FROM)) {
		if (make_from_file(get, priority, &err) < 0)
			return cli_session_fail(get->session, &err);
	} else if (n_repos == 0) {
		(void)error_set(&err, ERR_INVALID, "name a REPO, or a file with --from");
		return cli_session_fail(get->session, &err);
	} else if (is_bare_command(repos, n_repos)) {
		(void)error_set(&err, ERR_INVALID,
				"a command goes between quotes: larder get \"%s ...\"",
				repos[0]);
		return cli_session_fail(get->session, &err);
	}
	make_all(get, repos, n_repos, priority);
	if (get->n == 0 && get->session->is_json &&
	    json_object_array_length(get->errors) == 1) {
		struct json_object *object = json_object_new_object();
		struct json_object *only = json_object_array_get_idx(get->errors, 0);

		json_take(object, "error", json_object_get(json_get(only, "error")));
		cli_session_print_json(object, NULL);
		return get->exit;
	}
	if (cli_args_has(get->session->args, CLI_OPTION_NO_WAIT) || get->n == 0)
		return leave(get);
	get->term = cli_term_new(&err);
	if (get->term == NULL)
		return cli_session_fail(get->session, &err);
	return finish(get, wait_for_all(get, &err), &err);
}

static enum cli_exit make_and_wait(const struct cli_session *session, const char *method)
{
	struct get get = { .session = session, .method = method };
	enum cli_exit result;
	size_t n;
	const char *const *repos = cli_args_words(session->args, &n);

	result = run(&get, repos, n);
	get_clear(&get);
	return result;
}

enum cli_exit cli_get(const struct cli_session *session)
{
	return make_and_wait(session, "download.create");
}

enum cli_exit cli_repair(const struct cli_session *session)
{
	return make_and_wait(session, "model.repair");
}

enum cli_exit cli_update(const struct cli_session *session)
{
	return make_and_wait(session, "model.update");
}

enum cli_exit cli_verify(const struct cli_session *session)
{
	return make_and_wait(session, "model.verify");
}
