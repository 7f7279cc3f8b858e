/*
 * No byte twice: what the library has is taken from there, and what several want at the same
 * time comes once. Downloads of several repositories, with files of the same contents, against
 * an answerer that counts.
 */
#include "downloader/transfer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

#include "downloader/localdir.h"
#include "tests/unit/rig.h"

enum {
	N_JOBS = 4,
	N_CONTENTS = 4,
	FILES_MAX = 8,
	SMALL = 5, /* bytes of a content that is not looked for */
	ROUNDS = 30,
};

static const struct str contents[N_CONTENTS] = {
	{ "the first content", 17 },
	{ "another one, a bit longer", 25 },
	{ "yet another", 11 },
	{ "small", SMALL },
};

struct place;

/* One download, of a repository of its own. */
struct party {
	struct place *place;
	struct job *job;
	struct transfer *transfer; /* while it runs */
	struct plan *ended;        /* its plan after */
	struct error error;        /* how it ended */
	unsigned n_waits;
	unsigned n_copied;
	unsigned n_thrown_away;
	char *source; /* of the last copy */
};

struct place {
	struct rig *rig;
	struct party parties[N_JOBS];
	size_t files_at_once;
	uint64_t least_bytes;
};

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));

	if (rig_make((void **)&p->rig) < 0)
		return -1;
	log_init("unit", LOG_FORMAT_JSON, LOG_LEVEL_ERROR);
	p->files_at_once = 2;
	p->least_bytes = SMALL + 1;
	for (size_t i = 0; i < N_JOBS; i++) {
		struct party *party = &p->parties[i];

		party->place = p;
		party->job = job_new();
		memset(party->job->id, (int)('a' + i), DOWNLOAD_ID_LEN);
		memcpy(party->job->commit, RIG_COMMIT, sizeof(party->job->commit));
		party->job->repo = mem_printf("acme/r%zu", i);
		party->job->revision = mem_strdup("main");
	}
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	rig_stop(p->rig);
	for (size_t i = 0; i < N_JOBS; i++) {
		job_free(&p->parties[i].job);
		plan_free(&p->parties[i].ended);
		free(p->parties[i].source);
	}
	(void)rig_remove((void **)&p->rig);
	free(p);
	return 0;
}

/* --- the world -------------------------------------------------------------------------------
 */

/* In this repository, the file `name` (one letter) is this content. */
static void serve(struct place *p, size_t who, char name, size_t content,
		  struct answerer_rule rule)
{
	rule.target =
		rig_keep(p->rig, mem_printf("/acme/r%zu/resolve/" RIG_COMMIT "/%c", who, name))
			.p;
	if (rule.status == NULL) {
		rule.status = "200 OK";
		rule.body = contents[content];
		rule.is_ranged = true;
	}
	answerer_add(p->rig->server, rule);
}

static void serve_all(struct place *p, size_t who, const char *names, const size_t *which)
{
	for (size_t i = 0; names[i] != '\0'; i++)
		serve(p, who, names[i], which[i], (struct answerer_rule){ .times = 0 });
}

static size_t count_requests(struct place *p)
{
	return answerer_count(p->rig->server, "/acme/", NULL);
}

static char *read_file(struct place *p, size_t who, char name)
{
	AUTO_CSTR path = mem_printf("models/acme/r%zu/%c", who, name);

	return tempdir_read(&p->rig->dir, path);
}

static bool has_partial(struct place *p, size_t who, char name, size_t content)
{
	AUTO_CSTR folder = mem_printf("acme/r%zu", who);
	char path[] = { name, '\0' };
	struct rig_file file = { path, contents[content], true };
	char hex[HUB_DIGEST_MAX + 1];
	struct localdir_names names;
	struct error err;
	struct stat st;
	bool has_one;

	rig_digest(&file, hex);
	localdir_names_init(&names, folder, path, hex, p->parties[who].job->id);
	has_one = file_stat(p->rig->root, names.partial, &st, &err) == 1 ||
		  file_stat(p->rig->root, names.copy, &st, &err) == 1;
	localdir_names_clear(&names);
	return has_one;
}

/* --- downloads -------------------------------------------------------------------------------
 */

static void on_thrown_away(void *ctx, const char *job_id, const char *path, uint64_t bytes,
			   const char *why)
{
	struct place *p = ctx;

	(void)path;
	assert_true(bytes > 0 && strlen(why) > 0);
	p->parties[job_id[0] - 'a'].n_thrown_away++;
}

