/* What a preview and a download are asked with, understood. */
#include "downloader/ops.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "common/relpath.h"

#include "downloader/paste.h"
#include "downloader/selection.h"

/* What was pasted first, what was given beside it after; a revision or type given beside it
 * wins. */
static int take_paste(struct choice *choice, struct paste *paste, struct json_object *params,
		      struct error *err)
{
	struct str type = json_get_str(params, "type");
	struct str revision = json_get_str(params, "revision");
	struct str commit = json_get_str(params, "commit");

	choice->type = paste->type;
	choice->repo = MOVE(paste->repo);
	if (type.n > 0 && repo_type_from_name(type, &choice->type, err) < 0)
		return -1;
	if (type.n > 0 && paste->type_is_given && choice->type != paste->type)
		return error_set_field(err, "type",
				       "the address is a %s's, the type says otherwise",
				       repo_type_name(paste->type));
	if (revision.n > 0 && revision_check(revision, err) < 0)
		return -1;
	if (revision.n > 0)
		choice->revision = str_dup(revision);
	else
		choice->revision =
			mem_strdup(paste->revision != NULL ? paste->revision : "main");
	if (commit.n > 0 && !commit_is_valid(commit))
		return error_set_field(err, "commit",
				       "commit must be 40 lower-case hex digits");
	memcpy(choice->commit, commit.p != NULL ? commit.p : "", commit.n);
	return 0;
}

/* The pasted terms and those of the member, without repeats. */
static void take_terms(struct terms *to, char **pasted, size_t n_pasted,
		       struct json_object *array)
{
	size_t n = json_object_is_type(array, json_type_array) ? json_object_array_length(array)
							       : 0;

	to->v = mem_array(n_pasted + n, sizeof(*to->v));
	for (size_t i = 0; i < n_pasted; i++)
		to->v[to->n++] = mem_strdup(pasted[i]);
	for (size_t i = 0; i < n; i++) {
		const char *term = json_object_get_string(json_object_array_get_idx(array, i));
		bool is_known = false;

		for (size_t j = 0; j < to->n; j++)
			is_known = is_known || strcmp(to->v[j], term) == 0;
		if (!is_known)
			to->v[to->n++] = mem_strdup(term);
	}
}

/* A term that cannot mean anything is refused before it is queued. What it matches is known
 * later. */
static int check_terms(const struct choice *choice, struct error *err)
{
	AUTO(selection) selection = planner_compile(choice, err);

	return selection != NULL ? 0 : -1;
}

/* The revision becomes part of a folder's name, which a file system limits. */
static int check_folder(const struct choice *choice, struct error *err)
{
	AUTO_CSTR folder = job_folder(choice->type, choice->repo, choice->revision);
	size_t n = relpath_basename(str_from(folder)).n;

	if (n > NAME_MAX)
		return error_set_field(
			err, "revision",
			"revision is too long: the folder's name would have %zu bytes, %d"
			" are possible",
			n, NAME_MAX);
	return 0;
}

int ops_read_choice(const struct ops *ops, struct json_object *params, struct choice *ret,
		    char **ret_form, struct error *err)
{
	AUTO(paste) paste = NULL;

	*ret = (struct choice){ .repo = NULL };
	*ret_form = NULL;
	paste = paste_parse(json_get_str(params, "repo"), str_from(hub_endpoint(ops->hub)),
			    err);
	if (paste == NULL)
		return error_prefix(err, "repo");
	if (take_paste(ret, paste, params, err) < 0)
		return -1;
	take_terms(&ret->select, paste->select, paste->n_select, json_get(params, "select"));
	take_terms(&ret->exclude, paste->exclude, paste->n_exclude,
		   json_get(params, "exclude"));
	*ret_form = mem_strdup(paste->form);
	return check_folder(ret, err) < 0 ? -1 : check_terms(ret, err);
}
