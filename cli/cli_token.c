#include "cli/cli_token.h"

#include <string.h>

#include <sodium.h>

#include "cli/cli_args.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/schema.h"

enum {
	TEXT_MAX_BYTES = 4096,
};

static int read_token(struct json_object *params, struct error *err)
{
	char token[SCHEMA_TOKEN_MAX + 2];
	int result = cli_session_read_secret("Token: ", token, sizeof(token), err);

	if (result == 0)
		json_add_cstr(params, "token", token);
	sodium_memzero(token, sizeof(token));
	return result;
}

static void print(struct json_object *token)
{
	AUTO(buf) text = buf_new(TEXT_MAX_BYTES);
	struct str source = json_get_str(token, "source");
	struct str account = json_get_str(token, "account");
	struct str role = json_get_str(token, "role");

	if (source.n == 0)
		buf_add(text, S("no token: the Hub takes us for anybody"));
	else if (str_is_equal(source, S("stored")))
		buf_add(text, S("a token is kept here"));
	else
		buf_add(text, S("a token comes from HF_TOKEN"));
	if (account.n > 0) {
		buf_add(text, S(": "));
		cli_text_add_escaped(text, account);
	}
	if (role.n > 0) {
		buf_add(text, S(" ("));
		cli_text_add_escaped(text, role);
		buf_add(text, S(")"));
	}
	buf_add_char(text, '\n');
	cli_session_print(text);
}

enum cli_exit cli_token(const struct cli_session *session)
{
	AUTO_JSON params = json_object_new_object();
	struct json_object *answer = NULL;
	const char *method = "token.get";
	struct error err = { .code = ERR_NONE };
	size_t n;
	const char *const *words = cli_args_words(session->args, &n);

	if (n > 0 && strcmp(words[0], "set") == 0) {
		method = "token.set";
		if (read_token(params, &err) < 0)
			return cli_session_fail(session, &err);
	} else if (n > 0 && strcmp(words[0], "forget") == 0) {
		method = "token.forget";
	} else if (n > 0) {
		(void)error_set(&err, ERR_INVALID, "token takes set or forget");
		return cli_session_fail(session, &err);
	}
	if (cli_session_call(session, method, params, RPC_TIMEOUT_MS, &answer, NULL, &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(answer, NULL);
	} else {
		print(answer);
		json_free(&answer);
	}
	return CLI_EXIT_OK;
}
