/*
 * The stream is read once. Words are collected into a paragraph until a block begins or ends;
 * then the paragraph is put out, broken to the width, behind what the blocks around it put
 * before each line: two blanks for each list, "> " for a quote.
 */
#include "cli/cli_info.h"

#include <stdio.h>
#include <string.h>

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_term.h"
#include "cli/cli_text.h"
#include "common/buf.h"

enum {
	TEXT_MAX_BYTES = 4 * 1024 * 1024,
	PARAGRAPH_MAX_BYTES = 512 * 1024,
	WIDTH_OTHERWISE = 80,
	WIDTH_MAX = 100, /* a wider column is hard to read */
	WIDTH_MIN = 20,  /* however deep the lists are */
	OPEN_MAX = 32,   /* more than the stream has levels */
};

struct element {
	char name[12];
	char address[1024]; /* of a link, or "" */
	int number;         /* of a list's next thing; 0: no numbers */
};

struct card {
	struct buf *out;
	struct buf *paragraph;
	struct str page; /* of the repository; empty: not known */
	size_t width;
	struct element open[OPEN_MAX];
	size_t n_open;
	char mark[16];  /* of a list's thing, before its first line */
	size_t cells;   /* of the row under way */
	bool is_parted; /* nothing was put out yet, or since the last blank line */
};

/* --- what stands before a line --- */

static bool is_list(const struct element *element)
{
	return strcmp(element->name, "ul") == 0 || strcmp(element->name, "ol") == 0;
}

static size_t depth_of_lists(const struct card *card)
{
	size_t n = 0;

	for (size_t i = 0; i < card->n_open; i++)
		n += is_list(&card->open[i]);
	return n;
}

