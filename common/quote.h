/*
 * Foreign text, made fit to stand in a sentence: between double quotes, cut when it is long,
 * with every byte that could hide, break or reorder the line written as an escape.
 *
 * The result is a value, so it can be made in the arguments of error_set():
 * `error_set(err, ERR_X, "%s is empty", quote_text(name).text)`.
 *
 * Pure. Any thread.
 */
#ifndef COMMON_QUOTE_H
#define COMMON_QUOTE_H

#include "common/base.h"

enum {
	QUOTE_BYTES_MAX = 96, /* of escaped text; what is longer ends with "..." */
};

struct quote {
	char text[QUOTE_BYTES_MAX + sizeof("\"\"...")];
};

/* `s` between quotes. Quotes and backslashes get a backslash before them; control characters,
 * bytes that are not UTF-8 and the invisible marks that change the direction of text become
 * \xNN, byte by byte. The cut never falls inside a character or an escape. */
struct quote quote_text(struct str s);

/* The same without the quotes around it, for words of another program that follow a colon. */
struct quote quote_plain(struct str s);

/* The length of the UTF-8 sequence at the start of `s`, or 0 when there is none. */
size_t quote_char_len(struct str s);

#endif
