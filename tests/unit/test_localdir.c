#include "downloader/localdir.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/error.h"
#include "downloader/file.h"
#include "tests/unit/tempdir.h"

#define COMMIT "1111111111111111111111111111111111111111"
#define DIGEST "b6fc4c620b67d95f953a5c1c1230aaab5db5a1b0" /* of "hello" */
#define OTHER  "b45ef6fec89518d314f546fd6c3025367b721684"

enum {
	CHANGED_S = 1772600000, /* when the file was changed */
};

struct place {
	struct tempdir dir;
	int root;
	struct localdir_names names;
};

/* Which ways of making a copy go. */
static struct {
	bool can_clone;
	bool can_link;
} disk;

bool __wrap_file_clone(int to, int from);
bool __real_file_link(int root, const char *from, const char *to);
bool __wrap_file_link(int root, const char *from, const char *to);

/* Shares nothing, but for whoever reads it. */
bool __wrap_file_clone(int to, int from)
{
	char text[64];
	struct error err;
	ssize_t n;

	if (!disk.can_clone)
		return false;
	n = file_read_at(from, text, sizeof(text), 0, &err);
	assert_true(n > 0);
	assert_int_equal(file_write_at(to, (struct str){ text, (size_t)n }, 0, &err), 0);
	return true;
}

bool __wrap_file_link(int root, const char *from, const char *to)
{
	return disk.can_link && __real_file_link(root, from, to);
}

static int place_make(void **state)
{
	struct place *p = mem_alloc(sizeof(*p));
	struct error err;

	tempdir_make(&p->dir);
	p->root = file_open_root(p->dir.path, &err);
	localdir_names_init(&p->names, "acme/tiny", "sub/config.json", DIGEST, NULL);
	memset(&disk, 0, sizeof(disk));
	disk.can_link = true;
	*state = p;
	return p->root < 0 ? -1 : 0;
}

static int place_remove(void **state)
{
	struct place *p = *state;

	localdir_names_clear(&p->names);
	fd_close(&p->root);
	tempdir_remove(&p->dir);
	free(p);
	return 0;
}

static void put(const struct place *p, const char *path, const char *text)
{
	struct error err;

	assert_int_equal(file_replace(p->root, path, str_from(text), &err), 0);
}

static void set_changed(const struct place *p, const char *path, long ms)
{
	struct timespec times[2] = { { .tv_sec = CHANGED_S }, { .tv_sec = CHANGED_S } };

	times[1].tv_nsec = ms * 1000000;
	assert_int_equal(utimensat(p->root, path, times, 0), 0);
}

static enum localdir_presence look(const struct place *p)
{
	enum localdir_presence presence = LOCALDIR_ABSENT;
	struct error err;

	assert_int_equal(localdir_look(p->root, &p->names, 5, DIGEST, &presence, &err), 0);
	return presence;
}

static void names_are_those_of_the_official_client(void **state)
{
	const struct place *p = *state;
	struct localdir_names top;

	assert_string_equal(p->names.final, "acme/tiny/sub/config.json");
	assert_string_equal(p->names.metadata, "acme/tiny/.cache/huggingface/download/sub/"
					       "config.json.metadata");
	assert_string_equal(p->names.partial,
			    "acme/tiny/.cache/huggingface/download/sub/"
			    "8_PA_wEVGiVa2goH2H4KQOQpvVY=." DIGEST ".incomplete");
	assert_string_equal(p->names.copy,
			    "acme/tiny/.cache/huggingface/download/sub/"
			    "8_PA_wEVGiVa2goH2H4KQOQpvVY=." DIGEST ".copy.incomplete");
	localdir_names_init(&top, "acme/tiny", "config.json", DIGEST, NULL);
	assert_string_equal(top.partial, "acme/tiny/.cache/huggingface/download/"
					 "8_PA_wEVGiVa2goH2H4KQOQpvVY=." DIGEST ".incomplete");
	localdir_names_clear(&top);
}

