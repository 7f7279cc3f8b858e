#include "downloader/preview.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"

enum {
	N_FILES = 6,
};

static const struct preview_room room = {
	.free_bytes = 1000, .reserved_bytes = 100, .min_free_bytes = 50, .memory_bytes = 4096
};

/* Two quants, a set of two shards, a companion and a file of no group. */
static struct hub_file hub_files[N_FILES];
static struct hub_tree tree = { .files = hub_files, .n = N_FILES };
static struct hub_listing listing = { .refs = 1, .tree = &tree };
static struct planned_file files[N_FILES];
static struct planned planned = { .listing = &listing, .files = files, .n = N_FILES };

static int make(void **state)
{
	static char paths[N_FILES][32] = { "config.json", "m-Q2_K.gguf", "m-Q8_0.gguf",
					   "readme",      "s-1-of-2",    "s-2-of-2" };
	static const struct planned_file rows[N_FILES] = {
		{ .variant.kind = VARIANT_COMPANION, .is_selected = true, .is_present = true },
		{ .variant = { .quant = { .label = "Q2_K", .rank = 9, .bpw_centi = 296 },
			       .name = "Q2_K" } },
		{ .variant = { .quant = { .label = "Q8_0", .rank = 1, .bpw_centi = 850 },
			       .name = "Q8_0" },
		  .is_selected = true,
		  .is_other = true },
		{ .variant.kind = VARIANT_OTHER, .is_other = true }, /* left alone */
		{ .variant = { .kind = VARIANT_SAFETENSORS, .name = "s" },
		  .is_selected = true },
		{ .variant = { .kind = VARIANT_SAFETENSORS, .name = "s" }, .is_present = true },
	};

	(void)state;
	listing.info = (struct hub_info){ .repo = "acme/tiny",
					  .commit = "1111111111111111111111111111111111111111",
					  .licence = "mit" };
	for (size_t i = 0; i < N_FILES; i++) {
		hub_files[i] = (struct hub_file){ .path = paths[i],
						  .size = UINT64_C(1) << i,
						  .digest = "abc" };
		files[i] = rows[i];
		files[i].file = &hub_files[i];
	}
	return 0;
}

static struct json_object *preview(const struct choice *choice)
{
	AUTO_CSTR text = preview_text(&planned, choice, "an hf command", "an-id", &room);
	struct json_object *object = NULL;
	struct error err;

	assert_int_equal(json_parse(str_from(text), 8, &object, &err), 0);
	return object;
}

static const struct choice plain = { .type = REPO_MODEL };

static struct choice main_choice(void)
{
	static char revision[] = "main";
	struct choice choice = plain;

	choice.revision = revision;
	return choice;
}

static void sums_count_what_is_selected_and_lacks(void **state)
{
	static const struct {
		const char *name;
		int64_t wanted;
	} rows[] = {
		{ "files_total", 6 },     { "files_selected", 3 },  { "bytes_total", 63 },
		{ "bytes_selected", 21 }, { "bytes_to_fetch", 20 }, { "files_replaced", 1 },
	};
	struct choice choice = main_choice();
	AUTO_JSON object = preview(&choice);
	struct json_object *after = json_get(object, "disk");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(json_get_int(object, rows[i].name, -1), rows[i].wanted);
	assert_int_equal(json_get_int(after, "free", -1), 1000);
	assert_int_equal(json_get_int(object, "memory", -1), 4096);
	assert_int_equal(json_get_int(after, "reserved", -1), 100);
	assert_int_equal(json_get_int(after, "after", -1), 1000 - 100 - 50 - 20);
}

static void a_disk_that_would_not_hold_it_is_below_nothing(void **state)
{
	struct choice choice = main_choice();
	AUTO_JSON object = NULL;

	(void)state;
	hub_files[2].size = 100000;
	object = preview(&choice);
	assert_int_equal(json_get_int(json_get(object, "disk"), "after", 0),
			 1000 - 100 - 50 - 16 - 100000);
}

