/*
 * Who did what, from where, and what came of it: each deed is a line of the log and a row of
 * the database, where nothing is changed and only what is older than the last STORE_AUDIT_KEPT
 * goes.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_AUDIT_H
#define DOWNLOADER_AUDIT_H

#include "downloader/control.h"
#include "downloader/store.h"

enum {
	AUDIT_WHAT_MAX = 1024, /* bytes of what it was done to; more is cut */
};

/* Notes a deed, and lets its answer go once that is on the disk. Secrets among its parameters
 * are left out. */
void audit_note(struct store *store, struct control_call *call, const struct control_deed *deed,
		const struct error *err);

/* The entry as {"id","at","who","address","action","what","outcome","request_id"}. */
struct json_object *audit_to_json(const struct audit_entry *entry);

#endif
