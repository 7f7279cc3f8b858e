/* Whatever the Markdown is, the stream is balanced, bounded, made of known elements only, and
 * every address in it may be followed. */
#include "downloader/card.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static const char *word_at(struct json_object *token, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(token, i));
}

static bool is_known(const char *name)
{
	static const char *const names[] = {
		"p",   "h1",   "h2",    "h3", "h4", "h5",  "h6",     "em",
		"del", "code", "table", "tr", "hr", "br",  "pre",    "ul",
		"ol",  "li",   "th",    "td", "a",  "img", "strong", "blockquote"
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

static bool may_be_followed(struct str address, bool may_be_mail)
{
	for (size_t i = 0; i < address.n; i++)
		require((unsigned char)address.p[i] > 0x20 && address.p[i] != 0x7f);
	return str_has_prefix_nocase(address, S("http://")) ||
	       str_has_prefix_nocase(address, S("https://")) ||
	       (may_be_mail && str_has_prefix_nocase(address, S("mailto:")));
}

/* 1 when it begins an element that null ends. */
static size_t check_element(struct json_object *token)
{
	const char *name = word_at(token, 0);

	require(is_known(name));
	if (strcmp(name, "a") == 0)
		require(may_be_followed(str_from(word_at(token, 1)), true));
	if (strcmp(name, "img") == 0)
		require(may_be_followed(str_from(word_at(token, 1)), false));
	return strcmp(name, "img") != 0 && strcmp(name, "br") != 0 && strcmp(name, "hr") != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	AUTO_JSON tokens = NULL;
	struct error err;
	size_t n;
	size_t depth = 0;

	if (card_read(text, "https://hub.example/acme/a/blob/main/README.md",
		      "https://hub.example/acme/a/resolve/main/README.md", &tokens, &err) != 0)
		return 0;
	n = json_object_array_length(tokens);
	require(n <= CARD_TOKENS_MAX + CARD_DEPTH_MAX + 2);
	for (size_t i = 0; i < n; i++) {
		struct json_object *token = json_object_array_get_idx(tokens, i);

		if (token == NULL)
			require(depth-- > 0);
		else if (json_object_is_type(token, json_type_array))
			depth += check_element(token);
		else
			require(json_object_is_type(token, json_type_string) &&
				str_is_utf8(str_from(json_object_get_string(token))));
		require(depth <= CARD_DEPTH_MAX);
	}
	require(depth == 0);
	return 0;
}
