/*
 * The map is a list of spans, in order, without gap or overlap, that together are the file.
 * Neighbours of one kind are one span, except RUNNING ones, which are told apart by who brings
 * them. So the list is as long as there are connections, not as the file is large.
 */
#include "downloader/segments.h"

#include <stdlib.h>
#include <string.h>

enum {
	SECONDS_A_PIECE = 4,
	CUT_ALIGN = 64 * 1024, /* where a piece may be cut: no reason to write odd blocks */
};

enum kind {
	FREE,
	CLAIMED,
	RUNNING,
	HERE,
};

struct span {
	enum kind kind;
	uint64_t first;
	uint64_t at; /* RUNNING */
	uint64_t end;
};

struct segments {
	uint64_t size;
	struct span *spans;
	size_t n;
	size_t cap;
};

struct segments *segments_new(uint64_t size)
{
	struct segments *s = mem_alloc(sizeof(*s));

	assert(size > 0);
	s->size = size;
	s->spans = mem_grow(s->spans, s->n, &s->cap, sizeof(*s->spans));
	s->spans[s->n++] = (struct span){ .kind = FREE, .first = 0, .end = size };
	return s;
}

void segments_free(struct segments **segments)
{
	if (*segments == NULL)
		return;
	free((*segments)->spans);
	free(*segments);
	*segments = NULL;
}

/* --- the list --- */

