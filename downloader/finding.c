#include "downloader/finding.h"

#include <stdlib.h>
#include <string.h>

#include "common/quote.h"

enum {
	CLOCK_MAX_S = 5 * 60, /* what is signed for a few minutes is not refused yet */
};

static const char *const check_names[] = {
#define X(symbol, name) [FINDING_##symbol] = (name),
	FINDING_CHECKS(X)
#undef X
};

static const char *const state_names[] = {
	[FINDING_OK] = "ok",
	[FINDING_SKIPPED] = "skipped",
	[FINDING_WARNING] = "warning",
	[FINDING_FAILED] = "failed",
};

static_assert(ARRAY_LEN(check_names) == FINDING_CHECK_COUNT, "every check has its name");
static_assert(ARRAY_LEN(state_names) == FINDING_STATE_COUNT, "every state has its name");

const char *finding_check_name(enum finding_check check)
{
	return check_names[check];
}

const char *finding_state_name(enum finding_state state)
{
	return state_names[state];
}

void finding_clear(struct finding *finding)
{
	free(finding->host);
	free(finding->detail);
	free(finding->hint);
	*finding = (struct finding){ .check = finding->check };
}

/* Takes both. */
static void say(struct finding *finding, enum finding_state state, char *detail, char *hint)
{
	free(finding->detail);
	free(finding->hint);
	finding->state = state;
	finding->detail = detail;
	finding->hint = hint;
}

/* --- no answer --- */

static const char *what_failed(enum fetch_stage stage)
{
	static const char *const words[] = {
		[FETCH_AT_PROXY_NAME] = "the proxy's name is not known",
		[FETCH_AT_NAME] = "this server does not find its address",
		[FETCH_AT_CONNECT] = "no connection can be made",
		[FETCH_AT_TUNNEL] = "the proxy does not let us through",
		[FETCH_AT_TLS] = "no secure connection can be made",
		[FETCH_AT_CERTIFICATE] = "its certificate is not believed",
		[FETCH_AT_ANSWER] = "it was connected to, but no whole answer came",
	};

	static_assert(ARRAY_LEN(words) == FETCH_STAGE_COUNT, "every stage has its words");
	return words[stage];
}

static char *hint_at_connect(const struct finding_case *at)
{
	if (at->error->code == ERR_HUB_PROTOCOL)
		return mem_printf("a filter or a captive portal that answers for every name "
				  "looks like this: see what `getent hosts %s` says",
				  at->host);
	if (at->proxy != NULL)
		return mem_printf("is the proxy up that %s names, and is this server allowed "
				  "to use it?",
				  at->proxy);
	return mem_printf("have connections to %s allowed in the firewall, and see whether "
			  "this server's own network is up",
			  at->host);
}

static char *hint_at_tunnel(const struct finding_case *at)
{
	const char *variable = at->proxy != NULL ? at->proxy : "HTTPS_PROXY";

	if (at->trace->tunnel_status == 407)
		return mem_printf("put the proxy's name and password into %s: "
				  "http://NAME:PASSWORD@HOST:PORT, special characters as %%XX",
				  variable);
	return mem_printf("have %s allowed at the proxy, or name it in NO_PROXY if it can be "
			  "reached without",
			  at->host);
}

static char *hint_of(const struct finding_case *at)
{
	switch (at->trace->stage) {
	case FETCH_AT_PROXY_NAME:
		return mem_printf("correct %s, and restart larderd",
				  at->proxy != NULL ? at->proxy : "the proxy's variable");
	case FETCH_AT_NAME:
		return mem_printf("try `getent hosts %s` on the server: when that finds "
				  "nothing, its name resolution (/etc/resolv.conf) is at "
				  "fault; behind a proxy set HTTPS_PROXY, for a mirror "
				  "HF_ENDPOINT",
				  at->host);
	case FETCH_AT_CONNECT:
		return hint_at_connect(at);
	case FETCH_AT_TUNNEL:
		return hint_at_tunnel(at);
	case FETCH_AT_CERTIFICATE:
		return mem_strdup(
			"see whether this server's clock is right and ca-certificates "
			"installed; where a company opens secure connections, put its "
			"certificate into /usr/local/share/ca-certificates, run "
			"update-ca-certificates, and restart larderd");
	case FETCH_AT_TLS:
		return mem_strdup("something between may cut it off: a firewall that looks "
				  "into connections, or a port that is not https");
	case FETCH_AT_ANSWER:
		return mem_strdup("try again in a minute; when it stays so, something between "
				  "swallows answers (a firewall, a wrong MTU of a VPN)");
	case FETCH_STAGE_COUNT:
		break;
	}
	return NULL;
}

