#include "cli/cli_download.h"

#include <string.h>

#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/ids.h"
#include "common/quote.h"

/* States that this program treats in a way of their own; one that it does not know is shown by
 * its name, and counts as busy. */
static const struct {
	const char *name;
	const char *words;
	bool is_final;
	bool is_in_line;
} states[] = {
	{ .name = "queued", .words = "queued", .is_in_line = true },
	{ .name = "resolving", .words = "asking Hub" },
	{ .name = "completed", .words = "completed", .is_final = true },
	{ .name = "failed", .words = "failed", .is_final = true },
	{ .name = "cancelled", .words = "cancelled", .is_final = true },
};

bool cli_download_is_state(struct json_object *download, const char *state)
{
	return str_is_equal(json_get_str(download, "state"), str_from(state));
}

bool cli_download_is_final(struct json_object *download)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (states[i].is_final && cli_download_is_state(download, states[i].name))
			return true;
	}
	return false;
}

bool cli_download_is_busy(struct json_object *download)
{
	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (cli_download_is_state(download, states[i].name))
			return !states[i].is_final && !states[i].is_in_line;
	}
	return true;
}

uint64_t cli_download_number(struct json_object *download, const char *name)
{
	int64_t value = json_get_int(download, name, 0);

	return value > 0 ? (uint64_t)value : 0;
}

int cli_percent(uint64_t done, uint64_t total)
{
	int percent;

	if (total == 0)
		return -1;
	if (done >= total)
		return 100;
	percent = (int)((double)done / (double)total * 100.0);
	return percent < 99 ? percent : 99;
}

/* --- words --- */

static void add_list(struct buf *b, struct json_object *array, const char *before)
{
	size_t n = json_object_is_type(array, json_type_array) ? json_object_array_length(array)
							       : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *term = json_object_array_get_idx(array, i);

		buf_add(b, str_from(i == 0 ? before : " "));
		cli_text_add_escaped(b, str_from(json_object_get_string(term)));
	}
}

void cli_download_add_terms(struct buf *b, struct json_object *download)
{
	size_t before = buf_str(b).n;

	add_list(b, json_get(download, "select"), "");
	add_list(b, json_get(download, "exclude"),
		 buf_str(b).n > before ? " without " : "without ");
}

void cli_download_add_name(struct buf *b, struct json_object *download)
{
	struct str revision = json_get_str(download, "revision");

	if (str_is_equal(json_get_str(download, "type"), S("dataset")))
		buf_add(b, S("dataset "));
	cli_text_add_escaped(b, json_get_str(download, "repo"));
	if (revision.n > 0 && !str_is_equal(revision, S("main"))) {
		buf_add_char(b, '@');
		cli_text_add_escaped(b, revision);
	}
	add_list(b, json_get(download, "select"), " ");
	add_list(b, json_get(download, "exclude"), " without ");
}

void cli_download_add_reason(struct buf *b, struct json_object *download)
{
	struct str message = json_get_str(json_get(download, "reason"), "message");
	struct str repo = json_get_str(download, "repo");

	/* "owner/name: why", beside the name. */
	if (repo.n > 0 && str_has_prefix(message, repo) &&
	    str_has_prefix(str_sub(message, repo.n, message.n), S(": ")))
		message = str_sub(message, repo.n + 2, message.n);
	cli_text_add_escaped(b, message);
}

static void add_wait(struct buf *b, struct json_object *download, enum cli_phase how,
		     int64_t now_ms)
{
	struct json_object *reason = json_get(download, "reason");
	int64_t at_ms;

	if (cli_text_to_time(json_get_str(reason, "retry_at"), &at_ms) == 0 && at_ms > now_ms) {
		buf_add_char(b, ' ');
		cli_text_add_duration(b, (uint64_t)(at_ms - now_ms + 999) / 1000);
	}
	if (how == CLI_PHASE_LONG && json_get_str(reason, "message").n > 0) {
		buf_add(b, S(": "));
		cli_download_add_reason(b, download);
	}
}

void cli_download_add_phase(struct buf *b, struct json_object *download, enum cli_phase how,
			    int64_t now_ms)
{
	struct str state = json_get_str(download, "state");
	int verified = cli_percent(cli_download_number(download, "bytes_verified"),
				   cli_download_number(download, "bytes_total"));

	for (size_t i = 0; i < ARRAY_LEN(states); i++) {
		if (str_is_equal(state, str_from(states[i].name))) {
			buf_add(b, str_from(states[i].words));
			return;
		}
	}
	cli_text_add_escaped(b, state);
	if (str_is_equal(state, S("waiting")))
		add_wait(b, download, how, now_ms);
	if (str_is_equal(state, S("verifying")) && how == CLI_PHASE_LONG && verified >= 0)
		buf_addf(b, " %d %%", verified);
}

int64_t cli_download_took_s(struct json_object *download)
{
	int64_t started_ms;
	int64_t finished_ms;

	if (cli_text_to_time(json_get_str(download, "started_at"), &started_ms) < 0 ||
	    cli_text_to_time(json_get_str(download, "finished_at"), &finished_ms) < 0 ||
	    finished_ms < started_ms)
		return -1;
	return (finished_ms - started_ms + 500) / 1000;
}

/* --- ids --- */

static struct str id_at(struct json_object *downloads, size_t i)
{
	return json_get_str(json_object_array_get_idx(downloads, i), "id");
}

static bool is_apart(struct json_object *downloads, size_t n, size_t len)
{
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < i; j++) {
			if (str_is_equal(str_sub(id_at(downloads, i), 0, len),
					 str_sub(id_at(downloads, j), 0, len)))
				return false;
		}
	}
	return true;
}

size_t cli_download_id_len(struct json_object *downloads)
{
	size_t n = json_object_array_length(downloads);
	size_t len = CLI_ID_SHOWN;

	while (len < DOWNLOAD_ID_LEN && !is_apart(downloads, n, len))
		len++;
	return len;
}

struct json_object *cli_download_find(struct json_object *downloads, struct str part,
				      struct error *err)
{
	size_t n = json_object_array_length(downloads);
	struct json_object *found = NULL;

	if (part.n < CLI_ID_MIN) {
		(void)error_set_field(err, "id",
				      "%s is too short: give %d characters of the id",
				      quote_text(part).text, CLI_ID_MIN);
		return NULL;
	}
	for (size_t i = 0; i < n; i++) {
		if (!str_has_prefix(id_at(downloads, i), part))
			continue;
		if (found != NULL) {
			(void)error_set_field(err, "id",
					      "%s means more than one download: give more of "
					      "the id",
					      quote_text(part).text);
			return NULL;
		}
		found = json_object_array_get_idx(downloads, i);
	}
	if (found == NULL)
		(void)error_set(err, ERR_UNKNOWN_DOWNLOAD, "there is no download %s",
				quote_text(part).text);
	return found;
}

void cli_download_add_words(struct buf *b, struct json_object *array)
{
	size_t n = json_object_is_type(array, json_type_array) ? json_object_array_length(array)
							       : 0;

	for (size_t i = 0; i < n; i++) {
		buf_add(b, i > 0 ? S(", ") : S(""));
		cli_text_add_escaped(b, str_from(json_object_get_string(
						json_object_array_get_idx(array, i))));
	}
}
