/*
 * Looking at the disk: which folders of the models directory hold a model, and what is in one.
 * It takes what it finds as it is: what Larder fetched, what `hf download --local-dir` left
 * (with its .metadata), a clone of git, a folder somebody made by hand. What cannot be read is
 * said on its row, and the rest is listed all the same.
 *
 *   owner/name[@revision]           a model
 *   datasets/owner/name[@revision]  a dataset
 *   folder with .git, .cache, config.json or model_index.json in it: a model by itself
 *   other files, at the top or beside models' folders: a "flat" one of those files alone
 *
 * Hidden folders are left out. No link is followed.
 *
 * Reads, and keeps nothing: any thread; in larderd a file worker.
 */
#ifndef DOWNLOADER_SURVEY_H
#define DOWNLOADER_SURVEY_H

#include "downloader/model.h"

struct error;

enum {
	SURVEY_FOLDERS_MAX = 100 * 1000, /* that are listed */
};

/* A folder that holds a model. */
struct survey_folder {
	char *path;    /* beneath the models directory; "." for its top */
	bool is_flat;  /* folders in it are not looked into */
	bool is_asked; /* by name: whether it is flat, or a model at all, is to be found out */
};

struct survey_list {
	struct survey_folder *v;
	size_t n;
	size_t cap;
	bool is_cut; /* there are more than SURVEY_FOLDERS_MAX */
	/* Folders that could not be read: nobody knows what is in them. */
	char **unread;
	size_t n_unread;
	size_t unread_cap;
};

void survey_list_free(struct survey_list **list);

/* All folders, in the disk's order; NULL when the models directory cannot be read. A folder
 * below it that cannot be read is logged, and told as unread. */
struct survey_list *survey_all(int root, struct error *err);

/* What is in one of them: a finished model; NULL when nothing is there (err->code is ERR_NONE),
 * or when it cannot be read. What has not changed since `known` (or NULL) was made is taken
 * from there and not read again. */
struct model *survey_look(int root, const struct survey_folder *folder,
			  const struct model *known, struct error *err);

/* The model as it is now: another, or the same, held; NULL when it is not there any more. Where
 * it cannot be read, it counts as it was known. */
struct model *survey_again(int root, struct model *model);

/* Calls `fn` for each file of which the folder's notes (.metadata) tell, there or not. Nothing
 * is told of a folder that has none. */
void survey_noted(int root, const char *folder, void (*fn)(void *ctx, const char *path),
		  void *ctx);

#endif
