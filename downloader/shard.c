#include "downloader/shard.h"

enum {
	DIGITS = 5,
};

static bool has_known_suffix(struct str path, struct str *ret)
{
	static const char *const suffixes[] = { ".gguf", ".safetensors", ".bin" };

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		struct str suffix = str_from(suffixes[i]);

		if (str_has_suffix_nocase(path, suffix)) {
			*ret = str_sub(path, path.n - suffix.n, path.n);
			return true;
		}
	}
	return false;
}

bool shard_from_path(struct str path, struct shard *ret)
{
	const size_t tail = S("-00001-of-00001").n;
	struct str suffix;
	struct str stem;
	uint64_t number;
	uint64_t count;
	size_t at;

	if (!has_known_suffix(path, &suffix))
		return false;
	stem = str_sub(path, 0, path.n - suffix.n);
	/* Something must stand before the number: the name of the set. */
	if (stem.n <= tail || stem.p[stem.n - tail - 1] == '/')
		return false;
	at = stem.n - tail;
	if (stem.p[at] != '-' ||
	    !str_is_equal(str_sub(stem, at + 1 + DIGITS, stem.n - DIGITS), S("-of-")))
		return false;
	if (str_to_u64(str_sub(stem, stem.n - DIGITS, stem.n), 1, 99999, &count) != 0 ||
	    str_to_u64(str_sub(stem, at + 1, at + 1 + DIGITS), 1, count, &number) != 0)
		return false;
	*ret = (struct shard){
		.prefix = str_sub(stem, 0, at),
		.suffix = suffix,
		.number = (unsigned)number,
		.count = (unsigned)count,
	};
	return true;
}

bool shard_is_same_set(const struct shard *a, const struct shard *b)
{
	return a->count == b->count && str_is_equal(a->prefix, b->prefix) &&
	       str_is_equal(a->suffix, b->suffix);
}
