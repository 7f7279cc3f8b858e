/* The Hub's token: set and forgotten, never told. */
#include "downloader/ops.h"

#include <stdlib.h>

struct answering {
	struct ops *ops;
	struct control_call *call;
};

static struct answering *answering_new(struct ops *ops, struct control_call *call)
{
	struct answering *answering = mem_alloc(sizeof(*answering));

	answering->ops = ops;
	answering->call = call;
	return answering;
}

static void on_changed(void *ctx, const struct error *err)
{
	struct answering *answering = ctx;

	if (err != NULL)
		control_fail(answering->call, err, NULL);
	else
		control_reply(answering->call, account_to_json(answering->ops->account));
	free(answering);
}

/* That the Hub cannot be asked whose it is takes nothing away from what is known. */
static void on_looked(void *ctx, const struct error *err)
{
	(void)err;
	on_changed(ctx, NULL);
}

void ops_token_get(struct ops *ops, struct control_call *call, struct json_object *params)
{
	(void)params;
	account_look(ops->account, on_looked, answering_new(ops, call));
}

void ops_token_set(struct ops *ops, struct control_call *call, struct json_object *params)
{
	account_set(ops->account, json_get_str(params, "token"), on_changed,
		    answering_new(ops, call));
}

void ops_token_forget(struct ops *ops, struct control_call *call, struct json_object *params)
{
	(void)params;
	account_forget(ops->account, on_changed, answering_new(ops, call));
}
