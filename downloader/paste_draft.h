/*
 * A paste while it is being understood: each fact is checked when it is added, and a fact that
 * contradicts an earlier one is an error, so that two repositories in one text never become one
 * download of half of each.
 *
 * Inside the paste modules only. Pure. Any thread.
 */
#ifndef DOWNLOADER_PASTE_DRAFT_H
#define DOWNLOADER_PASTE_DRAFT_H

#include "downloader/paste.h"

struct paste *paste_draft_new(void) __attribute__((returns_nonnull));

/* What the text is; the first word on it stays. */
void paste_draft_set_form(struct paste *p, const char *form);

int paste_draft_set_repo(struct paste *p, struct str repo, struct error *err) MUST_USE;
int paste_draft_set_revision(struct paste *p, struct str revision, struct error *err) MUST_USE;
int paste_draft_set_type(struct paste *p, enum repo_type type, struct error *err) MUST_USE;

/* By its name: "model" or "dataset"; the other kinds of the Hub are refused with a sentence. */
int paste_draft_set_type_name(struct paste *p, struct str name, struct error *err) MUST_USE;

/* A pattern, path, or label, as selection.h understands it. Those that are there already are
 * not added again. What passes always compiles. */
int paste_draft_add_select(struct paste *p, struct str term, struct error *err) MUST_USE;
int paste_draft_add_exclude(struct paste *p, struct str term, struct error *err) MUST_USE;

/* What follows the ":" of "owner/name:tag". "latest" says nothing. */
int paste_draft_add_tag(struct paste *p, struct str tag, struct error *err) MUST_USE;

void paste_draft_clear_select(struct paste *p);

#endif
