#include "downloader/trash.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/log.h"
#include "common/relpath.h"
#include "downloader/dir.h"
#include "downloader/file.h"

#define TRASH_DIR ".larder/trash"
#define CACHE     "/.cache/huggingface/" /* in a folder: what goes with its files */
#define NOTES     CACHE "download/"
#define ADDED     ".added" /* in an entry: names that were free before, a path a line */

void trash_list_free(struct trash_list **list)
{
	struct trash_list *l = *list;

	*list = NULL;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++) {
		for (size_t k = 0; k < l->v[i].n_paths; k++)
			free(l->v[i].paths[k]);
		free((void *)l->v[i].paths);
	}
	free(l->v);
	free(l);
}

/* The time that the id ends with, or -1. */
static int64_t time_of(struct str id)
{
	uint64_t ms;
	struct str tail = str_sub(id, str_rfind_char(id, '-') + 1, id.n);

	return str_to_u64(tail, 1, INT64_MAX, &ms) < 0 ? -1 : (int64_t)ms;
}

bool trash_id_is_valid(struct str id)
{
	for (size_t i = 0; i < id.n; i++) {
		if (!char_is_alnum(id.p[i]) && id.p[i] != '-')
			return false;
	}
	return id.n > 0 && id.n <= TRASH_ID_MAX && str_find_char(id, '-') < id.n &&
	       time_of(id) > 0;
}

static char *entry_path(const char *id)
{
	return mem_printf(TRASH_DIR "/%s", id);
}

/* --- a walk through an entry --- */

/* What is done with each thing in an entry: `path` is as it was beneath the models directory,
 * `where` as it is now. A folder is entered before, and left after, what is in it. */
struct walk {
	int root;
	size_t prefix; /* bytes of `where` before the path */
	int (*file)(struct walk *walk, const char *where, const struct stat *st,
		    struct error *err);
	/* 1: look into it, 0: it is done with, -1 */
	int (*enter)(struct walk *walk, const char *where, struct error *err);
	int (*leave)(struct walk *walk, const char *where, struct error *err);
	struct trash_entry *entry;
	char *hidden;        /* a path of what is no file of anybody's, or NULL; to free */
	const char *swap_id; /* or NULL */
	struct buf *added;   /* what comes back where nothing was; or NULL */
};

static int walk_folder(struct walk *walk, const char *where, unsigned depth, struct error *err);

static int walk_one(struct walk *walk, const struct dir *dir, const char *where,
		    const char *name, unsigned depth, struct error *err)
{
	AUTO_CSTR path = mem_printf("%s/%s", where, name);
	struct stat st;
	int found = dir_stat(dir, name, &st, err);
	int goes_in;

	if (found <= 0)
		return found;
	if (strcmp(path + walk->prefix, ADDED) == 0)
		return 0; /* nobody's file */
	if (!S_ISDIR(st.st_mode))
		return walk->file(walk, path, &st, err);
	goes_in = walk->enter != NULL ? walk->enter(walk, path, err) : 1;
	if (goes_in <= 0)
		return goes_in;
	if (walk_folder(walk, path, depth - 1, err) < 0)
		return -1;
	return walk->leave != NULL ? walk->leave(walk, path, err) : 0;
}

static int walk_folder(struct walk *walk, const char *where, unsigned depth, struct error *err)
{
	AUTO(dir) dir = NULL;
	const char *name;
	bool is_dir;
	int result;

	if (depth == 0)
		return error_set(err, ERR_DISK_ERROR, "%s: folders in folders without end",
				 where);
	dir = dir_open(walk->root, where, err);
	if (dir == NULL)
		return -1;
	while ((result = dir_next(dir, &name, &is_dir, err)) > 0) {
		if (walk_one(walk, dir, where, name, depth, err) < 0)
			return -1;
	}
	return result;
}

static int walk_entry(struct walk *walk, const char *id, struct error *err)
{
	AUTO_CSTR where = entry_path(id);

	walk->prefix = strlen(where) + 1;
	if (walk_folder(walk, where, TRASH_DEPTH_MAX, err) == 0)
		return 0;
	if (err->sys == ENOENT)
		return error_set(err, ERR_UNKNOWN_TRASH, "there is no %s in the trash", id);
	return -1;
}

/* --- putting there --- */

/* What was moved before one failed, in the other direction. */
static void take_back(int root, const char *id, const char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		AUTO_CSTR from = mem_printf(TRASH_DIR "/%s/%s", id, paths[i]);
		struct error err;
		struct stat st;

		if (file_stat(root, from, &st, &err) == 1 &&
		    file_move(root, from, paths[i], &err) < 0)
			log_warning("%s stays in the trash: %s", from, err.text);
	}
}

