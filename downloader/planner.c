#include "downloader/planner.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/diff.h"
#include "downloader/digest.h"
#include "downloader/localdir.h"
#include "downloader/selection.h"
#include "downloader/shard.h"
#include "downloader/survey.h"
#include "downloader/trash.h"

struct planner {
	struct loop *loop;
	struct pool *pool;
	struct hub *hub;
	int models_root;
};

struct planner_call {
	struct pool_task task; /* first */
	struct planner *planner;
	struct choice choice;
	struct hub_call *hub_call;
	struct planned *planned;
	struct error error;
	planner_done_fn done; /* NULL once cancelled */
	void *ctx;
};

void choice_clear(struct choice *choice)
{
	free(choice->repo);
	free(choice->revision);
	terms_clear(&choice->select);
	terms_clear(&choice->exclude);
	*choice = (struct choice){ .repo = NULL };
}

void choice_copy(struct choice *to, const struct choice *from)
{
	*to = *from;
	to->repo = mem_strdup(from->repo);
	to->revision = mem_strdup(from->revision);
	to->model = NULL;
	to->select = (struct terms){ .v = NULL };
	to->exclude = (struct terms){ .v = NULL };
	terms_copy(&to->select, from->select.v, from->select.n);
	terms_copy(&to->exclude, from->exclude.v, from->exclude.n);
}

void planned_free(struct planned **planned)
{
	if (*planned == NULL)
		return;
	for (size_t i = 0; i < (*planned)->n_gone; i++)
		free((*planned)->gone[i]);
	free((void *)(*planned)->gone);
	hub_listing_free(&(*planned)->listing);
	free((*planned)->files);
	free(*planned);
	*planned = NULL;
}

struct plan *planned_to_plan(const struct planned *planned)
{
	struct plan *plan = plan_new(planned->n + planned->n_gone);

	plan->n = 0;
	for (size_t i = 0; i < planned->n; i++) {
		const struct hub_file *file = planned->files[i].file;
		struct plan_file *to = &plan->files[plan->n];

		if (!planned->files[i].is_selected)
			continue;
		to->path = mem_strdup(file->path);
		to->size = file->size;
		to->algorithm = file->algorithm;
		memcpy(to->digest, file->digest, sizeof(to->digest));
		to->bytes_done = planned->files[i].is_present ? file->size : 0;
		plan->n++;
	}
	for (size_t i = 0; i < planned->n_gone; i++) {
		struct plan_file *to = &plan->files[plan->n++];

		to->path = mem_strdup(planned->gone[i]);
		to->state = FILE_GONE;
	}
	return plan;
}

/* A path has no NUL: what is one file's cannot be taken for two. */
static void add_shown(struct digest *digest, const struct hub_file *file)
{
	AUTO_CSTR size = mem_printf("%llu", (unsigned long long)file->size);

	digest_update(digest, (struct str){ .p = file->path, .n = strlen(file->path) + 1 });
	digest_update(digest, (struct str){ .p = size, .n = strlen(size) + 1 });
	digest_update(digest, (struct str){ .p = file->digest, .n = strlen(file->digest) + 1 });
}

void planned_to_shown(const struct planned *planned, struct job_shown *ret)
{
	AUTO(digest) digest = digest_new(DIGEST_SHA256, 0);
	char hex[HUB_DIGEST_MAX + 1];

	*ret = (struct job_shown){ .files = 0 };
	for (size_t i = 0; i < planned->n; i++) {
		const struct planned_file *file = &planned->files[i];

		if (!file->is_selected)
			continue;
		add_shown(digest, file->file);
		ret->files++;
		ret->bytes += file->file->size;
	}
	digest_hex(digest, hex);
	memcpy(ret->digest, hex, sizeof(ret->digest));
}

/* --- on a file worker --- */

static void name_variants(struct planned *planned)
{
	struct str *paths = mem_array(planned->n, sizeof(*paths));
	struct variant *variants = mem_array(planned->n, sizeof(*variants));

	for (size_t i = 0; i < planned->n; i++)
		paths[i] = str_from(planned->files[i].file->path);
	variant_name_all(paths, planned->n, variants);
	if (planned->listing->info.is_mlx)
		variant_mark_mlx(variants, planned->n);
	for (size_t i = 0; i < planned->n; i++)
		planned->files[i].variant = variants[i];
	free(paths);
	free(variants);
}

/* The sentence names the field too, since not everybody sees the member. */
static int name_field(struct error *err)
{
	AUTO_CSTR field = mem_strdup(err->field);

	return field[0] != '\0' ? error_prefix(err, "%s", field) : -1;
}

struct selection *planner_compile(const struct choice *choice, struct error *err)
{
	struct str terms[SELECTION_TERMS_MAX];
	size_t n_select = choice->select.n;
	size_t n_exclude = choice->exclude.n;
	struct selection *selection;

