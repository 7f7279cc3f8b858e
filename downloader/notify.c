#include "downloader/notify.h"

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"
#include "common/log.h"
#include "downloader/hub_url.h"
#include "downloader/store.h"

enum {
	TELL_WEBHOOK = 1, /* bits of store_notice.pending */
	TELL_COMMAND = 2,
	ANSWER_MAX = 4096, /* bytes of what the other side says, of which nothing is used */
};

/* One end that is being told. */
struct notice {
	struct notice *next;
	struct notify *notify;
	struct store_notice stored;
	struct loop_timer *timer; /* to the next try of the webhook */
	unsigned tries;
	uint64_t fetch_id; /* 0: not asked */
};

struct notify {
	struct notify_plan plan;
	char *url;
	char *origin; /* of it, for the log: the rest may be a secret */
	char *secret;
	char *models_dir;
	struct notice *first;
	bool is_looking;
	bool is_asked; /* to look again */
	bool is_stopped;
};

static const struct job *job_of(const struct notice *notice)
{
	const struct job *job =
		queue_find(notice->notify->plan.queue, str_from(notice->stored.job_id));

	return job != NULL && job_is_final(job->state) ? job : NULL;
}

static void notice_free(struct notice *notice)
{
	struct notify *n = notice->notify;
	struct notice **at = &n->first;

	while (*at != notice)
		at = &(*at)->next;
	*at = notice->next;
	loop_timer_free(&notice->timer);
	free(notice);
}

static void on_saved(void *ctx, const struct error *err)
{
	(void)ctx;
	if (err != NULL)
		log_warning("what was told of a download cannot be saved: %s", err->text);
}

/* Whom that bit stands for knows, or never will. */
static void settle(struct notice *notice, unsigned told)
{
	struct notify *n = notice->notify;

	notice->stored.pending &= ~told;
	store_put_notice(n->plan.store, notice->stored.job_id, notice->stored.pending, on_saved,
			 NULL);
	if (notice->stored.pending > 0)
		return;
	notice_free(notice);
	if (n->first == NULL) /* there may have been more than one reading brings */
		notify_look(n);
}

static char *folder_of(const struct notify *n, const struct job *job)
{
	AUTO_CSTR folder = job_own_folder(job);

	return mem_printf("%s/%s", n->models_dir, folder);
}

/* --- the webhook --- */

static void send_webhook(struct notice *notice);

static void on_time(void *ctx)
{
	send_webhook(ctx);
}

static void try_again(struct notice *notice, const char *why)
{
	uint64_t delay_ms = NOTIFY_RETRY_MS;

	for (unsigned i = 0; i < notice->tries && delay_ms < NOTIFY_RETRY_MAX_MS; i++)
		delay_ms *= 2;
	if (delay_ms > NOTIFY_RETRY_MAX_MS)
		delay_ms = NOTIFY_RETRY_MAX_MS;
	notice->tries++;
	if (clock_unix_ms() + (int64_t)delay_ms > notice->stored.at_ms + NOTIFY_KEPT_MS) {
		log_warning("webhook %s: given up after a day: %s", notice->notify->origin,
			    why);
		settle(notice, TELL_WEBHOOK);
		return;
	}
	log_info("webhook %s: try %u in %llu s: %s", notice->notify->origin, notice->tries + 1,
		 (unsigned long long)(delay_ms / 1000), why);
	loop_timer_arm(notice->timer, delay_ms);
}

/* Who says that it was asked wrongly says so the next time, too. */
static bool is_refusal(long status)
{
	return status >= 300 && status < 500 && status != 408 && status != 425 && status != 429;
}

