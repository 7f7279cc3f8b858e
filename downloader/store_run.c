#include "downloader/store_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

int store_run_put_job(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] =
		"INSERT INTO jobs VALUES "
		"(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17,"
		"?18,?19,?20,?21,?22,?23,?24,?25,?26,?27,?28,?29,?30,?31) ON CONFLICT (id) DO "
		"UPDATE SET"
		" repo=?4, commit_id=?6,"
		" is_planned=?7, priority=?10, state=?11, reason_code=?12, reason_message=?13,"
		" reason_retry_at=?14, reason_url=?15, bytes_total=?16, bytes_done=?17,"
		" files_total=?18, files_done=?19, started_at=?21, finished_at=?22,"
		" files_changed=?25, files_missing=?26, files_unknown=?27, bytes_present=?31";
	const struct job *job = command->job;
	AUTO_JSON select = terms_to_json(&job->select);
	AUTO_JSON exclude = terms_to_json(&job->exclude);
	struct db_query *q = db_query(db, sql, err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 1, job->id);
	db_bind_int(q, 2, (int64_t)job->order);
	db_bind_text(q, 3, repo_type_name(job->type));
	db_bind_text(q, 4, job->repo);
	db_bind_text(q, 5, job->revision);
	db_bind_text(q, 6, job->commit);
	db_bind_int(q, 7, job->is_planned);
	db_bind_text(q, 8, json_text(select).p);
	db_bind_text(q, 9, json_text(exclude).p);
	db_bind_int(q, 10, job->priority);
	db_bind_text(q, 11, job_state_name(job->state));
	db_bind_text(q, 12, error_code_name(job->reason.code));
	db_bind_text(q, 13, job->reason.message);
	db_bind_int(q, 14, job->reason.retry_at_ms);
	db_bind_text(q, 15, job->reason.url);
	db_bind_int(q, 16, (int64_t)job->bytes_total);
	db_bind_int(q, 17, (int64_t)job->bytes_done);
	db_bind_int(q, 18, (int64_t)job->files_total);
	db_bind_int(q, 19, (int64_t)job->files_done);
	db_bind_int(q, 20, job->created_at_ms);
	db_bind_int(q, 21, job->started_at_ms);
	db_bind_int(q, 22, job->finished_at_ms);
	db_bind_text(q, 23, job_kind_name(job->kind));
	db_bind_text(q, 24, job->folder);
	db_bind_int(q, 25, (int64_t)job->files_changed);
	db_bind_int(q, 26, (int64_t)job->files_missing);
	db_bind_int(q, 27, (int64_t)job->files_unknown);
	db_bind_text(q, 28, job->shown.digest);
	db_bind_int(q, 29, (int64_t)job->shown.files);
	db_bind_int(q, 30, (int64_t)job->shown.bytes);
	db_bind_int(q, 31, (int64_t)job->bytes_present);
	return db_run(q, err);
}

static int insert_file(struct db *db, const char *job_id, size_t index,
		       const struct plan_file *file, struct error *err)
{
	static const char sql[] = "INSERT INTO files VALUES (?1,?2,?3,?4,?5,?6,?7,?8)";
	struct db_query *q = db_query(db, sql, err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 1, job_id);
	db_bind_int(q, 2, (int64_t)index);
	db_bind_text(q, 3, file->path);
	db_bind_int(q, 4, (int64_t)file->size);
	db_bind_text(q, 5, digest_algorithm_name(file->algorithm));
	db_bind_text(q, 6, file->digest);
	db_bind_text(q, 7, file_state_name(file->state));
	db_bind_int(q, 8, (int64_t)file->bytes_done);
	return db_run(q, err);
}

/* A statement whose only value is a job's id. */
static int run_for_job(struct db *db, const char *sql, const char *job_id, struct error *err)
{
	struct db_query *q = db_query(db, sql, err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 1, job_id);
	return db_run(q, err);
}

int store_run_put_plan(struct command *command, struct db *db, struct error *err)
{
	static const char drop_files[] = "DELETE FROM files WHERE job = ?1";
	static const char drop_extents[] = "DELETE FROM extents WHERE job = ?1";
	const struct plan *plan = command->plan;

	if (store_run_put_job(command, db, err) < 0 ||
	    run_for_job(db, drop_files, command->job->id, err) < 0 ||
	    run_for_job(db, drop_extents, command->job->id, err) < 0)
		return -1;
	for (size_t i = 0; i < plan->n; i++) {
		if (insert_file(db, command->job->id, i, &plan->files[i], err) < 0)
			return -1;
	}
	return 0;
}

