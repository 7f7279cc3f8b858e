/*
 * Facts as text for people: sizes, speeds, durations, and foreign text made safe to print; and
 * how many columns of a terminal a text takes.
 *
 * Everything is appended to a buf. Foreign text (names, messages of others) goes through
 * cli_text_add_escaped() before anything else here sees it.
 *
 * Pure. Any thread.
 */
#ifndef CLI_CLI_TEXT_H
#define CLI_CLI_TEXT_H

#include "common/base.h"

struct buf;

/* Where a text that is too long is cut. */
enum cli_cut {
	CLI_CUT_END,    /* sentences: what comes first matters most */
	CLI_CUT_MIDDLE, /* names: both ends tell them apart */
};

enum cli_align {
	CLI_ALIGN_LEFT,
	CLI_ALIGN_RIGHT,
};

/* "999 B", "1.2 kB", "12.3 GB", "123 GB": decimal units, at most three digits. */
void cli_text_add_size(struct buf *b, uint64_t bytes);

/* "1.2 of 4.4 GB": both in the unit of the total, at most 15 columns. */
void cli_text_add_part(struct buf *b, uint64_t done, uint64_t total);

/* "12.3 MB/s". */
void cli_text_add_speed(struct buf *b, uint64_t bps);

/* "5 s", "3 m 20 s", "2 h 5 m", "4 d 3 h", ">99 d": at most 9 columns. */
void cli_text_add_duration(struct buf *b, uint64_t seconds);

/* "2,500". */
void cli_text_add_number(struct buf *b, uint64_t n);

/* "1 file", "2 files", "2,500 files". */
void cli_text_add_count(struct buf *b, uint64_t n, const char *noun);

/* "7.2B", "340M": as models are named, of thousands; nothing for 0. */
void cli_text_add_parameters(struct buf *b, uint64_t parameters);

/* `s` with every byte that could move the cursor, break the line or reorder it as \xNN: control
 * characters (also those of U+0080..009F), bytes that are not UTF-8, line separators, and marks
 * that change the direction of writing. */
void cli_text_add_escaped(struct buf *b, struct str s);

/* Columns that escaped text takes: two for wide characters, none for combining ones. */
size_t cli_text_width(struct str s);

/* Escaped text in at most `width` columns; what is cut is marked with an ellipsis ("..." where
 * the terminal has no UTF-8). */
void cli_text_add_fit(struct buf *b, struct str s, size_t width, enum cli_cut cut,
		      bool is_utf8);

/* The same, filled with spaces to exactly `width` columns. */
void cli_text_add_column(struct buf *b, struct str s, size_t width, enum cli_align align,
			 enum cli_cut cut, bool is_utf8);

/* Escaped text as a paragraph and its "\n": broken between words so that no line takes more
 * than `width` columns (0: it is not broken), each but the first after `indent` spaces; the
 * first begins where the cursor is, at `indent`. A longer word is left whole. */
void cli_text_add_wrapped(struct buf *b, struct str s, size_t indent, size_t width);
/* Text of several lines with those that take more than `width` columns (0: none does) broken
 * between words; what goes on is put below what it goes on from: behind "label: " where the
 * line begins with a short one, else a little to the right. A longer word is left whole. */
void cli_text_add_folded(struct buf *b, struct str text, size_t width);
/* Bytes that the folded text has at most. */
size_t cli_text_folded_max(struct str text, size_t width);
void cli_text_add_spaces(struct buf *b, size_t n);

/* Bytes of "1500", "2MB", "1.5M", "500 kB/s": kB MB GB TB are powers of 1000, K M G T and KiB
 * MiB GiB TiB of 1024, with three decimals at most. 0, or -1 with *ret untouched. */
int cli_text_to_size(struct str s, uint64_t *ret) MUST_USE;

/* Unix milliseconds of an RFC 3339 time as larderd writes it ("2026-01-31T10:20:30.123Z", the
 * fraction may be absent): 0, or -1 with *ret_ms untouched. */
int cli_text_to_time(struct str s, int64_t *ret_ms) MUST_USE;

#endif
