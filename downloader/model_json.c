/*
 * A model in the words of the API: a row of a list, and the whole.
 */
#include "downloader/model.h"

#include <stddef.h>
#include <string.h>

#include "common/json.h"
#include "common/relpath.h"

static const char *const cache_names[MEMORY_CACHE_COUNT] = {
	[MEMORY_CACHE_F16] = "f16",
	[MEMORY_CACHE_Q8_0] = "q8_0",
	[MEMORY_CACHE_Q4_0] = "q4_0",
};

static void add_text(struct json_object *object, const char *name, const char *text)
{
	json_add_cstr(object, name, text != NULL && text[0] != '\0' ? text : NULL);
}

/* 0 is not known. */
static void add_number(struct json_object *object, const char *name, uint64_t number)
{
	if (number > 0)
		json_add_u64(object, name, number);
	else
		json_take(object, name, NULL);
}

static void add_time_ns(struct json_object *object, const char *name, int64_t ns)
{
	json_add_time(object, name, ns / 1000000);
}

/* --- headers --- */

static const struct gguf *gguf_of(const struct model_file *file)
{
	return file != NULL && file->header != NULL && file->header->is_gguf
		       ? &file->header->gguf
		       : NULL;
}

/* What config.json says of the whole, or NULL. */
static const struct hf_config *config_of(const struct model *model)
{
	const struct model_file *file = model_find(model, S("config.json"));

	return file != NULL && file->header != NULL && file->header->is_config
		       ? &file->header->config
		       : NULL;
}

static const char *main_type(const struct safetensors *s)
{
	enum safetensors_type type = safetensors_main_type(s);

	return type < SAFETENSORS_TYPE_COUNT ? safetensors_type_name(type) : NULL;
}

/* What a header has, under the names of the API; so it is kept in the database, too. */
struct member {
	const char *name;
	size_t offset;
	size_t size; /* of a text */
};

#define GGUF_NUMBER(member)                                              \
	{                                                                \
#member, offsetof(struct gguf, member), sizeof(uint64_t) \
	}
#define GGUF_TEXT(member)                                                                  \
	{                                                                                  \
#member, offsetof(struct gguf, member), sizeof(((struct gguf *)0)->member) \
	}

static const struct member gguf_numbers[] = {
	GGUF_NUMBER(n_tensors),         GGUF_NUMBER(parameters),
	GGUF_NUMBER(tensor_bytes),      GGUF_NUMBER(context_length),
	GGUF_NUMBER(embedding_length),  GGUF_NUMBER(block_count),
	GGUF_NUMBER(head_count),        GGUF_NUMBER(kv_heads),
	GGUF_NUMBER(key_length),        GGUF_NUMBER(value_length),
	GGUF_NUMBER(sliding_window),    GGUF_NUMBER(expert_count),
	GGUF_NUMBER(expert_used_count), GGUF_NUMBER(vocabulary),
	GGUF_NUMBER(split_number),      GGUF_NUMBER(split_count),
};

static const struct member gguf_texts[] = {
	GGUF_TEXT(architecture), GGUF_TEXT(name),      GGUF_TEXT(size_label),
	GGUF_TEXT(type),         GGUF_TEXT(file_type), GGUF_TEXT(tensor_type),
};

#define CONFIG_NUMBER(member)                                                 \
	{                                                                     \
#member, offsetof(struct hf_config, member), sizeof(uint64_t) \
	}

static const struct member config_numbers[] = {
	CONFIG_NUMBER(context_length), CONFIG_NUMBER(embedding_length),
	CONFIG_NUMBER(block_count),    CONFIG_NUMBER(head_count),
	CONFIG_NUMBER(kv_heads),       CONFIG_NUMBER(key_length),
	CONFIG_NUMBER(value_length),   CONFIG_NUMBER(sliding_window),
	CONFIG_NUMBER(vocabulary),
};

static const uint64_t *number_in(const void *facts, const struct member *member)
{
	return (const uint64_t *)(const void *)((const char *)facts + member->offset);
}

static void set_number(void *facts, const struct member *member, uint64_t number)
{
	memcpy((char *)facts + member->offset, &number, sizeof(number));
}

static void set_text(char *to, size_t room, struct str text)
{
	text = str_sub(text, 0, room - 1);
	if (text.n > 0)
		memcpy(to, text.p, text.n);
}

