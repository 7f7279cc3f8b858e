#include "downloader/controller.h"

void controller_init(struct controller *c, size_t most)
{
	*c = (struct controller){ .least = 1, .most = most > 0 ? most : 1 };
	c->ceiling = c->most;
	c->kept = CONTROLLER_FIRST < c->most ? CONTROLLER_FIRST : c->most;
	c->target = c->kept;
	c->phase = CONTROLLER_BASE;
}

size_t controller_target(const struct controller *c)
{
	return c->target;
}

static void begin(struct controller *c, enum controller_phase phase, size_t target)
{
	c->phase = phase;
	c->target = target;
	c->since_ms = 0;
	c->step = CONTROLLER_OPENING;
	c->is_short = false;
}

/* The next number to try, or the kept one when there is none. */
static size_t next_trial(const struct controller *c, bool is_down)
{
	size_t next;

	if (is_down) {
		next = c->kept - (c->kept + 3) / 4;
		return next > c->least ? next : c->least;
	}
	next = c->kept * 2;
	if (next > c->usable)
		next = c->usable > c->kept ? c->usable : c->kept;
	return next < c->ceiling ? next : c->ceiling;
}

void controller_set_least(struct controller *c, size_t least)
{
	c->least = least < c->ceiling ? least : c->ceiling;
	if (c->least < 1)
		c->least = 1;
	if (c->kept >= c->least)
		return;
	c->kept = c->least;
	begin(c, CONTROLLER_BASE, c->kept);
}

/* What was found by going up, be it the most there may be, may have been the moment's luck, and
 * the other way round. */
static void rest(struct controller *c, bool is_down)
{
	begin(c, CONTROLLER_REST, c->kept);
	c->is_down_next = !is_down && c->kept > CONTROLLER_FIRST;
}

static void try_next(struct controller *c, bool is_down)
{
	size_t next = next_trial(c, is_down);

	if (next == c->kept) {
		rest(c, is_down);
		c->is_short = !is_down && c->usable <= c->kept;
	} else {
		begin(c, CONTROLLER_TRIAL, next);
	}
}

/* A trial upwards pays when it brings more, one downwards when it brings as much. */
static bool does_pay(const struct controller *c, double bps)
{
	double gain = 1.0 + CONTROLLER_GAIN_PERCENT / 100.0;

	return c->target > c->kept ? bps >= c->kept_bps * gain : bps * gain >= c->kept_bps;
}

static void learn(struct controller *c, double bps)
{
	bool is_down = c->target < c->kept;

	if (c->phase == CONTROLLER_BASE) {
		c->kept_bps = bps;
		try_next(c, c->is_down_next);
	} else if (does_pay(c, bps)) {
		c->kept = c->target;
		c->kept_bps = bps;
		try_next(c, is_down);
	} else {
		rest(c, is_down);
	}
}

/* Does a trial bring so much more that noise cannot be the reason? */
static bool is_clear(const struct controller *c, double bps)
{
	return c->phase == CONTROLLER_TRIAL && c->target > c->kept &&
	       bps >= c->kept_bps * (1.0 + CONTROLLER_CLEAR_PERCENT / 100.0);
}

static void count(struct controller *c, uint64_t now_ms, uint64_t bytes)
{
	uint64_t counted_ms = now_ms - c->since_ms;
	uint64_t enough_ms = c->kept_bps > 0 ? CONTROLLER_MEASURE_MS : CONTROLLER_FIRST_MS;
	double bps;

	c->counted += bytes;
	if (counted_ms == 0)
		return;
	bps = (double)c->counted * 1000.0 / (double)counted_ms;
	if (counted_ms >= enough_ms || (counted_ms >= CONTROLLER_CLEAR_MS && is_clear(c, bps)))
		learn(c, bps);
}

static bool is_equal_about(double a, double b)
{
	double off = a > b ? a - b : b - a;

	return off * 100.0 <= a * CONTROLLER_AGREE_PERCENT;
}

/* Two that agree are enough for the first number, to compare others with, and for a trial that
 * is clear. */
static void glance(struct controller *c, uint64_t now_ms, uint64_t bytes)
{
	uint64_t glance_ms = now_ms - c->glance_ms;
	double before = c->glance_bps;
	double mean;

	c->glanced += bytes;
	if (glance_ms < CONTROLLER_GLANCE_MS)
		return;
	c->glance_bps = (double)c->glanced * 1000.0 / (double)glance_ms;
	c->glance_ms = now_ms;
	c->glanced = 0;
	mean = (before + c->glance_bps) / 2.0;
	if (before > 0 && is_equal_about(before, c->glance_bps) &&
	    (c->kept_bps <= 0 || is_clear(c, mean)))
		learn(c, mean);
}

static void step_to(struct controller *c, enum controller_step step, uint64_t now_ms)
{
	c->step = step;
	c->since_ms = now_ms;
}

static void settle(struct controller *c, uint64_t now_ms)
{
	c->is_near = now_ms - c->since_ms <= CONTROLLER_NEAR_MS;
	step_to(c, CONTROLLER_SETTLING, now_ms);
	c->glance_ms = now_ms;
	c->glance_bps = 0;
	c->glanced = 0;
}

/* Waits until the target's connections flow, and no more, and have settled; then counts. */
static void measure(struct controller *c, uint64_t now_ms, uint64_t bytes, size_t flowing)
{
	switch (c->step) {
	case CONTROLLER_OPENING:
		if (flowing > c->target)
			c->since_ms = now_ms; /* those too many go on until their pieces end */
		else if (flowing == c->target || now_ms - c->since_ms >= CONTROLLER_OPEN_MS)
			settle(c, now_ms);
		break;
	case CONTROLLER_SETTLING:
		if (now_ms - c->since_ms >= CONTROLLER_SETTLE_MS) {
			step_to(c, CONTROLLER_COUNTING, now_ms);
			c->counted = 0;
		} else if (c->is_near) {
			glance(c, now_ms, bytes);
		}
		break;
	case CONTROLLER_COUNTING:
		count(c, now_ms, bytes);
		break;
	}
}

void controller_tick(struct controller *c, uint64_t now_ms, uint64_t bytes, size_t flowing,
		     size_t usable)
{
	c->usable = usable;
	if (c->ceiling < c->most && now_ms - c->refused_ms >= CONTROLLER_REFUSED_MS)
		c->ceiling = c->most;
	if (c->since_ms == 0)
		c->since_ms = now_ms;
	if (c->phase == CONTROLLER_REST && c->is_short && usable > c->kept) {
		c->is_down_next = false;
		begin(c, CONTROLLER_BASE, c->kept);
	} else if (c->phase == CONTROLLER_REST) {
		if (now_ms - c->since_ms >= CONTROLLER_REST_MS)
			begin(c, CONTROLLER_BASE, c->kept);
	} else if (usable < c->target) {
		/* Nothing can be learned: back to what is known, from the beginning. */
		begin(c, CONTROLLER_BASE, c->kept);
	} else {
		measure(c, now_ms, bytes, flowing);
	}
}

void controller_refused(struct controller *c, uint64_t now_ms, size_t open)
{
	c->ceiling = open > 0 ? open : 1;
	c->refused_ms = now_ms;
	if (c->kept > c->ceiling)
		c->kept = c->ceiling;
	begin(c, CONTROLLER_REST, c->kept);
}
