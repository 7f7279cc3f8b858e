#include "downloader/hubfile.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "downloader/hub_url.h"

struct hubfile {
	struct hub *hub;
	struct hubfile_identity identity;
	char *url;           /* shared; NULL: walk from the Hub's address */
	unsigned generation; /* of the url: a refusal of an older one says nothing */
	uint64_t stale_ms;   /* when it is not used any more, by the steady clock; 0: never */
	_Atomic bool is_answering; /* bytes have come from where the walk ends */
	size_t n_gets;
	size_t n_walking; /* of these, on their way to the address */
	unsigned thread;  /* of its plain connections; 0: not known yet */
};

struct hubfile_get {
	struct fetch_sink sink; /* first; its functions run on the transfer thread */
	struct hubfile *file;
	struct hubfile_range range;
	char *url;
	unsigned generation; /* of the shared address that it uses; 0: none */
	uint64_t fetch_id;
	unsigned hops;
	bool is_walking;
	bool is_cancelled;
	struct error refusal; /* when the Hub's quota is used up */
	bool is_enough;       /* the receiver wants no more */
	uint64_t at; /* the next byte's offset; the transfer thread's while a fetch runs */
};

/* --- on the transfer thread --- */

static int check_partial(const struct hubfile_get *get, const struct fetch_head *head,
			 struct error *err)
{
	struct str text = str_from(head->headers[FETCH_CONTENT_RANGE]);
	uint64_t size = get->file->identity.size;
	uint64_t first = 0;
	uint64_t last = 0;
	uint64_t total = 0;

	if (hub_parse_content_range(text, &first, &last, &total) < 0)
		return error_set(err, ERR_HUB_PROTOCOL,
				 "a partial answer does not say which part it is");
	if (first != get->range.first || last != get->range.end - 1 || total != size)
		return error_set(err, ERR_HUB_PROTOCOL,
				 "asked for bytes %llu-%llu of %llu, got %llu-%llu of %llu",
				 (unsigned long long)get->range.first,
				 (unsigned long long)get->range.end - 1,
				 (unsigned long long)size, (unsigned long long)first,
				 (unsigned long long)last, (unsigned long long)total);
	return 1;
}

static int check_whole(const struct hubfile_get *get, const struct fetch_head *head,
		       struct error *err)
{
	uint64_t size = get->file->identity.size;

	if (get->range.first > 0)
		return error_set(err, ERR_RANGE_IGNORED,
				 "the server ignored the range and would begin again");
	if (head->content_length >= 0 && (uint64_t)head->content_length != size)
		return error_set(err, ERR_HUB_PROTOCOL,
				 "%lld bytes are offered, %llu were promised",
				 (long long)head->content_length, (unsigned long long)size);
	return 1;
}

/* Does a hop of the Hub's own speak of the file that the plan means? */
static int check_identity(const struct hubfile_get *get, const struct fetch_head *head,
			  struct error *err)
{
	const struct hubfile_identity *wanted = &get->file->identity;
	struct str commit = str_from(head->headers[FETCH_REPO_COMMIT]);
	struct str etag = hub_parse_etag(str_from(head->headers[FETCH_LINKED_ETAG]));
	struct str size_text = str_from(head->headers[FETCH_LINKED_SIZE]);
	uint64_t size = 0;

	if (!hub_url_is_same_origin(get->url, hub_endpoint(get->file->hub)) ||
	    head->status / 100 > 3)
		return 0;
	if (commit.n > 0 && !str_is_equal(commit, str_from(wanted->commit)))
		return error_set(err, ERR_HUB_PROTOCOL, "the Hub answers for another commit");
	if (etag.n > 0 && !str_is_equal_nocase(etag, str_from(wanted->digest)))
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the Hub names another digest than its listing");
	if (size_text.n > 0 &&
	    (str_to_u64(size_text, 0, UINT64_MAX, &size) < 0 || size != wanted->size))
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the Hub names another size than its listing");
	return 0;
}

static int check_body(const struct hubfile_get *get, const struct fetch_head *head,
		      struct error *err)
{
	struct str encoding = str_from(head->headers[FETCH_CONTENT_ENCODING]);

