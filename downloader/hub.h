/*
 * The Hub: where it is, who we are to it, what it lets us ask. The questions themselves are
 * hub_ask, hub_list and hub_search.
 *
 * The token goes to the endpoint's own origin only (DESIGN.md, invariant 7): hub_bearer() is
 * the one place that gives it out.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_HUB_H
#define DOWNLOADER_HUB_H

#include "downloader/fetch.h"
#include "downloader/pool.h"

struct hub;

enum {
	HUB_HOPS_MAX = 10,         /* redirects of one request */
	HUB_ERROR_MAX = 16 * 1024, /* bytes of an error page that are looked at */
};

/* `endpoint` is canonical (hub_url_endpoint); `token` may be "". Both are copied. */
struct hub *hub_new(struct loop *loop, struct fetch *fetch, struct pool *pool,
		    const char *endpoint, const char *token, bool is_offline);
void hub_free(struct hub **hub); /* after the pool's messages were run */

const char *hub_endpoint(const struct hub *hub); /* borrowed */
struct fetch *hub_fetch(struct hub *hub);        /* borrowed */
struct loop *hub_loop(struct hub *hub);          /* borrowed */

/* The token if `url` is of the endpoint's own origin, else NULL. Borrowed. */
const char *hub_bearer(const struct hub *hub, const char *url);

/* Another token from here on, or none (""); copied. What is under way goes on with the old. */
void hub_set_token(struct hub *hub, const char *token);
bool hub_has_token(const struct hub *hub);

/* Another number with each token: what was answered under an earlier one is not kept. */
unsigned hub_generation(const struct hub *hub);

/* 0, or -1 with ERR_OFFLINE. */
int hub_check_online(const struct hub *hub, struct error *err) MUST_USE;

/* Where a redirect leads from `url`: one more of HUB_HOPS_MAX, counted in *hops. To free; NULL
 * with ERR_HUB_PROTOCOL. */
char *hub_redirect(const char *url, const struct fetch_head *head, unsigned *hops,
		   struct error *err);

/* What the Hub's own answers say of its quotas (HUB-API 6.3) is remembered for each bucket.
 * Once one is used up, nothing is asked of it until it is filled again: 0, or -1 with
 * ERR_RATE_LIMITED and the seconds to wait, before a request to `url`. */
void hub_note_quota(struct hub *hub, const char *url, const struct fetch_head *head);
int hub_check_quota(const struct hub *hub, const char *url, struct error *err) MUST_USE;

/* What is left of the API's quota and the seconds until it is full again. False when nothing is
 * known, or what was known is over. */
bool hub_tell_quota(const struct hub *hub, uint64_t *ret_remaining, uint64_t *ret_reset_s);

/* Turns an answer into an error unless it is a 2xx: 0 or -1. `what` names the revision or path;
 * `had_token`: one went along. */
int hub_check_answer(const struct hub *hub, const char *url, const struct fetch_answer *answer,
		     bool is_content, bool had_token, const char *repo, const char *what,
		     struct error *err) MUST_USE;

#endif
