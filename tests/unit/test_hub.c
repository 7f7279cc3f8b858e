#include "downloader/hub.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/rig.h"

static const struct rig_file files[] = {
	{ "b.txt", { "hello", 5 }, false },
	{ "a/m-Q4_K_M.gguf", { "weights", 7 }, true },
};

#define INFO "/api/models/" RIG_REPO "/revision/"
#define TREE "/api/models/" RIG_REPO "/tree/" RIG_COMMIT

/* Where and how lists of files are parsed; while it is gated, they are not. */
static struct {
	pthread_mutex_t lock; /* guards all below */
	pthread_cond_t opened;
	pthread_t loop;
	bool is_gated;
	bool was_on_loop;
	unsigned n_begun;
	unsigned n_active;
	unsigned most_active;
} parser = { .lock = PTHREAD_MUTEX_INITIALIZER, .opened = PTHREAD_COND_INITIALIZER };

int __real_hub_parse_tree(struct hub_tree *tree, struct str body, struct error *err);
int __wrap_hub_parse_tree(struct hub_tree *tree, struct str body, struct error *err);
int __wrap_hub_parse_tree(struct hub_tree *tree, struct str body, struct error *err)
{
	int result;

	(void)pthread_mutex_lock(&parser.lock);
	parser.was_on_loop = parser.was_on_loop || pthread_self() == parser.loop;
	parser.n_begun++;
	parser.n_active++;
	if (parser.n_active > parser.most_active)
		parser.most_active = parser.n_active;
	while (parser.is_gated)
		(void)pthread_cond_wait(&parser.opened, &parser.lock);
	(void)pthread_mutex_unlock(&parser.lock);
	result = __real_hub_parse_tree(tree, body, err);
	(void)pthread_mutex_lock(&parser.lock);
	parser.n_active--;
	(void)pthread_mutex_unlock(&parser.lock);
	return result;
}

static void parser_reset(bool is_gated)
{
	(void)pthread_mutex_lock(&parser.lock);
	parser.loop = pthread_self();
	parser.is_gated = is_gated;
	parser.was_on_loop = false;
	parser.n_begun = 0;
	parser.most_active = 0;
	(void)pthread_mutex_unlock(&parser.lock);
}

static void parser_open(void)
{
	(void)pthread_mutex_lock(&parser.lock);
	parser.is_gated = false;
	(void)pthread_cond_broadcast(&parser.opened);
	(void)pthread_mutex_unlock(&parser.lock);
}

static unsigned parser_count(const unsigned *which)
{
	unsigned n;

	(void)pthread_mutex_lock(&parser.lock);
	n = *which;
	(void)pthread_mutex_unlock(&parser.lock);
	return n;
}

struct listed {
	bool is_done;
	unsigned calls;
	struct hub_listing *listing;
	struct error error;
};

static void on_listed(void *ctx, struct hub_listing *take_listing, const struct error *err)
{
	struct listed *listed = ctx;

	listed->is_done = true;
	listed->calls++;
	listed->listing = take_listing;
	listed->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
	assert_true((take_listing == NULL) == (err != NULL));
}

static void list(struct rig *rig, struct hub *hub, const char *repo, const char *revision,
		 struct listed *listed)
{
	*listed = (struct listed){ .is_done = false };
	assert_non_null(hub_list(hub, REPO_MODEL, repo, revision, on_listed, listed));
	assert_false(listed->is_done);
	loop_until(rig->loop, &listed->is_done);
	assert_int_equal(listed->calls, 1);
}

