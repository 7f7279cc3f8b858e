#include "downloader/hub_parse_search.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "downloader/hub_parse_internal.h"

static const char *const format_names[] = {
	[HUB_GGUF] = "gguf",
	[HUB_SAFETENSORS] = "safetensors",
	[HUB_ONNX] = "onnx",
	[HUB_MLX] = "mlx",
};

static_assert(ARRAY_LEN(format_names) == HUB_FORMAT_COUNT, "every one has a name");

const char *hub_format_name(enum hub_format format)
{
	assert(format < HUB_FORMAT_COUNT);
	return format_names[format];
}

static uint64_t read_count(struct json_object *object, const char *name)
{
	struct json_object *value = json_get(object, name);
	int64_t n =
		json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : 0;

	return n > 0 ? (uint64_t)n : 0;
}

static void read_word(struct json_object *object, const char *name, char *out, size_t size)
{
	struct str word;

	if (hub_json_str(object, name, &word))
		hub_label(word, out, size);
}

/* "2026-03-04T05:06:07.000Z" without its fraction. */
static void read_time(struct json_object *object, char *out)
{
	static const char shape[] = "0000-00-00T00:00:00";
	struct str time;

	if (!hub_json_str(object, "lastModified", &time) || time.n < HUB_TIME_LEN ||
	    time.p[time.n - 1] != 'Z' || (time.p[19] != 'Z' && time.p[19] != '.'))
		return;
	for (size_t i = 0; shape[i] != '\0'; i++) {
		bool is_digit = time.p[i] >= '0' && time.p[i] <= '9';

		if (shape[i] == '0' ? !is_digit : time.p[i] != shape[i])
			return;
	}
	memcpy(out, time.p, HUB_TIME_LEN - 1);
	out[HUB_TIME_LEN - 1] = 'Z';
	out[HUB_TIME_LEN] = '\0';
}

/* The model that this one was made of. "base_model:acme/tiny" names it; other tags say how
 * besides: "base_model:quantized:acme/tiny". */
static void read_base(struct str tag, struct hub_row *row)
{
	struct str base = str_sub(tag, S("base_model:").n, tag.n);
	struct error unused;

	if (row->base_model[0] == '\0' && repo_id_check(base, &unused) == 0)
		memcpy(row->base_model, base.p, base.n);
}

static void read_tag(struct str tag, struct hub_row *row)
{
	if (str_has_prefix(tag, S("license:")) && row->licence[0] == '\0')
		hub_label(str_sub(tag, S("license:").n, tag.n), row->licence,
			  sizeof(row->licence));
	else if (str_has_prefix(tag, S("base_model:")))
		read_base(tag, row);
	for (unsigned i = 0; i < HUB_FORMAT_COUNT; i++) {
		if (str_is_equal(tag, str_from(format_names[i])))
			row->has_format[i] = true;
	}
}

static void read_tags(struct json_object *tags, struct hub_row *row)
{
	size_t n =
		json_object_is_type(tags, json_type_array) ? json_object_array_length(tags) : 0;

	for (size_t i = 0; i < n; i++) {
		struct str tag;

		if (hub_json_text(json_object_array_get_idx(tags, i), &tag))
			read_tag(tag, row);
	}
}

bool hub_row_read(struct json_object *entry, struct hub_row *row)
{
	struct json_object *gguf = json_get(entry, "gguf");
	struct str repo;
	struct error unused;

	if (!hub_json_str(entry, "id", &repo) || repo_id_check(repo, &unused) < 0)
		return false;
	memcpy(row->repo, repo.p, repo.n);
	hub_gated(entry, row->gated, sizeof(row->gated));
	row->is_private = json_is_true(entry, "private");
	read_word(entry, "pipeline_tag", row->task, sizeof(row->task));
	read_word(entry, "library_name", row->library, sizeof(row->library));
	read_word(gguf, "architecture", row->architecture, sizeof(row->architecture));
	read_time(entry, row->modified_at);
	row->downloads = read_count(entry, "downloads");
	row->likes = read_count(entry, "likes");
	row->context_length = read_count(gguf, "context_length");
	row->parameters = read_count(gguf, "total");
	if (row->parameters == 0)
		row->parameters = read_count(json_get(entry, "safetensors"), "total");
	read_tags(json_get(entry, "tags"), row);
	return true;
}

int hub_parse_search(struct str body, struct hub_row **ret_rows, size_t *ret_n,
		     struct error *err)
{
	AUTO_JSON page = NULL;
	struct hub_row *rows;
	size_t n = 0;

	if (hub_json_parse(body, &page, err) < 0)
		return -1;
	if (!json_object_is_type(page, json_type_array))
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the reply is not a list of repositories");
	rows = mem_array(HUB_ROWS_MAX, sizeof(*rows));
	for (size_t i = 0; i < json_object_array_length(page) && n < HUB_ROWS_MAX; i++) {
		rows[n] = (struct hub_row){ .downloads = 0 };
		if (hub_row_read(json_object_array_get_idx(page, i), &rows[n]))
			n++;
	}
	*ret_rows = rows;
	*ret_n = n;
	return 0;
}
