#include "downloader/model.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "downloader/selection.h"
#include "downloader/shard.h"

static const char *const kind_names[MODEL_KIND_COUNT] = {
	[MODEL_WEIGHTS] = "weights", [MODEL_COMPANION] = "companion", [MODEL_OTHER] = "other",
	[MODEL_PARTIAL] = "partial", [MODEL_FOREIGN] = "foreign",
};

static const char *const state_names[MODEL_STATE_COUNT] = {
	[MODEL_UNKNOWN] = "unknown",
	[MODEL_PROVEN] = "proven",
	[MODEL_CHANGED] = "changed",
};

/* --- the value --- */

const char *model_kind_name(enum model_kind kind)
{
	return kind_names[kind];
}

int model_kind_from_name(struct str name, enum model_kind *ret)
{
	for (unsigned i = 0; i < MODEL_KIND_COUNT; i++) {
		if (!str_is_equal(name, str_from(kind_names[i])))
			continue;
		*ret = (enum model_kind)i;
		return 0;
	}
	return -1;
}

const char *model_state_name(enum model_state state)
{
	return state_names[state];
}

int model_state_from_name(struct str name, enum model_state *ret)
{
	for (unsigned i = 0; i < MODEL_STATE_COUNT; i++) {
		if (!str_is_equal(name, str_from(state_names[i])))
			continue;
		*ret = (enum model_state)i;
		return 0;
	}
	return -1;
}

/* job_folder() writes "/" as "--". A branch may have "--" in its name; in the Hub's own
 * references
 * ("refs/pr/3") it is told apart. */
static char *revision_of(struct str text)
{
	char *revision = str_dup(text);
	size_t to = 0;

	if (!str_has_prefix(text, S("refs--")))
		return revision;
	for (size_t i = 0; i < text.n; i++) {
		bool is_slash = text.p[i] == '-' && i + 1 < text.n && text.p[i + 1] == '-';

		revision[to++] = is_slash ? '/' : text.p[i];
		i += is_slash ? 1 : 0;
	}
	revision[to] = '\0';
	return revision;
}

/* What the folder's name says of where it came from. */
static void read_folder(struct model *model)
{
	struct str rest = str_from(model->folder);
	struct str revision = S("main");
	struct error ignored;
	size_t at;

	model->type = REPO_MODEL;
	if (str_has_prefix(rest, S("datasets/"))) {
		model->type = REPO_DATASET;
		rest = str_sub(rest, S("datasets/").n, rest.n);
	}
	at = str_find_char(rest, '@');
	if (at < rest.n) {
		revision = str_sub(rest, at + 1, rest.n);
		rest = str_sub(rest, 0, at);
	}
	model->revision = revision_of(revision);
	/* A folder of one part may be anything. */
	if (str_find_char(rest, '/') < rest.n && repo_id_check(rest, &ignored) == 0)
		model->repo = str_dup(rest);
}

struct model *model_new(const char *folder)
{
	struct model *model = mem_alloc(sizeof(*model));

	atomic_init(&model->holders, 1);
	model->folder = mem_strdup(folder);
	read_folder(model);
	return model;
}

struct model *model_hold(struct model *model)
{
	(void)atomic_fetch_add(&model->holders, 1);
	return model;
}

void model_free(struct model **model)
{
	struct model *m = *model;

	*model = NULL;
	if (m == NULL || atomic_fetch_sub(&m->holders, 1) > 1)
		return;
	for (size_t i = 0; i < m->n; i++) {
		free(m->files[i].path);
		free(m->files[i].header);
		free(m->files[i].problem);
	}
	free(m->files);
	free(m->groups);
	free(m->members);
	free(m->folder);
	free(m->repo);
	free(m->revision);
	free(m->problem);
	free(m);
}

struct model_file *model_add(struct model *model, struct str path)
{
	struct model_file *file;

	model->files = mem_grow(model->files, model->n, &model->cap, sizeof(*model->files));
	file = &model->files[model->n++];
	*file = (struct model_file){ .path = str_dup(path), .group = SIZE_MAX };
	return file;
}

static int compare_paths(const void *a, const void *b)
{
	const struct model_file *x = a;
	const struct model_file *y = b;

	return strcmp(x->path, y->path);
}

const struct model_file *model_find(const struct model *model, struct str path)
{
	AUTO_CSTR text = str_dup(path);
	struct model_file key = { .path = text };

	if (model->n == 0)
		return NULL;
	return bsearch(&key, model->files, model->n, sizeof(key), compare_paths);
}

char *model_path(const struct model *model, const struct model_file *file)
{
	return strcmp(model->folder, ".") == 0 ? mem_strdup(file->path)
					       : mem_printf("%s/%s", model->folder, file->path);
}

/* --- groups --- */

/* A file that looks for its group. */
struct seeker {
	size_t file;
	struct str path;
	struct variant variant;
	bool is_part; /* of a set */
	struct shard shard;
};

