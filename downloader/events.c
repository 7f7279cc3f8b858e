#include "downloader/events.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/json.h"

struct stored {
	struct event event;
	char *frame; /* event.frame and event.data are views into it */
};

struct events {
	char epoch[17];
	uint64_t last; /* sequence of the newest, 0 before the first */
	struct stored ring[EVENTS_RING_MAX];
	size_t first; /* place of the oldest */
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
	struct stored *oldest = &events->ring[events->first];

	events->bytes -= oldest->event.frame.n;
	free(oldest->frame);
	*oldest = (struct stored){ .frame = NULL };
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

/* JSON text has no line breaks, so that one data line is enough. */
static char *make_frame(const struct events *events, uint64_t sequence, const char *name,
			struct str data)
{
	return mem_printf("id: %s-%llu\nevent: %s\ndata: %.*s\n\n", events->epoch,
			  (unsigned long long)sequence, name, (int)data.n, data.p);
}

void events_publish(struct events *events, const char *name, struct json_object *take_data)
{
	AUTO_JSON data = take_data;
	struct str text = json_text(data);
	struct stored *place;

	if (events->n == EVENTS_RING_MAX)
		drop_oldest(events);
	place = &events->ring[(events->first + events->n++) % EVENTS_RING_MAX];
	place->frame = make_frame(events, ++events->last, name, text);
	place->event.sequence = events->last;
	place->event.name = name;
	place->event.frame = str_from(place->frame);
	/* "data: " ... "\n\n" is how the frame ends. */
	place->event.data = str_sub(place->event.frame, place->event.frame.n - 2 - text.n,
				    place->event.frame.n - 2);
	events->bytes += place->event.frame.n;
	if (events->listener != NULL)
		events->listener(events->ctx, &place->event);
	while (events->bytes > EVENTS_RING_BYTES && events->n > 1)
		drop_oldest(events);
}

void events_last_id(const struct events *events, char *ret)
{
	(void)snprintf(ret, EVENT_ID_MAX, "%s-%llu", events->epoch,
		       (unsigned long long)events->last);
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
	return &events->ring[(events->first + (size_t)(wanted - oldest)) % EVENTS_RING_MAX]
			.event;
}

char *events_frame(const struct events *events, const char *name, struct str data)
{
	return make_frame(events, events->last, name, data);
}
