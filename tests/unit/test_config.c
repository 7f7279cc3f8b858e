#include "common/config.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/error.h"
#include "tests/unit/tempdir.h"

enum {
	VARIABLES_MAX = 4,
};

/* The environment that lookup() knows; a look-up function has no context of its own. */
static struct {
	const char *name;
	char value[512];
} variables[VARIABLES_MAX];

static void set(size_t at, const char *name, const char *value)
{
	variables[at].name = name;
	(void)snprintf(variables[at].value, sizeof(variables[at].value), "%s", value);
}

static int forget_all(void **state)
{
	(void)state;
	memset(variables, 0, sizeof(variables));
	return 0;
}

static char *lookup(const char *name)
{
	for (size_t i = 0; i < VARIABLES_MAX; i++) {
		if (variables[i].name != NULL && strcmp(variables[i].name, name) == 0)
			return variables[i].value;
	}
	return NULL;
}

static struct config *load(void)
{
	struct error err;
	struct config *cfg = config_load(lookup, &err);

	assert_non_null(cfg);
	return cfg;
}

static void an_empty_environment_gives_the_defaults(void **state)
{
	AUTO(config) cfg = load();

	(void)state;
	assert_string_equal(cfg->models_dir, "/var/lib/larder/models");
	assert_string_equal(cfg->state_dir, "/var/lib/larder/state");
	assert_string_equal(cfg->base_path, "");
	assert_string_equal(cfg->hf_endpoint, "https://huggingface.co");
	assert_string_equal(cfg->hf_token, "");
	assert_false(cfg->is_offline);
	assert_int_equal(cfg->max_downloads, 3);
	assert_int_equal(cfg->max_connections, 16);
	assert_int_equal(cfg->bandwidth_limit_bps, 0);
	assert_int_equal(cfg->transfer_threads, 0);
	assert_int_equal(cfg->min_free_bytes, 1 << 30);
	assert_int_equal(cfg->log_format, LOG_FORMAT_TEXT);
	assert_int_equal(cfg->log_level, LOG_LEVEL_INFO);
	assert_string_equal(cfg->control_socket, "/run/larder/control.sock");
	assert_string_equal(cfg->fcgi_socket, "/run/larder/fcgi.sock");
	assert_string_equal(cfg->events_socket, "/run/larder/events.sock");
}

static void empty_and_blank_values_mean_the_default(void **state)
{
	AUTO(config) cfg = NULL;

	(void)state;
	set(0, "LARDER_MAX_DOWNLOADS", "");
	set(1, "LARDER_MODELS_DIR", "  ");
	set(2, "HF_TOKEN_FILE", "");
	cfg = load();
	assert_int_equal(cfg->max_downloads, 3);
	assert_string_equal(cfg->models_dir, "/var/lib/larder/models");
	assert_string_equal(cfg->hf_token, "");
}

static void sizes_take_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t wanted;
	} rows[] = {
		{ "0", 0 },
		{ "7", 7 },
		{ "1k", 1024 },
		{ "500M", UINT64_C(500) << 20 },
		{ "20G", UINT64_C(20) << 30 },
		{ "3t", UINT64_C(3) << 40 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(config) cfg = NULL;

		set(0, "LARDER_MIN_FREE", rows[i].text);
		cfg = load();
		assert_int_equal(cfg->min_free_bytes, rows[i].wanted);
	}
}

static void the_bandwidth_limit_is_a_size_too(void **state)
{
	AUTO(config) cfg = NULL;

	(void)state;
	set(0, "LARDER_BANDWIDTH_LIMIT", "20M");
	cfg = load();
	assert_int_equal(cfg->bandwidth_limit_bps, 20 << 20);
}

