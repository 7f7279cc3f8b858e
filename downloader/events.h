/*
 * What happens, in order, for those who watch: numbered events in a ring of bounded length and
 * bytes. An id is "<epoch>-<sequence>"; the epoch is new with each larderd, so that an id of an
 * earlier one is never mistaken for ours.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_EVENTS_H
#define DOWNLOADER_EVENTS_H

#include "downloader/frame.h"

struct json_object;
struct events;

enum {
	EVENTS_RING_MAX = 1024,              /* events that can be replayed, */
	EVENTS_RING_BYTES = 2 * 1024 * 1024, /* and their bytes */
	EVENT_ID_MAX = 40,
};

struct event {
	uint64_t sequence;
	const char *name; /* a literal: "download", "progress" */
	struct frame *frame;
};

struct events *events_new(void);
void events_free(struct events **events);

/* Called for each event as it is published; the event is borrowed for the call. One at most. */
void events_set_listener(struct events *events,
			 void (*fn)(void *ctx, const struct event *event), void *ctx);

/* `name` is a literal; `data` is consumed. */
void events_publish(struct events *events, const char *name, struct json_object *take_data);

/* Ids, into a buffer of EVENT_ID_MAX bytes: of the event with that sequence, of the newest. */
void events_id(const struct events *events, uint64_t sequence, char *ret);
void events_last_id(const struct events *events, char *ret);
uint64_t events_last_sequence(const struct events *events);

/* Does the ring still hold everything after `id`? Then *ret_after is the sequence after which
 * to go on. False for a foreign epoch, an id too old, or one not yet given. */
bool events_can_replay(const struct events *events, struct str id, uint64_t *ret_after);

/* The first event after `sequence`, borrowed until the next is published; NULL when there is
 * none. */
const struct event *events_after(const struct events *events, uint64_t sequence);

/* The frame of an event that is not in the ring (a snapshot), with the newest id. The caller
 * holds it. */
struct frame *events_frame(const struct events *events, const char *name, struct str data);

#endif