static void a_repository_is_listed_with_its_commit(void **state)
{
	struct rig *rig = *state;
	struct answerer_seen seen;
	struct listed listed;

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	list(rig, rig->hub, RIG_REPO, "refs/pr/1", &listed);
	assert_non_null(listed.listing);
	assert_string_equal(listed.listing->info.repo, RIG_REPO);
	assert_string_equal(listed.listing->info.commit, RIG_COMMIT);
	assert_int_equal(listed.listing->tree->n, 2);
	assert_string_equal(listed.listing->tree->files[0].path, "a/m-Q4_K_M.gguf");
	assert_int_equal(listed.listing->tree->files[0].algorithm, DIGEST_SHA256);
	assert_string_equal(listed.listing->tree->files[1].path, "b.txt");
	assert_int_equal(answerer_count(rig->server, INFO "refs%2Fpr%2F1", &seen), 1);
	assert_string_equal(seen.authorization, "Bearer " RIG_TOKEN);
	assert_int_equal(answerer_count(rig->server, TREE, &seen), 1);
	assert_string_equal(seen.authorization, "Bearer " RIG_TOKEN);
	hub_listing_free(&listed.listing);
}

static void a_listing_is_kept_for_its_revision_and_its_commit(void **state)
{
	struct rig *rig = *state;
	static const char *const again[] = { "main", RIG_COMMIT };
	struct listed listed;

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	list(rig, rig->hub, RIG_REPO, "main", &listed);
	hub_listing_free(&listed.listing);
	for (size_t i = 0; i < ARRAY_LEN(again); i++) {
		list(rig, rig->hub, RIG_REPO, again[i], &listed);
		assert_int_equal(listed.listing->tree->n, 2);
		hub_listing_free(&listed.listing);
	}
	assert_int_equal(answerer_count(rig->server, "/", NULL), 2);
	list(rig, rig->hub, RIG_REPO, "v2", &listed);
	hub_listing_free(&listed.listing);
	assert_int_equal(answerer_count(rig->server, "/", NULL), 4);
}

static void a_failure_is_not_kept(void **state)
{
	struct rig *rig = *state;
	struct listed listed;

	answerer_add(rig->server, (struct answerer_rule){
					  .target = INFO, .status = "503 Busy", .times = 1 });
	rig_serve_listing(rig, files, ARRAY_LEN(files));
	list(rig, rig->hub, RIG_REPO, "main", &listed);
	assert_int_equal(listed.error.code, ERR_HUB_UNAVAILABLE);
	list(rig, rig->hub, RIG_REPO, "main", &listed);
	assert_int_equal(listed.error.code, ERR_NONE);
	hub_listing_free(&listed.listing);
}

static void more_listings_than_are_kept_do_no_harm(void **state)
{
	struct rig *rig = *state;

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	for (int i = 0; i < 3 * HUB_KEPT_MAX; i++) {
		AUTO_CSTR revision = mem_printf("v%d", i);
		struct listed listed;

		list(rig, rig->hub, RIG_REPO, revision, &listed);
		assert_int_equal(listed.listing->tree->n, 2);
		hub_listing_free(&listed.listing);
	}
}

static void all_pages_make_one_listing(void **state)
{
	static const struct rig_file more[] = { { "c.txt", { "x", 1 }, false } };
	struct rig *rig = *state;
	AUTO_CSTR next = answerer_url(rig->server, TREE "?cursor=2");
	struct listed listed;

	answerer_add(rig->server, (struct answerer_rule){ .target = TREE "?cursor=2",
							  .status = "200 OK",
							  .body = rig_tree(rig, more, 1) });
	answerer_add(rig->server,
		     (struct answerer_rule){
			     .target = TREE,
			     .status = "200 OK",
			     .headers = mem_printf("Link: <%s>; rel=\"next\"\r\n", next),
			     .body = rig_tree(rig, files, ARRAY_LEN(files)) });
	rig_serve_listing(rig, files, ARRAY_LEN(files));
	list(rig, rig->hub, RIG_REPO, "main", &listed);
	assert_int_equal(listed.error.code, ERR_NONE);
	assert_int_equal(listed.listing->tree->n, 3);
	assert_string_equal(listed.listing->tree->files[2].path, "c.txt");
	hub_listing_free(&listed.listing);
}

