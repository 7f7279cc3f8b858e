#include "downloader/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static bool has(const char *text, const char *part)
{
	return text != NULL && str_find(str_from(text), str_from(part)) < str_from(text).n;
}

static void each_stage_has_its_words_and_something_to_do(void **state)
{
	static const struct {
		enum fetch_stage stage;
		long tunnel_status;
		const char *proxy;
		const char *detail;
		const char *hint;
	} rows[] = {
		{ FETCH_AT_PROXY_NAME, 0, "HTTPS_PROXY", "proxy's name",
		  "correct HTTPS_PROXY" },
		{ FETCH_AT_NAME, 0, NULL, "does not find its address",
		  "getent hosts hub.example" },
		{ FETCH_AT_CONNECT, 0, NULL, "no connection", "firewall" },
		{ FETCH_AT_CONNECT, 0, "all_proxy", "no connection", "all_proxy" },
		{ FETCH_AT_TUNNEL, 407, "https_proxy", "through", "password into https_proxy" },
		{ FETCH_AT_TUNNEL, 403, "https_proxy", "through", "NO_PROXY" },
		{ FETCH_AT_TLS, 0, NULL, "no secure connection", "firewall" },
		{ FETCH_AT_CERTIFICATE, 0, NULL, "not believed", "update-ca-certificates" },
		{ FETCH_AT_ANSWER, 0, NULL, "no whole answer", "try again" },
	};
	bool is_seen[FETCH_STAGE_COUNT] = { false };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fetch_trace trace = { .stage = rows[i].stage,
					     .tunnel_status = rows[i].tunnel_status,
					     .total_ms = 7 };
		struct error err = { .code = ERR_NETWORK, .text = "curl's own words" };
		const struct finding_case at = { .host = "hub.example",
						 .proxy = rows[i].proxy,
						 .trace = &trace,
						 .error = &err };
		struct finding finding = { .check = FINDING_HUB };

		is_seen[rows[i].stage] = true;
		assert_false(finding_judge(&finding, &at));
		assert_int_equal(finding.state, FINDING_FAILED);
		assert_string_equal(finding.host, "hub.example");
		assert_true(has(finding.detail, rows[i].detail));
		assert_true(has(finding.detail, "curl's own words"));
		assert_true(has(finding.hint, rows[i].hint));
		assert_false(finding.has_time);
		finding_clear(&finding);
		assert_null(finding.detail);
	}
	for (unsigned i = 0; i < FETCH_STAGE_COUNT; i++)
		assert_true(is_seen[i]);
}

static void a_private_address_in_the_place_of_a_public_one_is_explained(void **state)
{
	struct fetch_trace trace = { .stage = FETCH_AT_CONNECT };
	struct error err = { .code = ERR_HUB_PROTOCOL,
			     .text = "it leads to a private network" };
	const struct finding_case at = { .host = "cdn.example",
					 .trace = &trace,
					 .error = &err };
	struct finding finding = { .check = FINDING_STORAGE };

	(void)state;
	assert_false(finding_judge(&finding, &at));
	assert_true(has(finding.hint, "getent hosts cdn.example"));
	finding_clear(&finding);
}

static void an_answer_is_of_use_or_says_why_not(void **state)
{
	static const struct {
		long status;
		const char *type;
		bool wants_json;
		bool is_of_use;
		enum finding_state state;
	} rows[] = {
		{ 200, "application/json", true, true, FINDING_OK },
		{ 401, "application/json", true, true, FINDING_OK },
		{ 302, "", true, true, FINDING_OK },
		{ 206, "text/html", false, true, FINDING_OK }, /* a model may have a page */
		{ 200, "text/HTML; charset=utf-8", true, false, FINDING_FAILED },
		{ 404, "text/html", true, true, FINDING_OK },
		{ 407, "", true, false, FINDING_FAILED },
		{ 429, "", true, false, FINDING_WARNING },
		{ 500, "", true, false, FINDING_FAILED },
		{ 503, "text/html", false, false, FINDING_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fetch_trace trace = { .stage = FETCH_AT_ANSWER,
					     .address = "192.0.2.1:443",
					     .total_ms = 12 };
		struct error none = { .code = ERR_NONE };
		const struct finding_case at = { .host = "hub.example",
						 .trace = &trace,
						 .error = &none,
						 .status = rows[i].status,
						 .content_type = str_from(rows[i].type),
						 .wants_json = rows[i].wants_json };
		struct finding finding = { .check = FINDING_HUB };

		assert_int_equal(finding_judge(&finding, &at), rows[i].is_of_use);
		assert_int_equal(finding.state, rows[i].state);
		assert_string_equal(finding.address, "192.0.2.1:443");
		assert_true(finding.has_time);
		assert_int_equal(finding.ms, 12);
		assert_int_equal(finding.hint != NULL, !rows[i].is_of_use);
		finding_clear(&finding);
	}
}

static void clocks_may_differ_a_little(void **state)
{
	static const struct {
		int64_t ahead_s;
		enum finding_state state;
		const char *words;
	} rows[] = {
		{ 0, FINDING_OK, "agrees" },
		{ 300, FINDING_OK, "agrees" },
		{ -300, FINDING_OK, "agrees" },
		{ 301, FINDING_WARNING, "5 min slow" },
		{ -86400, FINDING_WARNING, "1440 min fast" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct finding finding = { .check = FINDING_CLOCK };

		finding_judge_clock(&finding, rows[i].ahead_s);
		assert_int_equal(finding.state, rows[i].state);
		assert_true(has(finding.detail, rows[i].words));
		finding_clear(&finding);
	}
}

static void a_proxys_address_shows_no_password(void **state)
{
	static const char *const rows[][2] = {
		{ "http://proxy.lan:3128", "proxy.lan:3128" },
		{ "http://ada:secret@proxy.lan:3128/", "proxy.lan:3128" },
		{ "ada:s@cret@proxy.lan:3128", "proxy.lan:3128" },
		{ "socks5h://127.0.0.1:1080", "127.0.0.1:1080" },
		{ "ada:sec/ret@proxy", "proxy" },
		{ "http://ada:se/c@ret@proxy:1/", "proxy:1" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *name = finding_proxy_name(str_from(rows[i][0]));

		assert_string_equal(name, rows[i][1]);
		free(name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stage_has_its_words_and_something_to_do),
		cmocka_unit_test(a_private_address_in_the_place_of_a_public_one_is_explained),
		cmocka_unit_test(an_answer_is_of_use_or_says_why_not),
		cmocka_unit_test(clocks_may_differ_a_little),
		cmocka_unit_test(a_proxys_address_shows_no_password),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
