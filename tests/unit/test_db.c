#include "downloader/db.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.h"
#include "tests/unit/tempdir.h"

static const char *const migrations[] = {
	"CREATE TABLE t (n INTEGER NOT NULL UNIQUE, s TEXT) STRICT;",
	"ALTER TABLE t ADD COLUMN x TEXT; INSERT INTO t VALUES (1, 'one', NULL);",
	"this is not SQL",
};

struct place {
	struct tempdir dir;
	char *path;
	struct db *db;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	tempdir_make(&p->dir);
	p->path = tempdir_path(&p->dir, "x.db");
	p->db = db_open(p->path, migrations, 1, &err);
	*state = p;
	return p->db == NULL ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	db_close(&p->db);
	tempdir_remove(&p->dir);
	free(p->path);
	free(p);
	return 0;
}

static int insert(struct place *p, int64_t n, const char *s, struct error *err)
{
	static const char sql[] = "INSERT INTO t (n, s) VALUES (?1, ?2)";
	struct db_query *q = db_query(p->db, sql, err);

	assert_non_null(q);
	db_bind_int(q, 1, n);
	db_bind_text(q, 2, s);
	return db_run(q, err);
}

static int64_t count(struct place *p)
{
	static const char sql[] = "SELECT count(*) FROM t";
	struct error err;
	struct db_query *q = db_query(p->db, sql, &err);
	int64_t n;

	assert_int_equal(db_next(q, &err), 1);
	n = db_int(q, 0);
	assert_int_equal(db_next(q, &err), 0);
	return n;
}

static void what_is_bound_comes_back(void **state)
{
	static const char sql[] = "SELECT n, s FROM t ORDER BY n";
	static const char *const texts[] = { NULL, "", "'; DROP TABLE t; --", "\xc3\xa9" };
	static const int64_t numbers[] = { INT64_MIN, -1, 0, INT64_MAX };
	struct place *p = *state;
	struct db_query *q;
	struct error err;

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(insert(p, numbers[i], texts[i], &err), 0);
	q = db_query(p->db, sql, &err);
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(db_next(q, &err), 1);
		assert_int_equal(db_int(q, 0), numbers[i]);
		if (texts[i] == NULL)
			assert_null(db_text(q, 1));
		else
			assert_string_equal(db_text(q, 1), texts[i]);
	}
	assert_int_equal(db_next(q, &err), 0);
}

static void a_query_that_was_left_half_read_begins_anew(void **state)
{
	static const char sql[] = "SELECT n FROM t ORDER BY n";
	struct place *p = *state;
	struct error err;

	assert_int_equal(insert(p, 1, "a", &err), 0);
	assert_int_equal(insert(p, 2, "b", &err), 0);
	for (int i = 0; i < 2; i++) {
		struct db_query *q = db_query(p->db, sql, &err);

		assert_int_equal(db_next(q, &err), 1);
		assert_int_equal(db_int(q, 0), 1);
	}
}

static void values_of_the_last_run_are_not_kept(void **state)
{
	static const char sql[] = "INSERT INTO t (n, s) VALUES (?1, ?2)";
	struct place *p = *state;
	struct db_query *q;
	struct error err;

	q = db_query(p->db, sql, &err);
	db_bind_int(q, 1, 1);
	db_bind_text(q, 2, "a");
	assert_int_equal(db_run(q, &err), 0);
	q = db_query(p->db, sql, &err);
	db_bind_text(q, 2, "a");
	assert_int_equal(db_run(q, &err), -1); /* n is NULL now */
	assert_int_equal(err.code, ERR_STORE);
}

static void a_refused_row_is_an_error_and_the_next_one_passes(void **state)
{
	struct place *p = *state;
	struct error err;

	assert_int_equal(insert(p, 1, "a", &err), 0);
	assert_int_equal(insert(p, 1, "b", &err), -1);
	assert_int_equal(err.code, ERR_STORE);
	assert_non_null(strstr(err.text, "UNIQUE"));
	assert_int_equal(insert(p, 2, "c", &err), 0);
	assert_int_equal(count(p), 2);
}

