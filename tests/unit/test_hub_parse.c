#include "downloader/hub_parse.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/error.h"

#define SHA1   "1111111111111111111111111111111111111111"
#define SHA256 "3333333333333333333333333333333333333333333333333333333333333333"

static void digest_algorithms_have_names(void **state)
{
	enum digest_algorithm algorithm = DIGEST_SHA256;

	(void)state;
	assert_string_equal(digest_algorithm_name(DIGEST_SHA256), "sha256");
	assert_string_equal(digest_algorithm_name(DIGEST_GIT_SHA1), "git-sha1");
	assert_int_equal(digest_algorithm_from_name(S("git-sha1"), &algorithm), 0);
	assert_int_equal(algorithm, DIGEST_GIT_SHA1);
	assert_int_equal(digest_algorithm_from_name(S("md5"), &algorithm), -1);
	assert_int_equal(algorithm, DIGEST_GIT_SHA1);
}

/* --- info --- */

static void the_reply_about_a_repository_is_read(void **state)
{
	struct hub_info info;
	struct error err;

	(void)state;
	assert_int_equal(
		hub_parse_info(S("{\"_id\":\"6\",\"id\":\"acme/tiny-7b-GGUF\",\"sha\":\"" SHA1
				 "\",\"private\":true,\"gated\":\"auto\",\"tags\":[\"gguf\",7,"
				 "\"license:mit\"],\"cardData\":{\"license\":\"apache-2.0\"},"
				 "\"gguf\":{\"total\":1.5}}\n"),
			       &info, &err),
		0);
	assert_string_equal(info.repo, "acme/tiny-7b-GGUF");
	assert_string_equal(info.commit, SHA1);
	assert_string_equal(info.gated, "auto");
	assert_string_equal(info.licence, "apache-2.0");
	assert_true(info.is_private);
}

static void absent_facts_are_empty(void **state)
{
	struct hub_info info;
	struct error err;

	(void)state;
	assert_int_equal(
		hub_parse_info(S("{\"id\":\"gpt2\",\"sha\":\"" SHA1 "\",\"gated\":false}"),
			       &info, &err),
		0);
	assert_string_equal(info.repo, "gpt2");
	assert_string_equal(info.gated, "");
	assert_string_equal(info.licence, "");
	assert_false(info.is_private);
}

static void gated_and_licence_take_several_forms(void **state)
{
	static const struct {
		const char *members;
		const char *gated;
		const char *licence;
	} rows[] = {
		{ "\"gated\":\"manual\"", "manual", "" },
		{ "\"gated\":true", "manual", "" },
		{ "\"gated\":\"a new and longer word\"", "manual", "" },
		{ "\"gated\":null", "", "" },
		{ "\"tags\":[\"license:mit\"]", "", "mit" },
		{ "\"cardData\":{\"license\":[\"mit\",\"bsd\"]}", "", "mit" },
		{ "\"cardData\":{\"license\":[]},\"tags\":[\"license:bsd\"]", "", "bsd" },
		{ "\"cardData\":{\"license\":7}", "", "" },
		{ "\"cardData\":[],\"tags\":{}", "", "" },
		{ "\"cardData\":{\"license\":\"a\\nb\"}", "", "a b" },
		{ "\"cardData\":{\"license\":\"a\\u0000b\"}", "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR body =
			mem_printf("{\"id\":\"a/b\",\"sha\":\"" SHA1 "\",%s}", rows[i].members);
		struct hub_info info;
		struct error err;

		assert_int_equal(hub_parse_info(str_from(body), &info, &err), 0);
		assert_string_equal(info.gated, rows[i].gated);
		assert_string_equal(info.licence, rows[i].licence);
	}
}

static void a_long_licence_is_cut_between_characters(void **state)
{
	struct hub_info info;
	struct error err;

	(void)state;
	assert_int_equal(
		hub_parse_info(
			S("{\"id\":\"a/b\",\"sha\":\"" SHA1 "\",\"cardData\":{\"license\":\""
			  "x\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
			  "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
			  "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
			  "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
			  "\"}}"),
			&info, &err),
		0);
	assert_int_equal(strlen(info.licence), 63);
	assert_true(str_is_utf8(str_from(info.licence)));
}

static void a_senseless_reply_about_a_repository_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"null",
		"[]",
		"\"x\"",
		"{",
		"{}",
		"{\"id\":\"a/b\"}",
		"{\"id\":\"a/b\",\"sha\":\"1\"}",
		"{\"id\":\"a/b\",\"sha\":null}",
		"{\"id\":\"a/b\",\"sha\":\"1111111111111111111111111111111111111111\\u0000\"}",
		"{\"id\":\"../b\",\"sha\":\"" SHA1 "\"}",
		"{\"id\":7,\"sha\":\"" SHA1 "\"}",
		"{\"id\":\"a/b\",\"sha\":\"" SHA1 "\"} x",
		"{'id':'a/b','sha':'" SHA1 "'}",
		"<html>",
		"{\"id\":\"a/b\",\"sha\":\"" SHA1 "\",\"x\":\"\xff\"}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hub_info info = { .repo = "kept" };
		struct error err = { .code = ERR_NONE };

		assert_int_equal(hub_parse_info(str_from(rows[i]), &info, &err), -1);
		assert_int_equal(err.code, ERR_HUB_PROTOCOL);
		assert_string_equal(info.repo, "kept");
	}
}

