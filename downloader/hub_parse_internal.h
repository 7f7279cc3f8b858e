/*
 * What the files of hub_parse share; nobody else includes it.
 */
#ifndef DOWNLOADER_HUB_PARSE_INTERNAL_H
#define DOWNLOADER_HUB_PARSE_INTERNAL_H

#include "common/base.h"

struct error;
struct json_object;

/* One whole JSON value without a NUL anywhere in the text: 0, or -1 with ERR_HUB_PROTOCOL. */
int hub_json_parse(struct str body, struct json_object **ret, struct error *err) MUST_USE;

/* A string without a NUL inside. False when it is none, or NULL. */
bool hub_json_text(struct json_object *value, struct str *ret);

/* Copies `text` into `out` (of `size` bytes), cut between characters, control characters made
 * blanks: what the Hub writes here goes to a page. */
void hub_label(struct str text, char *out, size_t size);

/* Must somebody agree first? "" for no, "auto", or "manual" for any other word. */
void hub_gated(struct json_object *object, char *out, size_t size);

struct hub_row;
/* One repository, as searches and its own facts have it. False when it has no valid name. */
bool hub_row_read(struct json_object *entry, struct hub_row *row);

/* A string member without a NUL inside. False when it is absent or of another type. */
bool hub_json_str(struct json_object *object, const char *name, struct str *ret);

#endif
