#include "downloader/window.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

struct window {
	uint64_t size;
	window_read_fn *read;
	void *ctx;
	bool is_big_endian;
	uint64_t at;       /* of the next byte, in the file */
	uint64_t read_all; /* bytes that were read */
	uint64_t begin;    /* of what is held, in the file */
	size_t held;
	char bytes[WINDOW_BYTES];
};

struct window *window_new(uint64_t size, window_read_fn *read, void *ctx)
{
	struct window *w = (struct window *)(void *)mem_bytes(sizeof(*w));

	w->size = size;
	w->read = read;
	w->ctx = ctx;
	w->is_big_endian = false;
	w->at = 0;
	w->read_all = 0;
	w->begin = 0;
	w->held = 0;
	return w;
}

void window_free(struct window **window)
{
	free(*window);
	*window = NULL;
}

uint64_t window_at(const struct window *w)
{
	return w->at;
}

uint64_t window_left(const struct window *w)
{
	return w->size - w->at;
}

void window_set_big_endian(struct window *w, bool is_big_endian)
{
	w->is_big_endian = is_big_endian;
}

/* The next bytes, at least one. Returns how many are at *ret, or -1. */
static ssize_t look(struct window *w, const char **ret, struct error *err)
{
	uint64_t offset = w->at - w->begin;
	ssize_t n;

	if (w->at >= w->begin && offset < w->held) {
		*ret = w->bytes + offset;
		return (ssize_t)(w->held - offset);
	}
	if (w->read_all >= WINDOW_READ_MAX)
		return error_set(err, ERR_INVALID, "the header is longer than %d MiB",
				 WINDOW_READ_MAX >> 20);
	n = w->read(w->ctx, w->bytes, sizeof(w->bytes), w->at, err);
	if (n < 0)
		return -1;
	if (n == 0)
		return error_set(err, ERR_INVALID, "the file became shorter");
	w->begin = w->at;
	w->held = (size_t)n;
	w->read_all += (uint64_t)n;
	*ret = w->bytes;
	return n;
}

static int check_left(const struct window *w, uint64_t n, struct error *err)
{
	if (n > window_left(w))
		return error_set(err, ERR_INVALID, "the file ends inside its header");
	return 0;
}

int window_copy(struct window *w, char *to, size_t n, struct error *err)
{
	if (check_left(w, n, err) < 0)
		return -1;
	while (n > 0) {
		const char *bytes = NULL;
		ssize_t there = look(w, &bytes, err);
		size_t part;

		if (there < 0)
			return -1;
		part = (size_t)there < n ? (size_t)there : n;
		memcpy(to, bytes, part);
		to += part;
		n -= part;
		w->at += part;
	}
	return 0;
}

int window_skip(struct window *w, uint64_t n, struct error *err)
{
	if (check_left(w, n, err) < 0)
		return -1;
	w->at += n;
	return 0;
}

static int read_number(struct window *w, size_t n, uint64_t *ret, struct error *err)
{
	unsigned char bytes[8];
	uint64_t value = 0;

	if (window_copy(w, (char *)bytes, n, err) < 0)
		return -1;
	for (size_t i = 0; i < n; i++)
		value = value << 8 | bytes[w->is_big_endian ? i : n - 1 - i];
	*ret = value;
	return 0;
}

int window_u8(struct window *w, uint8_t *ret, struct error *err)
{
	uint64_t value;

	if (read_number(w, sizeof(*ret), &value, err) < 0)
		return -1;
	*ret = (uint8_t)value;
	return 0;
}

int window_u16(struct window *w, uint16_t *ret, struct error *err)
{
	uint64_t value;

	if (read_number(w, sizeof(*ret), &value, err) < 0)
		return -1;
	*ret = (uint16_t)value;
	return 0;
}

int window_u32(struct window *w, uint32_t *ret, struct error *err)
{
	uint64_t value;

	if (read_number(w, sizeof(*ret), &value, err) < 0)
		return -1;
	*ret = (uint32_t)value;
	return 0;
}

int window_u64(struct window *w, uint64_t *ret, struct error *err)
{
	return read_number(w, sizeof(*ret), ret, err);
}
