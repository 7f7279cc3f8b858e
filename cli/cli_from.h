/*
 * --from FILE: a list of what to get, or a ComfyUI workflow, from a file or standard input.
 *
 * One thread.
 */
#ifndef CLI_CLI_FROM_H
#define CLI_CLI_FROM_H

#include "cli/cli_session.h"

/* Has larderd read the file that --from names: paste.read's answer, to free. -1 with `err` when
 * it cannot be read, is too large, or nothing in it is understood. */
int cli_from_read(const struct cli_session *session, struct json_object **ret,
		  struct error *err) MUST_USE;

/* Where a workflow's model belongs, and where it is from, as a line: "vae/ae.safetensors: from
 * acme/a". Nothing for an entry of another kind. Pure. */
void cli_from_add_place(struct buf *b, struct json_object *entry);

#endif
