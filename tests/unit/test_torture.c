/*
 * Every write, sync, rename, new directory and opening of a job in turn goes wrong, or (but for
 * openings) is the last thing that larderd does before the power is cut. Whatever happens, what
 * the disk and the database say is true, nothing of the user's is lost, and the job can still
 * be brought to its end.
 */
#include "tests/unit/torture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <sys/wait.h>

enum {
	POINTS_MAX = 1000, /* a sweep that does not end */
	OPEN_STEP = 5,     /* where many openings fail, the next place tells nothing new */
#ifdef __SANITIZE_THREAD__
	STEP = 4, /* under TSan, which is ten times as slow and looks for other things, some do
		   */
#else
	STEP = 1,
#endif
};

/* A job whose nth call fails. False when it has fewer. */
static bool run_with_failure(enum faulty_call call, unsigned nth, enum faulty_mode mode,
			     int error, size_t files_at_once)
{
	struct tempdir dir;
	struct place *p;
	unsigned n_failed;

	user_begin(&dir);
	faulty->before_rename = check_rename;
	p = place_begin(&dir, files_at_once, true);
	faulty_arm(call, nth, mode, error);
	create(p);
	run_until_idle(p);
	n_failed = faulty_stop();
	check_all(p);
	if (mode == FAULTY_SHORT)
		check_completed(p);
	else
		check_honest(p, error);
	if (nth % 2 == 0)
		restart(p);
	go_on(p);
	check_completed(p);
	check_all(p);
	restart(p);
	check_completed(p);
	if (p->n_thrown_away > 0)
		faulty_complain("durable bytes were thrown away", "the job");
	place_end(p);
	tempdir_remove(&dir);
	return n_failed > 0;
}

static void sweep(enum faulty_mode mode, int error, size_t files_at_once,
		  enum faulty_call first, enum faulty_call last)
{
	for (enum faulty_call call = first; call <= last; call++) {
		unsigned step = call == FAULTY_OPEN && mode == FAULTY_ON ? OPEN_STEP : STEP;
		unsigned nth = 1;

		while (nth < POINTS_MAX &&
		       run_with_failure(call, nth, mode, error, files_at_once)) {
			if (faulty->complaint[0] != '\0')
				fail_msg("%s %u: %s", faulty_names[call], nth,
					 faulty->complaint);
			nth += step;
		}
		if (faulty->complaint[0] != '\0')
			fail_msg("without a failure: %s", faulty->complaint);
		print_message("  %s: %u places\n", faulty_names[call], (nth - 1) / step);
		assert_in_range(nth, 2, POINTS_MAX - 1);
	}
}

static void a_call_that_fails_once_costs_no_truth(void **state)
{
	(void)state;
	sweep(FAULTY_ONCE, EIO, 1, FAULTY_PWRITE, FAULTY_LINK);
}

static void a_disk_that_stays_full_costs_no_truth(void **state)
{
	(void)state;
	sweep(FAULTY_ON, ENOSPC, 3, FAULTY_PWRITE, FAULTY_LINK);
}

/* Where there are no links, what the library has is copied byte by byte. */
static void a_copy_that_fails_costs_no_truth(void **state)
{
	(void)state;
	faulty->is_linkless = true;
	sweep(FAULTY_SHORT, 0, 1, FAULTY_PWRITE, FAULTY_PWRITE);
	sweep(FAULTY_ONCE, EIO, 1, FAULTY_PWRITE, FAULTY_FTRUNCATE);
	sweep(FAULTY_ON, ENOSPC, 1, FAULTY_PWRITE, FAULTY_FTRUNCATE);
	faulty->is_linkless = false;
}

/* Descriptors run out, and the file or folder may be there all the same. */
static void what_cannot_be_opened_costs_no_truth(void **state)
{
	(void)state;
	sweep(FAULTY_ONCE, EMFILE, 1, FAULTY_OPEN, FAULTY_OPEN);
	sweep(FAULTY_ON, EMFILE, 3, FAULTY_OPEN, FAULTY_OPEN);
}

