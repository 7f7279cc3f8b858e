/*
 * A flow is a request under way. Its life: made on the loop, handed to the thread that has the
 * fewest (by mailbox and curl_multi_wakeup), run there, handed back once as a message, freed on
 * the loop after `done`. Between the two hand-overs only its thread touches it.
 */
#include "downloader/fetch.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <curl/curl.h>

#include "common/buf.h"
#include "downloader/home.h"
#include "downloader/tally.h"
#include "downloader/throttle.h"

enum {
	TURN_BYTES = 256 * 1024, /* with a limit, so many for one before it is another's turn */
};

enum sink_choice {
	SINK_UNDECIDED,
	SINK_TAKES,
	SINK_REFUSES, /* the body is collected */
};

struct flow {
	struct loop_message message; /* first: to the thread and back */
	struct flow *prev;           /* the thread's list of running flows */
	struct flow *next;
	struct worker *worker;
	uint64_t id;
	CURL *easy;
	struct curl_slist *headers;
	struct fetch_sink *sink;
	enum sink_choice choice;
	struct buf *body;
	size_t body_max;
	struct fetch_answer answer;
	bool is_failed; /* by a sink: answer.error is set */
	bool is_enough; /* the rest is not wanted */
	bool is_foreign;
	bool is_refused; /* its address is private */
	bool is_paused;  /* until the limit allows more: it is in its worker's queue */
	struct flow *next_paused;
	uint64_t ticket; /* of its pause: the lowest of all threads' goes on first; kept until
			    bytes have come, 0 after */
	size_t turn;     /* bytes that it may still take before others that wait */
	char curl_text[CURL_ERROR_SIZE];
	fetch_done_fn done;
	void *ctx;
};

/* A transfer thread. */
struct worker {
	struct fetch *fetch;
	pthread_t thread;
	CURLM *multi;
	pthread_mutex_t lock; /* guards the mailbox: arrivals, cancels, is_stopping */
	struct loop_message *arrivals;
	struct loop_message **arrivals_last;
	uint64_t *cancels;
	size_t n_cancels;
	size_t cancels_cap;
	bool is_stopping;
	bool is_joined;       /* the loop's own */
	struct flow *running; /* the thread's own */
	uint64_t flushed_ms;  /* when all were flushed last; the thread's own */
	bool has_come;        /* bytes, since it was last asked; the thread's own */
	struct flow *paused;  /* those that wait for the limit, in turn; the thread's own */
	struct flow **paused_last;
	uint64_t first_ticket; /* of the queue; 0: none waits. Under the throttle's lock */
	size_t load;           /* the loop's own: flows not yet done */
};

struct fetch {
	struct loop *loop;
	bool has_bundle; /* of certificates, in a file that can be read */
	struct home home;
	pthread_mutex_t throttle_lock; /* guards the throttle, and who is next */
	struct throttle throttle;
	uint64_t last_ticket;
	uint64_t last_id;
	size_t n_workers;
	struct worker *workers;
};

/* --- curl's callbacks, on the transfer thread --- */

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct flow *flow = arg;
	struct str line = { .p = p, .n = size * n };

	fetch_head_take(&flow->answer.head, line);
	return line.n;
}

