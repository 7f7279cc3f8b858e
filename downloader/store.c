/*
 * One list of commands, one thread. The thread takes all that waits, runs it in one transaction
 * and posts the commands back to the loop. When one of them fails the transaction is rolled
 * back and each is run by itself, so that one bad command cannot spoil its neighbours.
 */
#include "downloader/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/folder.h"
#include "common/json.h"
#include "downloader/file.h"

static const char *const migrations[] = {
	"CREATE TABLE jobs ("
	" id TEXT PRIMARY KEY, seq INTEGER NOT NULL UNIQUE, type TEXT NOT NULL, repo TEXT NOT "
	"NULL,"
	" revision TEXT NOT NULL, commit_id TEXT NOT NULL, is_planned INTEGER NOT NULL,"
	" select_terms TEXT NOT NULL, exclude_terms TEXT NOT NULL, priority INTEGER NOT NULL,"
	" state TEXT NOT NULL, reason_code TEXT NOT NULL, reason_message TEXT NOT NULL,"
	" reason_retry_at INTEGER NOT NULL, reason_url TEXT, bytes_total INTEGER NOT NULL,"
	" bytes_done INTEGER NOT NULL, files_total INTEGER NOT NULL, files_done INTEGER NOT "
	"NULL,"
	" created_at INTEGER NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT "
	"NULL"
	") STRICT;"
	"CREATE TABLE files ("
	" job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, n INTEGER NOT NULL,"
	" path TEXT NOT NULL, size INTEGER NOT NULL, algorithm TEXT NOT NULL, digest TEXT NOT "
	"NULL,"
	" state TEXT NOT NULL, bytes_done INTEGER NOT NULL, PRIMARY KEY (job, n)"
	") STRICT, WITHOUT ROWID;",
	"CREATE TABLE health (id INTEGER PRIMARY KEY, checked_at INTEGER NOT NULL) STRICT;",
	"CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;",
	/* What was counted before there were checksums cannot be checked: it is fetched again.
	 */
	"CREATE TABLE extents ("
	" job TEXT NOT NULL REFERENCES jobs(id) ON DELETE CASCADE, n INTEGER NOT NULL,"
	" first INTEGER NOT NULL, length INTEGER NOT NULL, sum INTEGER NOT NULL,"
	" PRIMARY KEY (job, n, first)) STRICT, WITHOUT ROWID;"
	"UPDATE files SET bytes_done = 0 WHERE state <> 'done';",
	/* What was proven before this table was there is known by the plans that are left, by
	 * the names that job_folder() gave. When the files were changed is not known. */
	"CREATE TABLE sources ("
	" path TEXT NOT NULL PRIMARY KEY, algorithm TEXT NOT NULL, digest TEXT NOT NULL,"
	" size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL) STRICT;"
	"CREATE INDEX sources_by_content ON sources (digest, size);"
	"INSERT OR REPLACE INTO sources"
	" SELECT CASE type WHEN 'dataset' THEN 'datasets/' ELSE '' END || repo"
	" || CASE revision WHEN 'main' THEN '' ELSE '@' || replace(revision, '/', '--') END"
	" || '/' || path, algorithm, digest, size, 0 FROM files JOIN jobs ON jobs.id = job"
	" WHERE files.state = 'done' AND size >= 1048576 ORDER BY seq;",
	"CREATE TABLE models ("
	" folder TEXT PRIMARY KEY, is_flat INTEGER NOT NULL, is_git INTEGER NOT NULL, "
	"notes_mtime_ns INTEGER NOT NULL,"
	" looked_at INTEGER NOT NULL, problem TEXT) STRICT, WITHOUT ROWID;"
	"CREATE TABLE model_files ("
	" folder TEXT NOT NULL REFERENCES models(folder) ON DELETE CASCADE, path TEXT NOT NULL,"
	" kind TEXT NOT NULL, state TEXT NOT NULL, size INTEGER NOT NULL,"
	" mtime_ns INTEGER NOT NULL, inode INTEGER NOT NULL, digest TEXT NOT NULL,"
	" commit_id TEXT NOT NULL, vouched_at INTEGER NOT NULL, header TEXT, problem TEXT,"
	" PRIMARY KEY (folder, path)) STRICT, WITHOUT ROWID;",
	"ALTER TABLE jobs ADD COLUMN kind TEXT NOT NULL DEFAULT 'download';"
	"ALTER TABLE jobs ADD COLUMN folder TEXT;"
	"ALTER TABLE jobs ADD COLUMN files_changed INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN files_missing INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN files_unknown INTEGER NOT NULL DEFAULT 0;",
	/* config.json is read, too: all is looked at once more. */
	"DELETE FROM models;",
	"CREATE TABLE audit ("
	" seq INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL,"
	" address TEXT NOT NULL, action TEXT NOT NULL, what TEXT NOT NULL,"
	" outcome TEXT NOT NULL, request_id TEXT NOT NULL) STRICT;"
	"CREATE TRIGGER audit_stays BEFORE UPDATE ON audit "
	"BEGIN SELECT RAISE(ABORT, 'the audit is not changed'); END;"
	/* STORE_AUDIT_KEPT */
	"CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit"
	" WHEN OLD.seq > (SELECT max(seq) FROM audit) - 100000 "
	"BEGIN SELECT RAISE(ABORT, 'the audit is kept'); END;",
	"CREATE TABLE notices ("
	" job TEXT PRIMARY KEY REFERENCES jobs(id) ON DELETE CASCADE,"
	" at INTEGER NOT NULL, pending INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TRIGGER jobs_end AFTER UPDATE OF state ON jobs"
	" WHEN NEW.state IN ('completed', 'failed') AND OLD.state <> NEW.state "
	/* Not INSERT OR REPLACE: what the statement around says of conflicts would count. */
	"BEGIN DELETE FROM notices WHERE job = NEW.id;"
	" INSERT INTO notices VALUES (NEW.id, NEW.finished_at, 3); END;",
	"ALTER TABLE jobs ADD COLUMN shown_digest TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE jobs ADD COLUMN shown_files INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE jobs ADD COLUMN shown_bytes INTEGER NOT NULL DEFAULT 0;",
	"ALTER TABLE jobs ADD COLUMN bytes_present INTEGER NOT NULL DEFAULT 0;",
};