static int keep_file(struct walk *walk, const char *where, const struct stat *st,
		     struct error *err)
{
	(void)walk;
	(void)where;
	(void)st;
	(void)err;
	return 0;
}

/* One that is not empty stays. */
static int prune_folder(struct walk *walk, const char *where, struct error *err)
{
	if (file_remove_folder(walk->root, where, err) < 0 && err->sys != ENOTEMPTY)
		return -1;
	return 0;
}

/* Folders that were made for what did not come. */
static void prune(int root, const char *id)
{
	struct walk walk = { .root = root, .file = keep_file, .leave = prune_folder };
	AUTO_CSTR where = entry_path(id);
	struct error ignored;

	if (walk_entry(&walk, id, &ignored) == 0)
		(void)prune_folder(&walk, where, &ignored);
}

int trash_refuse_disk(const char *path, struct error *err)
{
	return error_set(err, ERR_DISK_ERROR,
			 "%s is on a disk of its own, and the trash, where what is replaced or"
			 " deleted goes, is not on it",
			 path);
}

int trash_can_take(int root, const char *folder, struct error *err)
{
	struct file_space trash;
	struct file_space there;

	if (file_space(root, TRASH_DIR, &trash, err) < 0 ||
	    file_space(root, folder, &there, err) < 0)
		return -1;
	return there.device == trash.device ? 0 : trash_refuse_disk(folder, err);
}

int trash_put(int root, const char *id, const char *const *paths, size_t n, size_t *ret_n,
	      struct error *err)
{
	*ret_n = 0;
	for (size_t i = 0; i < n; i++) {
		AUTO_CSTR to = mem_printf(TRASH_DIR "/%s/%s", id, paths[i]);
		struct stat st;
		int found = file_stat(root, paths[i], &st, err);

		if (found == 0)
			continue;
		if (found < 0 || file_move(root, paths[i], to, err) < 0) {
			/* A move that failed may have happened all the same. */
			take_back(root, id, paths, i + 1);
			prune(root, id);
			return err->sys == EXDEV ? trash_refuse_disk(paths[i], err) : -1;
		}
		(*ret_n)++;
	}
	return 0;
}

/* --- what there is --- */

static int count_file(struct walk *walk, const char *where, const struct stat *st,
		      struct error *err)
{
	struct trash_entry *entry = walk->entry;

	(void)err;
	entry->bytes += (uint64_t)st->st_size;
	/* What goes with a file is no file of anybody's. */
	if (strstr(where, CACHE) != NULL) {
		if (walk->hidden == NULL)
			walk->hidden = mem_strdup(where + walk->prefix);
		return 0;
	}
	entry->files++;
	if (entry->n_paths == 0)
		entry->paths = mem_array(TRASH_FILES_TOLD, sizeof(char *));
	if (entry->n_paths < TRASH_FILES_TOLD)
		entry->paths[entry->n_paths++] = mem_strdup(where + walk->prefix);
	return 0;
}

/* Parts of a download alone: the model that they were to become has a name. */
static void name_by_folder(struct trash_entry *entry, const char *hidden)
{
	if (entry->n_paths > 0 || hidden == NULL)
		return;
	entry->paths = mem_array(1, sizeof(char *));
	entry->paths[entry->n_paths++] =
		str_dup((struct str){ .p = hidden, .n = str_find(str_from(hidden), S(CACHE)) });
}

static void read_entry(int root, struct trash_list *list, const char *id)
{
	struct walk walk = { .root = root, .file = count_file };
	struct trash_entry *entry;
	struct error err;

	list->v = mem_grow(list->v, list->n, &list->cap, sizeof(*list->v));
	entry = &list->v[list->n++];
	*entry = (struct trash_entry){ .at_ms = time_of(str_from(id)) };
	memcpy(entry->id, id, strlen(id) + 1);
	walk.entry = entry;
	if (walk_entry(&walk, id, &err) < 0)
		log_warning("trash %s: %s", id, err.text);
	name_by_folder(entry, walk.hidden);
	free(walk.hidden);
}

static int newest_first(const void *a, const void *b)
{
	const struct trash_entry *x = a;
	const struct trash_entry *y = b;

	if (x->at_ms != y->at_ms)
		return x->at_ms > y->at_ms ? -1 : 1;
	return strcmp(x->id, y->id);
}

