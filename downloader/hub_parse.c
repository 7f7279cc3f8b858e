/*
 * The JSON replies. Three rules hold throughout: outputs are written only when the whole reply
 * made sense; a string is taken only when it has no NUL inside, so that a C string made of it
 * is the same string; a count or a size is compared with its limit before anything is
 * allocated.
 */
#include "downloader/hub_parse.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/quote.h"
#include "common/relpath.h"
#include "downloader/hub_parse_internal.h"

static const char *const algorithm_names[] = {
	[DIGEST_SHA256] = "sha256",
	[DIGEST_GIT_SHA1] = "git-sha1",
};

static_assert(ARRAY_LEN(algorithm_names) == DIGEST_ALGORITHM_COUNT, "every one has a name");

enum digest_algorithm digest_algorithm_of(const char *digest)
{
	return strlen(digest) == HUB_DIGEST_MAX ? DIGEST_SHA256 : DIGEST_GIT_SHA1;
}

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
	assert(algorithm < DIGEST_ALGORITHM_COUNT);
	return algorithm_names[algorithm];
}

int digest_algorithm_from_name(struct str name, enum digest_algorithm *ret)
{
	for (unsigned i = 0; i < DIGEST_ALGORITHM_COUNT; i++) {
		if (str_is_equal(name, str_from(algorithm_names[i]))) {
			*ret = (enum digest_algorithm)i;
			return 0;
		}
	}
	return -1;
}

int hub_json_parse(struct str body, struct json_object **ret, struct error *err)
{
	if (body.n > HUB_BODY_MAX)
		return error_set(err, ERR_HUB_PROTOCOL, "the reply is longer than %d bytes",
				 HUB_BODY_MAX);
	/* json-c takes a NUL for the end of the text, whatever follows. */
	if (str_find_char(body, '\0') < body.n)
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the reply is not JSON: it holds a NUL");
	if (json_check_weight(body, HUB_WEIGHT_MAX, err) != 0 ||
	    json_parse(body, HUB_JSON_DEPTH_MAX, ret, err) != 0) {
		err->code = ERR_HUB_PROTOCOL;
		return error_prefix(err, "the reply makes no sense");
	}
	return 0;
}

bool hub_json_text(struct json_object *value, struct str *ret)
{
	struct str text;

	if (!json_object_is_type(value, json_type_string))
		return false;
	text.p = json_object_get_string(value);
	text.n = (size_t)json_object_get_string_len(value);
	if (str_find_char(text, '\0') < text.n)
		return false;
	*ret = text;
	return true;
}

bool hub_json_str(struct json_object *object, const char *name, struct str *ret)
{
	return hub_json_text(json_get(object, name), ret);
}

/* --- the repository --- */

void hub_label(struct str text, char *out, size_t size)
{
	size_t used = 0;
	size_t at = 0;

	while (at < text.n) {
		size_t len = quote_char_len(str_sub(text, at, text.n));

		if (len == 0 || used + len >= size)
			break;
		memcpy(out + used, text.p + at, len);
		if ((unsigned char)out[used] < 0x20 || out[used] == 0x7f)
			out[used] = ' ';
		used += len;
		at += len;
	}
	out[used] = '\0';
}

/* Model cards are written by people: "license" is a string, or a list of them. */
static bool licence_of_card(struct json_object *card, struct str *ret)
{
	struct json_object *licence = json_get(card, "license");

	if (json_object_is_type(licence, json_type_array) &&
	    json_object_array_length(licence) > 0)
		licence = json_object_array_get_idx(licence, 0);
	return hub_json_text(licence, ret) && ret->n > 0;
}

static bool licence_of_tags(struct json_object *tags, struct str *ret)
{
	size_t n =
		json_object_is_type(tags, json_type_array) ? json_object_array_length(tags) : 0;

	for (size_t i = 0; i < n; i++) {
		struct str tag;

		if (hub_json_text(json_object_array_get_idx(tags, i), &tag) &&
		    str_has_prefix(tag, S("license:"))) {
			*ret = str_sub(tag, S("license:").n, tag.n);
			return true;
		}
	}
	return false;
}

