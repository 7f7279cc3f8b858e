/* Does what a preview has shown fit this machine, and which variant is the one to take? */
#include "downloader/ops.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/hub_head.h"
#include "downloader/memory_need.h"
#include "downloader/preview.h"
#include "downloader/previews.h"
#include "downloader/shard.h"

/* One call under way: planned and asked for on the loop, rendered on a worker. */
struct fitting {
	struct pool_task task; /* first */
	struct ops *ops;
	struct control_call *call;
	char id[DOWNLOAD_ID_LEN + 1];
	uint64_t context;
	struct planned *planned;
	bool has_shape;
	struct gguf shape;
	char problem[ERROR_TEXT_MAX]; /* why the shape is not known, or "" */
	char *text;
};

static void fitting_free(struct fitting *f)
{
	planned_free(&f->planned);
	free(f->text);
	free(f);
}

/* --- on a file worker --- */

static void add_number(struct json_object *object, const char *key, uint64_t number)
{
	json_take(object, key, number > 0 ? json_object_new_uint64(number) : NULL);
}

static uint64_t cache_bytes(const struct fitting *f, enum memory_cache cache)
{
	struct memory_shape shape = { .kv_heads = f->shape.kv_heads,
				      .key_length = f->shape.key_length,
				      .value_length = f->shape.value_length };

	return f->has_shape ? memory_need_cache(&shape, f->context, cache) : 0;
}

static struct json_object *cache_to_json(const struct fitting *f)
{
	struct json_object *object = json_object_new_object();

	add_number(object, "f16", cache_bytes(f, MEMORY_CACHE_F16));
	add_number(object, "q8_0", cache_bytes(f, MEMORY_CACHE_Q8_0));
	add_number(object, "q4_0", cache_bytes(f, MEMORY_CACHE_Q4_0));
	return object;
}

static struct json_object *host_to_json(const struct fit_host *host)
{
	struct json_object *object = json_object_new_object();
	struct json_object *gpus = json_object_new_array();

	for (size_t i = 0; i < host->n_gpus; i++)
		(void)json_object_array_add(gpus, json_object_new_uint64(host->gpus[i]));
	add_number(object, "memory", host->memory);
	json_take(object, "gpus", gpus);
	return object;
}

static struct json_object *group_to_json(const struct preview_group *group, uint64_t cache,
					 enum fit_verdict verdict)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, "name", group->first->variant.name);
	json_add_u64(object, "weights", group->bytes);
	json_add_u64(object, "needed",
		     cache > UINT64_MAX - group->bytes ? UINT64_MAX : group->bytes + cache);
	json_add_cstr(object, "fit", fit_verdict_name(verdict));
	return object;
}

static struct json_object *recommended_to_json(const struct fitting *f,
					       const struct preview_group *groups,
					       const struct fit_choice *choices, size_t n)
{
	size_t best = fit_recommend(choices, n);
	struct json_object *object;
	AUTO_CSTR reason = NULL;

	if (best == n)
		return NULL;
	object = json_object_new_object();
	reason = fit_reason(&choices[best], f->context);
	json_add_cstr(object, "group", groups[best].first->variant.name);
	json_add_cstr(object, "reason", reason);
	return object;
}

/* The models among the groups, which come first; what helps them is not judged. */
static size_t count_models(const struct preview_group *groups, size_t n)
{
	size_t models = 0;

	while (models < n && models < PREVIEW_GROUPS_MAX &&
	       variant_is_weights(groups[models].first->variant.kind))
		models++;
	return models;
}

static void add_groups(struct json_object *object, const struct fitting *f)
{
	static const struct quant none = { .label = "" };
	size_t n = 0;
	struct preview_group *groups = preview_groups(f->planned, &n);
	size_t models = count_models(groups, n);
	struct fit_choice *choices = mem_array(models, sizeof(*choices));
	struct json_object *array = json_object_new_array();
	uint64_t cache = cache_bytes(f, MEMORY_CACHE_F16);

	for (size_t i = 0; i < models; i++) {
		const struct variant *variant = &groups[i].first->variant;

		choices[i] = (struct fit_choice){
			.quant = variant->kind == VARIANT_GGUF ? &variant->quant : &none,
			.bytes = groups[i].bytes,
			.verdict = fit_judge(&f->ops->host, groups[i].bytes, cache),
		};
		(void)json_object_array_add(
			array, group_to_json(&groups[i], cache, choices[i].verdict));
	}
	json_take(object, "groups", array);
	json_take(object, "recommended", recommended_to_json(f, groups, choices, models));
	free(choices);
	free(groups);
}

