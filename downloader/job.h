/*
 * A job: one download as the queue knows it, or one look at what a model's files are worth,
 * with the machine of its states. The files are not here (a job of 100,000 files is as small as
 * one of one): see plan.h.
 *
 *            .-----------------------------------------------------------.
 *            v                                                           |
 *   queued -> resolving -> queued (planned) -> downloading -> verifying -+-> completed
 *     ^           |                              |    ^          |
 *     |           v                              v    '----------'  (refetch after a mismatch)
 *     |        waiting <-------------------------'
 *     |           |           any of the above but completed: -> paused, -> failed, ->
 * cancelled
 *     '-----------+---------- paused (resume), failed and cancelled (retry)
 *
 * Who takes the arrows: queue.c, all of them, through job_move().
 *
 * Pure values: no clock, no I/O. One thread at a time; in larderd the loop.
 */
#ifndef DOWNLOADER_JOB_H
#define DOWNLOADER_JOB_H

#include "common/error.h"
#include "common/ids.h"

struct json_object;

enum job_kind {
	JOB_DOWNLOAD, /* brings what was selected */
	JOB_UPDATE,   /* brings a model that is here to its newest commit */
	JOB_VERIFY,   /* hashes what is here; brings nothing */
	JOB_REPAIR,   /* brings what a model lacks, and what is not as it should be */
	JOB_KIND_COUNT,
};

enum job_state {
	JOB_QUEUED,      /* waits for its turn; planned when commit is set */
	JOB_RESOLVING,   /* asks the Hub what there is */
	JOB_DOWNLOADING, /* bytes come in */
	JOB_VERIFYING,   /* all bytes are here, the hashes are being finished */
	JOB_PAUSED,      /* by a person; stays so until resumed */
	JOB_WAITING,     /* goes on by itself, see its reason */
	JOB_COMPLETED,   /* every file proven and in its place */
	JOB_FAILED,      /* a person must act, see its reason */
	JOB_CANCELLED,
	JOB_STATE_COUNT,
};

enum {
	JOB_REASON_MAX = ERROR_TEXT_MAX,
	JOB_SHOWN_LEN = 64, /* hex digits */
};

/* Why a job waits or has failed. */
struct job_reason {
	enum error_code code; /* ERR_NONE: there is no reason to give */
	char message[JOB_REASON_MAX];
	int64_t retry_at_ms; /* unix time; 0: on a condition, or never */
	char *url;           /* where a person can do something, or NULL */
};

/* Exactly which files a preview has shown: the SHA-256 of their paths, sizes and digests, and
 * their sums for people. */
struct job_shown {
	char digest[JOB_SHOWN_LEN + 1]; /* "": nothing was shown */
	uint64_t files;
	uint64_t bytes;
};

/* A list of terms, owned. */
struct terms {
	char **v;
	size_t n;
};

struct job {
	char id[DOWNLOAD_ID_LEN + 1];
	uint64_t order; /* first come, first served within a priority; unique */
	enum job_kind kind;
	enum repo_type type;
	char *repo;                  /* canonical once planned */
	char *revision;              /* as asked for */
	char *folder;                /* where it works; NULL: as the three above say */
	char commit[COMMIT_LEN + 1]; /* "" until planned, or pinned by who asked */
	bool is_planned;
	struct job_shown shown; /* its plan must be of these, or it fails */
	struct terms select;
	struct terms exclude;
	int priority;
	enum job_state state;
	struct job_reason reason;
	uint64_t bytes_total;
	uint64_t bytes_present;  /* of the total, here and proven when the plan was made */
	uint64_t bytes_done;     /* durable; of a verification, those that are hashed */
	uint64_t bytes_verified; /* hashed, in files that are whole or under way */
	uint64_t files_total;
	uint64_t files_done; /* proven, under their final names */
	/* Of a verification: what else was found. */
	uint64_t files_changed;
	uint64_t files_missing;
	uint64_t files_unknown;
	unsigned attempts; /* waits in a row without progress */
	int64_t created_at_ms;
	int64_t started_at_ms;
	int64_t finished_at_ms;

	/* Of the running transfer; not kept on disk. */
	uint64_t speed_bps; /* bytes a second */
	unsigned connections;
};

struct job *job_new(void);
struct job *job_copy(const struct job *job); /* deep */
void job_free(struct job **job);

const char *job_kind_name(enum job_kind kind);
int job_kind_from_name(struct str name, enum job_kind *ret) MUST_USE;

const char *job_state_name(enum job_state state);
int job_state_from_name(struct str name, enum job_state *ret) MUST_USE;

bool job_can_move(enum job_state from, enum job_state to);

/* Moves and stamps started_at and finished_at. Drops the reason; give it after. It is a mistake
 * of ours to ask for a move that is not legal (assert). */
void job_move(struct job *job, enum job_state to, int64_t now_ms);

/* Copies code and text. */
void job_set_reason(struct job *job, const struct error *why, int64_t retry_at_ms);
void job_set_reason_url(struct job *job, char *take_url);

/* Completed, failed or cancelled: nothing happens to it by itself. */
bool job_is_final(enum job_state state);

/* Bytes still to fetch; a verification fetches none. */
uint64_t job_remaining(const struct job *job);

/* Seconds left at the present speed, or -1 when not known. */
int64_t job_eta_s(const struct job *job);

/* The folder beneath the models directory: "owner/name", "owner/name@revision", "datasets/...".
 * A revision's "/" becomes "--" in the folder's name. Free with free(3). */
char *job_folder(enum repo_type type, const char *repo, const char *revision);

/* Where the job works, beneath the models directory: its own folder, or that. Free with
 * free(3). */
char *job_own_folder(const struct job *job);

/* Takes over what a transfer tells: durable and hashed bytes, files, speed, connections. */
void job_take_progress(struct job *to, const struct job *from);

/* The order in which jobs are served: higher priority first, then first come. <0, 0, >0. */
int job_compare(const struct job *a, const struct job *b);

/* The JSON of DESIGN.md 4.1, without files; belongs to the caller. */
struct json_object *job_to_json(const struct job *job);

/* Only what changes while it runs: id, state, bytes, files, speed; belongs to the caller. */
struct json_object *job_progress_to_json(const struct job *job);

void terms_copy(struct terms *to, char *const *v, size_t n);
void terms_clear(struct terms *terms);
bool terms_is_equal(const struct terms *a, const struct terms *b);
struct json_object *terms_to_json(const struct terms *terms);
/* From an array of strings, already checked; NULL gives none. */
void terms_from_json(struct terms *to, struct json_object *array);

#endif
