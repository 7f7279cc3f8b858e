/*
 * What there is to choose from in a repository: which of its files are one variant of the
 * model. One file or one set of shards is one, and its name is as short as it can be:
 *
 *   GGUF         the quant: "Q4_K_M"; the file's path without ".gguf" when it has none, or when
 *                several models of the repository have the same
 *   safetensors  the path without the shard's number: "model.safetensors"; the precision where
 *                the file says it: "FP16.safetensors". A pipeline (a model_index.json at the
 *                top) is one over all its folders: "safetensors", "FP16.safetensors"
 *   ONNX         in a folder "onnx" the type: "q4f16.onnx", over encoder and decoder; elsewhere
 *                the path. Data beside it (".onnx_data") comes with it
 *   .bin .pt .pth .ckpt  as safetensors
 *
 * What helps a model and is offered beside it, a projector for images (mmproj) or a small model
 * that drafts, is a variant of its own kind, with the path without ".gguf" as its name.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_VARIANT_H
#define DOWNLOADER_VARIANT_H

#include "downloader/quant.h"

enum {
	VARIANT_NAME_MAX = 128, /* bytes; longer names are cut */
};

enum variant_kind {
	VARIANT_GGUF,
	VARIANT_SAFETENSORS,
	VARIANT_MLX, /* safetensors in a folder "mlx", or of a repository that is tagged so */
	VARIANT_ONNX,
	VARIANT_PICKLE,    /* .bin .pt .pth .ckpt: may run code when it is loaded */
	VARIANT_PROJECTOR, /* what has "mmproj" in its name */
	VARIANT_DRAFT,     /* mtp-*, eagle3-*, dflash-*, dspark-* */
	VARIANT_COMPANION, /* no variant, but comes along with the weights: config.json,
			      generation_config.json, tokenizer*, special_tokens_map.json,
			      vocab*, merges.txt, chat_template*, preprocessor_config.json,
			      *.index.json, what has "imatrix" in its name */
	VARIANT_OTHER,     /* no variant */
	VARIANT_KIND_COUNT,
};

struct variant {
	enum variant_kind kind;
	struct quant quant;          /* label "" when there is none; never of ONNX */
	char name[VARIANT_NAME_MAX]; /* "" when it is no variant */
};

/* "gguf", "safetensors", "mlx", "onnx", "pickle", "projector", "draft", "companion", "other".
 */
const char *variant_kind_name(enum variant_kind kind);

enum variant_kind variant_kind_of(struct str path);
/* The model itself. */
bool variant_is_weights(enum variant_kind kind);
/* Small files that come along with weights, and what helps them: VARIANT_PROJECTOR,
 * VARIANT_DRAFT, VARIANT_COMPANION. */
bool variant_is_companion(enum variant_kind kind);

/* Tells for each of `n` paths of one repository which variant it belongs to. */
void variant_name_all(const struct str *paths, size_t n, struct variant *ret);

/* Of a repository whose safetensors are for MLX. */
void variant_mark_mlx(struct variant *variants, size_t n);

#endif
