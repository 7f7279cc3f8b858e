/*
 * The two digests the Hub publishes, computed piece by piece: SHA-256 of the content, and git's
 * blob SHA-1 of "blob <len>\0" + content. The only door to libcrypto.
 *
 * One digest, one thread at a time.
 */
#ifndef DOWNLOADER_DIGEST_H
#define DOWNLOADER_DIGEST_H

#include "downloader/hub_parse.h"

enum {
	DIGEST_NAME_LEN = 28, /* base64 of a SHA-1 */
};

struct digest;

/* `size` is the length of the whole content, which git's form needs first. */
struct digest *digest_new(enum digest_algorithm algorithm, uint64_t size)
	__attribute__((returns_nonnull));
void digest_free(struct digest **digest);

void digest_update(struct digest *digest, struct str bytes);

/* Lower-case hex of all that was given; the digest is used up. */
void digest_hex(struct digest *digest, char ret[HUB_DIGEST_MAX + 1]);

/* URL-safe base64, with padding, of the SHA-1 of `text`: how the official client shortens names
 * of partial files (HUB-API 8.2). */
void digest_name(struct str text, char ret[DIGEST_NAME_LEN + 1]);

#endif
