#include "cli/cli_complete.h"

#include <string.h>

#include "common/buf.h"

enum {
	LISTED_MAX = 1024 * 1024, /* bytes of what larderd lists */
};

/* What one completion works on. */
struct completing {
	struct buf *b;
	struct str typed;   /* of the word; of an option's value what stands behind "=" */
	const char *before; /* what goes before each candidate: "--type=" or "" */
	cli_complete_list_fn list;
	void *ctx;
};

static void add(struct completing *c, const char *text, const char *about)
{
	if (!str_has_prefix(str_from(text), c->typed))
		return;
	buf_addf(c->b, "%s%s", c->before, text);
	if (about != NULL)
		buf_addf(c->b, "\t%s", about);
	buf_add_char(c->b, '\n');
}

/* Words of `list`, with spaces between. */
static void add_words(struct completing *c, const char *list)
{
	struct str rest = str_from(list);
	struct str word;

	while (str_next(&rest, ' ', &word)) {
		AUTO_CSTR text = str_dup(word);

		add(c, text, NULL);
	}
}

static void add_listed(struct completing *c, enum cli_complete_kind kind)
{
	AUTO(buf) lines = buf_new(LISTED_MAX);
	struct str rest;
	struct str line;

	c->list(c->ctx, kind, lines);
	rest = buf_str(lines);
	while (str_next(&rest, '\n', &line)) {
		if (line.n == 0 || !str_has_prefix(line, c->typed))
			continue;
		buf_add(c->b, line);
		buf_add_char(c->b, '\n');
	}
}

/* --- the values of an option --- */

static void add_values(struct completing *c, enum cli_option option)
{
	static const struct {
		enum cli_option option;
		const char *values;
	} rows[] = {
		{ CLI_OPTION_TYPE, "model dataset" },
		{ CLI_OPTION_FORMAT, "gguf safetensors onnx mlx" },
		{ CLI_OPTION_SORT, "trending downloads likes modified created" },
		{ CLI_OPTION_CONTEXT, "4096 8192 16384 32768 65536 131072" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].option == option)
			add_words(c, rows[i].values);
	}
}

/* The option whose name `word` is, up to "="; CLI_OPTION_COUNT when it is none. */
static enum cli_option option_of(struct str word)
{
	struct str name = str_sub(word, 0, str_find_char(word, '='));

	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++) {
		if (str_is_equal(name, str_from(cli_args_option_name((enum cli_option)i))))
			return (enum cli_option)i;
	}
	return CLI_OPTION_COUNT;
}

static void add_options(struct completing *c, const struct cli_command *command)
{
	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++) {
		enum cli_option option = (enum cli_option)i;
		bool has_value = cli_args_option_has_value(option);
		AUTO_CSTR text =
			mem_printf("%s%s", cli_args_option_name(option), has_value ? "=" : "");

		if (cli_args_takes(command, option))
			add(c, text, cli_args_option_help(option));
	}
}

/* --- words --- */

/* Commands with a word of their own before the others. */
static void add_first_word(struct completing *c, const struct cli_command *command)
{
	static const struct {
		const char *command;
		const char *words;
	} rows[] = {
		{ "settings", "set" },
		{ "token", "set forget" },
		{ "trash", "empty" },
		{ "scrub", "start stop" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (strcmp(command->name, rows[i].command) == 0)
			add_words(c, rows[i].words);
	}
}

static void add_operand(struct completing *c, const struct cli_command *command,
			const char *first)
{
	struct str takes = str_from(command->words);
	bool is_trash =
		strcmp(command->name, "restore") == 0 || strcmp(command->name, "trash") == 0;

	if (first == NULL)
		add_first_word(c, command);
	if (strcmp(command->name, "settings") == 0 && first != NULL)
		add_listed(c, CLI_COMPLETE_SETTINGS);
	if (str_find(takes, S("MODEL")) < takes.n)
		add_listed(c, CLI_COMPLETE_MODELS);
	if (str_find(takes, S("ID")) < takes.n &&
	    (!is_trash || first != NULL || strcmp(command->name, "restore") == 0))
		add_listed(c, is_trash ? CLI_COMPLETE_TRASH : CLI_COMPLETE_DOWNLOADS);
}

/* --- the whole --- */

/* The command among the words but the last, and the word after it that is no option; without a
 * command, the word that is none. */
static const struct cli_command *find_command(const struct cli_command *const *commands,
					      size_t n_commands, const char *const *words,
					      size_t n_words, const char **ret_first)
{
	const struct cli_command *found = NULL;

	*ret_first = NULL;
	for (size_t i = 0; i + 1 < n_words; i++) {
		enum cli_option option = option_of(str_from(words[i]));

		if (words[i][0] == '-') {
			/* A value that stands by itself is no word. */
			i += option < CLI_OPTION_COUNT && cli_args_option_has_value(option) &&
					     strchr(words[i], '=') == NULL
				     ? 1
				     : 0;
		} else if (found != NULL || *ret_first != NULL) {
			*ret_first = *ret_first != NULL ? *ret_first : words[i];
		} else {
			for (size_t j = 0; j < n_commands && found == NULL; j++)
				found = strcmp(words[i], commands[j]->name) == 0 ? commands[j]
										 : NULL;
			*ret_first = found == NULL ? words[i] : NULL;
		}
	}
	return found;
}

void cli_complete(struct buf *b, const struct cli_command *const *commands, size_t n_commands,
		  const char *const *words, size_t n_words, cli_complete_list_fn list,
		  void *ctx)
{
	struct str last = n_words > 0 ? str_from(words[n_words - 1]) : S("");
	struct str previous = n_words > 1 ? str_from(words[n_words - 2]) : S("");
	struct completing c = { .b = b, .typed = last, .before = "", .list = list, .ctx = ctx };
	enum cli_option option = option_of(previous);
	const char *first;
	const struct cli_command *command =
		find_command(commands, n_commands, words, n_words, &first);
	size_t equals = str_find_char(last, '=');
	AUTO_CSTR before = str_dup(str_sub(last, 0, equals < last.n ? equals + 1 : last.n));

	if (option < CLI_OPTION_COUNT && cli_args_option_has_value(option) &&
	    str_find_char(previous, '=') == previous.n) {
		add_values(&c, option);
	} else if (last.n > 0 && last.p[0] == '-' && equals < last.n) {
		c.before = before;
		c.typed = str_sub(last, equals + 1, last.n);
		add_values(&c, option_of(last));
	} else if (command == NULL) {
		n_commands = first == NULL ? n_commands : 0;
		for (size_t i = 0; i < n_commands; i++)
			add(&c, commands[i]->name, commands[i]->summary);
	} else if (last.n > 0 && last.p[0] == '-') {
		add_options(&c, command);
	} else {
		add_operand(&c, command, first);
	}
}
