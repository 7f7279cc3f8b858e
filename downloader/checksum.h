/*
 * The checksum of a piece that lies on the disk: XXH3 with 64 bits. It tells a torn or lost
 * page from what was written; it proves nothing to anybody else (digest.h does). The only door
 * to libxxhash.
 *
 * Belongs to whoever holds it; any thread, one at a time.
 */
#ifndef DOWNLOADER_CHECKSUM_H
#define DOWNLOADER_CHECKSUM_H

#include "common/base.h"

struct checksum;

struct checksum *checksum_new(void);
void checksum_free(struct checksum **checksum);

void checksum_reset(struct checksum *checksum); /* of no bytes again */
void checksum_update(struct checksum *checksum, struct str bytes);

/* Of all bytes so far; more may follow. */
uint64_t checksum_value(const struct checksum *checksum);

#endif