static int compare_str(struct str a, struct str b)
{
	int order = memcmp(a.p, b.p, a.n < b.n ? a.n : b.n);

	if (order != 0)
		return order;
	return a.n < b.n ? -1 : a.n > b.n;
}

/* Those of one set stand together, by number. */
static int compare_sets(const struct seeker *x, const struct seeker *y)
{
	int order;

	if (!x->is_part || !y->is_part)
		return compare_str(x->path, y->path);
	order = compare_str(x->shard.prefix, y->shard.prefix);
	if (order == 0)
		order = compare_str(x->shard.suffix, y->shard.suffix);
	if (order == 0 && x->shard.count != y->shard.count)
		order = x->shard.count < y->shard.count ? -1 : 1;
	return order != 0 ? order : compare_str(x->path, y->path);
}

/* The biggest quant first, as the Hub orders them; then what has none, by name. */
static int compare_seekers(const void *a, const void *b)
{
	const struct seeker *x = a;
	const struct seeker *y = b;
	bool x_has = x->variant.quant.label[0] != '\0';
	bool y_has = y->variant.quant.label[0] != '\0';
	int order;

	if (x_has != y_has)
		return x_has ? -1 : 1;
	if (x_has && x->variant.quant.rank != y->variant.quant.rank)
		return x->variant.quant.rank < y->variant.quant.rank ? -1 : 1;
	order = strcmp(x->variant.name, y->variant.name);
	return order != 0 ? order : compare_sets(x, y);
}

static void add_header(struct model_group *group, const struct model_header *header)
{
	uint64_t parameters =
		header->is_gguf ? header->gguf.parameters : header->safetensors.parameters;
	uint64_t bytes =
		header->is_gguf ? header->gguf.tensor_bytes : header->safetensors.tensor_bytes;

	/* A header may claim anything, or have tensors of a type that is not known here: then
	 * the sum is not known either. */
	group->is_unknown =
		group->is_unknown || (header->is_gguf && header->gguf.has_unknown_type) ||
		__builtin_add_overflow(group->parameters, parameters, &group->parameters) ||
		__builtin_add_overflow(group->weights_bytes, bytes, &group->weights_bytes);
	if (group->is_unknown)
		group->parameters = group->weights_bytes = 0;
}

static void add_to_group(struct model *model, struct model_group *group,
			 const struct seeker *seeker, const struct seeker *before)
{
	struct model_file *file = &model->files[seeker->file];

	file->group = (size_t)(group - model->groups);
	group->files++;
	group->bytes += file->size;
	if (file->header != NULL && !file->header->is_config)
		add_header(group, file->header);
	if (!seeker->is_part) {
		group->parts_wanted++;
		return;
	}
	if (before == NULL || !before->is_part ||
	    !shard_is_same_set(&before->shard, &seeker->shard)) {
		group->parts_wanted += seeker->shard.count;
		group->parts_missing += seeker->shard.count;
	}
	group->parts_missing--;
}

static struct seeker *find_seekers(const struct model *model, size_t *ret_n)
{
	struct seeker *seekers = mem_array(model->n, sizeof(*seekers));
	struct str *paths = mem_array(model->n, sizeof(*paths));
	struct variant *variants = mem_array(model->n, sizeof(*variants));
	size_t n = 0;

	for (size_t i = 0; i < model->n; i++)
		paths[i] = str_from(model->files[i].path);
	variant_name_all(paths, model->n, variants);
	for (size_t i = 0; i < model->n; i++) {
		struct seeker *seeker = &seekers[n];

		if (model->files[i].kind != MODEL_WEIGHTS)
			continue;
		seeker->file = i;
		seeker->path = paths[i];
		seeker->variant = variants[i];
		seeker->is_part = shard_from_path(paths[i], &seeker->shard);
		n++;
	}
	free(paths);
	free(variants);
	qsort(seekers, n, sizeof(*seekers), compare_seekers);
	*ret_n = n;
	return seekers;
}

static void make_groups(struct model *model)
{
	size_t n = 0;
	struct seeker *seekers = find_seekers(model, &n);
	struct model_group *group = NULL;

	model->groups = mem_array(n, sizeof(*model->groups));
	model->members = mem_array(n, sizeof(*model->members));
	for (size_t i = 0; i < n; i++) {
		bool is_new = i == 0 ||
			      strcmp(seekers[i].variant.name, seekers[i - 1].variant.name) != 0;

		if (is_new) {
			group = &model->groups[model->n_groups++];
			group->variant = seekers[i].variant;
			group->first_member = i;
		}
		model->members[i] = seekers[i].file;
		add_to_group(model, group, &seekers[i], is_new ? NULL : &seekers[i - 1]);
	}
	free(seekers);
}

const struct model_file *model_member(const struct model *model, size_t group, size_t i)
{
	return &model->files[model->members[model->groups[group].first_member + i]];
}

/* The parts of one set, as its files go by. */
struct roll {
	void (*fn)(void *ctx, const char *path);
	void *ctx;
	size_t *left; /* that may still be told */
	struct shard set;
	unsigned next;
};

