#include "cli/cli_preview.h"

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_fit.h"
#include "cli/cli_table.h"
#include "cli/cli_term.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/schema.h"

enum {
	FILES_SHOWN_MAX = 20,               /* selected files, unless all are asked for */
	TEXT_MAX_BYTES = 256 * 1024 * 1024, /* a line for each file of the largest repository */
	CELL_MAX = 256,
	COMMIT_SHOWN = 10,
};

static size_t length(struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array)
							   : 0;
}

static void add_size_cell(struct cli_table *table, struct json_object *object, const char *name)
{
	AUTO(buf) cell = buf_new(CELL_MAX);

	cli_text_add_size(cell, cli_download_number(object, name));
	cli_table_add(table, buf_str(cell));
}

/* --- groups --- */

static struct str in_words(struct str some_of)
{
	if (str_is_equal(some_of, S("all")))
		return S("yes");
	if (str_is_equal(some_of, S("some")))
		return S("in part");
	return S("no");
}

/* What preview.fit says of this group; NULL when it is not known, or no model. */
static struct json_object *fit_of(struct json_object *fit, struct str name)
{
	struct json_object *groups = json_get(fit, "groups");

	for (size_t i = 0; i < length(groups); i++) {
		struct json_object *group = json_object_array_get_idx(groups, i);

		if (str_is_equal(json_get_str(group, "name"), name))
			return group;
	}
	return NULL;
}

static struct str place_in_words(struct str fit)
{
	if (str_is_equal(fit, S("gpu")))
		return S("graphics memory");
	if (str_is_equal(fit, S("split")))
		return S("divided");
	if (str_is_equal(fit, S("memory")))
		return S("memory");
	return fit.n > 0 ? S("nowhere") : S("");
}

static void add_group(struct cli_table *table, struct json_object *group,
		      struct json_object *fit)
{
	AUTO(buf) cell = buf_new(CELL_MAX);
	struct json_object *bits = json_get(group, "bits_per_weight");
	struct json_object *place = fit_of(fit, json_get_str(group, "name"));

	cli_table_add(table, json_get_str(group, "name"));
	buf_addf(cell, "%llu", (unsigned long long)cli_download_number(group, "files"));
	cli_table_add(table, buf_str(cell));
	add_size_cell(table, group, "bytes");
	buf_reset(cell);
	if (bits != NULL)
		buf_addf(cell, "%.2f", json_object_get_double(bits));
	cli_table_add(table, buf_str(cell));
	cli_table_add(table, place_in_words(json_get_str(place, "fit")));
	cli_table_add(table, in_words(json_get_str(group, "present")));
	cli_table_add(table, in_words(json_get_str(group, "selected")));
}

static void add_recommended(struct buf *b, struct json_object *preview, struct json_object *fit)
{
	struct json_object *recommended = json_get(fit, "recommended");
	struct str group = json_get_str(recommended, "group");
	struct str revision = json_get_str(preview, "revision");

	if (recommended == NULL)
		return;
	buf_add(b, S("recommended: "));
	cli_text_add_escaped(b, group);
	buf_add(b, S(", "));
	cli_text_add_escaped(b, json_get_str(recommended, "reason"));
	buf_add(b, S("\n  larder get "));
	cli_text_add_escaped(b, json_get_str(preview, "repo"));
	buf_add_char(b, ':');
	cli_text_add_escaped(b, group);
	if (!str_is_equal(revision, S("main"))) {
		buf_add(b, S(" --revision="));
		cli_text_add_escaped(b, revision);
	}
	buf_add_char(b, '\n');
}

static void add_groups(struct buf *b, struct json_object *preview, struct json_object *fit,
		       size_t columns, bool is_utf8)
{
	struct json_object *groups = json_get(preview, "groups");
	static const struct cli_table_column shown[] = {
		{ .title = "VARIANT", .width_min = 8, .cut = CLI_CUT_MIDDLE },
		{ .title = "FILES", .align = CLI_ALIGN_RIGHT, .spare = 1 },
		{ .title = "SIZE", .align = CLI_ALIGN_RIGHT },
		{ .title = "BITS/WEIGHT", .align = CLI_ALIGN_RIGHT, .spare = 2 },
		{ .title = "FITS" },
		{ .title = "PRESENT", .spare = 3 },
		{ .title = "SELECTED" },
	};
	AUTO(cli_table) table = cli_table_new(shown, ARRAY_LEN(shown));

	if (length(groups) == 0)
		return;
	for (size_t i = 0; i < length(groups); i++)
		add_group(table, json_object_array_get_idx(groups, i), fit);
	buf_add_char(b, '\n');
	cli_table_render(table, columns, is_utf8, b);
	add_recommended(b, preview, fit);
	cli_fit_add_no_card(b, fit);
}

