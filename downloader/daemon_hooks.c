#include "downloader/daemon_internal.h"

#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "downloader/notify.h"

static void tell_disk(struct daemon *d)
{
	enum {
		WORTH_TELLING = 16 * 1024 * 1024
	};
	const struct file_space *space = space_root(d->space);
	uint64_t free_bytes = space->free_bytes;
	uint64_t reserved = queue_reserved(d->queue, space->device);
	uint64_t change = free_bytes > d->told_free ? free_bytes - d->told_free
						    : d->told_free - free_bytes;

	if (change < WORTH_TELLING && reserved == d->told_reserved)
		return;
	d->told_free = free_bytes;
	d->told_reserved = reserved;
	events_publish(d->events, "disk", ops_disk(&d->ops));
}

void daemon_on_space(void *ctx)
{
	struct daemon *d = ctx;

	queue_disk_changed(d->queue);
	tell_disk(d);
}

/* --- of the library --- */

static void on_model_changed(void *ctx, const struct model *model)
{
	struct daemon *d = ctx;

	const struct update *update = updates_find(d->updates, str_from(model->folder));

	/* It may have been brought up to date by another program. */
	if (update != NULL && strcmp(update->commit, model->commit) == 0)
		updates_forget(d->updates, model->folder);
	events_publish(d->events, "model", ops_model_row(&d->ops, model));
}

static void on_model_removed(void *ctx, const char *folder)
{
	struct daemon *d = ctx;
	struct json_object *data = json_object_new_object();

	updates_forget(d->updates, folder);
	json_add_cstr(data, "folder", folder);
	events_publish(d->events, "model-removed", data);
}

/* What was found is watched from now on. */
static void watch_library(struct daemon *d)
{
	struct library_state state;
	struct model *const *models;
	size_t n;

	library_tell(d->library, &state);
	if (d->watch == NULL || state.is_scanning ||
	    (state.changes == 0 && state.models == d->n_watched))
		return;
	d->n_watched = state.models;
	models = library_models(d->library, &n);
	watch_models(d->watch, models, n);
}

static void on_news(void *ctx, const char *folder)
{
	struct daemon *d = ctx;

	if (folder != NULL)
		library_look(d->library, folder);
	else
		library_scan(d->library);
}

/* Once it is known what is there. */
static void begin_care(struct daemon *d)
{
	struct library_state state;

	library_tell(d->library, &state);
	if (d->is_caring || state.is_scanning || state.problem[0] != '\0' || d->is_stopping)
		return;
	d->is_caring = true;
	queue_library_known(d->queue);
	scrub_run(d->scrub);
}

static void on_library_state(void *ctx)
{
	struct daemon *d = ctx;

	watch_library(d);
	begin_care(d);
	events_publish(d->events, "library", ops_library(&d->ops));
}

/* What a download has left behind, be it whole or half. */
static void look_at_folder(struct daemon *d, const struct job *job)
{
	AUTO_CSTR folder = NULL;

	if (!job_is_final(job->state) || !job->is_planned)
		return;
	folder = job_own_folder(job);
	library_look(d->library, folder);
	if (job->kind != JOB_VERIFY) /* what was found to be newer may be here now */
		updates_forget(d->updates, folder);
}

static void on_folder_looked(void *ctx, const char *folder)
{
	struct daemon *d = ctx;

	ops_on_looked(&d->ops, folder);
}

static int on_check_idle(void *ctx, const char *folder, struct error *err)
{
	const struct daemon *d = ctx;

	return ops_check_idle(&d->ops, folder, err);
}

static void on_trash_changed(void *ctx)
{
	struct daemon *d = ctx;

	events_publish(d->events, "trash", json_object_new_object());
}

/* --- of those that care for the library --- */

static struct model *find_model(void *ctx, const char *folder)
{
	const struct daemon *d = ctx;

	return library_find(d->library, str_from(folder));
}

static bool is_model_idle(void *ctx, const char *folder)
{
	const struct daemon *d = ctx;

	return library_find(d->library, str_from(folder)) != NULL &&
	       queue_find_writer(d->queue, folder) == NULL;
}

static struct model *next_model(void *ctx, const char *folder)
{
	const struct daemon *d = ctx;
	struct model *model = library_after(d->library, str_from(folder));

	while (model != NULL && queue_find_writer(d->queue, model->folder) != NULL)
		model = library_after(d->library, str_from(model->folder));
	return model;
}

static char **on_busy(void *ctx, size_t *ret_n)
{
	const struct daemon *d = ctx;

	return queue_busy_folders(d->queue, ret_n);
}

static struct model *next_of_repo(void *ctx, const char *folder)
{
	const struct daemon *d = ctx;
	struct model *model = library_after(d->library, str_from(folder));

	while (model != NULL && model->repo == NULL)
		model = library_after(d->library, str_from(model->folder));
	return model;
}

static void on_update_found(void *ctx, const char *folder)
{
	struct daemon *d = ctx;
	const struct model *model = library_find(d->library, str_from(folder));

	if (model != NULL)
		events_publish(d->events, "model", ops_model_row(&d->ops, model));
}

static void on_passed(void *ctx, const char *folder)
{
	struct daemon *d = ctx;

	library_look(d->library, folder);
}

static void on_scrub_state(void *ctx)
{
	struct daemon *d = ctx;

	events_publish(d->events, "scrub", scrub_to_json(d->scrub));
}

/* --- of the queue --- */

