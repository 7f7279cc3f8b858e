#include "downloader/events.h"

#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "common/json.h"

struct events {
	char epoch[17];
	uint64_t last;                      /* sequence of the newest, 0 before the first */
	struct event ring[EVENTS_RING_MAX]; /* each holds its frame */
	size_t first;                       /* place of the oldest */
	size_t n;
	size_t bytes;
	void (*listener)(void *ctx, const struct event *event);
	void *ctx;
};

struct events *events_new(void)
{
	struct events *events = mem_alloc(sizeof(*events));

	(void)snprintf(events->epoch, sizeof(events->epoch), "%08x%08x", randombytes_random(),
		       randombytes_random());
	return events;
}

static void drop_oldest(struct events *events)
{
	struct event *oldest = &events->ring[events->first];

	events->bytes -= oldest->frame->bytes.n;
	frame_free(&oldest->frame);
	events->first = (events->first + 1) % EVENTS_RING_MAX;
	events->n--;
}

void events_free(struct events **events)
{
	if (*events == NULL)
		return;
	while ((*events)->n > 0)
		drop_oldest(*events);
	free(*events);
	*events = NULL;
}

void events_set_listener(struct events *events,
			 void (*fn)(void *ctx, const struct event *event), void *ctx)
{
	events->listener = fn;
	events->ctx = ctx;
}

void events_publish(struct events *events, const char *name, struct json_object *take_data)
{
	AUTO_JSON data = take_data;
	struct event *event;
	char id[EVENT_ID_MAX];

	if (events->n == EVENTS_RING_MAX)
		drop_oldest(events);
	event = &events->ring[(events->first + events->n++) % EVENTS_RING_MAX];
	events_id(events, ++events->last, id);
	*event = (struct event){ .sequence = events->last,
				 .name = name,
				 .frame = frame_new(id, name, json_text(data)) };
	events->bytes += event->frame->bytes.n;
	if (events->listener != NULL)
		events->listener(events->ctx, event);
	while (events->bytes > EVENTS_RING_BYTES && events->n > 1)
		drop_oldest(events);
}

void events_id(const struct events *events, uint64_t sequence, char *ret)
{
	(void)snprintf(ret, EVENT_ID_MAX, "%s-%llu", events->epoch,
		       (unsigned long long)sequence);
}

void events_last_id(const struct events *events, char *ret)
{
	events_id(events, events->last, ret);
}

uint64_t events_last_sequence(const struct events *events)
{
	return events->last;
}

bool events_can_replay(const struct events *events, struct str id, uint64_t *ret_after)
{
	size_t dash = str_find_char(id, '-');
	uint64_t oldest = events->last - events->n + 1;
	uint64_t sequence = 0;

	if (!str_is_equal(str_sub(id, 0, dash), str_from(events->epoch)) ||
	    str_to_u64(str_sub(id, dash + 1, id.n), 0, events->last, &sequence) < 0)
		return false;
	if (sequence + 1 < oldest)
		return false;
	*ret_after = sequence;
	return true;
}

const struct event *events_after(const struct events *events, uint64_t sequence)
{
	uint64_t oldest = events->last - events->n + 1;
	uint64_t wanted = sequence + 1 < oldest ? oldest : sequence + 1;

	if (wanted > events->last)
		return NULL;
	return &events->ring[(events->first + (size_t)(wanted - oldest)) % EVENTS_RING_MAX];
}

struct frame *events_frame(const struct events *events, const char *name, struct str data)
{
	char id[EVENT_ID_MAX];

	events_last_id(events, id);
	return frame_new(id, name, data);
}
