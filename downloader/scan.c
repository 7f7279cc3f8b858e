#include "downloader/scan.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/log.h"
#include "downloader/survey.h"

enum {
	FOLDERS_AT_ONCE = 16, /* of one piece of work: other work waits so long for a worker */
	WORKS_MAX = 2,        /* pieces under way */
};

/* A piece of work. The members below `scan` are the worker's until `done`. */
struct piece {
	struct pool_task task; /* first */
	struct scan *scan;
	struct survey_folder folders[FOLDERS_AT_ONCE];
	struct model *known[FOLDERS_AT_ONCE]; /* held, or NULL */
	struct model *found[FOLDERS_AT_ONCE]; /* or NULL */
	struct error errors[FOLDERS_AT_ONCE]; /* ERR_NONE, or why it could not be looked at */
	size_t n;
	uint64_t order;
};

/* The list of everything. */
struct listing {
	struct pool_task task; /* first */
	struct scan *scan;
	struct survey_list *list;
	struct error error;
};

struct scan {
	struct pool *pool;
	int root;
	struct scan_hooks hooks;
	struct survey_list *list; /* of the scan of everything; NULL: none is under way */
	size_t next;              /* of it */
	struct error error;       /* of that scan */
	bool is_listing;
	bool is_wanted;           /* once more */
	_Atomic bool is_stopping; /* the workers look at it */
	uint64_t last_order;
	struct piece *works[WORKS_MAX]; /* under way */
	size_t n_works;
	char **asked; /* folders that wait */
	size_t n_asked;
	size_t asked_cap;
};

static void go_on(struct scan *scan);

/* --- pieces --- */

static void look(struct pool_task *task)
{
	struct piece *piece = (struct piece *)task;

	for (size_t i = 0; i < piece->n && !atomic_load(&piece->scan->is_stopping); i++)
		piece->found[i] = survey_look(piece->scan->root, &piece->folders[i],
					      piece->known[i], &piece->errors[i]);
}

/* A folder that cannot be looked at keeps its row: nobody knows that it is gone. */
static void tell(struct scan *scan, struct piece *piece, size_t i)
{
	struct model *found = MOVE(piece->found[i]);
	const char *folder = piece->folders[i].path;
	const struct model *known = piece->known[i];
	bool is_news = found == NULL || known == NULL || !model_is_equal(found, known);

	if (scan->list != NULL)
		scan->hooks.seen(scan->hooks.ctx, folder);
	if (found == NULL && piece->errors[i].code != ERR_NONE)
		log_warning("%s: %s", folder, piece->errors[i].text);
	else
		scan->hooks.looked(scan->hooks.ctx, folder, MOVE(found), is_news, piece->order);
	model_free(&found);
}

static void end_work(struct scan *scan, const struct piece *piece)
{
	size_t at = 0;

	while (scan->works[at] != piece)
		at++;
	scan->works[at] = scan->works[--scan->n_works];
}

static void on_looked(struct pool_task *task)
{
	struct piece *piece = (struct piece *)task;
	struct scan *scan = piece->scan;

	end_work(scan, piece);
	for (size_t i = 0; i < piece->n; i++) {
		if (atomic_load(&scan->is_stopping))
			model_free(&piece->found[i]);
		else
			tell(scan, piece, i);
		model_free(&piece->known[i]);
	}
	for (size_t i = 0; i < piece->n; i++) {
		if (!atomic_load(&scan->is_stopping))
			scan->hooks.over(scan->hooks.ctx, piece->folders[i].path);
		free(piece->folders[i].path);
	}
	free(piece);
	go_on(scan);
}

static void put_in(struct piece *piece, const struct survey_folder *folder)
{
	struct scan *scan = piece->scan;
	struct model *known = scan->hooks.known(scan->hooks.ctx, folder->path);

	piece->known[piece->n] = known != NULL ? model_hold(known) : NULL;
	piece->folders[piece->n] = *folder;
	piece->folders[piece->n++].path = mem_strdup(folder->path);
}

/* The next folders: those that were asked for one by one come first. */
static struct piece *next_piece(struct scan *scan)
{
	struct piece *piece = mem_alloc(sizeof(*piece));

	piece->task.run = look;
	piece->task.done = on_looked;
	piece->scan = scan;
	piece->order = ++scan->last_order;
	while (piece->n < FOLDERS_AT_ONCE && scan->n_asked > 0) {
		struct survey_folder folder = { .path = scan->asked[--scan->n_asked],
						.is_asked = true };

		put_in(piece, &folder);
		free(folder.path);
	}
	while (piece->n < FOLDERS_AT_ONCE && scan->list != NULL && scan->next < scan->list->n)
		put_in(piece, &scan->list->v[scan->next++]);
	return piece;
}

