/*
 * What can be asked of larderd: the methods of the control socket, one file per noun (ops_*.c).
 * Parameters arrive with the right names and kinds (common/schema.h); here they are understood,
 * and the modules below do the work.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_OPS_H
#define DOWNLOADER_OPS_H

#include "downloader/account.h"
#include "downloader/bin.h"
#include "downloader/control.h"
#include "downloader/events.h"
#include "downloader/fit.h"
#include "downloader/hub_search.h"
#include "downloader/lateness.h"
#include "downloader/library.h"
#include "downloader/planner.h"
#include "downloader/queue.h"
#include "downloader/scrub.h"
#include "downloader/sessions.h"
#include "downloader/settings.h"
#include "downloader/space.h"
#include "downloader/sse.h"
#include "downloader/updates.h"

/* What the methods work with; borrowed from the daemon. */
struct ops {
	struct pool *pool;
	struct hub *hub;
	struct hub_search *search;
	struct planner *planner;
	struct queue *queue;
	struct store *store;
	struct space *space;
	struct events *events;
	struct settings *settings;
	struct sessions *sessions;
	struct account *account;
	struct library *library;
	struct previews *previews;
	struct hub_heads *heads;
	struct hub_models *hub_models;
	struct fit_host host;
	struct lateness *lateness;
	struct bin *bin;
	struct updates *updates;
	struct scrub *scrub;
	struct sse *sse;
	uint64_t min_free_bytes;
	const char *models_path;
	const char *state_path;
	struct ops_late *late; /* calls that wait for a look at their model; begins as NULL */
};

/* A look at this folder has ended: goes on with the calls that waited for it. */
void ops_on_looked(struct ops *ops, const char *folder);
/* Ends those that still wait, into the void: after control_free(). */
void ops_clear(struct ops *ops);

/* A control_fn; ctx is a struct ops. */
void ops_dispatch(void *ctx, struct control_call *call, struct str method,
		  struct json_object *params);

/* The end of a deed, for control_hooks; ctx is a struct ops. */
void ops_on_ended(void *ctx, struct control_call *call, const struct control_deed *deed,
		  const struct error *err);

/* {"downloads":[those that are not final],"disk":{...},"settings":{...},"library":{...}}: what
 * a watcher begins with. */
struct json_object *ops_snapshot(const struct ops *ops);

/* {"free","total","reserved","kept_free"}: of the file system that the models directory is on.
 * A folder that is a mount of its own has its room told by previews. */
struct json_object *ops_disk(const struct ops *ops);

/* Can models be written: is their folder there and writable, and the disk not full? */
int ops_check_disk(const struct ops *ops, struct error *err) MUST_USE;

/* All jobs on the list together. */
struct ops_sums {
	size_t by_state[JOB_STATE_COUNT];
	uint64_t speed_bps;
	uint64_t bytes_left; /* to be fetched */
	unsigned connections;
};
struct ops_sums ops_add_up(const struct ops *ops);

/* What larderd is doing, in a line; to free by the caller. */
char *ops_status_line(const struct ops *ops);

/* The folder that a repository's `revision` has, or the `folder` that was named; to free. */
char *ops_folder_of(struct json_object *params);

/* The model that `folder` and `revision` name, borrowed, or NULL with ERR_UNKNOWN_MODEL. */
struct model *ops_find_model(const struct ops *ops, struct json_object *params,
			     struct error *err);

/* A row of the library's list: the model, and what is known to be newer at the Hub. */
struct json_object *ops_model_row(const struct ops *ops, const struct model *model);

/* A queue_done_fn that answers a call (ctx) with the job. */
void ops_answer_job(void *ctx, const struct job *job, const struct error *err);
/* Answers with what has refused a new job. */
void ops_refuse_job(struct control_call *call, const struct job *duplicate,
		    const struct error *err);

/* -1 with ERR_IN_USE when a download that has not ended writes to this folder, to one below it
 * or above it. */
int ops_check_idle(const struct ops *ops, const char *folder, struct error *err) MUST_USE;

/* {"path","scanning","models","files","bytes","changes","scanned_at","problem"} */
struct json_object *ops_library(const struct ops *ops);

/* --- one function a method, in the file of its noun --- */

typedef void (*ops_fn)(struct ops *ops, struct control_call *call, struct json_object *params);

void ops_preview_make(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_preview_fit(struct ops *ops, struct control_call *call, struct json_object *params);

void ops_paste_read(struct ops *ops, struct control_call *call, struct json_object *params);

void ops_audit_list(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_audit_note(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_hub_model(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_hub_search(struct ops *ops, struct control_call *call, struct json_object *params);

void ops_download_create(struct ops *ops, struct control_call *call,
			 struct json_object *params);
void ops_download_list(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_download_get(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_download_patch(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_download_pause(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_download_resume(struct ops *ops, struct control_call *call,
			 struct json_object *params);
void ops_download_cancel(struct ops *ops, struct control_call *call,
			 struct json_object *params);
void ops_download_retry(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_download_forget(struct ops *ops, struct control_call *call,
			 struct json_object *params);

void ops_library_scan(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_model_list(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_model_delete(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_trash_list(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_trash_restore(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_trash_empty(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_model_check(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_model_repair(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_model_update(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_model_verify(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_scrub_get(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_scrub_start(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_scrub_stop(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_model_get(struct ops *ops, struct control_call *call, struct json_object *params);

void ops_event_changes(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_session_rules(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_session_revoke(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_session_end(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_settings_get(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_settings_patch(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_token_get(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_token_set(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_token_forget(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_doctor_examine(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_system_health(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_backup_make(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_system_live(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_system_metrics(struct ops *ops, struct control_call *call, struct json_object *params);
void ops_system_status(struct ops *ops, struct control_call *call, struct json_object *params);

/* Understands repo, type, revision, commit, select and exclude. *ret_form says what the repo
 * was taken for (to free). The choice is the caller's to clear, also on failure. */
int ops_read_choice(const struct ops *ops, struct json_object *params, struct choice *ret,
		    char **ret_form, struct error *err) MUST_USE;

#endif
