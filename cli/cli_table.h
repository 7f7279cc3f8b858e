/*
 * Rows and columns for people, made to fit a terminal: columns are as wide as their cells; when
 * that is too much, the widest ones that may be cut are cut, and when that does not help, the
 * columns that can be spared go, one by one. What one copies from is cut last. A column without
 * a single cell is not shown.
 *
 *	table = cli_table_new(columns, n);
 *	for each row: cli_table_add(table, cell) n times
 *	cli_table_render(table, width, is_utf8, out)
 *
 * Pure. One thread at a time.
 */
#ifndef CLI_CLI_TABLE_H
#define CLI_CLI_TABLE_H

#include "cli/cli_text.h"

struct buf;
struct cli_table;

struct cli_table_column {
	const char *title;
	enum cli_align align;
	size_t width_min; /* may be cut down to this; 0: is never cut */
	enum cli_cut cut;
	unsigned spare; /* 0: always shown; else the larger goes the sooner */
	bool is_copied; /* not cut before all that can be spared has gone */
};

enum {
	CLI_TABLE_COLUMNS_MAX = 12,
};

/* `columns` is borrowed for the life of the table; n <= CLI_TABLE_COLUMNS_MAX. */
struct cli_table *cli_table_new(const struct cli_table_column *columns, size_t n)
	__attribute__((returns_nonnull));
void cli_table_free(struct cli_table **table);

/* The next cell, row by row; the text is escaped. */
void cli_table_add(struct cli_table *table, struct str text);

/* The same, and empties `cell` for the next. */
void cli_table_take(struct cli_table *table, struct buf *cell);

/* The title line and the rows, each ended by "\n" and at most `width` columns wide; 0: as wide
 * as it gets. */
void cli_table_render(const struct cli_table *table, size_t width, bool is_utf8,
		      struct buf *out);

#endif
