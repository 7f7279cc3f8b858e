#include "downloader/digest.h"
#include "downloader/tally.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/evp.h>

struct digest {
	EVP_MD_CTX *ctx;
};

/* libcrypto fails here only when it is broken or out of memory. */
static void must(int ok)
{
	assert(ok == 1);
	(void)ok;
}

struct digest *digest_new(enum digest_algorithm algorithm, uint64_t size)
{
	struct digest *digest = mem_alloc(sizeof(*digest));
	char head[48];
	int len;

	digest->ctx = EVP_MD_CTX_new();
	must(digest->ctx != NULL);
	if (algorithm == DIGEST_SHA256) {
		must(EVP_DigestInit_ex(digest->ctx, EVP_sha256(), NULL));
		return digest;
	}
	must(EVP_DigestInit_ex(digest->ctx, EVP_sha1(), NULL));
	len = snprintf(head, sizeof(head), "blob %llu", (unsigned long long)size);
	must(EVP_DigestUpdate(digest->ctx, head, (size_t)len + 1)); /* with its NUL */
	return digest;
}

void digest_free(struct digest **digest)
{
	if (*digest == NULL)
		return;
	EVP_MD_CTX_free((*digest)->ctx);
	free(*digest);
	*digest = NULL;
}

void digest_update(struct digest *digest, struct str bytes)
{
	must(EVP_DigestUpdate(digest->ctx, bytes.p, bytes.n));
	tally_add(TALLY_HASHED, bytes.n);
}

void digest_hex(struct digest *digest, char ret[HUB_DIGEST_MAX + 1])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(EVP_DigestFinal_ex(digest->ctx, raw, &n));
	for (unsigned i = 0; i < n && i < HUB_DIGEST_MAX / 2; i++)
		(void)snprintf(ret + 2 * (size_t)i, 3, "%02x", raw[i]);
}

void digest_name(struct str text, char ret[DIGEST_NAME_LEN + 1])
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	must(EVP_Digest(text.p, text.n, raw, &n, EVP_sha1(), NULL));
	(void)EVP_EncodeBlock((unsigned char *)ret, raw, (int)n);
	for (char *c = ret; *c != '\0'; c++) {
		if (*c == '+')
			*c = '-';
		else if (*c == '/')
			*c = '_';
	}
}
