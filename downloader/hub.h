/*
 * The Hub, asked: what is in a repository at a revision. Answers are kept for a short while,
 * since a preview is asked for again with each change of mind and the Hub counts requests.
 *
 * The token goes to the endpoint's own origin only (DESIGN.md, invariant 7): hub_bearer() is
 * the one place that gives it out.
 *
 * Belongs to the loop's thread. Answers are made sense of on a file worker, one at a time: the
 * largest that is allowed takes seconds and hundreds of megabytes.
 */
#ifndef DOWNLOADER_HUB_H
#define DOWNLOADER_HUB_H

#include "downloader/fetch.h"
#include "downloader/hub_parse.h"
#include "downloader/pool.h"

struct hub;
struct hub_call;

enum {
	HUB_HOPS_MAX = 10,                      /* redirects of one request */
	HUB_PAGES_MAX = 1000,                   /* pages of one tree */
	HUB_ANSWER_MAX = 32 * 1024 * 1024,      /* bytes of one API answer */
	HUB_ERROR_MAX = 16 * 1024,              /* bytes of an error page that are looked at */
	HUB_TIMEOUT_MS = 30 * 1000,             /* of one API request */
	HUB_KEEP_MS = 60 * 1000,                /* how long a branch's listing is believed */
	HUB_KEEP_COMMIT_MS = 10 * 60 * 1000,    /* a commit's listing cannot change */
	HUB_KEPT_MAX = 8,                       /* listings kept */
	HUB_KEPT_FILES_MAX = 2 * HUB_FILES_MAX, /* their files together */
};

/* What a repository holds at one commit. Immutable and shared: hold and release. A worker may
 * read it while the loop holds a reference for it. */
struct hub_listing {
	unsigned refs; /* the loop's own */
	struct hub_info info;
	struct hub_tree *tree;
};
struct hub_listing *hub_listing_hold(struct hub_listing *listing);
void hub_listing_free(struct hub_listing **listing);

/* `endpoint` is canonical (hub_url_endpoint); `token` may be "". Both are copied. */
struct hub *hub_new(struct loop *loop, struct fetch *fetch, struct pool *pool,
		    const char *endpoint, const char *token, bool is_offline);
void hub_free(struct hub **hub); /* after the pool's messages were run */

const char *hub_endpoint(const struct hub *hub); /* borrowed */
struct fetch *hub_fetch(struct hub *hub);        /* borrowed */
struct loop *hub_loop(struct hub *hub);          /* borrowed */

/* The token if `url` is of the endpoint's own origin, else NULL. Borrowed. */
const char *hub_bearer(const struct hub *hub, const char *url);

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

/* Turns an answer into an error unless it is a 2xx: 0 or -1. `what` names the revision or path.
 */
int hub_check_answer(const struct hub *hub, const char *url, const struct fetch_answer *answer,
		     bool is_content, const char *repo, const char *what,
		     struct error *err) MUST_USE;

/* Lists a repository: revision to commit, then all pages of the tree. `done` is called once,
 * never before this returns: with a listing that the receiver releases, or NULL and the error.
 */
typedef void (*hub_listing_fn)(void *ctx, struct hub_listing *take_listing,
			       const struct error *err);
struct hub_call *hub_list(struct hub *hub, enum repo_type type, const char *repo,
			  const char *revision, hub_listing_fn done, void *ctx);

/* What is kept of this repository's branches is not believed any more: the next hub_list()
 * asks. */
void hub_forget(struct hub *hub, enum repo_type type, const char *repo);

/* `done` will not be called. NULL is fine; leaves NULL. Not after `done`. */
void hub_call_cancel(struct hub_call **call);

#endif
