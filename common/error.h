/*
 * What went wrong, as a value: a code for programs, a sentence for people.
 *
 * A function that can fail returns 0 or -1 and takes `struct error *err` as its last parameter,
 * never NULL. On failure it has filled `*err`; on success `*err` is untouched. Texts are lower
 * case, subject first, no final stop: "model.safetensors: 4096 bytes short".
 *
 * The list of codes is shared by both programs and by the web client. Whether a code is worth
 * another try is decided in downloader/retry.c, its HTTP status in fcgi/response.c, nowhere
 * else.
 *
 * An error belongs to whoever declared it; nothing here is shared between threads.
 */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

#include "common/base.h"

/* X(symbol, name on the wire, title for people, hint or NULL) */
#define ERROR_CODES(X)                                                                        \
	X(NONE, "none", "No error", NULL)                                                     \
	X(INTERNAL, "internal", "Something went wrong inside Larder", NULL)                   \
	X(BAD_REQUEST, "bad_request", "The request could not be understood", NULL)            \
	X(INVALID, "invalid", "A field is not valid", NULL)                                   \
	X(SIGN_IN, "sign_in", "Sign in first", NULL)                                          \
	X(FORBIDDEN, "forbidden", "Not with this role", NULL)                                 \
	X(WRONG_PASSWORD, "wrong_password", "The password is not right", NULL)                \
	X(CROSS_SITE, "cross_site", "Not from a page of another site", NULL)                  \
	X(CSRF, "csrf", "The page's token is missing or old", "load the page again")          \
	X(WRONG_HOST, "wrong_host", "Not under this name", "name it in LARDER_HOSTS")         \
	X(NOT_THIS_MACHINE, "not_this_machine", "Only for this machine",                      \
	  "set LARDER_AUTH=password, or LARDER_ALLOW_ANYONE=1 where that is right")           \
	X(TOO_MANY_REQUESTS, "too_many_requests", "Too many requests", NULL)                  \
	X(TOO_MANY_CLIENTS, "too_many_clients", "Too many watch already",                     \
	  "close some of the pages that are open, or raise LARDER_EVENT_CLIENTS(_EACH)")      \
	X(UNKNOWN_PATH, "unknown_path", "There is nothing at this address", NULL)             \
	X(UNKNOWN_METHOD, "unknown_method", "There is no such command", NULL)                 \
	X(METHOD_NOT_ALLOWED, "method_not_allowed", "This address does not take that method", \
	  NULL)                                                                               \
	X(TOO_LARGE, "too_large", "The request is too large", NULL)                           \
	X(MEDIA_TYPE, "unsupported_media_type", "The body must be JSON",                      \
	  "send Content-Type: application/json")                                              \
	X(UNKNOWN_DOWNLOAD, "unknown_download", "There is no such download", NULL)            \
	X(UNKNOWN_MODEL, "unknown_model", "There is no such model in the library",            \
	  "look at the disk again if it was just put there")                                  \
	X(UNKNOWN_TRASH, "unknown_trash", "There is no such thing in the trash", NULL)        \
	X(EXISTS, "exists", "The name is taken", "move or delete what has the name")          \
	X(IN_USE, "in_use", "A download writes there", "cancel the download first")           \
	X(ILLEGAL_STATE, "illegal_state", "Not possible in the current state", NULL)          \
	X(DUPLICATE, "duplicate", "The same download is already in the queue", NULL)          \
	X(QUEUE_FULL, "queue_full", "The queue is full",                                      \
	  "wait for downloads to finish, or cancel some")                                     \
	X(NOT_FOUND, "not_found", "The Hub does not have it",                                 \
	  "check the spelling; a dataset is named datasets/owner/name, and a private "        \
	  "repository needs a token that may read it")                                        \
	X(GATED, "gated", "The model's owner must grant access",                              \
	  "accept the licence on the model's page, with the account of your token")           \
	X(UNAUTHORIZED, "unauthorized", "The Hub refused the token",                          \
	  "check HF_TOKEN: it may be revoked, or lack the right to read this repository")     \
	X(RATE_LIMITED, "rate_limited", "The Hub asks us to slow down",                       \
	  "a token raises the Hub's limits")                                                  \
	X(NETWORK, "network", "The Hub cannot be reached",                                    \
	  "check this server's connection, name resolution and proxy settings")               \
	X(HUB_UNAVAILABLE, "hub_unavailable", "The Hub has trouble", NULL)                    \
	X(HUB_PROTOCOL, "hub_protocol", "The Hub's answer makes no sense", NULL)              \
	X(OFFLINE, "offline", "Larder is set to offline", "unset LARDER_OFFLINE")             \
	X(UNSAFE_PATH, "unsafe_path", "A file name in the repository is not safe", NULL)      \
	X(TOO_MANY_FILES, "too_many_files", "The repository has too many files",              \
	  "choose fewer with a select term")                                                  \
	X(DISK_FULL, "disk_full", "Not enough free space",                                    \
	  "free some space; it goes on by itself")                                            \
	X(DISK_ERROR, "disk_error", "The disk reported an error", NULL)                       \
	X(DISK_AWAY, "disk_unavailable", "The models directory is not there",                 \
	  "mount it again; it goes on by itself")                                             \
	X(SCHEDULE, "schedule", "The schedule pauses downloads",                              \
	  "change the schedule in the settings; it goes on by itself when its time comes")    \
	X(PAUSED_ALL, "paused_all", "All downloads are paused",                               \
	  "end the pause in the settings; it goes on by itself then")                         \
	X(HASH_MISMATCH, "hash_mismatch", "The bytes are not what the Hub promised", NULL)    \
	X(RANGE_IGNORED, "range_ignored", "The server ignored the range", NULL)               \
	X(URL_EXPIRED, "url_expired", "The signed address has expired", NULL)                 \
	X(CHANGED, "changed", "It is not what was shown any more",                            \
	  "look at it again, and choose from what there is now")                              \
	X(UNKNOWN_PREVIEW, "unknown_preview", "There is no such preview any more",            \
	  "look at it again; the last ones are kept, until larderd is begun anew")            \
	X(CANCELLED, "cancelled", "Cancelled", NULL)                                          \
	X(TIMEOUT, "timeout", "It took too long", NULL)                                       \
	X(STORE, "store_unavailable", "The database cannot be written",                       \
	  "check the state directory: free space, permissions")                               \
	X(DAEMON_UNAVAILABLE, "daemon_unavailable", "The downloader is not running",          \
	  "start larderd; the page recovers by itself")

