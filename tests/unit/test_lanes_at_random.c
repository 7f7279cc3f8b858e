/*
 * A file over several connections, under many random schedules of answers that break off, hold,
 * refuse and lie, and of stops: in the end it is the file, and after each stop what is recorded
 * is what is on the disk. A seed that failed is printed; LARDER_SEED=n runs it alone.
 */
#include "downloader/landing.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "downloader/checksum.h"
#include "downloader/localdir.h"
#include "downloader/segments.h"
#include "tests/unit/origin.h"
#include "tests/unit/rig.h"

#define JOB_ID "aaaaaaaaaaaaaaaaaaaa"

enum {
	SIZE = SEGMENT_USUAL + 3 * SEGMENT_SHORT + 4321, /* so that it has several pieces */
	SEEDS = 12,
	STOPS_MAX = 3,
	FAULTY_MAX = 25, /* requests of a run that may go wrong */
	IDLE_MAX = 120,  /* turns of the loop: longer than what it takes to be called slow */
	HASTE = 50,      /* timers run so much faster, and so does the clock with each turn */
};

/* --- time that runs with the turns of the loop ----------------------------------------------
 */

static _Atomic uint64_t clock_ms = 1000 * 1000;

uint64_t __wrap_clock_steady_ms(void);
void __real_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);
void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms);

uint64_t __wrap_clock_steady_ms(void)
{
	return atomic_load(&clock_ms);
}

void __wrap_loop_timer_arm(struct loop_timer *timer, uint64_t delay_ms)
{
	__real_loop_timer_arm(timer, delay_ms / HASTE);
}

/* --- the schedule ---------------------------------------------------------------------------
 */

struct place {
	struct rig *rig;
	struct origin *origin;
	struct landing_env env;
	struct plan *plan;
	struct landing *landing;
	struct localdir_names names;
	struct random_data random; /* the origin's, under its lock */
	char random_state[64];
	bool may_lie;
	bool is_over;
	struct error error;
	unsigned n_lies;
	uint64_t thrown_away;
};

static char content[SIZE];

static const struct rig_file file = { "m.gguf", { content, SIZE }, true };

static uint64_t dice(struct place *p, uint64_t sides)
{
	int32_t n;

	(void)random_r(&p->random, &n);
	return (uint64_t)n % sides;
}

static void decide(void *ctx, const struct origin_request *request, struct origin_answer *ret)
{
	static const char *const refusals[] = { "403 Forbidden", "503 Busy" };
	struct place *p = ctx;
	uint64_t length = request->end - request->first;

	if (request->n >= FAULTY_MAX)
		return;
	switch (dice(p, 6)) {
	case 0:
		ret->end = ORIGIN_BREAKS;
		ret->after = dice(p, length + 1);
		break;
	case 1: /* until it is given up, or the rest is cut away and the other brings it */
	case 2:
		ret->end = ORIGIN_HOLDS;
		ret->after = 1 + dice(p, length);
		break;
	case 3:
		ret->status = refusals[dice(p, ARRAY_LEN(refusals))];
		break;
	case 4:
		if (p->may_lie && p->n_lies == 0 && request->first > 0) {
			ret->spoiled = request->first + dice(p, length);
			p->n_lies++;
		}
		break;
	default:
		break;
	}
}

/* --- a landing ------------------------------------------------------------------------------
 */

static void on_put(void *ctx, const struct error *err)
{
	bool *is_put = ctx;

	assert_null(err);
	*is_put = true;
}

static struct place *place_make(unsigned seed)
{
	struct place *p = mem_alloc(sizeof(*p));
	AUTO(job) job = job_new();
	AUTO_CSTR there = NULL;
	bool is_put = false;