static_assert(STORE_AUDIT_KEPT == 100000, "the trigger says so");

struct store {
	struct loop *loop;
	struct db *db;
	int lock_fd;
	pthread_t thread;
	bool is_started;
	pthread_mutex_t lock; /* guards the list and is_stopping */
	pthread_cond_t work;
	struct loop_message *first;
	struct loop_message **last;
	pthread_cond_t idle;
	bool is_busy; /* the thread has a list */
	bool is_stopping;
};

/* --- the thread --- */

/* Runs the list in the transaction that has begun, and commits; on failure all of it is undone.
 */
static int run_together(struct store *store, struct loop_message *first, struct error *err)
{
	for (struct loop_message *at = first; at != NULL; at = at->next) {
		struct command *command = (struct command *)at;

		if (command->run(command, store->db, err) < 0) {
			db_rollback(store->db);
			return -1;
		}
	}
	if (db_commit(store->db, err) < 0) {
		db_rollback(store->db);
		return -1;
	}
	return 0;
}

static bool is_read(const struct loop_message *message)
{
	const struct command *command = (const struct command *)message;

	return command->run == store_run_get_plan || command->run == store_run_get_extents ||
	       command->run == store_run_get_sources || command->run == store_run_get_audit ||
	       command->run == store_run_get_notices;
}

/* Runs commands that all read, or all write. When not even their transaction begins (the
 * database is locked, the disk gone), all of them fail at once, and so do those after them,
 * instead of each waiting for the same. */
static void run_alike(struct store *store, struct loop_message *first, struct error *refusal)
{
	/* Who only reads does not wait for another process that writes. */
	const char *begin = is_read(first) ? "BEGIN" : "BEGIN IMMEDIATE";
	bool is_refused = !is_read(first) && refusal->code != ERR_NONE;
	struct error ignored;
	bool can_begin = !is_refused && db_exec(store->db, begin, refusal) == 0;
	bool together = can_begin && run_together(store, first, &ignored) == 0;

	while (first != NULL) {
		struct command *command = (struct command *)first;

		first = first->next;
		command->message.next = NULL;
		if (!can_begin) {
			command->has_failed = true;
			command->error = *refusal;
		} else if (!together) {
			command->has_failed =
				db_exec(store->db, begin, &command->error) < 0 ||
				run_together(store, &command->message, &command->error) < 0;
		}
		loop_post(store->loop, &command->message);
	}
}

