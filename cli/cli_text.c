#include "cli/cli_text.h"

#include <string.h>

#include "common/buf.h"
#include "common/quote.h"

enum {
	UNITS_MAX = 7,
	DAYS_SHOWN_MAX = 99,
};

static const char *const units[UNITS_MAX] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };

static uint64_t divide_rounded(uint64_t a, uint64_t b)
{
	return a / b + (a % b >= b - b / 2);
}

/* The unit in which `bytes` has at most three digits, and its size. */
static unsigned unit_of(uint64_t bytes, uint64_t *ret_size)
{
	unsigned unit = 0;
	uint64_t size = 1;

	while (unit + 1 < UNITS_MAX && divide_rounded(bytes, size) >= 1000) {
		unit++;
		size *= 1000;
	}
	*ret_size = size;
	return unit;
}

static void add_tenths(struct buf *b, uint64_t tenths)
{
	buf_addf(b, "%llu.%llu", (unsigned long long)(tenths / 10),
		 (unsigned long long)(tenths % 10));
}

static void add_in_unit(struct buf *b, uint64_t bytes, uint64_t size)
{
	uint64_t tenths;

	if (size > 1) {
		tenths = divide_rounded(bytes, size / 10);
		if (tenths < 1000) {
			add_tenths(b, tenths);
			return;
		}
	}
	buf_addf(b, "%llu", (unsigned long long)divide_rounded(bytes, size));
}

void cli_text_add_size(struct buf *b, uint64_t bytes)
{
	uint64_t size;
	unsigned unit = unit_of(bytes, &size);

	add_in_unit(b, bytes, size);
	buf_addf(b, " %s", units[unit]);
}

void cli_text_add_part(struct buf *b, uint64_t done, uint64_t total)
{
	uint64_t size;
	unsigned unit = unit_of(total, &size);

	add_in_unit(b, done, size);
	buf_add(b, S(" of "));
	add_in_unit(b, total, size);
	buf_addf(b, " %s", units[unit]);
}

void cli_text_add_speed(struct buf *b, uint64_t bps)
{
	cli_text_add_size(b, bps);
	buf_add(b, S("/s"));
}

void cli_text_add_duration(struct buf *b, uint64_t seconds)
{
	static const struct {
		uint64_t below, size;
		const char *name;
		uint64_t small_size;
		const char *small_name;
	} rows[] = {
		{ 3600, 60, "m", 1, "s" },
		{ 86400, 3600, "h", 60, "m" },
		{ (DAYS_SHOWN_MAX + 1) * 86400ULL, 86400, "d", 3600, "h" },
	};

	if (seconds < 60) {
		buf_addf(b, "%llu s", (unsigned long long)seconds);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (seconds >= rows[i].below)
			continue;
		buf_addf(b, "%llu %s %llu %s", (unsigned long long)(seconds / rows[i].size),
			 rows[i].name,
			 (unsigned long long)(seconds % rows[i].size / rows[i].small_size),
			 rows[i].small_name);
		return;
	}
	buf_addf(b, ">%d d", DAYS_SHOWN_MAX);
}

void cli_text_add_number(struct buf *b, uint64_t n)
{
	uint64_t scale = 1;

	while (n / scale >= 1000)
		scale *= 1000;
	buf_addf(b, "%llu", (unsigned long long)(n / scale));
	for (scale /= 1000; scale > 0; scale /= 1000)
		buf_addf(b, ",%03llu", (unsigned long long)(n / scale % 1000));
}

void cli_text_add_count(struct buf *b, uint64_t n, const char *noun)
{
	cli_text_add_number(b, n);
	buf_addf(b, " %s%s", noun, n == 1 ? "" : "s");
}

/* --- characters --- */

struct range {
	uint32_t first, last;
};

static bool is_in(uint32_t c, const struct range *ranges, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (c >= ranges[i].first && c <= ranges[i].last)
			return true;
	}
	return false;
}

/* C0, DEL and C1; direction marks; line and paragraph separators; the byte order mark. */
static bool is_unsafe(uint32_t c)
{
	static const struct range ranges[] = {
		{ 0, 0x1f },        { 0x7f, 0x9f },     { 0x61c, 0x61c },   { 0x200e, 0x200f },
		{ 0x2028, 0x202e }, { 0x2066, 0x2069 }, { 0xfeff, 0xfeff },
	};

	return is_in(c, ranges, ARRAY_LEN(ranges));
}

