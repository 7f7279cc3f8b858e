#include "cli/cli_progress.h"

#include <string.h>

#include "cli/cli_download.h"
#include "cli/cli_text.h"
#include "common/buf.h"

enum {
	GAP = 2,
	NAME_MIN = 12,
	NAME_MAX = 48,
	BAR_MIN = 8,
	BAR_MAX = 60,
	PERCENT_WIDTH = 5, /* "100 %" */
	LEFT_WIDTH = 12,   /* "23 h 59 m", or "waiting 25 s" */
	SPEED_WIDTH = 9,   /* "12.3 MB/s" */
	PART_WIDTH = 15,   /* "12.3 of 45.6 GB" */
	PHASE_WIDTH = 12,  /* "12 not shown" */
};

#define COLOUR_BAR  "\x1b[36m"
#define COLOUR_REST "\x1b[2m"
#define COLOUR_HELD "\x1b[33m"
#define COLOUR_END  "\x1b[0m"

/* Widths of the columns; 0 is not shown. */
struct layout {
	size_t name;
	size_t bar;
	size_t percent;
	size_t part;
	size_t speed;
	size_t left;
	size_t phase;
};

/* One line, before it is laid out. */
struct line {
	struct buf *name;
	uint64_t done;
	uint64_t total;
	bool is_moving; /* speed and left are worth showing */
	uint64_t speed_bps;
	int64_t left_s;
	struct buf *phase;       /* beside speed and left, */
	struct buf *long_phase;  /* or in their place, when it fits, */
	struct buf *short_phase; /* or this */
};

static void line_clear(struct line *line)
{
	buf_free(&line->name);
	buf_free(&line->phase);
	buf_free(&line->long_phase);
	buf_free(&line->short_phase);
}

static void line_init(struct line *line)
{
	*line = (struct line){ .left_s = -1 };
	line->name = buf_new(CLI_WORDS_MAX);
	line->phase = buf_new(CLI_WORDS_MAX);
	line->long_phase = buf_new(CLI_WORDS_MAX);
	line->short_phase = buf_new(CLI_WORDS_MAX);
}

/* --- sums --- */

static struct json_object *at(struct json_object *downloads, size_t i)
{
	return json_object_array_get_idx(downloads, i);
}

static void add_one(struct cli_progress_sums *sums, struct json_object *download)
{
	sums->n++;
	sums->completed += cli_download_is_state(download, "completed");
	sums->failed += cli_download_is_state(download, "failed") ||
			cli_download_is_state(download, "cancelled");
	sums->busy += cli_download_is_busy(download);
	sums->speed_bps += cli_download_number(download, "speed_bps");
	sums->bytes_done += cli_download_number(download, "bytes_done");
	sums->bytes_total += cli_download_number(download, "bytes_total");
}

struct cli_progress_sums cli_progress_add_up(struct json_object *downloads)
{
	struct cli_progress_sums sums = { .left_s = -1 };
	uint64_t to_come = 0;

	for (size_t i = 0; i < json_object_array_length(downloads); i++) {
		struct json_object *download = at(downloads, i);
		uint64_t done = cli_download_number(download, "bytes_done");
		uint64_t total = cli_download_number(download, "bytes_total");

		add_one(&sums, download);
		if (!cli_download_is_final(download) && total > done)
			to_come += total - done;
	}
	sums.in_line = sums.n - sums.busy - sums.completed - sums.failed;
	if (sums.speed_bps > 0)
		sums.left_s = (int64_t)((to_come + sums.speed_bps - 1) / sums.speed_bps);
	return sums;
}

/* --- what fits --- */

static void claim(size_t *room, size_t *column, size_t width)
{
	if (*room >= width + GAP) {
		*column = width;
		*room -= width + GAP;
	}
}

static void grow(size_t *room, size_t *column, size_t max)
{
	size_t more = *column < max ? max - *column : 0;

	if (more > *room)
		more = *room;
	*column += more;
	*room -= more;
}

static struct layout lay_out(size_t columns, size_t name_wanted)
{
	struct layout layout = { .name = columns < NAME_MIN ? columns : NAME_MIN };
	size_t room = columns - layout.name;

	claim(&room, &layout.percent, PERCENT_WIDTH);
	claim(&room, &layout.left, LEFT_WIDTH);
	claim(&room, &layout.bar, BAR_MIN);
	claim(&room, &layout.speed, SPEED_WIDTH);
	claim(&room, &layout.part, PART_WIDTH);
	/* The phase says little that the others do not: the name goes before it. */
	if (name_wanted > NAME_MAX)
		name_wanted = NAME_MAX;
	if (room >= PHASE_WIDTH + GAP + (name_wanted > NAME_MIN ? name_wanted - NAME_MIN : 0))
		claim(&room, &layout.phase, PHASE_WIDTH);
	grow(&room, &layout.name, name_wanted);
	if (layout.bar > 0)
		grow(&room, &layout.bar, BAR_MAX);
	return layout;
}

