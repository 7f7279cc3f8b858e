/*
 * The rows of a search at the Hub (HUB-API 7). People write what stands here: every member may
 * be absent or of another kind, names are checked, words are cut and cleaned.
 *
 * Pure. Any thread.
 */
#ifndef DOWNLOADER_HUB_PARSE_SEARCH_H
#define DOWNLOADER_HUB_PARSE_SEARCH_H

#include "common/ids.h"

struct error;

enum {
	HUB_ROWS_MAX = 100, /* of one page; more are not looked at */
	HUB_WORD_MAX = 64,  /* bytes of a task's, library's or licence's name */
	HUB_TIME_LEN = 20,  /* 2026-03-04T05:06:07Z */
};

/* What the files are, as far as the Hub tells by tags. */
enum hub_format {
	HUB_GGUF,
	HUB_SAFETENSORS,
	HUB_ONNX,
	HUB_MLX,
	HUB_FORMAT_COUNT,
};
/* "gguf", ...: the Hub's own tag. */
const char *hub_format_name(enum hub_format format);

struct hub_row {
	char repo[REPO_ID_MAX + 1];
	char gated[8]; /* as in struct hub_info */
	char task[HUB_WORD_MAX + 1];
	char library[HUB_WORD_MAX + 1];
	char licence[HUB_WORD_MAX + 1];
	char architecture[HUB_WORD_MAX + 1];
	char base_model[REPO_ID_MAX + 1];
	char modified_at[HUB_TIME_LEN + 1]; /* RFC 3339, whole seconds; or "" */
	uint64_t downloads;                 /* in the last thirty days */
	uint64_t likes;
	uint64_t parameters;     /* 0: not told */
	uint64_t context_length; /* tokens; 0: not told */
	bool has_format[HUB_FORMAT_COUNT];
	bool is_private;
};

/* The rows of one page: *ret_rows is to free, *ret_n at most HUB_ROWS_MAX. Entries without a
 * valid name are left out. -1 with ERR_HUB_PROTOCOL for what is no list. */
int hub_parse_search(struct str body, struct hub_row **ret_rows, size_t *ret_n,
		     struct error *err) MUST_USE;

#endif
