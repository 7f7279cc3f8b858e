/*
 * From what was asked to the exact list: asks the Hub what the repository holds, applies the
 * selection, labels the files and looks at the disk for what is there already. A preview shows
 * the result, a job keeps it as its plan: the same code makes both (DESIGN.md, invariant 8).
 *
 * Belongs to the loop's thread; selecting and looking are done on a file worker.
 */
#ifndef DOWNLOADER_PLANNER_H
#define DOWNLOADER_PLANNER_H

#include "downloader/file.h"
#include "downloader/hub_list.h"
#include "downloader/pool.h"
#include "downloader/job.h"
#include "downloader/model.h"
#include "downloader/plan.h"
#include "downloader/pool.h"
#include "downloader/variant.h"

struct selection;

/* What is asked for. */
struct choice {
	enum repo_type type;
	char *repo;
	char *revision;              /* the folder's name comes from it */
	char commit[COMMIT_LEN + 1]; /* "": the revision's newest; else exactly this one */
	struct terms select;
	struct terms exclude;
	/* JOB_UPDATE, JOB_REPAIR: what the model needs is selected, instead of by terms
	 * (diff.h). The model is borrowed; a planner that has begun holds it. */
	enum job_kind kind;
	struct model *model;
	struct job_shown shown; /* what a preview of it has shown; not the planner's affair */
};
void choice_clear(struct choice *choice);
void choice_copy(struct choice *to, const struct choice *from); /* deep; no model */

/* The choice's terms, compiled, or NULL with ERR_INVALID; the text begins with the field. Any
 * thread. */
struct selection *planner_compile(const struct choice *choice, struct error *err);

/* One file of the repository, seen with the choice. */
struct planned_file {
	const struct hub_file *file; /* the listing's */
	struct variant variant;
	bool is_selected;
	bool is_present; /* proven on the disk */
	bool is_other;   /* another file has its name there: it will go to the trash */
};

struct planned {
	struct hub_listing *listing;
	struct planned_file *files; /* in the listing's order */
	size_t n;
	struct file_space space; /* where the folder is, or would be */
	/* Files of an update's model that the Hub has no more. */
	char **gone;
	size_t n_gone;
};
void planned_free(struct planned **planned);

/* The selected files as a job's plan; present ones count as done already. */
struct plan *planned_to_plan(const struct planned *planned);
/* The selected files as a job may be held to them. */
void planned_to_shown(const struct planned *planned, struct job_shown *ret);

struct planner;
struct planner_call;

struct planner *planner_new(struct loop *loop, struct pool *pool, struct hub *hub,
			    int models_root);
void planner_free(struct planner **planner);

/* `done` is called once, never before this returns, with a result to free, or NULL and the
 * error. The choice is copied. */
typedef void (*planner_done_fn)(void *ctx, struct planned *take_planned,
				const struct error *err);
struct planner_call *planner_start(struct planner *planner, const struct choice *choice,
				   planner_done_fn done, void *ctx);

/* `done` will not be called. NULL is fine; leaves NULL. Not after `done`. */
void planner_cancel(struct planner_call **call);

#endif