enum error_code {
#define X(symbol, name, title, hint) ERR_##symbol,
	ERROR_CODES(X)
#undef X
	ERR_COUNT
};

enum {
	ERROR_TEXT_MAX = 240,
	ERROR_FIELD_MAX = 64,
};

struct error {
	enum error_code code;
	int sys;                     /* errno, or 0 */
	unsigned retry_after_s;      /* when the other side named a time; else 0 */
	char field[ERROR_FIELD_MAX]; /* the input at fault, like "select[2]"; else "" */
	char text[ERROR_TEXT_MAX];
};

/* Sets code and text, clears the rest, and returns -1, so that it can be returned. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* The same with errno's meaning appended: "doing: No space left on device". ENOSPC and EDQUOT
 * become ERR_DISK_FULL whatever `code` says. */
int error_set_errno(struct error *err, enum error_code code, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* ERR_INVALID with the field it is about. */
int error_set_field(struct error *err, const char *field, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

/* Puts "doing: " before the text. Always returns -1. */
int error_prefix(struct error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

const char *error_code_name(enum error_code code);
const char *error_code_title(enum error_code code);
const char *error_code_hint(enum error_code code); /* or NULL */

/* The code with that wire name; ERR_INTERNAL when there is none. */
enum error_code error_code_from_name(struct str name);

#endif
