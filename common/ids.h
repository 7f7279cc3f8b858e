/*
 * The names things have on the wire: repositories, revisions, commits, downloads. Each check is
 * pure and says what is wrong in a sentence that names the field.
 *
 * Any thread.
 */
#ifndef COMMON_IDS_H
#define COMMON_IDS_H

#include "common/base.h"

struct error;

enum repo_type {
	REPO_MODEL,
	REPO_DATASET,
	REPO_TYPE_COUNT,
};

enum {
	REPO_ID_MAX = 193, /* 96 + "/" + 96, HUB-API 1.1 */
	REPO_PART_MAX = 96,
	REVISION_MAX = 255,
	COMMIT_LEN = 40,
	DOWNLOAD_ID_LEN = 20, /* lower-case base32 without padding, random */
};

/* "model", "dataset". */
const char *repo_type_name(enum repo_type type);
int repo_type_from_name(struct str name, enum repo_type *ret, struct error *err) MUST_USE;

/* `name` or `owner/name` by the Hub's rules: [A-Za-z0-9_.-], at most 96 characters a part, a
 * part begins and ends with [A-Za-z0-9_], no "--", no "..", no ".git" at the end. The error's
 * field is "repo". */
int repo_id_check(struct str repo, struct error *err) MUST_USE;

/* A branch, tag, commit or ref: 1..255 bytes that git allows in a ref name
 * (git-check-ref-format: no control character, space, `~^:?*[\`, no "..", no "@{", no part that
 * begins with "." or ends with ".lock", no "//", no "/" at either end). The error's field is
 * "revision". */
int revision_check(struct str revision, struct error *err) MUST_USE;

/* Exactly forty lower-case hex digits. */
bool commit_is_valid(struct str commit);

/* Exactly `len` lower-case hex digits. */
bool hex_is_valid(struct str hex, size_t len);

/* A download's id, as made by Larder. */
bool download_id_is_valid(struct str id);

#endif