static void a_next_page_elsewhere_is_refused_and_never_asked_for(void **state)
{
	struct rig *rig = *state;
	struct answerer *foreign = answerer_start();
	AUTO_CSTR next = answerer_url(foreign, "/page2");
	struct listed listed;

	answerer_add(rig->server,
		     (struct answerer_rule){
			     .target = TREE,
			     .status = "200 OK",
			     .headers = mem_printf("Link: <%s>; rel=\"next\"\r\n", next),
			     .body = rig_tree(rig, files, ARRAY_LEN(files)) });
	rig_serve_listing(rig, files, ARRAY_LEN(files));
	list(rig, rig->hub, RIG_REPO, "main", &listed);
	assert_int_equal(listed.error.code, ERR_HUB_PROTOCOL);
	assert_int_equal(answerer_count(foreign, "/", NULL), 0);
	answerer_stop(&foreign);
}

static void pages_that_never_end_are_ended(void **state)
{
	struct rig *rig = *state;
	AUTO_CSTR next = answerer_url(rig->server, TREE "?cursor=same");
	struct listed listed;

	answerer_add(rig->server,
		     (struct answerer_rule){
			     .target = TREE,
			     .status = "200 OK",
			     .headers = mem_printf("Link: <%s>; rel=\"next\"\r\n", next),
			     .body = S("[]") });
	rig_serve_listing(rig, files, ARRAY_LEN(files));
	list(rig, rig->hub, RIG_REPO, "main", &listed);
	assert_int_equal(listed.error.code, ERR_TOO_MANY_FILES);
}

static void a_renamed_repository_is_found_under_its_new_name(void **state)
{
	struct rig *rig = *state;
	struct answerer_seen seen;
	struct listed listed;

	answerer_add(
		rig->server,
		(struct answerer_rule){ .target = "/api/models/old/name/",
					.status = "307 Temporary Redirect",
					.headers = mem_strdup("Location: " INFO "main\r\n") });
	rig_serve_listing(rig, files, ARRAY_LEN(files));
	list(rig, rig->hub, "old/name", "main", &listed);
	assert_string_equal(listed.listing->info.repo, RIG_REPO);
	assert_int_equal(answerer_count(rig->server, INFO "main", &seen), 1);
	assert_string_equal(seen.authorization, "Bearer " RIG_TOKEN);
	hub_listing_free(&listed.listing);
}

static void the_token_does_not_follow_a_redirect_elsewhere(void **state)
{
	struct rig *rig = *state;
	struct answerer *foreign = answerer_start();
	AUTO_CSTR there = answerer_url(foreign, "/info");
	struct answerer_seen seen;
	struct listed listed;

	answerer_add(rig->server, (struct answerer_rule){
					  .target = INFO,
					  .status = "302 Found",
					  .headers = mem_printf("Location: %s\r\n", there) });
	answerer_add(foreign,
		     (struct answerer_rule){ .target = "/info", .status = "500 Trouble" });
	list(rig, rig->hub, RIG_REPO, "main", &listed);
	assert_int_not_equal(listed.error.code, ERR_NONE);
	assert_int_equal(answerer_count(foreign, "/info", &seen), 1);
	assert_string_equal(seen.authorization, "");
	answerer_stop(&foreign);
}

static void redirects_have_an_end(void **state)
{
	struct rig *rig = *state;
	struct listed listed;

	answerer_add(
		rig->server,
		(struct answerer_rule){ .target = INFO,
					.status = "302 Found",
					.headers = mem_strdup("Location: " INFO "main\r\n") });
	list(rig, rig->hub, RIG_REPO, "main", &listed);
	assert_int_equal(listed.error.code, ERR_HUB_PROTOCOL);
	assert_int_equal(answerer_count(rig->server, "/", NULL), HUB_HOPS_MAX + 1);
}

