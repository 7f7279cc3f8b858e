/*
 * libcmark-gfm reads the Markdown; its tree is walked once, node by node. `frames` are the
 * elements that are open: of the tree, and within each of those the ones that HTML has begun. A
 * frame may be silent, when its element is none of ours, or lies too deep: its content goes to
 * the frame around it.
 */
#include "downloader/card.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <cmark-gfm-core-extensions.h>
#include <cmark-gfm.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "downloader/card_html.h"
#include "downloader/hub_url.h"

enum {
	NAME_MAX_BYTES = 12,
	MAIL_MAX = 1024,      /* bytes of a mailto: address */
	HTML_FRAMES_MAX = 32, /* elements that HTML has begun within one of the tree; more are
				 not taken for any */
};

struct frame {
	char name[NAME_MAX_BYTES]; /* "": silent */
	bool is_html;
	size_t at; /* of its token, which is there when it is not silent */
};

struct card {
	struct json_object *tokens;
	size_t n;
	struct frame *frames;
	size_t depth;
	size_t frames_cap;
	size_t shown_depth; /* frames that are not silent */
	size_t n_html;      /* the innermost frames, as far as they are HTML's */
	size_t text_n;      /* bytes of words and addresses */
	const char *page;
	const char *files;
	const uint8_t *alignments; /* of the table under way */
	size_t column;
	bool is_head;
	bool is_edge; /* a block has just begun or ended */
};

/* --- the stream --- */

static bool is_block(const char *name)
{
	return name[0] != '\0' && strcmp(name, "strong") != 0 && strcmp(name, "em") != 0 &&
	       strcmp(name, "del") != 0 && strcmp(name, "code") != 0 && strcmp(name, "a") != 0;
}

static bool is_full(const struct card *card)
{
	return card->n >= CARD_TOKENS_MAX || card->text_n >= CARD_TEXT_MAX;
}

static void emit(struct card *card, struct json_object *take_token)
{
	card->is_edge = false;
	(void)json_object_array_add(card->tokens, take_token);
	card->n++;
}

static struct json_object *element(const char *name)
{
	struct json_object *token = json_object_new_array();

	(void)json_object_array_add(token, json_object_new_string(name));
	return token;
}

static void add_word(struct card *card, struct json_object *token, struct str word)
{
	card->text_n += word.n;
	(void)json_object_array_add(token, json_object_new_string_len(word.p, (int)word.n));
}

/* Takes the token; NULL opens a silent frame. */
static void open_frame(struct card *card, const char *name, bool is_html,
		       struct json_object *take_token)
{
	struct frame *frame;

	card->frames =
		mem_grow(card->frames, card->depth, &card->frames_cap, sizeof(*card->frames));
	frame = &card->frames[card->depth++];
	*frame = (struct frame){ .is_html = is_html };
	card->n_html = is_html ? card->n_html + 1 : 0;
	if (take_token == NULL)
		return;
	if (is_full(card) || card->shown_depth >= CARD_DEPTH_MAX) {
		(void)json_object_put(take_token);
		return;
	}
	memcpy(frame->name, name, strlen(name) + 1);
	card->shown_depth++;
	frame->at = card->n;
	emit(card, take_token);
	card->is_edge = is_block(name);
}

static void open_named(struct card *card, const char *name, bool is_html)
{
	open_frame(card, name, is_html, name[0] != '\0' ? element(name) : NULL);
}

/* Nobody wants to see a paragraph with nothing in it. */
static bool is_empty_paragraph(const struct card *card, const struct frame *frame)
{
	return strcmp(frame->name, "p") == 0 && frame->at + 1 == card->n;
}

/* How many of the innermost frames are HTML's, once a frame of the tree was closed. */
static size_t count_html(const struct card *card)
{
	size_t n = 0;

	while (n < card->depth && card->frames[card->depth - 1 - n].is_html)
		n++;
	return n;
}

static void close_frame(struct card *card)
{
	const struct frame *frame = &card->frames[--card->depth];

	card->n_html = frame->is_html ? card->n_html - 1 : count_html(card);
	if (frame->name[0] == '\0')
		return;
	card->shown_depth--;
	if (is_empty_paragraph(card, frame))
		(void)json_object_array_del_idx(card->tokens, --card->n, 1);
	else
		emit(card, NULL);
	card->is_edge = is_block(frame->name);
}

static void add_text(struct card *card, struct str text)
{
	if (text.n == 0 || is_full(card))
		return;
	card->text_n += text.n;
	emit(card, json_object_new_string_len(text.p, (int)text.n));
}

