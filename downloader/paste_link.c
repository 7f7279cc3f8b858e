/*
 * The path of an address is cut at "/" first and decoded after, so that an encoded "/" stays
 * inside its part (HUB-API 1.4). Decoded text goes through the same checks as typed text.
 */
#include "downloader/paste_link.h"

#include <stdlib.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/quote.h"
#include "common/relpath.h"
#include "downloader/paste_draft.h"
#include "downloader/selection.h"
#include "downloader/variant.h"

enum {
	PARTS_MAX = 48,
};

/* The decoded parts of a path: views into `text`. */
struct parts {
	char *text;
	struct str all[PARTS_MAX];
	size_t n;
};

/* --- hosts --- */

static size_t authority_len(struct str s)
{
	size_t at = 0;

	while (at < s.n && s.p[at] != '/' && s.p[at] != '?' && s.p[at] != '#')
		at++;
	return at;
}

static struct str without_default_port(struct str host)
{
	if (str_has_suffix(host, S(":443")))
		return str_sub(host, 0, host.n - S(":443").n);
	if (str_has_suffix(host, S(":80")))
		return str_sub(host, 0, host.n - S(":80").n);
	return host;
}

static struct str after_scheme(struct str url)
{
	size_t at = str_find(url, S("://"));

	return at < url.n ? str_sub(url, at + S("://").n, url.n) : url;
}

static bool is_public_hub(struct str host)
{
	host = without_default_port(host);
	return str_is_equal_nocase(host, S("huggingface.co")) ||
	       str_is_equal_nocase(host, S("www.huggingface.co")) ||
	       str_is_equal_nocase(host, S("hf.co"));
}

/* True when `rest` (host and what follows) lies beneath the endpoint; what is beneath goes to
 * `*ret_path`. */
static bool is_beneath_endpoint(struct str rest, struct str endpoint, struct str *ret_path)
{
	struct str base = after_scheme(endpoint);
	size_t len = authority_len(rest);
	size_t base_len = authority_len(base);
	struct str base_path;
	struct str path;

	while (str_has_suffix(base, S("/")))
		base = str_sub(base, 0, base.n - 1);
	base_path = str_sub(base, base_len, base.n);
	if (base_len == 0 ||
	    !str_is_equal_nocase(without_default_port(str_sub(rest, 0, len)),
				 without_default_port(str_sub(base, 0, base_len))))
		return false;
	path = str_sub(rest, len, rest.n);
	if (!str_has_prefix(path, base_path))
		return false;
	path = str_sub(path, base_path.n, path.n);
	if (path.n > 0 && authority_len(path) != 0)
		return false;
	*ret_path = path;
	return true;
}

/* "git@hf.co:acme/x": the form of ssh. */
static bool is_scp(struct str word)
{
	return str_has_prefix(word, S("git@")) && str_find_char(word, ':') < word.n &&
	       str_find(word, S("://")) == word.n;
}

/* Without a scheme, a host is told from an owner by its dot or port. */
bool paste_link_is_address(struct str word, struct str endpoint)
{
	struct str host = str_sub(word, 0, authority_len(word));
	struct str ignored;

	if (str_find(word, S("://")) < word.n || is_scp(word) || is_public_hub(host))
		return true;
	return (str_find_char(host, '.') < host.n || str_find_char(host, ':') < host.n) &&
	       is_beneath_endpoint(word, endpoint, &ignored);
}

/* --- parts --- */

