#include "cli/cli_settings.h"

#include <string.h>
#include <time.h>

#include "cli/cli_args.h"
#include "cli/cli_download.h"
#include "cli/cli_effect.h"
#include "cli/cli_text.h"
#include "common/buf.h"
#include "common/nearest.h"
#include "common/quote.h"
#include "common/schema.h"

enum {
	SCHEDULE_DEPTH = 4,
	GIB = 1024 * 1024 * 1024,
};

enum kind {
	KIND_SWITCH,
	KIND_LIMIT,
	KIND_NUMBER,
	KIND_SCHEDULE,
	KIND_GPUS,
};

static const struct {
	const char *key;
	const char *name; /* larderd's */
	enum kind kind;
} rows[] = {
	{ "paused", "paused", KIND_SWITCH },
	{ "limit", "bandwidth_limit", KIND_LIMIT },
	{ "slow", "slow", KIND_SWITCH },
	{ "slow-limit", "slow_limit", KIND_LIMIT },
	{ "downloads", "max_downloads", KIND_NUMBER },
	{ "connections", "max_connections", KIND_NUMBER },
	{ "schedule", "schedule", KIND_SCHEDULE },
	{ "gpu-memory", "gpu_memory", KIND_GPUS },
};

/* --- KEY=VALUE --- */

static int read_switch(struct str value, const char *key, struct json_object **ret,
		       struct error *err)
{
	static const char *const on[] = { "on", "yes", "true", "1" };
	static const char *const off[] = { "off", "no", "false", "0" };

	for (size_t i = 0; i < ARRAY_LEN(on); i++) {
		bool is_on = str_is_equal_nocase(value, str_from(on[i]));

		if (!is_on && !str_is_equal_nocase(value, str_from(off[i])))
			continue;
		*ret = json_object_new_boolean(is_on);
		return 0;
	}
	return error_set_field(err, key, "%s must be on or off", key);
}

static int read_limit(struct str value, const char *key, struct json_object **ret,
		      struct error *err)
{
	uint64_t bps = 0;

	if (!str_is_equal_nocase(value, S("none")) &&
	    (cli_text_to_size(value, &bps) < 0 || bps > INT64_MAX))
		return error_set_field(
			err, key, "%s must be bytes a second, like 2MB, 500kB or 1.5M, or none",
			key);
	*ret = json_object_new_uint64(bps);
	return 0;
}

static int read_number(struct str value, const char *key, struct json_object **ret,
		       struct error *err)
{
	uint64_t number;

	if (str_to_u64(value, 0, INT64_MAX, &number) < 0)
		return error_set_field(err, key, "%s must be a whole number", key);
	*ret = json_object_new_uint64(number);
	return 0;
}

static int read_schedule(struct str value, const char *key, struct json_object **ret,
			 struct error *err)
{
	if (str_is_equal_nocase(value, S("none"))) {
		*ret = json_object_new_array();
		return 0;
	}
	if (json_parse(value, SCHEDULE_DEPTH, ret, err) < 0)
		return error_set_field(err, key, "%s must be a JSON list of entries, or none",
				       key);
	return 0;
}

/* As the maker says it: the gigabytes of a card are GiB, and need no unit. */
static int read_gpu(struct str size, uint64_t *ret)
{
	AUTO_CSTR text = NULL;

	if (str_has_suffix_nocase(size, S("GB")))
		size = str_sub(size, 0, size.n - 1);
	text = size.n > 0 && char_is_digit(size.p[size.n - 1])
		       ? mem_printf("%.*sG", (int)size.n, size.p)
		       : str_dup(size);
	return cli_text_to_size(str_from(text), ret);
}

/* "24,8": of each card; "none". */
static int read_gpus(struct str value, const char *key, struct json_object **ret,
		     struct error *err)
{
	AUTO_JSON array = json_object_new_array();
	bool is_none = str_is_equal_nocase(value, S("none")) || str_is_equal(value, S("0"));
	struct str size;

	while (!is_none && str_next(&value, ',', &size)) {
		uint64_t bytes = 0;

		if (read_gpu(str_trim(size), &bytes) < 0 || bytes < (uint64_t)SCHEMA_GPU_MIN ||
		    bytes > (uint64_t)SCHEMA_GPU_MAX)
			return error_set_field(err, key,
					       "%s must be the memory of each card in GiB, "
					       "like 24 or 24,8, or none",
					       key);
		(void)json_object_array_add(array, json_object_new_uint64(bytes));
	}
	*ret = MOVE(array);
	return 0;
}

static int read_value(struct str value, size_t row, struct json_object **ret, struct error *err)
{
	const char *key = rows[row].key;

	if (str_is_equal_nocase(value, S("default"))) {
		*ret = NULL;
		return 0;
	}
	switch (rows[row].kind) {
	case KIND_SWITCH:
		return read_switch(value, key, ret, err);
	case KIND_LIMIT:
		return read_limit(value, key, ret, err);
	case KIND_NUMBER:
		return read_number(value, key, ret, err);
	case KIND_SCHEDULE:
		return read_schedule(value, key, ret, err);
	case KIND_GPUS:
		return read_gpus(value, key, ret, err);
	}
	bug("a setting without a kind");
}

static int refuse_key(const char *key, struct error *err)
{
	const char *known[ARRAY_LEN(rows)];
	AUTO_CSTR nearest = NULL;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		known[i] = rows[i].key;
	nearest = nearest_say(key, known, ARRAY_LEN(known), "larder settings lists all");
	return error_set_field(err, quote_plain(str_from(key)).text, "unknown setting %s%s",
			       quote_plain(str_from(key)).text, nearest);
}

