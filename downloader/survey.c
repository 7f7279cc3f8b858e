#include "downloader/survey.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "common/quote.h"
#include "common/relpath.h"
#include "downloader/dir.h"
#include "downloader/file.h"
#include "downloader/localdir.h"
#include "downloader/loop.h"

/* --- which folders there are --- */

void survey_list_free(struct survey_list **list)
{
	struct survey_list *l = *list;

	*list = NULL;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].path);
	free(l->v);
	for (size_t i = 0; i < l->n_unread; i++)
		free(l->unread[i]);
	free((void *)l->unread);
	free(l);
}

static void add_folder(struct survey_list *list, const char *path, bool is_flat)
{
	if (list->n == SURVEY_FOLDERS_MAX) {
		list->is_cut = true;
		return;
	}
	list->v = mem_grow(list->v, list->n, &list->cap, sizeof(*list->v));
	list->v[list->n++] =
		(struct survey_folder){ .path = mem_strdup(path), .is_flat = is_flat };
}

static char *join(const char *folder, const char *name)
{
	return strcmp(folder, ".") == 0 ? mem_strdup(name) : mem_printf("%s/%s", folder, name);
}

static bool is_safe(const char *name)
{
	struct error ignored;

	return relpath_check(str_from(name), &ignored) == 0;
}

/* A folder's name that says: what holds this is a model by itself. */
static bool is_mark(const char *name)
{
	static const char *const marks[] = { ".git", ".cache", "config.json",
					     "model_index.json" };

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		if (strcmp(name, marks[i]) == 0)
			return true;
	}
	return false;
}

/* What a folder holds, as far as it matters for the list. */
struct contents {
	struct survey_list folders; /* in it, that may be looked into */
	bool has_mark;
	bool has_files;
};

static void contents_clear(struct contents *contents)
{
	for (size_t i = 0; i < contents->folders.n; i++)
		free(contents->folders.v[i].path);
	free(contents->folders.v);
}

/* Is it a directory that may be looked into? Where the file system does not tell by the name,
 * it is asked. */
static bool is_folder(const struct dir *dir, const char *name, bool is_dir)
{
	struct error ignored;
	struct stat st;

	return is_safe(name) &&
	       (is_dir || (dir_stat(dir, name, &st, &ignored) == 1 && S_ISDIR(st.st_mode)));
}

static int read_contents(int root, const char *path, struct contents *ret, struct error *err)
{
	AUTO(dir) dir = dir_open(root, path, err);
	const char *name;
	bool is_dir;
	int result;

	if (dir == NULL)
		return -1;
	while ((result = dir_next(dir, &name, &is_dir, err)) > 0) {
		ret->has_mark = ret->has_mark || is_mark(name);
		if (name[0] == '.')
			continue;
		if (is_folder(dir, name, is_dir)) {
			AUTO_CSTR below = join(path, name);

			add_folder(&ret->folders, below, false);
		} else {
			ret->has_files = true;
		}
	}
	return result;
}

static void add_unread(struct survey_list *list, const char *path)
{
	list->unread = mem_grow((void *)list->unread, list->n_unread, &list->unread_cap,
				sizeof(char *));
	list->unread[list->n_unread++] = mem_strdup(path);
}

/* A folder of folders: those at `depth` are models, unless one above is by itself. */
static void list_below(int root, const char *path, unsigned depth, struct survey_list *list)
{
	struct contents contents = { .has_mark = false };
	struct error err;

	if (read_contents(root, path, &contents, &err) < 0) {
		log_warning("%s cannot be read: %s", path, err.text);
		add_unread(list, path);
	} else if (contents.has_mark) {
		add_folder(list, path, false);
	} else {
		if (contents.has_files)
			add_folder(list, path, true);
		for (size_t i = 0; i < contents.folders.n; i++) {
			if (depth > 1)
				list_below(root, contents.folders.v[i].path, depth - 1, list);
			else
				add_folder(list, contents.folders.v[i].path, false);
		}
	}
	contents_clear(&contents);
}

struct survey_list *survey_all(int root, struct error *err)
{
	AUTO(survey_list) list = mem_alloc(sizeof(*list));
	struct contents top = { .has_mark = false };