struct trash_list *trash_read(int root, struct error *err)
{
	AUTO(trash_list) list = mem_alloc(sizeof(*list));
	AUTO(dir) dir = dir_open(root, TRASH_DIR, err);
	const char *name;
	bool is_dir;
	int result = 0;

	if (dir == NULL)
		return err->sys == ENOENT ? MOVE(list) : NULL;
	while (list->n < TRASH_ENTRIES_MAX &&
	       (result = dir_next(dir, &name, &is_dir, err)) > 0) {
		if (trash_id_is_valid(str_from(name)))
			read_entry(root, list, name);
	}
	if (result < 0)
		return NULL;
	if (list->n > 0)
		qsort(list->v, list->n, sizeof(*list->v), newest_first);
	return MOVE(list);
}

bool trash_has(int root, const char *id, const char *path)
{
	AUTO_CSTR where = mem_printf(TRASH_DIR "/%s/%s", id, path);
	struct error ignored;
	struct stat st;

	return file_stat(root, where, &st, &ignored) == 1;
}

/* --- back --- */

static int refuse_taken(const char *path, struct error *err)
{
	return error_set(err, ERR_EXISTS, "%s is there again", path);
}

static bool is_note(const char *path)
{
	return strstr(path, NOTES) != NULL;
}

/* First it is looked whether all names are free. A folder whose name is free comes back as a
 * whole; one that is there again takes what it lacks. */
static int check_file(struct walk *walk, const char *where, const struct stat *st,
		      struct error *err)
{
	const char *path = where + walk->prefix;
	struct stat ignored;
	int found = file_stat(walk->root, path, &ignored, err);

	(void)st;
	return found > 0 && !is_note(path) ? refuse_taken(path, err) : found;
}

static int check_folder(struct walk *walk, const char *where, struct error *err)
{
	const char *path = where + walk->prefix;
	struct stat st;
	int found = file_stat(walk->root, path, &st, err);

	if (found > 0 && !S_ISDIR(st.st_mode))
		return refuse_taken(path, err);
	return found;
}

/* The .metadata of `path`, were its first `folder` bytes the model's folder. */
static char *note_of(const char *path, size_t folder)
{
	return mem_printf("%.*s" NOTES "%s.metadata", (int)folder, path, path + folder + 1);
}

/* What is at `path` goes to the trash in its turn. */
static int move_aside(const struct walk *walk, const char *path, struct error *err)
{
	AUTO_CSTR to = mem_printf(TRASH_DIR "/%s/%s", walk->swap_id, path);

	return file_move(walk->root, path, to, err);
}

/* No .metadata that is there may vouch for what comes back: it tells of another content. Which
 * folder is the model's, the path does not say. */
static int disown(const struct walk *walk, const char *path, struct error *err)
{
	for (const char *slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		AUTO_CSTR note = note_of(path, (size_t)(slash - path));
		struct stat st;
		int found = file_stat(walk->root, note, &st, err);

		if (found > 0)
			found = walk->swap_id != NULL ? move_aside(walk, note, err)
						      : file_remove(walk->root, note, err);
		if (found < 0 && err->sys != ENOTDIR)
			return -1;
	}
	return 0;
}

static void note_added(struct walk *walk, const char *path)
{
	if (walk->added != NULL)
		buf_addf(walk->added, "%s\n", path);
}

static int bring_back(struct walk *walk, const char *where, const struct stat *st,
		      struct error *err)
{
	const char *path = where + walk->prefix;
	struct stat there;
	int found;

	(void)st;
	if (is_note(path))
		return 0;
	found = file_stat(walk->root, path, &there, err);
	if (found > 0 && walk->swap_id != NULL && S_ISREG(there.st_mode))
		found = move_aside(walk, path, err);
	else if (found == 0)
		note_added(walk, path);
	if (found < 0 || disown(walk, path, err) < 0)
		return -1;
	return file_move(walk->root, where, path, err);
}

/* Are there notes of files in this folder, kept further up? */
static int has_notes_above(const struct walk *walk, const char *path, struct error *err)
{
	for (const char *slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		AUTO_CSTR notes =
			mem_printf("%.*s" NOTES "%s", (int)(slash - path), path, slash + 1);
		struct stat st;
		int found = file_stat(walk->root, notes, &st, err);

		if (found < 0 && err->sys != ENOTDIR)
			return -1;
		if (found > 0)
			return 1;
	}
	return 0;
}

