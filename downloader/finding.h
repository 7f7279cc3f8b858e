/*
 * What the doctor (doctor.h) found at one point of the way to the Hub, in words: what is so,
 * and where a person can do something about it, what. The sentences of a connection that failed
 * are chosen by the stage it failed in and by the answer's status.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_FINDING_H
#define DOWNLOADER_FINDING_H

#include "common/error.h"
#include "downloader/fetch_trace.h"

/* X(symbol, name): what is looked at, in the order of looking. */
#define FINDING_CHECKS(X)                                                            \
	X(DISK, "disk")         /* the models directory: can be written, has room */ \
	X(DATABASE, "database") /* the state directory */                            \
	X(SETTINGS, "settings") /* whether downloads are held or slowed by choice */ \
	X(PROXY, "proxy")       /* a variable sends everything through one */        \
	X(HUB, "hub")           /* the endpoint's API answers */                     \
	X(CLOCK, "clock")       /* ours and the Hub's agree */                       \
	X(TOKEN, "token")       /* the Hub knows it */                               \
	X(MODEL, "model")       /* a repository can be listed */                     \
	X(REDIRECT, "redirect") /* a host that leads on to another */                \
	X(STORAGE, "storage")   /* the last host of the chain gives the bytes asked for */

enum finding_check {
#define X(symbol, name) FINDING_##symbol,
	FINDING_CHECKS(X)
#undef X
	FINDING_CHECK_COUNT,
};
const char *finding_check_name(enum finding_check check);

enum finding_state {
	FINDING_OK,
	FINDING_SKIPPED, /* was not looked at: the detail says why */
	FINDING_WARNING, /* nothing is broken, but something holds downloads up, or may */
	FINDING_FAILED,
	FINDING_STATE_COUNT,
};
/* "ok", "skipped", "warning", "failed" */
const char *finding_state_name(enum finding_state state);

struct finding {
	enum finding_check check;
	enum finding_state state;
	char *host; /* that was asked, "name" or "name:port"; may be NULL */
	char address[FETCH_ADDRESS_MAX]; /* that was connected to, or "" */
	bool has_time;
	uint64_t ms;  /* that the request took */
	char *detail; /* what is so, a sentence as in common/error.h */
	char *hint;   /* what to do, or NULL */
};
/* Frees what it holds. */
void finding_clear(struct finding *finding);

/* One request's end. All is borrowed. */
struct finding_case {
	const char *host;
	const char *proxy; /* the variable that names a proxy for it, or NULL */
	const struct fetch_trace *trace;
	const struct error *error; /* ERR_NONE: an answer came */
	long status;
	struct str content_type;
	bool wants_json;
};

/* Fills host, address, time, and, when what came is of no use to anybody whatever was asked (no
 * answer; 407, 429, 5xx; a page in the place of JSON), state, detail and hint. True when it is
 * of use: the caller says more. */
bool finding_judge(struct finding *finding, const struct finding_case *at);

/* The clocks: the Hub's is `ahead_s` seconds before ours. */
void finding_judge_clock(struct finding *finding, int64_t ahead_s);

/* What is left of a proxy's address for people: no name, no password, no scheme. To free. */
char *finding_proxy_name(struct str address);

#endif