static void read_status(struct flow *flow)
{
	curl_off_t length = -1;

	(void)curl_easy_getinfo(flow->easy, CURLINFO_RESPONSE_CODE, &flow->answer.head.status);
	(void)curl_easy_getinfo(flow->easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
	flow->answer.head.content_length = length;
}

static int choose(struct flow *flow)
{
	int taken = 0;

	read_status(flow);
	if (flow->sink != NULL)
		taken = flow->sink->begin(flow->sink, &flow->answer.head, &flow->answer.error);
	flow->choice = taken > 0 ? SINK_TAKES : SINK_REFUSES;
	return taken < 0 ? -1 : 0;
}

static int collect(struct flow *flow, struct str bytes)
{
	size_t room;

	room = flow->body_max - buf_str(flow->body).n;
	buf_add(flow->body, str_sub(bytes, 0, room));
	if (bytes.n > room && flow->answer.head.status / 100 != 2) {
		flow->is_enough = true;
		return -1;
	}
	if (bytes.n > room)
		return error_set(&flow->answer.error, ERR_HUB_PROTOCOL,
				 "the answer is larger than expected");
	return 0;
}

/* Who has waited longest for the limit, or NULL. Under the throttle's lock. */
static struct worker *who_is_next(struct fetch *fetch)
{
	struct worker *next = NULL;

	for (size_t i = 0; i < fetch->n_workers; i++) {
		struct worker *worker = &fetch->workers[i];

		if (worker->first_ticket > 0 &&
		    (next == NULL || worker->first_ticket < next->first_ticket))
			next = worker;
	}
	return next;
}

/* Whose turn it is not waits behind those who wait, of all threads. */
static bool may_come(struct flow *flow, size_t n)
{
	struct fetch *fetch = flow->worker->fetch;
	bool yes;

	(void)pthread_mutex_lock(&fetch->throttle_lock);
	yes = (flow->turn > 0 || !throttle_is_on(&fetch->throttle) ||
	       who_is_next(fetch) == NULL) &&
	      throttle_take(&fetch->throttle, n, clock_steady_ms());
	(void)pthread_mutex_unlock(&fetch->throttle_lock);
	flow->turn = yes && flow->turn > n ? flow->turn - n : 0;
	if (yes)
		flow->ticket = 0;
	return yes;
}

/* The queue has another head. */
static void note_first(struct worker *worker)
{
	(void)pthread_mutex_lock(&worker->fetch->throttle_lock);
	worker->first_ticket = worker->paused != NULL ? worker->paused->ticket : 0;
	(void)pthread_mutex_unlock(&worker->fetch->throttle_lock);
}

/* curl gives the same bytes again when the flow goes on. Whose turn it was, but another
 * thread's flow was faster, is first again. */
static void pause_flow(struct flow *flow)
{
	struct worker *worker = flow->worker;
	bool is_first = flow->ticket > 0;

	flow->is_paused = true;
	flow->next_paused = is_first ? worker->paused : NULL;
	if (is_first)
		worker->paused = flow;
	else
		*worker->paused_last = flow;
	if (flow->next_paused == NULL)
		worker->paused_last = &flow->next_paused;
	(void)pthread_mutex_lock(&worker->fetch->throttle_lock);
	if (!is_first)
		flow->ticket = ++worker->fetch->last_ticket;
	worker->first_ticket = worker->paused->ticket;
	(void)pthread_mutex_unlock(&worker->fetch->throttle_lock);
}

static int give_to_sink(struct flow *flow, struct str bytes)
{
	int taken = flow->sink->write(flow->sink, bytes, &flow->answer.error);

	flow->is_enough = taken > 0;
	return taken == 0 ? 0 : -1;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct flow *flow = arg;
	struct str bytes = { .p = p, .n = size * n };
	int result = 0;

	flow->worker->has_come = true;
	tally_add(TALLY_FETCHED, bytes.n);
	if (flow->choice == SINK_UNDECIDED)
		result = choose(flow);
	if (result == 0 && flow->choice == SINK_TAKES) {
		if (!may_come(flow, bytes.n)) {
			pause_flow(flow);
			return CURL_WRITEFUNC_PAUSE;
		}
		result = give_to_sink(flow, bytes);
	} else if (result == 0) {
		result = collect(flow, bytes);
	}
	if (result < 0) {
		flow->is_failed = !flow->is_enough;
		return CURL_WRITEFUNC_ERROR;
	}
	return size * n;
}

/* --- the transfer thread --- */

static void set_curl_error(struct flow *flow, CURLcode code)
{
	struct error *err = &flow->answer.error;
	const char *text =
		flow->curl_text[0] != '\0' ? flow->curl_text : curl_easy_strerror(code);

	if (flow->is_failed)
		return;
	/* libcurl quotes it whole, with its password. */
	if (str_has_prefix(str_from(text), S("Unsupported proxy")))
		text = "the address of the proxy cannot be understood";
	if (flow->is_refused)
		(void)error_set(err, ERR_HUB_PROTOCOL,
				"the Hub leads to an address inside a private network, while it"
				" is not in one itself");
	else if (code == CURLE_OPERATION_TIMEDOUT)
		(void)error_set(err, ERR_TIMEOUT, "%s", text);
	else
		(void)error_set(err, ERR_NETWORK, "%s", text);
}

/* Whoever takes the head of the queue notes who is first now, when its turn has begun. */
static void leave_queue(struct flow *flow)
{
	struct worker *worker = flow->worker;
	struct flow **at = &worker->paused;

	while (*at != flow)
		at = &(*at)->next_paused;
	*at = flow->next_paused;
	if (*at == NULL)
		worker->paused_last = at;
	flow->is_paused = false;
}

/* The thread whose flow is next may sleep. */
static void pass_turn(struct worker *worker)
{
	struct worker *next;

	(void)pthread_mutex_lock(&worker->fetch->throttle_lock);
	next = who_is_next(worker->fetch);
	(void)pthread_mutex_unlock(&worker->fetch->throttle_lock);
	if (next != NULL && next != worker)
		(void)curl_multi_wakeup(next->multi);
}

/* The first failure of a sink counts. */
static void flush(struct flow *flow)
{
	struct error err;

	if (flow->choice != SINK_TAKES || flow->sink->flush(flow->sink, &err) == 0 ||
	    flow->is_failed)
		return;
	flow->answer.error = err;
	flow->is_failed = true;
}

/* What has become of the request. */
static void judge(struct flow *flow, CURLcode code)
{
	if (flow->is_enough)
		code = CURLE_OK;
	/* An answer without a body has not been through choose(). */
	if (code == CURLE_OK && flow->choice == SINK_UNDECIDED && choose(flow) < 0)
		flow->is_failed = true;
	flush(flow);
	if (code != CURLE_OK)
		set_curl_error(flow, code);
}

/* Takes the flow off the thread and sends it home. */
static void send_home(struct flow *flow, CURLcode code)
{
	struct worker *worker = flow->worker;

	fetch_trace_read(flow->easy, (int)code, &flow->answer.trace);
	judge(flow, code);
	if (flow->prev != NULL)
		flow->prev->next = flow->next;
	else
		worker->running = flow->next;
	if (flow->next != NULL)
		flow->next->prev = flow->prev;
	if (flow->is_paused)
		leave_queue(flow);
	note_first(worker);
	pass_turn(worker);
	(void)curl_multi_remove_handle(worker->multi, flow->easy);
	flow->answer.body = buf_str(flow->body);
	loop_post(worker->fetch->loop, &flow->message);
}

/* Milliseconds until the thread's first flow may go on. Before its turn it may when the limit
 * lies idle: whoever's turn it is does not use it. */
static uint64_t wait_of_first(struct worker *worker)
{
	struct fetch *fetch = worker->fetch;
	uint64_t now_ms = clock_steady_ms();
	uint64_t wait_ms;

	(void)pthread_mutex_lock(&fetch->throttle_lock);
	if (who_is_next(fetch) == worker)
		wait_ms = throttle_wait_ms(&fetch->throttle, now_ms);
	else
		wait_ms = throttle_fill_ms(&fetch->throttle, now_ms);
	(void)pthread_mutex_unlock(&fetch->throttle_lock);
	return wait_ms;
}

/* Lets the flow that has waited longest go on, if the limit allows. Only one at a time: it
 * takes its turn until it is stopped again, and is behind all others then. Returns the
 * milliseconds until there is more to do. */
static int resume_paused(struct worker *worker, int longest_ms)
{
	struct flow *flow = worker->paused;
	uint64_t wait_ms;
	CURLcode code;

	if (flow == NULL)
		return longest_ms;
	wait_ms = wait_of_first(worker);
	if (wait_ms > 0)
		return wait_ms < (uint64_t)longest_ms ? (int)wait_ms : longest_ms;
	leave_queue(flow);
	flow->turn = TURN_BYTES;
	/* The bytes that waited come here: until then nobody else is next. What the sink says
	 * of them is told here, and only here. */
	code = curl_easy_pause(flow->easy, CURLPAUSE_CONT);
	if (code != CURLE_OK)
		send_home(flow, code);
	note_first(worker);
	pass_turn(worker);
	return 0;
}

static void begin(struct worker *worker, struct flow *flow)
{
	flow->prev = NULL;
	flow->next = worker->running;
	if (worker->running != NULL)
		worker->running->prev = flow;
	worker->running = flow;
	tally_add(TALLY_REQUESTS, 1);
	(void)curl_multi_add_handle(worker->multi, flow->easy);
}

static void cancel_flow(struct flow *flow)
{
	(void)error_set(&flow->answer.error, ERR_CANCELLED, "cancelled");
	flow->is_failed = true;
	send_home(flow, CURLE_ABORTED_BY_CALLBACK);
}

static void cancel_id(struct worker *worker, uint64_t id)
{
	for (struct flow *flow = worker->running; flow != NULL; flow = flow->next) {
		if (flow->id == id) {
			cancel_flow(flow);
			return;
		}
	}
}

/* Empties the mailbox. Arrivals come before cancels, so that a cancel finds its flow. */
static bool read_mailbox(struct worker *worker)
{
	struct loop_message *arrivals;
	uint64_t *cancels;
	size_t n_cancels;
	bool is_stopping;

	(void)pthread_mutex_lock(&worker->lock);
	arrivals = worker->arrivals;
	worker->arrivals = NULL;
	worker->arrivals_last = &worker->arrivals;
	cancels = MOVE(worker->cancels);
	n_cancels = worker->n_cancels;
	worker->n_cancels = 0;
	worker->cancels_cap = 0;
	is_stopping = worker->is_stopping;
	(void)pthread_mutex_unlock(&worker->lock);

	while (arrivals != NULL) {
		struct flow *flow = (struct flow *)arrivals;

		arrivals = arrivals->next;
		begin(worker, flow);
	}
	for (size_t i = 0; i < n_cancels; i++)
		cancel_id(worker, cancels[i]);
	free(cancels);
	return is_stopping;
}

static void collect_finished(struct worker *worker)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(worker->multi, &left)) != NULL) {
		CURLcode code = message->data.result;
		char *flow = NULL;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &flow);
		send_home((struct flow *)(void *)flow, code);
	}
}