static void on_replaced(void *ctx, const char *job_id, const char *path, const char *trash)
{
	(void)ctx;
	fail_msg("%s of %s is said to be in %s", path, job_id, trash);
}

static void on_waits(void *ctx, const char *job_id, const char *path)
{
	struct place *p = ctx;

	assert_int_equal(strlen(path), 1);
	p->parties[job_id[0] - 'a'].n_waits++;
}

static void on_copied(void *ctx, const char *job_id, const char *path, const char *source)
{
	struct place *p = ctx;
	struct party *party = &p->parties[job_id[0] - 'a'];

	assert_int_equal(strlen(path), 1);
	party->n_copied++;
	free(party->source);
	party->source = mem_strdup(source);
}

static void on_over(void *ctx, struct transfer *take_transfer, const struct error *err)
{
	struct place *p = ctx;

	for (size_t i = 0; i < N_JOBS; i++) {
		struct party *party = &p->parties[i];

		if (party->transfer != take_transfer)
			continue;
		party->transfer = NULL;
		plan_free(&party->ended);
		party->ended = plan_copy(transfer_plan(take_transfer));
		party->error = err != NULL ? *err : (struct error){ .code = ERR_NONE };
		(void)transfer_tell(take_transfer, party->job);
	}
	transfer_free(&take_transfer);
}

/* Files named by one letter each, with these contents. What was recorded of an earlier run is
 * known. */
static void begin(struct place *p, size_t who, const char *names, const size_t *which)
{
	struct party *party = &p->parties[who];
	struct transfer_env env = { .loop = p->rig->loop,
				    .pool = p->rig->pool,
				    .hub = p->rig->hub,
				    .store = p->rig->store,
				    .budget = p->rig->budget,
				    .turns = p->rig->turns,
				    .feeds = p->rig->feeds,
				    .copy_least_bytes = p->least_bytes,
				    .models_root = p->rig->root };
	struct transfer_hooks hooks = { .thrown_away = on_thrown_away,
					.replaced = on_replaced,
					.waits = on_waits,
					.copied = on_copied,
					.over = on_over,
					.ctx = p };
	struct plan *plan = plan_new(strlen(names));

	for (size_t i = 0; i < plan->n; i++) {
		struct plan_file *file = &plan->files[i];
		struct rig_file content = { NULL, contents[which[i]], true };

		file->path = mem_printf("%c", names[i]);
		file->size = content.content.n;
		file->algorithm = DIGEST_SHA256;
		rig_digest(&content, file->digest);
	}
	if (party->ended != NULL)
		plan_take_progress(plan, party->ended);
	else
		store_put_plan(p->rig->store, party->job, plan, NULL, NULL);
	party->transfer = transfer_new(&env, party->job, plan, p->files_at_once, &hooks);
}

static const struct plan_file *file_of(const struct place *p, size_t who, size_t index)
{
	return &transfer_plan(p->parties[who].transfer)->files[index];
}

static void turn(struct place *p)
{
	(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_ONCE);
}

static void finish(struct place *p, size_t who)
{
	(void)alarm(LOOPING_ALARM_S);
	while (p->parties[who].transfer != NULL)
		turn(p);
	(void)alarm(0);
}

static void run_until_state(struct place *p, size_t who, size_t index, enum file_state state)
{
	(void)alarm(LOOPING_ALARM_S);
	while (file_of(p, who, index)->state != state)
		turn(p);
	(void)alarm(0);
}

static void run_until_asked(struct place *p, size_t n)
{
	(void)alarm(LOOPING_ALARM_S);
	while (count_requests(p) < n)
		(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_NONBLOCK);
	(void)alarm(0);
}

static void assert_brought(struct place *p, size_t who, const char *names, const size_t *which)
{
	const struct party *party = &p->parties[who];
	uint64_t bytes = 0;

	assert_int_equal(party->error.code, ERR_NONE);
	for (size_t i = 0; names[i] != '\0'; i++) {
		AUTO_CSTR text = read_file(p, who, names[i]);

		assert_non_null(text);
		assert_true(str_is_equal(str_from(text), contents[which[i]]));
		assert_int_equal(party->ended->files[i].state, FILE_DONE);
		assert_false(has_partial(p, who, names[i], which[i]));
		bytes += contents[which[i]].n;
	}
	assert_int_equal(party->job->bytes_done, bytes);
	assert_int_equal(party->job->bytes_verified, bytes);
	assert_int_equal(party->job->connections, 0);
}

static const size_t first[] = { 0 };
static const size_t small[] = { 3 };

