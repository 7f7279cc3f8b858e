/*
 * One line for all contents, in the order of asking: whoever has nobody of the same content
 * before it has its turn. There are only as many in it as files are worked on together.
 */
#include "downloader/turns.h"

#include <stdlib.h>
#include <string.h>

struct turn {
	struct turn *next; /* in the order of asking */
	struct turns *turns;
	const struct plan_file *file;
	void (*fn)(void *ctx); /* NULL once it was called */
	void *ctx;
};

struct turns {
	struct loop *loop;
	struct turn *first;
	bool is_kicked;
};

static bool is_same(const struct plan_file *a, const struct plan_file *b)
{
	return a->size == b->size && a->algorithm == b->algorithm &&
	       strcmp(a->digest, b->digest) == 0;
}

bool turn_has_to_wait(const struct turn *turn)
{
	const struct turn *other = turn->turns->first;

	while (other != turn && !is_same(other->file, turn->file))
		other = other->next;
	return other != turn;
}

/* One that has its turn and does not know it yet, or NULL. */
static struct turn *find_untold(const struct turns *turns)
{
	struct turn *turn = turns->first;

	while (turn != NULL && (turn->fn == NULL || turn_has_to_wait(turn)))
		turn = turn->next;
	return turn;
}

static void tell(void *ctx)
{
	struct turns *turns = ctx;
	struct turn *turn;

	turns->is_kicked = false;
	/* From the beginning each time: whoever is told may leave. */
	while ((turn = find_untold(turns)) != NULL) {
		void (*fn)(void *) = turn->fn;

		turn->fn = NULL;
		fn(turn->ctx);
	}
}

static void kick(struct turns *turns)
{
	if (turns->is_kicked)
		return;
	turns->is_kicked = true;
	loop_defer(turns->loop, tell, turns);
}

struct turn *turns_ask(struct turns *turns, const struct plan_file *file, void (*fn)(void *ctx),
		       void *ctx)
{
	struct turn *turn = mem_alloc(sizeof(*turn));
	struct turn **last = &turns->first;

	*turn = (struct turn){ .turns = turns, .file = file, .fn = fn, .ctx = ctx };
	while (*last != NULL)
		last = &(*last)->next;
	*last = turn;
	kick(turns);
	return turn;
}

void turn_leave(struct turn **turn)
{
	struct turn *t = *turn;
	struct turn **at;

	*turn = NULL;
	if (t == NULL)
		return;
	at = &t->turns->first;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	kick(t->turns);
	free(t);
}

struct turns *turns_new(struct loop *loop)
{
	struct turns *turns = mem_alloc(sizeof(*turns));

	turns->loop = loop;
	return turns;
}

void turns_free(struct turns **turns)
{
	if (*turns == NULL)
		return;
	assert((*turns)->first == NULL);
	free(*turns);
	*turns = NULL;
}
