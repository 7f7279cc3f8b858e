#include "downloader/hub_search.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "tests/unit/rig.h"

static const struct hub_query any = { .limit = 2 };

struct answered {
	bool is_done;
	size_t n;
	struct hub_row first;
	char cursor[64];
	struct error error;
};

static void on_found(void *ctx, const struct hub_found *found, const struct error *err)
{
	struct answered *answered = ctx;

	answered->is_done = true;
	assert_true((found == NULL) == (err != NULL));
	if (err != NULL) {
		answered->error = *err;
		return;
	}
	answered->n = found->n;
	if (found->n > 0)
		answered->first = found->rows[0];
	(void)snprintf(answered->cursor, sizeof(answered->cursor), "%s",
		       found->cursor != NULL ? found->cursor : "");
}

static struct answered ask(struct rig *rig, struct hub_search *search,
			   const struct hub_query *query)
{
	struct answered answered = { .is_done = false };

	hub_search(search, query, on_found, &answered);
	assert_false(answered.is_done);
	loop_until(rig->loop, &answered.is_done);
	return answered;
}

static void serve(struct rig *rig, const char *target, const char *next, const char *body)
{
	AUTO_CSTR url = next != NULL ? answerer_url(rig->server, next) : NULL;

	answerer_add(rig->server,
		     (struct answerer_rule){
			     .target = target,
			     .status = "200 OK",
			     .headers = mem_printf("RateLimit: \"api\";r=7;t=60\r\n%s%s%s",
						   url != NULL ? "Link: <" : "",
						   url != NULL ? url : "",
						   url != NULL ? ">; rel=\"next\"\r\n" : ""),
			     .body = str_from(body) });
}

static void what_is_looked_for_stands_in_the_address(void **state)
{
	const struct {
		struct hub_query query;
		const char *part;
	} rows[] = {
		{ { .text = S("a b&c"), .limit = 5 },
		  "search=a%20b%26c&sort=trendingScore&limit=5&" },
		{ { .author = S("acme"), .order = HUB_BY_LIKES, .limit = 1 },
		  "author=acme&sort=likes&" },
		{ { .format = S("gguf"), .tags = S("en, license:mit"), .limit = 1 },
		  "filter=gguf&filter=en&filter=license%3Amit&" },
		{ { .min_parameters = 6000000000, .max_parameters = 8500000000, .limit = 1 },
		  "num_parameters=min%3A6000M%2Cmax%3A8500M&" },
		{ { .max_parameters = 3000000000, .limit = 1 }, "num_parameters=max%3A3000M&" },
		{ { .task = S("text-generation"), .order = HUB_BY_MODIFIED, .limit = 1 },
		  "pipeline_tag=text-generation&sort=lastModified&" },
		{ { .limit = 1, .order = HUB_BY_CREATED, .cursor = S("Zm9v%3D") },
		  "&cursor=Zm9v%3D" },
		{ { .limit = 1, .order = HUB_BY_DOWNLOADS }, "expand=gguf" },
	};
	struct rig *rig = *state;
	struct hub_search *search = hub_search_new(rig->hub);
	struct answerer_seen seen;

	serve(rig, "/api/models?", NULL, "[]");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(ask(rig, search, &rows[i].query).error.code, ERR_NONE);
		assert_int_equal(answerer_count(rig->server, "/api/models?", &seen), i + 1);
		assert_non_null(strstr(seen.target, rows[i].part));
		assert_string_equal(seen.authorization, "Bearer " RIG_TOKEN);
	}
	hub_search_free(&search);
}

static void datasets_are_looked_for_among_datasets(void **state)
{
	const struct hub_query query = { .type = REPO_DATASET, .limit = 1 };
	struct rig *rig = *state;
	struct hub_search *search = hub_search_new(rig->hub);
	struct answerer_seen seen;

	serve(rig, "/api/datasets?", NULL, "[{\"id\":\"acme/words\"}]");
	assert_int_equal(ask(rig, search, &query).n, 1);
	assert_int_equal(answerer_count(rig->server, "/api/datasets?", &seen), 1);
	assert_null(strstr(seen.target, "gguf")); /* that is a model's */
	hub_search_free(&search);
}

