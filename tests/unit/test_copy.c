#include "downloader/copy.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "tests/unit/rig.h"

#define JOB_ID "aaaaaaaaaaaaaaaaaaaa"
#define FOLDER "acme/other"

enum {
	SIZE = 40 * 1024 * 1024, /* three pieces */
	SPOT = 20 * 1024 * 1024, /* a byte in the middle */
	STEPS_MAX = 2000,        /* a sweep that does not end */
};

static_assert(SIZE > 2 * COPY_PIECE_BYTES, "a copy is made piece by piece");

/* What the disk does with copies. Set by the test, read by file workers. */
static struct {
	bool can_clone;
	bool can_link;
	int open_error;  /* of opening a source */
	int read_error;  /* of reading the middle of what is in FOLDER, or shares it */
	int write_error; /* of writing the middle */
	int meddled;     /* a descriptor: its first byte is changed when the middle is read */
} disk;

bool __wrap_file_clone(int to, int from);
bool __real_file_link(int root, const char *from, const char *to);
bool __wrap_file_link(int root, const char *from, const char *to);
int __real_file_open(int root, const char *path, int flags, mode_t mode, struct error *err);
int __wrap_file_open(int root, const char *path, int flags, mode_t mode, struct error *err);
ssize_t __real_file_read_at(int fd, char *to, size_t room, uint64_t offset, struct error *err);
ssize_t __wrap_file_read_at(int fd, char *to, size_t room, uint64_t offset, struct error *err);
int __real_file_write_at(int fd, struct str bytes, uint64_t offset, struct error *err);
int __wrap_file_write_at(int fd, struct str bytes, uint64_t offset, struct error *err);

static int refuse(int error, const char *what, struct error *err)
{
	errno = error;
	return error_set_errno(err, ERR_DISK_ERROR, "%s", what);
}

/* All bytes, as a file system that shares them would show them. */
bool __wrap_file_clone(int to, int from)
{
	AUTO_CSTR text = NULL;
	struct error err;

	if (!disk.can_clone)
		return false;
	text = mem_alloc(SIZE);
	assert_int_equal(__real_file_read_at(from, text, SIZE, 0, &err), SIZE);
	assert_int_equal(__real_file_write_at(to, (struct str){ text, SIZE }, 0, &err), 0);
	return true;
}

bool __wrap_file_link(int root, const char *from, const char *to)
{
	return disk.can_link && __real_file_link(root, from, to);
}

int __wrap_file_open(int root, const char *path, int flags, mode_t mode, struct error *err)
{
	if (disk.open_error != 0 && str_has_prefix(str_from(path), S(FOLDER)))
		return refuse(disk.open_error, path, err);
	return __real_file_open(root, path, flags, mode, err);
}

/* Is it a file of the library, or does it share one's blocks? */
static bool is_shared(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 &&
	       ((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY || disk.can_clone);
}

ssize_t __wrap_file_read_at(int fd, char *to, size_t room, uint64_t offset, struct error *err)
{
	if (disk.read_error != 0 && offset >= SPOT && is_shared(fd))
		return refuse(disk.read_error, "read", err);
	if (disk.meddled > 0 && offset >= SPOT)
		assert_int_equal(__real_file_write_at(disk.meddled, S("!"), 0, err), 0);
	return __real_file_read_at(fd, to, room, offset, err);
}

int __wrap_file_write_at(int fd, struct str bytes, uint64_t offset, struct error *err)
{
	if (disk.write_error != 0 && offset >= SPOT)
		return refuse(disk.write_error, "write", err);
	return __real_file_write_at(fd, bytes, offset, err);
}

struct place {
	struct rig *rig;
	struct plan_file file;
	struct localdir_names names;
	char *content;
	struct copy *copy;
	bool is_over;
	bool is_released;
	bool is_listed;
	size_t n_listed;
	unsigned n_hashed;
	uint64_t hashed;
	int fd; /* of what was taken */
	char *source;
	struct error error;
	unsigned n_taken;
	unsigned n_absent;
	unsigned n_failed;
};

static void make_digest(struct plan_file *file, struct str content)
{
	AUTO(digest) digest = digest_new(file->algorithm, content.n);

	digest_update(digest, content);
	digest_hex(digest, file->digest);
	file->size = content.n;
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));

	if (rig_make((void **)&p->rig) < 0)
		return -1;
	memset(&disk, 0, sizeof(disk));
	p->content = mem_alloc(SIZE);
	for (size_t i = 0; i < SIZE; i += 4096)
		p->content[i] = (char)('a' + i / 4096 % 23);
	p->file.algorithm = DIGEST_SHA256;
	make_digest(&p->file, (struct str){ p->content, SIZE });
	p->file.path = mem_strdup("d/m.gguf");
	localdir_names_init(&p->names, RIG_REPO, p->file.path, p->file.digest, JOB_ID);
	p->fd = -1;
	*state = p;
	return 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	memset(&disk, 0, sizeof(disk));
	localdir_names_clear(&p->names);
	fd_close(&p->fd);
	free(p->source);
	free(p->content);
	free(p->file.path);
	(void)rig_remove((void **)&p->rig);
	free(p);
	return 0;
}

