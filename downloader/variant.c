/*
 * A path by itself says almost everything; two things take the others. A model_index.json at
 * the top makes a pipeline of the folders. And a quant that several models of a repository have
 * tells none of them apart: those are named by their paths in a second turn.
 */
#include "downloader/variant.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/relpath.h"
#include "downloader/shard.h"

const char *variant_kind_name(enum variant_kind kind)
{
	static const char *const names[VARIANT_KIND_COUNT] = {
		"gguf",      "safetensors", "mlx",       "onnx",  "pickle",
		"projector", "draft",       "companion", "other",
	};

	return names[kind];
}

bool variant_is_weights(enum variant_kind kind)
{
	return kind <= VARIANT_PICKLE;
}

bool variant_is_companion(enum variant_kind kind)
{
	return kind > VARIANT_PICKLE && kind < VARIANT_OTHER;
}

/* --- kinds --- */

static bool has_any_prefix(struct str name, const char *const *prefixes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_has_prefix_nocase(name, str_from(prefixes[i])))
			return true;
	}
	return false;
}

/* "model" of "model.onnx", and of the tensors beside it: "model.onnx_data",
 * "model.onnx_data_1", "model.onnx.data". path.n when it is neither. */
static size_t find_onnx(struct str path)
{
	static const char *const suffixes[] = { ".onnx_data", ".onnx.data" };

	if (str_has_suffix_nocase(path, S(".onnx")))
		return path.n - S(".onnx").n;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		size_t at = str_find_nocase(path, str_from(suffixes[i]));

		if (at < path.n)
			return at;
	}
	return path.n;
}

/* A folder "mlx", "mlx-4bit" or "mlx_4bit". */
static bool is_below_mlx(struct str path)
{
	struct str rest = relpath_dirname(path);
	struct str part;

	while (rest.n > 0 && str_next(&rest, '/', &part)) {
		if (str_has_prefix_nocase(part, S("mlx")) &&
		    (part.n == 3 || part.p[3] == '-' || part.p[3] == '_'))
			return true;
	}
	return false;
}

static enum variant_kind kind_of_weights(struct str path)
{
	static const char *const pickles[] = { ".bin", ".pt", ".pth", ".ckpt" };

	if (str_has_suffix_nocase(path, S(".gguf")))
		return VARIANT_GGUF;
	if (str_has_suffix_nocase(path, S(".safetensors")))
		return is_below_mlx(path) ? VARIANT_MLX : VARIANT_SAFETENSORS;
	if (find_onnx(path) < path.n)
		return VARIANT_ONNX;
	for (size_t i = 0; i < ARRAY_LEN(pickles); i++) {
		if (str_has_suffix_nocase(path, str_from(pickles[i])))
			return VARIANT_PICKLE;
	}
	return VARIANT_OTHER;
}

static bool is_companion(struct str name)
{
	static const char *const names[] = { "config.json", "generation_config.json",
					     "special_tokens_map.json", "merges.txt",
					     "preprocessor_config.json" };
	static const char *const prefixes[] = { "tokenizer", "vocab", "chat_template" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (str_is_equal_nocase(name, str_from(names[i])))
			return true;
	}
	return has_any_prefix(name, prefixes, ARRAY_LEN(prefixes)) ||
	       str_has_suffix_nocase(name, S(".index.json"));
}

/* Publishers put the model's name before "mmproj" and "imatrix" as often as behind them. */
enum variant_kind variant_kind_of(struct str path)
{
	static const char *const drafts[] = { "mtp-", "eagle3-", "dflash-", "dspark-" };
	struct str name = relpath_basename(path);

	if (is_companion(name) || str_find_nocase(name, S("imatrix")) < name.n)
		return VARIANT_COMPANION;
	if (str_find_nocase(name, S("mmproj")) < name.n)
		return VARIANT_PROJECTOR;
	if (has_any_prefix(name, drafts, ARRAY_LEN(drafts)))
		return VARIANT_DRAFT;
	return kind_of_weights(path);
}

/* --- names --- */

/* A path in its parts. */
struct parts {
	struct str stem;   /* without the shard's number and the suffix */
	struct str suffix; /* ".gguf" */
	bool is_labelled;  /* named by its quant, which others may have */
};

static void take_apart(struct str path, struct parts *ret)
{
	struct shard shard;
	size_t onnx = find_onnx(path);
	size_t dot = str_rfind_char(path, '.');

	if (onnx < path.n) {
		ret->stem = str_sub(path, 0, onnx);
		ret->suffix = S(".onnx");
	} else if (shard_from_path(path, &shard)) {
		ret->stem = shard.prefix;
		ret->suffix = shard.suffix;
	} else {
		ret->stem = str_sub(path, 0, dot);
		ret->suffix = str_sub(path, dot, path.n);
	}
}

