#include "downloader/fit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#define GB  UINT64_C(1000000000)
#define GIB (UINT64_C(1) << 30)

static void a_model_goes_where_there_is_room(void **state)
{
	static const struct {
		struct fit_host host;
		uint64_t weights;
		uint64_t cache;
		enum fit_verdict verdict;
	} rows[] = {
		{ { 32 * GIB, { 8 * GIB }, 1 }, 5 * GIB, 2 * GIB, FIT_GPU },
		{ { 32 * GIB, { 8 * GIB }, 1 }, 5 * GIB, 2 * GIB + 1, FIT_SPLIT },
		{ { 32 * GIB, { 8 * GIB }, 1 }, 35 * GIB, 2 * GIB, FIT_SPLIT },
		{ { 32 * GIB, { 8 * GIB }, 1 }, 35 * GIB, 2 * GIB + 1, FIT_NOT },
		{ { 32 * GIB, { 8 * GIB, 8 * GIB }, 2 }, 14 * GIB, 0, FIT_GPU },
		{ { 32 * GIB, { 0 }, 0 }, 30 * GIB, 0, FIT_MEMORY },
		{ { 32 * GIB, { 0 }, 0 }, 30 * GIB, 1, FIT_NOT },
		{ { 32 * GIB, { GIB }, 1 }, GIB, 0, FIT_MEMORY }, /* the card has no room */
		{ { 0, { 24 * GIB }, 1 }, 20 * GIB, GIB, FIT_GPU },
		{ { 0, { 0 }, 0 }, 1, 0, FIT_NOT },
		{ { 32 * GIB, { 0 }, 0 }, UINT64_MAX, 1, FIT_NOT },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(
			fit_judge(&rows[i].host, fit_need(rows[i].weights, rows[i].cache)),
			rows[i].verdict);
}

/* Sizes of a 7B model as they are published, and what is recommended for some machines. */
static void the_one_to_take_is_what_people_would_take(void **state)
{
	static const struct {
		const char *label;
		uint64_t megabytes;
	} seven[] = {
		{ "F16", 15238 },   { "Q8_0", 8099 },   { "Q6_K_L", 6521 }, { "Q6_K", 6254 },
		{ "Q5_K_M", 5445 }, { "Q4_K_M", 4683 }, { "IQ4_XS", 4249 }, { "Q3_K_M", 3808 },
		{ "Q2_K", 3016 },   { "IQ2_M", 2780 },
	};
	static const struct {
		struct fit_host host;
		const char *label;
		enum fit_verdict verdict;
	} rows[] = {
		{ { 32 * GIB, { 24 * GIB }, 1 }, "Q6_K_L", FIT_GPU },
		{ { 32 * GIB, { 8 * GIB }, 1 }, "Q6_K_L", FIT_GPU },
		{ { 32 * GIB, { 6 * GIB }, 1 }, "Q4_K_M", FIT_GPU },
		{ { 32 * GIB, { 5 * GIB }, 1 }, "Q3_K_M", FIT_GPU },
		{ { 32 * GIB, { 4 * GIB + GIB / 2 }, 1 }, "Q4_K_M", FIT_SPLIT },
		{ { 2 * GIB, { 4 * GIB + GIB / 2 }, 1 }, "Q2_K", FIT_GPU },
		{ { 32 * GIB, { 2 * GIB }, 1 }, "Q4_K_M", FIT_SPLIT },
		{ { 32 * GIB, { 0 }, 0 }, "Q4_K_M", FIT_MEMORY },
		{ { 6 * GIB, { 0 }, 0 }, "Q3_K_M", FIT_MEMORY },
		{ { 4 * GIB, { 0 }, 0 }, "IQ2_M", FIT_NOT },
	};
	uint64_t cache = 470 * GB / 1000;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct quant quants[ARRAY_LEN(seven)];
		struct fit_choice choices[ARRAY_LEN(seven)];
		size_t best;

		for (size_t j = 0; j < ARRAY_LEN(seven); j++) {
			uint64_t bytes = seven[j].megabytes * 1000 * 1000;

			assert_true(quant_is_label(str_from(seven[j].label), &quants[j]));
			choices[j] = (struct fit_choice){
				.quant = &quants[j],
				.bytes = bytes,
				.verdict = fit_judge(&rows[i].host, fit_need(bytes, cache)),
			};
		}
		best = fit_recommend(choices, ARRAY_LEN(choices));
		assert_true(best < ARRAY_LEN(choices));
		if (strcmp(quants[best].label, rows[i].label) != 0)
			fail_msg("row %zu: %s, not %s", i, quants[best].label, rows[i].label);
		assert_int_equal(choices[best].verdict, rows[i].verdict);
	}
}

/* Nothing but what is more than is worth it: the least of that. */
static void what_is_large_is_taken_when_there_is_nothing_else(void **state)
{
	struct quant quants[3];
	struct fit_choice choices[3];
	static const char *const labels[] = { "BF16", "Q8_0", "F32" };

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_true(quant_is_label(str_from(labels[i]), &quants[i]));
		choices[i] = (struct fit_choice){ .quant = &quants[i],
						  .bytes = (i == 1 ? 1 : 2 + i) * GB,
						  .verdict = FIT_GPU };
	}
	assert_int_equal(fit_recommend(choices, 3), 1);
	quants[0].label[0] = quants[1].label[0] = quants[2].label[0] = '\0';
	assert_int_equal(fit_recommend(choices, 3), 3);
	assert_int_equal(fit_recommend(choices, 0), 0);
}

static void the_reason_is_a_sentence(void **state)
{
	struct quant good;
	struct quant poor;

	(void)state;
	assert_true(quant_is_label(S("Q4_K_M"), &good));
	assert_true(quant_is_label(S("Q2_K"), &poor));
	for (unsigned i = 0; i < FIT_VERDICT_COUNT; i++) {
		struct fit_choice choice = { .quant = &good, .verdict = (enum fit_verdict)i };
		struct fit_choice few = { .quant = &poor, .verdict = (enum fit_verdict)i };
		AUTO_CSTR reason = fit_reason(&choice, 8192);
		AUTO_CSTR warning = fit_reason(&few, 8192);

		assert_non_null(strstr(reason, "with a context of 8192"));
		assert_non_null(strstr(warning, "with a context of 8192"));
		assert_null(strstr(reason, "few bits"));
		assert_int_equal(strstr(warning, "few bits") == NULL, i == FIT_NOT);
		assert_non_null(fit_verdict_name((enum fit_verdict)i));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_model_goes_where_there_is_room),
		cmocka_unit_test(the_one_to_take_is_what_people_would_take),
		cmocka_unit_test(what_is_large_is_taken_when_there_is_nothing_else),
		cmocka_unit_test(the_reason_is_a_sentence),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