/* Nobody's bytes are kept back for long. */
static void flush_all(struct worker *worker, bool is_idle)
{
	uint64_t now_ms = clock_steady_ms();
	struct flow *next;

	if (!is_idle && now_ms - worker->flushed_ms < FETCH_FLUSH_MS)
		return;
	worker->flushed_ms = now_ms;
	for (struct flow *flow = worker->running; flow != NULL; flow = next) {
		next = flow->next;
		flush(flow);
		if (flow->is_failed)
			send_home(flow, CURLE_WRITE_ERROR);
	}
}

/* Until there is something to do. Where bytes have just come there are more, for they are taken
 * faster than a line brings them: the question is spared. */
static void sleep_idle(struct worker *worker, int longest_ms)
{
	bool has_come = worker->has_come;
	int ready = 1;

	worker->has_come = false;
	/* Last, so that the flows that have just been stopped are not slept over. */
	longest_ms = resume_paused(worker, longest_ms);
	if (!has_come)
		(void)curl_multi_poll(worker->multi, NULL, 0, longest_ms, &ready);
	flush_all(worker, ready == 0 && worker->paused == NULL);
}

static void *work(void *arg)
{
	enum {
		POLL_MS = 1000
	};
	struct worker *worker = arg;
	int running;

	while (!read_mailbox(worker)) {
		(void)curl_multi_perform(worker->multi, &running);
		collect_finished(worker);
		sleep_idle(worker, running > 0 ? FETCH_FLUSH_MS : POLL_MS);
	}
	while (worker->running != NULL)
		cancel_flow(worker->running);
	return NULL;
}

