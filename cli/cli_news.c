#include "cli/cli_news.h"

#include "cli/cli_download.h"
#include "cli/cli_text.h"
#include "common/buf.h"

void cli_news_add_name(struct buf *b, struct json_object *download)
{
	cli_download_add_name(b, download);
	buf_add(b, S(" ("));
	cli_text_add_escaped(b, str_sub(json_get_str(download, "id"), 0, CLI_ID_SHOWN));
	buf_add_char(b, ')');
}

static void add_size(struct buf *b, struct json_object *download)
{
	cli_text_add_size(b, cli_download_number(download, "bytes_total"));
	buf_add(b, S(" in "));
	cli_text_add_count(b, cli_download_number(download, "files_total"), "file");
}

void cli_news_add_state(struct buf *b, struct json_object *download, int64_t now_ms)
{
	cli_news_add_name(b, download);
	buf_add(b, S(": "));
	cli_download_add_phase(b, download, CLI_PHASE_LONG, now_ms);
	if (cli_download_is_state(download, "downloading")) {
		buf_add(b, S(", "));
		add_size(b, download);
	}
	buf_add_char(b, '\n');
}

/* "12 files proven, 1 changed, 2 missing" */
static bool add_findings(struct buf *b, struct json_object *download)
{
	static const char *const names[] = { "changed", "missing", "unknown" };
	struct json_object *findings = json_get(download, "findings");
	uint64_t bad = cli_download_number(findings, "changed") +
		       cli_download_number(findings, "missing");

	cli_text_add_count(b, cli_download_number(findings, "proven"), "file");
	buf_add(b, S(" proven"));
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		uint64_t n = cli_download_number(findings, names[i]);

		if (n > 0)
			buf_addf(b, ", %llu %s", (unsigned long long)n, names[i]);
	}
	buf_add_char(b, '\n');
	if (bad > 0) {
		buf_add(b, S("  to bring what is not as it should be: larder repair "));
		cli_text_add_escaped(b, json_get_str(download, "folder"));
		buf_add_char(b, '\n');
	}
	return bad > 0;
}

/* What was here before is no merit of this download. */
static void add_outcome(struct buf *b, struct json_object *download)
{
	uint64_t present = cli_download_number(download, "bytes_present");
	bool is_all = present > 0 && present == cli_download_number(download, "bytes_total");
	bool is_update = str_is_equal(json_get_str(download, "kind"), S("update"));

	buf_add(b, is_update && is_all ? S(": up to date, ") : S(": completed, "));
	add_size(b, download);
	if (present == 0 || (is_update && is_all))
		return;
	buf_add(b, S(", "));
	if (is_all)
		buf_add(b, S("all"));
	else
		cli_text_add_size(b, present);
	buf_add(b, S(" of it here before"));
}

bool cli_news_add_completed(struct buf *b, struct json_object *download)
{
	int64_t took_s = cli_download_took_s(download);

	cli_news_add_name(b, download);
	if (str_is_equal(json_get_str(download, "kind"), S("verify"))) {
		buf_add(b, S(": "));
		return add_findings(b, download);
	}
	if (str_is_equal(json_get_str(download, "kind"), S("repair")) &&
	    cli_download_number(download, "files_total") == 0) {
		buf_add(b, S(": nothing was broken\n"));
		return false;
	}
	add_outcome(b, download);
	if (took_s >= 0) {
		buf_add(b, S(", "));
		cli_text_add_duration(b, (uint64_t)took_s);
	}
	buf_add(b, S(", proven\n"));
	return false;
}

static void add_more(struct buf *b, const char *label, struct str text)
{
	if (text.n == 0)
		return;
	buf_addf(b, "  %s: ", label);
	cli_text_add_escaped(b, text);
	buf_add_char(b, '\n');
}

void cli_news_add_failed(struct buf *b, struct json_object *download)
{
	struct json_object *reason = json_get(download, "reason");

	buf_add(b, S("larder: "));
	cli_news_add_name(b, download);
	buf_add(b, S(": "));
	cli_download_add_phase(b, download, CLI_PHASE_SHORT, 0);
	if (json_get_str(reason, "message").n > 0) {
		buf_add(b, S(": "));
		cli_download_add_reason(b, download);
	}
	buf_add_char(b, '\n');
	add_more(b, "hint", json_get_str(reason, "hint"));
	add_more(b, "page", json_get_str(reason, "url"));
}
