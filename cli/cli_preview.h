/*
 * larder preview: what a download would bring, and whether it would fit.
 *
 * One thread.
 */
#ifndef CLI_CLI_PREVIEW_H
#define CLI_CLI_PREVIEW_H

#include "cli/cli_session.h"

enum cli_exit cli_preview(const struct cli_session *session);

/* A preview (DESIGN.md 4.1), and what preview.fit says of it (or NULL), as text for `columns`
 * (0: unlimited). `all_files` lists also those that are not selected. Pure. */
void cli_preview_render(struct buf *b, struct json_object *preview, struct json_object *fit,
			bool all_files, size_t columns, bool is_utf8);

#endif