/* --- sources ---------------------------------------------------------------------------------
 */

/* A file of the library, not recorded. */
static void put(struct place *p, const char *name)
{
	AUTO_CSTR path = mem_printf(FOLDER "/%s", name);
	struct error err;
	AUTO_FD fd = -1;

	assert_int_equal(file_make_parents(p->rig->root, path, &err), 0);
	fd = __real_file_open(p->rig->root, path, O_WRONLY | O_CREAT, 0644, &err);
	assert_int_equal(__real_file_write_at(fd, (struct str){ p->content, SIZE }, 0, &err),
			 0);
}

/* Whatever has become of it. */
static void give_up_space(struct place *p, const char *name)
{
	struct tempdir folder;
	int n = snprintf(folder.path, sizeof(folder.path), "%s/models/" FOLDER "/%.*s",
			 p->rig->dir.path, (int)strcspn(name, "/"), name);

	assert_in_range(n, 1, (int)sizeof(folder.path) - 1);
	tempdir_remove(&folder);
}

/* It is recorded as it is now; `is_timeless` as from an older database. */
static void record(struct place *p, const char *name, bool is_timeless)
{
	AUTO_CSTR path = mem_printf(FOLDER "/%s", name);
	struct source source = { .path = path };
	struct error err;
	struct stat st;

	if (!is_timeless && file_stat(p->rig->root, path, &st, &err) == 1)
		source.mtime_ns = file_mtime_ns(&st);
	store_put_source(p->rig->store, &p->file, &source, NULL, NULL);
}

static void put_good(struct place *p, const char *name)
{
	put(p, name);
	record(p, name, false);
}

static void on_sources(void *ctx, const struct source *sources, size_t n,
		       const struct error *err)
{
	struct place *p = ctx;

	(void)sources;
	assert_null(err);
	p->is_listed = true;
	p->n_listed = n;
}

static size_t count_recorded(struct place *p)
{
	p->is_listed = false;
	store_get_sources(p->rig->store, &p->file, on_sources, p);
	loop_until(p->rig->loop, &p->is_listed);
	return p->n_listed;
}

static bool has(const struct place *p, const char *path)
{
	AUTO_CSTR name = mem_printf("models/%s", path);

	return tempdir_has(&p->rig->dir, name);
}

/* Whatever was done with it, the file in the library is as it was. */
static void assert_whole(struct place *p, const char *name)
{
	AUTO_CSTR path = mem_printf(FOLDER "/%s", name);
	AUTO_CSTR text = mem_alloc(SIZE);
	struct error err;
	AUTO_FD fd = __real_file_open(p->rig->root, path, O_RDONLY, 0, &err);

	assert_int_equal(__real_file_read_at(fd, text, SIZE, 0, &err), SIZE);
	assert_memory_equal(text, p->content, SIZE);
}

/* --- copying ---------------------------------------------------------------------------------
 */

static void on_released(void *ctx)
{
	struct place *p = ctx;

	assert_false(p->is_released);
	p->is_released = true;
}

static void end(struct place *p)
{
	copy_stop(&p->copy, on_released, p);
	assert_null(p->copy);
	assert_true(p->is_released); /* nothing is under way */
	p->is_over = true;
}

static void on_hashed(void *ctx, uint64_t hashed)
{
	struct place *p = ctx;

	p->n_hashed++;
	p->hashed = hashed;
}

static void on_taken(void *ctx, int take_fd, const char *source)
{
	struct place *p = ctx;

	p->n_taken++;
	p->fd = take_fd;
	p->source = mem_strdup(source);
	end(p);
}

static void on_absent(void *ctx)
{
	struct place *p = ctx;

	p->n_absent++;
	end(p);
}

static void on_failed(void *ctx, const struct error *err)
{
	struct place *p = ctx;

	p->n_failed++;
	p->error = *err;
	end(p);
}

