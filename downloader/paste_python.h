/*
 * Python lines from model pages: `AutoModel.from_pretrained("acme/x", revision="v1")`,
 * `snapshot_download(repo_id="acme/x", allow_patterns=["*.gguf"])`,
 * `load_dataset("acme/words")`. Only quoted strings and lists of them are read; nothing is
 * evaluated.
 *
 * Inside the paste modules only. Pure. Any thread.
 */
#ifndef DOWNLOADER_PASTE_PYTHON_H
#define DOWNLOADER_PASTE_PYTHON_H

#include "downloader/paste.h"

/* 1 when `text` holds such a call, and the draft has what it says; 0 when not; -1. */
int paste_python_read(struct paste *p, struct str text, struct str endpoint,
		      struct error *err) MUST_USE;

#endif
