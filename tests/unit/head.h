/* The head of a model file, put together piece by piece, and a window over it. */
#ifndef TESTS_UNIT_HEAD_H
#define TESTS_UNIT_HEAD_H

#include <string.h>

#include "common/error.h"
#include "downloader/window.h"

struct head {
	unsigned char bytes[16 * 1024];
	size_t n;
	uint64_t size; /* of the file; 0: just these bytes */
	bool is_big_endian;
	size_t at_once; /* so many bytes are read at most; 0: all */
};

static inline void head_bytes(struct head *head, struct str bytes)
{
	assert(head->n + bytes.n <= sizeof(head->bytes));
	memcpy(head->bytes + head->n, bytes.p, bytes.n);
	head->n += bytes.n;
}

static inline void head_number(struct head *head, size_t width, uint64_t value)
{
	for (size_t i = 0; i < width; i++) {
		size_t shift = 8 * (head->is_big_endian ? width - 1 - i : i);
		char byte = (char)(unsigned char)(value >> shift);

		head_bytes(head, (struct str){ &byte, 1 });
	}
}

static inline ssize_t head_read(void *ctx, char *to, size_t room, uint64_t at,
				struct error *err)
{
	const struct head *head = ctx;
	size_t n;

	(void)err;
	if (at >= head->n)
		return 0;
	n = head->n - (size_t)at < room ? head->n - (size_t)at : room;
	n = head->at_once > 0 && n > head->at_once ? head->at_once : n;
	memcpy(to, head->bytes + at, n);
	return (ssize_t)n;
}

static inline struct window *head_window(struct head *head)
{
	return window_new(head->size > 0 ? head->size : head->n, head_read, head);
}

#endif
