/* What is in a pasted text that may hold several things; nobody is asked. */
#include "downloader/ops.h"

#include <stdlib.h>

#include "common/schema.h"
#include "downloader/job.h"
#include "downloader/paste_list.h"

enum {
	NAMES_MAX = 32, /* files without an address that are looked for in the library */
};

static_assert((int)SCHEMA_PASTE_MAX == (int)PASTE_LIST_MAX,
	      "what may be asked is what can be read");

static void add_terms(struct json_object *object, const char *name, char *const *terms,
		      size_t n)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(array, json_object_new_string(terms[i]));
	json_take(object, name, array);
}

/* The files that the entry names are in the library. Of a whole repository nobody can tell
 * without the Hub. */
static bool is_present(const struct ops *ops, const struct paste *paste)
{
	AUTO_CSTR folder = job_folder(paste->type, paste->repo,
				      paste->revision != NULL ? paste->revision : "main");
	const struct model *model = library_find(ops->library, str_from(folder));

	if (model == NULL)
		return false;
	for (size_t i = 0; i < paste->n_select; i++) {
		const struct model_file *file = model_find(model, str_from(paste->select[i]));

		if (file == NULL || !model_is_content(file))
			return false;
	}
	return paste->n_select > 0 && paste->n_exclude == 0;
}

static bool has_name(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->n; i++) {
		struct str path = str_from(model->files[i].path);
		size_t slash = str_rfind_char(path, '/');
		struct str last = slash < path.n ? str_sub(path, slash + 1, path.n) : path;

		if (str_is_equal(last, str_from(name)) && model_is_content(&model->files[i]))
			return true;
	}
	return false;
}

/* A file of that name is somewhere in the library. */
static bool is_somewhere(const struct ops *ops, const char *name)
{
	size_t n = 0;
	struct model *const *models = library_models(ops->library, &n);

	for (size_t i = 0; i < n; i++) {
		if (has_name(models[i], name))
			return true;
	}
	return false;
}

static void add_meaning(struct json_object *object, const struct paste *paste)
{
	json_add_cstr(object, "repo", paste->repo);
	json_add_cstr(object, "type", repo_type_name(paste->type));
	json_add_cstr(object, "revision", paste->revision != NULL ? paste->revision : "main");
	json_add_cstr(object, "form", paste->form);
	add_terms(object, "select", paste->select, paste->n_select);
	add_terms(object, "exclude", paste->exclude, paste->n_exclude);
}

static void add_nothing(struct json_object *object)
{
	static const char *const members[] = { "repo", "type",   "revision",
					       "form", "select", "exclude" };

	for (size_t i = 0; i < ARRAY_LEN(members); i++)
		json_take(object, members[i], NULL);
}

static struct json_object *entry_to_json(const struct ops *ops, const struct paste_entry *entry,
					 size_t *names_left)
{
	struct json_object *object = json_object_new_object();
	bool is_here = false;

	if (entry->paste != NULL) {
		add_meaning(object, entry->paste);
		is_here = is_present(ops, entry->paste);
	} else {
		add_nothing(object);
	}
	if (entry->paste == NULL && entry->name != NULL && *names_left > 0) {
		(*names_left)--;
		is_here = is_somewhere(ops, entry->name);
	}
	json_add_cstr(object, "text", entry->text);
	json_add_cstr(object, "name", entry->name);
	json_add_cstr(object, "folder", entry->folder[0] != '\0' ? entry->folder : NULL);
	json_add_bool(object, "present", is_here);
	json_add_cstr(object, "problem", entry->paste == NULL ? entry->error.text : NULL);
	return object;
}

/* One call: the text is read on a file worker, since a long one takes its time. */
struct pasting {
	struct pool_task task; /* first */
	struct ops *ops;
	struct control_call *call;
	char *text;
	struct paste_list *list; /* or NULL with the error */
	struct error error;
};

static void read_text(struct pool_task *task)
{
	struct pasting *pasting = (struct pasting *)task;

	pasting->list =
		paste_list_parse(str_from(pasting->text),
				 str_from(hub_endpoint(pasting->ops->hub)), &pasting->error);
}

static void on_read(struct pool_task *task)
{
	struct pasting *pasting = (struct pasting *)task;
	const struct paste_list *list = pasting->list;
	size_t names_left = NAMES_MAX;

	if (list != NULL) {
		struct json_object *object = json_object_new_object();
		struct json_object *array = json_object_new_array();

		for (size_t i = 0; i < list->n; i++)
			(void)json_object_array_add(
				array,
				entry_to_json(pasting->ops, &list->entries[i], &names_left));
		json_add_cstr(object, "kind", paste_list_kind_name(list->kind));
		json_take(object, "entries", array);
		control_reply(pasting->call, object);
	} else {
		control_fail(pasting->call, &pasting->error, NULL);
	}
	paste_list_free(&pasting->list);
	free(pasting->text);
	free(pasting);
}

void ops_paste_read(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct pasting *pasting = mem_alloc(sizeof(*pasting));

	pasting->task.run = read_text;
	pasting->task.done = on_read;
	pasting->ops = ops;
	pasting->call = call;
	pasting->text = str_dup(json_get_str(params, "text"));
	pool_submit(ops->pool, &pasting->task);
}
