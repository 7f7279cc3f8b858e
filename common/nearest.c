#include "common/nearest.h"

#include <string.h>

enum {
	DISTANCE_MAX = 48, /* bytes of a word that are compared */
};

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* Letters to insert, drop, change or swap with their neighbour. */
static size_t distance(struct str a, struct str b)
{
	size_t rows[3][DISTANCE_MAX + 1] = { { 0 } };
	size_t *before = rows[0];
	size_t *last = rows[1];
	size_t *now = rows[2];

	a = str_sub(a, 0, DISTANCE_MAX);
	b = str_sub(b, 0, DISTANCE_MAX);
	for (size_t j = 0; j <= b.n; j++)
		last[j] = j;
	for (size_t i = 1; i <= a.n; i++) {
		size_t *oldest = before;

		now[0] = i;
		for (size_t j = 1; j <= b.n; j++) {
			size_t cost = char_lower(a.p[i - 1]) != char_lower(b.p[j - 1]);

			now[j] = least(least(last[j], now[j - 1]) + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] &&
			    a.p[i - 2] == b.p[j - 1])
				now[j] = least(now[j], before[j - 2] + 1);
		}
		before = last;
		last = now;
		now = oldest;
	}
	return last[b.n];
}

const char *nearest_of(const char *word, const char *const *known, size_t n)
{
	const char *best = NULL;
	size_t best_distance = SIZE_MAX;

	for (size_t i = 0; i < n; i++) {
		bool is_start = str_has_prefix(str_from(known[i]), str_from(word));
		size_t d = is_start ? 1 : distance(str_from(word), str_from(known[i]));

		if (d < best_distance) {
			best_distance = d;
			best = known[i];
		}
	}
	if (best != NULL && best_distance > 1 && best_distance > strlen(best) / 3)
		best = NULL;
	return best;
}

char *nearest_say(const char *word, const char *const *known, size_t n, const char *otherwise)
{
	const char *nearest = nearest_of(word, known, n);

	return mem_printf("; %s%s", nearest != NULL ? "the nearest is " : "",
			  nearest != NULL ? nearest : otherwise);
}
