#include "downloader/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <event2/event.h>

#include "common/error.h"
#include "common/log.h"
#include "common/relpath.h"

/* What a scan would see. A file that is being written is told when it is closed. */
#define NEWS                                                                    \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | \
	 IN_DELETE_SELF | IN_MOVE_SELF)

/* Folders on their way to the kernel. */
struct adding {
	struct pool_task task; /* first */
	struct watch *watch;
	struct model **models; /* held; whose folders they are, or NULL */
	size_t n_models;
	struct watch_folder *folders;
	int *numbers; /* the kernel's, or -1 */
	size_t n;
	bool is_full; /* the kernel takes no more */
};

struct watch {
	struct pool *pool;
	int root;
	int fd;
	struct event *event;
	struct loop_timer *timer;
	struct watch_hooks hooks;
	/* What is told for each of the kernel's numbers, which count up from 1; NULL: anything.
	 */
	char **told;
	bool *is_known;
	size_t n;
	size_t cap;
	char *dirty[WATCH_TOLD_MAX]; /* to be told */
	size_t n_dirty;
	bool is_all_dirty;
	uint64_t first_ms; /* of the news that were not told yet; 0: there are none */
	struct adding *adding;
	struct adding *next; /* waits for that */
	bool is_begun;       /* the first list is watched */
	bool has_complained;
	bool is_stopping;
};

/* --- telling --- */

static void forget_dirty(struct watch *w)
{
	for (size_t i = 0; i < w->n_dirty; i++)
		free(w->dirty[i]);
	w->n_dirty = 0;
	w->is_all_dirty = false;
	w->first_ms = 0;
}

static void on_quiet(void *ctx)
{
	struct watch *w = ctx;
	char *dirty[WATCH_TOLD_MAX];
	size_t n = w->n_dirty;
	bool is_all = w->is_all_dirty;

	memcpy((void *)dirty, (const void *)w->dirty, n * sizeof(char *));
	w->n_dirty = 0;
	forget_dirty(w);
	if (is_all)
		w->hooks.news(w->hooks.ctx, NULL);
	for (size_t i = 0; i < n; i++) {
		if (!is_all)
			w->hooks.news(w->hooks.ctx, dirty[i]);
		free(dirty[i]);
	}
}

static bool is_dirty(const struct watch *w, const char *folder)
{
	for (size_t i = 0; i < w->n_dirty; i++) {
		if (strcmp(w->dirty[i], folder) == 0)
			return true;
	}
	return false;
}

static void soil(struct watch *w, const char *folder)
{
	uint64_t now_ms = clock_steady_ms();
	uint64_t left_ms;

	if (folder == NULL || (w->n_dirty == WATCH_TOLD_MAX && !is_dirty(w, folder)))
		w->is_all_dirty = true;
	else if (!is_dirty(w, folder))
		w->dirty[w->n_dirty++] = mem_strdup(folder);
	if (w->first_ms == 0)
		w->first_ms = now_ms;
	left_ms = w->first_ms + WATCH_LONGEST_MS > now_ms
			  ? w->first_ms + WATCH_LONGEST_MS - now_ms
			  : 0;
	loop_timer_arm(w->timer, left_ms < WATCH_QUIET_MS ? left_ms : WATCH_QUIET_MS);
}

/* --- what the kernel says --- */

static void take_event(struct watch *w, const struct inotify_event *event)
{
	size_t number = event->wd > 0 ? (size_t)event->wd : 0;

	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		soil(w, NULL);
		return;
	}
	if (number >= w->n || !w->is_known[number])
		return; /* it is being added: it is told then */
	soil(w, w->told[number]);
	if ((event->mask & IN_IGNORED) != 0) { /* it is gone, and its number with it */
		free(w->told[number]);
		w->told[number] = NULL;
		w->is_known[number] = false;
	}
}

