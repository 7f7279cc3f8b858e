#include "downloader/webhook.h"
#include "downloader/size_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "common/error.h"
#include "common/json.h"

#define SECRET_PREFIX "whsec_"

enum {
	SECRET_BYTES_MAX = 64, /* Standard Webhooks: 24 to 64 bytes */
	SECRET_BYTES_MIN = 24,
	BASE64_MAX = 128,
	MS_PER_S = 1000,
};

bool webhook_is_news(const struct job *job)
{
	bool is_damaged = job->files_changed > 0 || job->files_missing > 0;

	if (job->state == JOB_COMPLETED)
		return job->kind != JOB_VERIFY || is_damaged;
	return job->state == JOB_FAILED;
}

/* "download.completed", "verify.damaged", "update.failed" */
static char *type_of(const struct job *job)
{
	const char *end = job->state == JOB_FAILED  ? "failed"
			  : job->kind == JOB_VERIFY ? "damaged"
						    : "completed";

	return mem_printf("%s.%s", job_kind_name(job->kind), end);
}

static char *title_of(const struct job *job)
{
	static const char *const done[] = {
		[JOB_DOWNLOAD] = "is here",
		[JOB_VERIFY] = "is damaged",
		[JOB_UPDATE] = "is up to date",
		[JOB_REPAIR] = "is repaired",
	};

	return mem_printf("%s %s", job->repo,
			  job->state == JOB_FAILED                           ? "has failed"
			  : job->kind == JOB_REPAIR && job->files_total == 0 ? "is whole"
									     : done[job->kind]);
}

static char *message_of(const struct job *job, const char *folder)
{
	AUTO_CSTR size = size_text(job->bytes_total);

	if (job->state == JOB_FAILED)
		return mem_strdup(job->reason.message);
	if (job->kind == JOB_REPAIR && job->files_total == 0)
		return mem_printf("nothing was broken in %s", folder);
	if (job->kind == JOB_VERIFY)
		return mem_printf("%llu %s changed, %llu missing, in %s",
				  (unsigned long long)job->files_changed,
				  job->files_changed == 1 ? "file" : "files",
				  (unsigned long long)job->files_missing, folder);
	return mem_printf("%llu %s, %s, every byte proven, in %s",
			  (unsigned long long)job->files_total,
			  job->files_total == 1 ? "file" : "files", size, folder);
}

struct json_object *webhook_document(const struct webhook_news *news)
{
	struct json_object *object = json_object_new_object();
	struct json_object *data = json_object_new_object();
	AUTO_CSTR type = type_of(news->job);
	AUTO_CSTR title = title_of(news->job);
	AUTO_CSTR text = message_of(news->job, news->folder);

	json_add_cstr(object, "type", type);
	json_add_time(object, "timestamp", news->at_ms);
	json_add_cstr(data, "title", title);
	json_add_cstr(data, "message", text);
	json_add_cstr(data, "folder", news->folder);
	json_take(data, "download", job_to_json(news->job));
	json_take(object, "data", data);
	return object;
}

static void add_header(struct webhook_message *message, const char *name, char *take_value)
{
	assert(message->n_headers < WEBHOOK_HEADERS_MAX);
	message->headers[message->n_headers++] =
		(struct webhook_header){ .name = name, .value = take_value };
}

/* --- signing --- */

static int read_secret(struct str secret, unsigned char ret[SECRET_BYTES_MAX], size_t *ret_n)
{
	const char *end = NULL;

	if (!str_has_prefix(secret, S(SECRET_PREFIX)))
		return -1;
	secret = str_sub(secret, sizeof(SECRET_PREFIX) - 1, secret.n);
	return sodium_base642bin(ret, SECRET_BYTES_MAX, secret.p, secret.n, NULL, ret_n, &end,
				 sodium_base64_VARIANT_ORIGINAL) == 0 &&
			       end == secret.p + secret.n && *ret_n >= SECRET_BYTES_MIN
		       ? 0
		       : -1;
}

int webhook_check_secret(struct str secret, struct error *err)
{
	unsigned char bytes[SECRET_BYTES_MAX];
	size_t n = 0;
	int result = secret.n == 0 ? 0 : read_secret(secret, bytes, &n);

	sodium_memzero(bytes, sizeof(bytes));
	return result == 0 ? 0
			   : error_set(err, ERR_INVALID,
				       "not " SECRET_PREFIX " and base64 of %d to %d bytes",
				       SECRET_BYTES_MIN, SECRET_BYTES_MAX);
}

