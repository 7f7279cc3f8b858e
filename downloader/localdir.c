#include "downloader/localdir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/error.h"
#include "common/log.h"
#include "common/relpath.h"
#include "downloader/digest.h"
#include "downloader/file.h"
#include "downloader/trash.h"

enum {
	METADATA_MAX = 512,
	FILE_MODE = 0666, /* less the umask, which says whether the group may change models */
};

#define CACHE_DIR "/.cache/huggingface/"

/* Eight hex digits, as the official client has them in its partial files' names: FNV-1a of the
 * id. */
static void make_suffix(const char *job_id, char ret[10])
{
	uint32_t hash = 2166136261U;

	ret[0] = '\0';
	if (job_id == NULL)
		return;
	for (const char *c = job_id; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619U;
	(void)snprintf(ret, 10, ".%08x", hash);
}

void localdir_names_init(struct localdir_names *names, const char *folder, const char *path,
			 const char *digest, const char *job_id)
{
	struct str dir = relpath_dirname(str_from(path));
	struct str base = relpath_basename(str_from(path));
	AUTO_CSTR metadata_base = mem_printf("%.*s.metadata", (int)base.n, base.p);
	AUTO_CSTR begun = NULL;
	char short_name[DIGEST_NAME_LEN + 1];
	char suffix[10];

	digest_name(str_from(metadata_base), short_name);
	make_suffix(job_id, suffix);
	names->folder = mem_strdup(folder);
	names->final = mem_printf("%s/%s", folder, path);
	names->metadata = mem_printf("%s" CACHE_DIR "download/%s.metadata", folder, path);
	begun = mem_printf("%s" CACHE_DIR "download/%.*s%s%s.%s%s", folder, (int)dir.n, dir.p,
			   dir.n > 0 ? "/" : "", short_name, digest, suffix);
	names->partial = mem_printf("%s.incomplete", begun);
	names->copy = mem_printf("%s.copy.incomplete", begun);
}

void localdir_names_clear(struct localdir_names *names)
{
	free(names->folder);
	free(names->final);
	free(names->metadata);
	free(names->partial);
	free(names->copy);
	*names = (struct localdir_names){ .folder = NULL };
}

/* --- metadata --- */

/* "1772600000.123" as milliseconds; the fraction may have any length. */
static int parse_time_ms(struct str text, int64_t *ret)
{
	size_t dot = str_find_char(text, '.');
	struct str fraction = str_sub(text, dot + 1, dot + 4);
	uint64_t seconds = 0;
	uint64_t part = 0;

	if (str_to_u64(str_sub(text, 0, dot), 0, INT64_MAX / 2000, &seconds) < 0 ||
	    (fraction.n > 0 && str_to_u64(fraction, 0, 999, &part) < 0))
		return -1;
	for (size_t i = fraction.n; i < 3; i++)
		part *= 10;
	*ret = (int64_t)(seconds * 1000 + part);
	return 0;
}

static bool is_digest(struct str text)
{
	return hex_is_valid(text, 40) || hex_is_valid(text, HUB_DIGEST_MAX);
}

static bool parse_note(struct str text, struct localdir_note *ret)
{
	struct str commit;
	struct str etag;
	struct str time;

	if (!str_next(&text, '\n', &commit) || !str_next(&text, '\n', &etag) ||
	    !str_next(&text, '\n', &time))
		return false;
	commit = str_trim(commit);
	etag = str_trim(etag);
	if (!commit_is_valid(commit) || !is_digest(etag) ||
	    parse_time_ms(str_trim(time), &ret->time_ms) < 0)
		return false;
	memcpy(ret->commit, commit.p, commit.n);
	ret->commit[commit.n] = '\0';
	memcpy(ret->digest, etag.p, etag.n);
	ret->digest[etag.n] = '\0';
	return true;
}

int localdir_read_note(int root, const char *metadata, struct localdir_note *ret,
		       struct error *err)
{
	AUTO_CSTR text = NULL;
	int found = file_read_small(root, metadata, METADATA_MAX, &text, err);

	if (found <= 0)
		return found;
	return parse_note(str_from(text), ret) ? 1 : 0;
}

bool localdir_does_vouch(const struct localdir_note *note, int64_t mtime_ns)
{
	return note->time_ms != LOCALDIR_DISTRUSTED &&
	       mtime_ns / 1000000 - 1000 <= note->time_ms;
}

int localdir_look(int root, const struct localdir_names *names, uint64_t size,
		  const char *digest, enum localdir_presence *ret, struct error *err)
{
	struct localdir_note note;
	struct stat st;
	int found = file_stat(root, names->final, &st, err);

	if (found < 0)
		return -1;
	if (found == 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != size) {
		*ret = found == 0 || S_ISDIR(st.st_mode) ? LOCALDIR_ABSENT : LOCALDIR_OTHER;
		return 0;
	}
	*ret = LOCALDIR_UNPROVEN;
	found = localdir_read_note(root, names->metadata, &note, err);
	if (found <= 0)
		return 0; /* unreadable metadata vouches for nothing */
	if (!localdir_does_vouch(&note, file_mtime_ns(&st)))
		return 0;
	if (strcmp(note.digest, digest) == 0)
		*ret = LOCALDIR_PROVEN;
	else if (strlen(note.digest) == strlen(digest))
		*ret = LOCALDIR_UNLIKELY;
	return 0;
}

static int write_note(int root, const char *metadata, const char *commit, const char *digest,
		      const struct timespec *time, struct error *err)
{
	AUTO_CSTR text = mem_printf("%s\n%s\n%lld.%06ld\n", commit, digest,
				    (long long)time->tv_sec, time->tv_nsec / 1000);

	return file_replace(root, metadata, str_from(text), err);
}

static int write_metadata(int root, const struct localdir_names *names, const char *commit,
			  const char *digest, struct error *err)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return write_note(root, names->metadata, commit, digest, &now, err);
}

