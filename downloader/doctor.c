/*
 * An examination is one chain of answers, each of which starts the next step or ends it:
 *
 *	doctor_examine -> on_whoami -> [on_found] -> on_listed -> on_hop ... -> finish
 */
#include "downloader/doctor.h"

#include <stdlib.h>
#include <string.h>

#include "common/quote.h"
#include "downloader/home.h"
#include "downloader/hub.h"
#include "downloader/hub_list.h"
#include "downloader/hub_parse_account.h"
#include "downloader/hub_search.h"
#include "downloader/hub_url.h"

enum {
	FOUND_MAX = 10,             /* of what is trending, to choose from */
	ACCOUNT_MAX = 64 * 1024,    /* bytes of an answer to who we are */
	BODY_SLACK = 4 * (int)1024, /* an error page may be a little longer than the bytes */
};

struct examination {
	struct hub *hub;
	struct hub_search *search;
	struct doctor_report report;
	enum repo_type type;
	char *repo; /* as it was named, or NULL */
	char *revision;
	uint64_t size; /* of the file */
	char *url;     /* of the request under way */
	unsigned hops;
	struct loop_timer *deadline;
	struct hub_call *listing; /* under way, or NULL */
	uint64_t fetch_id;        /* likewise, or 0 */
	bool is_searching;
	bool is_reported;
	doctor_done_fn done;
	void *ctx;
};

/* --- the report --- */

static struct finding *add(struct examination *x, enum finding_check check,
			   enum finding_state state)
{
	struct finding *finding;

	assert(x->report.n < DOCTOR_FINDINGS_MAX);
	finding = &x->report.findings[x->report.n++];
	finding->check = check;
	finding->state = state;
	return finding;
}

static void report(struct examination *x)
{
	loop_timer_stop(x->deadline);
	x->is_reported = true;
	x->done(x->ctx, &x->report);
}

static void release(void *arg)
{
	struct examination *x = arg;

	loop_timer_free(&x->deadline);
	for (size_t i = 0; i < x->report.n; i++)
		finding_clear(&x->report.findings[i]);
	free(x->report.repo);
	free(x->report.path);
	free(x->repo);
	free(x->revision);
	free(x->url);
	free(x);
}

/* The timer may be the one that calls, so that nothing is freed before it returns. */
static void finish(void *arg)
{
	struct examination *x = arg;

	report(x);
	if (!x->is_searching) /* else it ends with that */
		loop_defer(hub_loop(x->hub), release, x);
}

/* What cannot be tried any more. */
static void skip(struct examination *x, enum finding_check from, const char *why)
{
	static const enum finding_check checks[] = { FINDING_MODEL, FINDING_STORAGE };

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		if (checks[i] >= from)
			add(x, checks[i], FINDING_SKIPPED)->detail = mem_strdup(why);
	}
}

/* Fills `finding` from an answer: true when it is of use, or is a redirect or the like. */
static bool judge(const struct examination *x, struct finding *finding,
		  const struct fetch_answer *answer, bool wants_json)
{
	AUTO_CSTR host = hub_url_host(x->url);
	const struct finding_case at = {
		.host = host,
		.proxy = home_proxy_variable(
			str_has_prefix_nocase(str_from(x->url), S("https://"))),
		.trace = &answer->trace,
		.error = &answer->error,
		.status = answer->head.status,
		.content_type = str_from(answer->head.headers[FETCH_CONTENT_TYPE]),
		.wants_json = wants_json,
	};

	return finding_judge(finding, &at);
}

static void ask(struct examination *x, fetch_done_fn done, bool has_range)
{
	bool is_home = hub_url_is_same_origin(x->url, hub_endpoint(x->hub));
	uint64_t wanted = x->size < DOCTOR_BYTES ? x->size : DOCTOR_BYTES;
	struct fetch_request request = {
		.url = x->url,
		.bearer = hub_bearer(x->hub, x->url),
		.is_foreign = !is_home,
		.total_timeout_ms = DOCTOR_TIMEOUT_MS,
		.body_max = has_range ? (size_t)wanted + BODY_SLACK : ACCOUNT_MAX,
		.has_range = has_range,
		.range_last = has_range ? wanted - 1 : 0,
	};

	x->fetch_id = fetch_start(hub_fetch(x->hub), &request, done, x);
}