static int hex_value(char c)
{
	if (char_is_digit(c))
		return c - '0';
	c = char_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* `s` decoded into `out`, which has room for it; "%" without two digits stands for itself. */
static struct str decode(struct str s, char *out)
{
	size_t used = 0;

	for (size_t i = 0; i < s.n; i++) {
		int high = s.p[i] == '%' && i + 2 < s.n ? hex_value(s.p[i + 1]) : -1;
		int low = high >= 0 ? hex_value(s.p[i + 2]) : -1;

		if (low < 0) {
			out[used++] = s.p[i];
			continue;
		}
		out[used++] = (char)(high * 16 + low);
		i += 2;
	}
	return (struct str){ out, used };
}

/* The parts of `path` that are not empty. */
static int split_parts(struct str path, struct parts *ret, struct error *err)
{
	struct str part;
	size_t used = 0;

	*ret = (struct parts){ .text = mem_alloc(path.n + 1) };
	while (str_next(&path, '/', &part)) {
		if (part.n == 0)
			continue;
		if (ret->n == PARTS_MAX)
			return error_set_field(err, "repo", "the address has too many parts");
		ret->all[ret->n] = decode(part, ret->text + used);
		used += ret->all[ret->n++].n;
	}
	return 0;
}

static void drop_parts(struct parts *parts, size_t n)
{
	parts->n -= n;
	for (size_t i = 0; i < parts->n; i++)
		parts->all[i] = parts->all[i + n];
}

static bool is_one_of(struct str word, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (str_is_equal(word, str_from(words[i])))
			return true;
	}
	return false;
}

/* "datasets/", "models/" at the front say the type; the other kinds of the Hub are refused. */
static int read_type(struct paste *p, struct parts *parts, struct error *err)
{
	static const char *const refused[] = { "spaces", "kernels", "buckets" };
	struct str first = parts->n > 1 ? parts->all[0] : S("");

	if (is_one_of(first, refused, ARRAY_LEN(refused)))
		return error_set_field(err, "repo",
				       "%.*s of the Hub are not supported, only models and "
				       "datasets are",
				       (int)first.n, first.p);
	if (!str_is_equal(first, S("datasets")) && !str_is_equal(first, S("models")))
		return 0;
	drop_parts(parts, 1);
	return paste_draft_set_type(p, first.p[0] == 'd' ? REPO_DATASET : REPO_MODEL, err);
}

/* The name from one or two parts, and the tag behind it. */
static int read_repo(struct paste *p, const struct str *parts, size_t n, struct error *err)
{
	AUTO(buf) name = buf_new(2 * (size_t)PASTE_MAX);
	struct str last = parts[n - 1];
	size_t colon = str_rfind_char(last, ':');

	if (n > 1) {
		buf_add(name, parts[0]);
		buf_add_char(name, '/');
	}
	buf_add(name, str_sub(last, 0, colon));
	if (paste_draft_set_repo(p, buf_str(name), err) != 0)
		return -1;
	if (colon == last.n)
		return 0;
	return paste_draft_add_tag(p, str_sub(last, colon + 1, last.n), err);
}

/* --- what follows the repository --- */

static struct str join_parts(const struct str *parts, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(out, '/');
		buf_add(out, parts[i]);
	}
	return buf_str(out);
}

static int add_file(struct paste *p, const struct str *parts, size_t n, struct error *err)
{
	AUTO(buf) text = buf_new(PASTE_MAX);
	struct str path = join_parts(parts, n, text);

	if (relpath_check(path, err) != 0)
		return -1;
	return paste_draft_add_select(p, path, err);
}

/* A folder is the pattern "folder/"; what is special in its name is put into a set of its own.
 */
static int add_folder(struct paste *p, const struct str *parts, size_t n, struct error *err)
{
	AUTO(buf) text = buf_new(PASTE_MAX);
	AUTO(buf) term = buf_new(4 * (size_t)PASTE_MAX);
	struct str path = join_parts(parts, n, text);

	if (relpath_check(path, err) != 0)
		return -1;
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] == '*' || path.p[i] == '?' || path.p[i] == '[')
			buf_addf(term, "[%c]", path.p[i]);
		else
			buf_add_char(term, path.p[i]);
	}
	buf_add_char(term, '/');
	return paste_draft_add_select(p, buf_str(term), err);
}

enum view {
	VIEW_NONE,
	VIEW_REPO,     /* a page about the repository */
	VIEW_REVISION, /* .../{revision} */
	VIEW_FOLDER,   /* .../{revision}/{path} */
	VIEW_FILE,
	VIEW_COUNT,
};

