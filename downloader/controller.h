/*
 * How many connections are worth having, found by measuring: more are opened as long as all
 * together bring noticeably more, and given back where they do not. The line, the server's
 * limit for a connection and this machine are all in the figure, and none needs to be known.
 *
 *   BASE   measure what the present number brings
 *   TRIAL  measure another number: kept if it pays
 *   REST   leave it; after a while measure again
 *
 * Each measurement waits until the connections asked for bring bytes, lets them settle, then
 * counts. While there is nothing to fetch with the number asked for, nothing is learned.
 *
 * Pure: the time is a parameter. A value; one thread at a time.
 */
#ifndef DOWNLOADER_CONTROLLER_H
#define DOWNLOADER_CONTROLLER_H

#include "common/base.h"

enum {
	CONTROLLER_FIRST = 2,        /* connections to begin with */
	CONTROLLER_GAIN_PERCENT = 5, /* what more must bring to be kept */
	CONTROLLER_SETTLE_MS = 200,  /* after the last new connection brought a byte */
	CONTROLLER_MEASURE_MS = 500,
	CONTROLLER_FIRST_MS = 250,     /* instead, at the very beginning */
	CONTROLLER_CLEAR_MS = 150,     /* so soon a trial is believed that brings */
	CONTROLLER_CLEAR_PERCENT = 50, /* so much more */

	/* A server that brings the first byte so soon is near: its connections have their speed
	 * at once. Two glances in a row that agree to so much then end a measurement that is
	 * clear while it settles. Far ones gather speed for long (TCP's slow start), in which
	 * any later number would seem to bring more. */
	CONTROLLER_NEAR_MS = 150,
	CONTROLLER_GLANCE_MS = 50,
	CONTROLLER_AGREE_PERCENT = 15,

	CONTROLLER_OPEN_MS = 5000,      /* a connection that takes longer is not waited for */
	CONTROLLER_REST_MS = 30 * 1000, /* then it looks again */
	CONTROLLER_REFUSED_MS = 60 * 1000, /* how long a refusal is remembered */
};

enum controller_phase {
	CONTROLLER_BASE,
	CONTROLLER_TRIAL,
	CONTROLLER_REST,
};

/* Of a measurement. */
enum controller_step {
	CONTROLLER_OPENING, /* waits for the connections asked for */
	CONTROLLER_SETTLING,
	CONTROLLER_COUNTING,
};

struct controller {
	size_t least;
	size_t most;
	size_t target;
	enum controller_phase phase;
	size_t kept;       /* the number that is known to be good */
	double kept_bps;   /* what it brought */
	bool is_down_next; /* the next look asks whether fewer do */
	uint64_t since_ms; /* of the rest, or of the step; 0: not begun */
	enum controller_step step;
	uint64_t counted;
	bool is_near;
	uint64_t glance_ms; /* the glance's beginning, */
	uint64_t glanced;   /* what it has seen */
	double glance_bps;  /* and what the one before it saw; 0: there was none */
	size_t usable;
	bool is_short;  /* it rests because no more could be used */
	size_t ceiling; /* after a refusal */
	uint64_t refused_ms;
};

void controller_init(struct controller *controller, size_t most);

/* Never less than 1. */
size_t controller_target(const struct controller *controller);

/* Fewer than so many are not to be had from now on, whatever they bring: each job has one. */
void controller_set_least(struct controller *controller, size_t least);

/* To be called many times a second: `bytes` came from the last call's time to `now_ms` over
 * `flowing` connections that bring bytes; `usable` is how many could have something to do. */
void controller_tick(struct controller *controller, uint64_t now_ms, uint64_t bytes,
		     size_t flowing, size_t usable);

/* The server has refused a connection while `open` others go on. */
void controller_refused(struct controller *controller, uint64_t now_ms, size_t open);

#endif