/* --- the loop's side --- */

static void finish(struct loop_message *message)
{
	struct flow *flow = (struct flow *)message;

	flow->worker->load--;
	flow->done(flow->ctx, &flow->answer);
	fetch_head_clear(&flow->answer.head);
	curl_slist_free_all(flow->headers);
	curl_easy_cleanup(flow->easy);
	buf_free(&flow->body);
	free(flow);
}

static void set_option_failed(void)
{
	bug("libcurl refused an option");
}

/* libcurl checks each option's type by macro, so this must be a macro too. */
#define SET(easy, option, value)                                             \
	do {                                                                 \
		if (curl_easy_setopt((easy), (option), (value)) != CURLE_OK) \
			set_option_failed();                                 \
	} while (0)

static void add_header(struct flow *flow, const char *name, const char *value)
{
	AUTO_CSTR line = mem_printf("%s: %s", name, value);
	struct curl_slist *longer = curl_slist_append(flow->headers, line);

	assert(longer != NULL);
	flow->headers = longer;
}

static void set_headers(struct flow *flow, const struct fetch_request *request)
{
	/* A gzip answer would have no length and could not be resumed (HUB-API 4.1). */
	add_header(flow, "Accept-Encoding", "identity");
	if (request->accept != NULL)
		add_header(flow, "Accept", request->accept);
	if (request->bearer != NULL) {
		AUTO_CSTR value = mem_printf("Bearer %s", request->bearer);

		add_header(flow, "Authorization", value);
	}
	if (request->post != NULL) {
		add_header(flow, "Content-Type", request->content_type);
		add_header(flow, "Expect", ""); /* what is posted is short */
	}
	for (size_t i = 0; i < request->n_headers; i++)
		add_header(flow, request->headers[i].name, request->headers[i].value);
	SET(flow->easy, CURLOPT_HTTPHEADER, flow->headers);
}