static void bytes_after_a_nul_are_seen(void **state)
{
	static const char body[] = "{\"id\":\"a/b\",\"sha\":\"" SHA1 "\"}\0garbage";
	struct hub_info info;
	struct error err;

	(void)state;
	assert_int_equal(hub_parse_info((struct str){ body, sizeof(body) - 1 }, &info, &err),
			 -1);
	assert_int_equal(err.code, ERR_HUB_PROTOCOL);
}

static void nesting_has_a_limit(void **state)
{
	char text[4096];
	struct hub_info info;
	struct error err;

	(void)state;
	memset(text, '[', sizeof(text));
	assert_int_equal(hub_parse_info((struct str){ text, sizeof(text) }, &info, &err), -1);
	assert_int_equal(err.code, ERR_HUB_PROTOCOL);
}

/* --- tree --- */

static void the_files_of_a_page_are_read(void **state)
{
	AUTO(hub_tree) tree = hub_tree_new();
	struct error err;

	(void)state;
	assert_int_equal(
		hub_parse_tree(
			tree,
			S("[{\"type\":\"directory\",\"oid\":\"4\",\"size\":0,\"path\":\"../"
			  "d\"},"
			  "{\"type\":\"file\",\"oid\":\"" SHA1
			  "\",\"size\":1519,\"path\":\".gitattributes\"},"
			  "{\"type\":\"unknown\"},"
			  "{\"type\":\"file\",\"oid\":\"" SHA1
			  "\",\"size\":4368439584,\"path\":\"d/m.gguf\",\"lfs\":{\"oid\":"
			  "\"" SHA256 "\",\"size\":4368439584,\"pointerSize\":135},"
			  "\"xetHash\":\"5\"}]"),
			&err),
		0);
	assert_int_equal(tree->n, 2);
	assert_string_equal(tree->files[0].path, ".gitattributes");
	assert_int_equal(tree->files[0].size, 1519);
	assert_int_equal(tree->files[0].algorithm, DIGEST_GIT_SHA1);
	assert_string_equal(tree->files[0].digest, SHA1);
	assert_string_equal(tree->files[1].path, "d/m.gguf");
	assert_int_equal(tree->files[1].size, 4368439584);
	assert_int_equal(tree->files[1].algorithm, DIGEST_SHA256);
	assert_string_equal(tree->files[1].digest, SHA256);
}