static void add_void(struct card *card, const char *name)
{
	if (!is_full(card))
		emit(card, element(name));
}

/* --- addresses --- */

static bool has_scheme(struct str address)
{
	size_t colon = str_find_char(address, ':');

	for (size_t i = 0; i < colon && i < address.n; i++) {
		if (address.p[i] == '/' || address.p[i] == '?' || address.p[i] == '#')
			return false;
	}
	return colon < address.n;
}

static bool is_mail(struct str address)
{
	for (size_t i = 0; i < address.n; i++) {
		unsigned char c = (unsigned char)address.p[i];

		if (c <= 0x20 || c == 0x7f)
			return false;
	}
	return str_has_prefix_nocase(address, S("mailto:")) && address.n <= MAIL_MAX;
}

/* The address in full, to free, or NULL when it is not one that may be followed. */
static char *address_of(struct str address, const char *base, bool may_be_mail)
{
	struct error unused;
	AUTO_CSTR whole = str_dup(address);
	AUTO_CSTR host = NULL;

	if (address.n == 0 || address.p[0] == '#' || str_find_char(address, '\0') < address.n)
		return NULL;
	if (may_be_mail && is_mail(address))
		return MOVE(whole);
	if (!has_scheme(address))
		return hub_url_join(base, address, &unused);
	host = hub_url_host(whole);
	return host[0] != '\0' ? MOVE(whole) : NULL;
}

/* What is no address of ours is text only. */
static void open_link(struct card *card, struct str target, bool is_html)
{
	AUTO_CSTR address = address_of(target, card->page, true);
	struct json_object *token = NULL;

	if (address != NULL) {
		token = element("a");
		add_word(card, token, str_from(address));
	}
	open_frame(card, "a", is_html, token);
}

static void add_image(struct card *card, struct str source, struct str words)
{
	AUTO_CSTR address = address_of(source, card->files, false);
	struct json_object *token;

	if (address == NULL) {
		add_text(card, words);
		return;
	}
	if (is_full(card))
		return;
	token = element("img");
	add_word(card, token, str_from(address));
	add_word(card, token, words);
	emit(card, token);
}

/* --- HTML --- */

/* What an element of HTML is here; "" for what only parts its content from the rest. */
static const char *name_of_tag(const char *tag)
{
	static const char *const rows[][2] = {
		{ "b", "strong" },   { "strong", "strong" },
		{ "i", "em" },       { "em", "em" },
		{ "s", "del" },      { "del", "del" },
		{ "strike", "del" }, { "code", "code" },
		{ "kbd", "code" },   { "p", "p" },
		{ "div", "p" },      { "center", "p" },
		{ "summary", "p" },  { "h1", "h1" },
		{ "h2", "h2" },      { "h3", "h3" },
		{ "h4", "h4" },      { "h5", "h5" },
		{ "h6", "h6" },      { "ul", "ul" },
		{ "li", "li" },      { "table", "table" },
		{ "tr", "tr" },      { "th", "th" },
		{ "td", "td" },      { "blockquote", "blockquote" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(rows[i][0], tag) == 0)
			return rows[i][1];
	}
	return "";
}

/* Ends what HTML has begun since `base`, down to the innermost of that name; nothing when there
 * is none. */
static void close_tag(struct card *card, size_t base, const char *name)
{
	size_t at = card->depth;

	while (at > base && strcmp(card->frames[at - 1].name, name) != 0)
		at--;
	if (at == base || name[0] == '\0')
		return;
	while (card->depth >= at)
		close_frame(card);
}

/* A paragraph does not hold blocks. */
static void close_paragraph(struct card *card, size_t base)
{
	if (card->depth > base && strcmp(card->frames[card->depth - 1].name, "p") == 0)
		close_frame(card);
}

static bool ends_itself(const char *tag)
{
	return strcmp(tag, "br") == 0 || strcmp(tag, "hr") == 0 || strcmp(tag, "img") == 0;
}

static void open_tag(struct card *card, size_t base, const struct card_piece *piece)
{
	const char *name = name_of_tag(piece->name);
	AUTO(buf) address = buf_new(HUB_URL_MAX);
	AUTO(buf) words = buf_new(CARD_MAX);

	if (card->n_html >= HTML_FRAMES_MAX && !ends_itself(piece->name))
		return;
	card_html_add_text(address, piece->address);
	card_html_add_text(words, piece->words);
	if (strcmp(piece->name, "img") == 0) {
		add_image(card, buf_str(address), buf_str(words));
	} else if (ends_itself(piece->name)) {
		add_void(card, piece->name);
	} else if (strcmp(piece->name, "a") == 0) {
		open_link(card, buf_str(address), true);
	} else if (strcmp(name, "th") == 0 || strcmp(name, "td") == 0) {
		struct json_object *token = element(name);

		add_word(card, token, S(""));
		open_frame(card, name, true, token);
	} else if (name[0] != '\0') {
		if (is_block(name))
			close_paragraph(card, base);
		open_named(card, name, true);
	}
}