static void render(struct pool_task *task)
{
	struct fitting *f = (struct fitting *)task;
	AUTO_JSON object = json_object_new_object();

	json_add_cstr(object, "id", f->id);
	json_add_u64(object, "context", f->context);
	json_add_cstr(object, "architecture",
		      f->shape.architecture[0] != '\0' ? f->shape.architecture : NULL);
	add_number(object, "context_length", f->shape.context_length);
	json_take(object, "cache", f->has_shape ? cache_to_json(f) : NULL);
	json_add_cstr(object, "problem", f->problem[0] != '\0' ? f->problem : NULL);
	json_take(object, "host", host_to_json(&f->ops->host));
	add_groups(object, f);
	f->text = str_dup(json_text(object));
}

/* --- on the loop --- */

static void on_rendered(struct pool_task *task)
{
	struct fitting *f = (struct fitting *)task;

	control_reply_text(f->call, MOVE(f->text));
	fitting_free(f);
}

static void on_head(void *ctx, const struct gguf *gguf, const struct error *err)
{
	struct fitting *f = ctx;

	f->has_shape = gguf != NULL && gguf->kv_heads > 0;
	if (gguf != NULL)
		f->shape = *gguf;
	if (err != NULL)
		memcpy(f->problem, err->text, sizeof(f->problem));
	pool_submit(f->ops->pool, &f->task);
}

/* The GGUF file to ask what the model is: all of a repository tell the same. The first of a set
 * has the keys; the smallest is the least work for whoever must send more than the head. */
static const struct hub_file *find_head(const struct planned *planned)
{
	const struct hub_file *best = NULL;

	for (size_t i = 0; i < planned->n; i++) {
		const struct planned_file *file = &planned->files[i];
		struct shard shard;

		if (file->variant.kind != VARIANT_GGUF || file->file->size == 0 ||
		    (shard_from_path(str_from(file->file->path), &shard) && shard.number != 1))
			continue;
		if (best == NULL || file->file->size < best->size)
			best = file->file;
	}
	return best;
}

static void on_planned(void *ctx, struct planned *take_planned, const struct error *err)
{
	struct fitting *f = ctx;
	struct hubfile_identity identity;
	const struct hub_file *file;

	if (err != NULL) {
		control_fail(f->call, err, NULL);
		fitting_free(f);
		return;
	}
	f->planned = take_planned;
	file = find_head(f->planned);
	if (file == NULL) {
		pool_submit(f->ops->pool, &f->task);
		return;
	}
	identity = (struct hubfile_identity){ .type = REPO_MODEL,
					      .repo = f->planned->listing->info.repo,
					      .commit = f->planned->listing->info.commit,
					      .path = file->path,
					      .digest = file->digest,
					      .size = file->size };
	hub_head(f->ops->heads, &identity, on_head, f);
}

void ops_preview_fit(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct str id = json_get_str(params, "id");
	const struct choice *shown = previews_find(ops->previews, id);
	struct fitting *f;
	struct error err;

	if (shown == NULL || shown->type != REPO_MODEL) {
		(void)error_set(&err, shown == NULL ? ERR_UNKNOWN_PREVIEW : ERR_INVALID,
				shown == NULL ? "what was shown is not known any more"
					      : "a dataset is nothing to run");
		control_fail(call, &err, NULL);
		return;
	}
	f = mem_alloc(sizeof(*f));
	f->task.run = render;
	f->task.done = on_rendered;
	f->ops = ops;
	f->call = call;
	memcpy(f->id, id.p, id.n);
	f->context = (uint64_t)json_get_int(params, "context", MODEL_CONTEXT_DEFAULT);
	(void)planner_start(ops->planner, shown, on_planned, f);
}
