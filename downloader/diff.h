/*
 * A model on the disk beside what the Hub has: what an update would change, what a repair would
 * bring, and how a person would say so.
 *
 * What counts is what vouches for a file (its .metadata), not what somebody has made of it
 * since: a file that was edited here is not changed at the Hub, and an update leaves it alone.
 * Only a repair brings back what the Hub has.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_DIFF_H
#define DOWNLOADER_DIFF_H

#include "downloader/hub_parse.h"
#include "downloader/model.h"

enum diff_change {
	DIFF_ELSEWHERE, /* not on the disk, and nothing on the disk asks for it */
	DIFF_SAME,
	DIFF_UNSURE,  /* on the disk with this size; nobody knows of which content */
	DIFF_CHANGED, /* the Hub has another content */
	DIFF_PART,    /* a part of a set of which others are on the disk */
};

struct diff_file {
	enum diff_change change;
	bool is_broken; /* here it is not what it was when it was fetched, or is not here */
};

struct diff {
	struct diff_file *files; /* in the tree's order */
	size_t n;
	/* Files that came from the Hub, are as they came, and are not in the tree any more:
	 * borrowed from the model. */
	const struct model_file **gone;
	size_t n_gone;
	size_t n_changed; /* DIFF_CHANGED and DIFF_PART */
	size_t n_elsewhere;
	uint64_t bytes; /* of the changed ones */
};

/* The tree is finished (hub_tree_finish()); both must outlive it. */
struct diff *diff_new(const struct model *model, const struct hub_tree *tree);
void diff_free(struct diff **diff);

/* What would change, in a line: "up to date", "README.md only, 2 KB", "3 of 12 parts, 14.1 GB",
 * "4 files, 14.1 GB; 1 is no longer there". To free. */
char *diff_words(const struct diff *diff, const struct hub_tree *tree);

/* The commit that all files came with of which it is known, or "". */
const char *diff_shared_commit(const struct model *model);

/* The commit that all which a repair has to do with came with, or "": parts that are missing go
 * with those that are there. */
const char *diff_repair_commit(const struct model *model);

/* Is there anything that a repair would bring? Files that are absent but noted aside. */
bool diff_is_broken(const struct model *model);

#endif
