#include "downloader/lanes.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "downloader/checksum.h"
#include "downloader/controller.h"
#include "downloader/retry.h"
#include "tests/unit/origin.h"
#include "tests/unit/rig.h"

#define MIB    UINT64_C(1048576)
#define TARGET "/" RIG_REPO "/resolve/" RIG_COMMIT "/m.gguf"
#define DIGEST "3333333333333333333333333333333333333333333333333333333333333333"

enum {
	SIZE = 24 * 1024 * 1024 +
	       12345, /* more than one piece: one of about half, then short ones */
	EXTENTS_MAX = 512,
	FAST = 50, /* timers are so much shorter: only their order counts */
};

/* --- time that goes on when a test says so --------------------------------------------------
 */

static _Atomic uint64_t clock_ms;

uint64_t __wrap_clock_steady_ms(void);
void __real_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);
void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);

uint64_t __wrap_clock_steady_ms(void)
{
	return atomic_load(&clock_ms);
}

void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms)
{
	__real_loop_timer_arm(timer, delay_ms / FAST);
}

/* --- the file, its server, and the lanes between --------------------------------------------
 */

struct place {
	struct rig *rig;
	struct budget *budget;
	struct origin *origin;
	struct segments *segments;
	struct lanes *lanes;
	int fd;
	bool is_single;
	struct extent extents[EXTENTS_MAX]; /* the longest with each beginning */
	bool is_over[EXTENTS_MAX];
	size_t n;
	unsigned n_growing; /* told before they were over */
	unsigned n_changed;
	unsigned n_failed;
	struct error error;
	bool is_released;
};

static char content[SIZE];

static const struct origin_answer *script; /* of the first requests, for decide() */
static size_t n_script;

static void decide(void *ctx, const struct origin_request *request, struct origin_answer *ret)
{
	(void)ctx;
	if (request->n < n_script)
		*ret = script[request->n];
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	AUTO_CSTR path = NULL;

	atomic_store(&clock_ms, 1000 * 1000);
	script = NULL;
	n_script = 0;
	if (rig_make((void **)&p->rig) < 0)
		return -1;
	log_init("unit", LOG_FORMAT_JSON, LOG_LEVEL_ERROR);
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 31 + i / 977);
	p->origin = origin_start((struct str){ content, SIZE }, decide, NULL);
	path = tempdir_path(&p->rig->dir, "partial");
	p->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	*state = p;
	return p->fd < 0 || ftruncate(p->fd, SIZE) < 0 ? -1 : 0;
}

static void on_written(void *ctx, const struct extent *extent, bool is_over)
{
	struct place *p = ctx;
	size_t i = 0;

	assert_false(p->is_released);
	while (i < p->n && p->extents[i].first != extent->first)
		i++;
	assert_true(i < EXTENTS_MAX);
	assert_true(i == p->n || extent->length >= p->extents[i].length);
	assert_true(i == p->n || !p->is_over[i]);
	p->extents[i] = *extent;
	p->is_over[i] = is_over;
	p->n += i == p->n;
	p->n_growing += !is_over;
}

static void on_changed(void *ctx)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	p->n_changed++;
}

static void on_failed(void *ctx, const struct error *err)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	p->n_failed++;
	p->error = *err;
}

static void on_released(void *ctx)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	p->is_released = true;
}

/* With at most `total` connections; two are what is had before anything is measured, and with
 * the clock standing still nothing is. */
static void begin(struct place *p, size_t total, const struct origin_answer *answers,
		  size_t n_answers)
{
	struct lanes_hooks hooks = {
		.written = on_written, .changed = on_changed, .failed = on_failed, .ctx = p
	};
	AUTO_CSTR there = origin_url(p->origin, "/blob");
	struct lanes_plan plan = {
		.loop = p->rig->loop,
		.hub = p->rig->hub,
		.identity = { REPO_MODEL, RIG_REPO, RIG_COMMIT, "m.gguf", DIGEST, SIZE },
		.job = p,
		.fd = p->fd,
		.is_single = p->is_single,
	};

	script = answers;
	n_script = n_answers;
	answerer_add(
		p->rig->server,
		(struct answerer_rule){ .target = TARGET,
					.status = "302 Found",
					.headers = mem_printf("Location: %s\r\n", there) });
	if (p->budget == NULL)
		p->budget = budget_new(p->rig->loop, total, 8);
	p->segments = segments_new(SIZE);
	plan.budget = p->budget;
	plan.segments = p->segments;
	p->lanes = lanes_new(&plan, &hooks);
}

