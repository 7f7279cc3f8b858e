#include "downloader/diff.h"

#include <stdlib.h>
#include <string.h>

#include "common/relpath.h"
#include "downloader/shard.h"

/* --- sets of which the disk has a part --- */

struct sets {
	struct shard *v; /* of each set one part, by compare_sets() */
	size_t n;
	size_t cap;
};

/* Whatever the number of its parts: a new version may have more. */
static int compare_sets(const void *a, const void *b)
{
	const struct shard *x = a;
	const struct shard *y = b;
	int order = str_compare(x->prefix, y->prefix);

	return order != 0 ? order : str_compare(x->suffix, y->suffix);
}

static void find_sets(const struct model *model, struct sets *ret)
{
	for (size_t i = 0; i < model->n; i++) {
		struct shard shard;

		if (!model_is_content(&model->files[i]) ||
		    !shard_from_path(str_from(model->files[i].path), &shard))
			continue;
		if (ret->n > 0 && compare_sets(&ret->v[ret->n - 1], &shard) == 0)
			continue; /* files are by path: those of a set are together */
		ret->v = mem_grow(ret->v, ret->n, &ret->cap, sizeof(*ret->v));
		ret->v[ret->n++] = shard;
	}
	if (ret->n > 0)
		qsort(ret->v, ret->n, sizeof(*ret->v), compare_sets);
}

static bool is_part(const struct sets *sets, const char *path)
{
	struct shard shard;

	return sets->n > 0 && shard_from_path(str_from(path), &shard) &&
	       bsearch(&shard, sets->v, sets->n, sizeof(*sets->v), compare_sets) != NULL;
}

/* --- file by file --- */

static struct diff_file compare(const struct model_file *here, const struct hub_file *there)
{
	struct diff_file result = { .change = DIFF_SAME,
				    .is_broken = here->state == MODEL_CHANGED };

	if (here->digest[0] == '\0')
		result.change = here->size == there->size ? DIFF_UNSURE : DIFF_CHANGED;
	else if (strcmp(here->digest, there->digest) != 0)
		result.change = DIFF_CHANGED;
	return result;
}

static void add_file(struct diff *diff, const struct model *model, const struct sets *sets,
		     const struct hub_file *there)
{
	const struct model_file *here = model_find(model, str_from(there->path));
	struct diff_file *to = &diff->files[diff->n++];

	if (here != NULL && model_is_content(here))
		*to = compare(here, there);
	else if (is_part(sets, there->path))
		*to = (struct diff_file){ .change = DIFF_PART, .is_broken = true };
	if (to->change == DIFF_CHANGED || to->change == DIFF_PART) {
		diff->n_changed++;
		diff->bytes += there->size;
	} else if (to->change == DIFF_ELSEWHERE) {
		diff->n_elsewhere++;
	}
}

static void find_gone(struct diff *diff, const struct model *model, const struct hub_tree *tree)
{
	diff->gone = mem_array(model->n, sizeof(const struct model_file *));
	for (size_t i = 0; i < model->n; i++) {
		const struct model_file *file = &model->files[i];

		if (model_is_content(file) && file->state == MODEL_PROVEN &&
		    hub_tree_find(tree, file->path) == NULL)
			diff->gone[diff->n_gone++] = file;
	}
}

struct diff *diff_new(const struct model *model, const struct hub_tree *tree)
{
	struct diff *diff = mem_alloc(sizeof(*diff));
	struct sets sets = { .n = 0 };

	find_sets(model, &sets);
	diff->files = mem_array(tree->n, sizeof(*diff->files));
	for (size_t i = 0; i < tree->n; i++)
		add_file(diff, model, &sets, &tree->files[i]);
	find_gone(diff, model, tree);
	free(sets.v);
	return diff;
}

void diff_free(struct diff **diff)
{
	struct diff *d = *diff;

	*diff = NULL;
	if (d == NULL)
		return;
	free(d->files);
	free((void *)d->gone);
	free(d);
}