static void times_take_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t wanted;
	} rows[] = {
		{ "", 15 * 60 },
		{ "0", 0 },
		{ "90", 90 },
		{ "90s", 90 },
		{ "15 M", 15 * 60 },
		{ "6h", 6 * 60 * 60 },
		{ "30d", 30 * 24 * 60 * 60 },
	};
	static const char *const wrong[] = { "m", "-1", "1.5h", "1w", "366d", "99999999999d" };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(config) cfg = NULL;

		set(0, "LARDER_SCAN_INTERVAL", rows[i].text);
		cfg = load();
		assert_int_equal(cfg->scan_interval_s, rows[i].wanted);
	}
	for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
		struct error err;

		set(0, "LARDER_SCAN_INTERVAL", wrong[i]);
		assert_null(config_load(lookup, &err));
		assert_true(str_has_prefix(str_from(err.text), S("LARDER_SCAN_INTERVAL: ")));
	}
}

static void a_base_path_begins_with_a_slash_and_ends_without(void **state)
{
	static const struct {
		const char *text;
		const char *wanted;
	} rows[] = {
		{ "/", "" },
		{ "/hf", "/hf" },
		{ "/hf/", "/hf" },
		{ "/a/b-c_d.~//", "/a/b-c_d.~" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(config) cfg = NULL;

		set(0, "LARDER_BASE_PATH", rows[i].text);
		cfg = load();
		assert_string_equal(cfg->base_path, rows[i].wanted);
	}
}

static void relative_paths_become_absolute(void **state)
{
	AUTO_CSTR here = getcwd(NULL, 0);
	AUTO_CSTR wanted = mem_printf("%s/var/models", here);
	AUTO(config) cfg = NULL;

	(void)state;
	set(0, "LARDER_MODELS_DIR", "var/models//");
	set(1, "LARDER_STATE_DIR", "/");
	cfg = load();
	assert_string_equal(cfg->models_dir, wanted);
	assert_string_equal(cfg->state_dir, "/");
}

static void switches_are_read_as_the_official_client_reads_them(void **state)
{
	static const struct {
		const char *text;
		bool wanted;
	} rows[] = {
		{ "1", true },  { "on", true },   { "True", true },   { "YES", true },
		{ "0", false }, { "OFF", false }, { "false", false }, { "no", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(config) cfg = NULL;

		set(0, "LARDER_OFFLINE", rows[i].text);
		cfg = load();
		assert_int_equal(cfg->is_offline, rows[i].wanted);
	}
}

static void a_choice_is_one_of_its_words(void **state)
{
	AUTO(config) cfg = NULL;

	(void)state;
	set(0, "LARDER_LOG_FORMAT", "JSON");
	set(1, "LARDER_LOG_LEVEL", "debug");
	cfg = load();
	assert_int_equal(cfg->log_format, LOG_FORMAT_JSON);
	assert_int_equal(cfg->log_level, LOG_LEVEL_DEBUG);
}

static void a_bad_value_is_refused_with_its_variables_name(void **state)
{
	static const struct {
		const char *name;
		const char *value;
	} rows[] = {
		{ "LARDER_MAX_DOWNLOADS", "0" },
		{ "LARDER_MAX_DOWNLOADS", "33" },
		{ "LARDER_MAX_DOWNLOADS", "3x" },
		{ "LARDER_MAX_DOWNLOADS", "-1" },
		{ "LARDER_MAX_CONNECTIONS", "999" },
		{ "LARDER_BANDWIDTH_LIMIT", "fast" },
		{ "LARDER_BANDWIDTH_LIMIT", "-1" },
		{ "LARDER_BANDWIDTH_LIMIT", "2MB" },
		{ "LARDER_BANDWIDTH_LIMIT", "1T" },
		{ "LARDER_MIN_FREE", "G" },
		{ "LARDER_MIN_FREE", "1X" },
		{ "LARDER_MIN_FREE", "1GB" },
		{ "LARDER_MIN_FREE", "1.5G" },
		{ "LARDER_MIN_FREE", "99999999999T" },
		{ "LARDER_BASE_PATH", "hf" },
		{ "LARDER_BASE_PATH", "/a b" },
		{ "LARDER_BASE_PATH", "/a?b" },
		{ "HF_ENDPOINT", "huggingface.co" },
		{ "HF_ENDPOINT", "ftp://x" },
		{ "LARDER_OFFLINE", "maybe" },
		{ "LARDER_LOG_LEVEL", "loud" },
		{ "HF_TOKEN", "hf_a b" },
		{ "HF_TOKEN", "hf_\xc3\xa9" },
		{ "HF_TOKEN", "hf_a\r\nHost: x" },
		{ "HF_TOKEN_FILE", "/nonexistent/token" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };

		set(0, rows[i].name, rows[i].value);
		assert_null(config_load(lookup, &err));
		assert_int_equal(err.code, ERR_INVALID);
		assert_true(str_has_prefix(str_from(err.text), str_from(rows[i].name)));
		assert_int_equal(err.text[strlen(rows[i].name)], ':');
	}
}

static void a_bad_token_is_not_quoted(void **state)
{
	struct error err;

	(void)state;
	set(0, "HF_TOKEN", "hf_secret word");
	assert_null(config_load(lookup, &err));
	assert_null(strstr(err.text, "secret"));
}

static void a_secret_may_come_from_a_file(void **state)
{
	struct tempdir dir;
	AUTO_CSTR path = NULL;
	AUTO(config) cfg = NULL;

	(void)state;
	tempdir_make(&dir);
	tempdir_write(&dir, "token", S(" hf_fromfile\n"));
	path = tempdir_path(&dir, "token");
	set(0, "HF_TOKEN_FILE", path);
	set(1, "HF_TOKEN", "hf_fromenvironment");
	cfg = load();
	tempdir_remove(&dir);
	assert_string_equal(cfg->hf_token, "hf_fromfile");
}

/* What `larder hash-password` prints is a line for larder.env; people put it into a secret's
 * file, and Docker hands the quotes of an --env-file on. */
static void a_secret_may_be_wrapped(void **state)
{
	static const char *const forms[] = {
		"LARDER_PASSWORD_HASH='$argon2id$v=19$x'\n",
		"LARDER_PASSWORD_HASH=$argon2id$v=19$x",
		"'$argon2id$v=19$x'",
		"\"$argon2id$v=19$x\"",
		" $argon2id$v=19$x ",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		AUTO(config) cfg = NULL;

		set(0, "LARDER_PASSWORD_HASH", forms[i]);
		cfg = load();
		assert_string_equal(cfg->password_hash, "$argon2id$v=19$x");
	}
}

/* As systemd's LoadCredential= leaves it. */
static void a_secret_may_be_a_credential(void **state)
{
	struct tempdir dir;
	AUTO(config) cfg = NULL;

	(void)state;
	tempdir_make(&dir);
	tempdir_write(&dir, "larder.hf_token", S("hf_credential\n"));
	tempdir_write(&dir, "larder.api_keys", S("of:viewer:them"));
	tempdir_write(&dir, "keys", S("of:admin:file"));
	set(0, "CREDENTIALS_DIRECTORY", dir.path);
	set(1, "HF_TOKEN", "hf_fromenvironment");
	set(2, "LARDER_PASSWORD_HASH", "fromenvironment");
	cfg = load();
	assert_string_equal(cfg->hf_token, "hf_credential");
	assert_string_equal(cfg->api_keys, "of:viewer:them");
	assert_string_equal(cfg->password_hash, "fromenvironment");
	config_free(&cfg);
	/* Who names a file means it. */
	{
		AUTO_CSTR path = tempdir_path(&dir, "keys");

		set(3, "LARDER_API_KEYS_FILE", path);
		cfg = load();
		assert_string_equal(cfg->api_keys, "of:admin:file");
	}
	tempdir_remove(&dir);
}

static void a_secrets_file_has_a_greatest_size(void **state)
{
	enum {
		TOO_MUCH = 17000
	};
	AUTO_CSTR text = mem_alloc(TOO_MUCH);
	struct tempdir dir;
	AUTO_CSTR path = NULL;
	struct error err;

	(void)state;
	memset(text, 'x', TOO_MUCH);
	tempdir_make(&dir);
	tempdir_write(&dir, "token", (struct str){ text, TOO_MUCH });
	path = tempdir_path(&dir, "token");
	set(0, "HF_TOKEN_FILE", path);
	assert_null(config_load(lookup, &err));
	tempdir_remove(&dir);
	assert_true(str_has_prefix(str_from(err.text), S("HF_TOKEN_FILE: ")));
}

static char *printed(void (*print)(FILE *out))
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print(out);
	assert_int_equal(fclose(out), 0);
	return text;
}

static void the_help_names_every_variable_of_the_environment_file(void **state)
{
	AUTO_CSTR help = printed(config_print_help);
	AUTO_CSTR env = printed(config_print_env);
	struct str rest = str_from(env);
	struct str line;
	size_t n = 0;

	(void)state;
	while (str_next(&rest, '\n', &line)) {
		AUTO_CSTR name = NULL;

		if (!str_has_prefix(line, S("#")) || line.n < 2 || line.p[1] == ' ')
			continue;
		name = str_dup(str_sub(line, 1, str_find_char(line, '=')));
		assert_non_null(strstr(help, name));
		n++;
	}
	assert_true(n > 10);
	assert_non_null(strstr(env, "#LARDER_MAX_DOWNLOADS=3\n"));
	assert_non_null(strstr(env, "#HF_TOKEN_FILE=\n"));
}

static void every_default_of_the_environment_file_loads(void **state)
{
	AUTO_CSTR env = printed(config_print_env);
	struct str rest = str_from(env);
	struct str line;

	(void)state;
	while (str_next(&rest, '\n', &line)) {
		size_t equals = str_find_char(line, '=');
		AUTO_CSTR name = NULL;
		AUTO_CSTR value = NULL;
		AUTO(config) cfg = NULL;

		if (!str_has_prefix(line, S("#")) || line.n < 2 || line.p[1] == ' ')
			continue;
		name = str_dup(str_sub(line, 1, equals));
		value = str_dup(str_sub(line, equals + 1, line.n));
		set(0, name, value);
		cfg = load();
		variables[0].name = NULL;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(an_empty_environment_gives_the_defaults, forget_all),
		cmocka_unit_test_setup(empty_and_blank_values_mean_the_default, forget_all),
		cmocka_unit_test_setup(sizes_take_a_unit, forget_all),
		cmocka_unit_test_setup(the_bandwidth_limit_is_a_size_too, forget_all),
		cmocka_unit_test_setup(times_take_a_unit, forget_all),
		cmocka_unit_test_setup(a_base_path_begins_with_a_slash_and_ends_without,
				       forget_all),
		cmocka_unit_test_setup(relative_paths_become_absolute, forget_all),
		cmocka_unit_test_setup(switches_are_read_as_the_official_client_reads_them,
				       forget_all),
		cmocka_unit_test_setup(a_choice_is_one_of_its_words, forget_all),
		cmocka_unit_test_setup(a_bad_value_is_refused_with_its_variables_name,
				       forget_all),
		cmocka_unit_test_setup(a_bad_token_is_not_quoted, forget_all),
		cmocka_unit_test_setup(a_secret_may_be_wrapped, forget_all),
		cmocka_unit_test_setup(a_secret_may_be_a_credential, forget_all),
		cmocka_unit_test_setup(a_secret_may_come_from_a_file, forget_all),
		cmocka_unit_test_setup(a_secrets_file_has_a_greatest_size, forget_all),
		cmocka_unit_test_setup(the_help_names_every_variable_of_the_environment_file,
				       forget_all),
		cmocka_unit_test_setup(every_default_of_the_environment_file_loads, forget_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
