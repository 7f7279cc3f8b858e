/*
 * A pasted command line cut into words as a POSIX shell does, without expanding anything:
 * blanks separate, quotes and backslashes join, a backslash (or the "^" and "`" of other
 * shells) before the end of the line continues it, "#" begins a comment. A line end, ";", "&",
 * "|" and brackets end a command. A quote that is never closed reaches to the end, and the
 * curly quotes that word processors make are quotes where a word or a value begins: people copy
 * carelessly.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_PASTE_WORDS_H
#define DOWNLOADER_PASTE_WORDS_H

#include "common/base.h"

/* The words of one command; each is a C string without a NUL inside. */
struct paste_words {
	char **words;
	size_t n;
	size_t cap;
};

/* The next command that has words, taken off `*rest`; NULL when there is none. `*rest` holds no
 * NUL. */
struct paste_words *paste_words_next(struct str *rest);
void paste_words_free(struct paste_words **w);

/* Word `i`, or an empty view behind the last. */
struct str paste_words_at(const struct paste_words *w, size_t i);

#endif