static void on_readable(evutil_socket_t fd, short what, void *ctx)
{
	struct watch *w = ctx;
	union {
		struct inotify_event event;
		char bytes[16 * 1024];
	} room;
	ssize_t n = read((int)fd, &room, sizeof(room));

	(void)what;
	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *event =
			(const struct inotify_event *)(const void *)(room.bytes + at);

		take_event(w, event);
		at += (ssize_t)(sizeof(*event) + event->len);
	}
}

/* --- adding --- */

static void adding_free(struct adding *adding)
{
	if (adding == NULL)
		return;
	for (size_t i = 0; i < adding->n_models; i++)
		model_free(&adding->models[i]);
	free((void *)adding->models);
	for (size_t i = 0; i < adding->n; i++) {
		free(adding->folders[i].path);
		free(adding->folders[i].told);
	}
	free(adding->folders);
	free(adding->numbers);
	free(adding);
}

/* inotify knows no openat(2): the root is named by its descriptor. Whoever puts a link into the
 * way makes us look at the models once more, no more than that. */
static void add(struct pool_task *task)
{
	struct adding *adding = (struct adding *)task;
	const struct watch *w = adding->watch;

	if (adding->models != NULL)
		adding->folders =
			watch_folders_of(adding->models, adding->n_models, &adding->n);
	adding->numbers = mem_array(adding->n, sizeof(int));
	for (size_t i = 0; i < adding->n; i++) {
		AUTO_CSTR path =
			mem_printf("/proc/self/fd/%d/%s", w->root, adding->folders[i].path);

		adding->numbers[i] =
			adding->is_full ? -1
					: inotify_add_watch(w->fd, path,
							    NEWS | IN_ONLYDIR | IN_DONT_FOLLOW);
		if (adding->numbers[i] < 0 && errno == ENOSPC)
			adding->is_full = true;
	}
}

static void know(struct watch *w, size_t number, struct watch_folder *folder)
{
	size_t n = w->cap;

	if (number >= w->cap) {
		w->cap = number < 512 ? 1024 : number * 2;
		w->told = mem_resize((void *)w->told, w->cap, sizeof(char *));
		w->is_known = mem_resize(w->is_known, w->cap, sizeof(bool));
		memset((void *)(w->told + n), 0, (w->cap - n) * sizeof(char *));
		memset(w->is_known + n, 0, (w->cap - n) * sizeof(bool));
	}
	if (number >= w->n)
		w->n = number + 1;
	if (!w->is_known[number] && w->is_begun)
		soil(w, folder->told);
	w->is_known[number] = true;
	free(w->told[number]);
	w->told[number] = MOVE(folder->told);
}

static void submit(struct watch *w, struct adding *take_adding)
{
	w->adding = take_adding;
	if (take_adding != NULL)
		pool_submit(w->pool, &take_adding->task);
}

static void on_added(struct pool_task *task)
{
	struct adding *adding = (struct adding *)task;
	struct watch *w = adding->watch;

	for (size_t i = 0; i < adding->n && !w->is_stopping; i++) {
		if (adding->numbers[i] > 0)
			know(w, (size_t)adding->numbers[i], &adding->folders[i]);
	}
	if (adding->is_full && !w->has_complained) {
		w->has_complained = true;
		log_warning("the kernel watches no more folders for us"
			    " (fs.inotify.max_user_watches): news in the rest are seen by"
			    " the next look at the disk");
	}
	adding_free(adding);
	w->is_begun = true;
	w->adding = NULL;
	if (!w->is_stopping)
		submit(w, MOVE(w->next));
}

static void begin(struct watch *w, struct adding *take_adding)
{
	take_adding->task.run = add;
	take_adding->task.done = on_added;
	take_adding->watch = w;
	if (w->is_stopping) {
		adding_free(take_adding);
	} else if (w->adding != NULL) {
		adding_free(w->next); /* the newer list has all of it */
		w->next = take_adding;
	} else {
		submit(w, take_adding);
	}
}

