#include "downloader/preview.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"

struct sums {
	uint64_t files_selected;
	uint64_t files_replaced;
	uint64_t bytes_total;
	uint64_t bytes_selected;
	uint64_t bytes_to_fetch;
};

static void add_text(struct json_object *object, const char *key, const char *text)
{
	json_add_cstr(object, key, text[0] != '\0' ? text : NULL);
}

static struct json_object *file_to_json(const struct planned_file *file)
{
	struct json_object *object = json_object_new_object();
	const struct variant *variant = &file->variant;

	json_add_cstr(object, "path", file->file->path);
	json_add_u64(object, "size", file->file->size);
	json_add_cstr(object, "algorithm", digest_algorithm_name(file->file->algorithm));
	json_add_cstr(object, "digest", file->file->digest);
	add_text(object, "quant", variant->quant.label);
	add_text(object, "group", variant->name);
	json_add_bool(object, "companion", variant_is_companion(variant->kind));
	json_add_bool(object, "selected", file->is_selected);
	json_add_bool(object, "present", file->is_present);
	json_add_bool(object, "replaces", file->is_other);
	return object;
}

static const char *some_of(size_t n, size_t of)
{
	if (n == 0)
		return "none";
	return n == of ? "all" : "some";
}

static struct json_object *group_to_json(const struct preview_group *group)
{
	struct json_object *object = json_object_new_object();
	const struct variant *variant = &group->first->variant;
	const struct quant *quant = &variant->quant;

	json_add_cstr(object, "name", variant->name);
	json_add_cstr(object, "kind", variant_kind_name(variant->kind));
	add_text(object, "quant", quant->label);
	if (quant->bpw_centi > 0)
		json_take(object, "bits_per_weight",
			  json_object_new_double(quant->bpw_centi / 100.0));
	json_add_u64(object, "files", group->n);
	json_add_u64(object, "bytes", group->bytes);
	json_add_cstr(object, "selected", some_of(group->n_selected, group->n));
	json_add_cstr(object, "present", some_of(group->n_present, group->n));
	return object;
}

static int compare_names(const void *a, const void *b)
{
	const struct planned_file *const *x = a;
	const struct planned_file *const *y = b;

	return strcmp((*x)->variant.name, (*y)->variant.name);
}

/* What is quantised before what is not, and what helps a model last. */
static unsigned place_of(const struct variant *variant)
{
	if (!variant_is_weights(variant->kind))
		return 2;
	return variant->quant.label[0] != '\0' ? 0 : 1;
}