static void a_write_that_is_cut_short_is_finished(void **state)
{
	(void)state;
	sweep(FAULTY_SHORT, 0, 1, FAULTY_PWRITE, FAULTY_PWRITE);
}

/* Several workers make a file each beneath folders that are not there, and the disk syncs none.
 * Every one of them hears that, and none stumbles over what another has taken back. */
enum {
	MAKERS = 4,
	MAKINGS = 200
};

struct maker {
	int root;
	unsigned number;
	unsigned n_others; /* failures that are not the disk's */
};

static void *make_files(void *opaque)
{
	struct maker *m = opaque;

	for (unsigned i = 0; i < MAKINGS; i++) {
		AUTO_CSTR path = mem_printf("a/b/c/%u-%u", m->number, i);
		struct error err;

		if (file_replace(m->root, path, S("text"), &err) == 0 || err.sys != ENOSPC)
			m->n_others++;
	}
	return NULL;
}

static void folders_that_are_taken_back_trip_nobody(void **state)
{
	struct maker makers[MAKERS];
	pthread_t threads[MAKERS];
	struct tempdir dir;
	struct error err;
	int root;

	(void)state;
	faulty_reset();
	faulty->before_rename = NULL;
	tempdir_make(&dir);
	root = file_open_root(dir.path, &err);
	assert_true(root >= 0);
	faulty_arm(FAULTY_FSYNC, 1, FAULTY_ON, ENOSPC);
	for (unsigned i = 0; i < MAKERS; i++) {
		makers[i] = (struct maker){ .root = root, .number = i };
		assert_int_equal(pthread_create(&threads[i], NULL, make_files, &makers[i]), 0);
	}
	for (unsigned i = 0; i < MAKERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_int_equal(makers[i].n_others, 0);
	}
	(void)faulty_stop();
	fd_close(&root);
	tempdir_remove(&dir);
}

/* A job that fails at its nth call, looked at where it stands. False when it has fewer. */
static bool fail_and_look(enum faulty_call call, unsigned nth)
{
	struct tempdir dir;
	struct place *p;
	unsigned n_failed;

	user_begin(&dir);
	p = place_begin(&dir, 1, true);
	faulty_arm(call, nth, FAULTY_ONCE, EIO);
	create(p);
	run_until_idle(p);
	n_failed = faulty_stop();
	for (size_t i = 0; i < N_FILES; i++) {
		AUTO_CSTR path = file_path(p, i);

		if (files[i].mine.p != NULL && access(path, F_OK) < 0)
			faulty_complain("the user's file has lost its name for nothing", path);
	}
	place_end(p);
	tempdir_remove(&dir);
	if (faulty->complaint[0] != '\0')
		fail_msg("%s %u: %s", faulty_names[call], nth, faulty->complaint);
	return n_failed > 0;
}

/* A full or broken disk must not leave a model's folder without the file that worked. */
static void the_users_file_is_back_when_the_new_one_cannot_have_its_name(void **state)
{
	static const enum faulty_call calls[] = { FAULTY_RENAME, FAULTY_FSYNC };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
		unsigned nth = 1;

		while (nth < POINTS_MAX && fail_and_look(calls[i], nth))
			nth++;
		assert_in_range(nth, 2, POINTS_MAX - 1);
	}
}

/* The big file's first sync takes so long that more of it arrives meanwhile. */
static void on_slow_sync(int fd)
{
	struct str more = str_sub(files[0].hub.content, CUT, CUT + MORE);
	AUTO_CSTR partial = partial_path(place, 0);
	struct stat st;

	if (lstat(partial, &st) < 0 || st.st_ino != faulty_ino(fd) ||
	    faulty_prefix(partial, true) != CUT)
		return;
	answerer_send_more(place->rig->server, more);
	faulty_wait(fd, CUT + MORE);
	place->n_slow++;
}

static void bytes_that_come_during_a_sync_are_not_recorded_with_it(void **state)
{
	struct tempdir dir;
	struct place *p;

	(void)state;
	user_begin(&dir);
	p = place_begin(&dir, 1, true);
	faulty->during_sync = on_slow_sync;
	create(p);
	run_until_idle(p);
	assert_int_equal(p->n_slow, 1);
	check_completed(p);
	check_all(p);
	assert_string_equal(faulty->complaint, "");
	place_end(p);
	tempdir_remove(&dir);
}

