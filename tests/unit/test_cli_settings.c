#include "cli/cli_settings.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "cli/cli_download.h"
#include "common/buf.h"
#include "common/schema.h"

#define NOW_MS 1795383737000 /* 2026-11-22T21:42:17Z */

static void words_become_members_of_a_patch(void **state)
{
	static const struct {
		const char *word;
		const char *wanted;
	} rows[] = {
		{ "paused=on", "{\"paused\":true}" },
		{ "paused=OFF", "{\"paused\":false}" },
		{ "slow=yes", "{\"slow\":true}" },
		{ "slow=0", "{\"slow\":false}" },
		{ "limit=2MB", "{\"bandwidth_limit\":2000000}" },
		{ "bandwidth_limit=1K", "{\"bandwidth_limit\":1024}" },
		{ "limit=none", "{\"bandwidth_limit\":0}" },
		{ "limit=default", "{\"bandwidth_limit\":null}" },
		{ "slow-limit=500kB/s", "{\"slow_limit\":500000}" },
		{ "downloads=3", "{\"max_downloads\":3}" },
		{ "connections=16", "{\"max_connections\":16}" },
		{ "gpu-memory=24G", "{\"gpu_memory\":[25769803776]}" },
		{ "gpu-memory=24GB, 8", "{\"gpu_memory\":[25769803776,8589934592]}" },
		{ "gpu-memory=none", "{\"gpu_memory\":[]}" },
		{ "gpu-memory=0", "{\"gpu_memory\":[]}" },
		{ "gpu-memory=8.5", "{\"gpu_memory\":[9126805504]}" },
		{ "gpu-memory=512M", "{\"gpu_memory\":[536870912]}" },
		{ "schedule=none", "{\"schedule\":[]}" },
		{ "schedule=default", "{\"schedule\":null}" },
		{ "schedule=[{\"days\":[\"mon\"],\"from\":\"08:00\",\"to\":\"18:00\","
		  "\"action\":\"pause\"}]",
		  "{\"schedule\":[{\"days\":[\"mon\"],\"from\":\"08:00\",\"to\":\"18:00\","
		  "\"action\":\"pause\"}]}" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON patch = json_object_new_object();

		assert_int_equal(cli_settings_add(patch, rows[i].word, &err), 0);
		assert_string_equal(json_text(patch).p, rows[i].wanted);
		assert_int_equal(schema_check(S("settings.patch"), patch, &err), 0);
	}
}

static void what_cannot_be_meant_is_refused_by_its_key(void **state)
{
	static const struct {
		const char *word;
		const char *field;
		const char *text;
	} rows[] = {
		{ "limt=2MB", "limt", "unknown setting limt; the nearest is limit" },
		{ "=2MB", "", NULL },
		{ "limit", "limit", "limit needs a value: limit=VALUE" },
		{ "limit=", "limit", NULL },
		{ "limit=fast", "limit", NULL },
		{ "limit=2Mbit", "limit", NULL },
		{ "paused=maybe", "paused", "paused must be on or off" },
		{ "downloads=many", "downloads", "downloads must be a whole number" },
		{ "downloads=-1", "downloads", NULL },
		{ "schedule=[", "schedule", NULL },
		{ "gpu-memory=", "gpu-memory", NULL },
		{ "gpu-memory=big", "gpu-memory", NULL },
		{ "gpu-memory=8192", "gpu-memory", NULL }, /* MiB */
		{ "gpu-memory=8B", "gpu-memory", NULL },
		{ "gpu-memory=24,0", "gpu-memory", NULL },
		{ "gpu-memory=24G,", "gpu-memory", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_JSON patch = json_object_new_object();
		struct error err = { .code = ERR_NONE };

		assert_int_equal(cli_settings_add(patch, rows[i].word, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, rows[i].field);
		if (rows[i].text != NULL)
			assert_string_equal(err.text, rows[i].text);
		assert_int_equal(json_object_object_length(patch), 0);
	}
}

#define REST                                                                            \
	"\"paused\":false,\"bandwidth_limit\":0,\"slow\":false,\"slow_limit\":1000000," \
	"\"max_downloads\":3,\"max_connections\":16,"

static void the_settings_are_told_in_words(void **state)
{
	static const char text[] =
		"{" REST "\"schedule\":[{\"days\":[\"sat\",\"sun\"],\"from\":\"00:00\","
		"\"to\":\"24:00\",\"action\":\"pause\",\"bandwidth_limit\":null},"
		"{\"days\":[\"mon\"],\"from\":\"08:00\",\"to\":\"18:00\",\"action\":\"limit\","
		"\"bandwidth_limit\":500000}],\"gpu_memory\":[25769803776],\"effect\":{"
		"\"paused\":true,"
		"\"bandwidth_limit\":0,\"why\":\"schedule\","
		"\"until\":\"2026-11-22T23:00:00.000Z\"}}";
	AUTO(buf) b = buf_new(CLI_WORDS_MAX);
	AUTO_JSON settings = NULL;
	struct error err;

	(void)state;
	assert_int_equal(json_parse(str_from(text), 16, &settings, &err), 0);
	cli_settings_render(b, settings, NOW_MS);
	assert_string_equal(buf_cstr(b),
			    "now:          paused, by the schedule, for another 1 h 17 m\n"
			    "paused:       off\n"
			    "limit:        none\n"
			    "slow:         off\n"
			    "slow-limit:   1.0 MB/s\n"
			    "downloads:    3\n"
			    "connections:  16\n"
			    "schedule:     sat sun 00:00 to 24:00: paused\n"
			    "              mon 08:00 to 18:00: at most 500 kB/s\n"
			    "gpu-memory:   24 GiB\n");
}

static void what_holds_now_stands_first(void **state)
{
	static const struct {
		const char *effect;
		const char *wanted;
	} rows[] = {
		{ "\"paused\":false,\"bandwidth_limit\":0,\"why\":\"\",\"until\":null",
		  "now:          as fast as it goes\n" },
		{ "\"paused\":false,\"bandwidth_limit\":2000000,\"why\":\"limit\","
		  "\"until\":null",
		  "now:          at most 2.0 MB/s\n" },
		{ "\"paused\":false,\"bandwidth_limit\":1000,\"why\":\"slow\",\"until\":null",
		  "now:          at most 1.0 kB/s, while slow is on\n" },
		{ "\"paused\":true,\"bandwidth_limit\":1000,\"why\":\"paused\",\"until\":null",
		  "now:          paused\n" },
	};
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR text = mem_printf("{" REST "\"effect\":{%s}}", rows[i].effect);
		AUTO(buf) b = buf_new(CLI_WORDS_MAX);
		AUTO_JSON settings = NULL;

		assert_int_equal(json_parse(str_from(text), 16, &settings, &err), 0);
		cli_settings_render(b, settings, NOW_MS);
		assert_true(str_has_prefix(buf_str(b), str_from(rows[i].wanted)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_members_of_a_patch),
		cmocka_unit_test(what_cannot_be_meant_is_refused_by_its_key),
		cmocka_unit_test(the_settings_are_told_in_words),
		cmocka_unit_test(what_holds_now_stands_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
