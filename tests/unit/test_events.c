#include "downloader/events.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"

static void publish(struct events *events, int number)
{
	struct json_object *data = json_object_new_object();

	json_add_int(data, "n", number);
	events_publish(events, "download", data);
}

/* Its epoch, as ids begin. */
static struct str epoch_of(const struct events *events, char room[EVENT_ID_MAX])
{
	events_last_id(events, room);
	return str_sub(str_from(room), 0, str_find_char(str_from(room), '-'));
}

static void a_frame_goes_over_the_wire_as_it_is(void **state)
{
	AUTO(events) events = events_new();
	char id[EVENT_ID_MAX];
	AUTO_CSTR wanted = NULL;
	const struct event *event;

	(void)state;
	publish(events, 7);
	events_last_id(events, id);
	wanted = mem_printf("id: %s\nevent: download\ndata: {\"n\":7}\n\n", id);
	event = events_after(events, 0);
	assert_non_null(event);
	assert_true(str_is_equal(event->frame->bytes, str_from(wanted)));
	assert_true(str_is_equal(event->frame->data, S("{\"n\":7}")));
	assert_string_equal(event->name, "download");
	assert_true(str_has_suffix(str_from(id), S("-1")));
}

static void sequences_count_up_from_one_and_are_replayed_in_order(void **state)
{
	AUTO(events) events = events_new();
	uint64_t at = 0;
	size_t n = 0;

	(void)state;
	assert_int_equal(events_last_sequence(events), 0);
	assert_null(events_after(events, 0));
	for (int i = 1; i <= 5; i++)
		publish(events, i);
	for (const struct event *event = events_after(events, 0); event != NULL;
	     event = events_after(events, at)) {
		AUTO_CSTR wanted = mem_printf("{\"n\":%zu}", ++n);

		assert_int_equal(event->sequence, n);
		assert_true(str_is_equal(event->frame->data, str_from(wanted)));
		at = event->sequence;
	}
	assert_int_equal(n, 5);
	assert_int_equal(events_last_sequence(events), 5);
}

static void an_id_of_ours_can_be_gone_on_from(void **state)
{
	AUTO(events) events = events_new();
	char room[EVENT_ID_MAX];
	struct str epoch = epoch_of(events, room);

	(void)state;
	for (int i = 1; i <= 3; i++)
		publish(events, i);
	for (unsigned i = 0; i <= 3; i++) {
		AUTO_CSTR id = mem_printf("%.*s-%u", (int)epoch.n, epoch.p, i);
		uint64_t after = 99;

		assert_true(events_can_replay(events, str_from(id), &after));
		assert_int_equal(after, i);
	}
}

static void ids_that_are_not_ours_are_refused(void **state)
{
	static const char *const forms[] = {
		"",        "-",       "%.*s",
		"%.*s-",   "%.*s-4",  "%.*s-x",
		"%.*s--1", "%.*s-1 ", "%.*s-18446744073709551615"
	};
	AUTO(events) events = events_new();
	AUTO(events) others = events_new();
	char room[EVENT_ID_MAX];
	struct str epoch = epoch_of(events, room);
	char foreign[EVENT_ID_MAX];
	uint64_t after = 99;

	(void)state;
	for (int i = 1; i <= 3; i++) {
		publish(events, i);
		publish(others, i);
	}
	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		char id[100];
		struct str form = str_from(forms[i]);

		if (str_has_prefix(form, S("%.*s")))
			(void)snprintf(id, sizeof(id), "%.*s%s", (int)epoch.n, epoch.p,
				       forms[i] + 4);
		else
			(void)snprintf(id, sizeof(id), "%s", forms[i]);
		assert_false(events_can_replay(events, str_from(id), &after));
	}
	events_last_id(others, foreign);
	assert_false(events_can_replay(events, str_from(foreign), &after));
	assert_int_equal(after, 99);
}

static void the_ring_forgets_the_oldest_and_knows_it(void **state)
{
	AUTO(events) events = events_new();
	char room[EVENT_ID_MAX];
	struct str epoch = epoch_of(events, room);
	uint64_t after = 0;

	(void)state;
	for (int i = 1; i <= EVENTS_RING_MAX + 10; i++)
		publish(events, i);
	/* 11 is the oldest that is left, so 10 is the oldest that can be gone on from. */
	for (unsigned i = 8; i <= 12; i++) {
		AUTO_CSTR id = mem_printf("%.*s-%u", (int)epoch.n, epoch.p, i);

		assert_int_equal(events_can_replay(events, str_from(id), &after), i >= 10);
	}
	assert_int_equal(events_after(events, 0)->sequence, 11);
	assert_int_equal(events_after(events, 11)->sequence, 12);
	assert_int_equal(events_after(events, EVENTS_RING_MAX + 9)->sequence,
			 EVENTS_RING_MAX + 10);
	assert_null(events_after(events, EVENTS_RING_MAX + 10));
}

