/*
 * Whose a token is, as the Hub says it (HUB-API 7, whoami-v2).
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_HUB_PARSE_ACCOUNT_H
#define DOWNLOADER_HUB_PARSE_ACCOUNT_H

#include "common/ids.h"

struct error;

enum {
	HUB_ROLE_MAX = 32,
};

struct hub_account {
	char name[REPO_PART_MAX + 1];
	char role[HUB_ROLE_MAX + 1]; /* of the token: "read", "write", "fineGrained", or "" */
};

/* 0, or -1 with ERR_HUB_PROTOCOL when it names nobody. */
int hub_parse_account(struct str body, struct hub_account *ret, struct error *err) MUST_USE;

#endif