/* --- what the library has --------------------------------------------------------------------
 */

struct newest {
	bool is_known;
	int64_t mtime_ns;
};

static void on_sources(void *ctx, const struct source *sources, size_t n,
		       const struct error *err)
{
	struct newest *newest = ctx;

	assert_null(err);
	assert_true(n > 0);
	newest->is_known = true;
	newest->mtime_ns = sources[0].mtime_ns;
}

/* Every source is recorded with its file's time. */
static void assert_time_is_recorded(struct place *p, size_t who)
{
	AUTO_CSTR path = mem_printf("acme/r%zu/%s", who, p->parties[who].ended->files[0].path);
	struct newest newest = { .is_known = false };
	struct error err;
	struct stat st;

	store_get_sources(p->rig->store, &p->parties[who].ended->files[0], on_sources, &newest);
	loop_until(p->rig->loop, &newest.is_known);
	assert_int_equal(file_stat(p->rig->root, path, &st, &err), 1);
	assert_true(newest.mtime_ns == file_mtime_ns(&st));
}

static void what_the_library_has_is_taken_from_there(void **state)
{
	struct place *p = *state;

	serve_all(p, 0, "x", first);
	begin(p, 0, "x", first);
	finish(p, 0);
	assert_int_equal(p->parties[0].n_copied, 0);
	assert_time_is_recorded(p, 0);
	begin(p, 1, "y", first);
	finish(p, 1);
	assert_brought(p, 1, "y", first);
	assert_int_equal(count_requests(p), 1);
	assert_int_equal(p->parties[1].n_copied, 1);
	assert_int_equal(p->parties[1].n_waits, 0);
	assert_string_equal(p->parties[1].source, "acme/r0/x");
	/* It is a source itself now. */
	assert_int_equal(unlinkat(p->rig->root, "acme/r0/x", 0), 0);
	begin(p, 2, "z", first);
	finish(p, 2);
	assert_brought(p, 2, "z", first);
	assert_string_equal(p->parties[2].source, "acme/r1/y");
	assert_int_equal(count_requests(p), 1);
}

/* Put there by somebody else, and proven by us: by its hash, or by its metadata. */
static void what_was_found_proven_is_a_source(void **state)
{
	struct place *p = *state;
	struct error err;

	assert_int_equal(file_replace(p->rig->root, "acme/r0/x", contents[0], &err), 0);
	for (size_t i = 0; i < 2; i++) {
		begin(p, 0, "x", first);
		finish(p, 0);
		assert_brought(p, 0, "x", first);
		assert_time_is_recorded(p, 0);
		begin(p, 1 + i, "y", first);
		finish(p, 1 + i);
		assert_brought(p, 1 + i, "y", first);
		assert_time_is_recorded(p, 1 + i);
		rig_meddle(p->rig, "DELETE FROM sources");
	}
	assert_int_equal(count_requests(p), 0);
}

static void a_small_file_is_fetched(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < 2; i++) {
		serve_all(p, i, "x", small);
		begin(p, i, "x", small);
		finish(p, i);
		assert_brought(p, i, "x", small);
	}
	assert_int_equal(count_requests(p), 2);
	assert_int_equal(p->parties[1].n_copied, 0);
}

static void a_small_file_waits_for_nobody(void **state)
{
	struct place *p = *state;

	serve(p, 0, 'x', 3, (struct answerer_rule){ .is_gated = true });
	serve_all(p, 1, "x", small);
	begin(p, 0, "x", small);
	run_until_asked(p, 1);
	begin(p, 1, "x", small);
	run_until_state(p, 1, 0, FILE_DOWNLOADING);
	answerer_open(p->rig->server);
	for (size_t i = 0; i < 2; i++) {
		finish(p, i);
		assert_brought(p, i, "x", small);
		assert_int_equal(p->parties[i].n_waits, 0);
	}
}

/* The source was changed since: its bytes are as they were, and the Hub's are fetched. */
static void a_source_that_was_changed_is_left_alone(void **state)
{
	struct place *p = *state;
	AUTO_CSTR kept = NULL;

	for (size_t i = 0; i < 2; i++)
		serve_all(p, i, "x", first);
	begin(p, 0, "x", first);
	finish(p, 0);
	tempdir_write(&p->rig->dir, "models/acme/r0/x", S("the 1st content!!"));
	rig_meddle(p->rig, "UPDATE sources SET mtime_ns = 0");
	begin(p, 1, "x", first);
	finish(p, 1);
	assert_brought(p, 1, "x", first);
	assert_int_equal(count_requests(p), 2);
	assert_int_equal(p->parties[1].n_copied, 0);
	assert_int_equal(p->parties[1].n_thrown_away, 0);
	kept = read_file(p, 0, 'x');
	assert_string_equal(kept, "the 1st content!!");
}