static bool has_more(const struct scan *scan)
{
	return scan->n_asked > 0 || (scan->list != NULL && scan->next < scan->list->n);
}

/* --- the list --- */

static void list_all(struct pool_task *task)
{
	struct listing *listing = (struct listing *)task;

	listing->list = survey_all(listing->scan->root, &listing->error);
	if (listing->list != NULL && listing->list->is_cut)
		(void)error_set(&listing->error, ERR_DISK_ERROR,
				"more than %d folders: the rest is not shown",
				SURVEY_FOLDERS_MAX);
}

static void on_listed(struct pool_task *task)
{
	struct listing *listing = (struct listing *)task;
	struct scan *scan = listing->scan;

	scan->is_listing = false;
	scan->list = MOVE(listing->list);
	scan->error = listing->error;
	scan->next = 0;
	if (scan->list == NULL)
		scan->list = mem_alloc(sizeof(*scan->list));
	free(listing);
	go_on(scan);
}

static void begin_all(struct scan *scan)
{
	struct listing *listing = mem_alloc(sizeof(*listing));

	scan->is_wanted = false;
	scan->is_listing = true;
	listing->task.run = list_all;
	listing->task.done = on_listed;
	listing->scan = scan;
	scan->hooks.begun(scan->hooks.ctx);
	pool_submit(scan->pool, &listing->task);
}

static void end_all(struct scan *scan)
{
	struct error err = scan->error;

	for (size_t i = 0; i < scan->list->n_unread; i++)
		scan->hooks.unread(scan->hooks.ctx, scan->list->unread[i]);
	survey_list_free(&scan->list);
	scan->hooks.ended(scan->hooks.ctx, err.code != ERR_NONE ? &err : NULL);
}

/* --- who is next --- */

static void go_on(struct scan *scan)
{
	if (atomic_load(&scan->is_stopping))
		return;
	while (scan->n_works < WORKS_MAX && has_more(scan)) {
		struct piece *piece = next_piece(scan);

		scan->works[scan->n_works++] = piece;
		pool_submit(scan->pool, &piece->task);
	}
	if (scan->n_works > 0 || scan->is_listing)
		return;
	if (scan->list != NULL)
		end_all(scan);
	if (scan->is_wanted)
		begin_all(scan);
}

void scan_all(struct scan *scan)
{
	scan->is_wanted = true;
	go_on(scan);
}

void scan_folder(struct scan *scan, const char *folder)
{
	for (size_t i = 0; i < scan->n_asked; i++) {
		if (strcmp(scan->asked[i], folder) == 0)
			return;
	}
	scan->asked =
		mem_grow((void *)scan->asked, scan->n_asked, &scan->asked_cap, sizeof(char *));
	scan->asked[scan->n_asked++] = mem_strdup(folder);
	go_on(scan);
}

void scan_stop(struct scan *scan)
{
	atomic_store(&scan->is_stopping, true);
}

bool scan_is_looking(const struct scan *scan, struct str folder)
{
	for (size_t i = 0; i < scan->n_asked; i++) {
		if (str_is_equal(str_from(scan->asked[i]), folder))
			return true;
	}
	for (size_t i = 0; i < scan->n_works; i++) {
		const struct piece *piece = scan->works[i];

		for (size_t k = 0; k < piece->n; k++) {
			if (str_is_equal(str_from(piece->folders[k].path), folder))
				return true;
		}
	}
	return false;
}

bool scan_is_busy(const struct scan *scan)
{
	return scan->is_listing || scan->list != NULL || scan->n_works > 0;
}

struct scan *scan_new(struct pool *pool, int models_root, const struct scan_hooks *hooks)
{
	struct scan *scan = mem_alloc(sizeof(*scan));

	scan->pool = pool;
	scan->root = models_root;
	scan->hooks = *hooks;
	return scan;
}

void scan_free(struct scan **scan)
{
	struct scan *s = *scan;

	*scan = NULL;
	if (s == NULL)
		return;
	assert(s->n_works == 0 && !s->is_listing);
	survey_list_free(&s->list);
	for (size_t i = 0; i < s->n_asked; i++)
		free(s->asked[i]);
	free((void *)s->asked);
	free(s);
}
