/*
 * A growing run of bytes with a cap that is fixed when it is made. A write past the cap is not
 * done and is remembered: write ten times, test once with buf_is_overflown(). The bytes are
 * always followed by a NUL that is not counted.
 *
 * One owner, one thread at a time.
 */
#ifndef COMMON_BUF_H
#define COMMON_BUF_H

#include <stdarg.h>

#include "common/base.h"

struct buf;

/* An empty buffer that never holds more than `cap` bytes. */
struct buf *buf_new(size_t cap) __attribute__((returns_nonnull));
void buf_free(struct buf **b);

void buf_add(struct buf *b, struct str s);
void buf_add_char(struct buf *b, char c);
void buf_addf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_addv(struct buf *b, const char *fmt, va_list args) PRINTF_LIKE(2, 0);

/* `s` percent-encoded (RFC 3986): unreserved characters and those in `keep` stand as they are.
 */
void buf_add_percent(struct buf *b, struct str s, const char *keep);

/* Empty again, overflow forgotten, memory kept. */
void buf_reset(struct buf *b);

/* Drops the first `n` bytes. */
void buf_consume(struct buf *b, size_t n);

struct str buf_str(const struct buf *b);   /* borrowed until the next change */
const char *buf_cstr(const struct buf *b); /* the same bytes, NUL-terminated */
bool buf_is_overflown(const struct buf *b);

/* The bytes as a C string that the caller frees; the buffer is empty after. */
char *buf_take(struct buf *b) __attribute__((returns_nonnull));

#endif