	assert_int_equal(rig_make((void **)&p->rig), 0);
	log_init("unit", LOG_FORMAT_JSON, LOG_LEVEL_ERROR);
	(void)initstate_r(seed, p->random_state, sizeof(p->random_state), &p->random);
	p->may_lie = seed % 4 == 0;
	p->origin = origin_start(file.content, decide, p);
	there = origin_url(p->origin, "/blob");
	answerer_add(
		p->rig->server,
		(struct answerer_rule){ .target = rig_target(p->rig, file.path),
					.status = "302 Found",
					.headers = mem_printf("Location: %s\r\n", there) });
	p->env = (struct landing_env){ .loop = p->rig->loop,
				       .pool = p->rig->pool,
				       .hub = p->rig->hub,
				       .store = p->rig->store,
				       .budget = p->rig->budget,
				       .turns = p->rig->turns,
				       .feeds = p->rig->feeds,
				       .copy_least_bytes = RIG_COPY_LEAST_BYTES,
				       .models_root = p->rig->root,
				       .job_id = JOB_ID,
				       .type = REPO_MODEL,
				       .repo = RIG_REPO,
				       .commit = RIG_COMMIT,
				       .folder = RIG_REPO };
	p->plan = plan_new(1);
	p->plan->files[0].path = mem_strdup(file.path);
	p->plan->files[0].size = SIZE;
	p->plan->files[0].algorithm = DIGEST_SHA256;
	rig_digest(&file, p->plan->files[0].digest);
	localdir_names_init(&p->names, RIG_REPO, file.path, p->plan->files[0].digest, JOB_ID);
	memcpy(job->id, JOB_ID, sizeof(job->id));
	job->repo = mem_strdup(RIG_REPO);
	job->revision = mem_strdup("main");
	job->is_planned = true;
	store_put_plan(p->rig->store, job, p->plan, on_put, &is_put);
	loop_until(p->rig->loop, &is_put);
	return p;
}

static void place_free(struct place *p)
{
	origin_stop(&p->origin);
	rig_stop(p->rig);
	plan_free(&p->plan);
	localdir_names_clear(&p->names);
	(void)rig_remove((void **)&p->rig);
	free(p);
}

static void on_thrown_away(void *ctx, size_t index, uint64_t bytes, const char *why)
{
	struct place *p = ctx;

	(void)index;
	(void)why;
	p->thrown_away += bytes;
}

static void on_replaced(void *ctx, size_t index, const char *trash)
{
	(void)ctx;
	fail_msg("file %zu: nothing was there, and %s is said to hold it", index, trash);
}

static void on_over(void *ctx, struct landing *take_landing, const struct error *err)
{
	struct place *p = ctx;

	p->is_over = true;
	p->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
	landing_free(&take_landing);
	p->landing = NULL;
}

static void begin(struct place *p)
{
	struct landing_hooks hooks = { .thrown_away = on_thrown_away,
				       .replaced = on_replaced,
				       .over = on_over,
				       .ctx = p };

	p->is_over = false;
	p->landing = landing_new(&p->env, &p->plan->files[0], 0, &hooks);
}

/* Until it is over, or `bytes` have come. Where nothing comes for long, one that is held goes
 * on: a stall that all have is ended by the clock on the wall only. */
static void run(struct place *p, uint64_t bytes)
{
	uint64_t come = 0;
	unsigned n_idle = 0;

	(void)alarm(LOOPING_ALARM_S);
	while (!p->is_over && come < bytes) {
		uint64_t before = come;

		(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_ONCE);
		(void)atomic_fetch_add(&clock_ms, HASTE);
		if (p->landing != NULL)
			come += landing_tick(p->landing, atomic_load(&clock_ms));
		n_idle = come > before ? 0 : n_idle + 1;
		if (n_idle % IDLE_MAX == IDLE_MAX - 1 && origin_held(p->origin) > 0)
			origin_release_one(p->origin);
	}
	(void)alarm(0);
}

/* --- what is recorded -----------------------------------------------------------------------
 */

struct checked {
	struct place *place;
	bool is_done;
	uint64_t bytes;
	size_t n;
};