/* --- files --- */

static void add_file(struct cli_table *table, struct json_object *file, bool all_files)
{
	cli_table_add(table, json_get_str(file, "path"));
	add_size_cell(table, file, "size");
	cli_table_add(table, json_is_true(file, "present") ? S("yes") : S("no"));
	if (!all_files)
		cli_table_add(table, S(""));
	else
		cli_table_add(table, json_is_true(file, "selected") ? S("yes") : S("no"));
}

static void add_files(struct buf *b, struct json_object *files, bool all_files, size_t columns,
		      bool is_utf8)
{
	static const struct cli_table_column shown[] = {
		{ .title = "FILE", .width_min = 12, .cut = CLI_CUT_MIDDLE },
		{ .title = "SIZE", .align = CLI_ALIGN_RIGHT },
		{ .title = "PRESENT", .spare = 1 },
		{ .title = "SELECTED" },
	};
	AUTO(cli_table) table = cli_table_new(shown, ARRAY_LEN(shown));
	size_t n = 0;

	for (size_t i = 0; i < length(files); i++) {
		struct json_object *file = json_object_array_get_idx(files, i);

		if (!all_files && !json_is_true(file, "selected"))
			continue;
		if (all_files || n < FILES_SHOWN_MAX)
			add_file(table, file, all_files);
		n++;
	}
	if (n == 0)
		return;
	buf_add_char(b, '\n');
	cli_table_render(table, columns, is_utf8, b);
	if (!all_files && n > FILES_SHOWN_MAX) {
		buf_add(b, S("and "));
		cli_text_add_count(b, n - FILES_SHOWN_MAX, "more file");
		buf_add(b, S("; --files lists all\n"));
	}
}

/* --- facts --- */

static void add_head(struct buf *b, struct json_object *preview)
{
	struct str licence = json_get_str(preview, "licence");
	struct str gated = json_get_str(preview, "gated");

	cli_text_add_escaped(b, json_get_str(preview, "understood"));
	buf_add(b, S("\nrevision "));
	cli_text_add_escaped(b, json_get_str(preview, "revision"));
	buf_add(b, S(" at "));
	cli_text_add_escaped(b, str_sub(json_get_str(preview, "commit"), 0, COMMIT_SHOWN));
	if (licence.n > 0) {
		buf_add(b, S(", licence "));
		cli_text_add_escaped(b, licence);
	}
	if (gated.n > 0 || json_is_true(preview, "gated"))
		buf_add(b, S(", gated"));
	buf_add_char(b, '\n');
}

static void add_totals(struct buf *b, struct json_object *preview)
{
	uint64_t to_fetch = cli_download_number(preview, "bytes_to_fetch");
	uint64_t replaced = cli_download_number(preview, "files_replaced");

	buf_add(b, S("\nselected:   "));
	cli_text_add_count(b, cli_download_number(preview, "files_selected"), "file");
	buf_add(b, S(" of "));
	cli_text_add_number(b, cli_download_number(preview, "files_total"));
	buf_add(b, S(", "));
	cli_text_add_size(b, cli_download_number(preview, "bytes_selected"));
	buf_add(b, S(" of "));
	cli_text_add_size(b, cli_download_number(preview, "bytes_total"));
	buf_add(b, S("\nto fetch:   "));
	if (to_fetch > 0)
		cli_text_add_size(b, to_fetch);
	else
		buf_add(b, S("nothing"));
	buf_add(b, S(", into "));
	cli_text_add_escaped(b, json_get_str(preview, "folder"));
	buf_add_char(b, '\n');
	if (replaced == 0)
		return;
	buf_add(b, S("replaces:   "));
	cli_text_add_count(b, replaced, "file");
	buf_add(b, replaced == 1 ? S(" there, which goes to the trash\n")
				 : S(" there, which go to the trash\n"));
}

