#include "downloader/paste_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/quote.h"
#include "common/relpath.h"
#include "downloader/paste_workflow.h"

const char *paste_list_kind_name(enum paste_list_kind kind)
{
	static const char *const names[] = {
		[PASTE_LIST_ONE] = "one",
		[PASTE_LIST_LINES] = "lines",
		[PASTE_LIST_WORKFLOW] = "workflow",
	};

	return names[kind];
}

static void entry_clear(struct paste_entry *entry)
{
	free(entry->text);
	free(entry->name);
	paste_free(&entry->paste);
}

void paste_list_free(struct paste_list **list)
{
	struct paste_list *l = *list;

	*list = NULL;
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->n; i++)
		entry_clear(&l->entries[i]);
	free(l->entries);
	free(l);
}

/* --- entries --- */

static bool is_same(const char *a, const char *b)
{
	return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

/* The same file in another folder is another entry. */
static bool has_entry(const struct paste_list *list, const struct paste_entry *entry)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct paste_entry *other = &list->entries[i];

		if (is_same(other->name, entry->name) &&
		    strcmp(other->folder, entry->folder) == 0 &&
		    (strcmp(other->text, entry->text) == 0 || entry->text[0] == '\0'))
			return true;
	}
	return false;
}

/* Takes the entry. */
static int add(struct paste_list *list, struct paste_entry *take_entry, struct error *err)
{
	if (has_entry(list, take_entry)) {
		entry_clear(take_entry);
		return 0;
	}
	if (list->n == PASTE_ENTRIES_MAX) {
		entry_clear(take_entry);
		return error_set_field(err, "text", "the text names more than %d things",
				       PASTE_ENTRIES_MAX);
	}
	list->entries = mem_grow(list->entries, list->n, &list->cap, sizeof(*list->entries));
	list->entries[list->n++] = *take_entry;
	return 0;
}

static size_t count_understood(const struct paste_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		n += list->entries[i].paste != NULL;
	return n;
}

/* --- a list --- */

/* "- ", "* ", "+ ", "1. ", "2) ": what stands before the things of a list. */
static struct str without_mark(struct str line)
{
	size_t n = 0;

	line = str_trim(line);
	if (line.n > 1 && str_find_char(S("-*+"), line.p[0]) < 3 && line.p[1] == ' ')
		return str_trim(str_sub(line, 2, line.n));
	while (n < line.n && char_is_digit(line.p[n]))
		n++;
	if (n > 0 && n + 1 < line.n && (line.p[n] == '.' || line.p[n] == ')') &&
	    line.p[n + 1] == ' ')
		return str_trim(str_sub(line, n + 2, line.n));
	return line;
}

static bool is_passed_over(struct str line)
{
	return line.n == 0 || line.p[0] == '#' || str_has_prefix(line, S("//")) ||
	       str_has_prefix(line, S("---"));
}

/* The next line, with those in which it goes on. */
static bool take_line(struct str *rest, struct str *ret)
{
	struct str line;

	if (!str_next(rest, '\n', &line))
		return false;
	*ret = line;
	while (str_has_suffix(str_trim(line), S("\\")) && str_next(rest, '\n', &line))
		ret->n = (size_t)(line.p + line.n - ret->p);
	return true;
}

static int read_thing(struct paste_list *list, struct str text, struct str endpoint,
		      struct error *err)
{
	struct paste_entry entry = { .text = str_dup(text) };

	entry.paste = paste_parse(text, endpoint, &entry.error);
	return add(list, &entry, err);
}

static bool is_name(const struct paste *paste)
{
	return strcmp(paste->form, "a repository") == 0;
}

/* "acme/a, acme/b:Q8_0": names of repositories, without a blank, and nothing else. */
static bool has_commas_between(struct str line, struct str endpoint)
{
	struct str part;
	size_t n = 0;

	for (; str_next(&line, ',', &part); n++) {
		struct error unused;
		AUTO(paste) paste = NULL;

		part = str_trim(part);
		if (str_find_char(part, ' ') < part.n || str_find_char(part, '/') == part.n)
			return false;
		paste = paste_parse(part, endpoint, &unused);
		if (paste == NULL || !is_name(paste))
			return false;
	}
	return n > 1;
}

static int read_lines(struct paste_list *list, struct str text, struct str endpoint,
		      struct error *err)
{
	struct str line;
	struct str part;

	while (take_line(&text, &line)) {
		line = without_mark(line);
		if (is_passed_over(line))
			continue;
		if (!has_commas_between(line, endpoint)) {
			if (read_thing(list, line, endpoint, err) < 0)
				return -1;
			continue;
		}
		while (str_next(&line, ',', &part)) {
			if (read_thing(list, str_trim(part), endpoint, err) < 0)
				return -1;
		}
	}
	return 0;
}

