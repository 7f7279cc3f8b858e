/*
 * The words after `larder`: which command, which options, and what is left over. One table of
 * options (cli_args.c); each command names those it takes. The same tables print the help.
 *
 * Options may stand anywhere before or after other words, also before the command; `--` ends
 * them. A value is written `--select=T` or `--select T`; a separate value that begins with "--"
 * is taken for a forgotten one, since that is what it mostly is.
 *
 * Everything kept is borrowed from argv. Pure. Any thread.
 */
#ifndef CLI_CLI_ARGS_H
#define CLI_CLI_ARGS_H

#include "common/base.h"

struct buf;
struct error;
struct cli_args;

enum cli_option {
	CLI_OPTION_SELECT,
	CLI_OPTION_EXCLUDE,
	CLI_OPTION_REVISION,
	CLI_OPTION_TYPE,
	CLI_OPTION_GROUP,
	CLI_OPTION_AUTHOR,
	CLI_OPTION_FORMAT,
	CLI_OPTION_TASK,
	CLI_OPTION_TAG,
	CLI_OPTION_PARAMETERS,
	CLI_OPTION_SORT,
	CLI_OPTION_LIMIT,
	CLI_OPTION_PRIORITY,
	CLI_OPTION_NO_WAIT,
	CLI_OPTION_FROM,
	CLI_OPTION_FIT,
	CLI_OPTION_FILES,
	CLI_OPTION_CONTEXT,
	CLI_OPTION_ALL,
	CLI_OPTION_REPLACE,
	CLI_OPTION_HF_CACHE,
	CLI_OPTION_JSON,
	CLI_OPTION_SOCKET,
	CLI_OPTION_HELP,
	CLI_OPTION_VERSION,
	CLI_OPTION_COUNT,
};

#define CLI_TAKES(name) (1U << CLI_OPTION_##name)

/* A command for people: how it is called and what it does. */
struct cli_command {
	const char *name;
	const char *words;   /* "REPO..." or "" */
	size_t words_min;    /* how many of them, */
	size_t words_max;    /* SIZE_MAX: any number */
	unsigned options;    /* CLI_TAKES(...) of its own; --json --socket --help always */
	const char *summary; /* a line without a stop */
	const char *details; /* more, for its own help */
};

/* The position in argv of the command, or argc when there is none: the first word that is
 * neither an option nor the value of one. */
size_t cli_args_find_command(size_t argc, char *const *argv);

/* True when the option stands anywhere in argv before `--`, whatever else is wrong there: tells
 * --json, --help and --version apart before the command is known. */
bool cli_args_is_given(size_t argc, char *const *argv, enum cli_option option);

/* Understands argv[1..] but for argv[skip], the command. NULL with ERR_INVALID, the option as
 * field, and one sentence that names the nearest known option. With --help nothing is missed.
 */
struct cli_args *cli_args_new(const struct cli_command *command, size_t argc, char *const *argv,
			      size_t skip, struct error *err);
void cli_args_free(struct cli_args **args);

/* What is not an option. */
const char *const *cli_args_words(const struct cli_args *args, size_t *ret_n);

bool cli_args_has(const struct cli_args *args, enum cli_option option);

/* The last value given, or NULL. */
const char *cli_args_value(const struct cli_args *args, enum cli_option option);

/* All values given, in order. */
const char *const *cli_args_values(const struct cli_args *args, enum cli_option option,
				   size_t *ret_n);

/* The whole number between `min` and `max` given with the option; `otherwise`, which need not
 * lie between them, when the option is not given. */
int cli_args_number(const struct cli_args *args, enum cli_option option, int64_t min,
		    int64_t max, int64_t otherwise, int64_t *ret, struct error *err) MUST_USE;

/* What there is to say of an option: "--type", whether a value follows, its help, and whether a
 * command takes it. */
const char *cli_args_option_name(enum cli_option option);
bool cli_args_option_has_value(enum cli_option option);
const char *cli_args_option_help(enum cli_option option);
bool cli_args_takes(const struct cli_command *command, enum cli_option option);

/* The help of one command. */
void cli_args_add_help(struct buf *b, const struct cli_command *command);

#endif
