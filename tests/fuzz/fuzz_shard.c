/* The pieces of a part's name make up the name again. */
#include "downloader/shard.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str path = { (const char *)data, size };
	struct shard shard;
	AUTO_CSTR middle = NULL;

	if (!shard_from_path(path, &shard))
		return 0;
	require(shard.number >= 1 && shard.number <= shard.count && shard.count <= 99999);
	require(shard.prefix.n > 0 && shard_is_same_set(&shard, &shard));
	middle = mem_printf("-%05u-of-%05u", shard.number, shard.count);
	require(shard.prefix.n + strlen(middle) + shard.suffix.n == path.n);
	require(str_has_prefix(path, shard.prefix) && str_has_suffix(path, shard.suffix));
	require(str_is_equal(str_sub(path, shard.prefix.n, path.n - shard.suffix.n),
			     str_from(middle)));
	return 0;
}
