#include "cli/cli_args.h"

#include <stdlib.h>
#include <string.h>

#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/nearest.h"
#include "common/quote.h"

enum {
	OPTIONS_ALWAYS = CLI_TAKES(JSON) | CLI_TAKES(SOCKET) | CLI_TAKES(HELP),
};

static const struct {
	const char *name;
	const char *value; /* what stands for its value in the help; NULL: a switch */
	const char *help;
} options[] = {
	[CLI_OPTION_SELECT] = { "--select", "TERM",
				"files to take: a quant label, a glob, /a regular expression/, "
				"or a "
				"part of the path; may be given more than once" },
	[CLI_OPTION_EXCLUDE] = { "--exclude", "TERM", "files to leave out, in the same words" },
	[CLI_OPTION_REVISION] = { "--revision", "REV", "a branch, tag or commit; main" },
	[CLI_OPTION_TYPE] = { "--type", "TYPE", "model or dataset; model" },
	[CLI_OPTION_GROUP] = { "--group", "NAME", "only the files of this quant or set" },
	[CLI_OPTION_AUTHOR] = { "--author", "NAME", "only of this user or organisation" },
	[CLI_OPTION_FORMAT] = { "--format", "FORMAT", "gguf, safetensors, onnx or mlx" },
	[CLI_OPTION_TASK] = { "--task", "TASK", "what it is for: text-generation, ..." },
	[CLI_OPTION_TAG] = { "--tag", "TAG",
			     "only with this tag of the Hub; may be given more than once" },
	[CLI_OPTION_PARAMETERS] = { "--parameters", "RANGE",
				    "how large: 7B..14B, ..3B or 70B.." },
	[CLI_OPTION_SORT] = { "--sort", "ORDER",
			      "trending, downloads, likes, modified or created; trending" },
	[CLI_OPTION_LIMIT] = { "--limit", "N", "how many at most" },
	[CLI_OPTION_PRIORITY] = { "--priority", "N", "-1000 to 1000, larger goes first; 0" },
	[CLI_OPTION_NO_WAIT] = { "--no-wait", NULL, "do not wait for the downloads to end" },
	[CLI_OPTION_FROM] = { "--from", "FILE",
			      "take what to get from a file: a list, one a line, or a ComfyUI "
			      "workflow; - is standard input" },
	[CLI_OPTION_FIT] = { "--fit", NULL,
			     "the variant that is recommended for this machine" },
	[CLI_OPTION_FILES] = { "--files", NULL, "list all files, not only the selected" },
	[CLI_OPTION_CONTEXT] = { "--context", "N",
				 "tokens that the model is to keep in mind; 8192" },
	[CLI_OPTION_ALL] = { "--all", NULL, "also those that have ended" },
	[CLI_OPTION_REPLACE] = { "--replace", NULL,
				 "what has the names now goes to the trash in its turn" },
	[CLI_OPTION_HF_CACHE] = { "--hf-cache", "DIR",
				  "the cache's folder, as in HF_HUB_CACHE" },
	[CLI_OPTION_JSON] = { "--json", NULL, "one JSON document instead of text" },
	[CLI_OPTION_SOCKET] = { "--socket", "PATH",
				"larderd's control socket; control.sock in "
				"LARDER_RUNTIME_DIR" },
	[CLI_OPTION_HELP] = { "--help", NULL, "this text" },
	[CLI_OPTION_VERSION] = { "--version", NULL, "the version" },
};

static_assert(ARRAY_LEN(options) == CLI_OPTION_COUNT, "every option has its row");

struct values {
	const char **v;
	size_t n;
	size_t cap;
};

struct cli_args {
	struct values words;
	bool is_given[CLI_OPTION_COUNT];
	struct values values[CLI_OPTION_COUNT];
};

static void keep(struct values *values, const char *text)
{
	values->v = mem_grow((void *)values->v, values->n, &values->cap, sizeof(*values->v));
	values->v[values->n++] = text;
}

/* --- the nearest --- */

static char *say_nearest_option(const struct cli_command *command, const char *name)
{
	const char *known[CLI_OPTION_COUNT] = { NULL };
	size_t n = 0;

	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++) {
		if (((command->options | OPTIONS_ALWAYS) & (1U << i)) != 0)
			known[n++] = options[i].name;
	}
	return nearest_say(name, known, n, "--help lists all");
}

