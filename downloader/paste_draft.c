#include "downloader/paste_draft.h"

#include <stdlib.h>

#include "common/error.h"
#include "common/quote.h"
#include "downloader/selection.h"

struct paste *paste_draft_new(void)
{
	struct paste *p = mem_alloc(sizeof(*p));

	p->select = mem_array(PASTE_TERMS_MAX, sizeof(*p->select));
	p->exclude = mem_array(PASTE_TERMS_MAX, sizeof(*p->exclude));
	return p;
}

static void clear_terms(char **terms, size_t *n)
{
	while (*n > 0)
		free(terms[--*n]);
}

void paste_free(struct paste **p)
{
	if (*p == NULL)
		return;
	clear_terms((*p)->select, &(*p)->n_select);
	clear_terms((*p)->exclude, &(*p)->n_exclude);
	free((*p)->select);
	free((*p)->exclude);
	free((*p)->repo);
	free((*p)->revision);
	free((*p)->form);
	free(*p);
	*p = NULL;
}

void paste_draft_clear_select(struct paste *p)
{
	clear_terms(p->select, &p->n_select);
}

void paste_draft_set_form(struct paste *p, const char *form)
{
	if (p->form == NULL)
		p->form = mem_strdup(form);
}

int paste_draft_set_repo(struct paste *p, struct str repo, struct error *err)
{
	if (repo_id_check(repo, err) != 0)
		return -1;
	if (p->repo != NULL && !str_is_equal(str_from(p->repo), repo))
		return error_set_field(
			err, "repo",
			"the text names two repositories, %s and %s: one at a time",
			quote_text(str_from(p->repo)).text, quote_text(repo).text);
	if (p->repo == NULL)
		p->repo = str_dup(repo);
	return 0;
}

int paste_draft_set_revision(struct paste *p, struct str revision, struct error *err)
{
	if (revision_check(revision, err) != 0)
		return -1;
	if (p->revision != NULL && !str_is_equal(str_from(p->revision), revision))
		return error_set_field(err, "repo", "the text names two revisions, %s and %s",
				       quote_text(str_from(p->revision)).text,
				       quote_text(revision).text);
	if (p->revision == NULL)
		p->revision = str_dup(revision);
	return 0;
}

int paste_draft_set_type(struct paste *p, enum repo_type type, struct error *err)
{
	if (p->type_is_given && p->type != type)
		return error_set_field(err, "repo",
				       "the text says both that it is a model and a dataset");
	p->type = type;
	p->type_is_given = true;
	return 0;
}

int paste_draft_set_type_name(struct paste *p, struct str name, struct error *err)
{
	enum repo_type type;

	if (repo_type_from_name(name, &type, err) != 0)
		return error_set_field(err, "repo",
				       "repositories of type %s are not supported, only models "
				       "and datasets are",
				       quote_text(name).text);
	return paste_draft_set_type(p, type, err);
}

static int check_term(struct str term, struct error *err)
{
	if (term.n == 0)
		return error_set_field(err, "repo",
				       "a pattern or file name in the text is empty");
	if (term.n > SELECTION_TERM_MAX)
		return error_set_field(err, "repo", "%s is too long for a pattern or file name",
				       quote_text(term).text);
	/* Such a pattern matches nothing in the official client and would be a regular
	 * expression here. */
	if (term.p[0] == '/')
		return error_set_field(err, "repo", "%s begins with \"/\", which no file does",
				       quote_text(term).text);
	for (size_t i = 0; i < term.n; i++) {
		if ((unsigned char)term.p[i] < 0x20 || term.p[i] == 0x7f)
			return error_set_field(err, "repo", "%s holds a control character",
					       quote_text(term).text);
	}
	if (!str_is_utf8(term))
		return error_set_field(err, "repo", "%s is not UTF-8", quote_text(term).text);
	return 0;
}

static int add_term(char **terms, size_t *n, struct str term, struct error *err)
{
	if (check_term(term, err) != 0)
		return -1;
	for (size_t i = 0; i < *n; i++) {
		if (str_is_equal(str_from(terms[i]), term))
			return 0;
	}
	if (*n == PASTE_TERMS_MAX)
		return error_set_field(err, "repo",
				       "the text has more than %d patterns or file names",
				       PASTE_TERMS_MAX);
	terms[(*n)++] = str_dup(term);
	return 0;
}

int paste_draft_add_select(struct paste *p, struct str term, struct error *err)
{
	return add_term(p->select, &p->n_select, term, err);
}

int paste_draft_add_exclude(struct paste *p, struct str term, struct error *err)
{
	return add_term(p->exclude, &p->n_exclude, term, err);
}

int paste_draft_add_tag(struct paste *p, struct str tag, struct error *err)
{
	if (tag.n == 0)
		return error_set_field(err, "repo", "nothing follows the \":\"");
	for (size_t i = 0; i < tag.n; i++) {
		if (!char_is_alnum(tag.p[i]) && str_find_char(S("._-"), tag.p[i]) == S("._-").n)
			return error_set_field(err, "repo",
					       "what follows the \":\", %s, may hold letters, "
					       "digits, \".\", \"_\" and \"-\"",
					       quote_text(tag).text);
	}
	if (str_is_equal_nocase(tag, S("latest")))
		return 0;
	return paste_draft_add_select(p, tag, err);
}
