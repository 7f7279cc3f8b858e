#include "downloader/settings.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "tests/unit/looping.h"
#include "tests/unit/tempdir.h"

/* Central Europe's clock, spelled out: no zone files are needed. */
#define BERLIN "CET-1CEST,M3.5.0,M10.5.0/3"

#define ALWAYS                                                        \
	"{\"days\":[\"mon\",\"tue\",\"wed\",\"thu\",\"fri\",\"sat\"," \
	"\"sun\"],\"from\":\"00:00\",\"to\":\"24:00\","
#define ALWAYS_PAUSED "{\"schedule\":[" ALWAYS "\"action\":\"pause\"}]}"
#define ALWAYS_LIMITED \
	"{\"schedule\":[" ALWAYS "\"action\":\"limit\",\"bandwidth_limit\":300}]}"

enum {
	CALLS_MAX = 16,
};

struct place {
	struct tempdir dir;
	char *path;
	struct loop *loop;
	struct store *store;
	struct settings *settings;
	struct settings_effect told[CALLS_MAX];
	size_t n_told;
	size_t n_news;
};

static void on_changed(void *ctx, const struct settings_effect *effect)
{
	struct place *p = ctx;

	assert_true(p->n_told < CALLS_MAX);
	p->told[p->n_told++] = *effect;
}

static void on_news(void *ctx)
{
	struct place *p = ctx;

	p->n_news++;
}

static const struct settings_values defaults = {
	.limit_bps = 5000,
	.slow_limit_bps = SETTINGS_SLOW_LIMIT_BPS,
	.max_downloads = 3,
	.max_connections = 16,
};

static void place_open(struct place *p)
{
	struct settings_hooks hooks = { .changed = on_changed, .news = on_news, .ctx = p };
	struct error err;

	p->store = store_new(p->loop, p->path, &err);
	assert_non_null(p->store);
	p->settings = settings_new(p->loop, p->store, &defaults, &hooks, &err);
	assert_non_null(p->settings);
}

static void place_close(struct place *p)
{
	store_stop(p->store);
	loop_drain(p->loop);
	settings_free(&p->settings);
	store_free(&p->store);
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	log_init("unit", LOG_FORMAT_TEXT, LOG_LEVEL_ERROR);
	(void)setenv("TZ", BERLIN, 1);
	tempdir_make(&p->dir);
	p->path = tempdir_path(&p->dir, "state");
	p->loop = loop_new(&err);
	place_open(p);
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	place_close(p);
	loop_free(&p->loop);
	tempdir_remove(&p->dir);
	free(p->path);
	free(p);
	return 0;
}

struct answer {
	struct place *place;
	bool is_done;
	enum error_code code;
	size_t n_news; /* that had come before */
};

static void on_answer(void *ctx, const struct error *err)
{
	struct answer *answer = ctx;

	answer->is_done = true;
	answer->code = err != NULL ? err->code : ERR_NONE;
	answer->n_news = answer->place->n_news;
}

static struct json_object *parse(const char *text)
{
	struct json_object *object = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(text), 8, &object, &err), 0);
	assert_int_equal(schema_check(S("settings.patch"), object, &err), 0);
	return object;
}

static void patch(struct place *p, const char *text)
{
	AUTO_JSON object = parse(text);
	struct answer answer = { .place = p };
	struct error err;

	assert_int_equal(settings_patch(p->settings, object, on_answer, &answer, &err), 0);
	assert_false(answer.is_done);
	loop_until(p->loop, &answer.is_done);
	assert_int_equal(answer.code, ERR_NONE);
}

static void assert_settings(const struct place *p, const char *wanted)
{
	AUTO_JSON object = settings_to_json(p->settings);

	assert_string_equal(json_text(object).p, wanted);
}

#define DEFAULTS                                                                        \
	"\"max_downloads\":3,\"max_connections\":16,\"schedule\":[],\"gpu_memory\":[]," \
	"\"effect\":"

static void before_anything_is_changed_the_configuration_holds(void **state)
{
	struct place *p = *state;

	assert_settings(p, "{\"paused\":false,\"bandwidth_limit\":5000,\"slow\":false,"
			   "\"slow_limit\":1000000," DEFAULTS
			   "{\"paused\":false,\"bandwidth_limit\":5000,\"why\":\"limit\","
			   "\"until\":null}}");
	assert_int_equal(settings_effect(p->settings)->max_downloads, 3);
	assert_int_equal(settings_effect(p->settings)->max_connections, 16);
	loop_turn(p->loop);
	assert_int_equal(p->n_told + p->n_news, 0);
}

