/* larder: the command line program. It asks larderd, over its control socket. */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli_args.h"
#include "cli/cli_audit.h"
#include "cli/cli_backup.h"
#include "cli/cli_care.h"
#include "cli/cli_complete.h"
#include "cli/cli_doctor.h"
#include "cli/cli_get.h"
#include "cli/cli_info.h"
#include "cli/cli_link.h"
#include "cli/cli_models.h"
#include "cli/cli_password.h"
#include "cli/cli_preview.h"
#include "cli/cli_ps.h"
#include "cli/cli_search.h"
#include "cli/cli_session.h"
#include "cli/cli_settings.h"
#include "cli/cli_status.h"
#include "cli/cli_text.h"
#include "cli/cli_token.h"
#include "common/buf.h"
#include "common/config.h"
#include "common/nearest.h"
#include "common/quote.h"

enum {
	COMPLETE_MS = 1000, /* somebody waits in the middle of a word */
};

#define CHOICE (CLI_TAKES(SELECT) | CLI_TAKES(EXCLUDE) | CLI_TAKES(REVISION) | CLI_TAKES(TYPE))

#define REPO_HELP                                                                          \
	"REPO is owner/name, owner/name:QUANT, an address of the Hub, or a whole command " \
	"(\"hf download ...\") between quotes."

