#include "downloader/job.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/json.h"

#define STATES \
	"queued resolving downloading verifying paused waiting completed failed cancelled"

/* Row: from; column: to; both in the order of STATES; "-" is no move. */
static const char *const legal[JOB_STATE_COUNT] = {
	[JOB_QUEUED] = "-RDVPW-FX",      [JOB_RESOLVING] = "Q---PW-FX",
	[JOB_DOWNLOADING] = "Q--VPWCFX", [JOB_VERIFYING] = "Q-D-PWCFX",
	[JOB_PAUSED] = "Q-------X",      [JOB_WAITING] = "Q---P--FX",
	[JOB_COMPLETED] = "---------",   [JOB_FAILED] = "Q--------",
	[JOB_CANCELLED] = "Q--------",
};

static bool is_written_legal(unsigned from, unsigned to)
{
	static const char letters[] = "QRDVPWCFX";

	return legal[from][to] == letters[to];
}

static void the_moves_are_exactly_those_of_the_table(void **state)
{
	(void)state;
	for (unsigned from = 0; from < JOB_STATE_COUNT; from++) {
		assert_int_equal(strlen(legal[from]), JOB_STATE_COUNT);
		for (unsigned to = 0; to < JOB_STATE_COUNT; to++)
			assert_int_equal(job_can_move((enum job_state)from, (enum job_state)to),
					 is_written_legal(from, to));
	}
}

static void state_names_lead_there_and_back(void **state)
{
	struct str rest = S(STATES);
	enum job_state found = JOB_STATE_COUNT;
	struct str name;

	(void)state;
	for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
		assert_true(str_next(&rest, ' ', &name));
		assert_int_equal(job_state_from_name(name, &found), 0);
		assert_int_equal(found, i);
		assert_true(str_is_equal(name, str_from(job_state_name((enum job_state)i))));
	}
	found = JOB_PAUSED;
	assert_int_equal(job_state_from_name(S("Queued"), &found), -1);
	assert_int_equal(job_state_from_name(S(""), &found), -1);
	assert_int_equal(found, JOB_PAUSED);
}

static void the_final_states_are_those_where_nothing_happens_by_itself(void **state)
{
	(void)state;
	for (unsigned i = 0; i < JOB_STATE_COUNT; i++)
		assert_int_equal(job_is_final((enum job_state)i),
				 i == JOB_COMPLETED || i == JOB_FAILED || i == JOB_CANCELLED);
}

static struct job *make_job(void)
{
	static char q4[] = "Q4_K_M";
	static char glob[] = "*.json";
	char *select[] = { q4, glob };
	char *exclude[] = { glob };
	struct job *job = job_new();

	memcpy(job->id, "abcdefghijklmnopqrst", DOWNLOAD_ID_LEN + 1);
	job->repo = mem_strdup("acme/tiny");
	job->revision = mem_strdup("main");
	terms_copy(&job->select, select, 2);
	terms_copy(&job->exclude, exclude, 1);
	return job;
}

static void a_move_stamps_and_drops_the_reason_and_speed(void **state)
{
	AUTO(job) job = make_job();
	struct error why;

	(void)state;
	(void)error_set(&why, ERR_NETWORK, "down");
	job_set_reason(job, &why, 99);
	job_set_reason_url(job, mem_strdup("http://x"));
	job->speed_bps = 7;
	job_move(job, JOB_DOWNLOADING, 1000);
	assert_int_equal(job->state, JOB_DOWNLOADING);
	assert_int_equal(job->reason.code, ERR_NONE);
	assert_null(job->reason.url);
	assert_int_equal(job->speed_bps, 0);
	assert_int_equal(job->started_at_ms, 1000);
	assert_int_equal(job->finished_at_ms, 0);
}

static void the_first_start_and_the_last_end_count(void **state)
{
	AUTO(job) job = make_job();

	(void)state;
	job_move(job, JOB_DOWNLOADING, 1000);
	job_move(job, JOB_FAILED, 2000);
	assert_int_equal(job->finished_at_ms, 2000);
	job_move(job, JOB_QUEUED, 3000);
	assert_int_equal(job->finished_at_ms, 0);
	job_move(job, JOB_DOWNLOADING, 4000);
	job_move(job, JOB_COMPLETED, 5000);
	assert_int_equal(job->started_at_ms, 1000);
	assert_int_equal(job->finished_at_ms, 5000);
}

static void a_copy_is_deep(void **state)
{
	AUTO(job) job = make_job();
	AUTO(job) copy = NULL;

	(void)state;
	job_set_reason_url(job, mem_strdup("http://x"));
	copy = job_copy(job);
	job->repo[0] = '!';
	job->revision[0] = '!';
	job->select.v[1][0] = '!';
	job->exclude.v[0][0] = '!';
	job->reason.url[0] = '!';
	assert_string_equal(copy->repo, "acme/tiny");
	assert_string_equal(copy->revision, "main");
	assert_int_equal(copy->select.n, 2);
	assert_string_equal(copy->select.v[1], "*.json");
	assert_string_equal(copy->exclude.v[0], "*.json");
	assert_string_equal(copy->reason.url, "http://x");
	assert_string_equal(copy->id, job->id);
}