/* --- a workflow --- */

struct workflow {
	struct paste_list *list;
	struct str endpoint;
};

static void set_folder(struct paste_entry *entry, struct str folder)
{
	struct error unused;

	if (folder.n < sizeof(entry->folder) && relpath_check(folder, &unused) == 0)
		memcpy(entry->folder, folder.p, folder.n);
}

static int on_model(void *ctx, struct str name, struct str url, struct str folder,
		    struct error *err)
{
	struct workflow *workflow = ctx;
	struct paste_entry entry = { .text = str_dup(str_trim(url)),
				     .name = name.n > 0 ? str_dup(name) : NULL };

	set_folder(&entry, folder);
	if (url.n > 0)
		entry.paste = paste_parse(url, workflow->endpoint, &entry.error);
	else
		(void)error_set(&entry.error, ERR_INVALID,
				"the workflow does not say where %s is from",
				quote_text(name).text);
	return add(workflow->list, &entry, err);
}

/* --- all --- */

/* Do two of the lines mean different things to download? */
static bool is_many(const struct paste_list *list)
{
	const struct paste *first = NULL;

	for (size_t i = 0; i < list->n; i++) {
		const struct paste *paste = list->entries[i].paste;

		if (paste == NULL)
			continue;
		if (first == NULL)
			first = paste;
		else if (strcmp(first->repo, paste->repo) != 0 || first->type != paste->type ||
			 !is_same(first->revision, paste->revision))
			return true;
	}
	return false;
}

static void make_one(struct paste_list *list, struct paste *take_paste, struct str text)
{
	struct paste_entry entry = { .paste = take_paste, .text = str_dup(str_trim(text)) };
	struct error unused;

	while (list->n > 0)
		entry_clear(&list->entries[--list->n]);
	list->kind = PASTE_LIST_ONE;
	(void)!add(list, &entry, &unused);
}

static bool has_term(const struct paste *paste, const char *term)
{
	for (size_t i = 0; i < paste->n_select; i++) {
		if (strcmp(paste->select[i], term) == 0)
			return true;
	}
	return false;
}

/* Does the whole, read as one thing, bring what each of its lines names? */
static bool is_all_in(const struct paste_list *list, const struct paste *one)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct paste *paste = list->entries[i].paste;

		if (paste == NULL || list->n == 1)
			continue;
		if (paste->n_exclude > 0)
			return false;
		/* A name by itself means all of it; an address may only say where one is. */
		if (paste->n_select == 0 && one->n_select > 0 && is_name(paste))
			return false;
		for (size_t t = 0; one->n_select > 0 && t < paste->n_select; t++) {
			if (!has_term(one, paste->select[t]))
				return false;
		}
	}
	return true;
}

/* Lines that mean different things are a list. All else is rather one thing: a script, a text
 * around an address, files of one repository. */
static int read_text(struct paste_list *list, struct str text, struct str endpoint,
		     struct error *err)
{
	AUTO(paste) one = NULL;
	struct error why;

	list->kind = PASTE_LIST_LINES;
	if (read_lines(list, text, endpoint, err) < 0)
		return -1;
	if (is_many(list))
		return 0;
	if (str_trim(text).n > PASTE_MAX)
		(void)error_set(&why, ERR_INVALID, "no line of the text is understood");
	else
		one = paste_parse(text, endpoint, &why);
	if (one != NULL && is_all_in(list, one))
		make_one(list, MOVE(one), text);
	else if (count_understood(list) == 0)
		return error_set_field(err, "text", "%s", why.text);
	return 0;
}

static int read_any(struct paste_list *list, struct str text, struct str endpoint,
		    struct error *err)
{
	struct workflow workflow = { .list = list, .endpoint = endpoint };

	if (paste_workflow_is_one(text)) {
		list->kind = PASTE_LIST_WORKFLOW;
		return paste_workflow_read(text, on_model, &workflow, err);
	}
	return read_text(list, text, endpoint, err);
}

struct paste_list *paste_list_parse(struct str text, struct str endpoint, struct error *err)
{
	AUTO(paste_list) list = mem_alloc(sizeof(*list));

	if (text.n > PASTE_LIST_MAX) {
		(void)error_set_field(err, "text", "the text is longer than %d bytes",
				      PASTE_LIST_MAX);
		return NULL;
	}
	if (!str_is_utf8(text)) {
		(void)error_set_field(err, "text", "the text is not UTF-8");
		return NULL;
	}
	if (read_any(list, text, endpoint, err) < 0)
		return NULL;
	if (list->n == 0) {
		(void)error_set_field(err, "text", "the workflow names no model that it loads");
		return NULL;
	}
	return MOVE(list);
}