static const struct {
	struct cli_command command;
	enum cli_exit (*run)(const struct cli_session *session);
} commands[] = {
	{ { .name = "get",
	    .words = "REPO...|--from=FILE",
	    .words_max = SIZE_MAX,
	    .options = CHOICE | CLI_TAKES(FIT) | CLI_TAKES(CONTEXT) | CLI_TAKES(FROM) |
		       CLI_TAKES(PRIORITY) | CLI_TAKES(NO_WAIT),
	    .summary = "download, and wait until every byte is proven",
	    .details =
		    "Downloads from the Hub and waits. " REPO_HELP
		    " With --fit, the variant is taken that larder preview recommends. A file "
		    "may "
		    "have many of them, one a line; of a ComfyUI workflow, what is not here "
		    "yet is "
		    "fetched, and it is said in which of ComfyUI's folders each belongs. Ends "
		    "with 0 only when every download is completed and proven, 1 "
		    "when "
		    "one has failed or was cancelled, 2 when it was asked for wrongly, 3 when "
		    "larderd is not running, 130 after Ctrl-C, which leaves the downloads to "
		    "larderd." },
	  cli_get },
	{ { .name = "preview",
	    .words = "REPO...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .options = CHOICE | CLI_TAKES(FILES) | CLI_TAKES(CONTEXT),
	    .summary = "what a download would bring, and whether it fits",
	    .details =
		    "Shows what there is to choose from, what is selected, and what it would "
		    "take. FITS says where a runtime can have it: on the graphics cards, "
		    "divided between these and memory, in memory, or not at all; one is "
		    "recommended. NVIDIA's cards are known once larder settings set "
		    "gpu-memory=24, or LARDER_GPU_MEMORY=24G, names them. " REPO_HELP },
	  cli_preview },
	{ { .name = "ps",
	    .words = "",
	    .options = CLI_TAKES(ALL),
	    .summary = "the downloads that are under way",
	    .details = "Lists the downloads that are under way, the newest first." },
	  cli_ps },
	{ { .name = "pause",
	    .words = "ID...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .summary = "halt downloads until they are resumed",
	    .details = "Halts downloads until they are resumed. The first characters of an ID "
		       "are enough, four at least." },
	  cli_pause },
	{ { .name = "resume",
	    .words = "ID...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .summary = "let paused downloads go on",
	    .details = "Lets paused downloads go on. The first characters of an ID are enough, "
		       "four at least." },
	  cli_resume },
	{ { .name = "cancel",
	    .words = "ID...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .summary = "end downloads; files that are proven stay",
	    .details = "Ends downloads and removes what is not whole; files that are proven "
		       "stay. The first characters of an ID are enough, four at least." },
	  cli_cancel },
	{ { .name = "retry",
	    .words = "ID...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .summary = "begin failed or cancelled downloads again",
	    .details = "Puts failed or cancelled downloads into the queue again. The first "
		       "characters of an ID are enough, four at least." },
	  cli_retry },
	{ { .name = "forget",
	    .words = "ID...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .summary = "take ended downloads off the list; files stay",
	    .details = "Takes downloads that have ended off the list; their files stay. The "
		       "first characters of an ID are enough, four at least." },
	  cli_forget },
	{ { .name = "search",
	    .words = "[TEXT...]",
	    .words_max = SIZE_MAX,
	    .options = CLI_TAKES(AUTHOR) | CLI_TAKES(FORMAT) | CLI_TAKES(TASK) |
		       CLI_TAKES(TAG) | CLI_TAKES(PARAMETERS) | CLI_TAKES(SORT) |
		       CLI_TAKES(LIMIT) | CLI_TAKES(TYPE),
	    .summary = "look for models at the Hub",
	    .details = "Asks the Hub for models with TEXT in their name, or for what is "
		       "trending. HERE marks what is in the library already. Then: larder "
		       "preview OWNER/NAME, larder get OWNER/NAME:QUANT." },
	  cli_search },
	{ { .name = "info",
	    .words = "REPO",
	    .words_min = 1,
	    .words_max = 1,
	    .summary = "what a model at the Hub is: facts and its card",
	    .details =
		    "Asks the Hub what it knows of a model, what its own scanners found in "
		    "its files, and for the model card, which is shown as text. " REPO_HELP },
	  cli_info },
	{ { .name = "token",
	    .words = "[set|forget]",
	    .words_max = 1,
	    .summary = "the Hub's token: whose it is, another one, none",
	    .details = "Shows whether there is a token for the Hub and whose it is. With set, "
		       "reads one line and uses it from then on, once the Hub knows it; it is "
		       "kept sealed and cannot be read back. With forget, forgets it: HF_TOKEN "
		       "counts again." },
	  cli_token },
	{ { .name = "audit",
	    .words = "",
	    .options = CLI_TAKES(LIMIT),
	    .summary = "who has done what",
	    .details = "Shows who changed something, from where, and what came of it, the "
		       "newest first. The last 100,000 deeds are kept." },
	  cli_audit },
	{ { .name = "ls",
	    .words = "[TEXT]",
	    .words_max = 1,
	    .summary = "the models on the disk",
	    .details = "Shows the models on the disk, or those with TEXT in their name: what "
		       "Larder fetched, and what others put there." },
	  cli_ls },
	{ { .name = "show",
	    .words = "MODEL",
	    .words_min = 1,
	    .words_max = 1,
	    .options = CLI_TAKES(REVISION),
	    .summary = "what a model on the disk is",
	    .details = "Shows what is known of a model on the disk: what its headers say, its "
		       "groups of files, what is missing or wrong. MEMORY is what its weights "
		       "and a cache (F16) of 8192 tokens take." },
	  cli_show },
	{ { .name = "rm",
	    .words = "MODEL",
	    .words_min = 1,
	    .words_max = 1,
	    .options = CLI_TAKES(REVISION) | CLI_TAKES(GROUP),
	    .summary = "move a model, or a group of it, to the trash",
	    .details = "Moves a model to the trash, or with --group the files of one quant or "
		       "set. The trash keeps it for some days; larder restore brings it "
		       "back." },
	  cli_rm },
	{ { .name = "trash",
	    .words = "[empty ID...]",
	    .words_max = SIZE_MAX,
	    .summary = "what was deleted or replaced",
	    .details =
		    "Shows what was deleted or replaced and can be brought back. With empty, "
		    "removes entries for good." },
	  cli_trash },
	{ { .name = "restore",
	    .words = "ID...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .options = CLI_TAKES(REPLACE),
	    .summary = "bring back what is in the trash",
	    .details = "Brings back what is in the trash, to where it was. Nothing is "
		       "overwritten: where a name is taken, nothing is moved, or with "
		       "--replace what has it goes to the trash. So an update is taken back: "
		       "what it replaced is one entry." },
	  cli_restore },
	{ { .name = "verify",
	    .words = "MODEL...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .options = CLI_TAKES(REVISION) | CLI_TAKES(PRIORITY) | CLI_TAKES(NO_WAIT),
	    .summary = "hash a model's files again",
	    .details = "Reads every file of a model from the disk and compares its digest with "
		       "the Hub's, gently, since others read that disk too. Ends with 1 when "
		       "one has changed or is missing." },
	  cli_verify },
	{ { .name = "repair",
	    .words = "MODEL...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .options = CLI_TAKES(REVISION) | CLI_TAKES(PRIORITY) | CLI_TAKES(NO_WAIT),
	    .summary = "fetch again what is changed or missing",
	    .details = "Fetches the files of a model that a verification, or the clock, found "
		       "changed, and those that are missing. What they replace goes to the "
		       "trash." },
	  cli_repair },
	{ { .name = "check",
	    .words = "[MODEL...]",
	    .words_max = SIZE_MAX,
	    .options = CLI_TAKES(REVISION),
	    .summary = "is there something newer at the Hub",
	    .details = "Asks the Hub whether there is something newer than these models, or "
		       "than all that are here, and says what an update would bring." },
	  cli_check },
	{ { .name = "update",
	    .words = "MODEL...",
	    .words_min = 1,
	    .words_max = SIZE_MAX,
	    .options = CLI_TAKES(REVISION) | CLI_TAKES(PRIORITY) | CLI_TAKES(NO_WAIT),
	    .summary = "bring a model to its newest commit",
	    .details = "Fetches what has changed at the Hub. The model stays as it is until "
		       "all of that is proven; then the new files take their names together, "
		       "and the old ones go to the trash: larder restore --replace takes it "
		       "back." },
	  cli_update },
	{ { .name = "scrub",
	    .words = "[start|stop]",
	    .words_max = 1,
	    .summary = "the verification of the whole library",
	    .details = "Shows what the last scrub, or the one under way, has found. With "
		       "start, begins one now; with stop, ends it where it is." },
	  cli_scrub },
	{ { .name = "link",
	    .words = "[MODEL...]",
	    .words_max = SIZE_MAX,
	    .options = CLI_TAKES(HF_CACHE),
	    .summary = "show the library to other programs, at no cost",
	    .details = "With --hf-cache DIR, lays out these models, or all, as the official "
		       "cache has them, so that transformers, vLLM and others find them "
		       "offline: with hard links where DIR is on the same disk, else with "
		       "symbolic ones. It takes no space. Only files that are proven; run it "
		       "again after an update." },
	  cli_link },
	{ { .name = "scan",
	    .words = "",
	    .summary = "look at the disk again",
	    .details = "Has larderd look at the models on the disk again, now." },
	  cli_scan },
	{ { .name = "backup",
	    .words = "[FILE]",
	    .words_max = 1,
	    .summary = "copy the database: queue, settings, library, audit",
	    .details =
		    "Has larderd copy its database, in use as it is, into the folder backups "
		    "of LARDER_STATE_DIR, where the newest ten are kept, and tells where. "
		    "With FILE, copies that there, too; it takes a user who may read it. "
		    "What a copy has sealed, the Hub's token, is read with secret.key only, "
		    "which is not in it. larderd --restore FILE puts one back." },
	  cli_backup },
	{ { .name = "status",
	    .words = "",
	    .summary = "what larderd is doing, and whether it is well",
	    .details = "Shows what larderd is doing. Ends with 1 when a part of it is not "
		       "well, with 3 when it is not running." },
	  cli_status },
	{ { .name = "doctor",
	    .words = "[REPO]",
	    .words_max = 1,
	    .summary = "why a download does not go on: examine the way to the Hub",
	    .details =
		    "Looks at the disk, the database and the settings, then goes the way of "
		    "a download: proxy, name, connection, certificate, clock, token, a "
		    "model's list, each redirect, and the first bytes of its largest file. "
		    "Says which host failed, and what to do. Tries with REPO, else with the "
		    "newest download that waits, or has ended, else with what is trending. "
		    "Ends with 1 when something failed, with 3 when larderd is not running." },
	  cli_doctor },
	{ { .name = "settings",
	    .words = "[set KEY=VALUE...]",
	    .words_max = SIZE_MAX,
	    .summary = "limits, pause and schedule: show or change them",
	    .details =
		    "Shows what can be changed while larderd runs, and what it comes to now. "
		    "With set, changes it: paused=on|off, limit=2MB (a second, of all "
		    "downloads; none), slow=on|off, slow-limit=500kB (holds while slow is "
		    "on), downloads=3, connections=16 (at the same time), schedule=JSON (a "
		    "list like '[{\"days\": [\"mon\"], \"from\": \"08:00\", \"to\": "
		    "\"18:00\", \"action\": \"limit\", \"bandwidth_limit\": 500000}]', in "
		    "larderd's local time; \"action\": \"pause\" has no limit; none), "
		    "gpu-memory=24,8 (GiB of each graphics card; none). kB, MB "
		    "and GB are thousands, K, M and G are 1024. KEY=default is what the "
		    "configuration says, or the kernel." },
	  cli_settings },
	{ { .name = "sign-out",
	    .words = "",
	    .summary = "end every session, of everybody",
	    .details = "Ends every session there is: whoever is signed in signs in again, also "
		       "who has a copy of a cookie. A new password does so by itself. Keys "
		       "stay." },
	  cli_sign_out },
	{ { .name = "hash-password",
	    .words = "",
	    .summary = "what LARDER_PASSWORD_HASH takes, for LARDER_AUTH=password",
	    .details = "Asks for a password twice, without showing it, or reads one line from "
		       "standard input, and prints its hash (Argon2id). Nothing is kept." },
	  cli_hash_password },
};