static bool is_in(const struct card *card, const char *name)
{
	for (size_t i = 0; i < card->n_open; i++) {
		if (strcmp(card->open[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Columns that the blocks around take of each line. */
static size_t indent_of(const struct card *card)
{
	size_t indent = 3 * depth_of_lists(card) + (is_in(card, "blockquote") ? 2 : 0);

	return indent + WIDTH_MIN > card->width ? 0 : indent;
}

static void begin_line(struct card *card)
{
	size_t indent = indent_of(card);
	size_t mark = cli_text_width(str_from(card->mark));

	cli_text_add_spaces(card->out, indent > mark ? indent - mark : 0);
	buf_add(card->out, str_from(card->mark));
	card->mark[0] = '\0';
	card->is_parted = false;
}

static void part(struct card *card)
{
	if (!card->is_parted)
		buf_add_char(card->out, '\n');
	card->is_parted = true;
}

/* --- paragraphs --- */

static void put_out(struct card *card)
{
	AUTO(buf) text = card->paragraph;

	card->paragraph = buf_new(PARAGRAPH_MAX_BYTES);
	if (str_trim(buf_str(text)).n == 0)
		return;
	begin_line(card);
	cli_text_add_wrapped(card->out, str_trim(buf_str(text)), indent_of(card), card->width);
}

/* Lines as they are: code is not broken. */
static void put_out_code(struct card *card)
{
	AUTO(buf) text = card->paragraph;
	struct str rest = buf_str(text);
	struct str line;

	card->paragraph = buf_new(PARAGRAPH_MAX_BYTES);
	while (str_next(&rest, '\n', &line) && (line.n > 0 || rest.n > 0)) {
		card->is_parted = false;
		cli_text_add_spaces(card->out, indent_of(card) + 4);
		buf_add(card->out, line);
		buf_add_char(card->out, '\n');
	}
}

/* A line's end is a blank, but in code, whose lines are its own. */
static void add_words(struct card *card, struct str words)
{
	struct str line;
	bool is_code = is_in(card, "pre");
	bool is_next = false;

	while (str_next(&words, '\n', &line)) {
		if (is_next)
			buf_add_char(card->paragraph, is_code ? '\n' : ' ');
		cli_text_add_escaped(card->paragraph, line);
		is_next = true;
	}
}

/* --- elements --- */

static bool is_block(const char *name)
{
	static const char *const inlines[] = {
		"em", "strong", "del", "code", "a", "img", "br"
	};

	for (size_t i = 0; i < ARRAY_LEN(inlines); i++) {
		if (strcmp(inlines[i], name) == 0)
			return false;
	}
	return true;
}

static struct str word_at(struct json_object *token, size_t i)
{
	struct json_object *word = json_object_array_get_idx(token, i);

	if (!json_object_is_type(word, json_type_string))
		return (struct str){ .n = 0 };
	return (struct str){ .p = json_object_get_string(word),
			     .n = (size_t)json_object_get_string_len(word) };
}

static void begin_item(struct card *card, struct json_object *token)
{
	struct json_object *ticked = json_object_array_get_idx(token, 1);
	struct element *list = NULL;

	for (size_t i = 0; i < card->n_open; i++)
		list = is_list(&card->open[i]) ? &card->open[i] : list;
	if (json_object_is_type(ticked, json_type_boolean))
		(void)snprintf(card->mark, sizeof(card->mark), "%s",
			       json_object_get_boolean(ticked) ? "x  " : "o  ");
	else if (list != NULL && list->number > 0)
		(void)snprintf(card->mark, sizeof(card->mark), "%d. ", list->number++);
	else
		(void)snprintf(card->mark, sizeof(card->mark), "-  ");
}

static void begin_block(struct card *card, const char *name, struct json_object *token)
{
	bool is_inner = strcmp(name, "li") == 0 || strcmp(name, "tr") == 0 ||
			((strcmp(name, "ul") == 0 || strcmp(name, "ol") == 0 ||
			  strcmp(name, "p") == 0) &&
			 depth_of_lists(card) > 0);

	if (strcmp(name, "td") == 0 || strcmp(name, "th") == 0) {
		if (card->cells++ > 0)
			buf_add(card->paragraph, S(" | "));
		return;
	}
	put_out(card);
	card->cells = 0;
	if (!is_inner)
		part(card);
	if (strcmp(name, "li") == 0)
		begin_item(card, token);
	if (name[0] == 'h' && strcmp(name, "hr") != 0)
		buf_add(card->paragraph, S("# "));
	if (strcmp(name, "hr") == 0) {
		buf_add(card->out, S("---\n"));
		card->is_parted = false;
	}
}

/* An image is told by its words and its address. */
static void add_image(struct card *card, struct json_object *token)
{
	struct str words = word_at(token, 2);

	buf_add(card->paragraph, S("["));
	add_words(card, words.n > 0 ? words : S("image"));
	buf_add(card->paragraph, S(": "));
	add_words(card, word_at(token, 1));
	buf_add(card->paragraph, S("]"));
}

static bool ends_itself(const char *name)
{
	return strcmp(name, "img") == 0 || strcmp(name, "br") == 0 || strcmp(name, "hr") == 0;
}

static void begin(struct card *card, struct json_object *token)
{
	struct element element = { .number = 0 };
	struct str name = word_at(token, 0);
	struct json_object *first = json_object_array_get_idx(token, 1);

	if (name.n == 0 || name.n >= sizeof(element.name) || card->n_open == OPEN_MAX)
		return;
	memcpy(element.name, name.p, name.n);
	if (is_block(element.name))
		begin_block(card, element.name, token);
	if (strcmp(element.name, "img") == 0)
		add_image(card, token);
	if (strcmp(element.name, "br") == 0)
		put_out(card);
	if (ends_itself(element.name))
		return;
	if (strcmp(element.name, "ol") == 0)
		element.number = json_object_is_type(first, json_type_int) &&
						 json_object_get_int(first) > 0
					 ? json_object_get_int(first)
					 : 1;
	if (strcmp(element.name, "a") == 0 && word_at(token, 1).n < sizeof(element.address))
		memcpy(element.address, word_at(token, 1).p, word_at(token, 1).n);
	card->open[card->n_open++] = element;
}

/* Not where the words are the address, and not of the repository's own files. */
static bool is_worth_telling(const struct card *card, struct str address)
{
	return address.n > 0 && !str_has_suffix(buf_str(card->paragraph), address) &&
	       (card->page.n == 0 || !str_has_prefix(address, card->page));
}

static void end(struct card *card)
{
	struct element element;

	if (card->n_open == 0)
		return;
	element = card->open[card->n_open - 1];
	if (is_worth_telling(card, str_from(element.address))) {
		buf_add(card->paragraph, S(" ("));
		add_words(card, str_from(element.address));
		buf_add(card->paragraph, S(")"));
	}
	if (strcmp(element.name, "pre") == 0)
		put_out_code(card);
	else if (is_block(element.name) && strcmp(element.name, "td") != 0 &&
		 strcmp(element.name, "th") != 0)
		put_out(card);
	card->n_open--;
}

void cli_info_add_text(struct buf *b, struct json_object *tokens, struct str page, size_t width)
{
	struct card card = { .out = b,
			     .paragraph = buf_new(PARAGRAPH_MAX_BYTES),
			     .width = width == 0 ? WIDTH_OTHERWISE : width,
			     .page = page,
			     .is_parted = true };
	size_t n = json_object_is_type(tokens, json_type_array)
			   ? json_object_array_length(tokens)
			   : 0;

	if (card.width > WIDTH_MAX)
		card.width = WIDTH_MAX;
	for (size_t i = 0; i < n; i++) {
		struct json_object *token = json_object_array_get_idx(tokens, i);

		if (token == NULL)
			end(&card);
		else if (json_object_is_type(token, json_type_array))
			begin(&card, token);
		else
			add_words(&card, str_from(json_object_get_string(token)));
	}
	put_out(&card);
	buf_free(&card.paragraph);
}

/* --- the facts --- */

static void add_fact(struct buf *b, const char *label, struct str value)
{
	if (value.n == 0)
		return;
	buf_addf(b, "%-14s", label);
	cli_text_add_escaped(b, value);
	buf_add_char(b, '\n');
}

static void add_number(struct buf *b, const char *label, uint64_t number)
{
	buf_addf(b, "%-14s", label);
	cli_text_add_number(b, number);
	buf_add_char(b, '\n');
}

static void add_access(struct buf *b, struct json_object *model)
{
	struct str gated = json_get_str(model, "gated");

	if (gated.n == 0)
		return;
	buf_add(b, str_is_equal(gated, S("auto"))
			   ? S("access:       whoever agrees to its terms may have it: ")
			   : S("access:       its owner decides; ask at "));
	cli_text_add_escaped(b, json_get_str(model, "page"));
	buf_add(b, S(", with the account of your token\n"));
}

static void add_scan(struct buf *b, struct json_object *scan)
{
	struct json_object *issues = json_get(scan, "issues");
	uint64_t total = cli_download_number(scan, "issues_total");

	if (scan == NULL)
		return;
	buf_add(b, S("Hub's scan:   "));
	if (total > 0)
		cli_text_add_count(b, total, "file");
	buf_add(b, total > 0                    ? S(" with issues\n")
		   : json_is_true(scan, "done") ? S("nothing found\n")
						: S("not done yet\n"));
	for (size_t i = 0; total > 0 && i < json_object_array_length(issues); i++) {
		struct json_object *issue = json_object_array_get_idx(issues, i);

		buf_add(b, S("              "));
		cli_text_add_escaped(b, json_get_str(issue, "level"));
		buf_add(b, S(": "));
		cli_text_add_escaped(b, json_get_str(issue, "path"));
		buf_add_char(b, '\n');
	}
}

void cli_info_add_facts(struct buf *b, struct json_object *model)
{
	AUTO(buf) words = buf_new(64);

	cli_text_add_escaped(b, json_get_str(model, "repo"));
	buf_add(b, json_is_true(model, "present") ? S(", which is here\n") : S("\n"));
	cli_text_add_parameters(words, cli_download_number(model, "parameters"));
	add_fact(b, "parameters:", buf_str(words));
	if (cli_download_number(model, "context_length") > 0)
		add_number(b, "context:", cli_download_number(model, "context_length"));
	add_fact(b, "architecture:", json_get_str(model, "architecture"));
	add_fact(b, "made of:", json_get_str(model, "base_model"));
	add_fact(b, "licence:", json_get_str(model, "licence"));
	add_fact(b, "task:", json_get_str(model, "task"));
	add_access(b, model);
	add_fact(b, "changed:", str_sub(json_get_str(model, "modified_at"), 0, 10));
	add_number(b, "downloads:", cli_download_number(model, "downloads"));
	add_number(b, "likes:", cli_download_number(model, "likes"));
	add_scan(b, json_get(model, "scan"));
	add_fact(b, "page:", json_get_str(model, "page"));
}

/* --- the command --- */

static void print_card(struct json_object *model)
{
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);

	buf_add_char(text, '\n');
	cli_info_add_text(text, json_get(model, "card"), json_get_str(model, "page"),
			  cli_term_columns(CLI_TERM_OUT));
	if (json_is_true(model, "card_is_cut"))
		buf_add(text, S("\nThe card goes on at the Hub.\n"));
	cli_session_print_as_is(text);
}

static void print(struct json_object *model)
{
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);
	struct str problem = json_get_str(model, "card_problem");

	cli_info_add_facts(text, model);
	if (problem.n > 0) {
		buf_add(text, S("\nno card: "));
		cli_text_add_escaped(text, problem);
		buf_add_char(text, '\n');
	}
	cli_session_print(text);
	if (json_get(model, "card") != NULL)
		print_card(model);
}

/* What people paste names more than a repository: larderd says which one it means. */
static int read_repo(const struct cli_session *session, const char *word,
		     struct json_object *params, struct error *err)
{
	AUTO_JSON wish = json_object_new_object();
	AUTO_JSON pasted = NULL;
	struct json_object *entry;

	json_add_cstr(wish, "text", word);
	if (cli_session_call(session, "paste.read", wish, RPC_TIMEOUT_MS, &pasted, NULL, err) <
	    0)
		return -1;
	entry = json_object_array_get_idx(json_get(pasted, "entries"), 0);
	json_add_str(params, "repo", json_get_str(entry, "repo"));
	json_add_str(params, "type", json_get_str(entry, "type"));
	return 0;
}

enum cli_exit cli_info(const struct cli_session *session)
{
	AUTO_JSON params = json_object_new_object();
	struct json_object *model = NULL;
	struct error err;
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	if (read_repo(session, words[0], params, &err) < 0 ||
	    cli_session_call(session, "hub.model", params, RPC_TIMEOUT_MS, &model, NULL, &err) <
		    0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(model, NULL);
	} else {
		print(model);
		json_free(&model);
	}
	return CLI_EXIT_OK;
}
