#include "cli/cli_complete.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/buf.h"

enum {
	WORDS_MAX = 8
};

static const struct cli_command get = { .name = "get",
					.words = "REPO...",
					.options = CLI_TAKES(TYPE) | CLI_TAKES(NO_WAIT),
					.summary = "download" };
static const struct cli_command verify = {
	.name = "verify", .words = "MODEL...", .options = CLI_TAKES(NO_WAIT), .summary = "prove"
};
static const struct cli_command pause_one = { .name = "pause",
					      .words = "ID...",
					      .summary = "halt" };
static const struct cli_command trash = { .name = "trash",
					  .words = "[empty ID...]",
					  .summary = "what was deleted" };
static const struct cli_command settings = { .name = "settings",
					     .words = "[set KEY=VALUE...]",
					     .summary = "limits" };
static const struct cli_command *const commands[] = { &get, &verify, &pause_one, &trash,
						      &settings };

static void list(void *ctx, enum cli_complete_kind kind, struct buf *b)
{
	static const char *const lines[] = {
		[CLI_COMPLETE_MODELS] = "acme/a\nacme/b\nbeta/c\n",
		[CLI_COMPLETE_DOWNLOADS] = "abcd\tacme/a\nefgh\tacme/b\n",
		[CLI_COMPLETE_TRASH] = "trash1\ntrash2\n",
		[CLI_COMPLETE_SETTINGS] = "paused=on\nslow=on\nslow=off\nslow-limit=\n",
	};
	unsigned *calls = ctx;

	(*calls)++;
	buf_add(b, str_from(lines[kind]));
}

/* What is offered for a line, of which the last word is being typed. */
static void expect(const char *line, const char *wanted)
{
	const char *words[WORDS_MAX];
	AUTO_CSTR copy = mem_strdup(line);
	AUTO(buf) b = buf_new(64 * 1024);
	unsigned calls = 0;
	size_t n = 0;
	char *rest = copy;
	char *word;

	while ((word = strsep(&rest, " ")) != NULL) {
		assert_true(n < WORDS_MAX);
		words[n++] = word;
	}
	cli_complete(b, commands, ARRAY_LEN(commands), words, n, list, &calls);
	if (strcmp(buf_cstr(b), wanted) != 0)
		fail_msg("\"%s\": %s", line, buf_cstr(b));
	assert_true(calls <= 1);
}

static void commands_are_offered_with_what_they_do(void **state)
{
	(void)state;
	expect("", "get\tdownload\nverify\tprove\npause\thalt\ntrash\twhat was deleted\n"
		   "settings\tlimits\n");
	expect("ve", "verify\tprove\n");
	expect("x", "");
	expect("nonsense ", "");
	expect("nonsense get ", "");
	expect("--json g", "get\tdownload\n");
}

static void options_are_those_of_the_command(void **state)
{
	(void)state;
	expect("get --t", "--type=\tmodel or dataset; model\n");
	expect("get acme/a --no", "--no-wait\tdo not wait for the downloads to end\n");
	expect("pause --no", "");
	expect("pause --js", "--json\tone JSON document instead of text\n");
}

static void values_are_offered_in_both_forms(void **state)
{
	(void)state;
	expect("get --type ", "model\ndataset\n");
	expect("get --type d", "dataset\n");
	expect("get --type=", "--type=model\n--type=dataset\n");
	expect("get --type=m", "--type=model\n");
	expect("get --nonsense=", "");
	/* The value of an option is no word. */
	expect("--type model ver", "verify\tprove\n");
}

static void what_larderd_has_is_offered(void **state)
{
	(void)state;
	expect("verify ", "acme/a\nacme/b\nbeta/c\n");
	expect("verify acme/a acme/", "acme/a\nacme/b\n");
	expect("pause e", "efgh\tacme/b\n");
	expect("get ", "");
	expect("trash ", "empty\n");
	expect("trash empty ", "trash1\ntrash2\n");
}

static void settings_are_offered_by_name(void **state)
{
	(void)state;
	expect("settings ", "set\n");
	expect("settings set sl", "slow=on\nslow=off\nslow-limit=\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_offered_with_what_they_do),
		cmocka_unit_test(options_are_those_of_the_command),
		cmocka_unit_test(values_are_offered_in_both_forms),
		cmocka_unit_test(what_larderd_has_is_offered),
		cmocka_unit_test(settings_are_offered_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
