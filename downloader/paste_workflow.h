/*
 * The models of a ComfyUI workflow. Its nodes may say where their models are from
 * (properties.models: name, url, directory); of nodes that load a model and do not say so, the
 * file's name is known, and the folder by the kind of the node.
 *
 * Inside the paste modules only. Pure. Any thread.
 */
#ifndef DOWNLOADER_PASTE_WORKFLOW_H
#define DOWNLOADER_PASTE_WORKFLOW_H

#include "common/base.h"

struct error;

/* Does the text look like JSON, and not like anything else that people paste? */
bool paste_workflow_is_one(struct str text);

/* One model. `url` is empty where the workflow does not say. Views, valid for the call. -1 with
 * `err` ends the reading. */
typedef int (*paste_workflow_fn)(void *ctx, struct str name, struct str url, struct str folder,
				 struct error *err);

/* Calls `fn` for each: those with an address first. One may come more than once. 0, or -1 with
 * ERR_INVALID when it is no workflow. */
int paste_workflow_read(struct str text, paste_workflow_fn fn, void *ctx,
			struct error *err) MUST_USE;

#endif