static void begin(struct place *p)
{
	struct copy_plan plan = { .pool = p->rig->pool,
				  .store = p->rig->store,
				  .root = p->rig->root,
				  .names = &p->names,
				  .file = &p->file };
	struct copy_hooks hooks = { .hashed = on_hashed,
				    .taken = on_taken,
				    .absent = on_absent,
				    .failed = on_failed,
				    .ctx = p };

	p->is_over = false;
	p->is_released = false;
	p->n_hashed = 0;
	p->copy = copy_new(&plan, &hooks);
	assert_false(p->is_over);
}

static void run(struct place *p)
{
	begin(p);
	loop_until(p->rig->loop, &p->is_over);
	loop_turn(p->rig->loop);
	assert_int_equal(p->n_taken + p->n_absent + p->n_failed, 1);
}

static void forget_outcome(struct place *p)
{
	struct error err;

	assert_int_equal(localdir_drop_copy(p->rig->root, &p->names, &err), 0);
	fd_close(&p->fd);
	free(p->source);
	p->source = NULL;
	p->n_taken = 0;
	p->n_absent = 0;
	p->n_failed = 0;
}

static void assert_taken(struct place *p, const char *name)
{
	AUTO_CSTR path = mem_printf(FOLDER "/%s", name);
	AUTO_CSTR text = mem_alloc(SIZE);
	struct error err;
	struct stat one;
	struct stat other;

	assert_int_equal(p->n_taken, 1);
	assert_string_equal(p->source, path);
	assert_int_equal(p->hashed, SIZE);
	assert_int_equal(__real_file_read_at(p->fd, text, SIZE, 0, &err), SIZE);
	assert_memory_equal(text, p->content, SIZE);
	assert_int_equal(fstat(p->fd, &one), 0);
	assert_int_equal(file_stat(p->rig->root, p->names.copy, &other, &err), 1);
	assert_int_equal(one.st_ino, other.st_ino);
	assert_int_equal(one.st_size, SIZE);
	assert_whole(p, name);
}

static void set_way(enum localdir_way way)
{
	disk.can_clone = way == LOCALDIR_CLONED;
	disk.can_link = way == LOCALDIR_LINKED;
}

static const enum localdir_way ways[] = { LOCALDIR_CLONED, LOCALDIR_LINKED, LOCALDIR_EMPTY };

/* --- tests -----------------------------------------------------------------------------------
 */

static void a_content_that_the_library_has_is_taken_in_each_way(void **state)
{
	struct place *p = *state;

	put_good(p, "x.gguf");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		set_way(ways[i]);
		run(p);
		assert_taken(p, "x.gguf");
		assert_true(p->n_hashed > 1); /* piece by piece */
		assert_int_equal(count_recorded(p), 1);
		forget_outcome(p);
	}
}

static void a_git_digest_will_do(void **state)
{
	struct place *p = *state;

	p->file.algorithm = DIGEST_GIT_SHA1;
	make_digest(&p->file, (struct str){ p->content, SIZE });
	put_good(p, "x.gguf");
	run(p);
	assert_taken(p, "x.gguf");
}

static void what_is_recorded_nowhere_is_absent(void **state)
{
	struct place *p = *state;

	put(p, "x.gguf");
	run(p);
	assert_int_equal(p->n_absent, 1);
	assert_int_equal(p->n_hashed, 0);
	assert_false(has(p, "acme/tiny"));
}

static void a_source_without_a_time_is_proven_by_its_hash(void **state)
{
	struct place *p = *state;

	put(p, "x.gguf");
	record(p, "x.gguf", true);
	run(p);
	assert_taken(p, "x.gguf");
}

/* --- sources that are not what they were --- */

static void spoil_removed(struct place *p, const char *path)
{
	assert_int_equal(unlinkat(p->rig->root, path, 0), 0);
}

static void spoil_shorter(struct place *p, const char *path)
{
	struct error err;
	AUTO_FD fd = __real_file_open(p->rig->root, path, O_WRONLY, 0, &err);

	assert_int_equal(ftruncate(fd, SIZE - 1), 0);
}

static void write_spot(struct place *p, const char *path)
{
	struct error err;
	AUTO_FD fd = __real_file_open(p->rig->root, path, O_WRONLY, 0, &err);

	assert_int_equal(__real_file_write_at(fd, S("!"), SPOT, &err), 0);
}

/* A bit that rotted leaves the time as it was. */
static void spoil_rotten(struct place *p, const char *path)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT } };
	struct error err;
	struct stat st;

	assert_int_equal(file_stat(p->rig->root, path, &st, &err), 1);
	write_spot(p, path);
	times[1] = st.st_mtim;
	assert_int_equal(utimensat(p->rig->root, path, times, 0), 0);
}