static enum view view_of(struct str word)
{
	static const struct {
		const char *word;
		enum view view;
	} rows[] = {
		{ "blob", VIEW_FILE },         { "resolve", VIEW_FILE },
		{ "raw", VIEW_FILE },          { "blame", VIEW_FILE },
		{ "edit", VIEW_FILE },         { "tree", VIEW_FOLDER },
		{ "commit", VIEW_REVISION },   { "commits", VIEW_REVISION },
		{ "revision", VIEW_REVISION }, { "discussions", VIEW_REPO },
		{ "settings", VIEW_REPO },     { "viewer", VIEW_REPO },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (str_is_equal(word, str_from(rows[i].word)))
			return rows[i].view;
	}
	return VIEW_NONE;
}

/* A revision is one part, except that "refs/pr/1" is often left unencoded. */
static int read_revision(struct paste *p, const struct parts *parts, size_t *at,
			 struct error *err)
{
	AUTO(buf) text = buf_new(PASTE_MAX);
	size_t n = str_is_equal(parts->all[*at], S("refs")) && *at + 3 <= parts->n ? 3 : 1;
	struct str revision = join_parts(parts->all + *at, n, text);

	*at += n;
	return paste_draft_set_revision(p, revision, err);
}

static int read_view(struct paste *p, const struct parts *parts, size_t at, struct error *err)
{
	enum view view = view_of(parts->all[at]);

	if (view == VIEW_NONE)
		return error_set_field(
			err, "repo",
			"the address goes on behind the repository with %s, which "
			"is not known",
			quote_text(parts->all[at]).text);
	if (view == VIEW_REPO || ++at == parts->n)
		return 0;
	if (read_revision(p, parts, &at, err) != 0)
		return -1;
	if (view == VIEW_REVISION || at == parts->n)
		return 0;
	if (view == VIEW_FOLDER)
		return add_folder(p, parts->all + at, parts->n - at, err);
	return add_file(p, parts->all + at, parts->n - at, err);
}

/* "?show_file_info=m.gguf": the page of a repository with one of its files unfolded. */
static int read_query(struct paste *p, struct str query, struct error *err)
{
	struct str param;

	query = str_sub(query, 1, str_find_char(query, '#'));
	while (str_next(&query, '&', &param)) {
		struct str name = S("show_file_info=");
		AUTO_CSTR room = mem_alloc(param.n + 1);
		struct str value;

		if (!str_has_prefix(param, name))
			continue;
		value = decode(str_sub(param, name.n, param.n), room);
		return add_file(p, &value, 1, err);
	}
	return 0;
}

static bool is_hub_page(const struct parts *parts)
{
	static const char *const pages[] = { "docs",   "blog",         "papers",  "collections",
					     "models", "datasets",     "spaces",  "settings",
					     "join",   "login",        "pricing", "tasks",
					     "chat",   "posts",        "learn",   "search",
					     "new",    "organizations" };

	return is_one_of(parts->all[0], pages, ARRAY_LEN(pages));
}

static int read_parts(struct paste *p, struct parts *parts, struct str query, struct error *err)
{
	size_t n;

	if (parts->n > 0 && str_is_equal(parts->all[0], S("api")))
		drop_parts(parts, 1);
	if (read_type(p, parts, err) != 0)
		return -1;
	if (parts->n == 0)
		return error_set_field(err, "repo", "the address names no repository");
	if (is_hub_page(parts))
		return error_set_field(err, "repo",
				       "the address is a page of the Hub, not of a "
				       "repository");
	/* A name without an owner is told from "owner/tree" by what follows. */
	n = parts->n > 1 && (parts->n == 2 || view_of(parts->all[1]) == VIEW_NONE) ? 2 : 1;
	/* git's own addresses end so; no repository's name does. */
	if (str_has_suffix(parts->all[n - 1], S(".git")))
		parts->all[n - 1].n -= S(".git").n;
	if (read_repo(p, parts->all, n, err) != 0)
		return -1;
	return parts->n > n ? read_view(p, parts, n, err) : read_query(p, query, err);
}