/* What terminals give no column (combining marks, joiners, variation selectors) and what they
 * give two (Unicode's East Asian Width W and F, and pictures). The C library's wcwidth() would
 * do it by the locale, and so not at all in C. */
static size_t columns_of(uint32_t c)
{
	static const struct range none[] = {
		{ 0x300, 0x36f },     { 0x483, 0x489 },   { 0x591, 0x5bd },
		{ 0x610, 0x61a },     { 0x64b, 0x65f },   { 0x1ab0, 0x1aff },
		{ 0x1dc0, 0x1dff },   { 0x200b, 0x200d }, { 0x2060, 0x2064 },
		{ 0x20d0, 0x20ff },   { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
		{ 0xe0100, 0xe01ef },
	};
	static const struct range two[] = {
		{ 0x1100, 0x115f },   { 0x2e80, 0x303e },   { 0x3041, 0x33ff },
		{ 0x3400, 0x4dbf },   { 0x4e00, 0xa4cf },   { 0xa960, 0xa97f },
		{ 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },   { 0xfe30, 0xfe6f },
		{ 0xff00, 0xff60 },   { 0xffe0, 0xffe6 },   { 0x1f300, 0x1f64f },
		{ 0x1f680, 0x1f6ff }, { 0x1f900, 0x1f9ff }, { 0x20000, 0x3fffd },
	};

	if (c < 0x300)
		return 1;
	if (is_in(c, none, ARRAY_LEN(none)))
		return 0;
	return is_in(c, two, ARRAY_LEN(two)) ? 2 : 1;
}

/* The character at the start of `s`, which is not empty, and its bytes. A byte that begins no
 * character is one byte with *ret_is_whole false. */
static uint32_t decode(struct str s, size_t *ret_len, bool *ret_is_whole)
{
	static const unsigned char masks[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	size_t len = quote_char_len(s);
	uint32_t c;

	*ret_is_whole = len > 0;
	*ret_len = len > 0 ? len : 1;
	c = (unsigned char)s.p[0];
	if (len < 2)
		return c;
	c &= masks[len];
	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s.p[i] & 0x3f);
	return c;
}

void cli_text_add_parameters(struct buf *b, uint64_t parameters)
{
	static const struct {
		uint64_t unit;
		char letter;
	} names[] = { { 1000000000, 'B' }, { 1000000, 'M' }, { 1000, 'K' } };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint64_t tenths = parameters / (names[i].unit / 10);

		if (parameters < names[i].unit)
			continue;
		if (tenths < 100)
			buf_addf(b, "%llu.%llu%c", (unsigned long long)(tenths / 10),
				 (unsigned long long)(tenths % 10), names[i].letter);
		else
			buf_addf(b, "%llu%c", (unsigned long long)(tenths / 10),
				 names[i].letter);
		return;
	}
	if (parameters > 0)
		buf_addf(b, "%llu", (unsigned long long)parameters);
}

void cli_text_add_escaped(struct buf *b, struct str s)
{
	while (s.n > 0) {
		size_t len;
		bool is_whole;
		uint32_t c = decode(s, &len, &is_whole);

		if (is_whole && !is_unsafe(c))
			buf_add(b, str_sub(s, 0, len));
		for (size_t i = 0; i < len && (!is_whole || is_unsafe(c)); i++)
			buf_addf(b, "\\x%02x", (unsigned)(unsigned char)s.p[i]);
		s = str_sub(s, len, s.n);
	}
}

size_t cli_text_width(struct str s)
{
	size_t width = 0;

	while (s.n > 0) {
		size_t len;
		bool is_whole;
		uint32_t c = decode(s, &len, &is_whole);

		width += columns_of(c);
		s = str_sub(s, len, s.n);
	}
	return width;
}

/* The bytes of the longest start of `s` that takes at most `width` columns; combining marks
 * stay with their letter. */
static size_t bytes_in(struct str s, size_t width)
{
	size_t at = 0;

	while (at < s.n) {
		size_t len;
		bool is_whole;
		size_t columns = columns_of(decode(str_sub(s, at, s.n), &len, &is_whole));

		if (columns > width)
			break;
		width -= columns;
		at += len;
	}
	return at;
}

