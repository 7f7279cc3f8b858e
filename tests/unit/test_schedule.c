#include "downloader/schedule.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "common/error.h"

enum {
	MON,
	TUE,
	WED,
	THU,
	FRI,
	SAT,
	SUN,
};

#define ENTRY(days, from, to, rest) \
	"{\"days\":[" days "],\"from\":\"" from "\",\"to\":\"" to "\"," rest "}"
#define PAUSE       "\"action\":\"pause\""
#define LIMIT(n)    "\"action\":\"limit\",\"bandwidth_limit\":" #n
#define WORKDAYS    "\"mon\",\"tue\",\"wed\",\"thu\",\"fri\""
#define ALL_DAYS    WORKDAYS ",\"sat\",\"sun\""
#define AT(hh, mm)  ((hh)*60 + (mm))
#define HOURS(n)    ((n)*60)
#define DAYS(n)     ((n)*SCHEDULE_DAY_MINUTES)
#define NIGHTS      "[" ENTRY("\"mon\",\"fri\"", "22:00", "06:00", PAUSE) "]"
#define WHOLE_WEEK  "[" ENTRY(ALL_DAYS, "00:00", "24:00", PAUSE) "]"
#define OFFICE      ENTRY(WORKDAYS, "08:00", "18:00", LIMIT(1000))
#define LUNCH       ENTRY(ALL_DAYS, "12:00", "13:00", LIMIT(9000))
#define WEDNESDAY   ENTRY("\"wed\"", "10:00", "14:00", PAUSE)
#define OVERLAPPING "[" OFFICE "," LUNCH "," WEDNESDAY "]"

/* Through the schema, as all of it comes. */
static int read(const char *text, struct schedule *ret, struct error *err)
{
	AUTO_JSON params = json_object_new_object();
	struct json_object *array = NULL;

	assert_int_equal(json_parse(str_from(text), 8, &array, err), 0);
	json_take(params, "schedule", array);
	if (schema_check(S("settings.patch"), params, err) < 0)
		return -1;
	return schedule_from_json(array, ret, err);
}

static struct schedule make(const char *text)
{
	struct schedule schedule;
	struct error err;

	assert_int_equal(read(text, &schedule, &err), 0);
	return schedule;
}