static void what_is_no_file_of_that_size_is_another(void **state)
{
	const struct place *p = *state;

	assert_int_equal(look(p), LOCALDIR_ABSENT);
	put(p, p->names.final, "longer than five");
	assert_int_equal(look(p), LOCALDIR_OTHER);
	assert_int_equal(unlinkat(p->root, p->names.final, 0), 0);
	assert_int_equal(mkdirat(p->root, p->names.final, 0755), 0);
	assert_int_equal(look(p), LOCALDIR_ABSENT);
	assert_int_equal(unlinkat(p->root, p->names.final, AT_REMOVEDIR), 0);
	put(p, "hello", "hello");
	assert_int_equal(symlinkat("../../../hello", p->root, p->names.final), 0);
	assert_int_equal(look(p), LOCALDIR_OTHER);
}

static void a_link_on_the_way_is_an_error(void **state)
{
	const struct place *p = *state;
	enum localdir_presence presence = LOCALDIR_UNPROVEN;
	struct error err;

	put(p, "elsewhere/tiny/sub/config.json", "hello");
	assert_int_equal(symlinkat("elsewhere", p->root, "acme"), 0);
	assert_int_equal(localdir_look(p->root, &p->names, 5, DIGEST, &presence, &err), -1);
	assert_int_equal(err.code, ERR_UNSAFE_PATH);
	assert_int_equal(presence, LOCALDIR_UNPROVEN);
}

static void metadata_vouches_as_the_official_client_counts(void **state)
{
	static const struct {
		const char *text;
		long changed_ms;
		enum localdir_presence wanted;
	} rows[] = {
		{ COMMIT "\n" DIGEST "\n1772600000.5\n", 500, LOCALDIR_PROVEN },
		{ COMMIT "\n" DIGEST "\n1772600000.123456789", 0, LOCALDIR_PROVEN },
		{ COMMIT "\r\n" DIGEST "\r\n1772600000\r\n", 0, LOCALDIR_PROVEN },
		/* Not newer by more than a second. */
		{ COMMIT "\n" DIGEST "\n1772599999.5\n", 500, LOCALDIR_PROVEN },
		{ COMMIT "\n" DIGEST "\n1772599999.49\n", 500, LOCALDIR_UNPROVEN },
		{ COMMIT "\n" DIGEST "\n1772599000.0\n", 0, LOCALDIR_UNPROVEN },
		/* Another file, most likely; of another kind of digest nobody can tell. */
		{ COMMIT "\n" OTHER "\n1772600000.5\n", 0, LOCALDIR_UNLIKELY },
		{ COMMIT "\n" OTHER "\n1772599000.0\n", 0, LOCALDIR_UNPROVEN },
		{ COMMIT "\n" DIGEST "111111111111111111111111\n1772600000.5\n", 0,
		  LOCALDIR_UNPROVEN },
		{ "main\n" DIGEST "\n1772600000.5\n", 0, LOCALDIR_UNPROVEN },
		{ COMMIT "\n" DIGEST "\nsoon\n", 0, LOCALDIR_UNPROVEN },
		{ COMMIT "\n" DIGEST "\n-1\n", 0, LOCALDIR_UNPROVEN },
		{ COMMIT "\n" DIGEST "\n99999999999999999999\n", 0, LOCALDIR_UNPROVEN },
		{ COMMIT "\n" DIGEST "\n", 0, LOCALDIR_UNPROVEN },
		{ COMMIT "\n" DIGEST, 0, LOCALDIR_UNPROVEN },
		{ "", 0, LOCALDIR_UNPROVEN },
	};
	const struct place *p = *state;

	put(p, p->names.final, "hello");
	assert_int_equal(look(p), LOCALDIR_UNPROVEN);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		put(p, p->names.metadata, rows[i].text);
		set_changed(p, p->names.final, rows[i].changed_ms);
		assert_int_equal(look(p), rows[i].wanted);
	}
}

