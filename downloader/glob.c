/*
 * The pattern becomes a row of pieces. Matching walks text and pieces side by side; where they
 * disagree it goes back to the last `*` and lets that take one character more. Only the last
 * one matters: whatever an earlier `*` could take instead, the later one can take too. So the
 * work is at most length times pieces, never exponential.
 */
#include "downloader/glob.h"

#include <stdlib.h>

enum piece_kind {
	PIECE_CHAR,
	PIECE_ANY,  /* ? */
	PIECE_STAR, /* any run of them */
	PIECE_SET,
	PIECE_KIND_COUNT,
};

struct piece {
	enum piece_kind kind;
	bool is_negated;
	uint32_t c;      /* in lower case */
	size_t first;    /* of the set's ranges */
	size_t n_ranges; /* none: the set is empty */
};

struct range {
	uint32_t low;
	uint32_t high;
};

struct glob {
	struct piece *pieces;
	size_t n;
	size_t cap;
	struct range *ranges;
	size_t n_ranges;
	size_t cap_ranges;
};

/* --- characters --- */

/* The character at `*at`, which moves behind it. The text was checked to be UTF-8 by whoever
 * took it in; a byte that is not counts as a character of its own, beyond all others. */
static uint32_t next_char(struct str s, size_t *at)
{
	static const uint32_t masks[] = { 0, 0, 0x1f, 0x0f, 0x07 };
	unsigned char first = (unsigned char)s.p[*at];
	size_t len = first < 0xc0 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
	uint32_t c;

	if (first < 0x80) {
		*at += 1;
		return first;
	}
	if (len == 1 || *at + len > s.n || !str_is_utf8(str_sub(s, *at, *at + len))) {
		*at += 1;
		return UINT32_C(0x110000) + first;
	}
	c = first & masks[len];
	for (size_t i = 1; i < len; i++)
		c = c << 6 | ((unsigned char)s.p[*at + i] & 0x3f);
	*at += len;
	return c;
}

static uint32_t lower(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

static uint32_t upper(uint32_t c)
{
	return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c;
}

/* --- compiling --- */

static void add_piece(struct glob *g, struct piece piece)
{
	g->pieces = mem_grow(g->pieces, g->n, &g->cap, sizeof(*g->pieces));
	g->pieces[g->n++] = piece;
}

static void add_char(struct glob *g, uint32_t c)
{
	add_piece(g, (struct piece){ .kind = PIECE_CHAR, .c = lower(c) });
}

static void add_star(struct glob *g)
{
	if (g->n == 0 || g->pieces[g->n - 1].kind != PIECE_STAR)
		add_piece(g, (struct piece){ .kind = PIECE_STAR });
}

static void add_range(struct glob *g, uint32_t low, uint32_t high)
{
	if (low > high)
		return;
	g->ranges = mem_grow(g->ranges, g->n_ranges, &g->cap_ranges, sizeof(*g->ranges));
	g->ranges[g->n_ranges++] = (struct range){ low, high };
}

/* Where the set that begins after the "[" before `at` ends: the place of its "]", or pattern.n.
 * A "]" right at the start, or after "!", is a member. */
static size_t set_end(struct str pattern, size_t at)
{
	if (at < pattern.n && pattern.p[at] == '!')
		at++;
	if (at < pattern.n && pattern.p[at] == ']')
		at++;
	return at + str_find_char(str_sub(pattern, at, pattern.n), ']');
}

static void add_set(struct glob *g, struct str members)
{
	struct piece piece = { .kind = PIECE_SET, .first = g->n_ranges };
	size_t at = 0;

	if (str_has_prefix(members, S("!"))) {
		piece.is_negated = true;
		at = 1;
	}
	while (at < members.n) {
		uint32_t low = next_char(members, &at);
		uint32_t high = low;

		/* A "-" at either end is a member. */
		if (at + 1 < members.n && members.p[at] == '-') {
			at++;
			high = next_char(members, &at);
		}
		add_range(g, low, high);
	}
	piece.n_ranges = g->n_ranges - piece.first;
	add_piece(g, piece);
}

struct glob *glob_new(struct str pattern)
{
	struct glob *g = mem_alloc(sizeof(*g));
	size_t at = 0;

	while (at < pattern.n) {
		uint32_t c = next_char(pattern, &at);
		size_t end = c == '[' ? set_end(pattern, at) : pattern.n;

		if (c == '*') {
			add_star(g);
		} else if (c == '?') {
			add_piece(g, (struct piece){ .kind = PIECE_ANY });
		} else if (c == '[' && end < pattern.n) {
			add_set(g, str_sub(pattern, at, end));
			at = end + 1;
		} else {
			add_char(g, c);
		}
	}
	return g;
}

struct glob *glob_new_substring(struct str text)
{
	struct glob *g = mem_alloc(sizeof(*g));
	size_t at = 0;

	add_star(g);
	while (at < text.n)
		add_char(g, next_char(text, &at));
	add_star(g);
	return g;
}

void glob_free(struct glob **g)
{
	if (*g == NULL)
		return;
	free((*g)->pieces);
	free((*g)->ranges);
	free(*g);
	*g = NULL;
}

/* --- matching --- */

static bool is_in_set(const struct glob *g, const struct piece *piece, uint32_t c)
{
	for (size_t i = 0; i < piece->n_ranges; i++) {
		const struct range *range = &g->ranges[piece->first + i];

		if ((lower(c) >= range->low && lower(c) <= range->high) ||
		    (upper(c) >= range->low && upper(c) <= range->high))
			return true;
	}
	return false;
}

static bool takes(const struct glob *g, const struct piece *piece, uint32_t c)
{
	switch (piece->kind) {
	case PIECE_CHAR:
		return piece->c == lower(c);
	case PIECE_ANY:
		return true;
	case PIECE_SET:
		return is_in_set(g, piece, c) != piece->is_negated;
	case PIECE_STAR:
	case PIECE_KIND_COUNT:
		break;
	}
	return false;
}

/* What a look at this piece costs. */
static uint64_t cost(const struct glob *g, size_t piece)
{
	return piece < g->n ? 1 + g->pieces[piece].n_ranges : 1;
}

int glob_match(const struct glob *g, struct str text, uint64_t *work)
{
	size_t at = 0;
	size_t piece = 0;
	size_t star =
		SIZE_MAX; /* the last one passed, and where in the text it stops for now */
	size_t star_at = 0;

	while (at < text.n) {
		size_t after = at;
		uint32_t c;

		if (*work < cost(g, piece))
			return -1;
		*work -= cost(g, piece);
		if (piece < g->n && g->pieces[piece].kind == PIECE_STAR) {
			star = piece++;
			star_at = at;
			if (piece == g->n)
				return 1;
			continue;
		}
		c = next_char(text, &after);
		if (piece < g->n && takes(g, &g->pieces[piece], c)) {
			piece++;
			at = after;
			continue;
		}
		if (star == SIZE_MAX)
			return 0;
		(void)next_char(text, &star_at);
		at = star_at;
		piece = star + 1;
	}
	while (piece < g->n && g->pieces[piece].kind == PIECE_STAR)
		piece++;
	return piece == g->n;
}