/* --- drawing --- */

static void add_cells(struct buf *b, const char *cell, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add(b, str_from(cell));
}

/* Half cells are told apart where there is UTF-8. */
static void add_bar(struct buf *b, const struct line *line, size_t width,
		    const struct cli_progress_look *look)
{
	uint64_t done = line->done < line->total ? line->done : line->total;
	size_t halves = 0;
	size_t full;
	bool has_half;

	if (line->total > 0)
		halves = (size_t)((double)done / (double)line->total * (double)(2 * width));
	full = halves / 2;
	has_half = look->is_utf8 && halves % 2 == 1;
	buf_add(b, str_from(look->has_colour ? COLOUR_BAR : ""));
	add_cells(b, look->is_utf8 ? "\xe2\x94\x81" : "#", full);
	add_cells(b, "\xe2\x95\xb8", has_half);
	buf_add(b, str_from(look->has_colour ? COLOUR_END COLOUR_REST : ""));
	add_cells(b, look->is_utf8 ? "\xe2\x94\x80" : "-", width - full - has_half);
	buf_add(b, str_from(look->has_colour ? COLOUR_END : ""));
}

static void add_cell(struct buf *b, const struct buf *text, size_t width, enum cli_align align,
		     const struct cli_progress_look *look)
{
	cli_text_add_column(b, buf_str(text), width, align, CLI_CUT_END, look->is_utf8);
}

static void add_numbers(struct buf *b, const struct line *line, const struct layout *layout,
			const struct cli_progress_look *look)
{
	AUTO(buf) text = buf_new(256);
	int percent = cli_percent(line->done, line->total);

	if (layout->percent > 0) {
		if (percent >= 0)
			buf_addf(text, "%d %%", percent);
		cli_text_add_spaces(b, GAP);
		add_cell(b, text, layout->percent, CLI_ALIGN_RIGHT, look);
	}
	if (layout->part > 0) {
		buf_reset(text);
		if (line->total > 0)
			cli_text_add_part(text, line->done, line->total);
		cli_text_add_spaces(b, GAP);
		add_cell(b, text, layout->part, CLI_ALIGN_RIGHT, look);
	}
}

static void add_moving(struct buf *b, const struct line *line, const struct layout *layout,
		       const struct cli_progress_look *look)
{
	AUTO(buf) text = buf_new(256);

	if (layout->speed > 0) {
		cli_text_add_speed(text, line->speed_bps);
		cli_text_add_spaces(b, GAP);
		add_cell(b, text, layout->speed, CLI_ALIGN_RIGHT, look);
	}
	if (layout->left > 0) {
		buf_reset(text);
		if (line->left_s >= 0)
			cli_text_add_duration(text, (uint64_t)line->left_s);
		cli_text_add_spaces(b, GAP);
		add_cell(b, text, layout->left, CLI_ALIGN_LEFT, look);
	}
	if (layout->phase > 0) {
		cli_text_add_spaces(b, GAP);
		add_cell(b, line->phase, layout->phase, CLI_ALIGN_LEFT, look);
	}
}

/* The long form when it fits or the place is wide enough for a good part of it. */
static void add_held(struct buf *b, const struct line *line, const struct layout *layout,
		     const struct cli_progress_look *look)
{
	enum {
		GOOD_PART = 20
	};
	size_t width = layout->left;
	bool is_long;

	width += layout->speed > 0 ? layout->speed + GAP : 0;
	width += layout->phase > 0 ? layout->phase + GAP : 0;
	if (width == 0)
		return;
	is_long = width >= GOOD_PART || cli_text_width(buf_str(line->long_phase)) <= width;
	if (buf_str(line->short_phase).n == 0)
		return;
	cli_text_add_spaces(b, GAP);
	buf_add(b, str_from(look->has_colour ? COLOUR_HELD : ""));
	cli_text_add_fit(b, buf_str(is_long ? line->long_phase : line->short_phase), width,
			 CLI_CUT_END, look->is_utf8);
	buf_add(b, str_from(look->has_colour ? COLOUR_END : ""));
}

static void add_line(struct buf *b, const struct line *line, const struct layout *layout,
		     const struct cli_progress_look *look)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);
	struct str drawn;

	cli_text_add_column(text, buf_str(line->name), layout->name, CLI_ALIGN_LEFT,
			    CLI_CUT_MIDDLE, look->is_utf8);
	if (layout->bar > 0) {
		cli_text_add_spaces(text, GAP);
		add_bar(text, line, layout->bar, look);
	}
	add_numbers(text, line, layout, look);
	if (line->is_moving)
		add_moving(text, line, layout, look);
	else
		add_held(text, line, layout, look);
	drawn = buf_str(text);
	while (drawn.n > 0 && drawn.p[drawn.n - 1] == ' ')
		drawn.n--;
	buf_add(b, drawn);
	buf_add_char(b, '\n');
}

