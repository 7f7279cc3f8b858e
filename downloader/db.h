/*
 * The only door to SQLite: a database file, its numbered migrations, and statements that are
 * bound, stepped and read in one place. SQL text is always a constant of ours; values are only
 * ever bound.
 *
 * One thread at a time: the store thread, and main before it starts.
 */
#ifndef DOWNLOADER_DB_H
#define DOWNLOADER_DB_H

#include "common/base.h"

struct db;
struct db_query;
struct error;

/* Opens or makes the database (WAL, synchronous=FULL: a commit that returned survives a power
 * cut) and runs the migrations it lacks, after it has been copied as it was to
 * `path`.version-N. A file from a newer Larder is refused. */
struct db *db_open(const char *path, const char *const *migrations, size_t n_migrations,
		   struct error *err);
void db_close(struct db **db);

/* Copies a database, which may be in use, to `to`, a new file that only its owner may read; on
 * the disk when it returns. Any thread. */
int db_copy(const char *from, const char *to, struct error *err) MUST_USE;

/* Is the file a whole database of a version from 1 to `version_max`? Any thread. */
int db_inspect(const char *path, size_t version_max, struct error *err) MUST_USE;

/* Takes into the file what is still in its log; nobody may have it open. */
int db_fold(const char *path, struct error *err) MUST_USE;

/* One or more statements without values. */
int db_exec(struct db *db, const char *sql, struct error *err) MUST_USE;

/* Ends the transaction that has begun. A query that was not read to its end is over, too: it
 * would hold on to what it reads. */
int db_commit(struct db *db, struct error *err) MUST_USE;

/* Undoes what the transaction did; there may be none. */
void db_rollback(struct db *db);

/* A prepared statement, kept for the next call with the same literal. Bind, then db_run() or
 * db_next() until 0; it is reset by the next db_query(). */
struct db_query *db_query(struct db *db, const char *sql, struct error *err);

/* Values by position, from 1. Text is borrowed until the query has been run. */
void db_bind_text(struct db_query *query, int at, const char *text); /* NULL binds NULL */
void db_bind_int(struct db_query *query, int at, int64_t value);

/* Runs a statement that gives no rows. */
int db_run(struct db_query *query, struct error *err) MUST_USE;

/* 1: a row is there, 0: no more, -1: failed. */
int db_next(struct db_query *query, struct error *err) MUST_USE;

/* The present row's columns, from 0. Text is borrowed until the next step; NULL for NULL. */
const char *db_text(struct db_query *query, int column);
int64_t db_int(struct db_query *query, int column);

#endif