static void what_remains_is_never_below_nothing(void **state)
{
	AUTO(job) job = make_job();

	(void)state;
	job->bytes_total = 100;
	job->bytes_done = 30;
	assert_int_equal(job_remaining(job), 70);
	job->bytes_done = 101;
	assert_int_equal(job_remaining(job), 0);
}

static void the_time_left_is_known_only_while_bytes_come(void **state)
{
	AUTO(job) job = make_job();

	(void)state;
	job->bytes_total = 101;
	job->bytes_done = 0;
	job->state = JOB_DOWNLOADING;
	assert_int_equal(job_eta_s(job), -1);
	job->speed_bps = 10;
	assert_int_equal(job_eta_s(job), 11);
	job->bytes_done = 101;
	assert_int_equal(job_eta_s(job), 0);
	job->state = JOB_VERIFYING;
	assert_int_equal(job_eta_s(job), -1);
}

static void a_folder_tells_type_and_revision(void **state)
{
	static const struct {
		enum repo_type type;
		const char *repo;
		const char *revision;
		const char *wanted;
	} rows[] = {
		{ REPO_MODEL, "acme/tiny", "main", "acme/tiny" },
		{ REPO_MODEL, "acme/tiny", "v1.0", "acme/tiny@v1.0" },
		{ REPO_MODEL, "acme/tiny", "Main", "acme/tiny@Main" },
		{ REPO_MODEL, "acme/tiny", "refs/pr/1", "acme/tiny@refs--pr--1" },
		{ REPO_DATASET, "acme/set", "main", "datasets/acme/set" },
		{ REPO_DATASET, "acme/set", "a/b", "datasets/acme/set@a--b" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR folder = job_folder(rows[i].type, rows[i].repo, rows[i].revision);

		assert_string_equal(folder, rows[i].wanted);
	}
}

static void the_longest_names_fit_a_folder(void **state)
{
	char repo[REPO_ID_MAX + 1];
	char revision[REVISION_MAX + 1];
	AUTO_CSTR folder = NULL;

	(void)state;
	memset(repo, 'r', REPO_ID_MAX);
	repo[REPO_ID_MAX] = '\0';
	for (size_t i = 0; i < REVISION_MAX; i++)
		revision[i] = i % 2 == 1 ? '/' : 'v';
	revision[REVISION_MAX] = '\0';
	folder = job_folder(REPO_DATASET, repo, revision);
	assert_true(str_has_prefix(str_from(folder), S("datasets/rrr")));
	assert_true(str_has_suffix(str_from(folder), S("v--v--v")));
}

static void higher_priority_goes_first_then_first_come(void **state)
{
	static const struct {
		int priority_a;
		uint64_t order_a;
		int priority_b;
		uint64_t order_b;
		int wanted;
	} rows[] = {
		{ 1, 9, 0, 1, -1 }, { 0, 1, 1, 9, 1 },  { 0, 1, 0, 2, -1 },
		{ 0, 2, 0, 1, 1 },  { -1, 1, 0, 2, 1 }, { 5, 3, 5, 3, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct job a = { .priority = rows[i].priority_a, .order = rows[i].order_a };
		struct job b = { .priority = rows[i].priority_b, .order = rows[i].order_b };

		assert_int_equal(job_compare(&a, &b), rows[i].wanted);
	}
}

static void assert_json(struct json_object *object, const char *wanted)
{
	AUTO_JSON parsed = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(wanted), 4, &parsed, &err), 0);
	if (json_object_equal(object, parsed) == 0)
		assert_string_equal(json_text(object).p, wanted); /* shows both */
}

static void json_has_exactly_the_members_of_the_contract(void **state)
{
	AUTO(job) job = make_job();
	AUTO_JSON object = job_to_json(job);

	(void)state;
	assert_json(
		object,
		"{\"id\":\"abcdefghijklmnopqrst\",\"kind\":\"download\",\"folder\":\"acme/"
		"tiny\","
		"\"repo\":\"acme/tiny\","
		"\"type\":\"model\",\"revision\":\"main\",\"commit\":null,"
		"\"select\":[\"Q4_K_M\",\"*.json\"],\"exclude\":[\"*.json\"],\"priority\":0,"
		"\"state\":\"queued\",\"reason\":null,\"bytes_total\":0,\"bytes_present\":0,"
		"\"bytes_done\":0,"
		"\"bytes_verified\":0,\"files_total\":0,\"files_done\":0,\"speed_bps\":0,"
		"\"eta_s\":null,\"connections\":0,\"findings\":null,\"created_at\":null,"
		"\"started_at\":null,"
		"\"finished_at\":null}");
}