static struct json_object *gguf_to_json(const struct gguf *g)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, "format", "gguf");
	json_add_u64(object, "version", g->version);
	json_add_bool(object, "big_endian", g->is_big_endian);
	json_add_bool(object, "chat_template", g->has_chat_template);
	json_add_bool(object, "unknown_types", g->has_unknown_type);
	for (size_t i = 0; i < ARRAY_LEN(gguf_texts); i++)
		add_text(object, gguf_texts[i].name, (const char *)g + gguf_texts[i].offset);
	for (size_t i = 0; i < ARRAY_LEN(gguf_numbers); i++)
		add_number(object, gguf_numbers[i].name, *number_in(g, &gguf_numbers[i]));
	return object;
}

static struct json_object *safetensors_to_json(const struct safetensors *s)
{
	struct json_object *object = json_object_new_object();
	struct json_object *types = json_object_new_object();

	for (unsigned i = 0; i < SAFETENSORS_TYPE_COUNT; i++) {
		if (s->of_type[i] > 0)
			json_add_u64(types, safetensors_type_name((enum safetensors_type)i),
				     s->of_type[i]);
	}
	json_add_cstr(object, "format", "safetensors");
	add_text(object, "tensor_type", main_type(s));
	add_number(object, "n_tensors", s->n_tensors);
	add_number(object, "parameters", s->parameters);
	add_number(object, "tensor_bytes", s->tensor_bytes);
	json_take(object, "types", types);
	return object;
}

static struct json_object *config_to_json(const struct hf_config *config)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, "format", "config");
	add_text(object, "architecture", config->architecture);
	for (size_t i = 0; i < ARRAY_LEN(config_numbers); i++)
		add_number(object, config_numbers[i].name,
			   *number_in(config, &config_numbers[i]));
	return object;
}

struct json_object *model_header_to_json(const struct model_header *header)
{
	if (header->is_config)
		return config_to_json(&header->config);
	return header->is_gguf ? gguf_to_json(&header->gguf)
			       : safetensors_to_json(&header->safetensors);
}

static uint64_t get_number(struct json_object *object, const char *name)
{
	return json_object_get_uint64(json_get(object, name));
}

static void gguf_from_json(struct json_object *object, struct gguf *g)
{
	g->version = (uint32_t)get_number(object, "version");
	g->is_big_endian = json_is_true(object, "big_endian");
	g->has_chat_template = json_is_true(object, "chat_template");
	g->has_unknown_type = json_is_true(object, "unknown_types");
	for (size_t i = 0; i < ARRAY_LEN(gguf_numbers); i++) {
		set_number(g, &gguf_numbers[i], get_number(object, gguf_numbers[i].name));
	}
	for (size_t i = 0; i < ARRAY_LEN(gguf_texts); i++) {
		set_text((char *)g + gguf_texts[i].offset, gguf_texts[i].size,
			 json_get_str(object, gguf_texts[i].name));
	}
}

/* The bytes of each type follow from its elements. */
static void safetensors_from_json(struct json_object *object, struct safetensors *s)
{
	struct json_object *types = json_get(object, "types");

	s->n_tensors = get_number(object, "n_tensors");
	s->parameters = get_number(object, "parameters");
	s->tensor_bytes = get_number(object, "tensor_bytes");
	for (unsigned i = 0; types != NULL && i < SAFETENSORS_TYPE_COUNT; i++) {
		enum safetensors_type type = (enum safetensors_type)i;

		s->of_type[i] = get_number(types, safetensors_type_name(type));
		s->bytes_of_type[i] = safetensors_type_bytes(type, s->of_type[i]);
	}
}

static void config_from_json(struct json_object *object, struct hf_config *config)
{
	set_text(config->architecture, sizeof(config->architecture),
		 json_get_str(object, "architecture"));
	for (size_t i = 0; i < ARRAY_LEN(config_numbers); i++)
		set_number(config, &config_numbers[i],
			   get_number(object, config_numbers[i].name));
}

struct model_header *model_header_from_json(struct json_object *object)
{
	struct model_header *header;
	struct str format = json_get_str(object, "format");