static void what_was_read_is_written_again(void **state)
{
	static const struct {
		const char *text;
		const char *wanted;
	} rows[] = {
		{ "[]", "[]" },
		{ "[" ENTRY("\"sun\",\"mon\",\"sun\"", "08:30", "18:05", LIMIT(500000)) "]",
		  "[{\"days\":[\"mon\",\"sun\"],\"from\":\"08:30\",\"to\":\"18:05\","
		  "\"action\":\"limit\",\"bandwidth_limit\":500000}]" },
		{ "[" ENTRY("\"tue\"", "22:00", "00:00", PAUSE) "]",
		  "[{\"days\":[\"tue\"],\"from\":\"22:00\",\"to\":\"24:00\","
		  "\"action\":\"pause\",\"bandwidth_limit\":null}]" },
		{ "[" ENTRY("\"tue\"", "00:00", "24:00", PAUSE ",\"bandwidth_limit\":null") "]",
		  "[{\"days\":[\"tue\"],\"from\":\"00:00\",\"to\":\"24:00\","
		  "\"action\":\"pause\",\"bandwidth_limit\":null}]" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct schedule schedule = make(rows[i].text);
		AUTO_JSON once = schedule_to_json(&schedule);
		AUTO_JSON twice = NULL;

		assert_string_equal(json_text(once).p, rows[i].wanted);
		schedule = make(json_text(once).p);
		twice = schedule_to_json(&schedule);
		assert_string_equal(json_text(twice).p, rows[i].wanted);
	}
}

static void what_makes_no_sense_is_refused_with_its_field(void **state)
{
	static const struct {
		const char *text;
		const char *field;
	} rows[] = {
		{ "[" ENTRY("", "08:00", "09:00", PAUSE) "]", "schedule[0].days" },
		{ "[" ENTRY("\"someday\"", "08:00", "09:00", PAUSE) "]",
		  "schedule[0].days[0]" },
		{ "[" ENTRY("\"mon\",\"Tue\"", "08:00", "09:00", PAUSE) "]",
		  "schedule[0].days[1]" },
		{ "[" LUNCH "," LUNCH "," ENTRY("\"mon\"", "25:00", "09:00", PAUSE) "]",
		  "schedule[2].from" },
		{ "[" ENTRY("\"mon\"", "24:00", "09:00", PAUSE) "]", "schedule[0].from" },
		{ "[" ENTRY("\"mon\"", "8:00", "09:00", PAUSE) "]", "schedule[0].from" },
		{ "[" ENTRY("\"mon\"", "08-00", "09:00", PAUSE) "]", "schedule[0].from" },
		{ "[" ENTRY("\"mon\"", "08:60", "09:00", PAUSE) "]", "schedule[0].from" },
		{ "[" ENTRY("\"mon\"", "+8:00", "09:00", PAUSE) "]", "schedule[0].from" },
		{ "[" ENTRY("\"mon\"", "08:00", "24:01", PAUSE) "]", "schedule[0].to" },
		{ "[" ENTRY("\"mon\"", "08:00", "09:00 ", PAUSE) "]", "schedule[0].to" },
		{ "[" ENTRY("\"mon\"", "08:00", "09:00", "\"action\":\"stop\"") "]",
		  "schedule[0].action" },
		{ "[" ENTRY("\"mon\"", "08:00", "09:00", "\"action\":\"limit\"") "]",
		  "schedule[0].bandwidth_limit" },
		{ "[" ENTRY("\"mon\"", "08:00", "09:00", LIMIT(0)) "]",
		  "schedule[0].bandwidth_limit" },
		{ "[" ENTRY("\"mon\"", "08:00", "09:00", PAUSE ",\"bandwidth_limit\":5") "]",
		  "schedule[0].bandwidth_limit" },
		{ "[" ENTRY("\"mon\"", "08:00", "09:00", PAUSE ",\"colour\":5") "]",
		  "schedule[0].colour" },
		{ "[{\"days\":[\"mon\"],\"from\":\"08:00\"," PAUSE "}]", "schedule[0].to" },
	};
	struct schedule untouched = make(NIGHTS);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct error err = { .code = ERR_NONE };

		assert_int_equal(read(rows[i].text, &untouched, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_string_equal(err.field, rows[i].field);
		assert_non_null(strstr(err.text, rows[i].field));
		assert_int_equal(untouched.n, 1);
		assert_int_equal(untouched.entries[0].from, AT(22, 0));
	}
}

static void the_number_of_entries_has_a_limit(void **state)
{
	struct schedule schedule;
	struct error err;

	(void)state;
	for (size_t n = SCHEMA_SCHEDULE_MAX; n <= SCHEMA_SCHEDULE_MAX + 1; n++) {
		AUTO_JSON params = json_object_new_object();
		struct json_object *array = json_object_new_array();
		bool fits = n == SCHEMA_SCHEDULE_MAX;

		for (size_t i = 0; i < n; i++) {
			struct json_object *entry = NULL;

			assert_int_equal(json_parse(S(LUNCH), 4, &entry, &err), 0);
			(void)json_object_array_add(array, entry);
		}
		json_take(params, "schedule", array);
		assert_int_equal(schema_check(S("settings.patch"), params, &err),
				 fits ? 0 : -1);
		if (fits)
			assert_int_equal(schedule_from_json(array, &schedule, &err), 0);
	}
	assert_int_equal(schedule.n, SCHEMA_SCHEDULE_MAX);
	assert_string_equal(err.field, "schedule");
}

/* What holds: 0 nothing, -1 a pause, else the limit. */
static int64_t held(const struct schedule *schedule, unsigned weekday, unsigned minute)
{
	const struct schedule_entry *entry = schedule_at(schedule, weekday, minute);

	if (entry == NULL)
		return 0;
	return entry->action == SCHEDULE_PAUSE ? -1 : (int64_t)entry->limit_bps;
}

static const struct {
	const char *text;
	unsigned weekday;
	unsigned minute;
	int64_t held;
	unsigned next;
} times[] = {
	/* Nothing ever. */
	{ "[]", MON, AT(0, 0), 0, 0 },
	{ "[]", SUN, AT(23, 59), 0, 0 },
	/* The whole week: it never changes. */
	{ WHOLE_WEEK, MON, AT(0, 0), -1, 0 },
	{ WHOLE_WEEK, THU, AT(12, 34), -1, 0 },
	{ WHOLE_WEEK, SUN, AT(23, 59), -1, 0 },
	/* Around the edges of an entry within a day. */
	{ "[" OFFICE "]", MON, AT(7, 59), 0, 1 },
	{ "[" OFFICE "]", MON, AT(8, 0), 1000, HOURS(10) },
	{ "[" OFFICE "]", MON, AT(17, 59), 1000, 1 },
	{ "[" OFFICE "]", MON, AT(18, 0), 0, HOURS(14) },
	{ "[" OFFICE "]", FRI, AT(18, 0), 0, DAYS(2) + HOURS(14) },
	{ "[" OFFICE "]", SUN, AT(12, 0), 0, HOURS(20) },
	/* Past midnight, of the day on which it begins. */
	{ NIGHTS, MON, AT(3, 0), 0, HOURS(19) },
	{ NIGHTS, MON, AT(21, 59), 0, 1 },
	{ NIGHTS, MON, AT(22, 0), -1, HOURS(8) },
	{ NIGHTS, TUE, AT(0, 0), -1, HOURS(6) },
	{ NIGHTS, TUE, AT(5, 59), -1, 1 },
	{ NIGHTS, TUE, AT(6, 0), 0, DAYS(3) + HOURS(16) },
	{ NIGHTS, TUE, AT(22, 0), 0, DAYS(3) },
	{ NIGHTS, SAT, AT(5, 0), -1, HOURS(1) },
	{ NIGHTS, SAT, AT(22, 0), 0, DAYS(2) },
	/* Past the end of the week. */
	{ "[" ENTRY("\"sun\"", "20:00", "08:00", LIMIT(7)) "]", SUN, AT(19, 0), 0, HOURS(1) },
	{ "[" ENTRY("\"sun\"", "20:00", "08:00", LIMIT(7)) "]", SUN, AT(23, 59), 7,
	  HOURS(8) + 1 },
	{ "[" ENTRY("\"sun\"", "20:00", "08:00", LIMIT(7)) "]", MON, AT(0, 0), 7, HOURS(8) },
	{ "[" ENTRY("\"sun\"", "20:00", "08:00", LIMIT(7)) "]", MON, AT(8, 0), 0,
	  DAYS(6) + HOURS(12) },
	/* From and to alike: 24 hours. */
	{ "[" ENTRY("\"sun\"", "09:00", "09:00", PAUSE) "]", SUN, AT(8, 59), 0, 1 },
	{ "[" ENTRY("\"sun\"", "09:00", "09:00", PAUSE) "]", SUN, AT(9, 0), -1, DAYS(1) },
	{ "[" ENTRY("\"sun\"", "09:00", "09:00", PAUSE) "]", MON, AT(8, 59), -1, 1 },
	{ "[" ENTRY("\"sun\"", "09:00", "09:00", PAUSE) "]", MON, AT(9, 0), 0, DAYS(6) },
	/* Up to midnight, and on from there: what holds does not change at midnight. */
	{ "[" ENTRY("\"mon\"", "22:00", "00:00", PAUSE) "," ENTRY("\"tue\"", "00:00", "06:00",
								  PAUSE) "]",
	  MON, AT(22, 0), -1, HOURS(8) },
	{ "[" ENTRY("\"mon\"", "22:00", "24:00", PAUSE) "," ENTRY("\"tue\"", "00:00", "06:00",
								  LIMIT(5)) "]",
	  MON, AT(22, 0), -1, HOURS(2) },
	/* Where several hold, the last one counts: looser or stricter. */
	{ OVERLAPPING, MON, AT(11, 0), 1000, HOURS(1) },
	{ OVERLAPPING, MON, AT(12, 0), 9000, HOURS(1) },
	{ OVERLAPPING, MON, AT(13, 0), 1000, HOURS(5) },
	{ OVERLAPPING, WED, AT(9, 0), 1000, HOURS(1) },
	{ OVERLAPPING, WED, AT(10, 0), -1, HOURS(4) },
	{ OVERLAPPING, WED, AT(12, 30), -1, HOURS(1) + 30 },
	{ OVERLAPPING, WED, AT(14, 0), 1000, HOURS(4) },
	{ OVERLAPPING, SAT, AT(12, 59), 9000, 1 },
	/* An entry that is hidden by a later one all the time. */
	{ "[" LUNCH "," ENTRY(ALL_DAYS, "00:00", "24:00", PAUSE) "]", TUE, AT(12, 0), -1, 0 },
};

static void what_holds_and_until_when(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct schedule schedule = make(times[i].text);

		assert_int_equal(held(&schedule, times[i].weekday, times[i].minute),
				 times[i].held);
		assert_int_equal(
			schedule_next_change(&schedule, times[i].weekday, times[i].minute),
			times[i].next);
	}
}

/* The definition itself: minute by minute through the week. */
static void the_next_change_is_the_first_minute_that_differs(void **state)
{
	static const char *const rows[] = { NIGHTS, "[" OFFICE "]", OVERLAPPING };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct schedule schedule = make(rows[i]);

		for (unsigned now = 0; now < SCHEDULE_WEEK_MINUTES; now += 7) {
			unsigned day = now / SCHEDULE_DAY_MINUTES;
			unsigned minute = now % SCHEDULE_DAY_MINUTES;
			int64_t present = held(&schedule, day, minute);
			unsigned next = schedule_next_change(&schedule, day, minute);
			unsigned ahead = 0;
			unsigned then;

			do {
				ahead++;
				then = (now + ahead) % SCHEDULE_WEEK_MINUTES;
			} while (held(&schedule, then / SCHEDULE_DAY_MINUTES,
				      then % SCHEDULE_DAY_MINUTES) == present);
			assert_int_equal(next, ahead);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_read_is_written_again),
		cmocka_unit_test(what_makes_no_sense_is_refused_with_its_field),
		cmocka_unit_test(the_number_of_entries_has_a_limit),
		cmocka_unit_test(what_holds_and_until_when),
		cmocka_unit_test(the_next_change_is_the_first_minute_that_differs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
