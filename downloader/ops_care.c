/* Keeping a model whole and current: verifying, repairing, checking, updating, scrubbing. */
#include "downloader/ops.h"

/* --- jobs --- */

static void create_job(struct ops *ops, struct control_call *call, struct json_object *params,
		       enum job_kind kind, const struct model *model)
{
	const struct job *duplicate = NULL;
	struct error err;

	if (queue_create_for(ops->queue, kind, model, (int)json_get_int(params, "priority", 0),
			     ops_answer_job, call, &duplicate, &err) < 0)
		ops_refuse_job(call, duplicate, &err);
}

void ops_model_verify(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct error err;
	const struct model *model = ops_find_model(ops, params, &err);

	if (model != NULL)
		create_job(ops, call, params, JOB_VERIFY, model);
	else
		control_fail(call, &err, NULL);
}

/* The model, if the Hub can be asked for it; else NULL, and the call is answered. */
static struct model *find_at_hub(const struct ops *ops, struct control_call *call,
				 struct json_object *params)
{
	struct error err;
	struct model *model = ops_find_model(ops, params, &err);

	if (model != NULL && model->repo != NULL)
		return model;
	if (model != NULL)
		(void)error_set_field(&err, "folder",
				      "%s is not named after a repository: the Hub cannot be"
				      " asked for it",
				      model->folder);
	control_fail(call, &err, NULL);
	return NULL;
}

void ops_model_repair(struct ops *ops, struct control_call *call, struct json_object *params)
{
	const struct model *model = find_at_hub(ops, call, params);

	if (model != NULL)
		create_job(ops, call, params, JOB_REPAIR, model);
}

void ops_model_update(struct ops *ops, struct control_call *call, struct json_object *params)
{
	const struct model *model = find_at_hub(ops, call, params);

	if (model != NULL)
		create_job(ops, call, params, JOB_UPDATE, model);
}

/* --- checking --- */

static void on_checked(void *ctx, const struct update *update, const struct error *err)
{
	if (err != NULL)
		control_fail(ctx, err, NULL);
	else
		control_reply(ctx, update_to_json(update));
}

void ops_model_check(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct model *model = find_at_hub(ops, call, params);
	struct error err;

	if (model != NULL && updates_check(ops->updates, model, on_checked, call, &err) < 0)
		control_fail(call, &err, NULL);
}

/* --- the scrub --- */

void ops_scrub_get(struct ops *ops, struct control_call *call, struct json_object *params)
{
	(void)params;
	control_reply(call, scrub_to_json(ops->scrub));
}

void ops_scrub_start(struct ops *ops, struct control_call *call, struct json_object *params)
{
	scrub_start(ops->scrub);
	ops_scrub_get(ops, call, params);
}

void ops_scrub_stop(struct ops *ops, struct control_call *call, struct json_object *params)
{
	scrub_break_off(ops->scrub);
	ops_scrub_get(ops, call, params);
}