static void answers_that_make_no_sense_are_told_as_such(void **state)
{
	static const struct {
		const char *info;
		const char *tree;
		enum error_code code;
	} rows[] = {
		{ "<html>", "[]", ERR_HUB_PROTOCOL },
		{ "", "[]", ERR_HUB_PROTOCOL },
		{ "{\"id\":\"acme/tiny\",\"sha\":\"main\"}", "[]", ERR_HUB_PROTOCOL },
		{ NULL, "{}", ERR_HUB_PROTOCOL },
		{ NULL,
		  "[{\"type\":\"file\",\"path\":\"../x\",\"size\":1,\"oid\":"
		  "\"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\"}]",
		  ERR_UNSAFE_PATH },
		{ NULL,
		  "[{\"type\":\"file\",\"path\":\"a\",\"size\":1,\"oid\":"
		  "\"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\"},{\"type\":\"file\",\"path\":"
		  "\"a/b\",\"size\":1,\"oid\":\"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391\"}]",
		  ERR_UNSAFE_PATH },
	};
	static const char good[] = "{\"id\":\"" RIG_REPO "\",\"sha\":\"" RIG_COMMIT "\"}";
	struct rig *rig = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *info = rows[i].info != NULL ? rows[i].info : good;
		AUTO_CSTR revision = mem_printf("v%zu", i);
		struct listed listed;

		answerer_add(rig->server, (struct answerer_rule){ .target = INFO,
								  .status = "200 OK",
								  .body = str_from(info),
								  .times = 1 });
		if (rows[i].info == NULL)
			answerer_add(rig->server,
				     (struct answerer_rule){ .target = TREE,
							     .status = "200 OK",
							     .body = str_from(rows[i].tree),
							     .times = 1 });
		list(rig, rig->hub, RIG_REPO, revision, &listed);
		assert_int_equal(listed.error.code, rows[i].code);
	}
}

static void without_a_network_nothing_is_asked(void **state)
{
	struct rig *rig = *state;
	struct hub *hub = hub_new(rig->loop, rig->fetch, rig->pool, rig->endpoint, "", true);
	struct listed listed;
	struct error err;

	list(rig, hub, RIG_REPO, "main", &listed);
	assert_int_equal(listed.error.code, ERR_OFFLINE);
	assert_int_equal(hub_check_online(hub, &err), -1);
	assert_int_equal(answerer_count(rig->server, "/", NULL), 0);
	hub_free(&hub);
}

