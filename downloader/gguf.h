/*
 * What the header of a GGUF file says (versions 1 to 3, either byte order): ggml's docs/gguf.md
 * in HUB-API 11.4. Nothing of it is trusted: each length is held against the file before it is
 * believed, text is cut and must be UTF-8, products may not overflow, arrays are skipped.
 *
 * Pure: the bytes come through a window. Any thread.
 */
#ifndef DOWNLOADER_GGUF_H
#define DOWNLOADER_GGUF_H

#include "downloader/window.h"

enum {
	GGUF_TEXT_MAX = 128,
	GGUF_WORD_MAX = 32,
	GGUF_KEYS_MAX = 100 * 1000,          /* as the Hub's own reader */
	GGUF_TENSORS_MAX = 10 * 1000 * 1000, /* the same */
	GGUF_DIMENSIONS_MAX = 8,             /* the same; ggml has 4 */
	GGUF_DEPTH_MAX = 4,                  /* of arrays in arrays; the same */
	GGUF_ALIGNMENT_DEFAULT = 32,
};

/* Numbers are 0 and text is "" where the file says nothing. */
struct gguf {
	uint32_t version;
	bool is_big_endian;
	char architecture[GGUF_WORD_MAX]; /* "llama" */
	char name[GGUF_TEXT_MAX];
	char size_label[GGUF_WORD_MAX];  /* "7B" */
	char type[GGUF_WORD_MAX];        /* "model", "adapter", "mmproj" */
	char file_type[GGUF_WORD_MAX];   /* general.file_type as a label: "Q4_K_M" */
	char tensor_type[GGUF_WORD_MAX]; /* of most of the weights' bytes: "Q4_K" */
	uint64_t n_tensors;
	uint64_t parameters;   /* elements of all tensors of this file */
	uint64_t tensor_bytes; /* what they take */
	uint64_t size_needed;  /* the file must have so many bytes to be whole */
	bool has_unknown_type; /* a tensor's type is not known here: the three above are less
				  than the truth */
	bool has_chat_template;
	uint64_t context_length;
	uint64_t embedding_length;
	uint64_t block_count;
	uint64_t head_count; /* of the layer that has most */
	uint64_t kv_heads;   /* of all layers together; see memory_need.h */
	uint64_t key_length; /* of one head */
	uint64_t value_length;
	uint64_t sliding_window;
	uint64_t expert_count;
	uint64_t expert_used_count;
	uint64_t vocabulary;   /* tokens */
	uint64_t split_number; /* of this part, 0.. */
	uint64_t split_count;  /* 0: it is not one of several */
};

/* Reads the header from a new window's beginning. -1 with ERR_INVALID and what is wrong with
 * it, or with the reason why it could not be read. */
int gguf_read(struct window *window, struct gguf *ret, struct error *err) MUST_USE;

/* The same of the first bytes of a file, for what the model is and what its cache will take:
 * the tensors are not looked at, so what they say stays 0. Whoever writes these files puts the
 * model's numbers before its tokens, whose megabytes need not be there. -1 as above; when the
 * window cannot be read far enough, with the reason that its function gave. */
int gguf_read_shape(struct window *window, struct gguf *ret, struct error *err) MUST_USE;

#endif
