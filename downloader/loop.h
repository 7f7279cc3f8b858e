/*
 * The main loop: libevent's base, and the two things it lacks for us: a mailbox by which other
 * threads hand finished work to the loop, and deferred calls, so that no object is freed inside
 * its own callback.
 *
 * Everything but loop_post() and the clocks belongs to the loop's thread.
 */
#ifndef DOWNLOADER_LOOP_H
#define DOWNLOADER_LOOP_H

#include "common/clock.h"

struct event_base;
struct error;
struct loop;

/* Work for the loop, embedded in what carries it. `fn` owns the message from then on. */
struct loop_message {
	struct loop_message *next;
	void (*fn)(struct loop_message *message);
};

struct loop *loop_new(struct error *err);

/* Runs the messages that were posted, and those they post, without waiting for more. */
void loop_drain(struct loop *loop);

/* After loop_drain(). */
void loop_free(struct loop **loop);

/* Runs until loop_stop(). */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

struct event_base *loop_base(struct loop *loop); /* borrowed */

/* Runs message->fn on the loop, in the order of posting. Any thread. */
void loop_post(struct loop *loop, struct loop_message *message);

/* Calls `fn` once the present callback has returned. */
void loop_defer(struct loop *loop, void (*fn)(void *ctx), void *ctx);

/* A timer that is made once and armed again and again. Freed with the object that owns it. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *ctx), void *ctx);
void loop_timer_free(struct loop_timer **timer);
void loop_timer_arm(struct loop_timer *timer,
		    uint64_t delay_ms); /* replaces an earlier arming */
void loop_timer_stop(struct loop_timer *timer);

#endif
