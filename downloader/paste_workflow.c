#include "downloader/paste_workflow.h"

#include "common/error.h"
#include "common/json.h"
#include "downloader/paste_list.h"

struct reading {
	paste_workflow_fn fn;
	void *ctx;
	bool wants_addresses; /* first pass, or the second for what has only a name */
	struct error *err;
	size_t found; /* nodes, of any kind */
};

/* Nodes that load a model, and the folder of ComfyUI's models in which they look for it (its
 * own folder_paths.py and nodes.py, and those of ComfyUI-GGUF). */
static const char *const loaders[][2] = {
	{ "CheckpointLoader", "checkpoints" },
	{ "CheckpointLoaderSimple", "checkpoints" },
	{ "ImageOnlyCheckpointLoader", "checkpoints" },
	{ "unCLIPCheckpointLoader", "checkpoints" },
	{ "UNETLoader", "diffusion_models" },
	{ "UnetLoaderGGUF", "diffusion_models" },
	{ "UnetLoaderGGUFAdvanced", "diffusion_models" },
	{ "VAELoader", "vae" },
	{ "CLIPLoader", "text_encoders" },
	{ "CLIPLoaderGGUF", "text_encoders" },
	{ "DualCLIPLoader", "text_encoders" },
	{ "DualCLIPLoaderGGUF", "text_encoders" },
	{ "TripleCLIPLoader", "text_encoders" },
	{ "TripleCLIPLoaderGGUF", "text_encoders" },
	{ "QuadrupleCLIPLoader", "text_encoders" },
	{ "LTXAVTextEncoderLoader", "text_encoders" },
	{ "LoraLoader", "loras" },
	{ "LoraLoaderModelOnly", "loras" },
	{ "ControlNetLoader", "controlnet" },
	{ "DiffControlNetLoader", "controlnet" },
	{ "CLIPVisionLoader", "clip_vision" },
	{ "StyleModelLoader", "style_models" },
	{ "UpscaleModelLoader", "upscale_models" },
	{ "LatentUpscaleModelLoader", "latent_upscale_models" },
	{ "GLIGENLoader", "gligen" },
	{ "HypernetworkLoader", "hypernetworks" },
	{ "PhotoMakerLoader", "photomaker" },
	{ "AudioEncoderLoader", "audio_encoders" },
	{ "ModelPatchLoader", "model_patches" },
};

bool paste_workflow_is_one(struct str text)
{
	return str_has_prefix(str_trim(text), S("{"));
}

static struct str text_of(struct json_object *value)
{
	if (!json_object_is_type(value, json_type_string))
		return (struct str){ .n = 0 };
	return (struct str){ .p = json_object_get_string(value),
			     .n = (size_t)json_object_get_string_len(value) };
}

static bool is_model_file(struct str name)
{
	static const char *const ends[] = { ".safetensors", ".sft", ".gguf", ".ckpt",
					    ".pth",         ".pt",  ".bin",  ".onnx" };

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (str_has_suffix_nocase(name, str_from(ends[i])))
			return true;
	}
	return false;
}

/* --- models that say where they are from --- */

static int read_models(struct reading *reading, struct json_object *models)
{
	size_t n = json_object_is_type(models, json_type_array)
			   ? json_object_array_length(models)
			   : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *model = json_object_array_get_idx(models, i);
		struct str url = text_of(json_get(model, "url"));

		if (url.n == 0)
			continue;
		reading->found++;
		if (reading->fn(reading->ctx, text_of(json_get(model, "name")), url,
				text_of(json_get(model, "directory")), reading->err) < 0)
			return -1;
	}
	return 0;
}

/* --- models that are only named --- */

static int tell_name(struct reading *reading, struct json_object *value, const char *folder)
{
	struct str name = text_of(value);

	if (!is_model_file(name))
		return 0;
	return reading->fn(reading->ctx, name, (struct str){ .n = 0 }, str_from(folder),
			   reading->err);
}

/* What its fields hold: a list as it is saved, an object as the API takes it. */
static int read_names(struct reading *reading, struct json_object *node, const char *folder)
{
	struct json_object *list = json_get(node, "widgets_values");
	struct json_object *inputs = json_get(node, "inputs");

	if (json_object_is_type(list, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(list); i++) {
			if (tell_name(reading, json_object_array_get_idx(list, i), folder) < 0)
				return -1;
		}
	}
	if (!json_object_is_type(inputs, json_type_object))
		return 0;
	json_object_object_foreach(inputs, key, value)
	{
		(void)key;
		if (tell_name(reading, value, folder) < 0)
			return -1;
	}
	return 0;
}

static int read_loader(struct reading *reading, struct json_object *node)
{
	struct str type = text_of(json_get(node, "class_type"));

	if (type.n == 0)
		type = text_of(json_get(node, "type"));
	if (type.n == 0)
		return 0;
	reading->found++;
	for (size_t i = 0; !reading->wants_addresses && i < ARRAY_LEN(loaders); i++) {
		if (str_is_equal(type, str_from(loaders[i][0])))
			return read_names(reading, node, loaders[i][1]);
	}
	return 0;
}

/* --- all of it --- */

/* Nodes lie in lists, in subgraphs, and in the object itself; depth is the parser's to bound.
 */
static int visit(struct reading *reading, struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (visit(reading, json_object_array_get_idx(value, i)) < 0)
				return -1;
		}
		return 0;
	}
	if (!json_object_is_type(value, json_type_object))
		return 0;
	if (reading->wants_addresses && read_models(reading, json_get(value, "models")) < 0)
		return -1;
	if (read_loader(reading, value) < 0)
		return -1;
	json_object_object_foreach(value, key, member)
	{
		(void)key;
		if (visit(reading, member) < 0)
			return -1;
	}
	return 0;
}

int paste_workflow_read(struct str text, paste_workflow_fn fn, void *ctx, struct error *err)
{
	struct reading reading = { .fn = fn, .ctx = ctx, .wants_addresses = true, .err = err };
	AUTO_JSON object = NULL;
	struct error why;

	if (json_parse(str_trim(text), PASTE_WORKFLOW_DEPTH, &object, &why) < 0)
		return error_set_field(err, "text", "the text begins as JSON, but %s",
				       why.text);
	if (visit(&reading, object) < 0)
		return -1;
	if (reading.found == 0)
		return error_set_field(err, "text",
				       "the text is JSON, but no workflow of ComfyUI");
	reading.wants_addresses = false;
	return visit(&reading, object);
}
