/*
 * What the Hub says, made sense of: JSON replies and the headers that matter. Everything here
 * is untrusted; limits are checked before memory is asked for, names pass relpath_check().
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_HUB_PARSE_H
#define DOWNLOADER_HUB_PARSE_H

#include "common/ids.h"

struct error;

enum {
	HUB_FILES_MAX = 100000, /* files of one repository */
	HUB_JSON_DEPTH_MAX = 32,
	HUB_WEIGHT_MAX =
		320 * 1024 * 1024, /* of one reply, parsed: HUB_FILES_MAX in one page fit */
	HUB_BODY_MAX =
		32 * 1024 * 1024, /* bytes of one JSON reply; a page of the tree has 1 MiB */
	HUB_DIGEST_MAX = 64,
	HUB_LICENCE_MAX = 64,
	HUB_RETRY_AFTER_MAX_S = 24 * 60 * 60,
};

/* Bytes of one file, 64 TiB: the sum over HUB_FILES_MAX files then fits into 63 bits. */
#define HUB_FILE_SIZE_MAX (UINT64_C(1) << 46)

enum digest_algorithm {
	DIGEST_SHA256,   /* of the content: LFS and Xet files */
	DIGEST_GIT_SHA1, /* of "blob <len>\0" + content: regular git files */
	DIGEST_ALGORITHM_COUNT,
};

/* "sha256", "git-sha1" */
const char *digest_algorithm_name(enum digest_algorithm algorithm);
/* Which it is, by its length: a git blob's is a SHA-1 (HUB-API 3). */
enum digest_algorithm digest_algorithm_of(const char *digest);
int digest_algorithm_from_name(struct str name, enum digest_algorithm *ret) MUST_USE;

/* The reply of /api/models/{repo}/revision/{rev}. */
struct hub_info {
	char repo[REPO_ID_MAX + 1]; /* canonical spelling */
	char commit[COMMIT_LEN + 1];
	char gated[8];                     /* "", "auto", or "manual" for any other word */
	char licence[HUB_LICENCE_MAX + 1]; /* cardData.license or a "license:" tag; or "" */
	bool is_private;
	bool is_mlx; /* tagged so: its safetensors are for Apple's MLX */
};
int hub_parse_info(struct str body, struct hub_info *ret, struct error *err) MUST_USE;

/* The files of a tree, growing page by page. */
struct hub_file {
	char *path;
	uint64_t size;
	enum digest_algorithm algorithm;
	char digest[HUB_DIGEST_MAX +
		    1]; /* lower-case hex: 64 digits for sha256, 40 for git-sha1 */
};
struct hub_tree {
	struct hub_file *files;
	size_t n;
	size_t cap;
};
struct hub_tree *hub_tree_new(void);
void hub_tree_free(struct hub_tree **tree);

/* Adds one page. ERR_UNSAFE_PATH for a hostile name, ERR_TOO_MANY_FILES past the limit,
 * ERR_HUB_PROTOCOL for anything that is not a listing. Directories and what is neither
 * file nor directory are skipped. Extra members are fine. On failure the tree is as it was. */
int hub_parse_tree(struct hub_tree *tree, struct str body, struct error *err) MUST_USE;

/* When the listing is whole: sorts by path and refuses (ERR_UNSAFE_PATH) duplicates and a file
 * that is also a folder of another. Names that differ only in case are two files, as on the
 * Hub. */
int hub_tree_finish(struct hub_tree *tree, struct error *err) MUST_USE;

/* The file at `path` of a finished tree, or NULL. */
const struct hub_file *hub_tree_find(const struct hub_tree *tree, const char *path);

/* The target of rel="next" in a Link header (several links may be comma-separated), as a C
 * string to free; NULL when there is none. */
char *hub_parse_link_next(struct str header);

/* `"abc"`, `W/"abc"` or `abc` -> abc; a view into `header`. */
struct str hub_parse_etag(struct str header);

/* `bytes 0-99/1234`: 0, or -1 for anything else; `*` as total is refused. */
int hub_parse_content_range(struct str header, uint64_t *ret_first, uint64_t *ret_last,
			    uint64_t *ret_total) MUST_USE;

/* `"api";r=0;t=55`: remaining and seconds to reset. -1 when unreadable. */
int hub_parse_ratelimit(struct str header, uint64_t *ret_remaining,
			uint64_t *ret_reset_s) MUST_USE;

/* Retry-After as seconds or as an HTTP date (`now_s` is unix time): seconds, capped at a day.
 * -1 when unreadable. */
int hub_parse_retry_after(struct str header, uint64_t now_s, uint64_t *ret_s) MUST_USE;

/* An HTTP date of any of the three forms (RFC 9110, section 5.6.7): unix time. -1 when
 * unreadable. */
int hub_parse_date(struct str header, uint64_t *ret_s) MUST_USE;

/* What the Hub answered, for turning an error status into ours. Views; "" where absent. */
struct hub_failure {
	long status;
	bool is_hub;     /* answered by the endpoint itself, not by a CDN */
	bool is_content; /* a resolve request, as against an API one */
	bool token_was_sent;
	struct str error_code;    /* X-Error-Code */
	struct str error_message; /* X-Error-Message */
	struct str ratelimit;     /* RateLimit */
	struct str retry_after;   /* Retry-After */
	struct str content_type;
	struct str body;
	const char *repo;
	const char *what; /* revision or path for the sentence, or NULL */
};

/* Maps a non-2xx answer to a code and a sentence by the table of HUB-API 6.2: gated,
 * unauthorized, not_found (repo, revision, entry), rate_limited with retry_after_s,
 * hub_unavailable for 5xx, url_expired for 403 from a CDN, hub_protocol otherwise. The Hub's
 * own words are quoted, cleaned of control characters and cut. Always returns -1. */
int hub_parse_failure(const struct hub_failure *failure, uint64_t now_s, struct error *err);

#endif