/* --- the forms --- */

static int read_path(struct paste *p, struct str path, struct error *err)
{
	size_t end = authority_len(path);
	struct str query;
	struct parts parts;
	int result;

	while (end < path.n && path.p[end] == '/')
		end += 1 + authority_len(str_sub(path, end + 1, path.n));
	query = str_sub(path, end, path.n);
	if (query.n > 0 && query.p[0] != '?')
		query = S("");
	result = split_parts(str_sub(path, 0, end), &parts, err);
	if (result == 0)
		result = read_parts(p, &parts, query, err);
	free(parts.text);
	return result;
}

/* "hf://datasets/acme/words@v1/a/b.txt": the revision stands behind the name, then the path. */
static int read_hf_uri(struct paste *p, struct str text, struct error *err)
{
	struct parts parts;
	int result = split_parts(text, &parts, err);

	if (result == 0)
		result = read_type(p, &parts, err);
	if (result == 0 && parts.n < 2)
		result = error_set_field(err, "repo", "the address names no repository");
	if (result == 0) {
		struct str name = parts.all[1];
		size_t at = str_find_char(name, '@');

		parts.all[1] = str_sub(name, 0, at);
		result = read_repo(p, parts.all, 2, err);
		if (result == 0 && at < name.n)
			result =
				paste_draft_set_revision(p, str_sub(name, at + 1, name.n), err);
	}
	if (result == 0 && parts.n > 2)
		result = add_file(p, parts.all + 2, parts.n - 2, err);
	free(parts.text);
	return result;
}

static int refuse_host(struct str host, struct str endpoint, struct error *err)
{
	struct str own = after_scheme(endpoint);
	size_t at = str_rfind_char(host, '@');

	own = str_sub(own, 0, authority_len(own));
	if (at < host.n)
		host = str_sub(host, at + 1, host.n);
	if (own.n == 0 || is_public_hub(own))
		return error_set_field(err, "repo",
				       "the host %s is not the Hub, which is huggingface.co or "
				       "hf.co",
				       quote_text(host).text);
	return error_set_field(
		err, "repo", "the host %s is not the Hub, which is huggingface.co, hf.co or %s",
		quote_text(host).text, quote_plain(own).text);
}

static int read_address(struct paste *p, struct str word, struct str endpoint,
			struct error *err)
{
	size_t scheme = str_find(word, S("://"));
	struct str rest = after_scheme(word);
	struct str path = S("");
	size_t len = authority_len(rest);
	size_t at = str_rfind_char(str_sub(rest, 0, len), '@');

	if (scheme < word.n && !str_is_equal_nocase(str_sub(word, 0, scheme), S("https")) &&
	    !str_is_equal_nocase(str_sub(word, 0, scheme), S("http")) &&
	    !str_is_equal_nocase(str_sub(word, 0, scheme), S("ssh")))
		return error_set_field(err, "repo", "addresses with %s are not supported",
				       quote_text(str_sub(word, 0, scheme + 3)).text);
	/* git addresses carry a name, and sometimes a token, before the host. */
	if (at < len)
		rest = str_sub(rest, at + 1, rest.n);
	len = authority_len(rest);
	if (is_beneath_endpoint(rest, endpoint, &path))
		return read_path(p, path, err);
	if (!is_public_hub(str_sub(rest, 0, len)))
		return refuse_host(str_sub(rest, 0, len), endpoint, err);
	return read_path(p, str_sub(rest, len, rest.n), err);
}

/* "git@hf.co:acme/x" is "hf.co/acme/x". */
static int read_scp(struct paste *p, struct str word, struct str endpoint, struct error *err)
{
	struct str rest = str_sub(word, S("git@").n, word.n);
	size_t colon = str_find_char(rest, ':');
	AUTO_CSTR address = mem_printf("%.*s/%.*s", (int)colon, rest.p,
				       (int)(rest.n - colon - 1), rest.p + colon + 1);

	return read_address(p, str_from(address), endpoint, err);
}