static void tick(struct place *p)
{
	(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_ONCE);
	if (p->lanes != NULL)
		(void)lanes_tick(p->lanes);
}

static void pass(uint64_t ms)
{
	(void)atomic_fetch_add(&clock_ms, ms);
}

#define UNTIL(p, condition)                   \
	do {                                  \
		(void)alarm(LOOPING_ALARM_S); \
		while (!(condition))          \
			tick(p);              \
		(void)alarm(0);               \
	} while (0)

static void stop(struct place *p)
{
	lanes_stop(&p->lanes, on_released, p);
	assert_null(p->lanes);
	assert_false(p->is_released);
	UNTIL(p, p->is_released);
}

static int place_remove(void **state)
{
	struct place *p = *state;

	if (p->lanes != NULL)
		stop(p);
	origin_stop(&p->origin);
	rig_stop(p->rig);
	budget_free(&p->budget);
	segments_free(&p->segments);
	fd_close(&p->fd);
	(void)rig_remove((void **)&p->rig);
	free(p);
	return 0;
}

/* What was told of the file is in it, and is what it should be. */
static void assert_extents(const struct place *p)
{
	AUTO_CSTR read = mem_alloc(SIZE);
	struct error err;

	for (size_t i = 0; i < p->n; i++) {
		const struct extent *extent = &p->extents[i];
		struct str wanted = { content + extent->first, (size_t)extent->length };
		AUTO(checksum) sum = checksum_new();
		uint64_t at = 0;

		assert_true(extent->length > 0 && extent->first + extent->length <= SIZE);
		checksum_update(sum, wanted);
		assert_true(checksum_value(sum) == extent->sum);
		while (at < extent->length) {
			ssize_t n =
				file_read_at(p->fd, read + at, (size_t)(extent->length - at),
					     extent->first + at, &err);

			assert_true(n > 0);
			at += (uint64_t)n;
		}
		assert_memory_equal(read, wanted.p, wanted.n);
		for (size_t j = 0; j < i; j++)
			assert_true(p->extents[j].first + p->extents[j].length <=
					    extent->first ||
				    extent->first + extent->length <= p->extents[j].first);
	}
}

static uint64_t told(const struct place *p)
{
	uint64_t bytes = 0;

	for (size_t i = 0; i < p->n; i++)
		bytes += p->extents[i].length;
	return bytes;
}

static void assert_whole(struct place *p)
{
	assert_true(segments_is_whole(p->segments));
	assert_int_equal(p->n_failed, 0);
	assert_int_equal(told(p), SIZE);
	assert_extents(p);
	for (size_t i = 0; i < p->n; i++)
		assert_true(p->is_over[i]);
}

static bool is_whole(const struct place *p)
{
	return segments_is_whole(p->segments);
}

static size_t asked(struct place *p)
{
	return answerer_count(p->rig->server, TARGET, NULL);
}

/* --- as it should be ------------------------------------------------------------------------
 */

static void one_lane_brings_the_pieces_in_order_over_one_connection(void **state)
{
	struct place *p = *state;
	uint64_t at = 0;

	begin(p, 1, NULL, 0);
	UNTIL(p, is_whole(p));
	assert_whole(p);
	assert_int_equal(asked(p), 1);
	assert_true(origin_requests(p->origin) >= 3);
	for (size_t i = 0; i < origin_requests(p->origin); i++) {
		struct origin_request request = origin_request(p->origin, i);

		assert_int_equal(request.first, at);
		at = request.end;
	}
	assert_int_equal(at, SIZE);
	assert_int_equal(origin_connections(p->origin), 1);
	assert_true(p->n_changed >= 3);
}

