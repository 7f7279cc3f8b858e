#include "downloader/paste_words.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

/* Where the cutting stands: in a word, between words, inside which quotes. */
struct cutter {
	struct str text;
	size_t at;
	struct buf *word;
	bool has_word; /* "" is one, so its length does not tell */
	struct paste_words *words;
};

void paste_words_free(struct paste_words **w)
{
	if (*w == NULL)
		return;
	for (size_t i = 0; i < (*w)->n; i++)
		free((*w)->words[i]);
	free((*w)->words);
	free(*w);
	*w = NULL;
}

struct str paste_words_at(const struct paste_words *w, size_t i)
{
	return i < w->n ? str_from(w->words[i]) : S("");
}

static char peek(const struct cutter *c, size_t ahead)
{
	return c->at + ahead < c->text.n ? c->text.p[c->at + ahead] : '\0';
}

static void add(struct cutter *c, char character)
{
	buf_add_char(c->word, character);
	c->has_word = true;
}

static void end_word(struct cutter *c)
{
	struct paste_words *w = c->words;

	if (!c->has_word)
		return;
	w->words = mem_grow(w->words, w->n, &w->cap, sizeof(*w->words));
	w->words[w->n++] = buf_take(c->word);
	c->has_word = false;
}

/* Everything up to the closing quote; within double quotes a backslash keeps its meaning before
 * the few characters that POSIX names. */
static void cut_quoted(struct cutter *c, char quote)
{
	c->has_word = true;
	for (; c->at < c->text.n && peek(c, 0) != quote; c->at++) {
		if (quote == '"' && peek(c, 0) == '\\' && peek(c, 1) == '\n') {
			c->at++;
			continue;
		}
		if (quote == '"' && peek(c, 0) == '\\' && peek(c, 1) != '\0' &&
		    strchr("$`\"\\", peek(c, 1)) != NULL)
			c->at++;
		add(c, peek(c, 0));
	}
	c->at++;
}

/* The kind of the curly quote at the cursor: '\'', '"', or NUL for none (U+2018 to U+201F). */
static char curly_quote(const struct cutter *c)
{
	unsigned char last = (unsigned char)peek(c, 2);

	if (peek(c, 0) != '\xe2' || peek(c, 1) != '\x80' || last < 0x98 || last > 0x9f)
		return '\0';
	return last < 0x9c ? '\'' : '"';
}

static bool is_at_beginning(const struct cutter *c)
{
	return !c->has_word || c->text.p[c->at - 1] == '=';
}

static void cut_curly(struct cutter *c, char quote)
{
	c->has_word = true;
	for (c->at += 3; c->at < c->text.n && curly_quote(c) != quote; c->at++)
		add(c, peek(c, 0));
	c->at = c->at < c->text.n ? c->at + 3 : c->text.n;
}

/* True when the character at the cursor continues the line: it and the line end are skipped. */
static bool skip_continuation(struct cutter *c)
{
	size_t len = peek(c, 1) == '\r' && peek(c, 2) == '\n' ? 3 : 2;

	if (strchr("\\^`", peek(c, 0)) == NULL || peek(c, len - 1) != '\n')
		return false;
	c->at += len;
	return true;
}

static void skip_comment(struct cutter *c)
{
	while (c->at < c->text.n && peek(c, 0) != '\n')
		c->at++;
}

/* One step; false at the end of the command. */
static bool cut_one(struct cutter *c)
{
	char character = peek(c, 0);

	if (character != '\0' && skip_continuation(c))
		return true;
	if (character == '#' && !c->has_word) {
		skip_comment(c);
		return true;
	}
	if (curly_quote(c) != '\0' && is_at_beginning(c)) {
		cut_curly(c, curly_quote(c));
		return true;
	}
	c->at++;
	if (character == '\'' || character == '"') {
		cut_quoted(c, character);
	} else if (character == ' ' || character == '\t' || character == '\r') {
		end_word(c);
	} else if (strchr("\n;&|()", character) != NULL) {
		return false;
	} else if (character == '\\' && c->at < c->text.n) {
		add(c, peek(c, 0));
		c->at++;
	} else {
		add(c, character);
	}
	return true;
}

struct paste_words *paste_words_next(struct str *rest)
{
	AUTO(paste_words) words = mem_alloc(sizeof(*words));
	AUTO(buf) word = buf_new(rest->n);
	struct cutter c = { .text = *rest, .word = word, .words = words };

	while (words->n == 0 && c.at < c.text.n) {
		while (c.at < c.text.n && cut_one(&c))
			;
		end_word(&c);
	}
	*rest = str_sub(*rest, c.at, rest->n);
	return words->n > 0 ? MOVE(words) : NULL;
}
