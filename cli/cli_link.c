#include "cli/cli_link.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_models.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/relpath.h"

enum {
	LIST_MAX = 256 * 1024 * 1024, /* bytes of a .larder */
};

struct names {
	char **v;
	size_t n;
	size_t cap;
};

/* A repository's folder in the cache, with what of it we made: paths in it. */
struct shelf {
	char *path;
	struct names old;  /* before, sorted */
	struct names made; /* now */
};

struct link {
	const struct cli_session *session;
	const char *cache;
	char *models; /* the library's path */
	struct shelf *shelves;
	size_t n;
	size_t cap;
	struct json_object *done;
	struct json_object *errors;
	enum cli_exit exit;
};

/* --- names --- */

static void names_add(struct names *names, struct str name)
{
	names->v = mem_grow((void *)names->v, names->n, &names->cap, sizeof(char *));
	names->v[names->n++] = str_dup(name);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void names_sort(struct names *names)
{
	if (names->n > 0)
		qsort((void *)names->v, names->n, sizeof(char *), compare_names);
}

/* After names_sort(). */
static bool names_has(const struct names *names, const char *name)
{
	return names->n > 0 && bsearch((const void *)&name, (const void *)names->v, names->n,
				       sizeof(char *), compare_names) != NULL;
}

static void names_clear(struct names *names)
{
	for (size_t i = 0; i < names->n; i++)
		free(names->v[i]);
	free((void *)names->v);
}

/* --- on the disk --- */

static int fail(struct error *err, const char *path)
{
	return error_set_errno(err, ERR_DISK_ERROR, "%s", path);
}

static int make_parents(const char *path, struct error *err)
{
	AUTO_CSTR above = mem_strdup(path);

	for (char *slash = strchr(above + 1, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(above, 0755) < 0 && errno != EEXIST)
			return fail(err, above);
		*slash = '/';
	}
	return 0;
}

/* A symbolic link under that name, in the place of what is there. */
static int put_symlink(const char *target, const char *path, struct error *err)
{
	AUTO_CSTR fresh = mem_printf("%s.larder-new", path);

	if (make_parents(path, err) < 0)
		return -1;
	(void)unlink(fresh);
	if (symlink(target, fresh) < 0 || rename(fresh, path) < 0)
		return fail(err, path);
	return 0;
}

static int write_file(const char *path, struct str text, struct error *err)
{
	AUTO_CSTR fresh = mem_printf("%s.larder-new", path);
	FILE *file;
	bool is_well;

	if (make_parents(path, err) < 0)
		return -1;
	file = fopen(fresh, "we");
	if (file == NULL)
		return fail(err, fresh);
	is_well = text.n == 0 || fwrite(text.p, text.n, 1, file) == 1;
	is_well = fclose(file) == 0 && is_well;
	if (!is_well || rename(fresh, path) < 0)
		return fail(err, path);
	return 0;
}

static bool is_same_file(const char *a, const char *b)
{
	struct stat x;
	struct stat y;

	return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_ino == y.st_ino &&
	       x.st_dev == y.st_dev;
}

/* What is there already and was not made by us is left alone: 0; else 1, and the way is free.
 */
static int make_way(const char *path, bool was_ours, struct error *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return make_parents(path, err) < 0 ? -1 : 1;
	if (!was_ours)
		return 0;
	return unlink(path) < 0 && errno != ENOENT ? fail(err, path) : 1;
}

/* 1: it is our link to the library; 0: the cache has something of its own there; -1. */
static int put_blob(const char *source, const char *blob, bool was_ours, struct error *err)
{
	int goes;

	if (was_ours && is_same_file(source, blob))
		return 1;
	goes = make_way(blob, was_ours, err);
	if (goes <= 0 || link(source, blob) == 0)
		return goes;
	return put_symlink(source, blob, err) < 0 ? -1 : 1;
}

static int put_entry(const char *target, const char *path, bool was_ours, struct error *err)
{
	int goes = make_way(path, was_ours, err);

	if (goes <= 0)
		return goes;
	return put_symlink(target, path, err) < 0 ? -1 : 1;
}

/* --- what we made --- */

static char *read_all(const char *path)
{
	FILE *file = fopen(path, "re");
	AUTO(buf) text = buf_new(LIST_MAX);
	char block[4096];
	size_t n;

	while (file != NULL && (n = fread(block, 1, sizeof(block), file)) > 0)
		buf_add(text, (struct str){ .p = block, .n = n });
	if (file != NULL)
		(void)fclose(file);
	return buf_take(text);
}

static void read_old(struct shelf *shelf)
{
	AUTO_CSTR path = mem_printf("%s/.larder", shelf->path);
	AUTO_CSTR text = read_all(path);
	struct str rest = str_from(text);
	struct str line;
	struct error ignored;

	while (str_next(&rest, '\n', &line)) {
		if (relpath_check(line, &ignored) == 0)
			names_add(&shelf->old, line);
	}
	names_sort(&shelf->old);
}

static struct shelf *find_shelf(struct link *link, const char *path)
{
	struct shelf *shelf;

	for (size_t i = 0; i < link->n; i++) {
		if (strcmp(link->shelves[i].path, path) == 0)
			return &link->shelves[i];
	}
	link->shelves = mem_grow(link->shelves, link->n, &link->cap, sizeof(*link->shelves));
	shelf = &link->shelves[link->n++];
	*shelf = (struct shelf){ .path = mem_strdup(path) };
	read_old(shelf);
	return shelf;
}

static void link_clear(struct link *link)
{
	for (size_t i = 0; i < link->n; i++) {
		names_clear(&link->shelves[i].old);
		names_clear(&link->shelves[i].made);
		free(link->shelves[i].path);
	}
	free(link->shelves);
	free(link->models);
}

/* Does it name a commit that we have shown? Else another program has set it since. */
static bool is_ref_ours(const struct shelf *shelf, const char *ref)
{
	AUTO_CSTR path = mem_printf("%s/%s", shelf->path, ref);
	AUTO_CSTR text = read_all(path);
	AUTO_CSTR shown = NULL;

	if (!names_has(&shelf->old, ref))
		return false;
	shown = mem_printf("snapshots/%s/", text);
	for (size_t i = 0; i < shelf->old.n; i++) {
		if (str_has_prefix(str_from(shelf->old.v[i]), str_from(shown)))
			return true;
	}
	return false;
}

/* The blobs that snapshots show, whosever: names of digests. */
static struct names *shown_blobs; /* of the walk that is under way: nftw(3) has no other way */

static int note_blob(const char *path, const struct stat *st, int type, struct FTW *where)
{
	char target[RELPATH_MAX * 4];
	ssize_t n = type == FTW_SL ? readlink(path, target, sizeof(target)) : -1;
	struct str digest = { .p = target, .n = n > 0 ? (size_t)n : 0 };

	(void)st;
	(void)where;
	if (n > 0)
		names_add(shown_blobs, relpath_basename(digest));
	return 0;
}

static void find_shown_blobs(const struct shelf *shelf, struct names *ret)
{
	AUTO_CSTR snapshots = mem_printf("%s/snapshots", shelf->path);

	shown_blobs = ret;
	(void)nftw(snapshots, note_blob, 16, FTW_PHYS);
	names_sort(ret);
}

static bool is_blob(const char *path)
{
	return str_has_prefix(str_from(path), S("blobs/"));
}

/* A ref that another program has set since is its own, and so is what has the place of a link.
 */
static bool is_still_ours(const struct shelf *shelf, const char *path, const char *whole)
{
	struct stat st;

	if (str_has_prefix(str_from(path), S("refs/")))
		return is_ref_ours(shelf, path);
	return lstat(whole, &st) == 0 && (is_blob(path) || S_ISLNK(st.st_mode));
}

/* With the folders that are empty then. */
static void remove_old(const struct shelf *shelf, const char *path)
{
	AUTO_CSTR whole = mem_printf("%s/%s", shelf->path, path);
	char *slash;

	if (!is_still_ours(shelf, path, whole) || unlink(whole) < 0)
		return;
	while ((slash = strrchr(whole, '/')) != NULL &&
	       (size_t)(slash - whole) > strlen(shelf->path)) {
		*slash = '\0';
		if (rmdir(whole) < 0)
			return;
	}
}

/* Blobs last: then it shows which of them others need. */
static void keep_or_remove(struct shelf *shelf, bool is_all)
{
	const struct names now = { .v = shelf->made.v, .n = shelf->made.n };
	struct names gone = { .n = 0 };
	struct names shown = { .n = 0 };

	for (size_t i = 0; i < shelf->old.n; i++) {
		if (!names_has(&now, shelf->old.v[i]))
			names_add(&gone, str_from(shelf->old.v[i]));
	}
	for (size_t i = 0; i < gone.n && is_all; i++) {
		if (!is_blob(gone.v[i]))
			remove_old(shelf, gone.v[i]);
	}
	find_shown_blobs(shelf, &shown);
	for (size_t i = 0; i < gone.n; i++) {
		const char *path = gone.v[i];

		if (is_all && is_blob(path) && !names_has(&shown, path + S("blobs/").n))
			remove_old(shelf, path);
		else if (!is_all || is_blob(path))
			names_add(&shelf->made, str_from(path));
	}
	names_clear(&gone);
	names_clear(&shown);
}

/* With `is_all`, what was made before and was not made now goes. */
static int finish_shelf(struct shelf *shelf, bool is_all, struct error *err)
{
	AUTO_CSTR list = mem_printf("%s/.larder", shelf->path);
	AUTO(buf) text = buf_new(LIST_MAX);
	struct names *made = &shelf->made;

	names_sort(made);
	keep_or_remove(shelf, is_all);
	if (made->n == 0) {
		(void)unlink(list);
		(void)rmdir(shelf->path);
		return 0;
	}
	for (size_t i = 0; i < made->n; i++) {
		if (i == 0 || strcmp(made->v[i - 1], made->v[i]) != 0)
			buf_addf(text, "%s\n", made->v[i]);
	}
	return write_file(list, buf_str(text), err);
}

/* Shelves of models that are not in the library any more. */
static void find_old_shelves(struct link *link)
{
	DIR *dir = opendir(link->cache);
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		AUTO_CSTR path = mem_printf("%s/%s", link->cache, entry->d_name);
		AUTO_CSTR list = mem_printf("%s/.larder", path);

		if (entry->d_name[0] != '.' && access(list, F_OK) == 0)
			(void)find_shelf(link, path);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* --- a model --- */

static char *shelf_path(const struct link *link, struct json_object *model)
{
	bool is_dataset = str_is_equal(json_get_str(model, "type"), S("dataset"));
	struct str repo = json_get_str(model, "repo");
	size_t slash = str_find_char(repo, '/');

	return mem_printf("%s/%s--%.*s%s%.*s", link->cache, is_dataset ? "datasets" : "models",
			  (int)slash, repo.p, slash < repo.n ? "--" : "",
			  slash < repo.n ? (int)(repo.n - slash - 1) : 0,
			  slash < repo.n ? repo.p + slash + 1 : "");
}

static bool is_shown(struct json_object *file)
{
	return str_is_equal(json_get_str(file, "state"), S("proven")) &&
	       json_get_str(file, "digest").n > 0;
}

/* Of several that of the file that was vouched for last: the revision's. */
static struct str commit_of(struct json_object *model)
{
	struct json_object *files = json_get(model, "files");
	struct str commit = json_get_str(model, "commit");
	struct str newest = S("");

	for (size_t i = 0; commit.n == 0 && i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);
		struct str time = json_get_str(file, "vouched_at");

		if (is_shown(file) && str_compare(time, newest) > 0)
			newest = time;
	}
	for (size_t i = 0; commit.n == 0 && i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);

		if (is_shown(file) && str_is_equal(json_get_str(file, "vouched_at"), newest))
			commit = json_get_str(file, "commit");
	}
	return commit;
}