static void until_the_address_is_found_there_is_one_lane(void **state)
{
	struct place *p = *state;

	answerer_add(p->rig->server, (struct answerer_rule){ .target = TARGET,
							     .status = "503 Busy",
							     .times = 1,
							     .is_gated = true });
	begin(p, 8, NULL, 0);
	UNTIL(p, asked(p) == 1);
	for (int i = 0; i < 10; i++)
		tick(p);
	assert_int_equal(lanes_open(p->lanes), 1);
	assert_int_equal(asked(p), 1);
	answerer_open(p->rig->server);
	/* It comes to nothing, and is tried again. */
	UNTIL(p, lanes_open(p->lanes) == 0);
	pass(2 * RETRY_FILE_FIRST_MS);
	UNTIL(p, is_whole(p));
	assert_whole(p);
	assert_int_equal(asked(p), 2);
}

static void lanes_share_the_address_and_the_file(void **state)
{
	static const struct origin_answer answers[] = {
		{ .end = ORIGIN_HOLDS, .after = MIB },
		{ .end = ORIGIN_HOLDS, .after = MIB },
	};
	struct place *p = *state;
	struct origin_request a;
	struct origin_request b;

	begin(p, 2, answers, ARRAY_LEN(answers));
	UNTIL(p, origin_held(p->origin) == 2);
	assert_int_equal(lanes_open(p->lanes), 2);
	a = origin_request(p->origin, 0);
	b = origin_request(p->origin, 1);
	assert_true(a.end == b.first || b.end == a.first); /* either may be there first */
	origin_release(p->origin);
	UNTIL(p, is_whole(p));
	assert_whole(p);
	assert_int_equal(asked(p), 1);
	assert_int_equal(p->origin->most_active, 2);
}

static void while_the_hash_is_behind_no_piece_is_begun(void **state)
{
	struct place *p = *state;

	begin(p, 1, NULL, 0);
	UNTIL(p, lanes_open(p->lanes) == 1);
	lanes_hold(p->lanes, true);
	UNTIL(p, segments_frontier(p->segments) > 0 && lanes_open(p->lanes) == 0);
	for (int i = 0; i < 10; i++)
		tick(p);
	assert_int_equal(origin_requests(p->origin), 1);
	lanes_hold(p->lanes, false);
	UNTIL(p, is_whole(p));
	assert_whole(p);
}

static void the_journal_is_told_of_a_piece_that_grows(void **state)
{
	static const struct origin_answer answers[] = {
		{ .end = ORIGIN_HOLDS, .after = 100000 },
	};
	struct place *p = *state;

	begin(p, 1, answers, ARRAY_LEN(answers));
	UNTIL(p, segments_here(p->segments) == 100000);
	pass(1000);
	tick(p);
	assert_int_equal(p->n, 1);
	assert_false(p->is_over[0]);
	assert_int_equal(p->extents[0].length, 100000);
	assert_extents(p);
	origin_release(p->origin);
	UNTIL(p, is_whole(p));
	assert_whole(p);
	assert_int_equal(p->extents[0].first, 0);
	assert_true(p->extents[0].length > 100000);
	assert_true(p->n_growing >= 1);
}

/* --- cuts -----------------------------------------------------------------------------------
 */

static void what_is_left_of_a_slow_piece_is_cut_for_those_who_are_idle(void **state)
{
	static const struct origin_answer answers[] = {
		{ .end = ORIGIN_HOLDS, .after = 200000 },
	};
	struct place *p = *state;
	uint64_t asked_end;
	size_t n_inside = 0;

	begin(p, 2, answers, ARRAY_LEN(answers));
	UNTIL(p, segments_here(p->segments) > 0);
	asked_end = origin_request(p->origin, 0).end;
	pass(1000); /* it is slow */
	/* All but what is not worth cutting comes by the other lane. */
	UNTIL(p, lanes_open(p->lanes) == 1 && segments_here(p->segments) > SIZE - 3 * MIB);
	for (size_t i = 1; i < origin_requests(p->origin); i++)
		n_inside += origin_request(p->origin, i).first < asked_end;
	assert_true(n_inside >= 2);
	/* Now the first goes on, with more than it may bring. */
	origin_release(p->origin);
	UNTIL(p, is_whole(p));
	assert_whole(p);
}

