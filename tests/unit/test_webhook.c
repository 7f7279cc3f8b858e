#include "downloader/webhook.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "common/error.h"
#include "common/json.h"

enum {
	AT_S = 1700000000,
};

/* A job that has ended. */
static struct job *make(enum job_kind kind, enum job_state state)
{
	struct job *job = job_new();
	struct error err;

	memcpy(job->id, "abcdefghijabcdefghij", sizeof(job->id));
	job->kind = kind;
	job->repo = mem_strdup("acme/tiny-7b-GGUF");
	job->revision = mem_strdup("main");
	job->state = state;
	job->files_total = 3;
	job->bytes_total = 4370000000;
	if (state == JOB_FAILED) {
		(void)error_set(&err, ERR_GATED, "the licence is not accepted");
		job_set_reason(job, &err, 0);
	}
	return job;
}

static void write_as(enum webhook_format format, const struct job *job, const char *secret,
		     struct webhook_message *ret)
{
	const struct webhook_news news = { .job = job,
					   .folder = "/models/acme/tiny-7b-GGUF",
					   .at_ms = (int64_t)AT_S * 1000 };

	webhook_write(format, &news, secret, AT_S + 5, ret);
}

static const char *header(const struct webhook_message *message, const char *name)
{
	for (size_t i = 0; i < message->n_headers; i++) {
		if (strcmp(message->headers[i].name, name) == 0)
			return message->headers[i].value;
	}
	return "";
}

static void what_has_arrived_or_broken_is_news(void **state)
{
	static const struct {
		enum job_kind kind;
		enum job_state state;
		uint64_t changed;
		bool is_news;
	} rows[] = {
		{ JOB_DOWNLOAD, JOB_COMPLETED, 0, true },
		{ JOB_UPDATE, JOB_COMPLETED, 0, true },
		{ JOB_REPAIR, JOB_COMPLETED, 0, true },
		{ JOB_VERIFY, JOB_COMPLETED, 0, false },
		{ JOB_VERIFY, JOB_COMPLETED, 1, true },
		{ JOB_DOWNLOAD, JOB_FAILED, 0, true },
		{ JOB_DOWNLOAD, JOB_CANCELLED, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(job) job = make(rows[i].kind, rows[i].state);

		job->files_changed = rows[i].changed;
		assert_int_equal(webhook_is_news(job), rows[i].is_news);
	}
}

static void json_is_signed_as_standard_webhooks_has_it(void **state)
{
	static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	AUTO(job) job = make(JOB_DOWNLOAD, JOB_COMPLETED);
	struct webhook_message message;
	AUTO_JSON document = NULL;
	struct error err;

	(void)state;
	write_as(WEBHOOK_JSON, job, secret, &message);
	assert_string_equal(header(&message, "webhook-id"), "abcdefghijabcdefghij-1700000000");
	assert_string_equal(header(&message, "webhook-timestamp"), "1700000005");
	assert_true(str_has_prefix(str_from(header(&message, "webhook-signature")), S("v1,")));
	assert_int_equal(strlen(header(&message, "webhook-signature")), 3 + 44);
	assert_int_equal(json_parse(str_from(message.body), 8, &document, &err), 0);
	assert_true(str_is_equal(json_get_str(document, "type"), S("download.completed")));
	assert_true(str_is_equal(json_get_str(json_get(document, "data"), "folder"),
				 S("/models/acme/tiny-7b-GGUF")));
	webhook_clear(&message);
	write_as(WEBHOOK_JSON, job, "", &message);
	assert_string_equal(header(&message, "webhook-signature"), "");
	webhook_clear(&message);
}

static void each_is_told_in_its_own_words(void **state)
{
	AUTO(job) good = make(JOB_DOWNLOAD, JOB_COMPLETED);
	AUTO(job) bad = make(JOB_UPDATE, JOB_FAILED);
	struct webhook_message message;

	(void)state;
	write_as(WEBHOOK_NTFY, good, "", &message);
	assert_string_equal(header(&message, "Title"), "acme/tiny-7b-GGUF is here");
	assert_string_equal(message.body, "3 files, 4.4 GB, every byte proven, in "
					  "/models/acme/tiny-7b-GGUF");
	webhook_clear(&message);
	write_as(WEBHOOK_NTFY, bad, "", &message);
	assert_string_equal(header(&message, "Priority"), "high");
	assert_string_equal(message.body, "the licence is not accepted");
	webhook_clear(&message);
	write_as(WEBHOOK_GOTIFY, bad, "", &message);
	assert_string_equal(message.body,
			    "{\"title\":\"acme/tiny-7b-GGUF has failed\",\"message\":"
			    "\"the licence is not accepted\",\"priority\":8}");
	webhook_clear(&message);
	write_as(WEBHOOK_DISCORD, good, "", &message);
	assert_non_null(strstr(message.body, "\"allowed_mentions\":{\"parse\":[]}"));
	assert_non_null(strstr(message.body, "**acme/tiny-7b-GGUF is here**\\n3 files"));
	webhook_clear(&message);
}

static void a_secret_that_is_none_is_refused(void **state)
{
	static const char *const good[] = { "", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
	static const char *const bad[] = { "secret", "whsec_", "whsec_MfKQ9r8GKYqr",
					   "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS*",
					   "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
	struct error err;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_int_equal(webhook_check_secret(str_from(good[i]), &err), 0);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_int_equal(webhook_check_secret(str_from(bad[i]), &err), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_has_arrived_or_broken_is_news),
		cmocka_unit_test(json_is_signed_as_standard_webhooks_has_it),
		cmocka_unit_test(each_is_told_in_its_own_words),
		cmocka_unit_test(a_secret_that_is_none_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
