#include "cli/cli_download.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cli/cli_news.h"
#include "common/buf.h"
#include "common/error.h"

#define NOW_MS 1795383737000 /* 2026-11-22T21:42:17Z */

static struct json_object *parse(const char *text)
{
	struct json_object *object = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(text), 16, &object, &err), 0);
	return object;
}

static void a_name_is_what_was_asked_for(void **state)
{
	static const struct {
		const char *download, *name;
	} rows[] = {
		{ "{\"repo\":\"a/b\",\"type\":\"model\",\"revision\":\"main\",\"select\":[],"
		  "\"exclude\":[]}",
		  "a/b" },
		{ "{\"repo\":\"a/b\",\"type\":\"dataset\",\"revision\":\"v1\","
		  "\"select\":[\"x\",\"y z\"],\"exclude\":[\"*.md\"]}",
		  "dataset a/b@v1 x y z without *.md" },
		{ "{\"repo\":\"a/\\u001b[2J\",\"select\":[\"\\u0007\"]}", "a/\\x1b[2J \\x07" },
		{ "{}", "" },
		{ "{\"repo\":5,\"select\":\"x\"}", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON download = parse(rows[i].download);
		AUTO(buf) b = buf_new(CLI_WORDS_MAX);

		cli_download_add_name(b, download);
		assert_string_equal(buf_cstr(b), rows[i].name);
	}
}

static void a_phase_is_told_in_words(void **state)
{
	static const struct {
		const char *download, *brief, *full;
	} rows[] = {
		{ "{\"state\":\"queued\"}", "queued", "queued" },
		{ "{\"state\":\"resolving\"}", "asking Hub", "asking Hub" },
		{ "{\"state\":\"verifying\",\"bytes_verified\":50,\"bytes_total\":100}",
		  "verifying", "verifying 50 %" },
		{ "{\"state\":\"waiting\",\"reason\":{\"message\":\"no\\nspace\"}}", "waiting",
		  "waiting: no\\x0aspace" },
		{ "{\"state\":\"waiting\",\"reason\":{\"message\":\"m\","
		  "\"retry_at\":\"2026-11-22T21:42:41.200Z\"}}",
		  "waiting 25 s", "waiting 25 s: m" },
		{ "{\"state\":\"waiting\",\"reason\":{\"message\":\"m\","
		  "\"retry_at\":\"2020-11-22T21:42:42.000Z\"}}",
		  "waiting", "waiting: m" },
		{ "{\"state\":\"waiting\",\"reason\":null}", "waiting", "waiting" },
		{ "{\"repo\":\"a/b\",\"state\":\"waiting\",\"reason\":{\"message\":\"a/b: "
		  "why\"}}",
		  "waiting", "waiting: why" },
		{ "{\"repo\":\"a/b\",\"state\":\"waiting\",\"reason\":{\"message\":\"a/b c: "
		  "why\"}}",
		  "waiting", "waiting: a/b c: why" },
		{ "{\"state\":\"unheard\\u0007of\"}", "unheard\\x07of", "unheard\\x07of" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON download = parse(rows[i].download);
		AUTO(buf) b = buf_new(CLI_WORDS_MAX);

		cli_download_add_phase(b, download, CLI_PHASE_SHORT, NOW_MS);
		assert_string_equal(buf_cstr(b), rows[i].brief);
		buf_reset(b);
		cli_download_add_phase(b, download, CLI_PHASE_LONG, NOW_MS);
		assert_string_equal(buf_cstr(b), rows[i].full);
	}
}

static void a_percentage_is_100_only_when_nothing_is_missing(void **state)
{
	static const struct {
		uint64_t done, total;
		int percent;
	} rows[] = {
		{ 0, 0, -1 },
		{ 5, 0, -1 },
		{ 0, 10, 0 },
		{ 1, 3, 33 },
		{ 999999999999, 1000000000000, 99 },
		{ 10, 10, 100 },
		{ 11, 10, 100 },
		{ UINT64_MAX - 1, UINT64_MAX, 99 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(cli_percent(rows[i].done, rows[i].total), rows[i].percent);
}

static void what_it_took_needs_a_start_and_an_end(void **state)
{
	static const struct {
		const char *download;
		int64_t took_s;
	} rows[] = {
		{ "{\"started_at\":\"2026-11-22T21:42:00.000Z\","
		  "\"finished_at\":\"2026-11-22T21:43:01.600Z\"}",
		  62 },
		{ "{\"started_at\":null,\"finished_at\":\"2026-11-22T21:43:01.600Z\"}", -1 },
		{ "{\"started_at\":\"2026-11-22T21:42:00.000Z\",\"finished_at\":null}", -1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON download = parse(rows[i].download);

		assert_int_equal(cli_download_took_s(download), rows[i].took_s);
	}
}

static void an_id_may_be_cut_as_long_as_it_means_one(void **state)
{
	AUTO_JSON downloads = parse("[{\"id\":\"abcdefghij2222222222\"},"
				    "{\"id\":\"abcdefgxyz2222222222\"},"
				    "{\"id\":\"zzzzzzzzzz2222222222\"}]");
	static const struct {
		const char *part, *id; /* NULL: refused, */
		enum error_code code;  /* with this */
	} rows[] = {
		{ "zzzz", "zzzzzzzzzz2222222222", ERR_NONE },
		{ "abcdefgh", "abcdefghij2222222222", ERR_NONE },
		{ "abcdefgxyz2222222222", "abcdefgxyz2222222222", ERR_NONE },
		{ "abcdefg", NULL, ERR_INVALID },
		{ "zzz", NULL, ERR_INVALID },
		{ "", NULL, ERR_INVALID },
		{ "yyyy", NULL, ERR_UNKNOWN_DOWNLOAD },
		{ "abcdefgxyz22222222222", NULL, ERR_UNKNOWN_DOWNLOAD },
	};

	(void)state;
	assert_int_equal(cli_download_id_len(downloads), 8);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };
		struct json_object *found =
			cli_download_find(downloads, str_from(rows[i].part), &err);

		assert_int_equal(found == NULL, rows[i].id == NULL);
		assert_int_equal(err.code, rows[i].code);
		if (found != NULL)
			assert_true(
				str_is_equal(json_get_str(found, "id"), str_from(rows[i].id)));
	}
}

static void who_is_neither_final_nor_in_line_is_busy(void **state)
{
	static const struct {
		const char *download;
		bool is_final, is_busy;
	} rows[] = {
		{ "{\"state\":\"queued\"}", false, false },
		{ "{\"state\":\"resolving\"}", false, true },
		{ "{\"state\":\"downloading\"}", false, true },
		{ "{\"state\":\"verifying\"}", false, true },
		{ "{\"state\":\"paused\"}", false, true },
		{ "{\"state\":\"waiting\"}", false, true },
		{ "{\"state\":\"completed\"}", true, false },
		{ "{\"state\":\"failed\"}", true, false },
		{ "{\"state\":\"cancelled\"}", true, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON download = parse(rows[i].download);

		assert_int_equal(cli_download_is_final(download), rows[i].is_final);
		assert_int_equal(cli_download_is_busy(download), rows[i].is_busy);
	}
}

static void news_are_sentences_about_one_download(void **state)
{
	AUTO_JSON completed =
		parse("{\"id\":\"abcdefgh\",\"repo\":\"a/"
		      "b\",\"state\":\"completed\",\"bytes_total\":1234567,"
		      "\"files_total\":1,\"started_at\":\"2026-11-22T21:42:00.000Z\","
		      "\"finished_at\":\"2026-11-22T21:45:20.000Z\"}");
	AUTO_JSON partly = parse("{\"id\":\"abcdefgh\",\"repo\":\"a/b\",\"kind\":\"download\","
				 "\"state\":\"completed\",\"bytes_total\":1234567,"
				 "\"bytes_present\":1000000,\"files_total\":2}");
	AUTO_JSON whole = parse("{\"id\":\"abcdefgh\",\"repo\":\"a/b\",\"kind\":\"download\","
				"\"state\":\"completed\",\"bytes_total\":10,"
				"\"bytes_present\":10,\"files_total\":2}");
	AUTO_JSON update = parse("{\"id\":\"abcdefgh\",\"repo\":\"a/b\",\"kind\":\"update\","
				 "\"state\":\"completed\",\"bytes_total\":10,"
				 "\"bytes_present\":10,\"files_total\":2}");
	AUTO_JSON running =
		parse("{\"id\":\"abcdefgh\",\"repo\":\"a/b\",\"select\":[\"Q8_0\"],"
		      "\"state\":\"downloading\",\"bytes_total\":10,\"files_total\":2}");
	AUTO_JSON failed = parse("{\"id\":\"abcdefgh\",\"repo\":\"a/"
				 "b\",\"state\":\"failed\",\"reason\":{\"message\":\"no "
				 "\\u0007way\",\"hint\":\"ask\",\"url\":\"https://hub/a/b\"}}");
	AUTO_JSON cancelled = parse("{\"id\":\"abcdefgh\",\"repo\":\"a/"
				    "b\",\"state\":\"cancelled\",\"reason\":null}");
	AUTO(buf) b = buf_new(CLI_WORDS_MAX);

	(void)state;
	cli_news_add_completed(b, completed);
	assert_string_equal(buf_cstr(b),
			    "a/b (abcdef): completed, 1.2 MB in 1 file, 3 m 20 s, proven\n");
	buf_reset(b);
	cli_news_add_completed(b, partly);
	assert_string_equal(buf_cstr(b), "a/b (abcdef): completed, 1.2 MB in 2 files, 1.0 MB "
					 "of it here before, proven\n");
	buf_reset(b);
	cli_news_add_completed(b, whole);
	assert_string_equal(buf_cstr(b), "a/b (abcdef): completed, 10 B in 2 files, all of it "
					 "here before, proven\n");
	buf_reset(b);
	cli_news_add_completed(b, update);
	assert_string_equal(buf_cstr(b), "a/b (abcdef): up to date, 10 B in 2 files, proven\n");
	buf_reset(b);
	cli_news_add_state(b, running, NOW_MS);
	assert_string_equal(buf_cstr(b), "a/b Q8_0 (abcdef): downloading, 10 B in 2 files\n");
	buf_reset(b);
	cli_news_add_failed(b, failed);
	assert_string_equal(buf_cstr(b), "larder: a/b (abcdef): failed: no \\x07way\n"
					 "  hint: ask\n"
					 "  page: https://hub/a/b\n");
	buf_reset(b);
	cli_news_add_failed(b, cancelled);
	assert_string_equal(buf_cstr(b), "larder: a/b (abcdef): cancelled\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_what_was_asked_for),
		cmocka_unit_test(a_phase_is_told_in_words),
		cmocka_unit_test(a_percentage_is_100_only_when_nothing_is_missing),
		cmocka_unit_test(what_it_took_needs_a_start_and_an_end),
		cmocka_unit_test(an_id_may_be_cut_as_long_as_it_means_one),
		cmocka_unit_test(news_are_sentences_about_one_download),
		cmocka_unit_test(who_is_neither_final_nor_in_line_is_busy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
