/*
 * What people change while larderd runs: everything paused, the bandwidth limit, the slow
 * toggle with its own limit, how many downloads and connections, the weekly schedule. Defaults
 * come from the configuration; what was changed is kept by the store and wins over them. And
 *the graphics cards, which the kernel does not tell of all (host.h).
 *
 * Settings are what is wanted; their effect is what holds now, from all of them and the local
 * time of day together:
 *
 *	paused           `paused` is set, or the schedule says so
 *	bandwidth limit  the least of: the limit, the slow limit while `slow` is set, the
 *	                 schedule's; 0 when there is none of them
 *
 * A change is validated at once and in effect after its commit: then the hooks are called, then
 * `done`. The effect is looked at again at every full minute while there is a schedule, so a
 * clock that is set, or goes over to summer time, is followed within the minute.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_SETTINGS_H
#define DOWNLOADER_SETTINGS_H

#include "downloader/fit.h"
#include "downloader/schedule.h"
#include "downloader/store.h"

struct settings;

#define SETTINGS_SLOW_LIMIT_BPS UINT64_C(1000000) /* until somebody changes it */

/* Graphics cards that models are meant to run on: bytes of each. */
struct settings_gpus {
	size_t n;
	uint64_t bytes[FIT_GPUS_MAX];
};

struct settings_values {
	bool is_paused;
	uint64_t limit_bps; /* of all downloads together; 0: none */
	bool is_slow;
	uint64_t slow_limit_bps;
	uint64_t max_downloads;
	uint64_t max_connections;
	struct schedule schedule;
	struct settings_gpus gpus; /* by default, what host.h found */
};

struct settings_effect {
	bool is_paused;
	uint64_t limit_bps; /* 0: none */
	const char *why;    /* what decides: "paused", "schedule", "slow", "limit" or "" */
	size_t max_downloads;
	size_t max_connections;
	int64_t until_ms; /* unix time at which the schedule will change it; 0: it will not */
};

struct settings_hooks {
	/* Another effect holds from now on. */
	void (*changed)(void *ctx, const struct settings_effect *effect);
	/* Settings or effect are not what they were: the world may be told. After `changed`. */
	void (*news)(void *ctx);
	void *ctx;
};

/* Reads what the store has; call before the loop runs. The hooks are called for later changes
 * only: the first effect is there to be read. */
struct settings *settings_new(struct loop *loop, struct store *store,
			      const struct settings_values *defaults,
			      const struct settings_hooks *hooks, struct error *err);
void settings_free(struct settings **settings); /* after the store's messages were run */

/* Borrowed until the loop's next turn. */
const struct settings_effect *settings_effect(const struct settings *settings);

/* Borrowed, likewise. */
const struct settings_gpus *settings_gpus(const struct settings *settings);

/* All settings and, as "effect", what holds: DESIGN.md 4.1; belongs to the caller. */
struct json_object *settings_to_json(const struct settings *settings);

/* Changes the settings that are members of `patch`, all of them or none; null gives one its
 * default again. `patch` is borrowed, may be NULL, and has passed schema_check(). -1 at once,
 * and no `done`, with ERR_INVALID and the field. Else `done` follows, with ERR_STORE when it
 * could not be saved: then nothing has changed. */
int settings_patch(struct settings *settings, struct json_object *patch, store_done_fn done,
		   void *ctx, struct error *err) MUST_USE;

/* What these values come to at that moment, in the local time zone. Pure but for the zone. */
void settings_judge(const struct settings_values *values, int64_t now_ms,
		    struct settings_effect *ret);

#endif
