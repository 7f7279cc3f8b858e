#include "downloader/ops.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/new_id.h"
#include "downloader/preview.h"
#include "downloader/previews.h"

/* One call under way: planned on the loop, rendered on a worker. */
struct preview {
	struct pool_task task; /* first */
	struct ops *ops;
	struct control_call *call;
	struct choice choice;
	char *form;
	char id[DOWNLOAD_ID_LEN + 1];
	struct planned *planned;
	struct preview_room room;
	char *text;
};

static void preview_free(struct preview *preview)
{
	choice_clear(&preview->choice);
	planned_free(&preview->planned);
	free(preview->form);
	free(preview->text);
	free(preview);
}

static void render(struct pool_task *task)
{
	struct preview *preview = (struct preview *)task;

	planned_to_shown(preview->planned, &preview->choice.shown);
	preview->text = preview_text(preview->planned, &preview->choice, preview->form,
				     preview->id, &preview->room);
}

static void on_rendered(struct pool_task *task)
{
	struct preview *preview = (struct preview *)task;
	const struct hub_info *info = &preview->planned->listing->info;

	/* As the Hub writes it, and at the commit that was seen. */
	free(preview->choice.repo);
	preview->choice.repo = mem_strdup(info->repo);
	memcpy(preview->choice.commit, info->commit, sizeof(preview->choice.commit));
	previews_keep(preview->ops->previews, preview->id, &preview->choice);
	control_reply_text(preview->call, MOVE(preview->text));
	preview_free(preview);
}

static void on_planned(void *ctx, struct planned *take_planned, const struct error *err)
{
	struct preview *preview = ctx;
	struct ops *ops = preview->ops;

	if (err != NULL) {
		control_fail(preview->call, err, NULL);
		preview_free(preview);
		return;
	}
	preview->planned = take_planned;
	preview->room = (struct preview_room){
		.free_bytes = take_planned->space.free_bytes,
		.reserved_bytes = queue_reserved(ops->queue, take_planned->space.device),
		.min_free_bytes = ops->min_free_bytes,
		.memory_bytes = ops->host.memory,
	};
	pool_submit(ops->pool, &preview->task);
}

void ops_preview_make(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct preview *preview = mem_alloc(sizeof(*preview));
	struct error err;

	new_id(preview->id);
	preview->task.run = render;
	preview->task.done = on_rendered;
	preview->ops = ops;
	preview->call = call;
	if (ops_read_choice(ops, params, &preview->choice, &preview->form, &err) < 0) {
		control_fail(call, &err, NULL);
		preview_free(preview);
		return;
	}
	(void)planner_start(ops->planner, &preview->choice, on_planned, preview);
}