static void huge_metadata_vouches_for_nothing(void **state)
{
	const struct place *p = *state;
	char text[2000];

	memset(text, ' ', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	put(p, p->names.final, "hello");
	put(p, p->names.metadata, text);
	assert_int_equal(look(p), LOCALDIR_UNPROVEN);
}

static void vouching_is_believed_until_the_file_changes(void **state)
{
	const struct place *p = *state;
	struct timespec later[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = 0 } };
	AUTO_CSTR text = NULL;
	struct error err;

	put(p, p->names.final, "hello");
	assert_int_equal(localdir_vouch(p->root, &p->names, COMMIT, DIGEST,
					(int64_t)time(NULL) * 1000, &err),
			 0);
	assert_int_equal(look(p), LOCALDIR_PROVEN);
	text = tempdir_read(&p->dir, p->names.metadata);
	assert_true(str_has_prefix(str_from(text), S(COMMIT "\n" DIGEST "\n")));
	later[1].tv_sec = time(NULL) + 100;
	assert_int_equal(utimensat(p->root, p->names.final, later, 0), 0);
	assert_int_equal(look(p), LOCALDIR_UNPROVEN);
}

static void a_partial_is_made_once_with_its_size(void **state)
{
	const struct place *p = *state;
	AUTO_FD again = -1;
	AUTO_FD fd = -1;
	AUTO_CSTR mark = NULL;
	AUTO_CSTR ignore = NULL;
	bool is_new = false;
	struct error err;
	struct stat st;

	fd = localdir_open_partial(p->root, &p->names, 5, &is_new, &err);
	assert_true(fd >= 0);
	assert_true(is_new);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(file_write_at(fd, S("hel"), 0, &err), 0);
	again = localdir_open_partial(p->root, &p->names, 5, &is_new, &err);
	assert_true(again >= 0);
	assert_false(is_new);
	assert_false(tempdir_has(&p->dir, p->names.final));
	mark = tempdir_read(&p->dir, "acme/tiny/.cache/huggingface/CACHEDIR.TAG");
	assert_true(str_has_prefix(str_from(mark),
				   S("Signature: 8a477f597d28d172789f06886806bc55\n")));
	ignore = tempdir_read(&p->dir, "acme/tiny/.cache/huggingface/.gitignore");
	assert_string_equal(ignore, "*");
}

/* A group of people who share models: files and folders alike. */
static void who_may_change_it_is_the_umask_s_to_say(void **state)
{
	static const struct {
		mode_t umask;
		mode_t file;
		mode_t folder;
	} rows[] = { { 0002, 0664, 0775 }, { 0022, 0644, 0755 }, { 0077, 0600, 0700 } };
	const struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO_CSTR folder = mem_printf("acme/tiny-%zu", i);
		AUTO_CSTR mark = mem_printf("%s/.cache/huggingface/.gitignore", folder);
		mode_t before = umask(rows[i].umask);
		struct localdir_names names;
		bool is_new = false;
		struct error err;
		struct stat st;
		AUTO_FD fd = -1;

		localdir_names_init(&names, folder, "config.json", DIGEST, NULL);
		fd = localdir_open_partial(p->root, &names, 5, &is_new, &err);
		(void)umask(before);
		assert_true(fd >= 0);
		assert_int_equal(fstat(fd, &st), 0);
		assert_int_equal(st.st_mode & 0777, rows[i].file);
		assert_int_equal(fstatat(p->root, mark, &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, rows[i].file);
		assert_int_equal(fstatat(p->root, folder, &st, 0), 0);
		assert_int_equal(st.st_mode & 0777, rows[i].folder);
		localdir_names_clear(&names);
	}
}