/* A buffer as large as the body, at most: for small files the kernel would clear pages that
 * nobody uses. */
static long buffer_size(const struct fetch_request *request)
{
	uint64_t length = request->range_last - request->range_first + 1;

	if (!request->has_range || length > FETCH_BUFFER)
		return FETCH_BUFFER;
	return length < CURL_MAX_WRITE_SIZE ? CURL_MAX_WRITE_SIZE : (long)length;
}

/* The address is the one that is connected to: no name can mean another one meanwhile. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct flow *flow = arg;
	struct fetch *fetch = flow->worker->fetch;

	(void)purpose;
	if (!home_may_connect(&fetch->home, &address->addr, flow->is_foreign)) {
		flow->is_refused = true;
		return CURL_SOCKET_BAD;
	}
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static void set_options(struct flow *flow, const struct fetch_request *request)
{
	CURL *easy = flow->easy;
	char range[64];

	SET(easy, CURLOPT_URL, request->url);
	SET(easy, CURLOPT_PRIVATE, (void *)flow);
	SET(easy, CURLOPT_ERRORBUFFER, flow->curl_text);
	SET(easy, CURLOPT_NOSIGNAL, 1L);
	SET(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
	SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(easy, CURLOPT_USERAGENT, "larder/" LARDER_VERSION);
	SET(easy, CURLOPT_BUFFERSIZE, buffer_size(request));
	SET(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	SET(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)FETCH_CONNECT_TIMEOUT_MS);
	SET(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	SET(easy, CURLOPT_LOW_SPEED_TIME, (long)FETCH_STALL_S);
	if (request->total_timeout_ms > 0)
		SET(easy, CURLOPT_TIMEOUT_MS, (long)request->total_timeout_ms);
	/* libcurl keeps the certificates it trusts from one connection to the next only where
	 * they come from a file alone (vtls/openssl.c). To read Debian's anew takes 10 ms and
	 * some MiB each time. */
	if (flow->worker->fetch->has_bundle)
		SET(easy, CURLOPT_CAPATH, (char *)NULL);
	SET(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	SET(easy, CURLOPT_OPENSOCKETDATA, flow);
	SET(easy, CURLOPT_HEADERFUNCTION, on_header);
	SET(easy, CURLOPT_HEADERDATA, flow);
	SET(easy, CURLOPT_WRITEFUNCTION, on_body);
	SET(easy, CURLOPT_WRITEDATA, flow);
	if (request->has_range) {
		(void)snprintf(range, sizeof(range), "%llu-%llu",
			       (unsigned long long)request->range_first,
			       (unsigned long long)request->range_last);
		SET(easy, CURLOPT_RANGE, range);
	}
	if (request->post != NULL) {
		SET(easy, CURLOPT_POSTFIELDSIZE, (long)strlen(request->post));
		SET(easy, CURLOPT_COPYPOSTFIELDS, request->post);
	}
	set_headers(flow, request);
}

