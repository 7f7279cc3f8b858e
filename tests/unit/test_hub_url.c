#include "downloader/hub_url.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

#define HUB "https://huggingface.co"

static void an_endpoint_becomes_canonical(void **state)
{
	static const struct {
		const char *text;
		const char *canonical;
	} rows[] = {
		{ "https://huggingface.co", HUB },
		{ "https://huggingface.co/", HUB },
		{ "https://huggingface.co///", HUB },
		{ "HTTPS://HuggingFace.CO:443/", HUB },
		{ "http://127.0.0.1:8081", "http://127.0.0.1:8081" },
		{ "http://127.0.0.1:80/", "http://127.0.0.1" },
		{ "https://mirror:80", "https://mirror:80" },
		{ "http://mirror/HF/hub/", "http://mirror/HF/hub" },
		{ "http://[::1]:8081/x", "http://[::1]:8081/x" },
		{ "http://host:", "http://host" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err;
		AUTO_CSTR got = hub_url_endpoint(str_from(rows[i].text), &err);

		assert_non_null(got);
		assert_string_equal(got, rows[i].canonical);
	}
}

static void a_bad_endpoint_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		"huggingface.co",
		"ftp://huggingface.co",
		"https://",
		"https:///x",
		"https://user:secret@huggingface.co",
		"https://huggingface.co?x=1",
		"https://huggingface.co#x",
		"https://huggingface.co/a b",
		"https://huggingface.co\\@evil.example",
		"https://huggingface.co:0",
		"https://huggingface.co:65536",
		"https://huggingface.co:8x",
		"https://huggingface.co/../x",
		"https://hugging%66ace.co",
		"https://[::1",
		"https://::1",
		"https://[evil.example]",
		" https://huggingface.co",
		"https://huggingface.co\n",
		"https://h\xc3\xa9.co",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };
		AUTO_CSTR got = hub_url_endpoint(str_from(rows[i]), &err);

		assert_null(got);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, "endpoint");
		assert_null(strstr(err.text, "secret"));
	}
}

static void check_built(char *got, const char *expected)
{
	assert_string_equal(got, expected);
	free(got);
}

static void addresses_are_quoted_as_the_hub_wants_them(void **state)
{
	(void)state;
	check_built(hub_url_revision(HUB, REPO_MODEL, "acme/x", "refs/pr/1"),
		    HUB "/api/models/acme/x/revision/refs%2Fpr%2F1");
	check_built(hub_url_revision(HUB, REPO_DATASET, "acme/words", "main"),
		    HUB "/api/datasets/acme/words/revision/main");
	check_built(hub_url_tree(HUB, REPO_MODEL, "gpt2", "v1.0"),
		    HUB "/api/models/gpt2/tree/v1.0?recursive=true&expand=false&limit=1000");
	check_built(hub_url_resolve(HUB, REPO_MODEL, "acme/x", "main", "a b/c#d%?.gguf"),
		    HUB "/acme/x/resolve/main/a%20b/c%23d%25%3F.gguf");
	check_built(hub_url_resolve(HUB, REPO_DATASET, "acme/words", "a/b", "\xc3\xa9+.txt"),
		    HUB "/datasets/acme/words/resolve/a%2Fb/%C3%A9%2B.txt");
	check_built(hub_url_page("http://mirror/hub", REPO_DATASET, "acme/words"),
		    "http://mirror/hub/datasets/acme/words");
	check_built(hub_url_page(HUB, REPO_MODEL, "acme/x"), HUB "/acme/x");
}

