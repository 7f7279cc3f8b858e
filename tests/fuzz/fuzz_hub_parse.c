/* The first byte chooses the reader; the rest is what the Hub is made to say. */
#include "downloader/hub_parse.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/relpath.h"
#include "downloader/hub_parse_account.h"
#include "downloader/hub_parse_model.h"
#include "downloader/hub_parse_search.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_info(struct str body)
{
	struct hub_info info;
	struct error err;

	if (hub_parse_info(body, &info, &err) != 0) {
		require(err.code == ERR_HUB_PROTOCOL);
		return;
	}
	require(repo_id_check(str_from(info.repo), &err) == 0);
	require(commit_is_valid(str_from(info.commit)));
	require(str_is_utf8(str_from(info.licence)));
	require(info.gated[0] == '\0' || strcmp(info.gated, "auto") == 0 ||
		strcmp(info.gated, "manual") == 0);
}

static void check_label(const char *label, size_t size)
{
	require(strlen(label) < size && str_is_utf8(str_from(label)));
	for (; *label != '\0'; label++)
		require((unsigned char)*label >= 0x20 && *label != 0x7f);
}

static void check_search(struct str body)
{
	struct hub_row *rows = NULL;
	struct error err;
	size_t n;

	if (hub_parse_search(body, &rows, &n, &err) != 0) {
		require(err.code == ERR_HUB_PROTOCOL && rows == NULL);
		return;
	}
	require(n <= HUB_ROWS_MAX);
	for (size_t i = 0; i < n; i++) {
		require(repo_id_check(str_from(rows[i].repo), &err) == 0);
		require(rows[i].base_model[0] == '\0' ||
			repo_id_check(str_from(rows[i].base_model), &err) == 0);
		check_label(rows[i].task, sizeof(rows[i].task));
		check_label(rows[i].library, sizeof(rows[i].library));
		check_label(rows[i].licence, sizeof(rows[i].licence));
		check_label(rows[i].architecture, sizeof(rows[i].architecture));
		require(rows[i].modified_at[0] == '\0' ||
			strlen(rows[i].modified_at) == HUB_TIME_LEN);
	}
	free(rows);
}

static void check_account(struct str body)
{
	struct hub_account account;
	struct error err;

	if (hub_parse_account(body, &account, &err) != 0)
		return;
	require(account.name[0] != '\0');
	check_label(account.name, sizeof(account.name));
	check_label(account.role, sizeof(account.role));
}

static void check_model(struct str body)
{
	static struct hub_facts facts;
	struct error err;

	if (hub_parse_model(body, &facts, &err) != 0)
		return;
	require(repo_id_check(str_from(facts.row.repo), &err) == 0);
	require(facts.commit[0] == '\0' || commit_is_valid(str_from(facts.commit)));
	for (size_t i = 0; i < facts.n_issues && i < HUB_ISSUES_MAX; i++) {
		check_label(facts.issues[i].path, sizeof(facts.issues[i].path));
		check_label(facts.issues[i].level, sizeof(facts.issues[i].level));
	}
}

static void check_file(const struct hub_file *file)
{
	struct error err;

	require(relpath_check(str_from(file->path), &err) == 0);
	require(file->size <= HUB_FILE_SIZE_MAX);
	require(hex_is_valid(str_from(file->digest),
			     file->algorithm == DIGEST_SHA256 ? 64 : 40));
}

static void check_tree(struct str body)
{
	AUTO(hub_tree) tree = hub_tree_new();
	struct error err;

	if (hub_parse_tree(tree, body, &err) != 0) {
		require(tree->n == 0);
		return;
	}
	/* A page once more is the same files once more. */
	size_t n = tree->n;
	require(hub_parse_tree(tree, body, &err) == 0 && tree->n == 2 * n);
	require(n == 0 || hub_tree_finish(tree, &err) == -1);
	hub_tree_free(&tree);
	tree = hub_tree_new();
	require(hub_parse_tree(tree, body, &err) == 0);
	if (hub_tree_finish(tree, &err) != 0)
		return;
	for (size_t i = 0; i < tree->n; i++) {
		check_file(&tree->files[i]);
		require(i == 0 || strcmp(tree->files[i - 1].path, tree->files[i].path) < 0);
	}
}

static void check_headers(struct str header)
{
	uint64_t a = 0;
	uint64_t b = 0;
	uint64_t c = 0;
	AUTO_CSTR next = hub_parse_link_next(header);
	struct str etag = hub_parse_etag(header);

	require(next == NULL || (next[0] != '\0' && strlen(next) < header.n));
	require(etag.n <= header.n);
	if (hub_parse_content_range(header, &a, &b, &c) == 0)
		require(a <= b && b < c);
	if (hub_parse_ratelimit(header, &a, &b) == 0)
		require(b <= HUB_RETRY_AFTER_MAX_S);
	if (hub_parse_date(header, &a) == 0)
		require(a <= INT64_MAX);
	if (hub_parse_retry_after(header, 1700000000, &a) == 0)
		require(a <= HUB_RETRY_AFTER_MAX_S);
}

static void check_failure(struct str body, long status, unsigned bits)
{
	static const char *const codes[] = { "", "RepoNotFound", "RevisionNotFound",
					     "EntryNotFound", "GatedRepo" };
	struct hub_failure failure = {
		.status = status,
		.is_hub = (bits & 1) != 0,
		.is_content = (bits & 2) != 0,
		.token_was_sent = (bits & 4) != 0,
		.error_code = str_from(codes[bits / 16 % ARRAY_LEN(codes)]),
		.error_message = (bits & 8) != 0 ? body : S(""),
		.ratelimit = body,
		.retry_after = body,
		.body = body,
		.repo = "acme/x",
		.what = (bits & 128) != 0 ? "a.gguf" : NULL,
	};
	struct error err = { .code = ERR_NONE };

	require(hub_parse_failure(&failure, 1700000000, &err) == -1);
	require(err.code != ERR_NONE && err.code != ERR_INTERNAL);
	require(str_is_utf8(str_from(err.text)) && strchr(err.text, '\n') == NULL);
	require(err.retry_after_s <= HUB_RETRY_AFTER_MAX_S + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const long statuses[] = { 400, 401, 403, 404, 408, 416, 429, 500 };
	struct str rest;

	if (size < 2)
		return 0;
	rest = (struct str){ (const char *)data + 2, size - 2 };
	switch (data[0] % 4) {
	case 0:
		check_info(rest);
		check_search(rest);
		check_account(rest);
		check_model(rest);
		break;
	case 1:
		check_tree(rest);
		break;
	case 2:
		check_headers(rest);
		break;
	default:
		check_failure(rest, statuses[data[0] / 4 % ARRAY_LEN(statuses)], data[1]);
		break;
	}
	return 0;
}