/* The one who is cut writes on the while, to where it was told to end. */
static void a_piece_that_flows_may_be_cut(void **state)
{
	static struct origin_answer answers[64];
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		answers[i] = (struct origin_answer){ .end = ORIGIN_HOLDS, .after = 300000 };
	begin(p, 2, answers, ARRAY_LEN(answers));
	(void)alarm(LOOPING_ALARM_S);
	while (segments_has_free(p->segments) && p->n_failed == 0) {
		tick(p);
		if (origin_held(p->origin) == 2) {
			pass(1000);
			origin_release(p->origin);
		}
	}
	while (!is_whole(p)) {
		pass(20);
		tick(p);
	}
	(void)alarm(0);
	assert_whole(p);
}

/* --- trouble --------------------------------------------------------------------------------
 */

static void a_lane_that_breaks_off_costs_its_rest_only(void **state)
{
	static const struct origin_answer answers[] = {
		{ .end = ORIGIN_BREAKS, .after = 1000001 },
		{ .end = ORIGIN_BREAKS, .after = 0 },
		{ .end = ORIGIN_BREAKS, .after = 1 },
	};
	struct place *p = *state;

	begin(p, 1, answers, ARRAY_LEN(answers));
	for (size_t i = 0; i < ARRAY_LEN(answers); i++) {
		UNTIL(p, origin_requests(p->origin) > i && lanes_open(p->lanes) == 0);
		assert_int_equal(p->n_failed, 0);
		pass(10 * RETRY_FILE_FIRST_MS);
	}
	UNTIL(p, is_whole(p));
	assert_whole(p);
	assert_int_equal(origin_request(p->origin, 1).first, 1000001);
	assert_int_equal(origin_request(p->origin, 2).first, 1000001);
	assert_int_equal(origin_request(p->origin, 3).first, 1000002);
	assert_int_equal(asked(p), 1);
}

static void a_server_that_never_brings_a_byte_is_given_up(void **state)
{
	static struct origin_answer answers[RETRY_FILE_TRIES + 2];
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		answers[i] = (struct origin_answer){ .end = ORIGIN_BREAKS };
	begin(p, 1, answers, ARRAY_LEN(answers));
	(void)alarm(LOOPING_ALARM_S);
	while (p->n_failed == 0) {
		tick(p);
		pass(1000);
	}
	(void)alarm(0);
	assert_int_equal(p->error.code, ERR_NETWORK);
	assert_int_equal(origin_requests(p->origin), RETRY_FILE_TRIES + 1);
	for (int i = 0; i < 10; i++)
		tick(p);
	assert_int_equal(p->n_failed, 1);
	assert_int_equal(p->n, 0);
	assert_int_equal(segments_here(p->segments), 0);
}

/* The first goes on; the server wants no second. */
static void refuse_the_second(struct place *p, const char *status, uint64_t after)
{
	struct origin_answer answers[] = {
		{ .end = ORIGIN_HOLDS, .after = after },
		{ .status = status },
	};

	begin(p, 8, answers, ARRAY_LEN(answers));
	UNTIL(p, origin_requests(p->origin) == 2 && lanes_open(p->lanes) == 1);
	assert_int_equal(p->n_failed, 0);
	for (int i = 0; i < 10; i++)
		tick(p);
	assert_int_equal(origin_requests(p->origin), 2);
	pass(LANES_REFUSED_MS);
	for (int i = 0; i < 10; i++)
		tick(p);
	assert_int_equal(origin_requests(p->origin), 2);
	(void)pthread_mutex_lock(&p->origin->lock);
	p->origin->most_active = 0;
	(void)pthread_mutex_unlock(&p->origin->lock);
	origin_release(p->origin);
	UNTIL(p, is_whole(p));
	assert_whole(p);
	assert_true(origin_count(p->origin, &p->origin->most_active) <= 1);
}