/* Runs one list, in its order. */
static void run_list(struct store *store, struct loop_message *first)
{
	struct error refusal = { .code = ERR_NONE };

	while (first != NULL) {
		struct loop_message *last = first;
		struct loop_message *rest;

		while (last->next != NULL && is_read(last->next) == is_read(first))
			last = last->next;
		rest = last->next;
		last->next = NULL;
		run_alike(store, first, &refusal);
		first = rest;
	}
}

static struct loop_message *take_list(struct store *store)
{
	struct loop_message *first;

	(void)pthread_mutex_lock(&store->lock);
	store->is_busy = false;
	(void)pthread_cond_signal(&store->idle);
	while (store->first == NULL && !store->is_stopping)
		(void)pthread_cond_wait(&store->work, &store->lock);
	store->is_busy = true;
	first = store->first;
	store->first = NULL;
	store->last = &store->first;
	(void)pthread_mutex_unlock(&store->lock);
	return first;
}

static void *work(void *arg)
{
	struct store *store = arg;
	struct loop_message *list;

	while ((list = take_list(store)) != NULL)
		run_list(store, list);
	return NULL;
}

/* --- the loop's side --- */

static void command_free(struct command *command)
{
	job_free(&command->job);
	plan_free(&command->plan);
	json_free(&command->settings);
	free(command->extents);
	store_clear_sources(command);
	store_clear_audit(command);
	free(command->entries);
	free(command->notices);
	model_free(&command->model);
	free(command->folder);
	free(command);
}

static void finish(struct loop_message *message)
{
	struct command *command = (struct command *)message;
	const struct error *err = command->has_failed ? &command->error : NULL;

	if (command->plan_done != NULL)
		command->plan_done(command->ctx, err == NULL ? MOVE(command->plan) : NULL, err);
	else if (command->extents_done != NULL)
		command->extents_done(command->ctx, command->extents,
				      err == NULL ? command->n_extents : 0, err);
	else if (command->sources_done != NULL)
		command->sources_done(command->ctx, command->sources,
				      err == NULL ? command->n_sources : 0, err);
	else if (command->audit_done != NULL)
		command->audit_done(command->ctx, command->entries,
				    err == NULL ? command->n_entries : 0, err);
	else if (command->notices_done != NULL)
		command->notices_done(command->ctx, command->notices,
				      err == NULL ? command->n_notices : 0, err);
	else if (command->done != NULL)
		command->done(command->ctx, err);
	command_free(command);
}

static struct command *command_new(struct store *store, store_run_fn *run, const char *job_id,
				   store_done_fn done, void *ctx)
{
	struct command *command = mem_alloc(sizeof(*command));

	command->store = store;
	command->message.fn = finish;
	command->run = run;
	command->done = done;
	command->ctx = ctx;
	if (job_id != NULL)
		memcpy(command->job_id, job_id, sizeof(command->job_id));
	return command;
}

static void submit(struct store *store, struct command *command)
{
	(void)pthread_mutex_lock(&store->lock);
	if (store->is_stopping) {
		(void)pthread_mutex_unlock(&store->lock);
		command->has_failed = true;
		(void)error_set(&command->error, ERR_STORE, "larderd stops");
		loop_post(store->loop, &command->message);
		return;
	}
	*store->last = &command->message;
	store->last = &command->message.next;
	(void)pthread_cond_signal(&store->work);
	(void)pthread_mutex_unlock(&store->lock);
}

void store_put_job(struct store *store, const struct job *job, store_done_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_put_job, job->id, done, ctx);

	command->job = job_copy(job);
	submit(store, command);
}

void store_put_plan(struct store *store, const struct job *job, const struct plan *plan,
		    store_done_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_put_plan, job->id, done, ctx);

	command->job = job_copy(job);
	command->plan = plan_copy(plan);
	submit(store, command);
}

void store_put_file(struct store *store, const char *job_id, size_t index,
		    enum file_state state, uint64_t bytes_done, store_done_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_put_file, job_id, done, ctx);

	command->index = index;
	command->state = state;
	command->bytes_done = bytes_done;
	submit(store, command);
}