/* Notes come last: until then none of them is there that belongs to what comes back. */
static int bring_folder_back(struct walk *walk, const char *where, struct error *err)
{
	const char *path = where + walk->prefix;
	const char *name = strrchr(where, '/') + 1;
	struct stat st;
	int found;

	if (strcmp(name, ".cache") == 0)
		return 0;
	found = file_stat(walk->root, path, &st, err);
	if (found == 0)
		found = has_notes_above(walk, path, err);
	if (found == 0)
		note_added(walk, path);
	return found == 0 ? file_move(walk->root, where, path, err) : found;
}

static int bring_note_back(struct walk *walk, const char *where, const struct stat *st,
			   struct error *err)
{
	const char *path = where + walk->prefix;
	struct stat there;
	int found = file_stat(walk->root, path, &there, err);

	(void)st;
	if (found > 0) /* it is of a file that did not come back */
		return file_remove(walk->root, where, err);
	return found < 0 ? -1 : file_move(walk->root, where, path, err);
}

static int bring_notes_back(struct walk *walk, const char *where, struct error *err)
{
	struct stat st;
	int found = file_stat(walk->root, where + walk->prefix, &st, err);

	return found == 0 ? file_move(walk->root, where, where + walk->prefix, err) : found;
}

static int drop_folder(struct walk *walk, const char *where, struct error *err)
{
	return file_remove_folder(walk->root, where, err);
}

/* --- what came with what is taken back --- */

int trash_note_added(int root, const char *id, struct str paths, struct error *err)
{
	AUTO_CSTR list = mem_printf(TRASH_DIR "/%s/" ADDED, id);
	struct stat st;
	int found = file_stat(root, list, &st, err);

	if (found != 0 || paths.n == 0)
		return found < 0 ? -1 : 0;
	return file_replace(root, list, paths, err);
}

static int drop_added(int root, const char *id, struct error *err)
{
	AUTO_CSTR list = mem_printf(TRASH_DIR "/%s/" ADDED, id);

	return file_remove(root, list, err);
}

/* What the entry's change had brought, and what vouches for it, goes too. */
static int take_added_away(const struct walk *walk, const char *id, struct error *err)
{
	AUTO_CSTR list = mem_printf(TRASH_DIR "/%s/" ADDED, id);
	AUTO_CSTR text = NULL;
	struct str rest;
	struct str line;
	int found = file_read_small(walk->root, list, TRASH_ADDED_MAX, &text, err);

	if (found <= 0)
		return found;
	rest = str_from(text);
	while (str_next(&rest, '\n', &line)) {
		AUTO_CSTR path = str_dup(line);
		struct error ignored;
		struct stat st;

		if (relpath_check(line, &ignored) < 0)
			continue;
		found = file_stat(walk->root, path, &st, err);
		if (found < 0 || (found > 0 && (disown(walk, path, err) < 0 ||
						move_aside(walk, path, err) < 0)))
			return -1;
	}
	return 0;
}

static int move_back(struct walk *walk, const char *id, struct error *err)
{
	struct walk notes = { .root = walk->root,
			      .file = bring_note_back,
			      .enter = bring_notes_back,
			      .leave = drop_folder };

	if (walk->swap_id != NULL && take_added_away(walk, id, err) < 0)
		return -1;
	return walk_entry(walk, id, err) < 0 ? -1 : walk_entry(&notes, id, err);
}

int trash_restore(int root, const char *id, const char *swap_id, struct error *err)
{
	AUTO(buf) added = buf_new(TRASH_ADDED_MAX);
	struct walk check = { .root = root, .file = check_file, .enter = check_folder };
	struct walk move = { .root = root,
			     .swap_id = swap_id,
			     .added = swap_id != NULL ? added : NULL,
			     .file = bring_back,
			     .enter = bring_folder_back,
			     .leave = prune_folder };
	AUTO_CSTR where = entry_path(id);

	if ((swap_id == NULL && walk_entry(&check, id, err) < 0) ||
	    move_back(&move, id, err) < 0 ||
	    (swap_id != NULL && trash_note_added(root, swap_id, buf_str(added), err) < 0) ||
	    drop_added(root, id, err) < 0)
		return -1;
	return file_remove_folder(root, where, err);
}

/* --- for good --- */

static int drop_file(struct walk *walk, const char *where, const struct stat *st,
		     struct error *err)
{
	(void)st;
	return file_remove(walk->root, where, err);
}

int trash_empty(int root, const char *id, struct error *err)
{
	struct walk walk = { .root = root, .file = drop_file, .leave = drop_folder };
	AUTO_CSTR where = entry_path(id);

	if (walk_entry(&walk, id, err) < 0 || drop_added(root, id, err) < 0)
		return -1;
	return file_remove_folder(root, where, err);
}
