/*
 * The log: one line an event, to stderr, one write(2) each, so that lines of several threads
 * never mix. Only programs log; the rest of common/ never does. An error is logged once, where
 * it is handled: subject, fact, reason ("job 17: retry in 30 s: hub answered 503").
 *
 * Foreign text is escaped: control characters become \xNN. Every secret given to log_hide() is
 * replaced by [redacted] wherever it appears. URLs are logged without their query by the caller
 * (hub_url_for_log).
 *
 * log_init() comes before the first thread; all else may be used from any thread.
 */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include "common/base.h"

enum log_level {
	LOG_LEVEL_ERROR,
	LOG_LEVEL_WARNING,
	LOG_LEVEL_INFO,
	LOG_LEVEL_DEBUG,
	LOG_LEVEL_COUNT,
};

enum log_format {
	LOG_FORMAT_TEXT, /* "<6>larderd: text" under a journal, with time and level elsewhere */
	LOG_FORMAT_JSON, /* {"time":"...","level":"info","program":"larderd","message":"..."} */
	LOG_FORMAT_COUNT,
};

enum {
	LOG_LINE_MAX = 2048, /* longer messages are cut, and end with "..." */
	LOG_SECRETS_MAX = 32,
	LOG_SECRETS_KEPT = 8,   /* of these, the first, for good */
	LOG_SECRET_LEN_MIN = 6, /* shorter ones would blank ordinary words */
};

void log_init(const char *program, enum log_format format, enum log_level level);

/* Never lets `secret` (copied) appear in a line from here on. The first
 * LOG_SECRETS_KEPT are kept for good, the program's own; of later ones (the Hub's tokens) the
 * newest, LOG_SECRETS_MAX in all. */
void log_hide(struct str secret);

void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...)   log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
