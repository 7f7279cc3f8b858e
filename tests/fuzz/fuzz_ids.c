/* What passes the checks of common/ids.h is harmless in a path, an address and a sentence. */
#include "common/ids.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/quote.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_sentence(const struct error *err, const char *field)
{
	require(err->code == ERR_INVALID && strcmp(err->field, field) == 0);
	require(strlen(err->text) > 0 && str_is_utf8(str_from(err->text)));
	for (const char *p = err->text; *p != '\0'; p++)
		require((unsigned char)*p >= 0x20);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct quote quote = quote_text(text);
	struct error err;

	require(str_is_utf8(str_from(quote.text)));
	require(strlen(quote.text) < sizeof(quote.text));
	if (repo_id_check(text, &err) == 0) {
		require(text.n > 0 && text.n <= REPO_ID_MAX);
		require(str_find(text, S("..")) == text.n && str_find(text, S("--")) == text.n);
		require(text.p[0] != '/' && text.p[0] != '.' && text.p[0] != '-');
		require(str_find_char(text, '\0') == text.n &&
			str_find_char(text, ':') == text.n);
	} else {
		check_sentence(&err, "repo");
	}
	if (revision_check(text, &err) == 0) {
		require(text.n > 0 && text.n <= REVISION_MAX && str_is_utf8(text));
		require(str_find(text, S("..")) == text.n && text.p[0] != '/');
	} else {
		check_sentence(&err, "revision");
	}
	if (commit_is_valid(text))
		require(size == COMMIT_LEN && revision_check(text, &err) == 0);
	if (download_id_is_valid(text))
		require(size == DOWNLOAD_ID_LEN && repo_id_check(text, &err) == 0);
	return 0;
}
