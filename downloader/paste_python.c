/*
 * Calls are found by name. Their arguments are cut at the commas that stand in no bracket and
 * no quotes; an argument is `name=` or nothing, and then the quoted strings in it, whatever
 * stands around them. That is enough for what model pages show.
 */
#include "downloader/paste_python.h"

#include <string.h>

#include "common/error.h"
#include "downloader/paste_draft.h"
#include "downloader/paste_link.h"

enum meaning {
	ARGUMENT_OTHER,
	ARGUMENT_REPO,
	ARGUMENT_REVISION,
	ARGUMENT_TYPE,
	ARGUMENT_SELECT,
	ARGUMENT_EXCLUDE,
	ARGUMENT_MEANING_COUNT,
};

struct call {
	const char *name;
	enum meaning first; /* what the first two arguments without a name mean */
	enum meaning second;
	bool is_dataset;
};

static const struct call calls[] = {
	{ "from_pretrained", ARGUMENT_REPO, ARGUMENT_OTHER, false },
	{ "snapshot_download", ARGUMENT_REPO, ARGUMENT_OTHER, false },
	{ "hf_hub_download", ARGUMENT_REPO, ARGUMENT_SELECT, false },
	{ "load_dataset", ARGUMENT_REPO, ARGUMENT_OTHER, true },
	{ "SentenceTransformer", ARGUMENT_REPO, ARGUMENT_OTHER, false },
	{ "LLM", ARGUMENT_REPO, ARGUMENT_OTHER, false },
	{ "CrossEncoder", ARGUMENT_REPO, ARGUMENT_OTHER, false },
	{ "WhisperModel", ARGUMENT_REPO, ARGUMENT_OTHER, false },
	{ "pipeline", ARGUMENT_OTHER, ARGUMENT_REPO, false },
};

static enum meaning meaning_of(struct str name)
{
	static const struct {
		const char *name;
		enum meaning meaning;
	} rows[] = {
		{ "repo_id", ARGUMENT_REPO },
		{ "model", ARGUMENT_REPO },
		{ "model_id", ARGUMENT_REPO },
		{ "model_name", ARGUMENT_REPO },
		{ "path", ARGUMENT_REPO },
		{ "pretrained_model_name_or_path", ARGUMENT_REPO },
		{ "model_name_or_path", ARGUMENT_REPO },
		{ "revision", ARGUMENT_REVISION },
		{ "repo_type", ARGUMENT_TYPE },
		{ "filename", ARGUMENT_SELECT },
		{ "gguf_file", ARGUMENT_SELECT },
		{ "allow_patterns", ARGUMENT_SELECT },
		{ "ignore_patterns", ARGUMENT_EXCLUDE },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (str_is_equal(name, str_from(rows[i].name)))
			return rows[i].meaning;
	}
	return ARGUMENT_OTHER;
}

static bool is_name_char(char c)
{
	return char_is_alnum(c) || c == '_';
}

/* Where the quoted string at `at` ends: behind its closing quote, or s.n. */
static size_t quoted_end(struct str s, size_t at)
{
	char quote = s.p[at++];

	while (at < s.n && s.p[at] != quote)
		at += s.p[at] == '\\' ? 2 : 1;
	return at < s.n ? at + 1 : s.n;
}

/* The length of the argument at the start of `s`: up to a "," or the bracket that closes the
 * call. */
static size_t argument_len(struct str s)
{
	size_t depth = 0;
	size_t at = 0;

	while (at < s.n) {
		char c = s.p[at];

		if (c == '"' || c == '\'') {
			at = quoted_end(s, at);
			continue;
		}
		if (depth == 0 && (c == ',' || c == ')'))
			break;
		if (c == '(' || c == '[' || c == '{')
			depth++;
		else if (depth > 0 && (c == ')' || c == ']' || c == '}'))
			depth--;
		at++;
	}
	return at;
}

