#include "downloader/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sodium.h>

#include "common/error.h"
#include "downloader/file.h"

#define SECRET_NAME "secret.key"

static_assert(SECRET_BYTES == crypto_kdf_KEYBYTES, "keys are derived from it");

static int read_secret(int fd, unsigned char ret[SECRET_BYTES], struct error *err)
{
	char bytes[SECRET_BYTES + 1];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return error_set_errno(err, ERR_INTERNAL, SECRET_NAME);
	if ((st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return error_set(err, ERR_INTERNAL,
				 SECRET_NAME ": others may read it; make its mode 0600");
	n = file_read_at(fd, bytes, sizeof(bytes), 0, err);
	if (n < 0)
		return -1;
	if (n != SECRET_BYTES)
		return error_set(err, ERR_INTERNAL,
				 SECRET_NAME ": not %d bytes; remove it, and a new one is made",
				 SECRET_BYTES);
	memcpy(ret, bytes, SECRET_BYTES);
	sodium_memzero(bytes, sizeof(bytes));
	return 0;
}

/* Under another name first, so that there is never half a secret. */
static int make_secret(int root, unsigned char ret[SECRET_BYTES], struct error *err)
{
	struct str bytes = { .p = (const char *)ret, .n = SECRET_BYTES };
	AUTO_FD fd =
		file_open(root, SECRET_NAME ".new", O_WRONLY | O_CREAT | O_TRUNC, 0600, err);

	if (fd < 0)
		return -1;
	randombytes_buf(ret, SECRET_BYTES);
	if (file_write_at(fd, bytes, 0, err) < 0 || file_sync_data(fd, err) < 0)
		return -1;
	return file_rename(root, SECRET_NAME ".new", SECRET_NAME, err);
}

int secret_load(const char *state_dir, unsigned char ret[SECRET_BYTES], struct error *err)
{
	AUTO_FD root = file_open_root(state_dir, err);
	AUTO_FD fd = -1;

	if (root < 0)
		return -1;
	fd = file_open(root, SECRET_NAME, O_RDONLY, 0, err);
	if (fd >= 0)
		return read_secret(fd, ret, err);
	return err->sys == ENOENT ? make_secret(root, ret, err) : -1;
}

/* --- sealing --- */

/* A key of its own for each purpose, so that what is sealed for one is not opened as another.
 */
static void derive(const unsigned char secret[SECRET_BYTES], const char purpose[8],
		   unsigned char ret[crypto_secretbox_KEYBYTES])
{
	(void)crypto_kdf_derive_from_key(ret, crypto_secretbox_KEYBYTES, 1, purpose, secret);
}

char *secret_seal(const unsigned char secret[SECRET_BYTES], const char purpose[8],
		  struct str text)
{
	unsigned char key[crypto_secretbox_KEYBYTES];
	size_t n = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + text.n;
	unsigned char *box = mem_alloc(n);
	size_t room = sodium_base64_encoded_len(n, sodium_base64_VARIANT_ORIGINAL);
	char *sealed = mem_alloc(room);

	derive(secret, purpose, key);
	randombytes_buf(box, crypto_secretbox_NONCEBYTES);
	(void)crypto_secretbox_easy(box + crypto_secretbox_NONCEBYTES,
				    (const unsigned char *)text.p, text.n, box, key);
	sodium_memzero(key, sizeof(key));
	(void)sodium_bin2base64(sealed, room, box, n, sodium_base64_VARIANT_ORIGINAL);
	free(box);
	return sealed;
}

char *secret_open(const unsigned char secret[SECRET_BYTES], const char purpose[8],
		  struct str sealed)
{
	unsigned char key[crypto_secretbox_KEYBYTES];
	unsigned char *box = mem_alloc(sealed.n + 1);
	char *text = NULL;
	size_t n = 0;

	if (sodium_base642bin(box, sealed.n, sealed.p, sealed.n, NULL, &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL) == 0 &&
	    n >= crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES) {
		n -= crypto_secretbox_NONCEBYTES;
		text = mem_alloc(n - crypto_secretbox_MACBYTES + 1);
		derive(secret, purpose, key);
		if (crypto_secretbox_open_easy((unsigned char *)text,
					       box + crypto_secretbox_NONCEBYTES, n, box,
					       key) != 0) {
			free(text);
			text = NULL;
		}
		sodium_memzero(key, sizeof(key));
	}
	free(box);
	return text;
}