static void on_job_changed(void *ctx, const struct job *job)
{
	struct daemon *d = ctx;

	look_at_folder(d, job);
	events_publish(d->events, "download", job_to_json(job));
	if (job_is_final(job->state))
		notify_look(d->notify);
}

static void on_job_removed(void *ctx, const char *id)
{
	struct daemon *d = ctx;
	struct json_object *data = json_object_new_object();

	json_add_cstr(data, "id", id);
	events_publish(d->events, "download-removed", data);
}

static void on_progress(void *ctx, struct job *const *jobs, size_t n)
{
	struct daemon *d = ctx;
	struct json_object *data = json_object_new_object();
	struct json_object *rows = json_object_new_array();

	for (size_t i = 0; i < n; i++)
		(void)json_object_array_add(rows, job_progress_to_json(jobs[i]));
	json_take(data, "downloads", rows);
	events_publish(d->events, "progress", data);
}

static void on_notice(void *ctx, const char *level, const char *code, const char *message,
		      const char *id)
{
	struct daemon *d = ctx;
	struct json_object *data = json_object_new_object();

	json_add_cstr(data, "level", level);
	json_add_cstr(data, "code", code);
	json_add_cstr(data, "message", message);
	json_add_cstr(data, "download", id);
	events_publish(d->events, "notice", data);
}

static void on_scrub_found(void *ctx, const char *folder, const struct plan_file *file,
			   const char *why)
{
	AUTO_CSTR text =
		mem_printf("%s/%s: %s%s%s", folder, file->path,
			   file->state == FILE_MISSING ? "it is missing"
						       : "its content is not what the Hub has",
			   why[0] != '\0' ? ": " : "", why);

	log_warning("%s", text);
	on_notice(ctx, "warning", file_state_name(file->state), text, NULL);
}

void daemon_apply_effect(struct daemon *d, const struct settings_effect *effect)
{
	struct error why;

	fetch_set_limit(d->fetch, effect->limit_bps);
	budget_set_total(d->budget, effect->max_connections);
	queue_set_downloads(d->queue, effect->max_downloads);
	if (!effect->is_paused) {
		queue_hold(d->queue, NULL, 0);
		return;
	}
	if (strcmp(effect->why, "schedule") == 0)
		(void)error_set(&why, ERR_SCHEDULE, "the schedule pauses downloads now");
	else
		(void)error_set(&why, ERR_PAUSED_ALL, "all downloads are paused");
	queue_hold(d->queue, &why, effect->until_ms);
}

static void on_effect(void *ctx, const struct settings_effect *effect)
{
	log_info("%s now, at most %llu bytes/s (0: any), %zu downloads, %zu connections%s%s",
		 effect->is_paused ? "paused" : "running",
		 (unsigned long long)effect->limit_bps, effect->max_downloads,
		 effect->max_connections, effect->why[0] != '\0' ? ": " : "", effect->why);
	daemon_apply_effect(ctx, effect);
}

static void on_settings_news(void *ctx)
{
	struct daemon *d = ctx;

	events_publish(d->events, "settings", settings_to_json(d->settings));
}

static void on_revoked(void *ctx)
{
	struct daemon *d = ctx;

	if (d->sse != NULL)
		sse_recheck(d->sse);
}

static void on_scrub_stopped(void *ctx)
{
	struct daemon *d = ctx;

	loop_stop(d->loop);
}

static void on_queue_stopped(void *ctx)
{
	struct daemon *d = ctx;

	scrub_stop(d->scrub, on_scrub_stopped, d);
}

/* --- who calls them --- */

struct settings_hooks daemon_settings_hooks(struct daemon *d)
{
	return (struct settings_hooks){ .changed = on_effect,
					.news = on_settings_news,
					.ctx = d };
}

struct sessions_hooks daemon_sessions_hooks(struct daemon *d)
{
	return (struct sessions_hooks){ .revoked = on_revoked, .ctx = d };
}

struct queue_hooks daemon_queue_hooks(struct daemon *d)
{
	return (struct queue_hooks){ .changed = on_job_changed,
				     .removed = on_job_removed,
				     .progress = on_progress,
				     .notice = on_notice,
				     .model = find_model,
				     .stopped = on_queue_stopped,
				     .ctx = d };
}

struct library_hooks daemon_library_hooks(struct daemon *d)
{
	return (struct library_hooks){ .changed = on_model_changed,
				       .removed = on_model_removed,
				       .state = on_library_state,
				       .looked = on_folder_looked,
				       .ctx = d };
}

struct bin_hooks daemon_bin_hooks(struct daemon *d)
{
	return (struct bin_hooks){ .check = on_check_idle,
				   .busy = on_busy,
				   .touched = on_news,
				   .changed = on_trash_changed,
				   .ctx = d };
}

struct updates_hooks daemon_updates_hooks(struct daemon *d)
{
	return (struct updates_hooks){ .changed = on_update_found,
				       .next = next_of_repo,
				       .ctx = d };
}

struct scrub_hooks daemon_scrub_hooks(struct daemon *d)
{
	return (struct scrub_hooks){ .next = next_model,
				     .is_idle = is_model_idle,
				     .found = on_scrub_found,
				     .passed = on_passed,
				     .state = on_scrub_state,
				     .ctx = d };
}

struct watch_hooks daemon_watch_hooks(struct daemon *d)
{
	return (struct watch_hooks){ .news = on_news, .ctx = d };
}
