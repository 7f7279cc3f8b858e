#include "downloader/card_html.h"

#include <string.h>

#include "common/buf.h"

/* --- tags --- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static struct str skip_blanks(struct str s)
{
	size_t n = 0;

	while (n < s.n && is_blank(s.p[n]))
		n++;
	return str_sub(s, n, s.n);
}

static size_t name_len(struct str s)
{
	size_t n = 0;

	while (n < s.n && (char_is_alnum(s.p[n]) || s.p[n] == '-' || s.p[n] == ':'))
		n++;
	return n;
}

/* The value after "=", with or without quotes; *rest goes on behind it. */
static struct str take_value(struct str *rest)
{
	struct str s = skip_blanks(*rest);
	struct str value;
	size_t n = 0;

	if (s.n > 0 && (s.p[0] == '"' || s.p[0] == '\'')) {
		char quote = s.p[0];

		s = str_sub(s, 1, s.n);
		n = str_find_char(s, quote);
		value = str_sub(s, 0, n);
		*rest = str_sub(s, n + 1, s.n);
		return value;
	}
	while (n < s.n && !is_blank(s.p[n]) && s.p[n] != '>')
		n++;
	value = str_sub(s, 0, n);
	*rest = str_sub(s, n, s.n);
	return value;
}

static void take_attribute(struct str *rest, struct card_piece *piece)
{
	size_t n = name_len(*rest);
	struct str name = str_sub(*rest, 0, n);
	struct str value;

	if (n == 0) { /* a stray character */
		*rest = str_sub(*rest, 1, rest->n);
		return;
	}
	*rest = skip_blanks(str_sub(*rest, n, rest->n));
	if (rest->n == 0 || rest->p[0] != '=')
		return;
	*rest = str_sub(*rest, 1, rest->n);
	value = take_value(rest);
	if (str_is_equal_nocase(name, S("href")) || str_is_equal_nocase(name, S("src")))
		piece->address = str_trim(value);
	else if (str_is_equal_nocase(name, S("alt")))
		piece->words = value;
}

/* `s` begins with "<" and a letter, or with "</" and one. */
static struct str take_tag(struct str s, struct card_piece *piece)
{
	bool is_close = s.p[1] == '/';
	struct str rest = str_sub(s, is_close ? 2 : 1, s.n);
	size_t n = name_len(rest);

	piece->kind = is_close ? CARD_PIECE_CLOSE : CARD_PIECE_OPEN;
	for (size_t i = 0; n < CARD_TAG_MAX && i < n; i++)
		piece->name[i] = char_lower(rest.p[i]);
	rest = skip_blanks(str_sub(rest, n, rest.n));
	while (rest.n > 0 && rest.p[0] != '>') {
		take_attribute(&rest, piece);
		rest = skip_blanks(rest);
	}
	return str_sub(rest, 1, rest.n);
}

static bool is_tag(struct str s)
{
	return s.n > 1 && s.p[0] == '<' &&
	       (char_is_alpha(s.p[1]) || (s.n > 2 && s.p[1] == '/' && char_is_alpha(s.p[2])));
}

/* What is not for readers: from its beginning, or the empty view for what is. */
static struct str unseen(struct str s)
{
	static const char *const rows[][2] = {
		{ "<!--", "-->" },         { "<!", ">" },           { "<?", ">" },
		{ "<script", "</script" }, { "<style", "</style" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t end;

		if (!str_has_prefix_nocase(s, str_from(rows[i][0])))
			continue;
		end = str_find_nocase(s, str_from(rows[i][1]));
		return str_sub(s, 0, end + 1 + str_find_char(str_sub(s, end, s.n), '>'));
	}
	return (struct str){ .n = 0 };
}

bool card_html_next(struct str *rest, struct card_piece *ret)
{
	size_t n;

	*ret = (struct card_piece){ .kind = CARD_PIECE_TEXT };
	for (struct str skipped = unseen(*rest); skipped.n > 0; skipped = unseen(*rest))
		*rest = str_sub(*rest, skipped.n, rest->n);
	if (rest->n == 0)
		return false;
	if (is_tag(*rest)) {
		*rest = take_tag(*rest, ret);
		return true;
	}
	n = 1 + str_find_char(str_sub(*rest, 1, rest->n), '<');
	ret->text = str_sub(*rest, 0, n);
	*rest = str_sub(*rest, n, rest->n);
	return true;
}

/* --- character references --- */

static void add_character(struct buf *b, uint32_t c)
{
	if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = 0xfffd;
	if (c < 0x80) {
		buf_add_char(b, (char)c);
	} else if (c < 0x800) {
		buf_add_char(b, (char)(0xc0 | c >> 6));
		buf_add_char(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_add_char(b, (char)(0xe0 | c >> 12));
		buf_add_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_add_char(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_add_char(b, (char)(0xf0 | c >> 18));
		buf_add_char(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_add_char(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_add_char(b, (char)(0x80 | (c & 0x3f)));
	}
}

static int digit_of(char c, uint32_t base)
{
	if (char_is_digit(c))
		return c - '0';
	c = char_lower(c);
	return base == 16 && c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "#233" or "#xE9": 0, or -1. */
static int read_number(struct str name, uint32_t *ret)
{
	uint32_t base = name.n > 1 && char_lower(name.p[1]) == 'x' ? 16 : 10;
	size_t at = base == 16 ? 2 : 1;
	uint32_t c = 0;

	if (at >= name.n || name.n - at > 7)
		return -1;
	for (; at < name.n; at++) {
		int digit = digit_of(name.p[at], base);

		if (digit < 0)
			return -1;
		c = c * base + (uint32_t)digit;
	}
	*ret = c;
	return 0;
}

/* Those that people write; all others are numbers, or UTF-8 in the first place. */
static int read_name(struct str name, uint32_t *ret)
{
	static const struct {
		const char *name;
		uint32_t c;
	} rows[] = {
		{ "amp", '&' },     { "lt", '<' },        { "gt", '>' },
		{ "quot", '"' },    { "apos", '\'' },     { "nbsp", 0xa0 },
		{ "copy", 0xa9 },   { "reg", 0xae },      { "middot", 0xb7 },
		{ "times", 0xd7 },  { "ndash", 0x2013 },  { "mdash", 0x2014 },
		{ "bull", 0x2022 }, { "hellip", 0x2026 }, { "trade", 0x2122 },
		{ "larr", 0x2190 }, { "rarr", 0x2192 },   { "ensp", 0x2002 },
		{ "emsp", 0x2003 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (str_is_equal(name, str_from(rows[i].name))) {
			*ret = rows[i].c;
			return 0;
		}
	}
	return -1;
}

void card_html_add_text(struct buf *b, struct str text)
{
	enum {
		REFERENCE_MAX = 10
	};

	while (text.n > 0) {
		size_t at = str_find_char(text, '&');
		struct str name = str_sub(text, at + 1, at + 1 + REFERENCE_MAX);
		size_t end = str_find_char(name, ';');
		uint32_t c;

		buf_add(b, str_sub(text, 0, at));
		if (at == text.n)
			return;
		name = str_sub(name, 0, end == name.n ? 0 : end);
		if (name.n > 0 &&
		    (name.p[0] == '#' ? read_number(name, &c) : read_name(name, &c)) == 0) {
			add_character(b, c);
			text = str_sub(text, at + name.n + 2, text.n);
		} else {
			buf_add_char(b, '&');
			text = str_sub(text, at + 1, text.n);
		}
	}
}