static void a_further_lane_that_is_told_of_a_limit_means_fewer_lanes(void **state)
{
	struct place *p = *state;

	refuse_the_second(p, "429 Too Many Requests", MIB);
	assert_int_equal(asked(p), 1);
}

/* The first has not brought a byte yet, but it may. */
static void a_further_lane_that_is_refused_at_once_means_fewer_lanes(void **state)
{
	struct place *p = *state;

	refuse_the_second(p, "429 Too Many Requests", 0);
}

static void a_further_lane_that_is_forbidden_means_fewer_lanes(void **state)
{
	struct place *p = *state;

	refuse_the_second(p, "403 Forbidden", MIB);
	assert_int_equal(asked(p), 2); /* the address may be over, too */
}

static void a_lane_that_is_forbidden_alone_asks_for_a_new_address(void **state)
{
	static const struct origin_answer answers[] = {
		{ .status = NULL },
		{ .status = "403 Forbidden" },
	};
	struct place *p = *state;

	begin(p, 1, answers, ARRAY_LEN(answers));
	UNTIL(p, origin_requests(p->origin) == 2 && lanes_open(p->lanes) == 0);
	assert_int_equal(asked(p), 1);
	pass(10 * RETRY_FILE_FIRST_MS);
	UNTIL(p, is_whole(p));
	assert_whole(p);
	assert_int_equal(asked(p), 2);
}

static void a_limit_that_holds_for_all_is_for_the_job_to_wait_for(void **state)
{
	static struct origin_answer answers[8];
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		answers[i].status = "429 Too Many Requests";
	begin(p, 8, answers, ARRAY_LEN(answers));
	UNTIL(p, p->n_failed > 0);
	assert_int_equal(p->error.code, ERR_RATE_LIMITED);
}

/* Another file's connection, for a while. */
struct other {
	struct budget_member *member;
	bool is_open;
};

static bool other_can_open(void *ctx)
{
	struct other *other = ctx;

	return !other->is_open;
}

static bool other_open(void *ctx)
{
	struct other *other = ctx;

	other->is_open = true;
	return true;
}

static void join_other(struct place *p, struct other *other)
{
	struct budget_hooks hooks = { .can_open = other_can_open,
				      .open = other_open,
				      .ctx = other };

	p->budget = budget_new(p->rig->loop, 8, 8);
	other->member = budget_join(p->budget, other, true, &hooks);
	UNTIL(p, other->is_open);
}

static void leave_other(struct other *other)
{
	budget_closed(other->member, false);
	budget_leave(&other->member);
}

/* As a small file has: its only one, while others have theirs. */
static void an_only_lane_that_is_refused_beside_other_files_waits_for_room(void **state)
{
	static const struct origin_answer answers[] = { { .status = "429 Too Many Requests" } };
	struct place *p = *state;
	struct other other = { .is_open = false };

	join_other(p, &other);
	p->is_single = true;
	begin(p, 8, answers, ARRAY_LEN(answers));
	UNTIL(p, origin_requests(p->origin) == 1 && lanes_open(p->lanes) == 0);
	pass(LANES_REFUSED_MS);
	for (int i = 0; i < 10; i++)
		tick(p);
	assert_int_equal(p->n_failed, 0);
	assert_int_equal(origin_requests(p->origin), 1);
	leave_other(&other);
	UNTIL(p, is_whole(p));
	assert_whole(p);
}

