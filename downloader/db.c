#include "downloader/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/error.h"

enum {
	QUERIES_MAX = 64, /* distinct statements; all are literals of ours */
	BUSY_TIMEOUT_MS = 5000,
};

struct db_query {
	const char *sql; /* the literal, compared by address */
	sqlite3_stmt *stmt;
	struct db *db;
};

struct db {
	sqlite3 *handle;
	struct db_query queries[QUERIES_MAX];
	size_t n_queries;
};

static int fail(struct db *db, const char *doing, struct error *err)
{
	int code = sqlite3_errcode(db->handle);

	/* A statement may be longer than the text of an error. */
	return error_set(err, code == SQLITE_FULL ? ERR_DISK_FULL : ERR_STORE,
			 "database: %s (%s)", sqlite3_errmsg(db->handle), doing);
}

int db_exec(struct db *db, const char *sql, struct error *err)
{
	if (sqlite3_exec(db->handle, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, sql, err);
	return 0;
}

void db_rollback(struct db *db)
{
	/* SQLite undoes some failed transactions by itself: then there is none to undo. */
	if (sqlite3_get_autocommit(db->handle) == 0)
		(void)sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

static int read_version(struct db *db, int64_t *ret, struct error *err)
{
	struct db_query *query = db_query(db, "PRAGMA user_version", err);

	if (query == NULL || db_next(query, err) < 0)
		return -1;
	*ret = db_int(query, 0);
	(void)sqlite3_reset(query->stmt);
	return 0;
}

static int check_version(int64_t version, size_t known, struct error *err)
{
	if (version <= (int64_t)known)
		return 0;
	return error_set(err, ERR_STORE,
			 "the database is from a newer Larder (version %lld, %zu is known)",
			 (long long)version, known);
}

/* As it was before the migrations, should one want to go back. */
static int keep_copy(const char *path, int64_t version, struct error *err)
{
	AUTO_CSTR copy = mem_printf("%s.version-%lld", path, (long long)version);

	if (unlink(copy) < 0 && errno != ENOENT)
		return error_set_errno(err, ERR_STORE, "%s", copy);
	return db_copy(path, copy, err);
}

static int migrate(struct db *db, const char *path, const char *const *migrations, size_t n,
		   struct error *err)
{
	int64_t version = 0;

	if (read_version(db, &version, err) < 0 || check_version(version, n, err) < 0)
		return -1;
	if (version > 0 && version < (int64_t)n && keep_copy(path, version, err) < 0)
		return error_prefix(err, "the copy before the migration");
	for (size_t i = (size_t)version; i < n; i++) {
		char stamp[48];

		(void)snprintf(stamp, sizeof(stamp), "PRAGMA user_version = %zu", i + 1);
		if (db_exec(db, "BEGIN IMMEDIATE", err) < 0 ||
		    db_exec(db, migrations[i], err) < 0 || db_exec(db, stamp, err) < 0 ||
		    db_exec(db, "COMMIT", err) < 0)
			return error_prefix(err, "migration %zu", i + 1);
	}
	return 0;
}

/* When SQLite cannot open one of its files for writing, it makes do with reading, for good: the
 * database itself, or its log, which only a transaction shows. Then it is better not to begin.
 * That another process writes just now is no reason. */
static int check_writable(struct db *db, struct error *err)
{
	if (sqlite3_db_readonly(db->handle, "main") > 0)
		return error_set(err, ERR_STORE, "database: it can only be read");
	if (db_exec(db, "BEGIN IMMEDIATE", err) < 0)
		return sqlite3_errcode(db->handle) == SQLITE_BUSY ? 0 : -1;
	return db_exec(db, "COMMIT", err);
}

/* What is in it is its user's alone, whoever may look into the folder; SQLite gives the files
 * that it makes beside it the same mode. What goes wrong here goes wrong again in SQLite, which
 * says so. */
static void make_private(const char *path)
{
	AUTO_FD fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0600);

	(void)fd;
}

/* NULL on failure. */
static struct db *open_file(const char *path, int flags, struct error *err)
{
	struct db *db = mem_alloc(sizeof(*db));

	if (sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK) {
		(void)error_set(err, ERR_STORE, "%s: %s", path, sqlite3_errmsg(db->handle));
		db_close(&db);
		return NULL;
	}
	(void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	return db;
}

struct db *db_open(const char *path, const char *const *migrations, size_t n_migrations,
		   struct error *err)
{
	struct db *db;

	make_private(path);
	db = open_file(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, err);
	if (db == NULL)
		return NULL;
	if (db_exec(db,
		    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		    "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;",
		    err) < 0 ||
	    migrate(db, path, migrations, n_migrations, err) < 0 ||
	    check_writable(db, err) < 0) {
		(void)error_prefix(err, "%s", path);
		db_close(&db);
		return NULL;
	}
	return db;
}

/* --- whole files --- */

static int vacuum_into(struct db *db, const char *to, struct error *err)
{
	struct db_query *query = db_query(db, "VACUUM INTO ?1", err);

	if (query == NULL)
		return -1;
	db_bind_text(query, 1, to);
	return db_run(query, err);
}

int db_copy(const char *from, const char *to, struct error *err)
{
	struct db *db = open_file(from, SQLITE_OPEN_READONLY, err);
	AUTO_FD fd = -1;
	int result = -1;

	if (db == NULL)
		return -1;
	/* VACUUM writes into an empty file; made here, it is nobody else's to read. */
	fd = open(to, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		(void)error_set_errno(err, ERR_STORE, "%s", to);
	else if (vacuum_into(db, to, err) == 0)
		result = fsync(fd) == 0 ? 0 : error_set_errno(err, ERR_STORE, "%s", to);
	if (fd >= 0 && result < 0)
		(void)unlink(to);
	db_close(&db);
	return result;
}

static int check_integrity(struct db *db, struct error *err)
{
	struct db_query *query = db_query(db, "PRAGMA integrity_check(1)", err);

	if (query == NULL || db_next(query, err) < 0)
		return -1;
	if (strcmp(db_text(query, 0), "ok") != 0)
		return error_set(err, ERR_STORE, "the database is damaged: %s",
				 db_text(query, 0));
	return 0;
}

int db_inspect(const char *path, size_t version_max, struct error *err)
{
	struct db *db = open_file(path, SQLITE_OPEN_READONLY, err);
	int64_t version = 0;
	int result = -1;

	if (db == NULL)
		return -1;
	if (check_integrity(db, err) == 0 && read_version(db, &version, err) == 0 &&
	    check_version(version, version_max, err) == 0)
		result =
			version > 0 ? 0 : error_set(err, ERR_STORE, "not a database of Larder");
	if (result < 0)
		(void)error_prefix(err, "%s", path);
	db_close(&db);
	return result;
}

int db_fold(const char *path, struct error *err)
{
	struct db *db = open_file(path, SQLITE_OPEN_READWRITE, err);
	int result;

	if (db == NULL)
		return -1;
	result = db_exec(db, "PRAGMA journal_mode = DELETE", err);
	db_close(&db);
	return result;
}

void db_close(struct db **db)
{
	if (*db == NULL)
		return;
	for (size_t i = 0; i < (*db)->n_queries; i++)
		(void)sqlite3_finalize((*db)->queries[i].stmt);
	(void)sqlite3_close((*db)->handle);
	free(*db);
	*db = NULL;
}

struct db_query *db_query(struct db *db, const char *sql, struct error *err)
{
	struct db_query *query = NULL;

	for (size_t i = 0; i < db->n_queries && query == NULL; i++) {
		if (db->queries[i].sql == sql)
			query = &db->queries[i];
	}
	if (query != NULL) {
		(void)sqlite3_reset(query->stmt);
		(void)sqlite3_clear_bindings(query->stmt);
		return query;
	}
	assert(db->n_queries < QUERIES_MAX);
	query = &db->queries[db->n_queries];
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &query->stmt,
			       NULL) != SQLITE_OK) {
		(void)fail(db, sql, err);
		return NULL;
	}
	query->sql = sql;
	query->db = db;
	db->n_queries++;
	return query;
}

int db_commit(struct db *db, struct error *err)
{
	for (size_t i = 0; i < db->n_queries; i++)
		(void)sqlite3_reset(db->queries[i].stmt);
	return db_exec(db, "COMMIT", err);
}

void db_bind_text(struct db_query *query, int at, const char *text)
{
	int result = text == NULL ? sqlite3_bind_null(query->stmt, at)
				  : sqlite3_bind_text(query->stmt, at, text, -1, SQLITE_STATIC);

	assert(result == SQLITE_OK);
	(void)result;
}

void db_bind_int(struct db_query *query, int at, int64_t value)
{
	int result = sqlite3_bind_int64(query->stmt, at, value);

	assert(result == SQLITE_OK);
	(void)result;
}

int db_next(struct db_query *query, struct error *err)
{
	int result = sqlite3_step(query->stmt);

	if (result == SQLITE_ROW)
		return 1;
	if (result != SQLITE_DONE) {
		(void)fail(query->db, query->sql, err);
		(void)sqlite3_reset(query->stmt);
		return -1;
	}
	(void)sqlite3_reset(query->stmt);
	return 0;
}

int db_run(struct db_query *query, struct error *err)
{
	return db_next(query, err) < 0 ? -1 : 0;
}

const char *db_text(struct db_query *query, int column)
{
	return (const char *)sqlite3_column_text(query->stmt, column);
}

int64_t db_int(struct db_query *query, int column)
{
	return sqlite3_column_int64(query->stmt, column);
}