/* --- understanding --- */

static bool is_option(const char *arg)
{
	return arg[0] == '-' && arg[1] != '\0';
}

/* The option that `arg` names, with or without "=value", or CLI_OPTION_COUNT. */
static enum cli_option find_option(const char *arg, const char **ret_value)
{
	size_t len = strcspn(arg, "=");

	*ret_value = arg[len] == '=' ? arg + len + 1 : NULL;
	if (strcmp(arg, "-h") == 0)
		return CLI_OPTION_HELP;
	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++) {
		if (strlen(options[i].name) == len && memcmp(options[i].name, arg, len) == 0)
			return (enum cli_option)i;
	}
	return CLI_OPTION_COUNT;
}

static bool takes_next(const char *arg)
{
	const char *value;
	enum cli_option option = find_option(arg, &value);

	return option != CLI_OPTION_COUNT && options[option].value != NULL && value == NULL;
}

size_t cli_args_find_command(size_t argc, char *const *argv)
{
	for (size_t i = 1; i < argc; i++) {
		if (!is_option(argv[i]))
			return i;
		if (strcmp(argv[i], "--") == 0)
			return i + 1 < argc ? i + 1 : argc;
		if (takes_next(argv[i]))
			i++;
	}
	return argc;
}

bool cli_args_is_given(size_t argc, char *const *argv, enum cli_option option)
{
	const char *value;

	for (size_t i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (is_option(argv[i]) && find_option(argv[i], &value) == option)
			return true;
	}
	return false;
}

static int refuse_option(const struct cli_command *command, const char *arg, struct error *err)
{
	AUTO_CSTR name = str_dup((struct str){ .p = arg, .n = strcspn(arg, "=") });
	AUTO_CSTR nearest = say_nearest_option(command, name);

	return error_set_field(err, quote_plain(str_from(name)).text, "unknown option %s%s",
			       quote_plain(str_from(name)).text, nearest);
}

/* Takes the option at argv[*i], and its value when that is the next word. */
static int take_option(struct cli_args *args, const struct cli_command *command, size_t argc,
		       char *const *argv, size_t *i, size_t skip, struct error *err)
{
	const char *value;
	enum cli_option option = find_option(argv[*i], &value);
	size_t next = *i + 1 == skip ? *i + 2 : *i + 1;

	if (option == CLI_OPTION_COUNT ||
	    ((command->options | OPTIONS_ALWAYS) & (1U << option)) == 0)
		return refuse_option(command, argv[*i], err);
	args->is_given[option] = true;
	if (options[option].value == NULL) {
		if (value != NULL)
			return error_set_field(err, options[option].name, "%s takes no value",
					       options[option].name);
		return 0;
	}
	if (value == NULL && next < argc && strncmp(argv[next], "--", 2) != 0) {
		value = argv[next];
		*i = next;
	}
	if (value == NULL || value[0] == '\0')
		return error_set_field(err, options[option].name, "%s needs a value: %s=%s",
				       options[option].name, options[option].name,
				       options[option].value);
	keep(&args->values[option], value);
	return 0;
}

static int check_words(const struct cli_args *args, const struct cli_command *command,
		       struct error *err)
{
	if (args->is_given[CLI_OPTION_HELP])
		return 0;
	if (args->words.n < command->words_min)
		return error_set(err, ERR_INVALID, "%s needs %s; see larder %s --help",
				 command->name, command->words, command->name);
	if (args->words.n > command->words_max)
		return error_set(err, ERR_INVALID, "%s takes no %s; see larder %s --help",
				 command->name,
				 quote_text(str_from(args->words.v[command->words_max])).text,
				 command->name);
	for (size_t i = 0; i < args->words.n; i++) {
		if (args->words.v[i][0] == '\0')
			return error_set(err, ERR_INVALID, "%s: an empty word is no %s",
					 command->name, command->words);
	}
	return 0;
}

struct cli_args *cli_args_new(const struct cli_command *command, size_t argc, char *const *argv,
			      size_t skip, struct error *err)
{
	AUTO(cli_args) args = mem_alloc(sizeof(*args));
	bool is_ended = false;

	for (size_t i = 1; i < argc; i++) {
		if (i == skip)
			continue;
		if (!is_ended && strcmp(argv[i], "--") == 0)
			is_ended = true;
		else if (is_ended || !is_option(argv[i]))
			keep(&args->words, argv[i]);
		else if (take_option(args, command, argc, argv, &i, skip, err) < 0)
			return NULL;
	}
	if (check_words(args, command, err) < 0)
		return NULL;
	return MOVE(args);
}

