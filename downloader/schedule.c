#include "downloader/schedule.h"

#include <stdio.h>

#include "common/error.h"

static const char *const day_names[] = { "mon", "tue", "wed", "thu", "fri", "sat", "sun" };
static const char *const action_names[] = {
	[SCHEDULE_LIMIT] = "limit",
	[SCHEDULE_PAUSE] = "pause",
};

static_assert(ARRAY_LEN(day_names) == SCHEDULE_DAYS, "every day has its name");
static_assert(ARRAY_LEN(action_names) == SCHEDULE_ACTION_COUNT, "every action has its name");

/* --- JSON --- */

/* The position of `name`, or n. */
static size_t find_name(const char *const *names, size_t n, struct str name)
{
	size_t i = 0;

	while (i < n && !str_is_equal(name, str_from(names[i])))
		i++;
	return i;
}

static int read_days(struct json_object *array, const char *label, unsigned *ret,
		     struct error *err)
{
	size_t n = json_object_is_type(array, json_type_array) ? json_object_array_length(array)
							       : 0;
	unsigned days = 0;

	for (size_t i = 0; i < n; i++) {
		AUTO_CSTR item = mem_printf("%s[%zu]", label, i);
		const char *name = json_object_get_string(json_object_array_get_idx(array, i));
		size_t day = find_name(day_names, SCHEDULE_DAYS, str_from(name));

		if (day == SCHEDULE_DAYS)
			return error_set_field(
				err, item,
				"%s must be one of mon, tue, wed, thu, fri, sat and sun", item);
		days |= 1U << day;
	}
	if (days == 0)
		return error_set_field(err, label, "%s must name a day at least", label);
	*ret = days;
	return 0;
}

/* "HH:MM" up to `max` minutes. */
static int read_time(struct str text, unsigned max, const char *label, unsigned *ret,
		     struct error *err)
{
	uint64_t hours = 0;
	uint64_t minutes = 0;

	if (text.n != 5 || text.p[2] != ':' ||
	    str_to_u64(str_sub(text, 0, 2), 0, 24, &hours) < 0 ||
	    str_to_u64(str_sub(text, 3, 5), 0, 59, &minutes) < 0 || hours * 60 + minutes > max)
		return error_set_field(err, label,
				       "%s must be a time from 00:00 to %s, like 08:30", label,
				       max == SCHEDULE_DAY_MINUTES ? "24:00" : "23:59");
	*ret = (unsigned)(hours * 60 + minutes);
	return 0;
}

/* A limit has its bandwidth, a pause has none. */
static int read_limit(struct json_object *object, enum schedule_action action,
		      const char *label, uint64_t *ret, struct error *err)
{
	bool is_given = json_get(object, "bandwidth_limit") != NULL;

	if (is_given && action == SCHEDULE_PAUSE)
		return error_set_field(err, label, "%s is for the action limit only", label);
	if (!is_given && action == SCHEDULE_LIMIT)
		return error_set_field(err, label, "%s is missing: the action is limit", label);
	*ret = (uint64_t)json_get_int(object, "bandwidth_limit", 0);
	return 0;
}

static int read_entry(struct json_object *object, size_t i, struct schedule_entry *ret,
		      struct error *err)
{
	AUTO_CSTR days = mem_printf("schedule[%zu].days", i);
	AUTO_CSTR from = mem_printf("schedule[%zu].from", i);
	AUTO_CSTR to = mem_printf("schedule[%zu].to", i);
	AUTO_CSTR action = mem_printf("schedule[%zu].action", i);
	AUTO_CSTR limit = mem_printf("schedule[%zu].bandwidth_limit", i);
	size_t which =
		find_name(action_names, SCHEDULE_ACTION_COUNT, json_get_str(object, "action"));

	if (read_days(json_get(object, "days"), days, &ret->days, err) < 0 ||
	    read_time(json_get_str(object, "from"), SCHEDULE_DAY_MINUTES - 1, from, &ret->from,
		      err) < 0 ||
	    read_time(json_get_str(object, "to"), SCHEDULE_DAY_MINUTES, to, &ret->to, err) < 0)
		return -1;
	if (which == SCHEDULE_ACTION_COUNT)
		return error_set_field(err, action, "%s must be limit or pause", action);
	/* Midnight as an end is the end of the day. */
	if (ret->to == 0)
		ret->to = SCHEDULE_DAY_MINUTES;
	ret->action = (enum schedule_action)which;
	return read_limit(object, ret->action, limit, &ret->limit_bps, err);
}

