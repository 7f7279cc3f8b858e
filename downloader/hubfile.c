#include "downloader/hubfile.h"

#include <stdlib.h>
#include <string.h>

#include "downloader/hub_url.h"

struct hubfile {
	struct fetch_sink sink; /* first; its two functions run on the transfer thread */
	struct hub *hub;
	struct hubfile_request request;
	char *url;
	uint64_t fetch_id;
	unsigned hops;
	bool is_cancelled;
	uint64_t at; /* the next byte's offset; the transfer thread's while a fetch runs */
};

/* --- on the transfer thread --- */

static int check_partial(const struct hubfile *get, const struct fetch_head *head,
			 struct error *err)
{
	struct str range = str_from(head->headers[FETCH_CONTENT_RANGE]);
	uint64_t first = 0;
	uint64_t last = 0;
	uint64_t total = 0;

	if (hub_parse_content_range(range, &first, &last, &total) < 0)
		return error_set(err, ERR_HUB_PROTOCOL,
				 "a partial answer does not say which part it is");
	if (first != get->request.offset || last != get->request.size - 1 ||
	    total != get->request.size)
		return error_set(err, ERR_HUB_PROTOCOL,
				 "asked for bytes %llu-%llu of %llu, got %llu-%llu of %llu",
				 (unsigned long long)get->request.offset,
				 (unsigned long long)get->request.size - 1,
				 (unsigned long long)get->request.size,
				 (unsigned long long)first, (unsigned long long)last,
				 (unsigned long long)total);
	return 1;
}

static int check_whole(const struct hubfile *get, const struct fetch_head *head,
		       struct error *err)
{
	if (get->request.offset > 0)
		return error_set(err, ERR_RANGE_IGNORED,
				 "the server ignored the range and would begin again");
	if (head->content_length >= 0 && (uint64_t)head->content_length != get->request.size)
		return error_set(
			err, ERR_HUB_PROTOCOL, "%lld bytes are offered, %llu were promised",
			(long long)head->content_length, (unsigned long long)get->request.size);
	return 1;
}

/* Does a hop of the Hub's own speak of the file that the plan means? */
static int check_identity(const struct hubfile *get, const struct fetch_head *head,
			  struct error *err)
{
	const struct hubfile_request *wanted = &get->request;
	struct str commit = str_from(head->headers[FETCH_REPO_COMMIT]);
	struct str etag = hub_parse_etag(str_from(head->headers[FETCH_LINKED_ETAG]));
	struct str size_text = str_from(head->headers[FETCH_LINKED_SIZE]);
	uint64_t size = 0;

	if (!hub_url_is_same_origin(get->url, hub_endpoint(get->hub)) || head->status / 100 > 3)
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

static int begin_body(struct fetch_sink *sink, const struct fetch_head *head, struct error *err)
{
	struct hubfile *get = (struct hubfile *)sink;
	struct str encoding = str_from(head->headers[FETCH_CONTENT_ENCODING]);

	if (head->status / 100 != 2)
		return 0;
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

static int write_body(struct fetch_sink *sink, struct str bytes, struct error *err)
{
	struct hubfile *get = (struct hubfile *)sink;

	if (bytes.n > get->request.size - get->at)
		return error_set(err, ERR_HUB_PROTOCOL, "more bytes came than were promised");
	if (get->request.write(get->request.ctx, bytes, get->at, err) < 0)
		return -1;
	get->at += bytes.n;
	return 0;
}

/* --- on the loop --- */

static void request(struct hubfile *get);

static void finish(struct hubfile *get, const struct error *err)
{
	struct hubfile_request request = get->request;

	free(get->url);
	free(get);
	request.done(request.ctx, err);
}

static int go_on(struct hubfile *get, const struct fetch_head *head, struct error *err)
{
	char *url;

	if (head->headers[FETCH_LOCATION] == NULL)
		return error_set(err, ERR_HUB_PROTOCOL, "a redirect says not where to");
	if (++get->hops > HUB_HOPS_MAX)
		return error_set(err, ERR_HUB_PROTOCOL, "more than %d redirects", HUB_HOPS_MAX);
	url = hub_url_join(get->url, str_from(head->headers[FETCH_LOCATION]), err);
	if (url == NULL)
		return -1;
	free(get->url);
	get->url = url;
	request(get);
	return 0;
}

static int check_end(const struct hubfile *get, struct error *err)
{
	if (get->at != get->request.size)
		return error_set(err, ERR_NETWORK, "the connection ended %llu bytes short",
				 (unsigned long long)(get->request.size - get->at));
	return 0;
}

/* 1: done, 0: another hop is under way, -1: failed. */
static int handle_answer(struct hubfile *get, const struct fetch_answer *answer,
			 struct error *err)
{
	if (answer->error.code == ERR_NONE && check_identity(get, &answer->head, err) < 0)
		return -1;
	if (get->is_cancelled)
		return error_set(err, ERR_CANCELLED, "cancelled");
	if (answer->error.code == ERR_NONE && answer->head.status / 100 == 3)
		return go_on(get, &answer->head, err);
	if (hub_check_answer(get->hub, get->url, answer, true, get->request.repo,
			     get->request.path, err) < 0)
		return -1;
	return check_end(get, err) < 0 ? -1 : 1;
}

static void on_answer(void *ctx, const struct fetch_answer *answer)
{
	struct hubfile *get = ctx;
	struct error err;
	int result = handle_answer(get, answer, &err);

	if (result != 0)
		finish(get, result < 0 ? &err : NULL);
}

static void request(struct hubfile *get)
{
	struct fetch_request wanted = {
		.url = get->url,
		.bearer = hub_bearer(get->hub, get->url),
		.has_range = true,
		.range_first = get->request.offset,
		.range_last = get->request.size - 1,
		.body_max = HUB_ERROR_MAX,
		.sink = &get->sink,
	};

	get->fetch_id = fetch_start(hub_fetch(get->hub), &wanted, on_answer, get);
}

struct hubfile *hubfile_get(struct hub *hub, const struct hubfile_request *wanted)
{
	struct hubfile *get = mem_alloc(sizeof(*get));

	assert(wanted->offset < wanted->size);
	get->sink.begin = begin_body;
	get->sink.write = write_body;
	get->hub = hub;
	get->request = *wanted;
	get->at = wanted->offset;
	get->url = hub_url_resolve(hub_endpoint(hub), wanted->type, wanted->repo,
				   wanted->commit, wanted->path);
	request(get);
	return get;
}

void hubfile_cancel(struct hubfile *get)
{
	get->is_cancelled = true;
	fetch_cancel(hub_fetch(get->hub), get->fetch_id);
}