static bool has_tag(struct json_object *tags, struct str wanted)
{
	size_t n =
		json_object_is_type(tags, json_type_array) ? json_object_array_length(tags) : 0;

	for (size_t i = 0; i < n; i++) {
		struct str tag;

		if (hub_json_text(json_object_array_get_idx(tags, i), &tag) &&
		    str_is_equal_nocase(tag, wanted))
			return true;
	}
	return false;
}

/* `false`, "auto" or "manual". A word we do not know yet still means that somebody must agree.
 */
void hub_gated(struct json_object *object, char *out, size_t size)
{
	struct json_object *gated = json_get(object, "gated");
	struct str word;

	if (hub_json_text(gated, &word) && str_is_equal(word, S("auto")))
		hub_label(word, out, size);
	else if (json_object_get_boolean(gated))
		hub_label(S("manual"), out, size);
}

static int read_info(struct json_object *object, struct hub_info *info, struct error *err)
{
	struct str repo;
	struct str commit;
	struct str licence;

	if (!hub_json_str(object, "id", &repo) || repo_id_check(repo, err) != 0)
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the reply about the repository has no valid \"id\"");
	if (!hub_json_str(object, "sha", &commit) || !commit_is_valid(commit))
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the reply about the repository has no valid \"sha\"");
	memcpy(info->repo, repo.p, repo.n);
	memcpy(info->commit, commit.p, commit.n);
	hub_gated(object, info->gated, sizeof(info->gated));
	info->is_private = json_is_true(object, "private");
	info->is_mlx = has_tag(json_get(object, "tags"), S("mlx"));
	if (licence_of_card(json_get(object, "cardData"), &licence) ||
	    licence_of_tags(json_get(object, "tags"), &licence))
		hub_label(licence, info->licence, sizeof(info->licence));
	return 0;
}

int hub_parse_info(struct str body, struct hub_info *ret, struct error *err)
{
	AUTO_JSON object = NULL;
	struct hub_info info = { .is_private = false };

	if (hub_json_parse(body, &object, err) != 0 || read_info(object, &info, err) != 0)
		return -1;
	*ret = info;
	return 0;
}

/* --- the files --- */

struct hub_tree *hub_tree_new(void)
{
	return mem_alloc(sizeof(struct hub_tree));
}

static void drop_files(struct hub_tree *tree, size_t keep)
{
	while (tree->n > keep)
		free(tree->files[--tree->n].path);
}

void hub_tree_free(struct hub_tree **tree)
{
	if (*tree == NULL)
		return;
	drop_files(*tree, 0);
	free((*tree)->files);
	free(*tree);
	*tree = NULL;
}

/* A whole number of bytes. json-c gives what is too big for it as the biggest it has, which is
 * past our limit too. */
static bool read_size(struct json_object *object, uint64_t *ret)
{
	struct json_object *value = json_get(object, "size");
	int64_t size =
		json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : -1;

	if (size < 0 || (uint64_t)size > HUB_FILE_SIZE_MAX)
		return false;
	*ret = (uint64_t)size;
	return true;
}

/* What proves the bytes: the sha256 of LFS when there is one (then "oid" is only that of the
 * pointer), else git's own. */
static bool read_digest(struct json_object *entry, struct hub_file *file)
{
	struct json_object *lfs = json_get(entry, "lfs");
	uint64_t lfs_size = file->size;
	struct str digest;

	file->algorithm = lfs != NULL ? DIGEST_SHA256 : DIGEST_GIT_SHA1;
	if (!hub_json_str(lfs != NULL ? lfs : entry, "oid", &digest))
		return false;
	if (lfs != NULL && json_get(lfs, "size") != NULL && !read_size(lfs, &lfs_size))
		return false;
	if (!hex_is_valid(digest, lfs != NULL ? 64 : 40) || lfs_size != file->size)
		return false;
	memcpy(file->digest, digest.p, digest.n);
	return true;
}

