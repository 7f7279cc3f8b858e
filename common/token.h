/*
 * Sessions as signed text: what a browser keeps in its cookie, and what a server that holds no
 * sessions can believe. Who signed in, as what, until when; and of which epoch, so that all of
 * an earlier one can be revoked at once. No two are the same. Nothing in it is secret but the
 * signature's key.
 *
 *     s2.<the session, base64url>.<HMAC-SHA-512/256 of what stands before it, base64url>
 *
 * Pure. Any thread.
 */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include "common/base.h"

struct error;

enum {
	TOKEN_KEY_BYTES = 32,
	TOKEN_USER_MAX = 64, /* bytes of a user's name */
	TOKEN_MAX = 320,     /* bytes of a token, its NUL counted */
	TOKEN_ID_BYTES = 16, /* tell one token from another */
};

/* What one may do: each may do what those before it may. */
enum role {
	ROLE_VIEWER,   /* look */
	ROLE_OPERATOR, /* and download, update, delete */
	ROLE_ADMIN,    /* and change settings and the Hub's token */
	ROLE_COUNT,
};

struct session {
	char user[TOKEN_USER_MAX + 1];
	enum role role;
	int64_t expires_s; /* by the calendar, Unix time */
	uint64_t epoch;
	unsigned char id[TOKEN_ID_BYTES]; /* of the token; token_read() tells it */
};

const char *role_name(enum role role); /* "viewer" */
/* 0, or -1 with *ret untouched. */
int role_from_name(struct str name, enum role *ret) MUST_USE;

/* Names are UTF-8 without control characters, of 1 to TOKEN_USER_MAX bytes. */
bool token_is_user(struct str name);

/* `session->user` must be such a name. */
void token_make(const unsigned char key[TOKEN_KEY_BYTES], const struct session *session,
		char ret[TOKEN_MAX]);

/* What a token says, if it was signed with `key` and is not over at `now_s`; its epoch is the
 * caller's to compare. -1 with ERR_SIGN_IN. Takes as long for every wrong signature. */
int token_read(const unsigned char key[TOKEN_KEY_BYTES], struct str token, int64_t now_s,
	       struct session *ret, struct error *err) MUST_USE;

#endif
