#include "downloader/frame.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static void a_frame_is_text_and_a_chunk_of_that_text(void **state)
{
	AUTO(frame) frame = frame_new("e-7", "disk", S("{\"free\":1}"));

	(void)state;
	assert_true(
		str_is_equal(frame->bytes, S("id: e-7\nevent: disk\ndata: {\"free\":1}\n\n")));
	assert_true(str_is_equal(frame->data, S("{\"free\":1}")));
	assert_true(str_is_equal(frame->chunk,
				 S("26\r\nid: e-7\nevent: disk\ndata: {\"free\":1}\n\n\r\n")));
}

static void what_is_no_event_stands_as_it_is(void **state)
{
	AUTO(frame) frame = frame_raw(S(": still here\n\n"));

	(void)state;
	assert_true(str_is_equal(frame->bytes, S(": still here\n\n")));
	assert_true(str_is_equal(frame->chunk, S("e\r\n: still here\n\n\r\n")));
}

/* Which lengths there are in hex must not matter. */
static void the_length_before_a_chunk_is_the_text_s(void **state)
{
	static const size_t lengths[] = { 1,    15,   16,    17,    255,    256,
					  4095, 4096, 65535, 65536, 3000000 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		AUTO_CSTR text = mem_alloc(lengths[i]);
		AUTO(frame) frame = NULL;
		AUTO_CSTR head = mem_printf("%zx\r\n", lengths[i]);

		memset(text, 'x', lengths[i]);
		frame = frame_raw((struct str){ text, lengths[i] });
		assert_true(str_has_prefix(frame->chunk, str_from(head)));
		assert_true(str_has_suffix(frame->chunk, S("x\r\n")));
		assert_int_equal(frame->chunk.n, strlen(head) + lengths[i] + 2);
	}
}

static void the_last_holder_frees_it(void **state)
{
	struct frame *one = frame_raw(S("\n"));
	struct frame *other = frame_hold(one);

	(void)state;
	frame_free(&one);
	assert_null(one);
	assert_true(str_is_equal(other->bytes, S("\n")));
	frame_free(&other);
	frame_free(&other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_is_text_and_a_chunk_of_that_text),
		cmocka_unit_test(what_is_no_event_stands_as_it_is),
		cmocka_unit_test(the_length_before_a_chunk_is_the_text_s),
		cmocka_unit_test(the_last_holder_frees_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