	if (read_contents(root, ".", &top, err) < 0) {
		contents_clear(&top);
		return NULL;
	}
	if (top.has_files)
		add_folder(list, ".", true);
	for (size_t i = 0; i < top.folders.n; i++) {
		const char *path = top.folders.v[i].path;

		list_below(root, path, strcmp(path, "datasets") == 0 ? 2 : 1, list);
	}
	list->is_cut = list->is_cut || top.folders.is_cut;
	contents_clear(&top);
	return MOVE(list);
}

/* --- what is in one --- */

#define NOTES_DIR ".cache/huggingface/download"

/* The names of files that have a note (.metadata), sorted. */
struct notes {
	char **v;
	size_t n;
	size_t cap;
	int64_t mtime_ns; /* of the newest folder of them */
};

struct look {
	int root;
	const struct survey_folder *folder;
	const struct model *known;
	struct model *model;
	struct notes notes;
	bool is_noted_before; /* the notes are as they were when `known` was made */
	struct error error;   /* why the folder itself cannot be read */
};

static void notes_clear(struct notes *notes)
{
	for (size_t i = 0; i < notes->n; i++)
		free(notes->v[i]);
	free((void *)notes->v);
}

static bool has_room(struct model *model)
{
	if (model->n < MODEL_FILES_MAX)
		return true;
	if (model->problem == NULL)
		model->problem = mem_printf("more than %d files: the rest is not shown",
					    MODEL_FILES_MAX);
	return false;
}

/* The folder is there, and cannot be read as a whole: the rest of it is listed all the same. */
static void complain(struct look *look, const struct error *err)
{
	if (look->model->problem == NULL)
		look->model->problem = mem_strdup(err->text);
}

/* A partial's own name is made of digests and says nobody which file it is of. */
static void add_partial(struct look *look, const char *path, const struct stat *st)
{
	struct model_file *file;

	if (!has_room(look->model))
		return;
	file = model_add(look->model, str_from(path));
	file->kind = MODEL_PARTIAL;
	/* Its size was set in advance: what it takes is what has come. */
	file->size = (uint64_t)st->st_blocks * 512;
	file->mtime_ns = file_mtime_ns(st);
	file->inode = st->st_ino;
}

static void add_foreign(struct look *look, const char *path, const struct stat *st)
{
	struct quote shown = quote_plain(str_from(path));
	bool is_cut = str_has_suffix(str_from(shown.text), S("..."));
	/* What is cut may begin as others do. */
	AUTO_CSTR name =
		is_cut ? mem_printf("%s #%llu", shown.text, (unsigned long long)st->st_ino)
		       : mem_strdup(shown.text);
	struct model_file *file = model_add(look->model, str_from(name));

	file->kind = MODEL_FOREIGN;
	file->size = (uint64_t)st->st_size;
	file->mtime_ns = file_mtime_ns(st);
	file->inode = st->st_ino;
	if (S_ISLNK(st->st_mode))
		file->problem = mem_strdup("a symbolic link: it is not followed");
	else if (!S_ISREG(st->st_mode) && !S_ISDIR(st->st_mode))
		file->problem = mem_strdup("neither a file nor a folder");
	else
		file->problem = mem_strdup("no repository has such a name");
}

static void take_note(struct look *look, const struct dir *dir, const char *path,
		      const char *name)
{
	struct str whole = str_from(path);
	struct str file = str_sub(whole, S(NOTES_DIR "/").n, whole.n);
	struct error ignored;
	struct stat st;

	if (str_has_suffix(file, S(".incomplete")) && dir_stat(dir, name, &st, &ignored) == 1 &&
	    S_ISREG(st.st_mode)) {
		if (relpath_check(file, &ignored) == 0)
			add_partial(look, path, &st);
		else if (has_room(look->model))
			add_foreign(look, path, &st);
	} else if (str_has_suffix(file, S(".metadata"))) {
		struct notes *notes = &look->notes;

		if (notes->n >= MODEL_FILES_MAX)
			return;
		notes->v = mem_grow((void *)notes->v, notes->n, &notes->cap, sizeof(char *));
		notes->v[notes->n++] = str_dup(str_sub(file, 0, file.n - S(".metadata").n));
	}
}

