/* A path that passes stays inside its folder, under the rules of Linux and of Windows. */
#include "common/relpath.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_parts(struct str path)
{
	struct str rest = path;
	struct str part;
	size_t n = 0;

	while (str_next(&rest, '/', &part)) {
		require(part.n > 0 && part.n <= RELPATH_PART_MAX);
		require(!str_is_equal(part, S("..")) && !str_is_equal(part, S(".")));
		require(part.p[part.n - 1] != '.' && part.p[part.n - 1] != ' ');
		n++;
	}
	require(n >= 1 && n <= RELPATH_DEPTH_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str path = { (const char *)data, size };
	struct str base = relpath_basename(path);
	struct str dir = relpath_dirname(path);
	struct error err = { .code = ERR_NONE };

	require(dir.n + base.n <= path.n && str_find_char(base, '/') == base.n);
	if (relpath_check(path, &err) != 0) {
		require(err.code == ERR_UNSAFE_PATH && str_is_utf8(str_from(err.text)));
		return 0;
	}
	require(path.n > 0 && path.n <= RELPATH_MAX && str_is_utf8(path));
	require(path.p[0] != '/' && str_find_char(path, '\\') == path.n);
	require(str_find_char(path, ':') == path.n && str_find_char(path, '\0') == path.n);
	require(!str_has_prefix_nocase(path, S(".cache/huggingface/")));
	require(!str_has_prefix_nocase(path, S(".larder/")));
	check_parts(path);
	if (dir.n > 0 && !str_is_equal_nocase(dir, S(".cache")))
		require(relpath_check(dir, &err) == 0);
	return 0;
}