static int print_usage(FILE *out)
{
	(void)fputs("usage: larder COMMAND [WORD]... [OPTION]...\n\n"
		    "Fetches models from the Hugging Face Hub onto your own server, by "
		    "larderd.\n\n",
		    out);
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		(void)fprintf(out, "  %-13s %s\n", commands[i].command.name,
			      commands[i].command.summary);
	(void)fputs("\nlarder COMMAND --help tells more. --json prints one JSON document.\n",
		    out);
	return out == stdout ? CLI_EXIT_OK : CLI_EXIT_USAGE;
}

static int print_help(const struct cli_command *command)
{
	AUTO(buf) text = buf_new(64 * (size_t)1024);

	cli_args_add_help(text, command);
	cli_session_print(text);
	return CLI_EXIT_OK;
}

/* The command line needs one of larderd's settings only; the others (a token that only larderd
 * may read) are none of its business and cannot hinder it. */
static char *lookup_runtime_dir(const char *name)
{
	return strcmp(name, "LARDER_RUNTIME_DIR") == 0 ? getenv(name) : NULL;
}

static int run(size_t i, size_t argc, char **argv, size_t at)
{
	struct cli_session session = {
		.is_json = cli_args_is_given(argc, argv, CLI_OPTION_JSON),
	};
	struct error err;
	AUTO(cli_args) args = cli_args_new(&commands[i].command, argc, argv, at, &err);
	AUTO(config) cfg = NULL;

	if (args == NULL)
		return cli_session_fail(&session, &err);
	if (cli_args_has(args, CLI_OPTION_HELP))
		return print_help(&commands[i].command);
	session.args = args;
	session.socket_path = cli_args_value(args, CLI_OPTION_SOCKET);
	if (session.socket_path == NULL) {
		cfg = config_load(lookup_runtime_dir, &err);
		if (cfg == NULL)
			return cli_session_fail(&session, &err);
		session.socket_path = cfg->control_socket;
	}
	return commands[i].run(&session);
}