static void redirects_are_joined_by_rfc_3986(void **state)
{
	static const struct {
		const char *base;
		const char *location;
		const char *joined;
	} rows[] = {
		{ HUB "/gpt2/resolve/main/c", "/openai/gpt2/resolve/main/c",
		  HUB "/openai/gpt2/resolve/main/c" },
		{ HUB "/a/b?x=1", "c", HUB "/a/c" },
		{ HUB "/a/b?x=1", "?y=2", HUB "/a/b?y=2" },
		{ HUB "/a/b?x=1", "", HUB "/a/b?x=1" },
		{ HUB "/a/b?x=1", "#f", HUB "/a/b?x=1" },
		{ HUB "/a/b/c", "../d", HUB "/a/d" },
		{ HUB "/a/b/c", "../../../../d", HUB "/d" },
		{ HUB "/a/b/c", "./", HUB "/a/b/" },
		{ HUB "/a/b/c", "..", HUB "/a/" },
		{ HUB "/a/b/c", "/x/./y/../z", HUB "/x/z" },
		{ HUB "/a/b/c", "/x/..", HUB "/" },
		{ HUB, "x", HUB "/x" },
		{ HUB, "?x", HUB "?x" },
		{ HUB "/a", "//cdn.example/b?c", "https://cdn.example/b?c" },
		{ "http://h/a", "//cdn.example:80/b", "http://cdn.example/b" },
		{ "http://h/a", "https://CDN.example:443/B?Sig=X#y",
		  "https://cdn.example/B?Sig=X" },
		{ HUB "/a", "https://cdn.example/x/../y?a=/../b",
		  "https://cdn.example/y?a=/../b" },
		{ "http://127.0.0.1:8081/a", "/b", "http://127.0.0.1:8081/b" },
		{ HUB "/a/b", "x?u=http://e", HUB "/a/x?u=http://e" },
		{ HUB "/a/b", "/x//y", HUB "/x//y" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .text = "" };
		AUTO_CSTR got = hub_url_join(rows[i].base, str_from(rows[i].location), &err);

		assert_non_null(got);
		assert_string_equal(got, rows[i].joined);
	}
}

static void dangerous_redirects_are_refused(void **state)
{
	static const struct str rows[] = {
		{ "http://huggingface.co/x", 23 },
		{ "HTTP://cdn.example/x", 20 },
		{ "ftp://cdn.example/x", 19 },
		{ "file:///etc/passwd", 18 },
		{ "javascript:alert(1)", 19 },
		{ "https:/cdn.example/x", 20 },
		{ "https:cdn.example", 17 },
		{ "https://u@cdn.example/x", 23 },
		{ "https://u:p@cdn.example/x", 25 },
		{ "//u@cdn.example/x", 17 },
		{ "https://cdn.example\\@huggingface.co/x", 37 },
		{ "https://cdn.example:99999/x", 27 },
		{ "https:///x", 10 },
		{ "/a b", 4 },
		{ "/a\r\nX: y", 8 },
		{ "/a\0b", 4 },
		{ "/a\\b", 4 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };
		AUTO_CSTR got = hub_url_join(HUB "/a/b", rows[i], &err);

		assert_null(got);
		assert_int_equal(err.code, ERR_HUB_PROTOCOL);
	}
}

static void a_redirect_that_is_too_long_is_refused(void **state)
{
	char *text = mem_alloc(HUB_URL_MAX + 1);
	struct error err;

	(void)state;
	memset(text, 'x', HUB_URL_MAX + 1);
	text[0] = '/';
	assert_null(hub_url_join(HUB, (struct str){ text, HUB_URL_MAX + 1 }, &err));
	assert_int_equal(err.code, ERR_HUB_PROTOCOL);
	assert_null(hub_url_join(HUB, (struct str){ text, HUB_URL_MAX }, &err));
	assert_int_equal(err.code, ERR_HUB_PROTOCOL);
	check_built(hub_url_join(HUB, (struct str){ text, 2 }, &err), HUB "/x");
	free(text);
}

static void an_error_never_shows_the_signature(void **state)
{
	struct error err;

	(void)state;
	assert_null(hub_url_join(HUB, S("http://cdn.example/x?Signature=secret"), &err));
	assert_null(strstr(err.text, "secret"));
	assert_null(hub_url_join(HUB, S("https://u:secret@cdn.example/x"), &err));
	assert_null(strstr(err.text, "secret"));
	assert_non_null(strstr(err.text, "cdn.example/x"));
}