static void progress_has_only_what_changes_while_it_runs(void **state)
{
	AUTO(job) job = make_job();
	AUTO_JSON object = NULL;

	(void)state;
	job->state = JOB_DOWNLOADING;
	job->bytes_total = 100;
	job->bytes_done = 40;
	job->bytes_verified = 30;
	job->files_done = 2;
	job->speed_bps = 20;
	job->connections = 3;
	object = job_progress_to_json(job);
	assert_json(object, "{\"id\":\"abcdefghijklmnopqrst\",\"state\":\"downloading\","
			    "\"bytes_done\":40,\"bytes_verified\":30,\"files_done\":2,"
			    "\"speed_bps\":20,\"eta_s\":3,\"connections\":3}");
}

static void a_verification_fetches_nothing_and_tells_what_it_found(void **state)
{
	AUTO(job) job = make_job();
	AUTO_JSON object = NULL;
	AUTO_CSTR folder = NULL;

	(void)state;
	job->kind = JOB_VERIFY;
	job->folder = mem_strdup("by-hand");
	job->state = JOB_VERIFYING;
	job->bytes_total = 100;
	job->bytes_done = 40;
	job->speed_bps = 20;
	job->files_done = 5;
	job->files_changed = 2;
	job->files_missing = 3;
	job->files_unknown = 4;
	folder = job_own_folder(job);
	assert_string_equal(folder, "by-hand");
	assert_int_equal(job_remaining(job), 0);
	assert_int_equal(job_eta_s(job), 3);
	object = job_progress_to_json(job);
	assert_json(object,
		    "{\"id\":\"abcdefghijklmnopqrst\",\"state\":\"verifying\","
		    "\"bytes_done\":40,\"bytes_verified\":0,\"files_done\":5,\"speed_bps\":20,"
		    "\"eta_s\":3,\"connections\":0,\"findings\":{\"proven\":5,\"changed\":2,"
		    "\"missing\":3,\"unknown\":4}}");
}

static void kind_names_lead_there_and_back(void **state)
{
	static const char *const names[] = { "download", "update", "verify", "repair" };
	enum job_kind found = JOB_KIND_COUNT;

	(void)state;
	assert_int_equal(ARRAY_LEN(names), JOB_KIND_COUNT);
	for (unsigned i = 0; i < JOB_KIND_COUNT; i++) {
		assert_string_equal(job_kind_name((enum job_kind)i), names[i]);
		assert_int_equal(job_kind_from_name(str_from(names[i]), &found), 0);
		assert_int_equal(found, i);
	}
	assert_int_equal(job_kind_from_name(S("Verify"), &found), -1);
}

static void json_tells_why_it_waits_and_until_when(void **state)
{
	AUTO(job) job = make_job();
	AUTO_JSON object = NULL;
	struct error why;

	(void)state;
	(void)error_set(&why, ERR_RATE_LIMITED, "slow down");
	job->state = JOB_WAITING;
	job_set_reason(job, &why, 1000);
	job_set_reason_url(job, mem_strdup("http://x"));
	object = job_to_json(job);
	assert_true(str_is_equal(json_text(json_get(object, "reason")),
				 S("{\"code\":\"rate_limited\",\"message\":\"slow down\","
				   "\"retry_at\":\"1970-01-01T00:00:01.000Z\",\"url\":\"http://"
				   "x\",\"hint\":\"a token raises the Hub's limits\"}")));
}

static void terms_go_through_json_and_back(void **state)
{
	AUTO(job) job = make_job();
	AUTO_JSON array = terms_to_json(&job->select);
	struct terms back = { .v = NULL };

	(void)state;
	terms_from_json(&back, array);
	assert_true(terms_is_equal(&back, &job->select));
	assert_false(terms_is_equal(&back, &job->exclude));
	back.v[0][0] = 'q';
	assert_false(terms_is_equal(&back, &job->select));
	terms_from_json(&back, NULL);
	assert_int_equal(back.n, 0);
	terms_clear(&back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_moves_are_exactly_those_of_the_table),
		cmocka_unit_test(state_names_lead_there_and_back),
		cmocka_unit_test(the_final_states_are_those_where_nothing_happens_by_itself),
		cmocka_unit_test(a_move_stamps_and_drops_the_reason_and_speed),
		cmocka_unit_test(the_first_start_and_the_last_end_count),
		cmocka_unit_test(a_copy_is_deep),
		cmocka_unit_test(what_remains_is_never_below_nothing),
		cmocka_unit_test(the_time_left_is_known_only_while_bytes_come),
		cmocka_unit_test(a_folder_tells_type_and_revision),
		cmocka_unit_test(the_longest_names_fit_a_folder),
		cmocka_unit_test(higher_priority_goes_first_then_first_come),
		cmocka_unit_test(json_has_exactly_the_members_of_the_contract),
		cmocka_unit_test(progress_has_only_what_changes_while_it_runs),
		cmocka_unit_test(a_verification_fetches_nothing_and_tells_what_it_found),
		cmocka_unit_test(kind_names_lead_there_and_back),
		cmocka_unit_test(json_tells_why_it_waits_and_until_when),
		cmocka_unit_test(terms_go_through_json_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
