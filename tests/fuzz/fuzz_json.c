/* JSON from strangers: what is parsed comes out the same when it is written and parsed again,
 * and takes no more memory than its weight let expect. The first byte is the depth. */
#include "common/json.h"

#include <stdlib.h>
#include <string.h>

#include <sanitizer/allocator_interface.h>

#include "common/error.h"

enum {
	WEIGHT_MAX = 1 << 24,
	SLACK = 4096,
	/* A weight is an estimate: what is held may be so many times as much. */
	TIMES_WEIGHT = 3,
	TIMES_TEXT = 4,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void check_refusal(const struct error *err, enum error_code code)
{
	require(err->code == code && strlen(err->text) > 0);
	require(str_is_utf8(str_from(err->text)) && strchr(err->text, '\n') == NULL);
}

/* The smallest limit, in powers of two, that lets the text pass. */
static size_t weight_of(struct str text)
{
	size_t limit = 1;
	struct error err;

	while (limit < WEIGHT_MAX && json_check_weight(text, limit, &err) < 0) {
		check_refusal(&err, ERR_TOO_LARGE);
		limit *= 2;
	}
	return limit;
}

static int depth_of(struct json_object *object)
{
	int deepest = 0;

	if (json_object_is_type(object, json_type_object)) {
		json_object_object_foreach(object, name, value)
		{
			int depth = depth_of(value);

			(void)name;
			deepest = depth > deepest ? depth : deepest;
		}
		return deepest + 1;
	}
	for (size_t i = 0; json_object_is_type(object, json_type_array) &&
			   i < json_object_array_length(object);
	     i++) {
		int depth = depth_of(json_object_array_get_idx(object, i));

		deepest = depth > deepest ? depth : deepest;
	}
	return json_object_is_type(object, json_type_array) ? deepest + 1 : 1;
}

static void check_again(struct json_object *object, int depth_max)
{
	struct str text = json_text(object);
	AUTO_JSON again = NULL;
	struct error err;

	require(str_is_utf8(text) && memchr(text.p, '\n', text.n) == NULL);
	require(json_parse(text, depth_max, &again, &err) == 0);
	require(str_is_equal(json_text(again), text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = { (const char *)data + 1, size - 1 };
	AUTO_JSON object = NULL;
	struct error err;
	int depth_max;
	size_t before;
	size_t held;

	if (size == 0)
		return 0;
	depth_max = data[0] % 32 + 1;
	before = __sanitizer_get_current_allocated_bytes();
	if (json_parse(text, depth_max, &object, &err) < 0) {
		check_refusal(&err, ERR_BAD_REQUEST);
		require(object == NULL);
		require(__sanitizer_get_current_allocated_bytes() == before);
		return 0;
	}
	held = __sanitizer_get_current_allocated_bytes() - before;
	require(held <= weight_of(text) * TIMES_WEIGHT + text.n * TIMES_TEXT + SLACK);
	require(str_is_utf8(text) && depth_of(object) <= depth_max);
	check_again(object, depth_max);
	return 0;
}
