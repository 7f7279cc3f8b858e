/*
 * Terms are compiled once, each into the one thing it needs; whether a term is simply the path
 * of a file is only known when the files are. All terms of one selection_apply() share an
 * allowance of work, counted in looks at a character (patterns) or an item (regular
 * expressions): many hostile terms together take no longer than one.
 */
#include "downloader/selection.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/quote.h"
#include "common/relpath.h"
#include "downloader/glob.h"
#include "downloader/shard.h"
#include "downloader/variant.h"

enum {
	WORK_MAX = 1000 * 1000 * 1000, /* two or three seconds */
	REGEX_ITEM_WORK = 8,           /* an item costs this many looks */
	REGEX_MATCH_MAX = 1000 * 1000, /* steps for one path */
	REGEX_DEPTH_MAX = 10 * 1000,
	REGEX_HEAP_MAX_KIB = 8 * 1024,
	REGEX_NESTING_MAX = 50,
	LABELS_SHOWN_MAX = 100, /* bytes of a hint */
};

enum term_kind {
	TERM_LABEL,
	TERM_GLOB, /* and substrings */
	TERM_REGEX,
	TERM_KIND_COUNT,
};

struct term {
	enum term_kind kind;
	char *text;
	struct quant quant;
	struct glob *glob;
	pcre2_code *regex;
};

struct terms {
	const char *field; /* "select" or "exclude" */
	struct term *all;
	size_t n;
};

struct selection {
	struct terms select;
	struct terms exclude;
	pcre2_match_data *match;
	pcre2_match_context *limits;
};

/* What one call of selection_apply() works on. */
struct work {
	const struct selection *selection;
	const struct str *paths;
	size_t n;
	struct variant *variants; /* that they belong to */
	uint64_t left;
};

/* --- terms --- */

static int refuse_term(const struct terms *terms, size_t i, struct str text, const char *why,
		       struct error *err)
{
	char field[ERROR_FIELD_MAX];

	(void)snprintf(field, sizeof(field), "%s[%zu]", terms->field, i);
	return error_set_field(err, field, "term %s %s", quote_text(text).text, why);
}

/* The place of the first byte of `s` that no term may hold, or s.n. */
static size_t find_control(struct str s)
{
	size_t at = 0;

	while (at < s.n && (unsigned char)s.p[at] >= 0x20 && s.p[at] != 0x7f)
		at++;
	return at;
}

static int compile_regex(const struct terms *terms, size_t i, struct str text, pcre2_code **ret,
			 struct error *err)
{
	struct str pattern = str_sub(text, 1, text.n - 1);
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	unsigned char reason[120] = "";
	char why[180];
	int code = 0;
	size_t at = 0;

	assert(context != NULL);
	(void)pcre2_set_parens_nest_limit(context, REGEX_NESTING_MAX);
	*ret = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
			     PCRE2_UTF | PCRE2_CASELESS | PCRE2_NEVER_BACKSLASH_C |
				     PCRE2_AUTO_CALLOUT,
			     &code, &at, context);
	pcre2_compile_context_free(context);
	if (*ret != NULL)
		return 0;
	(void)pcre2_get_error_message(code, reason, sizeof(reason));
	(void)snprintf(why, sizeof(why), "is not a regular expression: %s, at character %zu",
		       (const char *)reason, at + 1);
	return refuse_term(terms, i, text, why, err);
}

static bool is_regex(struct str text)
{
	return text.n > 1 && text.p[0] == '/' && text.p[text.n - 1] == '/';
}

/* "/Q4" may stand for a part of a path; "/Q4(" is a regular expression that was not finished.
 */
static bool is_unclosed_regex(struct str text)
{
	if (text.p[0] != '/' || is_regex(text))
		return false;
	for (size_t i = 1; i < text.n; i++) {
		if (strchr("(){}|^$\\+", text.p[i]) != NULL)
			return true;
	}
	return false;
}

static bool is_glob(struct str text)
{
	return str_find_char(text, '*') < text.n || str_find_char(text, '?') < text.n ||
	       str_find_char(text, '[') < text.n || str_has_suffix(text, S("/"));
}

