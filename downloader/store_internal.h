/*
 * What the three files of the store share: store.c (the list, the thread, what the loop asks),
 * store_run.c and store_models.c (the SQL of each command). Nobody else includes this.
 */
#ifndef DOWNLOADER_STORE_INTERNAL_H
#define DOWNLOADER_STORE_INTERNAL_H

#include "common/error.h"
#include "downloader/db.h"
#include "downloader/store.h"

struct command;

/* What a command does, on the store thread and in a transaction: a second time when the first
 * one was undone for another command's sake. */
typedef int store_run_fn(struct command *command, struct db *db, struct error *err);

struct command {
	struct loop_message message; /* first: the way back to the loop */
	struct store *store;
	store_run_fn *run;
	store_done_fn done;
	store_plan_fn plan_done;
	store_extents_fn extents_done;
	store_sources_fn sources_done;
	store_audit_fn audit_done;
	store_notices_fn notices_done;
	void *ctx;
	bool has_failed;
	struct error error;

	/* What the command is about; which members count is up to `run`. */
	struct job *job;
	struct plan *plan;
	struct json_object *settings;
	char job_id[DOWNLOAD_ID_LEN + 1];
	size_t index;
	enum file_state state;
	uint64_t bytes_done;
	struct extent *extents;
	size_t n_extents;
	struct plan_file file; /* without its path */
	struct source sources[STORE_SOURCES_MAX];
	size_t n_sources;
	struct model *model;         /* held */
	char *folder;                /* of a model */
	struct audit_entry *entries; /* with copies of what they point to */
	size_t n_entries;
	int64_t before;
	struct store_notice *notices;
	size_t n_notices;
};

store_run_fn store_run_put_job;
store_run_fn store_run_put_plan;
store_run_fn store_run_put_file;
store_run_fn store_run_put_extents;
store_run_fn store_run_drop_extent;
store_run_fn store_run_get_extents;
store_run_fn store_run_put_source;
store_run_fn store_run_drop_source;
store_run_fn store_run_get_sources;
store_run_fn store_run_get_plan;
store_run_fn store_run_delete_job;
store_run_fn store_run_put_settings;
store_run_fn store_run_put_model;
store_run_fn store_run_drop_model;
store_run_fn store_run_put_audit;
store_run_fn store_run_get_audit;
store_run_fn store_run_get_notices;
store_run_fn store_run_put_notice;
store_run_fn store_run_check;

int store_load_models_from(struct db *db, void (*fn)(void *ctx, struct model *take_model),
			   void *ctx, struct error *err) MUST_USE;

/* Forgets the sources, or the entries, that the command has. */
void store_clear_sources(struct command *command);
void store_clear_audit(struct command *command);

#endif
