/* What is asked of the Hub for somebody who chooses. */
#include "downloader/ops.h"

#include <stdlib.h>

#include "downloader/hub_model.h"
#include "downloader/hub_url.h"
#include "downloader/job.h"

/* A question under way. */
struct asking {
	struct ops *ops;
	struct control_call *call;
	enum repo_type type;
};

static const struct {
	const char *name;
	enum hub_order order;
} orders[] = {
	{ "trending", HUB_BY_TRENDING }, { "downloads", HUB_BY_DOWNLOADS },
	{ "likes", HUB_BY_LIKES },       { "modified", HUB_BY_MODIFIED },
	{ "created", HUB_BY_CREATED },
};

static int read_order(struct json_object *params, enum hub_order *ret, struct error *err)
{
	struct str sort = json_get_str(params, "sort");

	*ret = HUB_BY_TRENDING;
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		if (!str_is_equal(sort, str_from(orders[i].name)))
			continue;
		*ret = orders[i].order;
		return 0;
	}
	if (sort.n > 0)
		return error_set_field(
			err, "sort",
			"sort must be trending, downloads, likes, modified or created");
	return 0;
}

static int read_format(struct json_object *params, struct str *ret, struct error *err)
{
	*ret = json_get_str(params, "format");
	for (unsigned i = 0; i < HUB_FORMAT_COUNT; i++) {
		if (str_is_equal(*ret, str_from(hub_format_name((enum hub_format)i))))
			return 0;
	}
	return ret->n == 0 ? 0
			   : error_set_field(err, "format",
					     "format must be gguf, safetensors, onnx or mlx");
}

static int read_range(struct json_object *params, struct hub_query *query, struct error *err)
{
	query->min_parameters = (uint64_t)json_get_int(params, "min_parameters", 0);
	query->max_parameters = (uint64_t)json_get_int(params, "max_parameters", 0);
	if (query->max_parameters > 0 && query->min_parameters > query->max_parameters)
		return error_set_field(err, "min_parameters",
				       "min_parameters is more than max_parameters");
	return 0;
}

static int read_query(struct json_object *params, struct hub_query *query, struct error *err)
{
	struct str type = json_get_str(params, "type");

	*query = (struct hub_query){
		.text = str_trim(json_get_str(params, "q")),
		.author = json_get_str(params, "author"),
		.task = json_get_str(params, "task"),
		.tags = json_get_str(params, "tags"),
		.limit = (unsigned)json_get_int(params, "limit", HUB_SEARCH_LIMIT),
		.cursor = json_get_str(params, "cursor"),
	};
	if ((type.n > 0 && repo_type_from_name(type, &query->type, err) < 0) ||
	    read_format(params, &query->format, err) < 0 ||
	    read_order(params, &query->order, err) < 0 || read_range(params, query, err) < 0)
		return -1;
	if (query->cursor.n > 0 && !hub_cursor_is_valid(query->cursor))
		return error_set_field(err, "cursor", "cursor is not one that was given out");
	return 0;
}

static void add_words(struct json_object *object, const char *name, const char *words)
{
	if (words[0] != '\0')
		json_add_cstr(object, name, words);
	else
		json_take(object, name, NULL);
}

static void add_number(struct json_object *object, const char *name, uint64_t number)
{
	if (number > 0)
		json_add_u64(object, name, number);
	else
		json_take(object, name, NULL);
}

static struct json_object *row_to_json(const struct ops *ops, enum repo_type type,
				       const struct hub_row *row)
{
	struct json_object *object = json_object_new_object();
	struct json_object *formats = json_object_new_array();
	AUTO_CSTR folder = job_folder(type, row->repo, "main");
	const struct model *model;

	for (unsigned i = 0; i < HUB_FORMAT_COUNT; i++) {
		if (row->has_format[i])
			(void)json_object_array_add(
				formats,
				json_object_new_string(hub_format_name((enum hub_format)i)));
	}
	json_add_cstr(object, "repo", row->repo);
	json_add_cstr(object, "type", repo_type_name(type));
	add_words(object, "gated", row->gated);
	json_add_bool(object, "private", row->is_private);
	add_words(object, "task", row->task);
	add_words(object, "library", row->library);
	add_words(object, "licence", row->licence);
	add_words(object, "base_model", row->base_model);
	add_words(object, "architecture", row->architecture);
	json_take(object, "formats", formats);
	add_number(object, "parameters", row->parameters);
	add_number(object, "context_length", row->context_length);
	json_add_u64(object, "downloads", row->downloads);
	json_add_u64(object, "likes", row->likes);
	add_words(object, "modified_at", row->modified_at);
	model = library_find(ops->library, str_from(folder));
	json_add_bool(object, "present", model != NULL && model_has_content(model));
	return object;
}