/* "../../blobs/<digest>" from where `path` is in the snapshot. */
static char *way_to_blob(struct str path, struct str digest)
{
	AUTO(buf) way = buf_new(RELPATH_MAX * 3 + 128);

	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == '/')
			buf_add(way, S("../"));
	}
	buf_addf(way, "../../blobs/%.*s", (int)digest.n, digest.p);
	return buf_take(way);
}

static int link_file(const struct link *link, struct shelf *shelf, struct json_object *model,
		     struct json_object *file, struct error *err)
{
	struct str commit = json_get_str(file, "commit");
	struct str folder = json_get_str(model, "folder");
	struct str path = json_get_str(file, "path");
	struct str digest = json_get_str(file, "digest");
	AUTO_CSTR source = mem_printf("%s/%.*s/%.*s", link->models, (int)folder.n, folder.p,
				      (int)path.n, path.p);
	AUTO_CSTR blob = mem_printf("blobs/%.*s", (int)digest.n, digest.p);
	AUTO_CSTR shown =
		mem_printf("snapshots/%.*s/%.*s", (int)commit.n, commit.p, (int)path.n, path.p);
	AUTO_CSTR blob_path = mem_printf("%s/%s", shelf->path, blob);
	AUTO_CSTR shown_path = mem_printf("%s/%s", shelf->path, shown);
	AUTO_CSTR way = way_to_blob(path, digest);
	struct stat st;
	int made;

