/*
 * One parser takes a URL apart, strictly: scheme "://" [userinfo "@"] host [":" port], then
 * path, query, fragment. The host may hold only what no client reads in two ways: letters,
 * digits,
 * "-", "_", ".", or an address in brackets. So what this file takes for the origin is what curl
 * connects to, and the token's safety rests on a comparison of plain text.
 */
#include "downloader/hub_url.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/buf.h"
#include "common/error.h"
#include "common/quote.h"

enum {
	ENDPOINT_MAX = 2048, /* leaves room for the longest repository, revision and path */
	HOST_MAX = 253,
};

struct url {
	bool is_https;
	bool has_userinfo;
	struct str host;
	unsigned port; /* the scheme's own when the URL names none */
	struct str path;
	struct str query; /* with its "?", or empty */
};

/* --- taking apart --- */

static size_t find_any(struct str s, const char *stops)
{
	size_t at = 0;

	while (at < s.n && (s.p[at] == '\0' || strchr(stops, s.p[at]) == NULL))
		at++;
	return at;
}

/* Control characters, spaces and backslashes: each has misled some parser about where the host
 * ends. */
static bool has_forbidden_char(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c <= 0x20 || c == 0x7f || c == '\\')
			return true;
	}
	return false;
}

static bool is_address_char(char c)
{
	return char_is_digit(c) || (char_lower(c) >= 'a' && char_lower(c) <= 'f') || c == ':' ||
	       c == '.';
}

static bool is_name_char(char c)
{
	return char_is_alnum(c) || c == '-' || c == '.' || c == '_';
}

static bool is_host(struct str host)
{
	bool has_brackets = host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']';
	struct str inner = has_brackets ? str_sub(host, 1, host.n - 1) : host;

	if (inner.n == 0 || host.n > HOST_MAX)
		return false;
	for (size_t i = 0; i < inner.n; i++) {
		if (has_brackets ? !is_address_char(inner.p[i]) : !is_name_char(inner.p[i]))
			return false;
	}
	return true;
}

static int split_authority(struct str authority, struct url *url)
{
	size_t at = str_rfind_char(authority, '@');
	size_t bracket;
	size_t colon;
	uint64_t port = url->is_https ? 443 : 80;

	url->has_userinfo = at < authority.n;
	if (url->has_userinfo)
		authority = str_sub(authority, at + 1, authority.n);
	bracket = str_rfind_char(authority, ']');
	colon = str_rfind_char(authority, ':');
	if (bracket < authority.n && colon < bracket)
		colon = authority.n;
	/* "host:" is allowed by RFC 3986 and means the scheme's own port. */
	if (colon + 1 < authority.n &&
	    str_to_u64(str_sub(authority, colon + 1, authority.n), 1, 65535, &port) != 0)
		return -1;
	url->host = str_sub(authority, 0, colon);
	url->port = (unsigned)port;
	return is_host(url->host) ? 0 : -1;
}

static int split(struct str text, struct url *ret)
{
	struct url url = { .is_https = false };
	size_t end;

	if (text.n > HUB_URL_MAX || has_forbidden_char(text))
		return -1;
	url.is_https = str_has_prefix_nocase(text, S("https://"));
	if (!url.is_https && !str_has_prefix_nocase(text, S("http://")))
		return -1;
	text = str_sub(text, url.is_https ? 8 : 7, str_find_char(text, '#'));
	end = find_any(text, "/?");
	if (split_authority(str_sub(text, 0, end), &url) != 0)
		return -1;
	text = str_sub(text, end, text.n);
	end = str_find_char(text, '?');
	url.path = str_sub(text, 0, end);
	url.query = str_sub(text, end, text.n);
	*ret = url;
	return 0;
}

static void add_authority(struct buf *b, const struct url *url)
{
	for (size_t i = 0; i < url->host.n; i++)
		buf_add_char(b, char_lower(url->host.p[i]));
	if (url->port != (url->is_https ? 443 : 80))
		buf_addf(b, ":%u", url->port);
}

static void add_origin(struct buf *b, const struct url *url)
{
	buf_add(b, url->is_https ? S("https://") : S("http://"));
	add_authority(b, url);
}

/* --- the endpoint --- */

static bool has_dot_segment(struct str path)
{
	struct str segment;

	while (str_next(&path, '/', &segment)) {
		if (str_is_equal(segment, S(".")) || str_is_equal(segment, S("..")))
			return true;
	}
	return false;
}

static int refuse_endpoint(struct str text, const char *why, struct error *err)
{
	return error_set_field(err, "endpoint", "the Hub's address %s %s",
			       quote_text(text).text, why);
}

