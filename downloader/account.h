/*
 * The Hub's token at run time: from the environment, or given here, which then counts until it
 * is forgotten. What was given is sealed in the database (secret.h) and never told to anybody
 * but the Hub; what can be told is whose it is.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_ACCOUNT_H
#define DOWNLOADER_ACCOUNT_H

#include "downloader/hub.h"
#include "downloader/store.h"

struct account;
struct json_object;

/* Reads what was sealed; blocks, so before the loop runs. `hub` has `env_token` ("": none), and
 * gets the other if there is one. Both are borrowed. */
struct account *account_new(struct store *store, struct hub *hub, const char *state_dir,
			    const char *env_token, struct error *err);
void account_free(struct account **account); /* after the loop has run its messages */

/* The environment's token is another now ("": none). It counts as long as none is given here.
 */
void account_set_env(struct account *account, const char *env_token);

/* {"set","source":"stored"|"environment"|null,"account","role","checked_at"} */
struct json_object *account_to_json(const struct account *account);

/* `err` is NULL when it went well. */
typedef void (*account_done_fn)(void *ctx, const struct error *err);

/* Asks the Hub whose `token` (at most SCHEMA_TOKEN_MAX bytes) is, keeps it, and uses it from
 * then on. When the Hub does not know it: ERR_INVALID, and nothing is changed; nor is it when
 * the Hub cannot be asked. Offline (LARDER_OFFLINE) it is kept unasked. */
void account_set(struct account *account, struct str token, account_done_fn done, void *ctx);

/* Forgets it: the environment's counts again. */
void account_forget(struct account *account, account_done_fn done, void *ctx);

/* Asks the Hub whose the token in use is, unless that is known or there is none. */
void account_look(struct account *account, account_done_fn done, void *ctx);

#endif
