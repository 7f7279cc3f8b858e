/*
 * The models that were seen on the disk, with what their headers said: so that the library is
 * there at once after a start, and only what has changed since is read again.
 */
#include "downloader/store_internal.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"

/* --- writing --- */

static int insert_file(struct db *db, const char *folder, const struct model_file *file,
		       struct error *err)
{
	static const char sql[] = "INSERT OR REPLACE INTO model_files VALUES "
				  "(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)";
	AUTO_JSON header = file->header != NULL ? model_header_to_json(file->header) : NULL;
	struct db_query *q = db_query(db, sql, err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 1, folder);
	db_bind_text(q, 2, file->path);
	db_bind_text(q, 3, model_kind_name(file->kind));
	db_bind_text(q, 4, model_state_name(file->state));
	db_bind_int(q, 5, (int64_t)file->size);
	db_bind_int(q, 6, file->mtime_ns);
	db_bind_int(q, 7, (int64_t)file->inode);
	db_bind_text(q, 8, file->digest);
	db_bind_text(q, 9, file->commit);
	db_bind_int(q, 10, file->vouched_ms);
	db_bind_text(q, 11, header != NULL ? json_text(header).p : NULL);
	db_bind_text(q, 12, file->problem);
	return db_run(q, err);
}

static int insert_model(struct db *db, const struct model *model, struct error *err)
{
	static const char sql[] = "INSERT INTO models VALUES (?1,?2,?3,?4,?5,?6)";
	struct db_query *q = db_query(db, sql, err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 1, model->folder);
	db_bind_int(q, 2, model->is_flat);
	db_bind_int(q, 3, model->is_git);
	db_bind_int(q, 4, model->notes_mtime_ns);
	db_bind_int(q, 5, model->looked_ms);
	db_bind_text(q, 6, model->problem);
	return db_run(q, err);
}

int store_run_drop_model(struct command *command, struct db *db, struct error *err)
{
	struct db_query *q = db_query(db, "DELETE FROM models WHERE folder = ?1", err);

	if (q == NULL)
		return -1;
	db_bind_text(q, 1, command->folder);
	return db_run(q, err);
}

int store_run_put_model(struct command *command, struct db *db, struct error *err)
{
	const struct model *model = command->model;

	if (store_run_drop_model(command, db, err) < 0 || insert_model(db, model, err) < 0)
		return -1;
	for (size_t i = 0; i < model->n; i++) {
		if (insert_file(db, model->folder, &model->files[i], err) < 0)
			return -1;
	}
	return 0;
}

/* --- reading --- */

static void copy_text(char *to, size_t room, const char *text)
{
	struct str s = str_sub(str_from(text), 0, room - 1);

	if (s.n > 0)
		memcpy(to, s.p, s.n);
}

static struct model_header *read_header(const char *text)
{
	AUTO_JSON object = NULL;
	struct error ignored;

	if (text == NULL || json_parse(str_from(text), 4, &object, &ignored) < 0)
		return NULL;
	return model_header_from_json(object);
}

/* What is not readable is left out: then it is looked at again. */
static void read_file(struct model *model, struct db_query *q)
{
	const char *path = db_text(q, 6);
	enum model_kind kind;
	enum model_state state;
	struct model_file *file;

	if (path == NULL || model_kind_from_name(str_from(db_text(q, 7)), &kind) < 0 ||
	    model_state_from_name(str_from(db_text(q, 8)), &state) < 0)
		return;
	file = model_add(model, str_from(path));
	file->kind = kind;
	file->state = state;
	file->size = (uint64_t)db_int(q, 9);
	file->mtime_ns = db_int(q, 10);
	file->inode = (uint64_t)db_int(q, 11);
	copy_text(file->digest, sizeof(file->digest), db_text(q, 12));
	copy_text(file->commit, sizeof(file->commit), db_text(q, 13));
	file->vouched_ms = db_int(q, 14);
	file->header = read_header(db_text(q, 15));
	file->problem = mem_strdup(db_text(q, 16));
}

static struct model *read_model(struct db_query *q)
{
	struct model *model = model_new(db_text(q, 0));

	model->is_flat = db_int(q, 1) != 0;
	model->is_git = db_int(q, 2) != 0;
	model->notes_mtime_ns = db_int(q, 3);
	model->looked_ms = db_int(q, 4);
	model->problem = mem_strdup(db_text(q, 5));
	return model;
}

static void give(struct model **model, void (*fn)(void *ctx, struct model *take_model),
		 void *ctx)
{
	if (*model == NULL)
		return;
	model_finish(*model);
	fn(ctx, MOVE(*model));
}

int store_load_models_from(struct db *db, void (*fn)(void *ctx, struct model *take_model),
			   void *ctx, struct error *err)
{
	static const char sql[] =
		"SELECT m.folder, m.is_flat, m.is_git, m.notes_mtime_ns, m.looked_at, "
		"m.problem, f.path,"
		" f.kind, f.state, f.size, f.mtime_ns, f.inode, f.digest, f.commit_id,"
		" f.vouched_at, f.header, f.problem FROM models AS m"
		" LEFT JOIN model_files AS f ON f.folder = m.folder ORDER BY m.folder";
	struct db_query *q = db_query(db, sql, err);
	int more = q == NULL ? -1 : db_next(q, err);
	AUTO(model) model = NULL;

	for (; more == 1; more = db_next(q, err)) {
		if (model == NULL || strcmp(model->folder, db_text(q, 0)) != 0) {
			give(&model, fn, ctx);
			model = read_model(q);
		}
		read_file(model, q);
	}
	if (more == 0)
		give(&model, fn, ctx);
	return more;
}
