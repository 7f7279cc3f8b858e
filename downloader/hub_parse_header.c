/*
 * The headers that matter. Each reader takes a view of the value and gives up on the first
 * thing it does not know; none of them trusts a length or a number.
 */
#include "downloader/hub_parse.h"

#include <time.h>

/* --- RFC 8288, Link --- */

static struct str skip_blanks(struct str s)
{
	size_t at = 0;

	while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t'))
		at++;
	return str_sub(s, at, s.n);
}

/* The bytes up to the first of `stops` that stands outside quotes. */
static size_t unquoted_len(struct str s, char stop_a, char stop_b)
{
	bool is_quoted = false;
	size_t at = 0;

	for (; at < s.n; at++) {
		if (is_quoted && s.p[at] == '\\' && at + 1 < s.n)
			at++;
		else if (s.p[at] == '"')
			is_quoted = !is_quoted;
		else if (!is_quoted && (s.p[at] == stop_a || s.p[at] == stop_b))
			break;
	}
	return at;
}

static struct str without_quotes(struct str s)
{
	if (s.n >= 2 && s.p[0] == '"' && s.p[s.n - 1] == '"')
		return str_sub(s, 1, s.n - 1);
	return s;
}

/* A relation is one word, or several with blanks between them. */
static bool has_word(struct str words, struct str word)
{
	struct str part;

	while (str_next(&words, ' ', &part)) {
		if (str_is_equal_nocase(str_trim(part), word))
			return true;
	}
	return false;
}

/* Takes the parameters of one link, up to the "," after it, off `*rest`. Only the first "rel"
 * counts (RFC 8288, section 3.3). */
static bool take_params_are_next(struct str *rest)
{
	bool has_rel = false;
	bool is_next = false;

	while (rest->n > 0 && rest->p[0] != ',') {
		size_t len = unquoted_len(*rest, ';', ',');
		struct str param = str_sub(*rest, 0, len);
		size_t equals = str_find_char(param, '=');
		struct str value = str_sub(param, equals + 1, param.n);

		if (!has_rel &&
		    str_is_equal_nocase(str_trim(str_sub(param, 0, equals)), S("rel"))) {
			has_rel = true;
			is_next = has_word(without_quotes(str_trim(value)), S("next"));
		}
		*rest = str_sub(*rest, len, rest->n);
		if (rest->n > 0 && rest->p[0] == ';')
			*rest = str_sub(*rest, 1, rest->n);
	}
	return is_next;
}

char *hub_parse_link_next(struct str header)
{
	struct str rest = skip_blanks(header);

	while (rest.n > 0 && rest.p[0] == '<') {
		size_t end = str_find_char(rest, '>');
		struct str target = str_sub(rest, 1, end);

		if (end == rest.n)
			return NULL;
		rest = str_sub(rest, end + 1, rest.n);
		if (take_params_are_next(&rest) && target.n > 0 &&
		    str_find_char(target, '\0') == target.n)
			return str_dup(target);
		rest = skip_blanks(str_sub(rest, 1, rest.n));
	}
	return NULL;
}

/* --- ETag and Content-Range --- */

struct str hub_parse_etag(struct str header)
{
	struct str etag = str_trim(header);

	if (str_has_prefix(etag, S("W/")))
		etag = str_sub(etag, 2, etag.n);
	return without_quotes(etag);
}

int hub_parse_content_range(struct str header, uint64_t *ret_first, uint64_t *ret_last,
			    uint64_t *ret_total)
{
	struct str range = str_trim(header);
	size_t dash;
	size_t slash;
	uint64_t first;
	uint64_t last;
	uint64_t total;

	if (!str_has_prefix_nocase(range, S("bytes ")))
		return -1;
	range = skip_blanks(str_sub(range, S("bytes ").n, range.n));
	dash = str_find_char(range, '-');
	slash = str_find_char(range, '/');
	if (dash > slash)
		return -1;
	if (str_to_u64(str_sub(range, 0, dash), 0, UINT64_MAX, &first) != 0 ||
	    str_to_u64(str_sub(range, dash + 1, slash), first, UINT64_MAX - 1, &last) != 0 ||
	    str_to_u64(str_sub(range, slash + 1, range.n), last + 1, UINT64_MAX, &total) != 0)
		return -1;
	*ret_first = first;
	*ret_last = last;
	*ret_total = total;
	return 0;
}

/* --- rate limits --- */

/* Digits only; a number past the range of the type is "very many". */
static int read_count(struct str digits, uint64_t *ret)
{
	if (str_to_u64(digits, 0, UINT64_MAX, ret) == 0)
		return 0;
	for (size_t i = 0; i < digits.n; i++) {
		if (!char_is_digit(digits.p[i]))
			return -1;
	}
	if (digits.n == 0)
		return -1;
	*ret = UINT64_MAX;
	return 0;
}

