/*
 * What there is to say about one download, in sentences: lines of `larder get` that stay.
 *
 * All text is escaped, each line ended by "\n". Pure. Any thread.
 */
#ifndef CLI_CLI_NEWS_H
#define CLI_CLI_NEWS_H

#include "common/json.h"

struct buf;

/* "owner/name Q4_K_M (abc234)": the name and the short id. */
void cli_news_add_name(struct buf *b, struct json_object *download);

/* "... : downloading, 4.4 GB in 2 files"; waits are counted from `now_ms` (unix). */
void cli_news_add_state(struct buf *b, struct json_object *download, int64_t now_ms);

/* "...: completed, 4.4 GB in 2 files, 4.3 GB of it here before, 20 s, proven"; "...: up to
 * date" of an update that had nothing to fetch; of a verification what it has found: then true
 * when that is not well. */
bool cli_news_add_completed(struct buf *b, struct json_object *download);

/* "larder: ...: failed: why", what can be done about it, and the page to do it on. */
void cli_news_add_failed(struct buf *b, struct json_object *download);

#endif
