/*
 * The values in memory are always those that were committed: a patch is read twice, once into
 * a copy to see that it can be, and again when the store has it. So patches that overtake one
 * another's answers cannot disturb each other, and one that is not saved leaves no trace.
 */
#include "downloader/settings.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/error.h"
#include "common/log.h"

enum {
	MINUTE_MS = 60 * 1000,
};

struct settings {
	struct store *store;
	struct loop_timer *timer;
	struct settings_values defaults;
	struct settings_values values; /* committed */
	struct settings_effect effect; /* what the hooks know */
	struct settings_hooks hooks;
};

/* --- JSON --- */

enum kind {
	KIND_SWITCH,
	KIND_NUMBER,
	KIND_SCHEDULE,
	KIND_GPUS,
};

#define AT(member) offsetof(struct settings_values, member)

static const struct {
	const char *name;
	enum kind kind;
	size_t offset;
} rows[] = {
	{ "paused", KIND_SWITCH, AT(is_paused) },
	{ "bandwidth_limit", KIND_NUMBER, AT(limit_bps) },
	{ "slow", KIND_SWITCH, AT(is_slow) },
	{ "slow_limit", KIND_NUMBER, AT(slow_limit_bps) },
	{ "max_downloads", KIND_NUMBER, AT(max_downloads) },
	{ "max_connections", KIND_NUMBER, AT(max_connections) },
	{ "schedule", KIND_SCHEDULE, AT(schedule) },
	{ "gpu_memory", KIND_GPUS, AT(gpus) },
};

/* schema_check() has seen that they are whole numbers, and not more than there is room for. */
static void take_gpus(struct settings_gpus *to, struct json_object *array)
{
	*to = (struct settings_gpus){ .n = json_object_array_length(array) };
	assert(to->n <= ARRAY_LEN(to->bytes));
	for (size_t i = 0; i < to->n; i++)
		to->bytes[i] = json_object_get_uint64(json_object_array_get_idx(array, i));
}

static struct json_object *gpus_to_json(const struct settings_gpus *gpus)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < gpus->n; i++)
		(void)json_object_array_add(array, json_object_new_uint64(gpus->bytes[i]));
	return array;
}

/* Takes one value over, or the default when it is null. */
static int take_value(struct settings_values *values, const struct settings_values *defaults,
		      size_t row, struct json_object *value, struct error *err)
{
	void *to = (char *)values + rows[row].offset;
	const void *from = (const char *)defaults + rows[row].offset;

	switch (rows[row].kind) {
	case KIND_SWITCH:
		*(bool *)to =
			value != NULL ? json_object_get_boolean(value) : *(const bool *)from;
		return 0;
	case KIND_NUMBER:
		*(uint64_t *)to =
			value != NULL ? json_object_get_uint64(value) : *(const uint64_t *)from;
		return 0;
	case KIND_SCHEDULE:
		if (value != NULL)
			return schedule_from_json(value, to, err);
		*(struct schedule *)to = *(const struct schedule *)from;
		return 0;
	case KIND_GPUS:
		if (value != NULL)
			take_gpus(to, value);
		else
			*(struct settings_gpus *)to = *(const struct settings_gpus *)from;
		return 0;
	}
	bug("a setting without a kind");
}

static int take_patch(struct settings_values *values, const struct settings_values *defaults,
		      struct json_object *patch, struct error *err)
{
	json_object_object_foreach(patch, name, value)
	{
		size_t i = 0;

		while (i < ARRAY_LEN(rows) && strcmp(rows[i].name, name) != 0)
			i++;
		/* schema_check() knows the same names; a test compares the two. */
		if (i == ARRAY_LEN(rows))
			return error_set_field(err, name, "\"%s\" is not known here", name);
		if (take_value(values, defaults, i, value, err) < 0)
			return -1;
	}
	return 0;
}

static struct json_object *value_to_json(const struct settings_values *values, size_t row)
{
	const void *from = (const char *)values + rows[row].offset;

	switch (rows[row].kind) {
	case KIND_SWITCH:
		return json_object_new_boolean(*(const bool *)from);
	case KIND_NUMBER:
		return json_object_new_uint64(*(const uint64_t *)from);
	case KIND_SCHEDULE:
		return schedule_to_json(from);
	case KIND_GPUS:
		return gpus_to_json(from);
	}
	bug("a setting without a kind");
}

static struct json_object *effect_to_json(const struct settings_effect *effect)
{
	struct json_object *object = json_object_new_object();

