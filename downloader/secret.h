/*
 * The secret of this Larder, $LARDER_STATE_DIR/secret.key: sessions are signed with it, and
 * what is kept in the database but must not be read there is sealed with it (libsodium's
 * secretbox, under a key derived for each purpose). A copy of the database alone tells nothing.
 *
 * Any thread.
 */
#ifndef DOWNLOADER_SECRET_H
#define DOWNLOADER_SECRET_H

#include "common/base.h"

struct error;

enum {
	SECRET_BYTES = 32,
};

/* Reads it, or makes one when there is none; blocks, so before the loop runs. One that others
 * may read is refused. */
int secret_load(const char *state_dir, unsigned char ret[SECRET_BYTES],
		struct error *err) MUST_USE;

/* `text`, sealed, in base64; to free. `purpose` has eight bytes. */
char *secret_seal(const unsigned char secret[SECRET_BYTES], const char purpose[8],
		  struct str text);

/* What was sealed for this purpose, to wipe and free; NULL when it was not, or with another
 * secret, or has been changed. */
char *secret_open(const unsigned char secret[SECRET_BYTES], const char purpose[8],
		  struct str sealed);

#endif