	if (check_identity(get, head, err) < 0)
		return -1;
	if (encoding.n > 0 && !str_is_equal_nocase(encoding, S("identity")))
		return error_set(err, ERR_HUB_PROTOCOL,
				 "the bytes come compressed, which was not asked for");
	if (head->status == 206)
		return check_partial(get, head, err);
	if (head->status == 200)
		return check_whole(get, head, err);
	return error_set(err, ERR_HUB_PROTOCOL, "an answer with status %ld", head->status);
}

static int begin_body(struct fetch_sink *sink, const struct fetch_head *head, struct error *err)
{
	struct hubfile_get *get = (struct hubfile_get *)sink;
	int taken;

	if (head->status / 100 != 2)
		return 0;
	taken = check_body(get, head, err);
	if (taken > 0)
		atomic_store(&get->file->is_answering, true);
	return taken;
}

/* A server without ranges sends the whole file: what comes after the range is left to it. */
static int write_body(struct fetch_sink *sink, struct str bytes, struct error *err)
{
	struct hubfile_get *get = (struct hubfile_get *)sink;
	uint64_t room = get->range.end - get->at;
	struct str wanted = bytes.n > room ? str_sub(bytes, 0, (size_t)room) : bytes;
	int taken;

	if (bytes.n > get->file->identity.size - get->at)
		return error_set(err, ERR_HUB_PROTOCOL, "more bytes came than were promised");
	taken = get->range.write(get->range.ctx, wanted, err);
	if (taken < 0)
		return -1;
	get->at += wanted.n;
	get->is_enough = taken > 0 || wanted.n < bytes.n;
	return get->is_enough ? 1 : 0;
}

static int flush_body(struct fetch_sink *sink, struct error *err)
{
	struct hubfile_get *get = (struct hubfile_get *)sink;

	return get->range.flush(get->range.ctx, err);
}

/* --- the shared address --- */

static bool is_fresh(const struct hubfile *file)
{
	return file->url != NULL && (file->stale_ms == 0 || clock_steady_ms() < file->stale_ms);
}

static void end_walk(struct hubfile_get *get)
{
	get->file->n_walking -= get->is_walking ? 1 : 0;
	get->is_walking = false;
}

/* An address that is already past its time, or says so, is believed to be good until it is
 * refused: then our clock is wrong. */
static void share(struct hubfile_get *get)
{
	struct hubfile *file = get->file;
	uint64_t expires_s = hub_url_expires(get->url);
	uint64_t now_s = (uint64_t)(clock_unix_ms() / 1000);

	free(file->url);
	file->url = mem_strdup(get->url);
	file->stale_ms = 0;
	if (expires_s > now_s + HUBFILE_EXPIRY_S)
		file->stale_ms =
			clock_steady_ms() + (expires_s - now_s - HUBFILE_EXPIRY_S) * 1000;
	get->generation = ++file->generation;
	end_walk(get); /* its body may take long, and the address may be refused meanwhile */
}

static void forget_address(struct hubfile *file)
{
	free(file->url);
	file->url = NULL;
	atomic_store(&file->is_answering, false);
}

bool hubfile_is_resolved(const struct hubfile *file)
{
	return is_fresh(file) || (file->url == NULL && atomic_load(&file->is_answering));
}

bool hubfile_has_room(const struct hubfile *file)
{
	return hubfile_is_resolved(file) || file->n_walking == 0;
}

/* --- on the loop --- */

static void request(struct hubfile_get *get);

static void finish(struct hubfile_get *get, unsigned thread, const struct error *err)
{
	struct hubfile_range range = get->range;

	if (err != NULL && err->code == ERR_URL_EXPIRED && get->generation > 0 &&
	    get->generation == get->file->generation)
		forget_address(get->file);
	get->file->n_gets--;
	end_walk(get);
	free(get->url);
	free(get);
	range.done(range.ctx, thread, err);
}

static int go_on(struct hubfile_get *get, const struct fetch_head *head, struct error *err)
{
	char *url = hub_redirect(get->url, head, &get->hops, err);

	if (url == NULL)
		return -1;
	free(get->url);
	get->url = url;
	share(get);
	request(get);
	return 0;
}

static int check_end(const struct hubfile_get *get, struct error *err)
{
	if (get->at != get->range.end && !get->is_enough)
		return error_set(err, ERR_NETWORK, "the connection ended %llu bytes short",
				 (unsigned long long)(get->range.end - get->at));
	return 0;
}

