/*
 * A model's card (README.md of its repository) as a page may show it: Markdown, and the HTML
 *that people put into it, turned into a flat stream of tokens of a small allow-list of
 *elements. There is no markup in what comes out; whoever shows it makes elements of its own.
 *Everything that is not on the list is dropped, its text kept.
 *
 * The stream is a JSON array. A string is text; an array begins an element: its name, and what
 *it has; null ends the element that was begun last. Elements and what they have:
 *
 *	p h1 .. h6 blockquote em strong del code table tr hr br
 *	["pre", LANGUAGE]    a block of code
 *	["ul"] ["ol", FIRST] ["li", true|false]   the last only for what is, or is not, ticked
 *off
 *	["th", ALIGN] ["td", ALIGN]               "", "left", "center" or "right"
 *	["a", ADDRESS]       http, https or mailto, absolute
 *	["img", ADDRESS, WORDS]   http or https; to be shown only when somebody asks
 *
 * hr, br and img end by themselves, without null. The stream is balanced, has CARD_DEPTH_MAX
 *levels at most and about CARD_TOKENS_MAX tokens.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_CARD_H
#define DOWNLOADER_CARD_H

#include "common/base.h"

struct error;
struct json_object;

enum {
	CARD_MAX = 128 * 1024, /* bytes of a card that are looked at */
	CARD_TOKENS_MAX = 100 * 1000,
	CARD_TEXT_MAX = 4 * 1024 * 1024, /* bytes of all words and addresses in the stream */
	CARD_DEPTH_MAX = 24,
};

/* `page` and `files` are addresses against which relative links and images are meant; both end
 * in the card's own name. A heading of YAML is left out. 0 with *ret, which belongs to the
 * caller; or -1 with ERR_INVALID for a text that is made to take more time or memory than a
 * card is worth. */
int card_read(struct str markdown, const char *page, const char *files,
	      struct json_object **ret, struct error *err) MUST_USE;

#endif
