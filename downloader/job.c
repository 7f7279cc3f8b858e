#include "downloader/job.h"

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"

#define BIT(state) (1U << (state))

/* For each state, the states that may follow it. */
static const unsigned moves[] = {
	[JOB_QUEUED] = BIT(JOB_RESOLVING) | BIT(JOB_DOWNLOADING) | BIT(JOB_VERIFYING) |
		       BIT(JOB_WAITING) | BIT(JOB_PAUSED) | BIT(JOB_CANCELLED) |
		       BIT(JOB_FAILED),
	[JOB_RESOLVING] = BIT(JOB_QUEUED) | BIT(JOB_WAITING) | BIT(JOB_PAUSED) |
			  BIT(JOB_CANCELLED) | BIT(JOB_FAILED),
	[JOB_DOWNLOADING] = BIT(JOB_VERIFYING) | BIT(JOB_COMPLETED) | BIT(JOB_QUEUED) |
			    BIT(JOB_WAITING) | BIT(JOB_PAUSED) | BIT(JOB_CANCELLED) |
			    BIT(JOB_FAILED),
	[JOB_VERIFYING] = BIT(JOB_COMPLETED) | BIT(JOB_DOWNLOADING) | BIT(JOB_QUEUED) |
			  BIT(JOB_WAITING) | BIT(JOB_PAUSED) | BIT(JOB_CANCELLED) |
			  BIT(JOB_FAILED),
	[JOB_PAUSED] = BIT(JOB_QUEUED) | BIT(JOB_CANCELLED),
	[JOB_WAITING] =
		BIT(JOB_QUEUED) | BIT(JOB_PAUSED) | BIT(JOB_CANCELLED) | BIT(JOB_FAILED),
	[JOB_COMPLETED] = 0,
	[JOB_FAILED] = BIT(JOB_QUEUED),
	[JOB_CANCELLED] = BIT(JOB_QUEUED),
};

static const char *const state_names[] = {
	[JOB_QUEUED] = "queued",           [JOB_RESOLVING] = "resolving",
	[JOB_DOWNLOADING] = "downloading", [JOB_VERIFYING] = "verifying",
	[JOB_PAUSED] = "paused",           [JOB_WAITING] = "waiting",
	[JOB_COMPLETED] = "completed",     [JOB_FAILED] = "failed",
	[JOB_CANCELLED] = "cancelled",
};

static const char *const kind_names[] = {
	[JOB_DOWNLOAD] = "download",
	[JOB_UPDATE] = "update",
	[JOB_VERIFY] = "verify",
	[JOB_REPAIR] = "repair",
};

static_assert(ARRAY_LEN(kind_names) == JOB_KIND_COUNT, "every kind has its name");
static_assert(ARRAY_LEN(moves) == JOB_STATE_COUNT, "every state has its moves");
static_assert(ARRAY_LEN(state_names) == JOB_STATE_COUNT, "every state has its name");

struct job *job_new(void)
{
	return mem_alloc(sizeof(struct job));
}

struct job *job_copy(const struct job *job)
{
	struct job *copy = job_new();

	*copy = *job;
	copy->repo = mem_strdup(job->repo);
	copy->revision = mem_strdup(job->revision);
	copy->folder = mem_strdup(job->folder);
	copy->reason.url = mem_strdup(job->reason.url);
	copy->select = (struct terms){ .v = NULL, .n = 0 };
	copy->exclude = (struct terms){ .v = NULL, .n = 0 };
	terms_copy(&copy->select, job->select.v, job->select.n);
	terms_copy(&copy->exclude, job->exclude.v, job->exclude.n);
	return copy;
}

static void clear_reason(struct job *job)
{
	free(job->reason.url);
	job->reason = (struct job_reason){ .code = ERR_NONE };
}

void job_free(struct job **job)
{
	if (*job == NULL)
		return;
	clear_reason(*job);
	terms_clear(&(*job)->select);
	terms_clear(&(*job)->exclude);
	free((*job)->repo);
	free((*job)->revision);
	free((*job)->folder);
	free(*job);
	*job = NULL;
}

const char *job_kind_name(enum job_kind kind)
{
	return kind_names[kind];
}