/* {"remaining","reset_s"}, or null when the Hub has not told. */
static struct json_object *quota_to_json(const struct ops *ops)
{
	struct json_object *object;
	uint64_t remaining;
	uint64_t reset_s;

	if (!hub_tell_quota(ops->hub, &remaining, &reset_s))
		return NULL;
	object = json_object_new_object();
	json_add_u64(object, "remaining", remaining);
	json_add_u64(object, "reset_s", reset_s);
	return object;
}

static void on_found(void *ctx, const struct hub_found *found, const struct error *err)
{
	struct asking *asking = ctx;
	struct json_object *result;
	struct json_object *rows;

	if (err != NULL) {
		control_fail(asking->call, err, NULL);
		free(asking);
		return;
	}
	result = json_object_new_object();
	rows = json_object_new_array();
	for (size_t i = 0; i < found->n; i++)
		(void)json_object_array_add(
			rows, row_to_json(asking->ops, asking->type, &found->rows[i]));
	json_take(result, "results", rows);
	if (found->cursor != NULL)
		json_add_cstr(result, "next_cursor", found->cursor);
	else
		json_take(result, "next_cursor", NULL);
	json_take(result, "quota", quota_to_json(asking->ops));
	control_reply(asking->call, result);
	free(asking);
}

void ops_hub_search(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct asking *asking;
	struct hub_query query;
	struct error err;

	if (read_query(params, &query, &err) < 0) {
		control_fail(call, &err, NULL);
		return;
	}
	asking = mem_alloc(sizeof(*asking));
	asking->ops = ops;
	asking->call = call;
	asking->type = query.type;
	hub_search(ops->search, &query, on_found, asking);
}

/* --- one repository --- */

/* {"done","issues":[{"path","level"}],"issues_total"}, or null when the Hub did not tell. */
static struct json_object *scan_to_json(const struct hub_facts *facts)
{
	struct json_object *object;
	struct json_object *issues;
	size_t n = facts->n_issues < HUB_ISSUES_MAX ? facts->n_issues : HUB_ISSUES_MAX;

	if (!facts->has_scan)
		return NULL;
	object = json_object_new_object();
	issues = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		struct json_object *issue = json_object_new_object();

		json_add_cstr(issue, "path", facts->issues[i].path);
		json_add_cstr(issue, "level", facts->issues[i].level);
		(void)json_object_array_add(issues, issue);
	}
	json_add_bool(object, "done", facts->is_scanned);
	json_take(object, "issues", issues);
	json_add_u64(object, "issues_total", facts->n_issues);
	return object;
}

static struct json_object *facts_to_json(const struct ops *ops, enum repo_type type,
					 const struct hub_model *model)
{
	struct json_object *object = row_to_json(ops, type, &model->facts.row);
	AUTO_CSTR page = hub_url_page(hub_endpoint(ops->hub), type, model->facts.row.repo);

	add_words(object, "commit", model->facts.commit);
	json_add_cstr(object, "page", page);
	json_take(object, "scan", scan_to_json(&model->facts));
	json_add_bool(object, "card_is_cut", model->is_cut);
	json_add_cstr(object, "card_problem", model->problem);
	return object;
}

static void on_model(void *ctx, const struct hub_model *model, const struct error *err)
{
	struct asking *asking = ctx;
	AUTO_JSON object = NULL;
	struct str facts;

	if (err != NULL) {
		control_fail(asking->call, err, NULL);
		free(asking);
		return;
	}
	object = facts_to_json(asking->ops, asking->type, model);
	facts = json_text(object);
	/* The card is text already: it becomes the last member. */
	control_reply_text(asking->call,
			   mem_printf("%.*s,\"card\":%s}", (int)facts.n - 1, facts.p,
				      model->card != NULL ? model->card : "null"));
	free(asking);
}

void ops_hub_model(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct str type = json_get_str(params, "type");
	struct str repo = json_get_str(params, "repo");
	AUTO_CSTR id = str_dup(repo);
	struct asking *asking;
	enum repo_type repo_type = REPO_MODEL;
	struct error err;

	if (repo_id_check(repo, &err) < 0 ||
	    (type.n > 0 && repo_type_from_name(type, &repo_type, &err) < 0)) {
		control_fail(call, &err, NULL);
		return;
	}
	asking = mem_alloc(sizeof(*asking));
	asking->ops = ops;
	asking->call = call;
	asking->type = repo_type;
	hub_model(ops->hub_models, repo_type, id, on_model, asking);
}