void cli_args_free(struct cli_args **args)
{
	if (*args == NULL)
		return;
	free((void *)(*args)->words.v);
	for (size_t i = 0; i < CLI_OPTION_COUNT; i++)
		free((void *)(*args)->values[i].v);
	free(*args);
	*args = NULL;
}

/* --- asking --- */

const char *const *cli_args_words(const struct cli_args *args, size_t *ret_n)
{
	*ret_n = args->words.n;
	return args->words.v;
}

bool cli_args_has(const struct cli_args *args, enum cli_option option)
{
	return args->is_given[option];
}

const char *cli_args_value(const struct cli_args *args, enum cli_option option)
{
	const struct values *values = &args->values[option];

	return values->n > 0 ? values->v[values->n - 1] : NULL;
}

const char *const *cli_args_values(const struct cli_args *args, enum cli_option option,
				   size_t *ret_n)
{
	*ret_n = args->values[option].n;
	return args->values[option].v;
}

int cli_args_number(const struct cli_args *args, enum cli_option option, int64_t min,
		    int64_t max, int64_t otherwise, int64_t *ret, struct error *err)
{
	const char *value = cli_args_value(args, option);
	struct str text = str_from(value);
	bool is_negative = text.n > 0 && text.p[0] == '-';
	uint64_t size;
	int64_t number;

	if (!value) {
		*ret = otherwise;
		return 0;
	}
	if (str_to_u64(str_sub(text, is_negative, text.n), 0, INT64_MAX, &size) < 0)
		return error_set_field(err, options[option].name, "%s must be a whole number",
				       options[option].name);
	number = is_negative ? -(int64_t)size : (int64_t)size;
	if (number < min || number > max)
		return error_set_field(err, options[option].name,
				       "%s must be between %lld and %lld", options[option].name,
				       (long long)min, (long long)max);
	*ret = number;
	return 0;
}

/* --- help --- */

/* As wide as a manual page. */
static void add_wrapped(struct buf *b, const char *text, size_t indent)
{
	enum {
		COLUMNS = 79
	};

	cli_text_add_wrapped(b, str_from(text), indent, COLUMNS);
}

/* "--select=TERM"; to free. */
static char *form_of(unsigned option)
{
	bool has_value = options[option].value != NULL;

	return mem_printf("%s%s%s", options[option].name, has_value ? "=" : "",
			  has_value ? options[option].value : "");
}

/* Where the explanations begin: beyond the longest form. */
static size_t indent_of(unsigned taken)
{
	size_t indent = 0;

	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++) {
		AUTO_CSTR form = form_of(i);

		if ((taken & (1U << i)) != 0 && strlen(form) + 4 > indent)
			indent = strlen(form) + 4;
	}
	return indent;
}

const char *cli_args_option_name(enum cli_option option)
{
	return options[option].name;
}

bool cli_args_option_has_value(enum cli_option option)
{
	return options[option].value != NULL;
}

const char *cli_args_option_help(enum cli_option option)
{
	return options[option].help;
}

bool cli_args_takes(const struct cli_command *command, enum cli_option option)
{
	return ((command->options | OPTIONS_ALWAYS) & (1U << option)) != 0;
}

void cli_args_add_help(struct buf *b, const struct cli_command *command)
{
	unsigned taken = command->options | OPTIONS_ALWAYS;
	size_t indent = indent_of(taken);

	buf_addf(b, "usage: larder %s%s%s [OPTION]...\n\n", command->name,
		 command->words[0] != '\0' ? " " : "", command->words);
	add_wrapped(b, command->details, 0);
	buf_add(b, S("\nOptions:\n"));
	for (unsigned i = 0; i < CLI_OPTION_COUNT; i++) {
		AUTO_CSTR form = form_of(i);

		if ((taken & (1U << i)) == 0)
			continue;
		buf_addf(b, "  %-*s", (int)indent - 2, form);
		add_wrapped(b, options[i].help, indent);
	}
}
