/* Cookies, keys and names: the first byte chooses the mode, three lines are the headers. "@S"
 * is a good session, "@O" one of an earlier epoch, "@X" one that is over, "@E" one that was
 * ended. Held: only who brings the good one, whole, or a key, or in proxy mode a name, is
 * known. */
#include "common/auth.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/buf.h"
#include "common/error.h"

enum {
	NOW_S = 1000000,
	VALUE_MAX = 64 * 1024,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const unsigned char secret[TOKEN_KEY_BYTES] = "a key that is thirty-two bytes.";
/* SHA-256 of "sesame" */
static const char keys[] = "k:viewer:"
			   "d0c04f4b1951e4aeaaec8223ed2039e542f3aae805a6fa7f6d794e5afff5d272";
static char good[TOKEN_MAX];
static char old[TOKEN_MAX];
static char over[TOKEN_MAX];
static char ended[TOKEN_MAX];
static struct auth *doors[AUTH_MODE_COUNT];

static void require(bool condition)
{
	if (!condition)
		abort();
}

static char *expand(struct str value)
{
	static const struct {
		char letter;
		const char *text;
	} rows[] = { { 'S', good }, { 'O', old }, { 'X', over }, { 'E', ended } };
	AUTO(buf) b = buf_new(VALUE_MAX);

	for (size_t i = 0; i < value.n; i++) {
		const char *text = NULL;

		for (size_t j = 0; value.p[i] == '@' && j < ARRAY_LEN(rows); j++) {
			if (i + 1 < value.n && value.p[i + 1] == rows[j].letter)
				text = rows[j].text;
		}
		if (text == NULL) {
			buf_add_char(b, value.p[i]);
			continue;
		}
		buf_add(b, str_from(text));
		i++;
	}
	return buf_take(b);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct auth_ended one = { .expires_s = NOW_S + 100 };
	AUTO_CSTR cookie = NULL;
	struct auth_headers headers = { .cookie = NULL };
	struct identity who;
	struct error err;

	(void)argc;
	(void)argv;
	require(sodium_init() >= 0);
	for (unsigned mode = 0; mode < AUTH_MODE_COUNT; mode++) {
		doors[mode] = auth_new((enum auth_mode)mode, str_from(keys), &err);
		auth_set_secret(doors[mode], secret, 1);
	}
	auth_make_session(doors[AUTH_PASSWORD], "old", ROLE_ADMIN, NOW_S + 100, old);
	for (unsigned mode = 0; mode < AUTH_MODE_COUNT; mode++)
		auth_set_secret(doors[mode], secret, 2);
	auth_make_session(doors[AUTH_PASSWORD], "good", ROLE_OPERATOR, NOW_S + 100, good);
	auth_make_session(doors[AUTH_PASSWORD], "over", ROLE_ADMIN, NOW_S - 1, over);
	auth_make_session(doors[AUTH_PASSWORD], "ended", ROLE_ADMIN, NOW_S + 100, ended);
	cookie = mem_printf(AUTH_COOKIE "=%s", ended);
	headers.cookie = cookie;
	require(auth_identify(doors[AUTH_PASSWORD], &headers, NOW_S, &who, &err) == 0);
	memcpy(one.id, who.id, sizeof(one.id));
	for (unsigned mode = 0; mode < AUTH_MODE_COUNT; mode++)
		auth_set_ended(doors[mode], &one, 1);
	return 0;
}

static void check(enum auth_mode mode, const struct auth_headers *headers)
{
	struct identity who;
	struct error err;

	if (auth_identify(doors[mode], headers, NOW_S, &who, &err) < 0) {
		require(err.code == ERR_SIGN_IN && str_is_utf8(str_from(err.text)));
		return;
	}
	require(str_is_utf8(str_from(who.name)) && auth_holds(doors[mode], &who, NOW_S));
	if (who.kind == AUTH_SESSION)
		require(mode == AUTH_PASSWORD && strcmp(who.name, "good") == 0 &&
			who.role == ROLE_OPERATOR && strstr(headers->cookie, good) != NULL);
	else if (who.kind == AUTH_KEY)
		require(who.role == ROLE_VIEWER &&
			strstr(headers->authorization, "sesame") != NULL);
	else if (who.kind == AUTH_USER)
		require(mode == AUTH_PROXY && headers->user != NULL);
	else
		require(mode == AUTH_NONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *lines[3] = { NULL };
	struct str rest = { (const char *)data + 1, size - 1 };
	struct str line;

	if (size == 0)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(lines) && str_next(&rest, '\n', &line); i++)
		lines[i] = line.n > 0 ? expand(line) : NULL;
	check((enum auth_mode)(data[0] % AUTH_MODE_COUNT),
	      &(struct auth_headers){
		      .cookie = lines[0], .authorization = lines[1], .user = lines[2] });
	for (size_t i = 0; i < ARRAY_LEN(lines); i++)
		free(lines[i]);
	return 0;
}
