/* One download with all its files. There may be a hundred thousand: they are read by the
 * store's thread and rendered by a file worker, one after the other into text; the loop only
 * puts in what it knows better of a job that runs. */
#include "downloader/ops.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"

struct lookup {
	struct pool_task task; /* first */
	struct ops *ops;
	struct control_call *call;
	char id[DOWNLOAD_ID_LEN + 1];
	struct job *job;
	struct plan *plan;
	char *text;
	struct error error; /* when there is no text */
};

static void lookup_free(struct lookup *lookup)
{
	job_free(&lookup->job);
	plan_free(&lookup->plan);
	free(lookup->text);
	free(lookup);
}

static void add_file(struct buf *text, const struct plan_file *file)
{
	AUTO_JSON object = json_object_new_object();

	json_add_cstr(object, "path", file->path);
	json_add_u64(object, "size", file->size);
	json_add_cstr(object, "algorithm", digest_algorithm_name(file->algorithm));
	json_add_cstr(object, "digest", file->digest);
	json_add_cstr(object, "state", file_state_name(file->state));
	json_add_u64(object, "bytes_done", file->bytes_done);
	json_add_u64(object, "bytes_verified",
		     file->state == FILE_DONE ? file->size : file->bytes_verified);
	buf_add(text, json_text(object));
}

/* The job's object, with "files" as its last member. */
static void render(struct pool_task *task)
{
	struct lookup *lookup = (struct lookup *)task;
	AUTO(buf) text = buf_new(RPC_ANSWER_MAX);
	AUTO_JSON object = job_to_json(lookup->job);
	struct str head = json_text(object);

	buf_add(text, str_sub(head, 0, head.n - 1));
	buf_add(text, S(",\"files\":["));
	for (size_t i = 0; i < lookup->plan->n && !buf_is_overflown(text); i++) {
		if (i > 0)
			buf_add_char(text, ',');
		add_file(text, &lookup->plan->files[i]);
	}
	buf_add(text, S("]}"));
	if (buf_is_overflown(text))
		(void)error_set(&lookup->error, ERR_TOO_LARGE,
				"the list of %zu files is longer than an answer may be",
				lookup->plan->n);
	else
		lookup->text = buf_take(text);
}

static void on_rendered(struct pool_task *task)
{
	struct lookup *lookup = (struct lookup *)task;

	if (lookup->text != NULL)
		control_reply_text(lookup->call, MOVE(lookup->text));
	else
		control_fail(lookup->call, &lookup->error, NULL);
	lookup_free(lookup);
}

static void on_plan(void *ctx, struct plan *take_plan, const struct error *err)
{
	struct lookup *lookup = ctx;
	struct queue *queue = lookup->ops->queue;
	const struct job *job = queue_find(queue, str_from(lookup->id));
	const struct plan *live = queue_plan(queue, str_from(lookup->id));
	struct error gone;

	lookup->plan = take_plan;
	if (job == NULL) {
		(void)error_set(&gone, ERR_UNKNOWN_DOWNLOAD, "there is no such download");
		err = &gone;
	}
	if (err != NULL) {
		control_fail(lookup->call, err, NULL);
		lookup_free(lookup);
		return;
	}
	if (live != NULL)
		plan_take_progress(take_plan, live);
	lookup->job = job_copy(job);
	pool_submit(lookup->ops->pool, &lookup->task);
}

void ops_download_get(struct ops *ops, struct control_call *call, struct json_object *params)
{
	const struct job *job = queue_find(ops->queue, json_get_str(params, "id"));
	struct lookup *lookup;
	struct error err;

	if (job == NULL) {
		(void)error_set(&err, ERR_UNKNOWN_DOWNLOAD, "there is no such download");
		control_fail(call, &err, NULL);
		return;
	}
	lookup = mem_alloc(sizeof(*lookup));
	lookup->task.run = render;
	lookup->task.done = on_rendered;
	lookup->ops = ops;
	lookup->call = call;
	memcpy(lookup->id, job->id, sizeof(lookup->id));
	store_get_plan(ops->store, job->id, on_plan, lookup);
}
