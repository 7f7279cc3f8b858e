/*
 * The command lines people copy from model pages and manuals. One table says, for each family
 * of programs, which options name what, and which take a value that is of no interest.
 *
 * Inside the paste modules only. Pure. Any thread.
 */
#ifndef DOWNLOADER_PASTE_COMMAND_H
#define DOWNLOADER_PASTE_COMMAND_H

#include "downloader/paste.h"
#include "downloader/paste_words.h"

/* 1 when the command is one of those that fetch something, and the draft has what it says; 0
 * when it is another one; -1. */
int paste_command_read(struct paste *p, const struct paste_words *words, struct str endpoint,
		       struct error *err) MUST_USE;

/* All addresses of the Hub among the words: 1, 0 or -1 in the same way. For `curl`, `wget` and
 * for prose. */
int paste_command_read_addresses(struct paste *p, const struct paste_words *words,
				 struct str endpoint, struct error *err) MUST_USE;

#endif
