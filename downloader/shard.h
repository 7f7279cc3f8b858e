/*
 * Sets of files that only make sense together: "-00001-of-00003" in GGUF, safetensors and
 * pytorch_model files (HUB-API 11.1).
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_SHARD_H
#define DOWNLOADER_SHARD_H

#include "common/base.h"

struct shard {
	struct str prefix; /* with its folder, up to the "-" before the number; a view */
	struct str suffix; /* ".gguf", ".safetensors", ".bin"; a view */
	unsigned number;   /* 1.. */
	unsigned count;    /* 1.. */
};

/* True when `path` names one part of a set. Five digits each, 1 <= number <= count. */
bool shard_from_path(struct str path, struct shard *ret);

/* Same prefix, suffix and count: parts of one set. */
bool shard_is_same_set(const struct shard *a, const struct shard *b);

#endif
