/*
 * How much memory a model takes to run: its weights, and the cache of keys and values, which
 * grows with the context.
 *
 *   weights     = the bytes of all tensors, as they lie in the file
 *   KV cache    = context * kv_heads * (key_length + value_length) * bytes of an element
 *
 * with kv_heads summed over all layers (grouped-query attention has fewer than heads; layers
 * without attention have none) and lengths of one head, in elements. llama.cpp keeps the cache
 * as F16 unless told otherwise: two bytes; Q8_0 takes 34/32 of a byte, Q4_0 18/32. The figure
 * is an upper bound where layers look at a sliding window only, and says nothing of the
 * compute buffers, some hundred megabytes that depend on the runtime.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_MEMORY_NEED_H
#define DOWNLOADER_MEMORY_NEED_H

#include "common/base.h"

enum memory_cache {
	MEMORY_CACHE_F16,
	MEMORY_CACHE_Q8_0,
	MEMORY_CACHE_Q4_0,
	MEMORY_CACHE_COUNT,
};

/* What the shape of a model says of its cache; any part may be 0, not known. */
struct memory_shape {
	uint64_t kv_heads; /* of all layers together */
	uint64_t key_length;
	uint64_t value_length;
};

/* Bytes of the cache at a context of so many tokens; 0 when not known, UINT64_MAX when it is
 * more than can be counted. */
uint64_t memory_need_cache(const struct memory_shape *shape, uint64_t context,
			   enum memory_cache cache);

#endif
