/*
 * What sessions are believed by: the secret they are signed with, made of what is kept in
 * $LARDER_STATE_DIR/secret.key and of the password's hash, so that a new password ends what was
 * begun with the old one; and, kept in the database, the epoch they must be of and those that
 * somebody has signed out of. A new epoch revokes every session there is.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_SESSIONS_H
#define DOWNLOADER_SESSIONS_H

#include "common/auth.h"
#include "downloader/store.h"

struct sessions;

struct sessions_hooks {
	void (*revoked)(void *ctx); /* some or all, once it is committed */
	void *ctx;
};

/* Reads the secret, or makes one when there is none; blocks, so before the loop runs. One that
 * others may read is refused. `password_hash` is "" where nobody has one. `auth` gets all of
 * it, now and whenever it changes; it is borrowed.
 */
struct sessions *sessions_new(struct store *store, const char *state_dir,
			      const char *password_hash, struct auth *auth,
			      const struct sessions_hooks *hooks, struct error *err);
void sessions_free(struct sessions **sessions);

/* The password is another now, or none: what was begun with the last one is over. */
void sessions_set_password(struct sessions *sessions, const char *password_hash);

/* Begins a new epoch: `done` when it is committed. */
void sessions_revoke(struct sessions *sessions, store_done_fn done, void *ctx);

/* Ends one before its time. When too many have ended so, all are revoked. */
void sessions_end(struct sessions *sessions, const struct auth_ended *session,
		  store_done_fn done, void *ctx);

/* {"secret": hex, "epoch": n, "ended": [{"id": hex, "expires": unix seconds}]}: for
 * larder-fcgi, over the control socket. */
struct json_object *sessions_to_json(const struct sessions *sessions);

#endif
