#include "downloader/store.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sqlite3.h>

#include "common/error.h"
#include "tests/unit/rig.h"

enum {
	READ_MAX = 10,
};

struct answer {
	bool is_done;
	size_t n;
	int64_t seq[READ_MAX];
	char line[READ_MAX][200]; /* all but seq and time */
};

static void on_entries(void *ctx, const struct audit_entry *entries, size_t n,
		       const struct error *err)
{
	struct answer *answer = ctx;

	assert_null(err);
	answer->is_done = true;
	answer->n = n;
	for (size_t i = 0; i < n; i++) {
		answer->seq[i] = entries[i].seq;
		(void)snprintf(answer->line[i], sizeof(answer->line[i]), "%s|%s|%s|%s|%s|%s",
			       entries[i].who, entries[i].address, entries[i].action,
			       entries[i].what, entries[i].outcome, entries[i].request_id);
	}
}

static struct answer read_before(struct rig *rig, int64_t before, size_t limit)
{
	struct answer answer = { .is_done = false };

	store_get_audit(rig->store, before, limit, on_entries, &answer);
	loop_until(rig->loop, &answer.is_done);
	return answer;
}

static void add(struct rig *rig, const char *action)
{
	const struct audit_entry entry = { .at_ms = 5,
					   .who = "key backup",
					   .address = "192.0.2.7",
					   .action = action,
					   .what = "{}",
					   .outcome = "ok",
					   .request_id = "abc" };

	store_put_audit(rig->store, &entry, NULL, NULL);
}

static void entries_come_back_the_newest_first_page_by_page(void **state)
{
	static const char *const actions[] = { "one", "two", "three" };
	struct rig *rig = *state;
	struct answer answer;

	assert_int_equal(read_before(rig, INT64_MAX, READ_MAX).n, 0);
	for (size_t i = 0; i < ARRAY_LEN(actions); i++)
		add(rig, actions[i]);
	answer = read_before(rig, INT64_MAX, 2);
	assert_int_equal(answer.n, 2);
	assert_string_equal(answer.line[0], "key backup|192.0.2.7|three|{}|ok|abc");
	assert_string_equal(answer.line[1], "key backup|192.0.2.7|two|{}|ok|abc");
	answer = read_before(rig, answer.seq[1], 2);
	assert_int_equal(answer.n, 1);
	assert_string_equal(answer.line[0], "key backup|192.0.2.7|one|{}|ok|abc");
}

/* As somebody with the database in their hands would. */
static bool can(const struct rig *rig, const char *sql)
{
	AUTO_CSTR path = tempdir_path(&rig->dir, "state/larder.db");
	sqlite3 *handle = NULL;
	bool result;

	assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
	result = sqlite3_exec(handle, sql, NULL, NULL, NULL) == SQLITE_OK;
	(void)sqlite3_close(handle);
	return result;
}

static void nothing_is_changed_and_only_age_takes_away(void **state)
{
	struct rig *rig = *state;
	struct answer answer;

	add(rig, "one");
	add(rig, "two");
	assert_int_equal(read_before(rig, INT64_MAX, READ_MAX).n, 2);
	assert_false(can(rig, "UPDATE audit SET who = 'nobody'"));
	assert_false(can(rig, "DELETE FROM audit"));
	assert_int_equal(read_before(rig, INT64_MAX, READ_MAX).n, 2);
	/* The newest STORE_AUDIT_KEPT stay. */
	assert_true(can(rig, "UPDATE sqlite_sequence SET seq = 100000 WHERE name = 'audit'"));
	add(rig, "three");
	answer = read_before(rig, INT64_MAX, READ_MAX);
	assert_int_equal(answer.n, 2);
	assert_string_equal(answer.line[1], "key backup|192.0.2.7|two|{}|ok|abc");
}

static void on_added(void *ctx, const struct error *err)
{
	assert_null(err);
	*(bool *)ctx = true;
}

/* A page that is full is not read to the end of its rows; that must not hold on to an old state
 * of the database, in which nothing could be written once another process has. */
static void a_full_page_does_not_stay_open(void **state)
{
	const struct audit_entry entry = { .who = "",
					   .address = "",
					   .action = "x",
					   .what = "",
					   .outcome = "",
					   .request_id = "" };
	struct rig *rig = *state;
	bool is_added = false;

	for (int i = 0; i < 3; i++)
		add(rig, "one");
	assert_int_equal(read_before(rig, INT64_MAX, 2).n, 2);
	assert_true(can(rig, "INSERT INTO settings VALUES ('another', '1')"));
	store_put_audit(rig->store, &entry, on_added, &is_added);
	loop_until(rig->loop, &is_added);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_make, rig_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_RIG(entries_come_back_the_newest_first_page_by_page),
		WITH_RIG(nothing_is_changed_and_only_age_takes_away),
		WITH_RIG(a_full_page_does_not_stay_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