/* The text may hold a password before "@": such an address is not quoted. */
static int check_endpoint(struct str text, struct url *url, struct error *err)
{
	if (text.n > ENDPOINT_MAX)
		return refuse_endpoint(S("..."), "is too long", err);
	if (str_find_char(text, '@') < text.n)
		return refuse_endpoint(S("..."), "must not hold a name or password", err);
	if (split(text, url) != 0)
		return refuse_endpoint(text, "is not http:// or https:// and a host", err);
	if (url->query.n > 0 || str_find_char(text, '#') < text.n)
		return refuse_endpoint(text, "must not have a query or fragment", err);
	if (has_dot_segment(url->path))
		return refuse_endpoint(text, "must not hold \"/./\" or \"/../\"", err);
	return 0;
}

char *hub_url_endpoint(struct str text, struct error *err)
{
	AUTO(buf) b = buf_new(ENDPOINT_MAX + sizeof("https://:65535"));
	struct url url = { .is_https = false };

	if (check_endpoint(text, &url, err) != 0)
		return NULL;
	while (str_has_suffix(url.path, S("/")))
		url.path = str_sub(url.path, 0, url.path.n - 1);
	add_origin(b, &url);
	buf_add(b, url.path);
	return buf_take(b);
}

/* --- building --- */

/* What goes in was checked (endpoint, repository, revision, path), so the result fits. */
static char *finish(struct buf *b)
{
	assert(!buf_is_overflown(b));
	return buf_take(b);
}

static void add_repo(struct buf *b, const char *endpoint, const char *prefix, const char *repo)
{
	buf_add(b, str_from(endpoint));
	buf_add(b, str_from(prefix));
	buf_add_percent(b, str_from(repo), "/");
}

static const char *api_prefix(enum repo_type type)
{
	static const char *const prefixes[] = {
		[REPO_MODEL] = "/api/models/",
		[REPO_DATASET] = "/api/datasets/",
	};

	static_assert(ARRAY_LEN(prefixes) == REPO_TYPE_COUNT, "every type has a prefix");
	assert(type < REPO_TYPE_COUNT);
	return prefixes[type];
}

static const char *page_prefix(enum repo_type type)
{
	static const char *const prefixes[] = {
		[REPO_MODEL] = "/",
		[REPO_DATASET] = "/datasets/",
	};

	static_assert(ARRAY_LEN(prefixes) == REPO_TYPE_COUNT, "every type has a prefix");
	assert(type < REPO_TYPE_COUNT);
	return prefixes[type];
}

char *hub_url_revision(const char *endpoint, enum repo_type type, const char *repo,
		       const char *revision)
{
	AUTO(buf) b = buf_new(HUB_URL_MAX);

	add_repo(b, endpoint, api_prefix(type), repo);
	buf_add(b, S("/revision/"));
	buf_add_percent(b, str_from(revision), "");
	return finish(b);
}

char *hub_url_tree(const char *endpoint, enum repo_type type, const char *repo,
		   const char *revision)
{
	AUTO(buf) b = buf_new(HUB_URL_MAX);

	add_repo(b, endpoint, api_prefix(type), repo);
	buf_add(b, S("/tree/"));
	buf_add_percent(b, str_from(revision), "");
	buf_add(b, S("?recursive=true&expand=false&limit=1000"));
	return finish(b);
}

char *hub_url_facts(const char *endpoint, enum repo_type type, const char *repo)
{
	AUTO(buf) b = buf_new(HUB_URL_MAX);

	add_repo(b, endpoint, api_prefix(type), repo);
	buf_add(b, S("?securityStatus=true"));
	return finish(b);
}

char *hub_url_search(const char *endpoint, enum repo_type type,
		     const struct hub_url_param *params, size_t n)
{
	AUTO(buf) b = buf_new(HUB_URL_MAX);
	struct str prefix = str_from(api_prefix(type));

	buf_add(b, str_from(endpoint));
	buf_add(b, str_sub(prefix, 0, prefix.n - 1));
	for (size_t i = 0; i < n; i++) {
		buf_addf(b, "%c%s=", i == 0 ? '?' : '&', params[i].name);
		if (params[i].is_quoted)
			buf_add(b, params[i].value);
		else
			buf_add_percent(b, params[i].value, "");
	}
	return finish(b);
}

char *hub_url_whoami(const char *endpoint)
{
	return mem_printf("%s/api/whoami-v2", endpoint);
}

/* {endpoint}/{prefix}{repo}/{what}/{rev}/{path} */
static char *url_of_file(const char *endpoint, enum repo_type type, const char *repo,
			 const char *what, const char *revision, const char *path)
{
	AUTO(buf) b = buf_new(HUB_URL_MAX);

	add_repo(b, endpoint, page_prefix(type), repo);
	buf_addf(b, "/%s/", what);
	buf_add_percent(b, str_from(revision), "");
	buf_add_char(b, '/');
	buf_add_percent(b, str_from(path), "/");
	return finish(b);
}

