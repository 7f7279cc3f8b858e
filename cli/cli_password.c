#include "cli/cli_password.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "cli/cli_download.h"
#include "common/buf.h"
#include "common/error.h"
#include "common/json.h"
#include "common/schema.h"

enum {
	PASSWORD_MIN = 8,
};

static int read_password(char ret[SCHEMA_PASSWORD_MAX + 2], struct error *err)
{
	char again[SCHEMA_PASSWORD_MAX + 2];
	bool is_same;

	if (cli_session_read_secret("Password: ", ret, SCHEMA_PASSWORD_MAX + 2, err) < 0)
		return -1;
	if (strlen(ret) < PASSWORD_MIN || strlen(ret) > SCHEMA_PASSWORD_MAX)
		return error_set(err, ERR_INVALID, "a password has %d to %d bytes",
				 PASSWORD_MIN, SCHEMA_PASSWORD_MAX);
	if (!isatty(STDIN_FILENO))
		return 0;
	if (cli_session_read_secret("Again: ", again, sizeof(again), err) < 0)
		return -1;
	is_same = strcmp(ret, again) == 0;
	sodium_memzero(again, sizeof(again));
	return is_same ? 0 : error_set(err, ERR_INVALID, "these were two passwords");
}

enum cli_exit cli_hash_password(const struct cli_session *session)
{
	char password[SCHEMA_PASSWORD_MAX + 2];
	char hash[crypto_pwhash_STRBYTES];
	struct error err;
	int result;

	if (sodium_init() < 0 || read_password(password, &err) < 0) {
		sodium_memzero(password, sizeof(password));
		return cli_session_fail(session, &err);
	}
	result = crypto_pwhash_str(hash, password, strlen(password),
				   crypto_pwhash_OPSLIMIT_INTERACTIVE,
				   crypto_pwhash_MEMLIMIT_INTERACTIVE);
	sodium_memzero(password, sizeof(password));
	if (result != 0) {
		(void)error_set(&err, ERR_INTERNAL, "there is not enough memory for it");
		return cli_session_fail(session, &err);
	}
	if (session->is_json) {
		struct json_object *object = json_object_new_object();

		json_add_cstr(object, "hash", hash);
		cli_session_print_json(object, NULL);
	} else {
		(void)printf("LARDER_PASSWORD_HASH='%s'\n", hash);
	}
	return CLI_EXIT_OK;
}

enum cli_exit cli_sign_out(const struct cli_session *session)
{
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);
	AUTO_JSON answer = NULL;
	struct error err;

	if (cli_session_call(session, "session.revoke", NULL, RPC_TIMEOUT_MS, &answer, NULL,
			     &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(json_object_new_object(), NULL);
		return CLI_EXIT_OK;
	}
	buf_add(text, S("every session is over, everywhere within five seconds\n"));
	cli_session_print(text);
	return CLI_EXIT_OK;
}
