#include "cli/cli_doctor.h"

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_term.h"
#include "cli/cli_text.h"
#include "common/buf.h"

enum {
	TEXT_MAX_BYTES = 256 * 1024,
	PARAGRAPH_MAX_BYTES = 4096,
	INDENT = 20,       /* where sentences begin */
	INDENT_NARROW = 2, /* there, below the names, in a window of less than: */
	NARROW = 60,
};

/* What is in trouble is to be seen at once, without colours too. */
static const char *mark_of(struct str state)
{
	static const struct {
		const char *state;
		const char *mark;
	} rows[] = {
		{ "ok", "ok" },
		{ "skipped", "-" },
		{ "warning", "warning" },
		{ "failed", "FAILED" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (str_is_equal(state, str_from(rows[i].state)))
			return rows[i].mark;
	}
	return "?";
}

static void add_detail(struct buf *b, struct json_object *check, size_t indent, size_t width)
{
	AUTO(buf) text = buf_new(PARAGRAPH_MAX_BYTES);
	struct str host = json_get_str(check, "host");
	struct str address = json_get_str(check, "address");

	cli_text_add_escaped(text, host);
	if (address.n > 0 && !str_is_equal(address, host)) {
		buf_add(text, S(" ("));
		cli_text_add_escaped(text, address);
		buf_add_char(text, ')');
	}
	if (host.n > 0)
		buf_add(text, S(": "));
	cli_text_add_escaped(text, json_get_str(check, "detail"));
	if (cli_download_number(check, "ms") > 0)
		buf_addf(text, ", in %llu ms",
			 (unsigned long long)cli_download_number(check, "ms"));
	cli_text_add_wrapped(b, buf_str(text), indent, width);
}

static void add_hint(struct buf *b, struct str hint, size_t indent, size_t width, bool is_utf8)
{
	AUTO(buf) text = buf_new(PARAGRAPH_MAX_BYTES);

	if (hint.n == 0)
		return;
	cli_text_add_spaces(b, indent);
	buf_add(b, is_utf8 ? S("→ ") : S("> "));
	cli_text_add_escaped(text, hint);
	cli_text_add_wrapped(b, buf_str(text), indent + 2, width);
}

static void add_check(struct buf *b, struct json_object *check, size_t width, bool is_utf8)
{
	bool is_narrow = width > 0 && width < NARROW;
	size_t indent = is_narrow ? INDENT_NARROW : INDENT;

	cli_text_add_column(b, str_from(mark_of(json_get_str(check, "state"))), 8,
			    CLI_ALIGN_LEFT, CLI_CUT_END, is_utf8);
	buf_add_char(b, ' ');
	if (is_narrow) {
		cli_text_add_escaped(b, json_get_str(check, "check"));
		buf_add_char(b, '\n');
		cli_text_add_spaces(b, indent);
	} else {
		cli_text_add_column(b, json_get_str(check, "check"), INDENT - 9, CLI_ALIGN_LEFT,
				    CLI_CUT_END, is_utf8);
	}
	add_detail(b, check, indent, width);
	add_hint(b, json_get_str(check, "hint"), indent, width, is_utf8);
}

static bool is_in(struct json_object *check, const char *state)
{
	return str_is_equal(json_get_str(check, "state"), str_from(state));
}

/* One sentence for who reads nothing else. */
static void add_verdict(struct buf *b, struct json_object *checks, size_t width)
{
	AUTO(buf) text = buf_new(PARAGRAPH_MAX_BYTES);
	size_t warnings = 0;
	struct json_object *first = NULL;

	for (size_t i = 0; i < json_object_array_length(checks); i++) {
		struct json_object *check = json_object_array_get_idx(checks, i);

		warnings += is_in(check, "warning");
		if (first == NULL && is_in(check, "failed"))
			first = check;
	}
	if (first != NULL) {
		buf_add(text, S("It fails at: "));
		cli_text_add_escaped(text, json_get_str(first, "check"));
		if (json_get_str(first, "host").n > 0) {
			buf_add(text, S(", "));
			cli_text_add_escaped(text, json_get_str(first, "host"));
		}
		buf_add_char(text, '.');
	} else if (warnings > 0) {
		buf_add(text, S("Nothing is broken, but see what is said above."));
	} else {
		buf_add(text, S("Nothing is wrong that could be found."));
	}
	buf_add_char(b, '\n');
	cli_text_add_wrapped(b, buf_str(text), 0, width);
}

void cli_doctor_render(struct buf *b, struct json_object *report, size_t width, bool is_utf8)
{
	struct json_object *checks = json_get(report, "checks");

	for (size_t i = 0; i < json_object_array_length(checks); i++)
		add_check(b, json_object_array_get_idx(checks, i), width, is_utf8);
	add_verdict(b, checks, width);
}

enum cli_exit cli_doctor(const struct cli_session *session)
{
	AUTO_JSON params = json_object_new_object();
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);
	struct json_object *report = NULL;
	struct error err;
	bool is_healthy;
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	if (n > 0)
		json_add_cstr(params, "repo", words[0]);
	if (cli_session_call(session, "doctor.examine", params, RPC_TIMEOUT_MS, &report, NULL,
			     &err) < 0)
		return cli_session_fail(session, &err);
	is_healthy = json_is_true(report, "healthy");
	if (session->is_json) {
		cli_session_print_json(report, NULL);
	} else {
		cli_doctor_render(text, report, cli_term_columns(CLI_TERM_OUT),
				  cli_term_is_utf8());
		cli_session_print(text);
		json_free(&report);
	}
	return is_healthy ? CLI_EXIT_OK : CLI_EXIT_FAILED;
}
