/*
 * Several things in one pasted text: a list, one a line, or a workflow of ComfyUI (its JSON, as
 * the program saves it or as its API takes it), whose models have addresses of the Hub and
 * folders in which ComfyUI looks for them.
 *
 * Lines that mean different things are a list: blank ones, headings and comments ("#", "//",
 * "---"), and the marks of lists are passed over, a line that ends with a backslash goes on in
 * the next, and lines that say the same are one. All else is one thing (paste.h), if it is
 * understood.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_PASTE_LIST_H
#define DOWNLOADER_PASTE_LIST_H

#include "common/error.h"
#include "downloader/paste.h"

enum {
	PASTE_LIST_MAX = 192 * 1024, /* bytes of input */
	PASTE_ENTRIES_MAX = 200,
	PASTE_FOLDER_MAX = 64,     /* bytes of a folder's name, with the end */
	PASTE_WORKFLOW_DEPTH = 32, /* of its JSON */
};

enum paste_list_kind {
	PASTE_LIST_ONE,
	PASTE_LIST_LINES,
	PASTE_LIST_WORKFLOW,
};

struct paste_entry {
	char *text;          /* that paste_parse() takes: a line, an address; or "" */
	struct paste *paste; /* NULL: it is not understood, as `error` says */
	struct error error;
	/* Of a workflow: */
	char *name;                    /* the file's, or NULL */
	char folder[PASTE_FOLDER_MAX]; /* beneath ComfyUI's models, or "" */
};

struct paste_list {
	enum paste_list_kind kind;
	struct paste_entry *entries; /* at least one */
	size_t n;
	size_t cap;
};

/* Understands `text`. NULL with ERR_INVALID and the field "text" when it is too long, has too
 * many entries, or nothing in it is understood. */
struct paste_list *paste_list_parse(struct str text, struct str endpoint, struct error *err);
void paste_list_free(struct paste_list **list);

/* "one", "lines", "workflow" */
const char *paste_list_kind_name(enum paste_list_kind kind);

#endif
