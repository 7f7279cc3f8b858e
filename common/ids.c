#include "common/ids.h"

#include <string.h>

#include "common/error.h"
#include "common/quote.h"

static const char *const type_names[] = {
	[REPO_MODEL] = "model",
	[REPO_DATASET] = "dataset",
};

static_assert(ARRAY_LEN(type_names) == REPO_TYPE_COUNT, "every type has a name");

const char *repo_type_name(enum repo_type type)
{
	assert(type < REPO_TYPE_COUNT);
	return type_names[type];
}

int repo_type_from_name(struct str name, enum repo_type *ret, struct error *err)
{
	for (unsigned i = 0; i < REPO_TYPE_COUNT; i++) {
		if (str_is_equal(name, str_from(type_names[i]))) {
			*ret = (enum repo_type)i;
			return 0;
		}
	}
	return error_set_field(err, "type", "type %s is neither \"model\" nor \"dataset\"",
			       quote_text(name).text);
}

static bool is_word(char c)
{
	return char_is_alnum(c) || c == '_';
}

/* One side of the "/". `what` names it: "owner" or "name". */
static int check_part(struct str repo, struct str part, const char *what, struct error *err)
{
	if (part.n == 0)
		return error_set_field(err, "repo", "repo %s has an empty %s",
				       quote_text(repo).text, what);
	if (part.n > REPO_PART_MAX)
		return error_set_field(err, "repo",
				       "repo %s: the %s is longer than %d characters",
				       quote_text(repo).text, what, REPO_PART_MAX);
	for (size_t i = 0; i < part.n; i++) {
		if (!is_word(part.p[i]) && part.p[i] != '-' && part.p[i] != '.')
			return error_set_field(err, "repo",
					       "repo %s may hold letters without accents, "
					       "digits, \"_\", \".\", "
					       "\"-\" and one \"/\"",
					       quote_text(repo).text);
	}
	if (!is_word(part.p[0]) || !is_word(part.p[part.n - 1]))
		return error_set_field(
			err, "repo",
			"repo %s: the %s must not begin or end with \".\" or \"-\"",
			quote_text(repo).text, what);
	return 0;
}

int repo_id_check(struct str repo, struct error *err)
{
	size_t slash = str_find_char(repo, '/');
	struct str name = slash < repo.n ? str_sub(repo, slash + 1, repo.n) : repo;

	if (repo.n == 0)
		return error_set_field(err, "repo", "repo is empty");
	if (str_find_char(name, '/') < name.n)
		return error_set_field(err, "repo", "repo %s has more than one \"/\"",
				       quote_text(repo).text);
	if (slash < repo.n && check_part(repo, str_sub(repo, 0, slash), "owner", err) != 0)
		return -1;
	if (check_part(repo, name, "name", err) != 0)
		return -1;
	if (str_find(repo, S("--")) < repo.n || str_find(repo, S("..")) < repo.n)
		return error_set_field(err, "repo", "repo %s must not hold \"--\" or \"..\"",
				       quote_text(repo).text);
	if (str_has_suffix(repo, S(".git")))
		return error_set_field(err, "repo", "repo %s must not end with \".git\"",
				       quote_text(repo).text);
	return 0;
}

/* The rules of git-check-ref-format(1) that look at one part between slashes. */
static bool is_ref_part(struct str part)
{
	return part.n > 0 && part.p[0] != '.' && !str_has_suffix(part, S(".lock"));
}

static bool is_ref_char(char c)
{
	return (unsigned char)c > 0x20 && c != 0x7f && strchr("~^:?*[\\", c) == NULL;
}

int revision_check(struct str revision, struct error *err)
{
	struct str rest = revision;
	struct str part;

	if (revision.n == 0)
		return error_set_field(err, "revision", "revision is empty");
	if (revision.n > REVISION_MAX)
		return error_set_field(err, "revision", "revision %s is longer than %d bytes",
				       quote_text(revision).text, REVISION_MAX);
	if (!str_is_utf8(revision))
		return error_set_field(err, "revision", "revision %s is not UTF-8",
				       quote_text(revision).text);
	for (size_t i = 0; i < revision.n; i++) {
		if (!is_ref_char(revision.p[i]))
			return error_set_field(
				err, "revision",
				"revision %s holds a character that git does not "
				"allow, at byte %zu",
				quote_text(revision).text, i + 1);
	}
	while (str_next(&rest, '/', &part)) {
		if (!is_ref_part(part))
			return error_set_field(
				err, "revision",
				"revision %s has a part that is empty, begins with "
				"\".\" or ends with \".lock\"",
				quote_text(revision).text);
	}
	if (str_find(revision, S("..")) < revision.n ||
	    str_find(revision, S("@{")) < revision.n || str_has_suffix(revision, S(".")) ||
	    str_is_equal(revision, S("@")))
		return error_set_field(err, "revision", "revision %s is not a name git allows",
				       quote_text(revision).text);
	return 0;
}

bool hex_is_valid(struct str hex, size_t len)
{
	if (hex.n != len)
		return false;
	for (size_t i = 0; i < hex.n; i++) {
		if (!char_is_digit(hex.p[i]) && (hex.p[i] < 'a' || hex.p[i] > 'f'))
			return false;
	}
	return true;
}

bool commit_is_valid(struct str commit)
{
	return hex_is_valid(commit, COMMIT_LEN);
}

bool download_id_is_valid(struct str id)
{
	if (id.n != DOWNLOAD_ID_LEN)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		if ((id.p[i] < 'a' || id.p[i] > 'z') && (id.p[i] < '2' || id.p[i] > '7'))
			return false;
	}
	return true;
}