static const char *name_of_close(const struct card_piece *piece)
{
	return strcmp(piece->name, "a") == 0 ? "a" : name_of_tag(piece->name);
}

static bool is_blank(struct str text)
{
	return str_trim(text).n == 0;
}

/* A block of HTML: what stands between its tags becomes paragraphs where no tag says otherwise.
 */
static void add_html_block(struct card *card, struct str html)
{
	size_t base = card->depth;
	struct card_piece piece;

	while (card_html_next(&html, &piece)) {
		if (piece.kind == CARD_PIECE_CLOSE) {
			close_tag(card, base, name_of_close(&piece));
			continue;
		}
		if (card->depth == base && !is_block(name_of_tag(piece.name)) &&
		    !(piece.kind == CARD_PIECE_TEXT && is_blank(piece.text)) &&
		    strcmp(piece.name, "hr") != 0)
			open_named(card, "p", true);
		if (piece.kind == CARD_PIECE_OPEN) {
			open_tag(card, base, &piece);
		} else if (card->depth > base && !(card->is_edge && is_blank(piece.text))) {
			AUTO(buf) text = buf_new(CARD_MAX);

			card_html_add_text(text, piece.text);
			add_text(card, buf_str(text));
		}
	}
	while (card->depth > base)
		close_frame(card);
}

/* One tag within a paragraph; only what may stand there. */
static void add_html_inline(struct card *card, struct str html)
{
	size_t base = card->depth - card->n_html;
	struct card_piece piece;

	if (!card_html_next(&html, &piece) || piece.kind == CARD_PIECE_TEXT)
		return;
	if (piece.kind == CARD_PIECE_CLOSE)
		close_tag(card, base, name_of_close(&piece));
	else if (!is_block(name_of_tag(piece.name)) && strcmp(piece.name, "hr") != 0)
		open_tag(card, base, &piece);
}

/* --- Markdown --- */

static struct str literal_of(cmark_node *node)
{
	return str_from(cmark_node_get_literal(node));
}

static bool is_of(cmark_node *node, const char *type)
{
	return strcmp(cmark_node_get_type_string(node), type) == 0;
}

static void open_list(struct card *card, cmark_node *node)
{
	struct json_object *token;
	bool is_ordered = cmark_node_get_list_type(node) == CMARK_ORDERED_LIST;

	token = element(is_ordered ? "ol" : "ul");
	if (is_ordered)
		(void)json_object_array_add(
			token, json_object_new_int(cmark_node_get_list_start(node)));
	open_frame(card, is_ordered ? "ol" : "ul", false, token);
}

static void open_item(struct card *card, cmark_node *node)
{
	struct json_object *token = element("li");

	if (is_of(node, "tasklist"))
		(void)json_object_array_add(
			token, json_object_new_boolean(
				       cmark_gfm_extensions_get_tasklist_item_checked(node)));
	open_frame(card, "li", false, token);
}

static void open_heading(struct card *card, cmark_node *node)
{
	const char name[] = { 'h', (char)('0' + cmark_node_get_heading_level(node)), '\0' };

	open_named(card, name, false);
}

/* In a tight list an item is no paragraph. */
static void open_paragraph(struct card *card, cmark_node *node)
{
	cmark_node *list = cmark_node_parent(cmark_node_parent(node));
	bool is_tight = list != NULL && cmark_node_get_type(list) == CMARK_NODE_LIST &&
			cmark_node_get_list_tight(list);

	open_named(card, is_tight ? "" : "p", false);
}

static struct str alignment_of(const struct card *card)
{
	switch (card->alignments != NULL ? card->alignments[card->column] : 0) {
	case 'l':
		return S("left");
	case 'c':
		return S("center");
	case 'r':
		return S("right");
	default:
		return S("");
	}
}

static void open_cell(struct card *card)
{
	const char *name = card->is_head ? "th" : "td";
	struct json_object *token = element(name);

	add_word(card, token, alignment_of(card));
	card->column++;
	open_frame(card, name, false, token);
}

