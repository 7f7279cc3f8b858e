/*
 * The few words every file of Larder shares: attributes, scope-bound objects, allocation that
 * does not fail, and `struct str`, a view of bytes.
 *
 * Allocation ends the process when memory runs out (the service manager restarts it and the
 * database remembers). Therefore every size that comes from outside is checked against a named
 * limit before memory is asked for.
 *
 * Everything here may be used from any thread.
 */
#ifndef COMMON_BASE_H
#define COMMON_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_USE                        __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_arg, first_arg) __attribute__((format(printf, fmt_arg, first_arg)))
#define NO_RETURN                       __attribute__((noreturn))
#define UNUSED                          __attribute__((unused))

/* A heap object that is freed when its scope ends: `AUTO(buf) b = buf_new(...)`. The object's
 * own `noun_free(struct noun **)` does it, so a scope may hand the object over with MOVE(). */
#define AUTO(noun) __attribute__((cleanup(noun##_free))) struct noun *
#define AUTO_CSTR  __attribute__((cleanup(mem_free_cstr))) char *
#define AUTO_FD    __attribute__((cleanup(fd_close))) int

/* The value of `p`, leaving NULL behind: ownership goes to whoever takes the value. */
#define MOVE(p)                             \
	__extension__({                     \
		__typeof__(p) moved_ = (p); \
		(p) = NULL;                 \
		moved_;                     \
	})

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Ends the program: a mistake of ours, not of anybody's input. `what` is a literal. */
NO_RETURN void bug(const char *what);

/* --- memory: never NULL, zeroed --- */

void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull));

/* Room for bytes that are written before they are read: not zeroed. */
char *mem_bytes(size_t size) __attribute__((malloc, returns_nonnull));

/* An array of `count` zeroed elements; the product is checked. */
void *mem_array(size_t count, size_t size) __attribute__((malloc, returns_nonnull));

/* `p` grown or shrunk to `count` elements; new bytes are not zeroed. `p` is consumed. */
void *mem_resize(void *p, size_t count, size_t size) MUST_USE __attribute__((returns_nonnull));

/* Makes room for one more element in an array of `*cap` elements that holds `count`; doubles.
 */
void *mem_grow(void *p, size_t count, size_t *cap, size_t size) MUST_USE
	__attribute__((returns_nonnull));

/* A copy of a C string; NULL stays NULL. Free with free(3). */
char *mem_strdup(const char *s);

/* printf into a new C string. Free with free(3). */
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((returns_nonnull));

/* Cleanup handlers for AUTO_CSTR and AUTO_FD: each leaves NULL or -1 behind. */
void mem_free_cstr(char **p);
void fd_close(int *fd);

/* --- struct str: a borrowed view, not NUL-terminated --- */

struct str {
	const char *p;
	size_t n;
};

/* The view of a string literal. */
#define S(literal) ((struct str){ .p = (literal), .n = sizeof(literal) - 1 })

/* The view of a C string; NULL gives the empty view. */
struct str str_from(const char *cstr);

/* A NUL-terminated copy. Free with free(3). */
char *str_dup(struct str s) __attribute__((returns_nonnull));

/* By bytes; a beginning comes before what begins with it: <0, 0, >0. */
int str_compare(struct str a, struct str b);
bool str_is_equal(struct str a, struct str b);
bool str_is_equal_nocase(struct str a, struct str b); /* ASCII letters only */
bool str_has_prefix(struct str s, struct str prefix);
bool str_has_prefix_nocase(struct str s, struct str prefix);
bool str_has_suffix(struct str s, struct str suffix);
bool str_has_suffix_nocase(struct str s, struct str suffix);

/* The first position of `c` (or of `needle`) in `s`, or s.n when there is none. */
size_t str_find_char(struct str s, char c);
size_t str_find(struct str s, struct str needle);
size_t str_find_nocase(struct str s, struct str needle);
size_t str_rfind_char(struct str s, char c);

/* The part of `s` from `from` up to `to`; both are clamped to its length. */
struct str str_sub(struct str s, size_t from, size_t to);

/* `s` without spaces, tabs, CR and LF at both ends. */
struct str str_trim(struct str s);

/* Takes what stands before the first `sep` off `*rest` (or all of it): true while there is
 * more.
 * `*rest` becomes a NULL view after the last part. */
bool str_next(struct str *rest, char sep, struct str *ret_part);

/* A whole decimal number between `min` and `max`, digits only: 0, or -1 with `*ret` untouched.
 */
int str_to_u64(struct str s, uint64_t min, uint64_t max, uint64_t *ret) MUST_USE;

/* True when every byte sequence is well-formed UTF-8 (RFC 3629) and there is no NUL. */
bool str_is_utf8(struct str s);

/* The length of the well-formed sequence that `s` begins with; 0 when there is none. */
size_t str_utf8_sequence(struct str s);

/* `s` without a multi-byte sequence that was cut off at its end. */
struct str str_utf8_whole(struct str s);

/* ASCII helpers, independent of the locale. */
bool char_is_digit(char c);
bool char_is_alpha(char c);
bool char_is_alnum(char c);
char char_lower(char c);

#endif
