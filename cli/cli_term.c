#include "cli/cli_term.h"

#include <errno.h>
#include <langinfo.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/error.h"

enum {
	COLUMNS_OTHERWISE = 80,
	ROWS_OTHERWISE = 24,
	SIZE_MAX_TRUSTED = 10000,
	DRAWN_MAX = 1024 * 1024,
};

#define CURSOR_HIDE "\x1b[?25l"
#define CURSOR_SHOW "\x1b[?25h"
#define CLEAR_LINE  "\x1b[K"
#define CLEAR_BELOW "\x1b[J"

/* While a frame of `drawn_rows` lines is on the screen, the (hidden) cursor stands at the start
 * of its first line. A terminal that is made narrower breaks the lines or cuts them, each kind
 * in its own way, but all keep the cursor on its character: the next frame begins there, and
 * what is below is cleared. */
struct cli_term {
	bool is_live;
	bool has_colour;
	bool is_hidden; /* the cursor */
	int signal_fd;
	sigset_t taken;
	size_t drawn_rows;
	struct buf *out;
};

/* --- what it is --- */

static size_t size_from_env(const char *name, size_t otherwise)
{
	uint64_t value;

	if (str_to_u64(str_from(getenv(name)), 1, SIZE_MAX_TRUSTED, &value) < 0)
		return otherwise;
	return (size_t)value;
}

static void get_size(int fd, size_t *ret_columns, size_t *ret_rows)
{
	struct winsize size = { .ws_col = 0 };

	(void)ioctl(fd, TIOCGWINSZ, &size);
	*ret_columns =
		size.ws_col > 0 ? size.ws_col : size_from_env("COLUMNS", COLUMNS_OTHERWISE);
	*ret_rows = size.ws_row > 0 ? size.ws_row : size_from_env("LINES", ROWS_OTHERWISE);
}

static int fd_of(enum cli_term_stream stream)
{
	return stream == CLI_TERM_OUT ? STDOUT_FILENO : STDERR_FILENO;
}

size_t cli_term_columns(enum cli_term_stream stream)
{
	size_t columns;
	size_t rows;

	if (isatty(fd_of(stream)) == 0)
		return 0;
	get_size(fd_of(stream), &columns, &rows);
	return columns;
}

bool cli_term_is_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static bool can_redraw(void)
{
	const char *kind = getenv("TERM");

	return isatty(STDOUT_FILENO) != 0 && kind != NULL && kind[0] != '\0' &&
	       strcmp(kind, "dumb") != 0;
}

static bool wants_colour(void)
{
	const char *no_colour = getenv("NO_COLOR");

	return no_colour == NULL || no_colour[0] == '\0';
}

/* --- life --- */

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

static void choose_signals(struct cli_term *term)
{
	static const int wanted[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP };

	(void)sigemptyset(&term->taken);
	(void)sigaddset(&term->taken, SIGWINCH);
	(void)sigaddset(&term->taken, SIGCONT);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (!is_ignored(wanted[i]))
			(void)sigaddset(&term->taken, wanted[i]);
	}
}

struct cli_term *cli_term_new(struct error *err)
{
	AUTO(cli_term) term = mem_alloc(sizeof(*term));

	term->signal_fd = -1;
	term->is_live = can_redraw();
	term->has_colour = term->is_live && wants_colour();
	term->out = buf_new(DRAWN_MAX);
	choose_signals(term);
	if (sigprocmask(SIG_BLOCK, &term->taken, NULL) < 0) {
		(void)error_set_errno(err, ERR_INTERNAL, "signals");
		return NULL;
	}
	term->signal_fd = signalfd(-1, &term->taken, SFD_CLOEXEC | SFD_NONBLOCK);
	if (term->signal_fd < 0) {
		(void)error_set_errno(err, ERR_INTERNAL, "signals");
		return NULL;
	}
	return MOVE(term);
}

bool cli_term_is_live(const struct cli_term *term)
{
	return term->is_live;
}

bool cli_term_has_colour(const struct cli_term *term)
{
	return term->has_colour;
}

void cli_term_size(const struct cli_term *term, size_t *ret_columns, size_t *ret_rows)
{
	(void)term;
	get_size(STDOUT_FILENO, ret_columns, ret_rows);
	*ret_columns -= *ret_columns > 1;
}

