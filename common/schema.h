/*
 * The methods of the control socket and what each takes: one table, checked by larder-fcgi
 * before it calls and by larderd before it acts, so that neither can drift from the other.
 * Deeper checks (is this a repository, does the term compile) are the daemon's.
 *
 * Pure. Any thread.
 */
#ifndef COMMON_SCHEMA_H
#define COMMON_SCHEMA_H

#include "common/json.h"

struct error;

enum {
	SCHEMA_REPO_MAX = 8192, /* people paste command lines */
	SCHEMA_TERM_MAX = 1024,
	SCHEMA_TERMS_MAX = 256,
	SCHEMA_PRIORITY_MAX = 1000,
	SCHEMA_PAGE_MAX = 500, /* rows of one page of a list */
	SCHEMA_PAGE_DEFAULT = 100,
	SCHEMA_DOWNLOADS_MAX = 32,     /* that run at the same time */
	SCHEMA_CONNECTIONS_MAX = 128,  /* of all downloads together */
	SCHEMA_GPUS_MAX = 16,          /* graphics cards */
	SCHEMA_SCHEDULE_MAX = 32,      /* entries of the weekly schedule */
	SCHEMA_QUERY_MAX = 200,        /* bytes that are looked for in the library */
	SCHEMA_FOLDER_MAX = 1024,      /* of a folder beneath the models directory */
	SCHEMA_PASTE_MAX = 192 * 1024, /* bytes of a text that may hold several things */
	SCHEMA_CONTEXT_MAX = 100 * 1000 * 1000, /* tokens */
	SCHEMA_TOKEN_MAX = 1024,                /* bytes of a Hub token */
	SCHEMA_WORD_MAX = 64,                   /* bytes of a task, of a kind */
	SCHEMA_ROWS_MAX = 100,                  /* of one page of a search at the Hub */
	SCHEMA_CURSOR_MAX = 1024,               /* bytes of the Hub's cursor */
	SCHEMA_SESSION_ID_LEN = 32,             /* hex digits */
	SCHEMA_PASSWORD_MAX = 1024,             /* bytes */
};

/* Bytes of a graphics card: less and more than any has, so that a wrong unit is noticed. */
#define SCHEMA_GPU_MIN (INT64_C(1) << 26)
#define SCHEMA_GPU_MAX (INT64_C(1) << 40)

/* A bandwidth limit, in bytes a second: more than any line carries. */
#define SCHEMA_LIMIT_MAX INT64_C(1000000000000)

/* 0, or -1 with ERR_UNKNOWN_METHOD, ERR_INVALID or ERR_BAD_REQUEST. `params` may be NULL, which
 * counts as an empty object. */
int schema_check(struct str method, struct json_object *params, struct error *err) MUST_USE;

#endif