/* What was fetched of it is not needed any more when the library has it all of a sudden. */
static void a_file_that_is_half_here_is_taken_whole(void **state)
{
	struct place *p = *state;

	serve(p, 0, 'x', 0, (struct answerer_rule){ .times = 1, .is_held = true, .cut = 4 });
	begin(p, 0, "x", first);
	run_until_asked(p, 1);
	run_until_state(p, 0, 0, FILE_DOWNLOADING);
	(void)alarm(LOOPING_ALARM_S);
	while (file_of(p, 0, 0)->bytes_done < 4)
		turn(p);
	(void)alarm(0);
	transfer_stop(p->parties[0].transfer);
	finish(p, 0);
	assert_true(has_partial(p, 0, 'x', 0));
	serve_all(p, 1, "x", first);
	begin(p, 1, "x", first);
	finish(p, 1);
	begin(p, 0, "x", first);
	finish(p, 0);
	assert_brought(p, 0, "x", first);
	assert_int_equal(p->parties[0].n_copied, 1);
	assert_int_equal(p->parties[0].n_thrown_away, 0);
	assert_int_equal(count_requests(p), 2);
}

/* --- what is on its way ----------------------------------------------------------------------
 */

/* The first has asked for its file, the second waits for that. */
static void begin_two(struct place *p, struct answerer_rule rule)
{
	serve(p, 0, 'x', 0, rule);
	serve_all(p, 1, "y", first);
	begin(p, 0, "x", first);
	run_until_asked(p, 1);
	begin(p, 1, "y", first);
	run_until_state(p, 1, 0, FILE_WAITING);
	assert_int_equal(p->parties[1].n_waits, 1);
	assert_int_equal(file_of(p, 1, 0)->bytes_done, 0);
}

static void what_is_on_its_way_is_waited_for_and_taken(void **state)
{
	struct place *p = *state;

	begin_two(p, (struct answerer_rule){ .is_gated = true });
	answerer_open(p->rig->server);
	finish(p, 0);
	finish(p, 1);
	assert_brought(p, 0, "x", first);
	assert_brought(p, 1, "y", first);
	assert_int_equal(count_requests(p), 1);
	assert_int_equal(p->parties[0].n_waits, 0);
	assert_int_equal(p->parties[1].n_copied, 1);
	assert_string_equal(p->parties[1].source, "acme/r0/x");
}

static void when_the_first_is_stopped_the_one_that_waits_goes_on(void **state)
{
	struct place *p = *state;

	begin_two(p, (struct answerer_rule){ .is_held = true, .cut = 4 });
	transfer_stop(p->parties[0].transfer);
	finish(p, 0);
	assert_int_equal(p->parties[0].error.code, ERR_CANCELLED);
	finish(p, 1);
	assert_brought(p, 1, "y", first);
	assert_int_equal(p->parties[1].n_copied, 0);
	assert_int_equal(count_requests(p), 2);
}

static void when_the_first_fails_the_one_that_waits_goes_on(void **state)
{
	struct place *p = *state;

	begin_two(p, (struct answerer_rule){
			     .status = "404 Not Found",
			     .headers = mem_strdup("X-Error-Code: EntryNotFound\r\n"),
			     .is_gated = true });
	answerer_open(p->rig->server);
	finish(p, 0);
	assert_int_equal(p->parties[0].error.code, ERR_NOT_FOUND);
	finish(p, 1);
	assert_brought(p, 1, "y", first);
}

/* Its twin, of the same download, is stopped in the moment in which it has its turn. */
static void when_one_of_two_twins_fails_their_download_ends(void **state)
{
	static const size_t twins[] = { 0, 0 };
	struct place *p = *state;

	serve(p, 0, 'a', 0,
	      (struct answerer_rule){ .status = "404 Not Found",
				      .headers =
					      mem_strdup("X-Error-Code: EntryNotFound\r\n") });
	begin(p, 0, "ab", twins);
	finish(p, 0);
	loop_turn(p->rig->loop);
	assert_int_equal(p->parties[0].error.code, ERR_NOT_FOUND);
	assert_int_equal(p->parties[0].n_waits, 1);
	assert_int_equal(count_requests(p), 1);
}