static struct command *extents_command(struct store *store, store_run_fn *run,
				       const char *job_id, size_t index,
				       const struct extent *extents, size_t n,
				       uint64_t bytes_done, store_done_fn done, void *ctx)
{
	struct command *command = command_new(store, run, job_id, done, ctx);

	command->index = index;
	command->state = FILE_DOWNLOADING;
	command->bytes_done = bytes_done;
	command->extents = mem_array(n, sizeof(*extents));
	memcpy(command->extents, extents, n * sizeof(*extents));
	command->n_extents = n;
	return command;
}

void store_put_extents(struct store *store, const char *job_id, size_t index,
		       const struct extent *extents, size_t n, uint64_t bytes_done,
		       store_done_fn done, void *ctx)
{
	submit(store, extents_command(store, store_run_put_extents, job_id, index, extents, n,
				      bytes_done, done, ctx));
}

void store_drop_extent(struct store *store, const char *job_id, size_t index, uint64_t first,
		       uint64_t bytes_done, store_done_fn done, void *ctx)
{
	struct extent extent = { .first = first };

	submit(store, extents_command(store, store_run_drop_extent, job_id, index, &extent, 1,
				      bytes_done, done, ctx));
}

void store_get_extents(struct store *store, const char *job_id, size_t index,
		       store_extents_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_get_extents, job_id, NULL, ctx);

	command->index = index;
	command->extents_done = done;
	submit(store, command);
}

static struct command *source_command(struct store *store, store_run_fn *run,
				      const struct plan_file *file, const struct source *source,
				      store_done_fn done, void *ctx)
{
	struct command *command = command_new(store, run, NULL, done, ctx);

	command->file = *file;
	command->file.path = NULL;
	if (source != NULL) {
		command->sources[0] = *source;
		command->sources[0].path = mem_strdup(source->path);
		command->n_sources = 1;
	}
	return command;
}

void store_put_source(struct store *store, const struct plan_file *file,
		      const struct source *source, store_done_fn done, void *ctx)
{
	submit(store, source_command(store, store_run_put_source, file, source, done, ctx));
}

void store_drop_source(struct store *store, const struct plan_file *file,
		       const struct source *source, store_done_fn done, void *ctx)
{
	submit(store, source_command(store, store_run_drop_source, file, source, done, ctx));
}

void store_get_sources(struct store *store, const struct plan_file *file, store_sources_fn done,
		       void *ctx)
{
	struct command *command =
		source_command(store, store_run_get_sources, file, NULL, NULL, ctx);

	command->sources_done = done;
	submit(store, command);
}

void store_get_plan(struct store *store, const char *job_id, store_plan_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_get_plan, job_id, NULL, ctx);

	command->plan_done = done;
	submit(store, command);
}

void store_delete_job(struct store *store, const char *job_id, store_done_fn done, void *ctx)
{
	submit(store, command_new(store, store_run_delete_job, job_id, done, ctx));
}

void store_put_settings(struct store *store, struct json_object *take_settings,
			store_done_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_put_settings, NULL, done, ctx);

	command->settings = take_settings;
	submit(store, command);
}

void store_put_model(struct store *store, struct model *model, store_done_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_put_model, NULL, done, ctx);

	command->model = model_hold(model);
	command->folder = mem_strdup(model->folder);
	submit(store, command);
}

void store_drop_model(struct store *store, const char *folder, store_done_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_drop_model, NULL, done, ctx);

	command->folder = mem_strdup(folder);
	submit(store, command);
}

void store_put_audit(struct store *store, const struct audit_entry *entry, store_done_fn done,
		     void *ctx)
{
	struct command *command = command_new(store, store_run_put_audit, NULL, done, ctx);

	command->entries = mem_array(1, sizeof(*entry));
	command->entries[0] = (struct audit_entry){
		.at_ms = entry->at_ms,
		.who = mem_strdup(entry->who),
		.address = mem_strdup(entry->address),
		.action = mem_strdup(entry->action),
		.what = mem_strdup(entry->what),
		.outcome = mem_strdup(entry->outcome),
		.request_id = mem_strdup(entry->request_id),
	};
	command->n_entries = 1;
	submit(store, command);
}