/* Nodes of the extensions have no number that a switch could know. */
static void open_of_extension(struct card *card, cmark_node *node)
{
	if (is_of(node, "table")) {
		card->alignments = cmark_gfm_extensions_get_table_alignments(node);
		open_named(card, "table", false);
	} else if (is_of(node, "table_header") || is_of(node, "table_row")) {
		card->is_head = is_of(node, "table_header");
		card->column = 0;
		open_named(card, "tr", false);
	} else if (is_of(node, "table_cell")) {
		open_cell(card);
	} else if (is_of(node, "strikethrough")) {
		open_named(card, "del", false);
	} else if (is_of(node, "tasklist")) {
		open_item(card, node);
	} else {
		open_named(card, "", false);
	}
}

static void enter(struct card *card, cmark_node *node)
{
	cmark_node_type type = cmark_node_get_type(node);

	if (type == CMARK_NODE_BLOCK_QUOTE)
		open_named(card, "blockquote", false);
	else if (type == CMARK_NODE_LIST)
		open_list(card, node);
	else if (is_of(node, "item"))
		open_item(card, node);
	else if (type == CMARK_NODE_PARAGRAPH)
		open_paragraph(card, node);
	else if (type == CMARK_NODE_HEADING)
		open_heading(card, node);
	else if (type == CMARK_NODE_EMPH)
		open_named(card, "em", false);
	else if (type == CMARK_NODE_STRONG)
		open_named(card, "strong", false);
	else if (type == CMARK_NODE_LINK)
		open_link(card, str_from(cmark_node_get_url(node)), false);
	else
		open_of_extension(card, node);
}

static void add_code_block(struct card *card, cmark_node *node)
{
	struct str language = str_from(cmark_node_get_fence_info(node));
	struct json_object *token = element("pre");

	add_word(card, token, str_sub(language, 0, str_find_char(language, ' ')));
	open_frame(card, "pre", false, token);
	add_text(card, literal_of(node));
	close_frame(card);
}

static void add_code(struct card *card, cmark_node *node)
{
	open_named(card, "code", false);
	add_text(card, literal_of(node));
	close_frame(card);
}

/* A node without content of its own. */
static void add_leaf(struct card *card, cmark_node *node)
{
	cmark_node_type type = cmark_node_get_type(node);

	if (type == CMARK_NODE_TEXT)
		add_text(card, literal_of(node));
	else if (type == CMARK_NODE_SOFTBREAK)
		add_text(card, S("\n"));
	else if (type == CMARK_NODE_LINEBREAK)
		add_void(card, "br");
	else if (type == CMARK_NODE_CODE)
		add_code(card, node);
	else if (type == CMARK_NODE_CODE_BLOCK)
		add_code_block(card, node);
	else if (type == CMARK_NODE_THEMATIC_BREAK)
		add_void(card, "hr");
	else if (type == CMARK_NODE_HTML_BLOCK)
		add_html_block(card, literal_of(node));
	else if (type == CMARK_NODE_HTML_INLINE)
		add_html_inline(card, literal_of(node));
}

static bool is_leaf(cmark_node *node)
{
	cmark_node_type type = cmark_node_get_type(node);

	return type == CMARK_NODE_TEXT || type == CMARK_NODE_SOFTBREAK ||
	       type == CMARK_NODE_LINEBREAK || type == CMARK_NODE_CODE ||
	       type == CMARK_NODE_CODE_BLOCK || type == CMARK_NODE_THEMATIC_BREAK ||
	       type == CMARK_NODE_HTML_BLOCK || type == CMARK_NODE_HTML_INLINE;
}

/* The words of an image are nodes of their own. */
static void add_image_node(struct card *card, cmark_iter *iter, cmark_node *node)
{
	AUTO(buf) words = buf_new(CARD_MAX);
	cmark_event_type event;

	while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
		cmark_node *inner = cmark_iter_get_node(iter);

		if (event == CMARK_EVENT_EXIT && inner == node)
			break;
		if (event == CMARK_EVENT_ENTER &&
		    (cmark_node_get_type(inner) == CMARK_NODE_TEXT ||
		     cmark_node_get_type(inner) == CMARK_NODE_CODE))
			buf_add(words, literal_of(inner));
	}
	add_image(card, str_from(cmark_node_get_url(node)), buf_str(words));
}

static void leave(struct card *card)
{
	while (card->frames[card->depth - 1].is_html)
		close_frame(card);
	close_frame(card);
}