static void say_no_answer(struct finding *finding, const struct finding_case *at)
{
	say(finding, FINDING_FAILED,
	    mem_printf("%s: %s", what_failed(at->trace->stage), at->error->text), hint_of(at));
}

/* --- an answer --- */

static bool is_page(const struct finding_case *at)
{
	return at->wants_json && at->status / 100 == 2 &&
	       str_find_nocase(at->content_type, S("html")) < at->content_type.n;
}

static bool judge_status(struct finding *finding, const struct finding_case *at)
{
	if (at->status == 407) {
		say(finding, FINDING_FAILED,
		    mem_strdup("the proxy wants a name and a password (status 407)"),
		    mem_printf("put them into %s: http://NAME:PASSWORD@HOST:PORT, "
			       "special characters as %%XX",
			       at->proxy != NULL ? at->proxy : "http_proxy"));
		return false;
	}
	if (at->status == 429) {
		say(finding, FINDING_WARNING,
		    mem_strdup("it asks us to slow down (status 429)"),
		    mem_strdup("downloads go on by themselves; a token raises the limits"));
		return false;
	}
	if (at->status >= 500) {
		say(finding, FINDING_FAILED,
		    mem_printf("it has trouble of its own (status %ld)", at->status),
		    mem_strdup("there is nothing to do here but wait: downloads go on by "
			       "themselves"));
		return false;
	}
	if (is_page(at)) {
		say(finding, FINDING_FAILED,
		    mem_printf("it answered with a page for people (status %ld)", at->status),
		    mem_strdup("a network that wants somebody to sign in first looks like "
			       "this; or HF_ENDPOINT does not name a Hub"));
		return false;
	}
	return true;
}

bool finding_judge(struct finding *finding, const struct finding_case *at)
{
	free(finding->host);
	finding->host = mem_strdup(at->host);
	memcpy(finding->address, at->trace->address, sizeof(finding->address));
	finding->has_time = at->error->code == ERR_NONE;
	finding->ms = at->trace->total_ms;
	if (at->error->code == ERR_NONE)
		return judge_status(finding, at);
	say_no_answer(finding, at);
	return false;
}

/* --- the clocks --- */

void finding_judge_clock(struct finding *finding, int64_t ahead_s)
{
	uint64_t apart_s = ahead_s < 0 ? (uint64_t)-ahead_s : (uint64_t)ahead_s;

	if (apart_s <= CLOCK_MAX_S) {
		say(finding, FINDING_OK, mem_strdup("this server's agrees with the Hub's"),
		    NULL);
		return;
	}
	say(finding, FINDING_WARNING,
	    mem_printf("this server's is %llu min %s", (unsigned long long)(apart_s / 60),
		       ahead_s < 0 ? "fast" : "slow"),
	    mem_strdup("set it, best by NTP (timedatectl set-ntp true): signed addresses and "
		       "certificates are only good for a time"));
}

/* --- a proxy's address --- */

char *finding_proxy_name(struct str address)
{
	size_t scheme = str_find(address, S("://"));
	struct str rest =
		scheme < address.n ? str_sub(address, scheme + 3, address.n) : address;
	size_t at = str_rfind_char(rest, '@');

	/* A password may have a slash in it, though it should not. */
	if (at < rest.n)
		rest = str_sub(rest, at + 1, rest.n);
	rest = str_sub(rest, 0, str_find_char(rest, '/'));
	return mem_strdup(quote_plain(rest).text);
}
