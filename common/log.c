#include "common/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/journald.h"
#include "common/log_repeat.h"

/* The one piece of file-scope state in common/: a program has one log. */
static struct {
	const char *program;
	enum log_format format;
	enum log_level level;
	int journal;          /* a socket, or -1 */
	pthread_mutex_t lock; /* guards what follows */
	char *secrets[LOG_SECRETS_MAX];
	size_t n_secrets; /* given so far */
	struct log_repeat repeat;
} logger = { .program = "larder",
	     .level = LOG_LEVEL_INFO,
	     .journal = -1,
	     .lock = PTHREAD_MUTEX_INITIALIZER };

static _Thread_local char request[LOG_REQUEST_MAX + 1]; /* "": none */

static const struct {
	const char *name;
	char priority; /* as in syslog(3) */
} levels[] = {
	[LOG_LEVEL_ERROR] = { "error", '3' },
	[LOG_LEVEL_WARNING] = { "warning", '4' },
	[LOG_LEVEL_INFO] = { "info", '6' },
	[LOG_LEVEL_DEBUG] = { "debug", '7' },
};

static_assert(ARRAY_LEN(levels) == LOG_LEVEL_COUNT, "every level has a row");

void log_init(const char *program, enum log_format format, enum log_level level)
{
	logger.program = program;
	logger.format = format;
	logger.level = level;
	if (logger.journal < 0)
		logger.journal = journald_open();
}

void log_set_request(struct str id)
{
	id = str_sub(id, 0, LOG_REQUEST_MAX);
	if (id.n > 0)
		memcpy(request, id.p, id.n);
	request[id.n] = '\0';
}

static size_t count_secrets(void)
{
	return logger.n_secrets < LOG_SECRETS_MAX ? logger.n_secrets : LOG_SECRETS_MAX;
}

static bool is_hidden(struct str secret)
{
	for (size_t i = 0; i < count_secrets(); i++) {
		if (str_is_equal(secret, str_from(logger.secrets[i])))
			return true;
	}
	return false;
}

void log_hide(struct str secret)
{
	if (secret.n < LOG_SECRET_LEN_MIN)
		return;
	(void)pthread_mutex_lock(&logger.lock);
	if (!is_hidden(secret)) {
		size_t n = logger.n_secrets++;
		/* The first are the program's own and stay; later ones take turns. */
		size_t at =
			n < LOG_SECRETS_MAX
				? n
				: LOG_SECRETS_KEPT + n % (LOG_SECRETS_MAX - LOG_SECRETS_KEPT);

		free(logger.secrets[at]);
		logger.secrets[at] = str_dup(secret);
	}
	(void)pthread_mutex_unlock(&logger.lock);
}

/* The length of the secret that begins at `s`, or 0. */
static size_t secret_len(struct str s)
{
	for (size_t i = 0; i < count_secrets(); i++) {
		struct str secret = str_from(logger.secrets[i]);

		if (str_has_prefix(s, secret))
			return secret.n;
	}
	return 0;
}

/* One character, or one byte that is none; returns how many bytes of `text` it took. */
static size_t add_character(struct buf *line, struct str text)
{
	size_t n = str_utf8_sequence(text);
	unsigned char c = (unsigned char)text.p[0];
	bool is_json = logger.format == LOG_FORMAT_JSON;

	if (n == 0 && is_json)
		buf_add(line, S("\\ufffd"));
	else if (n == 0 || c < 0x20 || c == 0x7f)
		buf_addf(line, is_json ? "\\u%04x" : "\\x%02x", c);
	else if (is_json && (c == '"' || c == '\\'))
		buf_addf(line, "\\%c", c);
	else
		buf_add(line, str_sub(text, 0, n));
	return n > 0 ? n : 1;
}

/* Secrets are hidden before the text is cut, so that no part of one is left at the cut. */
static void add_escaped(struct buf *line, struct str text)
{
	size_t at = 0;

	while (at < text.n) {
		struct str rest = str_sub(text, at, text.n);
		size_t hidden = secret_len(rest);

		if (at >= LOG_LINE_MAX) {
			buf_add(line, S("..."));
			return;
		}
		if (hidden > 0)
			buf_add(line, S("[redacted]"));
		at += hidden > 0 ? hidden : add_character(line, rest);
	}
}