int job_kind_from_name(struct str name, enum job_kind *ret)
{
	for (unsigned i = 0; i < JOB_KIND_COUNT; i++) {
		if (str_is_equal(name, str_from(kind_names[i]))) {
			*ret = (enum job_kind)i;
			return 0;
		}
	}
	return -1;
}

const char *job_state_name(enum job_state state)
{
	return state_names[state];
}

int job_state_from_name(struct str name, enum job_state *ret)
{
	for (unsigned i = 0; i < JOB_STATE_COUNT; i++) {
		if (str_is_equal(name, str_from(state_names[i]))) {
			*ret = (enum job_state)i;
			return 0;
		}
	}
	return -1;
}

bool job_can_move(enum job_state from, enum job_state to)
{
	return (moves[from] & BIT(to)) != 0;
}

bool job_is_final(enum job_state state)
{
	return state == JOB_COMPLETED || state == JOB_FAILED || state == JOB_CANCELLED;
}

void job_move(struct job *job, enum job_state to, int64_t now_ms)
{
	assert(job_can_move(job->state, to));
	clear_reason(job);
	job->state = to;
	job->speed_bps = 0;
	if ((to == JOB_DOWNLOADING || to == JOB_VERIFYING) && job->started_at_ms == 0)
		job->started_at_ms = now_ms;
	job->finished_at_ms = job_is_final(to) ? now_ms : 0;
}

void job_set_reason(struct job *job, const struct error *why, int64_t retry_at_ms)
{
	clear_reason(job);
	job->reason.code = why->code;
	job->reason.retry_at_ms = retry_at_ms;
	memcpy(job->reason.message, why->text, sizeof(job->reason.message));
}

void job_set_reason_url(struct job *job, char *take_url)
{
	free(job->reason.url);
	job->reason.url = take_url;
}

static uint64_t bytes_left(const struct job *job)
{
	return job->bytes_total > job->bytes_done ? job->bytes_total - job->bytes_done : 0;
}

uint64_t job_remaining(const struct job *job)
{
	return job->kind == JOB_VERIFY ? 0 : bytes_left(job);
}

int64_t job_eta_s(const struct job *job)
{
	bool is_moving = job->state == JOB_DOWNLOADING ||
			 (job->kind == JOB_VERIFY && job->state == JOB_VERIFYING);

	if (job->speed_bps == 0 || !is_moving)
		return -1;
	return (int64_t)((bytes_left(job) + job->speed_bps - 1) / job->speed_bps);
}

char *job_folder(enum repo_type type, const char *repo, const char *revision)
{
	AUTO(buf) folder = buf_new(2 * (size_t)REVISION_MAX + REPO_ID_MAX + 16);

	if (type == REPO_DATASET)
		buf_add(folder, S("datasets/"));
	buf_add(folder, str_from(repo));
	if (strcmp(revision, "main") != 0) {
		buf_add_char(folder, '@');
		for (const char *c = revision; *c != '\0'; c++)
			buf_add(folder, *c == '/' ? S("--") : (struct str){ .p = c, .n = 1 });
	}
	return buf_take(folder);
}

char *job_own_folder(const struct job *job)
{
	if (job->folder != NULL)
		return mem_strdup(job->folder);
	return job_folder(job->type, job->repo, job->revision);
}

int job_compare(const struct job *a, const struct job *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return 0;
}

/* --- JSON --- */

static struct json_object *reason_to_json(const struct job_reason *reason)
{
	struct json_object *object;

	if (reason->code == ERR_NONE)
		return NULL;
	object = json_object_new_object();
	json_add_cstr(object, "code", error_code_name(reason->code));
	json_add_cstr(object, "message", reason->message);
	json_add_time(object, "retry_at", reason->retry_at_ms);
	json_add_cstr(object, "url", reason->url);
	json_add_cstr(object, "hint", error_code_hint(reason->code));
	return object;
}

void job_take_progress(struct job *to, const struct job *from)
{
	to->bytes_done = from->bytes_done;
	to->bytes_verified = from->bytes_verified;
	to->files_done = from->files_done;
	to->files_changed = from->files_changed;
	to->files_missing = from->files_missing;
	to->files_unknown = from->files_unknown;
	to->speed_bps = from->speed_bps;
	to->connections = from->connections;
}

