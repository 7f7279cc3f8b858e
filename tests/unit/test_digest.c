#include "downloader/digest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#define LONG_POINTER                                                                    \
	"version https://git-lfs.github.com/spec/v1\n"                                  \
	"oid sha256:248dfc3911869ec493c76e65bf2fcf7f615828b0254c12b473182f0f81d3a707\n" \
	"size 548105171\n"

static const struct {
	enum digest_algorithm algorithm;
	const char *text;
	const char *hex;
} rows[] = {
	/* HUB-API 5 */
	{ DIGEST_GIT_SHA1, "", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391" },
	{ DIGEST_GIT_SHA1, "hello", "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0" },
	{ DIGEST_GIT_SHA1, "Hello, World!", "b45ef6fec89518d314f546fd6c3025367b721684" },
	{ DIGEST_GIT_SHA1, LONG_POINTER, "44b36d6e32d13c8fb28b0feab0ac8bfefa7efeda" },
	/* FIPS 180 */
	{ DIGEST_SHA256, "",
	  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ DIGEST_SHA256, "abc",
	  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ DIGEST_SHA256, "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

static void published_vectors_come_out_whatever_the_pieces(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct str text = str_from(rows[i].text);

		for (size_t piece = 1; piece <= text.n + 1; piece += 5) {
			AUTO(digest) digest = digest_new(rows[i].algorithm, text.n);
			char hex[HUB_DIGEST_MAX + 1] = "";

			for (size_t at = 0; at < text.n; at += piece)
				digest_update(digest, str_sub(text, at, at + piece));
			digest_hex(digest, hex);
			assert_string_equal(hex, rows[i].hex);
		}
	}
}

static void gits_form_depends_on_the_announced_size(void **state)
{
	AUTO(digest) digest = digest_new(DIGEST_GIT_SHA1, 6);
	char hex[HUB_DIGEST_MAX + 1] = "";

	(void)state;
	digest_update(digest, S("hello"));
	digest_hex(digest, hex);
	assert_int_equal(strlen(hex), 40);
	assert_string_not_equal(hex, "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0");
}

static void names_are_shortened_as_the_official_client_does(void **state)
{
	char name[DIGEST_NAME_LEN + 1] = "";

	(void)state;
	digest_name(S("config.json.metadata"), name);
	assert_string_equal(name, "8_PA_wEVGiVa2goH2H4KQOQpvVY=");
}

static void short_names_are_safe_in_a_path(void **state)
{
	(void)state;
	for (int i = 0; i < 200; i++) {
		AUTO_CSTR text = mem_printf("file-%d", i);
		char name[DIGEST_NAME_LEN + 1] = "";

		digest_name(str_from(text), name);
		assert_int_equal(strlen(name), DIGEST_NAME_LEN);
		assert_null(strpbrk(name, "+/"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_vectors_come_out_whatever_the_pieces),
		cmocka_unit_test(gits_form_depends_on_the_announced_size),
		cmocka_unit_test(names_are_shortened_as_the_official_client_does),
		cmocka_unit_test(short_names_are_safe_in_a_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
