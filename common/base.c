#include "common/base.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Without the log's help, which may be what is broken. */
static void say_last_words(const char *text)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));

	(void)ignored;
}

NO_RETURN void bug(const char *what)
{
	say_last_words("a bug in Larder: ");
	say_last_words(what);
	say_last_words("\n");
	abort();
}

static NO_RETURN void out_of_memory(void)
{
	say_last_words("out of memory\n");
	abort();
}

void *mem_alloc(size_t size)
{
	return mem_array(1, size);
}

char *mem_bytes(size_t size)
{
	return mem_resize(NULL, size, 1);
}

void *mem_array(size_t count, size_t size)
{
	void *p = calloc(count > 0 ? count : 1, size > 0 ? size : 1);

	if (p == NULL)
		out_of_memory();
	return p;
}

void *mem_resize(void *p, size_t count, size_t size)
{
	void *q = reallocarray(p, count > 0 ? count : 1, size > 0 ? size : 1);

	if (q == NULL)
		out_of_memory();
	return q;
}

void *mem_grow(void *p, size_t count, size_t *cap, size_t size)
{
	if (count < *cap && p != NULL)
		return p;
	*cap = *cap < 8 ? 8 : *cap * 2;
	return mem_resize(p, *cap, size);
}

char *mem_strdup(const char *s)
{
	return s == NULL ? NULL : str_dup(str_from(s));
}

char *mem_printf(const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		out_of_memory();
	va_end(args);
	return text;
}

void mem_free_cstr(char **p)
{
	free(*p);
	*p = NULL;
}

void fd_close(int *fd)
{
	int saved_errno = errno;

	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
	errno = saved_errno;
}

struct str str_from(const char *cstr)
{
	if (cstr == NULL)
		return (struct str){ .p = NULL, .n = 0 };
	return (struct str){ .p = cstr, .n = strlen(cstr) };
}

char *str_dup(struct str s)
{
	char *copy = mem_alloc(s.n + 1);

	if (s.n > 0)
		memcpy(copy, s.p, s.n);
	return copy;
}

bool char_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

bool char_is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool char_is_alnum(char c)
{
	return char_is_digit(c) || char_is_alpha(c);
}

char char_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

int str_compare(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool str_is_equal(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool str_is_equal_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++) {
		if (char_lower(a.p[i]) != char_lower(b.p[i]))
			return false;
	}
	return true;
}

bool str_has_prefix(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_is_equal(str_sub(s, 0, prefix.n), prefix);
}

bool str_has_prefix_nocase(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_is_equal_nocase(str_sub(s, 0, prefix.n), prefix);
}

bool str_has_suffix(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_is_equal(str_sub(s, s.n - suffix.n, s.n), suffix);
}

bool str_has_suffix_nocase(struct str s, struct str suffix)
{
	return s.n >= suffix.n && str_is_equal_nocase(str_sub(s, s.n - suffix.n, s.n), suffix);
}

size_t str_find_char(struct str s, char c)
{
	const char *hit = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

	return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

size_t str_rfind_char(struct str s, char c)
{
	const char *hit = s.n > 0 ? memrchr(s.p, c, s.n) : NULL;

	return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

size_t str_find(struct str s, struct str needle)
{
	const char *hit;

	if (needle.n == 0)
		return 0;
	hit = s.n > 0 ? memmem(s.p, s.n, needle.p, needle.n) : NULL;
	return hit != NULL ? (size_t)(hit - s.p) : s.n;
}

size_t str_find_nocase(struct str s, struct str needle)
{
	if (needle.n == 0)
		return 0;
	for (size_t i = 0; i + needle.n <= s.n; i++) {
		if (str_is_equal_nocase(str_sub(s, i, i + needle.n), needle))
			return i;
	}
	return s.n;
}

struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){ .p = s.p == NULL ? NULL : s.p + from, .n = to - from };
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	size_t from = 0;
	size_t to = s.n;

	while (from < to && is_space(s.p[from]))
		from++;
	while (to > from && is_space(s.p[to - 1]))
		to--;
	return str_sub(s, from, to);
}

bool str_next(struct str *rest, char sep, struct str *ret_part)
{
	size_t at;

	if (rest->p == NULL)
		return false;
	at = str_find_char(*rest, sep);
	*ret_part = str_sub(*rest, 0, at);
	if (at < rest->n)
		*rest = str_sub(*rest, at + 1, rest->n);
	else
		*rest = (struct str){ .p = NULL, .n = 0 };
	return true;
}

int str_to_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t value = 0;

	if (s.n == 0)
		return -1;
	for (size_t i = 0; i < s.n; i++) {
		if (!char_is_digit(s.p[i]) || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
			return -1;
	}
	if (value < min || value > max)
		return -1;
	*ret = value;
	return 0;
}

/* The length of the well-formed sequence at `p`, or 0. The ranges are the table of RFC 3629,
 * section 4: no overlong form, no surrogate, nothing past U+10FFFF. */
static size_t utf8_sequence_len(const unsigned char *p, size_t n)
{
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t len;

	if (p[0] >= 0x01 && p[0] <= 0x7f)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		len = 2;
	else if (p[0] >= 0xe0 && p[0] <= 0xef)
		len = 3;
	else if (p[0] >= 0xf0 && p[0] <= 0xf4)
		len = 4;
	else
		return 0;
	if (n < len)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0;
	else if (p[0] == 0xed)
		high = 0x9f;
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f;
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (p[i] < 0x80 || p[i] > 0xbf)
			return 0;
	}
	return len;
}

size_t str_utf8_sequence(struct str s)
{
	return s.n > 0 ? utf8_sequence_len((const unsigned char *)s.p, s.n) : 0;
}

bool str_is_utf8(struct str s)
{
	size_t at = 0;

	while (at < s.n) {
		size_t len = utf8_sequence_len((const unsigned char *)s.p + at, s.n - at);

		if (len == 0)
			return false;
		at += len;
	}
	return true;
}

struct str str_utf8_whole(struct str s)
{
	size_t start = s.n;

	while (start > 0 && s.n - start < 3 && ((unsigned char)s.p[start - 1] & 0xc0) == 0x80)
		start--;
	if (start > 0 && (unsigned char)s.p[start - 1] >= 0xc0 &&
	    utf8_sequence_len((const unsigned char *)s.p + start - 1, s.n - start + 1) == 0)
		return str_sub(s, 0, start - 1);
	return s;
}