/* `path` is that of the folder in the model's own. */
static void read_notes(struct look *look, const char *path, unsigned depth)
{
	AUTO_CSTR whole = join(look->folder->path, path);
	struct error err = { .code = ERR_NONE };
	AUTO(dir) dir = dir_open(look->root, whole, &err);
	struct stat st;
	const char *name;
	bool is_dir;

	if (dir == NULL || dir_stat_self(dir, &st, &err) < 0)
		return; /* nobody vouches for anything */
	if (file_mtime_ns(&st) > look->notes.mtime_ns)
		look->notes.mtime_ns = file_mtime_ns(&st);
	while (dir_next(dir, &name, &is_dir, &err) > 0) {
		AUTO_CSTR below = NULL;

		if (name[0] == '.' && !is_safe(name))
			continue;
		below = join(path, name);
		if (!is_folder(dir, name, is_dir))
			take_note(look, dir, below, name);
		else if (depth > 0)
			read_notes(look, below, depth - 1);
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has_note(const struct notes *notes, const char *path)
{
	return notes->n > 0 && bsearch((const void *)&path, (const void *)notes->v, notes->n,
				       sizeof(char *), compare_names) != NULL;
}

/* --- a file --- */

static ssize_t read_fd(void *ctx, char *to, size_t room, uint64_t at, struct error *err)
{
	const int *fd = ctx;

	return file_read_at(*fd, to, room, at, err);
}

static int read_config(struct window *window, uint64_t size, struct hf_config *ret,
		       struct error *err)
{
	AUTO_CSTR text = NULL;

	if (size > HF_CONFIG_MAX)
		return error_set(err, ERR_INVALID, "it is larger than a config.json is");
	text = mem_bytes((size_t)size + 1);
	if (window_copy(window, text, (size_t)size, err) < 0)
		return -1;
	return hf_config_read((struct str){ .p = text, .n = (size_t)size }, ret, err);
}

static int parse_header(struct model_header *header, struct window *window,
			uint64_t *ret_needed, struct error *err)
{
	if (header->is_gguf) {
		if (gguf_read(window, &header->gguf, err) < 0)
			return -1;
		*ret_needed = header->gguf.size_needed;
	} else if (header->is_config) {
		return read_config(window, window_left(window), &header->config, err);
	} else {
		if (safetensors_read(window, &header->safetensors, err) < 0)
			return -1;
		*ret_needed = header->safetensors.size_needed;
	}
	return 0;
}

/* The one that speaks for the model: those of its parts do not. */
static bool is_config(const char *path)
{
	return strcmp(path, "config.json") == 0;
}

static void read_header(struct model_file *file, const struct dir *dir, const char *name)
{
	struct model_header *header = mem_alloc(sizeof(*header));
	struct error err = { .code = ERR_NONE };
	AUTO_FD fd = dir_open_file(dir, name, &err);
	AUTO(window) window = window_new(file->size, read_fd, &fd);
	uint64_t needed = 0;

	header->is_gguf = str_has_suffix_nocase(str_from(name), S(".gguf"));
	header->is_config = is_config(file->path);
	if (fd < 0 || parse_header(header, window, &needed, &err) < 0) {
		if (!header->is_config) /* one that says nothing of a model is fine */
			file->problem = mem_strdup(err.text);
		free(header);
		return;
	}
	file->header = header;
	if (needed > file->size)
		file->problem = mem_printf("it is %llu bytes short of what its header says",
					   (unsigned long long)(needed - file->size));
}

static bool has_header(const struct model_file *file, const char *name)
{
	if (is_config(file->path))
		return true;
	return file->kind == MODEL_WEIGHTS &&
	       (str_has_suffix_nocase(str_from(name), S(".gguf")) ||
		str_has_suffix_nocase(str_from(name), S(".safetensors")));
}

/* A clock that was ahead at that time says nothing. */
static bool is_settled(const struct look *look, int64_t mtime_ns)
{
	return look->known != NULL && look->known->looked_ms <= look->model->looked_ms &&
	       model_is_settled(look->known, mtime_ns);
}

/* The same file as before: what was read of it is still true. */
static const struct model_file *find_known(const struct look *look,
					   const struct model_file *file)
{
	const struct model_file *known =
		look->known != NULL ? model_find(look->known, str_from(file->path)) : NULL;

	return known != NULL && known->kind == file->kind && known->size == file->size &&
			       known->mtime_ns == file->mtime_ns &&
			       known->inode == file->inode && is_settled(look, file->mtime_ns)
		       ? known
		       : NULL;
}

static const char distrust_text[] = "its content is not what the Hub has";

static void copy_header(struct model_file *file, const struct model_file *known)
{
	if (known->header != NULL) {
		file->header = mem_alloc(sizeof(*file->header));
		*file->header = *known->header;
	}
	/* What its note says is told by the note. */
	if (known->problem != NULL && strcmp(known->problem, distrust_text) != 0)
		file->problem = mem_strdup(known->problem);
}

static void read_note(struct look *look, struct model_file *file,
		      const struct model_file *known)
{
	AUTO_CSTR path =
		mem_printf("%s/" NOTES_DIR "/%s.metadata", look->folder->path, file->path);
	struct localdir_note note = { .digest = "" };
	struct error ignored;

	/* A client may write a note again in its place, which the folder's time does not tell:
	 * it does so when the file is not vouched for. */
	if (known != NULL && look->is_noted_before && known->state == MODEL_PROVEN) {
		memcpy(note.commit, known->commit, sizeof(note.commit));
		memcpy(note.digest, known->digest, sizeof(note.digest));
		note.time_ms = known->vouched_ms;
	} else if (!has_note(&look->notes, file->path) ||
		   localdir_read_note(look->root, path, &note, &ignored) <= 0) {
		return;
	}
	memcpy(file->commit, note.commit, sizeof(file->commit));
	memcpy(file->digest, note.digest, sizeof(file->digest));
	file->vouched_ms = note.time_ms;
	if (note.digest[0] != '\0')
		file->state = localdir_does_vouch(&note, file->mtime_ns) ? MODEL_PROVEN
									 : MODEL_CHANGED;
	if (note.digest[0] != '\0' && note.time_ms == LOCALDIR_DISTRUSTED &&
	    file->problem == NULL)
		file->problem = mem_strdup(distrust_text);
}

static enum model_kind kind_of(const char *path)
{
	enum variant_kind kind = variant_kind_of(str_from(path));

	if (variant_is_weights(kind))
		return MODEL_WEIGHTS;
	return variant_is_companion(kind) ? MODEL_COMPANION : MODEL_OTHER;
}

static void add_file(struct look *look, const struct dir *dir, const char *path,
		     const char *name, const struct stat *st)
{
	struct model_file *file = model_add(look->model, str_from(path));
	const struct model_file *known;

	file->kind = kind_of(path);
	file->size = (uint64_t)st->st_size;
	file->mtime_ns = file_mtime_ns(st);
	file->inode = st->st_ino;
	known = find_known(look, file);
	if (known != NULL)
		copy_header(file, known);
	else if (has_header(file, name))
		read_header(file, dir, name);
	read_note(look, file, known);
}

static void read_folder(struct look *look, const char *path, unsigned depth);

static void add_entry(struct look *look, const struct dir *dir, const char *folder,
		      const char *name, unsigned depth)
{
	AUTO_CSTR path = join(folder, name);
	struct error err;
	struct stat st;
	int found;

	if (!has_room(look->model))
		return;
	found = dir_stat(dir, name, &st, &err);
	if (found < 0)
		complain(look, &err);
	/* A hidden file is listed, a hidden folder is not. */
	if (found <= 0 || (name[0] == '.' && S_ISDIR(st.st_mode)))
		return;
	if (!is_safe(path) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)))
		add_foreign(look, path, &st);
	else if (S_ISREG(st.st_mode))
		add_file(look, dir, path, name, &st);
	else if (!look->folder->is_flat && depth > 0)
		read_folder(look, path, depth - 1);
}

