#include "downloader/budget.h"

#include <stdlib.h>

#include "common/log.h"
#include "downloader/controller.h"

enum {
	QUIET_MS = 4 * BUDGET_TICK_MS, /* with nothing counted, time goes on in such steps */
};

struct budget_member {
	struct budget_member *next; /* in the order of joining */
	struct budget *budget;
	const void *group;
	bool is_small;
	struct budget_hooks hooks;
	size_t open;
	size_t flowing;
	bool has_passed; /* had no work after all, in this round */
};

struct budget {
	struct loop *loop;
	size_t total;
	size_t per_file;
	struct controller controller;
	struct budget_member *members;
	size_t open;
	size_t open_small; /* of these, of small files */
	size_t ceiling;    /* after a refusal */
	uint64_t refused_ms;
	uint64_t flowed_ms;  /* when one that brought bytes ended last; 0: none has */
	uint64_t bytes;      /* since the controller's last tick, of those that are not small */
	uint64_t counted_ms; /* all of them up to this time; 0: not counted since */
	uint64_t ticked_ms;  /* the controller's time */
	struct loop_timer *timer;
	bool is_kicked;
	bool is_freed; /* by the kick that is under way */
};

/* --- who is next --- */

static size_t open_of_group(const struct budget *b, const void *group)
{
	size_t n = 0;

	for (const struct budget_member *m = b->members; m != NULL; m = m->next)
		n += m->group == group ? m->open : 0;
	return n;
}

/* How many there may be now. */
static size_t most_open(const struct budget *b)
{
	bool is_refused =
		b->ceiling > 0 && clock_steady_ms() - b->refused_ms < CONTROLLER_REFUSED_MS;

	return is_refused && b->ceiling < b->total ? b->ceiling : b->total;
}

static bool may_open(const struct budget *b, const struct budget_member *m)
{
	size_t bulk = b->open - b->open_small;

	return !m->has_passed && b->open < most_open(b) && m->open < b->per_file &&
	       (m->is_small || bulk < controller_target(&b->controller) ||
		open_of_group(b, m->group) == 0) &&
	       m->hooks.can_open(m->hooks.ctx);
}

/* The first file of the job that has fewest connections. */
static struct budget_member *next_member(const struct budget *b)
{
	struct budget_member *best = NULL;
	size_t best_open = 0;

	for (struct budget_member *m = b->members; m != NULL; m = m->next) {
		size_t open = open_of_group(b, m->group);

		if ((best == NULL || open < best_open) && may_open(b, m)) {
			best = m;
			best_open = open;
		}
	}
	return best;
}

static void distribute(struct budget *b)
{
	struct budget_member *m;

	for (m = b->members; m != NULL; m = m->next)
		m->has_passed = false;
	while ((m = next_member(b)) != NULL) {
		m->has_passed = !m->hooks.open(m->hooks.ctx);
		if (m->has_passed)
			continue;
		m->open++;
		b->open++;
		b->open_small += m->is_small ? 1 : 0;
	}
}

static void on_kick(void *ctx)
{
	struct budget *b = ctx;

	b->is_kicked = false;
	if (b->is_freed)
		free(b);
	else
		distribute(b);
}

void budget_kick(struct budget *b)
{
	if (b->is_kicked)
		return;
	b->is_kicked = true;
	loop_defer(b->loop, on_kick, b);
}

/* --- measuring --- */

/* How many connections could have something to do, beside those of small files? */
static size_t count_usable(const struct budget *b)
{
	size_t most = most_open(b) > b->open_small ? most_open(b) - b->open_small : 0;
	size_t n = 0;

	for (const struct budget_member *m = b->members; m != NULL; m = m->next) {
		bool is_more = m->open < b->per_file && m->hooks.can_open(m->hooks.ctx);

		if (!m->is_small)
			n += is_more ? b->per_file : m->open;
	}
	return n < most ? n : most;
}

static bool is_first_of_group(const struct budget *b, const struct budget_member *m)
{
	for (const struct budget_member *other = b->members; other != m; other = other->next) {
		if (!other->is_small && other->group == m->group)
			return false;
	}
	return true;
}

/* Jobs that have a file which is not small. */
static size_t count_groups(const struct budget *b)
{
	size_t n = 0;

	for (const struct budget_member *m = b->members; m != NULL; m = m->next)
		n += !m->is_small && is_first_of_group(b, m) ? 1 : 0;
	return n;
}

