/*
 * What an answer that is not 2xx means, by the table of HUB-API 6.2. The Hub's codes come
 * first, then what can be told from status and words; the order of the rows in guess_code() is
 * part of the table.
 */
#include "downloader/hub_parse.h"

#include "common/error.h"
#include "common/json.h"
#include "common/quote.h"
#include "downloader/hub_parse_internal.h"

enum {
	FAILURE_BODY_MAX = 64 * 1024, /* a longer body holds no sentence for people */
};

/* What the answer is about: decides the words, not the code. */
enum subject {
	SUBJECT_REPO,
	SUBJECT_REVISION,
	SUBJECT_ENTRY,
	SUBJECT_COUNT,
};

/* --- the Hub's own words --- */

/* {"error":"text"}, {"error":["a","b"]}, {"errors":[{"message":"..."}]} */
static bool words_of_object(struct json_object *object, struct str *ret)
{
	struct json_object *errors = json_get(object, "errors");
	struct json_object *list = json_get(object, "error");
	struct json_object *first;

	if (hub_json_str(object, "error", ret) || hub_json_str(object, "message", ret))
		return true;
	if (json_object_is_type(errors, json_type_array) &&
	    json_object_array_length(errors) > 0)
		return hub_json_str(json_object_array_get_idx(errors, 0), "message", ret);
	if (!json_object_is_type(list, json_type_array) || json_object_array_length(list) == 0)
		return false;
	first = json_object_array_get_idx(list, 0);
	if (!json_object_is_type(first, json_type_string))
		return false;
	ret->p = json_object_get_string(first);
	ret->n = (size_t)json_object_get_string_len(first);
	return true;
}

/* A page or an XML document is for other readers. */
static bool is_markup(const struct hub_failure *failure)
{
	return str_has_prefix(str_trim(failure->body), S("<")) ||
	       str_find_nocase(failure->content_type, S("html")) < failure->content_type.n ||
	       str_find_nocase(failure->content_type, S("xml")) < failure->content_type.n;
}

/* The sentence in the answer, or "" when there is none. Escaped and cut. */
static struct quote own_words(const struct hub_failure *failure)
{
	AUTO_JSON object = NULL;
	struct error ignored;
	struct str words = str_trim(failure->error_message);

	if (words.n > 0)
		return quote_plain(words);
	if (failure->body.n > FAILURE_BODY_MAX || is_markup(failure))
		return quote_plain(S(""));
	if (hub_json_parse(failure->body, &object, &ignored) == 0)
		return quote_plain(words_of_object(object, &words) ? str_trim(words) : S(""));
	return quote_plain(str_trim(failure->body));
}

/* --- the code --- */

static bool says(const struct quote *words, struct str what)
{
	struct str text = str_from(words->text);

	return str_find_nocase(text, what) < text.n;
}

/* For answers without a code that we know. */
static enum error_code guess_code(const struct hub_failure *failure, const struct quote *words)
{
	long status = failure->status;

	if (status == 401 && failure->token_was_sent)
		return ERR_UNAUTHORIZED;
	if (status == 401 && !says(words, S("invalid credentials")))
		return ERR_NOT_FOUND;
	if (status == 403 && says(words, S("is disabled")))
		return ERR_NOT_FOUND;
	if (status == 403 && says(words, S("is restricted")))
		return ERR_GATED;
	if (status == 401 || status == 403)
		return ERR_UNAUTHORIZED;
	if (status == 404 || status == 410)
		return ERR_NOT_FOUND;
	return ERR_HUB_PROTOCOL;
}

static enum error_code code_of(const struct hub_failure *failure, const struct quote *words)
{
	static const struct {
		const char *name;
		enum error_code code;
	} rows[] = {
		{ "RevisionNotFound", ERR_NOT_FOUND },
		{ "EntryNotFound", ERR_NOT_FOUND },
		{ "GatedRepo", ERR_GATED },
		{ "RepoNotFound", ERR_NOT_FOUND },
	};

	if (failure->status == 429)
		return ERR_RATE_LIMITED;
	if (failure->status == 408 || failure->status >= 500)
		return ERR_HUB_UNAVAILABLE;
	if (!failure->is_hub)
		return failure->status == 403 ? ERR_URL_EXPIRED : ERR_HUB_PROTOCOL;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (str_is_equal(failure->error_code, str_from(rows[i].name)))
			return rows[i].code;
	}
	return guess_code(failure, words);
}