	if (n_select + n_exclude > SELECTION_TERMS_MAX) {
		(void)error_set_field(err, "select", "select: %zu terms, %d are allowed",
				      n_select + n_exclude, SELECTION_TERMS_MAX);
		return NULL;
	}
	for (size_t i = 0; i < n_select; i++)
		terms[i] = str_from(choice->select.v[i]);
	for (size_t i = 0; i < n_exclude; i++)
		terms[n_select + i] = str_from(choice->exclude.v[i]);
	selection = selection_new(terms, n_select, terms + n_select, n_exclude, err);
	if (selection == NULL)
		(void)name_field(err);
	return selection;
}

static int select_files(const struct choice *choice, struct planned *planned, struct error *err)
{
	struct str *paths = mem_array(planned->n, sizeof(*paths));
	bool *selected = mem_array(planned->n, sizeof(*selected));
	AUTO(selection) selection = planner_compile(choice, err);
	int result = -1;

	for (size_t i = 0; i < planned->n; i++)
		paths[i] = str_from(planned->files[i].file->path);
	if (selection != NULL) {
		result = selection_apply(selection, paths, planned->n, selected, err);
		if (result < 0)
			(void)name_field(err);
	}
	for (size_t i = 0; i < planned->n; i++)
		planned->files[i].is_selected = selected[i];
	free(paths);
	free(selected);
	return result;
}

/* Files of which notes tell, and that are not there. */
struct absent {
	const struct model *model;
	struct planned *planned;
};

static int compare_path(const void *key, const void *element)
{
	const struct planned_file *planned = element;

	return strcmp(key, planned->file->path);
}

static void select_absent(void *ctx, const char *path)
{
	const struct absent *absent = ctx;
	struct planned *planned = absent->planned;
	struct planned_file *file;

	if (model_find(absent->model, str_from(path)) != NULL)
		return;
	file = bsearch(path, planned->files, planned->n, sizeof(*planned->files), compare_path);
	if (file != NULL)
		file->is_selected = true;
}

static void note_gone(struct planned *planned, const struct diff *diff)
{
	planned->gone = mem_array(diff->n_gone, sizeof(char *));
	for (size_t i = 0; i < diff->n_gone; i++)
		planned->gone[planned->n_gone++] = mem_strdup(diff->gone[i]->path);
}

/* An update is of all that the model has, so that all of it is of one commit in the end; what
 * was edited here and is the same there stays as it is. */
static void select_for_model(const struct planner_call *call, struct planned *planned)
{
	const struct model *model = call->choice.model;
	bool is_repair = call->choice.kind == JOB_REPAIR;
	struct absent absent = { .model = model, .planned = planned };
	AUTO(diff) diff = diff_new(model, planned->listing->tree);

	for (size_t i = 0; i < planned->n; i++) {
		const struct diff_file *file = &diff->files[i];
		bool is_edited = file->is_broken && file->change == DIFF_SAME;

		planned->files[i].is_selected =
			is_repair ? file->is_broken
				  : file->change != DIFF_ELSEWHERE && !is_edited;
	}
	if (is_repair)
		survey_noted(call->planner->models_root, model->folder, select_absent, &absent);
	else
		note_gone(planned, diff);
}

/* An update is one step for the whole model: what would stop it half way is said now. */
static int check_places(int root, const char *folder, const struct planned *planned,
			struct error *err)
{
	if (trash_can_take(root, folder, err) < 0)
		return -1;
	for (size_t i = 0; i < planned->n; i++) {
		AUTO_CSTR path = mem_printf("%s/%s", folder, planned->files[i].file->path);
		struct error ignored;
		struct stat st;

		if (planned->files[i].is_selected &&
		    file_stat(root, path, &st, &ignored) == 1 && S_ISDIR(st.st_mode))
			return error_set(err, ERR_EXISTS,
					 "%s: the new commit has a file of this name, and here"
					 " it is a folder: move it out of the way first",
					 path);
	}
	return 0;
}

static int look_at_disk(const struct planner_call *call, struct planned *planned,
			struct error *err)
{
	AUTO_CSTR folder = call->choice.model != NULL
				   ? mem_strdup(call->choice.model->folder)
				   : job_folder(call->choice.type, planned->listing->info.repo,
						call->choice.revision);

	if (file_space(call->planner->models_root, folder, &planned->space, err) < 0)
		return -1;
	if (call->choice.kind == JOB_UPDATE &&
	    check_places(call->planner->models_root, folder, planned, err) < 0)
		return -1;
	for (size_t i = 0; i < planned->n; i++) {
		const struct hub_file *file = planned->files[i].file;
		enum localdir_presence presence = LOCALDIR_ABSENT;
		struct localdir_names names;
		struct error ignored;

		localdir_names_init(&names, folder, file->path, file->digest, NULL);
		/* What cannot be looked at (a link in the way, say) is not present; the job
		 * will say why. */
		if (localdir_look(call->planner->models_root, &names, file->size, file->digest,
				  &presence, &ignored) < 0)
			presence = LOCALDIR_ABSENT;
		localdir_names_clear(&names);
		planned->files[i].is_present = presence == LOCALDIR_PROVEN;
		planned->files[i].is_other =
			presence == LOCALDIR_OTHER || presence == LOCALDIR_UNLIKELY;
	}
	return 0;
}