/* v1,base64(HMAC-SHA256("id.timestamp.body")) */
static char *sign(const char *secret, const char *id, int64_t now_s, const char *body)
{
	unsigned char key[SECRET_BYTES_MAX];
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;
	AUTO_CSTR head = mem_printf("%s.%lld.", id, (long long)now_s);
	char text[BASE64_MAX];
	size_t n = 0;

	if (read_secret(str_from(secret), key, &n) < 0)
		return NULL;
	(void)crypto_auth_hmacsha256_init(&state, key, n);
	(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)head, strlen(head));
	(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)body, strlen(body));
	(void)crypto_auth_hmacsha256_final(&state, mac);
	sodium_memzero(key, sizeof(key));
	(void)sodium_bin2base64(text, sizeof(text), mac, sizeof(mac),
				sodium_base64_VARIANT_ORIGINAL);
	return mem_printf("v1,%s", text);
}

/* --- formats --- */

/* The same end has the same id, however often it is told. */
static void write_json(const struct webhook_news *news, const char *secret, int64_t now_s,
		       struct webhook_message *ret)
{
	AUTO_JSON document = webhook_document(news);
	AUTO_CSTR id =
		mem_printf("%s-%lld", news->job->id, (long long)(news->at_ms / MS_PER_S));

	ret->body = mem_strdup(json_text(document).p);
	ret->content_type = "application/json";
	add_header(ret, "webhook-id", mem_strdup(id));
	add_header(ret, "webhook-timestamp", mem_printf("%lld", (long long)now_s));
	if (secret[0] != '\0')
		add_header(ret, "webhook-signature", sign(secret, id, now_s, ret->body));
}

static void write_ntfy(const struct job *job, const char *title, const char *text,
		       struct webhook_message *ret)
{
	bool is_good = job->state == JOB_COMPLETED && job->kind != JOB_VERIFY;

	ret->body = mem_strdup(text);
	ret->content_type = "text/plain; charset=utf-8";
	add_header(ret, "Title", mem_strdup(title));
	add_header(ret, "Tags", mem_strdup(is_good ? "white_check_mark" : "warning"));
	add_header(ret, "Priority", mem_strdup(is_good ? "default" : "high"));
}

static void write_gotify(const struct job *job, const char *title, const char *text,
			 struct webhook_message *ret)
{
	AUTO_JSON object = json_object_new_object();

	json_add_cstr(object, "title", title);
	json_add_cstr(object, "message", text);
	json_add_int(object, "priority", job->state == JOB_COMPLETED ? 5 : 8);
	ret->body = mem_strdup(json_text(object).p);
	ret->content_type = "application/json";
}

/* A name shall mention nobody. */
static void write_discord(const char *title, const char *text, struct webhook_message *ret)
{
	AUTO_JSON object = json_object_new_object();
	struct json_object *mentions = json_object_new_object();
	AUTO_CSTR content = mem_printf("**%s**\n%s", title, text);

	json_add_cstr(object, "username", "Larder");
	json_add_cstr(object, "content", content);
	json_take(mentions, "parse", json_object_new_array());
	json_take(object, "allowed_mentions", mentions);
	ret->body = mem_strdup(json_text(object).p);
	ret->content_type = "application/json";
}

void webhook_write(enum webhook_format format, const struct webhook_news *news,
		   const char *secret, int64_t now_s, struct webhook_message *ret)
{
	AUTO_CSTR title = title_of(news->job);
	AUTO_CSTR text = message_of(news->job, news->folder);

	*ret = (struct webhook_message){ .n_headers = 0 };
	switch (format) {
	case WEBHOOK_NTFY:
		write_ntfy(news->job, title, text, ret);
		return;
	case WEBHOOK_GOTIFY:
		write_gotify(news->job, title, text, ret);
		return;
	case WEBHOOK_DISCORD:
		write_discord(title, text, ret);
		return;
	case WEBHOOK_JSON:
	case WEBHOOK_FORMAT_COUNT:
		write_json(news, secret, now_s, ret);
		return;
	}
}

void webhook_clear(struct webhook_message *message)
{
	free(message->body);
	for (size_t i = 0; i < message->n_headers; i++)
		free(message->headers[i].value);
	*message = (struct webhook_message){ .n_headers = 0 };
}