	json_add_bool(object, "paused", effect->is_paused);
	json_add_u64(object, "bandwidth_limit", effect->limit_bps);
	json_add_cstr(object, "why", effect->why);
	json_add_time(object, "until", effect->until_ms);
	return object;
}

struct json_object *settings_to_json(const struct settings *s)
{
	struct json_object *object = json_object_new_object();

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		json_take(object, rows[i].name, value_to_json(&s->values, i));
	json_take(object, "effect", effect_to_json(&s->effect));
	return object;
}

/* --- the effect --- */

static void lower(struct settings_effect *effect, uint64_t limit_bps, const char *why)
{
	if (limit_bps == 0 || (effect->limit_bps != 0 && effect->limit_bps <= limit_bps))
		return;
	effect->limit_bps = limit_bps;
	if (!effect->is_paused)
		effect->why = why;
}

/* What holds while this entry of the schedule does, or none. */
static void judge(const struct settings_values *values, const struct schedule_entry *entry,
		  struct settings_effect *ret)
{
	bool is_off = entry != NULL && entry->action == SCHEDULE_PAUSE;

	*ret = (struct settings_effect){
		.is_paused = values->is_paused || is_off,
		.why = "",
		.max_downloads = (size_t)values->max_downloads,
		.max_connections = (size_t)values->max_connections,
	};
	/* A person's pause comes first: it does not end by itself. */
	if (ret->is_paused)
		ret->why = values->is_paused ? "paused" : "schedule";
	lower(ret, values->limit_bps, "limit");
	if (values->is_slow)
		lower(ret, values->slow_limit_bps, "slow");
	if (entry != NULL && entry->action == SCHEDULE_LIMIT)
		lower(ret, entry->limit_bps, "schedule");
}

static bool is_same(const struct settings_effect *a, const struct settings_effect *b)
{
	return a->is_paused == b->is_paused && a->limit_bps == b->limit_bps &&
	       strcmp(a->why, b->why) == 0 && a->max_downloads == b->max_downloads &&
	       a->max_connections == b->max_connections && a->until_ms == b->until_ms;
}

static unsigned minute_of_week(const struct tm *local)
{
	/* Weeks begin on Sunday there, on Monday here. */
	unsigned weekday = (unsigned)(local->tm_wday + SCHEDULE_DAYS - 1) % SCHEDULE_DAYS;

	return weekday * SCHEDULE_DAY_MINUTES + (unsigned)(local->tm_hour * 60 + local->tm_min);
}

static const struct schedule_entry *entry_at(const struct settings_values *values,
					     unsigned minute)
{
	minute %= SCHEDULE_WEEK_MINUTES;
	return schedule_at(&values->schedule, minute / SCHEDULE_DAY_MINUTES,
			   minute % SCHEDULE_DAY_MINUTES);
}

static unsigned next_change(const struct settings_values *values, unsigned minute)
{
	minute %= SCHEDULE_WEEK_MINUTES;
	return schedule_next_change(&values->schedule, minute / SCHEDULE_DAY_MINUTES,
				    minute % SCHEDULE_DAY_MINUTES);
}

static time_t ahead_of(const struct tm *local, unsigned minutes, int is_dst, int *ret_is_dst)
{
	struct tm then = *local;
	time_t at;

	then.tm_sec = 0;
	then.tm_min += (int)minutes;
	then.tm_isdst = is_dst;
	at = mktime(&then);
	*ret_is_dst = then.tm_isdst;
	return at;
}

/* Unix milliseconds when the clock on the wall will show so many minutes more. Within the
 * present summer or winter time, as only that tells apart an hour that is there twice; else in
 * that which holds then. */
static int64_t moment(const struct tm *local, unsigned minutes)
{
	int is_dst;
	time_t at = ahead_of(local, minutes, local->tm_isdst, &is_dst);

	if (is_dst != local->tm_isdst)
		at = ahead_of(local, minutes, -1, &is_dst);
	return (int64_t)at * 1000;
}

/* When the schedule will change `present`: a change that makes no difference beside the other
 * settings is none. */
static int64_t find_until(const struct settings_values *values,
			  const struct settings_effect *present, const struct tm *local)
{
	unsigned now = minute_of_week(local);
	unsigned ahead = next_change(values, now);

	while (ahead > 0 && ahead <= SCHEDULE_WEEK_MINUTES) {
		struct settings_effect then;

		judge(values, entry_at(values, now + ahead), &then);
		if (!is_same(&then, present))
			return moment(local, ahead);
		ahead += next_change(values, now + ahead);
	}
	return 0;
}

