/*
 * Telling others that a job has ended: a webhook (webhook.h) and a command (hook.h). What is to
 * be told is in the database from the moment at which the job's end is (store.h), and stays
 * there until it is told: over a restart, too. Who does not answer is asked again, after longer
 * and longer times, for a day.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_NOTIFY_H
#define DOWNLOADER_NOTIFY_H

#include "downloader/fetch.h"
#include "downloader/hook.h"
#include "downloader/queue.h"
#include "downloader/webhook.h"

struct notify;

/* Borrowed; texts are copied. */
struct notify_plan {
	struct loop *loop;
	struct fetch *fetch;
	struct store *store;
	struct queue *queue;
	struct hook *hook;  /* NULL: no command */
	const char *url;    /* "": no webhook */
	const char *secret; /* "" or as webhook.h takes it */
	enum webhook_format format;
	const char *models_dir;
};

enum {
	NOTIFY_KEPT_MS = 24 * 60 * 60 * 1000, /* then it is not told any more */
	NOTIFY_TIMEOUT_MS = 30 * 1000,        /* for an answer */
	NOTIFY_RETRY_MS = 10 * 1000, /* the first time between two tries, then twice it */
	NOTIFY_RETRY_MAX_MS = 60 * 60 * 1000,
};

struct notify *notify_new(const struct notify_plan *plan);

/* Looks for what is to be told: when the loop begins to run, and when a job has ended. */
void notify_look(struct notify *notify);

/* Begins nothing any more. */
void notify_stop(struct notify *notify);

/* After the loop has run its messages. */
void notify_free(struct notify **notify);

/* -1 with ERR_INVALID unless it is "" or an http or https URL. */
int notify_check_url(struct str url, struct error *err) MUST_USE;

#endif