static struct worker *pick_worker(struct fetch *fetch, unsigned thread)
{
	struct worker *best = &fetch->workers[0];

	if (thread > 0 && thread <= fetch->n_workers)
		return &fetch->workers[thread - 1];

	for (size_t i = 1; i < fetch->n_workers; i++) {
		if (fetch->workers[i].load < best->load)
			best = &fetch->workers[i];
	}
	return best;
}

/* The worker's index is in the id, so that a cancel finds it. */
static uint64_t make_id(struct fetch *fetch, const struct worker *worker)
{
	return ++fetch->last_id * fetch->n_workers + (uint64_t)(worker - fetch->workers);
}

uint64_t fetch_start(struct fetch *fetch, const struct fetch_request *request,
		     fetch_done_fn done, void *ctx)
{
	struct flow *flow = mem_alloc(sizeof(*flow));
	struct worker *worker = pick_worker(fetch, request->thread);
	uint64_t id = make_id(fetch, worker);

	flow->message.fn = finish;
	flow->worker = worker;
	flow->id = id;
	flow->easy = curl_easy_init();
	assert(flow->easy != NULL);
	flow->sink = request->sink;
	flow->is_foreign = request->is_foreign;
	flow->body = buf_new(request->body_max);
	flow->body_max = request->body_max;
	flow->answer.head.content_length = -1;
	flow->answer.thread = (unsigned)(worker - fetch->workers) + 1;
	flow->done = done;
	flow->ctx = ctx;
	set_options(flow, request);
	worker->load++;
	if (worker->is_joined) {
		(void)error_set(&flow->answer.error, ERR_CANCELLED, "larderd is stopping");
		loop_post(fetch->loop, &flow->message);
		return id;
	}
	(void)pthread_mutex_lock(&worker->lock);
	*worker->arrivals_last = &flow->message;
	worker->arrivals_last = &flow->message.next;
	(void)pthread_mutex_unlock(&worker->lock);
	(void)curl_multi_wakeup(worker->multi);
	return id;
}

void fetch_cancel(struct fetch *fetch, uint64_t id)
{
	struct worker *worker = &fetch->workers[id % fetch->n_workers];

	(void)pthread_mutex_lock(&worker->lock);
	worker->cancels = mem_grow(worker->cancels, worker->n_cancels, &worker->cancels_cap,
				   sizeof(*worker->cancels));
	worker->cancels[worker->n_cancels++] = id;
	(void)pthread_mutex_unlock(&worker->lock);
	(void)curl_multi_wakeup(worker->multi);
}