static void read_folder(struct look *look, const char *path, unsigned depth)
{
	AUTO_CSTR whole = strcmp(path, ".") == 0 ? mem_strdup(look->folder->path)
						 : join(look->folder->path, path);
	struct error err = { .code = ERR_NONE };
	AUTO(dir) dir = dir_open(look->root, whole, &err);
	const char *name;
	bool is_dir;
	int result = -1;

	if (dir != NULL) {
		while ((result = dir_next(dir, &name, &is_dir, &err)) > 0) {
			if (strcmp(name, ".git") == 0)
				look->model->is_git = true;
			if (name[0] != '.' || !is_dir)
				add_entry(look, dir, path, name, depth);
		}
	}
	if (result < 0 && err.sys != ENOENT)
		complain(look, &err);
	if (dir == NULL && strcmp(path, ".") == 0 && err.sys != ENOENT)
		look->error = err;
}

/* Folders above it that are no models by themselves: 1, else 0, or -1. */
static int may_hold_models(int root, struct str path, struct error *err)
{
	for (size_t at = str_find_char(path, '/'); at < path.n;) {
		AUTO_CSTR above = str_dup(str_sub(path, 0, at));
		struct contents contents = { .has_mark = false };
		int result = read_contents(root, above, &contents, err);

		contents_clear(&contents);
		if (result < 0 || contents.has_mark)
			return result < 0 && err->sys != ENOENT ? -1 : 0;
		at += 1 + str_find_char(str_sub(path, at + 1, path.n), '/');
	}
	return 1;
}