void settings_judge(const struct settings_values *values, int64_t now_ms,
		    struct settings_effect *ret)
{
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm local;

	tzset(); /* the zone may have been changed since */
	if (localtime_r(&seconds, &local) == NULL) {
		judge(values, NULL, ret); /* a clock that shows no time at all */
		return;
	}
	judge(values, entry_at(values, minute_of_week(&local)), ret);
	ret->until_ms = find_until(values, ret, &local);
}

/* Looks at what holds now, and tells when that is something else. */
static void consider(struct settings *s, bool is_news)
{
	int64_t now_ms = clock_unix_ms();
	struct settings_effect effect;

	settings_judge(&s->values, now_ms, &effect);
	if (s->values.schedule.n > 0)
		loop_timer_arm(s->timer, MINUTE_MS - (uint64_t)now_ms % MINUTE_MS);
	else
		loop_timer_stop(s->timer);
	if (!is_same(&effect, &s->effect)) {
		is_news = true;
		s->effect = effect;
		s->hooks.changed(s->hooks.ctx, &s->effect);
	}
	if (is_news)
		s->hooks.news(s->hooks.ctx);
}

static void on_minute(void *ctx)
{
	consider(ctx, false);
}

const struct settings_effect *settings_effect(const struct settings *s)
{
	return &s->effect;
}

const struct settings_gpus *settings_gpus(const struct settings *s)
{
	return &s->values.gpus;
}

/* --- changes --- */

struct change {
	struct settings *settings;
	struct json_object *patch;
	store_done_fn done;
	void *ctx;
};

static void on_saved(void *ctx, const struct error *err)
{
	struct change *change = ctx;
	struct settings *s = change->settings;
	struct error ignored;

	if (err == NULL) {
		if (take_patch(&s->values, &s->defaults, change->patch, &ignored) < 0)
			bug("a patch that could be read cannot be read again");
		consider(s, json_object_object_length(change->patch) > 0);
	}
	change->done(change->ctx, err);
	json_free(&change->patch);
	free(change);
}

int settings_patch(struct settings *s, struct json_object *patch, store_done_fn done, void *ctx,
		   struct error *err)
{
	AUTO_JSON kept = patch != NULL ? json_object_get(patch) : json_object_new_object();
	struct settings_values scratch = s->values;
	struct json_object *copy = NULL; /* of its own for the store's thread */
	struct change *change;

	if (take_patch(&scratch, &s->defaults, kept, err) < 0)
		return -1;
	if (json_object_deep_copy(kept, &copy, NULL) < 0)
		bug("JSON that cannot be copied");
	change = mem_alloc(sizeof(*change));
	*change =
		(struct change){ .settings = s, .patch = MOVE(kept), .done = done, .ctx = ctx };
	store_put_settings(s->store, copy, on_saved, change);
	return 0;
}

/* --- begin and end --- */

static int load_setting(struct settings *s, const char *name, const char *value,
			struct error *err)
{
	AUTO_JSON patch = json_object_new_object();
	struct json_object *parsed = NULL;

	if (json_parse(str_from(value), 8, &parsed, err) < 0)
		return -1;
	json_take(patch, name, parsed);
	if (schema_check(S("settings.patch"), patch, err) < 0)
		return -1;
	return take_patch(&s->values, &s->defaults, patch, err);
}

/* A row that cannot be read must not keep larderd from starting. Names of others have a dot. */
static void on_loaded(void *ctx, const char *name, const char *value)
{
	struct error err;

	if (strchr(name, '.') == NULL && load_setting(ctx, name, value, &err) < 0)
		log_warning("setting %s: its default holds: %s", name, err.text);
}

struct settings *settings_new(struct loop *loop, struct store *store,
			      const struct settings_values *defaults,
			      const struct settings_hooks *hooks, struct error *err)
{
	AUTO(settings) s = mem_alloc(sizeof(*s));

	s->store = store;
	s->defaults = *defaults;
	s->values = *defaults;
	s->hooks = *hooks;
	s->timer = loop_timer_new(loop, on_minute, s);
	if (store_load_settings(store, on_loaded, s, err) < 0)
		return NULL;
	settings_judge(&s->values, clock_unix_ms(), &s->effect);
	loop_timer_arm(s->timer, 0); /* it goes on from there */
	return MOVE(s);
}

void settings_free(struct settings **settings)
{
	if (*settings == NULL)
		return;
	loop_timer_free(&(*settings)->timer);
	free(*settings);
	*settings = NULL;
}
