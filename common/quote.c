#include "common/quote.h"

#include <stdio.h>
#include <string.h>

size_t quote_char_len(struct str s)
{
	for (size_t len = 1; len <= 4 && len <= s.n; len++) {
		if (str_is_utf8(str_sub(s, 0, len)))
			return len;
	}
	return 0;
}

/* Control characters (C0, DEL, C1), what would end the quotation, and the marks that make a
 * terminal or a browser show the line in another order than it is written in. */
static bool is_harmless(struct str character)
{
	unsigned char a = (unsigned char)character.p[0];
	unsigned char b = character.n > 1 ? (unsigned char)character.p[1] : 0;
	unsigned char c = character.n > 2 ? (unsigned char)character.p[2] : 0;

	if (character.n == 1)
		return a >= 0x20 && a != 0x7f && a != '"' && a != '\\';
	if (a == 0xc2)
		return b >= 0xa0;
	if (a == 0xe2 && b == 0x80)
		return c != 0x8b && (c < 0x8e || c > 0x8f) && (c < 0xa8 || c > 0xae);
	if (a == 0xe2 && b == 0x81)
		return c < 0xa6 || c > 0xa9;
	if (a == 0xef && b == 0xbb)
		return c != 0xbf;
	return true;
}

/* Writes the character at the start of `s` to `out` (at least 5 bytes): bytes taken, bytes
 * written. */
static size_t add_char(struct str s, char *out, size_t *ret_written)
{
	size_t len = quote_char_len(s);

	if (len > 0 && is_harmless(str_sub(s, 0, len))) {
		memcpy(out, s.p, len);
		*ret_written = len;
		return len;
	}
	if (s.p[0] == '"' || s.p[0] == '\\')
		*ret_written = (size_t)snprintf(out, 5, "\\%c", s.p[0]);
	else
		*ret_written =
			(size_t)snprintf(out, 5, "\\x%02x", (unsigned)(unsigned char)s.p[0]);
	return 1;
}

static size_t escape(struct str s, char *out)
{
	size_t at = 0;
	size_t used = 0;

	while (at < s.n) {
		char piece[5];
		size_t len = 0;
		size_t taken = add_char(str_sub(s, at, s.n), piece, &len);

		if (used + len > QUOTE_BYTES_MAX) {
			memcpy(out + used, "...", 3);
			return used + 3;
		}
		memcpy(out + used, piece, len);
		used += len;
		at += taken;
	}
	return used;
}

struct quote quote_text(struct str s)
{
	struct quote quote = { .text = "\"" };
	size_t used = 1 + escape(s, quote.text + 1);

	quote.text[used] = '"';
	return quote;
}

struct quote quote_plain(struct str s)
{
	struct quote quote = { .text = "" };

	(void)escape(s, quote.text);
	return quote;
}
