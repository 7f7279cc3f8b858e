/*
 * The HTML inside a card, as far as it is needed: tags with the two attributes that matter, and
 * text with its character references made characters. Comments, declarations, and the content
 * of elements that have none for readers (script, style) are passed over.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_CARD_HTML_H
#define DOWNLOADER_CARD_HTML_H

#include "common/base.h"

struct buf;

enum {
	CARD_TAG_MAX =
		16, /* bytes of a name, with the end: longer ones are no tag that we know */
};

enum card_piece_kind {
	CARD_PIECE_TEXT,
	CARD_PIECE_OPEN,
	CARD_PIECE_CLOSE,
};

/* What comes next. Views into the HTML. */
struct card_piece {
	enum card_piece_kind kind;
	struct str text;         /* of text: with its references; of a tag nothing */
	char name[CARD_TAG_MAX]; /* of a tag, in lower case */
	struct str address;      /* href or src, with references; empty: none */
	struct str words;        /* alt, likewise */
};

/* Takes the next piece off `*rest`: true while there is one. */
bool card_html_next(struct str *rest, struct card_piece *ret);

/* Appends text, its references (&amp;, &#233;, ...) made characters; unknown ones stay as they
 * are. */
void card_html_add_text(struct buf *b, struct str text);

#endif