static int refuse_command(size_t argc, char **argv, const char *name)
{
	const struct cli_session session = {
		.is_json = cli_args_is_given(argc, argv, CLI_OPTION_JSON),
	};
	const char *known[ARRAY_LEN(commands)];
	AUTO_CSTR nearest = NULL;
	struct error err;

	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		known[i] = commands[i].command.name;
	nearest = nearest_say(name, known, ARRAY_LEN(known), "larder --help lists all");
	(void)error_set(&err, ERR_INVALID, "unknown command %s%s",
			quote_plain(str_from(name)).text, nearest);
	return cli_session_fail(&session, &err);
}

/* Options without a command: an unknown one is the likely mistake. */
static int refuse_options(size_t argc, char **argv)
{
	static const struct cli_command none = { .name = "larder",
						 .words = "",
						 .options = CLI_TAKES(VERSION) };
	const struct cli_session session = {
		.is_json = cli_args_is_given(argc, argv, CLI_OPTION_JSON),
	};
	struct error err;
	AUTO(cli_args) args = cli_args_new(&none, argc, argv, 0, &err);

	return args == NULL ? cli_session_fail(&session, &err) : CLI_EXIT_OK;
}

static int dispatch(size_t argc, char **argv)
{
	size_t at = cli_args_find_command(argc, argv);

	for (size_t i = 0; at < argc && i < ARRAY_LEN(commands); i++) {
		if (strcmp(argv[at], commands[i].command.name) == 0)
			return run(i, argc, argv, at);
	}
	if (at < argc && strcmp(argv[at], "help") != 0)
		return refuse_command(argc, argv, argv[at]);
	if (at == argc && cli_args_is_given(argc, argv, CLI_OPTION_VERSION))
		return printf("larder %s\n", LARDER_VERSION) > 0 ? CLI_EXIT_OK
								 : CLI_EXIT_FAILED;
	if (at < argc || cli_args_is_given(argc, argv, CLI_OPTION_HELP))
		return print_usage(stdout);
	if (refuse_options(argc, argv) != CLI_EXIT_OK)
		return CLI_EXIT_USAGE;
	return print_usage(stderr);
}

