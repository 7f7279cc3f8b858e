/*
 * The audit: rows are added, and the oldest go when there are too many. The database itself
 * refuses anything else (triggers of the migration in store.c).
 */
#include "downloader/store_internal.h"

#include <stdlib.h>

int store_run_put_audit(struct command *command, struct db *db, struct error *err)
{
	static const char insert[] = "INSERT INTO audit (at, who, address, action, what, "
				     "outcome, request_id) VALUES "
				     "(?1,?2,?3,?4,?5,?6,?7)";
	static const char trim[] =
		"DELETE FROM audit WHERE seq <= (SELECT max(seq) FROM audit) - ?1";
	const struct audit_entry *entry = &command->entries[0];
	struct db_query *q = db_query(db, insert, err);

	if (q == NULL)
		return -1;
	db_bind_int(q, 1, entry->at_ms);
	db_bind_text(q, 2, entry->who);
	db_bind_text(q, 3, entry->address);
	db_bind_text(q, 4, entry->action);
	db_bind_text(q, 5, entry->what);
	db_bind_text(q, 6, entry->outcome);
	db_bind_text(q, 7, entry->request_id);
	if (db_run(q, err) < 0)
		return -1;
	q = db_query(db, trim, err);
	if (q == NULL)
		return -1;
	db_bind_int(q, 1, STORE_AUDIT_KEPT);
	return db_run(q, err);
}

/* The loop's `entries` hold copies of what they point to. */
static void take_entry(struct db_query *q, struct audit_entry *entry)
{
	*entry = (struct audit_entry){
		.seq = db_int(q, 0),
		.at_ms = db_int(q, 1),
		.who = mem_strdup(db_text(q, 2)),
		.address = mem_strdup(db_text(q, 3)),
		.action = mem_strdup(db_text(q, 4)),
		.what = mem_strdup(db_text(q, 5)),
		.outcome = mem_strdup(db_text(q, 6)),
		.request_id = mem_strdup(db_text(q, 7)),
	};
}

void store_clear_audit(struct command *command)
{
	for (size_t i = 0; i < command->n_entries; i++) {
		struct audit_entry *entry = &command->entries[i];

		free((char *)(uintptr_t)entry->who);
		free((char *)(uintptr_t)entry->address);
		free((char *)(uintptr_t)entry->action);
		free((char *)(uintptr_t)entry->what);
		free((char *)(uintptr_t)entry->outcome);
		free((char *)(uintptr_t)entry->request_id);
	}
	command->n_entries = 0;
}

int store_run_get_audit(struct command *command, struct db *db, struct error *err)
{
	static const char sql[] =
		"SELECT seq, at, who, address, action, what, outcome, request_id FROM audit"
		" WHERE seq < ?1 ORDER BY seq DESC LIMIT ?2";
	struct db_query *q = db_query(db, sql, err);
	int got;

	store_clear_audit(command); /* a second time, perhaps */
	if (q == NULL)
		return -1;
	db_bind_int(q, 1, command->before);
	db_bind_int(q, 2, (int64_t)command->index);
	while (command->n_entries < command->index && (got = db_next(q, err)) != 0) {
		if (got < 0)
			return -1;
		take_entry(q, &command->entries[command->n_entries++]);
	}
	return 0;
}