static void one_that_waits_can_be_stopped_at_once(void **state)
{
	struct place *p = *state;

	begin_two(p, (struct answerer_rule){ .is_gated = true });
	transfer_stop(p->parties[1].transfer);
	finish(p, 1); /* while the first stands still */
	assert_int_equal(p->parties[1].error.code, ERR_CANCELLED);
	assert_int_equal(p->parties[1].ended->files[0].state, FILE_PENDING);
	assert_false(has_partial(p, 1, 'y', 0));
	answerer_open(p->rig->server);
	finish(p, 0);
	assert_brought(p, 0, "x", first);
	assert_int_equal(count_requests(p), 1);
	/* And comes back. */
	begin(p, 1, "y", first);
	finish(p, 1);
	assert_brought(p, 1, "y", first);
	assert_int_equal(count_requests(p), 1);
}

/* All at once, in any order, in any number of places: each content is asked for once. */
static void each_content_comes_once_whatever_the_order(void **state)
{
	static const size_t orders[N_JOBS][7] = { { 0, 1, 2, 0, 1, 2, 0 },
						  { 2, 1, 0, 2, 1, 0, 2 },
						  { 1, 1, 1, 0, 0, 2, 2 },
						  { 0, 0, 2, 2, 1, 1, 0 } };
	static const size_t at_once[] = { 1, 2, 16 };
	struct place *p = *state;

	for (size_t i = 0; i < N_JOBS; i++)
		serve_all(p, i, "abcdefg", orders[i]);
	for (size_t n = 0; n < ARRAY_LEN(at_once); n++) {
		size_t before = count_requests(p);

		p->files_at_once = at_once[n];
		for (size_t i = 0; i < N_JOBS; i++)
			begin(p, i, "abcdefg", orders[i]);
		for (size_t i = 0; i < N_JOBS; i++) {
			finish(p, i);
			assert_brought(p, i, "abcdefg", orders[i]);
			plan_free(&p->parties[i].ended);
		}
		assert_int_equal(count_requests(p) - before, 3);
		rig_meddle(p->rig, "DELETE FROM sources");
		for (size_t i = 0; i < N_JOBS; i++) {
			AUTO_CSTR path = mem_printf("acme/r%zu", i);
			AUTO_CSTR aside = mem_printf("acme/old-%zu-%zu", n, i);

			assert_int_equal(renameat(p->rig->root, path, p->rig->root, aside), 0);
		}
	}
}

/* Stopped and begun again at random: nobody hangs, and all is brought in the end. */
static void nobody_waits_for_ever(void **state)
{
	static const char names[] = "abcdef";
	struct place *p = *state;
	unsigned short seed[3] = { 7, 8, 9 };
	size_t orders[N_JOBS][sizeof(names) - 1];

	for (size_t i = 0; i < N_JOBS; i++) {
		for (size_t k = 0; k < ARRAY_LEN(orders[i]); k++)
			orders[i][k] = (size_t)nrand48(seed) % N_CONTENTS;
		serve_all(p, i, names, orders[i]);
	}
	(void)alarm(LOOPING_ALARM_S);
	for (size_t round = 0; round < ROUNDS; round++) {
		size_t who = (size_t)nrand48(seed) % N_JOBS;
		long n_turns = nrand48(seed) % 40;

		if (p->parties[who].transfer != NULL)
			transfer_stop(p->parties[who].transfer);
		else
			begin(p, who, names, orders[who]);
		for (long n = 0; n < n_turns; n++)
			(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_NONBLOCK);
	}
	(void)alarm(0);
	for (size_t i = 0; i < N_JOBS; i++) {
		finish(p, i);
		begin(p, i, names, orders[i]);
	}
	for (size_t i = 0; i < N_JOBS; i++) {
		finish(p, i);
		assert_brought(p, i, names, orders[i]);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_the_library_has_is_taken_from_there),
		TEST(what_was_found_proven_is_a_source),
		TEST(a_small_file_is_fetched),
		TEST(a_small_file_waits_for_nobody),
		TEST(a_source_that_was_changed_is_left_alone),
		TEST(a_file_that_is_half_here_is_taken_whole),
		TEST(what_is_on_its_way_is_waited_for_and_taken),
		TEST(when_the_first_is_stopped_the_one_that_waits_goes_on),
		TEST(when_the_first_fails_the_one_that_waits_goes_on),
		TEST(when_one_of_two_twins_fails_their_download_ends),
		TEST(one_that_waits_can_be_stopped_at_once),
		TEST(each_content_comes_once_whatever_the_order),
		TEST(nobody_waits_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