void fetch_set_limit(struct fetch *fetch, uint64_t rate_bps)
{
	(void)pthread_mutex_lock(&fetch->throttle_lock);
	throttle_set(&fetch->throttle, rate_bps, clock_steady_ms());
	(void)pthread_mutex_unlock(&fetch->throttle_lock);
	for (size_t i = 0; i < fetch->n_workers; i++)
		(void)curl_multi_wakeup(fetch->workers[i].multi);
}

static bool has_bundle(void)
{
	const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);

	return version->age >= CURLVERSION_SEVENTH && version->cainfo != NULL &&
	       access(version->cainfo, R_OK) == 0;
}

static int worker_start(struct worker *worker, struct fetch *fetch, struct error *err)
{
	worker->fetch = fetch;
	worker->arrivals_last = &worker->arrivals;
	worker->paused_last = &worker->paused;
	worker->multi = curl_multi_init();
	if (worker->multi == NULL)
		return error_set(err, ERR_INTERNAL, "libcurl does not start");
	/* By itself it keeps four times as many as there are requests at that moment: in the
	 * pauses between small files it would close what the next ones need. */
	(void)curl_multi_setopt(worker->multi, CURLMOPT_MAXCONNECTS, (long)FETCH_KEPT);
	(void)pthread_mutex_init(&worker->lock, NULL);
	errno = pthread_create(&worker->thread, NULL, work, worker);
	if (errno != 0) {
		(void)curl_multi_cleanup(worker->multi);
		(void)pthread_mutex_destroy(&worker->lock);
		return error_set_errno(err, ERR_INTERNAL, "a transfer thread");
	}
	return 0;
}

struct fetch *fetch_new(struct loop *loop, size_t n_threads, struct error *err)
{
	AUTO(fetch) fetch = mem_alloc(sizeof(*fetch));

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		(void)error_set(err, ERR_INTERNAL, "libcurl does not start");
		return NULL;
	}
	fetch->loop = loop;
	fetch->has_bundle = has_bundle();
	home_init(&fetch->home);
	(void)pthread_mutex_init(&fetch->throttle_lock, NULL);
	fetch->workers = mem_array(n_threads, sizeof(*fetch->workers));
	while (fetch->n_workers < n_threads) {
		if (worker_start(&fetch->workers[fetch->n_workers], fetch, err) < 0)
			return NULL;
		fetch->n_workers++;
	}
	return MOVE(fetch);
}

/* Flows on their way home still name their worker, so the loop's messages are run before this.
 */
void fetch_stop(struct fetch *fetch)
{
	for (size_t i = 0; i < fetch->n_workers; i++) {
		struct worker *worker = &fetch->workers[i];

		(void)pthread_mutex_lock(&worker->lock);
		worker->is_stopping = true;
		(void)pthread_mutex_unlock(&worker->lock);
		(void)curl_multi_wakeup(worker->multi);
	}
	for (size_t i = 0; i < fetch->n_workers; i++) {
		if (!fetch->workers[i].is_joined)
			(void)pthread_join(fetch->workers[i].thread, NULL);
		fetch->workers[i].is_joined = true;
	}
}

void fetch_free(struct fetch **fetch)
{
	struct fetch *f = *fetch;

	if (f == NULL)
		return;
	fetch_stop(f);
	for (size_t i = 0; i < f->n_workers; i++) {
		struct worker *worker = &f->workers[i];

		(void)curl_multi_cleanup(worker->multi);
		(void)pthread_mutex_destroy(&worker->lock);
		free(worker->cancels);
	}
	(void)pthread_mutex_destroy(&f->throttle_lock);
	free(f->workers);
	free(f);
	*fetch = NULL;
	curl_global_cleanup();
}