/* A statement whose first two values are the command's file. */
static struct db_query *file_query(const struct command *command, struct db *db,
				   const char *sql, struct error *err)
{
	struct db_query *q = db_query(db, sql, err);

	if (q == NULL)
		return NULL;
	db_bind_text(q, 1, command->job_id);
	db_bind_int(q, 2, (int64_t)command->index);
	return q;
}

static int update_file(const struct command *command, struct db *db, struct error *err)
{
	static const char sql[] = "UPDATE files SET state = ?3, bytes_done = ?4"
				  " WHERE job = ?1 AND n = ?2";
	struct db_query *q = file_query(command, db, sql, err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 3, file_state_name(command->state));
	db_bind_int(q, 4, (int64_t)command->bytes_done);
	return db_run(q, err);
}

int store_run_put_file(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] = "DELETE FROM extents WHERE job = ?1 AND n = ?2";
	struct db_query *q = file_query(command, db, sql, err);

	if (q == NULL)
		return -1;
	return db_run(q, err) < 0 ? -1 : update_file(command, db, err);
}

int store_run_put_extents(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] = "INSERT INTO extents VALUES (?1,?2,?3,?4,?5)"
				  " ON CONFLICT DO UPDATE SET length = ?4, sum = ?5";

	for (size_t i = 0; i < command->n_extents; i++) {
		const struct extent *extent = &command->extents[i];
		struct db_query *q = file_query(command, db, sql, err);

		if (q == NULL)
			return -1;
		db_bind_int(q, 3, (int64_t)extent->first);
		db_bind_int(q, 4, (int64_t)extent->length);
		db_bind_int(q, 5, (int64_t)extent->sum);
		if (db_run(q, err) < 0)
			return -1;
	}
	return update_file(command, db, err);
}

int store_run_drop_extent(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] =
		"DELETE FROM extents WHERE job = ?1 AND n = ?2 AND first = ?3";
	struct db_query *q = file_query(command, db, sql, err);

	if (q == NULL)
		return -1;
	db_bind_int(q, 3, (int64_t)command->extents[0].first);
	return db_run(q, err) < 0 ? -1 : update_file(command, db, err);
}

int store_run_get_extents(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] = "SELECT first, length, sum FROM extents"
				  " WHERE job = ?1 AND n = ?2 ORDER BY first";
	struct db_query *q = file_query(command, db, sql, err);
	size_t cap = 0;
	int more = -1;

	free(command->extents); /* of an earlier try */
	command->extents = NULL;
	command->n_extents = 0;
	if (q != NULL)
		more = db_next(q, err);
	for (; more == 1; more = db_next(q, err)) {
		command->extents = mem_grow(command->extents, command->n_extents, &cap,
					    sizeof(*command->extents));
		command->extents[command->n_extents++] =
			(struct extent){ .first = (uint64_t)db_int(q, 0),
					 .length = (uint64_t)db_int(q, 1),
					 .sum = (uint64_t)db_int(q, 2) };
	}
	return more;
}

/* A statement whose first three values say what the command's file is to hold. */
static struct db_query *content_query(const struct command *command, struct db *db,
				      const char *sql, struct error *err)
{
	struct db_query *q = db_query(db, sql, err);

	if (q == NULL)
		return NULL;
	db_bind_text(q, 1, digest_algorithm_name(command->file.algorithm));
	db_bind_text(q, 2, command->file.digest);
	db_bind_int(q, 3, (int64_t)command->file.size);
	return q;
}

int store_run_put_source(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] =
		"INSERT INTO sources (algorithm, digest, size, path, mtime_ns)"
		" VALUES (?1,?2,?3,?4,?5) ON CONFLICT (path) DO UPDATE SET"
		" algorithm = ?1, digest = ?2, size = ?3, mtime_ns = ?5";
	struct db_query *q = content_query(command, db, sql, err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 4, command->sources[0].path);
	db_bind_int(q, 5, command->sources[0].mtime_ns);
	return db_run(q, err);
}

int store_run_drop_source(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] = "DELETE FROM sources WHERE algorithm = ?1 AND digest = ?2"
				  " AND size = ?3 AND path = ?4";
	struct db_query *q = content_query(command, db, sql, err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 4, command->sources[0].path);
	return db_run(q, err);
}

void store_clear_sources(struct command *command)
{
	for (size_t i = 0; i < command->n_sources; i++)
		free(command->sources[i].path);
	command->n_sources = 0;
}

