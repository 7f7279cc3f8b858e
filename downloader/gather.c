#include "downloader/gather.h"

#include <stdlib.h>
#include <string.h>

/* Where the block ends that the bytes now belong to. */
static size_t block_room(const struct gather *gather)
{
	size_t room = GATHER_BLOCK - (size_t)(gather->at % GATHER_BLOCK);

	return room < gather->size ? room : gather->size;
}

void gather_init(struct gather *gather, uint64_t first, uint64_t end)
{
	assert(first < end);
	*gather = (struct gather){ .at = first };
	gather->size = end - first < GATHER_BLOCK ? (size_t)(end - first) : GATHER_BLOCK;
	gather->block = mem_bytes(gather->size);
}

void gather_fini(struct gather *gather)
{
	free(gather->block);
	*gather = (struct gather){ 0 };
}

size_t gather_add(struct gather *gather, struct str bytes)
{
	size_t room = block_room(gather) - gather->n;
	size_t n = bytes.n < room ? bytes.n : room;

	if (n > 0)
		memcpy(gather->block + gather->n, bytes.p, n);
	gather->n += n;
	return n;
}

bool gather_is_full(const struct gather *gather)
{
	return gather->n == block_room(gather);
}

struct str gather_bytes(const struct gather *gather)
{
	return (struct str){ .p = gather->block, .n = gather->n };
}

void gather_clear(struct gather *gather, struct feed *feed)
{
	if (feed != NULL && gather->size == GATHER_BLOCK)
		(void)feed_offer(feed, gather->at, gather->n, &gather->block);
	gather->at += gather->n;
	gather->n = 0;
}
