/*
 * The connection doctor: goes the way that a download goes, one step after the other, and says
 * of each host what it found. The endpoint's API is asked who we are, which shows the proxy,
 * the name's resolution, the connection, the certificate, the clock and the token at once; then
 * a repository is listed, and the first bytes of its largest file are asked for, redirect by
 * redirect, up to the storage at the end of the chain.
 *
 * All of it goes through fetch and hub, as downloads do: what is found here holds there. Where
 * a step fails, what lies behind it is not tried.
 *
 * Belongs to the loop's thread.
 */
#ifndef DOWNLOADER_DOCTOR_H
#define DOWNLOADER_DOCTOR_H

#include "common/ids.h"
#include "downloader/finding.h"

struct hub;
struct hub_search;

enum {
	DOCTOR_TIMEOUT_MS = 10 * 1000,  /* of one request: who asks is waiting */
	DOCTOR_DEADLINE_MS = 45 * 1000, /* of all: larder-fcgi waits for RPC_TIMEOUT_MS */
	DOCTOR_BYTES = 64 * 1024,       /* that are asked for of the file */
	DOCTOR_FINDINGS_MAX = 24,       /* HUB_HOPS_MAX redirects, and all else */
};

/* The repository to try with; all borrowed. */
struct doctor_case {
	enum repo_type type;
	const char *repo; /* NULL: what is trending at the Hub */
	const char *revision;
};

struct doctor_report {
	struct finding findings[DOCTOR_FINDINGS_MAX];
	size_t n;
	char *repo; /* that was tried with, or NULL: it did not come to that */
	char *path; /* the file, likewise */
};

/* `done` is called once, never before this returns; the report is borrowed for the call. */
typedef void (*doctor_done_fn)(void *ctx, const struct doctor_report *report);
void doctor_examine(struct hub *hub, struct hub_search *search, const struct doctor_case *on,
		    doctor_done_fn done, void *ctx);

#endif