/* Takes the next quoted string off `*rest`. Escapes are left as they are: no name has one. */
static bool next_string(struct str *rest, struct str *ret)
{
	size_t at = 0;
	size_t end;

	while (at < rest->n && rest->p[at] != '"' && rest->p[at] != '\'')
		at++;
	if (at == rest->n)
		return false;
	end = quoted_end(*rest, at);
	*ret = str_sub(*rest, at + 1, end > at + 1 ? end - 1 : end);
	*rest = str_sub(*rest, end, rest->n);
	return true;
}

static int use_string(struct paste *p, enum meaning meaning, struct str value,
		      struct str endpoint, struct error *err)
{
	switch (meaning) {
	case ARGUMENT_REPO:
		return paste_link_read(p, value, endpoint, err);
	case ARGUMENT_REVISION:
		return paste_draft_set_revision(p, value, err);
	case ARGUMENT_TYPE:
		return paste_draft_set_type_name(p, value, err);
	case ARGUMENT_SELECT:
		return paste_draft_add_select(p, value, err);
	case ARGUMENT_EXCLUDE:
		return paste_draft_add_exclude(p, value, err);
	case ARGUMENT_OTHER:
	case ARGUMENT_MEANING_COUNT:
		break;
	}
	return 0;
}

/* The name before "=", which goes off `*argument`; empty when there is none. */
static struct str take_name(struct str *argument)
{
	struct str text = str_trim(*argument);
	size_t len = 0;
	struct str name;
	struct str rest;

	while (len < text.n && is_name_char(text.p[len]))
		len++;
	name = str_sub(text, 0, len);
	rest = str_trim(str_sub(text, len, text.n));
	if (len == 0 || rest.n == 0 || rest.p[0] != '=')
		return S("");
	*argument = str_sub(rest, 1, rest.n);
	return name;
}

static enum meaning meaning_at(const struct call *call, struct str name, size_t position)
{
	if (name.n > 0)
		return meaning_of(name);
	if (position == 0)
		return call->first;
	return position == 1 ? call->second : ARGUMENT_OTHER;
}

/* The arguments behind the "(" of a call. */
static int read_arguments(struct paste *p, const struct call *call, struct str text,
			  struct str endpoint, struct error *err)
{
	for (size_t position = 0; text.n > 0; position++) {
		size_t len = argument_len(text);
		struct str argument = str_sub(text, 0, len);
		struct str name = take_name(&argument);
		enum meaning meaning = meaning_at(call, name, position);
		struct str value;

		while (next_string(&argument, &value)) {
			if (use_string(p, meaning, value, endpoint, err) != 0)
				return -1;
		}
		if (len == text.n || text.p[len] == ')')
			break;
		text = str_sub(text, len + 1, text.n);
	}
	return 0;
}

/* The first call in `*rest`, which then begins behind its "("; NULL when there is none. */
static const struct call *next_call(struct str *rest)
{
	for (size_t at = str_find_char(*rest, '('); at < rest->n;
	     at += 1 + str_find_char(str_sub(*rest, at + 1, rest->n), '(')) {
		size_t start = at;
		struct str name;

		while (start > 0 && is_name_char(rest->p[start - 1]))
			start--;
		name = str_sub(*rest, start, at);
		for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
			if (!str_is_equal(name, str_from(calls[i].name)))
				continue;
			*rest = str_sub(*rest, at + 1, rest->n);
			return &calls[i];
		}
	}
	return NULL;
}

int paste_python_read(struct paste *p, struct str text, struct str endpoint, struct error *err)
{
	const struct call *call;
	bool is_whole = false;
	bool has_any = false;

	while ((call = next_call(&text)) != NULL) {
		size_t n_before = p->n_select;

		has_any = true;
		if (call->is_dataset && paste_draft_set_type(p, REPO_DATASET, err) != 0)
			return -1;
		if (read_arguments(p, call, text, endpoint, err) != 0)
			return -1;
		is_whole = is_whole || p->n_select == n_before;
	}
	if (!has_any)
		return 0;
	if (p->repo == NULL)
		return error_set_field(err, "repo",
				       "the Python line names no repository in quotes");
	if (is_whole)
		paste_draft_clear_select(p);
	paste_draft_set_form(p, "a Python line");
	return 1;
}