/* The span that holds the byte `at`. */
static size_t find(const struct segments *s, uint64_t at)
{
	size_t low = 0;
	size_t high = s->n;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (s->spans[middle].first <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

static struct span *find_running(const struct segments *s, uint64_t first)
{
	struct span *span = &s->spans[find(s, first)];

	assert(span->kind == RUNNING && span->first == first);
	return span;
}

/* A span begins at `at`, if that is inside the file. */
static void split_at(struct segments *s, uint64_t at)
{
	size_t i = at < s->size ? find(s, at) : 0;

	if (at >= s->size || s->spans[i].first == at)
		return;
	s->spans = mem_grow(s->spans, s->n, &s->cap, sizeof(*s->spans));
	memmove(&s->spans[i + 2], &s->spans[i + 1], (s->n - i - 1) * sizeof(*s->spans));
	s->spans[i + 1] = s->spans[i];
	s->spans[i].end = at;
	s->spans[i + 1].first = at;
	s->n++;
}

static void drop(struct segments *s, size_t from, size_t n)
{
	memmove(&s->spans[from], &s->spans[from + n], (s->n - from - n) * sizeof(*s->spans));
	s->n -= n;
}

/* Joins span `i` with the one after it, if they are of one kind. */
static void join(struct segments *s, size_t i)
{
	if (i + 1 >= s->n || s->spans[i].kind != s->spans[i + 1].kind ||
	    s->spans[i].kind == RUNNING)
		return;
	s->spans[i].end = s->spans[i + 1].end;
	drop(s, i + 1, 1);
}

/* [first, end) becomes one span of `kind`, whatever it was. */
static void paint(struct segments *s, uint64_t first, uint64_t end, enum kind kind)
{
	size_t i;
	size_t last;

	if (first == end)
		return;
	split_at(s, first);
	split_at(s, end);
	i = find(s, first);
	last = find(s, end - 1);
	drop(s, i + 1, last - i);
	s->spans[i] = (struct span){ .kind = kind, .first = first, .at = first, .end = end };
	join(s, i);
	if (i > 0)
		join(s, i - 1);
}

/* --- claims --- */

bool segments_claim(struct segments *s, uint64_t first, uint64_t end)
{
	const struct span *span;

	if (first >= end || end > s->size)
		return false;
	span = &s->spans[find(s, first)];
	if (span->kind != FREE || span->end < end)
		return false;
	paint(s, first, end, CLAIMED);
	return true;
}

void segments_settle(struct segments *s, uint64_t first, uint64_t end, bool is_here)
{
	assert(s->spans[find(s, first)].kind == CLAIMED);
	paint(s, first, end, is_here ? HERE : FREE);
}

/* --- pieces that run --- */

bool segments_take(struct segments *s, uint64_t length, struct segment *ret)
{
	for (size_t i = 0; i < s->n; i++) {
		struct span span = s->spans[i];
		uint64_t end;

		if (span.kind != FREE)
			continue;
		end = span.end - span.first <= length + length / 4 ? span.end
								   : span.first + length;
		paint(s, span.first, end, RUNNING);
		*ret = (struct segment){ .first = span.first, .at = span.first, .end = end };
		return true;
	}
	return false;
}

bool segments_longest(const struct segments *s, struct segment *ret)
{
	const struct span *longest = NULL;
	uint64_t middle;

	for (size_t i = 0; i < s->n; i++) {
		const struct span *span = &s->spans[i];

		if (span->kind == RUNNING &&
		    (longest == NULL || span->end - span->at > longest->end - longest->at))
			longest = span;
	}
	if (longest == NULL || longest->end - longest->at < 2 * (uint64_t)SEGMENT_LEAST)
		return false;
	middle = longest->at + (longest->end - longest->at) / 2;
	*ret = (struct segment){ .first = longest->first,
				 .at = longest->at,
				 .end = middle - middle % CUT_ALIGN };
	return true;
}

void segments_cut(struct segments *s, uint64_t first, uint64_t middle, struct segment *ret)
{
	struct span *span = find_running(s, first);
	struct span whole = *span;

	assert(middle >= whole.at && middle > whole.first && middle < whole.end);
	split_at(s, middle);
	s->spans[find(s, middle)].at = middle;
	*ret = (struct segment){ .first = middle, .at = middle, .end = whole.end };
}

void segments_reach(struct segments *s, uint64_t first, uint64_t at)
{
	struct span *span = find_running(s, first);

	assert(at >= span->at && at <= span->end);
	span->at = at;
}

void segments_end(struct segments *s, uint64_t first, uint64_t at)
{
	uint64_t end = find_running(s, first)->end;

	assert(at >= first && at <= end);
	paint(s, at, end, FREE);
	paint(s, first, at, HERE);
}

/* --- what there is --- */

uint64_t segments_frontier(const struct segments *s)
{
	uint64_t frontier = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct span *span = &s->spans[i];

		if (span->kind == HERE)
			frontier = span->end;
		else if (span->kind == RUNNING && span->at == span->end)
			frontier = span->end;
		else
			return span->kind == RUNNING ? span->at : frontier;
	}
	return frontier;
}

uint64_t segments_here(const struct segments *s)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < s->n; i++) {
		const struct span *span = &s->spans[i];

		if (span->kind == HERE)
			bytes += span->end - span->first;
		else if (span->kind == RUNNING)
			bytes += span->at - span->first;
	}
	return bytes;
}

bool segments_has_free(const struct segments *s)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->spans[i].kind == FREE)
			return true;
	}
	return false;
}

bool segments_is_whole(const struct segments *s)
{
	return s->n == 1 && s->spans[0].kind == HERE;
}

static uint64_t count_free(const struct segments *s)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < s->n; i++) {
		if (s->spans[i].kind == FREE)
			bytes += s->spans[i].end - s->spans[i].first;
	}
	return bytes;
}

uint64_t segments_length(const struct segments *s, uint64_t rate_bps, size_t lanes)
{
	uint64_t length = rate_bps * SECONDS_A_PIECE;
	uint64_t share = count_free(s) / (2 * (lanes > 0 ? lanes : 1));

	if (length > SEGMENT_MOST)
		length = SEGMENT_MOST;
	if (length < SEGMENT_USUAL)
		length = SEGMENT_USUAL;
	if (length > share)
		length = share;
	length -= length % CUT_ALIGN;
	if (s->size <= SEGMENT_USUAL)
		return s->size;
	return length > SEGMENT_SHORT ? length : SEGMENT_SHORT;
}
