/*
 * One word that names a repository: an address of the Hub ("https://huggingface.co/...",
 * "hf.co/...", the configured endpoint's, "hf://...", "git@hf.co:...") or "owner/name[:tag]".
 *
 * Inside the paste modules only. Pure. Any thread.
 */
#ifndef DOWNLOADER_PASTE_LINK_H
#define DOWNLOADER_PASTE_LINK_H

#include "downloader/paste.h"

/* True when the word is written as an address, of whatever host. */
bool paste_link_is_address(struct str word, struct str endpoint);

/* Adds what the word says to the draft. */
int paste_link_read(struct paste *p, struct str word, struct str endpoint,
		    struct error *err) MUST_USE;

#endif