static void on_answer(void *ctx, const struct fetch_answer *answer)
{
	struct notice *notice = ctx;
	struct notify *n = notice->notify;
	long status = answer->head.status;
	AUTO_CSTR why = answer->error.code != ERR_NONE ? mem_strdup(answer->error.text)
						       : mem_printf("it answers %ld", status);

	notice->fetch_id = 0;
	if (n->is_stopped)
		return;
	if (answer->error.code == ERR_NONE && status >= 200 && status < 300) {
		log_info("webhook %s: told of %s", n->origin, notice->stored.job_id);
		settle(notice, TELL_WEBHOOK);
	} else if (answer->error.code == ERR_NONE && is_refusal(status)) {
		log_warning("webhook %s: %s, which is not tried again", n->origin, why);
		settle(notice, TELL_WEBHOOK);
	} else {
		try_again(notice, why);
	}
}

static void send_webhook(struct notice *notice)
{
	struct notify *n = notice->notify;
	const struct job *job = job_of(notice);
	AUTO_CSTR folder = NULL;
	struct webhook_message message;
	struct fetch_field headers[WEBHOOK_HEADERS_MAX];
	struct fetch_request request = { .url = n->url,
					 .headers = headers,
					 .body_max = ANSWER_MAX,
					 .total_timeout_ms = NOTIFY_TIMEOUT_MS };
	struct webhook_news news = { .job = job, .at_ms = notice->stored.at_ms };

	if (job == NULL) { /* forgotten meanwhile, or it runs again */
		settle(notice, TELL_WEBHOOK);
		return;
	}
	folder = folder_of(n, job);
	news.folder = folder;
	webhook_write(n->plan.format, &news, n->secret, clock_unix_ms() / 1000, &message);
	request.post = message.body;
	request.content_type = message.content_type;
	for (; request.n_headers < message.n_headers; request.n_headers++)
		headers[request.n_headers] = (struct fetch_field){
			.name = message.headers[request.n_headers].name,
			.value = message.headers[request.n_headers].value
		};
	notice->fetch_id = fetch_start(n->plan.fetch, &request, on_answer, notice);
	webhook_clear(&message);
}

/* --- the command --- */

static void on_command_done(void *ctx, int status)
{
	struct notice *notice = ctx;
	const char *id = notice->stored.job_id;

	if (notice->notify->is_stopped)
		return;
	if (status == HOOK_LATE)
		log_warning("LARDER_HOOK_COMMAND: took too long for %s and was killed", id);
	else if (status == HOOK_LOST)
		log_warning("LARDER_HOOK_COMMAND: could not be run for %s", id);
	else if (status != 0)
		log_warning("LARDER_HOOK_COMMAND: ended with %d for %s", status, id);
	else
		log_info("LARDER_HOOK_COMMAND: told of %s", id);
	settle(notice, TELL_COMMAND);
}

static void run_command(struct notice *notice, const struct job *job)
{
	struct notify *n = notice->notify;
	AUTO_CSTR folder = folder_of(n, job);
	struct webhook_news news = { .job = job,
				     .folder = folder,
				     .at_ms = notice->stored.at_ms };
	AUTO_JSON document = webhook_document(&news);
	char *variables[] = {
		mem_printf("LARDER_EVENT=%s", json_get_str(document, "type").p),
		mem_printf("LARDER_ID=%s", job->id),
		mem_printf("LARDER_KIND=%s", job_kind_name(job->kind)),
		mem_printf("LARDER_STATE=%s", job_state_name(job->state)),
		mem_printf("LARDER_REPO=%s", job->repo),
		mem_printf("LARDER_TYPE=%s", repo_type_name(job->type)),
		mem_printf("LARDER_REVISION=%s", job->revision),
		mem_printf("LARDER_COMMIT=%s", job->commit),
		mem_printf("LARDER_FOLDER=%s", folder),
		mem_printf("LARDER_BYTES=%llu", (unsigned long long)job->bytes_total),
		mem_strdup("PATH=/usr/local/bin:/usr/bin:/bin"),
		NULL,
	};

	static_assert(ARRAY_LEN(variables) <= HOOK_VARIABLES_MAX + 1, "the helper takes them");
	hook_run(n->plan.hook, (const char *const *)variables, json_text(document).p,
		 on_command_done, notice);
	for (size_t i = 0; variables[i] != NULL; i++)
		free(variables[i]);
}

/* --- what is to be told --- */

