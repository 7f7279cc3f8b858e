/*
 * A frame of the progress display: one line for each download that is busy, and one for all of
 * them when there are several. Made from larderd's JSON for a given width and moment; putting
 * it on a terminal is cli_term.h.
 *
 *   acme/tiny-7b Q4_K_M  ━━━━━━━╸─────   45 %  1.2 of 4.4 GB  12.3 MB/s  3 m 20 s  downloading
 *   total, 1 of 3 done   ━━━━━━━━╸────   62 %   12 of 20.1 GB  12.3 MB/s  8 m 2 s   1 in the
 * queue
 *
 * What fits is decided by the width alone, so that columns stay where they are: the name and
 * the percentage always, then the time left, the bar, the speed, the bytes, the phase. A
 * download that does not get bytes says why in the place of speed, time and phase.
 *
 * Pure. Any thread.
 */
#ifndef CLI_CLI_PROGRESS_H
#define CLI_CLI_PROGRESS_H

#include "common/json.h"

struct buf;

struct cli_progress_look {
	size_t columns; /* no line is wider, escape sequences not counted */
	size_t rows;    /* nor are there more lines */
	bool is_utf8;   /* else the bar is made of # and - */
	bool has_colour;
	int64_t now_ms;     /* unix */
	const char *notice; /* a line of its own below, or NULL */
};

/* What all downloads of an array come to. */
struct cli_progress_sums {
	size_t n;
	size_t completed;
	size_t failed; /* and cancelled */
	size_t in_line;
	size_t busy;
	uint64_t bytes_done;
	uint64_t bytes_total; /* of those whose total is known */
	uint64_t speed_bps;
	int64_t left_s; /* -1: not known */
};

struct cli_progress_sums cli_progress_add_up(struct json_object *downloads);

/* Appends the frame, each line ended by "\n"; nothing when all downloads are final. */
void cli_progress_render(struct buf *b, struct json_object *downloads,
			 const struct cli_progress_look *look);

/* The whole in one plain line without "\n": "45 %, 1.2 of 4.4 GB, 12.3 MB/s, 3 m 20 s left". */
void cli_progress_add_line(struct buf *b, struct json_object *downloads);

#endif
