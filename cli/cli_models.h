/*
 * The commands about the library: ls, show, rm, trash, restore, scan; and how its models look
 * to a person.
 *
 * One thread.
 */
#ifndef CLI_CLI_MODELS_H
#define CLI_CLI_MODELS_H

#include "cli/cli_session.h"

enum cli_exit cli_ls(const struct cli_session *session);
enum cli_exit cli_show(const struct cli_session *session);
enum cli_exit cli_rm(const struct cli_session *session);
enum cli_exit cli_trash(const struct cli_session *session);
enum cli_exit cli_restore(const struct cli_session *session);
enum cli_exit cli_scan(const struct cli_session *session);

/* All rows of model.list, or those with `text` (NULL: any) in their folder: the last page's
 * answer, to free, with all in its "models". */
int cli_models_list(const struct cli_session *session, const char *text,
		    struct json_object **ret, struct error *err) MUST_USE;

/* The rows of model.list as a table of at most `columns` (0: any). Pure. */
void cli_models_render(struct buf *b, struct json_object *models, size_t columns, bool is_utf8);

/* The rows of trash.list, likewise. Pure. */
void cli_trash_render(struct buf *b, struct json_object *entries, size_t columns, bool is_utf8);

/* The result of model.get for people, likewise. Pure. */
void cli_model_render(struct buf *b, struct json_object *model, size_t columns, bool is_utf8);

#endif