int localdir_distrust(int root, const struct localdir_names *names, const char *commit,
		      const char *digest, struct error *err)
{
	static const struct timespec never = { .tv_sec = LOCALDIR_DISTRUSTED };

	return write_note(root, names->metadata, commit, digest, &never, err);
}

int localdir_recommit(int root, const struct localdir_names *names, const char *commit,
		      struct error *err)
{
	struct localdir_note note;
	struct timespec time;
	int found = localdir_read_note(root, names->metadata, &note, err);

	if (found <= 0 || strcmp(note.commit, commit) == 0)
		return found < 0 ? -1 : 0;
	time.tv_sec = note.time_ms / 1000;
	time.tv_nsec = note.time_ms % 1000 * 1000000;
	return write_note(root, names->metadata, commit, note.digest, &time, err);
}

int localdir_vouch(int root, const struct localdir_names *names, const char *commit,
		   const char *digest, int64_t since_ms, struct error *err)
{
	struct timespec since = { .tv_sec = since_ms / 1000,
				  .tv_nsec = since_ms % 1000 * 1000000 };

	if (file_sync(root, names->final, err) < 0)
		return -1;
	return write_note(root, names->metadata, commit, digest, &since, err);
}

/* --- partials --- */

/* The marks by which backup programs and git leave the cache folder alone (HUB-API 8.2). */
static int make_marks(int root, const char *folder, struct error *err)
{
	static const struct {
		const char *name;
		const char *text;
	} marks[] = {
		{ "CACHEDIR.TAG",
		  "Signature: 8a477f597d28d172789f06886806bc55\n"
		  "# This folder holds what `hf download` and Larder know of the files"
		  " beside it.\n" },
		{ ".gitignore", "*" },
	};

	for (size_t i = 0; i < ARRAY_LEN(marks); i++) {
		AUTO_CSTR path = mem_printf("%s" CACHE_DIR "%s", folder, marks[i].name);
		struct stat st;
		int found = file_stat(root, path, &st, err);

		if (found < 0 ||
		    (found == 0 && file_replace(root, path, str_from(marks[i].text), err) < 0))
			return -1;
	}
	return 0;
}

