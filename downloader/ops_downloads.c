#include "downloader/ops.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/schema.h"
#include "downloader/previews.h"

/* --- changes --- */

void ops_answer_job(void *ctx, const struct job *job, const struct error *err)
{
	struct control_call *call = ctx;

	if (err != NULL)
		control_fail(call, err, NULL);
	else
		control_reply(call, job_to_json(job));
}

/* What a refusal carries: the state for a move that is not legal. */
static void refuse(struct ops *ops, struct control_call *call, struct str id,
		   const struct error *err)
{
	struct json_object *extra = NULL;
	enum job_state state;

	if (err->code == ERR_ILLEGAL_STATE && queue_get_state(ops->queue, id, &state) == 0) {
		extra = json_object_new_object();
		json_add_cstr(extra, "state", job_state_name(state));
	}
	control_fail(call, err, extra);
}

void ops_refuse_job(struct control_call *call, const struct job *duplicate,
		    const struct error *err)
{
	struct json_object *extra = NULL;

	if (duplicate != NULL) {
		extra = json_object_new_object();
		json_add_cstr(extra, "download", duplicate->id);
	}
	control_fail(call, err, extra);
}

/* What was shown is what is meant: nothing is said beside it. */
static int take_preview(const struct ops *ops, struct json_object *params, struct choice *ret,
			struct error *err)
{
	static const char *const others[] = { "repo",   "type",   "revision",
					      "commit", "select", "exclude" };
	const struct choice *shown =
		previews_find(ops->previews, json_get_str(params, "preview"));

	*ret = (struct choice){ .repo = NULL };
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		if (json_get(params, others[i]) != NULL)
			return error_set_field(err, others[i],
					       "%s has no place beside preview, which has all"
					       " of it",
					       others[i]);
	}
	if (shown == NULL)
		return error_set(err, ERR_UNKNOWN_PREVIEW,
				 "what was shown is not known any more");
	choice_copy(ret, shown);
	/* The audit keeps the parameters, and tells people what it was. */
	json_add_cstr(params, "repo", shown->repo);
	json_add_cstr(params, "commit", shown->commit);
	return 0;
}

static int read_wish(const struct ops *ops, struct json_object *params, struct choice *ret,
		     struct error *err)
{
	AUTO_CSTR form = NULL;

	if (json_get(params, "preview") != NULL)
		return take_preview(ops, params, ret, err);
	if (json_get(params, "repo") == NULL) {
		*ret = (struct choice){ .repo = NULL };
		return error_set_field(err, "repo", "repo is missing");
	}
	return ops_read_choice(ops, params, ret, &form, err);
}

void ops_download_create(struct ops *ops, struct control_call *call, struct json_object *params)
{
	const struct job *duplicate = NULL;
	struct choice choice;
	struct error err;
	int result;

	result = read_wish(ops, params, &choice, &err);
	if (result == 0)
		result = queue_create(ops->queue, &choice,
				      (int)json_get_int(params, "priority", 0), ops_answer_job,
				      call, &duplicate, &err);
	choice_clear(&choice);
	if (result == 0)
		return;
	ops_refuse_job(call, duplicate, &err);
}

static void make_move(struct ops *ops, struct control_call *call, struct json_object *params,
		      enum queue_move move)
{
	struct str id = json_get_str(params, "id");
	struct error err;

	if (queue_move(ops->queue, id, move, ops_answer_job, call, &err) < 0)
		refuse(ops, call, id, &err);
}

void ops_download_pause(struct ops *ops, struct control_call *call, struct json_object *params)
{
	make_move(ops, call, params, QUEUE_PAUSE);
}

void ops_download_resume(struct ops *ops, struct control_call *call, struct json_object *params)
{
	make_move(ops, call, params, QUEUE_RESUME);
}

void ops_download_cancel(struct ops *ops, struct control_call *call, struct json_object *params)
{
	make_move(ops, call, params, QUEUE_CANCEL);
}

void ops_download_retry(struct ops *ops, struct control_call *call, struct json_object *params)
{
	make_move(ops, call, params, QUEUE_RETRY);
}