static void the_rings_bytes_are_bounded(void **state)
{
	enum {
		BIG = EVENTS_RING_BYTES / 4
	};
	AUTO(events) events = events_new();
	AUTO_CSTR text = mem_alloc(BIG + 1);
	size_t bytes = 0;
	size_t n = 0;

	(void)state;
	memset(text, 'x', BIG);
	for (int i = 0; i < 10; i++)
		events_publish(events, "notice", json_object_new_string(text));
	for (const struct event *event = events_after(events, 0); event != NULL;
	     event = events_after(events, event->sequence)) {
		bytes += event->frame->bytes.n;
		n++;
	}
	assert_in_range(bytes, BIG, EVENTS_RING_BYTES);
	assert_int_equal(n, 3);
	assert_int_equal(events_last_sequence(events), 10);
}

static void one_event_larger_than_the_ring_is_kept_alone(void **state)
{
	AUTO(events) events = events_new();
	AUTO_CSTR text = mem_alloc(EVENTS_RING_BYTES + 1);

	(void)state;
	memset(text, 'x', EVENTS_RING_BYTES);
	publish(events, 1);
	events_publish(events, "notice", json_object_new_string(text));
	assert_int_equal(events_after(events, 0)->sequence, 2);
	publish(events, 3);
	assert_int_equal(events_after(events, 0)->sequence, 3);
}

struct heard {
	uint64_t sequences[4];
	size_t n;
};

static void hear(void *ctx, const struct event *event)
{
	struct heard *heard = ctx;

	assert_true(heard->n < ARRAY_LEN(heard->sequences));
	heard->sequences[heard->n++] = event->sequence;
}

static void a_listener_hears_each_event_until_it_is_taken_off(void **state)
{
	AUTO(events) events = events_new();
	struct heard heard = { .n = 0 };

	(void)state;
	publish(events, 1);
	events_set_listener(events, hear, &heard);
	publish(events, 2);
	publish(events, 3);
	events_set_listener(events, NULL, NULL);
	publish(events, 4);
	assert_int_equal(heard.n, 2);
	assert_int_equal(heard.sequences[0], 2);
	assert_int_equal(heard.sequences[1], 3);
}

static void text_with_line_breaks_stays_one_data_line(void **state)
{
	AUTO(events) events = events_new();
	const struct event *event;

	(void)state;
	events_publish(events, "notice", json_object_new_string("a\n\nid: x\r\nb"));
	event = events_after(events, 0);
	assert_int_equal(str_find(event->frame->data, S("\n")), event->frame->data.n);
	assert_int_equal(str_find(event->frame->data, S("\r")), event->frame->data.n);
	assert_int_equal(str_find(event->frame->bytes, S("\n\n")), event->frame->bytes.n - 2);
}

static void a_frame_outside_the_ring_has_the_newest_id(void **state)
{
	AUTO(events) events = events_new();
	char id[EVENT_ID_MAX];
	AUTO(frame) frame = NULL;
	AUTO_CSTR wanted = NULL;

	(void)state;
	publish(events, 1);
	events_last_id(events, id);
	frame = events_frame(events, "snapshot", S("{}"));
	wanted = mem_printf("id: %s\nevent: snapshot\ndata: {}\n\n", id);
	assert_true(str_is_equal(frame->bytes, str_from(wanted)));
	assert_int_equal(events_last_sequence(events), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_goes_over_the_wire_as_it_is),
		cmocka_unit_test(sequences_count_up_from_one_and_are_replayed_in_order),
		cmocka_unit_test(an_id_of_ours_can_be_gone_on_from),
		cmocka_unit_test(ids_that_are_not_ours_are_refused),
		cmocka_unit_test(the_ring_forgets_the_oldest_and_knows_it),
		cmocka_unit_test(the_rings_bytes_are_bounded),
		cmocka_unit_test(one_event_larger_than_the_ring_is_kept_alone),
		cmocka_unit_test(a_listener_hears_each_event_until_it_is_taken_off),
		cmocka_unit_test(text_with_line_breaks_stays_one_data_line),
		cmocka_unit_test(a_frame_outside_the_ring_has_the_newest_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