void cli_text_add_fit(struct buf *b, struct str s, size_t width, enum cli_cut cut, bool is_utf8)
{
	struct str dots = is_utf8 ? S("\xe2\x80\xa6") : S("...");
	size_t total = cli_text_width(s);
	size_t n_dots = cli_text_width(dots);
	size_t room;
	size_t tail;

	if (total <= width) {
		buf_add(b, s);
		return;
	}
	if (width <= n_dots) {
		buf_add(b, str_sub(s, 0, bytes_in(s, width)));
		return;
	}
	room = width - n_dots;
	tail = cut == CLI_CUT_MIDDLE ? room / 2 : 0;
	buf_add(b, str_sub(s, 0, bytes_in(s, room - tail)));
	buf_add(b, dots);
	while (tail > 0) {
		size_t from = bytes_in(s, total - tail);
		struct str rest = str_sub(s, from, s.n);

		/* A wide character across the cut would make the rest a column too wide. */
		if (cli_text_width(rest) <= tail) {
			buf_add(b, rest);
			break;
		}
		tail--;
	}
}

void cli_text_add_spaces(struct buf *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add_char(b, ' ');
}

void cli_text_add_column(struct buf *b, struct str s, size_t width, enum cli_align align,
			 enum cli_cut cut, bool is_utf8)
{
	AUTO(buf) text = buf_new(s.n + 8);
	size_t used;
	size_t fill;

	cli_text_add_fit(text, s, width, cut, is_utf8);
	used = cli_text_width(buf_str(text));
	fill = width > used ? width - used : 0;
	if (align == CLI_ALIGN_RIGHT)
		cli_text_add_spaces(b, fill);
	buf_add(b, buf_str(text));
	if (align == CLI_ALIGN_LEFT)
		cli_text_add_spaces(b, fill);
}

/* --- reading --- */

/* The factor of a unit that stands behind a number: 0 for none that is known. */
static uint64_t size_unit(struct str unit)
{
	static const char letters[] = "KMGT";
	uint64_t decimal = 1;
	uint64_t binary = 1;

	if (unit.n == 0 || str_is_equal(unit, S("B")))
		return 1;
	for (size_t i = 0; letters[i] != '\0'; i++) {
		decimal *= 1000;
		binary *= 1024;
		if (char_lower(unit.p[0]) != char_lower(letters[i]))
			continue;
		if (unit.n == 1 || str_is_equal_nocase(str_sub(unit, 1, unit.n), S("iB")))
			return binary;
		return str_is_equal_nocase(str_sub(unit, 1, unit.n), S("B")) ? decimal : 0;
	}
	return 0;
}

/* Thousandths of ".5", ".25", ".125": what stands behind the whole number. */
static int read_thousandths(struct str digits, uint64_t *ret)
{
	uint64_t value;

	if (digits.n == 0) {
		*ret = 0;
		return 0;
	}
	if (digits.n < 2 || digits.n > 4 ||
	    str_to_u64(str_sub(digits, 1, digits.n), 0, 999, &value) < 0)
		return -1;
	for (size_t n = digits.n; n < 4; n++)
		value *= 10;
	*ret = value;
	return 0;
}

int cli_text_to_size(struct str s, uint64_t *ret)
{
	size_t n = 0;
	size_t point;
	uint64_t unit;
	uint64_t whole;
	uint64_t thousandths;

	if (str_has_suffix(s, S("/s")))
		s = str_sub(s, 0, s.n - 2);
	while (n < s.n && (char_is_digit(s.p[n]) || s.p[n] == '.'))
		n++;
	point = str_find_char(str_sub(s, 0, n), '.');
	unit = size_unit(str_trim(str_sub(s, n, s.n)));
	if (unit == 0 ||
	    str_to_u64(str_sub(s, 0, point), 0, UINT64_MAX / unit - 1, &whole) < 0 ||
	    read_thousandths(str_sub(s, point, n), &thousandths) < 0)
		return -1;
	*ret = whole * unit + unit / 1000 * thousandths + unit % 1000 * thousandths / 1000;
	return 0;
}

/* --- paragraphs --- */

