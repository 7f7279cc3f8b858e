/* What a text is understood as always passes the checks of what it becomes. */
#include "downloader/paste_list.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/relpath.h"
#include "downloader/selection.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_terms(const struct paste *p)
{
	struct str select[PASTE_TERMS_MAX];
	struct str exclude[PASTE_TERMS_MAX];
	struct error err;
	AUTO(selection) s = NULL;

	require(p->n_select <= PASTE_TERMS_MAX && p->n_exclude <= PASTE_TERMS_MAX);
	for (size_t i = 0; i < p->n_select; i++)
		select[i] = str_from(p->select[i]);
	for (size_t i = 0; i < p->n_exclude; i++)
		exclude[i] = str_from(p->exclude[i]);
	s = selection_new(select, p->n_select, exclude, p->n_exclude, &err);
	require(s != NULL);
}

/* What is in it by itself can be asked for by its own words. */
static void check_list(struct str text)
{
	struct error err = { .code = ERR_NONE };
	AUTO(paste_list) list = paste_list_parse(text, S("http://127.0.0.1:8081/hub"), &err);

	if (list == NULL) {
		require(err.code == ERR_INVALID && strcmp(err.field, "text") == 0);
		return;
	}
	require(list->n > 0 && list->n <= PASTE_ENTRIES_MAX);
	for (size_t i = 0; i < list->n; i++) {
		const struct paste_entry *entry = &list->entries[i];
		struct paste *again;

		require(entry->folder[0] == '\0' ||
			relpath_check(str_from(entry->folder), &err) == 0);
		if (entry->paste == NULL) {
			require(entry->error.code == ERR_INVALID);
			continue;
		}
		again = paste_parse(str_from(entry->text), S("http://127.0.0.1:8081/hub"),
				    &err);
		require(again != NULL && strcmp(again->repo, entry->paste->repo) == 0);
		paste_free(&again);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data, size };
	struct error err = { .code = ERR_NONE };
	AUTO(paste) p = paste_parse(text, S("http://127.0.0.1:8081/hub"), &err);
	struct paste *again;

	check_list(text);
	if (p == NULL) {
		require(err.code == ERR_INVALID && strcmp(err.field, "repo") == 0);
		require(str_is_utf8(str_from(err.text)) && strchr(err.text, '\n') == NULL);
		return 0;
	}
	require(size <= PASTE_MAX + 64 || str_trim(text).n <= PASTE_MAX + 2);
	require(repo_id_check(str_from(p->repo), &err) == 0);
	require(p->revision == NULL || revision_check(str_from(p->revision), &err) == 0);
	require(p->type < REPO_TYPE_COUNT && (p->type == REPO_MODEL || p->type_is_given));
	require(p->form != NULL && p->form[0] != '\0');
	check_terms(p);
	/* A repository by itself is understood as itself, unless it reads as the name of a
	 * host. */
	again = paste_parse(str_from(p->repo), S("http://mirror.invalid"), &err);
	require(again == NULL || strcmp(again->repo, p->repo) == 0 ||
		str_has_prefix(str_from(p->repo), S("datasets/")) ||
		str_has_prefix(str_from(p->repo), S("models/")) ||
		str_has_prefix_nocase(str_from(p->repo), S("huggingface.co/")) ||
		str_has_prefix_nocase(str_from(p->repo), S("www.huggingface.co/")) ||
		str_has_prefix_nocase(str_from(p->repo), S("hf.co/")));
	paste_free(&again);
	return 0;
}
