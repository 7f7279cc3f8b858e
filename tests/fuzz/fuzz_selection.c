/* Lines: "+term" selects, "-term" excludes, any other is a path. What is selected never splits
 * a set, excluded whole paths are not in it, and a second time gives the same. */
#include "downloader/selection.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "downloader/shard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	LINES_MAX = 40,
};

struct lines {
	struct str all[LINES_MAX];
	size_t n;
};

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void add_line(struct lines *lines, struct str line)
{
	if (lines->n < LINES_MAX)
		lines->all[lines->n++] = line;
}

static void check_sets(const struct lines *paths, const bool *selected)
{
	for (size_t i = 0; i < paths->n; i++) {
		struct shard a;
		struct shard b;

		if (!shard_from_path(paths->all[i], &a))
			continue;
		for (size_t j = 0; j < i; j++) {
			if (shard_from_path(paths->all[j], &b) && shard_is_same_set(&a, &b))
				require(selected[i] == selected[j]);
		}
	}
}

static void check(const struct selection *s, const struct lines *paths,
		  const struct lines *exclude, bool selects_all)
{
	bool selected[LINES_MAX] = { false };
	bool again[LINES_MAX] = { false };
	struct error err = { .code = ERR_NONE };

	if (selection_apply(s, paths->all, paths->n, selected, &err) != 0) {
		require(err.code == ERR_INVALID && err.field[0] != '\0');
		require(str_is_utf8(str_from(err.text)));
		return;
	}
	require(selection_apply(s, paths->all, paths->n, again, &err) == 0);
	require(memcmp(selected, again, sizeof(selected)) == 0);
	check_sets(paths, selected);
	for (size_t i = 0; i < paths->n; i++) {
		require(!selects_all || exclude->n > 0 || selected[i]);
		for (size_t j = 0; j < exclude->n; j++) {
			size_t first = 0;

			while (!str_is_equal(paths->all[first], paths->all[i]))
				first++;
			if (first == i && str_is_equal(paths->all[i], exclude->all[j]))
				require(!selected[i]);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	struct lines select = { .n = 0 };
	struct lines exclude = { .n = 0 };
	struct lines paths = { .n = 0 };
	struct error err = { .code = ERR_NONE };
	struct str line;
	AUTO(selection) s = NULL;

	if (size == 0 || size > 2048)
		return 0;
	while (str_next(&rest, '\n', &line)) {
		if (str_has_prefix(line, S("+")))
			add_line(&select, str_sub(line, 1, line.n));
		else if (str_has_prefix(line, S("-")))
			add_line(&exclude, str_sub(line, 1, line.n));
		else if (line.n > 0 && str_is_utf8(line))
			add_line(&paths, line);
	}
	s = selection_new(select.all, select.n, exclude.all, exclude.n, &err);
	if (s == NULL) {
		require(err.code == ERR_INVALID && err.field[0] != '\0');
		require(str_is_utf8(str_from(err.text)));
		return 0;
	}
	check(s, &paths, &exclude, select.n == 0);
	return 0;
}