	if (stat(source, &st) < 0)
		return fail(err, source);
	made = put_blob(source, blob_path, names_has(&shelf->old, blob), err);
	if (made > 0)
		names_add(&shelf->made, str_from(blob));
	if (made >= 0)
		made = put_entry(way, shown_path, names_has(&shelf->old, shown), err);
	if (made > 0)
		names_add(&shelf->made, str_from(shown));
	return made < 0 ? -1 : 0;
}

static int put_ref(struct shelf *shelf, const char *ref, struct str commit, struct error *err)
{
	AUTO_CSTR path = mem_printf("%s/%s", shelf->path, ref);

	if (access(path, F_OK) == 0 && !is_ref_ours(shelf, ref))
		return 0;
	names_add(&shelf->made, str_from(ref));
	return write_file(path, commit, err);
}

static int link_files(struct link *link, struct json_object *model, uint64_t *ret_n,
		      struct error *err)
{
	AUTO_CSTR path = shelf_path(link, model);
	struct shelf *shelf = find_shelf(link, path);
	struct json_object *files = json_get(model, "files");
	struct str revision = json_get_str(model, "revision");
	struct str commit = commit_of(model);
	AUTO_CSTR ref = mem_printf("refs/%.*s", (int)revision.n, revision.p);

	*ret_n = 0;
	for (size_t i = 0; i < json_object_array_length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);

