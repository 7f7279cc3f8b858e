/*
 * What the config.json of a transformers model says of its shape: what safetensors files do not
 * tell, above all how large the cache of keys and values is (memory_need.h). Nothing of it is
 * trusted: text is cut and must be UTF-8, products may not overflow.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_HF_CONFIG_H
#define DOWNLOADER_HF_CONFIG_H

#include "common/base.h"

struct error;

enum {
	HF_CONFIG_MAX = 1024 * 1024,         /* bytes of a file that is read */
	HF_CONFIG_WEIGHT = 16 * 1024 * 1024, /* bytes of memory that it may take once parsed */
	HF_CONFIG_WORD_MAX = 64,
};

/* Numbers are 0 and text is "" where the file says nothing. */
struct hf_config {
	char architecture[HF_CONFIG_WORD_MAX]; /* "llama": model_type */
	uint64_t context_length;
	uint64_t embedding_length;
	uint64_t block_count;
	uint64_t head_count;
	uint64_t kv_heads;   /* of all layers with attention together */
	uint64_t key_length; /* of one head */
	uint64_t value_length;
	uint64_t sliding_window;
	uint64_t vocabulary; /* tokens */
};

/* Of a model that reads more than text, the part that is about text counts. -1 with ERR_INVALID
 * when it is not JSON, or says nothing of a model. */
int hf_config_read(struct str text, struct hf_config *ret, struct error *err) MUST_USE;

#endif
