#include "cli/cli_table.h"

#include <stdlib.h>

#include "common/buf.h"

enum {
	GAP = 2,
	CELL_MAX = 64 * 1024,
	LINE_MAX_BYTES = 1024 * 1024,
};

struct cli_table {
	const struct cli_table_column *columns;
	size_t n_columns;
	char **cells; /* escaped */
	size_t n_cells;
	size_t cap;
};

/* How the columns are shown. */
struct layout {
	bool is_shown[CLI_TABLE_COLUMNS_MAX];
	size_t width[CLI_TABLE_COLUMNS_MAX];
};

struct cli_table *cli_table_new(const struct cli_table_column *columns, size_t n)
{
	struct cli_table *table = mem_alloc(sizeof(*table));

	assert(n > 0 && n <= CLI_TABLE_COLUMNS_MAX);
	table->columns = columns;
	table->n_columns = n;
	return table;
}

void cli_table_free(struct cli_table **table)
{
	if (*table == NULL)
		return;
	for (size_t i = 0; i < (*table)->n_cells; i++)
		free((*table)->cells[i]);
	free((*table)->cells);
	free(*table);
	*table = NULL;
}

void cli_table_add(struct cli_table *table, struct str text)
{
	AUTO(buf) cell = buf_new(CELL_MAX);

	cli_text_add_escaped(cell, text);
	table->cells =
		mem_grow(table->cells, table->n_cells, &table->cap, sizeof(*table->cells));
	table->cells[table->n_cells++] = buf_take(cell);
}

void cli_table_take(struct cli_table *table, struct buf *cell)
{
	cli_table_add(table, buf_str(cell));
	buf_reset(cell);
}

/* Each column as wide as its widest cell; without any cell it is not shown. */
static void measure(const struct cli_table *table, struct layout *ret)
{
	for (size_t i = 0; i < table->n_cells; i++) {
		size_t column = i % table->n_columns;
		size_t width = cli_text_width(str_from(table->cells[i]));

		if (width > ret->width[column])
			ret->width[column] = width;
	}
	for (size_t i = 0; i < table->n_columns; i++) {
		size_t title = cli_text_width(str_from(table->columns[i].title));

		ret->is_shown[i] = ret->width[i] > 0;
		if (title > ret->width[i])
			ret->width[i] = title;
	}
}

static size_t total_width(const struct cli_table *table, const struct layout *layout)
{
	size_t total = 0;

	for (size_t i = 0; i < table->n_columns; i++) {
		if (layout->is_shown[i])
			total += layout->width[i] + (total > 0 ? GAP : 0);
	}
	return total;
}

/* Cuts the widest columns until all fit; false when they cannot. */
static bool cut_to(const struct cli_table *table, struct layout *layout, size_t width,
		   bool cuts_copied)
{
	while (total_width(table, layout) > width) {
		size_t widest = table->n_columns;

		for (size_t i = 0; i < table->n_columns; i++) {
			size_t min = table->columns[i].width_min;

			if (table->columns[i].is_copied && !cuts_copied)
				continue;
			if (layout->is_shown[i] && min > 0 && layout->width[i] > min &&
			    (widest == table->n_columns ||
			     layout->width[i] > layout->width[widest]))
				widest = i;
		}
		if (widest == table->n_columns)
			return false;
		layout->width[widest]--;
	}
	return true;
}

/* Leaves out the column that is spared first; false when there is none left to spare. */
static bool spare_one(const struct cli_table *table, struct layout *layout)
{
	size_t first = table->n_columns;

	for (size_t i = 0; i < table->n_columns; i++) {
		if (layout->is_shown[i] && table->columns[i].spare > 0 &&
		    (first == table->n_columns ||
		     table->columns[i].spare > table->columns[first].spare))
			first = i;
	}
	if (first == table->n_columns)
		return false;
	layout->is_shown[first] = false;
	return true;
}

static void fit(const struct cli_table *table, struct layout *layout, size_t width)
{
	for (;;) {
		struct layout cut = *layout;

		if (cut_to(table, &cut, width, false)) {
			*layout = cut;
			return;
		}
		if (!spare_one(table, layout))
			break;
	}
	(void)cut_to(table, layout, width, true);
}

static void add_line(const struct cli_table *table, const struct layout *layout,
		     const char *const *cells, size_t width, bool is_utf8, struct buf *out)
{
	AUTO(buf) line = buf_new(LINE_MAX_BYTES);
	struct str text;

	for (size_t i = 0; i < table->n_columns; i++) {
		const struct cli_table_column *column = &table->columns[i];

		if (!layout->is_shown[i])
			continue;
		if (buf_str(line).n > 0)
			cli_text_add_spaces(line, GAP);
		cli_text_add_column(line, str_from(cells[i]), layout->width[i], column->align,
				    column->cut, is_utf8);
	}
	text = buf_str(line);
	while (text.n > 0 && text.p[text.n - 1] == ' ')
		text.n--;
	/* Only when not even the shortest form fits is anything cut here. */
	cli_text_add_fit(out, text, width > 0 ? width : SIZE_MAX, CLI_CUT_END, is_utf8);
	buf_add_char(out, '\n');
}

void cli_table_render(const struct cli_table *table, size_t width, bool is_utf8,
		      struct buf *out)
{
	const char *titles[CLI_TABLE_COLUMNS_MAX] = { NULL };
	struct layout layout = { .width = { 0 } };

	measure(table, &layout);
	if (width > 0)
		fit(table, &layout, width);
	for (size_t i = 0; i < table->n_columns; i++)
		titles[i] = table->columns[i].title;
	add_line(table, &layout, titles, width, is_utf8, out);
	for (size_t i = 0; i + table->n_columns <= table->n_cells; i += table->n_columns)
		add_line(table, &layout, (const char *const *)&table->cells[i], width, is_utf8,
			 out);
}
