/*
 * What the Hub says of one repository (HUB-API 2): what a search says, its commit, and what the
 * Hub's own scanners think of its files.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_HUB_PARSE_MODEL_H
#define DOWNLOADER_HUB_PARSE_MODEL_H

#include "common/relpath.h"
#include "downloader/hub_parse_search.h"

struct error;

enum {
	HUB_ISSUES_MAX = 50, /* files that are told; more are counted */
	HUB_LEVEL_MAX = 16,  /* bytes of a level's name, with the end */
};

/* A file in which a scanner saw something. */
struct hub_issue {
	char path[RELPATH_MAX + 1]; /* cleaned for reading, not to be opened */
	char level[HUB_LEVEL_MAX];  /* the Hub's word: "unsafe", "suspicious", "caution", ... */
};

struct hub_facts {
	struct hub_row row;
	char commit[COMMIT_LEN + 1]; /* or "" */
	bool has_scan;               /* the Hub told of its scanners */
	bool is_scanned;             /* they are done */
	size_t n_issues;             /* all of them */
	struct hub_issue issues[HUB_ISSUES_MAX];
};

/* The reply of /api/models/{repo}?securityStatus=true, and of a dataset's likewise: 0, or -1
 * with ERR_HUB_PROTOCOL when it names no repository. */
int hub_parse_model(struct str body, struct hub_facts *ret, struct error *err) MUST_USE;

#endif