/* Then it is not the number of connections that the server minds. */
static void an_only_lane_that_is_refused_again_and_again_is_told(void **state)
{
	static struct origin_answer answers[2 * RETRY_FILE_TRIES];
	struct place *p = *state;
	struct other other = { .is_open = false };

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		answers[i].status = "429 Too Many Requests";
	join_other(p, &other);
	p->is_single = true;
	begin(p, 8, answers, ARRAY_LEN(answers));
	(void)alarm(LOOPING_ALARM_S);
	while (p->n_failed == 0) {
		pass(CONTROLLER_REFUSED_MS);
		budget_kick(p->budget);
		tick(p);
	}
	(void)alarm(0);
	assert_int_equal(p->error.code, ERR_RATE_LIMITED);
	assert_int_equal(origin_requests(p->origin), RETRY_FILE_TRIES + 1);
	leave_other(&other);
}

/* Fewer connections are not what it asks for. */
static void an_only_lane_that_is_told_a_time_is_for_the_job_to_wait_for(void **state)
{
	static const struct origin_answer answers[] = {
		{ .status = "429 Too Many Requests\r\nRetry-After: 60" }
	};
	struct place *p = *state;
	struct other other = { .is_open = false };

	join_other(p, &other);
	p->is_single = true;
	begin(p, 8, answers, ARRAY_LEN(answers));
	UNTIL(p, p->n_failed > 0);
	assert_int_equal(p->error.code, ERR_RATE_LIMITED);
	assert_in_range(p->error.retry_after_s, 60, 62);
	assert_int_equal(origin_requests(p->origin), 1);
	leave_other(&other);
}

static void a_server_without_ranges_is_told_once_and_then_asked_by_one_lane(void **state)
{
	static struct origin_answer answers[8];
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		answers[i] = (struct origin_answer){ .is_whole = true };
	begin(p, 4, answers, ARRAY_LEN(answers));
	UNTIL(p, p->n_failed > 0);
	assert_int_equal(p->error.code, ERR_RANGE_IGNORED);
	stop(p);
	assert_int_equal(p->n_failed, 1);
	assert_extents(p);
	/* As the landing does. */
	p->is_single = true;
	p->is_released = false;
	p->n_failed = 0;
	p->n = 0;
	segments_free(&p->segments);
	(void)pthread_mutex_lock(&p->origin->lock);
	p->origin->n_seen = 0;
	(void)pthread_mutex_unlock(&p->origin->lock);
	begin(p, 4, answers, ARRAY_LEN(answers));
	UNTIL(p, is_whole(p));
	assert_whole(p);
	assert_int_equal(origin_requests(p->origin), 1);
}

static void a_disk_that_takes_nothing_is_told(void **state)
{
	struct place *p = *state;
	AUTO_CSTR path = tempdir_path(&p->rig->dir, "partial");

	fd_close(&p->fd);
	p->fd = open(path, O_RDONLY | O_CLOEXEC);
	begin(p, 2, NULL, 0);
	UNTIL(p, p->n_failed > 0);
	assert_int_equal(p->error.code, ERR_DISK_ERROR);
	assert_non_null(strstr(p->error.text, "m.gguf"));
	stop(p);
	assert_int_equal(p->n, 0);
	assert_int_equal(p->n_failed, 1);
}

static void a_lane_far_slower_than_the_others_is_replaced(void **state)
{
	static const struct origin_answer answers[] = {
		{ .end = ORIGIN_HOLDS, .after = 200000 },
	};
	struct place *p = *state;

	begin(p, 2, answers, ARRAY_LEN(answers));
	UNTIL(p, segments_here(p->segments) > 0);
	pass(1000);
	UNTIL(p, lanes_open(p->lanes) == 1 && segments_here(p->segments) > SIZE - 3 * MIB);
	for (int i = 0; i < 20; i++)
		tick(p);
	assert_int_equal(origin_held(p->origin), 1);
	assert_false(is_whole(p));
	pass(LANES_SLOW_MS - 1000);
	UNTIL(p, is_whole(p)); /* the held one was not released */
	assert_whole(p);
	assert_int_equal(p->n_failed, 0);
}

/* --- the end --------------------------------------------------------------------------------
 */

static void a_stop_before_anything_has_begun_asks_nobody(void **state)
{
	struct place *p = *state;

	begin(p, 2, NULL, 0);
	stop(p);
	assert_int_equal(asked(p), 0);
	assert_int_equal(p->n_changed, 0);
}