/* "models--owner--name": how the official cache calls a repository's folder. */
static const struct str *find_cached(const struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++) {
		if (str_has_prefix(parts->all[i], S("models--")) ||
		    str_has_prefix(parts->all[i], S("datasets--")))
			return &parts->all[i];
	}
	return NULL;
}

static int read_cached(struct paste *p, struct str folder, struct error *err)
{
	size_t type = str_find(folder, S("--"));
	struct str name = str_sub(folder, type + 2, folder.n);
	size_t owner = str_find(name, S("--"));
	struct str parts[] = { str_sub(name, 0, owner), str_sub(name, owner + 2, name.n) };

	if (paste_draft_set_type(p, folder.p[0] == 'd' ? REPO_DATASET : REPO_MODEL, err) != 0)
		return -1;
	return read_repo(p, parts, owner < name.n ? 2 : 1, err);
}

/* "owner/name@revision". */
static int read_bare_repo(struct paste *p, struct parts *parts, size_t n, struct error *err)
{
	struct str *last = &parts->all[n - 1];
	size_t at = str_find_char(*last, '@');
	struct str revision = str_sub(*last, at + 1, last->n);
	bool has_revision = at < last->n;

	*last = str_sub(*last, 0, at);
	if (read_repo(p, parts->all, n, err) != 0)
		return -1;
	return has_revision ? paste_draft_set_revision(p, revision, err) : 0;
}

/* Three parts or more are a repository and a file of it, if the last one looks like one. */
static bool is_with_file(const struct parts *parts)
{
	return parts->n > 2 && char_is_alnum(parts->all[0].p[0]) &&
	       variant_is_weights(variant_kind_of(parts->all[parts->n - 1]));
}

/* "owner/name", "name", "datasets/owner/name", each with ":tag" or "@revision", and the first
 * with "/a/file.gguf". */
static int read_bare(struct paste *p, struct str word, struct str endpoint, struct error *err)
{
	struct parts parts;
	struct str first = str_sub(word, 0, str_find_char(word, '/'));
	struct str name = word;
	int result = split_parts(str_find_char(word, '%') < word.n ? S("") : word, &parts, err);
	bool is_plain = true;

	/* Written with empty parts it is no name, whatever is left without them. */
	while (result == 0 && str_next(&name, '/', &first))
		is_plain = is_plain && first.n > 0;
	if (result == 0 && is_plain && parts.n > 1)
		result = read_type(p, &parts, err);
	if (result == 0 && parts.n > 2 && char_is_alnum(parts.all[0].p[0]) &&
	    str_find_char(parts.all[0], '.') < parts.all[0].n)
		result = refuse_host(parts.all[0], endpoint, err);
	if (result == 0 && find_cached(&parts) != NULL)
		result = read_cached(p, *find_cached(&parts), err);
	else if (result == 0 && is_plain && is_with_file(&parts)) {
		result = read_bare_repo(p, &parts, 2, err);
		if (result == 0)
			result = add_file(p, parts.all + 2, parts.n - 2, err);
	} else if (result == 0)
		result = is_plain && (parts.n == 1 || parts.n == 2)
				 ? read_bare_repo(p, &parts, parts.n, err)
				 : repo_id_check(word, err);
	free(parts.text);
	return result;
}

int paste_link_read(struct paste *p, struct str word, struct str endpoint, struct error *err)
{
	if (str_has_prefix(word, S("hf://")) || str_has_prefix(word, S("huggingface://")))
		return read_hf_uri(p, after_scheme(word), err);
	if (is_scp(word))
		return read_scp(p, word, endpoint, err);
	if (paste_link_is_address(word, endpoint))
		return read_address(p, word, endpoint, err);
	return read_bare(p, word, endpoint, err);
}
