#include "downloader/memory_need.h"

enum {
	BLOCK = 32, /* elements of the quantised kinds' blocks; HUB-API 11.2 */
};

static const unsigned block_bytes[MEMORY_CACHE_COUNT] = {
	[MEMORY_CACHE_F16] = 64,
	[MEMORY_CACHE_Q8_0] = 34,
	[MEMORY_CACHE_Q4_0] = 18,
};

uint64_t memory_need_cache(const struct memory_shape *shape, uint64_t context,
			   enum memory_cache cache)
{
	uint64_t elements;
	uint64_t bytes;

	if (__builtin_add_overflow(shape->key_length, shape->value_length, &elements) ||
	    __builtin_mul_overflow(elements, shape->kv_heads, &elements) ||
	    __builtin_mul_overflow(elements, context, &elements))
		return UINT64_MAX;
	if (__builtin_mul_overflow(elements / BLOCK, (uint64_t)block_bytes[cache], &bytes))
		return UINT64_MAX;
	/* What is left over is less than a block. */
	return bytes + (elements % BLOCK * block_bytes[cache] + BLOCK - 1) / BLOCK;
}
