/*
 * What a text is, is found out in this order: one word (an address or a name), Python (by the
 * names of its calls), command lines, addresses among other words. Each reader fills the same
 * draft, and leaves a text that is not its own to the next.
 */
#include "downloader/paste.h"

#include "common/error.h"
#include "common/quote.h"
#include "downloader/paste_command.h"
#include "downloader/paste_draft.h"
#include "downloader/paste_link.h"
#include "downloader/paste_python.h"
#include "downloader/paste_words.h"

static int check_text(struct str text, struct error *err)
{
	if (text.n == 0)
		return error_set_field(err, "repo", "the text is empty");
	if (text.n > PASTE_MAX)
		return error_set_field(err, "repo", "the text is longer than %d bytes",
				       PASTE_MAX);
	if (!str_is_utf8(text))
		return error_set_field(err, "repo", "the text is not UTF-8");
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return error_set_field(
				err, "repo", "the text holds a control character, at byte %zu",
				i + 1);
	}
	return 0;
}

/* Copied together with the marks around it. */
static struct str without_marks(struct str text)
{
	static const char *const pairs[] = { "\"\"", "''", "``", "<>" };

	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		if (text.n > 2 && text.p[0] == pairs[i][0] && text.p[text.n - 1] == pairs[i][1])
			return str_trim(str_sub(text, 1, text.n - 1));
	}
	return text;
}

static bool has_char_of(struct str text, struct str chars)
{
	for (size_t i = 0; i < text.n; i++) {
		if (str_find_char(chars, text.p[i]) < chars.n)
			return true;
	}
	return false;
}

static int read_word(struct paste *p, struct str word, struct str endpoint, struct error *err)
{
	if (paste_link_read(p, word, endpoint, err) != 0)
		return -1;
	paste_draft_set_form(p, paste_link_is_address(word, endpoint) ? "a web address"
								      : "a repository");
	return 1;
}

typedef int read_fn(struct paste *p, const struct paste_words *words, struct str endpoint,
		    struct error *err);

/* Has `read` look at each command of the text. When one of them wants the whole repository,
 * what the others pick out of it does not matter. */
static int read_commands(struct paste *p, struct str text, struct str endpoint, read_fn *read,
			 struct error *err)
{
	bool has_any = false;
	bool is_whole = false;

	for (;;) {
		AUTO(paste_words) words = paste_words_next(&text);
		size_t n_before = p->n_select;
		int result = words != NULL ? read(p, words, endpoint, err) : 0;

		if (words == NULL)
			break;
		if (result < 0)
			return -1;
		has_any = has_any || result > 0;
		is_whole = is_whole || (result > 0 && p->n_select == n_before);
	}
	if (is_whole)
		paste_draft_clear_select(p);
	return has_any;
}

static int refuse_text(struct str text, struct error *err)
{
	AUTO(paste_words) words = paste_words_next(&text);
	struct str first = words != NULL ? paste_words_at(words, 0) : S("");

	return error_set_field(
		err, "repo",
		"the text is neither a repository like owner/name, nor an address "
		"of the Hub, nor a command that is known; it begins with %s",
		quote_text(first).text);
}

static int read_text(struct paste *p, struct str text, struct str endpoint, struct error *err)
{
	int result;

	if (!has_char_of(text, S(" \t\r\n\"'(")) ||
	    (paste_link_is_address(text, endpoint) && !has_char_of(text, S(" \t\r\n\"'")) &&
	     char_is_alnum(text.p[0])))
		return read_word(p, text, endpoint, err);
	result = paste_python_read(p, text, endpoint, err);
	if (result == 0)
		result = read_commands(p, text, endpoint, paste_command_read, err);
	if (result == 0)
		result = read_commands(p, text, endpoint, paste_command_read_addresses, err);
	return result;
}

struct paste *paste_parse(struct str text, struct str endpoint, struct error *err)
{
	AUTO(paste) p = paste_draft_new();
	struct error why = { .code = ERR_NONE };
	int result;

	text = without_marks(str_trim(text));
	result = check_text(text, &why);
	if (result == 0) {
		result = read_text(p, text, endpoint, &why);
		if (result == 0)
			result = refuse_text(text, &why);
	}
	if (result < 0) {
		(void)error_set_field(err, "repo", "%s", why.text);
		return NULL;
	}
	assert(p->repo != NULL && p->form != NULL);
	return MOVE(p);
}