static void the_token_is_given_to_the_very_origin_only(void **state)
{
	struct rig *rig = *state;
	struct hub *hub = hub_new(rig->loop, rig->fetch, rig->pool, "https://huggingface.co",
				  RIG_TOKEN, false);
	struct hub *without =
		hub_new(rig->loop, rig->fetch, rig->pool, "https://huggingface.co", "", false);
	static const struct {
		const char *url;
		bool is_given;
	} rows[] = {
		{ "https://huggingface.co/x", true },
		{ "https://HuggingFace.co:443/x", true },
		{ "http://huggingface.co/x", false },
		{ "https://huggingface.co:444/x", false },
		{ "https://cdn-lfs.huggingface.co/x", false },
		{ "https://huggingface.co.evil.example/x", false },
		{ "https://huggingface.co@evil.example/x", false },
		{ "https://x@huggingface.co/x", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(hub_bearer(hub, rows[i].url) != NULL, rows[i].is_given);
		assert_null(hub_bearer(without, rows[i].url));
	}
	hub_free(&hub);
	hub_free(&without);
}

/* Waits until a list of files is being parsed, and all `n` calls have asked: the others have
 * their answers, or will have in a moment, and wait. (One whose first answer came late waits
 * with that.) */
static void wait_for_all(struct rig *rig, size_t n)
{
	(void)alarm(LOOPING_ALARM_S);
	while (parser_count(&parser.n_begun) < 1 ||
	       answerer_count(rig->server, "/api/models/" RIG_REPO "/revision/", NULL) < n)
		loop_turn(rig->loop);
	(void)alarm(0);
	for (int i = 0; i < 20; i++)
		loop_turn(rig->loop);
}

/* The largest answer takes seconds: nobody waits for it but who has asked. */
static void lists_are_parsed_beside_the_loop_and_one_at_a_time(void **state)
{
	static const char *const revisions[] = { "v1", "v2", "v3" };
	struct rig *rig = *state;
	struct listed listed[ARRAY_LEN(revisions)];

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	parser_reset(true);
	for (size_t i = 0; i < ARRAY_LEN(revisions); i++) {
		listed[i] = (struct listed){ .is_done = false };
		(void)hub_list(rig->hub, REPO_MODEL, RIG_REPO, revisions[i], on_listed,
			       &listed[i]);
	}
	wait_for_all(rig, ARRAY_LEN(revisions)); /* the loop turns all the time */
	assert_int_equal(parser_count(&parser.n_begun), 1);
	parser_open();
	for (size_t i = 0; i < ARRAY_LEN(revisions); i++) {
		loop_until(rig->loop, &listed[i].is_done);
		assert_int_equal(listed[i].listing->tree->n, 2);
		hub_listing_free(&listed[i].listing);
	}
	assert_int_equal(parser.n_begun, ARRAY_LEN(revisions));
	assert_int_equal(parser.most_active, 1);
	assert_false(parser.was_on_loop);
}

/* The one that is being parsed comes home, the one that waits is not even parsed. */
static void calls_are_cancelled_while_they_are_parsed_and_before(void **state)
{
	struct rig *rig = *state;
	struct listed listed = { .is_done = false };
	struct hub_call *calls[2];

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	parser_reset(true);
	calls[0] = hub_list(rig->hub, REPO_MODEL, RIG_REPO, "v1", on_listed, &listed);
	calls[1] = hub_list(rig->hub, REPO_MODEL, RIG_REPO, "v2", on_listed, &listed);
	wait_for_all(rig, ARRAY_LEN(calls));
	for (size_t i = 0; i < ARRAY_LEN(calls); i++)
		hub_call_cancel(&calls[i]);
	parser_open();
	rig_stop(rig);
	assert_int_equal(parser.n_begun, 1);
	assert_int_equal(listed.calls, 0);
}

static void a_call_that_was_cancelled_does_not_answer(void **state)
{
	struct rig *rig = *state;
	struct listed listed = { .is_done = false };
	struct listed other;
	struct hub_call *call;

	rig_serve_listing(rig, files, ARRAY_LEN(files));
	call = hub_list(rig->hub, REPO_MODEL, RIG_REPO, "main", on_listed, &listed);
	hub_call_cancel(&call);
	assert_null(call);
	hub_call_cancel(&call);
	list(rig, rig->hub, RIG_REPO, "main", &other);
	hub_listing_free(&other.listing);
	/* Kept by now: the answer would come with the next turn. */
	call = hub_list(rig->hub, REPO_MODEL, RIG_REPO, "main", on_listed, &listed);
	hub_call_cancel(&call);
	loop_turn(rig->loop);
	rig_stop(rig);
	assert_int_equal(listed.calls, 0);
}

static void stopping_answers_what_is_under_way(void **state)
{
	struct rig *rig = *state;
	struct listed listed = { .is_done = false };

	answerer_add(rig->server, (struct answerer_rule){ .target = INFO,
							  .status = "200 OK",
							  .body = S("0123456789"),
							  .cut = 1,
							  .is_held = true });
	(void)hub_list(rig->hub, REPO_MODEL, RIG_REPO, "main", on_listed, &listed);
	rig_stop(rig);
	assert_int_equal(listed.calls, 1);
	assert_int_equal(listed.error.code, ERR_CANCELLED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_make, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_repository_is_listed_with_its_commit),
		TEST(a_listing_is_kept_for_its_revision_and_its_commit),
		TEST(a_failure_is_not_kept),
		TEST(more_listings_than_are_kept_do_no_harm),
		TEST(all_pages_make_one_listing),
		TEST(a_next_page_elsewhere_is_refused_and_never_asked_for),
		TEST(pages_that_never_end_are_ended),
		TEST(a_renamed_repository_is_found_under_its_new_name),
		TEST(the_token_does_not_follow_a_redirect_elsewhere),
		TEST(redirects_have_an_end),
		TEST(answers_that_make_no_sense_are_told_as_such),
		TEST(without_a_network_nothing_is_asked),
		TEST(the_token_is_given_to_the_very_origin_only),
		TEST(lists_are_parsed_beside_the_loop_and_one_at_a_time),
		TEST(calls_are_cancelled_while_they_are_parsed_and_before),
		TEST(a_call_that_was_cancelled_does_not_answer),
		TEST(stopping_answers_what_is_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