static void add_time(struct buf *line)
{
	struct timespec now;
	struct tm utc;
	char text[32] = "";

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (gmtime_r(&now.tv_sec, &utc) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
	buf_addf(line, "%s.%03ldZ", text, now.tv_nsec / 1000000);
}

/* With the lock held, as all below. `text` is foreign, in parts. */
static void add_line(struct buf *line, enum log_level level, struct str text)
{
	bool is_json = logger.format == LOG_FORMAT_JSON;

	if (is_json)
		buf_add(line, S("{\"time\":\""));
	add_time(line);
	if (is_json)
		buf_addf(line, "\",\"level\":\"%s\",\"program\":\"%s\",\"message\":\"",
			 levels[level].name, logger.program);
	else
		buf_addf(line, " %-7s %s: ", levels[level].name, logger.program);
	add_escaped(line, text);
	if (request[0] != '\0') {
		buf_add(line, is_json ? S("\",\"request_id\":\"") : S(" ["));
		add_escaped(line, str_from(request));
	}
	buf_add(line, is_json ? S("\"}\n") : request[0] != '\0' ? S("]\n") : S("\n"));
}

/* Escaped as text: no value has a line feed. */
static bool send_to_journal(struct buf *fields, enum log_level level, struct str text)
{
	buf_addf(fields, "PRIORITY=%c\nSYSLOG_IDENTIFIER=%s\n", levels[level].priority,
		 logger.program);
	if (request[0] != '\0') {
		buf_add(fields, S("LARDER_REQUEST_ID="));
		add_escaped(fields, str_from(request));
		buf_add(fields, S("\n"));
	}
	buf_add(fields, S("MESSAGE="));
	add_escaped(fields, text);
	buf_add(fields, S("\n"));
	return journald_send(logger.journal, buf_str(fields));
}

static void put(enum log_level level, struct str text)
{
	AUTO(buf) line = buf_new((size_t)LOG_LINE_MAX * 8);
	ssize_t ignored;

	/* Who asks for JSON wants it in the journal too, as the message. */
	if (logger.journal >= 0 && logger.format == LOG_FORMAT_TEXT &&
	    send_to_journal(line, level, text))
		return;
	buf_reset(line);
	add_line(line, level, text);
	ignored = write(STDERR_FILENO, buf_str(line).p, buf_str(line).n);
	(void)ignored;
}

static void tell_what_was_held_back(uint64_t now_ms)
{
	char text[LOG_REPEAT_TEXT_MAX];
	unsigned n;

	while ((n = log_repeat_take(&logger.repeat, now_ms, text)) > 0) {
		AUTO_CSTR more = mem_printf("%u more lines like this: %s", n, text);

		put(LOG_LEVEL_WARNING, str_from(more));
	}
}

/* Whoever asks for all (debug) gets all. */
static bool is_held_back(enum log_level level, const char *fmt, struct str text)
{
	uint64_t now_ms = clock_steady_ms();

	tell_what_was_held_back(now_ms);
	if (level == LOG_LEVEL_DEBUG)
		return false;
	return !log_repeat_may(&logger.repeat, log_repeat_key(text), LOG_REPEAT_MAX, text,
			       now_ms) ||
	       (request[0] != '\0' &&
		!log_repeat_may(&logger.repeat, log_repeat_key(str_from(fmt)) ^ 1,
				LOG_FLOOD_MAX, text, now_ms));
}

static void log_v(enum log_level level, bool is_record, const char *fmt, va_list args)
	PRINTF_LIKE(3, 0);

static void log_v(enum log_level level, bool is_record, const char *fmt, va_list args)
{
	int saved_errno = errno;
	AUTO(buf) text = NULL;

	if (level > logger.level)
		return;
	text = buf_new((size_t)LOG_LINE_MAX * 64);
	buf_addv(text, fmt, args);
	if (buf_is_overflown(text)) {
		buf_reset(text);
		buf_add(text, S("(a message too long to be logged)"));
	}
	(void)pthread_mutex_lock(&logger.lock);
	if (is_record || !is_held_back(level, fmt, buf_str(text)))
		put(level, buf_str(text));
	(void)pthread_mutex_unlock(&logger.lock);
	errno = saved_errno;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_v(level, false, fmt, args);
	va_end(args);
}

void log_record(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	log_v(LOG_LEVEL_INFO, true, fmt, args);
	va_end(args);
}