int cli_settings_add(struct json_object *patch, const char *word, struct error *err)
{
	struct str rest = str_from(word);
	size_t equals = str_find_char(rest, '=');
	AUTO_CSTR key = str_dup(str_sub(rest, 0, equals));
	struct json_object *value = NULL;
	size_t i = 0;

	while (i < ARRAY_LEN(rows) && strcmp(key, rows[i].key) != 0 &&
	       strcmp(key, rows[i].name) != 0)
		i++;
	if (i == ARRAY_LEN(rows))
		return refuse_key(key, err);
	if (equals == rest.n)
		return error_set_field(err, rows[i].key, "%s needs a value: %s=VALUE", key,
				       key);
	if (read_value(str_sub(rest, equals + 1, rest.n), i, &value, err) < 0)
		return -1;
	json_take(patch, rows[i].name, value);
	return 0;
}

/* --- for people --- */

static void add_limit(struct buf *b, uint64_t bps)
{
	if (bps == 0)
		buf_add(b, S("none"));
	else
		cli_text_add_speed(b, bps);
}

static void add_entry(struct buf *b, struct json_object *entry)
{
	struct json_object *days = json_get(entry, "days");
	size_t n =
		json_object_is_type(days, json_type_array) ? json_object_array_length(days) : 0;

	for (size_t i = 0; i < n; i++) {
		const char *day = json_object_get_string(json_object_array_get_idx(days, i));

		cli_text_add_escaped(b, str_from(day));
		buf_add_char(b, ' ');
	}
	cli_text_add_escaped(b, json_get_str(entry, "from"));
	buf_add(b, S(" to "));
	cli_text_add_escaped(b, json_get_str(entry, "to"));
	if (str_is_equal(json_get_str(entry, "action"), S("pause"))) {
		buf_add(b, S(": paused"));
		return;
	}
	buf_add(b, S(": at most "));
	cli_text_add_speed(b, cli_download_number(entry, "bandwidth_limit"));
}

static void add_schedule(struct buf *b, struct json_object *schedule)
{
	size_t n = json_object_is_type(schedule, json_type_array)
			   ? json_object_array_length(schedule)
			   : 0;

	if (n == 0)
		buf_add(b, S("none"));
	for (size_t i = 0; i < n; i++) {
		buf_add(b, i > 0 ? S("\n              ") : S(""));
		add_entry(b, json_object_array_get_idx(schedule, i));
	}
}

static void add_gpus(struct buf *b, struct json_object *gpus)
{
	size_t n =
		json_object_is_type(gpus, json_type_array) ? json_object_array_length(gpus) : 0;

	if (n == 0)
		buf_add(b, S("none that is known"));
	for (size_t i = 0; i < n; i++) {
		buf_add(b, i > 0 ? S(", ") : S(""));
		buf_addf(b, "%.4g GiB",
			 json_object_get_double(json_object_array_get_idx(gpus, i)) / GIB);
	}
}

static void add_value(struct buf *b, struct json_object *settings, size_t row)
{
	const char *name = rows[row].name;

	switch (rows[row].kind) {
	case KIND_SWITCH:
		buf_add(b, json_is_true(settings, name) ? S("on") : S("off"));
		break;
	case KIND_LIMIT:
		add_limit(b, cli_download_number(settings, name));
		break;
	case KIND_NUMBER:
		cli_text_add_number(b, cli_download_number(settings, name));
		break;
	case KIND_SCHEDULE:
		add_schedule(b, json_get(settings, name));
		break;
	case KIND_GPUS:
		add_gpus(b, json_get(settings, name));
		break;
	}
}

void cli_settings_render(struct buf *b, struct json_object *settings, int64_t now_ms)
{
	buf_add(b, S("now:          "));
	cli_effect_add(b, json_get(settings, "effect"), now_ms);
	buf_add_char(b, '\n');
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		buf_addf(b, "%s:%*s", rows[i].key, (int)(13 - strlen(rows[i].key)), "");
		add_value(b, settings, i);
		buf_add_char(b, '\n');
	}
}

void cli_settings_add_words(struct buf *b)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (rows[i].kind == KIND_SWITCH)
			buf_addf(b, "%s=on\n%s=off\n", rows[i].key, rows[i].key);
		else
			buf_addf(b, "%s=\n", rows[i].key);
	}
}

/* --- the command --- */

static int read_words(const struct cli_args *args, struct json_object *patch, struct error *err)
{
	size_t n;
	const char *const *words = cli_args_words(args, &n);

	if (n > 0 && strcmp(words[0], "set") != 0)
		return error_set(err, ERR_INVALID,
				 "settings takes no %s; see larder settings --help",
				 quote_text(str_from(words[0])).text);
	if (n == 1)
		return error_set(err, ERR_INVALID,
				 "settings set needs KEY=VALUE...; see larder settings --help");
	for (size_t i = 1; i < n; i++) {
		if (cli_settings_add(patch, words[i], err) < 0)
			return -1;
	}
	return 0;
}

static int64_t unix_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

enum cli_exit cli_settings(const struct cli_session *session)
{
	AUTO_JSON patch = json_object_new_object();
	AUTO_JSON settings = NULL;
	AUTO(buf) text = buf_new(CLI_WORDS_MAX);
	struct error err;
	bool is_change;

	if (read_words(session->args, patch, &err) < 0)
		return cli_session_fail(session, &err);
	is_change = json_object_object_length(patch) > 0;
	if (cli_session_call(session, is_change ? "settings.patch" : "settings.get",
			     is_change ? patch : NULL, RPC_TIMEOUT_MS, &settings, NULL,
			     &err) < 0)
		return cli_session_fail(session, &err);
	if (session->is_json) {
		cli_session_print_json(MOVE(settings), NULL);
	} else {
		cli_settings_render(text, settings, unix_ms());
		cli_session_print(text);
	}
	return CLI_EXIT_OK;
}
