/* Two lines: a pattern and a text. The matcher agrees with a table of all prefixes, which is
 * slow but plain, for patterns without sets. */
#include "downloader/glob.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SIDE_MAX = 64,
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool is_ascii(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if ((unsigned char)s.p[i] >= 0x80)
			return false;
	}
	return true;
}

/* table[i][j]: the first i of the pattern match the first j of the text. */
static bool match_slowly(struct str pattern, struct str text)
{
	bool table[SIDE_MAX + 1][SIDE_MAX + 1] = { { true } };

	for (size_t i = 1; i <= pattern.n; i++) {
		char c = pattern.p[i - 1];

		for (size_t j = 0; j <= text.n; j++) {
			bool takes = j > 0 &&
				     (c == '?' || char_lower(c) == char_lower(text.p[j - 1]));

			table[i][j] = c == '*' ? table[i - 1][j] || (j > 0 && table[i][j - 1])
					       : takes && table[i - 1][j - 1];
		}
	}
	return table[pattern.n][text.n];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct str pattern;
	uint64_t work = 100 * 1000 * 1000;
	AUTO(glob) g = NULL;
	AUTO(glob) part = NULL;
	int result;

	if (size == 0 || size > 4096 || !str_next(&text, '\n', &pattern))
		return 0;
	if (text.p == NULL)
		text = S("");
	g = glob_new(pattern);
	result = glob_match(g, text, &work);
	require(result == 0 || result == 1);
	if (pattern.n <= SIDE_MAX && text.n <= SIDE_MAX && is_ascii(pattern) &&
	    is_ascii(text) && str_find_char(pattern, '[') == pattern.n)
		require(result == (int)match_slowly(pattern, text));
	part = glob_new_substring(pattern);
	result = glob_match(part, text, &work);
	require(result == 0 || result == 1);
	if (is_ascii(pattern) && is_ascii(text))
		require(result ==
			(int)(str_find_nocase(text, pattern) < text.n || pattern.n == 0));
	work = 1;
	(void)!glob_match(g, text, &work);
	require(work <= 1);
	return 0;
}