/* Bytes are counted when the jobs tick, not when this does: what came from one count to another
 * is exact, what came between two ticks of ours may be a count short or over. */
static void tick_controller(struct budget *b)
{
	size_t before = controller_target(&b->controller);
	uint64_t now_ms = clock_steady_ms();
	size_t flowing = 0;

	if (b->counted_ms == 0 && now_ms - b->ticked_ms < QUIET_MS)
		return;
	if (b->counted_ms > 0)
		now_ms = b->counted_ms;
	controller_set_least(&b->controller, count_groups(b));
	for (const struct budget_member *m = b->members; m != NULL; m = m->next)
		flowing += m->is_small ? 0 : m->flowing;
	controller_tick(&b->controller, now_ms, b->bytes, flowing, count_usable(b));
	b->bytes = 0;
	b->counted_ms = 0;
	b->ticked_ms = now_ms;
	if (controller_target(&b->controller) != before)
		log_debug("%zu connections, after %zu", controller_target(&b->controller),
			  before);
}

static void on_tick(void *ctx)
{
	struct budget *b = ctx;

	tick_controller(b);
	distribute(b);
	if (b->members != NULL)
		loop_timer_arm(b->timer, BUDGET_TICK_MS);
}

void budget_count(struct budget_member *m, uint64_t bytes)
{
	if (!m->is_small)
		m->budget->bytes += bytes;
}

void budget_counted(struct budget_member *m)
{
	if (!m->is_small)
		m->budget->counted_ms = clock_steady_ms();
}

bool budget_refused(struct budget_member *m)
{
	struct budget *b = m->budget;
	uint64_t now_ms = clock_steady_ms();
	bool is_lingering = b->flowed_ms > 0 && now_ms - b->flowed_ms < BUDGET_LINGER_MS;

	if (b->open == 0 && !is_lingering)
		return false;
	b->ceiling = b->open > 0 ? b->open : 1;
	b->refused_ms = now_ms;
	if (!m->is_small)
		controller_refused(&b->controller, now_ms, b->ceiling);
	return true;
}

/* --- members --- */

struct budget_member *budget_join(struct budget *b, const void *group, bool is_small,
				  const struct budget_hooks *hooks)
{
	struct budget_member *member = mem_alloc(sizeof(*member));
	struct budget_member **last = &b->members;

	member->budget = b;
	member->group = group;
	member->is_small = is_small;
	member->hooks = *hooks;
	if (b->members == NULL)
		loop_timer_arm(b->timer, BUDGET_TICK_MS);
	while (*last != NULL)
		last = &(*last)->next;
	*last = member;
	budget_kick(b);
	return member;
}

void budget_leave(struct budget_member **member)
{
	struct budget_member *m = *member;
	struct budget_member **at;

	*member = NULL;
	if (m == NULL)
		return;
	assert(m->open == 0);
	at = &m->budget->members;
	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	budget_kick(m->budget);
	free(m);
}

void budget_flowing(struct budget_member *m)
{
	m->flowing++;
}

void budget_closed(struct budget_member *m, bool is_flowing)
{
	m->open--;
	m->budget->open--;
	m->budget->open_small -= m->is_small ? 1 : 0;
	m->flowing -= is_flowing ? 1 : 0;
	if (is_flowing)
		m->budget->flowed_ms = clock_steady_ms();
	budget_kick(m->budget);
}

/* --- begin and end --- */

struct budget *budget_new(struct loop *loop, size_t total, size_t per_file)
{
	struct budget *b = mem_alloc(sizeof(*b));

	b->loop = loop;
	b->total = total;
	b->per_file = per_file;
	controller_init(&b->controller, total);
	b->timer = loop_timer_new(loop, on_tick, b);
	return b;
}

void budget_free(struct budget **budget)
{
	struct budget *b = *budget;

	if (b == NULL)
		return;
	assert(b->members == NULL);
	loop_timer_free(&b->timer);
	b->is_freed = true;
	if (!b->is_kicked)
		free(b);
	*budget = NULL;
}

void budget_set_total(struct budget *b, size_t total)
{
	if (total == b->total)
		return;
	b->total = total;
	controller_init(&b->controller, total);
	budget_kick(b);
}