static enum subject subject_of(const struct hub_failure *failure, const struct quote *words)
{
	if (str_is_equal(failure->error_code, S("RevisionNotFound")))
		return SUBJECT_REVISION;
	if (str_is_equal(failure->error_code, S("EntryNotFound")))
		return SUBJECT_ENTRY;
	if (failure->error_code.n > 0 || failure->status != 404)
		return SUBJECT_REPO;
	if (says(words, S("invalid rev id")))
		return SUBJECT_REVISION;
	if (says(words, S("entry not found")) || failure->is_content)
		return SUBJECT_ENTRY;
	return SUBJECT_REPO;
}

/* --- the sentence --- */

static int set_not_found(const struct hub_failure *failure, enum subject subject,
			 const struct quote *words, struct error *err)
{
	struct quote what = quote_text(str_from(failure->what));

	if (failure->status == 403)
		return error_set(err, ERR_NOT_FOUND, "%s: the Hub has disabled it",
				 failure->repo);
	if (subject == SUBJECT_REVISION && failure->what != NULL)
		return error_set(err, ERR_NOT_FOUND, "%s has no revision %s", failure->repo,
				 what.text);
	if (subject == SUBJECT_REVISION)
		return error_set(err, ERR_NOT_FOUND, "%s has no such revision: %s",
				 failure->repo, words->text);
	if (subject == SUBJECT_ENTRY && failure->what != NULL)
		return error_set(err, ERR_NOT_FOUND, "%s has no file %s", failure->repo,
				 what.text);
	if (failure->token_was_sent)
		return error_set(err, ERR_NOT_FOUND,
				 "%s is not on the Hub, or the token may not see it",
				 failure->repo);
	return error_set(err, ERR_NOT_FOUND,
			 "%s is not on the Hub, or is private and no token was sent",
			 failure->repo);
}

static const char *sentence_of(enum error_code code, const struct hub_failure *failure)
{
	if (code == ERR_GATED)
		return failure->token_was_sent ? "access is not granted to this account"
					       : "access needs a token and the owner's consent";
	if (code == ERR_UNAUTHORIZED)
		return failure->token_was_sent ? "the token was refused" : "a token is needed";
	if (code == ERR_RATE_LIMITED)
		return "too many requests";
	if (code == ERR_URL_EXPIRED)
		return "the storage refused the signed address";
	if (code == ERR_HUB_UNAVAILABLE)
		return failure->is_hub ? "the Hub has trouble"
				       : "the Hub's storage has trouble";
	return failure->is_hub ? "the Hub's answer was not expected"
			       : "the answer of the Hub's storage was not expected";
}

static void set_sentence(const struct hub_failure *failure, enum error_code code,
			 const struct quote *words, struct error *err)
{
	const char *colon = words->text[0] != '\0' ? ": " : "";

	(void)error_set(err, code, "%s: %s (status %ld)%s%s", failure->repo,
			sentence_of(code, failure), failure->status, colon, words->text);
}

/* One second more than was asked for: the other clock is not ours. */
static unsigned wait_of(const struct hub_failure *failure, uint64_t now_s)
{
	uint64_t remaining;
	uint64_t wait_s;

	if (failure->status == 429 &&
	    hub_parse_ratelimit(failure->ratelimit, &remaining, &wait_s) == 0)
		return (unsigned)wait_s + 1;
	if (hub_parse_retry_after(failure->retry_after, now_s, &wait_s) == 0)
		return (unsigned)wait_s + 1;
	return 0;
}

int hub_parse_failure(const struct hub_failure *failure, uint64_t now_s, struct error *err)
{
	struct quote words = own_words(failure);
	enum error_code code = code_of(failure, &words);

	if (code == ERR_NOT_FOUND)
		(void)set_not_found(failure, subject_of(failure, &words), &words, err);
	else
		set_sentence(failure, code, &words, err);
	if (code == ERR_RATE_LIMITED || code == ERR_HUB_UNAVAILABLE)
		err->retry_after_s = wait_of(failure, now_s);
	return -1;
}
