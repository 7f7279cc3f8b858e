#include "downloader/fit.h"

#include <stdlib.h>
#include <string.h>

const char *fit_verdict_name(enum fit_verdict verdict)
{
	static const char *const names[FIT_VERDICT_COUNT] = { "gpu", "split", "memory",
							      "none" };

	return names[verdict];
}

static uint64_t less(uint64_t bytes, uint64_t room)
{
	return bytes > room ? bytes - room : 0;
}

uint64_t fit_need(uint64_t weights, uint64_t cache)
{
	uint64_t need;

	return __builtin_add_overflow(weights, cache, &need) ? UINT64_MAX : need;
}

enum fit_verdict fit_judge(const struct fit_host *host, uint64_t need)
{
	uint64_t memory = less(host->memory, FIT_MEMORY_ROOM);
	uint64_t gpu = 0;

	if (need == UINT64_MAX)
		return FIT_NOT;
	for (size_t i = 0; i < host->n_gpus; i++)
		gpu += less(host->gpus[i], FIT_GPU_ROOM);
	if (need <= gpu)
		return FIT_GPU;
	if (need > gpu + memory)
		return FIT_NOT;
	return gpu > 0 ? FIT_SPLIT : FIT_MEMORY;
}

static unsigned rank_of(const char *label)
{
	struct quant quant = { .rank = 0 };

	(void)quant_is_label(str_from(label), &quant);
	return quant.rank;
}

/* Higher ranks have fewer bits: more than this is no gain. */
static unsigned least_rank(enum fit_verdict verdict)
{
	return verdict == FIT_MEMORY || verdict == FIT_SPLIT ? rank_of("Q4_K_M")
							     : rank_of("Q6_K");
}

bool fit_is_poor(const struct fit_choice *choice)
{
	return choice->verdict != FIT_NOT && choice->quant->rank > rank_of("IQ3_XXS");
}

/* How good a place a variant has: the less, the better. */
static unsigned place_of(const struct fit_choice *choice)
{
	if (choice->verdict == FIT_NOT)
		return 2 * FIT_VERDICT_COUNT;
	return (unsigned)choice->verdict + (fit_is_poor(choice) ? FIT_VERDICT_COUNT : 0);
}

/* Is `a` the better one? */
static bool is_better(const struct fit_choice *a, const struct fit_choice *b)
{
	bool a_is_more = a->quant->rank + 1 < least_rank(a->verdict);
	bool b_is_more = b->quant->rank + 1 < least_rank(b->verdict);

	if (place_of(a) != place_of(b))
		return place_of(a) < place_of(b);
	if (a->verdict == FIT_NOT)
		return a->bytes < b->bytes;
	/* Of what is more than is worth it, the least. */
	if (a_is_more != b_is_more)
		return b_is_more;
	if (a_is_more)
		return a->bytes < b->bytes;
	return a->quant->rank != b->quant->rank ? a->quant->rank < b->quant->rank
						: a->bytes > b->bytes;
}

size_t fit_recommend(const struct fit_choice *choices, size_t n)
{
	size_t best = n;

	for (size_t i = 0; i < n; i++) {
		if (choices[i].quant->label[0] != '\0' &&
		    (best == n || is_better(&choices[i], &choices[best])))
			best = i;
	}
	return best;
}

char *fit_reason(const struct fit_choice *choice, uint64_t context)
{
	static const char *const places[] = {
		[FIT_GPU] = "the most bits that are worth it and fit the graphics memory",
		[FIT_SPLIT] = "of good quality, divided between graphics memory and memory",
		[FIT_MEMORY] = "of good quality, and not slower in memory than it must be",
	};

	if (choice->verdict == FIT_NOT)
		return mem_printf("the smallest there is; none fits, with a context of %llu",
				  (unsigned long long)context);
	if (fit_is_poor(choice))
		return mem_printf(
			"the best that fits, with a context of %llu; so few bits cost "
			"much of its quality: a smaller model may answer better",
			(unsigned long long)context);
	return mem_printf("%s, with a context of %llu", places[choice->verdict],
			  (unsigned long long)context);
}