static void a_page_leads_to_the_next_and_back_again(void **state)
{
	struct rig *rig = *state;
	struct hub_search *search = hub_search_new(rig->hub);
	struct hub_query second = any;
	struct answered answered;
	uint64_t remaining;
	uint64_t reset_s;

	serve(rig, "/api/models?sort=trendingScore&limit=2&",
	      "/api/models?limit=2&cursor=Zm9v%3D",
	      "[{\"id\":\"acme/one\"},{\"id\":\"acme/two\"}]");
	assert_false(hub_tell_quota(rig->hub, &remaining, &reset_s));
	answered = ask(rig, search, &any);
	assert_int_equal(answered.n, 2);
	assert_string_equal(answered.first.repo, "acme/one");
	assert_string_equal(answered.cursor, "Zm9v%3D");
	assert_true(hub_tell_quota(rig->hub, &remaining, &reset_s));
	assert_int_equal(remaining, 7);
	assert_in_range(reset_s, 1, 61);
	second.cursor = str_from(answered.cursor);
	(void)ask(rig, search, &second);
	assert_int_equal(answerer_count(rig->server, "/api/models", NULL), 2);
	answered = ask(rig, search, &any);
	assert_string_equal(answered.first.repo, "acme/one");
	assert_int_equal(answerer_count(rig->server, "/api/models", NULL), 2);
	hub_search_free(&search);
}

static void only_so_many_answers_are_kept(void **state)
{
	struct rig *rig = *state;
	struct hub_search *search = hub_search_new(rig->hub);
	struct hub_query query = any;

	serve(rig, "/api/models?", NULL, "[]");
	for (unsigned i = 1; i <= HUB_SEARCH_KEPT_MAX + 1; i++) {
		query.limit = i;
		(void)ask(rig, search, &query);
	}
	(void)ask(rig, search, &query);
	assert_int_equal(answerer_count(rig->server, "/api/models", NULL),
			 HUB_SEARCH_KEPT_MAX + 1);
	query.limit = 1; /* the first has given way */
	(void)ask(rig, search, &query);
	assert_int_equal(answerer_count(rig->server, "/api/models", NULL),
			 HUB_SEARCH_KEPT_MAX + 2);
	hub_search_free(&search);
}

static void a_list_that_goes_on_elsewhere_is_refused(void **state)
{
	struct rig *rig = *state;
	struct hub_search *search = hub_search_new(rig->hub);

	answerer_add(
		rig->server,
		(struct answerer_rule){
			.target = "/api/models?",
			.status = "200 OK",
			.headers = mem_strdup("Link: <http://192.0.2.1/api/models?cursor=x>; "
					      "rel=\"next\"\r\n"),
			.body = S("[]") });
	assert_int_equal(ask(rig, search, &any).error.code, ERR_HUB_PROTOCOL);
	hub_search_free(&search);
}

static void failures_are_told_and_not_kept(void **state)
{
	static const struct {
		const char *status;
		const char *body;
		enum error_code code;
	} rows[] = {
		{ "500 Trouble", "", ERR_HUB_UNAVAILABLE },
		{ "401 Unauthorized", "{\"error\":\"Invalid\"}", ERR_UNAUTHORIZED },
		{ "200 OK", "{\"error\":\"none\"}", ERR_HUB_PROTOCOL },
		{ "200 OK", "[", ERR_HUB_PROTOCOL },
	};
	struct rig *rig = *state;
	struct hub_search *search = hub_search_new(rig->hub);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		answerer_add(rig->server,
			     (struct answerer_rule){ .target = "/api/models?",
						     .status = rows[i].status,
						     .body = str_from(rows[i].body),
						     .times = 1 });
		assert_int_equal(ask(rig, search, &any).error.code, rows[i].code);
	}
	assert_int_equal(answerer_count(rig->server, "/api/models", NULL), ARRAY_LEN(rows));
	hub_search_free(&search);
}

static void cursors_are_what_was_given_out(void **state)
{
	AUTO_CSTR longest = mem_alloc(HUB_CURSOR_MAX + 2);

	(void)state;
	memset(longest, 'a', HUB_CURSOR_MAX);
	assert_true(hub_cursor_is_valid(str_from(longest)));
	longest[HUB_CURSOR_MAX] = 'a';
	assert_false(hub_cursor_is_valid(str_from(longest)));
	assert_true(hub_cursor_is_valid(S("eyJfaWQiOi4%3D_-.~+/=")));
	assert_false(hub_cursor_is_valid(S("")));
	assert_false(hub_cursor_is_valid(S("a&limit=9")));
	assert_false(hub_cursor_is_valid(S("a#b")));
	assert_false(hub_cursor_is_valid(S("a b")));
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_make, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(what_is_looked_for_stands_in_the_address),
		WITH_RIG(datasets_are_looked_for_among_datasets),
		WITH_RIG(a_page_leads_to_the_next_and_back_again),
		WITH_RIG(only_so_many_answers_are_kept),
		WITH_RIG(a_list_that_goes_on_elsewhere_is_refused),
		WITH_RIG(failures_are_told_and_not_kept),
		cmocka_unit_test(cursors_are_what_was_given_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