static void a_page_that_is_no_listing_is_refused_and_leaves_the_tree(void **state)
{
#define FILE_WITH(members) "[{\"type\":\"file\"," members "}]"
	static const struct {
		const char *body;
		enum error_code code;
	} rows[] = {
		{ "{}", ERR_HUB_PROTOCOL },
		{ "null", ERR_HUB_PROTOCOL },
		{ "[1]", ERR_HUB_PROTOCOL },
		{ "[{}]", ERR_HUB_PROTOCOL },
		{ "[{\"type\":7}]", ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"size\":1,\"oid\":\"" SHA1 "\""), ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"oid\":\"" SHA1 "\""), ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":-1,\"oid\":\"" SHA1 "\""),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":1.5,\"oid\":\"" SHA1 "\""),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":1e3,\"oid\":\"" SHA1 "\""),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":\"1\",\"oid\":\"" SHA1 "\""),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":70368744177665,\"oid\":\"" SHA1 "\""),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":18446744073709551615,\"oid\":\"" SHA1
			    "\""),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":99999999999999999999,\"oid\":\"" SHA1
			    "\""),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":1"), ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":1,\"oid\":\"" SHA256 "\""),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":1,\"oid\":\"" SHA1
			    "\",\"lfs\":{\"oid\":\"" SHA1 "\"}"),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":1,\"oid\":\"" SHA1
			    "\",\"lfs\":{\"oid\":\"" SHA256 "\",\"size\":2}"),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"a\",\"size\":1,\"oid\":\"" SHA1 "\",\"lfs\":true"),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"../a\",\"size\":1,\"oid\":\"" SHA1 "\""),
		  ERR_UNSAFE_PATH },
		{ FILE_WITH("\"path\":\"a\\\\b\",\"size\":1,\"oid\":\"" SHA1 "\""),
		  ERR_UNSAFE_PATH },
		{ FILE_WITH("\"path\":\"a\\u0000b\",\"size\":1,\"oid\":\"" SHA1 "\""),
		  ERR_HUB_PROTOCOL },
		{ FILE_WITH("\"path\":\"\",\"size\":1,\"oid\":\"" SHA1 "\""), ERR_UNSAFE_PATH },
		{ "[{\"type\":\"file\",\"path\":\"good\",\"size\":1,\"oid\":\"" SHA1
		  "\"},{\"type\":\"file\",\"path\":\"/bad\",\"size\":1,\"oid\":\"" SHA1 "\"}]",
		  ERR_UNSAFE_PATH },
	};
	AUTO(hub_tree) tree = hub_tree_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };

		assert_int_equal(hub_parse_tree(tree, str_from(rows[i].body), &err), -1);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(tree->n, 0);
	}
}

static int add_paths(struct hub_tree *tree, const char *const *paths, size_t n)
{
	struct error err;

	for (size_t i = 0; i < n; i++) {
		AUTO_CSTR body = mem_printf("[{\"type\":\"file\",\"path\":\"%s\",\"size\":0,"
					    "\"oid\":\"" SHA1 "\",\"lfs\":null}]",
					    paths[i]);

		if (hub_parse_tree(tree, str_from(body), &err) != 0)
			return -1;
	}
	return 0;
}