static void spoil_touched(struct place *p, const char *path)
{
	struct timespec times[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	assert_int_equal(utimensat(p->rig->root, path, times, 0), 0);
}

static void spoil_symlink(struct place *p, const char *path)
{
	AUTO_CSTR elsewhere = mem_printf("%s.real", path);
	AUTO_CSTR target = mem_printf("%s.real", strrchr(path, '/') + 1);

	assert_int_equal(renameat(p->rig->root, path, p->rig->root, elsewhere), 0);
	assert_int_equal(symlinkat(target, p->rig->root, path), 0);
}

static void spoil_symlinked_folder(struct place *p, const char *path)
{
	AUTO_CSTR folder = mem_printf("%.*s", (int)(strrchr(path, '/') - path), path);

	spoil_symlink(p, folder);
}

static void spoil_folder(struct place *p, const char *path)
{
	spoil_removed(p, path);
	assert_int_equal(mkdirat(p->rig->root, path, 0755), 0);
}

static void spoil_fifo(struct place *p, const char *path)
{
	spoil_removed(p, path);
	assert_int_equal(mkfifoat(p->rig->root, path, 0644), 0);
}

static void (*const spoilers[])(struct place *p, const char *path) = {
	spoil_removed, spoil_shorter,          write_spot,   spoil_rotten, spoil_touched,
	spoil_symlink, spoil_symlinked_folder, spoil_folder, spoil_fifo,
};

static void a_spoilt_source_is_forgotten_and_nothing_of_it_is_left(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(spoilers) * ARRAY_LEN(ways); i++) {
		AUTO_CSTR name = mem_printf("%zu/bad.gguf", i);
		AUTO_CSTR path = mem_printf(FOLDER "/%s", name);

		set_way(ways[i % ARRAY_LEN(ways)]);
		put_good(p, name);
		spoilers[i / ARRAY_LEN(ways)](p, path);
		run(p);
		assert_int_equal(p->n_absent, 1);
		assert_int_equal(count_recorded(p), 0);
		assert_false(has(p, p->names.copy));
		forget_outcome(p);
		give_up_space(p, name);
	}
}

/* A longer file begins with the same bytes; from an older database its time is not known. */
static void a_longer_file_is_not_it(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		struct error err;
		AUTO_FD fd = -1;

		set_way(ways[i]);
		put(p, "x.gguf");
		record(p, "x.gguf", true);
		fd = __real_file_open(p->rig->root, FOLDER "/x.gguf", O_WRONLY, 0, &err);
		assert_int_equal(__real_file_write_at(fd, S("!"), SIZE, &err), 0);
		run(p);
		assert_int_equal(p->n_absent, 1);
		assert_int_equal(count_recorded(p), 0);
		forget_outcome(p);
	}
}

/* Behind the hash, while it goes on: what is linked would have the change too. */
static void a_source_that_is_changed_meanwhile_is_not_linked(void **state)
{
	struct place *p = *state;
	struct error err;
	AUTO_FD fd = -1;

	put_good(p, "x.gguf");
	fd = __real_file_open(p->rig->root, FOLDER "/x.gguf", O_WRONLY, 0, &err);
	set_way(LOCALDIR_LINKED);
	disk.meddled = fd;
	run(p);
	disk.meddled = 0;
	assert_int_equal(p->n_absent, 1);
	assert_int_equal(p->hashed, SIZE);
	assert_int_equal(count_recorded(p), 0);
	assert_false(has(p, p->names.copy));
}

static void a_source_that_cannot_be_read_is_forgotten(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		set_way(ways[i]);
		put_good(p, "x.gguf");
		disk.read_error = EIO;
		run(p);
		disk.read_error = 0;
		assert_int_equal(p->n_absent, 1);
		assert_int_equal(count_recorded(p), 0);
		assert_false(has(p, p->names.copy));
		forget_outcome(p);
	}
	put_good(p, "x.gguf");
	disk.open_error = EACCES;
	run(p);
	assert_int_equal(p->n_absent, 1);
	assert_int_equal(count_recorded(p), 0);
}

static void after_a_spoilt_source_the_next_one_is_tried(void **state)
{
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		set_way(ways[i]);
		put_good(p, "good.gguf");
		put_good(p, "bad.gguf"); /* the newest: tried first */
		spoil_rotten(p, FOLDER "/bad.gguf");
		run(p);
		assert_taken(p, "good.gguf");
		assert_int_equal(count_recorded(p), 1);
		forget_outcome(p);
		rig_meddle(p->rig, "DELETE FROM sources");
	}
}

