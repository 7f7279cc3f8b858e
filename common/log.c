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

/* The one piece of file-scope state in common/: a program has one log. */
static struct {
	const char *program;
	enum log_format format;
	enum log_level level;
	bool is_journal;
	pthread_mutex_t lock; /* guards what follows */
	char *secrets[LOG_SECRETS_MAX];
	size_t n_secrets; /* given so far */
} logger = { .program = "larder", .level = LOG_LEVEL_INFO, .lock = PTHREAD_MUTEX_INITIALIZER };

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
	logger.is_journal = getenv("JOURNAL_STREAM") != NULL;
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

static void add_head(struct buf *line, enum log_level level)
{
	if (logger.format == LOG_FORMAT_JSON) {
		buf_add(line, S("{\"time\":\""));
		add_time(line);
		buf_addf(line, "\",\"level\":\"%s\",\"program\":\"%s\",\"message\":\"",
			 levels[level].name, logger.program);
	} else if (logger.is_journal) {
		buf_addf(line, "<%c>%s: ", levels[level].priority, logger.program);
	} else {
		add_time(line);
		buf_addf(line, " %-7s %s: ", levels[level].name, logger.program);
	}
}

void log_at(enum log_level level, const char *fmt, ...)
{
	int saved_errno = errno;
	AUTO(buf) text = NULL;
	AUTO(buf) line = NULL;
	ssize_t ignored;
	va_list args;

	if (level > logger.level)
		return;
	text = buf_new((size_t)LOG_LINE_MAX * 64);
	va_start(args, fmt);
	buf_addv(text, fmt, args);
	va_end(args);
	if (buf_is_overflown(text)) {
		buf_reset(text);
		buf_add(text, S("(a message too long to be logged)"));
	}
	line = buf_new((size_t)LOG_LINE_MAX * 8);
	add_head(line, level);
	(void)pthread_mutex_lock(&logger.lock);
	add_escaped(line, buf_str(text));
	(void)pthread_mutex_unlock(&logger.lock);
	buf_add(line, logger.format == LOG_FORMAT_JSON ? S("\"}\n") : S("\n"));
	ignored = write(STDERR_FILENO, buf_str(line).p, buf_str(line).n);
	(void)ignored;
	errno = saved_errno;
}