static void a_whole_tree_is_sorted(void **state)
{
	static const char *const paths[] = { "b", "a/c", "A", "a-b", "a/b/c", "a.b" };
	static const char *const sorted[] = { "A", "a-b", "a.b", "a/b/c", "a/c", "b" };
	AUTO(hub_tree) tree = hub_tree_new();
	struct error err;

	(void)state;
	assert_int_equal(hub_tree_finish(tree, &err), 0);
	assert_int_equal(add_paths(tree, paths, ARRAY_LEN(paths)), 0);
	assert_int_equal(hub_tree_finish(tree, &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
		assert_string_equal(tree->files[i].path, sorted[i]);
}

static void names_that_differ_in_case_are_two_files(void **state)
{
	static const char *const paths[] = { "readme.md", "README.md", "a/b", "A/b" };
	AUTO(hub_tree) tree = hub_tree_new();
	struct error err;

	(void)state;
	assert_int_equal(add_paths(tree, paths, ARRAY_LEN(paths)), 0);
	assert_int_equal(hub_tree_finish(tree, &err), 0);
}

static void a_path_listed_twice_is_refused(void **state)
{
	static const char *const paths[] = { "a", "b", "a" };
	AUTO(hub_tree) tree = hub_tree_new();
	struct error err;

	(void)state;
	assert_int_equal(add_paths(tree, paths, ARRAY_LEN(paths)), 0);
	assert_int_equal(hub_tree_finish(tree, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_PATH);
}

static void a_file_that_is_also_a_folder_is_refused(void **state)
{
	static const char *const paths[] = { "a", "a-b", "a.b", "a/b/c" };
	AUTO(hub_tree) tree = hub_tree_new();
	struct error err;

	(void)state;
	assert_int_equal(add_paths(tree, paths, ARRAY_LEN(paths)), 0);
	assert_int_equal(hub_tree_finish(tree, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_PATH);
}

static void a_repository_has_a_greatest_number_of_files(void **state)
{
	AUTO(hub_tree) tree = hub_tree_new();
	AUTO(buf) body = buf_new(16 * 1024 * 1024);
	struct error err;

	(void)state;
	buf_add_char(body, '[');
	for (unsigned i = 0; i < HUB_FILES_MAX; i++)
		buf_addf(body,
			 "%s{\"type\":\"file\",\"path\":\"f%u\",\"size\":0,\"oid\":\"" SHA1
			 "\"}",
			 i > 0 ? "," : "", i);
	buf_add_char(body, ']');
	assert_false(buf_is_overflown(body));
	assert_int_equal(hub_parse_tree(tree, buf_str(body), &err), 0);
	assert_int_equal(tree->n, HUB_FILES_MAX);
	assert_int_equal(
		hub_parse_tree(tree,
			       S("[{\"type\":\"file\",\"path\":\"g\",\"size\":0,\"oid\":\"" SHA1
				 "\"}]"),
			       &err),
		-1);
	assert_int_equal(err.code, ERR_TOO_MANY_FILES);
	assert_int_equal(hub_tree_finish(tree, &err), 0);
}

/* As the Hub lists what is large, its longest kind of entry. */
static void a_page_of_the_greatest_number_of_large_files_is_read(void **state)
{
	AUTO(hub_tree) tree = hub_tree_new();
	AUTO(buf) body = buf_new(HUB_BODY_MAX);
	struct error err;

	(void)state;
	buf_add_char(body, '[');
	for (unsigned i = 0; i < HUB_FILES_MAX; i++)
		buf_addf(body,
			 "%s{\"type\":\"file\",\"oid\":\"" SHA1
			 "\",\"size\":9,\"lfs\":{\"oid\":\"" SHA256
			 "\",\"size\":9,\"pointerSize\":130},\"xetHash\":\"" SHA256
			 "\",\"path\":\"f%u\"}",
			 i > 0 ? "," : "", i);
	buf_add_char(body, ']');
	assert_false(buf_is_overflown(body));
	assert_int_equal(hub_parse_tree(tree, buf_str(body), &err), 0);
	assert_int_equal(tree->n, HUB_FILES_MAX);
}

/* An answer of the greatest size, for which json-c would take gigabytes. */
static void an_answer_that_would_take_much_memory_is_refused_unread(void **state)
{
	static const char *const pieces[] = { "{},", "{\"a\":{}},", "[{}]," };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		AUTO(hub_tree) tree = hub_tree_new();
		AUTO(buf) body = buf_new(HUB_BODY_MAX);
		struct hub_info info;
		struct error err = { .code = ERR_NONE };

		buf_add_char(body, '[');
		while (buf_str(body).n < HUB_BODY_MAX - 64)
			buf_add(body, str_from(pieces[i]));
		buf_add(body, S("{}]"));
		assert_false(buf_is_overflown(body));
		assert_int_equal(hub_parse_tree(tree, buf_str(body), &err), -1);
		assert_int_equal(err.code, ERR_HUB_PROTOCOL);
		assert_non_null(strstr(err.text, "too many values"));
		assert_int_equal(hub_parse_info(buf_str(body), &info, &err), -1);
		assert_non_null(strstr(err.text, "too many values"));
	}
}

/* --- headers --- */

static void the_next_page_is_found_by_its_relation(void **state)
{
	static const struct {
		const char *header;
		const char *next;
	} rows[] = {
		{ "<https://h/a?c=1%3D>; rel=\"next\"", "https://h/a?c=1%3D" },
		{ "<https://h/a>;rel=next", "https://h/a" },
		{ "<https://h/p>; rel=\"prev\", <https://h/n>; rel=\"next\"", "https://h/n" },
		{ "<https://h/a,b;c>; title=\"x, y; <z>\"; rel=\"last next\"",
		  "https://h/a,b;c" },
		{ "</rel>; REL=\"NEXT\"", "/rel" },
		{ "  <a>  ;  rel = \"next\"  ", "a" },
		{ "<a>; rel=\"prev\"; rel=\"next\"", NULL },
		{ "<a>; title=\"a\\\"; rel=next\"", NULL },
		{ "<a>; rel=\"nextish\"", NULL },
		{ "<a>; xrel=\"next\"", NULL },
		{ "<a>", NULL },
		{ "<>; rel=next", NULL },
		{ "<a; rel=next", NULL },
		{ "a; rel=next", NULL },
		{ "", NULL },
		{ ",,,", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR next = hub_parse_link_next(str_from(rows[i].header));

		if (rows[i].next == NULL)
			assert_null(next);
		else
			assert_string_equal(next, rows[i].next);
	}
}

static void an_etag_loses_its_marks(void **state)
{
	static const char *const rows[][2] = {
		{ "\"abc\"", "abc" },   { "W/\"abc\"", "abc" }, { "abc", "abc" },
		{ " \"abc\" ", "abc" }, { "\"\"", "" },         { "", "" },
		{ "\"", "\"" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_true(str_is_equal(hub_parse_etag(str_from(rows[i][0])),
					 str_from(rows[i][1])));
}

static void a_content_range_is_read(void **state)
{
	uint64_t first;
	uint64_t last;
	uint64_t total;

	(void)state;
	assert_int_equal(hub_parse_content_range(S("bytes 0-99/1234"), &first, &last, &total),
			 0);
	assert_int_equal(first, 0);
	assert_int_equal(last, 99);
	assert_int_equal(total, 1234);
	assert_int_equal(hub_parse_content_range(S(" Bytes 5-5/6 "), &first, &last, &total), 0);
	assert_int_equal(total, 6);
}

static void another_content_range_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"bytes",
		"bytes */1234",
		"bytes 0-99/*",
		"bytes 0-99",
		"bytes 9-5/100",
		"bytes 0-100/100",
		"bytes -5/100",
		"bytes 0-/100",
		"items 0-1/2",
		"bytes=0-1/2",
		"bytes 0 - 1/2",
		"bytes 0-18446744073709551615/18446744073709551615",
		"bytes 0-99999999999999999999/1",
		"bytes 0/1-2",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t first = 7;
		uint64_t last = 7;
		uint64_t total = 7;

		assert_int_equal(
			hub_parse_content_range(str_from(rows[i]), &first, &last, &total), -1);
		assert_int_equal(first + last + total, 21);
	}
}

static void the_rate_limit_is_read(void **state)
{
	static const struct {
		const char *header;
		int result;
		uint64_t remaining;
		uint64_t reset_s;
	} rows[] = {
		{ "\"api\";r=0;t=55", 0, 0, 55 },
		{ "\"api\"; t=55 ; r=499", 0, 499, 55 },
		{ "\"a;r=1,b\";r=9;t=1", 0, 9, 1 },
		{ "\"api\";r=9;t=10, \"resolvers\";r=3;t=20", 0, 3, 20 },
		{ "\"api\";r=9;t=99999999999999999999999", 0, 9, HUB_RETRY_AFTER_MAX_S },
		{ "\"api\";r=0", -1, 7, 7 },
		{ "\"api\";t=5", -1, 7, 7 },
		{ "\"api\";r=x;t=5", -1, 7, 7 },
		{ "\"api\";r=;t=", -1, 7, 7 },
		{ "", -1, 7, 7 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t remaining = 7;
		uint64_t reset_s = 7;

		assert_int_equal(
			hub_parse_ratelimit(str_from(rows[i].header), &remaining, &reset_s),
			rows[i].result);
		assert_int_equal(remaining, rows[i].remaining);
		assert_int_equal(reset_s, rows[i].reset_s);
	}
}

static void retry_after_is_seconds_or_a_date(void **state)
{
	const uint64_t now_s = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */
	static const struct {
		const char *header;
		int result;
		uint64_t wait_s;
	} rows[] = {
		{ "0", 0, 0 },
		{ " 120 ", 0, 120 },
		{ "999999", 0, HUB_RETRY_AFTER_MAX_S },
		{ "99999999999999999999999", 0, HUB_RETRY_AFTER_MAX_S },
		{ "Sun, 06 Nov 1994 08:50:37 GMT", 0, 60 },
		{ "Sunday, 06-Nov-94 08:50:37 GMT", 0, 60 },
		{ "Sun Nov  6 08:50:37 1994", 0, 60 },
		{ "Sun, 06 Nov 1994 08:49:36 GMT", 0, 0 },
		{ "Fri, 31 Dec 9999 23:59:59 GMT", 0, HUB_RETRY_AFTER_MAX_S },
		{ "Sun, 06 Nov 1994 08:50:37", -1, 77 },
		{ "Sun, 06 Nov 1994 08:50:37 CET", -1, 77 },
		{ "Sun, 06 Foo 1994 08:50:37 GMT", -1, 77 },
		{ "Sun, 32 Nov 1994 08:50:37 GMT", -1, 77 },
		{ "Sun, 06 Nov 1994 24:50:37 GMT", -1, 77 },
		{ "Sun, 06 Nov 1960 08:50:37 GMT", -1, 77 },
		{ "1.5", -1, 77 },
		{ "-1", -1, 77 },
		{ "", -1, 77 },
		{ "soon", -1, 77 },
		{ "a b c d e f g h i j", -1, 77 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t wait_s = 77;

		assert_int_equal(
			hub_parse_retry_after(str_from(rows[i].header), now_s, &wait_s),
			rows[i].result);
		assert_int_equal(wait_s, rows[i].wait_s);
	}
}

/* --- failures --- */

struct failure_row {
	long status;
	bool is_hub;
	bool token_was_sent;
	const char *error_code;
	const char *words; /* X-Error-Message, or the body when it begins with "{" or "<" */
	enum error_code code;
	const char *text;
};

static void check_failure(const struct failure_row *row)
{
	struct str words = str_from(row->words);
	bool is_body = words.n > 0 && (words.p[0] == '{' || words.p[0] == '<');
	struct hub_failure failure = {
		.status = row->status,
		.is_hub = row->is_hub,
		.token_was_sent = row->token_was_sent,
		.error_code = str_from(row->error_code),
		.error_message = is_body ? S("") : words,
		.body = is_body ? words : S(""),
		.repo = "acme/x",
		.what = "nope",
	};
	struct error err = { .code = ERR_NONE };

	assert_int_equal(hub_parse_failure(&failure, 0, &err), -1);
	assert_int_equal(err.code, row->code);
	assert_string_equal(err.text, row->text);
}

static void each_refusal_of_the_hub_has_its_code_and_sentence(void **state)
{
	static const struct failure_row rows[] = {
		{ 401, true, false, "", "Invalid username or password.", ERR_NOT_FOUND,
		  "acme/x is not on the Hub, or is private and no token was sent" },
		{ 404, true, true, "RepoNotFound", "Repository not found", ERR_NOT_FOUND,
		  "acme/x is not on the Hub, or the token may not see it" },
		{ 404, true, false, "RevisionNotFound", "Invalid rev id: nope", ERR_NOT_FOUND,
		  "acme/x has no revision \"nope\"" },
		{ 404, true, false, "", "{\"error\":\"Invalid rev id: nope\"}", ERR_NOT_FOUND,
		  "acme/x has no revision \"nope\"" },
		{ 404, true, false, "EntryNotFound", "Entry not found", ERR_NOT_FOUND,
		  "acme/x has no file \"nope\"" },
		{ 401, true, false, "GatedRepo", "Access to model acme/x is restricted.",
		  ERR_GATED,
		  "acme/x: access needs a token and the owner's consent (status 401): Access "
		  "to "
		  "model acme/x is restricted." },
		{ 403, true, true, "GatedRepo", "", ERR_GATED,
		  "acme/x: access is not granted to this account (status 403)" },
		{ 403, true, true, "", "Access to model acme/x is restricted and so on",
		  ERR_GATED,
		  "acme/x: access is not granted to this account (status 403): Access to model "
		  "acme/x is restricted and so on" },
		{ 403, true, true, "", "Access to this resource is disabled.", ERR_NOT_FOUND,
		  "acme/x: the Hub has disabled it" },
		{ 401, true, true, "", "Invalid credentials in Authorization header",
		  ERR_UNAUTHORIZED,
		  "acme/x: the token was refused (status 401): Invalid credentials in "
		  "Authorization header" },
		{ 401, true, true, "", "Invalid username or password.", ERR_UNAUTHORIZED,
		  "acme/x: the token was refused (status 401): Invalid username or password." },
		{ 403, true, false, "", "", ERR_UNAUTHORIZED,
		  "acme/x: a token is needed (status 403)" },
		{ 429, true, false, "", "", ERR_RATE_LIMITED,
		  "acme/x: too many requests (status 429)" },
		{ 429, false, false, "", "", ERR_RATE_LIMITED,
		  "acme/x: too many requests (status 429)" },
		{ 503, true, false, "", "<html>busy</html>", ERR_HUB_UNAVAILABLE,
		  "acme/x: the Hub has trouble (status 503)" },
		{ 408, true, false, "", "", ERR_HUB_UNAVAILABLE,
		  "acme/x: the Hub has trouble (status 408)" },
		{ 502, false, false, "", "", ERR_HUB_UNAVAILABLE,
		  "acme/x: the Hub's storage has trouble (status 502)" },
		{ 403, false, false, "", "<Error>AccessDenied</Error>", ERR_URL_EXPIRED,
		  "acme/x: the storage refused the signed address (status 403)" },
		{ 404, false, false, "RepoNotFound", "", ERR_HUB_PROTOCOL,
		  "acme/x: the answer of the Hub's storage was not expected (status 404)" },
		{ 400, true, false, "", "{\"error\":[\"bad\",\"worse\"]}", ERR_HUB_PROTOCOL,
		  "acme/x: the Hub's answer was not expected (status 400): bad" },
		{ 400, true, false, "", "{\"errors\":[{\"message\":\"bad\"}]}",
		  ERR_HUB_PROTOCOL,
		  "acme/x: the Hub's answer was not expected (status 400): bad" },
		{ 418, true, false, "NewCode", "tea\r\n\x1b[31m\xff", ERR_HUB_PROTOCOL,
		  "acme/x: the Hub's answer was not expected (status 418): "
		  "tea\\x0d\\x0a\\x1b[31m"
		  "\\xff" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check_failure(&rows[i]);
}

static void a_failure_names_the_time_to_wait(void **state)
{
	static const struct {
		long status;
		const char *ratelimit;
		const char *retry_after;
		unsigned wait_s;
	} rows[] = {
		{ 429, "\"api\";r=0;t=55", "10", 56 },
		{ 429, "", "10", 11 },
		{ 429, "nonsense", "", 0 },
		{ 503, "\"api\";r=400;t=55", "", 0 },
		{ 503, "", "30", 31 },
		{ 404, "", "30", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hub_failure failure = {
			.status = rows[i].status,
			.is_hub = true,
			.ratelimit = str_from(rows[i].ratelimit),
			.retry_after = str_from(rows[i].retry_after),
			.repo = "acme/x",
		};
		struct error err = { .retry_after_s = 7 };

		assert_int_equal(hub_parse_failure(&failure, 0, &err), -1);
		assert_int_equal(err.retry_after_s, rows[i].wait_s);
	}
}

static void a_missing_file_is_told_from_a_missing_repository(void **state)
{
	struct hub_failure failure = {
		.status = 404,
		.is_hub = true,
		.is_content = true,
		.repo = "acme/x",
		.what = "a\nb",
	};
	struct error err;

	(void)state;
	assert_int_equal(hub_parse_failure(&failure, 0, &err), -1);
	assert_string_equal(err.text, "acme/x has no file \"a\\x0ab\"");
	failure.is_content = false;
	assert_int_equal(hub_parse_failure(&failure, 0, &err), -1);
	assert_string_equal(err.text,
			    "acme/x is not on the Hub, or is private and no token was sent");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(digest_algorithms_have_names),
		cmocka_unit_test(the_reply_about_a_repository_is_read),
		cmocka_unit_test(absent_facts_are_empty),
		cmocka_unit_test(gated_and_licence_take_several_forms),
		cmocka_unit_test(a_long_licence_is_cut_between_characters),
		cmocka_unit_test(a_senseless_reply_about_a_repository_is_refused),
		cmocka_unit_test(bytes_after_a_nul_are_seen),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(the_files_of_a_page_are_read),
		cmocka_unit_test(a_page_that_is_no_listing_is_refused_and_leaves_the_tree),
		cmocka_unit_test(a_whole_tree_is_sorted),
		cmocka_unit_test(names_that_differ_in_case_are_two_files),
		cmocka_unit_test(a_path_listed_twice_is_refused),
		cmocka_unit_test(a_file_that_is_also_a_folder_is_refused),
		cmocka_unit_test(a_repository_has_a_greatest_number_of_files),
		cmocka_unit_test(a_page_of_the_greatest_number_of_large_files_is_read),
		cmocka_unit_test(an_answer_that_would_take_much_memory_is_refused_unread),
		cmocka_unit_test(the_next_page_is_found_by_its_relation),
		cmocka_unit_test(an_etag_loses_its_marks),
		cmocka_unit_test(a_content_range_is_read),
		cmocka_unit_test(another_content_range_is_refused),
		cmocka_unit_test(the_rate_limit_is_read),
		cmocka_unit_test(retry_after_is_seconds_or_a_date),
		cmocka_unit_test(each_refusal_of_the_hub_has_its_code_and_sentence),
		cmocka_unit_test(a_failure_names_the_time_to_wait),
		cmocka_unit_test(a_missing_file_is_told_from_a_missing_repository),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