static void bad_sql_is_an_error(void **state)
{
	static const char sql[] = "SELECT nothing FROM nowhere";
	struct place *p = *state;
	struct error err;

	assert_null(db_query(p->db, sql, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_int_equal(db_exec(p->db, sql, &err), -1);
}

static void a_rollback_undoes_and_may_have_nothing_to_undo(void **state)
{
	struct place *p = *state;
	struct error err;

	assert_int_equal(db_exec(p->db, "BEGIN IMMEDIATE", &err), 0);
	assert_int_equal(insert(p, 1, "a", &err), 0);
	db_rollback(p->db);
	assert_int_equal(count(p), 0);
	db_rollback(p->db);
	assert_int_equal(insert(p, 1, "a", &err), 0);
	assert_int_equal(count(p), 1);
}

static void migrations_that_lack_are_run_once(void **state)
{
	struct place *p = *state;
	struct error err;

	for (int i = 0; i < 3; i++) {
		db_close(&p->db);
		p->db = db_open(p->path, migrations, 2, &err);
		assert_non_null(p->db);
		assert_int_equal(count(p), 1);
	}
}

static void a_migration_that_fails_leaves_the_database_as_it_was(void **state)
{
	struct place *p = *state;
	struct error err;

	db_close(&p->db);
	assert_null(db_open(p->path, migrations, 3, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_non_null(strstr(err.text, "migration 3"));
	p->db = db_open(p->path, migrations, 2, &err);
	assert_non_null(p->db);
	assert_int_equal(count(p), 1);
}

static void a_database_of_a_newer_larder_is_refused(void **state)
{
	struct place *p = *state;
	struct error err;

	db_close(&p->db);
	p->db = db_open(p->path, migrations, 2, &err);
	db_close(&p->db);
	assert_null(db_open(p->path, migrations, 1, &err));
	assert_int_equal(err.code, ERR_STORE);
	assert_non_null(strstr(err.text, "newer"));
}

static void commits_are_durable_and_foreign_keys_count(void **state)
{
	static const struct {
		const char *sql;
		const char *wanted;
	} rows[] = {
		{ "PRAGMA journal_mode", "wal" },
		{ "PRAGMA synchronous", "2" },
		{ "PRAGMA foreign_keys", "1" },
	};
	struct place *p = *state;
	struct error err;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct db_query *q = db_query(p->db, rows[i].sql, &err);

		assert_int_equal(db_next(q, &err), 1);
		assert_string_equal(db_text(q, 0), rows[i].wanted);
	}
}

static void others_cannot_read_it_whatever_the_umask(void **state)
{
	static const char *const files[] = { "open.db", "open.db-wal", "open.db-shm" };
	struct place *p = *state;
	AUTO_CSTR path = tempdir_path(&p->dir, "open.db");
	mode_t before = umask(0);
	struct error err;
	struct stat st;

	db_close(&p->db);
	p->db = db_open(path, migrations, 1, &err);
	(void)umask(before);
	assert_non_null(p->db);
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		AUTO_CSTR file = tempdir_path(&p->dir, files[i]);

		assert_int_equal(stat(file, &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
	}
}

static void a_path_that_cannot_be_opened_is_told(void **state)
{
	struct place *p = *state;
	AUTO_CSTR path = tempdir_path(&p->dir, "none/x.db");
	struct error err;

	assert_null(db_open(path, migrations, 1, &err));
	assert_int_equal(err.code, ERR_STORE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

static void before_a_migration_the_database_is_copied(void **state)
{
	struct place *p = *state;
	AUTO_CSTR copy = mem_printf("%s.version-1", p->path);
	struct error err;
	struct stat st;

	assert_int_equal(insert(p, 7, "seven", &err), 0);
	db_close(&p->db);
	assert_int_equal(access(copy, F_OK), -1); /* a new one has nothing to keep */
	p->db = db_open(p->path, migrations, 2, &err);
	assert_non_null(p->db);
	assert_int_equal(count(p), 2);
	assert_int_equal(stat(copy, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(db_inspect(copy, 1, &err), 0);
	db_close(&p->db);
	/* It is what there was: an older Larder goes on with it. */
	p->db = db_open(copy, migrations, 1, &err);
	assert_int_equal(count(p), 1);
}

static void a_copy_is_whole_while_the_other_is_written(void **state)
{
	struct place *p = *state;
	AUTO_CSTR copy = mem_printf("%s.copy", p->path);
	struct error err;

	assert_int_equal(insert(p, 1, "one", &err), 0);
	assert_int_equal(db_exec(p->db, "BEGIN IMMEDIATE", &err), 0);
	assert_int_equal(insert(p, 2, "two", &err), 0);
	assert_int_equal(db_copy(p->path, copy, &err), 0);
	assert_int_equal(db_commit(p->db, &err), 0);
	assert_int_equal(db_copy(p->path, copy, &err), -1); /* nothing is overwritten */
	db_close(&p->db);
	p->db = db_open(copy, migrations, 1, &err);
	assert_non_null(p->db);
	assert_int_equal(count(p), 1);
}

static void what_is_no_database_of_ours_is_told(void **state)
{
	struct place *p = *state;
	AUTO_CSTR text = tempdir_path(&p->dir, "text");
	AUTO_CSTR empty = tempdir_path(&p->dir, "empty");
	AUTO_CSTR none = tempdir_path(&p->dir, "none");
	struct error err;

	tempdir_write(&p->dir, "text", S("this is not a database, however long it is"));
	tempdir_write(&p->dir, "empty", S(""));
	assert_int_equal(db_inspect(text, 3, &err), -1);
	assert_int_equal(db_inspect(empty, 3, &err), -1);
	assert_int_equal(db_inspect(none, 3, &err), -1);
	assert_int_equal(db_inspect(p->path, 3, &err), 0);
	assert_int_equal(db_exec(p->db, "PRAGMA user_version = 4", &err), 0);
	assert_int_equal(db_inspect(p->path, 3, &err), -1);
	assert_non_null(strstr(err.text, "newer Larder"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_a_migration_the_database_is_copied),
		TEST(a_copy_is_whole_while_the_other_is_written),
		TEST(what_is_no_database_of_ours_is_told),
		TEST(what_is_bound_comes_back),
		TEST(a_query_that_was_left_half_read_begins_anew),
		TEST(values_of_the_last_run_are_not_kept),
		TEST(a_refused_row_is_an_error_and_the_next_one_passes),
		TEST(bad_sql_is_an_error),
		TEST(a_rollback_undoes_and_may_have_nothing_to_undo),
		TEST(migrations_that_lack_are_run_once),
		TEST(a_migration_that_fails_leaves_the_database_as_it_was),
		TEST(a_database_of_a_newer_larder_is_refused),
		TEST(commits_are_durable_and_foreign_keys_count),
		TEST(others_cannot_read_it_whatever_the_umask),
		TEST(a_path_that_cannot_be_opened_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