int store_run_get_sources(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] = "SELECT path, mtime_ns FROM sources WHERE algorithm = ?1"
				  " AND digest = ?2 AND size = ?3 ORDER BY rowid DESC LIMIT ?4";
	struct db_query *q = content_query(command, db, sql, err);
	int more = -1;

	store_clear_sources(command); /* of an earlier try */
	if (q != NULL) {
		db_bind_int(q, 4, STORE_SOURCES_MAX);
		more = db_next(q, err);
	}
	for (; more == 1; more = db_next(q, err))
		command->sources[command->n_sources++] =
			(struct source){ .path = mem_strdup(db_text(q, 0)),
					 .mtime_ns = db_int(q, 1) };
	return more;
}

static int read_file(struct db_query *q, struct plan_file *file, struct error *err)
{
	const char *digest = db_text(q, 3);

	file->path = mem_strdup(db_text(q, 0));
	file->size = (uint64_t)db_int(q, 1);
	file->bytes_done = (uint64_t)db_int(q, 5);
	if (strlen(digest) > HUB_DIGEST_MAX ||
	    digest_algorithm_from_name(str_from(db_text(q, 2)), &file->algorithm) < 0 ||
	    file_state_from_name(str_from(db_text(q, 4)), &file->state) < 0)
		return error_set(err, ERR_STORE,
				 "database: the plan of a download is not readable");
	memcpy(file->digest, digest, strlen(digest) + 1);
	return 0;
}

int store_run_get_plan(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] =
		"SELECT path, size, algorithm, digest, state, bytes_done FROM files"
		" WHERE job = ?1 ORDER BY n";
	AUTO(plan) plan = plan_new(0);
	struct db_query *q = db_query(db, sql, err);
	size_t cap = 0;
	int more = q == NULL ? -1 : 0;

	if (q != NULL) {
		db_bind_text(q, 1, command->job_id);
		more = db_next(q, err);
	}
	for (; more == 1; more = db_next(q, err)) {
		plan->files = mem_grow(plan->files, plan->n, &cap, sizeof(*plan->files));
		plan->files[plan->n] = (struct plan_file){ .path = NULL };
		if (read_file(q, &plan->files[plan->n++], err) < 0)
			return -1;
	}
	if (more < 0)
		return -1;
	plan_free(&command->plan);
	command->plan = MOVE(plan);
	return 0;
}

int store_run_delete_job(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] = "DELETE FROM jobs WHERE id = ?1";

	return run_for_job(db, sql, command->job_id, err);
}

static int put_setting(struct db *db, const char *name, struct json_object *value,
		       struct error *err)
{
	static const char put_sql[] = "INSERT INTO settings VALUES (?1, ?2)"
				      " ON CONFLICT (name) DO UPDATE SET value = ?2";
	static const char forget_sql[] = "DELETE FROM settings WHERE name = ?1";
	struct db_query *q = db_query(db, value != NULL ? put_sql : forget_sql, err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 1, name);
	if (value != NULL)
		db_bind_text(q, 2, json_text(value).p);
	return db_run(q, err);
}

int store_run_put_settings(struct command *command, struct db *db, struct error *err)
{
	json_object_object_foreach(command->settings, name, value)
	{
		if (put_setting(db, name, value, err) < 0)
			return -1;
	}
	return 0;
}

/* A row that is really written each time, so that a full disk shows. */
int store_run_get_notices(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] = "SELECT job, at, pending FROM notices ORDER BY at LIMIT ?1";
	struct db_query *q = db_query(db, sql, err);
	int more;

	if (q == NULL)
		return -1;
	db_bind_int(q, 1, STORE_NOTICES_MAX);
	command->n_notices = 0;
	while ((more = db_next(q, err)) == 1) {
		struct store_notice *notice = &command->notices[command->n_notices++];

		(void)snprintf(notice->job_id, sizeof(notice->job_id), "%s", db_text(q, 0));
		notice->at_ms = db_int(q, 1);
		notice->pending = (unsigned)db_int(q, 2);
	}
	return more;
}

int store_run_put_notice(struct command *command, struct db *db, struct error *err)
{
	struct db_query *q =
		command->index == 0
			? db_query(db, "DELETE FROM notices WHERE job = ?1", err)
			: db_query(db, "UPDATE notices SET pending = ?2 WHERE job = ?1", err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 1, command->job_id);
	if (command->index != 0)
		db_bind_int(q, 2, (int64_t)command->index);
	return db_run(q, err);
}

int store_run_check(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] = "INSERT INTO health VALUES (1, ?1)"
				  " ON CONFLICT (id) DO UPDATE SET checked_at = ?1";
	struct db_query *q = db_query(db, sql, err);

	(void)command;
	if (q == NULL)
		return -1;
	db_bind_int(q, 1, clock_unix_ms());
	return db_run(q, err);
}