static void a_stop_while_the_address_is_looked_for_is_one(void **state)
{
	struct place *p = *state;

	answerer_add(p->rig->server, (struct answerer_rule){ .target = TARGET,
							     .status = "503 Busy",
							     .is_gated = true });
	begin(p, 2, NULL, 0);
	UNTIL(p, asked(p) == 1);
	stop(p);
	assert_int_equal(p->n_failed + p->n_changed, 0);
}

static void a_stop_tells_what_was_written(void **state)
{
	static const struct origin_answer answers[] = {
		{ .end = ORIGIN_HOLDS, .after = 123456 },
		{ .end = ORIGIN_HOLDS, .after = 234567 },
	};
	struct place *p = *state;
	unsigned changed;

	begin(p, 2, answers, ARRAY_LEN(answers));
	UNTIL(p, segments_here(p->segments) == 123456 + 234567);
	changed = p->n_changed;
	stop(p);
	assert_int_equal(told(p), 123456 + 234567);
	assert_extents(p);
	assert_int_equal(segments_here(p->segments), 123456 + 234567);
	assert_int_equal(p->n_failed, 0);
	assert_int_equal(p->n_changed, changed);
	/* And the rest is free for the next. */
	assert_true(segments_has_free(p->segments));
}

static void a_stop_during_the_rest_after_a_failure_is_one(void **state)
{
	static const struct origin_answer answers[] = {
		{ .end = ORIGIN_BREAKS, .after = 10 },
	};
	struct place *p = *state;

	begin(p, 1, answers, ARRAY_LEN(answers));
	UNTIL(p, origin_requests(p->origin) == 1 && lanes_open(p->lanes) == 0);
	stop(p);
	assert_int_equal(told(p), 10);
	assert_extents(p);
}

static void a_stop_when_all_is_here_and_of_nothing_is_one(void **state)
{
	struct place *p = *state;
	struct lanes *none = NULL;

	begin(p, 2, NULL, 0);
	UNTIL(p, is_whole(p));
	stop(p);
	assert_whole(p);
	p->is_released = false;
	lanes_stop(&none, on_released, p);
	assert_true(p->is_released);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_lane_brings_the_pieces_in_order_over_one_connection),
		TEST(until_the_address_is_found_there_is_one_lane),
		TEST(lanes_share_the_address_and_the_file),
		TEST(while_the_hash_is_behind_no_piece_is_begun),
		TEST(the_journal_is_told_of_a_piece_that_grows),
		TEST(what_is_left_of_a_slow_piece_is_cut_for_those_who_are_idle),
		TEST(a_piece_that_flows_may_be_cut),
		TEST(a_lane_that_breaks_off_costs_its_rest_only),
		TEST(a_server_that_never_brings_a_byte_is_given_up),
		TEST(a_further_lane_that_is_told_of_a_limit_means_fewer_lanes),
		TEST(a_further_lane_that_is_refused_at_once_means_fewer_lanes),
		TEST(a_further_lane_that_is_forbidden_means_fewer_lanes),
		TEST(a_lane_that_is_forbidden_alone_asks_for_a_new_address),
		TEST(a_limit_that_holds_for_all_is_for_the_job_to_wait_for),
		TEST(an_only_lane_that_is_refused_beside_other_files_waits_for_room),
		TEST(an_only_lane_that_is_refused_again_and_again_is_told),
		TEST(an_only_lane_that_is_told_a_time_is_for_the_job_to_wait_for),
		TEST(a_server_without_ranges_is_told_once_and_then_asked_by_one_lane),
		TEST(a_disk_that_takes_nothing_is_told),
		TEST(a_lane_far_slower_than_the_others_is_replaced),
		TEST(a_stop_before_anything_has_begun_asks_nobody),
		TEST(a_stop_while_the_address_is_looked_for_is_one),
		TEST(a_stop_tells_what_was_written),
		TEST(a_stop_during_the_rest_after_a_failure_is_one),
		TEST(a_stop_when_all_is_here_and_of_nothing_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