		if (!is_shown(file))
			continue;
		if (link_file(link, shelf, model, file, err) < 0)
			return -1;
		(*ret_n)++;
	}
	if (*ret_n == 0)
		return error_set(err, ERR_INVALID,
				 "no file of it is proven; larder verify finds out");
	return put_ref(shelf, ref, commit, err);
}

static int check_model(struct json_object *model, struct error *err)
{
	if (json_get_str(model, "repo").n == 0)
		return error_set(err, ERR_INVALID, "it is not named after a repository");
	if (json_is_true(model, "has_more_files"))
		return error_set(err, ERR_INVALID, "it has more files than can be listed");
	return 0;
}

static int link_model(struct link *link, const char *folder, struct error *err)
{
	AUTO_JSON params = json_object_new_object();
	AUTO_JSON model = NULL;
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);
	struct json_object *row;
	uint64_t n = 0;

	json_add_cstr(params, "folder", folder);
	if (cli_session_call(link->session, "model.get", params, RPC_TIMEOUT_MS, &model, NULL,
			     err) < 0 ||
	    check_model(model, err) < 0 || link_files(link, model, &n, err) < 0)
		return -1;
	cli_text_add_escaped(text, str_from(folder));
	buf_add(text, S(": "));
	cli_text_add_count(text, n, "file");
	buf_add_char(text, '\n');
	if (!link->session->is_json)
		cli_session_print(text);
	row = json_object_new_object();
	json_add_cstr(row, "folder", folder);
	json_add_u64(row, "files", n);
	(void)json_object_array_add(link->done, row);
	return 0;
}

static void note_error(struct link *link, const char *folder, const struct error *err)
{
	link->exit = cli_session_worse(link->exit, cli_session_exit(err));
	cli_session_note(&link->errors, "folder", folder, err);
	if (!link->session->is_json)
		cli_session_warn(link->session, folder, err);
}

/* Models of no repository, and those of which nothing is proven, are not asked for by name. */
static void link_all(struct link *link, struct json_object *models)
{
	for (size_t i = 0; i < json_object_array_length(models); i++) {
		struct json_object *model = json_object_array_get_idx(models, i);
		AUTO_CSTR folder = str_dup(json_get_str(model, "folder"));
		struct error err;

		if (json_get_str(model, "repo").n > 0 &&
		    cli_download_number(model, "files_proven") > 0 &&
		    link_model(link, folder, &err) < 0)
			note_error(link, folder, &err);
	}
}

static void finish_shelves(struct link *link, bool is_all)
{
	struct error err;

	/* What could not be linked now may have been before. */
	is_all = is_all && link->errors == NULL;
	if (is_all)
		find_old_shelves(link);
	for (size_t i = 0; i < link->n; i++) {
		if (finish_shelf(&link->shelves[i], is_all, &err) < 0)
			note_error(link, link->shelves[i].path, &err);
	}
}

static int begin(struct link *link, struct json_object **ret_list, struct error *err)
{
	link->cache = cli_args_value(link->session->args, CLI_OPTION_HF_CACHE);
	if (link->cache == NULL)
		return error_set_field(err, "hf-cache", "--hf-cache DIR says where");
	if (cli_models_list(link->session, NULL, ret_list, err) < 0)
		return -1;
	link->models = str_dup(json_get_str(json_get(*ret_list, "library"), "path"));
	if (access(link->models, R_OK | X_OK) < 0)
		return fail(err, link->models);
	return 0;
}

enum cli_exit cli_link(const struct cli_session *session)
{
	struct link link = { .session = session };
	AUTO_JSON list = NULL;
	struct json_object *object;
	struct error err;
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	if (begin(&link, &list, &err) < 0) {
		link_clear(&link);
		return cli_session_fail(session, &err);
	}
	link.done = json_object_new_array();
	for (size_t i = 0; i < n; i++) {
		if (link_model(&link, words[i], &err) < 0)
			note_error(&link, words[i], &err);
	}
	if (n == 0)
		link_all(&link, json_get(list, "models"));
	finish_shelves(&link, n == 0);
	object = json_object_new_object();
	json_take(object, "models", link.done);
	if (session->is_json) {
		cli_session_print_json(object, link.errors);
	} else {
		json_free(&object);
		json_free(&link.errors);
	}
	link_clear(&link);
	return link.exit;
}