char *hub_url_resolve(const char *endpoint, enum repo_type type, const char *repo,
		      const char *revision, const char *path)
{
	return url_of_file(endpoint, type, repo, "resolve", revision, path);
}

char *hub_url_blob(const char *endpoint, enum repo_type type, const char *repo,
		   const char *revision, const char *path)
{
	return url_of_file(endpoint, type, repo, "blob", revision, path);
}

char *hub_url_page(const char *endpoint, enum repo_type type, const char *repo)
{
	AUTO(buf) b = buf_new(HUB_URL_MAX);

	add_repo(b, endpoint, page_prefix(type), repo);
	return finish(b);
}

/* --- joining --- */

/* RFC 3986, section 5.2.4, for a path that begins with "/": "." segments go, ".." takes the
 * segment before it along. `out` has room for `path`, which never grows. */
static size_t remove_dot_segments(struct str path, char *out)
{
	size_t used = 0;
	struct str segment;
	struct str rest = str_sub(path, 1, path.n);

	while (str_next(&rest, '/', &segment)) {
		bool is_up = str_is_equal(segment, S(".."));
		bool is_last = rest.p == NULL;

		if (is_up)
			used = str_rfind_char((struct str){ out, used }, '/');
		if (is_up || str_is_equal(segment, S("."))) {
			if (is_last)
				out[used++] = '/';
			continue;
		}
		out[used++] = '/';
		memcpy(out + used, segment.p, segment.n);
		used += segment.n;
	}
	return used;
}

static void add_path(struct buf *b, struct str path)
{
	char *clean;
	size_t len;

	if (path.n == 0)
		return;
	clean = mem_alloc(path.n);
	len = remove_dot_segments(path, clean);
	buf_add(b, (struct str){ clean, len });
	free(clean);
}

/* "?query", "/path", "path" or nothing: merged with the path of the base (section 5.2.2). */
static void add_relative(struct buf *b, const struct url *base, struct str location)
{
	size_t end = str_find_char(location, '?');
	struct str path = str_sub(location, 0, end);
	struct str query = str_sub(location, end, location.n);
	AUTO(buf) merged = buf_new(2 * (size_t)HUB_URL_MAX);

	if (path.n == 0) {
		add_path(b, base->path);
		buf_add(b, query.n > 0 ? query : base->query);
		return;
	}
	if (path.p[0] != '/') {
		size_t slash = str_rfind_char(base->path, '/');

		buf_add(merged, str_sub(base->path, 0, slash < base->path.n ? slash : 0));
		buf_add_char(merged, '/');
	}
	buf_add(merged, path);
	add_path(b, buf_str(merged));
	buf_add(b, query);
}

/* A ":" before any "/" ends a scheme. */
static bool has_scheme(struct str location)
{
	size_t end = find_any(location, ":/?");

	return end < location.n && location.p[end] == ':';
}

/* Shows neither the query, where signatures are, nor what stands before an "@". */
static int refuse_location(struct str location, const char *why, struct error *err)
{
	struct str shown = str_sub(location, 0, find_any(location, "?#"));
	size_t at = str_rfind_char(shown, '@');

	if (at < shown.n)
		shown = str_sub(shown, at + 1, shown.n);
	return error_set(err, ERR_HUB_PROTOCOL, "the redirect to %s %s", quote_text(shown).text,
			 why);
}

/* An absolute location, or "//host/path", which takes the scheme of the base. */
static int add_absolute(struct buf *b, const struct url *base, struct str location,
			struct error *err)
{
	AUTO(buf) text = buf_new(HUB_URL_MAX);
	struct url url;

	if (str_has_prefix(location, S("//")))
		buf_add(text, base->is_https ? S("https:") : S("http:"));
	buf_add(text, location);
	if (buf_is_overflown(text) || split(buf_str(text), &url) != 0)
		return refuse_location(location, "is not to http or https and a host", err);
	if (url.has_userinfo)
		return refuse_location(location, "holds a name or password", err);
	if (base->is_https && !url.is_https)
		return refuse_location(location, "would leave https for http", err);
	add_origin(b, &url);
	add_path(b, url.path);
	buf_add(b, url.query);
	return 0;
}

char *hub_url_join(const char *base, struct str location, struct error *err)
{
	AUTO(buf) b = buf_new(HUB_URL_MAX);
	struct url from;

	if (split(str_from(base), &from) != 0 || from.has_userinfo) {
		(void)error_set(err, ERR_HUB_PROTOCOL,
				"the redirect comes from no valid address");
		return NULL;
	}
	if (location.n > HUB_URL_MAX || has_forbidden_char(location)) {
		(void)refuse_location(location, "is too long or holds a forbidden character",
				      err);
		return NULL;
	}
	location = str_sub(location, 0, str_find_char(location, '#'));
	if (has_scheme(location) || str_has_prefix(location, S("//"))) {
		if (add_absolute(b, &from, location, err) != 0)
			return NULL;
	} else {
		add_origin(b, &from);
		add_relative(b, &from, location);
	}
	if (buf_is_overflown(b)) {
		(void)refuse_location(location, "is too long", err);
		return NULL;
	}
	return buf_take(b);
}