int schedule_from_json(struct json_object *array, struct schedule *ret, struct error *err)
{
	struct schedule schedule = { .n = 0 };
	size_t n = array != NULL ? json_object_array_length(array) : 0;

	assert(n <= SCHEMA_SCHEDULE_MAX);
	for (size_t i = 0; i < n; i++) {
		if (read_entry(json_object_array_get_idx(array, i), i, &schedule.entries[i],
			       err) < 0)
			return -1;
	}
	schedule.n = n;
	*ret = schedule;
	return 0;
}

static void add_minutes(struct json_object *object, const char *name, unsigned minutes)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%02u:%02u", minutes / 60, minutes % 60);
	json_add_cstr(object, name, text);
}

static struct json_object *entry_to_json(const struct schedule_entry *entry)
{
	struct json_object *object = json_object_new_object();
	struct json_object *days = json_object_new_array();

	for (size_t i = 0; i < SCHEDULE_DAYS; i++) {
		if ((entry->days & (1U << i)) != 0)
			(void)json_object_array_add(days, json_object_new_string(day_names[i]));
	}
	json_take(object, "days", days);
	add_minutes(object, "from", entry->from);
	add_minutes(object, "to", entry->to);
	json_add_cstr(object, "action", action_names[entry->action]);
	if (entry->action == SCHEDULE_LIMIT)
		json_add_u64(object, "bandwidth_limit", entry->limit_bps);
	else
		json_take(object, "bandwidth_limit", NULL);
	return object;
}

struct json_object *schedule_to_json(const struct schedule *schedule)
{
	struct json_object *array = json_object_new_array();

	for (size_t i = 0; i < schedule->n; i++)
		(void)json_object_array_add(array, entry_to_json(&schedule->entries[i]));
	return array;
}

/* --- what holds --- */

static unsigned length_of(const struct schedule_entry *entry)
{
	return entry->to > entry->from ? entry->to - entry->from
				       : entry->to + SCHEDULE_DAY_MINUTES - entry->from;
}

/* Minutes since the entry began on `day`, at `now`, both of a week that goes round. */
static unsigned since_begin(const struct schedule_entry *entry, unsigned day, unsigned now)
{
	unsigned begin = day * SCHEDULE_DAY_MINUTES + entry->from;

	return (now + SCHEDULE_WEEK_MINUTES - begin) % SCHEDULE_WEEK_MINUTES;
}

static const struct schedule_entry *entry_at(const struct schedule *schedule, unsigned now)
{
	for (size_t i = schedule->n; i > 0; i--) {
		const struct schedule_entry *entry = &schedule->entries[i - 1];

		for (unsigned day = 0; day < SCHEDULE_DAYS; day++) {
			if ((entry->days & (1U << day)) != 0 &&
			    since_begin(entry, day, now) < length_of(entry))
				return entry;
		}
	}
	return NULL;
}

const struct schedule_entry *schedule_at(const struct schedule *schedule, unsigned weekday,
					 unsigned minute)
{
	return entry_at(schedule, weekday * SCHEDULE_DAY_MINUTES + minute);
}

/* Minutes to the next begin or end of any entry, 1 to a week. */
static unsigned to_next_edge(const struct schedule *schedule, unsigned now)
{
	unsigned least = SCHEDULE_WEEK_MINUTES;

	for (size_t i = 0; i < schedule->n; i++) {
		const struct schedule_entry *entry = &schedule->entries[i];

		for (unsigned day = 0; day < SCHEDULE_DAYS; day++) {
			unsigned since = since_begin(entry, day, now);
			unsigned length = length_of(entry);
			unsigned left =
				since < length ? length - since : SCHEDULE_WEEK_MINUTES - since;

			if ((entry->days & (1U << day)) != 0 && left < least)
				least = left;
		}
	}
	return least;
}

static bool is_same(const struct schedule_entry *a, const struct schedule_entry *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a->action == b->action && a->limit_bps == b->limit_bps;
}

unsigned schedule_next_change(const struct schedule *schedule, unsigned weekday,
			      unsigned minute)
{
	unsigned now = weekday * SCHEDULE_DAY_MINUTES + minute;
	const struct schedule_entry *present = entry_at(schedule, now);
	unsigned ahead = to_next_edge(schedule, now);

	while (ahead < SCHEDULE_WEEK_MINUTES) {
		unsigned then = (now + ahead) % SCHEDULE_WEEK_MINUTES;

		if (!is_same(present, entry_at(schedule, then)))
			return ahead;
		ahead += to_next_edge(schedule, then);
	}
	return 0;
}