/* --- completion --- */

static struct json_object *list_of(const struct cli_session *session, const char *method,
				   const char *member)
{
	AUTO_JSON params = json_object_new_object();
	struct json_object *answer = NULL;
	struct json_object *array;
	struct error ignored;

	if (strcmp(method, "download.list") == 0)
		json_add_cstr(params, "state", "all");
	if (cli_session_call(session, method, params, COMPLETE_MS, &answer, NULL, &ignored) < 0)
		return NULL;
	array = json_object_get(json_get(answer, member));
	json_free(&answer);
	return array;
}

/* What larderd has; nothing when it does not answer at once. */
static void list_for_completion(void *ctx, enum cli_complete_kind kind, struct buf *b)
{
	static const struct {
		const char *method;
		const char *member;
		const char *name;
		const char *about;
	} rows[] = {
		[CLI_COMPLETE_MODELS] = { "model.list", "models", "folder", NULL },
		[CLI_COMPLETE_DOWNLOADS] = { "download.list", "downloads", "id", "repo" },
		[CLI_COMPLETE_TRASH] = { "trash.list", "trash", "id", NULL },
	};
	AUTO_JSON array = NULL;
	size_t n;

	if (kind == CLI_COMPLETE_SETTINGS) {
		cli_settings_add_words(b);
		return;
	}
	array = list_of(ctx, rows[kind].method, rows[kind].member);
	n = json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *row = json_object_array_get_idx(array, i);
		struct str about =
			rows[kind].about != NULL ? json_get_str(row, rows[kind].about) : S("");

		cli_text_add_escaped(b, json_get_str(row, rows[kind].name));
		if (about.n > 0) {
			buf_add_char(b, '\t');
			cli_text_add_escaped(b, about);
		}
		buf_add_char(b, '\n');
	}
}

/* `larder complete -- WORD...`, for the shells' scripts (etc/completion). */
static int complete(size_t n, char **words)
{
	const struct cli_command *known[ARRAY_LEN(commands)];
	struct cli_session session = { .is_json = false };
	AUTO(buf) text = buf_new(4 * (size_t)1024 * 1024);
	AUTO(config) cfg = NULL;
	struct error ignored;

	if (n > 0 && strcmp(words[0], "--") == 0) {
		words++;
		n--;
	}
	for (size_t i = 0; i < ARRAY_LEN(commands); i++)
		known[i] = &commands[i].command;
	cfg = config_load(lookup_runtime_dir, &ignored);
	session.socket_path = cfg != NULL ? cfg->control_socket : "";
	cli_complete(text, known, ARRAY_LEN(commands), (const char *const *)words, n,
		     list_for_completion, &session);
	cli_session_print(text);
	return CLI_EXIT_OK;
}

int main(int argc, char **argv)
{
	int result;

	/* For the terminal's character set; numbers keep their point. */
	(void)setlocale(LC_CTYPE, "");
	if (argc > 1 && strcmp(argv[1], "complete") == 0)
		result = complete((size_t)argc - 2, argv + 2);
	else
		result = dispatch((size_t)argc, argv);
	if (fflush(stdout) != 0 || ferror(stdout) != 0) {
		perror("larder: standard output");
		return CLI_EXIT_FAILED;
	}
	return result;
}