void ops_download_patch(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct str id = json_get_str(params, "id");
	struct error err;

	if (queue_set_priority(ops->queue, id, (int)json_get_int(params, "priority", 0),
			       ops_answer_job, call, &err) < 0)
		refuse(ops, call, id, &err);
}

static void on_forgotten(void *ctx, const struct job *job, const struct error *err)
{
	(void)job;
	if (err != NULL)
		control_fail(ctx, err, NULL);
	else
		control_reply(ctx, NULL);
}

void ops_download_forget(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct str id = json_get_str(params, "id");
	struct error err;

	if (queue_forget(ops->queue, id, on_forgotten, call, &err) < 0)
		refuse(ops, call, id, &err);
}

/* --- lists --- */

/* A list is in order of arrival, the newest first, so that a cursor (the order of the last row)
 * stays good when priorities change meanwhile. */
static int compare_newest(const void *a, const void *b)
{
	const struct job *const *x = a;
	const struct job *const *y = b;

	if ((*x)->order == (*y)->order)
		return 0;
	return (*x)->order > (*y)->order ? -1 : 1;
}

enum filter {
	FILTER_ALL,
	FILTER_ACTIVE,
	FILTER_FINISHED,
};

static int read_filter(struct json_object *params, enum filter *ret, struct error *err)
{
	struct str state = json_get_str(params, "state");

	if (state.n == 0 || str_is_equal(state, S("all")))
		*ret = FILTER_ALL;
	else if (str_is_equal(state, S("active")))
		*ret = FILTER_ACTIVE;
	else if (str_is_equal(state, S("finished")))
		*ret = FILTER_FINISHED;
	else
		return error_set_field(err, "state", "state must be active, finished or all");
	return 0;
}

static int read_cursor(struct json_object *params, uint64_t *ret, struct error *err)
{
	struct str cursor = json_get_str(params, "cursor");

	*ret = UINT64_MAX;
	if (cursor.n > 0 && str_to_u64(cursor, 0, UINT64_MAX, ret) < 0)
		return error_set_field(err, "cursor", "cursor is not one that was given out");
	return 0;
}

static bool is_wanted(const struct job *job, enum filter filter, uint64_t before)
{
	bool is_final = job_is_final(job->state);

	return job->order < before &&
	       (filter == FILTER_ALL || is_final == (filter == FILTER_FINISHED));
}

static struct json_object *list_page(struct ops *ops, enum filter filter, uint64_t before,
				     size_t limit)
{
	struct json_object *page = json_object_new_object();
	struct json_object *rows = json_object_new_array();
	char cursor[24];
	size_t n = 0;
	size_t n_all = 0;
	struct job *const *all = queue_jobs(ops->queue, &n_all);
	const struct job **wanted = mem_array(n_all, sizeof(const struct job *));

	for (size_t i = 0; i < n_all; i++) {
		if (is_wanted(all[i], filter, before))
			wanted[n++] = all[i];
	}
	qsort((void *)wanted, n, sizeof(*wanted), compare_newest);
	for (size_t i = 0; i < n && i < limit; i++)
		(void)json_object_array_add(rows, job_to_json(wanted[i]));
	json_take(page, "downloads", rows);
	if (n > limit) {
		(void)snprintf(cursor, sizeof(cursor), "%llu",
			       (unsigned long long)wanted[limit - 1]->order);
		json_add_cstr(page, "next_cursor", cursor);
	} else {
		json_take(page, "next_cursor", NULL);
	}
	free((void *)wanted);
	return page;
}

void ops_download_list(struct ops *ops, struct control_call *call, struct json_object *params)
{
	enum filter filter = FILTER_ALL;
	uint64_t before = 0;
	struct error err;

	if (read_filter(params, &filter, &err) < 0 || read_cursor(params, &before, &err) < 0) {
		control_fail(call, &err, NULL);
		return;
	}
	control_reply(call,
		      list_page(ops, filter, before,
				(size_t)json_get_int(params, "limit", SCHEMA_PAGE_DEFAULT)));
}
