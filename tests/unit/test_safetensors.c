#include "downloader/safetensors.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "tests/unit/head.h"

static int read(const char *json, uint64_t data, struct safetensors *ret, struct error *err)
{
	struct head head = { .n = 0 };
	AUTO(window) w = NULL;

	head_number(&head, 8, strlen(json));
	head_bytes(&head, str_from(json));
	head.size = head.n + data;
	w = head_window(&head);
	*err = (struct error){ .code = ERR_NONE };
	return safetensors_read(w, ret, err);
}

static void a_header_says_what_the_file_holds(void **state)
{
	static const char json[] =
		" {\"__metadata__\":{\"format\":\"pt\",\"\\u0041\":\"\\\"\"},\r\n"
		"\"w\" : {\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
		"\"a very long name, which nobody here has a use for\":"
		"{\"data_offsets\": [12, 20 ], \"shape\":[], \"dtype\":\"F64\", \"x\":[1,{}]},"
		"\"e\":{\"dtype\":\"F4\",\"shape\":[2,0],\"data_offsets\":[20,20]}}   ";
	struct safetensors s;
	struct error err;

	(void)state;
	/* The first byte must be the object's, says the format. */
	assert_int_equal(read(json, 20, &s, &err), -1);
	assert_int_equal(read(json + 1, 20, &s, &err), 0);
	assert_int_equal(s.n_tensors, 3);
	assert_int_equal(s.parameters, 7);
	assert_int_equal(s.of_type[SAFETENSORS_BF16], 6);
	assert_int_equal(s.of_type[SAFETENSORS_F64], 1);
	assert_int_equal(s.tensor_bytes, 20);
	assert_int_equal(s.size_needed, 8 + strlen(json + 1) + 20);
	assert_int_equal(safetensors_main_type(&s), SAFETENSORS_BF16);
	assert_string_equal(safetensors_type_name(SAFETENSORS_BF16), "BF16");
}

static void an_empty_one_is_fine(void **state)
{
	struct safetensors s;
	struct error err;

	(void)state;
	assert_int_equal(read("{}", 0, &s, &err), 0);
	assert_int_equal(s.n_tensors, 0);
	assert_int_equal(safetensors_main_type(&s), SAFETENSORS_TYPE_COUNT);
	assert_int_equal(s.size_needed, 10);
}

static void nonsense_is_refused(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"x",
		"[]",
		"{",
		"{}x",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1}",
		"{\"a\":{}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,8]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,],\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"F4\",\"shape\":[1],\"data_offsets\":[0,1]}}",
		"{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[99999999999999999999],\"data_offsets\":["
		"0,4]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],"
		"\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"F32\",\"shape\":[1152921504606846976],"
		"\"data_offsets\":[0,4]}}",
		"{\"a\":{\"dtype\":\"U8\",\"shape\":[18446744073709551615],"
		"\"data_offsets\":[0,18446744073709551615]}}",
		"{\"__metadata__\":[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]}",
		"{\"__metadata__\":\"\n\"}",
		"{\"__metadata__\":\"\\",
	};
	struct safetensors s;
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (read(rows[i], 100, &s, &err) == 0)
			fail_msg("taken: %s", rows[i]);
		assert_int_equal(err.code, ERR_INVALID);
		assert_true(strlen(err.text) > 0);
	}
}

/* A claim of a gigabyte costs nothing. */
static void a_length_that_cannot_be_is_refused(void **state)
{
	static const struct {
		uint64_t length;
		uint64_t size;
	} rows[] = {
		{ 1000, 100 },
		{ (uint64_t)1 << 30, (uint64_t)1 << 40 },
		{ UINT64_MAX, UINT64_MAX },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct head head = { .size = rows[i].size };
		struct safetensors s;
		struct error err;
		AUTO(window) w = NULL;

		head_number(&head, 8, rows[i].length);
		w = head_window(&head);
		assert_int_equal(safetensors_read(w, &s, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

/* Every beginning of a good header is refused, and none is read past its end. */
static void a_header_that_is_cut_off_is_refused(void **state)
{
	static const char json[] = "{\"__metadata__\":{\"a\":\"b\"},\"w\":{\"dtype\":\"BF16\","
				   "\"shape\":[2,3],\"data_offsets\":[0,12]}}";

	(void)state;
	for (size_t n = 0; n < sizeof(json) - 1; n++) {
		AUTO_CSTR cut = str_dup((struct str){ json, n });
		struct safetensors s;
		struct error err;

		assert_int_equal(read(cut, 12, &s, &err), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_says_what_the_file_holds),
		cmocka_unit_test(an_empty_one_is_fine),
		cmocka_unit_test(nonsense_is_refused),
		cmocka_unit_test(a_length_that_cannot_be_is_refused),
		cmocka_unit_test(a_header_that_is_cut_off_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
