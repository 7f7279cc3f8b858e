/* Does what a preview has shown fit this machine, and which variant is the one to take? */
#include "downloader/ops.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/hf_config.h"
#include "downloader/hub_bytes.h"
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
	struct fit_host host;
	struct hub_bytes *config; /* config.json, where that is what tells the shape; or NULL */
	struct memory_shape shape;
	char architecture[HF_CONFIG_WORD_MAX]; /* or "" */
	uint64_t context_length;
	char problem[ERROR_TEXT_MAX]; /* why the shape is not known, or "" */
	char *text;
};

static void fitting_free(struct fitting *f)
{
	planned_free(&f->planned);
	hub_bytes_free(&f->config);
	free(f->text);
	free(f);
}

/* --- on a file worker --- */

static void add_number(struct json_object *object, const char *key, uint64_t number)
{
	json_take(object, key, number > 0 ? json_object_new_uint64(number) : NULL);
}

static bool has_shape(const struct fitting *f)
{
	return f->shape.kv_heads > 0;
}

static uint64_t cache_bytes(const struct fitting *f, enum memory_cache cache)
{
	return has_shape(f) ? memory_need_cache(&f->shape, f->context, cache) : 0;
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
	json_add_u64(object, "needed", fit_need(group->bytes, cache));
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
	json_add_bool(object, "poor", fit_is_poor(&choices[best]));
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
			.verdict = fit_judge(&f->host, fit_need(groups[i].bytes, cache)),
		};
		(void)json_object_array_add(
			array, group_to_json(&groups[i], cache, choices[i].verdict));
	}
	json_take(object, "groups", array);
	json_take(object, "recommended", recommended_to_json(f, groups, choices, models));
	free(choices);
	free(groups);
}

static void set_problem(struct fitting *f, const struct error *err)
{
	memcpy(f->problem, err->text, sizeof(f->problem));
}

static void read_config(struct fitting *f)
{
	struct hf_config config;
	struct error err;

	if (hf_config_read(hub_bytes_str(f->config), &config, &err) < 0) {
		set_problem(f, &err);
		return;
	}
	f->shape = (struct memory_shape){ .kv_heads = config.kv_heads,
					  .key_length = config.key_length,
					  .value_length = config.value_length };
	f->context_length = config.context_length;
	memcpy(f->architecture, config.architecture, sizeof(config.architecture));
}

static void render(struct pool_task *task)
{
	struct fitting *f = (struct fitting *)task;
	AUTO_JSON object = json_object_new_object();

	if (f->config != NULL && f->problem[0] == '\0')
		read_config(f);
	json_add_cstr(object, "id", f->id);
	json_add_u64(object, "context", f->context);
	json_add_cstr(object, "architecture",
		      f->architecture[0] != '\0' ? f->architecture : NULL);
	add_number(object, "context_length", f->context_length);
	json_take(object, "cache", has_shape(f) ? cache_to_json(f) : NULL);
	json_add_cstr(object, "problem", f->problem[0] != '\0' ? f->problem : NULL);
	json_take(object, "host", host_to_json(&f->host));
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

	if (gguf != NULL) {
		f->shape = (struct memory_shape){ .kv_heads = gguf->kv_heads,
						  .key_length = gguf->key_length,
						  .value_length = gguf->value_length };
		f->context_length = gguf->context_length;
		memcpy(f->architecture, gguf->architecture, sizeof(gguf->architecture));
	}
	if (err != NULL)
		set_problem(f, err);
	pool_submit(f->ops->pool, &f->task);
}

static void on_config(void *ctx, const struct error *err)
{
	struct fitting *f = ctx;

	if (err != NULL)
		set_problem(f, err);
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

static struct hubfile_identity identity_of(const struct fitting *f, const struct hub_file *file)
{
	return (struct hubfile_identity){ .type = REPO_MODEL,
					  .repo = f->planned->listing->info.repo,
					  .commit = f->planned->listing->info.commit,
					  .path = file->path,
					  .digest = file->digest,
					  .size = file->size };
}

/* Without a GGUF file the shape is in config.json, where transformers have one. */
static void ask_for_config(struct fitting *f)
{
	const struct hub_file *file = hub_tree_find(f->planned->listing->tree, "config.json");
	struct hubfile_identity identity;

	if (file == NULL || file->size == 0 || file->size > HF_CONFIG_MAX) {
		pool_submit(f->ops->pool, &f->task);
		return;
	}
	identity = identity_of(f, file);
	f->config = hub_bytes_new(f->ops->hub, &identity);
	hub_bytes_ask(f->config, HF_CONFIG_MAX, on_config, f);
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
		ask_for_config(f);
		return;
	}
	identity = identity_of(f, file);
	hub_head(f->ops->heads, &identity, on_head, f);
}

/* This machine, with the cards that the settings say. */
static struct fit_host host_of(const struct ops *ops)
{
	const struct settings_gpus *gpus = settings_gpus(ops->settings);
	struct fit_host host = ops->host;

	host.n_gpus = gpus->n;
	memcpy(host.gpus, gpus->bytes, sizeof(host.gpus));
	return host;
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
	f->host = host_of(ops);
	f->context = (uint64_t)json_get_int(params, "context", MODEL_CONTEXT_DEFAULT);
	(void)planner_start(ops->planner, shown, on_planned, f);
}
