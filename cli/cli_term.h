/*
 * Standard output as a terminal: what it can do, how wide it is, a frame that is redrawn in
 * place, and signals, which arrive as events between two frames and never in the middle of one.
 *
 *	term = cli_term_new()
 *	until done: cli_term_draw(term, frame); cli_term_wait(term, ms, &signal)
 *	cli_term_print(term, CLI_TERM_OUT, line)       a line that stays, above the frame
 *	cli_term_free(&term)                           takes the frame away, shows the cursor
 *
 * While it lives the cursor is hidden from the first frame on, and the signals that end, stop
 *or resize the program are held back until cli_term_wait(); those that the parent had ignored
 * (nohup) stay ignored. Ctrl-Z shows the cursor before it stops. Not a terminal, or TERM=dumb:
 * nothing is drawn, and the rest works.
 *
 * One a process, one thread.
 */
#ifndef CLI_CLI_TERM_H
#define CLI_CLI_TERM_H

#include "common/base.h"

struct cli_term;
struct error;

enum cli_term_stream {
	CLI_TERM_OUT,
	CLI_TERM_ERR,
};

enum cli_term_event {
	CLI_TERM_TIME,   /* the time has passed */
	CLI_TERM_RESIZE, /* another size, or back from a stop: draw again */
	CLI_TERM_END,    /* *ret_signal asks the program to end */
};

/* For what is printed once: columns of that output, 0 when it is no terminal; and whether the
 * locale has UTF-8 (setlocale() has been called). */
size_t cli_term_columns(enum cli_term_stream stream);
bool cli_term_is_utf8(void);

struct cli_term *cli_term_new(struct error *err);
void cli_term_free(struct cli_term **term);

/* Frames can be drawn; colours are welcome (NO_COLOR is not set). */
bool cli_term_is_live(const struct cli_term *term);
bool cli_term_has_colour(const struct cli_term *term);

/* The present size; the columns are one fewer than there are, since a full line wraps on some
 * terminals. */
void cli_term_size(const struct cli_term *term, size_t *ret_columns, size_t *ret_rows);

/* Puts `frame` (lines ended by "\n", each no wider than the terminal) where the last one was.
 * An empty frame only takes the last away. */
void cli_term_draw(struct cli_term *term, struct str frame);

/* Takes the frame away and prints `text` in its place. */
void cli_term_print(struct cli_term *term, enum cli_term_stream stream, struct str text);

enum cli_term_event cli_term_wait(struct cli_term *term, int timeout_ms, int *ret_signal);

#endif