/* In a child: the job, up to the call that ends it. */
static void die_at(const struct tempdir *dir, unsigned nth)
{
	struct place *p = place_begin(dir, 1, true);

	faulty_arm(FAULTY_ANY, nth, FAULTY_DIE, 0);
	create(p);
	run_until_idle(p);
	_exit(the_job(p)->state == JOB_COMPLETED ? 0 : 1);
}

/* larderd dies at its nth call, and with it the machine when `is_power_cut`; false when the job
 * has fewer. */
static bool run_and_die(unsigned nth, bool is_power_cut)
{
	AUTO_CSTR models = NULL;
	AUTO_CSTR there = NULL;
	struct tempdir dir;
	struct place *p;
	int status = -1;
	bool is_dead;
	pid_t child;

	user_begin(&dir);
	models = tempdir_path(&dir, "models");
	there = tempdir_path(&dir, FOLDER "there.txt");
	faulty_note_foreign(there);
	faulty->before_rename = check_rename;
	child = fork();
	if (child == 0)
		die_at(&dir, nth);
	if (child < 0 || waitpid(child, &status, 0) != child)
		abort();
	faulty_revive();
	if (is_power_cut) {
		faulty_power_cut(models);
		/* Whoever put it there did not sync it. */
		files[THERE].mine = holds(there, S(JUNK)) ? S(JUNK) : files[THERE].hub.content;
	}
	p = place_begin(&dir, 1, false);
	check_all(p);
	go_on(p);
	check_completed(p);
	check_all(p);
	if (p->n_thrown_away > 0)
		faulty_complain("durable bytes were thrown away", "the job");
	place_end(p);
	tempdir_remove(&dir);
	files[THERE].mine = files[THERE].hub.content;
	is_dead = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
	if (!is_dead && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		faulty_complain("the child ended otherwise", "the job");
	return is_dead;
}

static void die_everywhere(bool is_power_cut)
{
	unsigned nth = 1;

	while (nth < POINTS_MAX && run_and_die(nth, is_power_cut)) {
		if (faulty->complaint[0] != '\0')
			fail_msg("death at call %u: %s", nth, faulty->complaint);
		nth += STEP;
	}
	if (faulty->complaint[0] != '\0')
		fail_msg("without a death: %s", faulty->complaint);
	print_message("  death: %u places\n", nth - 1);
	assert_in_range(nth, 2, POINTS_MAX - 1);
}

static void a_daemon_that_is_killed_at_any_call_comes_back_true(void **state)
{
	(void)state;
	die_everywhere(false);
}

static void a_machine_that_loses_power_at_any_call_comes_back_true(void **state)
{
	(void)state;
	die_everywhere(true);
}

static void a_machine_that_loses_power_at_any_call_of_a_copy_comes_back_true(void **state)
{
	(void)state;
	faulty->is_linkless = true;
	die_everywhere(true);
	faulty->is_linkless = false;
}

static int setup(void **state)
{
	(void)state;
	torture_setup();
	faulty_setup();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	faulty_teardown();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_write_that_is_cut_short_is_finished),
		cmocka_unit_test(bytes_that_come_during_a_sync_are_not_recorded_with_it),
		cmocka_unit_test(a_call_that_fails_once_costs_no_truth),
		cmocka_unit_test(the_users_file_is_back_when_the_new_one_cannot_have_its_name),
		cmocka_unit_test(a_disk_that_stays_full_costs_no_truth),
		cmocka_unit_test(folders_that_are_taken_back_trip_nobody),
		cmocka_unit_test(a_copy_that_fails_costs_no_truth),
		cmocka_unit_test(what_cannot_be_opened_costs_no_truth),
		cmocka_unit_test(a_daemon_that_is_killed_at_any_call_comes_back_true),
		cmocka_unit_test(a_machine_that_loses_power_at_any_call_comes_back_true),
		cmocka_unit_test(
			a_machine_that_loses_power_at_any_call_of_a_copy_comes_back_true),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