/* --- lines --- */

static void describe(struct line *line, struct json_object *download, int64_t now_ms)
{
	line_init(line);
	cli_download_add_name(line->name, download);
	line->done = cli_download_number(download, "bytes_done");
	line->total = cli_download_number(download, "bytes_total");
	line->speed_bps = cli_download_number(download, "speed_bps");
	line->left_s = json_get_int(download, "eta_s", -1);
	line->is_moving = cli_download_is_state(download, "downloading") && line->speed_bps > 0;
	cli_download_add_phase(line->phase, download, CLI_PHASE_SHORT, now_ms);
	cli_download_add_phase(line->long_phase, download, CLI_PHASE_LONG, now_ms);
	buf_add(line->short_phase, buf_str(line->phase));
}

static void describe_total(struct line *line, const struct cli_progress_sums *sums,
			   size_t hidden)
{
	line_init(line);
	buf_addf(line->name, "total, %zu of %zu done", sums->completed, sums->n);
	line->done = sums->bytes_done;
	line->total = sums->bytes_total;
	line->speed_bps = sums->speed_bps;
	line->left_s = sums->left_s;
	line->is_moving = sums->speed_bps > 0;
	if (sums->failed > 0)
		buf_addf(line->phase, "%zu failed", sums->failed);
	else if (hidden > 0)
		buf_addf(line->phase, "%zu not shown", hidden);
	else if (sums->in_line > 0)
		buf_addf(line->phase, "%zu queued", sums->in_line);
	buf_add(line->long_phase, buf_str(line->phase));
	buf_add(line->short_phase, buf_str(line->phase));
}

/* The lines to come, so that all share one layout: whoever is busy, or, while nobody is, the
 * first that is in line. */
static bool is_shown(struct json_object *download, const struct cli_progress_sums *sums)
{
	return cli_download_is_busy(download) ||
	       (sums->n == 1 && !cli_download_is_final(download));
}

static size_t widest_name(struct json_object *downloads, const struct cli_progress_sums *sums)
{
	AUTO(buf) name = buf_new(CLI_WORDS_MAX);
	size_t widest = sums->n > 1 ? sizeof("total, 100 of 100 done") - 1 : 0;

	for (size_t i = 0; i < sums->n; i++) {
		size_t width;

		if (!is_shown(at(downloads, i), sums))
			continue;
		buf_reset(name);
		cli_download_add_name(name, at(downloads, i));
		width = cli_text_width(buf_str(name));
		if (width > widest)
			widest = width;
	}
	return widest;
}

void cli_progress_render(struct buf *b, struct json_object *downloads,
			 const struct cli_progress_look *look)
{
	struct cli_progress_sums sums = cli_progress_add_up(downloads);
	struct layout layout = lay_out(look->columns, widest_name(downloads, &sums));
	size_t room = look->rows;
	size_t hidden = 0;
	struct line line;

	if (sums.completed + sums.failed == sums.n || room == 0)
		return;
	room -= look->notice != NULL;
	room -= room > 0 && sums.n > 1;
	for (size_t i = 0; i < sums.n; i++) {
		if (!is_shown(at(downloads, i), &sums))
			continue;
		if (room == 0) {
			hidden++;
			continue;
		}
		room--;
		describe(&line, at(downloads, i), look->now_ms);
		add_line(b, &line, &layout, look);
		line_clear(&line);
	}
	if (sums.n > 1 && look->rows > (look->notice != NULL)) {
		describe_total(&line, &sums, hidden);
		add_line(b, &line, &layout, look);
		line_clear(&line);
	}
	if (look->notice != NULL) {
		cli_text_add_fit(b, str_from(look->notice), look->columns, CLI_CUT_END,
				 look->is_utf8);
		buf_add_char(b, '\n');
	}
}

void cli_progress_add_line(struct buf *b, struct json_object *downloads)
{
	struct cli_progress_sums sums = cli_progress_add_up(downloads);
	int percent = cli_percent(sums.bytes_done, sums.bytes_total);

	if (sums.n > 1)
		buf_addf(b, "%zu of %zu done", sums.completed, sums.n);
	if (percent >= 0) {
		buf_addf(b, "%s%d %%, ", sums.n > 1 ? ", " : "", percent);
		cli_text_add_part(b, sums.bytes_done, sums.bytes_total);
	}
	if (sums.speed_bps > 0) {
		buf_add(b, S(", "));
		cli_text_add_speed(b, sums.speed_bps);
	}
	if (sums.left_s >= 0) {
		buf_add(b, S(", "));
		cli_text_add_duration(b, (uint64_t)sums.left_s);
		buf_add(b, S(" left"));
	}
}