static void a_change_is_in_effect_after_its_commit(void **state)
{
	struct place *p = *state;
	AUTO_JSON object = parse("{\"bandwidth_limit\":0,\"max_downloads\":7}");
	struct answer answer = { .place = p };
	struct error err;

	assert_int_equal(settings_patch(p->settings, object, on_answer, &answer, &err), 0);
	assert_int_equal(settings_effect(p->settings)->limit_bps, 5000);
	assert_int_equal(p->n_told, 0);
	loop_until(p->loop, &answer.is_done);
	assert_int_equal(answer.code, ERR_NONE);
	assert_int_equal(answer.n_news, 1); /* told before the answer */
	assert_int_equal(p->n_told, 1);
	assert_int_equal(p->told[0].limit_bps, 0);
	assert_string_equal(p->told[0].why, "");
	assert_int_equal(p->told[0].max_downloads, 7);
	assert_int_equal(settings_effect(p->settings)->limit_bps, 0);
}

static void a_change_without_an_effect_is_news_all_the_same(void **state)
{
	struct place *p = *state;

	patch(p, "{\"slow_limit\":77}");
	assert_int_equal(p->n_told, 0);
	assert_int_equal(p->n_news, 1);
	patch(p, "{}");
	assert_int_equal(p->n_news, 1);
}

static void what_was_changed_is_there_the_next_time_and_null_undoes_it(void **state)
{
	struct place *p = *state;

	patch(p, "{\"paused\":true,\"slow\":true,\"slow_limit\":2000,\"max_connections\":5}");
	patch(p, ALWAYS_LIMITED);
	place_close(p);
	place_open(p);
	assert_settings(
		p, "{\"paused\":true,\"bandwidth_limit\":5000,\"slow\":true,"
		   "\"slow_limit\":2000,\"max_downloads\":3,\"max_connections\":5,"
		   "\"schedule\":[" ALWAYS "\"action\":\"limit\","
		   "\"bandwidth_limit\":300}],\"gpu_memory\":[],\"effect\":{\"paused\":true,"
		   "\"bandwidth_limit\":300,\"why\":\"paused\",\"until\":null}}");
	patch(p, "{\"paused\":null,\"slow\":null,\"slow_limit\":null,\"max_connections\":null,"
		 "\"schedule\":null}");
	place_close(p);
	place_open(p);
	p->n_told = 0;
	p->n_news = 0;
	before_anything_is_changed_the_configuration_holds(state);
}

static void patches_that_are_given_together_add_up(void **state)
{
	struct place *p = *state;
	AUTO_JSON first = parse("{\"slow\":true,\"slow_limit\":10}");
	AUTO_JSON second = parse("{\"slow_limit\":20,\"max_downloads\":1}");
	struct answer answers[] = { { .place = p }, { .place = p } };
	struct error err;

	assert_int_equal(settings_patch(p->settings, first, on_answer, &answers[0], &err), 0);
	assert_int_equal(settings_patch(p->settings, second, on_answer, &answers[1], &err), 0);
	loop_until(p->loop, &answers[1].is_done);
	assert_true(answers[0].is_done);
	assert_int_equal(settings_effect(p->settings)->limit_bps, 20);
	assert_string_equal(settings_effect(p->settings)->why, "slow");
	assert_int_equal(settings_effect(p->settings)->max_downloads, 1);
}