/* Where nothing has to be decrypted, one thread does for one file: two would only wait for each
 * other to write to it, and burn CPU while they do. */
static bool is_plain(const char *url)
{
	return str_has_prefix(str_from(url), S("http://"));
}

/* 1: done, 0: another hop is under way, -1: failed. */
static int handle_answer(struct hubfile_get *get, const struct fetch_answer *answer,
			 struct error *err)
{
	const struct hubfile_identity *identity = &get->file->identity;

	if (answer->error.code == ERR_NONE && check_identity(get, &answer->head, err) < 0)
		return -1;
	if (get->is_cancelled)
		return error_set(err, ERR_CANCELLED, "cancelled");
	if (answer->error.code == ERR_NONE && answer->head.status / 100 == 3)
		return go_on(get, &answer->head, err);
	if (hub_check_answer(get->file->hub, get->url, answer, true,
			     hub_bearer(get->file->hub, get->url) != NULL, identity->repo,
			     identity->path, err) < 0)
		return -1;
	return check_end(get, err) < 0 ? -1 : 1;
}

static void on_answer(void *ctx, const struct fetch_answer *answer)
{
	struct hubfile_get *get = ctx;
	unsigned thread = answer->thread;
	struct error err;
	int result;

	if (is_plain(get->url))
		get->file->thread = answer->thread;
	hub_note_quota(get->file->hub, get->url, &answer->head);
	result = handle_answer(get, answer, &err);
	if (result != 0)
		finish(get, thread, result < 0 ? &err : NULL);
}

/* The Hub is not even asked. */
static void refuse(void *ctx)
{
	struct hubfile_get *get = ctx;
	struct error err = get->refusal;

	if (get->is_cancelled)
		(void)error_set(&err, ERR_CANCELLED, "cancelled");
	finish(get, 0, &err);
}

static unsigned pick_thread(const struct hubfile_get *get)
{
	if (is_plain(get->url) && get->file->thread != 0)
		return get->file->thread;
	return get->range.thread;
}

static void request(struct hubfile_get *get)
{
	struct hub *hub = get->file->hub;
	struct fetch_request wanted = {
		.url = get->url,
		.bearer = hub_bearer(hub, get->url),
		.is_foreign = !hub_url_is_same_origin(get->url, hub_endpoint(hub)),
		.has_range = true,
		.range_first = get->range.first,
		.range_last = get->range.end - 1,
		.body_max = HUB_ERROR_MAX,
		.sink = &get->sink,
		.thread = pick_thread(get),
	};

	if (hub_check_quota(hub, get->url, &get->refusal) < 0) {
		loop_defer(hub_loop(hub), refuse, get);
		return;
	}
	get->fetch_id = fetch_start(hub_fetch(hub), &wanted, on_answer, get);
}

struct hubfile_get *hubfile_get(struct hubfile *file, const struct hubfile_range *range)
{
	const struct hubfile_identity *identity = &file->identity;
	struct hubfile_get *get = mem_alloc(sizeof(*get));

	assert(range->first < range->end && range->end <= identity->size);
	get->sink.begin = begin_body;
	get->sink.write = write_body;
	get->sink.flush = flush_body;
	get->file = file;
	get->range = *range;
	get->at = range->first;
	if (is_fresh(file)) {
		get->url = mem_strdup(file->url);
		get->generation = file->generation;
	} else {
		get->url = hub_url_resolve(hub_endpoint(file->hub), identity->type,
					   identity->repo, identity->commit, identity->path);
		get->is_walking = true;
		file->n_walking++;
	}
	file->n_gets++;
	request(get);
	return get;
}

void hubfile_cancel(struct hubfile_get *get)
{
	get->is_cancelled = true;
	if (get->fetch_id != 0)
		fetch_cancel(hub_fetch(get->file->hub), get->fetch_id);
}

struct hubfile *hubfile_new(struct hub *hub, const struct hubfile_identity *identity)
{
	struct hubfile *file = mem_alloc(sizeof(*file));

	assert(identity->size > 0);
	file->hub = hub;
	file->identity = *identity;
	return file;
}

void hubfile_free(struct hubfile **file)
{
	struct hubfile *f = *file;

	if (f == NULL)
		return;
	assert(f->n_gets == 0);
	free(f->url);
	free(f);
	*file = NULL;
}