static struct glob *compile_glob(struct str text)
{
	AUTO_CSTR pattern = str_has_suffix(text, S("/"))
				    ? mem_printf("%.*s*", (int)text.n, text.p)
				    : str_dup(text);

	return glob_new(str_from(pattern));
}

static int check_term(const struct terms *terms, size_t i, struct str text, struct error *err)
{
	char why[64];

	if (text.n == 0)
		return refuse_term(terms, i, text, "is empty", err);
	if (text.n > SELECTION_TERM_MAX)
		return refuse_term(terms, i, text, "is too long", err);
	if (find_control(text) < text.n) {
		(void)snprintf(why, sizeof(why), "holds a control character, at character %zu",
			       find_control(text) + 1);
		return refuse_term(terms, i, text, why, err);
	}
	if (!str_is_utf8(text))
		return refuse_term(terms, i, text, "is not UTF-8", err);
	if (str_is_equal(text, S("//")))
		return refuse_term(terms, i, text, "is an empty regular expression", err);
	if (is_unclosed_regex(text))
		return refuse_term(terms, i, text,
				   "is a regular expression without its closing /", err);
	return 0;
}

static int compile_term(const struct terms *terms, size_t i, struct str text, struct term *ret,
			struct error *err)
{
	if (check_term(terms, i, text, err) != 0)
		return -1;
	if (is_regex(text)) {
		ret->kind = TERM_REGEX;
		if (compile_regex(terms, i, text, &ret->regex, err) != 0)
			return -1;
	} else if (quant_is_label(text, &ret->quant)) {
		ret->kind = TERM_LABEL;
	} else {
		ret->kind = TERM_GLOB;
		ret->glob = is_glob(text) ? compile_glob(text) : glob_new_substring(text);
	}
	ret->text = str_dup(text);
	return 0;
}

static int compile_terms(struct terms *terms, const struct str *texts, size_t n,
			 struct error *err)
{
	terms->all = mem_array(n, sizeof(*terms->all));
	terms->n = n;
	for (size_t i = 0; i < n; i++) {
		if (compile_term(terms, i, texts[i], &terms->all[i], err) != 0)
			return -1;
	}
	return 0;
}

static void clear_terms(struct terms *terms)
{
	for (size_t i = 0; i < terms->n; i++) {
		free(terms->all[i].text);
		glob_free(&terms->all[i].glob);
		pcre2_code_free(terms->all[i].regex);
	}
	free(terms->all);
}

/* One item of a regular expression was looked at. */
static int count_work(pcre2_callout_block *block, void *data)
{
	uint64_t *left = data;

	(void)block;
	if (*left < REGEX_ITEM_WORK)
		return PCRE2_ERROR_CALLOUT;
	*left -= REGEX_ITEM_WORK;
	return 0;
}

static size_t count_bytes(const struct str *terms, size_t n)
{
	size_t bytes = 0;

	for (size_t i = 0; i < n; i++)
		bytes += terms[i].n;
	return bytes;
}

static int check_size(const struct str *select, size_t n_select, const struct str *exclude,
		      size_t n_exclude, struct error *err)
{
	if (n_select > SELECTION_TERMS_MAX || n_exclude > SELECTION_TERMS_MAX - n_select)
		return error_set_field(err, "select",
				       "select and exclude have more than %d terms",
				       SELECTION_TERMS_MAX);
	if (count_bytes(select, n_select) + count_bytes(exclude, n_exclude) >
	    SELECTION_BYTES_MAX)
		return error_set_field(err, "select",
				       "the terms of select and exclude have more than %d"
				       " bytes together",
				       SELECTION_BYTES_MAX);
	return 0;
}