	if (!str_is_equal(format, S("gguf")) && !str_is_equal(format, S("safetensors")) &&
	    !str_is_equal(format, S("config")))
		return NULL;
	header = mem_alloc(sizeof(*header));
	header->is_gguf = str_is_equal(format, S("gguf"));
	header->is_config = str_is_equal(format, S("config"));
	if (header->is_config)
		config_from_json(object, &header->config);
	else if (header->is_gguf)
		gguf_from_json(object, &header->gguf);
	else
		safetensors_from_json(object, &header->safetensors);
	return header;
}

/* --- formats --- */

/* "gguf", "safetensors": what follows the last dot. */
static struct str format_of(const char *path)
{
	struct str name = relpath_basename(str_from(path));

	return str_sub(name, str_rfind_char(name, '.') + 1, name.n);
}

/* Each format of the model's groups, once. */
static struct json_object *formats_to_json(const struct model *model)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < model->n_groups; i++) {
		struct str format = format_of(model_member(model, i, 0)->path);
		bool is_known = false;

		for (size_t k = 0; k < json_object_array_length(array) && !is_known; k++)
			is_known = str_is_equal(format,
						str_from(json_object_get_string(
							json_object_array_get_idx(array, k))));
		if (!is_known)
			(void)json_object_array_add(
				array, json_object_new_string_len(format.p, (int)format.n));
	}
	return array;
}

static struct json_object *quants_to_json(const struct model *model)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < model->n_groups; i++) {
		if (model->groups[i].variant.quant.label[0] != '\0')
			(void)json_object_array_add(
				array,
				json_object_new_string(model->groups[i].variant.quant.label));
	}
	return array;
}

/* --- the row --- */

static uint64_t most_parameters(const struct model *model)
{
	uint64_t most = 0;

	for (size_t i = 0; i < model->n_groups; i++) {
		if (model->groups[i].parameters > most)
			most = model->groups[i].parameters;
	}
	return most;
}

struct json_object *model_to_row(const struct model *model)
{
	struct json_object *object = json_object_new_object();
	const struct gguf *gguf = gguf_of(model->main);
	const struct hf_config *config = gguf == NULL ? config_of(model) : NULL;
	uint64_t context = gguf != NULL     ? gguf->context_length
			   : config != NULL ? config->context_length
					    : 0;

	json_add_cstr(object, "folder", model->folder);
	json_add_cstr(object, "type", repo_type_name(model->type));
	json_add_cstr(object, "repo", model->repo);
	json_add_cstr(object, "revision", model->revision);
	add_text(object, "commit", model->commit);
	json_take(object, "formats", formats_to_json(model));
	json_take(object, "quants", quants_to_json(model));
	add_text(object, "architecture",
		 gguf != NULL     ? gguf->architecture
		 : config != NULL ? config->architecture
				  : NULL);
	add_number(object, "parameters", most_parameters(model));
	add_number(object, "context_length", context);
	json_add_u64(object, "files_total",
		     model->by_state[MODEL_UNKNOWN] + model->by_state[MODEL_PROVEN] +
			     model->by_state[MODEL_CHANGED]);
	json_add_u64(object, "bytes", model->bytes);
	json_add_u64(object, "partial_bytes", model->partial_bytes);
	json_add_u64(object, "files_proven", model->by_state[MODEL_PROVEN]);
	json_add_u64(object, "files_unknown", model->by_state[MODEL_UNKNOWN]);
	json_add_u64(object, "files_changed", model->by_state[MODEL_CHANGED]);
	json_add_u64(object, "parts_missing", model->parts_missing);
	json_add_u64(object, "problems", model->problems);
	json_add_cstr(object, "problem", model->problem);
	json_add_bool(object, "git", model->is_git);
	add_time_ns(object, "modified_at", model->mtime_ns);
	return object;
}

/* --- the whole --- */

static void add_missing(void *ctx, const char *path)
{
	(void)json_object_array_add(ctx, json_object_new_string(path));
}

/* The header of the group that knows its shape: its parts may have but tensors. */
static const struct gguf *shape_of(const struct model *model, size_t group)
{
	for (size_t i = 0; i < model->groups[group].files; i++) {
		const struct gguf *gguf = gguf_of(model_member(model, group, i));

		if (gguf != NULL && gguf->kv_heads > 0)
			return gguf;
	}
	return NULL;
}