static void the_token_goes_only_to_the_very_origin(void **state)
{
	static const struct {
		const char *url;
		const char *endpoint;
		bool is_same;
	} rows[] = {
		{ HUB "/a?b", HUB, true },
		{ "https://HuggingFace.co/a", HUB, true },
		{ "https://huggingface.co:443/a", HUB, true },
		{ "http://h:80/a", "http://h/base", true },
		{ "http://huggingface.co/a", HUB, false },
		{ "http://huggingface.co:443/a", HUB, false },
		{ "https://huggingface.co:8443/a", HUB, false },
		{ "https://huggingface.co./a", HUB, false },
		{ "https://cdn.huggingface.co/a", HUB, false },
		{ "https://huggingface.co.evil.example/a", HUB, false },
		{ "https://huggingface.co@evil.example/a", HUB, false },
		{ "https://evil.example/https://huggingface.co", HUB, false },
		{ "https://evil.example#@huggingface.co/", HUB, false },
		{ "https://evil.example?@huggingface.co/", HUB, false },
		{ "https://u@huggingface.co/a", HUB, false },
		{ "https://@huggingface.co/a", HUB, false },
		{ "https://evil.example\\@huggingface.co/", HUB, false },
		{ "https:/huggingface.co/", HUB, false },
		{ "//huggingface.co/", HUB, false },
		{ "", HUB, false },
		{ "", "", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(hub_url_is_same_origin(rows[i].url, rows[i].endpoint),
				 rows[i].is_same);
}

static void a_logged_address_has_no_secret(void **state)
{
	static const struct {
		const char *url;
		const char *shown;
	} rows[] = {
		{ HUB "/a/b?Signature=s#f", HUB "/a/b" },
		{ HUB "/a%20b#f?g", HUB "/a%20b" },
		{ "https://user:pass@h:8/a@b", "https://h:8/a@b" },
		{ "user:pass@h/a", "h/a" },
		{ "https://h/a\n\x1b", "https://h/a%0A%1B" },
		{ "a\nb://user:pass@h\\x", "a%0Ab://h%5Cx" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR got = hub_url_for_log(rows[i].url);

		assert_string_equal(got, rows[i].shown);
	}
}

static void the_expiry_of_a_signed_address_is_read(void **state)
{
	static const struct {
		const char *url;
		uint64_t expires;
	} rows[] = {
		{ "https://c/x?Expires=1790000000&Policy=p", 1790000000 },
		{ "https://c/x?a=b&Expires=1790000000", 1790000000 },
		{ "https://c/x?X-Amz-Date=20260304T050607Z&X-Amz-Expires=3600", 1772604367 },
		{ "https://c/x?X-Amz-Expires=3600&X-Amz-Date=20260304T050607Z", 1772604367 },
		{ "https://c/x?X-Amz-Expires=3600", 0 },
		{ "https://c/x?X-Amz-Date=20261304T050607Z&X-Amz-Expires=3600", 0 },
		{ "https://c/x?X-Amz-Date=2026-03-04T05:06&X-Amz-Expires=3600", 0 },
		{ "https://c/x?NotExpires=5", 0 },
		{ "https://c/x?Expires=-5", 0 },
		{ "https://c/x?Expires=99999999999999999999", 0 },
		{ "https://c/x#?Expires=5", 0 },
		{ "https://c/x", 0 },
		{ "", 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(hub_url_expires(rows[i].url), rows[i].expires);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_becomes_canonical),
		cmocka_unit_test(a_bad_endpoint_is_refused),
		cmocka_unit_test(addresses_are_quoted_as_the_hub_wants_them),
		cmocka_unit_test(redirects_are_joined_by_rfc_3986),
		cmocka_unit_test(dangerous_redirects_are_refused),
		cmocka_unit_test(a_redirect_that_is_too_long_is_refused),
		cmocka_unit_test(an_error_never_shows_the_signature),
		cmocka_unit_test(the_token_goes_only_to_the_very_origin),
		cmocka_unit_test(a_logged_address_has_no_secret),
		cmocka_unit_test(the_expiry_of_a_signed_address_is_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