/* What to do about an error of the Hub's; to free, or NULL. */
static char *hint_of(const struct examination *x, const struct error *err)
{
	if (err->code == ERR_GATED && x->report.repo != NULL) {
		AUTO_CSTR page = hub_url_page(hub_endpoint(x->hub), x->type, x->report.repo);

		return mem_printf("accept the licence at %s, with the account of your token",
				  page);
	}
	return mem_strdup(error_code_hint(err->code) != NULL
				  ? error_code_hint(err->code)
				  : "try again in a minute; when it stays so, see what stands "
				    "between this server and the Hub");
}

/* --- the chain of a file --- */

static void add_storage(struct examination *x, struct finding *finding,
			const struct fetch_answer *answer)
{
	long status = answer->head.status;
	uint64_t first = 0;
	uint64_t last = 0;
	uint64_t total = 0;
	bool is_part =
		status == 206 &&
		hub_parse_content_range(str_from(answer->head.headers[FETCH_CONTENT_RANGE]),
					&first, &last, &total) == 0;

	finding->check = FINDING_STORAGE;
	if (is_part && first == 0 && last + 1 == answer->body.n && total == x->size) {
		finding->state = FINDING_OK;
		finding->detail =
			mem_printf("it gave the first %zu bytes of %s, as asked for",
				   answer->body.n, quote_text(str_from(x->report.path)).text);
		return;
	}
	if (is_part) {
		finding->state = FINDING_FAILED;
		finding->detail = mem_strdup("it gave other bytes than were asked for");
		finding->hint = mem_strdup("something between changes requests for parts of a "
					   "file: a proxy, or a mirror that cannot do it");
	} else if (status == 200) {
		finding->state = FINDING_WARNING;
		finding->detail =
			mem_strdup("it gives whole files only, not the part asked for");
		finding->hint = mem_strdup("downloads work, over one connection, but cannot go "
					   "on where they stopped: something between drops "
					   "requests for parts, a proxy or a mirror");
	} else {
		finding->state = FINDING_FAILED;
		finding->detail = mem_printf("it refused the bytes (status %ld)", status);
		finding->hint = mem_strdup("something between may filter by address or by "
					   "kind: have this host allowed there");
	}
}

/* The Hub itself has refused: for reasons of its own, with a sentence of its own. */
static void add_refusal(struct examination *x, struct finding *finding,
			const struct fetch_answer *answer)
{
	struct error err;

	finding->check = FINDING_STORAGE;
	finding->state = FINDING_FAILED;
	if (hub_check_answer(x->hub, x->url, answer, true, hub_bearer(x->hub, x->url) != NULL,
			     x->report.repo, x->report.path, &err) == 0)
		return; /* it cannot be: the status is no 2xx */
	finding->detail = mem_strdup(err.text);
	finding->hint = hint_of(x, &err);
}

static void on_hop(void *ctx, const struct fetch_answer *answer);

/* True when another host was asked. */
static bool go_on(struct examination *x, struct finding *finding,
		  const struct fetch_answer *answer)
{
	AUTO_CSTR next_host = NULL;
	struct error err;
	char *next = hub_redirect(x->url, &answer->head, &x->hops, &err);

	finding->check = FINDING_REDIRECT;
	if (next == NULL) {
		finding->state = FINDING_FAILED;
		finding->detail = mem_strdup(err.text);
		finding->hint = mem_strdup("something between may answer in the host's place");
		return false;
	}
	next_host = hub_url_host(next);
	finding->state = FINDING_OK;
	finding->detail = mem_printf("it leads on to %s", next_host);
	free(x->url);
	x->url = next;
	ask(x, on_hop, true);
	return true;
}

/* A whole file where a part was asked for does not fit, and is an answer all the same. */
static bool is_whole(const struct fetch_answer *answer)
{
	return answer->head.status == 200 && answer->error.code == ERR_HUB_PROTOCOL;
}

static void on_hop(void *ctx, const struct fetch_answer *answer)
{
	struct examination *x = ctx;
	struct finding *finding = add(x, FINDING_STORAGE, FINDING_FAILED);

	x->fetch_id = 0;
	if (is_whole(answer)) {
		finding->host = hub_url_host(x->url);
		add_storage(x, finding, answer);
	} else if (judge(x, finding, answer, false)) {
		if (answer->head.status / 100 == 3 && go_on(x, finding, answer))
			return;
		if (answer->head.status / 100 == 4 &&
		    hub_url_is_same_origin(x->url, hub_endpoint(x->hub)))
			add_refusal(x, finding, answer);
		else if (answer->head.status / 100 != 3)
			add_storage(x, finding, answer);
	}
	finish(x);
}