static struct json_object *memory_to_json(const struct model *model, size_t group,
					  uint64_t context)
{
	struct json_object *object = json_object_new_object();
	struct json_object *cache = json_object_new_object();
	const struct gguf *gguf = shape_of(model, group);
	const struct hf_config *config = gguf == NULL ? config_of(model) : NULL;
	struct memory_shape shape = { 0 };

	if (gguf != NULL)
		shape = (struct memory_shape){ .kv_heads = gguf->kv_heads,
					       .key_length = gguf->key_length,
					       .value_length = gguf->value_length };
	else if (config != NULL)
		shape = (struct memory_shape){ .kv_heads = config->kv_heads,
					       .key_length = config->key_length,
					       .value_length = config->value_length };
	for (unsigned i = 0; i < MEMORY_CACHE_COUNT; i++)
		add_number(cache, cache_names[i],
			   memory_need_cache(&shape, context, (enum memory_cache)i));
	add_number(object, "weights", model->groups[group].weights_bytes);
	json_add_u64(object, "context", context);
	json_take(object, "cache", cache);
	json_add_bool(object, "sliding_window",
		      (gguf != NULL && gguf->sliding_window > 0) ||
			      (config != NULL && config->sliding_window > 0));
	return object;
}

static struct json_object *group_to_json(const struct model *model, size_t i, uint64_t context,
					 size_t *missing_left)
{
	const struct model_group *group = &model->groups[i];
	struct json_object *object = json_object_new_object();
	struct json_object *missing = json_object_new_array();
	struct str format = format_of(model_member(model, i, 0)->path);

	model_missing(model, i, missing_left, add_missing, missing);
	json_add_cstr(object, "name", group->variant.name);
	add_text(object, "quant", group->variant.quant.label);
	if (group->variant.quant.bpw_centi > 0)
		json_take(object, "bits_per_weight",
			  json_object_new_double(group->variant.quant.bpw_centi / 100.0));
	json_add_str(object, "format", format);
	json_add_u64(object, "files", group->files);
	json_add_u64(object, "bytes", group->bytes);
	json_add_u64(object, "parts", group->parts_wanted - group->parts_missing);
	json_add_u64(object, "parts_wanted", group->parts_wanted);
	json_take(object, "missing", missing);
	add_number(object, "parameters", group->parameters);
	json_take(object, "memory", memory_to_json(model, i, context));
	return object;
}

static struct json_object *file_to_json(const struct model *model,
					const struct model_file *file)
{
	struct json_object *object = json_object_new_object();
	bool is_grouped = file->group < model->n_groups;

	json_add_cstr(object, "path", file->path);
	json_add_u64(object, "size", file->size);
	json_add_cstr(object, "kind", model_kind_name(file->kind));
	json_add_cstr(object, "state", model_state_name(file->state));
	json_add_cstr(object, "group",
		      is_grouped ? model->groups[file->group].variant.name : NULL);
	add_text(object, "digest", file->digest);
	add_text(object, "commit", file->commit);
	json_add_time(object, "vouched_at", file->vouched_ms);
	add_time_ns(object, "modified_at", file->mtime_ns);
	json_take(object, "header",
		  file->header != NULL ? model_header_to_json(file->header) : NULL);
	json_add_cstr(object, "problem", file->problem);
	return object;
}

struct json_object *model_to_json(const struct model *model, uint64_t context)
{
	struct json_object *object = model_to_row(model);
	struct json_object *groups = json_object_new_array();
	struct json_object *files = json_object_new_array();
	size_t missing_left = MODEL_MISSING_MAX;

	for (size_t i = 0; i < model->n_groups && i < MODEL_GROUPS_TOLD; i++)
		(void)json_object_array_add(groups,
					    group_to_json(model, i, context, &missing_left));
	for (size_t i = 0; i < model->n && i < MODEL_TOLD_MAX; i++)
		(void)json_object_array_add(files, file_to_json(model, &model->files[i]));
	json_take(object, "groups", groups);
	json_take(object, "files", files);
	json_add_bool(object, "has_more_groups", model->n_groups > MODEL_GROUPS_TOLD);
	json_add_bool(object, "has_more_files", model->n > MODEL_TOLD_MAX);
	return object;
}
