/*
 * The log: one line an event, to stderr, one write(2) each, so that lines of several threads
 * never mix; to journald, where stderr is its stream, with fields (PRIORITY,
 * LARDER_REQUEST_ID). Only programs log; the rest of common/ never does. An error is logged
 * once, where it is handled: subject, fact, reason ("job 17: retry in 30 s: hub answered 503").
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
	LOG_FORMAT_TEXT, /* "<time> info    larderd: text [request]" */
	LOG_FORMAT_JSON, /* {"time":"...","level":"info","program":"larderd","message":"...",
			    "request_id":"..."}, the last where there is a request */
	LOG_FORMAT_COUNT,
};

enum {
	LOG_LINE_MAX = 2048, /* longer messages are cut, and end with "..." */
	LOG_SECRETS_MAX = 32,
	LOG_SECRETS_KEPT = 8,   /* of these, the first, for good */
	LOG_REQUEST_MAX = 64,   /* bytes of a request's id; more is cut */
	LOG_SECRET_LEN_MIN = 6, /* shorter ones would blank ordinary words */
};

void log_init(const char *program, enum log_format format, enum log_level level);

/* Never lets `secret` (copied) appear in a line from here on. The first
 * LOG_SECRETS_KEPT are kept for good, the program's own; of later ones (the Hub's tokens) the
 * newest, LOG_SECRETS_MAX in all. */
void log_hide(struct str secret);

/* The lines of this thread belong to this request from here on; "": to none. Copied. */
void log_set_request(struct str id);

/* A line as printf(3) has it. One that repeats itself may be held back (log_repeat.h). */
void log_at(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A line that must not be missing, of level LOG_LEVEL_INFO: never held back. */
void log_record(const char *fmt, ...) PRINTF_LIKE(1, 2);

#define log_error(...)   log_at(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_at(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    log_at(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   log_at(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