struct selection *selection_new(const struct str *select, size_t n_select,
				const struct str *exclude, size_t n_exclude, struct error *err)
{
	AUTO(selection) s = mem_alloc(sizeof(*s));

	s->select.field = "select";
	s->exclude.field = "exclude";
	if (check_size(select, n_select, exclude, n_exclude, err) < 0)
		return NULL;
	if (compile_terms(&s->select, select, n_select, err) != 0 ||
	    compile_terms(&s->exclude, exclude, n_exclude, err) != 0)
		return NULL;
	s->match = pcre2_match_data_create(1, NULL);
	s->limits = pcre2_match_context_create(NULL);
	assert(s->match != NULL && s->limits != NULL);
	(void)pcre2_set_match_limit(s->limits, REGEX_MATCH_MAX);
	(void)pcre2_set_depth_limit(s->limits, REGEX_DEPTH_MAX);
	(void)pcre2_set_heap_limit(s->limits, REGEX_HEAP_MAX_KIB);
	return MOVE(s);
}

void selection_free(struct selection **s)
{
	if (*s == NULL)
		return;
	clear_terms(&(*s)->select);
	clear_terms(&(*s)->exclude);
	pcre2_match_data_free((*s)->match);
	pcre2_match_context_free((*s)->limits);
	free(*s);
	*s = NULL;
}

/* --- matching --- */

/* Companions have labels too, which no term means. */
static bool is_labelled(const struct work *work, size_t i)
{
	return variant_is_weights(work->variants[i].kind) &&
	       work->variants[i].quant.label[0] != '\0';
}

/* The labels of the weights, biggest first, for a person who asked for one that is not there.
 */
static void list_labels(const struct work *work, char *out)
{
	unsigned rank = 0;
	size_t used = 0;

	out[0] = '\0';
	for (;;) {
		const struct quant *next = NULL;
		int len;

		for (size_t i = 0; i < work->n; i++) {
			const struct quant *quant = &work->variants[i].quant;

			if (is_labelled(work, i) && quant->rank >= rank &&
			    (next == NULL || quant->rank < next->rank))
				next = quant;
		}
		if (next == NULL || used + sizeof(next->label) + 3 > LABELS_SHOWN_MAX)
			return;
		len = snprintf(out + used, LABELS_SHOWN_MAX - used, "%s%s",
			       used > 0 ? ", " : "; there are ", next->label);
		used += (size_t)len;
		rank = next->rank + 1;
	}
}

static int refuse_unmatched(const struct work *work, size_t i, struct error *err)
{
	const struct terms *terms = &work->selection->select;
	char why[LABELS_SHOWN_MAX + 32];
	char labels[LABELS_SHOWN_MAX] = "";

	/* A word is most likely a label, or was meant to be one. */
	if (strpbrk(terms->all[i].text, "*?[/.") == NULL)
		list_labels(work, labels);
	(void)snprintf(why, sizeof(why), "matches no file%s", labels);
	return refuse_term(terms, i, str_from(terms->all[i].text), why, err);
}