/* --- questions --- */

bool hub_url_is_same_origin(const char *url, const char *endpoint)
{
	struct url a;
	struct url b;

	if (split(str_from(url), &a) != 0 || split(str_from(endpoint), &b) != 0)
		return false;
	return !a.has_userinfo && !b.has_userinfo && a.is_https == b.is_https &&
	       a.port == b.port && str_is_equal_nocase(a.host, b.host);
}

char *hub_url_host(const char *url)
{
	AUTO(buf) b = buf_new(HOST_MAX + sizeof(":65535"));
	struct url parts;

	if (split(str_from(url), &parts) != 0)
		return mem_strdup("");
	add_authority(b, &parts);
	return buf_take(b);
}

char *hub_url_for_log(const char *url)
{
	static const char keep[] = "/:[]@!$&'()*+,;=%";
	AUTO(buf) b = buf_new(3 * (size_t)HUB_URL_MAX);
	struct str text = str_from(url);
	struct str rest;
	size_t start;
	size_t at;

	text = str_sub(text, 0, find_any(text, "?#"));
	text = str_sub(text, 0, HUB_URL_MAX);
	start = str_find(text, S("://"));
	start = start < text.n ? start + 3 : 0;
	rest = str_sub(text, start, text.n);
	at = str_rfind_char(str_sub(rest, 0, find_any(rest, "/\\")), '@');
	if (at < find_any(rest, "/\\"))
		rest = str_sub(rest, at + 1, rest.n);
	buf_add_percent(b, str_sub(text, 0, start), keep);
	buf_add_percent(b, rest, keep);
	return buf_take(b);
}

/* --- parameters --- */

static bool find_param(struct str query, struct str name, struct str *ret)
{
	struct str rest = str_sub(query, 1, query.n);
	struct str param;

	while (str_next(&rest, '&', &param)) {
		size_t equals = str_find_char(param, '=');

		if (equals < param.n && str_is_equal(str_sub(param, 0, equals), name)) {
			*ret = str_sub(param, equals + 1, param.n);
			return true;
		}
	}
	return false;
}

static struct str query_of(const char *url)
{
	struct str text = str_from(url);

	text = str_sub(text, 0, str_find_char(text, '#'));
	return str_sub(text, str_find_char(text, '?'), text.n);
}

struct str hub_url_quoted(const char *url, struct str name)
{
	struct str value = { .n = 0 };

	(void)find_param(query_of(url), name, &value);
	return value;
}

/* --- expiry --- */

static int read_field(struct str date, size_t at, size_t len, uint64_t min, uint64_t max,
		      int *ret)
{
	uint64_t value;

	if (str_to_u64(str_sub(date, at, at + len), min, max, &value) != 0)
		return -1;
	*ret = (int)value;
	return 0;
}

/* "20260304T050607Z" as unix time, or 0. */
static uint64_t time_of_basic_date(struct str date)
{
	struct tm utc = { .tm_isdst = 0 };
	time_t at;

	if (date.n != 16 || date.p[8] != 'T' || date.p[15] != 'Z')
		return 0;
	if (read_field(date, 0, 4, 1970, 9999, &utc.tm_year) != 0 ||
	    read_field(date, 4, 2, 1, 12, &utc.tm_mon) != 0 ||
	    read_field(date, 6, 2, 1, 31, &utc.tm_mday) != 0 ||
	    read_field(date, 9, 2, 0, 23, &utc.tm_hour) != 0 ||
	    read_field(date, 11, 2, 0, 59, &utc.tm_min) != 0 ||
	    read_field(date, 13, 2, 0, 60, &utc.tm_sec) != 0)
		return 0;
	utc.tm_year -= 1900;
	utc.tm_mon -= 1;
	at = timegm(&utc);
	return at > 0 ? (uint64_t)at : 0;
}

uint64_t hub_url_expires(const char *url)
{
	struct str query = query_of(url);
	struct str date;
	struct str value;
	uint64_t expires = 0;
	uint64_t start;

	if (find_param(query, S("Expires"), &value) &&
	    str_to_u64(value, 1, INT64_MAX, &expires) == 0)
		return expires;
	if (!find_param(query, S("X-Amz-Date"), &date) ||
	    !find_param(query, S("X-Amz-Expires"), &value) ||
	    str_to_u64(value, 0, UINT32_MAX, &expires) != 0)
		return 0;
	start = time_of_basic_date(date);
	return start > 0 ? start + expires : 0;
}