static void walk(struct card *card, cmark_node *document)
{
	cmark_iter *iter = cmark_iter_new(document);
	cmark_event_type event;

	while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
		cmark_node *node = cmark_iter_get_node(iter);

		if (event == CMARK_EVENT_EXIT)
			leave(card);
		else if (cmark_node_get_type(node) == CMARK_NODE_IMAGE)
			add_image_node(card, iter, node);
		else if (is_leaf(node))
			add_leaf(card, node);
		else
			enter(card, node);
	}
	cmark_iter_free(iter);
}

/* --- the text before it is read --- */

/* Without the heading of YAML, which is for the Hub. */
static struct str without_heading(struct str text)
{
	struct str rest = text;
	struct str line;

	if (str_has_prefix(rest, S("\xef\xbb\xbf")))
		rest = str_sub(rest, 3, rest.n);
	text = rest;
	if (!str_next(&rest, '\n', &line) || !str_is_equal(str_trim(line), S("---")))
		return text;
	while (str_next(&rest, '\n', &line)) {
		if (str_is_equal(str_trim(line), S("---")))
			return rest;
	}
	return text;
}

/* What libcmark-gfm 0.29.0.gfm.6 does without a measure of its own. Each bound is far above
 * what people write, and what is below them is read within a second (measured). */
enum {
	/* Columns times lines: the cells that a table is completed to (CVE-2023-37463). */
	CELLS_MAX = 100 * 1000,
	/* Opening brackets times the longest paragraph in which an address may be defined: each
	 * use of the address gets a copy. */
	COPIES_MAX = 16 * 1024 * 1024,
	/* Beginnings of what is looked for to the end of the text, again and again. */
	OPENINGS_MAX = 500,
	IMAGES_MAX = 4000,
};

static size_t count(struct str text, struct str what)
{
	size_t n = 0;

	for (;;) {
		size_t at = str_find(text, what);

		if (at == text.n)
			return n;
		text = str_sub(text, at + what.n, text.n);
		n++;
	}
}

/* Can tables be read without more cells than anybody has written? */
static bool may_have_tables(struct str text)
{
	size_t lines = 0;
	size_t columns_max = 0;
	struct str line;

	while (str_next(&text, '\n', &line)) {
		size_t columns = 1;

		for (size_t i = 0; i < line.n; i++)
			columns += line.p[i] == '|';
		if (columns > columns_max)
			columns_max = columns;
		lines++;
	}
	return lines * columns_max <= CELLS_MAX;
}

/* The longest run of lines that are not blank, among those with "]:". */
static size_t longest_definition(struct str text)
{
	size_t longest = 0;
	size_t n = 0;
	bool has_one = false;
	struct str line;

	while (str_next(&text, '\n', &line)) {
		if (str_trim(line).n == 0) {
			n = 0;
			has_one = false;
			continue;
		}
		n += line.n + 1;
		has_one = has_one || str_find(line, S("]:")) < line.n;
		if (has_one && n > longest)
			longest = n;
	}
	return longest;
}

static bool is_harmless(struct str text)
{
	return count(text, S("[")) * longest_definition(text) <= COPIES_MAX &&
	       count(text, S("<?")) + count(text, S("<!")) <= OPENINGS_MAX &&
	       count(text, S("![")) <= IMAGES_MAX;
}

static void register_extensions(void)
{
	cmark_gfm_core_extensions_ensure_registered();
}

static cmark_node *parse(struct str text)
{
	static const char *const extensions[] = { "strikethrough", "autolink", "tasklist",
						  "table" };
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	size_t n = ARRAY_LEN(extensions) - !may_have_tables(text);
	cmark_parser *parser;
	cmark_node *document;

	(void)pthread_once(&once, register_extensions);
	parser = cmark_parser_new(CMARK_OPT_VALIDATE_UTF8);
	for (size_t i = 0; i < n; i++)
		(void)cmark_parser_attach_syntax_extension(
			parser, cmark_find_syntax_extension(extensions[i]));
	cmark_parser_feed(parser, text.p != NULL ? text.p : "", text.n);
	document = cmark_parser_finish(parser);
	cmark_parser_free(parser);
	return document;
}

int card_read(struct str markdown, const char *page, const char *files,
	      struct json_object **ret, struct error *err)
{
	struct card card = { .page = page, .files = files };
	struct str text = without_heading(str_utf8_whole(str_sub(markdown, 0, CARD_MAX)));
	cmark_node *document;

	if (!is_harmless(text))
		return error_set(err, ERR_INVALID,
				 "the card would take more to read than it is worth");
	document = parse(text);
	card.tokens = json_object_new_array();
	walk(&card, document);
	cmark_node_free(document);
	free(card.frames);
	*ret = card.tokens;
	return 0;
}