void watch_set(struct watch *w, struct watch_folder *take_folders, size_t n)
{
	struct adding *adding = mem_alloc(sizeof(*adding));

	adding->folders = take_folders;
	adding->n = n;
	begin(w, adding);
}

void watch_models(struct watch *w, struct model *const *models, size_t n)
{
	struct adding *adding = mem_alloc(sizeof(*adding));

	adding->models = mem_array(n, sizeof(struct model *));
	for (size_t i = 0; i < n; i++)
		adding->models[i] = model_hold(models[i]);
	adding->n_models = n;
	begin(w, adding);
}

/* --- which --- */

struct list {
	struct watch_folder *v;
	size_t n;
	size_t cap;
};

static void list_add(struct list *list, char *take_path, const char *told)
{
	list->v = mem_grow(list->v, list->n, &list->cap, sizeof(*list->v));
	list->v[list->n++] =
		(struct watch_folder){ .path = take_path, .told = mem_strdup(told) };
}

/* Folders in the model's own: its files are by path, so those of one are together. */
static void add_inner(struct list *list, const struct model *model)
{
	struct str last = S("");
	size_t n = 0;

	for (size_t i = 0; i < model->n && n < WATCH_EACH_MAX; i++) {
		struct str dir = relpath_dirname(str_from(model->files[i].path));

		if (dir.n == 0 || str_is_equal(dir, last) || dir.p[0] == '.')
			continue;
		last = dir;
		list_add(list, mem_printf("%s/%.*s", model->folder, (int)dir.n, dir.p),
			 model->folder);
		n++;
	}
}

/* Models are by folder, so those of one owner are together. */
static void add_above(struct list *list, const char *folder, const char *before)
{
	for (const char *slash = strchr(folder, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		size_t n = (size_t)(slash - folder);

		if (strncmp(folder, before, n + 1) != 0)
			list_add(list, mem_printf("%.*s", (int)n, folder), NULL);
	}
}

struct watch_folder *watch_folders_of(struct model *const *models, size_t n, size_t *ret_n)
{
	struct list list = { .n = 0 };
	const char *before = "";

	list_add(&list, mem_strdup("."), NULL);
	for (size_t i = 0; i < n; i++) {
		const struct model *model = models[i];

		add_above(&list, model->folder, before);
		before = model->folder;
		if (model->is_flat) /* models may come to lie beside its files */
			list_add(&list, mem_strdup(model->folder), NULL);
		else
			list_add(&list, mem_strdup(model->folder), model->folder);
		if (!model->is_flat)
			add_inner(&list, model);
	}
	*ret_n = list.n;
	return list.v;
}

/* --- begin and end --- */

struct watch *watch_new(struct loop *loop, struct pool *pool, int models_root,
			const struct watch_hooks *hooks, struct error *err)
{
	AUTO_FD fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	struct watch *w;

	if (fd < 0) {
		(void)error_set_errno(err, ERR_INTERNAL, "inotify");
		return NULL;
	}
	w = mem_alloc(sizeof(*w));
	w->pool = pool;
	w->root = models_root;
	w->fd = fd;
	fd = -1;
	w->hooks = *hooks;
	w->timer = loop_timer_new(loop, on_quiet, w);
	w->event = event_new(loop_base(loop), w->fd, EV_READ | EV_PERSIST, on_readable, w);
	if (w->event == NULL || event_add(w->event, NULL) < 0)
		bug("libevent refuses inotify's descriptor");
	return w;
}

void watch_stop(struct watch *w)
{
	w->is_stopping = true;
	loop_timer_stop(w->timer);
	(void)event_del(w->event);
}

void watch_free(struct watch **watch)
{
	struct watch *w = *watch;

	*watch = NULL;
	if (w == NULL)
		return;
	adding_free(w->next);
	event_free(w->event);
	loop_timer_free(&w->timer);
	forget_dirty(w);
	for (size_t i = 0; i < w->n; i++)
		free(w->told[i]);
	free((void *)w->told);
	free(w->is_known);
	fd_close(&w->fd);
	free(w);
}
