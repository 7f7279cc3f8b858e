/*
 * One question to the Hub's API: a GET that is answered with JSON. The quota is looked at
 * first, the Hub's own redirects are followed (renamed repositories), whatever is no 2xx
 * becomes a sentence.
 *
 * An answer is made sense of on a file worker, one of all questions at a time: the largest that
 * is allowed takes seconds and hundreds of megabytes.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_HUB_ASK_H
#define DOWNLOADER_HUB_ASK_H

#include "common/base.h"

struct error;
struct hub;
struct hub_ask;

enum {
	HUB_ANSWER_MAX = 32 * 1024 * 1024, /* bytes of one answer */
	HUB_TIMEOUT_MS = 30 * 1000,        /* of one request */
};

struct hub_ask_hooks {
	/* On a file worker: 0, or -1 with `err`. `is_last`: no other page follows. */
	int (*parse)(void *ctx, struct str body, bool is_last, struct error *err);
	/* On the loop, once, never before hub_ask() returns; the question is gone then. `err`
	 * is NULL when all went well. `next_page` is where a list goes on, an address of the
	 * endpoint's own origin, borrowed; NULL on the last page and with `err`. */
	void (*done)(void *ctx, const char *next_page, const struct error *err);
	/* In the place of the hub's own token, likewise for the endpoint's origin only; copied.
	 * NULL: the hub's own. */
	const char *bearer;
};

/* Asks for `take_url`. `subject` (a repository) and `what` (a revision, or NULL) are for the
 * sentences; copied. */
struct hub_ask *hub_ask(struct hub *hub, char *take_url, const char *subject, const char *what,
			const struct hub_ask_hooks *hooks, void *ctx);

/* Ends a question soon: `done` follows with ERR_CANCELLED, unless the answer was faster. */
void hub_ask_cancel(struct hub_ask *ask);

#endif