/* The words of `s` from `column` on; lines that follow begin at `indent`. */
static void add_words(struct buf *b, struct str s, size_t column, size_t indent, size_t width)
{
	struct str rest = s;
	struct str word;
	bool is_first = true;

	while (str_next(&rest, ' ', &word)) {
		size_t columns = cli_text_width(word);

		if (width > 0 && !is_first && column + 1 + columns > width) {
			buf_add_char(b, '\n');
			cli_text_add_spaces(b, indent);
			column = indent;
		} else if (!is_first) {
			buf_add_char(b, ' ');
			column++;
		}
		buf_add(b, word);
		column += columns;
		is_first = false;
	}
	buf_add_char(b, '\n');
}

void cli_text_add_wrapped(struct buf *b, struct str s, size_t indent, size_t width)
{
	add_words(b, s, indent, indent, width);
}

enum {
	LABEL_MAX = 16, /* bytes of a label; what is longer is a sentence */
	STEP = 2,       /* columns that a line goes on to the right */
};

static size_t count_blanks(struct str s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] == ' ')
		n++;
	return n;
}

/* Bytes of "label:" at the beginning of a line, with its colon; 0: there is none. */
static size_t label_len(struct str line)
{
	size_t colon = str_find(line, S(": "));

	return colon < line.n && colon < LABEL_MAX ? colon + 1 : 0;
}

/* A label stands alone where what is behind it has no room. */
static void add_folded_line(struct buf *b, struct str line, size_t width)
{
	size_t label = label_len(line);
	size_t begin = label + count_blanks(str_sub(line, label, line.n));
	struct str rest = str_sub(line, begin, line.n);
	size_t first = cli_text_width(str_sub(rest, 0, str_find_char(rest, ' ')));

	if (label > 0 && (begin + first > width || 2 * begin > width)) {
		buf_add(b, str_sub(line, 0, label));
		buf_add_char(b, '\n');
		cli_text_add_spaces(b, STEP);
		cli_text_add_wrapped(b, rest, STEP, width);
		return;
	}
	buf_add(b, str_sub(line, 0, begin));
	add_words(b, rest, begin, label > 0 ? begin : begin + STEP, width);
}

/* Each byte may become a line of its own, behind as many blanks as half the width. */
size_t cli_text_folded_max(struct str text, size_t width)
{
	return text.n * (width + STEP + 2) + 1;
}

void cli_text_add_folded(struct buf *b, struct str text, size_t width)
{
	struct str line;

	while (text.n > 0) {
		size_t end = str_find_char(text, '\n');

		line = str_sub(text, 0, end);
		text = str_sub(text, end + 1, text.n);
		if (width == 0 || cli_text_width(line) <= width) {
			buf_add(b, line);
			buf_add_char(b, '\n');
			continue;
		}
		add_folded_line(b, line, width);
	}
}

/* --- time --- */

/* Days from 1970-01-01 in the Gregorian calendar, for years after 1600. */
static int64_t days_from_civil(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = y / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

int cli_text_to_time(struct str s, int64_t *ret_ms)
{
	static const char shape[] = "0000-00-00T00:00:00";
	static const struct {
		size_t at, len;
		uint64_t min, max;
	} parts[] = {
		{ 0, 4, 1970, 9999 }, { 5, 2, 1, 12 },  { 8, 2, 1, 31 },
		{ 11, 2, 0, 23 },     { 14, 2, 0, 59 }, { 17, 2, 0, 60 },
	};
	uint64_t v[ARRAY_LEN(parts)];
	uint64_t ms = 0;
	size_t n = sizeof(shape) - 1;

	if (s.n <= n || s.p[s.n - 1] != 'Z')
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (shape[i] != '0' && s.p[i] != shape[i])
			return -1;
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (str_to_u64(str_sub(s, parts[i].at, parts[i].at + parts[i].len),
			       parts[i].min, parts[i].max, &v[i]) < 0)
			return -1;
	}
	if (s.n != n + 1 && (s.n != n + 5 || s.p[n] != '.' ||
			     str_to_u64(str_sub(s, n + 1, n + 4), 0, 999, &ms) < 0))
		return -1;
	*ret_ms = (days_from_civil((int64_t)v[0], (int64_t)v[1], (int64_t)v[2]) * 86400 +
		   (int64_t)(v[3] * 3600 + v[4] * 60 + v[5])) *
			  1000 +
		  (int64_t)ms;
	return 0;
}