/* What of it this larderd tells at all. */
static unsigned worth_of(const struct notify *n, const struct store_notice *stored,
			 const struct job *job)
{
	unsigned able = (n->url[0] != '\0' ? TELL_WEBHOOK : 0U) |
			(n->plan.hook != NULL ? TELL_COMMAND : 0U);

	if (job == NULL || !job_is_final(job->state) || !webhook_is_news(job) ||
	    clock_unix_ms() > stored->at_ms + NOTIFY_KEPT_MS)
		return 0;
	return stored->pending & able;
}

static bool is_known(const struct notify *n, const char *job_id)
{
	for (const struct notice *at = n->first; at != NULL; at = at->next) {
		if (strcmp(at->stored.job_id, job_id) == 0)
			return true;
	}
	return false;
}

static void take(struct notify *n, const struct store_notice *stored)
{
	const struct job *job = queue_find(n->plan.queue, str_from(stored->job_id));
	unsigned pending = worth_of(n, stored, job);
	struct notice *notice;

	if (pending == 0 || job == NULL) {
		store_put_notice(n->plan.store, stored->job_id, 0, on_saved, NULL);
		return;
	}
	notice = mem_alloc(sizeof(*notice));
	notice->notify = n;
	notice->stored = *stored;
	notice->stored.pending = pending;
	notice->timer = loop_timer_new(n->plan.loop, on_time, notice);
	notice->next = n->first;
	n->first = notice;
	if ((pending & TELL_COMMAND) != 0)
		run_command(notice, job);
	if ((pending & TELL_WEBHOOK) != 0)
		send_webhook(notice);
}

static void on_notices(void *ctx, const struct store_notice *notices, size_t n_notices,
		       const struct error *err)
{
	struct notify *n = ctx;

	n->is_looking = false;
	if (err != NULL)
		log_warning("what is to be told of downloads cannot be read: %s", err->text);
	for (size_t i = 0; i < n_notices && !n->is_stopped; i++) {
		if (!is_known(n, notices[i].job_id))
			take(n, &notices[i]);
	}
	if (n->is_asked && !n->is_stopped) {
		n->is_asked = false;
		notify_look(n);
	}
}

void notify_look(struct notify *n)
{
	if (n->is_stopped)
		return;
	n->is_asked = n->is_looking;
	if (n->is_looking)
		return;
	n->is_looking = true;
	store_get_notices(n->plan.store, on_notices, n);
}

int notify_check_url(struct str url, struct error *err)
{
	if (url.n == 0 || str_has_prefix_nocase(url, S("https://")) ||
	    str_has_prefix_nocase(url, S("http://")))
		return 0;
	return error_set(err, ERR_INVALID, "it must begin with https:// or http://");
}

/* Scheme and host. */
static char *origin_of(const char *url)
{
	AUTO_CSTR shown = hub_url_for_log(url);
	struct str s = str_from(shown);
	size_t n = str_find_char(s, ':') + 3;

	while (n < s.n && s.p[n] != '/')
		n++;
	return str_dup(str_sub(s, 0, n));
}

struct notify *notify_new(const struct notify_plan *plan)
{
	struct notify *n = mem_alloc(sizeof(*n));

	n->plan = *plan;
	n->url = mem_strdup(plan->url);
	n->origin = origin_of(plan->url);
	n->secret = mem_strdup(plan->secret);
	n->models_dir = mem_strdup(plan->models_dir);
	return n;
}

void notify_stop(struct notify *n)
{
	n->is_stopped = true;
	for (struct notice *at = n->first; at != NULL; at = at->next) {
		loop_timer_stop(at->timer);
		if (at->fetch_id != 0)
			fetch_cancel(n->plan.fetch, at->fetch_id);
	}
}

void notify_free(struct notify **notify)
{
	struct notify *n = *notify;

	*notify = NULL;
	if (n == NULL)
		return;
	while (n->first != NULL)
		notice_free(n->first);
	free(n->url);
	free(n->origin);
	free(n->secret);
	free(n->models_dir);
	free(n);
}