static void tell_until(struct roll *roll, unsigned number)
{
	for (; roll->next<number && * roll->left> 0; roll->next++, (*roll->left)--) {
		AUTO_CSTR path = mem_printf("%.*s-%05u-of-%05u%.*s", (int)roll->set.prefix.n,
					    roll->set.prefix.p, roll->next, roll->set.count,
					    (int)roll->set.suffix.n, roll->set.suffix.p);

		roll->fn(roll->ctx, path);
	}
}

static void end_set(struct roll *roll)
{
	if (roll->set.count > 0)
		tell_until(roll, roll->set.count + 1);
}

void model_missing(const struct model *model, size_t group, size_t *left,
		   void (*fn)(void *ctx, const char *path), void *ctx)
{
	struct roll roll = { .fn = fn, .ctx = ctx, .left = left };

	for (size_t i = 0; i<model->groups[group].files && * left> 0; i++) {
		struct shard shard;

		if (!shard_from_path(str_from(model_member(model, group, i)->path), &shard))
			continue;
		if (roll.set.count == 0 || !shard_is_same_set(&roll.set, &shard)) {
			end_set(&roll);
			roll.set = shard;
			roll.next = 1;
		}
		tell_until(&roll, shard.number);
		roll.next = shard.number + 1;
	}
	end_set(&roll);
}

/* --- the conclusions --- */

bool model_is_content(const struct model_file *file)
{
	return file->kind != MODEL_PARTIAL && file->kind != MODEL_FOREIGN;
}

bool model_has_content(const struct model *model)
{
	for (size_t i = 0; i < model->n; i++) {
		if (model_is_content(&model->files[i]))
			return true;
	}
	return false;
}

/* Bytes on a disk do not overflow 64 bits, but a sparse file may have any size. */
static void add_bytes(uint64_t *sum, uint64_t bytes)
{
	if (__builtin_add_overflow(*sum, bytes, sum))
		*sum = UINT64_MAX;
}

static bool speaks_better(const struct model_file *file, const struct model_file *than)
{
	return file->header != NULL && file->kind == MODEL_WEIGHTS &&
	       (than == NULL || file->size > than->size);
}

static void sum_up(struct model *model)
{
	for (size_t i = 0; i < model->n; i++) {
		const struct model_file *file = &model->files[i];

		model->problems += file->problem != NULL ? 1 : 0;
		if (!model_is_content(file)) {
			if (file->kind == MODEL_PARTIAL)
				add_bytes(&model->partial_bytes, file->size);
			continue;
		}
		add_bytes(&model->bytes, file->size);
		model->by_state[file->state]++;
		if (file->mtime_ns > model->mtime_ns)
			model->mtime_ns = file->mtime_ns;
		if (speaks_better(file, model->main))
			model->main = file;
	}
}

/* The one that all came with, if there is one. */
static void find_commit(struct model *model)
{
	const char *commit = NULL;

	for (size_t i = 0; i < model->n; i++) {
		if (!model_is_content(&model->files[i]))
			continue;
		if (commit != NULL && strcmp(model->files[i].commit, commit) != 0)
			return;
		commit = model->files[i].commit;
	}
	if (commit != NULL)
		memcpy(model->commit, commit, sizeof(model->commit));
}

void model_finish(struct model *model)
{
	if (model->n > 0)
		qsort(model->files, model->n, sizeof(*model->files), compare_paths);
	make_groups(model);
	sum_up(model);
	find_commit(model);
	for (size_t i = 0; i < model->n_groups; i++)
		model->parts_missing += model->groups[i].parts_missing;
}

bool model_is_settled(const struct model *model, int64_t mtime_ns)
{
	enum {
		STEP_MS = 2000 /* of FAT, the coarsest */
	};

	return mtime_ns / 1000000 + STEP_MS < model->looked_ms;
}

static bool is_header_equal(const struct model_header *a, const struct model_header *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return memcmp(a, b, sizeof(*a)) == 0;
}

static bool is_text_equal(const char *a, const char *b)
{
	return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

static bool is_file_equal(const struct model_file *a, const struct model_file *b)
{
	return strcmp(a->path, b->path) == 0 && a->kind == b->kind && a->state == b->state &&
	       a->size == b->size && a->mtime_ns == b->mtime_ns &&
	       strcmp(a->digest, b->digest) == 0 && strcmp(a->commit, b->commit) == 0 &&
	       a->vouched_ms == b->vouched_ms && is_header_equal(a->header, b->header) &&
	       is_text_equal(a->problem, b->problem);
}

bool model_is_equal(const struct model *a, const struct model *b)
{
	if (strcmp(a->folder, b->folder) != 0 || a->n != b->n || a->is_git != b->is_git ||
	    a->is_flat != b->is_flat || !is_text_equal(a->problem, b->problem))
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (!is_file_equal(&a->files[i], &b->files[i]))
			return false;
	}
	return true;
}