static void nothing_counts_in_a_partial_of_another_size(void **state)
{
	const struct place *p = *state;
	AUTO_CSTR text = NULL;
	AUTO_FD fd = -1;
	bool is_new = false;
	struct error err;

	put(p, p->names.partial, "left behind by somebody");
	fd = localdir_open_partial(p->root, &p->names, 5, &is_new, &err);
	assert_true(fd >= 0);
	assert_true(is_new);
	text = mem_alloc(6);
	assert_int_equal(file_read_at(fd, text, 5, 0, &err), 5);
	assert_memory_equal(text, "\0\0\0\0\0", 5);
}

static void a_partial_is_a_plain_file_or_refused(void **state)
{
	const struct place *p = *state;
	struct error err;
	bool is_new;

	put(p, "elsewhere", "12345");
	assert_int_equal(file_make_parents(p->root, p->names.partial, &err), 0);
	assert_int_equal(symlinkat("/etc/passwd", p->root, p->names.partial), 0);
	assert_int_equal(localdir_open_partial(p->root, &p->names, 5, &is_new, &err), -1);
	assert_int_equal(unlinkat(p->root, p->names.partial, 0), 0);
	assert_int_equal(mkfifoat(p->root, p->names.partial, 0600), 0);
	assert_int_equal(localdir_open_partial(p->root, &p->names, 5, &is_new, &err), -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
}

static void dropping_a_partial_is_fine_twice(void **state)
{
	const struct place *p = *state;
	bool is_new;
	struct error err;
	AUTO_FD fd = localdir_open_partial(p->root, &p->names, 5, &is_new, &err);

	assert_true(fd >= 0);
	assert_int_equal(localdir_drop_partial(p->root, &p->names, &err), 0);
	assert_false(tempdir_has(&p->dir, p->names.partial));
	assert_int_equal(localdir_drop_partial(p->root, &p->names, &err), 0);
}

static int open_with(const struct place *p, const char *text)
{
	bool is_new;
	struct error err;
	int fd = localdir_open_partial(p->root, &p->names, 5, &is_new, &err);

	assert_true(fd >= 0);
	assert_int_equal(file_write_at(fd, str_from(text), 0, &err), 0);
	return fd;
}

#define TRASHED ".larder/trash/t1/acme/tiny/sub/config.json"

static int publish(const struct place *p, int fd, char **ret_trash, struct error *err)
{
	struct localdir_proven proven = {
		.path = p->names.partial, .fd = fd, .commit = COMMIT, .digest = DIGEST
	};

	return localdir_publish(p->root, &p->names, &proven, "t1", ret_trash, err);
}

static void publishing_gives_the_name_and_vouches(void **state)
{
	const struct place *p = *state;
	AUTO_FD fd = open_with(p, "hello");
	AUTO_CSTR text = NULL;
	AUTO_CSTR trash = NULL;
	struct error err;

	assert_int_equal(publish(p, fd, &trash, &err), 0);
	text = tempdir_read(&p->dir, p->names.final);
	assert_string_equal(text, "hello");
	assert_false(tempdir_has(&p->dir, p->names.partial));
	assert_false(tempdir_has(&p->dir, ".larder"));
	assert_null(trash);
	assert_int_equal(look(p), LOCALDIR_PROVEN);
}

static void what_had_the_name_goes_to_the_trash(void **state)
{
	const struct place *p = *state;
	AUTO_FD fd = open_with(p, "hello");
	AUTO_CSTR text = NULL;
	AUTO_CSTR trash = NULL;
	struct error err;

	put(p, p->names.final, "mine");
	assert_int_equal(publish(p, fd, &trash, &err), 0);
	assert_string_equal(trash, TRASHED);
	text = tempdir_read(&p->dir, TRASHED);
	assert_string_equal(text, "mine");
	assert_int_equal(look(p), LOCALDIR_PROVEN);
}

static void a_link_with_the_name_goes_to_the_trash_as_a_link(void **state)
{
	const struct place *p = *state;
	AUTO_FD fd = open_with(p, "hello");
	AUTO_CSTR kept = NULL;
	AUTO_CSTR trash = NULL;
	struct error err;
	struct stat st;

	put(p, "target", "mine");
	assert_int_equal(file_make_parents(p->root, p->names.final, &err), 0);
	assert_int_equal(symlinkat("../../../target", p->root, p->names.final), 0);
	assert_int_equal(publish(p, fd, &trash, &err), 0);
	assert_int_equal(fstatat(p->root, TRASHED, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	kept = tempdir_read(&p->dir, "target");
	assert_string_equal(kept, "mine");
	assert_int_equal(look(p), LOCALDIR_PROVEN);
}

static void a_folder_with_the_name_is_left_alone(void **state)
{
	const struct place *p = *state;
	AUTO_FD fd = open_with(p, "hello");
	AUTO_CSTR trash = NULL;
	struct error err;

	put(p, "acme/tiny/sub/config.json/precious", "mine");
	assert_int_equal(publish(p, fd, &trash, &err), -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
	assert_true(tempdir_has(&p->dir, "acme/tiny/sub/config.json/precious"));
	assert_true(tempdir_has(&p->dir, p->names.partial));
}

static void what_had_the_name_comes_back_when_the_file_cannot_take_its_place(void **state)
{
	const struct place *p = *state;
	AUTO_FD fd = open_with(p, "hello");
	AUTO_CSTR text = NULL;
	AUTO_CSTR trash = NULL;
	struct error err;

	put(p, p->names.final, "mine");
	assert_int_equal(file_remove(p->root, p->names.partial, &err), 0);
	assert_int_equal(publish(p, fd, &trash, &err), -1);
	assert_null(trash);
	text = tempdir_read(&p->dir, p->names.final);
	assert_string_equal(text, "mine");
	assert_false(tempdir_has(&p->dir, TRASHED));
}

#define SOURCE "acme/other/config.json"

/* The copy of what is there, made in the way that goes. */
static int make_copy_of(const struct place *p, enum localdir_way wanted)
{
	enum localdir_way way = LOCALDIR_EMPTY;
	struct error err;
	AUTO_FD from = -1;
	int fd;

	from = file_open(p->root, SOURCE, O_RDONLY, 0, &err);
	disk.can_clone = wanted == LOCALDIR_CLONED;
	disk.can_link = wanted != LOCALDIR_EMPTY;
	fd = localdir_make_copy(p->root, &p->names, SOURCE, from, 5, &way, &err);
	assert_true(fd >= 0);
	assert_int_equal(way, wanted);
	return fd;
}

/* Of a new "hello". */
static int make_copy(const struct place *p, enum localdir_way wanted)
{
	put(p, SOURCE, "hello");
	return make_copy_of(p, wanted);
}

static bool is_source(const struct place *p, const char *path)
{
	struct error err;
	struct stat one;
	struct stat other;

	assert_int_equal(file_stat(p->root, SOURCE, &one, &err), 1);
	return file_stat(p->root, path, &other, &err) == 1 && one.st_ino == other.st_ino;
}

static void a_copy_is_made_in_the_best_way_that_goes(void **state)
{
	static const char *const texts[] = { [LOCALDIR_CLONED] = "hello",
					     [LOCALDIR_LINKED] = "hello",
					     [LOCALDIR_EMPTY] = "\0\0\0\0\0" };
	const struct place *p = *state;

	for (unsigned i = 0; i < ARRAY_LEN(texts); i++) {
		enum localdir_way way = (enum localdir_way)i;
		AUTO_FD fd = make_copy(p, way);
		char text[6] = "";
		struct error err;

		assert_int_equal(file_read_at(fd, text, 6, 0, &err), 5);
		assert_memory_equal(text, texts[i], 5);
		assert_int_equal(is_source(p, p->names.copy), way == LOCALDIR_LINKED);
		/* A link cannot even be written by mistake. */
		assert_int_equal(file_write_at(fd, S("HELLO"), 0, &err),
				 way == LOCALDIR_LINKED ? -1 : 0);
		assert_false(tempdir_has(&p->dir, p->names.partial));
		assert_false(tempdir_has(&p->dir, p->names.final));
		assert_true(tempdir_has(&p->dir, "acme/tiny/.cache/huggingface/CACHEDIR.TAG"));
	}
}

/* After a kill the copy's name may still be a link to a library file. */
static void a_copy_that_was_left_behind_is_not_written(void **state)
{
	static const enum localdir_way ways[] = { LOCALDIR_CLONED, LOCALDIR_EMPTY };
	const struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		AUTO_FD left = make_copy(p, LOCALDIR_LINKED);
		AUTO_FD fd = -1;
		AUTO_CSTR text = NULL;
		struct error err;

		assert_true(is_source(p, p->names.copy));
		fd = make_copy_of(p, ways[i]);
		assert_false(is_source(p, p->names.copy));
		assert_int_equal(file_write_at(fd, S("HELLO"), 0, &err), 0);
		text = tempdir_read(&p->dir, SOURCE);
		assert_string_equal(text, "hello");
	}
}

/* Somebody has linked it, to or from his own. */
static void a_partial_with_other_names_is_not_written(void **state)
{
	const struct place *p = *state;
	AUTO_CSTR text = NULL;
	AUTO_FD fd = -1;
	bool is_new = false;
	struct error err;

	put(p, "his", "hello");
	assert_int_equal(file_make_parents(p->root, p->names.partial, &err), 0);
	assert_true(file_link(p->root, "his", p->names.partial));
	fd = localdir_open_partial(p->root, &p->names, 5, &is_new, &err);
	assert_true(is_new);
	assert_int_equal(file_write_at(fd, S("HELLO"), 0, &err), 0);
	text = tempdir_read(&p->dir, "his");
	assert_string_equal(text, "hello");
}

static void a_copy_that_was_left_behind_goes_with_the_next_partial(void **state)
{
	const struct place *p = *state;
	AUTO_FD left = make_copy(p, LOCALDIR_LINKED);
	bool is_new;
	struct error err;
	AUTO_FD fd = localdir_open_partial(p->root, &p->names, 5, &is_new, &err);

	assert_true(fd >= 0);
	assert_false(tempdir_has(&p->dir, p->names.copy));
	assert_true(tempdir_has(&p->dir, SOURCE));
}

static void dropping_takes_the_copy_too_and_never_its_source(void **state)
{
	const struct place *p = *state;
	AUTO_FD fd = make_copy(p, LOCALDIR_LINKED);
	struct error err;

	put(p, p->names.partial, "begun");
	assert_int_equal(localdir_drop_copy(p->root, &p->names, &err), 0);
	assert_false(tempdir_has(&p->dir, p->names.copy));
	assert_true(tempdir_has(&p->dir, p->names.partial));
	fd_close(&fd);
	fd = make_copy(p, LOCALDIR_LINKED);
	assert_int_equal(localdir_drop_partial(p->root, &p->names, &err), 0);
	assert_false(tempdir_has(&p->dir, p->names.copy));
	assert_false(tempdir_has(&p->dir, p->names.partial));
	assert_true(tempdir_has(&p->dir, SOURCE));
}

static void a_copy_that_cannot_be_made_is_told(void **state)
{
	const struct place *p = *state;
	enum localdir_way way = LOCALDIR_LINKED;
	struct error err;
	AUTO_FD from = -1;

	put(p, SOURCE, "hello");
	from = file_open(p->root, SOURCE, O_RDONLY, 0, &err);
	assert_int_equal(file_make_parents(p->root, p->names.copy, &err), 0);
	assert_int_equal(mkdirat(p->root, p->names.copy, 0755), 0);
	assert_int_equal(localdir_make_copy(p->root, &p->names, SOURCE, from, 5, &way, &err),
			 -1);
	assert_int_equal(err.code, ERR_DISK_ERROR);
	assert_int_equal(way, LOCALDIR_LINKED);
}

static void a_copy_is_published_and_its_source_stays(void **state)
{
	static const enum localdir_way ways[] = { LOCALDIR_CLONED, LOCALDIR_LINKED };
	const struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		AUTO_FD fd = make_copy(p, ways[i]);
		AUTO_CSTR trash = NULL;
		AUTO_CSTR text = NULL;
		AUTO_CSTR kept = NULL;
		struct error err;
		struct localdir_proven proven = {
			.path = p->names.copy, .fd = fd, .commit = COMMIT, .digest = DIGEST
		};

		assert_int_equal(
			localdir_publish(p->root, &p->names, &proven, "t1", &trash, &err), 0);
		assert_int_equal(is_source(p, p->names.final), ways[i] == LOCALDIR_LINKED);
		assert_false(tempdir_has(&p->dir, p->names.copy));
		assert_int_equal(look(p), LOCALDIR_PROVEN);
		text = tempdir_read(&p->dir, p->names.final);
		kept = tempdir_read(&p->dir, SOURCE);
		assert_string_equal(text, "hello");
		assert_string_equal(kept, "hello");
	}
}

static void a_note_is_read_when_it_makes_sense(void **state)
{
	static const struct {
		const char *text;
		int found;
	} rows[] = {
		{ COMMIT "\n" DIGEST "\n1772600000.5\n", 1 },
		{ COMMIT "\r\n" DIGEST " \n1772600000\n", 1 },
		{ COMMIT "\n" DIGEST "\n", 0 },
		{ COMMIT "\n\"" DIGEST "\"\n1772600000\n", 0 },
		{ "main\n" DIGEST "\n1772600000\n", 0 },
		{ COMMIT "\n" DIGEST "\nyesterday\n", 0 },
		{ "", 0 },
	};
	struct place *p = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct localdir_note note;
		struct error err;

		tempdir_write(&p->dir, "note", str_from(rows[i].text));
		assert_int_equal(localdir_read_note(p->root, "note", &note, &err),
				 rows[i].found);
		if (rows[i].found == 0)
			continue;
		assert_string_equal(note.commit, COMMIT);
		assert_string_equal(note.digest, DIGEST);
		assert_true(note.time_ms / 1000 == 1772600000);
		/* A second later may be the file system's way of counting. */
		assert_true(localdir_does_vouch(&note, (note.time_ms + 1000) * 1000000));
		assert_false(localdir_does_vouch(&note, (note.time_ms + 1001) * 1000000));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_note_is_read_when_it_makes_sense),
		TEST(names_are_those_of_the_official_client),
		TEST(what_is_no_file_of_that_size_is_another),
		TEST(a_link_on_the_way_is_an_error),
		TEST(metadata_vouches_as_the_official_client_counts),
		TEST(huge_metadata_vouches_for_nothing),
		TEST(vouching_is_believed_until_the_file_changes),
		TEST(a_partial_is_made_once_with_its_size),
		TEST(who_may_change_it_is_the_umask_s_to_say),
		TEST(nothing_counts_in_a_partial_of_another_size),
		TEST(a_partial_is_a_plain_file_or_refused),
		TEST(dropping_a_partial_is_fine_twice),
		TEST(publishing_gives_the_name_and_vouches),
		TEST(what_had_the_name_goes_to_the_trash),
		TEST(a_link_with_the_name_goes_to_the_trash_as_a_link),
		TEST(a_folder_with_the_name_is_left_alone),
		TEST(what_had_the_name_comes_back_when_the_file_cannot_take_its_place),
		TEST(a_copy_is_made_in_the_best_way_that_goes),
		TEST(a_copy_that_was_left_behind_is_not_written),
		TEST(a_partial_with_other_names_is_not_written),
		TEST(a_copy_that_was_left_behind_goes_with_the_next_partial),
		TEST(dropping_takes_the_copy_too_and_never_its_source),
		TEST(a_copy_that_cannot_be_made_is_told),
		TEST(a_copy_is_published_and_its_source_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