static uint64_t sum_of(struct str bytes)
{
	AUTO(checksum) sum = checksum_new();

	checksum_update(sum, bytes);
	return checksum_value(sum);
}

static void check_extent(struct place *p, int fd, const struct extent *extent)
{
	size_t length = (size_t)extent->length;
	AUTO_CSTR bytes = mem_alloc(length);
	struct error err;

	assert_true(extent->first + extent->length <= SIZE && length > 0);
	for (size_t at = 0; at < length;) {
		ssize_t n = file_read_at(fd, bytes + at, length - at, extent->first + at, &err);

		assert_true(n > 0);
		at += (size_t)n;
	}
	assert_true(sum_of((struct str){ bytes, length }) == extent->sum);
	if (p->n_lies == 0)
		assert_memory_equal(bytes, content + extent->first, length);
}

static void on_extents(void *ctx, const struct extent *extents, size_t n,
		       const struct error *err)
{
	struct checked *checked = ctx;
	struct place *p = checked->place;
	struct error open_err;
	AUTO_FD fd = -1;

	assert_null(err);
	if (n > 0)
		fd = file_open(p->rig->root, p->names.partial, O_RDONLY, 0, &open_err);
	for (size_t i = 0; i < n; i++) {
		check_extent(p, fd, &extents[i]);
		assert_true(i == 0 ||
			    extents[i - 1].first + extents[i - 1].length <= extents[i].first);
		checked->bytes += extents[i].length;
	}
	checked->n = n;
	checked->is_done = true;
}

static void check_records(struct place *p)
{
	struct checked checked = { .place = p };

	store_get_extents(p->rig->store, JOB_ID, 0, on_extents, &checked);
	loop_until(p->rig->loop, &checked.is_done);
	assert_int_equal(checked.bytes, p->plan->files[0].bytes_done);
}

static void check_file(struct place *p)
{
	AUTO_CSTR bytes = mem_alloc(SIZE);
	struct error err;
	AUTO_FD fd = file_open(p->rig->root, p->names.final, O_RDONLY, 0, &err);

	assert_true(fd >= 0);
	for (size_t at = 0; at < SIZE;) {
		ssize_t n = file_read_at(fd, bytes + at, SIZE - at, at, &err);

		assert_true(n > 0);
		at += (size_t)n;
	}
	assert_memory_equal(bytes, content, SIZE);
}

static void run_schedule(unsigned seed)
{
	struct place *p = place_make(seed);
	unsigned n_stops = 0;
	unsigned n_runs = 0;

	print_message("  seed %u\n", seed);
	do {
		bool will_stop = n_stops < STOPS_MAX && random() % 2 == 0;

		assert_true(++n_runs < 50);
		p->plan->files[0].state = FILE_PENDING;
		begin(p);
		run(p, will_stop ? (uint64_t)random() % SIZE : UINT64_MAX);
		if (!p->is_over)
			landing_stop(p->landing);
		n_stops += !p->is_over;
		run(p, UINT64_MAX);
		if (p->error.code != ERR_NONE)
			check_records(p);
	} while (p->error.code != ERR_NONE);
	check_file(p);
	if (p->n_lies == 0)
		assert_int_equal(p->thrown_away, 0);
	place_free(p);
}

static void whatever_the_schedule_it_is_the_file_and_the_journal_is_true(void **state)
{
	const char *seed = getenv("LARDER_SEED");
	uint64_t only = 0;

	(void)state;
	for (size_t i = 0; i < SIZE; i++)
		content[i] = (char)(i * 31 + i / 977);
	if (seed != NULL && str_to_u64(str_from(seed), 1, UINT32_MAX, &only) == 0) {
		srandom((unsigned)only);
		run_schedule((unsigned)only);
		return;
	}
	for (unsigned i = 1; i <= SEEDS; i++) {
		srandom(i);
		run_schedule(i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_the_schedule_it_is_the_file_and_the_journal_is_true),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