static void files_are_told_with_their_marks(void **state)
{
	struct choice choice = main_choice();
	AUTO_JSON object = preview(&choice);
	struct json_object *array = json_get(object, "files");

	(void)state;
	assert_int_equal(json_object_array_length(array), N_FILES);
	assert_true(str_is_equal(
		json_text(json_object_array_get_idx(array, 0)),
		S("{\"path\":\"config.json\",\"size\":1,\"algorithm\":\"sha256\",\"digest\":"
		  "\"abc\",\"quant\":null,\"group\":null,\"companion\":true,\"selected\":true,"
		  "\"present\":true,\"replaces\":false}")));
	assert_true(str_is_equal(
		json_text(json_object_array_get_idx(array, 2)),
		S("{\"path\":\"m-Q8_0.gguf\",\"size\":4,\"algorithm\":\"sha256\",\"digest\":"
		  "\"abc\",\"quant\":\"Q8_0\",\"group\":\"Q8_0\",\"companion\":false,"
		  "\"selected\":true,\"present\":false,\"replaces\":true}")));
}

static void groups_come_big_quants_first_then_the_rest(void **state)
{
	static const struct {
		const char *name;
		int64_t files;
		int64_t bytes;
		const char *selected;
		const char *present;
	} rows[] = {
		{ "Q8_0", 1, 4, "all", "none" },
		{ "Q2_K", 1, 2, "none", "none" },
		{ "s", 2, 48, "some", "some" },
	};
	struct choice choice = main_choice();
	AUTO_JSON object = preview(&choice);
	struct json_object *array = json_get(object, "groups");

	(void)state;
	assert_int_equal(json_object_array_length(array), ARRAY_LEN(rows));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct json_object *group = json_object_array_get_idx(array, i);

		assert_true(str_is_equal(json_get_str(group, "name"), str_from(rows[i].name)));
		assert_int_equal(json_get_int(group, "files", -1), rows[i].files);
		assert_int_equal(json_get_int(group, "bytes", -1), rows[i].bytes);
		assert_true(str_is_equal(json_get_str(group, "selected"),
					 str_from(rows[i].selected)));
		assert_true(str_is_equal(json_get_str(group, "present"),
					 str_from(rows[i].present)));
	}
}

static void what_was_understood_is_said(void **state)
{
	static char v1[] = "v1";
	static char q4[] = "Q4_K_M";
	static char json[] = "*.json";
	static char bin[] = "*.bin";
	char *select[] = { q4, json };
	char *exclude[] = { bin };
	struct choice choice = { .type = REPO_DATASET,
				 .revision = v1,
				 .select = { select, 2 },
				 .exclude = { exclude, 1 } };
	struct choice name_only = main_choice();
	AUTO_JSON object = preview(&choice);
	AUTO_CSTR text = preview_text(&planned, &name_only, "a repository", "an-id", &room);

	(void)state;
	assert_true(str_is_equal(json_get_str(object, "understood"),
				 S("Dataset acme/tiny, revision v1: Q4_K_M, *.json; without "
				   "*.bin (from an hf command)")));
	assert_non_null(strstr(text, "\"understood\":\"Model acme/tiny\""));
	assert_true(str_is_equal(json_get_str(object, "folder"), S("datasets/acme/tiny@v1")));
	assert_true(str_is_equal(json_text(json_get(object, "select")),
				 S("[\"Q4_K_M\",\"*.json\"]")));
}

static void gate_and_licence_are_told(void **state)
{
	struct choice choice = main_choice();
	AUTO_JSON open = preview(&choice);
	AUTO_JSON gated = NULL;

	(void)state;
	assert_true(json_object_is_type(json_get(open, "gated"), json_type_boolean));
	assert_false(json_is_true(open, "gated"));
	assert_true(str_is_equal(json_get_str(open, "licence"), S("mit")));
	memcpy(listing.info.gated, "manual", sizeof("manual"));
	listing.info.licence[0] = '\0';
	gated = preview(&choice);
	assert_true(str_is_equal(json_get_str(gated, "gated"), S("manual")));
	assert_null(json_get(gated, "licence"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(sums_count_what_is_selected_and_lacks, make),
		cmocka_unit_test_setup(a_disk_that_would_not_hold_it_is_below_nothing, make),
		cmocka_unit_test_setup(files_are_told_with_their_marks, make),
		cmocka_unit_test_setup(groups_come_big_quants_first_then_the_rest, make),
		cmocka_unit_test_setup(what_was_understood_is_said, make),
		cmocka_unit_test_setup(gate_and_licence_are_told, make),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