static void add_progress(struct json_object *object, const struct job *job)
{
	json_add_cstr(object, "state", job_state_name(job->state));
	json_add_u64(object, "bytes_done", job->bytes_done);
	json_add_u64(object, "bytes_verified", job->bytes_verified);
	json_add_u64(object, "files_done", job->files_done);
	json_add_u64(object, "speed_bps", job->speed_bps);
	if (job_eta_s(job) >= 0)
		json_add_int(object, "eta_s", job_eta_s(job));
	else
		json_take(object, "eta_s", NULL);
	json_add_u64(object, "connections", job->connections);
}

/* What a verification has found; null for all others. */
static struct json_object *findings_to_json(const struct job *job)
{
	struct json_object *object;

	if (job->kind != JOB_VERIFY)
		return NULL;
	object = json_object_new_object();
	json_add_u64(object, "proven", job->files_done);
	json_add_u64(object, "changed", job->files_changed);
	json_add_u64(object, "missing", job->files_missing);
	json_add_u64(object, "unknown", job->files_unknown);
	return object;
}

struct json_object *job_progress_to_json(const struct job *job)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, "id", job->id);
	add_progress(object, job);
	if (job->kind == JOB_VERIFY)
		json_take(object, "findings", findings_to_json(job));
	return object;
}

static struct json_object *folder_to_json(const struct job *job)
{
	AUTO_CSTR folder = job_own_folder(job);

	return json_object_new_string(folder);
}

struct json_object *job_to_json(const struct job *job)
{
	struct json_object *object = json_object_new_object();

	json_add_cstr(object, "id", job->id);
	json_add_cstr(object, "kind", job_kind_name(job->kind));
	json_take(object, "folder", folder_to_json(job));
	json_add_cstr(object, "repo", job->repo);
	json_add_cstr(object, "type", repo_type_name(job->type));
	json_add_cstr(object, "revision", job->revision);
	json_add_cstr(object, "commit", job->commit[0] != '\0' ? job->commit : NULL);
	json_take(object, "select", terms_to_json(&job->select));
	json_take(object, "exclude", terms_to_json(&job->exclude));
	json_add_int(object, "priority", job->priority);
	json_take(object, "reason", reason_to_json(&job->reason));
	json_add_u64(object, "bytes_total", job->bytes_total);
	json_add_u64(object, "bytes_present", job->bytes_present);
	json_add_u64(object, "files_total", job->files_total);
	add_progress(object, job);
	json_take(object, "findings", findings_to_json(job));
	json_add_time(object, "created_at", job->created_at_ms);
	json_add_time(object, "started_at", job->started_at_ms);
	json_add_time(object, "finished_at", job->finished_at_ms);
	return object;
}

/* --- terms --- */

void terms_copy(struct terms *to, char *const *v, size_t n)
{
	terms_clear(to);
	to->v = mem_array(n, sizeof(*to->v));
	for (size_t i = 0; i < n; i++)
		to->v[i] = mem_strdup(v[i]);
	to->n = n;
}

void terms_clear(struct terms *terms)
{
	for (size_t i = 0; i < terms->n; i++)
		free(terms->v[i]);
	free(terms->v);
	*terms = (struct terms){ .v = NULL, .n = 0 };
}

bool terms_is_equal(const struct terms *a, const struct terms *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	}
	return true;
}

struct json_object *terms_to_json(const struct terms *terms)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < terms->n; i++)
		(void)json_object_array_add(array, json_object_new_string(terms->v[i]));
	return array;
}

void terms_from_json(struct terms *to, struct json_object *array)
{
	size_t n = json_object_is_type(array, json_type_array) ? json_object_array_length(array)
							       : 0;

	terms_clear(to);
	to->v = mem_array(n, sizeof(*to->v));
	for (size_t i = 0; i < n; i++)
		to->v[i] =
			mem_strdup(json_object_get_string(json_object_array_get_idx(array, i)));
	to->n = n;
}