static void a_bad_patch_changes_nothing(void **state)
{
	struct place *p = *state;
	AUTO_JSON object = parse("{\"paused\":true,\"schedule\":[{\"days\":[\"mon\"],"
				 "\"from\":\"25:00\",\"to\":\"06:00\",\"action\":\"pause\"}]}");
	struct answer answer = { .place = p };
	struct error err;

	assert_int_equal(settings_patch(p->settings, object, on_answer, &answer, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_string_equal(err.field, "schedule[0].from");
	loop_turn(p->loop);
	assert_false(answer.is_done);
	before_anything_is_changed_the_configuration_holds(state);
}

static void a_row_that_cannot_be_read_leaves_its_default(void **state)
{
	struct place *p = *state;
	struct json_object *rows = json_object_new_object();
	struct answer answer = { .place = p };

	json_add_cstr(rows, "max_downloads", "many");
	json_add_int(rows, "max_connections", 100000);
	json_add_int(rows, "of_another_time", 1);
	json_add_bool(rows, "slow", true);
	store_put_settings(p->store, rows, on_answer, &answer);
	loop_until(p->loop, &answer.is_done);
	place_close(p);
	place_open(p);
	assert_int_equal(settings_effect(p->settings)->max_downloads, 3);
	assert_int_equal(settings_effect(p->settings)->max_connections, 16);
	patch(p, "{\"slow_limit\":1}");
	assert_string_equal(settings_effect(p->settings)->why, "slow");
}

static void every_setting_of_the_schema_is_known_here(void **state)
{
	struct place *p = *state;
	AUTO_JSON object = settings_to_json(p->settings);
	struct error err;

	json_object_object_del(object, "effect");
	assert_int_equal(schema_check(S("settings.patch"), object, &err), 0);
	patch(p, json_text(object).p);
}

/* The time of day moves on by means of the zone: noon today, then noon of a neighbouring day.
 */
static void the_schedule_is_looked_at_again_by_itself(void **state)
{
	static const char *const days[] = { "thu", "fri", "sat", "sun", "mon", "tue", "wed" };
	struct place *p = *state;
	int64_t minutes = clock_unix_ms() / 60000;
	int to_noon = 12 * 60 - (int)(minutes % SCHEDULE_DAY_MINUTES);
	int other =
		to_noon > 0 ? to_noon - SCHEDULE_DAY_MINUTES : to_noon + SCHEDULE_DAY_MINUTES;
	int day = (int)((minutes + to_noon) / SCHEDULE_DAY_MINUTES % SCHEDULE_DAYS);
	AUTO_CSTR here = mem_printf("XXX%s%02d:%02d", to_noon > 0 ? "-" : "+",
				    abs(to_noon) / 60, abs(to_noon) % 60);
	AUTO_CSTR there = mem_printf("XXX%s%02d:%02d", other > 0 ? "-" : "+", abs(other) / 60,
				     abs(other) % 60);
	AUTO_CSTR text = mem_printf("{\"schedule\":[{\"days\":[\"%s\"],\"from\":\"00:00\","
				    "\"to\":\"24:00\",\"action\":\"pause\"}]}",
				    days[day]);

	(void)setenv("TZ", here, 1);
	patch(p, text);
	assert_true(settings_effect(p->settings)->is_paused);
	assert_true(settings_effect(p->settings)->until_ms > clock_unix_ms());
	place_close(p);
	place_open(p);
	assert_true(settings_effect(p->settings)->is_paused);
	p->n_told = 0;
	p->n_news = 0;
	(void)setenv("TZ", there, 1);
	(void)alarm(LOOPING_ALARM_S);
	while (p->n_news == 0)
		(void)event_base_loop(loop_base(p->loop), EVLOOP_ONCE);
	(void)alarm(0);
	assert_int_equal(p->n_told, 1);
	assert_false(p->told[0].is_paused);
}

/* --- what holds --- */

/* 2026-03-04 is a Wednesday; the clocks of Berlin go forward on 2026-03-29 and back on
 * 2026-10-25, both Sundays. */
#define WEDNESDAY       INT64_C(1772582400) /* 00:00 UTC */
#define FORWARD         INT64_C(1774742400)
#define BACK            INT64_C(1792886400)
#define AT(day, hh, mm) (((day) + (hh)*INT64_C(3600) + (mm)*INT64_C(60)) * 1000)

static struct settings_values values_of(const char *text)
{
	AUTO_JSON object = parse(text);
	struct settings_values values = {
		.limit_bps = (uint64_t)json_get_int(object, "bandwidth_limit", 0),
		.slow_limit_bps = (uint64_t)json_get_int(object, "slow_limit", 1000),
		.is_slow = json_is_true(object, "slow"),
		.is_paused = json_is_true(object, "paused"),
	};
	struct error err;

	assert_int_equal(
		schedule_from_json(json_get(object, "schedule"), &values.schedule, &err), 0);
	return values;
}

#define NIGHT(rest)                                                                         \
	"\"schedule\":[{\"days\":[\"wed\",\"sat\",\"sun\"],\"from\":\"01:00\",\"to\":\"06:" \
	"00\"," rest "}]"
#define PAUSE "\"action\":\"pause\""
#define LIMIT "\"action\":\"limit\",\"bandwidth_limit\":500"

static const struct {
	const char *text;
	int64_t now_ms;
	bool is_paused;
	uint64_t limit_bps;
	const char *why;
	int64_t until_ms;
} moments[] = {
	{ "{}", AT(WEDNESDAY, 0, 0), false, 0, "", 0 },
	{ "{\"bandwidth_limit\":700}", AT(WEDNESDAY, 0, 0), false, 700, "limit", 0 },
	/* The least of them. */
	{ "{\"bandwidth_limit\":700,\"slow\":true}", AT(WEDNESDAY, 0, 0), false, 700, "limit",
	  0 },
	{ "{\"bandwidth_limit\":1700,\"slow\":true}", AT(WEDNESDAY, 0, 0), false, 1000, "slow",
	  0 },
	{ "{\"slow\":true}", AT(WEDNESDAY, 0, 0), false, 1000, "slow", 0 },
	{ "{\"slow_limit\":5}", AT(WEDNESDAY, 0, 0), false, 0, "", 0 },
	/* Berlin is an hour ahead of UTC. */
	{ "{" NIGHT(LIMIT) "}", AT(WEDNESDAY, 0, 0), false, 500, "schedule",
	  AT(WEDNESDAY, 5, 0) },
	{ "{" NIGHT(LIMIT) "}", AT(WEDNESDAY, 4, 59) + 59999, false, 500, "schedule",
	  AT(WEDNESDAY, 5, 0) },
	{ "{" NIGHT(LIMIT) "}", AT(WEDNESDAY, 5, 0), false, 0, "", AT(WEDNESDAY, 72, 0) },
	{ "{\"bandwidth_limit\":700," NIGHT(LIMIT) "}", AT(WEDNESDAY, 1, 0), false, 500,
	  "schedule", AT(WEDNESDAY, 5, 0) },
	/* A schedule that makes no difference has no time to tell. */
	{ "{\"bandwidth_limit\":400," NIGHT(LIMIT) "}", AT(WEDNESDAY, 1, 0), false, 400,
	  "limit", 0 },
	{ "{\"paused\":true," NIGHT(PAUSE) "}", AT(WEDNESDAY, 1, 0), true, 0, "paused", 0 },
	{ "{" NIGHT(PAUSE) "}", AT(WEDNESDAY, 1, 0), true, 0, "schedule", AT(WEDNESDAY, 5, 0) },
	{ "{\"slow\":true," NIGHT(PAUSE) "}", AT(WEDNESDAY, 1, 0), true, 1000, "schedule",
	  AT(WEDNESDAY, 5, 0) },
	{ "{\"paused\":true,\"bandwidth_limit\":7}", AT(WEDNESDAY, 1, 0), true, 7, "paused",
	  0 },
	/* The night in which two o'clock is three: 06:00 comes an hour sooner. */
	{ "{" NIGHT(PAUSE) "}", AT(FORWARD, 0, 30), true, 0, "schedule", AT(FORWARD, 4, 0) },
	{ "{" NIGHT(PAUSE) "}", AT(FORWARD, 1, 0), true, 0, "schedule", AT(FORWARD, 4, 0) },
	/* The night in which it is two o'clock twice, before and after. */
	{ "{" NIGHT(PAUSE) "}", AT(BACK, 0, 0), true, 0, "schedule", AT(BACK, 5, 0) },
	{ "{" NIGHT(PAUSE) "}", AT(BACK, 1, 30), true, 0, "schedule", AT(BACK, 5, 0) },
};

static void what_the_settings_come_to(void **state)
{
	(void)state;
	(void)setenv("TZ", BERLIN, 1);
	for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
		struct settings_values values = values_of(moments[i].text);
		struct settings_effect effect;

		settings_judge(&values, moments[i].now_ms, &effect);
		assert_int_equal(effect.is_paused, moments[i].is_paused);
		assert_int_equal(effect.limit_bps, moments[i].limit_bps);
		assert_string_equal(effect.why, moments[i].why);
		assert_int_equal(effect.until_ms, moments[i].until_ms);
	}
}

/* 02:30 is there twice that night: the pause from 02:45 on is ahead both times. */
static void until_is_the_nearest_in_an_hour_that_comes_twice(void **state)
{
	struct settings_values values =
		values_of("{\"schedule\":[{\"days\":[\"sun\"],\"from\":\"02:45\","
			  "\"to\":\"02:50\"," PAUSE "}]}");
	struct settings_effect effect;

	(void)state;
	(void)setenv("TZ", BERLIN, 1);
	settings_judge(&values, AT(BACK, 0, 30), &effect);
	assert_int_equal(effect.until_ms, AT(BACK, 0, 45));
	settings_judge(&values, AT(BACK, 1, 30), &effect);
	assert_int_equal(effect.until_ms, AT(BACK, 1, 45));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(before_anything_is_changed_the_configuration_holds),
		TEST(a_change_is_in_effect_after_its_commit),
		TEST(a_change_without_an_effect_is_news_all_the_same),
		TEST(what_was_changed_is_there_the_next_time_and_null_undoes_it),
		TEST(patches_that_are_given_together_add_up),
		TEST(a_bad_patch_changes_nothing),
		TEST(a_row_that_cannot_be_read_leaves_its_default),
		TEST(every_setting_of_the_schema_is_known_here),
		TEST(the_schedule_is_looked_at_again_by_itself),
		cmocka_unit_test(what_the_settings_come_to),
		cmocka_unit_test(until_is_the_nearest_in_an_hour_that_comes_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