/* The largest: it lies where large files lie, which is what fails. */
static const struct hub_file *find_largest(const struct hub_tree *tree)
{
	const struct hub_file *best = NULL;

	for (size_t i = 0; i < tree->n; i++) {
		if (tree->files[i].size > 0 &&
		    (best == NULL || tree->files[i].size > best->size))
			best = &tree->files[i];
	}
	return best;
}

static void add_model_failed(struct examination *x, const struct error *err)
{
	struct finding *finding = add(x, FINDING_MODEL, FINDING_FAILED);

	finding->detail = mem_strdup(err->text);
	finding->hint = hint_of(x, err);
	skip(x, FINDING_STORAGE, "not tried: no file is known");
	finish(x);
}

static void on_listed(void *ctx, struct hub_listing *take_listing, const struct error *err)
{
	struct examination *x = ctx;
	const struct hub_file *file;

	x->listing = NULL;
	if (err != NULL) {
		add_model_failed(x, err);
		return;
	}
	file = find_largest(take_listing->tree);
	add(x, FINDING_MODEL, FINDING_OK)->detail =
		mem_printf("%s: %zu file%s in the list", take_listing->info.repo,
			   take_listing->tree->n, take_listing->tree->n == 1 ? "" : "s");
	if (file == NULL) {
		skip(x, FINDING_STORAGE, "not tried: it has no file with something in it");
		hub_listing_free(&take_listing);
		finish(x);
		return;
	}
	free(x->report.repo);
	x->report.repo = mem_strdup(take_listing->info.repo);
	x->report.path = mem_strdup(file->path);
	x->size = file->size;
	free(x->url);
	x->url = hub_url_resolve(hub_endpoint(x->hub), x->type, x->report.repo,
				 take_listing->info.commit, file->path);
	hub_listing_free(&take_listing);
	ask(x, on_hop, true);
}

/* --- which repository --- */

static void list(struct examination *x)
{
	x->listing = hub_list(x->hub, x->type, x->report.repo, x->revision, on_listed, x);
}

static void on_found(void *ctx, const struct hub_found *found, const struct error *err)
{
	struct examination *x = ctx;
	struct error none;

	x->is_searching = false;
	if (x->is_reported) { /* it came after the deadline */
		loop_defer(hub_loop(x->hub), release, x);
		return;
	}
	for (size_t i = 0; err == NULL && i < found->n; i++) {
		if (found->rows[i].gated[0] != '\0' || found->rows[i].is_private)
			continue;
		x->report.repo = mem_strdup(found->rows[i].repo);
		list(x);
		return;
	}
	if (err == NULL) {
		(void)error_set(&none, ERR_NOT_FOUND,
				"there is no model at the Hub that anybody may have");
		err = &none;
	}
	add_model_failed(x, err);
}

static void choose(struct examination *x)
{
	const struct hub_query query = {
		.type = REPO_MODEL,
		.limit = FOUND_MAX,
		.order = HUB_BY_TRENDING,
	};

	if (x->repo != NULL) {
		x->report.repo = MOVE(x->repo);
		list(x);
	} else {
		x->is_searching = true;
		hub_search(x->search, &query, on_found, x);
	}
}

/* --- the endpoint --- */

static void add_token(struct examination *x, const struct fetch_answer *answer)
{
	struct finding *finding = add(x, FINDING_TOKEN, FINDING_OK);
	struct hub_account account;
	struct error err;

	if (!hub_has_token(x->hub)) {
		finding->state = FINDING_SKIPPED;
		finding->detail =
			mem_strdup("there is none: what is gated or private cannot be "
				   "had, and the Hub's limits are lower");
	} else if (answer->head.status == 401 || answer->head.status == 403) {
		finding->state = FINDING_FAILED;
		finding->detail = mem_printf("the Hub refuses it (status %ld): it is revoked, "
					     "expired or mistyped",
					     answer->head.status);
		finding->hint = mem_printf("make another at %s/settings/tokens, and give it in "
					   "the settings, or with `larder token set`",
					   hub_endpoint(x->hub));
	} else if (answer->head.status == 200 &&
		   hub_parse_account(answer->body, &account, &err) == 0) {
		finding->detail = mem_printf("it is %s's", account.name);
	} else {
		finding->state = FINDING_WARNING;
		finding->detail =
			mem_printf("whose it is was not answered (status %ld): a mirror may "
				   "not know tokens",
				   answer->head.status);
	}
}

