#include "common/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct buf {
	char *p;
	size_t n;
	size_t room; /* bytes allocated, the NUL included */
	size_t cap;
	bool overflown;
};

struct buf *buf_new(size_t cap)
{
	struct buf *b = mem_alloc(sizeof(*b));

	b->cap = cap;
	b->room = cap < 64 ? cap + 1 : 64;
	b->p = mem_alloc(b->room);
	return b;
}

void buf_free(struct buf **b)
{
	if (*b == NULL)
		return;
	free((*b)->p);
	free(*b);
	*b = NULL;
}

/* Room for `n` more bytes and the NUL: false, and overflown, when the cap forbids it. */
static bool make_room(struct buf *b, size_t n)
{
	size_t need;

	if (b->overflown || n > b->cap - b->n) {
		b->overflown = true;
		return false;
	}
	need = b->n + n + 1;
	if (need <= b->room)
		return true;
	b->room = b->room * 2 > need ? b->room * 2 : need;
	if (b->room > b->cap + 1)
		b->room = b->cap + 1;
	b->p = mem_resize(b->p, b->room, 1);
	return true;
}

void buf_add(struct buf *b, struct str s)
{
	if (s.n == 0 || !make_room(b, s.n))
		return;
	memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
	b->p[b->n] = '\0';
}

void buf_add_char(struct buf *b, char c)
{
	buf_add(b, (struct str){ .p = &c, .n = 1 });
}

void buf_addv(struct buf *b, const char *fmt, va_list args)
{
	va_list again;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	if (len > 0 && make_room(b, (size_t)len)) {
		(void)vsnprintf(b->p + b->n, (size_t)len + 1, fmt, again);
		b->n += (size_t)len;
	}
	va_end(again);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	buf_addv(b, fmt, args);
	va_end(args);
}

void buf_add_percent(struct buf *b, struct str s, const char *keep)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (char_is_alnum(c) || (c != '\0' && strchr("-._~", c) != NULL) ||
		    (c != '\0' && strchr(keep, c) != NULL))
			buf_add_char(b, c);
		else
			buf_addf(b, "%%%02X", (unsigned)(unsigned char)c);
	}
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->p[0] = '\0';
	b->overflown = false;
}

void buf_consume(struct buf *b, size_t n)
{
	if (n > b->n)
		n = b->n;
	memmove(b->p, b->p + n, b->n - n + 1);
	b->n -= n;
}

struct str buf_str(const struct buf *b)
{
	return (struct str){ .p = b->p, .n = b->n };
}

const char *buf_cstr(const struct buf *b)
{
	return b->p;
}

bool buf_is_overflown(const struct buf *b)
{
	return b->overflown;
}

char *buf_take(struct buf *b)
{
	char *text = str_dup(buf_str(b));

	buf_reset(b);
	return text;
}
