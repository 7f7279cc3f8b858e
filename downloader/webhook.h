/*
 * What is told to others when a job has ended, in the words of who is told: plain JSON, signed
 * as Standard Webhooks has it (https://github.com/standard-webhooks/standard-webhooks), ntfy,
 * Gotify or Discord.
 *
 * Pure: the time is a parameter. Any thread.
 */
#ifndef DOWNLOADER_WEBHOOK_H
#define DOWNLOADER_WEBHOOK_H

#include "downloader/job.h"

struct json_object;

enum webhook_format {
	WEBHOOK_JSON, /* {"type","timestamp","data":{"title","message","folder","download"}} */
	WEBHOOK_NTFY, /* text, with headers of its own (https://docs.ntfy.sh/publish/) */
	WEBHOOK_GOTIFY,  /* {"title","message","priority"} (https://gotify.net/docs/pushmsg) */
	WEBHOOK_DISCORD, /* {"content"} */
	WEBHOOK_FORMAT_COUNT,
};

enum {
	WEBHOOK_HEADERS_MAX = 4,
	WEBHOOK_ID_MAX = 64,
};

/* What has happened. Borrowed. */
struct webhook_news {
	const struct job *job;
	const char *folder; /* where the model is, an absolute path */
	int64_t at_ms;      /* unix time */
};

struct webhook_header {
	const char *name; /* a literal */
	char *value;
};

struct webhook_message {
	char *body;
	const char *content_type; /* a literal */
	struct webhook_header headers[WEBHOOK_HEADERS_MAX];
	size_t n_headers;
};

/* Is the end of this job worth telling: something has arrived, or could not, or a verification
 * has found damage. */
bool webhook_is_news(const struct job *job);

/* {"type":"download.completed","timestamp",...}: the document of WEBHOOK_JSON; to free. */
struct json_object *webhook_document(const struct webhook_news *news);

/* The message. `secret` is "" or whsec_ and base64, and signs WEBHOOK_JSON only; `now_s` is
 * when it is sent. To be cleared. */
void webhook_write(enum webhook_format format, const struct webhook_news *news,
		   const char *secret, int64_t now_s, struct webhook_message *ret);
void webhook_clear(struct webhook_message *message);

/* -1 with ERR_INVALID unless it is "" or a secret as webhook_write() takes it. */
int webhook_check_secret(struct str secret, struct error *err) MUST_USE;

#endif