static int add_file(struct hub_tree *tree, struct json_object *entry, struct error *err)
{
	struct hub_file file = { .size = 0 };
	struct str path;

	if (!hub_json_str(entry, "path", &path))
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the listing has a file without a path");
	if (relpath_check(path, err) != 0)
		return -1;
	if (!read_size(entry, &file.size))
		return error_set(err, ERR_HUB_PROTOCOL, "%s has no valid size in the listing",
				 quote_text(path).text);
	if (!read_digest(entry, &file))
		return error_set(err, ERR_HUB_PROTOCOL, "%s has no valid hash in the listing",
				 quote_text(path).text);
	if (tree->n >= HUB_FILES_MAX)
		return error_set(err, ERR_TOO_MANY_FILES,
				 "the repository has more than %d files", HUB_FILES_MAX);
	tree->files = mem_grow(tree->files, tree->n, &tree->cap, sizeof(*tree->files));
	file.path = str_dup(path);
	tree->files[tree->n++] = file;
	return 0;
}

static int add_page(struct hub_tree *tree, struct json_object *page, struct error *err)
{
	if (!json_object_is_type(page, json_type_array))
		return error_set(err, ERR_HUB_PROTOCOL, "the reply is not a list of files");
	for (size_t i = 0; i < json_object_array_length(page); i++) {
		struct json_object *entry = json_object_array_get_idx(page, i);
		struct str type;

		if (!hub_json_str(entry, "type", &type))
			return error_set(err, ERR_HUB_PROTOCOL,
					 "the listing has an entry without a type");
		/* Folders come into being with their files; a submodule has nothing to fetch.
		 */
		if (str_is_equal(type, S("file")) && add_file(tree, entry, err) != 0)
			return -1;
	}
	return 0;
}

int hub_parse_tree(struct hub_tree *tree, struct str body, struct error *err)
{
	AUTO_JSON page = NULL;
	size_t n_before = tree->n;

	if (hub_json_parse(body, &page, err) != 0)
		return -1;
	if (add_page(tree, page, err) != 0) {
		drop_files(tree, n_before);
		return -1;
	}
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	const struct hub_file *x = a;
	const struct hub_file *y = b;

	return strcmp(x->path, y->path);
}

/* True when one of the folders that `path` stands in is also a file. */
static bool has_file_as_folder(const struct hub_tree *tree, const char *path)
{
	for (struct str dir = relpath_dirname(str_from(path)); dir.n > 0;
	     dir = relpath_dirname(dir)) {
		AUTO_CSTR name = str_dup(dir);
		struct hub_file key = { .path = name };

		if (bsearch(&key, tree->files, tree->n, sizeof(key), compare_files) != NULL)
			return true;
	}
	return false;
}

static int compare_with_path(const void *key, const void *element)
{
	const struct hub_file *file = element;

	return strcmp(key, file->path);
}

const struct hub_file *hub_tree_find(const struct hub_tree *tree, const char *path)
{
	return tree->n == 0 ? NULL
			    : bsearch(path, tree->files, tree->n, sizeof(*tree->files),
				      compare_with_path);
}

int hub_tree_finish(struct hub_tree *tree, struct error *err)
{
	if (tree->n == 0)
		return 0;
	qsort(tree->files, tree->n, sizeof(*tree->files), compare_files);
	for (size_t i = 0; i < tree->n; i++) {
		const char *path = tree->files[i].path;

		if (i > 0 && strcmp(tree->files[i - 1].path, path) == 0)
			return error_set(err, ERR_UNSAFE_PATH, "path %s is listed twice",
					 quote_text(str_from(path)).text);
		if (has_file_as_folder(tree, path))
			return error_set(err, ERR_UNSAFE_PATH,
					 "path %s stands in a folder that is also a file",
					 quote_text(str_from(path)).text);
	}
	return 0;
}