/* A name of two parts, cut between characters. */
static void set_name(struct variant *variant, struct str a, struct str b)
{
	char name[VARIANT_NAME_MAX];
	size_t n = str_sub(a, 0, sizeof(name) - 1).n;
	size_t m = str_sub(b, 0, sizeof(name) - 1 - n).n;

	memcpy(name, a.p, n);
	memcpy(name + n, b.p, m);
	n = str_utf8_whole((struct str){ .p = name, .n = n + m }).n;
	memcpy(variant->name, name, n);
	variant->name[n] = '\0';
}

static void name_by_path(struct variant *variant, const struct parts *parts)
{
	bool is_bare = str_is_equal_nocase(parts->suffix, S(".gguf"));

	set_name(variant, parts->stem, is_bare ? S("") : parts->suffix);
}

/* The types that exporters for browsers put behind a "_", and the names they go by. */
static void name_onnx(struct variant *variant, const struct parts *parts)
{
	static const char *const types[] = {
		"fp16", "int8", "uint8", "q8", "q4", "q4f16", "bnb4", "quantized",
	};
	struct str folder = relpath_basename(relpath_dirname(parts->stem));
	struct str type = str_sub(parts->stem, str_rfind_char(parts->stem, '_'), parts->stem.n);

	if (!str_is_equal_nocase(folder, S("onnx"))) {
		name_by_path(variant, parts);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (type.n > 0 &&
		    str_is_equal_nocase(str_sub(type, 1, type.n), str_from(types[i]))) {
			set_name(variant, str_from(types[i]), parts->suffix);
			return;
		}
	}
	set_name(variant, S("fp32"), parts->suffix);
}

static void name_others(struct variant *variant, bool is_pipeline, struct parts *parts)
{
	struct str label = str_from(variant->quant.label);
	bool is_gguf = variant->kind == VARIANT_GGUF;

	if (label.n > 0) {
		parts->is_labelled = is_gguf || !is_pipeline;
		set_name(variant, label, is_gguf ? S("") : parts->suffix);
	} else if (is_pipeline && !is_gguf) {
		set_name(variant, S(""), str_sub(parts->suffix, 1, parts->suffix.n));
	} else {
		name_by_path(variant, parts);
	}
}

static void name_one(struct str path, bool is_pipeline, struct variant *variant,
		     struct parts *parts)
{
	*variant = (struct variant){ .kind = variant_kind_of(path) };
	if (variant->kind == VARIANT_COMPANION || variant->kind == VARIANT_OTHER)
		return;
	take_apart(path, parts);
	if (variant->kind == VARIANT_ONNX) {
		name_onnx(variant, parts);
		return;
	}
	if (!quant_from_path(path, &variant->quant))
		variant->quant.label[0] = '\0';
	if (variant_is_weights(variant->kind))
		name_others(variant, is_pipeline, parts);
	else
		name_by_path(variant, parts);
}

/* --- a quant that several have --- */

struct claim {
	struct variant *variant;
	const struct parts *parts;
};

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a;
	const struct claim *y = b;
	int order = strcmp(x->variant->name, y->variant->name);

	return order != 0 ? order : str_compare(x->parts->stem, y->parts->stem);
}

/* Claims to one name, from `first` to before `last`, in the order of their stems. */
static void settle(const struct claim *claims, size_t first, size_t last)
{
	if (str_is_equal(claims[first].parts->stem, claims[last - 1].parts->stem))
		return;
	for (size_t i = first; i < last; i++)
		name_by_path(claims[i].variant, claims[i].parts);
}

static void settle_all(struct claim *claims, size_t n)
{
	size_t last;

	qsort(claims, n, sizeof(*claims), compare_claims);
	for (size_t first = 0; first < n; first = last) {
		last = first + 1;
		while (last < n &&
		       strcmp(claims[first].variant->name, claims[last].variant->name) == 0)
			last++;
		settle(claims, first, last);
	}
}

void variant_name_all(const struct str *paths, size_t n, struct variant *ret)
{
	struct parts *parts = mem_array(n, sizeof(*parts));
	struct claim *claims = mem_array(n, sizeof(*claims));
	bool is_pipeline = false;
	size_t n_claims = 0;

	for (size_t i = 0; i < n && !is_pipeline; i++)
		is_pipeline = str_is_equal(paths[i], S("model_index.json"));
	for (size_t i = 0; i < n; i++) {
		name_one(paths[i], is_pipeline, &ret[i], &parts[i]);
		if (parts[i].is_labelled)
			claims[n_claims++] =
				(struct claim){ .variant = &ret[i], .parts = &parts[i] };
	}
	settle_all(claims, n_claims);
	free(claims);
	free(parts);
}

void variant_mark_mlx(struct variant *variants, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (variants[i].kind == VARIANT_SAFETENSORS)
			variants[i].kind = VARIANT_MLX;
	}
}