static void add_clock(struct examination *x, const struct fetch_answer *answer)
{
	uint64_t theirs_s;
	int64_t ours_s = clock_unix_ms() / 1000;

	if (hub_parse_date(str_from(answer->head.headers[FETCH_DATE]), &theirs_s) == 0)
		finding_judge_clock(add(x, FINDING_CLOCK, FINDING_OK),
				    (int64_t)theirs_s - ours_s);
}

static void on_whoami(void *ctx, const struct fetch_answer *answer)
{
	struct examination *x = ctx;
	struct finding *finding = add(x, FINDING_HUB, FINDING_FAILED);
	bool is_well = judge(x, finding, answer, true);

	x->fetch_id = 0;
	hub_note_quota(x->hub, x->url, &answer->head);
	if (is_well && answer->head.status / 100 == 3) {
		finding->state = FINDING_WARNING;
		finding->detail =
			mem_printf("it leads elsewhere (status %ld)", answer->head.status);
		finding->hint =
			mem_strdup("name the address that it leads to in HF_ENDPOINT; a "
				   "network that wants somebody to sign in first looks "
				   "like this, too");
	} else if (is_well) {
		finding->state = FINDING_OK;
		finding->detail = mem_strdup("it answers");
	}
	if (answer->error.code == ERR_NONE)
		add_clock(x, answer);
	if (!is_well) {
		skip(x, FINDING_MODEL, "not tried: the Hub did not answer");
		finish(x);
		return;
	}
	add_token(x, answer);
	choose(x);
}

static void add_proxy(struct examination *x)
{
	bool is_https = str_has_prefix(str_from(hub_endpoint(x->hub)), S("https://"));
	const char *variable = home_proxy_variable(is_https);
	AUTO_CSTR proxy = NULL;

	if (variable == NULL)
		return;
	proxy = finding_proxy_name(str_from(getenv(variable)));
	add(x, FINDING_PROXY, FINDING_OK)->detail = mem_printf(
		"%s sends everything through %s, but what NO_PROXY names", variable, proxy);
}

/* Who asks does not wait for ever. */
static void on_deadline(void *ctx)
{
	struct examination *x = ctx;
	struct error err;

	if (x->fetch_id != 0) {
		fetch_cancel(hub_fetch(x->hub), x->fetch_id); /* what it says next is judged */
		return;
	}
	if (x->listing == NULL && !x->is_searching)
		return; /* it is about to end */
	(void)error_set(&err, ERR_TIMEOUT, "the Hub took too long to answer");
	hub_call_cancel(&x->listing);
	add_model_failed(x, &err);
}

static void add_offline(struct examination *x)
{
	struct finding *finding = add(x, FINDING_HUB, FINDING_WARNING);

	finding->detail = mem_strdup("LARDER_OFFLINE is set: nothing is asked of it");
	finding->hint = mem_strdup("set LARDER_OFFLINE=0 and restart larderd");
	skip(x, FINDING_MODEL, "not tried: LARDER_OFFLINE is set");
}

void doctor_examine(struct hub *hub, struct hub_search *search, const struct doctor_case *on,
		    doctor_done_fn done, void *ctx)
{
	struct examination *x = mem_alloc(sizeof(*x));
	struct error err;

	x->hub = hub;
	x->search = search;
	x->type = on->repo != NULL ? on->type : REPO_MODEL;
	x->repo = mem_strdup(on->repo);
	x->revision = mem_strdup(on->repo != NULL ? on->revision : "main");
	x->done = done;
	x->ctx = ctx;
	x->deadline = loop_timer_new(hub_loop(hub), on_deadline, x);
	loop_timer_arm(x->deadline, DOCTOR_DEADLINE_MS);
	if (hub_check_online(hub, &err) < 0) {
		add_offline(x);
		loop_defer(hub_loop(hub), finish, x);
		return;
	}
	add_proxy(x);
	x->url = hub_url_whoami(hub_endpoint(hub));
	ask(x, on_whoami, false);
}
