/*
 * The weekly schedule: at which hours of which days downloads are limited or paused.
 *
 * An entry as JSON: {"days":["mon","fri"],"from":"22:00","to":"06:00","action":"limit",
 * "bandwidth_limit":500000}. It holds from `from` on and ends before `to`. When `to` is not
 * after `from` it ends on the following day, and belongs to the day on which it begins: the one
 * above holds until Saturday at six, and on no Sunday. 24:00 is the end of a day; from and to
 * alike make 24 hours. Where several entries hold, the last one in the list counts, be it
 * looser or stricter.
 *
 * Local time as it stands on the wall: weekday (0 is Monday) and minute of the day. A day of 23
 * or 25 hours is not known here: who asks does so again at least each minute, so that a shift
 * of the clock is followed when it comes.
 *
 * Pure: the time is a parameter. A schedule is a value, zero is the empty one.
 */
#ifndef DOWNLOADER_SCHEDULE_H
#define DOWNLOADER_SCHEDULE_H

#include "common/schema.h"

struct error;

enum {
	SCHEDULE_DAYS = 7,
	SCHEDULE_DAY_MINUTES = 24 * 60,
	SCHEDULE_WEEK_MINUTES = SCHEDULE_DAYS * SCHEDULE_DAY_MINUTES,
};

enum schedule_action {
	SCHEDULE_LIMIT,
	SCHEDULE_PAUSE,
	SCHEDULE_ACTION_COUNT,
};

struct schedule_entry {
	unsigned days; /* bit 0: it begins on Mondays */
	unsigned from; /* minute of the day */
	unsigned to;   /* 1..SCHEDULE_DAY_MINUTES */
	enum schedule_action action;
	uint64_t limit_bps; /* SCHEDULE_LIMIT only */
};

struct schedule {
	struct schedule_entry entries[SCHEMA_SCHEDULE_MAX];
	size_t n;
};

/* Reads a list of entries that schema_check() let pass: kinds and numbers are right, what they
 * say is understood here. NULL is the empty schedule. ERR_INVALID with the field, like
 * "schedule[2].from"; *ret is untouched then. */
int schedule_from_json(struct json_object *array, struct schedule *ret,
		       struct error *err) MUST_USE;

/* The list again; belongs to the caller. */
struct json_object *schedule_to_json(const struct schedule *schedule);

/* The entry that counts at that time, borrowed; NULL when none holds. */
const struct schedule_entry *schedule_at(const struct schedule *schedule, unsigned weekday,
					 unsigned minute);

/* Minutes until another action or limit, or none, holds than at that time: 1 to a week; 0 when
 * that never comes. */
unsigned schedule_next_change(const struct schedule *schedule, unsigned weekday,
			      unsigned minute);

#endif
