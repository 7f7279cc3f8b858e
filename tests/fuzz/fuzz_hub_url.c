/* Two lines: a base and a redirect from it. Joining never downgrades, never keeps a name or
 * password, and its result is an address that joins to itself. */
#include "downloader/hub_url.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool is_https(const char *url)
{
	return str_has_prefix_nocase(str_from(url), S("https://"));
}

static void check_text(const char *url)
{
	struct str text = str_from(url);

	require(text.n <= HUB_URL_MAX);
	require(is_https(url) || str_has_prefix(text, S("http://")));
	require(str_find_char(text, '#') == text.n && str_find_char(text, '\\') == text.n);
	for (size_t i = 0; i < text.n; i++)
		require((unsigned char)text.p[i] > 0x20);
	text = str_sub(text, str_find(text, S("://")) + 3, text.n);
	text = str_sub(text, 0, str_find_char(text, '/'));
	text = str_sub(text, 0, str_find_char(text, '?'));
	require(text.n > 0 && str_find_char(text, '@') == text.n);
}

static void check_join(const char *base, struct str location)
{
	struct error err = { .code = ERR_NONE };
	AUTO_CSTR joined = hub_url_join(base, location, &err);
	AUTO_CSTR again = NULL;

	if (joined == NULL) {
		require(err.code == ERR_HUB_PROTOCOL && str_is_utf8(str_from(err.text)));
		return;
	}
	check_text(joined);
	require(!is_https(base) || is_https(joined));
	require(hub_url_is_same_origin(joined, joined));
	again = hub_url_join(joined, str_from(joined), &err);
	require(again != NULL && strcmp(again, joined) == 0);
}

static void check_endpoint(struct str text)
{
	struct error err = { .code = ERR_NONE };
	AUTO_CSTR endpoint = hub_url_endpoint(text, &err);
	AUTO_CSTR again = NULL;
	AUTO_CSTR file = NULL;

	if (endpoint == NULL) {
		require(err.code == ERR_INVALID);
		return;
	}
	check_text(endpoint);
	again = hub_url_endpoint(str_from(endpoint), &err);
	require(again != NULL && strcmp(again, endpoint) == 0);
	file = hub_url_resolve(endpoint, REPO_DATASET, "acme/x", "refs/pr/1", "a b/c?d#e");
	require(hub_url_is_same_origin(file, endpoint));
	check_text(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	struct str first = { "", 0 };
	AUTO_CSTR base = NULL;
	AUTO_CSTR shown = NULL;

	if (size == 0)
		return 0;
	(void)str_next(&rest, '\n', &first);
	base = str_dup(first);
	if (rest.p == NULL)
		rest = S("");
	check_join(base, rest);
	check_join("https://huggingface.co/a/b?c", rest);
	check_endpoint(first);
	shown = hub_url_for_log(base);
	require(strpbrk(shown, "?#\n\r\x1b ") == NULL);
	(void)hub_url_expires(base);
	if (hub_url_is_same_origin(base, "https://huggingface.co"))
		require(str_has_prefix_nocase(first, S("https://huggingface.co")));
	return 0;
}
