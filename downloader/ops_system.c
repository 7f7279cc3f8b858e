#include "downloader/ops.h"

#include <stdlib.h>

struct json_object *ops_disk(const struct ops *ops)
{
	struct json_object *object = json_object_new_object();
	const struct file_space *space = space_root(ops->space);

	json_add_u64(object, "free", space->free_bytes);
	json_add_u64(object, "total", space->total_bytes);
	json_add_u64(object, "reserved", queue_reserved(ops->queue, space->device));
	json_add_u64(object, "kept_free", ops->min_free_bytes);
	return object;
}

struct json_object *ops_snapshot(const struct ops *ops)
{
	struct json_object *object = json_object_new_object();
	struct json_object *rows = json_object_new_array();
	size_t n = 0;
	struct job *const *jobs = queue_jobs(ops->queue, &n);

	for (size_t i = 0; i < n; i++) {
		if (!job_is_final(jobs[i]->state))
			(void)json_object_array_add(rows, job_to_json(jobs[i]));
	}
	json_take(object, "downloads", rows);
	json_take(object, "disk", ops_disk(ops));
	json_take(object, "settings", settings_to_json(ops->settings));
	json_take(object, "library", ops_library(ops));
	return object;
}

/* --- changes for those who cannot hold a stream --- */

static struct json_object *change_to_json(const char *id, const char *name,
					  struct json_object *take_data)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, "id", id);
	json_add_cstr(object, "event", name);
	json_take(object, "data", take_data);
	return object;
}

static void add_changes(const struct ops *ops, struct json_object *array, uint64_t after)
{
	for (const struct event *event = events_after(ops->events, after); event != NULL;
	     event = events_after(ops->events, event->sequence)) {
		struct json_object *data = NULL;
		char id[EVENT_ID_MAX];
		struct error ignored;

		events_id(ops->events, event->sequence, id);
		if (json_parse(event->frame->data, RPC_DEPTH_MAX, &data, &ignored) == 0)
			(void)json_object_array_add(array,
						    change_to_json(id, event->name, data));
	}
}

void ops_event_changes(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct json_object *object = json_object_new_object();
	struct json_object *array = json_object_new_array();
	char last[EVENT_ID_MAX];
	uint64_t after = 0;
	bool can_replay = events_can_replay(ops->events, json_get_str(params, "since"), &after);

	events_last_id(ops->events, last);
	if (can_replay)
		add_changes(ops, array, after);
	else
		(void)json_object_array_add(
			array, change_to_json(last, "snapshot", ops_snapshot(ops)));
	json_take(object, "events", array);
	json_add_cstr(object, "last_id", last);
	json_add_bool(object, "reset", !can_replay);
	control_reply(call, object);
}

/* --- health and status --- */

enum {
	FULL_BYTES = 1024 * 1024, /* with less nothing can be written that is worth it */
};

int ops_check_disk(const struct ops *ops, struct error *err)
{
	if (space_check(ops->space, err) < 0)
		return -1;
	return space_root(ops->space)->free_bytes < FULL_BYTES
		       ? error_set(err, ERR_DISK_FULL, "the disk is full")
		       : 0;
}

/* That the loop answers is the answer. */
void ops_system_live(struct ops *ops, struct control_call *call, struct json_object *params)
{
	(void)ops;
	(void)params;
	control_reply(call, json_object_new_object());
}

struct health {
	struct ops *ops;
	struct control_call *call;
};

static void on_store_checked(void *ctx, const struct error *store_err)
{
	struct health *health = ctx;
	struct json_object *object = json_object_new_object();
	struct error space_err = { .code = ERR_NONE };
	bool is_disk_well = ops_check_disk(health->ops, &space_err) == 0;

	json_add_cstr(object, "daemon", "ok");
	json_add_cstr(object, "models_dir", is_disk_well ? "ok" : space_err.text);
	json_add_cstr(object, "database", store_err == NULL ? "ok" : store_err->text);
	control_reply(health->call, object);
	free(health);
}

void ops_system_health(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct health *health = mem_alloc(sizeof(*health));

	(void)params;
	health->ops = ops;
	health->call = call;
	store_check(ops->store, on_store_checked, health);
}

struct ops_sums ops_add_up(const struct ops *ops)
{
	struct ops_sums sums = { .speed_bps = 0 };
	size_t n = 0;
	struct job *const *jobs = queue_jobs(ops->queue, &n);

	for (size_t i = 0; i < n; i++) {
		const struct job *job = jobs[i];

		sums.by_state[job->state]++;
		sums.speed_bps += job->speed_bps;
		sums.connections += job->connections;
		if (!job_is_final(job->state))
			sums.bytes_left += job_remaining(job);
	}
	return sums;
}

char *ops_status_line(const struct ops *ops)
{
	struct ops_sums sums = ops_add_up(ops);
	const size_t *in = sums.by_state;
	struct library_state library;

	library_tell(ops->library, &library);
	return mem_printf("%zu running at %llu.%llu MB/s, %zu waiting, %zu paused; %zu models",
			  in[JOB_RESOLVING] + in[JOB_DOWNLOADING] + in[JOB_VERIFYING],
			  (unsigned long long)(sums.speed_bps / 1000000),
			  (unsigned long long)(sums.speed_bps / 100000 % 10),
			  in[JOB_QUEUED] + in[JOB_WAITING], in[JOB_PAUSED], library.models);
}

void ops_system_status(struct ops *ops, struct control_call *call, struct json_object *params)
{
	struct json_object *object = json_object_new_object();
	struct json_object *states = json_object_new_object();
	struct ops_sums sums = ops_add_up(ops);

	(void)params;
	for (unsigned i = 0; i < JOB_STATE_COUNT; i++)
		json_add_u64(states, job_state_name((enum job_state)i), sums.by_state[i]);
	json_add_cstr(object, "version", LARDER_VERSION);
	json_add_cstr(object, "endpoint", hub_endpoint(ops->hub));
	json_add_u64(object, "speed_bps", sums.speed_bps);
	json_add_u64(object, "loop_late_ms", lateness_lately_ms(ops->lateness));
	json_add_u64(object, "loop_late_worst_ms", lateness_worst_ms(ops->lateness));
	json_take(object, "downloads", states);
	json_take(object, "disk", ops_disk(ops));
	json_take(object, "library", ops_library(ops));
	control_reply(call, object);
}