static int match_regex(struct work *work, const struct term *term, struct str path)
{
	const struct selection *s = work->selection;
	int result;

	(void)pcre2_set_callout(s->limits, count_work, &work->left);
	result =
		pcre2_match(term->regex, (PCRE2_SPTR)path.p, path.n, 0, 0, s->match, s->limits);
	if (result >= 0)
		return 1;
	return result == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

/* 1, 0, or -1 when it took too much work. */
static int match_term(struct work *work, const struct term *term, size_t i)
{
	switch (term->kind) {
	case TERM_LABEL:
		return is_labelled(work, i) &&
		       strcmp(work->variants[i].quant.label, term->quant.label) == 0;
	case TERM_GLOB:
		return glob_match(term->glob, work->paths[i], &work->left);
	case TERM_REGEX:
		return match_regex(work, term, work->paths[i]);
	case TERM_KIND_COUNT:
		break;
	}
	return 0;
}

/* The file whose whole path the term is, or work->n. */
static size_t find_path(const struct work *work, const struct term *term)
{
	struct str text = str_from(term->text);
	size_t i = 0;

	while (i < work->n && !str_is_equal(work->paths[i], text))
		i++;
	return i;
}

/* Marks the files of the variant whose name the term is. */
static bool mark_variant(const struct work *work, const struct term *term, bool *marks)
{
	struct str text = str_from(term->text);
	bool is_found = false;

	for (size_t i = 0; i < work->n; i++) {
		if (work->variants[i].name[0] != '\0' &&
		    str_is_equal_nocase(str_from(work->variants[i].name), text))
			is_found = marks[i] = true;
	}
	return is_found;
}

/* Marks what a term matches: 1 when that is anything, 0, or -1. */
static int mark_term(struct work *work, const struct terms *terms, size_t t, bool *marks,
		     struct error *err)
{
	size_t exact = find_path(work, &terms->all[t]);
	int found = exact < work->n;

	if (found) {
		marks[exact] = true;
		return 1;
	}
	if (mark_variant(work, &terms->all[t], marks))
		return 1;
	for (size_t i = 0; i < work->n; i++) {
		int result = match_term(work, &terms->all[t], i);

		if (result < 0)
			return refuse_term(terms, t, str_from(terms->all[t].text),
					   "takes too much work to match", err);
		if (result > 0)
			found = marks[i] = true;
	}
	return found;
}

static int mark_terms(struct work *work, const struct terms *terms, bool *marks,
		      struct error *err)
{
	for (size_t t = 0; t < terms->n; t++) {
		int found = mark_term(work, terms, t, marks, err);

		if (found < 0)
			return -1;
		if (found == 0 && terms == &work->selection->select)
			return refuse_unmatched(work, t, err);
	}
	return 0;
}

/* --- sets --- */

struct part {
	struct shard shard;
	size_t i;
};

static int compare_views(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n > 0 ? memcmp(a.p, b.p, n) : 0;

	return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare_parts(const void *a, const void *b)
{
	const struct part *x = a;
	const struct part *y = b;
	int order = compare_views(x->shard.prefix, y->shard.prefix);

	if (order == 0)
		order = compare_views(x->shard.suffix, y->shard.suffix);
	if (order == 0)
		order = (x->shard.count > y->shard.count) - (x->shard.count < y->shard.count);
	return order;
}

/* One mark on a part is a mark on all parts from `first` to before `last`. */
static void spread_mark(const struct part *parts, size_t first, size_t last, bool *marks)
{
	bool is_marked = false;

	for (size_t i = first; i < last; i++)
		is_marked = is_marked || marks[parts[i].i];
	for (size_t i = first; i < last; i++)
		marks[parts[i].i] = is_marked;
}

static void spread_marks(const struct work *work, bool *selected, bool *excluded)
{
	struct part *parts = mem_array(work->n, sizeof(*parts));
	size_t n = 0;
	size_t last;

	for (size_t i = 0; i < work->n; i++) {
		if (shard_from_path(work->paths[i], &parts[n].shard))
			parts[n++].i = i;
	}
	qsort(parts, n, sizeof(*parts), compare_parts);
	for (size_t first = 0; first < n; first = last) {
		last = first + 1;
		while (last < n && shard_is_same_set(&parts[first].shard, &parts[last].shard))
			last++;
		spread_mark(parts, first, last, selected);
		spread_mark(parts, first, last, excluded);
	}
	free(parts);
}

/* --- the whole --- */

static int select_files(struct work *work, bool *selected, bool *excluded, struct error *err)
{
	const struct selection *s = work->selection;

	for (size_t i = 0; i < work->n; i++)
		selected[i] = s->select.n == 0;
	variant_name_all(work->paths, work->n, work->variants);
	if (mark_terms(work, &s->select, selected, err) != 0 ||
	    mark_terms(work, &s->exclude, excluded, err) != 0)
		return -1;
	spread_marks(work, selected, excluded);
	return 0;
}

int selection_apply(const struct selection *s, const struct str *paths, size_t n,
		    bool *ret_selected, struct error *err)
{
	struct work work = {
		.selection = s,
		.paths = paths,
		.n = n,
		.variants = mem_array(n, sizeof(struct variant)),
		.left = WORK_MAX,
	};
	bool *selected = mem_array(n, sizeof(*selected));
	bool *excluded = mem_array(n, sizeof(*excluded));
	int result = select_files(&work, selected, excluded, err);

	for (size_t i = 0; result == 0 && i < n; i++)
		ret_selected[i] = selected[i] && !excluded[i];
	free(work.variants);
	free(selected);
	free(excluded);
	return result;
}