/* Big ones first, as the Hub orders quants; what has no quant by name. */
static int compare_groups(const void *a, const void *b)
{
	const struct variant *x = &((const struct preview_group *)a)->first->variant;
	const struct variant *y = &((const struct preview_group *)b)->first->variant;

	if (place_of(x) != place_of(y))
		return place_of(x) < place_of(y) ? -1 : 1;
	if (place_of(x) == 0 && x->quant.rank != y->quant.rank)
		return x->quant.rank < y->quant.rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* Files of variants, in runs of the same name. */
struct preview_group *preview_groups(const struct planned *planned, size_t *ret_n)
{
	const struct planned_file **members =
		mem_array(planned->n, sizeof(const struct planned_file *));
	struct preview_group *groups = mem_array(planned->n, sizeof(*groups));
	size_t n_members = 0;
	size_t n = 0;

	for (size_t i = 0; i < planned->n; i++) {
		if (planned->files[i].variant.name[0] != '\0')
			members[n_members++] = &planned->files[i];
	}
	qsort((void *)members, n_members, sizeof(*members), compare_names);
	for (size_t i = 0; i < n_members; i++) {
		if (i == 0 || compare_names(&members[i], &members[i - 1]) != 0)
			groups[n++].first = members[i];
		groups[n - 1].n++;
		groups[n - 1].n_selected += members[i]->is_selected;
		groups[n - 1].n_present += members[i]->is_present;
		groups[n - 1].bytes += members[i]->file->size;
	}
	free((void *)members);
	qsort(groups, n, sizeof(*groups), compare_groups);
	*ret_n = n;
	return groups;
}

static struct json_object *groups_to_json(const struct planned *planned, bool *ret_has_more)
{
	struct json_object *array = json_object_new_array();
	size_t n = 0;
	struct preview_group *groups = preview_groups(planned, &n);

	for (size_t i = 0; i < n && i < PREVIEW_GROUPS_MAX; i++)
		(void)json_object_array_add(array, group_to_json(&groups[i]));
	free(groups);
	*ret_has_more = n > PREVIEW_GROUPS_MAX;
	return array;
}

static struct sums add_up(const struct planned *planned)
{
	struct sums sums = { 0 };

	for (size_t i = 0; i < planned->n; i++) {
		const struct planned_file *file = &planned->files[i];

		sums.bytes_total += file->file->size;
		if (!file->is_selected)
			continue;
		sums.files_selected++;
		sums.files_replaced += file->is_other;
		sums.bytes_selected += file->file->size;
		if (!file->is_present)
			sums.bytes_to_fetch += file->file->size;
	}
	return sums;
}

static struct json_object *disk_to_json(const struct preview_room *room, uint64_t to_fetch)
{
	struct json_object *object = json_object_new_object();

	json_add_u64(object, "free", room->free_bytes);
	json_add_u64(object, "reserved", room->reserved_bytes);
	json_add_u64(object, "kept_free", room->min_free_bytes);
	json_add_int(object, "after",
		     (int64_t)room->free_bytes - (int64_t)room->reserved_bytes -
			     (int64_t)room->min_free_bytes - (int64_t)to_fetch);
	return object;
}

/* "Model acme/tiny, revision v1: Q4_K_M", and what it was read from when it was not just a
 * name. */
static char *say_understood(const struct planned *planned, const struct choice *choice,
			    const char *form)
{
	AUTO(buf) text = buf_new((size_t)512 * 1024);

	buf_addf(text, "%s %s", choice->type == REPO_DATASET ? "Dataset" : "Model",
		 planned->listing->info.repo);
	if (strcmp(choice->revision, "main") != 0)
		buf_addf(text, ", revision %s", choice->revision);
	for (size_t i = 0; i < choice->select.n; i++)
		buf_addf(text, "%s%s", i == 0 ? ": " : ", ", choice->select.v[i]);
	for (size_t i = 0; i < choice->exclude.n; i++)
		buf_addf(text, "%s%s", i == 0 ? "; without " : ", ", choice->exclude.v[i]);
	if (strcmp(form, "a repository") != 0)
		buf_addf(text, " (from %s)", form);
	return buf_take(text);
}

static void add_facts(struct json_object *object, const struct planned *planned,
		      const struct choice *choice, const char *form)
{
	const struct hub_info *info = &planned->listing->info;
	AUTO_CSTR understood = say_understood(planned, choice, form);
	AUTO_CSTR folder = job_folder(choice->type, info->repo, choice->revision);

	json_add_cstr(object, "understood", understood);
	json_add_cstr(object, "repo", info->repo);
	json_add_cstr(object, "type", repo_type_name(choice->type));
	json_add_cstr(object, "revision", choice->revision);
	json_add_cstr(object, "commit", info->commit);
	json_add_cstr(object, "folder", folder);
	json_take(object, "select", terms_to_json(&choice->select));
	json_take(object, "exclude", terms_to_json(&choice->exclude));
	if (info->gated[0] != '\0')
		json_add_cstr(object, "gated", info->gated);
	else
		json_add_bool(object, "gated", false);
	json_add_cstr(object, "licence", info->licence[0] != '\0' ? info->licence : NULL);
}

char *preview_text(const struct planned *planned, const struct choice *choice, const char *form,
		   const char *id, const struct preview_room *room)
{
	AUTO_JSON object = json_object_new_object();
	struct json_object *files = json_object_new_array();
	struct sums sums = add_up(planned);
	bool has_more_groups = false;

	json_add_cstr(object, "id", id);
	add_facts(object, planned, choice, form);
	for (size_t i = 0; i < planned->n; i++)
		(void)json_object_array_add(files, file_to_json(&planned->files[i]));
	json_take(object, "files", files);
	json_take(object, "groups", groups_to_json(planned, &has_more_groups));
	json_add_bool(object, "has_more_groups", has_more_groups);
	json_add_u64(object, "files_total", planned->n);
	json_add_u64(object, "files_selected", sums.files_selected);
	json_add_u64(object, "files_replaced", sums.files_replaced);
	json_add_u64(object, "bytes_total", sums.bytes_total);
	json_add_u64(object, "bytes_selected", sums.bytes_selected);
	json_add_u64(object, "bytes_to_fetch", sums.bytes_to_fetch);
	json_take(object, "disk", disk_to_json(room, sums.bytes_to_fetch));
	json_take(object, "memory",
		  room->memory_bytes > 0 ? json_object_new_uint64(room->memory_bytes) : NULL);
	return str_dup(json_text(object));
}
