#include "downloader/quant.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static void labels_are_found_in_the_names_people_use(void **state)
{
	static const struct {
		const char *path;
		const char *label;
	} rows[] = {
		{ "tiny-7b-Q4_K_M.gguf", "Q4_K_M" },
		{ "tiny-7b-Q4_K_S.gguf", "Q4_K_S" },
		{ "tiny-7b-Q6_K.gguf", "Q6_K" },
		{ "tiny-7b-Q6_K_L.gguf", "Q6_K_L" },
		{ "tiny-7b-Q3_K_XL.gguf", "Q3_K_XL" },
		{ "tiny-7b-UD-Q4_K_XL.gguf", "UD-Q4_K_XL" },
		{ "tiny-7b-UD-IQ1_S.gguf", "UD-IQ1_S" },
		{ "UD-IQ1_M/m-00001-of-00002.gguf", "UD-IQ1_M" },
		{ "BF16/m-00001-of-00002.gguf", "BF16" },
		{ "m-Q8_0/m-Q8_0-00001-of-00002.gguf", "Q8_0" },
		{ "BF16/m-Q4_0.gguf", "Q4_0" },
		{ "qwen2.5-7b-instruct-q4_k_m-00001-of-00002.gguf", "Q4_K_M" },
		{ "qwen2.5-7b-instruct-fp16.gguf", "FP16" },
		{ "Codestral-22B-F32-Q2_K.gguf", "Q2_K" },
		{ "m-F16_Q6_K.gguf", "Q6_K" },
		{ "m.f16.gguf", "F16" },
		{ "mmproj-model-f16.gguf", "F16" },
		{ "mmproj-BF16.gguf", "BF16" },
		{ "m-IQ4_NL.gguf", "IQ4_NL" },
		{ "m-IQ2_XXS.gguf", "IQ2_XXS" },
		{ "m-TQ1_0.gguf", "TQ1_0" },
		{ "m-Q1_0.gguf", "Q1_0" },
		{ "gpt-oss-20b-mxfp4.gguf", "MXFP4" },
		{ "m-MXFP4_MOE.gguf", "MXFP4_MOE" },
		{ "m-NVFP4.gguf", "NVFP4" },
		{ "m-Q4_0_4_8.gguf", "Q4_0_4_8" },
		{ "m-Q4_K.gguf", "Q4_K" },
		{ "m-Q8_0_L.gguf", "Q8_0_L" },
		{ "m-Q4_K_M_v2.gguf", "Q4_K_M" },
		{ "m-Q8_0_ABCDEFGHIJKLMNOPQRSTUVWXYZ.gguf", "Q8_0" },
		{ "m-IQ4_KS.gguf", "IQ4_KS" },
		{ "m-Q4_K_R4-00001-of-00002.gguf", "Q4_K_R4" },
		{ "m-Q4_K_Rx.gguf", "Q4_K_RX" },
		{ "m-q4.gguf", "Q4" },
		{ "m-f16.q5.gguf", "Q5" },
		{ "Q3.5-27B.mmproj-f16.gguf", "F16" },
		{ "m.Q4_K_M-f32.gguf", "Q4_K_M" },
		{ "Q4_K_M/m-f16.gguf", "F16" },
		{ "text-model-f16_ct-vicuna.gguf", "F16" },
		{ "q9.gguf", "" },
		{ "aq4.gguf", "" },
		{ "config.json", "" },
		{ "Q4", "Q4" },
		{ "", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct quant quant = { .label = "" };
		bool is_found = quant_from_path(str_from(rows[i].path), &quant);

		assert_string_equal(quant.label, rows[i].label);
		assert_int_equal(is_found, rows[i].label[0] != '\0');
	}
}

/* Every name of the list has the label that stands before it. */
static void the_names_of_the_world_are_understood(void **state)
{
	FILE *list = fopen("tests/unit/gguf_names.tsv", "re");
	char line[512];
	size_t n = 0;

	(void)state;
	assert_non_null(list);
	while (fgets(line, sizeof(line), list) != NULL) {
		struct quant quant = { .label = "-" };
		const char *label = strtok(line, "\t");
		const char *path;

		if (label[0] == '#')
			continue;
		(void)strtok(NULL, "\t");
		path = strtok(NULL, "\n");
		assert_non_null(path);
		(void)quant_from_path(str_from(path), &quant);
		if (strcmp(quant.label, label) != 0)
			fail_msg("%s is %s, not %s", path, label, quant.label);
		n++;
	}
	(void)fclose(list);
	assert_true(n >= 500);
}

static void a_whole_term_in_any_case_is_a_label(void **state)
{
	struct quant quant;

	(void)state;
	assert_true(quant_is_label(S("q4_k_m"), &quant));
	assert_string_equal(quant.label, "Q4_K_M");
	assert_int_equal(quant.bpw_centi, 489);
	assert_true(quant_is_label(S("ud-iq1_s"), &quant));
	assert_string_equal(quant.label, "UD-IQ1_S");
	assert_int_equal(quant.bpw_centi, 0);
	assert_true(quant_is_label(S("Q4_K"), &quant));
	assert_string_equal(quant.label, "Q4_K");
}

static void a_part_of_a_term_is_no_label(void **state)
{
	static const char *const rows[] = {
		"",       "Q4",      "Q4_",       "Q4_K_M.gguf", "-Q4_K_M", "UD-",
		"UD-foo", "Q4_K_M ", "tiny-Q8_0", "Q4_K_M-1",    "main",    "latest",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct quant quant = { .rank = 77 };

		assert_false(quant_is_label(str_from(rows[i]), &quant));
		assert_int_equal(quant.rank, 77);
	}
}

static void q4_k_does_not_match_q4_k_m(void **state)
{
	struct quant a;
	struct quant b;

	(void)state;
	assert_true(quant_is_label(S("Q4_K"), &a));
	assert_true(quant_from_path(S("m-Q4_K_M.gguf"), &b));
	assert_string_not_equal(a.label, b.label);
	assert_true(quant_is_label(S("Q6_K"), &a));
	assert_true(quant_from_path(S("m-Q6_K_L.gguf"), &b));
	assert_string_not_equal(a.label, b.label);
	assert_true(quant_is_label(S("Q4_K_M"), &a));
	assert_true(quant_from_path(S("m-UD-Q4_K_M.gguf"), &b));
	assert_string_not_equal(a.label, b.label);
}

static unsigned rank_of(const char *label)
{
	struct quant quant = { .rank = 0 };

	assert_true(quant_is_label(str_from(label), &quant));
	return quant.rank;
}

static void ranks_follow_the_order_of_the_hub(void **state)
{
	static const char *const order[] = {
		"F32",     "BF16",    "F16",     "Q8_K_XL",  "Q8_0",   "Q6_K_XL", "Q6_K",
		"Q5_K_XL", "Q5_K_M",  "Q5_K_S",  "Q5_0",     "Q5_1",   "Q4_K_XL", "Q4_K_M",
		"Q4_K_S",  "IQ4_NL",  "IQ4_XS",  "Q4_0_4_4", "Q4_0",   "Q4_1",    "MXFP4_MOE",
		"NVFP4",   "Q3_K_XL", "Q3_K_L",  "Q3_K_M",   "Q3_K_S", "IQ3_M",   "IQ3_S",
		"IQ3_XS",  "IQ3_XXS", "Q2_K_XL", "Q2_K",     "Q2_K_S", "IQ2_M",   "IQ2_S",
		"IQ2_XS",  "IQ2_XXS", "Q2_0",    "IQ1_S",    "IQ1_M",  "TQ1_0",   "TQ2_0",
		"Q1_0",
	};

	(void)state;
	for (size_t i = 1; i < ARRAY_LEN(order); i++)
		assert_true(rank_of(order[i - 1]) < rank_of(order[i]));
}

static void an_ud_label_stands_right_before_its_plain_one(void **state)
{
	(void)state;
	assert_int_equal(rank_of("UD-Q4_K_XL") + 1, rank_of("Q4_K_XL"));
	assert_int_equal(rank_of("UD-IQ1_S") + 1, rank_of("IQ1_S"));
	assert_true(rank_of("Q4_K_XL") < rank_of("UD-Q4_K_M"));
}

static void labels_without_a_place_stand_with_their_relative(void **state)
{
	(void)state;
	assert_int_equal(rank_of("Q6_K_L"), rank_of("Q6_K"));
	assert_int_equal(rank_of("MXFP4"), rank_of("MXFP4_MOE"));
	assert_int_equal(rank_of("Q8_0_L"), rank_of("Q8_0"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_found_in_the_names_people_use),
		cmocka_unit_test(the_names_of_the_world_are_understood),
		cmocka_unit_test(a_whole_term_in_any_case_is_a_label),
		cmocka_unit_test(a_part_of_a_term_is_no_label),
		cmocka_unit_test(q4_k_does_not_match_q4_k_m),
		cmocka_unit_test(ranks_follow_the_order_of_the_hub),
		cmocka_unit_test(an_ud_label_stands_right_before_its_plain_one),
		cmocka_unit_test(labels_without_a_place_stand_with_their_relative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