/* --- in words --- */

/* "14.1 GB", as the field counts them. */
static char *size_words(uint64_t bytes)
{
	static const char *const units[] = { "KB", "MB", "GB", "TB" };
	double value = (double)bytes / 1000.0;
	size_t unit = 0;

	if (bytes < 1000)
		return mem_printf("%llu bytes", (unsigned long long)bytes);
	while (value >= 999.5 && unit + 1 < ARRAY_LEN(units)) {
		value /= 1000.0;
		unit++;
	}
	return mem_printf(unit > 1 ? "%.1f %s" : "%.0f %s", value, units[unit]);
}

static bool is_news(const struct diff_file *file)
{
	return file->change == DIFF_CHANGED || file->change == DIFF_PART;
}

/* All that changes, when it is of one set: the number of its parts; else 0. */
static size_t count_parts(const struct diff *diff, const struct hub_tree *tree)
{
	struct shard set = { .count = 0 };

	for (size_t i = 0; i < diff->n; i++) {
		struct shard shard;

		if (!is_news(&diff->files[i]))
			continue;
		if (!shard_from_path(str_from(tree->files[i].path), &shard) ||
		    (set.count > 0 && !shard_is_same_set(&set, &shard)))
			return 0;
		set = shard;
	}
	return set.count;
}

static const char *first_changed(const struct diff *diff, const struct hub_tree *tree)
{
	for (size_t i = 0; i < diff->n; i++) {
		if (is_news(&diff->files[i]))
			return tree->files[i].path;
	}
	return "";
}

static char *changed_words(const struct diff *diff, const struct hub_tree *tree)
{
	size_t parts = count_parts(diff, tree);
	AUTO_CSTR size = size_words(diff->bytes);

	if (diff->n_changed == 0)
		return mem_strdup("nothing to fetch");
	if (parts > 0)
		return mem_printf("%zu of %zu parts, %s", diff->n_changed, parts, size);
	if (diff->n_changed == 1)
		return mem_printf("%s only, %s", first_changed(diff, tree), size);
	return mem_printf("%zu files, %s", diff->n_changed, size);
}

char *diff_words(const struct diff *diff, const struct hub_tree *tree)
{
	AUTO_CSTR changed = changed_words(diff, tree);

	if (diff->n_changed == 0 && diff->n_gone == 0)
		return mem_strdup("up to date");
	if (diff->n_gone == 0)
		return MOVE(changed);
	return mem_printf("%s; %zu %s no longer there", changed, diff->n_gone,
			  diff->n_gone == 1 ? "is" : "are");
}

/* --- commits --- */

const char *diff_shared_commit(const struct model *model)
{
	const char *commit = "";

	for (size_t i = 0; i < model->n; i++) {
		const struct model_file *file = &model->files[i];

		if (!model_is_content(file) || file->commit[0] == '\0')
			continue;
		if (commit[0] != '\0' && strcmp(commit, file->commit) != 0)
			return "";
		commit = file->commit;
	}
	return commit;
}

/* --- repair --- */

static bool concerns_repair(const struct model *model, const struct model_file *file)
{
	if (!model_is_content(file))
		return false;
	return file->state == MODEL_CHANGED ||
	       (file->group != SIZE_MAX && model->groups[file->group].parts_missing > 0);
}

bool diff_is_broken(const struct model *model)
{
	for (size_t i = 0; i < model->n; i++) {
		if (concerns_repair(model, &model->files[i]))
			return true;
	}
	return false;
}

const char *diff_repair_commit(const struct model *model)
{
	const char *commit = "";

	for (size_t i = 0; i < model->n; i++) {
		const struct model_file *file = &model->files[i];

		if (!concerns_repair(model, file) || file->commit[0] == '\0')
			continue;
		if (commit[0] != '\0' && strcmp(commit, file->commit) != 0)
			return "";
		commit = file->commit;
	}
	return commit[0] != '\0' ? commit : diff_shared_commit(model);
}
