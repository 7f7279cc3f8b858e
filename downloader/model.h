/*
 * A model as it lies on the disk: its files with what vouches for them, what the headers of its
 * weights say, and the groups that they form. The scan makes one, model_finish() draws the
 * conclusions, and from then on nothing of it changes: a file worker may compare the disk with
 * it while the loop shows it. Held by counting.
 *
 * Pure: the scan has looked, this only knows. Any thread.
 */
#ifndef DOWNLOADER_MODEL_H
#define DOWNLOADER_MODEL_H

#include "downloader/gguf.h"
#include "downloader/hf_config.h"
#include "downloader/hub_parse.h"
#include "downloader/memory_need.h"
#include "downloader/safetensors.h"
#include "downloader/variant.h"

struct json_object;

enum {
	MODEL_FILES_MAX = 100 * 1000, /* of one model; as many as a repository may have here */
	MODEL_TOLD_MAX = 5000,        /* files that are told one by one */
	MODEL_GROUPS_TOLD = 1000,     /* groups likewise */
	MODEL_MISSING_MAX = 1000,     /* parts that are named one by one */
	MODEL_CONTEXT_DEFAULT = 8192, /* tokens, for the memory that is needed */
};

enum model_kind {
	MODEL_WEIGHTS,
	MODEL_COMPANION, /* config, tokenizer, mmproj, imatrix, a draft model, an index */
	MODEL_OTHER,
	MODEL_PARTIAL, /* of a download that is under way, or was given up */
	MODEL_FOREIGN, /* a link, a socket, a name that no repository has: shown, not touched */
	MODEL_KIND_COUNT,
};

enum model_state {
	MODEL_UNKNOWN, /* nobody vouches for the content */
	MODEL_PROVEN,  /* its .metadata does, and it was not changed since */
	MODEL_CHANGED, /* it was changed since somebody did */
	MODEL_STATE_COUNT,
};

/* What the header of a file of weights says, or a config.json beside them. */
struct model_header {
	bool is_gguf;
	bool is_config; /* neither: safetensors */
	union {
		struct gguf gguf;
		struct safetensors safetensors;
		struct hf_config config;
	};
};

struct model_file {
	char *path; /* in the model's folder; where it is foreign, with hostile bytes escaped */
	enum model_kind kind;
	enum model_state state;
	uint64_t size;
	int64_t mtime_ns;
	uint64_t inode;
	char digest[HUB_DIGEST_MAX + 1]; /* that the Hub promised; "": not known */
	char commit[COMMIT_LEN + 1];     /* that it came with; "": not known */
	int64_t vouched_ms;              /* unix time since when; 0: never */
	struct model_header *header;     /* or NULL */
	char *problem;                   /* in words, or NULL */
	size_t group;                    /* index, or SIZE_MAX */
};

/* The files of one variant. */
struct model_group {
	struct variant variant;
	size_t files;
	uint64_t bytes;
	size_t parts_wanted; /* of its sets of shards; a file by itself is one */
	size_t parts_missing;
	size_t first_member; /* in the model's members, and so many as there are files */
	uint64_t parameters;
	uint64_t weights_bytes; /* tensors, as the headers tell; 0: not known */
	bool is_unknown;        /* the headers do not tell these two */
};

struct model {
	_Atomic unsigned holders;
	char *folder; /* beneath the models directory; "." for files at its top */
	enum repo_type type;
	char *repo;               /* as the folder says; NULL when no repository is named so */
	char *revision;           /* the same; "main" where it names none */
	bool is_flat;             /* files of a folder whose own folders are not of it */
	bool is_git;              /* a clone: it has a .git */
	struct model_file *files; /* by path */
	size_t n;
	size_t cap;
	int64_t notes_mtime_ns; /* the newest of the folders that hold its .metadata */
	int64_t looked_ms;      /* unix time when the look began */
	char *problem;          /* of the whole, or NULL */

	/* From here on model_finish()'s. */
	struct model_group *groups; /* the biggest quant first */
	size_t *members; /* indices of files, by group, the parts of a set together */
	size_t n_groups;
	uint64_t bytes; /* of all but partial and foreign files */
	uint64_t partial_bytes;
	size_t by_state[MODEL_STATE_COUNT]; /* files, of those */
	size_t parts_missing;
	size_t problems;
	int64_t mtime_ns;              /* of its newest file */
	const struct model_file *main; /* whose header speaks for the model, or NULL */
	char commit[COMMIT_LEN + 1];   /* that all its files came with, or "" */
};

/* An empty one, held once. */
struct model *model_new(const char *folder) __attribute__((returns_nonnull));
struct model *model_hold(struct model *model) __attribute__((returns_nonnull));
void model_free(struct model **model); /* the last to let go frees it */

/* Adds a file and returns it, to be filled in: borrowed until the next. */
struct model_file *model_add(struct model *model, struct str path)
	__attribute__((returns_nonnull));

/* Sorts, groups and sums. No file is added after. */
void model_finish(struct model *model);

/* A file whose content somebody may know: neither a part of a download nor foreign. */
bool model_is_content(const struct model_file *file);
/* Does it have one? What was given up before its first file was whole has none. */
bool model_has_content(const struct model *model);

/* The file at `path`, or NULL. After model_finish(). */
const struct model_file *model_find(const struct model *model, struct str path);

/* Where the file is, beneath the models directory: to free. */
char *model_path(const struct model *model, const struct model_file *file)
	__attribute__((returns_nonnull));

/* Calls `fn` for each part of its sets of shards that is not there, *left times at most, and
 * counts that down: begin with MODEL_MISSING_MAX for all groups together. */
void model_missing(const struct model *model, size_t group, size_t *left,
		   void (*fn)(void *ctx, const char *path), void *ctx);

/* The file that is the group's member number `i`. */
const struct model_file *model_member(const struct model *model, size_t group, size_t i);

/* Nothing of it had changed just before it was looked at: what is as it was needs not be read
 * again. Clocks of file systems go in steps, of whole seconds at worst, and a change right
 * after a look may leave the time as it was. */
bool model_is_settled(const struct model *model, int64_t mtime_ns);

/* Nothing that the world is told differs. */
bool model_is_equal(const struct model *a, const struct model *b);

const char *model_kind_name(enum model_kind kind);
int model_kind_from_name(struct str name, enum model_kind *ret) MUST_USE;
const char *model_state_name(enum model_state state);
int model_state_from_name(struct str name, enum model_state *ret) MUST_USE;

/* A header as JSON, and back: NULL when it is none. Both belong to the caller. */
struct json_object *model_header_to_json(const struct model_header *header);
struct model_header *model_header_from_json(struct json_object *object);

/* A row of a list, and the whole with groups and files; both belong to the caller. `context` is
 * the number of tokens for which the memory is reckoned. */
struct json_object *model_to_row(const struct model *model);
struct json_object *model_to_json(const struct model *model, uint64_t context);

#endif