static size_t count_levels(struct str path)
{
	size_t n = 1;

	for (size_t i = 0; i < path.n; i++)
		n += path.p[i] == '/' ? 1 : 0;
	return n;
}

/* The rules of survey_all(), for one folder: 1, and *ret_is_flat; 0: it holds no model; -1. */
static int find_out(int root, const char *path, bool *ret_is_flat, struct error *err)
{
	size_t deepest = str_has_prefix(str_from(path), S("datasets/")) ? 3 : 2;
	size_t levels = count_levels(str_from(path));
	struct contents contents = { .has_mark = false };
	int result;

	*ret_is_flat = true;
	if (strcmp(path, ".") == 0)
		return 1;
	result = levels > deepest ? 0 : may_hold_models(root, str_from(path), err);
	if (result <= 0)
		return result;
	*ret_is_flat = false;
	if (levels == deepest)
		return 1;
	result = read_contents(root, path, &contents, err);
	*ret_is_flat = !contents.has_mark;
	contents_clear(&contents);
	return result < 0 ? (err->sys == ENOENT ? 0 : -1) : 1;
}

/* What a download has begun and got no byte of is no model. */
static bool is_nothing(const struct model *model)
{
	for (size_t i = 0; i < model->n; i++) {
		if (model->files[i].kind != MODEL_PARTIAL || model->files[i].size > 0)
			return false;
	}
	return true;
}

static struct model *look_at(struct look *look, struct error *err)
{
	look->model->looked_ms = clock_unix_ms();
	look->model->is_flat = look->folder->is_flat;
	if (!look->folder->is_flat)
		read_notes(look, NOTES_DIR, RELPATH_DEPTH_MAX);
	if (look->notes.n > 0)
		qsort((void *)look->notes.v, look->notes.n, sizeof(char *), compare_names);
	look->model->notes_mtime_ns = look->notes.mtime_ns;
	look->is_noted_before = look->known != NULL &&
				look->known->notes_mtime_ns == look->notes.mtime_ns &&
				is_settled(look, look->notes.mtime_ns);
	read_folder(look, ".", RELPATH_DEPTH_MAX);
	notes_clear(&look->notes);
	if (look->error.code != ERR_NONE)
		*err = look->error;
	if (look->error.code != ERR_NONE || is_nothing(look->model))
		model_free(&look->model);
	else
		model_finish(look->model);
	return look->model;
}

struct model *survey_look(int root, const struct survey_folder *folder,
			  const struct model *known, struct error *err)
{
	struct survey_folder found = *folder;
	struct look look = { .root = root, .folder = &found, .known = known };
	struct error reason = { .code = ERR_NONE };
	int result = 1;

	err->code = ERR_NONE;
	if (folder->is_asked)
		result = find_out(root, folder->path, &found.is_flat, &reason);
	if (result < 0)
		*err = reason;
	if (result <= 0)
		return NULL;
	look.model = model_new(folder->path);
	return look_at(&look, err);
}

struct model *survey_again(int root, struct model *model)
{
	struct survey_folder folder = { .path = mem_strdup(model->folder),
					.is_flat = model->is_flat };
	struct error err;
	struct model *now = survey_look(root, &folder, model, &err);

	free(folder.path);
	if (now == NULL && err.code != ERR_NONE)
		return model_hold(model);
	return now;
}

void survey_noted(int root, const char *folder, void (*fn)(void *ctx, const char *path),
		  void *ctx)
{
	struct survey_folder found = { .path = mem_strdup(folder) };
	struct look look = { .root = root, .folder = &found, .model = model_new(folder) };
	struct error ignored;

	read_notes(&look, NOTES_DIR, RELPATH_DEPTH_MAX);
	for (size_t i = 0; i < look.notes.n; i++) {
		if (relpath_check(str_from(look.notes.v[i]), &ignored) == 0)
			fn(ctx, look.notes.v[i]);
	}
	notes_clear(&look.notes);
	model_free(&look.model);
	free(found.path);
}