/* --- drawing --- */

/* All of it, or as much as the other side takes: nobody could be told about the rest. */
static void write_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t written = write(fd, bytes.p, bytes.n);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return;
		bytes = str_sub(bytes, (size_t)written, bytes.n);
	}
}

static void flush(struct cli_term *term)
{
	write_all(STDOUT_FILENO, buf_str(term->out));
	buf_reset(term->out);
}

static void go_up(struct cli_term *term, size_t rows)
{
	buf_add_char(term->out, '\r');
	if (rows > 0)
		buf_addf(term->out, "\x1b[%zuA", rows);
}

/* Line by line: what is cleared at one stroke from the top of the screen, tmux keeps among the
 * lines to scroll back to. */
static void take_away(struct cli_term *term)
{
	if (term->drawn_rows == 0)
		return;
	for (size_t i = 0; i < term->drawn_rows; i++)
		buf_add(term->out, i == 0 ? S("\r" CLEAR_LINE) : S("\r\n" CLEAR_LINE));
	buf_add(term->out, S(CLEAR_BELOW));
	go_up(term, term->drawn_rows - 1);
	term->drawn_rows = 0;
}

static void show_cursor(struct cli_term *term)
{
	if (term->is_hidden)
		buf_add(term->out, S(CURSOR_SHOW));
	term->is_hidden = false;
}

void cli_term_draw(struct cli_term *term, struct str frame)
{
	struct str line;
	size_t rows = 0;

	if (!term->is_live)
		return;
	(void)fflush(stdout);
	if (frame.n == 0) {
		take_away(term);
		flush(term);
		return;
	}
	if (!term->is_hidden)
		buf_add(term->out, S(CURSOR_HIDE));
	term->is_hidden = true;
	if (frame.p[frame.n - 1] == '\n')
		frame.n--;
	while (str_next(&frame, '\n', &line)) {
		buf_add(term->out, rows == 0 ? S("\r") : S("\r\n"));
		buf_add(term->out, line);
		buf_add(term->out, S(CLEAR_LINE));
		rows++;
	}
	buf_add(term->out, S(CLEAR_BELOW));
	go_up(term, rows - 1);
	flush(term);
	term->drawn_rows = rows;
}

void cli_term_print(struct cli_term *term, enum cli_term_stream stream, struct str text)
{
	size_t columns = cli_term_columns(stream);
	AUTO(buf) folded = buf_new(cli_text_folded_max(text, columns));

	cli_text_add_folded(folded, text, columns);
	(void)fflush(stdout);
	take_away(term);
	flush(term);
	write_all(fd_of(stream), buf_str(folded));
}

void cli_term_free(struct cli_term **term)
{
	if (*term == NULL)
		return;
	take_away(*term);
	show_cursor(*term);
	flush(*term);
	buf_free(&(*term)->out);
	fd_close(&(*term)->signal_fd);
	(void)sigprocmask(SIG_UNBLOCK, &(*term)->taken, NULL);
	free(*term);
	*term = NULL;
}

/* --- signals --- */

/* Ctrl-Z: leaves the terminal as it was found. */
static void stop(struct cli_term *term)
{
	take_away(term);
	show_cursor(term);
	flush(term);
	(void)raise(SIGSTOP);
}

static enum cli_term_event take_signal(struct cli_term *term, int *ret_signal)
{
	struct signalfd_siginfo info;

	if (read(term->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return CLI_TERM_TIME;
	switch (info.ssi_signo) {
	case SIGTSTP:
		stop(term);
		return CLI_TERM_RESIZE;
	case SIGWINCH:
	case SIGCONT:
		return CLI_TERM_RESIZE;
	default:
		*ret_signal = (int)info.ssi_signo;
		return CLI_TERM_END;
	}
}

enum cli_term_event cli_term_wait(struct cli_term *term, int timeout_ms, int *ret_signal)
{
	struct pollfd poll_fd = { .fd = term->signal_fd, .events = POLLIN };

	if (poll(&poll_fd, 1, timeout_ms) <= 0)
		return CLI_TERM_TIME;
	return take_signal(term, ret_signal);
}