void store_get_audit(struct store *store, int64_t before, size_t limit, store_audit_fn done,
		     void *ctx)
{
	struct command *command = command_new(store, store_run_get_audit, NULL, NULL, ctx);

	command->audit_done = done;
	command->before = before;
	command->index = limit;
	command->entries = mem_array(limit, sizeof(*command->entries));
	submit(store, command);
}

void store_get_notices(struct store *store, store_notices_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_get_notices, NULL, NULL, ctx);

	command->notices_done = done;
	command->notices = mem_array(STORE_NOTICES_MAX, sizeof(*command->notices));
	submit(store, command);
}

void store_put_notice(struct store *store, const char *job_id, unsigned pending,
		      store_done_fn done, void *ctx)
{
	struct command *command = command_new(store, store_run_put_notice, job_id, done, ctx);

	command->index = pending;
	submit(store, command);
}

void store_check(struct store *store, store_done_fn done, void *ctx)
{
	submit(store, command_new(store, store_run_check, NULL, done, ctx));
}

/* --- start, load, stop --- */

int store_lock(const char *dir, struct error *err)
{
	AUTO_CSTR path = mem_printf("%s/larder.lock", dir);
	AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	int result;

	if (fd < 0)
		return error_set_errno(err, ERR_STORE, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return error_set(err, ERR_STORE, "%s: another larderd uses this directory",
				 dir);
	result = fd;
	fd = -1;
	return result;
}

int store_inspect(const char *path, struct error *err)
{
	return db_inspect(path, ARRAY_LEN(migrations), err);
}

struct store *store_new(struct loop *loop, const char *dir, struct error *err)
{
	AUTO(store) store = mem_alloc(sizeof(*store));
	AUTO_CSTR path = mem_printf("%s/" STORE_FILE, dir);

	store->loop = loop;
	store->lock_fd = -1;
	(void)pthread_mutex_init(&store->lock, NULL);
	(void)pthread_cond_init(&store->work, NULL);
	(void)pthread_cond_init(&store->idle, NULL);
	store->last = &store->first;
	if (folder_make(dir, 0700, NULL, err) < 0)
		return NULL;
	store->lock_fd = store_lock(dir, err);
	if (store->lock_fd < 0)
		return NULL;
	store->db = db_open(path, migrations, ARRAY_LEN(migrations), err);
	if (store->db == NULL)
		return NULL;
	errno = pthread_create(&store->thread, NULL, work, store);
	if (errno != 0) {
		(void)error_set_errno(err, ERR_INTERNAL, "the store thread");
		return NULL;
	}
	store->is_started = true;
	return MOVE(store);
}

void store_wait(struct store *store)
{
	(void)pthread_mutex_lock(&store->lock);
	while (store->is_started && (store->first != NULL || store->is_busy))
		(void)pthread_cond_wait(&store->idle, &store->lock);
	(void)pthread_mutex_unlock(&store->lock);
}

void store_stop(struct store *store)
{
	if (!store->is_started)
		return;
	store->is_started = false;
	(void)pthread_mutex_lock(&store->lock);
	store->is_stopping = true;
	(void)pthread_cond_broadcast(&store->work);
	(void)pthread_mutex_unlock(&store->lock);
	(void)pthread_join(store->thread, NULL);
}

void store_free(struct store **store)
{
	struct store *s = *store;
	struct loop_message *dropped;

	if (s == NULL)
		return;
	store_stop(s);
	dropped = s->first;
	while (dropped != NULL) {
		struct loop_message *next = dropped->next;

		command_free((struct command *)dropped);
		dropped = next;
	}
	db_close(&s->db);
	fd_close(&s->lock_fd);
	(void)pthread_cond_destroy(&s->work);
	(void)pthread_cond_destroy(&s->idle);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
	*store = NULL;
}

static void load_terms(struct terms *terms, const char *text)
{
	AUTO_JSON array = NULL;
	struct error ignored;

	if (json_parse(str_from(text), 4, &array, &ignored) == 0)
		terms_from_json(terms, array);
}

static struct job *load_job(struct db_query *q, struct error *err)
{
	AUTO(job) job = job_new();
	const char *id = db_text(q, 0);
	const char *commit = db_text(q, 5);
	const char *message = db_text(q, 12);
	const char *shown = db_text(q, 27);

	if (strlen(id) != DOWNLOAD_ID_LEN || strlen(commit) > COMMIT_LEN ||
	    strlen(shown) > JOB_SHOWN_LEN ||
	    repo_type_from_name(str_from(db_text(q, 2)), &job->type, err) < 0 ||
	    job_state_from_name(str_from(db_text(q, 10)), &job->state) < 0 ||
	    job_kind_from_name(str_from(db_text(q, 22)), &job->kind) < 0) {
		(void)error_set(err, ERR_STORE, "database: a download is not readable");
		return NULL;
	}
	memcpy(job->id, id, sizeof(job->id));
	memcpy(job->commit, commit, strlen(commit) + 1);
	job->order = (uint64_t)db_int(q, 1);
	job->repo = mem_strdup(db_text(q, 3));
	job->revision = mem_strdup(db_text(q, 4));
	job->is_planned = db_int(q, 6) != 0;
	load_terms(&job->select, db_text(q, 7));
	load_terms(&job->exclude, db_text(q, 8));
	job->priority = (int)db_int(q, 9);
	job->reason.code = error_code_from_name(str_from(db_text(q, 11)));
	memcpy(job->reason.message, message, strnlen(message, JOB_REASON_MAX - 1));
	job->reason.retry_at_ms = db_int(q, 13);
	job->reason.url = mem_strdup(db_text(q, 14));
	job->bytes_total = (uint64_t)db_int(q, 15);
	job->bytes_done = (uint64_t)db_int(q, 16);
	job->files_total = (uint64_t)db_int(q, 17);
	job->files_done = (uint64_t)db_int(q, 18);
	job->created_at_ms = db_int(q, 19);
	job->started_at_ms = db_int(q, 20);
	job->finished_at_ms = db_int(q, 21);
	job->folder = mem_strdup(db_text(q, 23));
	job->files_changed = (uint64_t)db_int(q, 24);
	job->files_missing = (uint64_t)db_int(q, 25);
	job->files_unknown = (uint64_t)db_int(q, 26);
	memcpy(job->shown.digest, shown, strlen(shown) + 1);
	job->shown.files = (uint64_t)db_int(q, 28);
	job->shown.bytes = (uint64_t)db_int(q, 29);
	job->bytes_present = (uint64_t)db_int(q, 30);
	return MOVE(job);
}

int store_load(struct store *store, void (*fn)(void *ctx, struct job *take_job), void *ctx,
	       struct error *err)
{
	/* What a running job had reached is told by its files, which are recorded more often.
	 */
	static const char sql[] =
		"SELECT id, seq, type, repo, revision, commit_id, is_planned, select_terms,"
		" exclude_terms, priority, state, reason_code, reason_message, reason_retry_at,"
		" reason_url, bytes_total, CASE WHEN finished_at > 0 OR NOT is_planned THEN "
		"bytes_done"
		" ELSE (SELECT coalesce(sum(bytes_done), 0) FROM files WHERE job = id) END,"
		" files_total, CASE WHEN finished_at > 0 OR NOT is_planned THEN files_done"
		" ELSE (SELECT count(*) FROM files WHERE job = id AND files.state = 'done') "
		"END,"
		" created_at, started_at, finished_at, kind, folder, files_changed,"
		" files_missing, files_unknown, shown_digest, shown_files, shown_bytes,"
		" bytes_present FROM jobs";
	struct db_query *q = db_query(store->db, sql, err);
	int more = q == NULL ? -1 : db_next(q, err);

	for (; more == 1; more = db_next(q, err)) {
		struct job *job = load_job(q, err);

		if (job == NULL)
			return -1;
		fn(ctx, job);
	}
	return more;
}

int store_load_models(struct store *store, void (*fn)(void *ctx, struct model *take_model),
		      void *ctx, struct error *err)
{
	return store_load_models_from(store->db, fn, ctx, err);
}

int store_load_settings(struct store *store,
			void (*fn)(void *ctx, const char *name, const char *value), void *ctx,
			struct error *err)
{
	static const char sql[] = "SELECT name, value FROM settings ORDER BY name";
	struct db_query *q = db_query(store->db, sql, err);
	int more = q == NULL ? -1 : db_next(q, err);

	for (; more == 1; more = db_next(q, err))
		fn(ctx, db_text(q, 0), db_text(q, 1));
	return more;
}