/* The marks are made before the folders that they are for. */
static int make_room(int root, const struct localdir_names *names, struct error *err)
{
	if (!file_has_parents(root, names->partial) &&
	    (make_marks(root, names->folder, err) < 0 ||
	     file_make_parents(root, names->partial, err) < 0))
		return -1;
	return localdir_drop_copy(root, names, err);
}

/* The partial as it is; a new one in its place when the old one has other names. */
static int open_own(int root, const char *path, struct stat *ret, struct error *err)
{
	static const int flags = O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
	int fd = file_open(root, path, flags, FILE_MODE, err);

	if (fd >= 0 && fstat(fd, ret) == 0 && S_ISREG(ret->st_mode) && ret->st_nlink > 1) {
		fd_close(&fd);
		if (file_remove(root, path, err) == 0)
			fd = file_open(root, path, flags | O_EXCL, FILE_MODE, err);
	}
	if (fd >= 0 && (fstat(fd, ret) < 0 || !S_ISREG(ret->st_mode))) {
		fd_close(&fd);
		return error_set(err, ERR_DISK_ERROR, "%s: not a plain file", path);
	}
	return fd;
}

int localdir_open_partial(int root, const struct localdir_names *names, uint64_t size,
			  bool *ret_is_new, struct error *err)
{
	AUTO_FD fd = -1;
	struct stat st;
	int result;

	if (make_room(root, names, err) < 0)
		return -1;
	fd = open_own(root, names->partial, &st, err);
	if (fd < 0)
		return -1;
	*ret_is_new = (uint64_t)st.st_size != size;
	if (*ret_is_new && (file_set_size(fd, 0, err) < 0 || file_set_size(fd, size, err) < 0))
		return -1;
	result = fd;
	fd = -1;
	return result;
}

int localdir_drop_partial(int root, const struct localdir_names *names, struct error *err)
{
	if (localdir_drop_copy(root, names, err) < 0)
		return -1;
	return file_remove(root, names->partial, err);
}

int localdir_drop_copy(int root, const struct localdir_names *names, struct error *err)
{
	return file_remove(root, names->copy, err);
}

/* --- copies --- */

static int open_new(int root, const char *path, struct error *err)
{
	return file_open(root, path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, FILE_MODE, err);
}

/* This and the next: 1, and *ret_fd is the copy; 0 when this way does not go; -1 when what it
 * left cannot be removed. */
static int clone_copy(int root, const char *copy, int from_fd, int *ret_fd, struct error *err)
{
	AUTO_FD fd = open_new(root, copy, err);

	if (fd < 0)
		return -1;
	if (!file_clone(fd, from_fd))
		return file_remove(root, copy, err);
	*ret_fd = fd;
	fd = -1;
	return 1;
}

static int link_copy(int root, const char *copy, const char *from, int *ret_fd,
		     struct error *err)
{
	int fd;

	if (!file_link(root, from, copy))
		return 0;
	fd = file_open(root, copy, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, err);
	if (fd < 0)
		return file_remove(root, copy, err);
	*ret_fd = fd;
	return 1;
}

static int empty_copy(int root, const char *copy, uint64_t size, struct error *err)
{
	AUTO_FD fd = open_new(root, copy, err);
	int result;

	if (fd < 0 || file_set_size(fd, size, err) < 0)
		return -1;
	result = fd;
	fd = -1;
	return result;
}

static int make_copy(int root, const struct localdir_names *names, const char *from,
		     int from_fd, uint64_t size, enum localdir_way *ret_way, struct error *err)
{
	int fd = -1;
	int made = clone_copy(root, names->copy, from_fd, &fd, err);

	*ret_way = LOCALDIR_CLONED;
	if (made != 0)
		return fd;
	made = link_copy(root, names->copy, from, &fd, err);
	*ret_way = LOCALDIR_LINKED;
	if (made != 0)
		return fd;
	*ret_way = LOCALDIR_EMPTY;
	return empty_copy(root, names->copy, size, err);
}