static int read_policy(struct str policy, uint64_t *ret_remaining, uint64_t *ret_reset_s)
{
	bool has_remaining = false;
	bool has_reset = false;

	while (policy.n > 0) {
		size_t len = unquoted_len(policy, ';', ';');
		struct str param = str_trim(str_sub(policy, 0, len));

		policy = str_sub(policy, len + 1, policy.n);
		if (str_has_prefix(param, S("r=")))
			has_remaining =
				read_count(str_sub(param, 2, param.n), ret_remaining) == 0;
		else if (str_has_prefix(param, S("t=")))
			has_reset = read_count(str_sub(param, 2, param.n), ret_reset_s) == 0;
	}
	return has_remaining && has_reset ? 0 : -1;
}

int hub_parse_ratelimit(struct str header, uint64_t *ret_remaining, uint64_t *ret_reset_s)
{
	int result = -1;

	while (header.n > 0) {
		size_t len = unquoted_len(header, ',', ',');
		uint64_t remaining = 0;
		uint64_t reset_s = 0;

		if (read_policy(str_sub(header, 0, len), &remaining, &reset_s) == 0 &&
		    (result != 0 || remaining < *ret_remaining)) {
			*ret_remaining = remaining;
			*ret_reset_s = reset_s < HUB_RETRY_AFTER_MAX_S ? reset_s
								       : HUB_RETRY_AFTER_MAX_S;
			result = 0;
		}
		header = str_sub(header, len + 1, header.n);
	}
	return result;
}

/* --- dates --- */

static int read_month(struct str name, int *ret)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";

	for (size_t month = 0; month < 12; month++) {
		if (str_is_equal_nocase(name, (struct str){ names + 3 * month, 3 })) {
			*ret = (int)month;
			return 0;
		}
	}
	return -1;
}

/* Cuts at blanks, commas, dashes and colons. All three forms of RFC 9110, section 5.6.7, become
 * seven or eight words then. */
static size_t cut_date(struct str date, struct str words[8])
{
	size_t n = 0;
	size_t from = 0;

	for (size_t at = 0; at <= date.n; at++) {
		bool is_end = at == date.n || date.p[at] == ' ' || date.p[at] == ',' ||
			      date.p[at] == '-' || date.p[at] == ':';

		if (is_end && at > from) {
			if (n == 8)
				return 0;
			words[n++] = str_sub(date, from, at);
		}
		if (is_end)
			from = at + 1;
	}
	return n;
}

static int read_number(struct str digits, uint64_t min, uint64_t max, int *ret)
{
	uint64_t value;

	if (str_to_u64(digits, min, max, &value) != 0)
		return -1;
	*ret = (int)value;
	return 0;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37
 * 1994": the last one has the month before the day, the year at the end, and no zone. */
int hub_parse_date(struct str header, uint64_t *ret_s)
{
	struct str words[8];
	size_t n = cut_date(str_trim(header), words);
	bool is_asctime = n == 7 && char_is_alpha(words[1].p[0]);
	struct tm utc = { .tm_isdst = 0 };
	int year;
	time_t at;

	if (!is_asctime && (n != 8 || !str_is_equal(words[7], S("GMT"))))
		return -1;
	if (read_number(words[is_asctime ? 2 : 1], 1, 31, &utc.tm_mday) != 0 ||
	    read_month(words[is_asctime ? 1 : 2], &utc.tm_mon) != 0 ||
	    read_number(words[is_asctime ? 6 : 3], 0, 9999, &year) != 0 ||
	    read_number(words[is_asctime ? 3 : 4], 0, 23, &utc.tm_hour) != 0 ||
	    read_number(words[is_asctime ? 4 : 5], 0, 59, &utc.tm_min) != 0 ||
	    read_number(words[is_asctime ? 5 : 6], 0, 60, &utc.tm_sec) != 0)
		return -1;
	if (year < 100)
		year += year < 70 ? 2000 : 1900;
	utc.tm_year = year - 1900;
	at = timegm(&utc);
	if (at < 0)
		return -1;
	*ret_s = (uint64_t)at;
	return 0;
}

int hub_parse_retry_after(struct str header, uint64_t now_s, uint64_t *ret_s)
{
	struct str value = str_trim(header);
	uint64_t wait_s;

	if (read_count(value, &wait_s) != 0) {
		uint64_t at_s;

		if (hub_parse_date(value, &at_s) != 0)
			return -1;
		wait_s = at_s > now_s ? at_s - now_s : 0;
	}
	*ret_s = wait_s < HUB_RETRY_AFTER_MAX_S ? wait_s : HUB_RETRY_AFTER_MAX_S;
	return 0;
}
