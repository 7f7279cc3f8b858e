/*
 * Reading the head of a file that nobody vouches for: numbers, strings and skips, from the
 * beginning on, each checked against what is left of the file before it is believed. Nothing
 * that the file says makes it ask for memory, and a head that would have to be read for longer
 * than WINDOW_READ_MAX is an error.
 *
 * Pure: the bytes come through a function of the caller's. One thread at a time.
 */
#ifndef DOWNLOADER_WINDOW_H
#define DOWNLOADER_WINDOW_H

#include <sys/types.h>

#include "common/base.h"

struct error;
struct window;

enum {
	WINDOW_BYTES = 64 * 1024, /* that are held in memory */
	/* That are read of one file, skips not counted: tokenizers make heads of some ten
	 * megabytes, and the Hub's own reader stops at 50 (HUB-API 11.4). */
	WINDOW_READ_MAX = 64 * 1024 * 1024,
};

/* Reads at most `room` bytes from offset `at`: how many (0 at the end), or -1. */
typedef ssize_t window_read_fn(void *ctx, char *to, size_t room, uint64_t at,
			       struct error *err);

/* `size` is that of the file. */
struct window *window_new(uint64_t size, window_read_fn *read, void *ctx)
	__attribute__((returns_nonnull));
void window_free(struct window **window);

uint64_t window_at(const struct window *window);
uint64_t window_left(const struct window *window); /* bytes of the file after that */

/* Numbers are little-endian from here on, or big-endian. */
void window_set_big_endian(struct window *window, bool is_big_endian);

/* Each moves on past what it reads. -1 with ERR_INVALID at the end of the file and where too
 * much has been read, or with the reason that `read` gave. */
int window_u8(struct window *window, uint8_t *ret, struct error *err) MUST_USE;
int window_u16(struct window *window, uint16_t *ret, struct error *err) MUST_USE;
int window_u32(struct window *window, uint32_t *ret, struct error *err) MUST_USE;
int window_u64(struct window *window, uint64_t *ret, struct error *err) MUST_USE;
int window_copy(struct window *window, char *to, size_t n, struct error *err) MUST_USE;
int window_skip(struct window *window, uint64_t n, struct error *err) MUST_USE;

#endif