int localdir_make_copy(int root, const struct localdir_names *names, const char *from,
		       int from_fd, uint64_t size, enum localdir_way *ret_way,
		       struct error *err)
{
	enum localdir_way way;
	struct error another;
	int fd;

	if (make_room(root, names, err) < 0)
		return -1;
	fd = make_copy(root, names, from, from_fd, size, &way, err);
	if (fd >= 0)
		*ret_way = way;
	else if (localdir_drop_copy(root, names, &another) < 0)
		log_warning("%s: %s", names->copy, another.text);
	return fd;
}

/* --- the way to the final name --- */

static char *in_trash(const char *trash_id, const char *path)
{
	return mem_printf(".larder/trash/%s/%s", trash_id, path);
}

/* What vouched for it goes with it: it must not vouch for another file, be it for the one that
 * takes its place or, once that is taken back, for this one with the new one's words. */
static int move_note(int root, const struct localdir_names *names, const char *trash_id,
		     struct error *err)
{
	AUTO_CSTR to = in_trash(trash_id, names->metadata);
	struct stat st;
	int found = file_stat(root, names->metadata, &st, err);

	if (found <= 0)
		return found;
	return file_move(root, names->metadata, to, err);
}

/* *ret_trash is where it goes, also when that fails half way; NULL when nothing had the name.
 */
static int move_to_trash(int root, const struct localdir_names *names, const char *trash_id,
			 char **ret_trash, struct error *err)
{
	struct stat st;
	int found = file_stat(root, names->final, &st, err);

	if (found <= 0)
		return found;
	if (S_ISDIR(st.st_mode))
		return error_set(err, ERR_DISK_ERROR, "%s: a folder has the file's name",
				 names->final);
	*ret_trash = in_trash(trash_id, names->final);
	if (file_move(root, names->final, *ret_trash, err) < 0)
		return err->sys == EXDEV ? trash_refuse_disk(names->final, err) : -1;
	return move_note(root, names, trash_id, err);
}

/* A rename that failed may have happened all the same, when it was the sync after it that
 * failed: so the disk is asked what is where. */
static void put_back(int root, const struct localdir_names *names, const char *trash_id,
		     char **trash)
{
	AUTO_CSTR note = in_trash(trash_id, names->metadata);
	struct stat st;
	struct error err;
	bool is_there = *trash != NULL && file_stat(root, *trash, &st, &err) == 1;
	bool is_name_free = is_there && file_stat(root, names->final, &st, &err) == 0;

	if (is_there && (!is_name_free || file_rename(root, *trash, names->final, &err) < 0))
		return;
	/* Without its note it would only have to be hashed. */
	if (file_stat(root, note, &st, &err) == 1 &&
	    file_rename(root, note, names->metadata, &err) < 0)
		log_warning("%s stays in the trash: %s", note, err.text);
	free(*trash);
	*trash = NULL;
}

int localdir_publish(int root, const struct localdir_names *names,
		     const struct localdir_proven *proven, const char *trash_id,
		     char **ret_trash, struct error *err)
{
	*ret_trash = NULL;
	if (fsync(proven->fd) < 0)
		return error_set_errno(err, ERR_DISK_ERROR, "%s", proven->path);
	if (file_make_parents(root, names->final, err) < 0 ||
	    move_to_trash(root, names, trash_id, ret_trash, err) < 0 ||
	    /* What somebody has put there meanwhile is not overwritten. */
	    file_move(root, proven->path, names->final, err) < 0) {
		put_back(root, names, trash_id, ret_trash);
		return -1;
	}
	return write_metadata(root, names, proven->commit, proven->digest, err);
}
