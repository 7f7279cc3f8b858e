/*
 * A model's folder on the disk, in the layout that `hf download --local-dir` uses
 * (HUB-API 8.2): where a file, its partial and its `.metadata` live, what is there already, and
 * the one way by which a proven partial becomes the file (DESIGN.md, invariant 3: a final name
 * means a proven file).
 *
 * A copy of another file of the library has a name of its own until it is proven. It may be a
 * hard link, and then whoever wrote into it would write into the library: it is made anew each
 * time and never opened for writing when it is there already. Nor is a partial that has other
 * names.
 *
 * The functions block on the disk and belong on a file worker. They keep nothing.
 */
#ifndef DOWNLOADER_LOCALDIR_H
#define DOWNLOADER_LOCALDIR_H

#include "downloader/hub_parse.h"

struct error;

enum {
	LOCALDIR_DISTRUSTED = 0, /* milliseconds: the time of a note that was found wrong */
};

/* Paths beneath the models directory. */
struct localdir_names {
	char *folder;
	char *final;   /* folder/path */
	char *partial; /* folder/.cache/huggingface/download/.../<base64>.<digest>.incomplete */
	char *copy;    /* the same, ending in .copy.incomplete */
	char *metadata; /* folder/.cache/huggingface/download/path.metadata */
};
/* A partial or copy is one job's own (eight hex digits made of its id), so that no other job
 * can remove it, or fill it, under the bytes that this one counts as durable. `job_id` may be
 * NULL where the partial does not matter. */
void localdir_names_init(struct localdir_names *names, const char *folder, const char *path,
			 const char *digest, const char *job_id);
void localdir_names_clear(struct localdir_names *names);

enum localdir_presence {
	LOCALDIR_ABSENT,   /* nothing there that could be replaced: nothing, or a folder */
	LOCALDIR_OTHER,    /* a link, or a file of another size */
	LOCALDIR_UNLIKELY, /* a file of the right size, of which the metadata says another
			      digest */
	LOCALDIR_UNPROVEN, /* a file of the right size; nobody vouches for its content */
	LOCALDIR_PROVEN,   /* size, metadata and time agree with the digest */
};

/* What is under the final name. The metadata counts as the official client counts it: its etag
 * is the digest and the file is not newer than its time by more than a second. One that vouches
 * for another digest of the same kind makes it unlikely, and no more: who puts a file there
 * with a time of its own leaves the metadata as it was. */
int localdir_look(int root, const struct localdir_names *names, uint64_t size,
		  const char *digest, enum localdir_presence *ret, struct error *err) MUST_USE;

/* What a file's .metadata says: the commit it came with, the digest it had, and the unix time
 * when that was true. */
struct localdir_note {
	char commit[COMMIT_LEN + 1];
	char digest[HUB_DIGEST_MAX + 1];
	int64_t time_ms;
};

/* Reads the one at `metadata`: 1, 0 when it is absent or makes no sense, -1. */
int localdir_read_note(int root, const char *metadata, struct localdir_note *ret,
		       struct error *err) MUST_USE;

/* Does it still vouch for a file that was changed last at this time? */
bool localdir_does_vouch(const struct localdir_note *note, int64_t mtime_ns);

/* Opens the partial for reading and writing, made if absent, with its full size as a hole: its
 * descriptor, or -1. *ret_is_new tells that nothing in it counts. Also makes the folder's
 * CACHEDIR.TAG and .gitignore, and removes a copy that was left behind. */
int localdir_open_partial(int root, const struct localdir_names *names, uint64_t size,
			  bool *ret_is_new, struct error *err) MUST_USE;

enum localdir_way {
	LOCALDIR_CLONED, /* a file of its own that shares the other's blocks: it is whole */
	LOCALDIR_LINKED, /* the other file under a second name: it is whole, and not ours */
	LOCALDIR_EMPTY,  /* a file of its own, of the full size: to be filled */
};

/* Makes the copy of the file at `from`, which is open as `from_fd`, in the best way that goes:
 * its descriptor, or -1. One that is linked can only be read. */
int localdir_make_copy(int root, const struct localdir_names *names, const char *from,
		       int from_fd, uint64_t size, enum localdir_way *ret_way,
		       struct error *err) MUST_USE;

/* A file whose content is proven. */
struct localdir_proven {
	const char *path; /* the partial's or the copy's name */
	int fd;
	const char *commit;
	const char *digest;
};

/* Sync, rename, sync: what is proven becomes the file, and the metadata says so. What had the
 * final name before goes to .larder/trash/<trash_id>/, with its metadata, and comes back from
 * there if the file cannot take its place. *ret_trash is the path of what is in the trash now,
 * to free, or NULL; it is set on failure too. */
int localdir_publish(int root, const struct localdir_names *names,
		     const struct localdir_proven *proven, const char *trash_id,
		     char **ret_trash, struct error *err) MUST_USE;

/* Writes the metadata of a file that was proven where it is; it vouches for what was there at
 * `since_ms` (unix), when the reading began. File and name are synced first: whoever put them
 * there need not have done it, and what was hashed may be in memory only. */
int localdir_vouch(int root, const struct localdir_names *names, const char *commit,
		   const char *digest, int64_t since_ms, struct error *err) MUST_USE;

/* The file is not what its metadata says: from now on that vouches for nothing, here and for
 * the official client, but commit and digest stay known. Its time is LOCALDIR_DISTRUSTED. */
int localdir_distrust(int root, const struct localdir_names *names, const char *commit,
		      const char *digest, struct error *err) MUST_USE;

/* The file's content is the same at this commit: its metadata, which vouches for it, names that
 * one from now on. */
int localdir_recommit(int root, const struct localdir_names *names, const char *commit,
		      struct error *err) MUST_USE;

/* Removes partial and copy; absent is fine. */
int localdir_drop_partial(int root, const struct localdir_names *names,
			  struct error *err) MUST_USE;

/* Removes the copy; absent is fine. */
int localdir_drop_copy(int root, const struct localdir_names *names,
		       struct error *err) MUST_USE;

#endif