static void run(struct pool_task *task)
{
	struct planner_call *call = (struct planner_call *)task;
	struct planned *planned = call->planned;

	for (size_t i = 0; i < planned->n; i++)
		planned->files[i].file = &planned->listing->tree->files[i];
	name_variants(planned);
	if (call->choice.model != NULL)
		select_for_model(call, planned);
	else if (select_files(&call->choice, planned, &call->error) < 0)
		return;
	(void)look_at_disk(call, planned, &call->error);
}

/* --- on the loop --- */

static void finish(struct planner_call *call)
{
	if (call->done != NULL && call->error.code != ERR_NONE)
		call->done(call->ctx, NULL, &call->error);
	else if (call->done != NULL)
		call->done(call->ctx, MOVE(call->planned), NULL);
	planned_free(&call->planned);
	model_free(&call->choice.model);
	choice_clear(&call->choice);
	free(call);
}

static void on_worked(struct pool_task *task)
{
	finish((struct planner_call *)task);
}

static void ask(struct planner_call *call);

/* What is planned about a model is planned for what is there now, whatever the library knew. */
static void look_again(struct pool_task *task)
{
	struct planner_call *call = (struct planner_call *)task;
	struct model *now = survey_again(call->planner->models_root, call->choice.model);

	if (now == NULL)
		(void)error_set(&call->error, ERR_UNKNOWN_MODEL, "%s is not there any more",
				call->choice.model->folder);
	model_free(&call->choice.model);
	call->choice.model = now;
}

static void on_looked_again(struct pool_task *task)
{
	struct planner_call *call = (struct planner_call *)task;
	const char *commit;

	if (call->error.code != ERR_NONE || call->done == NULL) {
		finish(call);
		return;
	}
	if (call->choice.kind == JOB_REPAIR) {
		commit = diff_repair_commit(call->choice.model);
		memcpy(call->choice.commit, commit, strlen(commit) + 1);
	}
	ask(call);
}

static void on_listed(void *ctx, struct hub_listing *take_listing, const struct error *err)
{
	struct planner_call *call = ctx;

	call->hub_call = NULL;
	if (err != NULL) {
		call->error = *err;
		finish(call);
		return;
	}
	if (call->choice.commit[0] != '\0' &&
	    strcmp(call->choice.commit, take_listing->info.commit) != 0) {
		hub_listing_free(&take_listing);
		(void)error_set(&call->error, ERR_HUB_PROTOCOL,
				"the Hub lists another commit than the one asked for");
		finish(call);
		return;
	}
	call->planned = mem_alloc(sizeof(*call->planned));
	call->planned->listing = take_listing;
	call->planned->n = take_listing->tree->n;
	call->planned->files = mem_array(call->planned->n, sizeof(*call->planned->files));
	pool_submit(call->planner->pool, &call->task);
}

static void ask(struct planner_call *call)
{
	const struct choice *choice = &call->choice;
	struct hub *hub = call->planner->hub;

	call->task.run = run;
	call->task.done = on_worked;
	if (choice->kind == JOB_UPDATE) /* the newest there is */
		hub_forget(hub, choice->type, choice->repo);
	call->hub_call = hub_list(hub, choice->type, choice->repo,
				  choice->commit[0] != '\0' ? choice->commit : choice->revision,
				  on_listed, call);
}

struct planner *planner_new(struct loop *loop, struct pool *pool, struct hub *hub,
			    int models_root)
{
	struct planner *planner = mem_alloc(sizeof(*planner));

	planner->loop = loop;
	planner->pool = pool;
	planner->hub = hub;
	planner->models_root = models_root;
	return planner;
}

void planner_free(struct planner **planner)
{
	free(*planner);
	*planner = NULL;
}

struct planner_call *planner_start(struct planner *planner, const struct choice *choice,
				   planner_done_fn done, void *ctx)
{
	struct planner_call *call = mem_alloc(sizeof(*call));

	call->planner = planner;
	choice_copy(&call->choice, choice);
	if (choice->model != NULL)
		call->choice.model = model_hold(choice->model);
	call->done = done;
	call->ctx = ctx;
	if (choice->model == NULL) {
		ask(call);
		return call;
	}
	call->task.run = look_again;
	call->task.done = on_looked_again;
	pool_submit(planner->pool, &call->task);
	return call;
}

void planner_cancel(struct planner_call **call)
{
	struct planner_call *c = *call;

	*call = NULL;
	if (c == NULL)
		return;
	c->done = NULL;
	if (c->hub_call == NULL)
		return; /* a worker has it; on_worked() frees it */
	hub_call_cancel(&c->hub_call);
	finish(c);
}
