/* Lines of NAME=value, the environment. A configuration that is taken keeps its ranges; a
 * refusal begins with the name of the variable at fault and never shows the token. */
#include "common/config.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"

enum {
	LINES_MAX = 32,
	TELLING_MIN = 12, /* a token of so many characters is not in a text by chance */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *lines[LINES_MAX + 1]; /* config_load() gives its lookup no context */

static void require(bool condition)
{
	if (!condition)
		abort();
}

static char *lookup(const char *name)
{
	size_t n = strlen(name);

	/* Files are not the fuzzer's to read. */
	if (str_has_suffix(str_from(name), S("_FILE")))
		return NULL;
	for (size_t i = 0; lines[i] != NULL; i++) {
		if (strncmp(lines[i], name, n) == 0 && lines[i][n] == '=')
			return lines[i] + n + 1;
	}
	return NULL;
}

static void check_base(const char *base)
{
	struct str text = str_from(base);

	if (text.n == 0)
		return;
	require(base[0] == '/' && base[text.n - 1] != '/');
	for (size_t i = 0; i < text.n; i++)
		require(char_is_alnum(base[i]) || strchr("-._~/", base[i]) != NULL);
}

static void check_config(const struct config *cfg)
{
	const char *const paths[] = {
		cfg->models_dir,     cfg->state_dir,   cfg->runtime_dir,
		cfg->control_socket, cfg->fcgi_socket, cfg->events_socket
	};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		require(paths[i][0] == '/');
	check_base(cfg->base_path);
	require(str_has_prefix_nocase(str_from(cfg->hf_endpoint), S("http")));
	for (const char *c = cfg->hf_token; *c != '\0'; c++)
		require(*c > 0x20 && *c < 0x7f);
	require(cfg->max_downloads >= 1 && cfg->max_downloads <= 32);
	require(cfg->max_connections >= 1 && cfg->max_connections <= 128);
	require(cfg->transfer_threads <= 32);
	require(cfg->min_free_bytes <= UINT64_MAX / 2);
	require(cfg->fcgi_threads >= 1 && cfg->fcgi_threads <= 256);
	require(cfg->log_format <= LOG_FORMAT_JSON && cfg->log_level <= LOG_LEVEL_DEBUG);
}

static void check_refusal(const struct error *err)
{
	const char *token = lookup("HF_TOKEN");
	struct str text = str_trim(str_from(token));

	require(err->code == ERR_INVALID);
	require(str_has_prefix(str_from(err->text), S("LARDER_")) ||
		str_has_prefix(str_from(err->text), S("HF_")));
	if (text.n >= TELLING_MIN && strstr(err->text, "HF_TOKEN") == err->text)
		require(str_find(str_from(err->text), text) == strlen(err->text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size };
	AUTO(config) cfg = NULL;
	struct error err = { .code = ERR_NONE };
	struct str line;
	size_t n = 0;
	bool more = size > 0;

	while (more && n < LINES_MAX) {
		more = str_next(&rest, '\n', &line);
		lines[n++] = str_dup(line);
	}
	lines[n] = NULL;
	cfg = config_load(lookup, &err);
	if (cfg != NULL)
		check_config(cfg);
	else
		check_refusal(&err);
	while (n > 0)
		free(lines[--n]);
	lines[0] = NULL;
	return 0;
}