/* --- what is not the source's fault --- */

static void a_disk_that_takes_no_copy_is_told(void **state)
{
	static const struct {
		int error;
		enum error_code code;
	} rows[] = { { ENOSPC, ERR_DISK_FULL }, { EIO, ERR_DISK_ERROR } };
	struct place *p = *state;

	put_good(p, "x.gguf");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		disk.write_error = rows[i].error;
		run(p);
		assert_int_equal(p->n_failed, 1);
		assert_int_equal(p->error.code, rows[i].code);
		assert_int_equal(p->error.sys, rows[i].error);
		assert_non_null(strstr(p->error.text, "d/m.gguf"));
		assert_false(has(p, p->names.copy));
		assert_int_equal(count_recorded(p), 1);
		forget_outcome(p);
	}
	disk.write_error = 0;
	run(p);
	assert_taken(p, "x.gguf");
}

static void too_many_open_files_are_not_the_sources_fault(void **state)
{
	static const int errors[] = { EMFILE, ENFILE, ENOMEM };
	struct place *p = *state;

	put_good(p, "x.gguf");
	for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
		disk.open_error = errors[i];
		run(p);
		assert_int_equal(p->n_failed, 1);
		assert_int_equal(p->error.sys, errors[i]);
		assert_int_equal(count_recorded(p), 1);
		forget_outcome(p);
	}
}

static void a_link_in_the_way_of_the_copy_is_refused(void **state)
{
	struct place *p = *state;

	put_good(p, "x.gguf");
	assert_int_equal(symlinkat("other", p->rig->root, RIG_REPO), 0);
	run(p);
	assert_int_equal(p->n_failed, 1);
	assert_int_equal(p->error.code, ERR_UNSAFE_PATH);
	assert_false(has(p, FOLDER "/.cache"));
}

static void a_database_that_does_not_tell_is_no_hindrance(void **state)
{
	struct place *p = *state;

	rig_meddle(p->rig, "DROP TABLE sources");
	run(p);
	assert_int_equal(p->n_absent, 1);
}

/* --- stopping --- */

/* Stopped after so many turns of the loop. False when it was over before. */
static bool stop_after(struct place *p, unsigned n)
{
	bool is_stopped = false;

	begin(p);
	for (unsigned i = 0; i < n && !p->is_over; i++)
		(void)event_base_loop(loop_base(p->rig->loop), EVLOOP_ONCE);
	if (!p->is_over) {
		is_stopped = true;
		copy_stop(&p->copy, on_released, p);
		loop_until(p->rig->loop, &p->is_released);
		loop_turn(p->rig->loop);
		assert_int_equal(p->n_taken + p->n_absent + p->n_failed, 0);
		assert_false(has(p, p->names.copy));
		assert_int_equal(count_recorded(p), 1);
	}
	return is_stopped;
}

static void it_can_be_stopped_at_any_time(void **state)
{
	struct place *p = *state;

	put_good(p, "x.gguf");
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		unsigned n = 0;

		set_way(ways[i]);
		(void)alarm(LOOPING_ALARM_S);
		while (n < STEPS_MAX && stop_after(p, n))
			n++;
		(void)alarm(0);
		assert_in_range(n, 3, STEPS_MAX - 1);
		assert_taken(p, "x.gguf");
		forget_outcome(p);
	}
	assert_whole(p, "x.gguf");
}

static void stopping_none_is_fine(void **state)
{
	struct place *p = *state;

	copy_stop(&p->copy, on_released, p);
	assert_true(p->is_released);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_content_that_the_library_has_is_taken_in_each_way),
		TEST(a_git_digest_will_do),
		TEST(what_is_recorded_nowhere_is_absent),
		TEST(a_source_without_a_time_is_proven_by_its_hash),
		TEST(a_spoilt_source_is_forgotten_and_nothing_of_it_is_left),
		TEST(a_longer_file_is_not_it),
		TEST(a_source_that_is_changed_meanwhile_is_not_linked),
		TEST(a_source_that_cannot_be_read_is_forgotten),
		TEST(after_a_spoilt_source_the_next_one_is_tried),
		TEST(a_disk_that_takes_no_copy_is_told),
		TEST(too_many_open_files_are_not_the_sources_fault),
		TEST(a_link_in_the_way_of_the_copy_is_refused),
		TEST(a_database_that_does_not_tell_is_no_hindrance),
		TEST(it_can_be_stopped_at_any_time),
		TEST(stopping_none_is_fine),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
