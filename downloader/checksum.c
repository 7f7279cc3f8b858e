#include "downloader/checksum.h"

#include <stdlib.h>

#include <xxhash.h>

/* A struct of our own around the library's, so that no other module sees its header. */
struct checksum {
	XXH3_state_t *state;
};

struct checksum *checksum_new(void)
{
	struct checksum *checksum = mem_alloc(sizeof(*checksum));

	checksum->state = XXH3_createState();
	assert(checksum->state != NULL);
	checksum_reset(checksum);
	return checksum;
}

void checksum_free(struct checksum **checksum)
{
	if (*checksum == NULL)
		return;
	(void)XXH3_freeState((*checksum)->state);
	free(*checksum);
	*checksum = NULL;
}

void checksum_reset(struct checksum *checksum)
{
	(void)XXH3_64bits_reset(checksum->state);
}

void checksum_update(struct checksum *checksum, struct str bytes)
{
	(void)XXH3_64bits_update(checksum->state, bytes.p, bytes.n);
}

uint64_t checksum_value(const struct checksum *checksum)
{
	return XXH3_64bits_digest(checksum->state);
}
