#include "downloader/hub.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "downloader/hub_internal.h"
#include "downloader/hub_parse.h"
#include "downloader/hub_url.h"

struct hub *hub_new(struct loop *loop, struct fetch *fetch, struct pool *pool,
		    const char *endpoint, const char *token, bool is_offline)
{
	struct hub *hub = mem_alloc(sizeof(*hub));

	hub->loop = loop;
	hub->fetch = fetch;
	hub->pool = pool;
	hub->unparsed_last = &hub->unparsed;
	hub->endpoint = mem_strdup(endpoint);
	hub->token = mem_strdup(token);
	hub->is_offline = is_offline;
	return hub;
}

void hub_free(struct hub **hub)
{
	if (*hub == NULL)
		return;
	hub_list_clear(*hub);
	free((*hub)->endpoint);
	free((*hub)->token);
	free(*hub);
	*hub = NULL;
}

const char *hub_endpoint(const struct hub *hub)
{
	return hub->endpoint;
}

struct loop *hub_loop(struct hub *hub)
{
	return hub->loop;
}

struct fetch *hub_fetch(struct hub *hub)
{
	return hub->fetch;
}

const char *hub_bearer(const struct hub *hub, const char *url)
{
	if (hub->token[0] == '\0' || !hub_url_is_same_origin(url, hub->endpoint))
		return NULL;
	return hub->token;
}

void hub_set_token(struct hub *hub, const char *token)
{
	char *old = hub->token;

	hub->token = mem_strdup(token);
	sodium_memzero(old, strlen(old));
	free(old);
	/* All that was answered was answered to somebody else. */
	memset(hub->quotas, 0, sizeof(hub->quotas));
	hub_list_clear(hub);
	hub->generation++;
}

unsigned hub_generation(const struct hub *hub)
{
	return hub->generation;
}

bool hub_has_token(const struct hub *hub)
{
	return hub->token[0] != '\0';
}

int hub_check_online(const struct hub *hub, struct error *err)
{
	if (hub->is_offline)
		return error_set(err, ERR_OFFLINE,
				 "LARDER_OFFLINE is set: the Hub is not asked");
	return 0;
}

/* --- quotas --- */

static enum bucket bucket_of(const char *url)
{
	struct str path = str_from(url);

	return str_find(path, S("/resolve/")) < path.n ? BUCKET_RESOLVERS : BUCKET_API;
}

void hub_note_quota(struct hub *hub, const char *url, const struct fetch_head *head)
{
	struct quota *quota = &hub->quotas[bucket_of(url)];
	uint64_t remaining;
	uint64_t reset_s;

	if (!hub_url_is_same_origin(url, hub->endpoint) ||
	    hub_parse_ratelimit(str_from(head->headers[FETCH_RATELIMIT]), &remaining,
				&reset_s) < 0)
		return;
	*quota = (struct quota){
		.is_known = true,
		.remaining = remaining,
		.filled_ms = clock_steady_ms() + (reset_s + 1) * 1000,
	};
}

int hub_check_quota(const struct hub *hub, const char *url, struct error *err)
{
	const struct quota *quota = &hub->quotas[bucket_of(url)];
	uint64_t now_ms = clock_steady_ms();

	if (quota->filled_ms <= now_ms || quota->remaining > 0 ||
	    !hub_url_is_same_origin(url, hub->endpoint))
		return 0;
	(void)error_set(err, ERR_RATE_LIMITED,
			"the Hub's quota of requests is used up for now");
	err->retry_after_s = (unsigned)((quota->filled_ms - now_ms + 999) / 1000);
	return -1;
}

bool hub_tell_quota(const struct hub *hub, uint64_t *ret_remaining, uint64_t *ret_reset_s)
{
	const struct quota *quota = &hub->quotas[BUCKET_API];
	uint64_t now_ms = clock_steady_ms();

	if (!quota->is_known || quota->filled_ms <= now_ms)
		return false;
	*ret_remaining = quota->remaining;
	*ret_reset_s = (quota->filled_ms - now_ms + 999) / 1000;
	return true;
}

/* Did the other side, or the way there, do this? A full disk is nobody's address. */
static bool is_of_the_net(enum error_code code)
{
	return code == ERR_NETWORK || code == ERR_TIMEOUT || code == ERR_HUB_PROTOCOL ||
	       code == ERR_RANGE_IGNORED;
}

int hub_check_answer(const struct hub *hub, const char *url, const struct fetch_answer *answer,
		     bool is_content, bool had_token, const char *repo, const char *what,
		     struct error *err)
{
	char *const *headers = answer->head.headers;
	struct hub_failure failure = {
		.status = answer->head.status,
		.is_hub = hub_url_is_same_origin(url, hub->endpoint),
		.is_content = is_content,
		.token_was_sent = had_token,
		.error_code = str_from(headers[FETCH_ERROR_CODE]),
		.error_message = str_from(headers[FETCH_ERROR_MESSAGE]),
		.ratelimit = str_from(headers[FETCH_RATELIMIT]),
		.retry_after = str_from(headers[FETCH_RETRY_AFTER]),
		.content_type = str_from(headers[FETCH_CONTENT_TYPE]),
		.body = answer->body,
		.repo = repo,
		.what = what,
	};

	if (answer->error.code != ERR_NONE) {
		AUTO_CSTR shown = hub_url_for_log(url);

		*err = answer->error;
		return is_of_the_net(err->code) ? error_prefix(err, "%s", shown) : -1;
	}
	if (answer->head.status / 100 == 2)
		return 0;
	return hub_parse_failure(&failure, (uint64_t)(clock_unix_ms() / 1000), err);
}

char *hub_redirect(const char *url, const struct fetch_head *head, unsigned *hops,
		   struct error *err)
{
	const char *location = head->headers[FETCH_LOCATION];

	if (location == NULL) {
		(void)error_set(err, ERR_HUB_PROTOCOL, "a redirect says not where to");
		return NULL;
	}
	if (++*hops > HUB_HOPS_MAX) {
		(void)error_set(err, ERR_HUB_PROTOCOL, "more than %d redirects", HUB_HOPS_MAX);
		return NULL;
	}
	return hub_url_join(url, str_from(location), err);
}