/* What is free after, over what is to be kept free; or by how much it falls short. */
static void add_disk(struct buf *b, struct json_object *disk)
{
	int64_t after = json_get_int(disk, "after", 0);

	buf_add(b, S("free now:   "));
	cli_text_add_size(b, cli_download_number(disk, "free"));
	buf_add(b, S(", of which "));
	cli_text_add_size(b, cli_download_number(disk, "reserved"));
	buf_add(b, S(" for the queue and "));
	cli_text_add_size(b, cli_download_number(disk, "kept_free"));
	buf_add(b, S(" to be kept free\nfree after: "));
	if (after < 0) {
		buf_add(b, S("not enough, "));
		cli_text_add_size(b, (uint64_t)-after);
		buf_add(b, S(" short\n"));
		return;
	}
	cli_text_add_size(b, (uint64_t)after);
	buf_add_char(b, '\n');
}

void cli_preview_render(struct buf *b, struct json_object *preview, struct json_object *fit,
			bool all_files, size_t columns, bool is_utf8)
{
	add_head(b, preview);
	add_groups(b, preview, fit, columns, is_utf8);
	add_files(b, json_get(preview, "files"), all_files, columns, is_utf8);
	add_totals(b, preview);
	add_disk(b, json_get(preview, "disk"));
}

/* --- the command --- */

static int ask(const struct cli_session *session, const char *repo, struct json_object **ret,
	       struct error *err)
{
	AUTO_JSON params = cli_session_choice(session, repo);

	return cli_session_call(session, "preview.make", params, RPC_TIMEOUT_MS, ret, NULL,
				err);
}

static void print_text(const struct cli_session *session, struct json_object *preview,
		       int64_t context, bool is_first)
{
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);
	AUTO_JSON fit = cli_fit_ask(session, preview, context);

	if (!is_first)
		buf_add_char(text, '\n');
	cli_preview_render(text, preview, fit, cli_args_has(session->args, CLI_OPTION_FILES),
			   cli_term_columns(CLI_TERM_OUT), cli_term_is_utf8());
	cli_session_print(text);
}

/* One repository: its preview is the document. */
static enum cli_exit preview_one(const struct cli_session *session, const char *repo,
				 int64_t context)
{
	struct json_object *preview = NULL;
	struct error err;

	if (ask(session, repo, &preview, &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(preview, NULL);
		return CLI_EXIT_OK;
	}
	print_text(session, preview, context, true);
	json_free(&preview);
	return CLI_EXIT_OK;
}

/* Several: {"previews":[...]}, and what was refused beside it. */
static enum cli_exit preview_all(const struct cli_session *session, const char *const *repos,
				 size_t n, int64_t context)
{
	struct json_object *object = json_object_new_object();
	struct json_object *previews = json_object_new_array();
	struct json_object *errors = NULL;
	enum cli_exit result = CLI_EXIT_OK;

	for (size_t i = 0; i < n; i++) {
		struct json_object *preview = NULL;
		struct error err;

		if (ask(session, repos[i], &preview, &err) < 0) {
			result = cli_session_worse(result, cli_session_exit(&err));
			cli_session_note(&errors, "repo", repos[i], &err);
			if (!session->is_json)
				cli_session_warn(session, repos[i], &err);
			continue;
		}
		if (!session->is_json)
			print_text(session, preview, context, i == 0);
		(void)json_object_array_add(previews, preview);
	}
	json_take(object, "previews", previews);
	if (session->is_json) {
		cli_session_print_json(object, errors);
	} else {
		json_free(&object);
		json_free(&errors);
	}
	return result;
}

enum cli_exit cli_preview(const struct cli_session *session)
{
	size_t n;
	const char *const *repos = cli_args_words(session->args, &n);
	int64_t context;
	struct error err;

	if (cli_fit_context(session, &context, &err) < 0)
		return cli_session_fail(session, &err);
	return n == 1 ? preview_one(session, repos[0], context)
		      : preview_all(session, repos, n, context);
}
